#include "model/chat_request.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/hash.h"
#include "base/text.h"
#include "json/parse.h"
#include "json/writer.h"
#include "model/anthropic_request.h"
#include "model/media_writer.h"

namespace perdure {
namespace {

Error unsupported(std::string message, std::string advice) {
  return {
      .code = ErrorCode::kUnsupported, .message = std::move(message), .advice = std::move(advice)};
}

std::string offered_modes(const ThinkingFields& thinking) {
  std::vector<std::string> modes;
  for (const Thinking mode : {Thinking::kOff, Thinking::kOn, Thinking::kKeep}) {
    if (thinking.of(mode)) modes.emplace_back(to_string(mode));
  }
  return join(modes, ", ");
}

Status check_tool_choice(const std::vector<ToolDeclaration>& tools, const ToolChoice& choice) {
  if (!choice.is_forced()) return {};
  if (tools.empty()) {
    return unsupported(
        fmt::format("tool choice '{}' needs tools, and the agent has none", choice.mode),
        "give the agent tools, or use --tool-choice auto");
  }
  const bool known = choice.mode == "required" ||
                     std::any_of(tools.begin(), tools.end(), [&](const ToolDeclaration& tool) {
                       return tool.name == choice.mode;
                     });
  if (known) return {};
  std::vector<std::string> names;
  for (const ToolDeclaration& tool : tools) names.push_back(tool.name);
  const std::optional<std::string> meant = nearest(choice.mode, names);
  return unsupported(
      fmt::format("tool choice '{}' is not a tool of the agent", choice.mode),
      meant ? fmt::format("did you mean '{}'?", *meant) : "its tools: " + join(names, ", "));
}

// What of a choice can be said in the request. Moonshot answers a forced one with 400 while the
// model thinks, and other hosts read a named one as auto.
ToolChoice choice_in_request(const ToolChoice& choice, ForcedChoice taken, Thinking thinking) {
  if (!choice.is_forced()) return choice;
  switch (taken) {
    case ForcedChoice::kAlways:
      return choice;
    case ForcedChoice::kThinkingOff:
      return thinking == Thinking::kOff ? choice : ToolChoice{};
    case ForcedChoice::kRequiredOnly:
      return {.mode = "required"};
    case ForcedChoice::kNever:
      break;
  }
  return {};
}

// What the request itself says is no sampling parameter: saying it twice would make the host
// choose.
Status check_sampling(const Json& sampling) {
  constexpr std::string_view kReserved[] = {"chat_template_kwargs",
                                            "context_management",
                                            "max_completion_tokens",
                                            "max_tokens",
                                            "messages",
                                            "model",
                                            "n",
                                            "prompt_cache_key",
                                            "stream",
                                            "stream_options",
                                            "system",
                                            "thinking",
                                            "tool_choice",
                                            "tools"};
  if (!sampling.is_object()) {
    return Error{.code = ErrorCode::kInvalidArgument,
                 .message = "'sampling' must be an object, like {\"temperature\": 0.6}"};
  }
  for (const std::string_view name : kReserved) {
    if (!sampling.contains(name)) continue;
    return Error{.code = ErrorCode::kInvalidArgument,
                 .message = fmt::format("'{}' is not a sampling parameter", name),
                 .advice = "remove it from 'sampling': the request has one of its own"};
  }
  return {};
}

std::string short_hash(std::string_view declaration) {
  constexpr std::size_t kDigits = 16;
  return to_hex(sha256(declaration)).substr(0, kDigits);
}

}  // namespace

Result<ChatRequest> ChatRequest::make(const Endpoint& endpoint,
                                      const std::vector<ToolDeclaration>& tools,
                                      const RequestOptions& options) {
  ChatRequest request;
  request.thinking_ =
      options.thinking == Thinking::kDefault ? endpoint.default_thinking() : options.thinking;
  const std::optional<std::string>& thinking = endpoint.thinking.of(request.thinking_);
  if (!thinking) {
    return unsupported(fmt::format("{} at {} has no thinking mode '{}'", endpoint.model.name,
                                   endpoint.host.name, to_string(request.thinking_)),
                       "modes: " + offered_modes(endpoint.thinking));
  }
  if (Status status = check_sampling(options.sampling); !status.ok()) return status.error();
  if (!options.sampling.empty() && endpoint.sampling_pinned) {
    return unsupported(
        fmt::format("{} refuses sampling parameters: temperature and top_p are fixed",
                    endpoint.model.name),
        "remove 'sampling' from the agent");
  }
  const ToolChoice& choice = options.tool_choice;
  if (Status status = check_tool_choice(tools, choice); !status.ok()) return status.error();

  request.prefix_ = {{.field = "base_url", .value = endpoint.base_url},
                     {.field = "model", .value = endpoint.wire_model},
                     {.field = "thinking", .value = std::string(to_string(request.thinking_))}};
  request.tool_choice_ = choice_in_request(choice, endpoint.forced_choice, request.thinking_);
  if (request.tool_choice_.mode != choice.mode) request.told_choice_ = choice.mode;
  request.has_tools_ = !tools.empty();
  if (options.media != nullptr)
    request.media_ = std::make_shared<MediaWriter>(options.media, endpoint.base_url);
  if (endpoint.host.dialect == Dialect::kAnthropic) {
    request.begin_anthropic(endpoint, tools, options, *thinking);
    return request;
  }
  std::string head;
  json::Writer writer(head);
  writer.begin_object().key("model").string(endpoint.wire_model);
  writer.key("stream").boolean(endpoint.host.stream);
  if (endpoint.host.stream && endpoint.host.stream_usage) {
    writer.key("stream_options").raw(R"({"include_usage":true})");
  }
  if (endpoint.host.prompt_cache_key && !options.cache_key.empty()) {
    writer.key("prompt_cache_key").string(options.cache_key);
  }
  if (!thinking->empty()) head += "," + *thinking;
  for (const auto& [name, value] : options.sampling.items())
    writer.key(name).raw(json::dump(value));
  if (!tools.empty()) {
    writer.key("tools").begin_array();
    for (const ToolDeclaration& tool : tools) {
      const std::size_t begin = head.size();
      writer.begin_object().key("type").string(tool.by_host ? "builtin_function" : "function");
      writer.key("function").begin_object().key("name").string(tool.name);
      if (!tool.by_host)
        writer.key("description").string(tool.description).key("parameters").raw(tool.parameters);
      writer.end_object().end_object();
      request.prefix_.push_back({.field = "tools/" + tool.name,
                                 .value = short_hash(std::string_view(head).substr(begin))});
    }
    writer.end_array();
    if (endpoint.host.parallel_tool_calls) writer.key("parallel_tool_calls").boolean(true);
  }
  writer.key("messages").begin_array();
  request.head_ = std::make_shared<const std::string>(std::move(head));
  request.max_tokens_field_ = endpoint.host.max_tokens_field;
  return request;
}

void ChatRequest::begin_anthropic(const Endpoint& endpoint,
                                  const std::vector<ToolDeclaration>& tools,
                                  const RequestOptions& options, const std::string& thinking) {
  std::vector<std::string> declared;
  std::string head = anthropic_head(endpoint, tools, options, thinking, declared);
  for (std::size_t i = 0; i < tools.size(); ++i) {
    prefix_.push_back({.field = "tools/" + tools[i].name, .value = short_hash(declared[i])});
  }
  head_ = std::make_shared<const std::string>(head);
  anthropic_ = std::make_shared<AnthropicHistory>(std::move(head), endpoint.host);
  max_tokens_field_ = "max_tokens";
}

RequestText ChatRequest::text(const Transcript& transcript, std::int64_t output_tokens_max,
                              std::int64_t replies_in_turn, std::string_view cut_reply) const {
  std::string tail = fmt::format(R"(],"{}":{})", max_tokens_field_, output_tokens_max);
  if (!cut_reply.empty()) {
    cut_reply.remove_suffix(1);
    tail.insert(0, fmt::format(R"(,{},"partial":true}})", cut_reply));
  }
  const std::string mode =
      tool_choice_.is_forced() && replies_in_turn > 0 ? std::string("auto") : tool_choice_.mode;
  if (anthropic_) {
    if (has_tools_) tail += anthropic_tool_choice(mode);
    return anthropic_->text(transcript, tail + "}");
  }
  if (has_tools_ && mode != "auto") {
    json::Writer writer(tail);
    tail += R"(,"tool_choice":)";
    if (mode == "none" || mode == "required") {
      writer.string(mode);
    } else {
      writer.begin_object().key("type").string("function").key("function");
      writer.begin_object().key("name").string(mode).end_object().end_object();
    }
  }
  return {.head = head_, .messages = &transcript, .tail = tail + "}"};
}

HttpBody body_of(RequestText text) {
  Transcript::Pieces messages = text.messages->pieces();
  return {.head = std::move(text.head),
          .middle_owner = std::move(messages.owner),
          .middle = std::move(messages.list),
          .middle_bytes = text.messages->bytes(),
          .tail = std::move(text.tail)};
}

HttpBody ChatRequest::body(RequestText text) const {
  const Transcript& messages = *text.messages;
  HttpBody body = body_of(std::move(text));
  return media_ ? media_->write(std::move(body), messages) : body;
}

}  // namespace perdure
