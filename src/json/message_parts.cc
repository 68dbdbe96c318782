#include "json/message_parts.h"

#include <nlohmann/json.hpp>

#include "json/parse.h"
#include "json/slice.h"
#include "json/writer.h"

namespace perdure {
namespace {

constexpr std::string_view kContentNote = "[This content was left out: the host refuses it.]";
constexpr std::string_view kMediaNote = "[An image or video was left out: the host refuses it.]";

std::string role_of(std::string_view fragment) {
  return json::text_of(json::member_slice(fragment, "role"));
}

bool is_media_part(std::string_view part) {
  const std::string type = json::text_of(json::member_slice(part, "type"));
  return type == "image_url" || type == "video_url" || type == "image" || type == "video";
}

bool is_list(std::string_view json) {
  return !json.empty() && json.front() == '[';
}

// The parts of a content, with notes for what is left out.
std::string parts_without(std::string_view list, bool content, bool media) {
  std::string out;
  json::Writer writer(out);
  writer.begin_array();
  for (const std::string_view part : json::element_slices(list)) {
    const bool is_media = is_media_part(part);
    if (is_media ? !media : !content) {
      writer.raw(part);
      continue;
    }
    writer.begin_object().key("type").string("text").key("text");
    writer.string(is_media ? kMediaNote : kContentNote).end_object();
  }
  writer.end_array();
  return out;
}

// Names and ids stay; what was said with them does not.
std::string calls_without_arguments(std::string_view calls) {
  std::string out;
  json::Writer writer(out);
  writer.begin_array();
  for (const std::string_view call : json::element_slices(calls)) {
    writer.begin_object().key("id").raw(json::member_slice(call, "id"));
    writer.key("type").string("function").key("function").begin_object();
    writer.key("name").raw(json::member_slice(json::member_slice(call, "function"), "name"));
    writer.key("arguments").string("{}").end_object().end_object();
  }
  writer.end_array();
  return out;
}

}  // namespace

std::string message_fragment(std::string_view role, std::string_view text) {
  std::string out;
  out.reserve(text.size() + 64);
  json::Writer(out)
      .begin_object()
      .key("role")
      .string(role)
      .key("content")
      .string(text)
      .end_object();
  return out;
}

std::string result_fragment(std::string_view tool_call_id, std::string_view text) {
  std::string out;
  out.reserve(text.size() + tool_call_id.size() + 64);
  json::Writer writer(out);
  writer.begin_object().key("role").string("tool").key("tool_call_id").string(tool_call_id);
  writer.key("content").string(text.empty() ? "(no output)" : text).end_object();
  return out;
}

bool has_media(std::string_view fragment) {
  const std::string_view content = json::member_slice(fragment, "content");
  if (!is_list(content)) return false;
  for (const std::string_view part : json::element_slices(content)) {
    if (is_media_part(part)) return true;
  }
  return false;
}

bool is_system(std::string_view fragment) {
  return role_of(fragment) == "system";
}

bool is_user_text(std::string_view fragment) {
  const std::string_view content = json::member_slice(fragment, "content");
  return role_of(fragment) == "user" && !content.empty() && content.front() == '"';
}

std::vector<std::string> call_ids(std::string_view fragment) {
  std::vector<std::string> ids;
  const std::string_view answered = json::member_slice(fragment, "tool_call_id");
  if (!answered.empty()) ids.push_back(json::text_of(answered));
  for (const std::string_view call :
       json::element_slices(json::member_slice(fragment, "tool_calls"))) {
    ids.push_back(json::text_of(json::member_slice(call, "id")));
  }
  return ids;
}

std::string message_without(std::string_view fragment, bool content, bool media) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object();
  for (const auto& [key, value] : json::member_slices(fragment)) {
    const std::string name = json::text_of(key);
    if (name == "content" && is_list(value)) {
      writer.key(name).raw(parts_without(value, content, media));
    } else if (!content || name == "role" || name == "tool_call_id" ||
               (name == "content" && value == "null")) {
      writer.key(name).raw(value);
    } else if (name == "content") {
      writer.key(name).string(kContentNote);
    } else if (name == "reasoning_content") {
      writer.key(name).string(" ");  // hosts that demand one take this
    } else if (name == "tool_calls") {
      writer.key(name).raw(calls_without_arguments(value));
    }
  }
  writer.end_object();
  return out;
}

std::string describe_message(std::int64_t number, std::string_view fragment) {
  const std::string role = role_of(fragment);
  std::string what = role == "system"      ? "the instructions"
                     : role == "assistant" ? "a reply of the model"
                     : role == "user"      ? "a message of the user"
                                           : "role '" + role + "'";
  if (role == "tool") {
    what = "the result of call " + json::text_of(json::member_slice(fragment, "tool_call_id"));
  } else if (const std::vector<std::string> ids = call_ids(fragment); !ids.empty()) {
    what = "a reply of the model with call " + ids.front();
  }
  return "message " + std::to_string(number) + " (" + what + ")";
}

}  // namespace perdure
