#include "json/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <algorithm>
#include <array>
#include <string>

#include <fmt/format.h>
#include <pcre2.h>

#include "base/utf8.h"
#include "json/pattern_ecma.h"

namespace perdure {
namespace {

// Second line of defence behind the budget. The match limit counts backtracking from one start
// position; depth and heap bound the memory that remembers where to backtrack to.
constexpr std::uint32_t kBacktracksMax = 1'000'000;
constexpr std::uint32_t kDepthMax = 100'000;
constexpr std::uint32_t kHeapKibMax = 32 * 1024;
constexpr std::uint32_t kParenthesesMax = 250;
constexpr std::uint64_t kBytesPerStep = 64;

struct FreeCode {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
};
struct FreeCompileContext {
  void operator()(pcre2_compile_context* context) const { pcre2_compile_context_free(context); }
};
struct FreeMatchContext {
  void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
};
struct FreeMatchData {
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
};
using CodePointer = std::unique_ptr<pcre2_code, FreeCode>;
using CompileContext = std::unique_ptr<pcre2_compile_context, FreeCompileContext>;
using MatchContext = std::unique_ptr<pcre2_match_context, FreeMatchContext>;
using MatchData = std::unique_ptr<pcre2_match_data, FreeMatchData>;

PCRE2_SPTR units(std::string_view text) {
  return reinterpret_cast<PCRE2_SPTR>(text.data());
}

Error bad_pattern(std::string_view reason) {
  return {.code = ErrorCode::kInvalidArgument,
          .message = fmt::format("not a valid pattern: {}", reason)};
}

Error too_expensive() {
  return {.code = ErrorCode::kTooLarge, .message = "the pattern takes too many steps on this text"};
}

std::string pcre2_reason(int code) {
  std::array<PCRE2_UCHAR, 256> buffer{};
  if (pcre2_get_error_message(code, buffer.data(), buffer.size()) < 0) return "unknown error";
  return reinterpret_cast<const char*>(buffer.data());
}

// The largest number after a '{': how far one item can look before the matcher reports its next
// step.
std::uint64_t longest_repeat(std::string_view pattern) {
  std::uint64_t longest = 0;
  for (std::size_t open = pattern.find('{'); open != std::string_view::npos;
       open = pattern.find('{', open + 1)) {
    std::uint64_t number = 0;
    for (std::size_t i = open + 1; i < pattern.size() && number < 65'536; ++i) {
      if (pattern[i] < '0' || pattern[i] > '9') break;
      number = number * 10 + static_cast<std::uint64_t>(pattern[i] - '0');
    }
    longest = std::max(longest, number);
  }
  return longest;
}

// Counts the work of one match, called by pcre2 before each item of the pattern that it tries.
struct Meter {
  MatchBudget& budget;
  std::uint64_t repeat_max;
  std::size_t last_position;

  static int tick(pcre2_callout_block* block, void* self) {
    auto& meter = *static_cast<Meter*>(self);
    const std::size_t position = block->current_position;
    const std::uint64_t ahead = block->subject_length - position;
    std::uint64_t bytes = std::min(meter.repeat_max, ahead);
    if (position > meter.last_position) bytes += position - meter.last_position;
    meter.last_position = position;
    return meter.take(1 + bytes / kBytesPerStep) ? 0 : PCRE2_ERROR_CALLOUT;
  }

