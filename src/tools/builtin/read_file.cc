#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "base/utf8.h"
#include "json/parse.h"
#include "tools/builtin/arguments.h"
#include "tools/builtin/builtin.h"

namespace perdure {
namespace {

constexpr std::size_t kPageBytesMax = 64 * 1024;
constexpr std::int64_t kPageLinesMax = 1'000;

bool looks_binary(std::string_view bytes) {
  constexpr std::size_t kProbed = 8'192;
  return bytes.substr(0, kProbed).find('\0') != std::string_view::npos;
}

// Some lines of a text.
struct Page {
  std::int64_t last = 0;   // the number of its last line
  std::int64_t lines = 0;  // of the whole text
  std::string_view text;
};

// The page that begins at a line. Keeps no list of lines: a file may have as many as it has bytes.
Page page_of(std::string_view text, std::int64_t first, std::int64_t lines_max) {
  Page page;
  std::size_t start = 0;
  bool full = false;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
    const std::int64_t number = ++page.lines;
    if (number == first) start = at;
    if (number >= first && !full) {
      // The first line is always on it, however long.
      full = number - first >= lines_max || (number > first && end - start > kPageBytesMax);
      if (!full) {
        page.text = text.substr(start, end - start);
        page.last = number;
      }
    }
    at = end;
  }
  return page;
}

ToolOutcome read_file(const Json& arguments, CallContext& context) {
  const Result<std::string> path = path_argument(arguments, context.files->path());
  if (!path.ok()) return failure(path.error());
  const Result<FileContent> file = context.files->read_file(*path, kFileBytesMax);
  if (!file.ok()) return failure(file.error());
  if (looks_binary(file->bytes)) {
    return failure({.code = ErrorCode::kNotRegular,
                    .message = fmt::format("'{}' is a binary file of {}", *path,
                                           bytes_text(file->bytes.size()))});
  }
  const std::int64_t first = integer_argument(arguments, "first_line", 1);
  const std::int64_t wanted = integer_argument(arguments, "lines", kPageLinesMax);
  const Page page = page_of(file->bytes, first, std::min(wanted, kPageLinesMax));
  ToolOutcome outcome{.files = {{.path = *path, .hash = file->hash}},
                      .shown_bytes_max = kPageBytesMax + 256};
  if (page.lines == 0) {
    outcome.text = "(empty file)";
    return outcome;
  }
  if (first > page.lines) {
    outcome.status = CallStatus::kError;
    outcome.text = fmt::format("Error: '{}' has {} lines", *path, page.lines);
    return outcome;
  }
  // A whole file is shown as it is; of a part the model must know which.
  if (first > 1 || page.last < page.lines) {
    outcome.text = fmt::format("[lines {} to {} of {}]\n", first, page.last, page.lines);
  }
  const std::string_view shown = utf8_prefix(page.text, kPageBytesMax);
  outcome.text += to_valid_utf8(shown);
  if (shown.size() < page.text.size()) {
    outcome.text += fmt::format("\n[line {} goes on: it has {} bytes]", page.last,
                                grouped(static_cast<std::int64_t>(page.text.size())));
  }
  return outcome;
}

}  // namespace

Tool make_read_file() {
  return {.spec = {.name = "read_file",
                   .description = "Read a text file, at most 1000 lines or 64 KB at a time.",
                   .parameters = json::literal(R"({"type":"object","properties":{
                       "path":{"type":"string"},
                       "first_line":{"type":"integer","minimum":1,"description":"Default 1"},
                       "lines":{"type":"integer","minimum":1}},
                       "required":["path"],"additionalProperties":false})"),
                   .effect = EffectClass::kRead},
          .scope = reading_scope,
          .body = ToolBody(read_file)};
}

}  // namespace perdure
