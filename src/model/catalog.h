// All profiles: those compiled in, and the user's own files on top (CONFIG/models/*.toml,
// CONFIG/hosts/*.toml), and the way from "kimi-k2.6 at openrouter" to an endpoint that can be
// asked.
#pragma once

#include <string>
#include <vector>

#include <perdure/model.h>
#include <perdure/result.h>

#include "model/profile.h"

namespace perdure {

/// The profiles of what no other one is about.
inline constexpr std::string_view kGenericHost = "custom";
inline constexpr std::string_view kGenericModel = "generic";

/// A key that does not print itself.
class Secret {
 public:
  Secret() = default;
  Secret(std::string value, std::string source)
      : value_(std::move(value)), source_(std::move(source)) {}
  bool empty() const { return value_.empty(); }
  const std::string& reveal() const { return value_; }
  /// Where it came from: "environment MOONSHOT_API_KEY", "file ~/.kimi-key".
  const std::string& source() const { return source_; }

 private:
  std::string value_;
  std::string source_;
};

/// Where requests go, how they are spoken there, and what they cost: everything that model/ needs.
struct Endpoint {
  ModelProfile model;
  HostProfile host;
  std::string base_url;    ///< Without a trailing slash.
  std::string wire_model;  ///< The host's name for the model.
  Secret key;
  std::optional<Price> price;
  ForcedChoice forced_choice = ForcedChoice::kAlways;
  bool sampling_pinned = false;  ///< Sampling parameters are refused.
  ThinkingFields thinking;
  std::int64_t output_tokens_max = 0;  ///< Of model and host; 0 for none.

  /// What people call the model: the profile's id, or the host's name for one without a profile.
  const std::string& model_name() const;
  /// The mode that "default" stands for here.
  Thinking default_thinking() const;
  /// What it takes of a history that other hosts wrote, when it is asked in this mode.
  HistoryDialect history_dialect(Thinking mode) const;
};

/// The key in a file, as key_file names it. Errors: kMissingKey.
Result<Secret> read_key_file(const std::string& file);

class Catalog {
 public:
  /// Profiles are read when they are asked for: the user's own file CONFIG/models/ID.toml or
  /// CONFIG/hosts/ID.toml before the one that is compiled in. `config_directory` may be empty.
  static Result<Catalog> open(const std::string& config_directory);

  /// Errors: kUnknownModel, kUnknownHost with what is near and what there is; kMissingKey; kConfig
  /// for a bad URL.
  Result<Endpoint> resolve(const EndpointOptions& options) const;
  /// The same, but a missing key is no error.
  Result<Endpoint> resolve_without_key(const EndpointOptions& options) const;

  /// The host that the options name or whose address they have, or the model's own.
  Result<HostProfile> host_of(const EndpointOptions& options) const;
  /// The endpoint with this profile of the host, whatever the files say of it; with its key when
  /// there is one. Errors: as resolve(), but a missing key is none.
  Result<Endpoint> resolve_at(const HostProfile& host, const EndpointOptions& options) const;

  /// A host by itself, with its own key or that of another host: for asking whether it takes the
  /// key.
  Result<Endpoint> endpoint_of_host(const std::string& host, const std::string& key_of_host) const;

  std::vector<ModelInfo> models() const;
  std::vector<HostInfo> hosts() const;
  std::vector<std::string> model_ids() const;
  std::vector<std::string> host_ids() const;

 private:
  Result<ModelProfile> find_model(const std::string& id) const;
  Result<Endpoint> endpoint_from(const HostProfile& host, const EndpointOptions& options) const;
  Result<std::string> find_host_at(const std::string& base_url) const;
  Result<HostProfile> find_host(const std::string& id) const;
  Result<HostProfile> choose_host(const EndpointOptions& options,
                                  const std::string& default_host) const;
  Result<ModelProfile> choose_model(const std::string& name, const HostProfile& host) const;
  Result<Secret> find_key(const EndpointOptions& options, const HostProfile& host) const;

  std::vector<std::string> ids(std::string_view folder) const;

  std::string config_directory_;
};

}  // namespace perdure
