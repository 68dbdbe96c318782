#include "mock/files.h"

#include <utility>

#include <fmt/format.h>

#include "base/base64.h"
#include "base/media_type.h"
#include "json/writer.h"

namespace perdure::mock {
namespace {

constexpr std::string_view kUploaded = "ms://";
constexpr std::size_t kFileBytesMax = 100'000'000;

// The value of name="..." in a header of a part.
std::string_view form_name(std::string_view headers) {
  constexpr std::string_view kName = " name=\"";
  const std::size_t at = headers.find(kName);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = headers.substr(at + kName.size());
  return rest.substr(0, rest.find('"'));
}

// The parts of a multipart form (RFC 7578) by name; empty for what is none.
std::map<std::string_view, std::string_view> form_parts(std::string_view body,
                                                        std::string_view boundary) {
  std::map<std::string_view, std::string_view> parts;
  const std::string line = "--" + std::string(boundary);
  const std::string end = "\r\n" + line;
  if (boundary.empty() || !body.starts_with(line)) return parts;
  body.remove_prefix(line.size());
  while (body.starts_with("\r\n")) {
    const std::size_t text = body.find("\r\n\r\n");
    const std::size_t next = body.find(end, 2);
    if (text == std::string_view::npos || next == std::string_view::npos || text > next) break;
    parts[form_name(body.substr(0, text))] = body.substr(text + 4, next - text - 4);
    body.remove_prefix(next + end.size());
  }
  return parts;
}

std::string_view boundary_of(const ReceivedRequest& request) {
  constexpr std::string_view kForm = "multipart/form-data; boundary=";
  const std::string_view type = request.header("content-type").value_or("");
  return type.starts_with(kForm) ? type.substr(kForm.size()) : std::string_view();
}

std::string data_problem(std::string_view url, bool is_video) {
  constexpr std::string_view kData = "data:";
  constexpr std::string_view kCoding = ";base64,";
  const std::size_t coding = url.find(kCoding);
  if (!url.starts_with(kData) || coding == std::string_view::npos)
    return "neither data:TYPE;base64, nor ms://";
  const std::string_view name = url.substr(kData.size(), coding - kData.size());
  const std::optional<MediaType> named = media_type_named(name);
  if (!named || named->is_video != is_video) {
    return fmt::format("{} is no type of {}", in_quotes(name), is_video ? "a video" : "an image");
  }
  const std::optional<std::string> bytes = from_base64(url.substr(coding + kCoding.size()));
  if (!bytes) return "the data is not Base64";
  const std::optional<MediaType> type = media_type_of(*bytes);
  if (type && type->name == named->name) return "";
  return fmt::format("the data is not {}", name);
}

}  // namespace

std::optional<Refusal> Files::add(const ReceivedRequest& request, std::string& answer) {
  const auto parts = form_parts(request.body, boundary_of(request));
  const auto file = parts.find("file");
  const auto purpose = parts.find("purpose");
  if (file == parts.end() || purpose == parts.end()) {
    return invalid_request("a multipart form with the fields file and purpose is needed");
  }
  if (purpose->second != "image" && purpose->second != "video") {
    return invalid_request(fmt::format("Invalid purpose: {}, image and video are accepted",
                                       in_quotes(purpose->second)));
  }
  const std::string_view bytes = file->second;
  if (bytes.empty()) return invalid_request("file size is zero");
  if (bytes.size() > kFileBytesMax) return invalid_request("file size is too large");
  const std::optional<MediaType> type = media_type_of(bytes);
  const bool is_video = purpose->second == "video";
  if (!type || type->is_video != is_video) {
    return invalid_request(fmt::format("the file is no {}", purpose->second));
  }
  const std::string id = fmt::format("file-{:04}", videos_.size() + 1);
  videos_[id] = is_video;
  json::Writer writer(answer);
  writer.begin_object().key("id").string(id).key("object").string("file");
  writer.key("bytes").integer(static_cast<std::int64_t>(bytes.size())).key("created_at").integer(0);
  writer.key("purpose").string(purpose->second).key("status").string("ready").end_object();
  return std::nullopt;
}

std::optional<bool> Files::find(std::string_view id) const {
  const auto found = videos_.find(id);
  return found == videos_.end() ? std::nullopt : std::optional(found->second);
}

std::string medium_problem(std::string_view url, bool is_video, const Files* files) {
  if (!url.starts_with(kUploaded)) return data_problem(url, is_video);
  if (files == nullptr) return "";
  const std::optional<bool> found = files->find(url.substr(kUploaded.size()));
  if (!found) return fmt::format("no file {} was uploaded", in_quotes(url));
  return *found == is_video ? "" : fmt::format("the file {} is of another kind", in_quotes(url));
}

}  // namespace perdure::mock
