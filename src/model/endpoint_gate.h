// Whether a request may go to an endpoint now: the limits of a key, which all its runs share (fault
// N04), and the circuit breaker of an endpoint that fails (fault N06). One gate for each endpoint
// and key. Pure: the time and random numbers are arguments, and nothing here waits.
//
// Every request takes a ticket. It stands in line in the order of coming, is admitted, is knocking
// until the first piece of a reply comes, and ends. While nothing is known of limits, every request
// is admitted at once. A refusal closes the gate for all, for as long as the host asks or as the
// backoff of a lone run would be; then one request goes as a probe, and each one that is answered
// lets more of them knock at the same time. What a run waits after a failure of its own, and what
// the gate is closed for, is one wait.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string_view>
#include <unordered_map>

#include <perdure/model.h>
#include <perdure/result.h>

#include "net/rate_limits.h"

namespace perdure {

/// Failures in a row, over all runs, after which the circuit of an endpoint opens.
inline constexpr std::int64_t kBreakerFailures = 5;
/// How long a limit that a host named is held without being named again.
inline constexpr std::int64_t kLearnedFor_ms = 10 * 60 * 1000;
/// How long headers alone ("0 remaining") hold a request back; beyond, the host is asked.
inline constexpr std::int64_t kHeaderHoldMax_ms = 60 * 1000;
/// Without a refusal for so long, requests are no longer let out step by step.
inline constexpr std::int64_t kCalm_ms = 2 * 60 * 1000;

class EndpointGate {
 public:
  using Ticket = std::uint64_t;

  struct Demand {
    std::int64_t input_tokens = 0;
    std::int64_t tokens = 0;  ///< With the longest reply that is asked for: what hosts reserve.
    EndpointLimits limits;    ///< As configured.
    /// Somebody wants to know now: it may be the probe of a gate that is closed. Once, until the
    /// host has answered.
    bool insists = false;
  };

  enum class Why : std::uint8_t { kLimit, kFailing };

  struct Wait {
    Why why = Why::kLimit;
    std::size_t before = 0;    ///< Requests before it in line.
    std::int64_t wait_ms = 0;  ///< Until the first in line may go; -1: until another one ends.
  };

  /// At the end of the line.
  Ticket join(const Demand& demand);
  /// The next request that goes out now, if any may; it is under way from here on.
  std::optional<Ticket> admit(std::int64_t now_ms);
  /// The first piece of a reply came: the host has taken the request.
  void begun(Ticket ticket, std::int64_t now_ms);
  /// The request failed: how long its run waits before the next attempt (net/retry.h), which is
  /// never less than the gate is closed.
  std::int64_t failed(Ticket ticket, const Error& error, std::int64_t attempt, std::uint64_t random,
                      std::int64_t now_ms);
  /// The request ended well, or nobody wants it any more, in line or under way. A ticket that is
  /// gone is no mistake.
  void leave(Ticket ticket);
  /// What the headers of an answer say.
  void learn(const RateLimits& limits, std::int64_t now_ms);

  /// How long until admit() may find another one; nothing when nobody waits for time to pass.
  std::optional<std::int64_t> next_ms(std::int64_t now_ms) const;
  /// For a request in line.
  Wait wait_of(Ticket ticket, std::int64_t now_ms) const;

  /// The circuit is open: no request was answered since it failed.
  bool failing() const { return why_ == Why::kFailing; }
  std::size_t waiting() const { return line_.size(); }
  const std::map<Ticket, Demand>& line() const { return line_; }

 private:
  struct UnderWay {
    std::uint64_t epoch = 0;  // admitted since the gate was closed so many times
    bool begun = false;
  };
  struct Admission {
    std::int64_t at_ms = 0;
    std::int64_t tokens = 0;
  };
  // A limit that the host named, forgotten in time.
  struct Learned {
    std::int64_t value = 0;
    std::int64_t until_ms = 0;
  };
  // What headers say is left, for a while.
  struct Allowance {
    std::int64_t left = 0;
    std::int64_t until_ms = 0;
    std::int64_t length_ms = 0;
    std::optional<std::int64_t> limit;
  };

  std::int64_t opens_at(const Demand& demand, std::int64_t now_ms) const;
  std::int64_t minute_opens_at(std::optional<std::int64_t> requests,
                               std::optional<std::int64_t> tokens, std::int64_t need,
                               std::int64_t now_ms) const;
  void count(const Demand& demand, std::int64_t now_ms);
  void close(std::int64_t until_ms, Why why, std::int64_t now_ms);
  void recover(std::int64_t now_ms);
  void learn_from(std::string_view message, std::int64_t now_ms);
  std::optional<UnderWay> take(Ticket ticket);
  static std::optional<std::int64_t> smaller(std::optional<std::int64_t> configured,
                                             const Learned& learned, std::int64_t now_ms);
  static void renew(Allowance& allowance, std::int64_t now_ms);
  static void allow(Allowance& allowance, const RateLimit& limit, std::int64_t now_ms);

  Ticket last_ticket_ = 0;
  std::map<Ticket, Demand> line_;
  std::unordered_map<Ticket, UnderWay> under_way_;
  std::int64_t knocking_ = 0;  // under way in this epoch, and not begun

  std::uint64_t epoch_ = 0;
  std::int64_t closed_until_ms_ = 0;
  bool has_insisted_ = false;  // a request has gone although the gate was closed
  Why why_ = Why::kLimit;
  std::int64_t setbacks_ = 0;    // in a row, of requests of their epoch
  double window_ = 0;            // how many may knock at the same time; 0: any number
  double threshold_ = 0;         // above, the window grows slowly
  std::int64_t refused_ms_ = 0;  // when the gate was closed last

  Learned at_once_;
  Learned requests_per_minute_;
  Learned tokens_per_minute_;
  bool counts_minutes_ = false;   // somebody has a limit by the minute
  std::deque<Admission> minute_;  // of the last minute, the oldest first
  Allowance requests_;
  Allowance tokens_;
};

}  // namespace perdure
