#include "model/chat_reply.h"

#include <algorithm>
#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/answer.h"
#include "base/text.h"
#include "base/tool_name.h"
#include "base/utf8.h"
#include "json/parse.h"
#include "json/slice.h"
#include "json/writer.h"
#include "model/errors.h"

namespace perdure {
namespace {

constexpr std::array<std::string_view, 9> kKnownMembers = {
    "role",      "content",           "tool_calls", "function_call", "reasoning_content",
    "reasoning", "reasoning_details", "refusal",    "annotations"};

constexpr std::array<std::pair<std::string_view, FinishReason>, 14> kFinishTexts = {{
    {"stop", FinishReason::kStop},
    {"eos", FinishReason::kStop},
    {"end_turn", FinishReason::kStop},
    {"stop_sequence", FinishReason::kStop},
    {"tool_calls", FinishReason::kToolCalls},
    {"tool_use", FinishReason::kToolCalls},
    {"function_call", FinishReason::kToolCalls},
    {"length", FinishReason::kLength},
    {"max_tokens", FinishReason::kLength},
    {"model_context_window_exceeded", FinishReason::kLength},
    {"pause_turn", FinishReason::kLength},  // not over: the next reply goes on
    {"content_filter", FinishReason::kContentFilter},
    {"sensitive", FinishReason::kContentFilter},
    {"refusal", FinishReason::kContentFilter},
}};

// What a host's word for the end means; nothing for a word that is not known (fault N55).
std::optional<FinishReason> meaning_of(std::string_view finish_text) {
  for (const auto& [text, reason] : kFinishTexts) {
    if (text == finish_text) return reason;
  }
  return std::nullopt;
}

FinishReason reason_of(std::string_view finish_text, bool has_calls) {
  const std::optional<FinishReason> meaning = meaning_of(finish_text);
  if (meaning == FinishReason::kLength || meaning == FinishReason::kContentFilter) return *meaning;
  // "stop" with calls is said by several hosts (fault N56).
  if (has_calls) return FinishReason::kToolCalls;
  return finish_text.empty() ? FinishReason::kStop : meaning.value_or(FinishReason::kOther);
}

bool parses_as_object(const std::string& arguments) {
  const Result<Json> parsed = json::parse(arguments);
  return parsed.ok() && parsed->is_object();
}

void show(const std::function<void(std::string_view)>& observer, std::string_view text) {
  if (observer && !text.empty()) observer(text);
}

// The arguments of a call exactly as they stand in a chunk or a body, when they are no string.
std::string_view written_arguments(std::string_view data, std::size_t choice,
                                   std::string_view message, std::size_t call) {
  const auto element = [](std::string_view array, std::size_t index) {
    const std::vector<std::string_view> slices = json::element_slices(array);
    return index < slices.size() ? slices[index] : std::string_view();
  };
  const std::string_view chosen = element(json::member_slice(data, "choices"), choice);
  const std::string_view calls =
      json::member_slice(json::member_slice(chosen, message), "tool_calls");
  return json::member_slice(json::member_slice(element(calls, call), "function"), "arguments");
}

}  // namespace

void ReplyAssembly::add_reasoning(std::string& into, std::string_view text) {
  if (text.empty()) return;
  // Hosts that send two names send the same text twice: people see it once.
  const bool first_name = reasoning_content_.empty() || &into == &reasoning_content_;
  into += text;
  received_bytes_ += static_cast<std::int64_t>(text.size());
  if (!first_name || deltas_ == nullptr) return;
  LeakGuard& guard = &into == &reasoning_ ? reasoning_guard_ : reasoning_content_guard_;
  show(deltas_->reasoning, guard.release(into));
}

bool ReplyAssembly::has_reasoning() const {
  return !reasoning_content_.empty() || !reasoning_.empty() || !reasoning_details_.empty();
}

void ReplyAssembly::add_content(std::string_view text) {
  if (text.empty()) return;
  // A host that sends reasoning apart has taken it out of the content.
  if (content_.empty() && has_reasoning()) {
    thinks_apart_ = true;
    think_block_ = ThinkBlock::none();
  }
  content_ += text;
  received_bytes_ += static_cast<std::int64_t>(text.size());
  if (deltas_ == nullptr) return;
  content_guard_.release(content_);
  show_content(ThinkBlock::More::kMayCome);
}

// As much of the content as is no part of a leaked call: thinking, and then the answer.
void ReplyAssembly::show_content(ThinkBlock::More more) {
  const std::string_view decided =
      std::string_view(content_).substr(0, std::min(content_guard_.shown(), content_.size()));
  const ThinkBlock::Piece piece = think_block_.release(decided, more);
  show(deltas_->reasoning, piece.reasoning);
  show(deltas_->text, piece.text);
}

// The same as whoever reads the fragment out of the journal takes for the answer.
std::string ReplyAssembly::answer(const std::string& fragment) const {
  ThinkBlock block;
  block.release(content_, ThinkBlock::More::kNone);
  if (!block.found() || fragment.empty()) return content_;
  const Result<Json> message = json::parse(fragment);
  return message.ok() ? answer_of(*message) : content_;
}

void ReplyAssembly::add_refusal(std::string_view text) {
  refusal_ += text;
  received_bytes_ += static_cast<std::int64_t>(text.size());
  if (deltas_ != nullptr) show(deltas_->text, text);
}

void ReplyAssembly::add_message(const Message& message) {
  const json::Value& value = message.value;
  add_reasoning(reasoning_content_, value.get("reasoning_content").string_or(""));
  add_reasoning(reasoning_, value.get("reasoning").string_or(""));
  reasoning_details_.add(
      value.get("reasoning_details"),
      message.whole ? ReasoningDetails::Source::kWholeMessage : ReasoningDetails::Source::kDelta);
  const json::Value content = value.get("content");
  add_content(content.string_or(""));
  for (const json::Value& part : content.elements()) {
    add_content(part.get("text").string_or(""));
  }
  add_refusal(value.get("refusal").string_or(""));
  for (const auto& [key, member] : value.members()) {
    if (std::find(kKnownMembers.begin(), kKnownMembers.end(), key) == kKnownMembers.end()) {
      keep_extra(extras_, key, member);
    }
  }
  add_calls(message);
}

// In a message that is whole each element is a call of its own. So is one in a delta that holds
// several, when nothing but its place tells it from the one before.
void ReplyAssembly::add_calls(const Message& message) {
  const std::vector<json::Value> elements = message.value.get("tool_calls").elements();
  for (std::size_t i = 0; i < elements.size(); ++i) {
    const json::Value& element = elements[i];
    const json::Value function = element.get("function");
    std::string_view written;
    if (const json::Value arguments = function.get("arguments");
        !arguments.is_string() && arguments)
      written =
          written_arguments(message.data, message.choice, message.whole ? "message" : "delta", i);
    const bool only_place_tells =
        i > 0 && !element.get("index") && !element.get("id") && function.get("name");
    show_arguments(message.whole || only_place_tells ? calls_.add_whole(element, written)
                                                     : calls_.add(element, written));
  }
  if (const json::Value function = message.value.get("function_call")) {
    show_arguments(calls_.add_function_call(function));
  }
}

void ReplyAssembly::show_arguments(std::string_view text) {
  received_bytes_ += static_cast<std::int64_t>(text.size());
  if (deltas_ != nullptr) show(deltas_->arguments, text);
}

void ReplyAssembly::replace_texts(std::string content, std::string reasoning) {
  content_ = std::move(content);
  reasoning_content_ = std::move(reasoning);
}

void ReplyAssembly::note_repair(std::string_view original) {
  constexpr std::size_t kShownBytes = 400;
  if (!repaired_) repaired_ = to_valid_utf8(original.substr(0, kShownBytes));
}

// Usage at the top level counts more than in a choice, wherever it stands in the stream. Of each
// the last wins, for some hosts count up; none are added, for some hosts send the same three times
// (fault N54).
void ReplyAssembly::take_usage(const json::Value& usage, UsagePlace place) {
  if (!usage.is_object()) return;
  usage_places_ |= static_cast<std::uint8_t>(1U << static_cast<unsigned>(place));
  if (usage_ && place < usage_place_) return;
  const json::Value input_details = usage.get("prompt_tokens_details");
  const json::Value output_details = usage.get("completion_tokens_details");
  const auto count = [](const json::Value& value) {
    return std::max<std::int64_t>(0, value.integer_or(0));
  };
  ReplyUsage taken{.input_tokens = count(usage.get("prompt_tokens")),
                   .cached_tokens = count(usage.get("cached_tokens")),
                   .cache_write_tokens = count(input_details.get("cache_write_tokens")),
                   .output_tokens = count(usage.get("completion_tokens")),
                   .reasoning_tokens = count(output_details.get("reasoning_tokens"))};
  if (taken.cached_tokens == 0) taken.cached_tokens = count(input_details.get("cached_tokens"));
  taken.cached_tokens = std::min(taken.cached_tokens, taken.input_tokens);
  if (const std::optional<double> cost = usage.get("cost").number(); cost && *cost >= 0)
    taken.usd = cost;
  usage_ = taken;
  usage_place_ = place;
}

// Hosts that hand a stream on from one server to another show it here; the reply is taken, and the
// record says so once (fault N73).
void ReplyAssembly::note_change(std::string_view field, std::string& known,
                                std::string_view value) {
  constexpr std::size_t kShownBytes = 100;
  if (value.empty() || value == known) return;
  if (known.empty()) {
    known = value;
    return;
  }
  const bool noted = std::any_of(changes_.begin(), changes_.end(),
                                 [&](const ReplyEdit& edit) { return edit.field == field; });
  if (noted) return;
  changes_.push_back(
      {.field = std::string(field),
       .original = known,
       .reason = "changed within the stream to " + std::string(utf8_prefix(value, kShownBytes))});
}

Status ReplyAssembly::add_chunk(const json::Value& chunk, std::string_view data) {
  is_stream_ = true;
  if (const json::Value error = error_in(chunk)) return classify_error_object(error);
  note_change("response_id", response_id_, chunk.get("id").string_or(""));
  note_change("model", model_, chunk.get("model").string_or(""));
  const std::vector<json::Value> choices = chunk.get("choices").elements();
  for (std::size_t i = 0; i < choices.size(); ++i) {
    const json::Value& choice = choices[i];
    if (choice.get("index").integer_or(0) != 0) continue;
    add_message({.value = choice.get("delta"), .data = data, .choice = i});
    const std::string_view finish = choice.get("finish_reason").string_or("");
    if (!finish.empty()) finish_text_ = finish;
    take_usage(choice.get("usage"), UsagePlace::kChoice);
  }
  take_usage(chunk.get("x_groq").get("usage"), UsagePlace::kExtension);
  take_usage(chunk.get("usage"), UsagePlace::kTop);
  return {};
}

void ReplyAssembly::add_text_delta(const TextDelta& delta) {
  switch (delta.member) {
    case DeltaMember::kContent:
      return add_content(delta.text);
    case DeltaMember::kReasoningContent:
      return add_reasoning(reasoning_content_, delta.text);
    case DeltaMember::kReasoning:
      return add_reasoning(reasoning_, delta.text);
  }
}

Status ReplyAssembly::add_completion(const json::Value& completion, std::string_view data) {
  if (const json::Value error = error_in(completion)) return classify_error_object(error);
  response_id_ = completion.get("id").string_or("");
  const std::vector<json::Value> choices = completion.get("choices").elements();
  if (choices.empty()) {
    return Error{.code = ErrorCode::kBadReply,
                 .message = "the reply has no choices",
                 .retry = Retry::kLater};
  }
  const auto first = std::find_if(choices.begin(), choices.end(), [](const json::Value& choice) {
    return choice.get("index").integer_or(0) == 0;
  });
  const auto place = static_cast<std::size_t>(first == choices.end() ? 0 : first - choices.begin());
  const json::Value& choice = choices[place];
  add_message({.value = choice.get("message"), .data = data, .choice = place, .whole = true});
  const std::string_view finish = choice.get("finish_reason").string_or("");
  finish_text_ = finish.empty() ? std::string_view("stop") : finish;
  take_usage(choice.get("usage"), UsagePlace::kChoice);
  take_usage(completion.get("usage"), UsagePlace::kTop);
  return {};
}

std::vector<ToolCall> ReplyAssembly::finish_calls(std::vector<AssembledCall>& assembled,
                                                  std::vector<ReplyEdit>& edits) const {
  std::vector<ToolCall> calls;
  std::set<std::string> ids;
  const auto is_used = [&](const std::string& id) {
    return ids.count(id) > 0 ||
           (context_.used_ids != nullptr && context_.used_ids->count(id) > 0) ||
           (context_.projected_ids != nullptr && context_.projected_ids->count(id) > 0);
  };
  for (std::size_t i = 0; i < assembled.size(); ++i) {
    AssembledCall& call = assembled[i];
    const std::string place = "tool_calls/" + std::to_string(i) + "/";
    const auto edit = [&](const std::string& field, const std::string& original,
                          const char* reason) {
      edits.push_back({.field = place + field, .original = original, .reason = reason});
    };
    const bool is_of_host = host_.host_functions.count(call.name) > 0;
    const std::string name = is_of_host ? call.name : legal_tool_name(call.name);
    if (name != call.name)
      edit("function/name", call.name, "not a name that hosts accept in a history");
    if (call.id.empty() || is_used(call.id)) {
      // The form that Kimi models are trained on; N counts the calls of the whole conversation. An
      // id of Anthropic's API has letters, digits, '_' and '-'.
      const bool is_plain = host_.dialect == Dialect::kAnthropic;
      std::int64_t number = context_.calls_before + static_cast<std::int64_t>(i);
      std::string id;
      do {
        id = (is_plain ? name + "_" : "functions." + name + ":") + std::to_string(number++);
      } while (is_used(id));
      edit("id", call.id, call.id.empty() ? "missing" : "repeated");
      call.id = id;
    }
    ids.insert(call.id);
    // A name that is not legal names no tool: the call is answered so, and not taken for a tool
    // whose name looks like it.
    calls.push_back(
        {.id = call.id, .name = std::string(called_tool(call.name)), .arguments = call.arguments});
    if (!parses_as_object(call.arguments)) {
      edit("function/arguments", call.arguments,
           "not a JSON object, which hosts refuse in a history");
      call.arguments = "{}";
    }
    call.name = name;
  }
  return calls;
}

std::string ReplyAssembly::reasoning_member(bool has_calls, std::vector<ReplyEdit>& edits) const {
  const bool has_text = !reasoning_content_.empty() || !reasoning_.empty();
  if (!has_text && reasoning_details_.empty()) {
    if (!has_calls || !host_.reasoning_required || context_.thinking == Thinking::kOff) return {};
    edits.push_back(
        {.field = "reasoning_content", .original = "", .reason = "the host demands one"});
    return R"("reasoning_content":" ")";
  }
  const std::string& text = reasoning_content_.empty() ? reasoning_ : reasoning_content_;
  std::vector<std::string> names = host_.reasoning_echo;
  if (names.empty()) names = {reasoning_content_.empty() ? "reasoning" : "reasoning_content"};
  // What came as nothing but details goes back as details, whatever the host usually sends.
  if (!has_text) names = {"reasoning_details"};
  for (const std::string& name : names) {
    if (name != "reasoning_details") {
      if (has_text) return json::quoted(name) + ":" + json::quoted(text);
      continue;
    }
    if (!reasoning_details_.empty()) return R"("reasoning_details":)" + reasoning_details_.json();
  }
  return {};
}

std::string ReplyAssembly::write_fragment(const std::vector<AssembledCall>& calls,
                                          std::vector<ReplyEdit>& edits) const {
  if (calls.empty() && content_.empty()) {
    // Hosts refuse an empty assistant message: it stays in the record alone.
    edits.push_back(
        {.field = "message", .original = reasoning_content_ + reasoning_, .reason = "empty"});
    return {};
  }
  std::string out;
  json::Writer writer(out);
  writer.begin_object().key("role").string("assistant");
  if (!content_.empty() || host_.empty_content == EmptyContent::kKeep) {
    writer.key("content").string(content_);
  } else if (host_.empty_content == EmptyContent::kNull) {
    writer.key("content").null();
  }
  const std::string reasoning = reasoning_member(!calls.empty(), edits);
  if (!reasoning.empty()) out += "," + reasoning;
  for (const auto& [key, text] : extras_) writer.key(key).raw(text);
  if (!calls.empty()) {
    writer.key("tool_calls").begin_array();
    for (const AssembledCall& call : calls) {
      writer.begin_object().key("id").string(call.id).key("type").string("function");
      writer.key("function").begin_object().key("name").string(call.name);
      writer.key("arguments").string(call.arguments).end_object();
      for (const auto& [key, text] : call.extras) writer.key(key).raw(text);
      writer.end_object();
    }
    writer.end_array();
  }
  writer.end_object();
  return out;
}

ReplyUsage ReplyAssembly::usage_or_estimate() const {
  // Three bytes a token is the estimate everywhere; hosts that leave the reasoning out of usage get
  // it too.
  constexpr std::int64_t kBytesPerToken = 3;
  ThinkBlock block = thinks_apart_ ? ThinkBlock::none() : ThinkBlock();
  const auto reasoning_bytes = static_cast<std::int64_t>(
      std::max({reasoning_content_.size(), reasoning_.size(),
                block.release(content_, ThinkBlock::More::kNone).reasoning.size()}));
  ReplyUsage usage = usage_.value_or(ReplyUsage{.estimated = true});
  if (usage.estimated) usage.output_tokens = received_bytes_ / kBytesPerToken;
  if (usage.reasoning_tokens == 0) {
    usage.reasoning_tokens = std::min(usage.output_tokens, reasoning_bytes / kBytesPerToken);
  }
  return usage;
}

// Whether the reply is all that the model wanted to say. What a reply says of its end is believed
// when it is known; a word that is not known, or none at all, only when everything in the reply is
// whole (faults N27 and N55).
Status ReplyAssembly::check_finish(const std::vector<AssembledCall>& calls,
                                   std::vector<ReplyEdit>& edits) const {
  if (finish_text_ == "error") {
    return Error{.code = ErrorCode::kServer,
                 .message = "the host gave up in the middle of the reply",
                 .retry = Retry::kLater};
  }
  const std::optional<FinishReason> meaning = meaning_of(finish_text_);
  const bool missing = meaning == FinishReason::kToolCalls && calls.empty() && !context_.as_sent;
  if (missing && !context_.calls_missed) {
    return Error{.code = ErrorCode::kCallsMissing,
                 .message = "the reply says that it calls tools, but holds no call",
                 .retry = Retry::kLater};
  }
  if (missing) edits.push_back({.field = "tool_calls", .reason = "announced and missing"});
  if (!meaning) {
    const bool ended = saw_end_marker_ || !finish_text_.empty();
    const bool whole = std::all_of(calls.begin(), calls.end(), [](const AssembledCall& call) {
      return parses_as_object(call.arguments);
    });
    if (!ended || !whole || (calls.empty() && content_.empty() && refusal_.empty())) {
      return Error{.code = ErrorCode::kStreamCut,
                   .message = "the reply ended before it was complete",
                   .retry = Retry::kLater};
    }
    edits.push_back({.field = "finish_reason",
                     .original = finish_text_,
                     .reason = finish_text_.empty() ? "missing" : "unknown"});
  }
  if (is_stream_ && !saw_end_marker_) {
    edits.push_back({.field = "end_marker", .original = "", .reason = "missing"});
  }
  return {};
}

// The calls that the host left in this text. What remains of the text is what goes back.
Status ReplyAssembly::take_leak(const std::string& field, std::string& text,
                                std::vector<AssembledCall>& calls, std::vector<ReplyEdit>& edits) {
  LeakedCalls found = find_leaked_calls(text);
  if (found.leak == Leak::kNone) return {};
  shape_.has_leak = true;
  const bool is_broken = found.leak == Leak::kBroken;
  const std::optional<FinishReason> end = meaning_of(finish_text_);
  // Where the host says that the reply is cut, it is no wonder; asked again, it would be cut again.
  const bool is_cut = end == FinishReason::kContentFilter || end == FinishReason::kLength;
  if (is_broken && !is_cut) {
    return Error{.code = ErrorCode::kBadReply,
                 .message = "the host left a part of a tool call in the " + field +
                            " of the reply, in the model's own tokens",
                 .retry = Retry::kLater};
  }
  if (trim(found.text).empty()) found.text.clear();
  edits.push_back({.field = field,
                   .original = std::exchange(text, std::move(found.text)),
                   .reason = !is_broken ? "tool calls in the model's own tokens became calls"
                             : end == FinishReason::kLength
                                 ? "the reply was cut at its limit in a tool call"
                                 : "the content filter ended the reply in a tool call"});
  // At the limit of output, the model learns of each call that it was cut; nothing else runs.
  if (is_broken && end != FinishReason::kLength) return {};
  for (LeakedCall& leaked : found.calls) {
    AssembledCall& call = calls.emplace_back();
    call.id = std::move(leaked.id);
    call.name = std::move(leaked.name);
    call.arguments = std::move(leaked.arguments);
  }
  return {};
}

// Calls in the model's own tokens (fault N69). They count when there are no others, and those of
// the answer before those of the thinking: what a model thought of before it answered is not what
// it did, unless the host says that it calls tools.
Status ReplyAssembly::take_leaked_calls(std::vector<AssembledCall>& calls,
                                        std::vector<ReplyEdit>& edits) {
  const bool has_ended = saw_end_marker_ || !finish_text_.empty();
  if (!calls.empty() || !has_ended || finish_text_ == "error" || context_.as_sent) return {};
  const Status status = take_leak("content", content_, calls, edits);
  if (!status.ok() || !calls.empty()) return status;
  const bool has_answer = !trim(content_).empty() || !refusal_.empty();
  if (has_answer && meaning_of(finish_text_) != FinishReason::kToolCalls) return {};
  if (Status same = take_leak("reasoning_content", reasoning_content_, calls, edits); !same.ok())
    return same;
  // Hosts that send two names send the same text, and with it the same calls, twice.
  std::vector<AssembledCall> repeated;
  if (Status same = take_leak("reasoning", reasoning_, calls.empty() ? calls : repeated, edits);
      !same.ok())
    return same;
  return take_leak_of_details(calls.empty() ? calls : repeated, edits);
}

Status ReplyAssembly::take_leak_of_details(std::vector<AssembledCall>& calls,
                                           std::vector<ReplyEdit>& edits) {
  for (std::size_t i = 0; i < reasoning_details_.size(); ++i) {
    std::string text = reasoning_details_.text(i);
    const std::size_t edits_before = edits.size();
    const std::string field = "reasoning_details/" + std::to_string(i);
    if (Status status = take_leak(field, text, calls, edits); !status.ok()) return status;
    if (edits.size() > edits_before) reasoning_details_.set_text(i, text);
  }
  return {};
}

// What was held back and turned out to be text. A leak that stays in the text, because the reply
// has other calls, is not shown either.
void ReplyAssembly::show_rest() {
  if (deltas_ == nullptr) return;
  const auto held_text = [](const LeakGuard& guard, std::string_view text) {
    const bool is_text = guard.shown() < text.size() && find_leaked_calls(text).leak == Leak::kNone;
    return is_text ? text.substr(guard.shown()) : std::string_view();
  };
  const bool has_first = !reasoning_content_.empty();
  show(deltas_->reasoning, held_text(has_first ? reasoning_content_guard_ : reasoning_guard_,
                                     has_first ? reasoning_content_ : reasoning_));
  if (!held_text(content_guard_, content_).empty()) content_guard_.release_all(content_);
  show_content(ThinkBlock::More::kNone);
}

// A filter ends a reply anywhere: calls before that place may be half of what was meant.
void ReplyAssembly::drop_filtered_calls(std::vector<AssembledCall>& calls,
                                        std::vector<ReplyEdit>& edits) const {
  if (meaning_of(finish_text_) != FinishReason::kContentFilter) return;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    edits.push_back({.field = "tool_calls/" + std::to_string(i),
                     .original = calls[i].name + " " + calls[i].arguments,
                     .reason = "the content filter ended the reply"});
  }
  calls.clear();
}

