#include "json/schema/messages.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/utf8.h"
#include "json/parse.h"
#include "json/schema/registry.h"
#include "json/writer.h"

namespace perdure::json_schema {
namespace {

// Messages go into the context of a model: long values and long lists are cut.
constexpr std::size_t kValueBytesMax = 60;
constexpr std::size_t kNameBytesMax = 100;
constexpr std::size_t kListedMax = 12;
constexpr std::size_t kChoicesComparedMax = 200;
constexpr std::size_t kDescribedNamesMax = 3;
constexpr std::size_t kKnownNamesMax = 64;
constexpr std::size_t kDescribeDepthMax = 6;
constexpr std::size_t kJsonTextBytesMax = 65'536;

std::string cut(std::string_view text, std::size_t bytes) {
  std::string valid = to_valid_utf8(utf8_prefix(text, bytes));
  return valid.size() < text.size() && text.size() > bytes ? valid + "…" : valid;
}

// Appends the value as compact JSON; false when that passes the limit.
bool append_json(const Json& value, json::Writer& writer, const std::string& out) {
  if (out.size() > kValueBytesMax) return false;
  if (const auto* text = value.get_ptr<const std::string*>()) {
    writer.string(to_valid_utf8(utf8_prefix(*text, kValueBytesMax + 1)));
  } else if (value.is_array()) {
    writer.begin_array();
    for (const Json& element : value) {
      if (!append_json(element, writer, out)) return false;
    }
    writer.end_array();
  } else if (value.is_object()) {
    writer.begin_object();
    for (const auto& [key, member] : value.items()) {
      writer.key(to_valid_utf8(utf8_prefix(key, kValueBytesMax + 1)));
      if (!append_json(member, writer, out)) return false;
    }
    writer.end_object();
  } else if (value.is_boolean()) {
    writer.boolean(value.get<bool>());
  } else if (value.is_number_unsigned()) {
    writer.raw(std::to_string(value.get<std::uint64_t>()));
  } else if (value.is_number_integer()) {
    writer.integer(value.get<std::int64_t>());
  } else if (value.is_number()) {
    writer.number(value.get<double>());
  } else {
    writer.null();
  }
  return out.size() <= kValueBytesMax;
}

bool is_plain_key(std::string_view key) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '$' || c == '@';
  };
  return !key.empty() && std::all_of(key.begin(), key.end(), is_plain);
}

void append_path(const Spot& spot, std::string& out) {
  if (spot.parent != nullptr && spot.kind != Spot::Kind::kRoot) append_path(*spot.parent, out);
  if (spot.kind == Spot::Kind::kElement) {
    out += fmt::format("[{}]", spot.index);
  } else if (spot.kind != Spot::Kind::kRoot) {
    if (is_plain_key(spot.key)) {
      if (!out.empty()) out += '.';
      out += spot.key;
    } else {
      out += '[';
      json::append_string(out, to_valid_utf8(utf8_prefix(spot.key, kNameBytesMax)));
      out += ']';
    }
  }
}

// "a, b and 3 more".
template <class Items, class Print>
std::string listed(const Items& items, Print print) {
  std::vector<std::string> shown;
  for (const auto& item : items) {
    if (shown.size() == kListedMax) break;
    shown.push_back(print(item));
  }
  std::string out = join(shown, ", ");
  if (shown.size() < items.size()) out += fmt::format(" and {} more", items.size() - shown.size());
  return out;
}

// "one of "a", "b"", or the one choice that there is.
std::string choices_text(const Json& choices) {
  if (choices.empty()) return "one of no values";
  return (choices.size() == 1 ? "" : "one of ") + listed(choices, brief);
}

// The choice that a string was most likely meant to be, or a choice that is written alike: "5"
// for 5.
std::string choice_advice(const Json& value, const Json& choices) {
  std::vector<std::string> texts;
  for (const Json& choice : choices) {
    if (texts.size() == kChoicesComparedMax) break;
    const auto* text = choice.get_ptr<const std::string*>();
    texts.push_back(text != nullptr ? *text : brief(choice));
  }
  const auto* written = value.get_ptr<const std::string*>();
  const std::string word = written != nullptr ? *written : brief(value);
  auto best = std::find(texts.begin(), texts.end(), word);
  if (best == texts.end() && written != nullptr) {
    const std::optional<std::string> meant = nearest(word, texts);
    if (meant) best = std::find(texts.begin(), texts.end(), *meant);
  }
  if (best == texts.end()) return {};
  const auto index = static_cast<std::size_t>(best - texts.begin());
  return fmt::format(" (did you mean {}?)", brief(choices[index]));
}

