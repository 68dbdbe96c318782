#include "mock/script.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace perdure {
namespace {

MockScript parsed(std::string_view toml) {
  Result<MockScript> script = parse_mock_script(toml, "s.toml");
  EXPECT_TRUE(script.ok()) << to_text(script.error());
  return script.ok() ? *script : MockScript{};
}

const ScriptedReply& only_reply(const MockScript& script) {
  return script.conversations.at(0).replies.at(0);
}

ScriptedFault only_fault(const std::string& keys) {
  const MockScript script = parsed("[[reply]]\ntext = 'x'\n[[reply.fault]]\n" + keys);
  const ScriptedReply& reply = only_reply(script);
  EXPECT_EQ(reply.faults.size(), 1U);
  return reply.faults.empty() ? ScriptedFault{} : reply.faults[0];
}

TEST(MockScript, HasDefaults) {
  const MockScript script = parsed("[[reply]]\ntext = 'hello'\n");
  EXPECT_EQ(script.model, "");
  EXPECT_EQ(script.key, "");
  EXPECT_TRUE(script.strict);
  EXPECT_TRUE(script.check_prefix);
  EXPECT_EQ(script.dialect, MockDialect::kMoonshot);
  EXPECT_EQ(script.delay_ms, 0);
  EXPECT_EQ(script.chunk_bytes, 0U);
  ASSERT_EQ(script.conversations.size(), 1U);
  EXPECT_TRUE(script.conversations[0].opening.empty());
  EXPECT_EQ(script.conversations[0].reply_count(), 1);
  const ScriptedReply& reply = only_reply(script);
  EXPECT_EQ(reply.text, "hello");
  EXPECT_EQ(reply.finish, "");
  EXPECT_FALSE(reply.has_placeholders);
}

TEST(MockScript, ReadsEveryTopLevelKey) {
  const MockScript script = parsed(R"(
model = "kimi-k3"
key = "test-key"
strict = false
check_prefix = false
dialect = "vllm"
window_tokens = 4096
delay_ms = 5
chunk_delay_ms = 6
chunk_bytes = 7
wire_bytes = 8
[[reply]]
)");
  EXPECT_EQ(script.model, "kimi-k3");
  EXPECT_EQ(script.key, "test-key");
  EXPECT_FALSE(script.strict);
  EXPECT_FALSE(script.check_prefix);
  EXPECT_EQ(script.dialect, MockDialect::kVllm);
  EXPECT_EQ(script.window_tokens, 4096);
  EXPECT_EQ(script.delay_ms, 5);
  EXPECT_EQ(script.chunk_delay_ms, 6);
  EXPECT_EQ(script.chunk_bytes, 7U);
  EXPECT_EQ(script.wire_bytes, 8U);
}

TEST(MockScript, KnowsEveryDialect) {
  const std::pair<std::string, MockDialect> rows[] = {{"moonshot", MockDialect::kMoonshot},
                                                      {"openrouter", MockDialect::kOpenRouter},
                                                      {"vllm", MockDialect::kVllm},
                                                      {"groq", MockDialect::kGroq}};
  for (const auto& [name, dialect] : rows) {
    EXPECT_EQ(parsed("dialect = '" + name + "'\n[[reply]]\n").dialect, dialect) << name;
  }
}

TEST(MockScript, ReadsEveryKeyOfAReply) {
  const MockScript script = parsed(R"(
[[reply]]
reasoning = "because"
text = "so"
finish = "length"
repeat = 10
expect = ["one", "two"]
delay_ms = 1
chunk_delay_ms = 2
new_prefix = true
usage = { prompt_tokens = 1000, cached_tokens = 900, completion_tokens = 80 }
)");
  const ScriptedReply& reply = only_reply(script);
  EXPECT_EQ(reply.reasoning, "because");
  EXPECT_EQ(reply.text, "so");
  EXPECT_EQ(reply.finish, "length");
  EXPECT_EQ(reply.repeat, 10);
  EXPECT_TRUE(reply.has_placeholders);
  EXPECT_EQ(reply.expect, (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(reply.delay_ms, 1);
  EXPECT_EQ(reply.chunk_delay_ms, 2);
  EXPECT_TRUE(reply.new_prefix);
  EXPECT_EQ(reply.usage.prompt_tokens, 1000);
  EXPECT_EQ(reply.usage.cached_tokens, 900);
  EXPECT_EQ(reply.usage.completion_tokens, 80);
  EXPECT_EQ(script.conversations[0].reply_count(), 10);
}

TEST(MockScript, ReadsCalls) {
  const MockScript script = parsed(R"(
[[reply]]
[[reply.call]]
name = "list_files"
[reply.call.arguments]
path = "."
depth = 2
[[reply.call]]
name = "broken"
id = "call_1"
arguments_text = '{"path": "."'
[[reply.call]]
name = "bare"
id = ""
)");
  const std::vector<ScriptedCall>& calls = only_reply(script).calls;
  ASSERT_EQ(calls.size(), 3U);
  EXPECT_EQ(calls[0].name, "list_files");
  EXPECT_EQ(calls[0].id, std::nullopt);
  EXPECT_EQ(calls[0].arguments, R"({"depth":2,"path":"."})");
  EXPECT_EQ(calls[1].id, "call_1");
  EXPECT_EQ(calls[1].arguments, R"({"path": ".")");
  EXPECT_EQ(calls[2].id, "");
  EXPECT_EQ(calls[2].arguments, "{}");
}

TEST(MockScript, ReadsAnswerFaults) {
  const ScriptedFault fault = only_fault(R"(
status = 429
type = "engine_overloaded_error"
retry_after = "2"
body = "busy"
content_type = "text/html"
delay_ms = 3
headers = { x-trace-id = "t1" }
)");
  EXPECT_EQ(fault.kind, FaultKind::kAnswer);
  EXPECT_EQ(fault.status, 429);
  EXPECT_EQ(fault.error_type, "engine_overloaded_error");
  EXPECT_EQ(fault.retry_after, "2");
  EXPECT_EQ(fault.body, "busy");
  EXPECT_EQ(fault.content_type, "text/html");
  EXPECT_EQ(fault.delay_ms, 3);
  ASSERT_EQ(fault.headers.size(), 1U);
  EXPECT_EQ(fault.headers[0], (std::pair<std::string, std::string>{"x-trace-id", "t1"}));
}

TEST(MockScript, ReadsEveryKindOfFault) {
  EXPECT_EQ(only_fault("body = 'x'").kind, FaultKind::kAnswer);
  EXPECT_EQ(only_fault("body = 'x'").status, 200);
  EXPECT_EQ(only_fault("raw = \"\\u0000garbage\"").kind, FaultKind::kRaw);
  EXPECT_EQ(only_fault("raw = \"\\u0000garbage\"").body, std::string("\0garbage", 8));
  EXPECT_EQ(only_fault("close = true").kind, FaultKind::kClose);
  EXPECT_EQ(only_fault("reset = true").kind, FaultKind::kReset);
  EXPECT_EQ(only_fault("delay_ms = 9").kind, FaultKind::kDelay);
  EXPECT_EQ(only_fault("without_done = true").kind, FaultKind::kWithoutDone);
  EXPECT_EQ(only_fault("empty = true").kind, FaultKind::kEmpty);
  const ScriptedFault cut = only_fault("cut_after_bytes = 300");
  EXPECT_EQ(cut.kind, FaultKind::kCut);
  EXPECT_EQ(cut.after_bytes, 300);
  EXPECT_EQ(cut.ending, CutEnding::kClose);
  EXPECT_EQ(only_fault("cut_after_bytes = 300\nreset = true").ending, CutEnding::kReset);
  EXPECT_EQ(only_fault("cut_after_bytes = 300\nreset = true").kind, FaultKind::kCut);
  EXPECT_EQ(only_fault("cut_after_bytes = 300\nclean_end = true").ending, CutEnding::kClean);
  const ScriptedFault stall = only_fault("stall_ms = 2000\nafter_bytes = 40");
  EXPECT_EQ(stall.kind, FaultKind::kStall);
  EXPECT_EQ(stall.stall_ms, 2000);
  EXPECT_EQ(stall.after_bytes, 40);
  const ScriptedFault error = only_fault("stream_error = 'upstream is gone'");
  EXPECT_EQ(error.kind, FaultKind::kStreamError);
  EXPECT_EQ(error.error_message, "upstream is gone");
  EXPECT_EQ(error.after_bytes, std::nullopt);
}

TEST(MockScript, RepeatsFaults) {
  const MockScript script = parsed(
      "[[reply]]\n[[reply.fault]]\nstatus = 503\ntimes = 3\n[[reply.fault]]\nclose = true\n");
  const std::vector<ScriptedFault>& faults = only_reply(script).faults;
  ASSERT_EQ(faults.size(), 4U);
  EXPECT_EQ(faults[2].status, 503);
  EXPECT_EQ(faults[3].kind, FaultKind::kClose);
}

TEST(MockScript, PutsConversationsWithAnOpeningFirst) {
  const MockScript script = parsed(R"(
[[reply]]
text = "for all others"
[[conversation]]
opening = ["You review"]
[[conversation.reply]]
text = "looks good"
[[conversation.reply]]
text = "bye"
)");
  ASSERT_EQ(script.conversations.size(), 2U);
  EXPECT_EQ(script.conversations[0].opening, std::vector<std::string>{"You review"});
  EXPECT_EQ(script.conversations[0].reply_count(), 2);
  EXPECT_EQ(script.conversations[1].replies[0].text, "for all others");
}

TEST(MockScript, NeedsNoRepliesForOtherConversations) {
  const MockScript script =
      parsed("[[conversation]]\nopening = ['x']\n[[conversation.reply]]\ntext = 'y'\n");
  ASSERT_EQ(script.conversations.size(), 1U);
}

struct Mistake {
  std::string toml;
  std::string place;
  std::string message;
};

TEST(MockScript, ReportsEachMistakeWithItsPlace) {
  const Mistake rows[] = {
      {"reply = [", "s.toml:1:", "not valid TOML"},
      {"model = 'x'\n", "s.toml", "the script has no [[reply]]"},
      {"modle = 'x'\n[[reply]]\n", "s.toml:1:1", "unknown key 'modle'"},
      {"model = 3\n[[reply]]\n", "s.toml:1:1", "'model' must be a string"},
      {"strict = 'no'\n[[reply]]\n", "s.toml:1:1", "'strict' must be true or false"},
      {"check_prefix = 1\n[[reply]]\n", "s.toml:1:1", "'check_prefix' must be true or false"},
      {"key = 1\n[[reply]]\n", "s.toml:1:1", "'key' must be a string"},
      {"dialect = 'ollama'\n[[reply]]\n", "s.toml:1:1", "'dialect' must be one of moonshot,"},
      {"delay_ms = -1\n[[reply]]\n", "s.toml:1:1", "'delay_ms' must be between 0 and"},
      {"chunk_delay_ms = 0.5\n[[reply]]\n", "s.toml:1:1", "'chunk_delay_ms' must be an integer"},
      {"chunk_bytes = -2\n[[reply]]\n", "s.toml:1:1", "'chunk_bytes' must be between 0 and"},
      {"wire_bytes = -2\n[[reply]]\n", "s.toml:1:1", "'wire_bytes' must be between 0 and"},
      {"window_tokens = 0\n[[reply]]\n", "s.toml:1:1", "'window_tokens' must be between 1 and"},
      {"reply = 'x'\n", "s.toml:1:1", "'reply' must be a list of tables"},
      {"[[reply]]\ntxt = 'x'\n", "s.toml:2:1", "unknown key 'txt'"},
      {"[[reply]]\ntext = 1\n", "s.toml:2:1", "'text' must be a string"},
      {"[[reply]]\nreasoning = 1\n", "s.toml:2:1", "'reasoning' must be a string"},
      {"[[reply]]\nfinish = ''\n", "s.toml:2:1", "'finish' must not be empty"},
      {"[[reply]]\nrepeat = 0\n", "s.toml:2:1", "'repeat' must be between 1 and"},
      {"[[reply]]\nexpect = 'x'\n", "s.toml:2:1", "'expect' must be an array of strings"},
      {"[[reply]]\nnew_prefix = 1\n", "s.toml:2:1", "'new_prefix' must be true or false"},
      {"[[reply]]\nusage = 3\n", "s.toml:2:1", "'usage' must be a table"},
      {"[[reply]]\nusage = { prompt = 3 }\n", "s.toml:2:11", "unknown key 'prompt'"},
      {"[[reply]]\nusage = { cached_tokens = -3 }\n", "s.toml:2:11", "'cached_tokens' must be"},
      {"[[reply]]\n[[reply.call]]\n", "s.toml:2:1", "a call needs a 'name'"},
      {"[[reply]]\n[[reply.call]]\nname = 'x'\narguments = 1\n", "s.toml:4:1",
       "'arguments' must be a table"},
      {"[[reply]]\n[[reply.call]]\nname = 'x'\narguments_text = '{}'\narguments = {}\n",
       "s.toml:4:1", "'arguments_text' does not go with 'arguments'"},
      {"[[reply]]\n[[reply.call]]\nname = 'x'\nargs = {}\n", "s.toml:4:1", "unknown key 'args'"},
      {"[[reply]]\n[[reply.call]]\nname = 'x'\nid = 3\n", "s.toml:4:1", "'id' must be a string"},
      {"[[reply]]\n[[reply.fault]]\n", "s.toml:2:1", "this fault does nothing"},
      {"[[reply]]\n[[reply.fault]]\nstatus = 99\n", "s.toml:3:1", "'status' must be between 200"},
      {"[[reply]]\n[[reply.fault]]\nstatus = 200\n", "s.toml:3:1", "needs a 'body'"},
      {"[[reply]]\n[[reply.fault]]\nstatus = 500\nclose = true\n", "s.toml:4:1",
       "a fault is one thing: 'close' does not go with 'status'"},
      {"[[reply]]\n[[reply.fault]]\nclose = true\nreset = true\n", "s.toml:4:1",
       "a fault is one thing: 'reset' does not go with 'close'"},
      {"[[reply]]\n[[reply.fault]]\nclose = false\n", "s.toml:3:1", "'close' is left out"},
      {"[[reply]]\n[[reply.fault]]\nclose = true\nretry_after = '1'\n", "s.toml:4:1",
       "'retry_after' needs 'status'"},
      {"[[reply]]\n[[reply.fault]]\nraw = 'x'\ncontent_type = 'y'\n", "s.toml:4:1",
       "'content_type' needs 'status'"},
      {"[[reply]]\n[[reply.fault]]\nreset = true\nclean_end = true\n", "s.toml:4:1",
       "a cut ends clean or with a reset"},
      {"[[reply]]\n[[reply.fault]]\ncut_after_bytes = 1\nafter_bytes = 2\n", "s.toml:4:1",
       "'after_bytes' needs 'stall_ms'"},
      {"[[reply]]\n[[reply.fault]]\nstall_ms = 0\n", "s.toml:3:1", "'stall_ms' must be between 1"},
      {"[[reply]]\n[[reply.fault]]\nstatus = 500\ntimes = 0\n", "s.toml:4:1",
       "'times' must be between 1"},
      {"[[reply]]\n[[reply.fault]]\nstatus = 500\nheaders = { a = 1 }\n", "s.toml:4:13",
       "'a' must be a string"},
      {"[[reply]]\n[[reply.fault]]\nstats = 500\n", "s.toml:3:1", "unknown key 'stats'"},
      {"[[conversation]]\n[[conversation.reply]]\n", "s.toml:1:1", "needs an 'opening'"},
      {"[[conversation]]\nopening = ['x']\n", "s.toml:1:1", "no [[conversation.reply]]"},
  };
  for (const Mistake& row : rows) {
    const Result<MockScript> script = parse_mock_script(row.toml, "s.toml");
    ASSERT_FALSE(script.ok()) << row.toml;
    const Error& error = script.error();
    EXPECT_EQ(error.code, ErrorCode::kConfig);
    EXPECT_NE(error.message.find(row.message), std::string::npos) << row.toml << error.message;
    EXPECT_EQ(error.context.substr(0, row.place.size()), row.place) << row.toml << error.context;
  }
}

TEST(MockScript, SaysWhatWasMeant) {
  const Result<MockScript> script = parse_mock_script("[[reply]]\nreasonning = 'x'\n", "s.toml");
  ASSERT_FALSE(script.ok());
  EXPECT_EQ(script.error().advice, "did you mean 'reasoning'?");
}

}  // namespace
}  // namespace perdure