  bool take(std::uint64_t steps) {
    const bool enough = budget.steps >= steps;
    budget.steps -= enough ? steps : budget.steps;
    return enough;
  }
};

std::uint32_t compile_flags(const PatternOptions& options) {
  // Callouts count the work. Invalid UTF-8 in a text must not be an error: files have it.
  std::uint32_t flags =
      PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_AUTO_CALLOUT | PCRE2_NEVER_BACKSLASH_C;
  if (options.dialect == PatternDialect::kEcma) {
    flags |= PCRE2_DOLLAR_ENDONLY | PCRE2_MATCH_UNSET_BACKREF;
  }
  if (options.letter_case == LetterCase::kIgnored) flags |= PCRE2_CASELESS;
  if (options.anchors == Anchors::kLines) flags |= PCRE2_MULTILINE;
  return flags;
}

}  // namespace

struct Pattern::Code {
  CodePointer code;
  std::uint64_t repeat_max = 0;
};

Pattern::Pattern(std::shared_ptr<const Code> code) : code_(std::move(code)) {}

Result<Pattern> Pattern::compile(std::string_view text, const PatternOptions& options) {
  if (text.size() > kPatternBytesMax) {
    return bad_pattern(fmt::format("longer than {} bytes", kPatternBytesMax));
  }
  if (!is_valid_utf8(text)) return bad_pattern("not valid UTF-8");
  std::string translated;
  if (options.dialect == PatternDialect::kEcma) {
    Result<std::string> result = ecma_to_pcre2(text);
    if (!result.ok()) return result.error();
    translated = std::move(*result);
  } else {
    translated = text;
  }
  const CompileContext context(pcre2_compile_context_create(nullptr));
  if (!context) return Error{.code = ErrorCode::kInternal, .message = "out of memory"};
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_ANYCRLF);
  pcre2_set_parens_nest_limit(context.get(), kParenthesesMax);
  int code = 0;
  PCRE2_SIZE offset = 0;
  auto compiled = std::make_shared<Code>();
  compiled->code.reset(pcre2_compile(units(translated), translated.size(), compile_flags(options),
                                     &code, &offset, context.get()));
  if (!compiled->code) {
    // After a translation the offset is not one of the text that the caller knows.
    const bool knows_offset = options.dialect == PatternDialect::kPerl;
    return bad_pattern(knows_offset ? fmt::format("{} at offset {}", pcre2_reason(code), offset)
                                    : pcre2_reason(code));
  }
  compiled->repeat_max = longest_repeat(text);
  return Pattern(std::move(compiled));
}

Result<std::optional<PatternMatch>> Pattern::find(std::string_view text, std::size_t from,
                                                  MatchBudget& budget) const {
  using Found = std::optional<PatternMatch>;
  while (from < text.size() && (static_cast<unsigned char>(text[from]) & 0xC0) == 0x80) ++from;
  if (from > text.size()) return Found();
  const MatchContext context(pcre2_match_context_create(nullptr));
  const MatchData data(pcre2_match_data_create(1, nullptr));
  if (!context || !data) return Error{.code = ErrorCode::kInternal, .message = "out of memory"};
  Meter meter{.budget = budget, .repeat_max = code_->repeat_max, .last_position = from};
  if (!meter.take(1 + (text.size() - from) / kBytesPerStep)) return too_expensive();
  pcre2_set_match_limit(context.get(), kBacktracksMax);
  pcre2_set_depth_limit(context.get(), kDepthMax);
  pcre2_set_heap_limit(context.get(), kHeapKibMax);
  pcre2_set_callout(context.get(), &Meter::tick, &meter);
  const int code =
      pcre2_match(code_->code.get(), units(text), text.size(), from, 0, data.get(), context.get());
  switch (code) {
    case PCRE2_ERROR_NOMATCH:
      return Found();
    case PCRE2_ERROR_CALLOUT:
    case PCRE2_ERROR_MATCHLIMIT:
    case PCRE2_ERROR_DEPTHLIMIT:
    case PCRE2_ERROR_HEAPLIMIT:
    case PCRE2_ERROR_NOMEMORY:
      return too_expensive();
    default:
      break;
  }
  if (code < 0) {
    return Error{.code = ErrorCode::kInternal, .message = "pcre2: " + pcre2_reason(code)};
  }
  const PCRE2_SIZE* offsets = pcre2_get_ovector_pointer(data.get());
  return Found(PatternMatch{.begin = offsets[0], .end = offsets[1]});
}

Result<bool> Pattern::matches(std::string_view text, MatchBudget& budget) const {
  const Result<std::optional<PatternMatch>> found = find(text, 0, budget);
  if (!found.ok()) return found.error();
  return found->has_value();
}

Result<bool> Pattern::matches(std::string_view text) const {
  MatchBudget budget;
  return matches(text, budget);
}

Status check_ecma_pattern(std::string_view text) {
  if (!is_valid_utf8(text)) return bad_pattern("not valid UTF-8");
  const Result<std::string> translated = ecma_to_pcre2(text);
  if (!translated.ok()) return translated.error();
  return {};
}

}  // namespace perdure
