// A verification: the requests of a file go to an endpoint, at most so many at the same time, and
// what comes back is judged and kept (docs/verify.md). All requests share one loop on one thread of
// its own. What is in the result file already is not asked again.
//
//   Result<std::unique_ptr<Verification>> verification = Verification::open(options);
//   (*verification)->start([&] { console.finished(); });
//   ... progress(), cancel() ...
//   VerifyReport report = (*verification)->finish();
//
// Any thread may call the members, one at a time but for progress() and cancel().
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <perdure/model.h>
#include <perdure/result.h>

#include "verify/prepared_request.h"
#include "verify/score.h"

namespace perdure::verify {

inline constexpr std::int64_t kConcurrencyMax = 1'000;
inline constexpr std::int64_t kRetriesMax = 100;

struct VerifyOptions {
  std::string requests_file;
  std::string results_file;
  std::string summary_file;
  std::string reference_file;  ///< Empty for none.
  EndpointOptions endpoint;
  Overrides overrides;     ///< Without `model` and `stream_usage`: those are the endpoint's.
  std::string extra_body;  ///< A JSON object's text, or empty.
  std::int64_t concurrency = 5;
  std::int64_t retries = 3;             ///< Of one request, beside the first attempt.
  std::int64_t timeout_ms = 3'600'000;  ///< Of one attempt.
  std::int64_t limit = 0;               ///< The first so many requests; 0 for all.
  bool retry_failed = false;            ///< Ask again what failed before.
};

/// How far it is. Counts concern the requests that the verification is about.
struct VerifyProgress {
  std::int64_t requests = 0;
  std::int64_t stored = 0;     ///< Of these answered before this call.
  std::int64_t succeeded = 0;  ///< In this call and before.
  std::int64_t failed = 0;     ///< In this call and before.
  std::int64_t under_way = 0;
  std::int64_t waiting = 0;  ///< Of those under way: until they may be asked again.
  std::string last_problem;  ///< Why one waits, in the host's words.
};

struct VerifyReport {
  Summary summary;
  std::optional<Error> error;  ///< What ended it before its end.
  bool is_cancelled = false;
};

class Verification {
 public:
  /// Reads and checks everything; sends nothing. Errors: kInvalidArgument with file and line for
  /// what cannot be a request, a result or a reference, and for results of other requests; those
  /// of a run's endpoint (kUnknownModel, kUnknownHost, kMissingKey, kConfig); kLocked, kStore.
  static Result<std::unique_ptr<Verification>> open(VerifyOptions options);
  ~Verification();
  Verification(const Verification&) = delete;
  Verification& operator=(const Verification&) = delete;

  EndpointInfo endpoint() const;
  /// The last line of the result file had been cut, and was taken away.
  bool was_repaired() const;

  /// `finished` is called once, from the loop's thread.
  void start(std::function<void()> finished);
  /// Drops what is under way; it is asked again by the next call.
  void cancel();
  VerifyProgress progress() const;
  /// After `finished`: puts the results in order and writes the summary.
  VerifyReport finish();

 private:
  struct Impl;

 public:
  /// For open(): nobody else can make an Impl.
  explicit Verification(std::unique_ptr<Impl> impl);

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace perdure::verify
