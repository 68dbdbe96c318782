#include "model/catalog.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include <unistd.h>

#include <fmt/format.h>

#include "base/embedded.h"
#include "base/text.h"
#include "net/url.h"
#include "os/directories.h"

namespace perdure {

extern const EmbeddedFile kEmbeddedProfiles[];
extern const unsigned long kEmbeddedProfiles_count;

namespace {

constexpr std::size_t kProfileBytesMax = 256 * 1024;

const EmbeddedFile* find_embedded(std::string_view folder, std::string_view id) {
  const std::string path = fmt::format("{}/{}.toml", folder, id);
  for (unsigned long i = 0; i < kEmbeddedProfiles_count; ++i) {
    if (kEmbeddedProfiles[i].path == path) return &kEmbeddedProfiles[i];
  }
  return nullptr;
}

std::vector<std::string> embedded_ids(std::string_view folder) {
  std::vector<std::string> ids;
  const std::string prefix = fmt::format("{}/", folder);
  for (unsigned long i = 0; i < kEmbeddedProfiles_count; ++i) {
    const std::string_view path = kEmbeddedProfiles[i].path;
    if (path.substr(0, prefix.size()) != prefix) continue;
    ids.emplace_back(path.substr(prefix.size(), path.size() - prefix.size() - 5));
  }
  return ids;
}

// The names of the user's profiles: their files without ".toml".
std::vector<std::string> users_ids(const std::string& folder) {
  std::vector<std::string> ids;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    if (entry.path().extension() == ".toml") ids.push_back(entry.path().stem().string());
  }
  return ids;
}

// The text of a profile: the user's own file before the one that is compiled in.
struct ProfileText {
  std::string text;
  std::string file;
};

Result<std::optional<ProfileText>> find_text(const std::string& config, std::string_view folder,
                                             const std::string& id) {
  const bool plain = !id.empty() && id.find('/') == std::string::npos && id[0] != '.';
  const std::string path = fmt::format("{}/{}/{}.toml", config, folder, id);
  if (!config.empty() && plain && ::access(path.c_str(), F_OK) == 0) {
    Result<std::string> text = read_whole_file(path, kProfileBytesMax);
    if (!text.ok()) return text.error();
    return std::optional(ProfileText{std::move(*text), path});
  }
  const EmbeddedFile* embedded = find_embedded(folder, id);
  if (embedded == nullptr) return std::optional<ProfileText>();
  return std::optional(
      ProfileText{std::string(embedded->text), fmt::format("profiles/{}", embedded->path)});
}

// A profile is found by the name of its file, so the file must say the same.
Status check_id(const std::string& id, const std::string& wanted, const std::string& file) {
  if (id == wanted) return {};
  return Error{
      .code = ErrorCode::kConfig,
      .message = fmt::format("the profile's id is '{}', its file is named for '{}'", id, wanted),
      .context = file,
      .advice = "let both be the same"};
}

Error unknown(ErrorCode code, std::string_view what, const std::string& name,
              const std::vector<std::string>& ids) {
  const std::optional<std::string> meant = nearest(name, ids);
  std::string advice = meant ? fmt::format("did you mean '{}'? ", *meant) : "";
  return {.code = code,
          .message = fmt::format("no {} is named '{}'", what, name),
          .advice = advice + "known: " + join(ids, ", ")};
}

// "moonshotai/Kimi-K2.6" and "accounts/fireworks/models/kimi-k2p6" are ways to write a profile's
// id.
std::string plain_name(std::string_view name) {
  const std::size_t slash = name.rfind('/');
  return to_lower_ascii(slash == std::string_view::npos ? name : name.substr(slash + 1));
}

// The modes that the model has, as the host switches them on.
ThinkingFields both_offer(const ThinkingFields& model, const ThinkingFields& host) {
  ThinkingFields fields;
  if (model.off) fields.off = host.off;
  if (model.on) fields.on = host.on;
  if (model.keep) fields.keep = host.keep;
  return fields;
}

// A key stands in a header: with a line break in it, it would be more than one. What it is instead
// of a key is not shown; it may be a key with something else beside it.
Result<Secret> check_key(const std::string& key, const std::string& source) {
  const bool plain =
      std::all_of(key.begin(), key.end(), [](char c) { return c > ' ' && c < '\x7f'; });
  if (plain) return Secret(key, source);
  return Error{.code = ErrorCode::kMissingKey,
               .message =
                   "what should be the key has a space, a line break or another character "
                   "that no key has",
               .context = source,
               .advice = "let it hold the key and nothing else"};
}

std::string without_trailing_slash(std::string url) {
  while (!url.empty() && url.back() == '/') url.pop_back();
  return url;
}

}  // namespace

