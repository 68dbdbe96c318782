#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "base/utf8.h"
#include "json/parse.h"
#include "tools/builtin/arguments.h"
#include "tools/builtin/builtin.h"

namespace perdure {
namespace {

constexpr std::size_t kFileBytesMax = 16 << 20;
constexpr std::size_t kPageBytesMax = 64 * 1024;
constexpr std::int64_t kPageLinesMax = 1'000;

bool looks_binary(std::string_view bytes) {
  constexpr std::size_t kProbed = 8'192;
  return bytes.substr(0, kProbed).find('\0') != std::string_view::npos;
}

// Byte offsets of the lines: line i is [starts[i], starts[i+1]).
std::vector<std::size_t> line_starts(std::string_view text) {
  std::vector<std::size_t> starts = {0};
  for (std::size_t at = text.find('\n'); at != std::string_view::npos;
       at = text.find('\n', at + 1)) {
    starts.push_back(at + 1);
  }
  if (starts.back() != text.size()) starts.push_back(text.size());
  return starts;
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
  const std::vector<std::size_t> starts = line_starts(file->bytes);
  const auto lines = static_cast<std::int64_t>(starts.size()) - 1;
  const std::int64_t first = integer_argument(arguments, "first_line", 1);
  const std::int64_t wanted = integer_argument(arguments, "lines", kPageLinesMax);
  ToolOutcome outcome{.files = {{.path = *path, .hash = file->hash}},
                      .shown_bytes_max = kPageBytesMax + 256};
  if (lines == 0) {
    outcome.text = "(empty file)";
    return outcome;
  }
  if (first > lines) {
    outcome.status = CallStatus::kError;
    outcome.text = fmt::format("Error: '{}' has {} lines", *path, lines);
    return outcome;
  }
  const std::size_t start = starts[static_cast<std::size_t>(first - 1)];
  std::int64_t last = std::min(lines, first - 1 + std::min(wanted, kPageLinesMax));
  while (last > first && starts[static_cast<std::size_t>(last)] - start > kPageBytesMax) --last;
  const std::size_t end = starts[static_cast<std::size_t>(last)];
  const std::string_view page =
      utf8_prefix(std::string_view(file->bytes).substr(start, end - start), kPageBytesMax);
  // A whole file is shown as it is; of a part the model must know which.
  if (first > 1 || last < lines) {
    outcome.text = fmt::format("[lines {} to {} of {}]\n", first, last, lines);
  }
  outcome.text += to_valid_utf8(page);
  if (page.size() < end - start) outcome.text += fmt::format("\n[line {} goes on]", last);
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
