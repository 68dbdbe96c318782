// Models and hosts as data. A model profile says what a model allows and costs; a host profile says
// where requests go and how that host's dialect differs. Both are TOML files, compiled in and
// overridable by the user's files (docs/profiles.md); this header is what programs see of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <perdure/export.h>

namespace perdure {

/// What the model does with reasoning. What a model cannot do is refused before anything is sent.
enum class Thinking : std::uint8_t {
  kDefault,  ///< As the model profile says.
  kOff,
  kOn,    ///< Reasons; hosts may drop earlier reasoning from the prompt.
  kKeep,  ///< Reasons, and earlier reasoning stays in the prompt.
};

PERDURE_EXPORT std::string_view to_string(Thinking thinking);

/// "auto", "none", "required", or the name of one tool. Required and named hold for the first
/// request of a turn, and are auto after it: a run that must call a tool in each step would never
/// end. Where model and host do not take such a choice (many do not while the model thinks), the
/// model is told in words, and told again when the call does not come.
struct ToolChoice {
  std::string mode = "auto";

  bool is_forced() const { return mode != "auto" && mode != "none"; }
};

/// Which model, where. Empty fields take the profile's defaults.
struct EndpointOptions {
  std::string
      model;         ///< A model profile's id, or any name for hosts that serve names of their own.
  std::string host;  ///< A host profile's id.
  std::string
      base_url;  ///< Overrides the host's; without `host`, the generic dialect is spoken there.
  std::string key_file;  ///< Read for the key instead of the environment.
};

/// What all runs of a process that use one endpoint and key may ask of it together. Absent ones do
/// not limit; what a host tells of its limits is held in any case.
struct EndpointLimits {
  std::optional<std::int64_t> requests_at_once = {};
  std::optional<std::int64_t> requests_per_minute = {};
  /// Counted as hosts count them: the prompt and the longest reply that is asked for.
  std::optional<std::int64_t> tokens_per_minute = {};
};

/// Where the requests of an agent go, without the key itself.
struct EndpointInfo {
  std::string model;  ///< As the host names it.
  std::string host;   ///< The host profile's id.
  std::string base_url;
  std::string key_source;  ///< "environment MOONSHOT_API_KEY", "file ..."; empty without a key.
};

/// What an answer to a question of `perdure probe` means.
enum class HostVerdict : std::uint8_t {
  kGood,        ///< As runs like it.
  kNote,        ///< Something is missing or odd; runs live with it.
  kUnanswered,  ///< The host failed, or the model did not do what it was asked.
  kNotAsked,    ///< It does not apply here, or the budget is used up.
};

/// "good", "note", "unanswered", "not_asked".
PERDURE_EXPORT std::string_view to_string(HostVerdict verdict);

/// A line of `perdure models`.
struct ModelInfo {
  std::string id;
  std::string name;
  std::string default_host;
  std::int64_t window_tokens = 0;
  std::vector<std::string> modalities;
  std::vector<std::string> thinking;  ///< Supported modes, the default first.
  std::optional<double> input_usd;    ///< For one million tokens.
  std::optional<double> cached_input_usd;
  std::optional<double> output_usd;
  std::vector<std::string> hosts;  ///< Hosts known to serve it.
};

/// A line of `perdure doctor`.
struct HostInfo {
  std::string id;
  std::string name;
  std::string base_url;
  std::vector<std::string> key_variables;
  std::string
      key_source;  ///< "environment MOONSHOT_API_KEY", "file ...", or empty when there is none.
  bool needs_key = false;
  std::string sibling;  ///< A host of the same vendor whose keys are easily mistaken for these.
};

}  // namespace perdure
