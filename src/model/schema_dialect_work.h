// What one normalization may still cost, the first mistake that it met, and what it has to tell.
// Schemas come from servers: allOf, anyOf and references can make a small text grow without end, so
// every step is paid for.
//
// A mistake is sticky: after fail() every spend() is refused, each function returns as soon as it
// sees that, and what it returns is no longer looked at.
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <perdure/result.h>

namespace perdure::mfjs {

/// Subschemas made, merged or copied. The largest result that a host takes has some 8,000.
inline constexpr std::size_t kStepsMax = 100'000;
/// Subschemas within each other, references written out: what bounds the stack.
inline constexpr std::size_t kNestingMax = 200;
inline constexpr std::size_t kNotesMax = 64;

class Work {
 public:
  /// Whether to go on.
  bool spend(std::size_t steps);
  void fail(std::string message, std::string pointer, std::string advice = {});
  void fail(Error error);
  /// Fails when there is more of `what` than the host takes.
  bool limit(std::string_view what, std::size_t found, std::size_t most, std::string pointer = {});
  bool failed() const { return error_.has_value(); }
  const Error& error() const { return *error_; }

  /// Repeated notes count once.
  void note(std::string text);
  std::vector<std::string> take_notes();

  /// One level of recursion: stand on the stack while it lasts.
  class Level {
   public:
    explicit Level(Work& work);
    ~Level() { --work_.nesting_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;
    bool ok() const { return !work_.failed(); }

   private:
    Work& work_;
  };

 private:
  std::size_t steps_ = kStepsMax;
  std::size_t nesting_ = 0;
  std::optional<Error> error_;
  std::vector<std::string> notes_;
  std::set<std::string> known_notes_;
};

/// "properties at /items": how notes and mistakes name a place.
std::string place_text(const std::string& keyword, const std::string& pointer);

}  // namespace perdure::mfjs
