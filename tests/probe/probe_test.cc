// `perdure probe` against scripted hosts that differ as real ones do: what it writes, and that a
// run works by it where it failed without. The real program throughout.
#include <csignal>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/probe/probed_host.h"
#include "tests/support/json.h"
#include "tests/support/terminal_program.h"

namespace perdure {
namespace {

using test::ProbeBench;
using test::ProbedHost;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// The lines that all tests expect of a probe that went well.
void expect_probed(const ProgramResult& result) {
  EXPECT_EQ(result.exit_status, 0) << result.output << result.errors;
  EXPECT_THAT(result.output, HasSubstr("written: ")) << result.errors;
  EXPECT_EQ(result.errors, "");
}

void expect_works(const ProgramResult& result) {
  EXPECT_EQ(result.exit_status, 0) << result.output << result.errors;
  EXPECT_EQ(result.output, "All is well.\n");
}

// Moonshot refuses what is not its dialect, but tells nobody beforehand: everything is learned from
// the plainest profile.
TEST(Probe, learns_how_a_strict_host_of_the_vendor_speaks) {
  ProbedHost host;
  host.head = "model = \"kimi-k2.6\"\nkey = \"sk-secret\"";
  // A call without reasoning: to send it back without any is refused.
  host.run =
      "[[reply]]\n[[reply.call]]\nname = \"list_files\"\n[[reply]]\ntext = \"All is well.\"\n";
  ProbeBench bench(host);
  const std::map<std::string, std::string> key = {{"PERDURE_API_KEY", "sk-secret"},
                                                  {"MY_KEY", "sk-secret"}};
  const std::vector<std::string> task = {
      "run",        "--agent",     bench.root().path() + "/agents/agent.toml",
      "--base-url", "{url}",       "--model",
      "kimi-k2.6",  "Is all well?"};
  // Whatever a run makes of a refusal: without the profile it meets one, with it it meets none.
  (void)bench.perdure(task, key);
  EXPECT_GE(bench.statistics().refused, 1);

  expect_probed(bench.perdure({"probe", "{url}", "--key-env", "MY_KEY"}, key));
  const std::string profile = bench.profile();
  for (const char* line :
       {"key_variables = [\"MY_KEY\"]", "\nstream = true ", "stream_usage = true",
        "reasoning_required = true", "reasoning_echo = [\"reasoning_content\"]",
        "tool_schema = \"mfjs\"", "forced_tool_choice = \"thinking_off\"", "sampling = \"pinned\"",
        "off = { thinking = { type = \"disabled\" } }",
        "keep = { thinking = { keep = \"all\", type = \"enabled\" } }", "prompt_cache_key = true",
        "[probed]", "model = \"kimi-k2.6\"", "call_ids = \"functions.NAME:N\"",
        "reasoning = \"reasoning_content\"", "usage = \"choice+top\""}) {
    EXPECT_THAT(profile, HasSubstr(line));
  }
  EXPECT_THAT(profile, Not(HasSubstr("sk-secret")));
  EXPECT_THAT(profile, HasSubstr("# forced_choice: calls can be forced while thinking is off"));
  const std::int64_t refused = bench.statistics().refused;
  expect_works(bench.perdure(task, key));
  EXPECT_EQ(bench.statistics().refused, refused);
}

TEST(Probe, learns_how_vllm_speaks) {
  ProbedHost host;
  host.head = "model = \"kimi-k2.6\"\ndialect = \"vllm\"\ncheck_prefix = false";
  // Servers with another parser give ids of their own.
  for (const char* name : {"stream/stream", "stream/whole"}) {
    std::string& tables = host.replies[name];
    tables += "id = \"call_4f1c\"\n";
  }
  ProbeBench bench(host);
  const ProgramResult result = bench.perdure({"probe", "{url}", "--output", "json"});
  EXPECT_EQ(result.exit_status, 0) << result.output << result.errors;
  const Json record = test::parse_json(result.output);
  EXPECT_EQ(record["written"], true);
  EXPECT_EQ(record["findings"].size(), 27);
  EXPECT_EQ(record["requests"], bench.statistics().requests);
  for (const Json& finding : record["findings"])
    EXPECT_NE(finding["verdict"], "unanswered") << finding.dump();
  const std::string profile = bench.profile();
  for (const char* line :
       {"reasoning_echo = [\"reasoning\"]", "off = { chat_template_kwargs = { thinking = false } }",
        "keep = { chat_template_kwargs = { preserve_thinking = true, thinking = true } }",
        "forced_tool_choice = \"always\"", "sampling = \"free\"", "tool_schema = \"plain\"",
        "reasoning_required = false", "usage = \"top\"", "reasoning = \"reasoning\""}) {
    EXPECT_THAT(profile, HasSubstr(line));
  }
  // Two forms of ids are no fact to compare with.
  EXPECT_THAT(profile, Not(HasSubstr("call_ids =")));
  expect_works(bench.run({"--thinking", "off"}));
}

TEST(Probe, learns_how_llama_cpp_speaks) {
  ProbedHost host;
  host.head = "model = \"kimi-k2.6\"\nstrict = false";
  host.replies["forced_choice/named"] =
      "[[conversation.reply]]\nreasoning = \"No tool.\"\ntext = \"ping\"\n";
  std::string& plain = host.replies["parallel_calls/plain"];
  plain = plain.substr(0, plain.rfind("[[conversation.reply.call]]"));
  host.replies["next_ids/call"] +=
      "id = \"functions.lookup_port:0\"\n";  // as it was in the reply before
  ProbeBench bench(host);
  const ProgramResult result = bench.perdure({"probe", "{url}", "--host", "llama-cpp"});
  expect_probed(result);
  EXPECT_THAT(result.output, HasSubstr("ids begin anew in each reply"));
  const std::string profile = bench.profile();
  EXPECT_THAT(profile, AllOf(HasSubstr("forced_tool_choice = \"required_only\""),
                             HasSubstr("parallel_tool_calls = true"), HasSubstr("free = true")));
  const ProgramResult named = bench.run({"--tool-choice", "list_files"});
  EXPECT_EQ(named.exit_status, 0) << named.errors;
  EXPECT_THAT(named.errors, HasSubstr("Your next reply must call the tool list_files."));
  expect_works(bench.run());
}

TEST(Probe, finds_what_a_picky_host_does_not_take) {
  ProbedHost host;
  host.head =
      "model = \"kimi-k2.6\"\ndialect = \"vllm\"\ncheck_prefix = false\nrefuses = "
      "[\"stream_options\", \"tool_choice\", \"prompt_cache_key\", \"temperature\"]";
  ProbeBench bench(host);
  (void)bench.run();
  EXPECT_GE(bench.statistics().refused, 1);
  expect_probed(bench.perdure({"probe", "{url}"}));
  const std::string profile = bench.profile();
  EXPECT_THAT(profile,
              AllOf(HasSubstr("stream_usage = false"), HasSubstr("forced_tool_choice = \"never\""),
                    HasSubstr("sampling = \"pinned\""), HasSubstr("usage = \"none\"")));
  const std::int64_t refused = bench.statistics().refused;
  expect_works(bench.run());
  EXPECT_EQ(bench.statistics().refused, refused);
  const ProgramResult forced = bench.run({"--tool-choice", "required"});
  EXPECT_EQ(forced.exit_status, 0) << forced.errors;
  EXPECT_THAT(forced.errors, HasSubstr("Your next reply must call a tool"));
  EXPECT_EQ(bench.statistics().refused, refused);
}

// A reply of this kind ends a run when it comes every time.
TEST(Probe, asks_for_whole_replies_where_streams_are_cut) {
  ProbedHost host;
  host.head = "model = \"kimi-k2.6\"\nstrict = false";
  const std::string fault = "streams_only = true\ntimes = 100\ncut_after_bytes = 150";
  host.add_fault_everywhere(fault);
  host.run += "[[reply.fault]]\n" + fault + "\n";
  ProbeBench bench(host);
  const ProgramResult before = bench.run();
  EXPECT_EQ(before.exit_status, 75) << before.output << before.errors;
  const ProgramResult probed = bench.perdure({"probe", "{url}"});
  expect_probed(probed);
  EXPECT_THAT(probed.output, HasSubstr("streams do not work"));
  EXPECT_THAT(bench.profile(), HasSubstr("\nstream = false  # stream: streams do not work"));
  expect_works(bench.run());
}

TEST(Probe, asks_for_whole_replies_where_streams_leak) {
  ProbedHost host;
  host.head = "model = \"kimi-k2.6\"\nstrict = false";
  // The parser of the host gave up in the middle of a call.
  const std::string fault =
      R"(streams_only = true
times = 100
content_type = "text/event-stream"
body = '''
data: {"choices":[{"index":0,"delta":{"content":"<|tool_calls_section_begin|>"}}]}

data: {"choices":[{"index":0,"delta":{"content":"<|tool_call_begin|>functions.list_files:0"}}]}

data: {"choices":[{"index":0,"delta":{"content":"<|tool_call_argument_begin|>{"}}]}

data: {"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}

data: [DONE]

''')";
  host.replies["stream/stream"] += "[[conversation.reply.fault]]\n" + fault + "\n";
  host.run =
      "[[reply]]\nreasoning = \"I look first.\"\n[[reply.call]]\nname = \"list_files\"\n"
      "[[reply.fault]]\n" +
      fault + "\n[[reply]]\ntext = \"All is well.\"\n";
  ProbeBench bench(host);
  const ProgramResult before = bench.run();
  EXPECT_EQ(before.exit_status, 75) << before.output << before.errors;
  const ProgramResult probed = bench.perdure({"probe", "{url}"});
  expect_probed(probed);
  EXPECT_THAT(probed.output, HasSubstr("calls came as text"));
  EXPECT_THAT(bench.profile(), HasSubstr("\nstream = false"));
  expect_works(bench.run());
}

// What is not answered says nothing, and can be asked again.
TEST(Probe, leaves_out_what_is_not_answered_and_fills_the_gap_later) {
  ProbedHost host;
  host.head = "model = \"kimi-k2.6\"\nstrict = false";
  host.replies["sampling/cool"] +=
      "[[conversation.reply.fault]]\nstatus = 429\ntype = \"exceeded_current_quota_error\"\n";
  // The first attempt fails for a reason that passes: it is asked again.
  host.replies["text/unicode"] += "[[conversation.reply.fault]]\nstatus = 500\n";
  ProbeBench bench(host);
  const ProgramResult first = bench.perdure({"probe", "{url}"});
  expect_probed(first);
  EXPECT_THAT(first.output, HasSubstr("? sampling           not answered: "));
  EXPECT_THAT(first.output, HasSubstr("text in any script comes as it was written"));
  EXPECT_THAT(bench.profile(), Not(HasSubstr("sampling")));
  const ProgramResult second = bench.perdure({"probe", "{url}"});
  expect_probed(second);
  EXPECT_THAT(second.output, HasSubstr("✓ sampling           takes a temperature"));
  EXPECT_THAT(bench.profile(), HasSubstr("sampling = \"free\""));
}

TEST(Probe, says_before_what_it_costs_and_keeps_its_caps) {
  ProbedHost host;
  host.head = "model = \"kimi-k2.6\"\nstrict = false";
  ProbeBench bench(host);
  const ProgramResult result =
      bench.perdure({"probe", "{url}", "--max-cost", "0.02", "--max-tokens", "4000"});
  expect_probed(result);
  EXPECT_THAT(result.output, HasSubstr("27 questions in at most "));
  EXPECT_THAT(result.output, HasSubstr(" tokens of output: about $0."));
  // 16,384 tokens may be the answer.
  EXPECT_THAT(result.output, HasSubstr("- long_arguments     the budget is used up"));
  EXPECT_THAT(result.output, HasSubstr("✓ text "));
  const ProgramResult nothing = bench.perdure({"probe", "{url}", "--max-tokens", "5"});
  EXPECT_EQ(nothing.exit_status, 2);
  EXPECT_THAT(nothing.errors, HasSubstr("the budget does not allow one question"));
}

// --- A person's file ---

TEST(Probe, overwrites_a_persons_profile_only_when_told) {
  ProbedHost host;
  host.head = "model = \"kimi-k2.6\"\nstrict = false";
  ProbeBench bench(host);
  expect_probed(bench.perdure({"probe", "{url}"}));
  // It is its own, so it goes without asking.
  expect_probed(bench.perdure({"probe", "{url}"}));
  std::ofstream(bench.profile_path(), std::ios::app) << "# mine\n";
  const std::int64_t asked = bench.statistics().requests;
  const ProgramResult refused = bench.perdure({"probe", "{url}"});
  EXPECT_EQ(refused.exit_status, 2);
  EXPECT_THAT(refused.errors, HasSubstr("was written or changed by a person"));
  EXPECT_EQ(bench.statistics().requests, asked) << "nothing is asked that cannot be kept";
  EXPECT_THAT(bench.profile(), HasSubstr("# mine"));
  expect_probed(bench.perdure({"probe", "{url}", "--yes"}));
  EXPECT_THAT(bench.profile(), Not(HasSubstr("# mine")));
  const std::string elsewhere = bench.root().path() + "/box.toml";
  expect_probed(bench.perdure({"probe", "{url}", "--out", elsewhere}));
  EXPECT_THAT(bench.root().read("box.toml"), HasSubstr("id = \"box\""));
}

TEST(Probe, shows_a_person_each_answer_and_asks_before_it_overwrites) {
  ProbedHost host;
  host.head = "model = \"kimi-k2.6\"\nstrict = false\ndelay_ms = 20";
  ProbeBench bench(host);
  bench.root().write(bench.profile_path().substr(bench.root().path().size() + 1),
                     "# by hand\nid = \"127-0-0-1-" +
                         bench.url().substr(17, bench.url().size() - 20) +
                         "\"\nany_model = true\nbase_url = \"" + bench.url() + "\"\n");
  test::TerminalProgram terminal(
      {.arguments = {"probe", bench.url()},
       .environment = {{"XDG_CONFIG_HOME", bench.root().path() + "/config"},
                       {"XDG_STATE_HOME", bench.root().path() + "/state"}},
       .directory = bench.root().path()});
  ASSERT_TRUE(terminal.wait_for("✓ answer             replies to a plain request"));
  ASSERT_TRUE(terminal.wait_for("Overwrite it? [y/N]"));
  terminal.type("n\r");
  ASSERT_TRUE(terminal.wait_for("not written: "));
  EXPECT_EQ(terminal.wait(), 0);
  EXPECT_THAT(bench.profile(), HasSubstr("# by hand"));
}

// --- Wrong input: one error, its exit status, and nothing written ---

// What was found by then is shown, and written where nothing is lost by it.
TEST(Probe, stops_with_what_it_has_found) {
  ProbedHost host;
  host.head = "model = \"kimi-k2.6\"";
  host.replies["forced_choice/required"] =
      "[[conversation.reply]]\ntext = 'Too late.'\ndelay_ms = 60000\n";
  ProbeBench bench(host);
  for (const bool has_profile : {false, true}) {
    const auto program = bench.start({"probe", "{url}"});
    ASSERT_TRUE(program->wait_for("parallel_calls"));
    program->signal(SIGINT);
    const ProgramResult result = program->wait();
    EXPECT_EQ(result.exit_status, 130) << result.output << result.errors;
    EXPECT_THAT(result.output, HasSubstr("the probe was stopped before"));
    EXPECT_THAT(result.output, HasSubstr(has_profile ? "not written: " : "written: "));
    EXPECT_THAT(bench.profile(), HasSubstr("stream = true "));
    EXPECT_THAT(bench.profile(), Not(HasSubstr("forced_tool_choice")));
  }
}

TEST(Probe, stopped_before_the_first_answer_has_found_nothing) {
  ProbedHost host;
  host.head = "model = \"kimi-k2.6\"\ndelay_ms = 60000";
  ProbeBench bench(host);
  const auto program = bench.start({"probe", "{url}"});
  ASSERT_TRUE(program->wait_for("questions in at most"));
  program->signal(SIGTERM);
  const ProgramResult result = program->wait();
  EXPECT_EQ(result.exit_status, 130) << result.output << result.errors;
  EXPECT_THAT(result.errors, HasSubstr("stopped before the host had answered"));
  EXPECT_FALSE(bench.root().exists("config/perdure/hosts"));
}

TEST(Probe, refuses_wrong_input_with_one_error) {
  ProbedHost host;
  host.head = "model = \"kimi-k2.6\"\nkey = \"sk-secret\"";
  ProbeBench bench(host);
  struct Case {
    std::vector<std::string> arguments;
    int exit_status;
    const char* error;
  };
  const Case kCases[] = {
      {{"probe"}, 2, "ENDPOINT"},
      {{"probe", "vlm"}, 2, "no host is named 'vlm'"},
      {{"probe", "http://"}, 2, "perdure: "},
      {{"probe", "http://127.0.0.1:1/v1"}, 75, "http://127.0.0.1:1/v1"},
      {{"probe", "{url}"}, 2, "no model is named"},  // the list needs a key, too
      {{"probe", "{url}", "--model", "kimi-k2.6"}, 4, "Invalid Authentication"},
      {{"probe", "{url}", "--model", "kimi-k2.6", "--key-env", "NO_SUCH"}, 2, "export NO_SUCH="},
      {{"probe", "moonshot", "--model", "kimi-k2.6"},
       2,
       "needs an API key, and MOONSHOT_API_KEY has none"},
      {{"probe", "mock-anthropic"}, 2, "in Anthropic's messages API"},
      {{"probe", "https://api.moonshot.ai/anthropic"}, 2, "in Anthropic's messages API"},
      {{"probe", "http://127.0.0.1:1/v1/messages"}, 2, "in Anthropic's messages API"},
      {{"probe", "custom"}, 2, "perdure probe URL --host custom"},
      {{"probe", "vllm", "--host", "sglang"}, 2, "two hosts are named"},
      {{"probe", "{url}", "--out", "profile.txt"}, 2, "is no name for a profile"},
      {{"probe", "{url}", "--max-cost", "-1"}, 2, "takes an amount above 0"},
      {{"probe", "{url}", "--output", "stream-json"}, 2, "takes text or json"},
  };
  for (const Case& wrong : kCases) {
    const ProgramResult result = bench.perdure(wrong.arguments);
    const std::string shown = testing::PrintToString(wrong.arguments);
    EXPECT_EQ(result.exit_status, wrong.exit_status) << shown << result.output << result.errors;
    EXPECT_THAT(result.errors, HasSubstr(wrong.error)) << shown;
    EXPECT_EQ(result.errors.find("perdure: "), result.errors.rfind("perdure: ")) << shown;
  }
  const ProgramResult record =
      bench.perdure({"probe", "{url}", "--model", "kimi-k2.6", "--output", "json"});
  EXPECT_EQ(test::parse_json(record.output)["error"]["code"], "key_rejected");
  EXPECT_FALSE(bench.root().exists("config/perdure/hosts"));
}

// --- Drift ---

TEST(Probe, a_run_says_once_that_the_host_has_changed) {
  ProbedHost host;
  host.head = "model = \"kimi-k2.6\"\nstrict = false";
  host.run =
      "[[reply]]\nreasoning = \"I look first.\"\n[[reply.call]]\nname = \"list_files\"\n"
      "id = \"call_17\"\n[[reply]]\nreasoning = \"And again.\"\n[[reply.call]]\nname = "
      "\"list_files\"\nid = \"call_18\"\n[[reply]]\ntext = \"All is well.\"\n";
  ProbeBench bench(host);
  expect_probed(bench.perdure({"probe", "{url}"}));
  const ProgramResult result = bench.run();
  expect_works(result);
  const std::string line = "host differs from its profile";
  const std::size_t at = result.errors.find(line);
  ASSERT_NE(at, std::string::npos) << result.errors;
  EXPECT_EQ(result.errors.rfind(line), at) << "once for each fact";
  EXPECT_THAT(result.errors, HasSubstr("call_ids was 'functions.NAME:N' on "));
  EXPECT_THAT(result.errors, HasSubstr("and is 'call_*' now; run `perdure probe 127-0-0-1-"));
  const ProgramResult events = bench.perdure({"show", "last", "--json"});
  EXPECT_THAT(events.output, HasSubstr(R"("type":"host_differs")"));
  EXPECT_THAT(events.output, Not(HasSubstr(R"("fact":"usage")")));
}

}  // namespace
}  // namespace perdure
