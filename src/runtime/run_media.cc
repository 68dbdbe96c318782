// The part of the driver that gets images and videos to a host: uploads where it takes them so, and
// a word to the person where it does not take them at all.
#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "model/errors.h"
#include "model/file_upload.h"
#include "model/media.h"
#include "runtime/run_driver.h"

namespace perdure {
namespace {

constexpr std::string_view kUserParts = R"({"role":"user","content":[)";

// The host does not want this very file, whatever is asked about it.
bool refuses_file(int status, const Error& error) {
  return is_structural(status, error) || error.code == ErrorCode::kTooLarge;
}

}  // namespace

void RunDriver::tell_omitted_media() {
  if (state_.media_tokens == 0) return;
  const Endpoint& asked = endpoint();
  const HistoryDialect dialect = asked.history_dialect(setup_.requests[state_.endpoint].thinking());
  const std::set<std::string> refused = refused_media(state_);
  std::vector<std::string> labels;
  for (std::size_t i = 0; i < state_.transcript.size(); ++i) {
    const std::string_view message = state_.transcript.fragment(i);
    if (!message.starts_with(kUserParts)) continue;
    for (std::string& label : left_out_media(message, dialect, refused))
      labels.push_back(std::move(label));
  }
  if (labels.empty()) return;
  std::string summary =
      fmt::format("{} at {}: {}", asked.model_name(), asked.host.name, join(labels, "; "));
  if (state_.media_omitted.count(summary) == 0) record(MediaOmitted{.summary = summary});
}

// Begins the next upload that this request needs. The request goes on when the record of it is
// durable, so that a file is uploaded once.
bool RunDriver::upload_media(std::int64_t attempt) {
  const Endpoint& asked = endpoint();
  if (setup_.media->empty() || asked.host.media.files_path.empty()) return false;
  const Transcript& messages = *setup_.histories.at_endpoint_in_use(state_).messages;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const std::string_view message = messages.fragment(i);
    if (!message.starts_with(kUserParts)) continue;
    for (const MediaReference& reference : media_references(message)) {
      const std::string blob(reference.blob);
      const bool is_there = state_.media_uploads.count({asked.base_url, blob}) > 0;
      if (is_there || !setup_.media->goes_by_upload(asked.host, blob)) continue;
      exchange_ = upload_file(
          engine_.http(), asked,
          {.blob = blob, .bytes = *setup_.media->bytes(blob), .owner = setup_.media}, timeouts(),
          [this, blob, attempt](const Result<std::string>& url, int status) {
            const bool refused = !url.ok() && refuses_file(status, url.error());
            if (!url.ok() && !refused) return request_failed({.error = url.error()});
            file_uploaded(blob, url, attempt);
          });
      return true;
    }
  }
  return false;
}

void RunDriver::file_uploaded(const std::string& blob, const Result<std::string>& url,
                              std::int64_t attempt) {
  exchange_.reset();
  MediaUploaded uploaded{.blob = blob, .base_url = endpoint().base_url};
  if (url.ok()) {
    uploaded.url = *url;
    setup_.media->set_upload(uploaded.base_url, blob, *url);
  } else {
    uploaded.problem = url.error().message;
    setup_.histories.start_over();  // the message has a note instead from here on
    history_check_ = {};
  }
  record(std::move(uploaded));
  if (!url.ok()) tell_omitted_media();
  actions_.push_back([this, attempt] { send_request(attempt); });
  flush();
}

}  // namespace perdure
