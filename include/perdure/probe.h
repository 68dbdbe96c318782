// Finds out how a host speaks: 27 small questions, each a request or a few, whose answers
// become a host profile (docs/profiles.md). `perdure probe` is this with a table around it. Nothing
// is written to a file here.
//
//   perdure::Result<perdure::ProbeReport> report =
//       perdure::probe_host(runtime, {.endpoint = "http://gpu-box:8000/v1"}, {});
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <perdure/budget.h>
#include <perdure/export.h>
#include <perdure/model.h>
#include <perdure/result.h>
#include <perdure/runtime.h>

namespace perdure {

struct ProbeOptions {
  std::string endpoint;           ///< A host profile's id, or a base URL.
  std::string model = {};         ///< Empty: the only one that the host lists.
  std::string host = {};          ///< With a base URL: the host profile to begin with.
  std::string key_variable = {};  ///< Holds the key, instead of the profile's own variables.
  std::string profile_id = {};    ///< Of the profile to be written; empty: of the host, or made
                                  ///< from the address.
  Budget budget = {};             ///< `usd`, `output_tokens` and `input_tokens` are kept.
};

struct ProbeFinding {
  std::string question;  ///< "forced_choice"
  std::string asks;      ///< What it is about.
  HostVerdict verdict = HostVerdict::kGood;
  std::string seen;                    ///< One line for people.
  std::vector<std::string> keys = {};  ///< Of the profile, that this decided.
  std::int64_t requests = 0;           ///< That were sent for it, repetitions included.
};

/// What is going to happen.
struct ProbePlan {
  std::string model;  ///< As the host names it.
  std::string host;   ///< The profile that it begins with.
  std::string base_url;
  std::string key_source;  ///< Empty without a key.
  std::string profile_id;  ///< Of the profile that will be the result.
  std::int64_t questions = 0;
  std::int64_t requests_max = 0;  ///< Without repetitions.
  std::int64_t likely_output_tokens = 0;
  std::optional<double> likely_usd;  ///< Absent for a model without a price.
};

struct ProbeReport {
  ProbePlan plan;
  std::vector<ProbeFinding> findings;
  std::int64_t requests = 0;
  Usage usage;
  std::string profile;   ///< The file's text.
  bool stopped = false;  ///< What was not asked by then left its lines as they were.
};

/// Called from the thread that probes. All may be empty.
struct ProbeObserver {
  /// Before the first question; an error ends the probe with it.
  std::function<Status(const ProbePlan&)> plan = {};
  std::function<void(const std::string& question, const std::string& asks)> begins = {};
  std::function<void(const std::string& why)> waits = {};  ///< Before it asks again.
  std::function<void(const ProbeFinding&)> found = {};
  /// Asked ten times a second: whether the probe is to end with what it has found.
  std::function<bool()> stopped = {};
};

/// Asks, and waits for the answers: minutes at a slow host. Errors: those with which a run would
/// not start, those of the first question when the host does not answer it, kInvalidArgument for a
/// cap on money without a price, kCancelled when it was stopped before the first answer.
PERDURE_EXPORT Result<ProbeReport> probe_host(Runtime& runtime, const ProbeOptions& options,
                                              const ProbeObserver& observer);

}  // namespace perdure
