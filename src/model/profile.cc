#include "model/profile.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <initializer_list>

#include <nlohmann/json.hpp>

#include "base/names.h"
#include "json/parse.h"
#include "json/toml.h"
#include "model/profile_names.h"

namespace perdure {
namespace {

constexpr NameTable<Thinking, 4> kThinkingNames = {{
    {Thinking::kDefault, "default"},
    {Thinking::kOff, "off"},
    {Thinking::kOn, "on"},
    {Thinking::kKeep, "keep"},
}};

constexpr NameTable<Thinking, 3> kModeNames = {{
    {Thinking::kOff, "off"},
    {Thinking::kOn, "on"},
    {Thinking::kKeep, "keep"},
}};

constexpr std::array<std::string_view, 2> kSamplingNames = {"pinned", "free"};

constexpr std::int64_t kTokensMax = 100'000'000;

template <class Enum, std::size_t size>
std::optional<Enum> read_name(TomlTable& table, std::string_view key,
                              const NameTable<Enum, size>& names) {
  std::array<std::string_view, size> allowed;
  for (std::size_t i = 0; i < size; ++i) allowed[i] = names[i].second;
  const std::optional<std::string> text = table.choice(key, allowed);
  return text ? value_in(names, *text) : std::nullopt;
}

// The members of a TOML table as JSON members without the braces.
std::optional<std::string> read_members(TomlTable& table, std::string_view key) {
  const std::optional<Json> fields = table.json(key);
  if (!fields) return std::nullopt;
  if (!fields->is_object()) {
    table.mistake(key, "'" + std::string(key) + "' must be a table of request fields",
                  "write {} when nothing needs to be sent");
    return std::nullopt;
  }
  const std::string object = json::dump(*fields);
  return object.substr(1, object.size() - 2);
}

ThinkingFields read_thinking(TomlTable& table) {
  return {.off = read_members(table, "off"),
          .on = read_members(table, "on"),
          .keep = read_members(table, "keep")};
}

std::optional<Price> read_price(std::optional<TomlTable> table) {
  if (!table) return std::nullopt;
  Price price{.input = table->number("input", 0).value_or(0),
              .output = table->number("output", 0).value_or(0)};
  price.cached = table->number("cached", 0).value_or(price.input);
  price.cache_write = table->number("cache_write", 0);
  return price;
}

std::vector<std::string> read_reasoning_names(TomlTable& table) {
  constexpr std::array<std::string_view, 3> kNames = {"reasoning_content", "reasoning",
                                                      "reasoning_details"};
  std::vector<std::string> names =
      table.strings("reasoning_echo").value_or(std::vector<std::string>{});
  for (const std::string& name : names) {
    if (std::find(kNames.begin(), kNames.end(), name) != kNames.end()) continue;
    table.mistake("reasoning_echo",
                  "'reasoning_echo' takes reasoning_content, reasoning and reasoning_details, "
                  "not '" +
                      name + "'");
  }
  return names;
}

std::string read_path(TomlTable& table, std::string_view key, std::string_view usual) {
  std::string path = table.string(key).value_or(std::string(usual));
  if (!path.starts_with('/')) {
    table.mistake(key, "'" + std::string(key) + "' must begin with a slash",
                  "it stands behind the base URL: " + std::string(usual));
  }
  return path;
}

// A header with a line break in it would be more than one.
std::vector<std::pair<std::string, std::string>> read_headers(TomlTable& root) {
  std::vector<std::pair<std::string, std::string>> headers;
  std::optional<TomlTable> table = root.table("headers");
  if (!table) return headers;
  for (const std::string& name : table->keys()) {
    const std::string value = table->string(name).value_or("");
    const auto is_letter = [](unsigned char c) { return std::isalnum(c) != 0 || c == '-'; };
    const auto is_shown = [](unsigned char c) { return c >= ' ' && c < 0x7f; };
    if (name.empty() || !std::all_of(name.begin(), name.end(), is_letter) ||
        !std::all_of(value.begin(), value.end(), is_shown)) {
      table->mistake(name, "'" + name + "' is no header that can be sent",
                     "its name has letters, digits and '-', its value printable ASCII");
      continue;
    }
    headers.emplace_back(name, value);
  }
  return headers;
}

void read_dialect(TomlTable& root, HostProfile& profile) {
  profile.dialect = read_name(root, "dialect", kDialectNames).value_or(Dialect::kChat);
  const bool is_chat = profile.dialect == Dialect::kChat;
  profile.path = read_path(root, "path", is_chat ? "/chat/completions" : "/v1/messages");
  profile.models_path = read_path(root, "models_path", is_chat ? "/models" : "/v1/models");
  profile.key_header = read_name(root, "key_header", kKeyHeaderNames)
                           .value_or(is_chat ? KeyHeader::kBearer : KeyHeader::kXApiKey);
  profile.headers = read_headers(root);
  profile.unsigned_thinking = root.boolean("unsigned_thinking").value_or(true);
  profile.cache_control = root.boolean("cache_control").value_or(false);
}

HostMedia read_media(std::optional<TomlTable> table) {
  HostMedia media;
  if (!table) return media;
  constexpr std::int64_t kBytesMax = 100'000'000;
  media.takes = table->strings("takes");
  for (const std::string& kind : media.takes.value_or(std::vector<std::string>{})) {
    if (kind == "image" || kind == "video") continue;
    table->mistake("takes", "'takes' has image and video, not '" + kind + "'");
  }
  media.urls = table->boolean("urls").value_or(false);
  if (table->has("files_path")) media.files_path = read_path(*table, "files_path", "/files");
  media.upload_above_bytes =
      table->integer("upload_above_bytes", 0, kBytesMax).value_or(media.upload_above_bytes);
  media.bytes_max = table->integer("bytes_max", 1, kBytesMax).value_or(media.bytes_max);
  return media;
}

// All mistakes that people can make with keys come before one that is not there: it is there, but
// misspelt, more often than forgotten.
Status check(TomlDocument& document, std::initializer_list<std::string_view> required) {
  TomlTable root = document.root();
  const std::vector<Error> mistakes = document.finish();
  if (!mistakes.empty()) return mistakes.front();
  for (const std::string_view key : required) {
    if (root.has(key)) continue;
    return Error{.code = ErrorCode::kConfig,
                 .message = "the key '" + std::string(key) + "' is missing",
                 .context = root.place()};
  }
  return {};
}

}  // namespace

std::string_view to_string(Thinking thinking) {
  return name_in(kThinkingNames, thinking);
}

const std::optional<std::string>& ThinkingFields::of(Thinking mode) const {
  if (mode == Thinking::kOff) return off;
  return mode == Thinking::kOn && on ? on : keep;
}

Result<ModelProfile> parse_model_profile(std::string_view toml, const std::string& file) {
  Result<TomlDocument> document = TomlDocument::parse(toml, file);
  if (!document.ok()) return document.error();
  TomlTable root = document->root();
  ModelProfile profile{.id = root.string("id").value_or("")};
  profile.name = root.string("name").value_or(profile.id);
  profile.default_host = root.string("host").value_or("");
  profile.window_tokens = root.integer("window_tokens", 1024, kTokensMax).value_or(0);
  profile.output_tokens_max = root.integer("output_tokens_max", 1, kTokensMax).value_or(0);
  profile.modalities = root.strings("modalities").value_or(std::vector<std::string>{"text"});
  profile.sampling_pinned = root.choice("sampling", kSamplingNames) == "pinned";
  profile.forced_choice =
      read_name(root, "forced_tool_choice", kForcedNames).value_or(ForcedChoice::kAlways);
  profile.call_ids = read_name(root, "call_ids", kCallIdNames).value_or(CallIds::kPlain);
  profile.price = read_price(root.table("price"));
  if (std::optional<TomlTable> thinking = root.table("thinking")) {
    profile.default_thinking = read_name(*thinking, "default", kModeNames).value_or(Thinking::kOn);
    profile.thinking = read_thinking(*thinking);
  } else {
    profile.default_thinking = Thinking::kOff;
    profile.thinking.off = "";
  }
  if (Status status = check(*document, {"id", "window_tokens"}); !status.ok())
    return status.error();
  return profile;
}

Result<HostProfile> parse_host_profile(std::string_view toml, const std::string& file) {
  Result<TomlDocument> document = TomlDocument::parse(toml, file);
  if (!document.ok()) return document.error();
  TomlTable root = document->root();
  HostProfile profile{.id = root.string("id").value_or("")};
  profile.name = root.string("name").value_or(profile.id);
  profile.base_url = root.string("base_url").value_or("");
  read_dialect(root, profile);
  profile.key_variables = root.strings("key_variables").value_or(std::vector<std::string>{});
  profile.needs_key = root.boolean("needs_key").value_or(false);
  profile.key_advice = root.string("key_advice").value_or("");
  profile.sibling = root.string("sibling").value_or("");
  profile.native = root.boolean("native").value_or(false);
  profile.any_model = root.boolean("any_model").value_or(false);
  profile.stream = root.boolean("stream").value_or(true);
  constexpr std::array<std::string_view, 2> kFields = {"max_tokens", "max_completion_tokens"};
  profile.max_tokens_field = root.choice("max_tokens_field", kFields).value_or("max_tokens");
  profile.output_tokens_max = root.integer("output_tokens_max", 1, kTokensMax).value_or(0);
  profile.stream_usage = root.boolean("stream_usage").value_or(true);
  profile.prompt_cache_key = root.boolean("prompt_cache_key").value_or(false);
  profile.parallel_tool_calls = root.boolean("parallel_tool_calls").value_or(false);
  profile.empty_content =
      read_name(root, "empty_content", kEmptyContentNames).value_or(EmptyContent::kOmit);
  profile.call_ids = read_name(root, "call_ids", kCallIdNames);
  profile.reasoning_required = root.boolean("reasoning_required").value_or(false);
  profile.reasoning_echo = read_reasoning_names(root);
  profile.tool_schema =
      read_name(root, "tool_schema", kSchemaNames).value_or(SchemaDialect::kPlain);
  profile.forced_choice = read_name(root, "forced_tool_choice", kForcedNames);
  if (const auto sampling = root.choice("sampling", kSamplingNames))
    profile.sampling_pinned = *sampling == "pinned";
  profile.free = root.boolean("free").value_or(false);
  if (std::optional<TomlTable> models = root.table("models")) {
    for (const std::string& id : models->keys()) {
      profile.models[id] = models->string(id).value_or("");
    }
  }
  if (std::optional<TomlTable> thinking = root.table("thinking")) {
    profile.thinking = read_thinking(*thinking);
  }
  profile.partial = root.boolean("partial").value_or(false);
  if (profile.partial && profile.dialect == Dialect::kAnthropic) {
    root.mistake("partial",
                 "'partial' is of chat completions: a host that speaks Anthropic's dialect is told "
                 "to go on");
  }
  profile.media = read_media(root.table("media"));
  if (root.has("formulas_path"))
    profile.formulas_path = read_path(root, "formulas_path", "/formulas");
  if (std::optional<TomlTable> functions = root.table("host_functions")) {
    for (const std::string& name : functions->keys()) {
      profile.host_functions[name] = functions->number(name, 0).value_or(0);
      if (!name.starts_with('$'))
        functions->mistake(name, "the name of a function of the host begins with '$'");
    }
  }
  if (std::optional<TomlTable> probed = root.table("probed")) {
    profile.probed = ProbedFacts{.date = probed->string("date").value_or(""),
                                 .model = probed->string("model").value_or(""),
                                 .call_ids = probed->string("call_ids").value_or(""),
                                 .reasoning = probed->string("reasoning").value_or(""),
                                 .usage = probed->string("usage").value_or("")};
  }
  if (std::optional<TomlTable> prices = root.table("price")) {
    for (const std::string& id : prices->keys()) {
      if (const std::optional<Price> price = read_price(prices->table(id)))
        profile.prices[id] = *price;
    }
  }
  if (Status status = check(*document, {"id"}); !status.ok()) return status.error();
  return profile;
}

}  // namespace perdure
