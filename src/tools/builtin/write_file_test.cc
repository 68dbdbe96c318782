// write_file and edit_file: nothing is lost by mistake, and what a crash left is found out.
#include <filesystem>
#include <string>

#include <sys/stat.h>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/hash.h"
#include "tests/support/tool_bench.h"

namespace perdure {
namespace {

namespace fs = std::filesystem;
using test::ToolBench;

std::string hash_of(std::string_view text) {
  return to_hex(sha256(text));
}

// --- write_file ---

TEST(WriteFile, CreatesAFileAndItsFolders) {
  ToolBench bench;
  const ToolOutcome outcome = bench.call("write_file", R"({"path":"a/b.txt","content":"x\ny\n"})");
  EXPECT_EQ(outcome.text, "Created a/b.txt (4 B in 2 lines)");
  EXPECT_EQ(bench.read("a/b.txt"), "x\ny\n");
  ASSERT_EQ(outcome.files.size(), 1u);
  EXPECT_TRUE(outcome.files[0].written);
  EXPECT_EQ(outcome.files[0].hash, hash_of("x\ny\n"));
}

TEST(WriteFile, ReplacesWhatWasRead) {
  ToolBench bench;
  bench.write("a", "one\ntwo\nthree\n");
  bench.answer("read_file", R"({"path":"a"})");
  EXPECT_EQ(bench.answer("write_file", R"({"path":"a","content":"one\n2\n"})"),
            "Wrote a (6 B in 2 lines), 1 lines added, 2 removed");
  // What it has written it knows.
  EXPECT_EQ(bench.answer("write_file", R"({"path":"a","content":""})"),
            "Wrote a (0 B in 0 lines), 0 lines added, 2 removed");
  EXPECT_EQ(bench.read("a"), "");
}

TEST(WriteFile, DoesNotReplaceWhatWasNotRead) {
  ToolBench bench;
  bench.write("a", "precious");
  for (const char* arguments :
       {R"({"path":"a","content":"new"})", R"({"path":"a","content":"new","append":true})"}) {
    EXPECT_EQ(bench.answer("write_file", arguments),
              "error: Error: 'a' exists and was not read in this run\nRead it first, so that "
              "nothing in it is lost by mistake.");
  }
  EXPECT_EQ(bench.read("a"), "precious");
}

TEST(WriteFile, DoesNotReplaceWhatWasChangedSince) {
  ToolBench bench;
  bench.write("a", "old");
  bench.answer("read_file", R"({"path":"a"})");
  bench.write("a", "by somebody else");
  EXPECT_EQ(bench.answer("write_file", R"({"path":"a","content":"new"})"),
            "error: Error: 'a' was changed since it was read\nread it again before writing");
  EXPECT_EQ(bench.read("a"), "by somebody else");
}

TEST(WriteFile, AFileThatWasDeletedSinceIsMadeAnew) {
  ToolBench bench;
  bench.write("a", "old");
  bench.answer("read_file", R"({"path":"a"})");
  fs::remove(bench.path("a"));
  EXPECT_EQ(bench.answer("write_file", R"({"path":"a","content":"new"})"),
            "Created a (3 B in 1 lines)");
}

TEST(WriteFile, AppendsPartByPart) {
  ToolBench bench;
  bench.answer("write_file", R"({"path":"long","content":"part 1\n","append":true})");
  bench.answer("write_file", R"({"path":"long","content":"part 2\n","append":true})");
  EXPECT_EQ(bench.answer("write_file", R"({"path":"long","content":"part 3\n","append":true})"),
            "Wrote long (21 B in 3 lines), 1 lines added, 0 removed");
  EXPECT_EQ(bench.read("long"), "part 1\npart 2\npart 3\n");
}

TEST(WriteFile, KeepsTheModeAndTheLink) {
  ToolBench bench;
  bench.write("tool", "old");
  fs::create_symlink("tool", bench.path("link"));
  ASSERT_EQ(::chmod(bench.path("tool").c_str(), 0751), 0);
  bench.answer("read_file", R"({"path":"link"})");
  bench.answer("write_file", R"({"path":"link","content":"new"})");
  EXPECT_EQ(bench.read("tool"), "new");
  EXPECT_TRUE(fs::is_symlink(bench.path("link")));
  EXPECT_EQ(static_cast<int>(fs::status(bench.path("tool")).permissions()), 0751);
}

TEST(WriteFile, S6LeavesNoHalfFileAndNoTemporaryOne) {
  ToolBench bench;
  bench.write("folder/x", "");
  EXPECT_EQ(bench.call("write_file", R"({"path":"folder","content":"x"})").status,
            CallStatus::kError);
  bench.answer("write_file", R"({"path":"a","content":"x"})");
  bench.answer("write_file", R"({"path":"a","content":"y"})");
  for (const auto& entry : fs::recursive_directory_iterator(bench.path())) {
    EXPECT_EQ(entry.path().string().find(".tmp"), std::string::npos) << entry.path();
  }
}

TEST(WriteFile, APersonIsShownTheChange) {
  ToolBench bench;
  bench.write("a", "one\ntwo\n");
  EXPECT_EQ(bench.preview("write_file", R"({"path":"a","content":"one\n2\n"})"),
            "--- a/a\n+++ b/a\n@@ -1,2 +1,2 @@\n one\n-two\n+2\n");
  EXPECT_EQ(bench.preview("write_file", R"({"path":"a","content":"three\n","append":true})"),
            "--- a/a\n+++ b/a\n@@ -1,2 +1,3 @@\n one\n two\n+three\n");
  EXPECT_EQ(bench.preview("write_file", R"({"path":"new","content":"x\n"})"),
            "--- /dev/null\n+++ b/new\n@@ -0,0 +1 @@\n+x\n");
}

struct ProbeCase {
  const char* name;
  const char* known;  ///< What the model had read; null: nothing.
  const char* now;    ///< What stands there after the crash; null: no file.
  const char* arguments;
  ProbeVerdict verdict;
};

void expect_verdict(const char* tool, const ProbeCase& row) {
  ToolBench bench;
  if (row.known != nullptr) bench.known_hashes["a"] = hash_of(row.known);
  if (row.now != nullptr) bench.write("a", row.now);
  EXPECT_EQ(bench.probe(tool, row.arguments).verdict, row.verdict) << row.name;
}

TEST(WriteFile, AfterACrashTheContentTells) {
  constexpr const char* kWrite = R"({"path":"a","content":"new"})";
  constexpr const char* kAppend = R"({"path":"a","content":"new","append":true})";
  const ProbeCase cases[] = {
      {"made", nullptr, "new", kWrite, ProbeVerdict::kDone},
      {"not made", nullptr, nullptr, kWrite, ProbeVerdict::kNotDone},
      {"made by somebody else", nullptr, "other", kWrite, ProbeVerdict::kUnknown},
      {"replaced", "old", "new", kWrite, ProbeVerdict::kDone},
      {"not replaced", "old", "old", kWrite, ProbeVerdict::kNotDone},
      {"changed by somebody else", "old", "other", kWrite, ProbeVerdict::kUnknown},
      {"gone", "old", nullptr, kWrite, ProbeVerdict::kUnknown},
      {"not appended", "old", "old", kAppend, ProbeVerdict::kNotDone},
      {"perhaps appended", "old", "oldnew", kAppend, ProbeVerdict::kUnknown},
      {"perhaps made", nullptr, "new", kAppend, ProbeVerdict::kUnknown},
      {"append, not made", nullptr, nullptr, kAppend, ProbeVerdict::kNotDone},
  };
  for (const ProbeCase& row : cases) expect_verdict("write_file", row);
}

TEST(WriteFile, WhatTheProbeFoundIsKnownAfterwards) {
  ToolBench bench;
  bench.write("a", "new");
  const Probe probe = bench.probe("write_file", R"({"path":"a","content":"new"})");
  EXPECT_EQ(probe.outcome.text,
            "Wrote a (3 B in 1 lines), as its content shows after an interruption");
  ASSERT_EQ(probe.outcome.files.size(), 1u);
  EXPECT_EQ(probe.outcome.files[0].hash, hash_of("new"));
}

// --- edit_file ---

TEST(EditFile, EditsOnePlaceAndShowsIt) {
  ToolBench bench;
  bench.write("a.py", "def f():\n    return 1\n\ndef g():\n    return 2\n");
  const ToolOutcome outcome =
      bench.call("edit_file", R"({"path":"a.py","old_text":"return 2","new_text":"return 3"})");
  EXPECT_EQ(outcome.text,
            "Edited a.py at 1 place:\n--- a/a.py\n+++ b/a.py\n@@ -4,2 +4,2 @@\n def g():\n"
            "-    return 2\n+    return 3\n");
  EXPECT_EQ(bench.read("a.py"), "def f():\n    return 1\n\ndef g():\n    return 3\n");
  ASSERT_EQ(outcome.files.size(), 1u);
  EXPECT_EQ(outcome.files[0].hash, hash_of(bench.read("a.py")));
}

TEST(EditFile, SaysWhenOnlyTheWhiteSpaceDiffered) {
  ToolBench bench;
  bench.write("a.py", "if x:\n\tdo(1)\n");
  const std::string answer = bench.answer(
      "edit_file",
      R"j({"path":"a.py","old_text":"if x:\n    do(1)","new_text":"if x:\n    do(2)"})j");
  EXPECT_EQ(answer.rfind("Edited a.py at 1 place (old_text matched but for white space):\n--- ", 0),
            0u)
      << answer;
  EXPECT_EQ(bench.read("a.py"), "if x:\n\tdo(2)\n");
}

TEST(EditFile, EditsAllPlacesWhenAsked) {
  ToolBench bench;
  bench.write("a", "x x x");
  EXPECT_EQ(bench.call("edit_file", R"({"path":"a","old_text":"x","new_text":"y"})").status,
            CallStatus::kError);
  EXPECT_EQ(bench.answer("edit_file", R"({"path":"a","old_text":"x","new_text":"y","all":true})")
                .substr(0, 22),
            "Edited a at 3 places:\n");
  EXPECT_EQ(bench.read("a"), "y y y");
}

TEST(EditFile, AMissShowsTheNearestPlace) {
  ToolBench bench;
  bench.write("a", "alpha\nvalue = compute(41)\nomega\n");
  const std::string answer = bench.answer(
      "edit_file", R"j({"path":"a","old_text":"value = compute(14)","new_text":"x"})j");
  EXPECT_EQ(answer.rfind("error: Error: ", 0), 0u);
  EXPECT_NE(answer.find("-value = compute(14)\n+value = compute(41)\n"), std::string::npos)
      << answer;
  EXPECT_EQ(bench.read("a"), "alpha\nvalue = compute(41)\nomega\n");
}

TEST(EditFile, RefusesWhatChangedSinceItWasRead) {
  ToolBench bench;
  bench.write("a", "old");
  bench.answer("read_file", R"({"path":"a"})");
  bench.write("a", "old and more");
  EXPECT_EQ(bench.answer("edit_file", R"({"path":"a","old_text":"old","new_text":"new"})"),
            "error: Error: 'a' was changed since you read it\nRead it again before editing.");
  EXPECT_EQ(bench.read("a"), "old and more");
}

TEST(EditFile, AFileThatIsNotThereIsSaid) {
  ToolBench bench;
  EXPECT_EQ(bench.answer("edit_file", R"({"path":"a","old_text":"x","new_text":"y"})"),
            "error: Error: 'a' does not exist");
  EXPECT_FALSE(bench.exists("a"));
}

TEST(EditFile, APersonIsShownTheChangeOrWhyThereIsNone) {
  ToolBench bench;
  bench.write("a", "one\ntwo\n");
  EXPECT_EQ(bench.preview("edit_file", R"({"path":"a","old_text":"two","new_text":"2"})"),
            "--- a/a\n+++ b/a\n@@ -1,2 +1,2 @@\n one\n-two\n+2\n");
  EXPECT_EQ(bench.preview("edit_file", R"({"path":"b","old_text":"two","new_text":"2"})"),
            "'b' does not exist");
}

TEST(EditFile, AfterACrashOnlyAnUntouchedFileTells) {
  constexpr const char* kEdit = R"({"path":"a","old_text":"old","new_text":"new"})";
  const ProbeCase cases[] = {
      {"untouched", "old", "old", kEdit, ProbeVerdict::kNotDone},
      {"edited, or by somebody else", "old", "new", kEdit, ProbeVerdict::kUnknown},
      {"never read", nullptr, "old", kEdit, ProbeVerdict::kUnknown},
      {"gone", "old", nullptr, kEdit, ProbeVerdict::kUnknown},
  };
  for (const ProbeCase& row : cases) expect_verdict("edit_file", row);
}

}  // namespace
}  // namespace perdure
