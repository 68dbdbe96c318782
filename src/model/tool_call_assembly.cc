#include "model/tool_call_assembly.h"

#include <algorithm>
#include <charconv>

namespace perdure {
namespace {

// An index may come as a number or as a string of digits.
std::optional<std::int64_t> read_index(const json::Value& value) {
  if (const std::optional<std::int64_t> index = value.integer()) return index;
  const std::optional<std::string_view> text = value.string();
  if (!text) return std::nullopt;
  std::int64_t index = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), index);
  if (error != std::errc() || end != text->data() + text->size()) return std::nullopt;
  return index;
}

void keep_extras(AssembledCall& call, const json::Value& element) {
  for (const auto& [key, value] : element.members()) {
    if (key != "index" && key != "id" && key != "type" && key != "function") {
      keep_extra(call.extras, key, value);
    }
  }
}

}  // namespace

void keep_extra(std::vector<std::pair<std::string, std::string>>& extras, std::string_view key,
                const json::Value& value) {
  if (value.is_nothing()) return;
  const auto found = std::find_if(extras.begin(), extras.end(),
                                  [&](const auto& extra) { return extra.first == key; });
  std::string text = value.text();
  if (found == extras.end()) {
    extras.emplace_back(key, std::move(text));
    return;
  }
  const bool both_strings =
      value.is_string() && !found->second.empty() && found->second.front() == '"';
  if (!both_strings) {
    found->second = std::move(text);
  } else if (found->second != text) {
    found->second.pop_back();
    found->second += text.substr(1);
  }
}

void ObjectShape::add(std::string_view piece) {
  for (const char c : piece) step(c);
}

void ObjectShape::step(char c) {
  const bool is_space = c == ' ' || c == '\n' || c == '\t' || c == '\r';
  switch (state_) {
    case State::kBefore:
      if (c == '{') depth_ = 1;
      if (!is_space) state_ = c == '{' ? State::kInside : State::kSpoiled;
      return;
    case State::kInside:
      if (c == '"') state_ = State::kString;
      if (c == '{' || c == '[') ++depth_;
      if ((c == '}' || c == ']') && --depth_ == 0) state_ = State::kAfter;
      return;
    case State::kString:
      if (c == '"') state_ = State::kInside;
      if (c == '\\') state_ = State::kEscape;
      return;
    case State::kEscape:
      state_ = State::kString;
      return;
    case State::kAfter:
      if (!is_space) state_ = State::kSpoiled;
      return;
    case State::kSpoiled:
      return;
  }
}

struct ToolCallAssembly::Fragment {
  std::optional<std::int64_t> index;
  std::string_view id;
  std::string_view name;
  std::string_view arguments;

  Fragment(const json::Value& element, const json::Value& function, std::string_view written,
           std::string& storage)
      : index(read_index(element.get("index"))),
        id(element.get("id").string_or("")),
        name(function.get("name").string_or("")) {
    const json::Value value = function.get("arguments");
    arguments = value.string_or("");
    // Whatever is not a string is kept as its JSON text: an object is what was meant, and a list or
    // a number must not pass for "no arguments".
    if (value.is_string() || value.is_nothing()) return;
    storage = written.empty() ? value.text() : std::string(written);
    arguments = storage;
  }

  /// Nothing to make a call of.
  bool is_blank() const { return id.empty() && name.empty() && arguments.empty(); }

  /// A host that numbers wrongly sends the next call under the number of one that is whole.
  bool begins_another(const AssembledCall& call) const {
    if (name.empty() || call.name.empty()) return false;
    const bool other_id = !id.empty() && !call.id.empty() && id != call.id;
    if (call.arguments.empty()) return other_id && !name.starts_with(call.name);
    if (!call.shape.is_whole()) return false;
    return other_id || (id.empty() && !arguments.empty() && arguments != call.arguments);
  }
};

// Which call a fragment belongs to: the id decides first, then the index, then the order. None of
// those that there are when it begins another.
AssembledCall* ToolCallAssembly::find_slot(const Fragment& fragment) {
  if (calls_.empty()) return nullptr;
  for (AssembledCall* found :
       {find_by_id(fragment), find_by_index(fragment), find_current(fragment)}) {
    if (found != nullptr) return found;
  }
  return nullptr;
}

