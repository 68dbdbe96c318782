// For the unit tests of mock/: requests as JSON text, and the endpoint asked without a
// socket. Only tests include this.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include <perdure/json.h>

#include "mock/endpoint.h"
#include "mock/script.h"
#include "tests/support/json.h"

namespace perdure::mock {

inline constexpr std::string_view kHello = R"({"role":"user","content":"hello"})";

/// A request of kimi-k2.6; `fields` are more top-level members, each with a comma behind it.
inline std::string chat_of(std::string_view messages, std::string_view fields = "",
                           std::string_view model = "kimi-k2.6") {
  return R"({"model":")" + std::string(model) + R"(",)" + std::string(fields) + R"("messages":[)" +
         std::string(messages) + "]}";
}

/// A script that must be good; a mistake in it ends the test program.
inline MockScript script_of(std::string_view toml) {
  return parse_mock_script(toml, "test.toml").value();
}

/// An answer taken apart; only for plans that send a whole answer.
struct Answer {
  int status = 0;
  std::string head;
  std::string body;  ///< As it is framed.

  Json json() const { return test::parse_json(body); }
  /// The message, or the type, of an answer that is an error.
  std::string message() const { return error_field("message"); }
  std::string type() const { return error_field("type"); }

 private:
  std::string error_field(const char* name) const {
    const Json value = json();
    if (!value.is_object() || !value.contains("error")) return {};
    return value["error"].value(name, "");
  }
};

inline std::string bytes_of(const ResponsePlan& plan) {
  std::string bytes;
  for (const PlanStep& step : plan.steps) bytes += step.bytes;
  return bytes;
}

inline ResponsePlan plan_for(Endpoint& endpoint, std::string_view body) {
  return endpoint.answer(
      {.method = "POST", .path = "/v1/chat/completions", .body = std::string(body)});
}

inline Answer answer_of(const ResponsePlan& plan) {
  const std::string bytes = bytes_of(plan);
  const std::size_t end = bytes.find("\r\n\r\n");
  if (end == std::string::npos) return {};
  return {.status = std::stoi(bytes.substr(9)),
          .head = bytes.substr(0, end + 2),
          .body = bytes.substr(end + 4)};
}

inline Answer ask(Endpoint& endpoint, std::string_view body) {
  return answer_of(plan_for(endpoint, body));
}

/// One rule: a request, and how it is answered.
struct RuleCase {
  std::string name;
  std::string body;
  std::string message;  ///< In the message of the 400; empty: the request is accepted.
};

/// Asks a fresh endpoint for each case, whose script goes on forever. Gives one line for each case
/// that is not answered as it says; `head` are top-level keys of the script.
template <class Cases>
std::string wrong_answers(const Cases& cases, std::string_view head = "") {
  const std::string script =
      std::string(head) + "check_prefix = false\n[[reply]]\nrepeat = 100\ntext = 'ok'\n";
  std::string wrong;
  for (const RuleCase& rule : cases) {
    Endpoint endpoint(script_of(script), {});
    const Answer answer = ask(endpoint, rule.body);
    const bool refused = answer.status == 400 && answer.type() == "invalid_request_error" &&
                         endpoint.statistics().refused == 1 &&
                         answer.message().find(rule.message) != std::string::npos;
    if (rule.message.empty() ? answer.status == 200 : refused) continue;
    wrong += rule.name + ": wanted '" + rule.message + "', got " + std::to_string(answer.status) +
             " '" + answer.message() + "'\n";
  }
  return wrong;
}

}  // namespace perdure::mock
