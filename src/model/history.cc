#include "model/history.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "core/run.h"
#include "json/parse.h"
#include "json/slice.h"
#include "json/writer.h"
#include "model/media.h"

namespace perdure {
namespace {

constexpr std::size_t kPlainIdBytesMax = 64;

std::string_view unquoted(std::string_view literal) {
  return literal.size() < 2 ? std::string_view() : literal.substr(1, literal.size() - 2);
}

bool is_text(std::string_view literal) {
  return literal.size() >= 2 && literal.front() == '"';
}

bool is_nothing(std::string_view value) {
  return value.empty() || value == "null" || value == R"("")";
}

// The text of reasoning_details as one literal, put together from what stands between the quotes.
std::string text_of_details(std::string_view details) {
  std::string literal = "\"";
  for (const std::string_view detail : json::element_slices(details)) {
    for (const char* member : {"text", "summary"}) {
      const std::string_view text = json::member_slice(detail, member);
      if (is_text(text)) literal += unquoted(text);
    }
  }
  return literal + '"';
}

bool is_reasoning(std::string_view key) {
  return key == "reasoning_content" || key == "reasoning" || key == "reasoning_details";
}

// What a message has of reasoning: the name under which it came, and the text as a literal; both
// empty for none.
struct Reasoning {
  std::string name;
  std::string literal;
};

Reasoning reasoning_of(std::string_view fragment) {
  for (const char* name : {"reasoning_content", "reasoning"}) {
    const std::string_view text = json::member_slice(fragment, name);
    if (is_text(text) && !is_nothing(text)) return {.name = name, .literal = std::string(text)};
  }
  std::string text = text_of_details(json::member_slice(fragment, "reasoning_details"));
  if (is_nothing(text)) return {};
  return {.name = "reasoning", .literal = std::move(text)};
}

// Writes the members of an object as they are.
class MemberWriter {
 public:
  void add(std::string_view name, std::string_view value) { add_raw(json::quoted(name), value); }
  void add_raw(std::string_view key, std::string_view value) {
    out_ += out_.empty() ? '{' : ',';
    out_.append(key).append(":").append(value);
  }
  std::string take() {
    out_ += out_.empty() ? "{}" : "}";
    return std::move(out_);
  }

