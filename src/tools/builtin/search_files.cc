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
  bool cut = false;        // there are more matches
  bool exhausted = false;  // the pattern cost too much

  // False when the search is over.
  bool look_into(const std::string& path) {
    const Result<FileContent> file = files.read_file(path, kSearchedBytesMax);
    if (!file.ok() || file->bytes.substr(0, 8192).find('\0') != std::string::npos) return true;
    std::size_t number = 0;
    for (const std::string_view line : split_lines(file->bytes)) {
      ++number;
      const Result<bool> hit = pattern.matches(line, budget);
      if (!hit.ok()) {
        exhausted = budget.steps == 0;
        if (exhausted) return false;
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
  std::string text = search.matches == 0 ? "(no match)" : std::move(search.text);
  if (search.cut) text += fmt::format("[cut after {} matches: narrow the search]\n", kMatchesMax);
  if (search.exhausted) text += "[stopped: the pattern is too costly for so much text]\n";
  return {.text = std::move(text)};
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
