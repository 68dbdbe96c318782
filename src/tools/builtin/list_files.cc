#include <fmt/format.h>

#include "base/text.h"
#include "base/utf8.h"
#include "json/parse.h"
#include "tools/builtin/arguments.h"
#include "tools/builtin/builtin.h"
#include "tools/builtin/walk.h"

namespace perdure {
namespace {

constexpr std::size_t kEntriesMax = 500;

std::string line_of(const WalkEntry& entry) {
  const std::string name = printable(entry.path);
  switch (entry.kind) {
    case DirectoryEntry::Kind::kDirectory:
      return name + "/\n";
    case DirectoryEntry::Kind::kLink:
      return name + " (link)\n";
    case DirectoryEntry::Kind::kOther:
      return name + " (special)\n";
    case DirectoryEntry::Kind::kFile:
      break;
  }
  return fmt::format("{} {}\n", name, bytes_text(entry.size));
}

ToolOutcome list_files(const Json& arguments, CallContext& context) {
  const Result<std::string> path = path_argument(arguments, context.files->path());
  if (!path.ok()) return failure(path.error());
  const WalkOptions options{.depth_max =
                                static_cast<std::size_t>(integer_argument(arguments, "depth", 2))};
  std::string text;
  std::size_t shown = 0;
  const Result<bool> complete = walk(*context.files, *path, options, [&](const WalkEntry& entry) {
    if (shown == kEntriesMax || context.stop.stop_requested()) return false;
    ++shown;
    text += line_of(entry);
    return true;
  });
  if (!complete.ok()) return failure(complete.error());
  if (!*complete)
    text += fmt::format("[cut after {} entries: list a folder, or use find_files]\n", shown);
  return {.text = text.empty() ? "(empty)" : std::move(text)};
}

}  // namespace

Tool make_list_files() {
  return {.spec = {.name = "list_files",
                   .description = "List files and folders with sizes. Leaves out what git ignores.",
                   .parameters = json::literal(R"({"type":"object","properties":{
                       "path":{"type":"string","description":"Folder, default ."},
                       "depth":{"type":"integer","minimum":1,"maximum":10,
                           "description":"Levels, default 2"}},
                       "additionalProperties":false})"),
                   .effect = EffectClass::kRead},
          .scope = reading_scope,
          .body = ToolBody(list_files)};
}

}  // namespace perdure
