#include "tests/support/tool_bench.h"

#include <filesystem>

#include <fcntl.h>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/utf8.h"
#include "loop/loop.h"
#include "os/random.h"
#include "runtime/call_runner.h"
#include "tests/support/run_process.h"

namespace perdure::test {

ToolBench::ToolBench(const BuiltinOptions& options) : blobs_(around_.path() + "/blobs") {
  std::filesystem::create_directory(path());
  Result<Workspace> opened = Workspace::open(path());
  EXPECT_TRUE(opened.ok()) << to_text(opened.error());
  workspace_ = std::make_unique<Workspace>(std::move(*opened));
  for (const std::string& name : builtin_names()) {
    const Status added = add(*make_builtin(name, options));
    EXPECT_TRUE(added.ok()) << name;
  }
}

Status ToolBench::add(Tool tool) {
  return registry_.add(std::move(tool));
}

PreparedCall ToolBench::prepare(const std::string& tool, const std::string& arguments) const {
  return registry_.prepare({.id = "call_1", .name = tool, .arguments = arguments},
                           workspace_->path());
}

CallContext ToolBench::context() const {
  CallContext context;
  context.run_id = "bench";
  context.idempotency_key = "key-of-the-call";
  context.workspace = workspace_->path();
  context.files = workspace_.get();
  context.blobs = &blobs_;
  context.known_hashes = known_hashes;
  context.stored_outputs = stored_outputs;
  return context;
}

Assessment ToolBench::assess(const std::string& tool, const std::string& arguments) const {
  return prepare(tool, arguments).assessment;
}

ToolOutcome ToolBench::call(const std::string& tool, const std::string& arguments) {
  const PreparedCall prepared = prepare(tool, arguments);
  if (prepared.assessment.problem) {
    ToolOutcome outcome = failure(*prepared.assessment.problem);
    outcome.status = CallStatus::kInvalid;
    return outcome;
  }
  Loop loop;
  WorkerPool workers(1);
  std::unique_ptr<CallRunner> runner;
  ToolOutcome outcome;
  loop.post([&] {
    runner = std::make_unique<CallRunner>(loop, workers, prepared, context(),
                                          "bench-" + random_text(12), [&](CallResult result) {
                                            outcome = std::move(result.outcome);
                                            loop.stop();
                                          });
  });
  loop.run();
  runner.reset();
  for (const FileTouch& touch : outcome.files) known_hashes[touch.path] = touch.hash;
  outcome.text = to_valid_utf8(outcome.text);
  return outcome;
}

std::string ToolBench::answer(const std::string& tool, const std::string& arguments) {
  const ToolOutcome outcome = call(tool, arguments);
  if (outcome.status == CallStatus::kOk) return outcome.text;
  return fmt::format("{}: {}", to_string(outcome.status), outcome.text);
}

std::string ToolBench::preview(const std::string& tool, const std::string& arguments) const {
  const PreparedCall prepared = prepare(tool, arguments);
  if (prepared.tool == nullptr || !prepared.tool->preview) return "(no preview)";
  return prepared.tool->preview(*prepared.arguments, context());
}

Probe ToolBench::probe(const std::string& tool, const std::string& arguments) const {
  const PreparedCall prepared = prepare(tool, arguments);
  if (prepared.tool == nullptr || !prepared.tool->probe) return {};
  return prepared.tool->probe(*prepared.arguments, context());
}

void ToolBench::write(const std::string& name, std::string_view content) const {
  around_.write("project/" + name, content);
}

std::string ToolBench::read(const std::string& name) const {
  return around_.read("project/" + name);
}

bool ToolBench::exists(const std::string& name) const {
  return around_.exists("project/" + name);
}

std::string ToolBench::path(const std::string& name) const {
  return around_.path() + "/project" + (name.empty() ? "" : "/" + name);
}

std::string must_run(const std::string& command, const std::string& directory) {
  const Descriptor place(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  ProcessSpec spec = shell(command);
  spec.directory = place.get();
  // git needs an author, and must not read what the developer has set up.
  spec.environment.insert(spec.environment.end(),
                          {"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1",
                           "GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.org",
                           "GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.org"});
  const ProcessRun run = run_process(spec);
  EXPECT_TRUE(run.started) << to_text(run.error);
  EXPECT_EQ(run.exit.exit_code, 0) << command << "\n" << run.output << run.errors;
  return run.output;
}

}  // namespace perdure::test