// A value in quotes that would fit without them, or the reverse: a frequent slip of models.
std::string quotes_advice(const Json& value, TypeSet wanted) {
  const auto* text = value.get_ptr<const std::string*>();
  if (text == nullptr) {
    const bool is_scalar = value.is_number() || value.is_boolean();
    return is_scalar && wanted == kStringBit ? " (write it in quotes)" : "";
  }
  if (text->size() > kJsonTextBytesMax) return {};
  const Result<Json> parsed = json::parse(*text);
  if (!parsed.ok() || parsed->is_string() || (types_of(*parsed) & wanted) == 0) return {};
  return parsed->is_structured() ? " (write it as JSON, not as a string)"
                                 : " (write it without quotes)";
}

std::string describe_object(const Program& program, const ObjectRules& rules) {
  std::vector<std::string> parts;
  for (const std::string& name : rules.required) {
    if (parts.size() == kDescribedNamesMax) break;
    std::string part = name_in_quotes(name);
    for (const auto& [property, node] : rules.properties) {
      const auto& value = program.nodes[node].value;
      if (property == name && value && value->constant != nullptr) {
        part += ": " + brief(*value->constant);
      }
    }
    parts.push_back(std::move(part));
  }
  return parts.empty() ? "an object" : "an object with " + join(parts, ", ");
}

std::string describe_at(const Program& program, NodeIndex index, std::size_t depth) {
  const Node& node = program.nodes[index];
  if (node.is_false) return "nothing";
  if (node.value && node.value->constant != nullptr) return brief(*node.value->constant);
  if (node.value && node.value->choices != nullptr) {
    return choices_text(*node.value->choices);
  }
  if (node.reference != kNoNode && depth < kDescribeDepthMax) {
    return describe_at(program, node.reference, depth + 1);
  }
  const bool has_more = node.number || node.string || node.array || node.combination ||
                        node.dynamic_reference || node.object;
  if (node.types != kAnyType && !has_more) return type_text(node.types);
  if (node.object && !node.object->required.empty()) return describe_object(program, *node.object);
  std::string text;
  json::Writer writer(text);
  if (append_json(*node.json, writer, text)) return text == "{}" ? "any value" : text;
  const auto title = node.json->find("title");
  if (title != node.json->end() && title->is_string() && !title->empty()) return brief(*title);
  return node.types == kAnyType ? "a value of another form" : type_text(node.types);
}

void collect_names(const Program& program, NodeIndex index, std::size_t depth,
                   std::set<std::string>& names) {
  if (index == kNoNode || depth > kDescribeDepthMax || names.size() >= kKnownNamesMax) return;
  const Node& node = program.nodes[index];
  if (node.object) {
    for (const auto& [name, property] : node.object->properties) {
      if (names.size() < kKnownNamesMax && !program.nodes[property].is_false) names.insert(name);
    }
    for (const Dependency& dependency : node.object->dependencies) {
      collect_names(program, dependency.schema, depth + 1, names);
    }
  }
  collect_names(program, node.reference, depth + 1, names);
  if (!node.combination) return;
  const CombinationRules& rules = *node.combination;
  for (const auto* branches : {&rules.all_of, &rules.any_of, &rules.one_of}) {
    for (const NodeIndex branch : *branches) collect_names(program, branch, depth + 1, names);
  }
  for (const NodeIndex branch : {rules.condition, rules.consequence, rules.alternative}) {
    collect_names(program, branch, depth + 1, names);
  }
}

}  // namespace

std::string name_in_quotes(std::string_view name) {
  return fmt::format("'{}'", cut(name, kNameBytesMax));
}

std::string pointer_of(const Spot& spot) {
  if (spot.kind == Spot::Kind::kRoot) return {};
  std::string out = spot.parent == nullptr ? std::string() : pointer_of(*spot.parent);
  out += spot.kind == Spot::Kind::kElement ? fmt::format("/{}", spot.index)
                                           : pointer_step(to_valid_utf8(spot.key));
  return out;
}

std::string name_of(const Spot& spot) {
  if (spot.kind == Spot::Kind::kRoot) return "the value";
  if (spot.kind == Spot::Kind::kName) {
    return fmt::format("the property name {}{}", name_in_quotes(spot.key), in_place(*spot.parent));
  }
  std::string path;
  append_path(spot, path);
  if (path.size() <= kNameBytesMax) return fmt::format("'{}'", to_valid_utf8(path));
  return fmt::format("'…{}'", to_valid_utf8(utf8_suffix(path, kNameBytesMax)));
}

std::string in_place(const Spot& spot) {
  return spot.kind == Spot::Kind::kRoot ? std::string() : " in " + name_of(spot);
}