// A known id at the same index, or without one, continues its call. One at another index does so
// only when the fragment has no name: some hosts give every call of a message the same id.
AssembledCall* ToolCallAssembly::find_by_id(const Fragment& fragment) {
  if (fragment.id.empty()) return nullptr;
  const auto found = std::find_if(calls_.rbegin(), calls_.rend(), [&](const AssembledCall& call) {
    const bool same_place = !fragment.index || !call.index || *call.index == *fragment.index;
    return call.id == fragment.id && (same_place || fragment.name.empty());
  });
  if (found == calls_.rend()) return nullptr;
  // Without an index, a second whole call under the id of the first is a call of its own.
  const bool another = !fragment.index && !fragment.name.empty() && found->shape.is_whole() &&
                       !fragment.arguments.empty() && fragment.arguments != found->arguments;
  return another ? nullptr : &*found;
}

AssembledCall* ToolCallAssembly::find_by_index(const Fragment& fragment) {
  if (!fragment.index) return nullptr;
  const auto found = std::find_if(calls_.rbegin(), calls_.rend(), [&](const AssembledCall& call) {
    return call.index == fragment.index;
  });
  if (found != calls_.rend()) return fragment.begins_another(*found) ? nullptr : &*found;
  // A nameless piece under a number that no call has: hosts that number wrongly send the end of a
  // call under the number of the next one.
  AssembledCall& last = calls_.back();
  const bool belongs =
      fragment.id.empty() && fragment.name.empty() && !last.name.empty() && !last.shape.is_whole();
  return belongs ? &last : nullptr;
}

// Without an index, a fragment with a name begins a call once the last one is whole; one without a
// name continues the last, also under an id that changes from piece to piece.
AssembledCall* ToolCallAssembly::find_current(const Fragment& fragment) {
  if (fragment.index) return nullptr;
  AssembledCall& last = calls_.back();
  const bool may_be_open = fragment.name.empty() || last.name.empty() || !last.shape.is_whole();
  if (fragment.id.empty()) return may_be_open && !fragment.begins_another(last) ? &last : nullptr;
  const bool late_id = last.id.empty() && !last.shape.is_whole();
  return late_id || (fragment.name.empty() && !last.shape.is_whole()) ? &last : nullptr;
}

std::string_view ToolCallAssembly::add(const json::Value& element, std::string_view written) {
  const Fragment fragment(element, element.get("function"), written, arguments_);
  return add_to(find_slot(fragment), fragment, element);
}

std::string_view ToolCallAssembly::add_whole(const json::Value& element, std::string_view written) {
  return add_to(nullptr, Fragment(element, element.get("function"), written, arguments_), element);
}

std::string_view ToolCallAssembly::add_function_call(const json::Value& function) {
  Fragment fragment({}, function, {}, arguments_);
  fragment.index = 0;
  return add_to(find_slot(fragment), fragment, {});
}

std::string_view ToolCallAssembly::add_to(AssembledCall* slot, const Fragment& fragment,
                                          const json::Value& element) {
  if (slot == nullptr && fragment.is_blank()) return {};
  AssembledCall& call = slot != nullptr ? *slot : calls_.emplace_back();
  if (slot == nullptr) call.index = fragment.index;
  if (call.id.empty()) call.id = fragment.id;
  keep_extras(call, element);
  const std::string_view name = fragment.name;
  if (!name.empty() && call.name.empty()) {
    call.name = name;
  } else if (!name.empty() && call.arguments.empty()) {
    // Once the arguments have begun the name is known, and what comes is a repetition. Before, it
    // comes in pieces, or as all of it so far.
    call.name = name.starts_with(call.name) ? std::string(name) : call.name.append(name);
  }
  // After a whole object nothing can follow: hosts that repeat it mean the same call.
  if (call.shape.is_whole() && fragment.arguments == call.arguments) return {};
  call.arguments += fragment.arguments;
  call.shape.add(fragment.arguments);
  return fragment.arguments;
}

}  // namespace perdure
