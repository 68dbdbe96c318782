#include "model/media.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "core/run.h"
#include "json/parse.h"
#include "json/slice.h"
#include "json/writer.h"

namespace perdure {
namespace {

constexpr std::string_view kData = "data:";
constexpr std::string_view kCoding = ";base64,";
constexpr std::string_view kBlob = "blob:";  // no Base64: it has a colon
constexpr std::size_t kHashDigits = 64;
constexpr std::string_view kBlockStart = R"("type":"base64","media_type":")";
constexpr std::string_view kBlockData = R"(","data":")";

std::string text_at(std::string_view json) {
  const Result<Json> value = json::parse(json);
  return value.ok() && value->is_string() ? value->get<std::string>() : std::string();
}

bool is_hash(std::string_view text) {
  return text.size() == kHashDigits &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// The reference whose "blob:" stands at `at`. A string of JSON has no bare quote inside it, so what
// people write cannot look like one.
MediaReference reference_at(std::string_view message, std::size_t at) {
  const std::string_view before = message.substr(0, at);
  const std::string_view blob = message.substr(at + kBlob.size()).substr(0, kHashDigits);
  const std::size_t end = at + kBlob.size() + kHashDigits;
  if (!is_hash(blob) || end >= message.size() || message[end] != '"') return {};
  if (before.ends_with(kCoding)) {
    const std::size_t quote = before.rfind('"');
    if (quote == std::string_view::npos) return {};
    const std::string_view head = before.substr(quote + 1);
    if (!head.starts_with(kData) || !before.substr(0, quote).ends_with(R"("url":)")) return {};
    return {.span = message.substr(quote + 1, end - quote - 1),
            .type = head.substr(kData.size(), head.size() - kData.size() - kCoding.size()),
            .blob = blob};
  }
  const std::size_t start = before.rfind(kBlockStart);
  if (!before.ends_with(kBlockData) || start == std::string_view::npos) return {};
  const std::size_t type = start + kBlockStart.size();
  return {.span = message.substr(start, end + 1 - start),
          .type = message.substr(type, at - kBlockData.size() - type),
          .blob = blob,
          .is_block = true};
}

// Why a part is not sent, as the model reads it; empty for one that is sent or is no medium.
std::string_view note_for(std::string_view part, const HistoryDialect& dialect,
                          const std::set<std::string>& refused) {
  const std::string type = text_at(json::member_slice(part, "type"));
  if (type != "image_url" && type != "video_url") return {};
  if (type == "image_url" && !dialect.sees_images) return "left out: this model sees no images";
  if (type == "video_url" && !dialect.sees_videos) return "left out: this model sees no videos";
  const std::string url = text_at(json::member_slice(json::member_slice(part, type), "url"));
  if (!url.starts_with(kData)) {
    return dialect.takes_urls ? "" : "left out: this host fetches no addresses";
  }
  const std::size_t blob = url.find(kBlob);
  const bool is_refused =
      blob != std::string::npos && refused.count(url.substr(blob + kBlob.size())) > 0;
  return is_refused ? "left out: the host refuses this file" : "";
}

}  // namespace

std::string media_reference(std::string_view type, std::string_view blob) {
  std::string url;
  url.append(kData).append(type).append(kCoding).append(kBlob).append(blob);
  return url;
}

std::string media_message(std::string_view text, const std::vector<MediaPart>& parts) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().key("role").string("user").key("content").begin_array();
  const auto write_text = [&](std::string_view words) {
    writer.begin_object().key("type").string("text").key("text").string(words).end_object();
  };
  write_text(text);
  for (const MediaPart& part : parts) {
    write_text(part.label);
    const std::string_view type = part.is_video ? "video_url" : "image_url";
    writer.begin_object().key("type").string(type).key(type).begin_object();
    writer.key("url").string(part.url).end_object().end_object();
  }
  writer.end_array().end_object();
  return out;
}

std::vector<MediaReference> media_references(std::string_view message) {
  std::vector<MediaReference> references;
  for (std::size_t at = message.find(kBlob); at != std::string_view::npos;
       at = message.find(kBlob, at + 1)) {
    const MediaReference reference = reference_at(message, at);
    if (!reference.blob.empty()) references.push_back(reference);
  }
  return references;
}

std::vector<std::string> left_out_media(std::string_view message, const HistoryDialect& dialect,
                                        const std::set<std::string>& refused) {
  std::vector<std::string> labels;
  std::string label;
  for (const std::string_view part : json::element_slices(json::member_slice(message, "content"))) {
    const std::string_view note = note_for(part, dialect, refused);
    if (!note.empty()) labels.push_back(label + " " + std::string(note));
    label = text_at(json::member_slice(part, "text"));
  }
  return labels;
}

std::string with_media_notes(std::string_view message, const HistoryDialect& dialect,
                             const std::set<std::string>& refused) {
  const std::string_view content = json::member_slice(message, "content");
  if (!content.starts_with('[')) return std::string(message);
  std::string out;
  json::Writer writer(out);
  writer.begin_object().key("role").string("user").key("content").begin_array();
  for (const std::string_view part : json::element_slices(content)) {
    const std::string_view note = note_for(part, dialect, refused);
    if (note.empty()) {
      writer.raw(part);
      continue;
    }
    writer.begin_object().key("type").string("text").key("text");
    writer.string("[" + std::string(note) + "]").end_object();
  }
  writer.end_array().end_object();
  return out;
}

std::set<std::string> refused_media(const Run& run) {
  std::set<std::string> refused;
  const std::string& base_url = run.endpoints.at(run.endpoint).base_url;
  for (const auto& [key, url] : run.media_uploads) {
    if (key.first == base_url && url.empty()) refused.insert(key.second);
  }
  return refused;
}

std::int64_t image_tokens(std::int64_t width, std::int64_t height) {
  constexpr std::int64_t kPixels = 28;
  constexpr std::int64_t kMin = 16;
  constexpr std::int64_t kMax = 4'096;
  constexpr std::int64_t kSideMax = kPixels * kMax;
  const auto cells = [&](std::int64_t side) {
    return (std::clamp<std::int64_t>(side, 1, kSideMax) + kPixels - 1) / kPixels;
  };
  return std::clamp(cells(width) * cells(height), kMin, kMax);
}

std::int64_t video_tokens(std::int64_t bytes) {
  constexpr std::int64_t kBytesPerToken = 400;
  return std::clamp<std::int64_t>(bytes / kBytesPerToken, 1'024, 65'536);
}

}  // namespace perdure
