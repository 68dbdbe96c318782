#include <algorithm>

#include <fmt/format.h>

#include "base/diff.h"
#include "base/text.h"
#include "json/parse.h"
#include "tools/builtin/arguments.h"
#include "tools/builtin/builtin.h"

namespace perdure {
namespace {

std::string size_text(std::string_view content) {
  const auto lines = std::count(content.begin(), content.end(), '\n') +
                     (content.empty() || content.back() == '\n' ? 0 : 1);
  return fmt::format("{} in {} lines", bytes_text(content.size()), lines);
}

ToolOutcome write_file(const Json& arguments, CallContext& context) {
  const Result<std::string> path = path_argument(arguments, context.files->path());
  if (!path.ok()) return failure(path.error());
  std::string content = text_argument(arguments, "content");
  const auto known = context.known_hashes.find(*path);
  const bool present = context.files->exists(*path);
  std::string before;
  WriteCondition condition{.kind = WriteCondition::Kind::kAbsent};
  if (present) {
    if (known == context.known_hashes.end()) {
      return failure({.code = ErrorCode::kFileChanged,
                      .message = fmt::format("'{}' exists and was not read in this run", *path),
                      .advice = "Read it first, so that nothing in it is lost by mistake."});
    }
    const Result<FileContent> file = context.files->read_file(*path, kFileBytesMax);
    if (!file.ok()) return failure(file.error());
    before = file->bytes;
    condition = {.kind = WriteCondition::Kind::kUnchanged, .hash = known->second};
  }
  if (flag_argument(arguments, "append")) content = before + content;
  const Result<std::string> hash = context.files->write_file(*path, content, condition);
  if (!hash.ok()) return failure(hash.error());
  std::string text =
      fmt::format("{} {} ({})", present ? "Wrote" : "Created", *path, size_text(content));
  if (present) {
    const DiffStat stat = diff_stat(before, content);
    text += fmt::format(", {} lines added, {} removed", stat.added, stat.removed);
  }
  return {.text = std::move(text), .files = {{.path = *path, .hash = *hash, .written = true}}};
}

// After a crash: the content that stands there tells whether the write happened, since it happens
// in one step.
Probe probe_write(const Json& arguments, const CallContext& context) {
  const Result<std::string> path = path_argument(arguments, context.files->path());
  if (!path.ok()) return {};
  const Result<FileContent> file = context.files->read_file(*path, kFileBytesMax);
  const auto known = context.known_hashes.find(*path);
  if (!file.ok()) {
    const bool was_absent = known == context.known_hashes.end();
    return {.verdict = was_absent ? ProbeVerdict::kNotDone : ProbeVerdict::kUnknown};
  }
  // Of a longer file nobody can tell what was appended, and by whom.
  const bool append = flag_argument(arguments, "append");
  if (!append && file->bytes == text_argument(arguments, "content")) {
    return {
        .verdict = ProbeVerdict::kDone,
        .outcome = {.text = fmt::format("Wrote {} ({}), as its content shows after an interruption",
                                        *path, size_text(file->bytes)),
                    .files = {{.path = *path, .hash = file->hash, .written = true}}}};
  }
  const bool untouched = known != context.known_hashes.end() && known->second == file->hash;
  return {.verdict = untouched ? ProbeVerdict::kNotDone : ProbeVerdict::kUnknown};
}

// What a person is asked about: the difference to what is there now.
std::string preview_write(const Json& arguments, const CallContext& context) {
  const Result<std::string> path = path_argument(arguments, context.files->path());
  if (!path.ok()) return {};
  const Result<FileContent> file = context.files->read_file(*path, kFileBytesMax);
  const std::string before = file.ok() ? file->bytes : "";
  const std::string content = text_argument(arguments, "content");
  return unified_diff(before, flag_argument(arguments, "append") ? before + content : content,
                      file.ok() ? "a/" + *path : "/dev/null", "b/" + *path);
}

}  // namespace

Tool make_write_file() {
  return {
      .spec =
          {.name = "write_file",
           .description =
               "Create a file or replace one that you have read. Folders are made. For long files "
               "write a first part and append the others.",
           .parameters = json::literal(R"({"type":"object","properties":{
                       "path":{"type":"string"},
                       "content":{"type":"string"},
                       "append":{"type":"boolean","description":"Add to the end instead"}},
                       "required":["path","content"],"additionalProperties":false})"),
           .effect = EffectClass::kDestructive},
      .scope = writing_scope,
      .body = ToolBody(write_file),
      .preview = preview_write,
      .probe = probe_write};
}

}  // namespace perdure
