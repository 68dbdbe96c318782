// How fast a streamed reply is read: events cut out of bytes, deltas put together, observers told,
// the reply finished. No network and no journal: the bytes are made beforehand and fed in pieces as
// large as a socket gives them. Prints one line of JSON for bench.py.

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <string_view>
#include <vector>

#include "json/reader.h"
#include "model/reply_reader.h"

namespace {

constexpr std::size_t kPieceBytes = 16 * 1024;
constexpr int kRounds = 15;  // of which the fastest counts: the others were disturbed

double cpu_ms() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

// A chunk as hosts send it.
std::string chunk(std::string_view delta, std::string_view finish = "null") {
  return R"(data: {"id":"chatcmpl-6970b5d02fa474c1767e8767","object":"chat.completion.chunk",)"
         R"("created":1768994256,"model":"kimi-k2.6","choices":[{"index":0,"delta":{)" +
         std::string(delta) + R"(},"finish_reason":)" + std::string(finish) +
         R"(}],"system_fingerprint":"fpv0_10a6da87"})" + "\n\n";
}

enum class Kind { kText, kArguments };

// A reply of so many deltas of one character each.
std::string stream_of(Kind kind, int deltas) {
  std::string stream = chunk(R"("role":"assistant","content":"")");
  if (kind == Kind::kArguments) {
    stream += chunk(R"("tool_calls":[{"index":0,"id":"functions.write_file:0","type":"function",)"
                    R"("function":{"name":"write_file","arguments":"{\"content\":\""}}])");
  }
  for (int i = 0; i < deltas; ++i) {
    const char letter = static_cast<char>('a' + i % 26);
    stream += kind == Kind::kText
                  ? chunk(std::string(R"("content":")") + letter + "\"")
                  : chunk(std::string(R"("tool_calls":[{"index":0,"function":{"arguments":")") +
                          letter + "\"}}]");
  }
  if (kind == Kind::kArguments)
    stream += chunk(R"("tool_calls":[{"index":0,"function":{"arguments":"\"}"}}])");
  return stream + chunk("", kind == Kind::kText ? R"("stop")" : R"("tool_calls")") +
         "data: [DONE]\n\n";
}

// The processor time in which the stream is read once.
double read_ms(const std::string& stream, std::size_t told_bytes_min) {
  perdure::json::Reader json;
  const perdure::HostProfile host;
  double best = 1e9;
  for (int round = 0; round < kRounds; ++round) {
    std::size_t told = 0;
    const auto note = [&told](std::string_view text) { told += text.size(); };
    const perdure::ReplyDeltas deltas{.reasoning = note, .text = note, .arguments = note};
    const double started = cpu_ms();
    perdure::ReplyReader reader(json, host, {}, &deltas);
    reader.take_head({.status = 200});
    for (std::size_t at = 0; at < stream.size(); at += kPieceBytes)
      reader.feed(std::string_view(stream).substr(at, kPieceBytes));
    const perdure::Result<perdure::ModelReplied> reply = reader.finish({}, 0);
    best = std::min(best, cpu_ms() - started);
    if (reply.ok() && told >= told_bytes_min) continue;
    std::fprintf(stderr, "stream_bench: the reply was not read\n");
    std::exit(1);
  }
  return best;
}

}  // namespace

int main() {
  std::string out = "{";
  for (const auto& [kind, name] :
       {std::pair(Kind::kText, "text"), std::pair(Kind::kArguments, "arguments")}) {
    for (const int deltas : {10'000, 100'000}) {
      const std::string stream = stream_of(kind, deltas);
      const double ms = read_ms(stream, static_cast<std::size_t>(deltas));
      std::array<char, 200> line{};
      std::snprintf(line.data(), line.size(),
                    "%s\"%s_%d\":{\"mb_per_s\":%.1f,\"ns_per_delta\":%.1f,\"bytes\":%zu}",
                    out.size() > 1 ? "," : "", name, deltas,
                    static_cast<double>(stream.size()) / 1e3 / ms, ms * 1e6 / deltas,
                    stream.size());
      out += line.data();
    }
  }
  std::printf("%s}\n", out.c_str());
  return 0;
}
