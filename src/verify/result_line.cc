#include "verify/result_line.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "base/utf8.h"
#include "json/parse.h"
#include "json/slice.h"
#include "json/writer.h"
#include "os/clock.h"

namespace perdure::verify {
namespace {

constexpr std::string_view kToolCalls = "tool_calls";

// In one way of writing, so that it can be compared.
std::string canonical(std::string_view text) {
  const Result<Json> value = json::parse(text);
  return value.ok() ? json::dump(*value) : std::string(text);
}

void begin_line(json::Writer& writer, const ResultHead& head) {
  writer.begin_object().key("data_index").integer(head.data_index);
  writer.key("request").raw(head.request);
  writer.key("extra_body").raw(head.extra_body.empty() ? "{}" : head.extra_body);
}

void end_line(json::Writer& writer, const ResultHead& head) {
  writer.key("last_run_at").string(iso_time(head.now_ms));
  writer.key("duration_ms").integer(head.duration_ms);
  writer.key("attempts").integer(head.attempts);
  writer.key("hash").string(head.hash).end_object();
}

void write_message(json::Writer& writer, std::string& out, const HostReply& reply) {
  writer.key("message").begin_object().key("role").string("assistant");
  writer.key("content").string(reply.content);
  out += reply.reasoning;
  if (reply.calls.empty()) {
    writer.key("tool_calls").null().end_object();
    return;
  }
  writer.key("tool_calls").begin_array();
  for (const ToolCall& call : reply.calls) {
    writer.begin_object().key("id").string(call.id).key("type").string("function");
    writer.key("function").begin_object().key("name").string(call.name);
    writer.key("arguments").string(call.arguments).end_object().end_object();
  }
  writer.end_array().end_object();
}

void write_usage(json::Writer& writer, const std::optional<ReplyUsage>& usage) {
  writer.key("usage");
  if (!usage) {
    writer.null();
    return;
  }
  writer.begin_object().key("prompt_tokens").integer(usage->input_tokens);
  writer.key("completion_tokens").integer(usage->output_tokens);
  writer.key("total_tokens").integer(usage->input_tokens + usage->output_tokens);
  writer.key("cached_tokens").integer(usage->cached_tokens).end_object();
}

}  // namespace

WrittenResult answered_line(const ResultHead& head, const HostReply& reply) {
  const bool calls_tools = reply.finish_reason == kToolCalls;
  std::vector<std::string> problems;
  if (calls_tools) {
    problems = problems_of_calls(head.request, reply.calls);
    if (reply.calls.empty())
      problems.emplace_back("the reply says that it calls tools, and holds no call");
  }
  WrittenResult result;
  result.outcome = {.is_success = true,
                    .finish_reason = reply.finish_reason,
                    .calls_valid = calls_tools && problems.empty()};
  if (reply.usage) {
    result.outcome.prompt_tokens = reply.usage->input_tokens;
    result.outcome.completion_tokens = reply.usage->output_tokens;
  }
  json::Writer writer(result.line);
  begin_line(writer, head);
  writer.key("response").begin_object().key("id").string(reply.id);
  writer.key("object").string("chat.completion").key("created").integer(head.now_ms / 1000);
  writer.key("model").string(head.model);
  writer.key("choices").begin_array().begin_object().key("index").integer(0);
  write_message(writer, result.line, reply);
  writer.key("finish_reason").string(reply.finish_reason).end_object().end_array();
  write_usage(writer, reply.usage);
  writer.end_object().key("status").string("success");
  writer.key("finish_reason").string(reply.finish_reason).key("tool_calls_valid");
  calls_tools ? writer.boolean(problems.empty()) : writer.null();
  if (!problems.empty()) {
    writer.key("tool_calls_problems").begin_array();
    for (const std::string& problem : problems) writer.string(problem);
    writer.end_array();
  }
  end_line(writer, head);
  return result;
}

WrittenResult failed_line(const ResultHead& head, const Error& error) {
  WrittenResult result;
  result.outcome = {.error_type = std::string(to_string(error.code))};
  json::Writer writer(result.line);
  begin_line(writer, head);
  writer.key("response").begin_object().key("error_type").string(to_string(error.code));
  writer.key("error_message").string(to_valid_utf8(error.message));
  writer.key("error").string(to_valid_utf8(to_text(error))).end_object();
  writer.key("status").string("failed").key("finish_reason").null();
  writer.key("tool_calls_valid").null();
  end_line(writer, head);
  return result;
}

Result<StoredResult> read_result(json::Reader& reader, std::string_view line) {
  const Result<json::Value> parsed = reader.parse(line);
  const auto refuse = [](std::string message) {
    return Error{.code = ErrorCode::kInvalidArgument, .message = std::move(message)};
  };
  if (!parsed.ok()) return refuse("this line is no JSON: " + parsed.error().message);
  const std::optional<std::int64_t> index = parsed->get("data_index").integer();
  if (!index || *index < 1) return refuse("this line is no result: it has no data_index");
  const std::string_view status = parsed->get("status").string_or("");
  if (status != "success" && status != "failed")
    return refuse("this line is no result: its status is neither success nor failed");
  StoredResult result{.data_index = *index, .hash = std::string(parsed->get("hash").string_or(""))};
  if (!parsed->get("extra_body").members().empty())
    result.extra_body = canonical(json::member_slice(line, "extra_body"));
  const json::Value response = parsed->get("response");
  const json::Value usage = response.get("usage");
  result.outcome = {.is_success = status == "success",
                    .finish_reason = std::string(parsed->get("finish_reason").string_or("")),
                    .calls_valid = parsed->get("tool_calls_valid").boolean().value_or(false),
                    .error_type = std::string(response.get("error_type").string_or("")),
                    .prompt_tokens = usage.get("prompt_tokens").integer_or(0),
                    .completion_tokens = usage.get("completion_tokens").integer_or(0)};
  return result;
}

}  // namespace perdure::verify
