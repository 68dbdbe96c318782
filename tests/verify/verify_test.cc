// `perdure verify` as a person runs it: the real program against the scripted endpoint, with
// faults, kills and wrong input. What is counted and how lines look has tables of its own
// (src/verify).
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <fstream>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "mock/mock_thread.h"
#include "tests/support/byte_server.h"
#include "tests/support/json.h"
#include "tests/support/program.h"
#include "tests/support/result.h"
#include "tests/support/run_process.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/terminal_program.h"

namespace perdure {
namespace {

using test::holds;
using test::parse_json;

constexpr const char* kTools =
    R"("tools":[{"type":"function","function":{"name":"weather","parameters":{"type":"object",)"
    R"("properties":{"city":{"type":"string"}},"required":["city"]}}}])";

// A request whose conversation the script knows by its number.
std::string request(int number, const std::string& members = "\"stream\":true") {
  return fmt::format(R"({{"messages":[{{"role":"_input","content":"Help."}},)"
                     R"({{"role":"user","content":"task {}."}}],{},{}}})",
                     number, kTools, members);
}

std::string requests(int count) {
  std::string text;
  for (int number = 1; number <= count; ++number) text += request(number) + "\n";
  return text;
}

// What the endpoint says to one of them.
std::string reply(int number, const std::string& members) {
  return fmt::format("[[conversation]]\nopening = ['task {}.']\n[[conversation.reply]]\n{}\n",
                     number, members);
}

std::string call(const std::string& arguments) {
  return "[[conversation.reply.call]]\nname = 'weather'\narguments_text = '" + arguments + "'\n";
}

constexpr const char* kAnyReply = "\n[[reply]]\ntext = 'Fine.'\n";
constexpr const char* kFault = "[[conversation.reply.fault]]\n";

class VerifyTest : public testing::Test {
 protected:
  void begin(const std::string& script) {
    Result<MockScript> parsed = parse_mock_script("strict = false\n" + script, "script");
    ASSERT_TRUE(parsed.ok()) << to_text(parsed.error());
    Result<std::unique_ptr<MockThread>> endpoint =
        MockThread::start(std::move(*parsed), {.log =
                                                   [this](std::string_view) {
                                                     const std::lock_guard lock(mutex_);
                                                     ++answered_;
                                                     answered_more_.notify_all();
                                                   },
                                               .record_directory = folder_.path() + "/sent"});
    ASSERT_TRUE(endpoint.ok()) << to_text(endpoint.error());
    endpoint_ = std::move(*endpoint);
  }

  void wait_for_requests(int count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(answered_more_.wait_for(lock, std::chrono::seconds(30),
                                        [&] { return answered_ >= count; }));
  }

  std::vector<std::string> words(std::vector<std::string> more, const std::string& url) const {
    std::vector<std::string> all = {"verify",  "requests.jsonl", "--host",     "mock",
                                    "--model", "kimi-k2.6",      "--base-url", url};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }

  ProgramOptions options(std::vector<std::string> more, const std::string& url) const {
    return {.arguments = words(std::move(more), url),
            .environment = {{"HOME", folder_.path()}},
            .directory = folder_.path()};
  }

  ProgramResult run(std::vector<std::string> more = {}) const {
    return run_program(options(std::move(more), endpoint_->base_url()));
  }

  std::vector<Json> results(const std::string& name = "results.jsonl") const {
    std::vector<Json> lines;
    const std::string text = folder_.read(name);
    for (const std::string_view line : split_lines(text)) lines.push_back(parse_json(line));
    return lines;
  }

  Json summary() const { return parse_json(folder_.read("summary.json")); }

  // "1:stop 2:tool_calls+ 3:tool_calls- 4!server*2": what each result says, and how often it was
  // asked for.
  std::string outcomes() const {
    std::string text;
    for (const Json& line : results()) {
      text += fmt::format("{}", line["data_index"].get<int>());
      if (line["status"] == "failed") {
        text += "!" + line["response"]["error_type"].get<std::string>();
      } else {
        text += ":" + line["finish_reason"].get<std::string>();
      }
      if (line["tool_calls_valid"].is_boolean()) text += line["tool_calls_valid"] ? "+" : "-";
      if (line["attempts"] != 1) text += fmt::format("*{}", line["attempts"].get<int>());
      text += " ";
    }
    return text;
  }

