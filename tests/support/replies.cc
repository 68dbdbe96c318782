#include "tests/support/replies.h"

#include <fmt/format.h>

#include "base/text.h"

namespace perdure::test {

std::string delta(std::string_view members, std::string_view finish_reason) {
  std::string chunk = R"({"choices":[{"index":0,"delta":)" + std::string(members);
  if (!finish_reason.empty()) chunk += R"(,"finish_reason":")" + std::string(finish_reason) + "\"";
  return chunk + "}]}";
}

std::string stream_of(const ReplyInput& input) {
  std::string stream;
  for (const std::string& chunk : input.chunks) {
    for (const std::string_view line : split_lines(chunk)) {
      stream += "data: " + std::string(line) + "\n";
    }
    stream += "\n";
  }
  if (input.has_end_marker) stream += "data: [DONE]\n\n";
  return stream;
}

Result<ModelReplied> assemble(const ReplyInput& input, const ReplyDeltas* deltas) {
  static const HostProfile kPlain{.id = "plain"};
  json::Reader json;
  ReplyReader reader(json, input.host != nullptr ? *input.host : kPlain,
                     {.calls_before = input.calls_before,
                      .used_ids = input.used_ids,
                      .thinking = input.thinking,
                      .as_sent = input.as_sent},
                     deltas);
  reader.take_head({.status = 200});
  reader.feed(input.chunks.empty() ? input.body : stream_of(input));
  return reader.finish(input.transfer, 0);
}

std::string edits_of(const ModelReplied& reply) {
  std::string lines;
  for (const ReplyEdit& edit : reply.edits) {
    lines += fmt::format("{}: {} [{}]\n", edit.field, edit.reason, edit.original);
  }
  return lines;
}

std::string case_name(std::string_view name) {
  std::string out(name);
  for (char& c : out) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!plain) c = '_';
  }
  return out;
}

std::string calls_of(const ModelReplied& reply) {
  std::string lines;
  for (const ToolCall& call : reply.calls) {
    lines += fmt::format("{} {} {}\n", call.id, call.name, call.arguments);
  }
  return lines;
}

std::string usage_of(const ModelReplied& reply) {
  const ReplyUsage& usage = reply.usage;
  std::string text = fmt::format("{}/{} in, {}/{} out", usage.input_tokens, usage.cached_tokens,
                                 usage.output_tokens, usage.reasoning_tokens);
  if (usage.cache_write_tokens > 0) text += fmt::format(", {} kept", usage.cache_write_tokens);
  if (usage.usd) text += fmt::format(" ${}", *usage.usd);
  return text + (usage.estimated ? " estimated" : "");
}

}  // namespace perdure::test