 private:
  std::string out_;
};

std::string with_member(std::string_view object, std::string_view name, std::string_view value) {
  MemberWriter writer;
  for (const auto& [key, old] : json::member_slices(object))
    writer.add_raw(key, unquoted(key) == name ? value : old);
  return writer.take();
}

}  // namespace

void ProjectedHistory::add(std::string_view fragment, bool own, bool is_failure) {
  const auto append = [&](std::string_view json) {
    is_failure ? messages_.append_failure(json) : messages_.append(json);
  };
  const std::string_view role = unquoted(json::member_slice(fragment, "role"));
  if (role == "assistant") {
    append(project(fragment, own));
  } else if (role == "tool") {
    const auto renamed = renamed_.find(json::member_slice(fragment, "tool_call_id"));
    if (renamed == renamed_.end()) return append(fragment);
    append(with_member(fragment, "tool_call_id", renamed->second));
  } else {
    append(role == "user" ? with_media_notes(fragment, dialect_, refused_) : std::string(fragment));
  }
}

// The calls of an own message are counted and their ids kept, and nothing of it changes.
std::string ProjectedHistory::project(std::string_view fragment, bool own) {
  renamed_.clear();
  const std::string_view calls = json::member_slice(fragment, "tool_calls");
  const bool has_calls = !json::element_slices(calls).empty();
  const std::string projected_calls = has_calls ? project_calls(calls, own) : std::string(calls);
  if (own) return std::string(fragment);

  Reasoning reasoning = dialect_.takes_reasoning ? reasoning_of(fragment) : Reasoning{};
  if (reasoning.literal.empty() && has_calls && dialect_.reasoning_required) {
    reasoning = {.name = "reasoning_content", .literal = R"(" ")"};
  }
  if (!dialect_.reasoning_member.empty()) reasoning.name = dialect_.reasoning_member;
  MemberWriter writer;
  const auto write_reasoning = [&] {
    if (!reasoning.literal.empty()) writer.add(reasoning.name, reasoning.literal);
    reasoning.literal.clear();
  };
  const auto write_empty_content = [&] {
    if (dialect_.empty_content == EmptyContent::kNull) writer.add("content", "null");
    if (dialect_.empty_content == EmptyContent::kKeep) writer.add("content", R"("")");
  };
  const bool has_content = !json::member_slice(fragment, "content").empty();
  for (const auto& [key, value] : json::member_slices(fragment)) {
    const std::string_view name = unquoted(key);
    if (name == kBlocksMember) continue;
    if (is_reasoning(name)) {
      write_reasoning();
    } else if (name == "content" && has_calls && is_nothing(value)) {
      write_empty_content();
    } else if (name == "tool_calls") {
      write_reasoning();  // where the message had none of its own
      writer.add_raw(key, projected_calls);
    } else {
      writer.add_raw(key, value);
      if (name == "role" && has_calls && !has_content) write_empty_content();
    }
  }
  return writer.take();
}

std::string ProjectedHistory::project_calls(std::string_view calls, bool own) {
  std::string out;
  for (const std::string_view call : json::element_slices(calls)) {
    const std::string_view literal = json::member_slice(call, "id");
    const std::string_view function = json::member_slice(call, "function");
    std::string id = json::text_of(literal);
    if (!own) id = new_id(literal, unquoted(json::member_slice(function, "name")));
    ++calls_;
    const std::string written = own ? std::string(literal) : json::quoted(id);
    call_ids_.insert(std::move(id));
    out += out.empty() ? '[' : ',';
    if (written == literal) {
      out += call;
    } else {
      renamed_.emplace(literal, written);
      out += with_member(call, "id", written);
    }
  }
  return out + ']';
}

// The id that a call of another host has here, unlike those of all calls before it.
std::string ProjectedHistory::new_id(std::string_view literal, std::string_view name) {
  const auto is_taken = [this](const std::string& id) { return call_ids_.count(id) > 0; };
  std::string id = json::text_of(literal);
  std::size_t number = calls_;
  if (dialect_.call_ids == CallIds::kNumbered) {
    const std::string prefix = "functions." + std::string(name) + ":";
    do {
      id = prefix + std::to_string(number++);
    } while (is_taken(id));
    return id;
  }
  if (dialect_.call_ids == CallIds::kPlain) {
    const auto is_plain = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '_' || c == '-';
    };
    std::replace_if(id.begin(), id.end(), [&](char c) { return !is_plain(c); }, '_');
    id.resize(std::min(id.size(), kPlainIdBytesMax));
    if (id.empty()) id = "call";
  }
  // What two ids differed in may be gone, and an own call may have the id that another had.
  const std::string base = id;
  while (is_taken(id)) {
    const std::string suffix = "_" + std::to_string(number++);
    id = base.substr(0, kPlainIdBytesMax - suffix.size()) + suffix;
  }
  return id;
}

Histories::View Histories::at_endpoint_in_use(const Run& run) {
  const EndpointPlan& endpoint = run.endpoints.at(run.endpoint);
  const auto is_own = [&](const Issuer& issuer) {
    return issuer.host == endpoint.host && issuer.base_url == endpoint.base_url;
  };
  const auto foreign = std::find_if_not(run.issuers.begin(), run.issuers.end(), is_own);
  const std::size_t size = run.transcript.size();
  const HistoryDialect dialect =
      run.endpoint < dialects_.size() ? dialects_[run.endpoint] : HistoryDialect{};
  std::set<std::string> refused = refused_media(run);
  const bool sees_all = run.media_tokens == 0 || (refused.empty() && dialect.sees_images &&
                                                  dialect.sees_videos && dialect.takes_urls);
  if (sees_all && (foreign == run.issuers.end() || foreign->first_message >= size))
    return {.messages = &run.transcript};
  ProjectedHistory& history = histories_.try_emplace(run.endpoint, dialect).first->second;
  history.refuse(std::move(refused));
  auto issuer = run.issuers.begin();
  for (std::size_t i = history.messages().size(); i < size; ++i) {
    const bool has_issuer = issuer != run.issuers.end();
    while (has_issuer && issuer + 1 != run.issuers.end() && (issuer + 1)->first_message <= i)
      ++issuer;
    history.add(run.transcript.fragment(i), !has_issuer || is_own(*issuer),
                run.transcript.is_failure(i));
  }
  return {.messages = &history.messages(), .call_ids = &history.call_ids()};
}

}  // namespace perdure
