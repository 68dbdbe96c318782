// Calls tools as a run does, without a model and a journal: assessed by the registry, run by a
// CallRunner under its deadline, each knowing the file hashes that earlier calls have shown. The
// workspace is a folder "project" in a temporary folder, so that a test can put a canary beside it.
//
//   ToolBench bench;
//   bench.write("a.txt", "hello\n");
//   EXPECT_EQ(bench.answer("read_file", R"({"path":"a.txt"})"), "hello\n");
//   EXPECT_EQ(bench.answer("read_file", R"({"path":"../x"})").substr(0, 19), "invalid: Error:
//   path_");
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "os/workspace.h"
#include "tests/support/temporary_directory.h"
#include "tools/builtin/builtin.h"
#include "tools/registry.h"

namespace perdure::test {

class ToolBench {
 public:
  /// With all built-in tools.
  explicit ToolBench(const BuiltinOptions& options = {});

  /// Adds a tool.
  Status add(Tool tool);

  /// What would be said of a call before it runs.
  Assessment assess(const std::string& tool, const std::string& arguments) const;
  ToolOutcome call(const std::string& tool, const std::string& arguments);
  /// The text of the outcome; before it the status and ": " when that is not ok.
  std::string answer(const std::string& tool, const std::string& arguments);
  /// What a person would be asked.
  std::string preview(const std::string& tool, const std::string& arguments) const;
  Probe probe(const std::string& tool, const std::string& arguments) const;

  /// Files of the workspace.
  void write(const std::string& name, std::string_view content) const;
  std::string read(const std::string& name) const;
  bool exists(const std::string& name) const;
  /// Absolute.
  std::string path(const std::string& name = "") const;
  const Workspace& workspace() const { return *workspace_; }
  /// The folder around the workspace.
  const TemporaryDirectory& around() const { return around_; }

  /// As the model knows them: a test may forget or change them.
  std::map<std::string, std::string> known_hashes;
  std::map<std::string, StoredOutput> stored_outputs;
  const Blobs& blobs() const { return blobs_; }

 private:
  PreparedCall prepare(const std::string& tool, const std::string& arguments) const;
  CallContext context() const;

  TemporaryDirectory around_;
  std::unique_ptr<Workspace> workspace_;
  Blobs blobs_;
  Registry registry_;
};

/// Runs a program that must succeed (git init, mkfifo); what it wrote on standard output.
std::string must_run(const std::string& command, const std::string& directory);

}  // namespace perdure::test
