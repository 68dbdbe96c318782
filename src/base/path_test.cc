#include "base/path.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace perdure {
namespace {

struct PathCase {
  std::string path;
  std::string relative;  // or the name of the error
};

std::string relative_or_error(std::string_view root, std::string_view path) {
  const Result<std::string> relative = relative_path(root, path);
  return relative.ok() ? *relative : std::string(to_string(relative.error().code));
}

TEST(Path, RelativeToTheWorkspace) {
  const std::string name255(255, 'n');
  const std::vector<PathCase> cases = {
      {"a", "a"},
      {"a/b.txt", "a/b.txt"},
      {"./a", "a"},
      {"a//b/./c/", "a/b/c"},
      {".", "."},
      {"./", "."},
      {"a/..", "."},
      {"a/../b", "b"},
      {"a/b/../../c", "c"},
      {"..", "path_escape"},
      {"../a", "path_escape"},
      {"a/../..", "path_escape"},
      {"a/../../work/x", "path_escape"},
      {"...", "..."},
      {"..a/b", "..a/b"},
      {"a b", "a b"},
      {"~", "~"},
      {"a\\..\\b", "a\\..\\b"},
      {"%2e%2e/a", "%2e%2e/a"},
      {"\u00e9/\u65e5", "\u00e9/\u65e5"},
      {"a\nb", "a\nb"},
      {"", "invalid_path"},
      {std::string("a\0b", 3), "invalid_path"},
      {name255, name255},
      {name255 + "n", "invalid_path"},
      {std::string(4097, '/'), "invalid_path"},
      {"/work", "."},
      {"/work/", "."},
      {"/work/a/../b", "b"},
      {"/work//a", "a"},
      {"/work/..", "path_escape"},
      {"/work/../work/a", "path_escape"},
      {"/work2/a", "path_escape"},
      {"/wor", "path_escape"},
      {"/", "path_escape"},
      {"/etc/passwd", "path_escape"},
      {"//work/a", "path_escape"},
  };
  for (const PathCase& example : cases) {
    EXPECT_EQ(relative_or_error("/work", example.path), example.relative) << example.path;
  }
  EXPECT_EQ(relative_or_error("/", "/etc/x"), "etc/x");
  EXPECT_EQ(relative_or_error("/", "/"), ".");
  EXPECT_EQ(relative_or_error("/", "/.."), "path_escape");
}

TEST(Path, ErrorsAreHarmlessToATerminal) {
  const Result<std::string> escaped =
      relative_path("/work", "../\x1b[31m" + std::string(1000, 'x'));
  ASSERT_FALSE(escaped.ok());
  EXPECT_THAT(escaped.error().message, testing::HasSubstr("'../\\x1b[31mxxx"));
  EXPECT_LT(escaped.error().message.size(), 300U);
  EXPECT_EQ(escaped.error().context, "/work");
  EXPECT_EQ(escaped.error().advice, "use a path relative to the workspace");
}

TEST(Path, Parts) {
  EXPECT_EQ(join_path(".", "c"), "c");
  EXPECT_EQ(join_path("", "c"), "c");
  EXPECT_EQ(join_path("a/b", "c"), "a/b/c");
  EXPECT_EQ(join_path("/", "c"), "/c");
  EXPECT_EQ(parent_path("a/b/c"), "a/b");
  EXPECT_EQ(parent_path("c"), ".");
  EXPECT_EQ(parent_path("/c"), "/");
  EXPECT_EQ(file_name("a/b/c"), "c");
  EXPECT_EQ(file_name("c"), "c");
}

TEST(Path, BelowAFolderIsNotBesideIt) {
  for (const char* folder : {"/a/b", "/a/b/", "/", "/a"}) EXPECT_TRUE(is_below("/a/b", folder));
  EXPECT_TRUE(is_below("/a/b/c", "/a/b"));
  EXPECT_FALSE(is_below("/a/bc", "/a/b"));
  EXPECT_FALSE(is_below("/a", "/a/b"));
}

TEST(Path, WhatChangesHowToolsBehaveIsProtected) {
  for (const char* path :
       {".git", ".git/config", "a/.git/hooks/pre-commit", ".GIT/config", "sub/.Git"}) {
    EXPECT_TRUE(is_protected_path(path)) << path;
  }
  for (const char* path :
       {".", "a", ".gitignore", ".github/x", "git/config", "a.git/config", "GIT~x", "~1"}) {
    EXPECT_FALSE(is_protected_path(path)) << path;
  }
}

TEST(Path, GlobMatch) {
  struct Case {
    std::string pattern;
    std::vector<std::string> matches;
    std::vector<std::string> others;
  };
  const std::vector<Case> cases = {
      {"*.py", {"a.py", "src/a.py", ".py"}, {"a.pyc", "a.py/b"}},
      {"a*b*c", {"abc", "axxbxc", "abbcc"}, {"ab", "abcd", "acb"}},
      {"?.txt", {"a.txt", "\u00e9.txt", "\u65e5.txt"}, {"ab.txt", ".txt"}},
      {"caf?", {"caf\u00e9", "cafe"}, {"caf", "caf\u00e9\u00e9"}},
      {"src/*.c", {"src/a.c"}, {"src/x/a.c", "a.c", "lib/src/a.c"}},
      {"./src/*.c", {"src/a.c"}, {"a.c"}},
      {"src/**", {"src/a", "src/a/b", "src"}, {"lib/a"}},
      {"**", {"a", "a/b/c"}, {}},
      {"**/*.h", {"a.h", "x/a.h", "x/y/a.h"}, {"a.c"}},
      {"a/**/b", {"a/b", "a/x/b", "a/x/y/b"}, {"a", "b", "ab"}},
      {"**/a/**/b/**", {"a/b", "x/a/y/b/z"}, {"b/a"}},
      {"[a-c]x", {"ax", "cx"}, {"dx", "-x"}},
      {"[!a-c]x", {"dx", "-x"}, {"ax"}},
      {"[^a]x", {"bx"}, {"ax"}},
      {"[\u00e0-\u00ef\u65e5]", {"\u00e9", "\u65e5"}, {"e", "\u00ff", "\u00e9\u00e9"}},
      {"*\u00e9?", {"\u00e9\u00e9", "x\u00e9\u65e5"}, {"\u00e9", "\u00e9xy"}},
      {"[!]", {"[!]"}, {"a"}},
      {"[]a]x", {"]x", "ax"}, {"bx"}},
      {"[a-]x", {"ax", "-x"}, {"bx"}},
      {"[ab", {"[ab"}, {"a", "b"}},
      {"*.{c,h}", {"a.c", "b/a.h"}, {"a.cc", "a.{c,h}"}},
      {"{src,lib}/{a,b}.c", {"src/a.c", "lib/b.c"}, {"x/a.c"}},
      {"{a", {"{a"}, {"a"}},
      {"a.b", {"a.b"}, {"axb"}},
      {"A*", {"A"}, {"a"}},
      {"", {}, {"a"}},
  };
  for (const Case& example : cases) {
    for (const std::string& path : example.matches) {
      EXPECT_TRUE(glob_match(example.pattern, path)) << example.pattern << " " << path;
    }
    for (const std::string& path : example.others) {
      EXPECT_FALSE(glob_match(example.pattern, path)) << example.pattern << " " << path;
    }
  }
}

// A model writes these patterns: none may take exponential time or memory.
TEST(Path, GlobsThatWouldExplode) {
  std::string stars;
  std::string names;
  std::string braces;
  for (int i = 0; i < 40; ++i) {
    stars += "**/*a";
    names += "aaaaaaaa/";
    braces += "{a,b}";
  }
  EXPECT_FALSE(glob_match(stars + "/b", names + "c"));
  std::string one_name;
  for (int i = 0; i < 40; ++i) one_name += "*a";
  EXPECT_FALSE(glob_match(one_name + "b", std::string(200, 'a')));
  EXPECT_FALSE(glob_match(braces, "c"));
}

}  // namespace
}  // namespace perdure
