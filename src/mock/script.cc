#include "mock/script.h"

#include <algorithm>
#include <array>
#include <limits>
#include <span>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "json/parse.h"
#include "json/toml.h"

namespace perdure {
namespace {

constexpr std::int64_t kDelayMaxMs = 24 * 3600 * 1000;
constexpr std::int64_t kRepeatMax = 1'000'000;
constexpr std::int64_t kTimesMax = 1000;
constexpr std::int64_t kBytesMax = 1 << 30;
constexpr std::int64_t kTokensMax = std::numeric_limits<std::int64_t>::max() / 4;

// The key that makes a fault what it is.
struct FaultSelector {
  std::string_view key;
  FaultKind kind;
};
constexpr std::array kFaultSelectors = {
    FaultSelector{"status", FaultKind::kAnswer},
    FaultSelector{"body", FaultKind::kAnswer},
    FaultSelector{"raw", FaultKind::kRaw},
    FaultSelector{"close", FaultKind::kClose},
    FaultSelector{"cut_after_bytes", FaultKind::kCut},
    FaultSelector{"reset", FaultKind::kReset},
    FaultSelector{"stall_ms", FaultKind::kStall},
    FaultSelector{"stream_error", FaultKind::kStreamError},
    FaultSelector{"without_done", FaultKind::kWithoutDone},
    FaultSelector{"empty", FaultKind::kEmpty},
};

// A key that only means something beside others.
struct FaultDetail {
  std::string_view key;
  std::array<FaultKind, 2> kinds;
  std::string_view needs;
};
constexpr std::array kFaultDetails = {
    FaultDetail{"type", {FaultKind::kAnswer, FaultKind::kAnswer}, "'status'"},
    FaultDetail{"content_type", {FaultKind::kAnswer, FaultKind::kAnswer}, "'status' or 'body'"},
    FaultDetail{"retry_after", {FaultKind::kAnswer, FaultKind::kAnswer}, "'status' or 'body'"},
    FaultDetail{"headers", {FaultKind::kAnswer, FaultKind::kAnswer}, "'status' or 'body'"},
    FaultDetail{"clean_end", {FaultKind::kCut, FaultKind::kCut}, "'cut_after_bytes'"},
    FaultDetail{"after_bytes",
                {FaultKind::kStall, FaultKind::kStreamError},
                "'stall_ms' or 'stream_error'"},
};

constexpr std::array<std::string_view, 4> kDialectNames = {"moonshot", "openrouter", "vllm",
                                                           "groq"};

// A switch that is only ever written to turn something on.
bool is_on(TomlTable& table, std::string_view key) {
  const std::optional<bool> value = table.boolean(key);
  if (value == false) table.mistake(key, fmt::format("'{}' is left out, not set to false", key));
  return value.value_or(false);
}

// Reads what the fault is, and refuses two kinds in one.
FaultKind read_kind(TomlTable& table) {
  std::optional<FaultKind> kind;
  std::string_view first;
  for (const auto& [key, selected] : kFaultSelectors) {
    if (!table.has(key)) continue;
    const bool refines_cut = key == "reset" && kind == FaultKind::kCut;
    if (!kind) {
      kind = selected;
      first = key;
    } else if (*kind != selected && !refines_cut) {
      table.mistake(key,
                    fmt::format("a fault is one thing: '{}' does not go with '{}'", key, first),
                    "write a second [[reply.fault]]; they happen one after the other");
    }
  }
  return kind.value_or(FaultKind::kDelay);
}

void read_answer(TomlTable& table, ScriptedFault& fault) {
  fault.status = static_cast<int>(table.integer("status", 200, 599).value_or(200));
  fault.error_type = table.string("type").value_or("");
  fault.body = table.string("body");
  fault.content_type = table.string("content_type").value_or(fault.content_type);
  fault.retry_after = table.string("retry_after").value_or("");
  if (fault.kind == FaultKind::kAnswer && fault.status < 400 && !fault.body) {
    table.mistake("status", fmt::format("a fault with status {} needs a 'body'", fault.status));
  }
  std::optional<TomlTable> headers = table.table("headers");
  if (!headers) return;
  for (const std::string& name : headers->keys()) {
    fault.headers.emplace_back(name, headers->string(name).value_or(""));
  }
}

void check_details(TomlTable& table, FaultKind kind) {
  for (const FaultDetail& detail : kFaultDetails) {
    if (!table.has(detail.key) || kind == detail.kinds[0] || kind == detail.kinds[1]) continue;
    table.mistake(detail.key, fmt::format("'{}' needs {} beside it", detail.key, detail.needs));
  }
}

void read_fault(TomlTable table, std::vector<ScriptedFault>& faults) {
  ScriptedFault fault;
  fault.kind = read_kind(table);
  fault.delay_ms = table.integer("delay_ms", 0, kDelayMaxMs).value_or(0);
  read_answer(table, fault);
  if (fault.kind == FaultKind::kRaw) fault.body = table.string("raw");
  const bool reset = is_on(table, "reset");
  const bool clean = is_on(table, "clean_end");
  if (reset && clean) table.mistake("clean_end", "a cut ends clean or with a reset, not both");
  fault.ending = reset ? CutEnding::kReset : clean ? CutEnding::kClean : CutEnding::kClose;
  fault.after_bytes = table.integer("after_bytes", 0, kBytesMax);
  if (const auto cut = table.integer("cut_after_bytes", 0, kBytesMax)) fault.after_bytes = cut;
  fault.streams_only = is_on(table, "streams_only");
  fault.stall_ms = table.integer("stall_ms", 1, kDelayMaxMs).value_or(0);
  fault.error_message = table.string("stream_error").value_or("");
  for (const std::string_view key : {"close", "without_done", "empty"}) is_on(table, key);
  check_details(table, fault.kind);
  // A misspelt key is reported as what it is, not as missing.
  const std::vector<std::string> keys = table.keys();
  const bool says_nothing = std::all_of(keys.begin(), keys.end(), [](const std::string& key) {
    return key == "times" || key == "delay_ms" || key == "streams_only";
  });
  if (says_nothing && fault.delay_ms == 0) {
    table.mistake("", "this fault does nothing",
                  "give it a status, raw, close, reset, cut_after_bytes, stall_ms, stream_error, "
                  "without_done, empty or delay_ms");
  }
  const std::int64_t times = table.integer("times", 1, kTimesMax).value_or(1);
  faults.insert(faults.end(), static_cast<std::size_t>(times), fault);
}

ScriptedCall read_call(TomlTable table) {
  ScriptedCall call;
  const std::optional<std::string> name = table.string("name");
  if (!name && !table.has("name")) table.mistake("", "a call needs a 'name'");
  call.name = name.value_or("");
  call.id = table.string("id");
  call.arguments = table.string("arguments_text").value_or("{}");
  const std::optional<Json> arguments = table.json("arguments");
  if (!arguments) return call;
  if (table.has("arguments_text")) {
    table.mistake("arguments_text", "'arguments_text' does not go with 'arguments'");
  }
  if (!arguments->is_object()) {
    table.mistake("arguments", "'arguments' must be a table",
                  "'arguments_text' takes any text, valid or not");
  }
  call.arguments = json::dump(*arguments);
  return call;
}

ScriptedUsage read_usage(std::optional<TomlTable> table) {
  if (!table) return {};
  return {.prompt_tokens = table->integer("prompt_tokens", 0, kTokensMax),
          .cached_tokens = table->integer("cached_tokens", 0, kTokensMax),
          .completion_tokens = table->integer("completion_tokens", 0, kTokensMax)};
}

ScriptedReply read_reply(TomlTable table) {
  ScriptedReply reply;
  reply.reasoning = table.string("reasoning").value_or("");
  reply.text = table.string("text").value_or("");
  reply.finish = table.string("finish").value_or("");
  if (table.has("finish") && reply.finish.empty()) {
    table.mistake("finish", "'finish' must not be empty", "leave it out for the usual one");
  }
  for (const TomlTable& call : table.tables("call")) reply.calls.push_back(read_call(call));
  for (const TomlTable& fault : table.tables("fault")) read_fault(fault, reply.faults);
  reply.expect = table.strings("expect").value_or(reply.expect);
  reply.usage = read_usage(table.table("usage"));
  reply.delay_ms = table.integer("delay_ms", 0, kDelayMaxMs);
  reply.chunk_delay_ms = table.integer("chunk_delay_ms", 0, kDelayMaxMs);
  reply.new_prefix = table.boolean("new_prefix").value_or(false);
  reply.has_placeholders = table.has("repeat");
  reply.repeat = table.integer("repeat", 1, kRepeatMax).value_or(1);
  return reply;
}

ScriptedConversation read_conversation(TomlTable& table, std::vector<std::string> opening) {
  ScriptedConversation conversation{.opening = std::move(opening)};
  for (const TomlTable& reply : table.tables("reply")) {
    conversation.replies.push_back(read_reply(reply));
  }
  conversation.count_replies();
  return conversation;
}

void read_conversations(TomlTable& root, MockScript& script) {
  for (TomlTable& table : root.tables("conversation")) {
    std::vector<std::string> opening =
        table.strings("opening").value_or(std::vector<std::string>{});
    if (opening.empty()) {
      table.mistake(table.has("opening") ? "opening" : "", "a conversation needs an 'opening'",
                    "texts that stand in its system or first user message");
    }
    script.conversations.push_back(read_conversation(table, std::move(opening)));
    if (script.conversations.back().replies.empty()) {
      table.mistake("", "this conversation has no [[conversation.reply]]");
    }
  }
  if (root.has("reply") || script.conversations.empty()) {
    script.conversations.push_back(read_conversation(root, {}));
  }
  if (script.conversations.back().replies.empty()) root.mistake("", "the script has no [[reply]]");
}

void read_refusals(TomlTable& root, MockScript& script) {
  for (TomlTable& table : root.tables("refuse")) {
    ScriptedRefusal refusal;
    refusal.containing = table.strings("containing").value_or(std::vector<std::string>{});
    refusal.lacking = table.strings("lacking").value_or(std::vector<std::string>{});
    if (refusal.containing.empty() && refusal.lacking.empty()) {
      table.mistake("", "a refusal needs 'containing' or 'lacking'",
                    "texts that stand, or do not stand, in the body of a request");
    }
    refusal.status = static_cast<int>(table.integer("status", 400, 599).value_or(refusal.status));
    refusal.type = table.string("type").value_or(refusal.type);
    refusal.message = table.string("message").value_or("the request is refused");
    script.refusals.push_back(std::move(refusal));
  }
}

MockScript read_script(TomlTable root) {
  MockScript script;
  script.model = root.string("model").value_or("");
  script.key = root.string("key").value_or("");
  script.strict = root.boolean("strict").value_or(script.strict);
  script.check_prefix = root.boolean("check_prefix").value_or(script.check_prefix);
  script.refuses = root.strings("refuses").value_or(script.refuses);
  const std::string dialect = root.choice("dialect", kDialectNames).value_or("moonshot");
  for (std::size_t i = 0; i < kDialectNames.size(); ++i) {
    if (dialect == kDialectNames[i]) script.dialect = static_cast<MockDialect>(i);
  }
  script.window_tokens = root.integer("window_tokens", 1, kTokensMax).value_or(0);
  script.delay_ms = root.integer("delay_ms", 0, kDelayMaxMs).value_or(0);
  script.chunk_delay_ms = root.integer("chunk_delay_ms", 0, kDelayMaxMs).value_or(0);
  const auto bytes = [&](std::string_view key) {
    return static_cast<std::size_t>(root.integer(key, 0, kBytesMax).value_or(0));
  };
  script.chunk_bytes = bytes("chunk_bytes");
  script.wire_bytes = bytes("wire_bytes");
  read_refusals(root, script);
  read_conversations(root, script);
  return script;
}

}  // namespace

void ScriptedConversation::count_replies() {
  ends.clear();
  for (const ScriptedReply& reply : replies) ends.push_back(reply_count() + reply.repeat);
}

Result<MockScript> parse_mock_script(std::string_view toml, const std::string& file) {
  Result<TomlDocument> document = TomlDocument::parse(toml, file);
  if (!document.ok()) return document.error();
  MockScript script = read_script(document->root());
  const std::vector<Error> mistakes = document->finish();
  if (!mistakes.empty()) return mistakes.front();
  return script;
}

}  // namespace perdure
