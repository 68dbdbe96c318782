#include "mock/formulas.h"

#include <array>

#include <fmt/format.h>

#include "base/base64.h"
#include "json/reader.h"
#include "json/writer.h"

namespace perdure::mock {
namespace {

constexpr std::string_view kFormulas = "/formulas/";
constexpr std::string_view kTools = "/tools";
constexpr std::string_view kFibers = "/fibers";

struct Formula {
  std::string_view uri;
  std::string_view function;
  std::string_view argument;
  bool encrypted = false;
};

constexpr std::array kKnown = {
    Formula{.uri = "moonshot/web-search:latest",
            .function = "web_search",
            .argument = "query",
            .encrypted = true},
    Formula{.uri = "moonshot/base64:latest", .function = "base64_encode", .argument = "data"},
};

std::string declaration_of(const Formula& formula) {
  return fmt::format(
      R"({{"object":"list","tools":[{{"type":"function","function":{{"name":"{}","description":)"
      R"("A tool of the host.","parameters":{{"type":"object","properties":{{"{}":{{"type":)"
      R"("string"}}}},"required":["{}"]}}}}}}]}})",
      formula.function, formula.argument, formula.argument);
}

// "fail" as the argument fails, to see what a client makes of it.
std::optional<Refusal> run_fiber(const Formula& formula, std::string_view body,
                                 std::string& answer) {
  json::Reader reader;
  json::Reader inner;
  const Result<json::Value> request = reader.parse(body);
  if (!request.ok() || request->get("name").string_or("") != formula.function) {
    return invalid_request(fmt::format("name must be {}", formula.function));
  }
  const Result<json::Value> arguments = inner.parse(request->get("arguments").string_or(""));
  const bool has_argument = arguments.ok() && arguments->get(formula.argument).is_string();
  if (!has_argument) {
    return invalid_request(
        fmt::format("arguments must be the text of an object with {}", formula.argument));
  }
  const std::string_view argument = arguments->get(formula.argument).string_or("");
  const bool fails = argument == "fail";
  json::Writer writer(answer);
  writer.begin_object().key("id").string("fiber-1").key("object").string("fiber");
  writer.key("status").string(fails ? "failed" : "succeeded").key("context").begin_object();
  if (fails) {
    writer.key("error").string("the engine is not there");
  } else if (formula.encrypted) {
    writer.key("encrypted_output")
        .string("----MOONSHOT ENCRYPTED BEGIN----" + to_base64(argument) +
                "----MOONSHOT ENCRYPTED END----");
  } else {
    writer.key("output").string(to_base64(argument));
  }
  writer.end_object().key("formula").string(formula.uri).end_object();
  return std::nullopt;
}

}  // namespace

bool is_formula_path(std::string_view resource) {
  return resource.starts_with(kFormulas) &&
         (resource.ends_with(kTools) || resource.ends_with(kFibers));
}

std::optional<Refusal> answer_formula(std::string_view resource, const ReceivedRequest& request,
                                      std::string& answer) {
  const bool is_fiber = resource.ends_with(kFibers);
  const std::size_t end = resource.size() - (is_fiber ? kFibers.size() : kTools.size());
  const std::string_view uri = resource.substr(kFormulas.size(), end - kFormulas.size());
  for (const Formula& formula : kKnown) {
    if (formula.uri != uri) continue;
    if (is_fiber) return run_fiber(formula, request.body, answer);
    answer = declaration_of(formula);
    return std::nullopt;
  }
  return Refusal{.status = 404,
                 .type = "resource_not_found_error",
                 .message = fmt::format("Not found the formula {}", in_quotes(uri))};
}

}  // namespace perdure::mock
