// Whole runs at an endpoint that fails or a model that misbehaves, named after the rows of the
// fault table that the ids stand for: how the run ends, what the model is told, and which calls are
// run. The endpoint refuses whatever a strict host would refuse, so that no row can end in a
// history that no host takes.
#include <atomic>
#include <iterator>
#include <ostream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <perdure/agent.h>

#include "tests/support/json.h"
#include "tests/support/run_bench.h"

namespace perdure {
namespace {

using test::parse_json;
using test::RunBench;
using test::tool_spec;
using testing::HasSubstr;

const std::string kAnswer = "\n[[reply]]\ntext = \"Done.\"\n";

// A reply that calls a tool with this text for arguments, then the answer.
std::string call_script(const std::string& name, const std::string& arguments) {
  return "[[reply]]\n[[reply.call]]\nname = '" + name + "'\narguments_text = '''" + arguments +
         "'''\n" + kAnswer;
}

// The answer behind one fault.
std::string fault_script(const std::string& fault) {
  return kAnswer + "[[reply.fault]]\n" + fault + "\n";
}

struct RunRow {
  std::string name;
  std::string script;
  std::string end;        // "OUTCOME REASON", then " N requests, N calls run"
  std::string told = {};  // in the second request
};

void PrintTo(const RunRow& row, std::ostream* out) {
  *out << row.name;
}

class RunRows : public testing::TestWithParam<RunRow> {
 protected:
  // With the tools "look", which only reads, and "change", which does not; both take a number "n",
  // and only "change" needs it.
  RunResult run(RunBench& bench) { return make_agent(bench).run("Go.", bench.run_options()); }

  Agent make_agent(RunBench& bench) {
    AgentOptions options = bench.agent_options();
    options.attempts_max = 2;
    options.policy = {{.action = PolicyAction::kAllow}};
    options.host = host_;
    Agent agent(options, bench.runtime());
    const Json number = {{"type", "object"}, {"properties", {{"n", {{"type", "integer"}}}}}};
    Json needed = number;
    needed["required"] = {"n"};
    const auto count = [this](const Json&, ToolContext&) -> Result<Json> {
      ++calls_run_;
      return Json("the same as ever");
    };
    agent.add_tool(tool_spec("look", EffectClass::kRead, number), count);
    agent.add_tool(tool_spec("change", EffectClass::kDestructive, needed), count);
    return agent;
  }

  std::string end_of(const RunBench& bench, const RunResult& result) const {
    return std::string(to_string(result.outcome)) + " " + result.reason + " " +
           std::to_string(bench.statistics().requests) + " requests, " +
           std::to_string(calls_run_) + " calls run";
  }

