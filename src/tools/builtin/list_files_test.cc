// list_files and find_files: what a model sees of a folder, and how they walk it.
#include <filesystem>
#include <string>

#include <sys/stat.h>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/support/tool_bench.h"

namespace perdure {
namespace {

using test::ToolBench;

TEST(ListFiles, FoldersFilesAndSizes) {
  ToolBench bench;
  bench.write("b.txt", "hello");
  bench.write("a/deep/er/x", "");
  bench.write("a/large", std::string(2'048, 'x'));
  std::filesystem::create_symlink("b.txt", bench.path("link"));
  ASSERT_EQ(::mkfifo(bench.path("pipe").c_str(), 0600), 0);
  EXPECT_EQ(bench.answer("list_files", "{}"),
            "a/\na/deep/\na/large 2.0 KB\nb.txt 5 B\nlink (link)\npipe (special)\n");
  EXPECT_EQ(bench.answer("list_files", ""), bench.answer("list_files", "{}"));
  EXPECT_EQ(bench.answer("list_files", R"({"depth":1})"),
            "a/\nb.txt 5 B\nlink (link)\npipe (special)\n");
  EXPECT_EQ(bench.answer("list_files", R"({"path":"a","depth":10})"),
            "a/deep/\na/deep/er/\na/deep/er/x 0 B\na/large 2.0 KB\n");
}

TEST(ListFiles, AnEmptyFolderIsSaidToBeEmpty) {
  ToolBench bench;
  EXPECT_EQ(bench.answer("list_files", "{}"), "(empty)");
}

TEST(ListFiles, SaysWhatIsWrong) {
  ToolBench bench;
  bench.write("file", "");
  EXPECT_EQ(bench.answer("list_files", R"({"path":"none"})"),
            "error: Error: 'none' does not exist");
  EXPECT_EQ(bench.answer("list_files", R"({"path":"file"})"),
            "error: Error: a part of 'file' is not a directory");
  for (const char* arguments : {R"({"depth":0})", R"({"depth":11})", R"({"depth":"2"})",
                                R"({"paht":"."})", R"({"path":7})"}) {
    EXPECT_EQ(bench.call("list_files", arguments).status, CallStatus::kInvalid) << arguments;
  }
}

TEST(ListFiles, LeavesOutWhatGitIgnores) {
  ToolBench bench;
  bench.write(".gitignore", "# comment\n*.o\n/build\nlogs/\n!keep.o\n\\#odd\ndocs/*.pdf\n\n");
  for (const char* name : {"a.o", "keep.o", "build", "src/build", "src/a.o", "logs/x", "src/logs",
                           "#odd", "docs/a.pdf", "docs/deep/b.pdf", ".git/config"}) {
    bench.write(name, "");
  }
  bench.write("src/.gitignore", "!a.o\nbuild\n");
  EXPECT_EQ(bench.answer("list_files", R"({"depth":5})"),
            ".gitignore 53 B\ndocs/\ndocs/deep/\ndocs/deep/b.pdf 0 B\nkeep.o 0 B\nsrc/\n"
            "src/.gitignore 11 B\nsrc/a.o 0 B\nsrc/logs 0 B\n");
  // Rules of the folders above hold for a walk that starts below them.
  EXPECT_EQ(bench.answer("list_files", R"({"path":"docs"})"), "docs/deep/\ndocs/deep/b.pdf 0 B\n");
}

TEST(ListFiles, ManyEntriesAreCutAndSaySo) {
  ToolBench bench;
  for (int i = 0; i < 500; ++i) bench.write(fmt::format("f{:03}", i), "");
  EXPECT_EQ(bench.answer("list_files", "{}").find("[cut"), std::string::npos);
  bench.write("g", "");
  const std::string answer = bench.answer("list_files", "{}");
  EXPECT_NE(answer.find("f499 0 B\n[cut after 500 entries: list a folder, or use find_files]\n"),
            std::string::npos);
  EXPECT_EQ(answer.find("g 0 B"), std::string::npos);
}

TEST(ListFiles, DeeperThanTheWalkGoesIsPassedOver) {
  ToolBench bench;
  // Deeper than a walk goes: what is above is still told.
  std::string deep;
  for (int i = 0; i < 80; ++i) deep += "d/";
  bench.write(deep + "needle", "");
  bench.write("needle", "");
  EXPECT_EQ(bench.answer("find_files", R"({"pattern":"needle"})"), "needle\n");
}

// --- find_files ---

TEST(FindFiles, ByNameAndByPath) {
  ToolBench bench;
  for (const char* name :
       {"a.py", "src/b.py", "src/deep/c.py", "src/b.h", "src/b.cc", "build/d.py"})
    bench.write(name, "");
  bench.write(".gitignore", "build/\n");
  struct Case {
    const char* arguments;
    const char* found;
  };
  const Case cases[] = {
      {R"({"pattern":"*.py"})", "a.py\nsrc/b.py\nsrc/deep/c.py\n"},
      {R"({"pattern":"src/*.py"})", "src/b.py\n"},
      {R"({"pattern":"src/**/*.py"})", "src/b.py\nsrc/deep/c.py\n"},
      {R"({"pattern":"src/**/*.{h,cc}"})", "src/b.cc\nsrc/b.h\n"},
      {R"({"pattern":"*.py","path":"src/deep"})", "src/deep/c.py\n"},
      {R"({"pattern":"deep"})", "(no file matches)"},
      {R"({"pattern":"*.rs"})", "(no file matches)"},
      {R"({"pattern":"[ab].py"})", "a.py\nsrc/b.py\n"},
  };
  for (const Case& row : cases) {
    EXPECT_EQ(bench.answer("find_files", row.arguments), row.found) << row.arguments;
  }
}

TEST(FindFiles, SaysWhatIsWrong) {
  ToolBench bench;
  EXPECT_EQ(bench.answer("find_files", R"({"pattern":"*","path":"none"})"),
            "error: Error: 'none' does not exist");
  for (const char* arguments : {"{}", "", R"({"pattern":""})", R"({"pattern":["*"]})"}) {
    EXPECT_EQ(bench.call("find_files", arguments).status, CallStatus::kInvalid) << arguments;
  }
}

TEST(FindFiles, ManyFilesAreCutAndSaySo) {
  ToolBench bench;
  for (int i = 0; i < 200; ++i) bench.write(fmt::format("f{:03}", i), "");
  EXPECT_EQ(bench.answer("find_files", R"({"pattern":"f*"})").find("[cut"), std::string::npos);
  bench.write("f200", "");
  const std::string answer = bench.answer("find_files", R"({"pattern":"f*"})");
  EXPECT_NE(answer.find("f199\n[cut after 200 files: narrow the pattern or the path]\n"),
            std::string::npos)
      << answer;
}

}  // namespace
}  // namespace perdure
