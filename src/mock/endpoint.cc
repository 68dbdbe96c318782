#include "mock/endpoint.h"

#include <algorithm>

#include <fcntl.h>

#include <fmt/format.h>

#include "base/text.h"
#include "base/utf8.h"
#include "json/writer.h"
#include "mock/checks.h"
#include "mock/formulas.h"
#include "mock/messages_reply.h"
#include "mock/messages_request.h"
#include "mock/model_rules.h"
#include "os/descriptor.h"

namespace perdure::mock {
namespace {

constexpr std::string_view kJson = "application/json; charset=utf-8";
constexpr std::string_view kBase = "/v1";

// Anthropic's API, beside chat completions.
bool is_messages(const ReceivedRequest& request) {
  return request.path == "/v1/messages";
}

ConnectionWish wish_of(const ReceivedRequest& request) {
  return {.keep_alive = request.keep_alive, .takes_chunks = request.takes_chunks};
}

void write_model(json::Writer& writer, std::string_view id, std::int64_t window_tokens) {
  const ModelRules& rules = rules_of(id);
  writer.begin_object().key("id").string(id).key("object").string("model");
  writer.key("created").integer(0).key("owned_by").string("perdure-mock");
  if (window_tokens > 0) writer.key("context_length").integer(window_tokens);
  writer.key("supports_image_in").boolean(rules.images);
  writer.key("supports_video_in").boolean(rules.videos);
  writer.key("supports_reasoning").boolean(rules.thinking != ThinkingRule::kNone).end_object();
}

// The kinds that do not reach the model, so that its cache learns nothing of the prompt.
bool is_before_model(const ScriptedFault& fault) {
  return fault.kind == FaultKind::kAnswer || fault.kind == FaultKind::kRaw ||
         fault.kind == FaultKind::kClose || fault.kind == FaultKind::kReset;
}

std::string_view fault_name(const ScriptedFault& fault) {
  switch (fault.kind) {
    case FaultKind::kDelay:
      return "delay";
    case FaultKind::kAnswer:
      return "status";
    case FaultKind::kRaw:
      return "raw";
    case FaultKind::kClose:
      return "close";
    case FaultKind::kReset:
      return "reset";
    case FaultKind::kCut:
      return "cut";
    case FaultKind::kStall:
      return "stall";
    case FaultKind::kStreamError:
      return "stream error";
    case FaultKind::kWithoutDone:
      return "without done";
    case FaultKind::kEmpty:
      return "empty";
  }
  return "";
}

// "1 message", "2 messages".
std::string counted(std::size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string describe(const DueReply& reply, const ScriptedFault* fault) {
  if (fault == nullptr) {
    return fmt::format("reply {} ({}, {})", reply.number, reply.finish,
                       counted(reply.calls.size(), "call"));
  }
  const std::string status =
      fault->kind == FaultKind::kAnswer ? fmt::format(" {}", fault->status) : "";
  return fmt::format("fault before reply {}: {}{}", reply.number, fault_name(*fault), status);
}

}  // namespace

Endpoint::Endpoint(MockScript script, MockOptions options)
    : script_(std::move(script)),
      options_(std::move(options)),
      traits_(traits_of(script_.dialect)) {}

ResponsePlan Endpoint::answer(const ReceivedRequest& request) {
  const std::string_view path = request.path;
  const bool is_ours = path.starts_with(kBase);
  const std::string_view resource = is_ours ? path.substr(kBase.size()) : "";
  const bool is_chat = resource == "/chat/completions";
  const bool is_models = resource == "/models";
  const bool is_files = resource == "/files";
  const bool is_post = is_chat || is_files || is_messages(request);
  if (is_chat && request.method == "POST") return answer_chat(request);
  if (is_messages(request) && request.method == "POST") return answer_messages(request);
  if (is_files && request.method == "POST") return answer_file(request);
  const bool is_fiber = resource.ends_with("/fibers");
  if (is_formula_path(resource) && request.method == (is_fiber ? "POST" : "GET"))
    return answer_formula_request(request, resource);
  if (is_models && request.method == "GET") return answer_models(request);
  ++statistics_.malformed;
  const std::string shown = printable(to_valid_utf8(request.method + " " + request.path));
  const bool known = is_post || is_models;
  const std::string message =
      known ? fmt::format("{}: the method must be {}", shown, is_post ? "POST" : "GET")
            : fmt::format(
                  "{0}: POST {1}/chat/completions, POST {1}/messages, POST {1}/files and GET "
                  "{1}/models are served",
                  shown, kBase);
  log(fmt::format("refused {}: {}", known ? 405 : 404, message));
  HeaderList headers;
  if (known) headers.emplace_back("Allow", is_post ? "POST" : "GET");
  return plan_answer(wish_of(request), known ? 405 : 404, kJson,
                     error_body(message, "resource_not_found_error"), headers);
}

ResponsePlan Endpoint::answer_failure(const HttpFailure& failure) {
  ++statistics_.malformed;
  log(fmt::format("not HTTP: {} {}", failure.status, failure.message));
  return plan_answer({}, failure.status, kJson,
                     error_body(failure.message, "invalid_request_error"));
}

ResponsePlan Endpoint::answer_models(const ReceivedRequest& request) {
  if (auto refusal = check_key(request)) return refuse(request, *refusal);
  std::string body;
  json::Writer writer(body);
  writer.begin_object().key("object").string("list").key("data").begin_array();
  const auto add = [&](std::string_view id) {
    write_model(writer, id,
                script_.window_tokens > 0 ? script_.window_tokens : rules_of(id).window_tokens);
  };
  if (!script_.model.empty()) add(script_.model);
  for (const ModelRules& rules : known_models()) {
    if (script_.model.empty()) add(rules.id);
  }
  writer.end_array().end_object();
  log("models");
  return plan_answer(wish_of(request), 200, kJson, body);
}

ResponsePlan Endpoint::answer_file(const ReceivedRequest& request) {
  if (auto refusal = check_key(request)) return refuse(request, *refusal);
  if (auto refusal = check_refusals(request.body)) return refuse(request, *refusal);
  std::string body;
  if (auto refusal = files_.add(request, body)) return refuse(request, *refusal);
  log("file " + body);
  return plan_answer(wish_of(request), 200, kJson, body);
}

ResponsePlan Endpoint::answer_formula_request(const ReceivedRequest& request,
                                              std::string_view resource) {
  if (auto refusal = check_key(request)) return refuse(request, *refusal);
  std::string body;
  if (auto refusal = answer_formula(resource, request, body)) return refuse(request, *refusal);
  log(fmt::format("{} {}", request.method, resource));
  return plan_answer(wish_of(request), 200, kJson, body);
}

std::optional<Refusal> Endpoint::check_key(const ReceivedRequest& request) const {
  if (script_.key.empty()) return std::nullopt;
  if (is_messages(request) && request.header("x-api-key") == script_.key) return std::nullopt;
  const std::string_view given = request.header("authorization").value_or("");
  const std::size_t space = std::min(given.find(' '), given.size());
  const bool is_bearer = to_lower_ascii(given.substr(0, space)) == "bearer";
  if (is_bearer && trim(given.substr(space)) == script_.key) return std::nullopt;
  return Refusal{
      .status = 401, .type = "invalid_authentication_error", .message = "Invalid Authentication"};
}

// In the words of servers that know their fields.
std::optional<Refusal> Endpoint::check_refused_fields(const Chat& chat) const {
  for (const std::string& field : script_.refuses) {
    // As they were written: of messages the root is a translation. "auto" is what no choice means.
    const bool stands =
        std::any_of(chat.members.begin(), chat.members.end(), [&](const auto& member) {
          return member.first == "\"" + field + "\"" && member.second != "\"auto\"";
        });
    if (!stands) continue;
    return invalid_request("Unrecognized request argument supplied: " + field);
  }
  return std::nullopt;
}

std::optional<Refusal> Endpoint::check_refusals(std::string_view body) const {
  const auto stands = [&](const std::string& text) {
    return body.find(text) != std::string_view::npos;
  };
  for (const ScriptedRefusal& refusal : script_.refusals) {
    const bool fits = std::all_of(refusal.containing.begin(), refusal.containing.end(), stands) &&
                      std::none_of(refusal.lacking.begin(), refusal.lacking.end(), stands);
    if (fits)
      return Refusal{.status = refusal.status, .type = refusal.type, .message = refusal.message};
  }
  return std::nullopt;
}

std::optional<Refusal> Endpoint::check_rules(const Chat& chat) const {
  if (!script_.strict) return std::nullopt;
  if (chat.model.empty()) return invalid_request("model is required, as a string");
  if (!script_.model.empty() && chat.model != script_.model) {
    return Refusal{
        .status = 404,
        .type = "resource_not_found_error",
        .message = fmt::format("Not found the model {} or Permission denied", chat.model)};
  }
  const CheckScope scope{
      .chat = chat, .script = script_, .traits = traits_for(chat), .files = &files_};
  if (auto refusal = check_parameters(scope)) return refusal;
  if (auto refusal = check_tools(scope)) return refusal;
  // The history of the other dialect was checked as it was read, but for what a model sees.
  if (auto refusal = chat.is_messages ? check_block_media(scope) : check_messages(scope))
    return refusal;
  return check_window(scope);
}

const DialectTraits& Endpoint::traits_for(const Chat& chat) const {
  return chat.is_messages ? messages_traits() : traits_;
}

std::optional<Refusal> Endpoint::check_history(const Chat& chat, const RequestPrint& print,
                                               const ScriptedConversation& conversation,
                                               const DueReply& reply) const {
  if (script_.strict && script_.check_prefix && !reply.scripted->new_prefix) {
    if (auto refusal = memory_.check_prefix(print, chat)) {
      // A message of blocks changes in one of them: say which, when it is one of a reply.
      std::optional<Refusal> block;
      if (chat.is_messages) block = check_echo(conversation, chat, traits_for(chat), 0);
      return block ? block : refusal;
    }
    const Conversation* known = memory_.find(print);
    const std::size_t compared = known == nullptr ? 0 : shared_messages(known->last, print);
    if (auto refusal = check_echo(conversation, chat, traits_for(chat), compared)) return refusal;
  }
  return check_expected(reply, chat);
}

ResponsePlan Endpoint::answer_chat(const ReceivedRequest& request) {
  ++statistics_.requests;
  record(request.body);
  if (auto refusal = check_key(request)) return refuse(request, *refusal);
  if (auto refusal = check_refusals(request.body)) return refuse(request, *refusal);
  const ParsedChat parsed = parse_chat(reader_, request.body);
  if (parsed.refusal) return refuse(request, *parsed.refusal);
  return answer_read(request, parsed.chat);
}

ResponsePlan Endpoint::answer_messages(const ReceivedRequest& request) {
  ++statistics_.requests;
  record(request.body);
  if (auto refusal = check_key(request)) return refuse(request, *refusal);
  if (script_.strict && !request.header("anthropic-version")) {
    return refuse(request, invalid_request("the header anthropic-version is required"));
  }
  const MessagesRequest parsed(request.body, script_.strict);
  if (parsed.refusal()) return refuse(request, *parsed.refusal());
  return answer_read(request, parsed.chat());
}

ResponsePlan Endpoint::answer_read(const ReceivedRequest& request, const Chat& chat) {
  if (auto refusal = check_refused_fields(chat)) return refuse(request, *refusal);
  if (auto refusal = check_rules(chat)) return refuse(request, *refusal);
  const ScriptedConversation* conversation = find_conversation(script_, chat);
  if (conversation == nullptr) {
    return refuse(request, invalid_request("no conversation of the script has this opening"));
  }
  const HistoryPlace place = place_in(*conversation, chat, traits_for(chat));
  std::optional<DueReply> reply =
      due_reply(*conversation, place.replies, count_calls(chat), traits_for(chat));
  if (!reply) {
    return refuse(
        request,
        invalid_request(fmt::format(
            "the script has no more replies: it has {}, and the "
            "request holds {}",
            conversation->reply_count(),
            counted(static_cast<std::size_t>(chat.assistant_messages), "assistant message"))));
  }
  // What the client made up itself is a beginning that no reply has.
  if (!place.begun.empty() && reply->text.starts_with(place.begun)) {
    reply->text.erase(0, place.begun.size());
    reply->reasoning.clear();
  }
  RequestPrint print = print_of(chat);
  if (auto refusal = check_history(chat, print, *conversation, *reply))
    return refuse(request, *refusal);
  return play(request, chat, std::move(*reply), std::move(print));
}

ResponsePlan Endpoint::refuse(const ReceivedRequest& request, const Refusal& refusal) {
  ++statistics_.refused;
  log(fmt::format("refused {}: {}", refusal.status, refusal.message));
  return plan_answer(wish_of(request), refusal.status, kJson,
                     is_messages(request) ? message_error_body(refusal.message, refusal.type)
                                          : error_body(refusal.message, refusal.type));
}

const ScriptedFault* Endpoint::next_fault(Conversation& conversation, const DueReply& reply,
                                          bool streams) const {
  const std::vector<ScriptedFault>& faults = reply.scripted->faults;
  if (faults.empty()) return nullptr;
  std::size_t& sent = conversation.faults_sent[reply.number];
  if (sent >= faults.size() || (faults[sent].streams_only && !streams)) return nullptr;
  return &faults[sent++];
}

ResponsePlan Endpoint::play(const ReceivedRequest& request, const Chat& chat, DueReply reply,
                            RequestPrint print) {
  Conversation& conversation = memory_.accept(std::move(print));
  const ScriptedFault* fault = next_fault(conversation, reply, chat.streams);
  if (fault != nullptr && fault->kind == FaultKind::kEmpty) {
    reply.text.clear();
    reply.calls.clear();
    reply.finish = "stop";
  }
  if (!chat.thinks) reply.reasoning.clear();

  std::int64_t cached = 0;
  for (std::size_t i = 0; i < conversation.prompted; ++i)
    cached += estimate_tokens(chat.messages[i]);
  const ScriptedUsage& usage = reply.scripted->usage;
  const std::int64_t prompt =
      usage.prompt_tokens.value_or(std::max<std::int64_t>(1, chat.prompt_tokens));
  const ReplyFrame frame{
      .traits = traits_for(chat),
      .id = fmt::format("{}-{:016x}{:04x}", chat.is_messages ? "msg" : "chatcmpl",
                        conversation.last.conversation, reply.number),
      .model = chat.model.empty() ? "mock" : std::string(chat.model),
      .tokens = {.prompt = prompt,
                 .cached = usage.cached_tokens.value_or(std::min(cached, prompt)),
                 .completion = usage.completion_tokens.value_or(completion_tokens(reply))},
      .chunk_bytes = script_.chunk_bytes,
      .wants_usage = chat.wants_usage};
  if (fault == nullptr || !is_before_model(*fault)) conversation.prompted = chat.messages.size();

  ++(fault == nullptr ? statistics_.replies : statistics_.faults);
  log(fmt::format("{}, {}, {} of {} prompt tokens cached: {}", frame.model,
                  counted(chat.messages.size(), "message"), frame.tokens.cached, prompt,
                  describe(reply, fault)));
  ReplyBody body = write_body(chat, reply, frame);
  if (fault == nullptr) return plan_reply(wish_of(request), body);
  if (!chat.is_messages) {
    return plan_fault(wish_of(request), *fault, std::move(body),
                      error_event(fault->error_message, frame));
  }
  ScriptedFault sent = *fault;
  if (sent.kind == FaultKind::kAnswer && !sent.body)
    sent.body = message_error_of_status(sent.status, sent.error_type);
  return plan_fault(wish_of(request), sent, std::move(body),
                    message_error_event(fault->error_message));
}

ReplyBody Endpoint::write_body(const Chat& chat, const DueReply& reply,
                               const ReplyFrame& frame) const {
  ReplyBody body{.streams = chat.streams,
                 .delay_ms = reply.scripted->delay_ms.value_or(script_.delay_ms),
                 .chunk_delay_ms = reply.scripted->chunk_delay_ms.value_or(script_.chunk_delay_ms)};
  if (!chat.streams) {
    body.pieces.push_back(chat.is_messages ? message_body(reply, frame)
                                           : completion_body(reply, frame));
    return body;
  }
  body.pieces = chat.is_messages ? message_events(reply, frame) : stream_events(reply, frame);
  body.wire_bytes = script_.wire_bytes;
  return body;
}

void Endpoint::record(std::string_view body) {
  if (options_.record_directory.empty()) return;
  const std::string path = fmt::format("{}/{:04}.json", options_.record_directory, ++recorded_);
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file.valid() || !write_all(file.get(), body).ok()) log("cannot write " + path);
}

void Endpoint::log(const std::string& line) const {
  if (options_.log) options_.log(printable(line));
}

}  // namespace perdure::mock
