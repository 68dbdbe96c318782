#include "tools/edit_match.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/diff.h"
#include "base/text.h"
#include "base/utf8.h"
#include "tools/indentation.h"

namespace perdure {
namespace {

constexpr std::size_t kNowhere = std::string_view::npos;
constexpr std::size_t kListedPlacesMax = 10;  // line numbers in the error about several places
constexpr std::size_t kShownLineBytesMax = 240;
constexpr std::size_t kTellingBytesMin = 16;  // a shorter new_text may stand in the file by chance

Error refuse(ErrorCode code, std::string message, std::string advice) {
  return {.code = code, .message = std::move(message), .advice = std::move(advice)};
}

Error too_large(std::string_view what, std::size_t bytes_max, std::string advice = {}) {
  return refuse(ErrorCode::kTooLarge, fmt::format("{} has more than {} bytes", what, bytes_max),
                std::move(advice));
}

// Finds one text in others. Knuth, Morris and Pratt's algorithm: linear time for any input, where
// searches that are faster on average need the product of the lengths for inputs such as
// "aaaa...b".
class Searcher {
 public:
  explicit Searcher(std::string_view needle) : needle_(needle), border_(needle.size() + 1, 0) {
    std::size_t matched = 0;
    for (std::size_t i = 1; i < needle.size(); ++i) {
      while (matched > 0 && needle[i] != needle[matched]) matched = border_[matched];
      if (needle[i] == needle[matched]) ++matched;
      border_[i + 1] = static_cast<std::uint32_t>(matched);
    }
  }

  // Where the needle begins, at `from` or after it; kNowhere when it does not.
  std::size_t find(std::string_view text, std::size_t from) const {
    std::size_t matched = 0;
    for (std::size_t i = from; i < text.size(); ++i) {
      while (matched > 0 && text[i] != needle_[matched]) matched = border_[matched];
      if (text[i] == needle_[matched]) ++matched;
      if (matched == needle_.size()) return i + 1 - matched;
    }
    return kNowhere;
  }

 private:
  std::string_view needle_;
  std::vector<std::uint32_t> border_;  // by length of a prefix: its longest proper border
};

// Turns rising positions into line numbers in one pass.
class LineCounter {
 public:
  explicit LineCounter(std::string_view text) : text_(text) {}

