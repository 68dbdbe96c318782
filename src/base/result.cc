#include <array>
#include <cstdio>

#include <perdure/result.h>

namespace perdure {
namespace {

struct CodeRow {
  ErrorCode code;
  std::string_view name;
  int exit_status;
};

// Exit statuses: 1 the task failed, 2 usage and configuration, 3 paused, 4 endpoint permanent, 5
// stuck, 74 store (EX_IOERR), 75 endpoint temporary (EX_TEMPFAIL), 130 interrupted. docs/errors.md
// repeats this table; a test compares the two.
constexpr std::array kCodes = {
    CodeRow{ErrorCode::kInvalidArgument, "invalid_argument", 2},
    CodeRow{ErrorCode::kConfig, "config", 2},
    CodeRow{ErrorCode::kUnknownModel, "unknown_model", 2},
    CodeRow{ErrorCode::kUnknownHost, "unknown_host", 2},
    CodeRow{ErrorCode::kMissingKey, "missing_key", 2},
    CodeRow{ErrorCode::kUntrusted, "untrusted", 2},
    CodeRow{ErrorCode::kWorkspace, "workspace", 2},
    CodeRow{ErrorCode::kNotFound, "not_found", 2},
    CodeRow{ErrorCode::kLocked, "locked", 74},
    CodeRow{ErrorCode::kStore, "store", 74},
    CodeRow{ErrorCode::kStoreFull, "store_full", 74},
    CodeRow{ErrorCode::kCorrupt, "corrupt", 74},
    CodeRow{ErrorCode::kNetwork, "network", 75},
    CodeRow{ErrorCode::kNoSuchHost, "no_such_host", 4},
    CodeRow{ErrorCode::kTls, "tls", 4},
    CodeRow{ErrorCode::kTimeout, "timeout", 75},
    CodeRow{ErrorCode::kRateLimited, "rate_limited", 75},
    CodeRow{ErrorCode::kOverloaded, "overloaded", 75},
    CodeRow{ErrorCode::kServer, "server", 75},
    CodeRow{ErrorCode::kStreamCut, "stream_cut", 75},
    CodeRow{ErrorCode::kBadReply, "bad_reply", 75},
    CodeRow{ErrorCode::kCallsMissing, "calls_missing", 75},
    CodeRow{ErrorCode::kQuota, "quota", 4},
    CodeRow{ErrorCode::kKeyRejected, "key_rejected", 4},
    CodeRow{ErrorCode::kModelNotFound, "model_not_found", 4},
    CodeRow{ErrorCode::kBadRequest, "bad_request", 4},
    CodeRow{ErrorCode::kContextFull, "context_full", 3},
    CodeRow{ErrorCode::kContentFiltered, "content_filtered", 1},
    CodeRow{ErrorCode::kUnknownTool, "unknown_tool", 1},
    CodeRow{ErrorCode::kInvalidArguments, "invalid_arguments", 1},
    CodeRow{ErrorCode::kTruncated, "truncated", 1},
    CodeRow{ErrorCode::kPathEscape, "path_escape", 1},
    CodeRow{ErrorCode::kInvalidPath, "invalid_path", 1},
    CodeRow{ErrorCode::kNotRegular, "not_regular", 1},
    CodeRow{ErrorCode::kProtected, "protected", 1},
    CodeRow{ErrorCode::kFileChanged, "file_changed", 1},
    CodeRow{ErrorCode::kTooLarge, "too_large", 1},
    CodeRow{ErrorCode::kToolFailed, "tool_failed", 1},
    CodeRow{ErrorCode::kDenied, "denied", 1},
    CodeRow{ErrorCode::kDeadline, "deadline", 1},
    CodeRow{ErrorCode::kCancelled, "cancelled", 130},
    CodeRow{ErrorCode::kInDoubt, "in_doubt", 1},
    CodeRow{ErrorCode::kUnsupported, "unsupported", 2},
    CodeRow{ErrorCode::kInternal, "internal", 70},
};

constexpr bool rows_follow_the_enum() {
  for (std::size_t i = 0; i < kCodes.size(); ++i) {
    if (static_cast<std::size_t>(kCodes[i].code) != i) return false;
  }
  return kCodes.size() == static_cast<std::size_t>(ErrorCode::kInternal) + 1;
}
static_assert(rows_follow_the_enum(), "one row for each code, in the order of the enum");

const CodeRow& row_of(ErrorCode code) {
  return kCodes[static_cast<std::size_t>(code)];
}

}  // namespace

std::string_view to_string(ErrorCode code) {
  return row_of(code).name;
}

ErrorCode error_code_from(std::string_view name) {
  for (const CodeRow& row : kCodes) {
    if (row.name == name) return row.code;
  }
  return ErrorCode::kInternal;
}

int exit_status(ErrorCode code) {
  return row_of(code).exit_status;
}

std::string to_text(const Error& error) {
  std::string text = error.message;
  if (!error.context.empty()) text += "\n  at: " + error.context;
  if (!error.advice.empty()) text += "\n  do: " + error.advice;
  return text;
}

namespace internal {

void bad_result_access(const Error* error) {
  std::fprintf(stderr, "perdure: a Result was read without looking at ok()%s%s\n",
               error != nullptr ? ": " : "", error != nullptr ? error->message.c_str() : "");
  std::abort();
}

}  // namespace internal
}  // namespace perdure
