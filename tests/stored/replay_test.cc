// A stored run is replayed: the same decisions, the same requests to the byte, or the first
// difference by its name.
#include "runtime/replay.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <perdure/runtime.h>

#include "base/hash.h"
#include "runtime/engine.h"
#include "tests/support/json.h"
#include "tests/support/program.h"
#include "tests/support/result.h"
#include "tests/support/run_bench.h"

namespace perdure {
namespace {

using test::parse_json;
using test::RunBench;
using test::tool_spec;
using test::words_of;
using testing::HasSubstr;

// A reply that is cut is gone on with; a call that cannot be read is answered by the runtime.
constexpr std::string_view kReplayedScript = R"(
[[reply]]
reasoning = "I look."
text = "Looking."
[[reply.call]]
name = "look"
arguments = { where = "here" }
[[reply.call]]
name = "look"
arguments_text = "{broken"
[[reply]]
text = "I have "
finish = "length"
[[reply.fault]]
status = 503
retry_after = "0"
[[reply]]
text = "seen it."
[[reply]]
text = "Again."
)";

std::string place_of(const ReplayDifference& difference) {
  return difference.kind + " " + std::to_string(difference.message) + " " + difference.path;
}

class ReplayTest : public testing::Test {
 protected:
  void SetUp() override {
    AgentOptions options = bench_.agent_options();
    options.instructions = "Be brief.";
    Agent agent(options, bench_.runtime());
    agent.add_tool(tool_spec("look", EffectClass::kRead),
                   [](const Json&, ToolContext&) { return Json(std::string(300'000, 'x')); });
    run_ = agent.run("Look.", bench_.run_options());
    ASSERT_EQ(run_.outcome, Outcome::kDone) << run_.message;
    run_ = agent.resume(run_.run_id, "Again?", bench_.run_options());
    ASSERT_EQ(run_.text, "Again.") << run_.message;
  }

  std::vector<StoredEvent> events() {
    std::vector<StoredEvent> list;
    const Status status = bench_.runtime().read_run(run_.run_id, [&](const Event& event) {
      list.push_back({.sequence = event.sequence,
                      .at_ms = event.at_ms,
                      .kind = std::string(event.kind),
                      .payload = std::string(event.payload)});
    });
    EXPECT_TRUE(status.ok());
    return list;
  }

  // The replay of a journal in which `change` was made to the last event of `kind`.
  Result<Replay> replay_with(const std::string& kind, const std::function<void(Json&)>& change,
                             bool of_the_first = false) {
    std::vector<StoredEvent> list = events();
    StoredEvent* changed = nullptr;
    for (StoredEvent& event : list) {
      if (event.kind == kind && (changed == nullptr || !of_the_first)) changed = &event;
    }
    if (changed == nullptr) return Error{.message = "no such event"};
    Json payload = parse_json(changed->payload);
    change(payload);
    changed->payload = payload.dump();
    return Replayer(engine_of(bench_.runtime()), run_.run_id, std::move(list)).replay();
  }

  RunBench bench_{kReplayedScript};
  RunResult run_;
};

TEST_F(ReplayTest, EachRequestIsMadeAgainWithoutAHost) {
  const Result<Replay> replay = bench_.runtime().replay_run(run_.run_id);
  ASSERT_TRUE(replay.ok()) << words_of(replay);
  EXPECT_FALSE(replay->difference);
  EXPECT_EQ(replay->requests, bench_.statistics().requests);
  EXPECT_EQ(replay->requests_without_bytes, 0);
  EXPECT_EQ(replay->events, events().size());
}

// The program knows no function of this one: it has the declarations of the record.
TEST_F(ReplayTest, AnImportedRunIsReplayedElsewhereWithoutAKey) {
  std::string archive;
  ASSERT_TRUE(bench_.runtime()
                  .export_run(run_.run_id, ExportFormat::kArchive,
                              [&](std::string_view piece) {
                                archive += piece;
                                return true;
                              })
                  .ok());
  const std::string elsewhere = bench_.folder().path() + "/elsewhere";
  std::filesystem::create_directories(elsewhere);
  const ProgramResult imported =
      run_program({.arguments = {"import", "-", "--state", elsewhere}, .input = archive});
  ASSERT_EQ(imported.exit_status, 0) << imported.errors;
  const ProgramResult same = run_program({.arguments = {"replay", "last", "--state", elsewhere}});
  EXPECT_EQ(same.exit_status, 0) << same.output << same.errors;
  EXPECT_THAT(same.output, HasSubstr(run_.run_id + "  the same: 5 requests, "));
  const ProgramResult json =
      run_program({.arguments = {"replay", "last", "--json", "--state", elsewhere}});
  EXPECT_EQ(parse_json(json.output)["same"], true) << json.output;
  EXPECT_EQ(parse_json(json.output)["requests"], 5);
}

struct ChangedEvent {
  const char* name;
  const char* kind;
  const char* pointer;  // to what is changed
  const char* value;    // JSON; "" takes it away
  const char* expected;
};

const ChangedEvent kChanges[] = {
    {"ANote", "message_added", "/fragment/content", R"("Other words.")",
     "message_added 6 fragment/content"},
    {"TheCapOfAReply", "request_sent", "/output_tokens_max", "1000",
     "request_sent -1 output_tokens_max"},
    {"TheMessages", "request_sent", "/body/messages_hash", R"("0123456789abcdef")", "request 5 "},
    {"TheNumberOfMessages", "request_sent", "/body/messages", "3", "request 5 "},
    {"AFieldThatIsGone", "run_ended", "/reason", "", ""},
    {"TheEnd", "run_ended", "/reason", R"("length")", "run_ended -1 reason"},
    {"ThePolicy", "call_authorized", "/action", R"("deny")", "call_authorized -1 action"},
};

class ChangedReplay : public ReplayTest, public testing::WithParamInterface<ChangedEvent> {};
INSTANTIATE_TEST_SUITE_P(Events, ChangedReplay, testing::ValuesIn(kChanges),
                         [](const auto& row) { return std::string(row.param.name); });

TEST_P(ChangedReplay, IsFoundAndNamed) {
  const ChangedEvent& row = GetParam();
  const Result<Replay> replay = replay_with(row.kind, [&](Json& payload) {
    const Json::json_pointer pointer(row.pointer);
    if (*row.value == '\0') {
      payload[pointer.parent_pointer()].erase(pointer.back());
    } else {
      payload[pointer] = parse_json(row.value);
    }
  });
  if (*row.expected == '\0') {
    // What does not fit its kind is damage.
    EXPECT_EQ(test::code_of(replay), "corrupt");
    return;
  }
  ASSERT_TRUE(replay.ok()) << words_of(replay);
  ASSERT_TRUE(replay->difference);
  EXPECT_EQ(place_of(*replay->difference), row.expected);
  EXPECT_NE(replay->difference->was, replay->difference->now);
}

// Another version of Perdure may declare a tool in other words.
TEST_F(ReplayTest, AMemberOfTheHeadIsNamedWithBothValues) {
  const auto change = [](Json& payload) {
    std::string head = payload["body"]["head"];
    const std::string stream = R"("stream":true)";
    head.replace(head.find(stream), stream.size(), R"("stream":false)");
    payload["body"]["head"] = head;
    payload["body"]["head_hash"] = to_hex(sha256(head)).substr(0, 32);
  };
  const Result<Replay> replay = replay_with("request_sent", change, true);
  ASSERT_TRUE(replay.ok()) << words_of(replay);
  ASSERT_TRUE(replay->difference);
  EXPECT_EQ(place_of(*replay->difference), "request -1 stream");
  EXPECT_EQ(replay->difference->was, "false");
  EXPECT_EQ(replay->difference->now, "true");
  EXPECT_EQ(replay->difference->step, 1);
}

TEST_F(ReplayTest, AMemberOfTheTailIsNamedWithBothValues) {
  const Result<Replay> replay = replay_with("request_sent", [](Json& payload) {
    const std::string tail = R"(],"max_completion_tokens":7})";
    payload["body"]["tail"] = tail;
    payload["body"]["tail_hash"] = to_hex(sha256(tail)).substr(0, 32);
  });
  ASSERT_TRUE(replay.ok()) << words_of(replay);
  ASSERT_TRUE(replay->difference);
  EXPECT_EQ(replay->difference->was, "7");
  EXPECT_THAT(replay->difference->path, HasSubstr("max_"));
}

TEST_F(ReplayTest, ARequestOfAnOlderVersionIsComparedByItsMessages) {
  const auto without = [](Json& payload) { payload.erase("body"); };
  const Result<Replay> same = replay_with("request_sent", without);
  ASSERT_TRUE(same.ok()) << words_of(same);
  EXPECT_FALSE(same->difference);
  EXPECT_EQ(same->requests_without_bytes, 1);
}

TEST_F(ReplayTest, TheProgramSaysWhatDiffersAndEndsWithOne) {
  // The same run with another profile of its host.
  bench_.end_runtime();
  const std::string config = bench_.folder().path() + "/config";
  const ProgramResult same =
      run_program({.arguments = {"replay", "last", "--state", bench_.state()},
                   .environment = {{"XDG_CONFIG_HOME", config}}});
  EXPECT_EQ(same.exit_status, 0) << same.output << same.errors;
  std::filesystem::create_directories(config + "/perdure/hosts");
  std::ifstream file(std::filesystem::path(PERDURE_SOURCE_DIR) / "profiles/hosts/mock.toml");
  std::string profile{std::istreambuf_iterator<char>(file), {}};
  const std::string with_key = "prompt_cache_key = true";
  profile.replace(profile.find(with_key), with_key.size(), "prompt_cache_key = false");
  bench_.folder().write("config/perdure/hosts/mock.toml", profile);
  const ProgramResult other =
      run_program({.arguments = {"replay", "last", "--state", bench_.state()},
                   .environment = {{"XDG_CONFIG_HOME", config}}});
  EXPECT_EQ(other.exit_status, 1) << other.output << other.errors;
  EXPECT_THAT(other.output, HasSubstr("differs: the request of step 1 (event 5), "
                                      "prompt_cache_key\n  then: \"" +
                                      run_.run_id + "\"\n  now:  (missing)\n"));
}

TEST_F(ReplayTest, ARunThatIsNotThereIsAnError) {
  const ProgramResult result =
      run_program({.arguments = {"replay", "nothing", "--state", bench_.state()}});
  EXPECT_EQ(result.exit_status, 2);
  EXPECT_THAT(result.errors, HasSubstr("there is no run 'nothing'"));
}

}  // namespace
}  // namespace perdure
