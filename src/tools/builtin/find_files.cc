#include <fmt/format.h>

#include "base/utf8.h"
#include "json/parse.h"
#include "tools/builtin/arguments.h"
#include "tools/builtin/builtin.h"
#include "tools/builtin/walk.h"

namespace perdure {
namespace {

constexpr std::size_t kFoundMax = 200;

ToolOutcome find_files(const Json& arguments, CallContext& context) {
  const Result<std::string> start = path_argument(arguments, context.files->path());
  if (!start.ok()) return failure(start.error());
  const std::string pattern = text_argument(arguments, "pattern");
  std::string text;
  std::size_t found = 0;
  const Result<bool> complete = walk(*context.files, *start, {}, [&](const WalkEntry& entry) {
    if (context.stop.stop_requested()) return false;
    if (entry.kind == DirectoryEntry::Kind::kDirectory || !glob_match(pattern, entry.path))
      return true;
    if (found == kFoundMax) return false;
    ++found;
    text += printable(entry.path) + "\n";
    return true;
  });
  if (!complete.ok()) return failure(complete.error());
  if (!*complete)
    text += fmt::format("[cut after {} files: narrow the pattern or the path]\n", found);
  return {.text = text.empty() ? "(no file matches)" : std::move(text)};
}

}  // namespace

Tool make_find_files() {
  return {
      .spec = {.name = "find_files",
               .description =
                   "Find files by name: *.py, src/**/*.{h,cc}. A pattern without / matches names.",
               .parameters = json::literal(R"({"type":"object","properties":{
                       "pattern":{"type":"string","minLength":1},
                       "path":{"type":"string","description":"Folder, default ."}},
                       "required":["pattern"],"additionalProperties":false})"),
               .effect = EffectClass::kRead},
      .scope = reading_scope,
      .body = ToolBody(find_files)};
}

}  // namespace perdure
