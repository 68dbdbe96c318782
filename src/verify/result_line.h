// One line of a result file, in the format of the K2 Vendor Verifier (docs/verify.md): written when
// a request is answered or given up, read when a verification goes on, and read from the results of
// a reference.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <perdure/result.h>

#include "json/reader.h"
#include "verify/host_reply.h"

namespace perdure::verify {

/// What a result says beside the request and the answer itself: what is counted. Kept for each
/// request of a file, so that it is small.
struct Outcome {
  bool is_success = false;
  std::string finish_reason;  ///< Empty when there is none.
  bool calls_valid = false;
  std::string error_type;  ///< Of a failure; empty when it is not known.
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
};

struct StoredResult {
  std::int64_t data_index = 0;  ///< The line of the request in its file, from 1.
  std::string hash;             ///< Of the request; empty in files of other programs.
  std::string extra_body;       ///< As JSON text; empty for none.
  Outcome outcome;
  std::int64_t offset = 0;  ///< Of its line in its file...
  std::size_t bytes = 0;    ///< ...which is so long; both set by who reads or writes the file.
};

/// Errors: kInvalidArgument without a place, when this is no result.
Result<StoredResult> read_result(json::Reader& reader, std::string_view line);

/// What one result is about.
struct ResultHead {
  std::int64_t data_index = 0;
  std::string_view request;  ///< JSON text.
  std::string_view hash;
  std::string_view model;
  std::string_view extra_body;  ///< JSON text, or empty.
  std::int64_t now_ms = 0;      ///< Since 1970.
  std::int64_t duration_ms = 0;
  std::int64_t attempts = 1;
};

/// What was written, and what it counts as.
struct WrittenResult {
  std::string line;  ///< Without a line feed.
  Outcome outcome;
};
WrittenResult answered_line(const ResultHead& head, const HostReply& reply);
WrittenResult failed_line(const ResultHead& head, const Error& error);

}  // namespace perdure::verify