std::string brief(const Json& value) {
  if (const auto* text = value.get_ptr<const std::string*>()) {
    std::string out;
    json::append_string(out, cut(*text, kValueBytesMax));
    return out;
  }
  std::string out;
  json::Writer writer(out);
  if (append_json(value, writer, out)) return out;
  if (value.is_array()) return "an array of " + count_text(value.size(), "item");
  return "an object of " + count_text(value.size(), "property");
}

std::string count_text(std::size_t count, std::string_view noun) {
  if (count == 1) return fmt::format("1 {}", noun);
  if (noun.back() == 'y') return fmt::format("{} {}ies", count, noun.substr(0, noun.size() - 1));
  return fmt::format("{} {}s", count, noun);
}

std::string type_text(TypeSet types) {
  constexpr std::array<std::pair<TypeSet, std::string_view>, 7> kNames = {{
      {kStringBit, "a string"},
      {kNumberBit, "a number"},
      {kIntegerBit, "an integer"},
      {kBooleanBit, "a boolean"},
      {kArrayBit, "an array"},
      {kObjectBit, "an object"},
      {kNullBit, "null"},
  }};
  std::vector<std::string> names;
  for (const auto& [bit, name] : kNames) {
    const bool is_covered = bit == kIntegerBit && (types & kNumberBit) != 0;
    if ((types & bit) != 0 && !is_covered) names.emplace_back(name);
  }
  return join(names, " or ");
}

TypeSet types_of(const Json& value) {
  switch (value.type()) {
    case Json::value_t::null:
      return kNullBit;
    case Json::value_t::boolean:
      return kBooleanBit;
    case Json::value_t::string:
      return kStringBit;
    case Json::value_t::array:
      return kArrayBit;
    case Json::value_t::object:
      return kObjectBit;
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
      return kIntegerBit | kNumberBit;
    case Json::value_t::number_float:
      return is_integer(value) ? kIntegerBit | kNumberBit : kNumberBit;
    default:
      return 0;  // binary and discarded values are no JSON and fit no type
  }
}

std::string describe(const Program& program, NodeIndex node) {
  return describe_at(program, node, 0);
}

std::vector<std::string> known_names(const Program& program, NodeIndex node) {
  std::set<std::string> names;
  collect_names(program, node, 0, names);
  return {names.begin(), names.end()};
}

std::string wrong_type_text(const Spot& spot, TypeSet wanted) {
  // Models like to write null for what they want to leave open.
  const bool is_needless = spot.value.is_null() && spot.is_optional;
  return fmt::format("{} must be {}; got {}{}{}", name_of(spot), type_text(wanted),
                     spot.value.is_string() ? "the string " : "", brief(spot.value),
                     is_needless ? " (leave it out instead)" : quotes_advice(spot.value, wanted));
}

std::string wrong_constant_text(const Spot& spot, const Json& constant) {
  return fmt::format("{} must be {}; got {}", name_of(spot), brief(constant), brief(spot.value));
}

std::string wrong_choice_text(const Spot& spot, const Json& choices) {
  return fmt::format("{} must be {}; got {}{}", name_of(spot), choices_text(choices),
                     brief(spot.value), choice_advice(spot.value, choices));
}

std::string missing_text(const Spot& spot, const std::string& name, const Program& program,
                         NodeIndex node) {
  std::string text =
      fmt::format("missing required property {}{}", name_in_quotes(name), in_place(spot));
  const auto& object = program.nodes[node].object;
  const bool reports_unknown =
      object && object->additional != kNoNode && program.nodes[object->additional].is_false;
  if (reports_unknown) return text;
  const std::vector<std::string> known = known_names(program, node);
  std::vector<std::string> strange;
  for (const auto& [key, value] : spot.value.items()) {
    if (strange.size() == kKnownNamesMax) break;
    if (!std::binary_search(known.begin(), known.end(), key)) strange.push_back(key);
  }
  if (const std::optional<std::string> near = nearest(name, strange)) {
    text += fmt::format(" (you wrote {})", name_in_quotes(*near));
  }
  return text;
}

std::string unknown_text(const Spot& object, const std::string& name,
                         std::span<const std::string> known) {
  std::string text = fmt::format("unknown property {}{}", name_in_quotes(name), in_place(object));
  std::vector<std::string> absent;
  for (const std::string& other : known) {
    if (!object.value.contains(other)) absent.push_back(other);
  }
  if (const std::optional<std::string> meant = nearest(name, absent)) {
    return text + fmt::format(" (did you mean {}?)", name_in_quotes(*meant));
  }
  if (known.empty()) return text;
  return text + fmt::format(" (known are {})", listed(known, name_in_quotes));
}

}  // namespace perdure::json_schema
