#include "model/file_upload.h"

#include <array>
#include <utility>

#include "base/check.h"
#include "base/media_type.h"
#include "json/reader.h"
#include "model/errors.h"
#include "model/model_client.h"
#include "os/clock.h"

namespace perdure {
namespace {

constexpr std::size_t kAnswerBytesMax = 64 * 1024;
constexpr std::size_t kNameDigits = 16;

// Hosts look at the ending of the name.
std::string_view file_ending(std::string_view type) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kEndings = {{
      {"image/jpeg", "jpg"},
      {"video/quicktime", "mov"},
      {"video/x-msvideo", "avi"},
      {"video/x-flv", "flv"},
      {"video/x-ms-wmv", "wmv"},
      {"video/3gpp", "3gp"},
  }};
  for (const auto& [name, ending] : kEndings) {
    if (name == type) return ending;
  }
  return type.substr(type.find('/') + 1);
}

class FileUpload : public HttpExchange {
 public:
  FileUpload(const Endpoint& endpoint, UploadDone done)
      : endpoint_(endpoint), done_(std::move(done)) {}

  void start(HttpClient& http, const UploadedFile& file, const HttpTimeouts& timeouts) {
    const std::optional<MediaType> type = media_type_of(file.bytes);
    CHECK(type.has_value(), "only images and videos are uploaded");
    const std::string boundary = "perdure-" + file.blob;
    const std::string name =
        file.blob.substr(0, kNameDigits) + "." + std::string(file_ending(type->name));
    std::string head = "--" + boundary +
                       "\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\n" +
                       (type->is_video ? "video" : "image") + "\r\n--" + boundary +
                       "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + name +
                       "\"\r\nContent-Type: " + std::string(type->name) + "\r\n\r\n";
    HttpRequest request{.url = endpoint_.base_url + endpoint_.host.media.files_path,
                        .headers = endpoint_headers(endpoint_),
                        .body = {.head = std::make_shared<const std::string>(std::move(head)),
                                 .middle_owner = file.owner,
                                 .middle = {file.bytes},
                                 .middle_bytes = file.bytes.size(),
                                 .tail = "\r\n--" + boundary + "--\r\n"},
                        .timeouts = timeouts};
    request.headers[0] = "Content-Type: multipart/form-data; boundary=" + boundary;
    http_ =
        http.start(std::move(request), {.head = [this](const HttpHead& answer) { head_ = answer; },
                                        .body =
                                            [this](std::string_view bytes) {
                                              answer_ += bytes;
                                              return answer_.size() <= kAnswerBytesMax;
                                            },
                                        .done = [this](const Status& status) { end(status); }});
  }

 private:
  void end(const Status& status) {
    http_.reset();
    const UploadDone done = std::move(done_);
    const int http_status = head_.status;
    done(status.ok() ? read_answer() : Result<std::string>(status.error()), http_status);
  }

  Result<std::string> read_answer() const {
    json::Reader reader;
    if (head_.status < 200 || head_.status > 299) {
      Error error = classify_http_error(reader, head_, answer_, wall_time_ms());
      error.message = without_secret(error.message, endpoint_.key.reveal());
      return error;
    }
    const Result<json::Value> answer = reader.parse(answer_);
    const std::string id(answer.ok() ? answer->get("id").string_or("") : "");
    if (!id.empty()) return "ms://" + id;
    return Error{.code = ErrorCode::kBadReply,
                 .message = "the host took a file and gave it no id",
                 .retry = Retry::kLater};
  }

  const Endpoint& endpoint_;
  UploadDone done_;
  std::unique_ptr<HttpExchange> http_;
  HttpHead head_;
  std::string answer_;
};

}  // namespace

std::unique_ptr<HttpExchange> upload_file(HttpClient& http, const Endpoint& endpoint,
                                          const UploadedFile& file, const HttpTimeouts& timeouts,
                                          UploadDone done) {
  auto upload = std::make_unique<FileUpload>(endpoint, std::move(done));
  upload->start(http, file, timeouts);
  return upload;
}

}  // namespace perdure