  std::size_t line_at(std::size_t position) {
    const std::string_view passed = text_.substr(at_, position - at_);
    line_ += static_cast<std::size_t>(std::count(passed.begin(), passed.end(), '\n'));
    at_ = position;
    return line_;
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
};

std::string with_lf(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\r' || text.substr(i + 1, 1) != "\n") out += text[i];
  }
  return out;
}

std::string with_crlf(std::string_view text) {
  std::string out;
  for (const char c : with_lf(text)) {
    if (c == '\n') out += '\r';
    out += c;
  }
  return out;
}

// Whether the line that holds this position ends with CRLF; for a last line without an ending, the
// line before it.
bool has_crlf_at(std::string_view file, std::size_t position) {
  std::size_t feed = file.find('\n', position);
  if (feed == kNowhere) feed = file.rfind('\n');
  return feed != kNowhere && feed > 0 && file[feed - 1] == '\r';
}

// The error for an old_text that names several places, given where the first ones begin.
Error several_places(std::string_view file, const std::vector<std::size_t>& positions,
                     std::string_view how, std::string_view advice) {
  LineCounter counter(file);
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < positions.size() && i < kListedPlacesMax; ++i) {
    std::string line = std::to_string(counter.line_at(positions[i]));
    if (lines.empty() || lines.back() != line) lines.push_back(std::move(line));
  }
  const bool more = positions.size() > kListedPlacesMax;
  return refuse(
      ErrorCode::kInvalidArguments,
      fmt::format("old_text is {}in the file {}{} times ({} {}{}); it must name one place", how,
                  more ? "more than " : "", std::min(positions.size(), kListedPlacesMax),
                  lines.size() == 1 && !more ? "line" : "lines", join(lines, ", "),
                  more ? ", ..." : ""),
      std::string(advice));
}

// The first places, overlapping ones included.
std::vector<std::size_t> first_places(const Searcher& searcher, std::string_view text,
                                      std::size_t places_max) {
  std::vector<std::size_t> positions;
  std::size_t at = searcher.find(text, 0);
  while (at != kNowhere && positions.size() < places_max) {
    positions.push_back(at);
    at = searcher.find(text, at + 1);
  }
  return positions;
}

// Stops early where the result is too large; apply_edit() refuses it.
EditedText replace_exact(std::string_view file, std::string_view old_text,
                         std::string_view new_text, const Searcher& searcher) {
  EditedText edited;
  LineCounter counter(file);
  std::size_t copied = 0;
  for (std::size_t at = searcher.find(file, 0); at != kNowhere; at = searcher.find(file, copied)) {
    edited.text += file.substr(copied, at - copied);
    edited.text += new_text;
    if (edited.text.size() > kEditFileBytesMax) break;
    copied = at + old_text.size();
    if (edited.lines.size() < kEditLinesMax) edited.lines.push_back(counter.line_at(at));
    ++edited.places;
  }
  edited.text += file.substr(copied);
  return edited;
}

// The edit where the file has old_text as it is, with LF, or with CRLF. Nothing when it has none of
// these.
std::optional<Result<EditedText>> edit_exactly(std::string_view file, const Edit& edit) {
  const std::array<std::pair<std::string, std::string>, 3> spellings = {{
      {std::string(edit.old_text), std::string(edit.new_text)},
      {with_lf(edit.old_text), with_lf(edit.new_text)},
      {with_crlf(edit.old_text), with_crlf(edit.new_text)},
  }};
  for (std::size_t i = 0; i < spellings.size(); ++i) {
    const auto& [old_text, new_text] = spellings[i];
    if (i > 0 && old_text == edit.old_text) continue;
    const Searcher searcher(old_text);
    const bool one = edit.places == EditPlaces::kOne;
    const std::vector<std::size_t> positions =
        first_places(searcher, file, one ? kListedPlacesMax + 1 : 1);
    if (positions.empty()) continue;
    if (one && positions.size() > 1) {
      return several_places(file, positions, "",
                            "add the lines before or after the place that you mean to both texts, "
                            "or ask to replace all places");
    }
    // A model does not see carriage returns. Unless it wrote some, the lines that it adds end as
    // those around them.
    const bool wrote_crlf = edit.old_text.find('\r') != kNowhere;
    if (i == 0 && !wrote_crlf && has_crlf_at(file, positions.front())) {
      return replace_exact(file, old_text, with_crlf(new_text), searcher);
    }
    return replace_exact(file, old_text, new_text, searcher);
  }
  return std::nullopt;
}

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

// The lines without what does not count when white space does not count, each between line feeds:
// whole lines are found as "\nline\nline\n".
std::string normal_lines(std::string_view text) {
  std::string out = "\n";
  out.reserve(text.size() + 2);
  bool after_blank = false;
  for (const char c : text) {
    if (is_blank(c)) {
      after_blank = true;
      continue;
    }
    if (after_blank && c != '\n' && out.back() != '\n') out += ' ';
    after_blank = false;
    out += c;
  }
  if (!text.empty() && text.back() != '\n') out += '\n';
  return out;
}

std::string normal_line(std::string_view line) {
  return normal_lines(fmt::format("{}\n", line));
}

struct FileLine {
  std::string_view content;
  std::string_view ending;  // "\n", "\r\n", or nothing at the end of the file
};

// Some lines of a file and where they are in it.
struct Region {
  std::size_t start = 0;
  std::size_t bytes = 0;
  std::vector<FileLine> lines;
};

Region take_region(std::string_view file, std::size_t first_line, std::size_t line_count) {
  Region region;
  for (std::size_t i = 0; i < first_line; ++i) region.start = file.find('\n', region.start) + 1;
  std::string_view rest = file.substr(region.start);
  while (region.lines.size() < line_count && !rest.empty()) {
    const std::size_t feed = rest.find('\n');
    const std::size_t bytes = feed == kNowhere ? rest.size() : feed + 1;
    std::size_t ending = feed == kNowhere ? 0 : 1;
    if (ending == 1 && feed > 0 && rest[feed - 1] == '\r') ending = 2;
    region.lines.push_back({rest.substr(0, bytes - ending), rest.substr(bytes - ending, ending)});
    region.bytes += bytes;
    rest.remove_prefix(bytes);
  }
  return region;
}

// The lines of a text from a model, without line endings of either kind.
std::vector<std::string_view> plain_lines(std::string_view text) {
  if (text.empty()) return {};
  std::vector<std::string_view> lines = split_lines(text);
  for (std::string_view& line : lines) {
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  }
  return lines;
}

bool is_blank_line(std::string_view line) {
  return std::all_of(line.begin(), line.end(), is_blank);
}

// Replaces the lines of the region. They are equal to old_text but for white space.
EditedText replace_lines(std::string_view file, const Region& region, const Edit& edit) {
  const std::vector<std::string_view> old_lines = plain_lines(edit.old_text);
  const std::vector<std::string_view> new_lines = plain_lines(edit.new_text);
  std::vector<std::string_view> file_lines;
  for (const FileLine& line : region.lines) file_lines.push_back(line.content);
  const Indentation indentation(old_lines, file_lines, new_lines);
  std::string_view ending = region.lines.front().ending;
  if (ending.empty()) ending = has_crlf_at(file, region.start) ? "\r\n" : "\n";

  // Lines that the edit does not change keep what the model did not see.
  const std::size_t shorter = std::min(old_lines.size(), new_lines.size());
  std::size_t head = 0;
  while (head < shorter && old_lines[head] == new_lines[head]) ++head;
  std::size_t tail = 0;
  while (tail < shorter - head &&
         old_lines[old_lines.size() - 1 - tail] == new_lines[new_lines.size() - 1 - tail]) {
    ++tail;
  }

  EditedText edited{.text = std::string(file.substr(0, region.start)),
                    .match = EditMatch::kWhitespace,
                    .places = 1};
  edited.lines.push_back(LineCounter(file).line_at(region.start));
  for (std::size_t i = 0; i < new_lines.size(); ++i) {
    const bool last = i + 1 == new_lines.size();
    const bool at_tail = i >= new_lines.size() - tail;
    if (i < head || at_tail) {
      edited.text += region.lines[at_tail ? i + old_lines.size() - new_lines.size() : i].content;
    } else if (!is_blank_line(new_lines[i])) {
      edited.text += indentation.fitted(new_lines[i]);
    }
    // A file without a last line feed stays so, but for a blank last line, which would vanish.
    const bool blank = edited.text.empty() || edited.text.back() == '\n';
    edited.text += last && !blank ? region.lines.back().ending : ending;
    if (edited.text.size() > kEditFileBytesMax) break;
  }
  edited.text += file.substr(region.start + region.bytes);
  return edited;
}

// The edit where the lines of the file are those of old_text but for white space. Nothing when
// there are none.
std::optional<Result<EditedText>> edit_lines(std::string_view file, std::string_view normal_file,
                                             const Edit& edit) {
  const std::string normal_old = normal_lines(edit.old_text);
  const Searcher searcher(normal_old);
  const std::vector<std::size_t> positions =
      first_places(searcher, normal_file, kListedPlacesMax + 1);
  if (positions.empty()) return std::nullopt;
  if (positions.size() > 1) {
    return several_places(
        normal_file, positions, "but for white space ",
        "copy the text from the file with its white space, or add the lines before or after it");
  }
  // A match begins at the line feed before its first line, the first of which is before the first
  // line of the file.
  const std::size_t first_line = LineCounter(normal_file).line_at(positions.front()) - 1;
  return replace_lines(file, take_region(file, first_line, plain_lines(edit.old_text).size()),
                       edit);
}

// Counts of the sequences of three bytes in some lines. Lines with a misspelled word still share
// most of theirs.
class Trigrams {
 public:
  explicit Trigrams(std::string_view normal_text) : wanted_(kBuckets, 0), seen_(kBuckets, 0) {
    for (std::size_t i = 0; i + 2 < normal_text.size(); ++i) {
      if (normal_text[i + 1] == '\n') continue;
      ++wanted_[bucket(normal_text, i)];
      ++wanted_total_;
    }
  }

