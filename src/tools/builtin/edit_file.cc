#include <fmt/format.h>

#include "base/diff.h"
#include "json/parse.h"
#include "tools/builtin/arguments.h"
#include "tools/builtin/builtin.h"
#include "tools/edit_match.h"

namespace perdure {
namespace {

constexpr DiffOptions kShownDiff = {.context_lines = 1, .lines_max = 60, .line_bytes_max = 300};

Result<EditedText> edited_text(const Json& arguments, const std::string& before) {
  const std::string old_text = text_argument(arguments, "old_text");
  const std::string new_text = text_argument(arguments, "new_text");
  return apply_edit(
      before, {.old_text = old_text,
               .new_text = new_text,
               .places = flag_argument(arguments, "all") ? EditPlaces::kAll : EditPlaces::kOne});
}

ToolOutcome edit_file(const Json& arguments, CallContext& context) {
  const Result<std::string> path = path_argument(arguments, context.files->path());
  if (!path.ok()) return failure(path.error());
  const Result<FileContent> file = context.files->read_file(*path, kEditFileBytesMax);
  if (!file.ok()) return failure(file.error());
  const auto known = context.known_hashes.find(*path);
  if (known != context.known_hashes.end() && known->second != file->hash) {
    return failure({.code = ErrorCode::kFileChanged,
                    .message = fmt::format("'{}' was changed since you read it", *path),
                    .advice = "Read it again before editing."});
  }
  const Result<EditedText> edited = edited_text(arguments, file->bytes);
  if (!edited.ok()) return failure(edited.error());
  const Result<std::string> hash = context.files->write_file(
      *path, edited->text, {.kind = WriteCondition::Kind::kUnchanged, .hash = file->hash});
  if (!hash.ok()) return failure(hash.error());
  std::string text =
      fmt::format("Edited {} at {} place{}", *path, edited->places, edited->places == 1 ? "" : "s");
  if (edited->match == EditMatch::kWhitespace) text += " (old_text matched but for white space)";
  text += ":\n" + unified_diff(file->bytes, edited->text, "a/" + *path, "b/" + *path, kShownDiff);
  return {.text = std::move(text), .files = {{.path = *path, .hash = *hash, .written = true}}};
}

// After a crash: a file that is as the model last knew it was not edited. Of any other content
// nobody can tell.
Probe probe_edit(const Json& arguments, const CallContext& context) {
  const Result<std::string> path = path_argument(arguments, context.files->path());
  if (!path.ok()) return {};
  const Result<FileContent> file = context.files->read_file(*path, kEditFileBytesMax);
  const auto known = context.known_hashes.find(*path);
  const bool untouched =
      file.ok() && known != context.known_hashes.end() && known->second == file->hash;
  return {.verdict = untouched ? ProbeVerdict::kNotDone : ProbeVerdict::kUnknown};
}

// What a person is asked about: the edit as a diff, or why it would fail.
std::string preview_edit(const Json& arguments, const CallContext& context) {
  const Result<std::string> path = path_argument(arguments, context.files->path());
  if (!path.ok()) return {};
  const Result<FileContent> file = context.files->read_file(*path, kEditFileBytesMax);
  if (!file.ok()) return file.error().message;
  const Result<EditedText> edited = edited_text(arguments, file->bytes);
  if (!edited.ok()) return edited.error().message;
  return unified_diff(file->bytes, edited->text, "a/" + *path, "b/" + *path);
}

}  // namespace

Tool make_edit_file() {
  return {
      .spec = {.name = "edit_file",
               .description =
                   "Replace old_text, which must occur once (with its white space), by new_text.",
               .parameters = json::literal(R"({"type":"object","properties":{
                       "path":{"type":"string"},
                       "old_text":{"type":"string"},
                       "new_text":{"type":"string"},
                       "all":{"type":"boolean","description":"Replace every occurrence"}},
                       "required":["path","old_text","new_text"],"additionalProperties":false})"),
               .effect = EffectClass::kDestructive},
      .scope = writing_scope,
      .body = ToolBody(edit_file),
      .preview = preview_edit,
      .probe = probe_edit};
}

}  // namespace perdure