// A refusal is the answer when there is no other: people read it, and it goes back as content,
// which every host takes (fault N59).
void ReplyAssembly::take_refusal(bool has_calls, std::vector<ReplyEdit>& edits) {
  if (refusal_.empty()) return;
  const bool is_answer = content_.empty() && !has_calls;
  if (is_answer) content_ = refusal_;
  edits.push_back({.field = "refusal",
                   .original = refusal_,
                   .reason = is_answer ? "goes back as content" : "does not go back"});
}

// What may be the beginning of a leaked call, at the end, does not count: the model says it again.
UnfinishedReply ReplyAssembly::unfinished() {
  const bool has_more = has_calls_ || !calls_.calls().empty() || !refusal_.empty() || repaired_;
  if (has_more || saw_end_marker_ || !finish_text_.empty()) return {};
  for (const std::string* text : {&content_, &reasoning_content_, &reasoning_}) {
    if (find_leaked_calls(*text).leak != Leak::kNone) return {};
  }
  ThinkBlock block;
  block.release(content_, ThinkBlock::More::kNone);
  if (block.found()) return {};
  content_.resize(std::min(content_.size(), LeakGuard().release(content_).size()));
  if (trim(content_).empty()) return {};
  std::vector<ReplyEdit> edits;
  return {.fragment = write_fragment({}, edits), .text = content_};
}

Result<ModelReplied> ReplyAssembly::finish() {
  has_calls_ = !calls_.calls().empty();
  std::vector<AssembledCall> assembled = calls_.take();
  note_shape(assembled);
  std::vector<ReplyEdit> edits = std::move(noted_);
  if (Status status = take_leaked_calls(assembled, edits); !status.ok()) return status.error();
  if (Status status = check_finish(assembled, edits); !status.ok()) return status.error();
  if (repaired_) {
    edits.push_back({.field = "encoding",
                     .original = *repaired_,
                     .reason = "not valid UTF-8: what cannot be read became U+FFFD"});
  }
  edits.insert(edits.end(), changes_.begin(), changes_.end());
  show_rest();
  drop_filtered_calls(assembled, edits);
  const bool has_calls = !assembled.empty();
  take_refusal(has_calls, edits);
  ModelReplied reply;
  reply.finish = reason_of(finish_text_, has_calls);
  reply.finish_text = finish_text_;
  reply.calls = finish_calls(assembled, edits);
  reply.fragment = write_fragment(assembled, edits);
  reply.text = answer(reply.fragment);
  reply.edits = std::move(edits);
  reply.usage = usage_or_estimate();
  reply.response_id = response_id_;
  return reply;
}

}  // namespace perdure