  // `line` has the line feeds on both of its sides. A line has as many trigrams as bytes, a blank
  // one has none.
  void add(std::string_view line) {
    for (std::size_t i = 0; i + 2 < line.size(); ++i) {
      const std::size_t at = bucket(line, i);
      if (seen_[at]++ < wanted_[at]) ++shared_;
      ++seen_total_;
    }
  }
  void remove(std::string_view line) {
    for (std::size_t i = 0; i + 2 < line.size(); ++i) {
      const std::size_t at = bucket(line, i);
      if (--seen_[at] < wanted_[at]) --shared_;
      --seen_total_;
    }
  }

  std::uint64_t shared() const { return shared_; }
  std::uint64_t total() const { return wanted_total_ + seen_total_; }

 private:
  static constexpr std::size_t kBuckets = 65536;

  static std::size_t bucket(std::string_view text, std::size_t at) {
    const auto byte = [&](std::size_t i) {
      return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i]));
    };
    const std::uint32_t key = byte(at) | byte(at + 1) << 8 | byte(at + 2) << 16;
    return (key * 2654435761U) >> 16;  // Knuth's multiplicative hash
  }

  std::vector<std::uint32_t> wanted_;
  std::vector<std::uint32_t> seen_;
  std::uint64_t wanted_total_ = 0;
  std::uint64_t seen_total_ = 0;
  std::uint64_t shared_ = 0;
};

