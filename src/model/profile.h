// Model and host profiles, read from TOML (docs/profiles.md says what each key means). Plain
// values.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <perdure/model.h>
#include <perdure/result.h>

#include "core/event.h"
#include "model/history.h"
#include "model/schema_dialect.h"

namespace perdure {

/// JSON members that switch a mode of thinking on, as text without the braces:
/// "\"thinking\":{...}". Absent: the mode is not offered. Empty: nothing needs to be sent.
struct ThinkingFields {
  std::optional<std::string> off;
  std::optional<std::string> on;
  std::optional<std::string> keep;

  /// Nullopt where there is no such mode. A model that always keeps its thinking has it on.
  const std::optional<std::string>& of(Thinking mode) const;
};

/// When a model accepts tool_choice "required" or a named tool.
enum class ForcedChoice : std::uint8_t { kNever, kThinkingOff, kRequiredOnly, kAlways };

struct ModelProfile {
  std::string id;
  std::string name;
  std::string default_host;
  std::int64_t window_tokens = 0;
  std::int64_t output_tokens_max = 0;  ///< Of the model; 0 when only the window limits.
  std::vector<std::string> modalities;
  bool sampling_pinned = false;  ///< Its own API refuses sampling parameters.
  ForcedChoice forced_choice = ForcedChoice::kAlways;
  Thinking default_thinking = Thinking::kOn;
  ThinkingFields thinking;             ///< As the vendor's own API takes it.
  CallIds call_ids = CallIds::kPlain;  ///< Of a history that other hosts wrote.
  std::optional<Price> price;
};

/// The API that a host speaks: chat completions, or Anthropic's messages.
enum class Dialect : std::uint8_t { kChat, kAnthropic };

/// "Authorization: Bearer KEY", or "x-api-key: KEY".
enum class KeyHeader : std::uint8_t { kBearer, kXApiKey };

/// How a host takes images and videos.
struct HostMedia {
  /// "image", "video": what it takes of what the model sees; absent for all of it.
  std::optional<std::vector<std::string>> takes;
  bool urls = false;       ///< Fetches http and https addresses itself.
  std::string files_path;  ///< Where files are uploaded, behind the base URL; empty: nowhere.
  std::int64_t upload_above_bytes = 1'000'000;  ///< Of an image; videos are always uploaded.
  std::int64_t bytes_max = 20'000'000;          ///< Of a file within a request.

  bool operator==(const HostMedia&) const = default;
};

/// What `perdure probe` saw in the replies of a host. Runs say when it is so no longer.
struct ProbedFacts {
  std::string date;       ///< "2026-11-30".
  std::string model;      ///< The host's name for the model that was asked.
  std::string call_ids;   ///< As ReplyShape has it; empty for what was not seen.
  std::string reasoning;  ///< The same.
  std::string usage;      ///< The same, or "none".
};

struct HostProfile {
  std::string id;
  std::string name;
  std::string base_url;
  Dialect dialect = Dialect::kChat;
  std::string path = "/chat/completions";  ///< Of requests, behind the base URL.
  std::string models_path = "/models";     ///< Of the list of models, behind the base URL.
  KeyHeader key_header = KeyHeader::kBearer;
  std::vector<std::pair<std::string, std::string>> headers;  ///< Sent beside the usual ones.
  std::vector<std::string> key_variables;
  bool needs_key = false;
  std::string key_advice;  ///< What to say when the key is missing or refused.
  std::string sibling;
  bool native =
      false;  ///< Speaks the model vendor's own API: thinking and sampling as the model says.
  bool any_model = false;  ///< Serves names that no profile knows.
  bool stream = true;
  std::string max_tokens_field = "max_tokens";
  std::int64_t output_tokens_max = 0;  ///< That the host accepts; 0 for no limit of its own.
  bool stream_usage = true;            ///< Understands stream_options.include_usage.
  bool prompt_cache_key = false;
  bool parallel_tool_calls = false;  ///< Must be told that a reply may have several calls.
  EmptyContent empty_content = EmptyContent::kOmit;
  std::optional<CallIds> call_ids;  ///< Instead of the model's.
  bool reasoning_required =
      false;  ///< With thinking on, refuses calls in the history without reasoning.
  /// Names under which reasoning goes back, the first that came wins; empty: under the name under
  /// which it came.
  std::vector<std::string> reasoning_echo;
  bool unsigned_thinking = true;  ///< Anthropic: takes thinking back that it did not sign.
  bool cache_control = false;     ///< Anthropic: must be told what to cache.
  SchemaDialect tool_schema = SchemaDialect::kPlain;
  std::optional<ForcedChoice> forced_choice;  ///< Instead of the model's.
  std::optional<bool> sampling_pinned;  ///< Refuses sampling parameters; instead of the model's.
  std::map<std::string, std::string> models;  ///< Model profile id to the host's name for it.
  ThinkingFields thinking;                    ///< For hosts that are not native.
  std::map<std::string, Price> prices;        ///< Where they differ from the model's.
  bool free = false;                          ///< Costs nothing (self-hosted).
  bool partial = false;  ///< Goes on with a reply whose message says "partial": true.
  HostMedia media;
  /// Functions that the host runs itself ("$web_search"), with what a reply that calls one costs in
  /// USD.
  std::map<std::string, double> host_functions;
  std::string formulas_path;  ///< Where its Formula tools are, behind the base URL; empty: nowhere.
  std::optional<ProbedFacts> probed;
};

Result<ModelProfile> parse_model_profile(std::string_view toml, const std::string& file);
Result<HostProfile> parse_host_profile(std::string_view toml, const std::string& file);

/// The profile as a file. `comments` are by key ("stream_usage", "thinking"), one line each, which
/// stands behind the value; a key with a comment is written even when it has the value that it has
/// anyway.
std::string host_profile_text(const HostProfile& profile,
                              const std::map<std::string, std::string>& comments);

}  // namespace perdure
