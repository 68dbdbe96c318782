// What the attack tests of file tools share: a workspace with a canary beside it. Whatever a test
// lets the tools do, at its end nothing beside the workspace may have changed.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <system_error>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "base/path.h"
#include "json/parse.h"
#include "tests/support/result.h"
#include "tests/support/tool_bench.h"

namespace perdure::test {

class FileAttacks : public testing::Test {
 protected:
  static constexpr const char* kCanary = "the canary sings\n";

  FileAttacks() {
    around().write("outside/secret", kCanary);
    around().write("project-evil/secret", kCanary);
  }
  void SetUp() override { before_ = beside(); }
  void TearDown() override { EXPECT_EQ(beside(), before_) << "something outside has changed"; }

  const TemporaryDirectory& around() const { return bench_.around(); }
  std::string outside(const std::string& name) const {
    return around().path() + "/outside/" + name;
  }
  void link(const std::string& target, const std::string& name) const {
    std::filesystem::create_symlink(target, bench_.path(name));
  }

  ToolOutcome call(const std::string& tool, const Json& arguments) {
    return bench_.call(tool, json::dump(arguments));
  }
  // The model claims to have read what is at this path, so that nothing but confinement protects
  // it.
  void pretend_to_know(const std::string& path) {
    const Result<std::string> relative = relative_path(bench_.path(), path);
    if (!relative.ok()) return;
    std::error_code none;
    const std::uintmax_t size = std::filesystem::file_size(bench_.path(*relative), none);
    const bool here = !none && size < 1'000'000;
    bench_.known_hashes[*relative] = to_hex(sha256(here ? bench_.read(*relative) : kCanary));
  }
  void expect_refused(const std::string& tool, const Json& arguments, const std::string& why) {
    const ToolOutcome outcome = call(tool, arguments);
    EXPECT_NE(outcome.status, CallStatus::kOk) << tool;
    EXPECT_PRED2(holds, outcome.text, why) << tool << " " << json::dump(arguments);
    EXPECT_FALSE(holds(outcome.text, "sings")) << tool << ": " << outcome.text;
    const std::string preview = bench_.preview(tool, json::dump(arguments));
    EXPECT_FALSE(holds(preview, "sings")) << tool << ": " << preview;
  }
  void expect_reading_refused(const std::string& path, const std::string& why) {
    pretend_to_know(path);
    expect_refused("read_file", {{"path", path}}, why);
    expect_refused("list_files", {{"path", path}}, why);
    expect_refused("find_files", {{"path", path}, {"pattern", "*"}}, why);
    expect_refused("search_files", {{"path", path}, {"pattern", "canary"}}, why);
  }
  void expect_writing_refused(const std::string& path, const std::string& why) {
    pretend_to_know(path);
    expect_refused("write_file", {{"path", path}, {"content", "x"}}, why);
    expect_refused("write_file", {{"path", path}, {"content", "x"}, {"append", true}}, why);
    expect_refused("edit_file", {{"path", path}, {"old_text", "canary"}, {"new_text", "x"}}, why);
  }
  void expect_all_refused(const std::string& path, const std::string& why) {
    expect_reading_refused(path, why);
    expect_writing_refused(path, why);
  }

  ToolBench bench_;

 private:
  // What lies beside the workspace, with its content.
  std::map<std::string, std::string> beside() const {
    namespace fs = std::filesystem;
    std::map<std::string, std::string> found;
    fs::recursive_directory_iterator at(around().path());
    for (; at != fs::recursive_directory_iterator(); ++at) {
      const std::string name = at->path().lexically_relative(around().path());
      const bool own = name == "project" || name == "moved" || name == "blobs";
      if (own) at.disable_recursion_pending();
      if (!own) found[name] = at->is_regular_file() ? around().read(name) : "(no file)";
    }
    return found;
  }

  std::map<std::string, std::string> before_;
};

}  // namespace perdure::test