const std::string& Endpoint::model_name() const {
  return model.id == kGenericModel ? wire_model : model.id;
}

Thinking Endpoint::default_thinking() const {
  if (thinking.of(model.default_thinking)) return model.default_thinking;
  for (const Thinking mode : {Thinking::kOn, Thinking::kKeep, Thinking::kOff}) {
    if (thinking.of(mode)) return mode;
  }
  return Thinking::kOff;
}

HistoryDialect Endpoint::history_dialect(Thinking mode) const {
  const CallIds usual = host.dialect == Dialect::kAnthropic ? CallIds::kPlain : model.call_ids;
  HistoryDialect dialect{.call_ids = host.call_ids.value_or(usual),
                         .empty_content = host.empty_content,
                         .takes_reasoning = thinking.on.has_value() || thinking.keep.has_value(),
                         .reasoning_required = host.reasoning_required && mode != Thinking::kOff};
  const auto sees = [&](std::string_view kind) {
    const auto has = [&](const std::vector<std::string>& kinds) {
      return std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
    };
    return has(model.modalities) && (!host.media.takes || has(*host.media.takes));
  };
  dialect.sees_images = sees("image");
  dialect.sees_videos = sees("video");
  dialect.takes_urls = host.media.urls;
  // Details are the business of the host that made them: only their text can go elsewhere.
  const auto name =
      std::find_if(host.reasoning_echo.begin(), host.reasoning_echo.end(),
                   [](const std::string& candidate) { return candidate != "reasoning_details"; });
  if (name != host.reasoning_echo.end()) {
    dialect.reasoning_member = *name;
  } else if (!host.reasoning_echo.empty()) {
    dialect.takes_reasoning = false;
  }
  return dialect;
}

Result<Catalog> Catalog::open(const std::string& config_directory) {
  Catalog catalog;
  catalog.config_directory_ = config_directory;
  return catalog;
}

