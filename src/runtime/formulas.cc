#include "runtime/formulas.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <limits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "json/parse.h"
#include "json/reader.h"
#include "json/writer.h"
#include "model/errors.h"
#include "model/model_client.h"
#include "net/http_wait.h"
#include "os/clock.h"

namespace perdure {
namespace {

constexpr std::size_t kAnswerBytesMax = 8 << 20;
constexpr HttpTimeouts kFormulaTimeouts = {
    .connect_ms = 15'000, .first_byte_ms = 110'000, .idle_ms = 110'000, .total_ms = 110'000};

// What those are that change nothing and keep nothing. Another one may.
EffectClass effect_of(std::string_view uri) {
  constexpr std::array<std::string_view, 11> kReaders = {
      "convert", "web-search", "rethink", "random-choice", "mew",        "excel",
      "date",    "base64",     "fetch",   "quickjs",       "code_runner"};
  constexpr std::string_view kVendor = "moonshot/";
  if (!uri.starts_with(kVendor)) return EffectClass::kAdditive;
  const std::string_view name = uri.substr(kVendor.size(), uri.find(':') - kVendor.size());
  const bool reads = std::find(kReaders.begin(), kReaders.end(), name) != kReaders.end();
  return reads ? EffectClass::kRead : EffectClass::kAdditive;
}

Error of_formula(Error error, const std::string& uri) {
  if (error.code == ErrorCode::kModelNotFound) {
    error.code = ErrorCode::kConfig;
    error.advice = "see docs/agent.md for those that there are";
  }
  error.message = fmt::format("formula '{}': {}", uri, error.message);
  return error;
}

// An answer with status 200, as JSON.
Result<Json> ask_host(const Endpoint& endpoint, HttpRequest request, const std::stop_token& stop) {
  request.headers = endpoint_headers(endpoint);
  request.timeouts = kFormulaTimeouts;
  const Result<HttpAnswer> answer = exchange_and_wait(std::move(request), kAnswerBytesMax, stop);
  if (!answer.ok()) return answer.error();
  if (answer->head.status != 200) {
    json::Reader reader;
    Error error = classify_http_error(reader, answer->head, answer->body, wall_time_ms());
    error.message = without_secret(error.message, endpoint.key.reveal());
    return error;
  }
  Result<Json> parsed = json::parse(answer->body);
  if (parsed.ok() && parsed->is_object()) return parsed;
  return Error{.code = ErrorCode::kBadReply, .message = "the answer is no JSON object"};
}

std::string text_in(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return "";
  return found->is_string() ? found->get<std::string>() : json::dump(*found);
}

// What a fiber left for the model.
ToolOutcome outcome_of(const Json& fiber) {
  const Json context = fiber.value("context", Json::object());
  constexpr std::size_t kWhole = std::numeric_limits<std::size_t>::max();
  if (context.is_object() && text_in(fiber, "status") == "succeeded") {
    for (const char* key : {"encrypted_output", "output"}) {
      const std::string text = text_in(context, key);
      if (!text.empty()) return {.text = text, .shown_bytes_max = kWhole};
    }
  }
  std::string problem = text_in(fiber, "error");
  if (problem.empty() && context.is_object()) problem = text_in(context, "error");
  if (problem.empty() && context.is_object()) problem = text_in(context, "output");
  return failure({.code = ErrorCode::kToolFailed,
                  .message = problem.empty() ? "the host gave no result" : problem});
}

ToolOutcome run_fiber(const Endpoint& endpoint, const std::string& url, const std::string& name,
                      const Json& arguments, const CallContext& context) {
  std::string body;
  json::Writer(body)
      .begin_object()
      .key("name")
      .string(name)
      .key("arguments")
      .string(json::dump(arguments))
      .end_object();
  const Result<Json> fiber =
      ask_host(endpoint, {.url = url, .body = {.tail = std::move(body)}}, context.stop);
  return fiber.ok() ? outcome_of(*fiber) : failure(fiber.error());
}

Result<Tool> make_formula_tool(const Endpoint& endpoint, const std::string& uri,
                               const Json& declared) {
  const Json function = declared.is_object() ? declared.value("function", Json()) : Json();
  if (!function.is_object() || !function.contains("name") || !function["name"].is_string()) {
    return Error{.code = ErrorCode::kBadReply,
                 .message = "the host describes a tool without a name"};
  }
  const std::string name = function["name"].get<std::string>();
  Tool tool{.spec = {.name = name,
                     .description = text_in(function, "description"),
                     .effect = effect_of(uri)}};
  if (function.contains("parameters")) tool.spec.parameters = function["parameters"];
  // It touches nothing here.
  tool.scope = [](const Json& /*arguments*/, const std::string& /*workspace*/) {
    return Result<CallScope>(CallScope{});
  };
  const std::string url = endpoint.base_url + endpoint.host.formulas_path + "/" + uri + "/fibers";
  tool.body = [endpoint, url, name](const Json& arguments, CallContext& context) {
    return run_fiber(endpoint, url, name, arguments, context);
  };
  return tool;
}

}  // namespace

Status check_formula(const std::string& uri) {
  const bool is_plain = std::all_of(uri.begin(), uri.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.' || c == '/' || c == ':';
  });
  const std::size_t slash = uri.find('/');
  const std::size_t colon = uri.find(':');
  const bool has_parts = slash != std::string::npos && slash > 0 && colon != std::string::npos &&
                         slash + 1 < colon && colon + 1 < uri.size();
  if (is_plain && has_parts && uri.find("..") == std::string::npos) return {};
  return Error{.code = ErrorCode::kConfig,
               .message = fmt::format("'{}' is not the URI of a formula", uri),
               .advice = "write one like moonshot/web-search:latest"};
}

Result<std::vector<Tool>> load_formula(const Endpoint& endpoint, const std::string& uri) {
  if (Status status = check_formula(uri); !status.ok()) return status.error();
  if (endpoint.host.formulas_path.empty()) {
    return Error{
        .code = ErrorCode::kUnsupported,
        .message = fmt::format("formula '{}': {} has no formulas", uri, endpoint.host.name),
        .advice = "use --host moonshot, or remove it from 'formulas' of [tools]"};
  }
  const std::string url = endpoint.base_url + endpoint.host.formulas_path + "/" + uri + "/tools";
  const Result<Json> answer = ask_host(endpoint, {.url = url, .post = false}, {});
  if (!answer.ok()) return of_formula(answer.error(), uri);
  const Json list = answer->value("tools", Json::array());
  std::vector<Tool> tools;
  for (const Json& declared : list) {
    Result<Tool> tool = make_formula_tool(endpoint, uri, declared);
    if (!tool.ok()) return of_formula(tool.error(), uri);
    tools.push_back(std::move(*tool));
  }
  if (!tools.empty()) return tools;
  return of_formula({.code = ErrorCode::kBadReply, .message = "the host describes no tool of it"},
                    uri);
}

}  // namespace perdure
