// search_files: what a model sees of matches, of mistakes in a pattern, and of too much of both.
#include <filesystem>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/utf8.h"
#include "tests/support/tool_bench.h"

namespace perdure {
namespace {

using test::ToolBench;

TEST(SearchFiles, AnswersPathLineAndText) {
  ToolBench bench;
  bench.write("a.py", "import os\n\ndef Main():\n  return os.name\n");
  bench.write("src/b.py", "def helper(): pass");
  bench.write("src/b.txt", "def\r\n");
  struct Case {
    const char* arguments;
    const char* found;
  };
  const Case cases[] = {
      {R"({"pattern":"def \\w+"})", "a.py:3: def Main():\nsrc/b.py:1: def helper(): pass\n"},
      {R"({"pattern":"^def"})",
       "a.py:3: def Main():\nsrc/b.py:1: def helper(): pass\nsrc/b.txt:1: def\r\n"},
      {R"({"pattern":"main"})", "(no match)"},
      {R"({"pattern":"main","ignore_case":true})", "a.py:3: def Main():\n"},
      {R"({"pattern":"def","glob":"*.txt"})", "src/b.txt:1: def\r\n"},
      {R"({"pattern":"def","path":"src","glob":"*.py"})", "src/b.py:1: def helper(): pass\n"},
      {R"({"pattern":"os","path":"a.py"})", "a.py:1: import os\na.py:4:   return os.name\n"},
      {R"({"pattern":"nowhere"})", "(no match)"},
  };
  for (const Case& row : cases) {
    EXPECT_EQ(bench.answer("search_files", row.arguments), row.found) << row.arguments;
  }
}

TEST(SearchFiles, SaysWhatIsWrong) {
  ToolBench bench;
  EXPECT_EQ(bench.answer("search_files", R"({"pattern":"x","path":"none"})"),
            "error: Error: 'none' does not exist");
  const std::string broken = bench.answer("search_files", R"j({"pattern":"a(b"})j");
  EXPECT_EQ(broken.rfind("error: Error: ", 0), 0u) << broken;
  EXPECT_NE(broken.find("parenthesis"), std::string::npos) << broken;
  for (const char* arguments :
       {"{}", R"({"pattern":""})", R"({"pattern":"x","ignore_case":"yes"})"}) {
    EXPECT_EQ(bench.call("search_files", arguments).status, CallStatus::kInvalid) << arguments;
  }
}

TEST(SearchFiles, PassesOverWhatIsNoText) {
  ToolBench bench;
  bench.write("binary", std::string("needle\0", 7));
  bench.write("ignored", "needle");
  bench.write(".gitignore", "ignored\n");
  bench.write(".git/x", "needle");
  std::filesystem::resize_file((bench.write("large", "needle\n"), bench.path("large")),
                               (8 << 20) + 1);
  bench.write("latin", "caf\xe9 needle\n");
  const std::string answer = bench.answer("search_files", R"({"pattern":"needle"})");
  EXPECT_EQ(answer, "latin:1: caf\xef\xbf\xbd needle\n[not searched, larger than 8.4 MB: large]\n");
}

TEST(SearchFiles, LongLinesAreCutBetweenCharacters) {
  ToolBench bench;
  std::string line = "x";
  for (int i = 0; i < 200; ++i) line += "\xe2\x82\xac";  // 300 is in the middle of one
  bench.write("long", line + "\n");
  const std::string answer = bench.answer("search_files", R"({"pattern":"^x"})");
  EXPECT_EQ(answer, "long:1: " + line.substr(0, 298) + " ...\n");
}

TEST(SearchFiles, ManyMatchesAreCutAndSaySo) {
  ToolBench bench;
  std::string text;
  for (int i = 0; i < 200; ++i) text += "hit\n";
  bench.write("a", text);
  EXPECT_EQ(bench.answer("search_files", R"({"pattern":"hit"})").find("[cut"), std::string::npos);
  bench.write("b", "hit\n");
  const std::string answer = bench.answer("search_files", R"({"pattern":"hit"})");
  EXPECT_NE(answer.find("a:200: hit\n[cut after 200 matches: narrow the search]\n"),
            std::string::npos);
}

TEST(SearchFiles, APatternThatCostsTooMuchIsStopped) {
  ToolBench bench;
  bench.write("a", "before\n");
  std::string text;
  for (int i = 0; i < 2'000; ++i) text += std::string(40, 'a') + "!\n";
  bench.write("b", text);
  const std::string answer = bench.answer("search_files", R"j({"pattern":"^(a+)+$|before"})j");
  EXPECT_NE(answer.find("a:1: before\n"), std::string::npos) << answer;
  EXPECT_NE(answer.find("[stopped: the pattern is too costly for so much text; avoid repeats "
                        "within repeats, or narrow the search]\n"),
            std::string::npos)
      << answer;
}

// "No match" would be taken for a fact.
TEST(SearchFiles, LinesOnWhichAPatternCostsTooMuchAreCounted) {
  ToolBench bench;
  bench.write("a", std::string(40, 'a') + "!\n");
  EXPECT_EQ(bench.answer("search_files", R"j({"pattern":"^(a+)+$"})j"),
            "(no match in what was searched)\n[not searched: 1 line on which the pattern is too "
            "costly; avoid repeats within repeats]\n");
  bench.write("b", "aaa\n" + std::string(40, 'a') + "!\n");
  EXPECT_EQ(bench.answer("search_files", R"j({"pattern":"^(a+)+$"})j"),
            "b:1: aaa\n[not searched: 2 lines on which the pattern is too costly; avoid repeats "
            "within repeats]\n");
}

}  // namespace
}  // namespace perdure
