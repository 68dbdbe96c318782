// A value or an error. Every function of Perdure that can fail returns one of these; no exception
// crosses the public API or a thread.
//
//   Result<Json> health = read_health("checkout");
//   if (!health.ok()) std::fputs(to_text(health.error()).c_str(), stderr);
//
// An error says what happened (`message`), where (`context`: a file with line and column, a path, a
// URL), and what to do about it (`advice`). Its code comes from one closed list; docs/errors.md
// shows the list with the exit status that the program gives each. Plain values: copy them, send
// them between threads.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <perdure/export.h>

namespace perdure {

/// What went wrong. One closed list for the library, the journal and the program (docs/errors.md).
enum class ErrorCode : std::uint8_t {
  kInvalidArgument,   ///< A caller's value is out of range, empty or contradictory.
  kConfig,            ///< A configuration, agent or profile file has a mistake.
  kUnknownModel,      ///< No model profile has this name.
  kUnknownHost,       ///< No host profile has this name.
  kMissingKey,        ///< The host needs an API key and none was found.
  kUntrusted,         ///< A file of a folder that the user has not trusted asks for more rights.
  kWorkspace,         ///< The workspace is missing, not a directory, or not writable.
  kNotFound,          ///< A run, file, tool or output does not exist.
  kLocked,            ///< Another process is writing this run.
  kStore,             ///< The journal or a blob cannot be read or written.
  kStoreFull,         ///< The disk that holds the journal is full.
  kCorrupt,           ///< Stored data is damaged; nothing was guessed.
  kNetwork,           ///< Name resolution, connection or transfer failed.
  kNoSuchHost,        ///< Name servers say that the host does not exist.
  kTls,               ///< The server's certificate or protocol cannot be trusted.
  kTimeout,           ///< A deadline of the transport passed.
  kRateLimited,       ///< The host asks to slow down (HTTP 429).
  kOverloaded,        ///< The host has no capacity now (HTTP 503, 529, or an overload 429).
  kServer,            ///< The host failed (other HTTP 5xx).
  kStreamCut,         ///< The reply ended before it was complete.
  kBadReply,          ///< The reply does not follow the protocol.
  kCallsMissing,      ///< The reply says that it calls tools, and holds no call.
  kQuota,             ///< Balance or quota is used up; waiting does not help.
  kKeyRejected,       ///< The host refuses the key (HTTP 401, 403).
  kModelNotFound,     ///< The host does not serve this model (HTTP 404).
  kBadRequest,        ///< The host refuses the request (HTTP 400, 422).
  kContextFull,       ///< The conversation no longer fits the model's window.
  kContentFiltered,   ///< The host's filter refused the prompt or the answer.
  kUnknownTool,       ///< The model called a tool that does not exist.
  kInvalidArguments,  ///< The arguments of a call do not parse or do not fit the schema.
  kTruncated,         ///< The call was cut by the output limit and never ran.
  kPathEscape,        ///< A path leads out of the workspace.
  kInvalidPath,       ///< A path is empty, too long, or has a NUL byte.
  kNotRegular,        ///< A path names something that is not a regular file.
  kProtected,         ///< A path is protected from tools (for example below .git).
  kFileChanged,       ///< The file is not what the run last read.
  kTooLarge,          ///< A size limit was passed.
  kToolFailed,        ///< The tool itself reports failure.
  kDenied,            ///< Policy or the user refused the call.
  kDeadline,          ///< The call ran out of its time.
  kCancelled,         ///< The run was stopped while this was under way.
  kInDoubt,           ///< It is not known whether the effect happened.
  kUnsupported,       ///< The kernel, host or model cannot do this.
  kInternal,          ///< A mistake in Perdure.
};

/// Whether the same attempt may succeed later.
enum class Retry : std::uint8_t {
  kNo,     ///< Not without a change.
  kLater,  ///< Yes; after `retry_after_ms` when that is known.
};

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;       ///< What happened: one sentence without a full stop.
  std::string context = {};  ///< Where: "agent.toml:12:3", a path, a URL. May be empty.
  std::string advice = {};   ///< What to do now. May be empty.
  Retry retry = Retry::kNo;  ///< Whether waiting may help.
  std::int64_t retry_after_ms =
      -1;  ///< How long the other side asked to wait; -1 when it did not say.
};

/// "kPathEscape" is named "path_escape": the spelling of the journal, of results and of
/// docs/errors.md.
PERDURE_EXPORT std::string_view to_string(ErrorCode code);
/// The inverse of to_string; kInternal for a name that is not in the list.
PERDURE_EXPORT ErrorCode error_code_from(std::string_view name);
/// The exit status that `perdure` gives for this error (docs/errors.md).
PERDURE_EXPORT int exit_status(ErrorCode code);
/// One to three lines for a person: what, where, what to do.
PERDURE_EXPORT std::string to_text(const Error& error);

namespace internal {
/// Ends the program: a Result was read as something that it is not.
[[noreturn]] PERDURE_EXPORT void bad_result_access(const Error* error);
}  // namespace internal

/// A T or an Error. Reading the one that is not there ends the program, as a failed CHECK does.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: conversion
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: conversion

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & { return *checked(); }
  const T& value() const& { return *const_cast<Result*>(this)->checked(); }
  /// A value, not a reference: `for (auto& x : read().value())` must not outlive what it reads.
  T value() && { return std::move(*checked()); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T operator*() && { return std::move(*checked()); }
  T* operator->() { return checked(); }
  const T* operator->() const { return const_cast<Result*>(this)->checked(); }

  const Error& error() const {
    if (ok()) internal::bad_result_access(nullptr);
    return *std::get_if<1>(&state_);
  }

 private:
  T* checked() {
    if (!ok()) internal::bad_result_access(std::get_if<1>(&state_));
    return std::get_if<0>(&state_);
  }

  std::variant<T, Error> state_;
};

/// Success without a value, or an Error.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), ok_(false) {}  // NOLINT: conversion

  bool ok() const { return ok_; }
  explicit operator bool() const { return ok_; }
  const Error& error() const {
    if (ok_) internal::bad_result_access(nullptr);
    return error_;
  }

 private:
  Error error_;
  bool ok_ = true;
};

using Status = Result<void>;

}  // namespace perdure
