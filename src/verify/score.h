// What the results of a verification say together: how replies ended, whether their calls fit the
// schemas (schema accuracy), and whether the host calls tools where a reference does (tool-call
// F1), as the K2 Vendor Verifier defines both. Plain values and arithmetic.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "verify/result_line.h"

namespace perdure::verify {

/// Whether the reference called tools, by data_index; only of requests that it answered.
using Reference = std::map<std::int64_t, bool>;

/// Calls of the host beside those of the reference. Requests that one of the two did not answer are
/// not compared.
struct TriggerScore {
  std::int64_t true_positives = 0;   ///< Both call tools.
  std::int64_t false_positives = 0;  ///< Only the host does.
  std::int64_t false_negatives = 0;  ///< Only the reference does.
  std::int64_t true_negatives = 0;   ///< Neither does.

  std::int64_t compared() const {
    return true_positives + false_positives + false_negatives + true_negatives;
  }
  /// TP / (TP + FP), TP / (TP + FN), and their harmonic mean, 2 TP / (2 TP + FP + FN). Nothing
  /// where that would be zero by zero.
  std::optional<double> precision() const;
  std::optional<double> recall() const;
  std::optional<double> f1() const;
};

struct Summary {
  std::string model;
  std::string base_url;
  std::int64_t requests = 0;  ///< That the verification is about.
  std::int64_t succeeded = 0;
  std::int64_t failed = 0;
  std::map<std::string, std::int64_t> finish_reasons;
  std::map<std::string, std::int64_t> errors;  ///< Failures by kind.
  std::int64_t valid_calls = 0;                ///< Replies that call tools, all calls good.
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
  std::optional<TriggerScore> trigger;  ///< With a reference.
  std::int64_t started_ms = 0;          ///< Since 1970.
  std::int64_t finished_ms = 0;

  void count(std::int64_t data_index, const Outcome& outcome, const Reference* reference);

  std::int64_t finished_with(const std::string& reason) const;
  std::int64_t pending() const { return requests - succeeded - failed; }
  /// Of the replies that call tools, those whose calls are all good; nothing without any.
  std::optional<double> schema_accuracy() const;
};

/// The summary file's text: the format's own members, then those that are added to it.
std::string summary_json(const Summary& summary);

}  // namespace perdure::verify