// The line after the line feed at `feed`, with the line feeds on both of its sides.
std::string_view line_after(std::string_view normal_text, std::size_t feed) {
  return normal_text.substr(feed, normal_text.find('\n', feed + 1) - feed + 1);
}

// The first line, from 0, of as many lines of the file as old_text has that share the most with it.
// Nothing when no lines are similar.
std::optional<std::size_t> nearest_lines(std::string_view normal_file,
                                         std::string_view normal_old) {
  constexpr std::uint64_t kSimilarPercent = 40;
  const auto wanted_lines =
      static_cast<std::size_t>(std::count(normal_old.begin(), normal_old.end(), '\n')) - 1;
  const std::string_view first_wanted = line_after(normal_old, 0);
  const std::string_view last_wanted =
      normal_old.substr(normal_old.rfind('\n', normal_old.size() - 2));

  Trigrams trigrams(normal_old);
  std::optional<std::size_t> best;
  std::uint64_t best_score = 0;
  std::uint64_t best_total = 1;
  std::size_t window_feed = 0;  // before the first line of the window
  std::string_view window_first = line_after(normal_file, 0);
  std::size_t window_lines = 0;
  std::size_t window_line = 0;
  for (std::size_t feed = 0; feed + 1 < normal_file.size();) {
    const std::string_view line = line_after(normal_file, feed);
    trigrams.add(line);
    feed += line.size() - 1;
    if (++window_lines > wanted_lines) {
      trigrams.remove(window_first);
      window_feed += window_first.size() - 1;
      window_first = line_after(normal_file, window_feed);
      --window_lines;
      ++window_line;
    }
    // Twice what is shared over what there is (Dice's coefficient). An equal first or last line
    // counts twice, so that of windows that share the same lines the one that is aligned wins.
    std::uint64_t score = 2 * trigrams.shared();
    if (window_first == first_wanted) score += first_wanted.size();
    if (line == last_wanted) score += last_wanted.size();
    if (score * best_total > best_score * trigrams.total()) {
      best = window_line;
      best_score = score;
      best_total = trigrams.total();
    }
  }
  if (best_score * 100 < best_total * kSimilarPercent) return std::nullopt;
  return best;
}

// The two sides of the diff in the error: lines of old_text that the file has but for white space
// are spelled as in the file, so that the diff shows what is really different, and so that its
// equal lines can be copied.
std::string spelled_as(const std::vector<FileLine>& file_lines,
                       const std::vector<std::string_view>& old_lines) {
  std::vector<std::pair<std::string, std::string_view>> spellings;
  for (const FileLine& line : file_lines) {
    spellings.emplace_back(normal_line(line.content), line.content);
  }
  std::sort(spellings.begin(), spellings.end());
  std::string out;
  for (const std::string_view line : old_lines) {
    const std::string normal = normal_line(line);
    const auto found = std::lower_bound(
        spellings.begin(), spellings.end(), normal,
        [](const auto& spelling, const std::string& wanted) { return spelling.first < wanted; });
    const bool same = found != spellings.end() && found->first == normal;
    out += same ? found->second : line;
    out += '\n';
  }
  return out;
}

