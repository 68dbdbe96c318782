// Journals must load for ever: the payload of every kind is pinned byte by byte, with all of its
// fields and with as few as it may have. What does not fit is damage, never a guess.
#include "core/event.h"

#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/event_names.h"
#include "json/parse.h"
#include "tests/support/json.h"

namespace perdure {
namespace {

struct Golden {
  const char* name;
  const char* kind;
  const char* payload;
  /// Members that decode() does without, as paths: "usage/usd". All others are required.
  std::vector<std::string> optional = {};
};

const std::vector<Golden> kGoldens = {
    {"RunStarted",
     "run_started",
     R"({"active_ms":0,"version":"0.1.0","agent_name":"incident","task":"Find \"it\".\n","model":)"
     R"("kimi-k2.6","host":"moonshot","base_url":"https://api.moonshot.ai/v1","workspace":"/work",)"
     R"("limits":{"window_tokens":262144,"output_tokens_max":32768,"head_bytes":5120,"price":{)"
     R"("input":0.95,"cached":0.16,"output":4,"cache_write":1.2},"attempts_max":10,)"
     R"("retry_ms":60000,"parallel_calls_max":8},)"
     R"("prefix":[{"field":"model","value":"kimi-k2.6"}],)"
     R"("budget":{"steps":40,"input_tokens":1000000,"output_tokens":50000,"reasoning_tokens":)"
     R"(20000,"usd":0.5,"wall_ms":3600000},"policy":[{"tool":"write_*","effect":"destructive",)"
     R"("path":"src/**","action":"allow"}],"acceptance_rounds":3,)"
     R"("fallback":{"endpoints":[{"model":"kimi-k2.5","host":"vllm",)"
     R"("base_url":"http://gpu:8000/v1",)"
     R"("limits":{"window_tokens":1,"output_tokens_max":2,"head_bytes":3,"price":{"input":1,)"
     R"("cached":0.5,"output":2},"attempts_max":4,"parallel_calls_max":5,"continues":true,)"
     R"("told_choice":"look"},)"
     R"("prefix":[{"field":)"
     R"("model","value":"k"}]}],"return_ms":300000,"after_ms":9,"strict_prefix":true},)"
     R"("agent":{"name": "incident"}})",
     {"limits/price",
      "limits/price/cache_write",
      "limits/retry_ms",
      "fallback/after_ms",
      "prefix",
      "budget/steps",
      "budget/input_tokens",
      "budget/output_tokens",
      "budget/reasoning_tokens",
      "budget/usd",
      "budget/wall_ms",
      "policy/0/effect",
      "policy/0/path",
      "acceptance_rounds",
      "fallback",
      "fallback/strict_prefix",
      "fallback/endpoints/0/limits/price",
      "fallback/endpoints/0/limits/continues",
      "fallback/endpoints/0/limits/told_choice",
      "fallback/endpoints/0/prefix"}},
    {"RunStartedSmall", "run_started",
     R"({"active_ms":0,"version":"0.1.0","agent_name":"","task":"","model":"m","host":"h",)"
     R"("base_url":"","workspace":"/","limits":{"window_tokens":0,"output_tokens_max":32768,)"
     R"("head_bytes":0,"attempts_max":10,"parallel_calls_max":8},"budget":{},"policy":[],)"
     R"("agent":{}})"},
    {"MessageQueuedSmall", "message_queued", R"({"active_ms":5,"text":"café 你好"})"},
    {"MessageQueued",
     "message_queued",
     R"({"active_ms":5,"text":"see","fragment":{"role":"user","content":[]},"media_tokens":70})",
     {"fragment", "media_tokens"}},
    {"MediaUploaded",
     "media_uploaded",
     R"({"active_ms":5,"blob":"ab12","base_url":"http://h/v1","url":"ms://1","problem":"none"})",
     {"url", "problem"}},
    {"RunForked",
     "run_forked",
     R"({"active_ms":5,"parent":"p","step":3,"budget":{"steps":9},"changes":["model k3"]})",
     {"budget/steps", "changes"}},
    {"MediaOmitted", "media_omitted", R"({"active_ms":5,"summary":"m at h: a.png left out"})"},
    {"MessageAdded", "message_added",
     R"({"active_ms":5,"origin":"user","fragment":{"role":"user","content":"x \u00e9 é"}})"},
    {"PrefixChanged",
     "prefix_changed",
     R"({"active_ms":6,"message":-1,"field":"model","summary":"model is 'a'","tokens":9000,)"
     R"("usd":0.007})",
     {"usd"}},
    {"HostDiffers", "host_differs",
     R"({"active_ms":6,"fact":"usage","expected":"top","seen":"none","summary":"it differs"})"},
    {"RequestSent",
     "request_sent",
     R"({"active_ms":6,"step":3,"attempt":2,"output_tokens_max":32768,"input_tokens_estimate":)"
     R"(9001,"reserved_usd":0.14,"messages":5,"messages_hash":"0123456789abcdef",)"
     R"("continues":true})",
     {"reserved_usd", "messages", "messages_hash", "continues"}},
    {"RequestFailed",
     "request_failed",
     R"({"active_ms":7,"step":3,"attempt":2,"code":"rate_limited","message":"slow down",)"
     R"("context":"http://h/v1","advice":"wait","retry":true,"retry_after_ms":7000,)"
     R"("received_bytes":12,"delay_ms":7250,"structural":true,"tools":["t"],"key_renewed":true,)"
     R"("circuit_open":true,"kept":{}})",
     {"context", "advice", "retry", "retry_after_ms", "received_bytes", "delay_ms", "structural",
      "tools", "key_renewed", "circuit_open", "kept"}},
    {"RequestFailedSmall", "request_failed",
     R"({"active_ms":7,"step":3,"attempt":1,"code":"key_rejected","message":"no"})"},
    {"RequestRepaired",
     "request_repaired",
     R"({"active_ms":7,"repair":"message","left_out":["thinking"],"told_choice":"t","tool":"t",)"
     R"("message":4,)"
     R"("summary":"message 4 is a note","prefix":[{"field":"model",)"
     R"("value":"m"}],"fragment":{"role":"user",)"
     R"("content":"x"}})",
     {"left_out", "told_choice", "tool", "prefix", "fragment"}},
    {"RequestRepairedSmall", "request_repaired",
     R"({"active_ms":7,"repair":"strict","message":-1,"summary":""})"},
    {"TrialSent",
     "trial_sent",
     R"({"active_ms":7,"step":3,"trial":2,"without":["tools/a","messages/5-9"],)"
     R"("input_tokens_estimate":900})",
     {"without"}},
    {"TrialAnswered",
     "trial_answered",
     R"({"active_ms":7,"step":3,"trial":2,"outcome":"unknown","usage":{"input_tokens":0,)"
     R"("cached_tokens":0,"output_tokens":0,"reasoning_tokens":0},"delay_ms":500,"problem":{)"
     R"("code":"server","message":"HTTP 500","retry":true}})",
     {"delay_ms", "problem/retry"}},
    {"TrialAnsweredSmall", "trial_answered",
     R"({"active_ms":7,"step":3,"trial":2,"outcome":"taken","usage":{"input_tokens":900,)"
     R"("cached_tokens":0,"output_tokens":16,"reasoning_tokens":0}})"},
    {"RetryScheduled",
     "retry_scheduled",
     R"({"active_ms":8,"delay_ms":500,"attempts_max":10,"left_ms":1800000})",
     {"attempts_max", "left_ms"}},
    {"RetryDue", "retry_due", R"({"active_ms":508})"},
    {"EndpointChanged",
     "endpoint_changed",
     R"({"active_ms":9,"from":0,"to":1,"from_name":"kimi-k2.6 at moonshot","to_name":)"
     R"("kimi-k2.5 at vllm","reason":"overloaded","message":"no capacity"})",
     {"message"}},
    {"ModelReplied",
     "model_replied",
     R"({"active_ms":9,"step":3,"finish":"tool_calls","finish_text":"stop","usage":{)"
     R"("input_tokens":900,"cached_tokens":800,"cache_write_tokens":70,"output_tokens":50,)"
     R"("reasoning_tokens":40,)"
     R"("usd":0.001,"estimated":true,)"
     R"("expected_cached_tokens":2000,"tools_usd":0.005},)"
     R"("response_id":"chatcmpl-1","first_byte_ms":120,)"
     R"("duration_ms":950,"edits":[{"field":"tool_calls/1/function/arguments","original":)"
     R"("{\"path\":","reason":"not a JSON object"},{"field":"tool_calls/1/function/name",)"
     R"("original":"functions.write file","reason":"not legal"}],"fragment":{"role":"assistant",)"
     R"("content":"Two.","reasoning_content":"Hm. ","tool_calls":[{"id":"functions.list_files:0",)"
     R"("type":"function","function":{"name":"list_files","arguments":"{ \"path\": \".\" }"}},)"
     R"({"id":"functions.write_file:1","type":"function","function":{"name":"write_file",)"
     R"("arguments":"{}"}}]}})",
     {"finish_text", "usage/cache_write_tokens", "usage/usd", "usage/estimated",
      "usage/expected_cached_tokens", "usage/tools_usd", "response_id", "edits", "fragment",
      "fragment/tool_calls"}},
    {"ModelRepliedSmall", "model_replied",
     R"({"active_ms":9,"step":1,"finish":"stop","usage":{"input_tokens":0,"cached_tokens":0,)"
     R"("output_tokens":0,"reasoning_tokens":0},"first_byte_ms":0,"duration_ms":0})"},
    {"CallAssessed",
     "call_assessed",
     R"({"active_ms":10,"call":1,"effect":"idempotent","reads":["a","b/c"],"writes":["a"],)"
     R"("exclusive":true,"hash":"00ff","summary":"write_file a","problem":{"code":)"
     R"("invalid_arguments","message":"no path","advice":"give one"}})",
     {"reads", "writes", "exclusive", "problem", "problem/advice"}},
    {"CallAssessedSmall", "call_assessed",
     R"({"active_ms":10,"call":0,"effect":"pure","hash":"","summary":""})"},
    {"CallAuthorized", "call_authorized",
     R"({"active_ms":11,"call":1,"action":"ask","rule":"default for destructive calls"})"},
    {"ApprovalAsked", "approval_asked", R"({"active_ms":12,"call":1})"},
    {"ApprovalGiven", "approval_given",
     R"({"active_ms":12,"call":1,"answer":"always","by":"person"})"},
    {"CallIntended", "call_intended",
     R"({"active_ms":13,"call":1,"attempt":2,"key":"0123456789abcdef"})"},
    {"CallFinished",
     "call_finished",
     R"({"active_ms":14,"call":1,"status":"timeout","duration_ms":120000,"output_bytes":70000,)"
     R"("output_blob":"ab12","files":[{"path":"a","hash":"cd34","written":true},{"path":"b"}],)"
     R"("fragment":{"role":"tool","tool_call_id":"functions.write_file:1","content":"late"}})",
     {"output_blob", "files", "files/0/hash", "files/0/written"}},
    {"CallFinishedSmall", "call_finished",
     R"({"active_ms":14,"call":0,"status":"ok","duration_ms":0,"output_bytes":0,"fragment":{}})"},
    {"AcceptanceStarted", "acceptance_started", R"({"active_ms":15,"round":2})"},
    {"AcceptanceFinished",
     "acceptance_finished",
     R"({"active_ms":16,"passed":false,"report":"$ make\nfailed"})",
     {"report"}},
    {"AcceptanceFinishedSmall", "acceptance_finished", R"({"active_ms":16,"passed":true})"},
    {"StopRequested", "stop_requested", R"({"active_ms":17,"cause":"wall_time"})"},
    {"RunEnded",
     "run_ended",
     R"({"active_ms":18,"outcome":"paused","reason":"steps","message":"40 of 40"})",
     {"message"}},
    {"RunEndedSmall", "run_ended", R"({"active_ms":18,"outcome":"done","reason":"done"})"},
    {"RunResumed",
     "run_resumed",
     R"({"active_ms":18,"version":"0.2.0","limits":{"window_tokens":1,"output_tokens_max":2,)"
     R"("head_bytes":3,"attempts_max":4,"parallel_calls_max":5},"prefix":[{"field":"thinking",)"
     R"("value":"off"}],"budget":{"steps":80}})",
     {"prefix", "budget/steps"}},
    {"RunResumedWithRules",
     "run_resumed",
     R"({"active_ms":18,"version":"0.2.0","limits":{"window_tokens":1,"output_tokens_max":2,)"
     R"("head_bytes":3,"attempts_max":4,"parallel_calls_max":5},"budget":{},)"
     R"("policy":[{"tool":"*","action":"allow"}]})",
     {"policy"}},
    {"RunResumedElsewhere",
     "run_resumed",
     R"({"active_ms":18,"version":"0.2.0","limits":{"window_tokens":1,"output_tokens_max":2,)"
     R"("head_bytes":3,"attempts_max":4,"parallel_calls_max":5},"budget":{},"model":"kimi-k2.6",)"
     R"("host":"moonshot","base_url":"https://api.moonshot.ai/v1",)"
     R"("fallback":{"endpoints":[{"model":"kimi-k2.5","host":"vllm",)"
     R"("base_url":"http://gpu:8000/v1",)"
     R"("limits":{"window_tokens":1,"output_tokens_max":2,"head_bytes":3,"price":{"input":1,)"
     R"("cached":0.5,"output":2},"attempts_max":4,"parallel_calls_max":5},"prefix":[{"field":)"
     R"("model","value":"k"}]}],"return_ms":300000,"strict_prefix":true},)"
     R"("endpoint":1})",
     {"model", "host", "base_url", "fallback", "endpoint", "fallback/strict_prefix",
      "fallback/endpoints/0/limits/price", "fallback/endpoints/0/prefix"}},
    {"RunResumedWithoutRules",
     "run_resumed",
     R"({"active_ms":18,"version":"0.2.0","limits":{"window_tokens":1,"output_tokens_max":2,)"
     R"("head_bytes":3,"attempts_max":4,"parallel_calls_max":5},"budget":{},"policy":[]})",
     {"policy"}},
};

class EventPayload : public testing::TestWithParam<Golden> {};

INSTANTIATE_TEST_SUITE_P(EveryKind, EventPayload, testing::ValuesIn(kGoldens),
                         [](const auto& row) { return std::string(row.param.name); });

TEST_P(EventPayload, IsReadAndWrittenByteForByte) {
  const Result<RunEvent> event = decode(GetParam().kind, GetParam().payload);
  ASSERT_TRUE(event.ok()) << to_text(event.error());
  EXPECT_EQ(kind_of(event->body), GetParam().kind);
  EXPECT_EQ(encode(*event), GetParam().payload);
}

TEST_P(EventPayload, CutAnywhereIsDamage) {
  const std::string payload = GetParam().payload;
  for (std::size_t size = 0; size < payload.size(); ++size) {
    const Result<RunEvent> event = decode(GetParam().kind, payload.substr(0, size));
    ASSERT_FALSE(event.ok()) << payload.substr(0, size);
    ASSERT_EQ(event.error().code, ErrorCode::kCorrupt);
  }
}

// Every member of the payload as "a/b/0/c". Members of `agent` and of the messages are not the
// event's own, except the calls.
void collect_paths(const Json& value, const std::string& path, std::vector<std::string>& paths) {
  const bool is_call = path.starts_with("fragment/tool_calls");
  if (path == "agent" || (path.starts_with("fragment/") && !is_call)) return;
  for (const auto& [key, member] : value.items()) {
    const std::string inner = path.empty() ? key : path + "/" + key;
    if (inner == "fragment/tool_calls/0/type" || inner == "fragment/tool_calls/1/type") continue;
    const bool opaque = inner.starts_with("fragment/") && !inner.starts_with("fragment/tool_calls");
    if (value.is_object() && !opaque) paths.push_back(inner);
    if (member.is_structured()) collect_paths(member, inner, paths);
  }
}

bool is_damage(const char* kind, const Json& payload) {
  const Result<RunEvent> event = decode(kind, json::dump(payload));
  return !event.ok() && event.error().code == ErrorCode::kCorrupt;
}

TEST_P(EventPayload, LacksNoMemberAndHasEachOfTheRightType) {
  const Golden& golden = GetParam();
  const Json whole = test::parse_json(golden.payload);
  std::vector<std::string> paths;
  collect_paths(whole, "", paths);
  for (const std::string& path : paths) {
    const Json::json_pointer pointer("/" + path);
    const bool optional =
        std::find(golden.optional.begin(), golden.optional.end(), path) != golden.optional.end();
    Json without = whole;
    without[pointer.parent_pointer()].erase(pointer.back());
    EXPECT_EQ(is_damage(golden.kind, without), !optional) << "without " << path;
    for (const Json& wrong : {Json(nullptr), Json(1.5), Json("text"), Json(true), Json::array({1}),
                              Json::object({{"a", 1}})}) {
      const Json& right = whole[pointer];
      if (wrong.type() == right.type() || (wrong.is_number() && path.ends_with("usd"))) continue;
      if (wrong.is_number() && path.find("price/") != std::string::npos) continue;
      Json changed = whole;
      changed[pointer] = wrong;
      EXPECT_TRUE(is_damage(golden.kind, changed)) << path << " as " << json::dump(wrong);
    }
  }
  for (const std::string& path : golden.optional) {
    EXPECT_EQ(std::count(paths.begin(), paths.end(), path), 1) << path << " is no member";
  }
}

TEST(Event, EveryKindHasAGolden) {
  for (const std::string_view kind : kEventKinds) {
    const bool found = std::any_of(kGoldens.begin(), kGoldens.end(),
                                   [&](const Golden& golden) { return golden.kind == kind; });
    EXPECT_TRUE(found) << kind;
  }
}

TEST(Event, UnknownKindsAndFieldsOfALaterVersion) {
  for (const char* kind : {"", "run_begun", "RetryDue", "retry_due ", "ledger_changed"}) {
    const Result<RunEvent> event = decode(kind, R"({"active_ms":0})");
    ASSERT_FALSE(event.ok()) << kind;
    EXPECT_EQ(event.error().code, ErrorCode::kCorrupt);
    EXPECT_NE(event.error().message.find(std::string("'") + kind + "'"), std::string::npos);
  }
  // A field is added, never reused: this version does without what it does not know.
  const Result<RunEvent> event = decode("retry_due", R"({"active_ms":1,"later":[{}]})");
  ASSERT_TRUE(event.ok());
  EXPECT_EQ(event->active_ms, 1);
}

// Text has one way of being written; fragments keep the bytes that they came with.
TEST(Event, TextIsWrittenInOneWay) {
  const Result<RunEvent> event = decode("message_queued", R"({"text":"\u00e9\/","active_ms":5})");
  ASSERT_TRUE(event.ok());
  EXPECT_EQ(encode(*event), R"({"active_ms":5,"text":"é/"})");
}

TEST(Event, PayloadsThatAreNoEvent) {
  for (const char* payload :
       {"", "null", "[]", "7", "\"x\"", "{}", "{\"active_ms\":}", "{\"active_ms\":1}x",
        "{\"active_ms\":\"1\"}", "{\"active_ms\":1.0}", "{\"active_ms\":9223372036854775808}",
        "{\"active_ms\":1e3}", "{\"active_ms\":1,\"x\":\"\xff\"}"}) {
    const Result<RunEvent> event = decode("retry_due", payload);
    ASSERT_FALSE(event.ok()) << payload;
    EXPECT_EQ(event.error().code, ErrorCode::kCorrupt) << payload;
  }
  EXPECT_TRUE(decode("retry_due", "{\"active_ms\":9223372036854775807}").ok());
}

// --- Names ---

template <class Table>
void expect_names(const Table& table, const std::string& kind, const std::string& payload) {
  const std::string::size_type hole = payload.find('@');
  ASSERT_NE(hole, std::string::npos);
  std::set<std::string_view> seen;
  for (const auto& [value, name] : table) {
    std::string text = payload;
    text.replace(hole, 1, name);
    const Result<RunEvent> event = decode(kind, text);
    ASSERT_TRUE(event.ok()) << text;
    EXPECT_EQ(encode(*event), text);
    EXPECT_TRUE(seen.insert(name).second) << name << " twice";
  }
  for (const std::string_view wrong : {"", "unknown", "OK", "later"}) {
    std::string text = payload;
    text.replace(hole, 1, wrong);
    EXPECT_FALSE(decode(kind, text).ok()) << text;
  }
}

TEST(Event, NamesOfEveryEnum) {
  expect_names(kOutcomeNames, "run_ended", R"({"active_ms":1,"outcome":"@","reason":"r"})");
  expect_names(kEffectNames, "call_assessed",
               R"({"active_ms":1,"call":0,"effect":"@","hash":"h","summary":"s"})");
  expect_names(kActionNames, "call_authorized",
               R"({"active_ms":1,"call":0,"action":"@","rule":"r"})");
  expect_names(kAnswerNames, "approval_given", R"({"active_ms":1,"call":0,"answer":"@","by":"b"})");
  expect_names(kCallStatusNames, "call_finished",
               R"({"active_ms":1,"call":0,"status":"@","duration_ms":0,"output_bytes":0,)"
               R"("fragment":{}})");
  expect_names(kFinishNames, "model_replied",
               R"({"active_ms":1,"step":1,"finish":"@","usage":{"input_tokens":0,)"
               R"("cached_tokens":0,"output_tokens":0,"reasoning_tokens":0},"first_byte_ms":0,)"
               R"("duration_ms":0})");
  expect_names(kOriginNames, "message_added", R"({"active_ms":1,"origin":"@","fragment":{}})");
  expect_names(kStopNames, "stop_requested", R"({"active_ms":1,"cause":"@"})");
}

TEST(Event, EveryErrorCodeIsReadBack) {
  for (int i = 0; i <= static_cast<int>(ErrorCode::kInternal); ++i) {
    const auto code = static_cast<ErrorCode>(i);
    const RunEvent event{.body = RequestFailed{.error = {.code = code, .message = "m"}}};
    const Result<RunEvent> read = decode("request_failed", encode(event));
    ASSERT_TRUE(read.ok()) << to_string(code);
    EXPECT_EQ(std::get<RequestFailed>(read->body).error.code, code);
  }
}

// --- What a reply holds in memory ---

TEST(Event, RepliesGetTheirTextAndCallsFromTheFragment) {
  std::string payload;
  for (const Golden& golden : kGoldens) {
    if (golden.name == std::string_view("ModelReplied")) payload = golden.payload;
  }
  const Result<RunEvent> event = decode("model_replied", payload);
  ASSERT_TRUE(event.ok());
  const auto& reply = std::get<ModelReplied>(event->body);
  EXPECT_EQ(reply.text, "Two.");
  ASSERT_EQ(reply.calls.size(), 2U);
  EXPECT_EQ(reply.calls[0].id, "functions.list_files:0");
  EXPECT_EQ(reply.calls[0].name, "list_files");
  EXPECT_EQ(reply.calls[0].arguments, R"({ "path": "." })");
  // The model wrote these; the fragment has what hosts accept.
  EXPECT_EQ(reply.calls[1].arguments, R"({"path":)");
  EXPECT_EQ(reply.calls[1].name, "write file");
  EXPECT_EQ(reply.calls[1].id, "functions.write_file:1");
}

TEST(Event, TextOfAReplyInEveryShape) {
  struct Shape {
    const char* content;
    const char* text;
  };
  constexpr std::array kShapes = {
      Shape{R"("plain")", "plain"},
      Shape{R"("")", ""},
      Shape{"null", ""},
      Shape{R"([{"type":"text","text":"a"},{"type":"image"},{"type":"text","text":"b"}])", "ab"},
      Shape{R"([7,{"text":7}])", ""},
      Shape{R"("\u0000\ud83d\ude00")", "\0\xF0\x9F\x98\x80"},
  };
  for (const Shape& shape : kShapes) {
    const std::string payload =
        R"({"active_ms":1,"step":1,"finish":"stop","usage":{"input_tokens":0,"cached_tokens":0,)"
        R"("output_tokens":0,"reasoning_tokens":0},"first_byte_ms":0,"duration_ms":0,)"
        R"("fragment":{"role":"assistant","content":)" +
        std::string(shape.content) + "}}";
    const Result<RunEvent> event = decode("model_replied", payload);
    ASSERT_TRUE(event.ok()) << payload;
    EXPECT_EQ(encode(*event), payload);
    const std::string& text = std::get<ModelReplied>(event->body).text;
    const bool nul = std::string_view(shape.content).starts_with(R"("\u0000)");
    EXPECT_EQ(text, nul ? std::string("\0\xF0\x9F\x98\x80", 5) : std::string(shape.text));
  }
}

TEST(Event, KindsFollowTheVariant) {
  EXPECT_EQ(kind_of(RunStarted{}), "run_started");
  EXPECT_EQ(kind_of(ModelReplied{}), "model_replied");
  EXPECT_EQ(kind_of(CallFinished{}), "call_finished");
  EXPECT_EQ(kind_of(RunResumed{}), "run_resumed");
}

// A run that is resumed has the same answer as the one that heard it.
TEST(Event, AnAnswerIsTheSameOutOfTheJournal_N70) {
  ModelReplied reply;
  reply.step = 1;
  reply.fragment = R"({"role":"assistant","content":"<think>Hm.</think>Hi"})";
  reply.text = "Hi";
  const Result<RunEvent> stored = decode("model_replied", encode({.body = reply}));
  ASSERT_TRUE(stored.ok());
  EXPECT_EQ(std::get<ModelReplied>(stored->body).text, "Hi");
  EXPECT_EQ(std::get<ModelReplied>(stored->body).fragment, reply.fragment);
}

}  // namespace
}  // namespace perdure
