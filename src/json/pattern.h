// Regular expressions over pcre2, for the `pattern` of schemas and for searches in files. Patterns
// and texts come from models, servers and repositories, so the work of a match is counted and
// bounded; nothing here can hang or throw.
//
//   Result<Pattern> pattern = Pattern::compile("^[a-z]+$");
//   MatchBudget budget;                                     // shared by all matches of one task
//   Result<bool> fits = pattern->matches("checkout", budget);
//
// A Pattern is compiled once, immutable, cheap to copy, and may be used by many threads at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include <perdure/result.h>

namespace perdure {

/// The longest pattern that is accepted, in bytes.
inline constexpr std::size_t kPatternBytesMax = 16 * 1024;
/// The work that a MatchBudget allows unless told otherwise: well below half a second in all.
inline constexpr std::uint64_t kMatchStepsMax = 10'000'000;

enum class PatternDialect : std::uint8_t {
  /// ECMA-262 with Unicode semantics, as JSON Schema 2020-12 core, section 6.4, asks for: \d and \w
  /// are ASCII, $ is the very end. Harmless escapes and lone brackets of ECMA-262 annex B are taken
  /// too, since schemas in the wild have them. Differs in that a group in a loop keeps its last
  /// capture and that lookbehind needs a fixed length.
  kEcma,
  /// Perl's, as pcre2 documents it: what people and models type into a search.
  kPerl,
};

enum class LetterCase : std::uint8_t { kExact, kIgnored };

/// What ^ and $ stand at.
enum class Anchors : std::uint8_t { kText, kLines };

struct PatternOptions {
  PatternDialect dialect = PatternDialect::kEcma;
  LetterCase letter_case = LetterCase::kExact;
  Anchors anchors = Anchors::kText;
};

/// How much matching may still cost; every match takes from it. A unit is one step of the matcher
/// or 64 bytes that it passes over: some ten nanoseconds.
struct MatchBudget {
  std::uint64_t steps = kMatchStepsMax;
};

/// The bytes [begin, end) of the text. Empty when begin == end.
struct PatternMatch {
  std::size_t begin = 0;
  std::size_t end = 0;

  bool operator==(const PatternMatch&) const = default;
};

class Pattern {
 public:
  /// Errors: kInvalidArgument with the reason and the offset in the pattern.
  static Result<Pattern> compile(std::string_view text, const PatternOptions& options = {});

  /// Whether the pattern occurs anywhere in the text. Bytes that are not UTF-8 match nothing.
  /// Errors: kTooLarge when the budget or pcre2's limits on backtracking and memory are passed.
  Result<bool> matches(std::string_view text, MatchBudget& budget) const;
  /// The same with a budget of its own.
  Result<bool> matches(std::string_view text) const;

  /// The first match that begins at `from` or later; ^, \b and lookbehind see what stands before.
  /// After an empty match go on from end + 1 (an offset inside a character counts as the next
  /// character). Each call looks at the text from `from` on at least once to check its UTF-8: give
  /// it a line rather than a large file. Errors: as matches().
  Result<std::optional<PatternMatch>> find(std::string_view text, std::size_t from,
                                           MatchBudget& budget) const;

 private:
  struct Code;
  explicit Pattern(std::shared_ptr<const Code> code);

  std::shared_ptr<const Code> code_;
};

/// Whether the text is a regular expression of ECMA-262, also one that pcre2 could not run
/// (lookbehind of variable length). Errors: kInvalidArgument with the reason and the offset.
Status check_ecma_pattern(std::string_view text);

}  // namespace perdure
