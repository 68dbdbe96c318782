#include "model/strict_request.h"

#include <algorithm>

#include "base/tool_name.h"
#include "json/message_parts.h"
#include "json/parse.h"
#include "json/slice.h"
#include "json/writer.h"
#include "model/schema_dialect.h"

namespace perdure {
namespace {

std::string strict_arguments(std::string_view text) {
  const Result<Json> value = json::parse(text);
  if (value.ok() && value->is_object()) return std::string(text);
  if (text.empty()) return "{}";
  return json::dump(Json{{"arguments", std::string(text)}});
}

std::string strict_calls(std::string_view calls) {
  std::string out;
  json::Writer writer(out);
  writer.begin_array();
  for (const std::string_view call : json::element_slices(calls)) {
    const std::string_view function = json::member_slice(call, "function");
    writer.begin_object().key("id").raw(json::member_slice(call, "id"));
    writer.key("type").string("function").key("function").begin_object();
    const std::string name = json::text_of(json::member_slice(function, "name"));
    // A function of the host keeps its "$".
    writer.key("name").string(name.starts_with('$') ? name : legal_tool_name(name));
    writer.key("arguments")
        .string(strict_arguments(json::text_of(json::member_slice(function, "arguments"))))
        .end_object()
        .end_object();
  }
  writer.end_array();
  return out;
}

void leave_out_fields(StrictRequest& request, std::string_view refusal) {
  HostProfile& host = request.endpoint.host;
  const auto drop = [&](bool& flag, std::string_view name) {
    if (flag) request.left_out.emplace_back(name);
    flag = false;
  };
  if (!host.stream) host.stream_usage = false;
  drop(host.stream_usage, "stream_options");
  if (request.options.cache_key.empty()) host.prompt_cache_key = false;
  drop(host.prompt_cache_key, "prompt_cache_key");
  if (request.tools.empty()) host.parallel_tool_calls = false;
  drop(host.parallel_tool_calls, "parallel_tool_calls");
  for (const auto& [name, value] : request.options.sampling.items())
    request.left_out.push_back("sampling/" + name);
  request.options.sampling = Json::object();
  if (request.options.tool_choice.is_forced()) {
    request.left_out.emplace_back("tool_choice");
    request.options.tool_choice = {};
  }
  // Hosts that know only the older name, and those that take only the newer one.
  constexpr std::string_view kNewer = "max_completion_tokens";
  const bool wants_newer = refusal.find(kNewer) != std::string_view::npos;
  if (host.max_tokens_field == "max_tokens" && wants_newer) {
    host.max_tokens_field = kNewer;
    request.left_out.emplace_back("max_tokens");
  } else if (host.max_tokens_field == kNewer && (wants_newer || !host.native)) {
    host.max_tokens_field = "max_tokens";
    request.left_out.emplace_back(kNewer);
  }
}

// A vendor's own API knows its fields: there only what it does by itself is left out. Without them
// a model that is to think thinks all the same.
void leave_out_thinking(StrictRequest& request) {
  Endpoint& endpoint = request.endpoint;
  Thinking& mode = request.options.thinking;
  if (mode == Thinking::kDefault) mode = endpoint.default_thinking();
  if (endpoint.host.native && mode == Thinking::kOff) return;
  ThinkingFields& all = endpoint.thinking;
  std::optional<std::string>& fields = mode == Thinking::kOff            ? all.off
                                       : mode == Thinking::kOn && all.on ? all.on
                                                                         : all.keep;
  if (!fields || fields->empty()) return;
  request.left_out.emplace_back("thinking");
  fields = "";
}

void simplify_schemas(StrictRequest& request) {
  for (ToolDeclaration& tool : request.tools) {
    const Result<Json> schema = json::parse(tool.parameters);
    if (!schema.ok()) continue;
    const Result<NormalizedSchema> strict = normalize_schema(*schema, SchemaDialect::kMfjs);
    if (!strict.ok()) continue;
    std::string text = json::dump(strict->schema);
    if (text == tool.parameters) continue;
    tool.parameters = std::move(text);
    request.left_out.push_back("tools/" + tool.name + "/parameters");
  }
}

}  // namespace

StrictRequest make_strict(const Endpoint& endpoint, const std::vector<ToolDeclaration>& tools,
                          const RequestOptions& options, std::string_view refusal) {
  StrictRequest request{.endpoint = endpoint, .tools = tools, .options = options};
  leave_out_fields(request, refusal);
  leave_out_thinking(request);
  simplify_schemas(request);
  request.keeps_reasoning =
      endpoint.host.reasoning_required && request.options.thinking != Thinking::kOff;
  request.null_content = !endpoint.host.native;
  return request;
}

std::string strict_message(std::string_view fragment, const StrictRequest& rules) {
  std::string out;
  json::Writer writer(out);
  const std::string_view calls = json::member_slice(fragment, "tool_calls");
  const std::string_view content = json::member_slice(fragment, "content");
  writer.begin_object().key("role").raw(json::member_slice(fragment, "role"));
  if (const std::string_view id = json::member_slice(fragment, "tool_call_id"); !id.empty())
    writer.key("tool_call_id").raw(id);
  const bool has_content = !content.empty() && content != "null" && content != "\"\"";
  if (has_content) {
    writer.key("content").raw(content);
  } else if (!calls.empty() && rules.null_content) {
    writer.key("content").null();
  } else if (calls.empty()) {
    writer.key("content").string("(empty)");
  }
  if (!calls.empty() && rules.keeps_reasoning) {
    const std::string_view reasoning = json::member_slice(fragment, "reasoning_content");
    writer.key("reasoning_content").raw(reasoning.empty() ? "\" \"" : reasoning);
  }
  if (!calls.empty()) writer.key("tool_calls").raw(strict_calls(calls));
  writer.end_object();
  return out;
}

const Transcript& StrictHistory::project(const Transcript& transcript) {
  const auto is_text = [&](std::size_t i) { return is_user_text(transcript.fragment(i)); };
  const bool joins = taken_ > 0 && taken_ < transcript.size() && is_text(taken_ - 1);
  if (joins && is_text(taken_)) {
    messages_ = {};
    taken_ = 0;
  }
  while (taken_ < transcript.size()) {
    std::size_t end = taken_ + 1;
    while (end < transcript.size() && is_text(taken_) && is_text(end)) ++end;
    if (end == taken_ + 1) {
      messages_.append_like(transcript, taken_,
                            strict_message(transcript.fragment(taken_), rules_));
    } else {
      std::string text;
      for (std::size_t part = taken_; part < end; ++part) {
        if (!text.empty()) text += "\n\n";
        const std::string message = strict_message(transcript.fragment(part), rules_);
        text += json::text_of(json::member_slice(message, "content"));
      }
      messages_.append(message_fragment("user", text));
    }
    taken_ = end;
  }
  return messages_;
}

std::optional<std::size_t> StrictHistory::first_change(const Transcript& transcript,
                                                       const StrictRequest& rules) {
  for (std::size_t i = 0; i < transcript.size(); ++i) {
    const std::string_view fragment = transcript.fragment(i);
    const bool joins = i > 0 && is_user_text(fragment) && is_user_text(transcript.fragment(i - 1));
    if (joins || strict_message(fragment, rules) != fragment) return joins ? i - 1 : i;
  }
  return std::nullopt;
}

}  // namespace perdure