  TemporaryDirectory folder_;
  std::mutex mutex_;
  std::condition_variable answered_more_;
  int answered_ = 0;  // guarded by mutex_
  std::unique_ptr<MockThread> endpoint_;
};

TEST_F(VerifyTest, AsksJudgesAndCounts) {
  begin(reply(2, call(R"({"city":"Ghent"})")) + reply(3, call(R"({"city":7})")) +
        reply(4, "text = 'Long'\nfinish = 'length'") + reply(5, call(R"({"city":"Ghent"})")) +
        kAnyReply);
  folder_.write("requests.jsonl", requests(5));
  // By hand: the reference calls at 2, 4, 5. TP 2, 5; FP 3; FN 4; TN 1: P = R = F1 = 2/3.
  std::string reference;
  for (const auto& [index, finish] : std::map<int, std::string>{
           {1, "stop"}, {2, "tool_calls"}, {3, "stop"}, {4, "tool_calls"}, {5, "tool_calls"}})
    reference += fmt::format(R"({{"data_index":{},"status":"success","finish_reason":"{}"}})",
                             index, finish) +
                 "\n";
  folder_.write("reference.jsonl", reference);
  const ProgramResult result = run({"--reference", "reference.jsonl"});
  EXPECT_EQ(result.exit_status, 0) << result.errors;
  EXPECT_EQ(outcomes(), "1:stop 2:tool_calls+ 3:tool_calls- 4:length 5:tool_calls+ ");
  const Json counts = summary();
  EXPECT_EQ(counts["model"], "kimi-k2.6");
  EXPECT_EQ(counts["success_count"], 5);
  EXPECT_EQ(counts["finish_tool_calls"], 3);
  EXPECT_EQ(counts["successful_tool_call_count"], 2);
  EXPECT_EQ(counts["finish_others_detail"], Json({{"length", 1}}));
  EXPECT_NEAR(counts["schema_accuracy"].get<double>(), 2.0 / 3, 1e-9);
  EXPECT_NEAR(counts["tool_call_f1"].get<double>(), 2.0 / 3, 1e-9);
  EXPECT_GT(counts["usage"]["prompt_tokens"].get<int>(), 0);
  EXPECT_PRED2(holds, result.output, "tool-call F1                        66.67%");
  EXPECT_PRED2(holds, result.output, "2 of 3 replies with calls fit their tools");
  EXPECT_PRED2(holds, result.errors, "5/5 · 100%");
  const Json third = results()[2];
  EXPECT_PRED2(holds, third["tool_calls_problems"][0].get<std::string>(), "weather: /city: ");
  EXPECT_EQ(third["response"]["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"],
            R"({"city":7})");
}

TEST_F(VerifyTest, SendsWhatTheFileSays) {
  begin(kAnyReply);
  const std::string line = R"({"temperature": 0.60, "messages":[{"role":"user","content":"é"}],)"
                           R"("model":"other","stream":false})";
  folder_.write("requests.jsonl", line + "\n");
  EXPECT_EQ(run().exit_status, 0);
  EXPECT_EQ(folder_.read("sent/0001.json"),
            R"({"temperature":0.60,"messages":[{"role":"user","content":"é"}],)"
            R"("model":"kimi-k2.6","stream":false})");
  EXPECT_EQ(results()[0]["request"], parse_json(folder_.read("sent/0001.json")));
  const ProgramResult other =
      run({"--out", "other.jsonl", "--stream", "on", "--temperature", "1", "--max-tokens", "99",
           "--extra-body", R"({"thinking":{"type":"disabled"}})"});
  EXPECT_EQ(other.exit_status, 0) << other.errors;
  EXPECT_EQ(folder_.read("sent/0002.json"),
            R"({"temperature":1.0,"messages":[{"role":"user","content":"é"}],)"
            R"("model":"kimi-k2.6","stream":true,"max_tokens":99,)"
            R"("stream_options":{"include_usage":true},"thinking":{"type":"disabled"}})");
  EXPECT_EQ(results("other.jsonl")[0]["extra_body"], Json({{"thinking", {{"type", "disabled"}}}}));
}

TEST_F(VerifyTest, AsksAgainWhatFailsForNow) {
  begin(reply(1, std::string("text = 'a'\n") + kFault + "status = 429\nretry_after = '1'") +
        reply(2, std::string("text = 'b'\n") + kFault + "status = 500") +
        reply(3, call(R"({"city":"Ghent"})") + kFault + "cut_after_bytes = 150") +
        reply(4, std::string("text = 'c'\n") + kFault + "status = 503\ntimes = 9") +
        reply(5, std::string("text = 'd'\n") + kFault + "cut_after_bytes = 150\ntimes = 9") +
        reply(6, std::string("text = 'e'\n") + kFault + "status = 400"));
  folder_.write("requests.jsonl", requests(6));
  const ProgramResult result = run({"--retries", "1"});
  EXPECT_EQ(result.exit_status, 1) << result.errors;
  EXPECT_EQ(outcomes(),
            "1:stop*2 2:stop*2 3:tool_calls+*2 4!overloaded*2 5!stream_cut*2 6!bad_request ");
  EXPECT_EQ(summary()["failure_count"], 3);
  EXPECT_EQ(summary()["errors"], Json({{"overloaded", 1}, {"stream_cut", 1}, {"bad_request", 1}}));
  EXPECT_PRED2(holds, result.errors, "go on with: perdure verify requests.jsonl ");
  EXPECT_PRED2(holds, result.errors, " --retry-failed\n");
}

TEST_F(VerifyTest, GoesOnWhereItWasAndRetriesFailuresWhenAsked) {
  begin(reply(2, std::string("text = 'b'\n") + kFault + "status = 400") + kAnyReply);
  folder_.write("requests.jsonl", requests(4));
  EXPECT_EQ(run({"--limit", "2"}).exit_status, 1);
  EXPECT_EQ(outcomes(), "1:stop 2!bad_request ");
  EXPECT_EQ(summary()["request_count"], 2);
  ProgramResult result = run();
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_PRED2(holds, result.errors, "4 requests, 2 of them in results.jsonl already");
  EXPECT_EQ(outcomes(), "1:stop 2!bad_request 3:stop 4:stop ");
  EXPECT_EQ(endpoint_->statistics().requests, 4) << "nothing was asked twice";
  result = run({"--retry-failed"});
  EXPECT_EQ(result.exit_status, 0) << result.errors;
  EXPECT_EQ(outcomes(), "1:stop 2:stop 3:stop 4:stop ");
  EXPECT_EQ(endpoint_->statistics().requests, 5);
  // Results of more than the limit stay.
  EXPECT_EQ(run({"--limit", "1"}).exit_status, 0);
  EXPECT_EQ(results().size(), 4U);
}

TEST_F(VerifyTest, KilledItGoesOnWithWhatIsMissing) {
  begin(reply(3, std::string("text = 'c'\n") + kFault + "delay_ms = 60000") + kAnyReply);
  folder_.write("requests.jsonl", requests(5));
  {
    RunningProgram program(options({"--concurrency", "1"}, endpoint_->base_url()));
    wait_for_requests(3);
    program.signal(SIGKILL);
    EXPECT_EQ(program.wait().exit_status, 128 + SIGKILL);
  }
  EXPECT_EQ(outcomes(), "1:stop 2:stop ");
  // As if the power had gone while a third line was written.
  folder_.write("results.jsonl",
                folder_.read("results.jsonl") + R"({"data_index":3,"request":{"mes)");
  const ProgramResult result = run();
  EXPECT_EQ(result.exit_status, 0) << result.errors;
  EXPECT_PRED2(holds, result.errors, "the last line of results.jsonl had been cut");
  EXPECT_EQ(outcomes(), "1:stop 2:stop 3:stop 4:stop 5:stop ");
  EXPECT_EQ(endpoint_->statistics().requests, 6) << "the one that was killed, and no other, twice";
}

TEST_F(VerifyTest, StopsCleanlyOnCtrlC) {
  begin(reply(2, "text = 'b'\ndelay_ms = 60000") + kAnyReply);
  folder_.write("requests.jsonl", requests(3));
  RunningProgram program(options({"--concurrency", "1"}, endpoint_->base_url()));
  wait_for_requests(2);
  program.signal(SIGINT);
  const ProgramResult result = program.wait();
  EXPECT_EQ(result.exit_status, 130) << result.errors;
  EXPECT_PRED2(holds, result.errors, "stopping (once more ends at once)");
  EXPECT_PRED2(holds, result.errors, "go on with: perdure verify requests.jsonl --host mock ");
  EXPECT_EQ(outcomes(), "1:stop ");
  EXPECT_EQ(summary()["pending_count"], 2);
}

TEST_F(VerifyTest, KeepsToItsConcurrency) {
  begin("delay_ms = 50\n" + std::string(kAnyReply));
  folder_.write("requests.jsonl", requests(12));
  EXPECT_EQ(run({"--concurrency", "3"}).exit_status, 0);
  EXPECT_EQ(endpoint_->statistics().connections, 3);
  EXPECT_EQ(results().size(), 12U);
}

TEST_F(VerifyTest, EndsWhereEveryRequestWouldBeRefused) {
  begin("key = 'right'\n" + std::string(kAnyReply));
  folder_.write("requests.jsonl", requests(9));
  const ProgramResult result = run({"--concurrency", "2"});
  EXPECT_EQ(result.exit_status, 4) << result.errors;
  EXPECT_LE(endpoint_->statistics().malformed + endpoint_->statistics().requests, 2);
  EXPECT_EQ(folder_.read("results.jsonl"), "") << "what was refused is no result";
  EXPECT_EQ(summary()["pending_count"], 9);
}

TEST_F(VerifyTest, LeavesAnEndpointThatIsGone) {
  const test::ClosedPort port;
  folder_.write("requests.jsonl", requests(60));
  const ProgramResult result = run_program(
      options({"--retries", "0"}, fmt::format("http://127.0.0.1:{}/v1", port.number())));
  EXPECT_EQ(result.exit_status, 75) << result.errors;
  EXPECT_PRED2(holds, result.errors, "20 requests in a row failed");
  EXPECT_EQ(results().size(), 20U);
}

// What the host announces and does not send, and calls that it leaves in the text, is its result.
TEST_F(VerifyTest, ShowsWhatTheRuntimeWouldMend) {
  begin(reply(1, "text = 'I call.'\nfinish = 'tool_calls'") +
        reply(2,
              "text = '<|tool_calls_section_begin|><|tool_call_begin|>functions.weather:0"
              "<|tool_call_argument_begin|>{}<|tool_call_end|><|tool_calls_section_end|>'"));
  folder_.write("requests.jsonl", requests(2));
  EXPECT_EQ(run().exit_status, 0);
  EXPECT_EQ(outcomes(), "1:tool_calls- 2:stop ");
  EXPECT_EQ(endpoint_->statistics().requests, 2) << "asked once each";
  EXPECT_PRED2(holds,
               results()[1]["response"]["choices"][0]["message"]["content"].get<std::string>(),
               "<|tool_call_begin|>functions.weather:0");
}

TEST_F(VerifyTest, GivesOneRecordToPrograms) {
  begin(reply(2, std::string("text = 'b'\n") + kFault + "status = 400") + kAnyReply);
  folder_.write("requests.jsonl", requests(2));
  const ProgramResult result = run({"--output", "json"});
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_EQ(result.errors, "");
  const Json record = parse_json(result.output);
  EXPECT_EQ(record["type"], "verification");
  EXPECT_EQ(record["exit_status"], 1);
  EXPECT_EQ(record["summary"], summary());
}

struct WrongCase {
  const char* name;
  const char* file;
  std::vector<std::string> words;
  std::vector<std::string> said;
};

TEST_F(VerifyTest, SaysWhatIsWrongBeforeItSendsAnything) {
  begin(kAnyReply);
  folder_.write("requests.jsonl", requests(2));
  folder_.write("cut.jsonl", request(1) + "\n\n{\"messages\":[\n");
  folder_.write("prompt.jsonl", "{\"prompt\":\"a\"}\n");
  folder_.write("empty.jsonl", "\n");
  folder_.write("notes.txt", "my notes\n");
  folder_.write("far.jsonl", R"({"data_index":99,"status":"success","finish_reason":"stop"})");
  ASSERT_EQ(run().exit_status, 0);
  const std::string before = folder_.read("results.jsonl");
  const std::vector<std::string> new_out = {"--out", "new.jsonl"};
  const char* good = "requests.jsonl";
  const WrongCase kCases[] = {
      {"no JSON", "cut.jsonl", new_out, {"this line is no JSON", "at: cut.jsonl:3"}},
      {"no messages",
       "prompt.jsonl",
       new_out,
       {"/v1/completions, which is not asked", "at: prompt.jsonl:1"}},
      {"no requests", "empty.jsonl", new_out, {"holds no requests", "at: empty.jsonl"}},
      {"no file", "none.jsonl", new_out, {"cannot open", "at: none.jsonl"}},
      {"other results", good, {"--out", "notes.txt"}, {"at: notes.txt:1", "is as it was"}},
      {"other options", good, {"--max-tokens", "5"}, {"another request than line 1 of"}},
      {"other body", good, {"--extra-body", "{\"a\":1}"}, {"another request than line 1 of"}},
      {"itself", good, {"--out", "requests.jsonl"}, {"the requests would be written over"}},
      {"summary", good, {"--summary", "results.jsonl"}, {"the results would be written over"}},
      {"reference", good, {"--reference", "notes.txt"}, {"no JSON", "at: notes.txt:1"}},
      {"another reference", good, {"--reference", "far.jsonl"}, {"no answer to any of these"}},
      {"no reference", good, {"--reference", "none.jsonl"}, {"cannot open", "at: none.jsonl"}},
      {"no object", good, {"--extra-body", "[1]"}, {"--extra-body takes a JSON object"}},
      {"no number", good, {"--concurrency", "0"}, {"--concurrency: takes a whole number from 1"}},
      {"no key", good, {"--host", "moonshot"}, {"MOONSHOT_API_KEY"}},
      {"no host", good, {"--host", "nowhere"}, {"nowhere"}},
      {"no chat", good, {"--host", "mock-anthropic"}, {"'mock-anthropic' does not speak"}},
  };
  for (const WrongCase& row : kCases) {
    ProgramOptions given = options(row.words, endpoint_->base_url());
    given.arguments[1] = row.file;
    const ProgramResult result = run_program(given);
    EXPECT_EQ(result.exit_status, 2) << row.name << result.errors;
    for (const std::string& said : row.said) EXPECT_PRED2(holds, result.errors, said) << row.name;
  }
  EXPECT_EQ(endpoint_->statistics().requests, 2) << "of the first call alone";
  EXPECT_EQ(folder_.read("results.jsonl"), before);
  EXPECT_EQ(folder_.read("requests.jsonl"), requests(2));
  EXPECT_EQ(folder_.read("notes.txt"), "my notes\n");
  EXPECT_FALSE(folder_.exists("new.jsonl"));
}

TEST_F(VerifyTest, ResultsOfAnotherFileAreRefused) {
  begin(kAnyReply);
  folder_.write("requests.jsonl", requests(3));
  ASSERT_EQ(run().exit_status, 0);
  folder_.write("requests.jsonl", request(1) + "\n" + request(9) + "\n" + request(3) + "\n");
  ProgramResult result = run();
  EXPECT_EQ(result.exit_status, 2);
  EXPECT_PRED2(holds, result.errors, "data_index 2 answers another request than line 2");
  folder_.write("requests.jsonl", requests(2));
  result = run();
  EXPECT_EQ(result.exit_status, 2) << "a line of the results has no request";
  EXPECT_PRED2(holds, result.errors, "data_index 3");
  EXPECT_EQ(endpoint_->statistics().requests, 3);
}

TEST_F(VerifyTest, SecondProcessIsRefused) {
  begin(reply(1, "text = 'b'\ndelay_ms = 60000"));
  folder_.write("requests.jsonl", requests(1));
  RunningProgram program(options({}, endpoint_->base_url()));
  wait_for_requests(1);
  const ProgramResult second = run();
  EXPECT_EQ(second.exit_status, 74);
  EXPECT_PRED2(holds, second.errors, "another process is writing these results");
}

// Requests and results are 30 MB each: the program holds neither.
TEST_F(VerifyTest, HoldsNoFileInMemory) {
  constexpr int kRequests = 300;
  begin(reply(kRequests, "text = 'b'\ndelay_ms = 60000") + kAnyReply);
  {
    std::ofstream file(folder_.path() + "/requests.jsonl");
    const std::string padding(100'000, 'x');
    for (int number = 1; number <= kRequests; ++number)
      file << request(number, "\"stream\":true,\"user\":\"" + padding + "\"") << "\n";
  }
  RunningProgram program(options({"--concurrency", "2"}, endpoint_->base_url()));
  wait_for_requests(kRequests);
  std::ifstream status(fmt::format("/proc/{}/status", program.pid()));
  std::int64_t peak_kb = 0;
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("VmHWM:", 0) == 0) peak_kb = std::stoll(line.substr(6));
  }
  EXPECT_GT(peak_kb, 0);
  EXPECT_LT(peak_kb * 1024, test::memory_limit_bytes(45'000'000));
}

TEST_F(VerifyTest, DrawsABarAndATableInATerminal) {
  begin(reply(2, "text = 'b'\ndelay_ms = 60000") + kAnyReply);
  folder_.write("requests.jsonl", requests(3));
  test::TerminalProgram program({.arguments = words({"--concurrency", "1"}, endpoint_->base_url()),
                                 .environment = {{"HOME", folder_.path()}},
                                 .directory = folder_.path()});
  ASSERT_TRUE(program.wait_for("████████░░░░░░░░░░░░░░░░ 1/3 · 33%"));
  program.type("\x03");
  EXPECT_EQ(program.wait(), 130);
  EXPECT_PRED2(holds, program.seen(), "not asked                     2   66.67%");
  EXPECT_FALSE(holds(program.seen(), "░")) << "the bar is gone at the end: " << program.seen();
}

}  // namespace
}  // namespace perdure
