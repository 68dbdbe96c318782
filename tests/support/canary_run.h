// A run of the real program whose tools leave marks: what it did, what its journal says, and
// whether the two agree. For tests that kill it, or take its disk away, at any moment.
//
//   const std::unique_ptr<MockThread> endpoint = start_endpoint(canary_script(4));
//   const CanaryRun run(*endpoint, canary_agent(), 4);
//   ProgramResult killed = ...;     // of run.run()
//   run.expect_accounted(killed);   // nothing that was shown is lost, nothing happened unannounced
//   run.finish();                   // resumes it to its end
//   run.expect_story();             // each strike happened once, or somebody is told to look
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "mock/mock_thread.h"
#include "store/journal.h"
#include "tests/support/program.h"
#include "tests/support/temporary_directory.h"

namespace perdure::test {

/// Each step strikes once (which must never happen twice), looks twice (which may), and writes a
/// file. The number of a step is the name of its marks.
std::string canary_script(int steps);
std::string canary_agent();
/// One that strikes, and one that says so much (70,000 bytes) that it goes to a blob.
std::string pouring_agent();

/// The endpoint that all runs of a test share: a run's id keeps its conversation apart.
std::unique_ptr<MockThread> start_endpoint(std::string_view script);

/// How often each line stands in a file.
std::map<std::string, int> lines_of(const TemporaryDirectory& folder, const std::string& name);

/// What the journal says of a run.
struct Account {
  std::string run_id;  ///< Empty when there is none yet.
  std::vector<StoredEvent> events;
  std::map<std::string, int> intended;      ///< "STEP.CALL": how often it was intended.
  std::map<std::string, std::string> ends;  ///< "STEP.CALL": the status of its end.

  int count(std::string_view kind) const;
};

class CanaryRun {
 public:
  /// `steps` with calls come before the answer.
  CanaryRun(const MockThread& endpoint, std::string_view agent, int steps);

  std::string place(const std::string& name) const { return root_.path() + "/" + name; }
  std::string state() const { return place("state/perdure"); }
  const TemporaryDirectory& root() const { return root_; }
  Account account() const;

  ProgramOptions run() const;
  /// Goes on; or begins when the program died before the run came into being.
  ProgramOptions resume() const;

  /// What was shown before the death stands in the journal, word for word, and what happened was
  /// intended there before.
  void expect_accounted(const ProgramResult& killed) const;
  bool has_ended() const;
  /// Resumes it, unless it is done, and it must get done.
  void finish() const { finish(resume()); }
  void finish(const ProgramOptions& resume) const;
  /// The run is done: the journal and the marks of the tools tell the same story, and nothing is
  /// left running.
  void expect_story() const;

 private:
  ProgramOptions options(std::vector<std::string> arguments) const;
  void expect_step(const Account& account, int step) const;

  TemporaryDirectory root_;
  std::string base_url_;
  int steps_;
};

}  // namespace perdure::test
