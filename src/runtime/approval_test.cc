// A person is asked: the question, every way of answering, and answers that come when nobody waits
// for them any more.
#include "runtime/approval.h"

#include <stdexcept>
#include <thread>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/json.h"
#include "tests/support/result.h"
#include "tests/support/run_bench.h"

namespace perdure {
namespace {

using test::holds;
using test::RunBench;
using test::tool_spec;

using Answer = std::function<void(ApprovalAnswer)>;

// Writes, then writes the same file again, then answers.
constexpr std::string_view kTwoWrites = R"(
[[reply]]
[[reply.call]]
name = "write_file"
[reply.call.arguments]
path = "notes.txt"
content = "milk\n"
[[reply]]
[[reply.call]]
name = "write_file"
[reply.call.arguments]
path = "notes.txt"
content = "bread\n"
[[reply]]
text = "Done."
)";

AgentOptions writer(const RunBench& bench) {
  AgentOptions options = bench.agent_options();
  options.tools = {"write_file"};
  return options;
}

// Keeps the questions; a test answers them.
struct Desk {
  std::mutex mutex;
  std::condition_variable asked;
  std::vector<ApprovalRequest> questions;
  std::vector<Answer> answers;

  Approver approver() {
    return [this](const ApprovalRequest& question, Answer answer) {
      const std::lock_guard lock(mutex);
      questions.push_back(question);
      answers.push_back(std::move(answer));
      asked.notify_all();
    };
  }
  bool wait_for(std::size_t count) {
    std::unique_lock lock(mutex);
    return asked.wait_for(lock, std::chrono::seconds(60),
                          [&] { return questions.size() >= count; });
  }
};

Approver always(ApprovalAnswer answer, int& questions) {
  return [answer, &questions](const ApprovalRequest&, const Answer& reply) {
    ++questions;
    reply(answer);
  };
}

TEST(Approval, the_question_shows_the_exact_change) {
  RunBench bench(kTwoWrites);
  Agent agent(writer(bench), bench.runtime());
  Desk desk;
  RunOptions options = bench.run_options();
  options.approver = desk.approver();
  RunHandle run = agent.start("Go.", options);
  ASSERT_TRUE(desk.wait_for(1));
  EXPECT_FALSE(bench.folder().exists("workspace/notes.txt")) << "nothing happens before the answer";
  desk.answers[0](ApprovalAnswer::kYes);
  ASSERT_TRUE(desk.wait_for(2)) << "yes is for one call";
  EXPECT_EQ(bench.folder().read("workspace/notes.txt"), "milk\n");
  desk.answers[1](ApprovalAnswer::kYes);
  EXPECT_EQ(run.wait().outcome, Outcome::kDone);
  EXPECT_EQ(bench.folder().read("workspace/notes.txt"), "bread\n");

  const ApprovalRequest& second = desk.questions[1];
  EXPECT_EQ(second.run_id, run.id());
  EXPECT_EQ(second.step, 2);
  EXPECT_EQ(second.call, 0);
  EXPECT_EQ(second.tool, "write_file");
  EXPECT_EQ(second.effect, EffectClass::kDestructive);
  EXPECT_EQ(second.paths, std::vector<std::string>{"notes.txt"});
  EXPECT_PRED2(holds, second.detail, "-milk\n+bread\n");
  EXPECT_EQ(second.hash.size(), 64U);
  EXPECT_NE(second.hash, desk.questions[0].hash) << "an answer is bound to one call";
}

TEST(Approval, no_is_a_result_that_the_model_reads) {
  RunBench bench(kTwoWrites);
  Agent agent(writer(bench), bench.runtime());
  RunOptions options = bench.run_options();
  int questions = 0;
  options.approver = always(ApprovalAnswer::kNo, questions);
  EXPECT_EQ(agent.run("Go.", options).outcome, Outcome::kDone);
  EXPECT_EQ(questions, 2);
  EXPECT_FALSE(bench.folder().exists("workspace/notes.txt"));
  EXPECT_EQ(bench.seen().count("call_intended"), 0);
  EXPECT_PRED2(holds, bench.request(2), "this call was denied");
}

TEST(Approval, always_is_for_the_same_tool_and_path) {
  RunBench bench(kTwoWrites);
  Agent agent(writer(bench), bench.runtime());
  RunOptions options = bench.run_options();
  int questions = 0;
  options.approver = always(ApprovalAnswer::kAlways, questions);
  EXPECT_EQ(agent.run("Go.", options).outcome, Outcome::kDone);
  EXPECT_EQ(questions, 1);
  EXPECT_EQ(bench.folder().read("workspace/notes.txt"), "bread\n");
}

TEST(Approval, nobody_to_ask_means_no) {
  RunBench bench(kTwoWrites);
  Agent agent(writer(bench), bench.runtime());
  EXPECT_EQ(agent.run("Go.", bench.run_options()).outcome, Outcome::kDone);
  EXPECT_FALSE(bench.folder().exists("workspace/notes.txt"));
  EXPECT_EQ(bench.seen().payloads("approval_given").at(0)["by"], "headless");
}

TEST(Approval, an_approver_that_throws_says_no) {
  struct Case {
    const char* by;
    Approver approver;
  };
  const Case cases[] = {
      {"error: no terminal",
       [](const ApprovalRequest&, const Answer&) { throw std::runtime_error("no terminal"); }},
      {"error: something that is no exception",
       [](const ApprovalRequest&, const Answer&) { throw 5; }},
      {"error: after the yes",
       [](const ApprovalRequest&, const Answer& answer) {
         answer(ApprovalAnswer::kYes);
         throw std::runtime_error("after the yes");
       }},
  };
  for (const Case& throwing : cases) {
    SCOPED_TRACE(throwing.by);
    RunBench bench(kTwoWrites);
    Agent agent(writer(bench), bench.runtime());
    RunOptions options = bench.run_options();
    options.approver = throwing.approver;
    EXPECT_EQ(agent.run("Go.", options).outcome, Outcome::kDone);
    EXPECT_FALSE(bench.folder().exists("workspace/notes.txt"));
    EXPECT_PRED2(holds, bench.request(2), "this call was denied");
    const std::vector<Json> answers = bench.seen().payloads("approval_given");
    ASSERT_EQ(answers.size(), 2U) << "a late answer is not taken, the second call is asked for";
    EXPECT_EQ(answers[0]["answer"], "no");
    EXPECT_EQ(answers[0]["by"], throwing.by);
  }
}

TEST(Approval, the_first_answer_counts_whichever_thread_it_comes_from) {
  RunBench bench(kTwoWrites);
  Agent agent(writer(bench), bench.runtime());
  Desk desk;
  RunOptions options = bench.run_options();
  options.approver = desk.approver();
  RunHandle run = agent.start("Go.", options);
  for (std::size_t call = 0; call < 2; ++call) {
    ASSERT_TRUE(desk.wait_for(call + 1));
    std::thread person([answer = desk.answers[call]] {
      answer(ApprovalAnswer::kYes);
      answer(ApprovalAnswer::kNo);
      answer(ApprovalAnswer::kAlways);
    });
    person.join();
  }
  EXPECT_EQ(run.wait().outcome, Outcome::kDone);
  EXPECT_EQ(bench.seen().count("approval_given"), 2);
  EXPECT_EQ(bench.folder().read("workspace/notes.txt"), "bread\n");
  desk.answers[0](ApprovalAnswer::kYes);
}

// The run ends while a person thinks; what the person says then must neither write the file nor
// touch the run that is gone. A resumed run asks again.
TEST(Approval, an_answer_after_the_end_does_nothing) {
  RunBench bench(kTwoWrites);
  Agent agent(writer(bench), bench.runtime());
  Desk desk;
  RunOptions options = bench.run_options();
  options.approver = desk.approver();
  RunHandle run = agent.start("Go.", options);
  ASSERT_TRUE(desk.wait_for(1));
  run.cancel();
  EXPECT_EQ(run.wait().outcome, Outcome::kInterrupted);
  desk.answers[0](ApprovalAnswer::kYes);

  RunHandle resumed = agent.start_resume(run.id(), "", options);
  ASSERT_TRUE(desk.wait_for(2));
  desk.answers[0](ApprovalAnswer::kYes);
  EXPECT_EQ(desk.questions[0].hash, desk.questions[1].hash);
  EXPECT_FALSE(bench.folder().exists("workspace/notes.txt"));
  desk.answers[1](ApprovalAnswer::kNo);
  ASSERT_TRUE(desk.wait_for(3));
  EXPECT_FALSE(bench.folder().exists("workspace/notes.txt"));
  resumed.cancel();
  EXPECT_EQ(resumed.wait().outcome, Outcome::kInterrupted);

  bench.end_runtime();
  for (const Answer& answer : desk.answers) answer(ApprovalAnswer::kYes);
  resumed.say("Nobody hears this.");
  resumed.cancel();
}

TEST(Approval, a_run_that_waits_for_a_person_survives_its_process) {
  RunBench bench(kTwoWrites);
  std::string run_id;
  Desk desk;
  {
    Agent agent(writer(bench), bench.runtime());
    RunOptions options = bench.run_options();
    options.approver = desk.approver();
    run_id = agent.start("Go.", options).id();
    ASSERT_TRUE(desk.wait_for(1));
  }
  bench.start_runtime();
  Agent agent(writer(bench), bench.runtime());
  RunOptions options = bench.run_options();
  int questions = 0;
  options.approver = always(ApprovalAnswer::kAlways, questions);
  EXPECT_EQ(agent.resume(run_id, "", options).outcome, Outcome::kDone);
  EXPECT_EQ(questions, 1);
  EXPECT_EQ(bench.folder().read("workspace/notes.txt"), "bread\n");
}

// --- Whose time it is ---

TEST(Approval, time_stands_still_while_only_a_person_is_waited_for) {
  perdure::Run run;
  EXPECT_FALSE(waiting_for_person(run));
  run.calls.resize(2);
  run.calls[0].stage = CallStage::kAsking;
  run.calls[1].stage = CallStage::kFinished;
  EXPECT_TRUE(waiting_for_person(run));
  run.calls[1].stage = CallStage::kRunning;
  EXPECT_FALSE(waiting_for_person(run)) << "another call is at work";
  run.calls[1].stage = CallStage::kAsking;
  run.request = RequestState::kInFlight;
  EXPECT_FALSE(waiting_for_person(run));
  run.request = RequestState::kNone;
  run.ended = RunEnded{};
  EXPECT_FALSE(waiting_for_person(run));
}

}  // namespace
}  // namespace perdure
