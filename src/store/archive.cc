#include "store/archive.h"

#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/utf8.h"
#include "core/event_names.h"
#include "json/parse.h"
#include "json/slice.h"
#include "store/chain.h"

namespace perdure {
namespace {

constexpr int kArchiveVersion = 1;

Error damaged_line(std::size_t line, std::string_view how) {
  return {.code = ErrorCode::kCorrupt,
          .message = fmt::format("the archive is damaged in line {}: {}", line, how),
          .advice = "nothing was stored; get the file anew"};
}

// Members that are missing or of another kind throw; read_archive() says which line it was.
RunRow row_of(const Json& line) {
  RunRow row{.run_id = line.at("perdure_run").get<std::string>(),
             .agent = line.at("agent").get<std::string>(),
             .task = line.at("task").get<std::string>(),
             .model = line.at("model").get<std::string>(),
             .workspace = line.at("workspace").get<std::string>(),
             .created_ms = line.at("created_ms").get<std::int64_t>(),
             .steps = line.at("steps").get<std::int64_t>(),
             .usd = line.at("usd").get<double>()};
  if (!line.at("outcome").is_null())
    row.outcome = value_in(kOutcomeNames, line.at("outcome").get<std::string>());
  return row;
}

// Reads the lines behind the first one.
class ArchiveReader {
 public:
  explicit ArchiveReader(Archive& archive) : archive_(archive) {}

  Status read(const Json& line, std::size_t number) {
    if (ended_) return damaged_line(number, "something stands behind the end");
    if (line.contains("sequence")) return read_event(line, number);
    if (line.contains("output")) return read_output(line, number);
    if (line.contains("end")) return read_end(line, number);
    return damaged_line(number, "it is no event, no output and no end");
  }
  bool ended() const { return ended_; }

 private:
  Status read_event(const Json& line, std::size_t number) {
    StoredEvent event{.sequence = line.at("sequence").get<std::uint64_t>(),
                      .at_ms = line.at("at_ms").get<std::int64_t>(),
                      .kind = line.at("kind").get<std::string>(),
                      .payload = line.at("payload").get<std::string>()};
    if (event.sequence != archive_.events.size() + 1)
      return damaged_line(number, fmt::format("event {} is missing", archive_.events.size() + 1));
    hash_ = chain_hash(hasher_, hash_, event.sequence, event.at_ms, event.kind, event.payload);
    if (to_hex(hash_) != line.at("hash").get<std::string>())
      return damaged_line(number, fmt::format("the hash of event {} does not fit", event.sequence));
    archive_.events.push_back(std::move(event));
    return {};
  }

  Status read_output(const Json& line, std::size_t number) {
    const std::string name = line.at("output").get<std::string>();
    std::optional<std::string> bytes;
    if (line.contains("text")) bytes = line.at("text").get<std::string>();
    if (line.contains("base64")) bytes = from_base64(line.at("base64").get<std::string>());
    if (!bytes || to_hex(sha256(*bytes)) != name)
      return damaged_line(number, "the output is not what was stored");
    archive_.outputs.emplace(name, std::move(*bytes));
    return {};
  }

  Status read_end(const Json& line, std::size_t number) {
    ended_ = true;
    if (line.at("end").get<std::uint64_t>() != archive_.events.size() || archive_.events.empty() ||
        line.at("hash").get<std::string>() != to_hex(hash_))
      return damaged_line(number, "events before the end are missing");
    for (const std::string& name : outputs_of(archive_.events)) {
      if (archive_.outputs.count(name) == 0)
        return damaged_line(number, fmt::format("output {} is missing", name));
    }
    return {};
  }

  Archive& archive_;
  Hasher hasher_;
  Sha256 hash_{};
  bool ended_ = false;
};

// The images and videos of a message: "url":"data:TYPE;base64,blob:HASH". Inside of a string the
// quotes would have escapes.
std::vector<std::string_view> media_of(std::string_view payload) {
  constexpr std::string_view kUrl = R"("url":"data:)";
  constexpr std::string_view kBlob = ";base64,blob:";
  std::vector<std::string_view> names;
  for (std::size_t at = payload.find(kUrl); at != std::string_view::npos;
       at = payload.find(kUrl, at + 1)) {
    const std::string_view rest = payload.substr(at + kUrl.size());
    const std::string_view url = rest.substr(0, rest.find('"'));
    const std::size_t blob = url.find(kBlob);
    if (blob != std::string_view::npos) names.push_back(url.substr(blob + kBlob.size()));
  }
  return names;
}

}  // namespace

