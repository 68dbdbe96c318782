#include "verify/host_reply.h"

#include <charconv>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/utf8.h"
#include "json/parse.h"
#include "json/schema/schema.h"
#include "json/slice.h"
#include "json/writer.h"

namespace perdure::verify {
namespace {

constexpr std::size_t kViolationsMax = 3;
constexpr std::size_t kProblemBytesMax = 500;

// "tool_calls/3/id" as 3 and "id".
struct CallField {
  std::size_t call = 0;
  std::string_view field;
};

std::optional<CallField> call_field(std::string_view path) {
  constexpr std::string_view kCalls = "tool_calls/";
  if (path.substr(0, kCalls.size()) != kCalls) return std::nullopt;
  path.remove_prefix(kCalls.size());
  CallField field;
  const auto [end, error] = std::from_chars(path.data(), path.data() + path.size(), field.call);
  const auto digits = static_cast<std::size_t>(end - path.data());
  if (error != std::errc() || digits >= path.size()) return std::nullopt;
  field.field = path.substr(digits + 1);
  return field;
}

// The schema of the first tool of this name; null when there is no such tool, an empty object when
// it declares no parameters.
Json schema_of(const Json& request, const std::string& name) {
  const auto tools = request.find("tools");
  if (tools == request.end() || !tools->is_array()) return nullptr;
  for (const Json& tool : *tools) {
    const auto function = tool.is_object() ? tool.find("function") : tool.end();
    if (function == tool.end() || !function->is_object()) continue;
    if (function->value("name", Json()) != Json(name)) continue;
    const auto parameters = function->find("parameters");
    const bool has_schema = parameters != function->end() && !parameters->is_null();
    return has_schema ? *parameters : Json::object();
  }
  return nullptr;
}

// Empty when the call is good.
std::string problem_of(const Json& request, const ToolCall& call) {
  const Json schema = schema_of(request, call.name);
  if (schema.is_null()) return "the request has no tool of this name";
  const Result<Json> arguments = json::parse(call.arguments);
  if (!arguments.ok()) return "the arguments are no JSON: " + arguments.error().message;
  const Result<Schema> compiled = Schema::compile(schema);
  if (!compiled.ok()) return "the tool's own schema cannot be used: " + compiled.error().message;
  std::string problem;
  for (const Violation& violation : compiled->validate(*arguments, kViolationsMax)) {
    if (!problem.empty()) problem += "; ";
    if (!violation.path.empty()) problem += violation.path + ": ";
    problem += violation.message;
  }
  return problem;
}

}  // namespace

HostReply as_sent(const ModelReplied& reply) {
  HostReply sent{.id = reply.response_id,
                 .finish_reason = reply.finish_text.empty() ? "stop" : reply.finish_text,
                 .content = reply.text,
                 .calls = reply.calls};
  if (!reply.usage.estimated) sent.usage = reply.usage;
  for (const auto& [key, value] : json::member_slices(reply.fragment)) {
    if (key == "\"role\"" || key == "\"tool_calls\"") continue;
    if (key == "\"content\"") {
      // With the block of thinking that some hosts leave in it, which is no part of `text`.
      const Result<Json> content = json::parse(value);
      if (content.ok() && content->is_string()) sent.content = content->get<std::string>();
      continue;
    }
    sent.reasoning += fmt::format(",{}:{}", key, value);
  }
  for (const ReplyEdit& edit : reply.edits) {
    if (edit.field == "message" && !edit.original.empty()) {
      sent.reasoning += ",\"reasoning_content\":";
      json::append_string(sent.reasoning, edit.original);
    }
    const std::optional<CallField> place = call_field(edit.field);
    if (!place || place->call >= sent.calls.size()) continue;
    ToolCall& call = sent.calls[place->call];
    if (place->field == "id") call.id = edit.original;
    if (place->field == "function/name") call.name = edit.original;
  }
  return sent;
}

std::vector<std::string> problems_of_calls(std::string_view request,
                                           const std::vector<ToolCall>& calls) {
  std::vector<std::string> problems;
  const Result<Json> parsed = json::parse(request);
  if (!parsed.ok()) return {"the request is no JSON"};
  for (const ToolCall& call : calls) {
    const std::string problem = problem_of(*parsed, call);
    if (problem.empty()) continue;
    const std::string text = fmt::format("{}: {}", call.name, to_valid_utf8(problem));
    problems.emplace_back(utf8_prefix(text, kProblemBytesMax));
  }
  return problems;
}

}  // namespace perdure::verify
