#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "base/utf8.h"
#include "json/parse.h"
#include "tools/builtin/arguments.h"
#include "tools/builtin/builtin.h"

namespace perdure {
namespace {

constexpr std::int64_t kPageBytes = 16 * 1024;

ToolOutcome read_output(const Json& arguments, CallContext& context) {
  const std::string id = text_argument(arguments, "output");
  const auto found = context.stored_outputs.find(id);
  if (found == context.stored_outputs.end()) {
    std::vector<std::string> ids;
    for (const auto& [known, output] : context.stored_outputs) ids.push_back(known);
    return failure(
        {.code = ErrorCode::kNotFound,
         .message = fmt::format("there is no stored output '{}'", id),
         .advice = ids.empty() ? "No output was cut so far." : "Stored: " + join(ids, ", ")});
  }
  const std::int64_t offset = integer_argument(arguments, "offset", 0);
  const std::int64_t total = found->second.bytes;
  if (offset >= total)
    return failure(
        {.code = ErrorCode::kNotFound, .message = fmt::format("the output has {} bytes", total)});
  // One byte more than a page, to see whether the page ends between two characters.
  const auto bytes = static_cast<std::size_t>(std::min(kPageBytes + 1, total - offset));
  const Result<std::string> read =
      context.blobs->read(found->second.blob, static_cast<std::uint64_t>(offset), bytes);
  if (!read.ok()) return failure(read.error());
  const std::string_view page = utf8_prefix(*read, kPageBytes);
  const auto end = offset + static_cast<std::int64_t>(page.size());
  return {.text =
              fmt::format("[bytes {} to {} of {}]\n{}", offset, end, total, to_valid_utf8(page))};
}

}  // namespace

Tool make_read_output() {
  return {.spec = {.name = "read_output",
                   .description = "Read more of a tool output that was cut, 16 KB at a time.",
                   .parameters = json::literal(R"({"type":"object","properties":{
                       "output":{"type":"string","description":"Its id, as the cut output says"},
                       "offset":{"type":"integer","minimum":0,"description":"Bytes, default 0"}},
                       "required":["output"],"additionalProperties":false})"),
                   .effect = EffectClass::kRead},
          .scope = [](const Json&, const std::string&) -> Result<CallScope> { return CallScope{}; },
          .body = ToolBody(read_output)};
}

}  // namespace perdure
