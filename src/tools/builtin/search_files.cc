#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "base/utf8.h"
#include "json/parse.h"
#include "json/pattern.h"
#include "tools/builtin/arguments.h"
#include "tools/builtin/builtin.h"
#include "tools/builtin/walk.h"

namespace perdure {
namespace {

constexpr std::size_t kSearchedBytesMax = 8 << 20;
constexpr std::size_t kMatchesMax = 200;
constexpr std::size_t kLineBytesMax = 300;

// One search over many files: what was found, and what it may still cost.
struct Search {
  const Pattern& pattern;
  const Workspace& files;
  MatchBudget budget{.steps = 20 * kMatchStepsMax};
  std::string text;
  std::size_t matches = 0;
  bool cut = false;              // there are more matches
  bool exhausted = false;        // the pattern cost too much in all
  std::size_t costly_lines = 0;  // the pattern cost too much there
  std::vector<std::string> large_files = {};

  // False when the search is over.
  bool look_into(const std::string& path) {
    const Result<FileContent> file = files.read_file(path, kSearchedBytesMax);
    if (!file.ok() && file.error().code == ErrorCode::kTooLarge) large_files.push_back(path);
    if (!file.ok() || file->bytes.substr(0, 8192).find('\0') != std::string::npos) return true;
    std::size_t number = 0;
    for (const std::string_view line : split_lines(file->bytes)) {
      ++number;
      const Result<bool> hit = pattern.matches(line, budget);
      if (!hit.ok()) {
        exhausted = budget.steps == 0;
        if (exhausted) return false;
        ++costly_lines;
        continue;
      }
      if (!*hit) continue;
      cut = matches == kMatchesMax;
      if (cut) return false;
      ++matches;
      const std::string_view shown = utf8_prefix(line, kLineBytesMax);
      text += fmt::format("{}:{}: {}{}\n", printable(path), number, to_valid_utf8(shown),
                          shown.size() < line.size() ? " ..." : "");
    }
    return true;
  }
};

// What was not looked at is said: "no match" alone would be taken for a fact.
std::string report_of(const Search& search) {
  std::string notes;
  if (search.cut) notes += fmt::format("[cut after {} matches: narrow the search]\n", kMatchesMax);
  if (search.exhausted) {
    notes +=
        "[stopped: the pattern is too costly for so much text; avoid repeats within repeats, or "
        "narrow the search]\n";
  }
  if (search.costly_lines > 0) {
    notes += fmt::format(
        "[not searched: {} line{} on which the pattern is too costly; avoid repeats within "
        "repeats]\n",
        search.costly_lines, search.costly_lines == 1 ? "" : "s");
  }
  if (!search.large_files.empty()) {
    const std::size_t more = search.large_files.size() - 1;
    notes += fmt::format("[not searched, larger than {}: {}{}]\n", bytes_text(kSearchedBytesMax),
                         printable(search.large_files.front()),
                         more == 0 ? "" : fmt::format(" and {} more", more));
  }
  if (search.matches > 0) return search.text + notes;
  return (notes.empty() ? "(no match)" : "(no match in what was searched)\n") + notes;
}

ToolOutcome search_files(const Json& arguments, CallContext& context) {
  const Result<std::string> start = path_argument(arguments, context.files->path());
  if (!start.ok()) return failure(start.error());
  const LetterCase letter_case =
      flag_argument(arguments, "ignore_case") ? LetterCase::kIgnored : LetterCase::kExact;
  const Result<Pattern> pattern =
      Pattern::compile(text_argument(arguments, "pattern"),
                       {.dialect = PatternDialect::kPerl, .letter_case = letter_case});
  if (!pattern.ok()) return failure(pattern.error());
  const std::string glob = text_argument(arguments, "glob");
  Search search{.pattern = *pattern, .files = *context.files};
  const Result<bool> complete = walk(*context.files, *start, {}, [&](const WalkEntry& entry) {
    if (context.stop.stop_requested()) return false;
    if (entry.kind != DirectoryEntry::Kind::kFile) return true;
    if (!glob.empty() && !glob_match(glob, entry.path)) return true;
    return search.look_into(entry.path);
  });
  if (!complete.ok() && complete.error().code == ErrorCode::kNotFound &&
      context.files->exists(*start)) {
    search.look_into(*start);  // a file instead of a folder
  } else if (!complete.ok()) {
    return failure(complete.error());
  }
  return {.text = report_of(search)};
}

}  // namespace

Tool make_search_files() {
  return {.spec = {.name = "search_files",
                   .description =
                       "Search file contents by regular expression; answers path:line: text.",
                   .parameters = json::literal(R"({"type":"object","properties":{
                       "pattern":{"type":"string","minLength":1},
                       "path":{"type":"string","description":"Folder or file, default ."},
                       "glob":{"type":"string","description":"Only these files, like *.py"},
                       "ignore_case":{"type":"boolean"}},
                       "required":["pattern"],"additionalProperties":false})"),
                   .effect = EffectClass::kRead},
          .scope = reading_scope,
          .body = ToolBody(search_files)};
}

}  // namespace perdure
