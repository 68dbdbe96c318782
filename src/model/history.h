// The history as another endpoint takes it. The transcript keeps each message as the host that sent
// it takes it back; a run that goes on at another one re-projects the messages of others: ids of
// calls and of their results are rewritten together, reasoning goes under the name that the host
// knows, what only its sender understands is left out. Every other byte stays what it was, and the
// messages that the host itself sent stay whole.
//
// A message depends on those before it alone, so that a history that grows has the same bytes at
// its beginning each time, and only what is new costs work.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/transcript.h"

namespace perdure {

struct Run;

/// The member of an assistant message that says of which blocks it came, in their order:
/// {"type":"thinking","bytes":N,"signature":S}, {"type":"text","bytes":N}, {"type":"tool_use"} take
/// the next N bytes of the reasoning, of the content, and the next call; every other block stands
/// there as it came. With the signatures of thinking: for the host that made it alone.
inline constexpr std::string_view kBlocksMember = "anthropic_blocks";

/// What stands for an empty content beside calls.
enum class EmptyContent : std::uint8_t { kOmit, kNull, kKeep };

/// Which ids a host takes for calls that it did not send.
enum class CallIds : std::uint8_t {
  kAny,       ///< Whatever is unique.
  kNumbered,  ///< "functions.NAME:N", N counting the calls of the whole conversation from 0: what
              ///< Kimi models are trained on, and a host that renders the history as it comes
              ///< needs.
  kPlain,     ///< At most 64 letters, digits, "_" and "-".
};

/// What an endpoint takes of a history that others wrote.
struct HistoryDialect {
  CallIds call_ids = CallIds::kAny;
  EmptyContent empty_content = EmptyContent::kOmit;
  bool takes_reasoning = true;      ///< Else it is left out.
  std::string reasoning_member;     ///< Its name there; empty: the name under which it came.
  bool reasoning_required = false;  ///< Beside calls; one space where there is none.
  bool sees_images = true;          ///< Else they are left out, with a note.
  bool sees_videos = true;
  bool takes_urls = true;  ///< Fetches images and videos by their http addresses.
};

/// One history for one endpoint. Message after message, in the order of the transcript.
class ProjectedHistory {
 public:
  explicit ProjectedHistory(HistoryDialect dialect) : dialect_(std::move(dialect)) {}

  /// `own`: this endpoint sent it, or nobody did; `is_failure`: Transcript::is_failure().
  void add(std::string_view fragment, bool own, bool is_failure = false);
  /// Stored files that the host refuses, for messages that are added from here on.
  void refuse(std::set<std::string> blobs) { refused_ = std::move(blobs); }

  const Transcript& messages() const { return messages_; }
  /// The ids of all calls, as this endpoint knows them.
  const std::set<std::string>& call_ids() const { return call_ids_; }

 private:
  std::string project(std::string_view fragment, bool own);
  std::string project_calls(std::string_view calls, bool own);
  std::string new_id(std::string_view literal, std::string_view name);

  HistoryDialect dialect_;
  Transcript messages_;
  std::set<std::string> refused_;
  std::set<std::string> call_ids_;
  std::size_t calls_ = 0;
  // Of the last assistant message, for its results: the literal as it came, and as it is here.
  std::map<std::string, std::string, std::less<>> renamed_;
};

/// The histories of a run at its endpoints.
class Histories {
 public:
  struct View {
    const Transcript* messages = nullptr;
    /// Beside those of the run; null where they are the same.
    const std::set<std::string>* call_ids = nullptr;
  };

  Histories() = default;
  /// By the number of the endpoint (Run::endpoints).
  explicit Histories(std::vector<HistoryDialect> dialects) : dialects_(std::move(dialects)) {}

  /// As the endpoint in use takes it, valid until the next call. The transcript itself where that
  /// endpoint sent all of it.
  View at_endpoint_in_use(const Run& run);
  /// A message of the run is another one now.
  void start_over() { histories_.clear(); }

 private:
  std::vector<HistoryDialect> dialects_;
  std::map<std::size_t, ProjectedHistory> histories_;
};

}  // namespace perdure
