// A place to run agents in: folders of its own, a runtime, and a scripted endpoint, all in this
// process. What observers see is kept.
//
//   RunBench bench(R"([[reply]]
//                     text = "Hello.")");
//   Agent agent(bench.agent_options(), bench.runtime());
//   EXPECT_EQ(agent.run("Greet me.", bench.run_options()).text, "Hello.");
//   EXPECT_EQ(bench.seen().count("model_replied"), 1);
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <perdure/agent.h>
#include <perdure/runtime.h>

#include "mock/mock_thread.h"
#include "tests/support/temporary_directory.h"

namespace perdure::test {

struct SeenEvent {
  std::string kind;
  std::string run_id;
  std::uint64_t sequence = 0;
  std::string payload;
  std::string text;
};

/// The events of any number of runs, in the order of arrival. Any thread.
class SeenEvents {
 public:
  Observer observer();
  std::vector<SeenEvent> all() const;
  int count(std::string_view kind) const;
  /// The payloads of the events of a kind.
  std::vector<Json> payloads(std::string_view kind) const;
  /// "run_started message_queued ...", without deltas.
  std::string kinds() const;
  /// Waits until an event of this kind has come so many times; false after a while.
  bool wait_for(std::string_view kind, int times = 1) const;

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable arrived_;
  std::vector<SeenEvent> events_;
};

/// A point where threads meet, or where one waits for another. Waits are bounded: false after a
/// while.
class Meeting {
 public:
  /// One more has come.
  void arrive();
  bool wait_for(int arrivals) const;
  bool arrive_and_wait_for(int arrivals) {
    arrive();
    return wait_for(arrivals);
  }

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable arrived_;
  int arrivals_ = 0;
};

class RunBench {
 public:
  explicit RunBench(std::string_view script, JournalMode journal = JournalMode::kDurable);
  /// Whatever ran here makes the same decisions and requests when it is replayed, or the test
  /// fails.
  ~RunBench();

  /// kimi-k2.6 at the scripted endpoint, without tools.
  AgentOptions agent_options() const;
  /// In this bench's workspace, seen().
  RunOptions run_options(Budget budget = {});
  Runtime& runtime() { return *runtime_; }
  /// Ends the runtime, with whatever runs.
  void end_runtime() { runtime_.reset(); }
  /// A new one on the same folders: another process, as far as the journal can tell.
  void start_runtime();

  SeenEvents& seen() { return seen_; }
  MockStatistics statistics() const { return endpoint_->statistics(); }
  /// Waits until so many requests have reached the endpoint; false after a while.
  bool wait_for_requests(int count) const { return requests_.wait_for(count); }
  /// The body of the n-th request, from 1.
  std::string request(int number) const;
  const TemporaryDirectory& folder() const { return folder_; }
  std::string workspace() const { return folder_.path() + "/workspace"; }
  std::string state() const { return folder_.path() + "/state"; }

  /// The events of a stored run as "kind payload" lines, or the error.
  std::string stored(const std::string& run_id);

 private:
  TemporaryDirectory folder_;
  JournalMode journal_;
  SeenEvents seen_;
  Meeting requests_;
  std::unique_ptr<MockThread> endpoint_;
  std::unique_ptr<Runtime> runtime_;
};

/// A function tool: `effect`, no parameters but those in `properties`.
ToolSpec tool_spec(std::string name, EffectClass effect = EffectClass::kRead,
                   const Json& parameters = Json{{"type", "object"}});

}  // namespace perdure::test
