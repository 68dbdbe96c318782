// The way back from a host profile to its file.
#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "json/parse.h"
#include "model/profile_names.h"

namespace perdure {
namespace {

// Basic strings of TOML have the escapes of JSON, but that a DEL must be escaped (TOML 1.0,
// "String").
std::string toml_string(const std::string& text) {
  std::string out;
  for (const char c : json::dump(Json(text))) out += c == '\x7f' ? "\\u007f" : std::string(1, c);
  return out;
}

bool is_bare(const std::string& key) {
  return !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

std::string toml_key(const std::string& key) {
  return is_bare(key) ? key : toml_string(key);
}

// TOML has no null: a member that is null is left out, as a host reads it too.
std::string toml_value(const Json& value) {
  if (value.is_string()) return toml_string(value.get<std::string>());
  std::string list;
  const auto add = [&](const std::string& item) { list += (list.empty() ? "" : ", ") + item; };
  if (value.is_object()) {
    for (const auto& [key, member] : value.items()) {
      if (!member.is_null()) add(toml_key(key) + " = " + toml_value(member));
    }
    return list.empty() ? "{}" : "{ " + list + " }";
  }
  if (value.is_array()) {
    for (const Json& element : value) {
      if (!element.is_null()) add(toml_value(element));
    }
    return "[" + list + "]";
  }
  return json::dump(value);
}

// Request fields are kept as JSON members without their braces.
std::string toml_members(const std::string& members) {
  const Result<Json> object = json::parse("{" + members + "}");
  return object.ok() ? toml_value(*object) : "{}";
}

class ProfileWriter {
 public:
  explicit ProfileWriter(const std::map<std::string, std::string>& comments)
      : comments_(comments) {}

  // A line, when the value is not the usual one or a comment speaks of it.
  void line(const std::string& key, const std::string& value, bool is_usual) {
    const auto comment = comments_.find(key);
    if (is_usual && comment == comments_.end()) return;
    text_ += toml_key(key) + " = " + value;
    end_line(key);
  }
  void text(const std::string& key, const std::string& value) {
    line(key, toml_string(value), value.empty());
  }
  void flag(const std::string& key, bool value, bool usual) {
    line(key, value ? "true" : "false", value == usual);
  }
  void strings(const std::string& key, const std::vector<std::string>& values) {
    line(key, toml_value(Json(values)), values.empty());
  }
  void table(const std::string& header, const std::string& key) {
    text_ += "\n[" + header + "]";
    end_line(key);
  }
  std::string take() { return std::move(text_); }

 private:
  void end_line(const std::string& key) {
    const auto comment = comments_.find(key);
    if (comment != comments_.end()) text_ += "  # " + comment->second;
    text_ += '\n';
  }

  const std::map<std::string, std::string>& comments_;
  std::string text_;
};

void write_thinking(ProfileWriter& writer, const ThinkingFields& thinking) {
  if (!thinking.off && !thinking.on && !thinking.keep) return;
  writer.table("thinking", "thinking");
  for (const auto& [key, fields] : {std::pair{"off", &thinking.off}, std::pair{"on", &thinking.on},
                                    std::pair{"keep", &thinking.keep}}) {
    if (*fields) writer.line(key, toml_members(**fields), false);
  }
}

void write_media(ProfileWriter& writer, const HostMedia& media) {
  const HostMedia usual;
  if (media == usual) return;
  writer.table("media", "media");
  if (media.takes) writer.line("takes", toml_value(Json(*media.takes)), false);
  writer.flag("urls", media.urls, usual.urls);
  writer.text("files_path", media.files_path);
  writer.line("upload_above_bytes", std::to_string(media.upload_above_bytes),
              media.upload_above_bytes == usual.upload_above_bytes);
  writer.line("bytes_max", std::to_string(media.bytes_max), media.bytes_max == usual.bytes_max);
}

void write_facts(ProfileWriter& writer, const ProbedFacts& facts) {
  writer.table("probed", "probed");
  writer.text("date", facts.date);
  writer.text("model", facts.model);
  writer.text("call_ids", facts.call_ids);
  writer.text("reasoning", facts.reasoning);
  writer.text("usage", facts.usage);
}

}  // namespace

std::string host_profile_text(const HostProfile& profile,
                              const std::map<std::string, std::string>& comments) {
  ProfileWriter writer(comments);
  const auto name = [&](const std::string& key, const auto& names, auto value, bool is_usual) {
    writer.line(key, toml_string(std::string(name_in(names, value))), is_usual);
  };
  writer.text("id", profile.id);
  writer.text("name", profile.name);
  writer.text("base_url", profile.base_url);
  const bool is_chat = profile.dialect == Dialect::kChat;
  name("dialect", kDialectNames, profile.dialect, is_chat);
  writer.line("path", toml_string(profile.path),
              profile.path == (is_chat ? "/chat/completions" : "/v1/messages"));
  writer.line("models_path", toml_string(profile.models_path),
              profile.models_path == (is_chat ? "/models" : "/v1/models"));
  name("key_header", kKeyHeaderNames, profile.key_header,
       profile.key_header == (is_chat ? KeyHeader::kBearer : KeyHeader::kXApiKey));
  writer.strings("key_variables", profile.key_variables);
  writer.flag("needs_key", profile.needs_key, false);
  writer.text("key_advice", profile.key_advice);
  writer.text("sibling", profile.sibling);
  writer.flag("native", profile.native, false);
  writer.flag("any_model", profile.any_model, false);
  writer.flag("stream", profile.stream, true);
  writer.flag("stream_usage", profile.stream_usage, true);
  writer.text("max_tokens_field", profile.max_tokens_field);
  if (profile.output_tokens_max > 0)
    writer.line("output_tokens_max", std::to_string(profile.output_tokens_max), false);
  writer.flag("prompt_cache_key", profile.prompt_cache_key, false);
  writer.flag("parallel_tool_calls", profile.parallel_tool_calls, false);
  name("empty_content", kEmptyContentNames, profile.empty_content,
       profile.empty_content == EmptyContent::kOmit);
  if (profile.call_ids) name("call_ids", kCallIdNames, *profile.call_ids, false);
  writer.flag("reasoning_required", profile.reasoning_required, false);
  writer.strings("reasoning_echo", profile.reasoning_echo);
  writer.flag("unsigned_thinking", profile.unsigned_thinking, true);
  writer.flag("cache_control", profile.cache_control, false);
  name("tool_schema", kSchemaNames, profile.tool_schema,
       profile.tool_schema == SchemaDialect::kPlain);
  if (profile.forced_choice)
    name("forced_tool_choice", kForcedNames, *profile.forced_choice, false);
  if (profile.sampling_pinned)
    writer.text("sampling", *profile.sampling_pinned ? "pinned" : "free");
  writer.flag("free", profile.free, false);
  writer.flag("partial", profile.partial, false);
  writer.text("formulas_path", profile.formulas_path);
  if (!profile.headers.empty()) writer.table("headers", "headers");
  for (const auto& [header, value] : profile.headers) writer.text(header, value);
  if (!profile.models.empty()) writer.table("models", "models");
  for (const auto& [id, wire] : profile.models) writer.text(id, wire);
  for (const auto& [id, price] : profile.prices) {
    writer.table("price." + toml_key(id), "");
    writer.line("input", fmt::format("{}", price.input), false);
    writer.line("cached", fmt::format("{}", price.cached), false);
    writer.line("output", fmt::format("{}", price.output), false);
    if (price.cache_write) writer.line("cache_write", fmt::format("{}", *price.cache_write), false);
  }
  write_thinking(writer, profile.thinking);
  write_media(writer, profile.media);
  if (!profile.host_functions.empty()) writer.table("host_functions", "host_functions");
  for (const auto& [function, usd] : profile.host_functions)
    writer.line(function, fmt::format("{}", usd), false);
  if (profile.probed) write_facts(writer, *profile.probed);
  return writer.take();
}

}  // namespace perdure