  std::string host_ = "mock";
  std::atomic<int> calls_run_ = 0;
};

TEST_P(RunRows, EndAsTheTableSays) {
  RunBench bench(GetParam().script);
  const RunResult result = run(bench);
  EXPECT_EQ(end_of(bench, result), GetParam().end) << result.message;
  EXPECT_EQ(bench.statistics().refused, 0) << "the strict endpoint took every request";
  EXPECT_THAT(bench.request(2), HasSubstr(GetParam().told));
}

const RunRow kFailures[] = {
    {"N01_more_than_anybody_waits", fault_script("status = 429\nretry_after = '86400'"),
     "paused rate_limited 1 requests, 0 calls run"},
    {"N01_a_date_that_is_far",
     fault_script("status = 429\nretry_after = 'Fri, 31 Dec 9999 23:59:59 GMT'"),
     "paused rate_limited 1 requests, 0 calls run"},
    {"N01_a_date_in_the_past",
     fault_script("status = 429\nretry_after = 'Fri, 31 Dec 1999 23:59:59 GMT'"),
     "done done 2 requests, 0 calls run"},
    {"N01_a_host_that_is_down_for_a_day", fault_script("status = 503\nretry_after = '86400'"),
     "paused overloaded 1 requests, 0 calls run"},
    {"N02_a_reset_that_is_far",
     fault_script("status = 429\nbody = '{}'\n"
                  "headers = { x-ratelimit-reset-requests = '86400s' }"),
     "paused rate_limited 1 requests, 0 calls run"},
    {"N02_a_reset_that_is_near",
     fault_script("status = 429\nbody = '{}'\n"
                  "headers = { x-ratelimit-reset-requests = '5ms' }"),
     "done done 2 requests, 0 calls run"},
    {"N03_quota", fault_script("status = 429\ntype = 'exceeded_current_quota_error'"),
     "endpoint_permanent quota 1 requests, 0 calls run"},
    {"N05_again_and_again", fault_script("status = 502\ntimes = 2"),
     "endpoint_temporary server 2 requests, 0 calls run"},
    {"N07_context_full",
     fault_script("status = 400\nbody = '{\"error\":{\"message\":\"maximum context length\"}}'"),
     "paused context_full 1 requests, 0 calls run"},
    {"N07_too_large", fault_script("status = 413"),
     "endpoint_permanent too_large 1 requests, 0 calls run"},
    {"N10_key", fault_script("status = 401"),
     "endpoint_permanent key_rejected 1 requests, 0 calls run"},
    {"N10_model", fault_script("status = 404"),
     "endpoint_permanent model_not_found 1 requests, 0 calls run"},
    {"N11_moved",
     fault_script("status = 308\nbody = ''\nheaders = { Location = 'http://127.0.0.1:1/' }"),
     "endpoint_permanent bad_request 1 requests, 0 calls run"},
};
INSTANTIATE_TEST_SUITE_P(Failures, RunRows, testing::ValuesIn(kFailures),
                         [](const auto& row) { return row.param.name; });

const std::string kOneRun = "done done 2 requests, 1 calls run";
const std::string kNotRun = "done done 2 requests, 0 calls run";

const RunRow kCalls[] = {
    {"N58_cut_in_the_arguments",
     "[[reply]]\nfinish = 'length'\n[[reply.call]]\nname = 'change'\narguments_text = "
     "'{\"n\":1}'\n" +
         kAnswer,
     kNotRun, "your reply was cut at the limit of output tokens"},
    {"N65_a_tool_that_does_not_exist", call_script("chnage", R"({"n":1})"), kNotRun,
     "there is no tool named 'chnage'"},
    {"N65_a_name_that_no_host_takes_back", call_script("change it!", R"({"n":1})"), kNotRun,
     "there is no tool named"},
    {"N65_a_prefix", call_script("functions.change", R"({"n":1})"), kOneRun},
    {"N66_no_arguments_for_a_tool_that_needs_none", call_script("look", ""), kOneRun},
    {"N66_no_arguments_for_a_tool_that_changes", call_script("change", ""), kNotRun,
     "the call has no arguments"},
    {"N66_null", call_script("look", "null"), kNotRun, "must be a JSON object, not null"},
    {"N66_a_list", call_script("look", "[1]"), kNotRun, "must be a JSON object, not array"},
    {"N66_encoded_twice_for_a_tool_that_reads", call_script("look", R"("{\"n\":1}")"), kOneRun},
    {"N66_encoded_twice_for_a_tool_that_changes", call_script("change", R"("{\"n\":1}")"), kNotRun,
     "must be a JSON object, not string"},
    {"N67_one_brace_too_many", call_script("change", R"({"n":1}})"), kNotRun,
     "Send the call again with complete, valid JSON."},
    {"N67_prose", call_script("change", R"(Sure! {"n":1})"), kNotRun, "You sent: Sure!"},
    {"N67_a_fence", call_script("change", "```json\n{\"n\":1}\n```"), kNotRun, "You sent: ```json"},
    {"N67_python", call_script("change", R"({"n":None})"), kNotRun, "You sent: "},
    {"N67_cut", call_script("change", R"({"n":)"), kNotRun, "You sent: "},
    {"N68_another_type", call_script("change", R"({"n":"one"})"), kNotRun, "/n: "},
    {"N68_a_field_is_missing", call_script("change", "{}"), kNotRun,
     "do not fit the schema of change"},
    {"N68_a_fraction", call_script("look", R"({"n":1.5})"), kNotRun, "/n: "},
    {"N74_the_same_call_twice",
     "[[reply]]\n[[reply.call]]\nname = 'look'\n[[reply.call]]\nname = 'look'\n" + kAnswer,
     "done done 2 requests, 2 calls run"},
};
INSTANTIATE_TEST_SUITE_P(Calls, RunRows, testing::ValuesIn(kCalls),
                         [](const auto& row) { return row.param.name; });

std::string repeated_calls(int count, const std::vector<std::string>& arguments) {
  std::string script;
  for (int i = 0; i < count; ++i) {
    script += "[[reply]]\n[[reply.call]]\nname = 'look'\narguments_text = '" +
              arguments[static_cast<std::size_t>(i) % arguments.size()] + "'\n";
  }
  return script + kAnswer;
}

const RunRow kLoops[] = {
    {"N57_calls_are_announced_and_missing",
     "[[reply]]\nfinish = 'tool_calls'\ntext = 'I look.'\n" + kAnswer,
     "done done 3 requests, 0 calls run"},
    {"N57_calls_are_announced_and_missing_again_and_again",
     "[[reply]]\nfinish = 'tool_calls'\ntext = 'I look.'\nrepeat = 9\n" + kAnswer,
     "stuck missing_calls 6 requests, 0 calls run"},
    {"N57_nothing_but_the_announcement", "[[reply]]\nfinish = 'tool_calls'\n" + kAnswer,
     "stuck missing_calls 6 requests, 0 calls run"},
    {"N75_the_same_call_again", repeated_calls(40, {R"({"n":1})"}),
     "stuck repeated_calls 8 requests, 8 calls run"},
    {"N75_two_calls_by_turns", repeated_calls(40, {R"({"n":1})", R"({"n":2})"}),
     "stuck repeated_calls 16 requests, 16 calls run"},
    {"N75_fewer_than_a_loop", repeated_calls(3, {R"({"n":1})"}),
     "done done 4 requests, 3 calls run"},
    {"N76_nothing_again_and_again", fault_script("empty = true\ntimes = 9"),
     "stuck empty_replies 3 requests, 0 calls run", "had neither text nor a tool call"},
    {"N76_nothing_once",
     "[[reply]]\n[[reply.call]]\nname = 'look'\n" + fault_script("empty = true"),
     "done done 3 requests, 1 calls run"},
};
INSTANTIATE_TEST_SUITE_P(Loops, RunRows, testing::ValuesIn(kLoops),
                         [](const auto& row) { return row.param.name; });

// The same rows where the same endpoint is asked in Anthropic's dialect.
class MessagesRuns : public RunRows {
 protected:
  MessagesRuns() { host_ = "mock-anthropic"; }
};

TEST_P(MessagesRuns, EndAsTheTableSays) {
  RunBench bench(GetParam().script);
  const RunResult result = run(bench);
  EXPECT_EQ(end_of(bench, result), GetParam().end) << result.message;
  EXPECT_EQ(bench.statistics().refused, 0) << "the strict endpoint took every request";
  EXPECT_THAT(bench.request(1), HasSubstr("\"system\":[{\"type\":\"text\""));
  EXPECT_THAT(bench.request(2), HasSubstr(GetParam().told));
}

// That dialect begins a call with an empty object, so "no arguments" cannot be told from "{}".
std::vector<RunRow> rows_of_messages() {
  std::vector<RunRow> rows(std::begin(kFailures), std::end(kFailures));
  rows.insert(rows.end(), std::begin(kCalls), std::end(kCalls));
  rows.insert(rows.end(), std::begin(kLoops), std::end(kLoops));
  for (RunRow& row : rows) {
    if (row.name == "N66_no_arguments_for_a_tool_that_changes")
      row.told = "do not fit the schema of change";
  }
  return rows;
}
INSTANTIATE_TEST_SUITE_P(All, MessagesRuns, testing::ValuesIn(rows_of_messages()),
                         [](const auto& row) { return row.param.name; });

using FaultRuns = RunRows;

// The run stands still with all that it has, and a resume asks at once, whatever the host said.
TEST_F(FaultRuns, N01_APauseSaysWhenAndHowToGoOn) {
  RunBench bench("[[reply]]\n[[reply.call]]\nname = 'look'\n" +
                 fault_script("status = 429\nretry_after = '7200'"));
  const RunResult result = run(bench);
  EXPECT_EQ(end_of(bench, result), "paused rate_limited 2 requests, 1 calls run");
  EXPECT_EQ(exit_status(result.outcome), 3);
  EXPECT_THAT(result.message,
              testing::MatchesRegex(".*\\(the host asks to wait 2h 00m\\); go on after "
                                    "[0-9]+-[0-9]+-[0-9]+T[0-9]+:[0-9]+:[0-9.]+Z with: "
                                    "perdure resume " +
                                    result.run_id));
  bench.start_runtime();
  const RunResult resumed = make_agent(bench).resume(result.run_id, "", bench.run_options());
  EXPECT_EQ(resumed.outcome, Outcome::kDone) << resumed.message;
  EXPECT_EQ(resumed.text, "Done.");
  EXPECT_EQ(bench.statistics().requests, 3);
  EXPECT_EQ(bench.statistics().refused, 0) << "the call and its result are still there";
}

// What no host would take back is sent back legal, and stays in the journal as it came.
TEST_F(FaultRuns, N09_WhatTheModelSentStaysInTheJournal) {
  RunBench bench(
      "[[reply]]\n[[reply.call]]\nname = 'change it!'\narguments_text = '{\"n\": oops'\n" +
      kAnswer);
  const RunResult result = run(bench);
  EXPECT_EQ(end_of(bench, result), kNotRun) << result.message;
  EXPECT_EQ(bench.statistics().refused, 0);
  const Json request = parse_json(bench.request(2));
  const Json function =
      request["messages"].at(request["messages"].size() - 2)["tool_calls"][0]["function"];
  EXPECT_EQ(function["arguments"], "{}");
  EXPECT_NE(function["name"], "change it!");
  const std::string journal = bench.stored(result.run_id);
  EXPECT_THAT(journal, HasSubstr(R"({\"n\": oops)"));
  EXPECT_THAT(journal, HasSubstr("change it!"));
}

TEST_F(FaultRuns, N57_TheModelIsToldThatNoCallCame) {
  RunBench bench("[[reply]]\nfinish = 'tool_calls'\ntext = 'I look.'\n" + kAnswer);
  run(bench);
  EXPECT_EQ(bench.request(2), bench.request(1)) << "asked for once more";
  EXPECT_THAT(bench.request(3), HasSubstr("no call came with it"));
  EXPECT_THAT(bench.request(3), HasSubstr("I look."));
}

// The key file is read again when the host refuses the key, and once only.
TEST_F(FaultRuns, N10_AKeyThatWasReplacedInItsFile) {
  RunBench bench("key = 'sk-new'\n[[reply]]\ntext = 'Done.'\n");
  const std::string file = bench.folder().path() + "/key";
  bench.folder().write("key", "sk-old\n");
  AgentOptions options = bench.agent_options();
  options.key_file = file;
  Agent agent(options, bench.runtime());
  // The first refusal finds the old key in the file still.
  EXPECT_EQ(end_of(bench, agent.run("Go.", bench.run_options())),
            "endpoint_permanent key_rejected 1 requests, 0 calls run");
  RunOptions run_options = bench.run_options();
  run_options.observer = [&bench](const Event& event) {
    if (event.kind == "request_sent") bench.folder().write("key", "sk-new\n");
  };
  const RunResult result = agent.run("Go.", run_options);
  EXPECT_EQ(end_of(bench, result), "done done 3 requests, 0 calls run") << result.message;
  EXPECT_THAT(bench.stored(result.run_id), HasSubstr("\"key_renewed\":true"));
  EXPECT_THAT(bench.stored(result.run_id), testing::Not(HasSubstr("sk-new")));
}

TEST_F(FaultRuns, N10_AKeyThatIsReplacedByAnotherWrongOne) {
  RunBench bench("key = 'sk-new'\n[[reply]]\ntext = 'Done.'\n");
  const std::string file = bench.folder().path() + "/key";
  bench.folder().write("key", "sk-old\n");
  AgentOptions options = bench.agent_options();
  options.key_file = file;
  Agent agent(options, bench.runtime());
  RunOptions run_options = bench.run_options();
  int sent = 0;
  run_options.observer = [&bench, &sent](const Event& event) {
    if (event.kind == "request_sent") bench.folder().write("key", "sk-" + std::to_string(++sent));
  };
  EXPECT_EQ(end_of(bench, agent.run("Go.", run_options)),
            "endpoint_permanent key_rejected 2 requests, 0 calls run");
}

TEST_F(FaultRuns, N07_ABodyThatIsTooLargeIsNoFullWindow) {
  RunBench bench(fault_script("status = 413"));
  const RunResult result = run(bench);
  EXPECT_THAT(result.message, HasSubstr("the body has about"));
  EXPECT_THAT(result.error->advice, HasSubstr("client_max_body_size"));
}

TEST_F(FaultRuns, N74_ManyCallsAreAllAnswered) {
  constexpr int kCount = 128;
  std::string script = "[[reply]]\n";
  for (int i = 0; i < kCount; ++i) {
    script +=
        "[[reply.call]]\nname = 'look'\narguments_text = '{\"n\":" + std::to_string(i) + "}'\n";
  }
  RunBench bench(script + kAnswer);
  const RunResult result = run(bench);
  EXPECT_EQ(end_of(bench, result), "done done 2 requests, 128 calls run") << result.message;
  EXPECT_EQ(bench.statistics().refused, 0) << "each id is answered, in order";
}

TEST_F(FaultRuns, N75_TheModelIsToldBeforeTheRunStops) {
  RunBench bench(repeated_calls(40, {R"({"n":1})"}));
  run(bench);
  EXPECT_THAT(bench.request(4), testing::Not(HasSubstr("got the same results each time")));
  EXPECT_THAT(bench.request(5), HasSubstr("got the same results each time"));
}

}  // namespace
}  // namespace perdure