std::vector<std::string> outputs_of(const std::vector<StoredEvent>& events) {
  std::set<std::string> seen;
  std::vector<std::string> names;
  const auto add = [&](std::string_view name) {
    if (seen.emplace(name).second) names.emplace_back(name);
  };
  for (const StoredEvent& event : events) {
    if (event.kind == "message_queued") {
      for (const std::string_view name : media_of(event.payload)) add(name);
    }
    if (event.kind != "call_finished") continue;
    const std::string_view literal = json::member_slice(event.payload, "output_blob");
    if (literal.size() <= 2) continue;  // none, or an empty one
    add(literal.substr(1, literal.size() - 2));
  }
  return names;
}

Sha256 chain_of(const std::vector<StoredEvent>& events) {
  Hasher hasher;
  Sha256 hash{};
  for (const StoredEvent& event : events)
    hash = chain_hash(hasher, hash, event.sequence, event.at_ms, event.kind, event.payload);
  return hash;
}

std::string archive_head(const RunRow& row) {
  const Json outcome = row.outcome ? Json(to_string(*row.outcome)) : Json();
  return json::dump({{"perdure_run", row.run_id},
                     {"version", kArchiveVersion},
                     {"agent", row.agent},
                     {"task", row.task},
                     {"model", row.model},
                     {"workspace", row.workspace},
                     {"created_ms", row.created_ms},
                     {"outcome", outcome},
                     {"steps", row.steps},
                     {"usd", row.usd}}) +
         "\n";
}

std::string archive_event(const StoredEvent& event, const Sha256& hash) {
  return json::dump({{"sequence", event.sequence},
                     {"at_ms", event.at_ms},
                     {"kind", event.kind},
                     {"payload", event.payload},
                     {"hash", to_hex(hash)}}) +
         "\n";
}

std::string archive_output(const std::string& hash, std::string_view bytes) {
  const bool is_text = is_valid_utf8(bytes);
  return json::dump({{"output", hash},
                     {is_text ? "text" : "base64", is_text ? bytes : to_base64(bytes)}}) +
         "\n";
}

std::string archive_end(std::size_t events, const Sha256& hash) {
  return json::dump({{"end", events}, {"hash", to_hex(hash)}}) + "\n";
}

Result<Archive> read_archive(std::istream& in) {
  Archive archive;
  ArchiveReader reader(archive);
  std::size_t number = 0;
  for (std::string text; std::getline(in, text);) {
    ++number;
    const Result<Json> line = json::parse(text);
    const bool is_head = line.ok() && line->is_object() && line->contains("perdure_run");
    if (number == 1 && !is_head) {
      return Error{.code = ErrorCode::kInvalidArgument,
                   .message = "this is no archive of a run",
                   .advice = "'perdure export RUN' writes one"};
    }
    if (!line.ok() || !line->is_object()) return damaged_line(number, "it is no JSON object");
    try {
      if (number > 1) {
        if (Status status = reader.read(*line, number); !status.ok()) return status.error();
        continue;
      }
      if (const int version = line->at("version").get<int>(); version > kArchiveVersion) {
        return Error{.code = ErrorCode::kUnsupported,
                     .message = fmt::format("the archive has version {}, this program knows {}",
                                            version, kArchiveVersion),
                     .advice = "use the newer perdure that wrote it"};
      }
      archive.row = row_of(*line);
    } catch (const Json::exception& error) {
      return damaged_line(number, error.what());
    }
  }
  if (number == 0) {
    return Error{.code = ErrorCode::kInvalidArgument,
                 .message = "this is no archive of a run: it is empty",
                 .advice = "'perdure export RUN' writes one"};
  }
  if (!reader.ended()) return damaged_line(number + 1, "the end is missing");
  return archive;
}

}  // namespace perdure
