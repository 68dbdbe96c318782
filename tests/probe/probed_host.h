// A scripted host for `perdure probe`: a model that does what each question asks, as a script of
// the mock endpoint. Tests change the answers in which their host differs. Only tests include this.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "mock/mock_thread.h"
#include "tests/support/program.h"
#include "tests/support/temporary_directory.h"

namespace perdure::test {

class ProbedHost {
 public:
  /// Answers as a model would that thinks and follows instructions. Question/request to the TOML of
  /// its [[conversation.reply]] tables.
  ProbedHost();

  std::string head;                            ///< Keys of the script before the conversations.
  std::map<std::string, std::string> replies;  ///< By "forced_choice/named".
  std::string run;                             ///< [[reply]] tables for all other conversations.

  /// The same fault for each request of each question.
  void add_fault_everywhere(const std::string& fault);
  std::string script() const;
};

/// The endpoint that plays it, and folders for a person who uses the program.
class ProbeBench {
 public:
  explicit ProbeBench(const ProbedHost& host);

  std::string url() const { return endpoint_->base_url(); }
  MockStatistics statistics() const { return endpoint_->statistics(); }
  const TemporaryDirectory& root() const { return root_; }

  /// perdure with these arguments; {url} is the endpoint.
  ProgramResult perdure(std::vector<std::string> arguments,
                        std::map<std::string, std::string> environment = {});
  /// The same, not waited for.
  std::unique_ptr<RunningProgram> start(std::vector<std::string> arguments);
  /// A run of an agent that lists files, with two attempts for each request; its profile, if any,
  /// is the one at the address.
  ProgramResult run(std::vector<std::string> more = {});
  /// Text of the profile that a probe of the address has written; empty without one.
  std::string profile() const;
  std::string profile_path() const;

 private:
  ProgramOptions options_of(std::vector<std::string> arguments,
                            std::map<std::string, std::string> environment) const;

  TemporaryDirectory root_;
  std::unique_ptr<MockThread> endpoint_;
};

}  // namespace perdure::test