std::vector<std::string> Catalog::ids(std::string_view folder) const {
  std::vector<std::string> ids = embedded_ids(folder);
  for (std::string& id : users_ids(fmt::format("{}/{}", config_directory_, folder))) {
    ids.push_back(std::move(id));
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

std::vector<std::string> Catalog::model_ids() const {
  std::vector<std::string> list = ids("models");
  list.erase(std::remove(list.begin(), list.end(), kGenericModel), list.end());
  return list;
}

std::vector<std::string> Catalog::host_ids() const {
  return ids("hosts");
}

Result<ModelProfile> Catalog::find_model(const std::string& id) const {
  const Result<std::optional<ProfileText>> found = find_text(config_directory_, "models", id);
  if (!found.ok()) return found.error();
  if (!found->has_value()) return unknown(ErrorCode::kUnknownModel, "model", id, model_ids());
  Result<ModelProfile> profile = parse_model_profile((*found)->text, (*found)->file);
  if (!profile.ok()) return profile;
  if (Status status = check_id(profile->id, id, (*found)->file); !status.ok())
    return status.error();
  return profile;
}

Result<HostProfile> Catalog::find_host(const std::string& id) const {
  const Result<std::optional<ProfileText>> found = find_text(config_directory_, "hosts", id);
  if (!found.ok()) return found.error();
  if (!found->has_value()) return unknown(ErrorCode::kUnknownHost, "host", id, host_ids());
  Result<HostProfile> profile = parse_host_profile((*found)->text, (*found)->file);
  if (!profile.ok()) return profile;
  if (Status status = check_id(profile->id, id, (*found)->file); !status.ok())
    return status.error();
  return profile;
}

// The id of the host that has this address, whatever the case of its name and slashes at its end;
// the generic one when no host has it.
Result<std::string> Catalog::find_host_at(const std::string& base_url) const {
  const Result<Url> wanted = parse_url(base_url);
  if (!wanted.ok()) return wanted.error();
  for (const std::string& id : host_ids()) {
    // Most files do not name the address at all; only one that does is worth reading in full.
    const Result<std::optional<ProfileText>> found = find_text(config_directory_, "hosts", id);
    if (!found.ok() || !found->has_value()) continue;
    if (to_lower_ascii((*found)->text).find(wanted->host) == std::string::npos) continue;
    const Result<HostProfile> host = find_host(id);
    if (!host.ok()) return host.error();  // it may be the one that is meant: say what is wrong
    const Result<Url> url = parse_url(host->base_url);
    const bool same = url.ok() && url->scheme == wanted->scheme && url->host == wanted->host &&
                      url->port == wanted->port && url->path == wanted->path;
    if (same) return id;
  }
  return std::string(kGenericHost);
}

// The host that was named; else the one whose address the base URL is; else the generic one for a
// foreign base URL; else the model's own.
Result<HostProfile> Catalog::choose_host(const EndpointOptions& options,
                                         const std::string& default_host) const {
  if (!options.host.empty()) return find_host(options.host);
  if (options.base_url.empty()) return find_host(default_host.empty() ? "moonshot" : default_host);
  const Result<std::string> id = find_host_at(options.base_url);
  return id.ok() ? find_host(*id) : Result<HostProfile>(id.error());
}

Result<ModelProfile> Catalog::choose_model(const std::string& name, const HostProfile& host) const {
  Result<ModelProfile> exact = find_model(name);
  // A profile with a mistake is a mistake, not an unknown model.
  if (exact.ok() || exact.error().code != ErrorCode::kUnknownModel) return exact;
  for (const auto& [id, wire] : host.models) {
    if (wire == name) return find_model(id);
  }
  Result<ModelProfile> plain = find_model(plain_name(name));
  if (plain.ok() || plain.error().code != ErrorCode::kUnknownModel) return plain;
  if (host.any_model) return find_model(std::string(kGenericModel));
  return exact;
}

Result<Secret> read_key_file(const std::string& file) {
  const std::string path = expand_home(file);
  constexpr std::size_t kKeyBytesMax = 16 * 1024;
  const Result<std::string> text = read_whole_file(path, kKeyBytesMax);
  if (!text.ok()) {
    Error error = text.error();
    error.code = ErrorCode::kMissingKey;
    error.message = "the key file cannot be read: " + error.message;
    error.advice = "key_file names a file that holds the key and nothing else";
    return error;
  }
  const std::string key(trim(*text));
  if (key.empty()) {
    return Error{.code = ErrorCode::kMissingKey,
                 .message = "the key file is empty",
                 .context = path,
                 .advice = "write the key into it, and nothing else"};
  }
  return check_key(key, "file " + file);
}

Result<Secret> Catalog::find_key(const EndpointOptions& options, const HostProfile& host) const {
  if (!options.key_file.empty()) return read_key_file(options.key_file);
  for (const std::string& variable : host.key_variables) {
    const char* value = std::getenv(variable.c_str());
    if (value == nullptr || trim(value).empty()) continue;
    return check_key(std::string(trim(value)), "environment " + variable);
  }
  return Secret();
}

Result<Endpoint> Catalog::resolve_without_key(const EndpointOptions& options) const {
  if (options.model.empty()) {
    return Error{.code = ErrorCode::kUnknownModel,
                 .message = "no model is named",
                 .advice = "name one with --model; known: " + join(model_ids(), ", ")};
  }
  const Result<HostProfile> host = host_of(options);
  return host.ok() ? endpoint_from(*host, options) : Result<Endpoint>(host.error());
}

Result<HostProfile> Catalog::host_of(const EndpointOptions& options) const {
  const Result<ModelProfile> by_id = find_model(options.model);
  return choose_host(options, by_id.ok() ? by_id->default_host : "");
}

Result<Endpoint> Catalog::resolve_at(const HostProfile& host,
                                     const EndpointOptions& options) const {
  Result<Endpoint> endpoint = endpoint_from(host, options);
  if (!endpoint.ok()) return endpoint;
  Result<Secret> key = find_key(options, host);
  if (!key.ok()) return key.error();
  endpoint->key = std::move(*key);
  return endpoint;
}

// Model and host together.
Result<Endpoint> Catalog::endpoint_from(const HostProfile& host,
                                        const EndpointOptions& options) const {
  const Result<ModelProfile> model = choose_model(options.model, host);
  if (!model.ok()) return model.error();

  Endpoint endpoint{.model = *model, .host = host};
  endpoint.base_url =
      without_trailing_slash(options.base_url.empty() ? host.base_url : options.base_url);
  if (endpoint.base_url.empty()) {
    return Error{.code = ErrorCode::kConfig,
                 .message = fmt::format("host '{}' has no address of its own", host.id),
                 .advice = "give one with --base-url"};
  }
  const Result<Url> url = parse_url(endpoint.base_url);
  if (!url.ok()) return url.error();
  const auto mapped = host.models.find(model->id);
  const bool named_by_id = options.model == model->id || model->id == plain_name(options.model);
  endpoint.wire_model = mapped != host.models.end() && named_by_id ? mapped->second : options.model;
  if (!host.any_model && mapped == host.models.end()) {
    std::vector<std::string> served;
    for (const auto& [id, wire] : host.models) served.push_back(id);
    return Error{
        .code = ErrorCode::kUnknownModel,
        .message = fmt::format("host '{}' is not known to serve '{}'", host.id, options.model),
        .advice = "it serves: " + join(served, ", ")};
  }
  const auto price = host.prices.find(model->id);
  endpoint.price = price != host.prices.end() ? std::optional(price->second) : model->price;
  if (host.free) endpoint.price = Price{};
  endpoint.forced_choice = host.forced_choice.value_or(model->forced_choice);
  endpoint.sampling_pinned = host.sampling_pinned.value_or(host.native && model->sampling_pinned);
  endpoint.thinking = host.native ? model->thinking : both_offer(model->thinking, host.thinking);
  endpoint.output_tokens_max = model->output_tokens_max;
  if (host.output_tokens_max > 0 &&
      (endpoint.output_tokens_max == 0 || host.output_tokens_max < endpoint.output_tokens_max)) {
    endpoint.output_tokens_max = host.output_tokens_max;
  }
  return endpoint;
}

Result<Endpoint> Catalog::resolve(const EndpointOptions& options) const {
  Result<Endpoint> endpoint = resolve_without_key(options);
  if (!endpoint.ok()) return endpoint;
  Result<Secret> key = find_key(options, endpoint->host);
  if (!key.ok()) return key.error();
  const HostProfile& host = endpoint->host;
  if (key->empty() && host.needs_key) {
    return Error{
        .code = ErrorCode::kMissingKey,
        .message = fmt::format("{} needs an API key, and none was found", host.name),
        .context = host.base_url,
        .advice = fmt::format(
                      "export {}=..., or name a file with key_file in the configuration",
                      host.key_variables.empty() ? "PERDURE_API_KEY" : host.key_variables.front()) +
                  (host.key_advice.empty() ? "" : ". " + host.key_advice)};
  }
  endpoint->key = std::move(*key);
  return endpoint;
}

Result<Endpoint> Catalog::endpoint_of_host(const std::string& host,
                                           const std::string& key_of_host) const {
  Result<HostProfile> profile = find_host(host);
  if (!profile.ok()) return profile.error();
  Result<HostProfile> key_profile = find_host(key_of_host.empty() ? host : key_of_host);
  if (!key_profile.ok()) return key_profile.error();
  Result<Secret> key = find_key({}, *key_profile);
  if (!key.ok()) return key.error();
  Endpoint endpoint{.base_url = without_trailing_slash(profile->base_url), .key = std::move(*key)};
  endpoint.host = std::move(*profile);
  return endpoint;
}

std::vector<ModelInfo> Catalog::models() const {
  std::vector<HostProfile> hosts;
  for (const std::string& id : host_ids()) {
    if (Result<HostProfile> host = find_host(id); host.ok()) hosts.push_back(std::move(*host));
  }
  std::vector<ModelInfo> list;
  for (const std::string& id : model_ids()) {
    const Result<ModelProfile> model = find_model(id);
    if (!model.ok()) continue;
    ModelInfo info{.id = model->id,
                   .name = model->name,
                   .default_host = model->default_host,
                   .window_tokens = model->window_tokens,
                   .modalities = model->modalities};
    info.thinking.emplace_back(to_string(model->default_thinking));
    for (const Thinking mode : {Thinking::kOff, Thinking::kOn, Thinking::kKeep}) {
      if (mode != model->default_thinking && model->thinking.of(mode)) {
        info.thinking.emplace_back(to_string(mode));
      }
    }
    if (model->price) {
      info.input_usd = model->price->input;
      info.cached_input_usd = model->price->cached;
      info.output_usd = model->price->output;
    }
    for (const HostProfile& host : hosts) {
      if (host.models.count(id) > 0) info.hosts.push_back(host.id);
    }
    list.push_back(std::move(info));
  }
  return list;
}

std::vector<HostInfo> Catalog::hosts() const {
  std::vector<HostInfo> list;
  for (const std::string& id : host_ids()) {
    const Result<HostProfile> host = find_host(id);
    if (!host.ok()) continue;
    const Result<Secret> key = find_key({}, *host);
    list.push_back({.id = host->id,
                    .name = host->name,
                    .base_url = host->base_url,
                    .key_variables = host->key_variables,
                    .key_source = key.ok() ? key->source() : "",
                    .needs_key = host->needs_key,
                    .sibling = host->sibling});
  }
  return list;
}

}  // namespace perdure
