#include "verify/prepared_request.h"

#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "json/parse.h"
#include "json/slice.h"
#include "json/writer.h"
#include "verify/python_json.h"

namespace perdure::verify {
namespace {

// A member as it is written, key with its quotes.
using Member = std::pair<std::string, std::string>;

Error not_a_request(std::string message) {
  return {.code = ErrorCode::kInvalidArgument,
          .message = std::move(message),
          .advice = "each line is a chat completions request: {\"messages\": [...], ...}"};
}

std::string join_members(const std::vector<Member>& members) {
  std::string out = "{";
  for (const auto& [key, value] : members) {
    if (out.size() > 1) out += ',';
    out += key;
    out += ':';
    out += value;
  }
  return out + "}";
}

const std::string* find(const std::vector<Member>& members, std::string_view key) {
  for (const auto& [name, value] : members) {
    if (name == key) return &value;
  }
  return nullptr;
}

void set(std::vector<Member>& members, std::string_view key, std::string value) {
  for (auto& [name, present] : members) {
    if (name == key) {
      present = std::move(value);
      return;
    }
  }
  members.emplace_back(key, std::move(value));
}

// A member that is written twice counts as its last, in the place of its first: what a parser makes
// of it.
std::vector<Member> members_of(std::string_view object) {
  std::vector<Member> members;
  for (const auto& [key, value] : json::member_slices(object))
    set(members, key, std::string(value));
  return members;
}

// The format writes "_input" for what a host knows as "system".
std::string with_known_roles(std::string_view messages) {
  std::string out = "[";
  for (const std::string_view message : json::element_slices(messages)) {
    if (out.size() > 1) out += ',';
    if (json::member_slice(message, "role") != "\"_input\"") {
      out += message;
      continue;
    }
    std::vector<Member> members = members_of(message);
    set(members, "\"role\"", "\"system\"");
    out += join_members(members);
  }
  return out + "]";
}

}  // namespace

Result<PreparedRequest> prepare_request(std::string_view line, const Overrides& overrides) {
  const Result<Json> given = json::parse(line);
  if (!given.ok()) return not_a_request("this line is no JSON: " + given.error().message);
  if (!given->is_object()) return not_a_request("this line is no JSON object");
  if (given->contains("prompt") && !given->contains("messages"))
    return not_a_request("this line has a prompt for /v1/completions, which is not asked");
  const auto messages = given->find("messages");
  if (messages == given->end() || !messages->is_array() || messages->empty())
    return not_a_request("this request has no messages");
  for (const Json& message : *messages) {
    if (!message.is_object()) return not_a_request("a message of this request is no JSON object");
  }
  std::vector<Member> members = members_of(line);
  if (const std::string* text = find(members, "\"messages\"")) {
    if (text->find("_input") != std::string::npos)
      set(members, "\"messages\"", with_known_roles(*text));
  }
  set(members, "\"model\"", json::quoted(overrides.model));
  if (overrides.temperature)
    set(members, "\"temperature\"", python_json(Json(*overrides.temperature)));
  if (overrides.max_tokens) {
    const bool is_new_name = find(members, "\"max_completion_tokens\"") != nullptr;
    set(members, is_new_name ? "\"max_completion_tokens\"" : "\"max_tokens\"",
        std::to_string(*overrides.max_tokens));
  }
  if (overrides.stream) set(members, "\"stream\"", *overrides.stream ? "true" : "false");
  const std::string* stream = find(members, "\"stream\"");
  const bool is_stream = stream != nullptr && *stream == "true";
  if (is_stream && overrides.stream_usage && find(members, "\"stream_options\"") == nullptr)
    set(members, "\"stream_options\"", R"({"include_usage":true})");
  if (overrides.stream == false) {
    std::erase_if(members,
                  [](const Member& member) { return member.first == "\"stream_options\""; });
  }
  PreparedRequest prepared{.body = join_members(members), .stream = is_stream};
  const Result<Json> sent = json::parse(prepared.body);
  if (!sent.ok()) return not_a_request("this line is no JSON: " + sent.error().message);
  prepared.hash = md5_hex(python_json(*sent));
  return prepared;
}

std::string with_members(std::string_view request, std::string_view extra) {
  if (extra.empty()) return std::string(request);
  std::vector<Member> members = members_of(request);
  for (auto& [key, value] : members_of(extra)) set(members, key, std::move(value));
  return join_members(members);
}

}  // namespace perdure::verify
