#include "json/pattern.h"

#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace perdure {
namespace {

bool matches(std::string_view pattern, std::string_view text, const PatternOptions& options = {}) {
  const Result<Pattern> compiled = Pattern::compile(pattern, options);
  if (!compiled.ok()) {
    ADD_FAILURE() << pattern << ": " << compiled.error().message;
    return false;
  }
  const Result<bool> result = compiled->matches(text);
  EXPECT_TRUE(result.ok()) << pattern;
  return result.ok() && *result;
}

std::string mistake(std::string_view pattern, const PatternOptions& options = {}) {
  const Result<Pattern> compiled = Pattern::compile(pattern, options);
  if (compiled.ok()) return "compiles";
  EXPECT_EQ(compiled.error().code, ErrorCode::kInvalidArgument);
  return compiled.error().message;
}

TEST(EcmaPattern, IsSearchedForAnywhere) {
  EXPECT_TRUE(matches("b+", "abbc"));
  EXPECT_FALSE(matches("^b", "abbc"));
  EXPECT_TRUE(matches("", ""));
}

TEST(EcmaPattern, DollarIsTheVeryEnd) {
  EXPECT_TRUE(matches("^abc$", "abc"));
  EXPECT_FALSE(matches("^abc$", "abc\n"));
  EXPECT_TRUE(matches("^b$", "a\nb\nc", {.anchors = Anchors::kLines}));
}

TEST(EcmaPattern, ClassesOfEscapes) {
  EXPECT_TRUE(matches(R"(^\d\w$)", "7_"));
  EXPECT_FALSE(matches(R"(^\d$)", "৪"));
  EXPECT_FALSE(matches(R"(^\w$)", "é"));
  EXPECT_TRUE(matches(R"(^\s\s\s\s$)", "\u00a0\ufeff\u2028\u3000"));
  EXPECT_TRUE(matches(R"(^[\s]$)", "\u2003"));
  EXPECT_FALSE(matches(R"(^[\S]$)", "\u2003"));
  EXPECT_TRUE(matches(R"(^[\S ]+$)", "a b–é🐲"));
  EXPECT_TRUE(matches(R"(^\v$)", "\v"));
  EXPECT_FALSE(matches(R"(^\v$)", "\n")) << "in Perl \\v is a class";
}

TEST(EcmaPattern, DotIsOneCodePointAndNoLineTerminator) {
  EXPECT_TRUE(matches("^.$", "🐲"));
  for (const char* terminator : {"\n", "\r", "\u2028", "\u2029"}) {
    EXPECT_FALSE(matches("^.$", terminator));
  }
}

TEST(EcmaPattern, EscapesOfCharacters) {
  EXPECT_TRUE(matches(R"(^\u0041\x42\u{43}\t\0$)", std::string_view("ABC\t\0", 5)));
  EXPECT_TRUE(matches(R"(^\ud83d\udc32$)", "🐲"));
  EXPECT_TRUE(matches(R"(^\cA$)", "\x01"));
  EXPECT_TRUE(matches(R"(^\$\.\-\/\@$)", "$.-/@"));
  EXPECT_TRUE(matches(R"(^[\b]$)", "\b"));
  EXPECT_FALSE(matches(R"(\ud83d)", "🐲")) << "half a pair is no character";
}

TEST(EcmaPattern, Properties) {
  EXPECT_TRUE(matches(R"(^\p{Letter}\p{L}\p{Lu}\p{Uppercase_Letter}$)", "aßÄÖ"));
  EXPECT_TRUE(matches(R"(^\p{Script=Greek}\p{sc=Grek}\p{Script_Extensions=Greek}$)", "αβγ"));
  EXPECT_TRUE(matches(R"(^[\p{digit}\p{General_Category=Dash_Punctuation}]+$)", "৪-–"));
  EXPECT_TRUE(matches(R"(^\p{Alphabetic}\P{Alphabetic}\p{ASCII}\p{Assigned}$)", "é-aa"));
  EXPECT_FALSE(matches(R"(^\P{Letter}$)", "é"));
}

TEST(EcmaPattern, Sets) {
  EXPECT_TRUE(matches("^[a-c\\u0400-\\u04ff]+$", "abжc"));
  EXPECT_TRUE(matches("^[^]$", "\n"));
  EXPECT_FALSE(matches("[]", "a"));
  EXPECT_TRUE(matches(R"(^[\w-.]+$)", "a-.")) << "annex B: the dash of a set stands for itself";
  EXPECT_TRUE(matches("^[[:alpha:]]$", "a]")) << "no POSIX classes";
  EXPECT_TRUE(matches(R"(^[\ud800-\uffff]$)", "\uffee"));
  EXPECT_FALSE(matches(R"(^[\ud800-\uffff]$)", "a"));
  EXPECT_TRUE(matches(R"(^[a-\udbff]$)", "\ud7ff"));
  EXPECT_FALSE(matches(R"([\ud800-\udfff])", "a🐲"));
}

TEST(EcmaPattern, GroupsAndReferences) {
  EXPECT_TRUE(matches(R"(^(?<year>\d{4})-\k<year>$)", "2026-2026"));
  EXPECT_FALSE(matches(R"(^(?<year>\d{4})-\k<year>$)", "2026-2027"));
  EXPECT_TRUE(matches(R"(^(?:a|(b))\1c$)", "ac")) << "a group that took no part matches nothing";
  EXPECT_TRUE(matches(R"(^(a)\1{2}$)", "aaa"));
  EXPECT_TRUE(matches("^(?=.*[0-9])(?!.*x).{3,}?$", "ab1"));
  EXPECT_TRUE(matches("(?<=€)5(?<!€6)", "€5"));
}

TEST(EcmaPattern, BracesThatCountNothingStandForThemselves) {
  EXPECT_TRUE(matches("^{name}$", "{name}"));
  EXPECT_TRUE(matches("^x{,2}$", "x{,2}"));
  EXPECT_TRUE(matches("^x{2}]$", "xx]"));
}

TEST(EcmaPattern, MistakesNameTheReasonAndTheOffset) {
  EXPECT_EQ(mistake("^(abc]"), "not a valid pattern: a ( without its ) at offset 6");
  EXPECT_EQ(mistake("a)"), "not a valid pattern: a ) without its ( at offset 1");
  EXPECT_EQ(mistake("[a"), "not a valid pattern: a [ without its ] at offset 2");
  EXPECT_EQ(mistake("a**"), "not a valid pattern: nothing to repeat at offset 2");
  EXPECT_EQ(mistake("a++"), "not a valid pattern: nothing to repeat at offset 2");
  EXPECT_EQ(mistake("(*UTF)a"), "not a valid pattern: nothing to repeat at offset 1");
  EXPECT_EQ(mistake("a{2,1}"),
            "not a valid pattern: a range of repetitions that is out of order at offset 6");
  EXPECT_EQ(mistake("[z-a]"),
            "not a valid pattern: a range of characters that is out of order at offset 4");
  EXPECT_EQ(mistake("\\a"), "not a valid pattern: the unknown escape \\a at offset 2");
  EXPECT_EQ(mistake("\\"), "not a valid pattern: a \\ at the end at offset 1");
  EXPECT_EQ(mistake("(?P<n>x)"), "not a valid pattern: an unknown kind of group at offset 2");
  EXPECT_EQ(mistake("(?i)x"), "not a valid pattern: an unknown kind of group at offset 2");
  EXPECT_EQ(mistake("(a)\\2"),
            "not a valid pattern: a reference to a group that does not exist at offset 5");
  EXPECT_EQ(mistake("\\k<n>"),
            "not a valid pattern: a reference to a group that does not exist at offset 2");
  EXPECT_EQ(mistake("\\u{110000}"), "not a valid pattern: a \\u{ without a code point at offset 3");
  EXPECT_EQ(mistake("\\p{Script_=x}"), "not a valid pattern: an unknown property at offset 13");
  EXPECT_EQ(mistake("\xff"), "not a valid pattern: not valid UTF-8");
  EXPECT_EQ(mistake(std::string(kPatternBytesMax + 1, 'a')),
            "not a valid pattern: longer than 16384 bytes");
  EXPECT_EQ(mistake(std::string(201, '(') + std::string(201, ')')),
            "not a valid pattern: groups nested too deeply at offset 200");
}

TEST(EcmaPattern, ReasonsOfPcre2HaveNoOffset) {
  EXPECT_EQ(mistake("(?<=a+)b"), "not a valid pattern: lookbehind assertion is not fixed length");
  EXPECT_TRUE(check_ecma_pattern("(?<=a+)b").ok());
  EXPECT_FALSE(check_ecma_pattern("(?<=a+").ok());
}

TEST(PerlPattern, IsTakenAsItIs) {
  const PatternOptions perl{.dialect = PatternDialect::kPerl};
  EXPECT_TRUE(matches(R"(\A(?i)abc\Z)", "ABC\n", perl));
  EXPECT_TRUE(matches("(?P<n>a)(?P=n)", "aa", perl));
  EXPECT_EQ(mistake("a)", perl), "not a valid pattern: unmatched closing parenthesis at offset 1");
  EXPECT_EQ(mistake("\\C", perl).substr(0, 21), "not a valid pattern: ");
}

TEST(Pattern, LetterCase) {
  EXPECT_TRUE(matches("straße É", "STRAßE é", {.letter_case = LetterCase::kIgnored}));
  EXPECT_FALSE(matches("a", "A"));
}

TEST(Pattern, LinesEndWithAnyOfTheUsualEnds) {
  const PatternOptions lines{.dialect = PatternDialect::kPerl, .anchors = Anchors::kLines};
  EXPECT_TRUE(matches("^b$", "a\r\nb\r\nc", lines));
  EXPECT_TRUE(matches("^c$", "a\nb\nc", lines));
}

// All matches, as "begin-end".
std::vector<std::string> all_matches(const Pattern& pattern, std::string_view text) {
  std::vector<std::string> out;
  MatchBudget budget;
  std::size_t from = 0;
  while (out.size() < 20) {
    const Result<std::optional<PatternMatch>> found = pattern.find(text, from, budget);
    if (!found.ok() || !*found) break;
    const PatternMatch match = **found;
    out.push_back(std::to_string(match.begin) + "-" + std::to_string(match.end));
    from = match.end > match.begin ? match.end : match.end + 1;
  }
  return out;
}

TEST(PatternFind, GivesOffsetsInBytes) {
  const Result<Pattern> pattern = Pattern::compile("ü+");
  ASSERT_TRUE(pattern.ok());
  EXPECT_EQ(all_matches(*pattern, "aüüb ü"), (std::vector<std::string>{"1-5", "7-9"}));
  EXPECT_TRUE(all_matches(*pattern, "").empty());
}

TEST(PatternFind, SeesWhatStandsBeforeTheOffset) {
  const Result<Pattern> pattern = Pattern::compile("\\bcat");
  ASSERT_TRUE(pattern.ok());
  MatchBudget budget;
  EXPECT_FALSE((*pattern->find("concat", 3, budget)).has_value());
  EXPECT_EQ(**pattern->find("a cat", 2, budget), (PatternMatch{2, 5}));
  EXPECT_FALSE((*pattern->find("a cat", 6, budget)).has_value());
}

TEST(PatternFind, EmptyMatchesMoveOnByCharacters) {
  const Result<Pattern> pattern = Pattern::compile("x*");
  ASSERT_TRUE(pattern.ok());
  EXPECT_EQ(all_matches(*pattern, "ü"), (std::vector<std::string>{"0-0", "2-2"}));
}

TEST(PatternFind, BytesThatAreNoTextMatchNothingAndHideNothing) {
  const Result<Pattern> pattern = Pattern::compile("[^a]b");
  ASSERT_TRUE(pattern.ok());
  EXPECT_EQ(all_matches(*pattern, "\xff\xfe b\x80 xb"), (std::vector<std::string>{"2-4", "6-8"}));
}

TEST(PatternLimits, HostilePatternsEndAndSaySo) {
  const std::array<std::pair<std::string, std::string>, 5> cases = {{
      {"^(a+)+$", std::string(64, 'a') + "!"},
      {"(x+x+)+[yz]", std::string(30'000, 'x')},
      {"a*[bc]", std::string(300'000, 'a')},
      {"[ab]{60000}[cd]", std::string(1'000'000, 'a')},
      {"^(?:a|aa)+$", std::string(5'000, 'a') + "b"},
  }};
  for (const auto& [text, subject] : cases) {
    const Result<Pattern> pattern = Pattern::compile(text);
    ASSERT_TRUE(pattern.ok()) << text;
    const Result<bool> result = pattern->matches(subject);
    ASSERT_FALSE(result.ok()) << text;
    EXPECT_EQ(result.error().code, ErrorCode::kTooLarge);
    EXPECT_EQ(result.error().message, "the pattern takes too many steps on this text");
  }
}

TEST(PatternLimits, LongTextsAloneAreNoReason) {
  EXPECT_TRUE(matches("^[\\s\\S]*[.]$", std::string(1'000'000, 'm') + "."));
  EXPECT_FALSE(matches("\\S", std::string(1'000'000, ' ')));
  std::string list;
  for (int i = 0; i < 20'000; ++i) list += "abc,";
  EXPECT_TRUE(matches("^(?:[a-z]+,)*$", list));
}

TEST(PatternLimits, OneBudgetIsSharedByManyMatches) {
  const Result<Pattern> pattern = Pattern::compile("b");
  ASSERT_TRUE(pattern.ok());
  MatchBudget budget{.steps = 50};
  int matched = 0;
  while (matched < 100 && pattern->matches("aab", budget).ok()) ++matched;
  EXPECT_GT(matched, 5);
  EXPECT_LT(matched, 50);
  EXPECT_EQ(budget.steps, 0U);
}

TEST(PatternLimits, NestedRepetitionsThatWouldFillTheMemoryDoNotCompile) {
  EXPECT_EQ(mistake("(((a{99}b){99}c){99}d){99}"),
            "not a valid pattern: regular expression is too large");
}

}  // namespace
}  // namespace perdure