// Why there is no place to edit, and what the file has instead.
Error not_found(std::string_view file, std::string_view normal_file, const Edit& edit) {
  Error error = refuse(ErrorCode::kNotFound, "old_text is not in the file",
                       "copy the text to replace from the file as it is now");
  if (trim(edit.new_text).size() >= kTellingBytesMin) {
    const std::size_t at = Searcher(edit.new_text).find(file, 0);
    if (at != kNowhere) {
      error.message +=
          fmt::format(", but new_text is there already, at line {}", LineCounter(file).line_at(at));
      error.advice = "if this edit was made before, there is nothing to do; else " + error.advice;
    }
  }
  const std::string normal_old = normal_lines(edit.old_text);
  const std::optional<std::size_t> nearest = nearest_lines(normal_file, normal_old);
  if (!nearest) {
    error.message += ", nor is anything similar";
    return error;
  }
  const std::vector<std::string_view> old_lines = plain_lines(edit.old_text);
  const Region region = take_region(file, *nearest, old_lines.size());
  std::string there;
  for (const FileLine& line : region.lines) {
    there += line.content;
    there += '\n';
  }
  const std::string diff =
      unified_diff(spelled_as(region.lines, old_lines), there, "old_text", "the file",
                   {.lines_max = kEditNearestLinesMax - 1,
                    .line_bytes_max = kShownLineBytesMax,
                    .after_first_line = *nearest + 1});
  error.message += fmt::format(
      "; the nearest place is at line {} ('-' is old_text, '+' is what the file has there; "
      "differences in white space alone are not shown):\n{}",
      *nearest + 1, to_valid_utf8(diff));
  while (error.message.back() == '\n') error.message.pop_back();
  return error;
}

// What only shows once the edit is made.
Result<EditedText> checked(std::string_view file, Result<EditedText> edited) {
  if (!edited.ok()) return edited;
  if (edited->text.size() > kEditFileBytesMax) {
    return too_large("the file after this edit", kEditFileBytesMax);
  }
  if (edited->text == file) {
    return refuse(ErrorCode::kInvalidArguments,
                  "the edit would change nothing: the file has new_text there already", "");
  }
  return edited;
}

}  // namespace

Result<EditedText> apply_edit(std::string_view file, const Edit& edit) {
  if (edit.old_text.empty()) {
    return refuse(
        ErrorCode::kInvalidArguments, "old_text is empty",
        "to insert text, give a line beside the place as old_text and repeat that line in "
        "new_text");
  }
  if (edit.old_text == edit.new_text) {
    return refuse(ErrorCode::kInvalidArguments,
                  "old_text and new_text are the same, so the edit would change nothing",
                  "give the text as it is now as old_text and as it should be as new_text");
  }
  constexpr const char* kSmaller = "make several smaller edits";
  if (file.size() > kEditFileBytesMax) return too_large("the file", kEditFileBytesMax);
  if (edit.old_text.size() > kEditTextBytesMax)
    return too_large("old_text", kEditTextBytesMax, kSmaller);
  if (edit.new_text.size() > kEditTextBytesMax)
    return too_large("new_text", kEditTextBytesMax, kSmaller);

  std::optional<Result<EditedText>> edited = edit_exactly(file, edit);
  if (edited) return checked(file, *std::move(edited));
  if (std::all_of(edit.old_text.begin(), edit.old_text.end(),
                  [](char c) { return is_blank(c) || c == '\n'; })) {
    return refuse(ErrorCode::kNotFound, "old_text is only white space and is not in the file",
                  "add a line with words to old_text and to new_text");
  }
  const std::string normal_file = normal_lines(file);
  edited = edit_lines(file, normal_file, edit);
  if (edited) return checked(file, *std::move(edited));
  return not_found(file, normal_file, edit);
}

}  // namespace perdure
