#include "model/schema_dialect_words.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/utf8.h"
#include "json/parse.h"

namespace perdure::mfjs {
namespace {

// Of a schema, a value and a list of them within a sentence.
constexpr std::size_t kSchemaBytesMax = 160;
constexpr std::size_t kValueBytesMax = 200;
constexpr std::size_t kListBytesMax = 400;

// Where what is said is joined to what was said before.
bool ends_sentence(char last) {
  const auto byte = static_cast<unsigned char>(last);
  return byte >= 0x80 || std::string_view(".!?:;,\n").find(last) != std::string_view::npos;
}

bool has_sentence(std::string_view text, std::string_view sentence) {
  for (std::size_t at = text.find(sentence); at != std::string_view::npos;
       at = text.find(sentence, at + 1)) {
    const std::size_t end = at + sentence.size();
    const bool begins = at == 0 || text[at - 1] == ' ' || text[at - 1] == '\n';
    const bool ends = end == text.size() || text[end] == ' ' || text[end] == '\n';
    if (begins && ends) return true;
  }
  return false;
}

std::string list_text(const std::vector<Json>& values) {
  std::string text;
  for (const Json& value : values) {
    if (!text.empty()) text += ", ";
    text += brief(value, kValueBytesMax);
    if (text.size() > kListBytesMax) return text + ", …";
  }
  return text;
}

std::string quoted_names(const Json& names) {
  std::vector<std::string> quoted;
  for (const Json& name : names) {
    if (name.is_string()) quoted.push_back(brief(name, kValueBytesMax));
  }
  return join(quoted, ", ");
}

const Json* member(const Json& schema, const char* keyword) {
  const auto found = schema.find(keyword);
  return found == schema.end() ? nullptr : &*found;
}

struct Unit {
  std::string_view one;
  std::string_view many;
};
constexpr Unit kCharacters = {"character", "characters"};
constexpr Unit kItems = {"item", "items"};
constexpr Unit kProperties = {"property", "properties"};

std::string counted(std::string_view limit, const Json& count, const Unit& unit) {
  if (!count.is_number() || (count == 0 && limit == "At least")) return {};
  return fmt::format("{} {} {}.", limit, json::dump(count), count == 1 ? unit.one : unit.many);
}

std::string compared(std::string_view comparison, const Json& bound) {
  return bound.is_number() ? fmt::format("Must be {} {}.", comparison, json::dump(bound)) : "";
}

// Draft 4 has booleans beside minimum and maximum where later drafts have numbers.
std::string at_least(const Json& schema, const Json& bound) {
  const Json* exclusive = member(schema, "exclusiveMinimum");
  return compared(exclusive != nullptr && *exclusive == true ? ">" : ">=", bound);
}

std::string at_most(const Json& schema, const Json& bound) {
  const Json* exclusive = member(schema, "exclusiveMaximum");
  return compared(exclusive != nullptr && *exclusive == true ? "<" : "<=", bound);
}

std::string labelled(std::string_view label, const Json& value) {
  if (!value.is_string()) return {};
  return fmt::format("{}: {}.", label,
                     utf8_prefix(value.get_ref<const std::string&>(), kValueBytesMax));
}

std::string pattern_text(const Json& value) {
  if (!value.is_string()) return {};
  return fmt::format("Must match the regular expression `{}`.",
                     utf8_prefix(value.get_ref<const std::string&>(), kListBytesMax));
}

std::string matching(std::string_view what, const Json& subschema) {
  if (subschema == true) return {};
  return fmt::format("{} {}.", what, brief(subschema, kSchemaBytesMax));
}

std::string others_text(std::string_view what, const Json& subschema) {
  if (subschema == false) return fmt::format("No other {}.", what);
  return matching(fmt::format("Other {} must match", what), subschema);
}

std::string contains_text(const Json& schema, const Json& subschema) {
  const Json* minimum = member(schema, "minContains");
  const Json* maximum = member(schema, "maxContains");
  const std::string what = brief(subschema, kSchemaBytesMax);
  std::string text;
  if (minimum == nullptr || *minimum != 0) {
    const std::string count = minimum == nullptr ? "1" : json::dump(*minimum);
    text = fmt::format("Items that match {}: at least {}.", what, count);
  }
  if (maximum != nullptr) {
    text += text.empty()
                ? fmt::format("Items that match {}: at most {}.", what, json::dump(*maximum))
                : fmt::format(" At most {}.", json::dump(*maximum));
  }
  return text;
}

// {"card": ["name"]} of dependentRequired, {"card": {...}} of dependentSchemas, and both of
// draft-07's dependencies.
std::string dependent_text(const Json& dependents) {
  std::string text;
  if (!dependents.is_object()) return text;
  for (const auto& [name, needs] : dependents.items()) {
    if (needs == true || needs.empty()) continue;
    if (!text.empty()) text += ' ';
    const std::string given = brief(Json(name), kValueBytesMax);
    text +=
        needs.is_array()
            ? fmt::format("If {} is given, so must be: {}.", given, quoted_names(needs))
            : fmt::format("If {} is given, must match {}.", given, brief(needs, kSchemaBytesMax));
    if (text.size() > kListBytesMax) break;
  }
  return text;
}

std::string condition_text(const Json& schema, const Json& condition) {
  const Json* then = member(schema, "then");
  const Json* otherwise = member(schema, "else");
  std::string text;
  if (then != nullptr && *then != true) {
    text = fmt::format("If it matches {}, must match {}.", brief(condition, kSchemaBytesMax),
                       brief(*then, kSchemaBytesMax));
  }
  if (otherwise != nullptr && *otherwise != true) {
    text += text.empty()
                ? fmt::format("Unless it matches {}, must match {}.",
                              brief(condition, kSchemaBytesMax), brief(*otherwise, kSchemaBytesMax))
                : fmt::format(" Else must match {}.", brief(*otherwise, kSchemaBytesMax));
  }
  return text;
}

std::string examples_text(const Json& examples) {
  if (!examples.is_array() || examples.empty()) return {};
  constexpr std::size_t kExamplesMax = 3;
  std::vector<Json> first;
  for (std::size_t i = 0; i < std::min(examples.size(), kExamplesMax); ++i)
    first.push_back(examples[i]);
  return fmt::format("Examples: {}.", list_text(first));
}

// The items of a tuple in their order; the dialect has one schema for all of them.
std::string tuple_text(const Json& items) {
  if (!items.is_array() || items.empty()) return {};
  std::vector<Json> schemas(items.begin(), items.end());
  return fmt::format("Items in this order: {}.", list_text(schemas));
}

std::string pattern_properties_text(const Json& schema, const Json& patterns) {
  std::string text;
  if (!patterns.is_object()) return text;
  for (const auto& [pattern, subschema] : patterns.items()) {
    if (matches_all_names(pattern)) continue;
    if (!text.empty()) text += ' ';
    text += fmt::format("Names that match `{}`: {}.", utf8_prefix(pattern, kValueBytesMax),
                        brief(subschema, kSchemaBytesMax));
    if (text.size() > kListBytesMax) break;
  }
  const Json* additional = member(schema, "additionalProperties");
  if (!text.empty() && additional != nullptr && *additional == false) text += " No other names.";
  return text;
}

using Writer = std::string (*)(const Json& schema, const Json& value);

struct Rule {
  std::string_view keyword;
  Writer write;  // null: dropped without a word
};

// In the order in which they are said.
constexpr std::array<Rule, 44> kRules = {{
    {"format", [](const Json&, const Json& value) { return labelled("Format", value); }},
    {"contentMediaType",
     [](const Json&, const Json& value) { return labelled("Media type", value); }},
    {"contentEncoding", [](const Json&, const Json& value) { return labelled("Encoding", value); }},
    {"contentSchema",
     [](const Json&, const Json& value) { return matching("Its content must match", value); }},
    {"pattern", [](const Json&, const Json& value) { return pattern_text(value); }},
    {"minLength",
     [](const Json&, const Json& value) { return counted("At least", value, kCharacters); }},
    {"maxLength",
     [](const Json&, const Json& value) { return counted("At most", value, kCharacters); }},
    {"minimum", [](const Json& schema, const Json& value) { return at_least(schema, value); }},
    {"exclusiveMinimum", [](const Json&, const Json& value) { return compared(">", value); }},
    {"maximum", [](const Json& schema, const Json& value) { return at_most(schema, value); }},
    {"exclusiveMaximum", [](const Json&, const Json& value) { return compared("<", value); }},
    {"multipleOf", [](const Json&, const Json& value) { return compared("a multiple of", value); }},
    {"items", [](const Json&, const Json& value) { return tuple_text(value); }},
    {"prefixItems", [](const Json&, const Json& value) { return tuple_text(value); }},
    {"unevaluatedItems",
     [](const Json&, const Json& value) { return others_text("items", value); }},
    {"contains",
     [](const Json& schema, const Json& value) { return contains_text(schema, value); }},
    {"minItems", [](const Json&, const Json& value) { return counted("At least", value, kItems); }},
    {"maxItems", [](const Json&, const Json& value) { return counted("At most", value, kItems); }},
    {"uniqueItems",
     [](const Json&, const Json& value) {
       return std::string(value == true ? "Items must be unique." : "");
     }},
    {"patternProperties",
     [](const Json& schema, const Json& value) { return pattern_properties_text(schema, value); }},
    {"propertyNames",
     [](const Json&, const Json& value) { return matching("Names must match", value); }},
    {"unevaluatedProperties",
     [](const Json&, const Json& value) { return others_text("properties", value); }},
    {"minProperties",
     [](const Json&, const Json& value) { return counted("At least", value, kProperties); }},
    {"maxProperties",
     [](const Json&, const Json& value) { return counted("At most", value, kProperties); }},
    {"dependentRequired", [](const Json&, const Json& value) { return dependent_text(value); }},
    {"dependentSchemas", [](const Json&, const Json& value) { return dependent_text(value); }},
    {"dependencies", [](const Json&, const Json& value) { return dependent_text(value); }},
    {"if", [](const Json& schema, const Json& value) { return condition_text(schema, value); }},
    {"not", [](const Json&, const Json& value) { return matching("Must not match", value); }},
    {"examples", [](const Json&, const Json& value) { return examples_text(value); }},
    {"readOnly",
     [](const Json&, const Json& value) { return std::string(value == true ? "Read-only." : ""); }},
    {"deprecated",
     [](const Json&, const Json& value) {
       return std::string(value == true ? "Deprecated." : "");
     }},
    {"$anchor", nullptr},
    {"$comment", nullptr},
    {"$dynamicAnchor", nullptr},
    {"$id", nullptr},
    {"$recursiveAnchor", nullptr},
    {"$schema", nullptr},
    {"$vocabulary", nullptr},
    {"else", nullptr},
    {"maxContains", nullptr},
    {"minContains", nullptr},
    {"then", nullptr},
    {"writeOnly", nullptr},
}};

// What the reader itself makes something of.
constexpr std::array<std::string_view, 18> kStructure = {"$defs",
                                                         "$ref",
                                                         "additionalItems",
                                                         "additionalProperties",
                                                         "allOf",
                                                         "anyOf",
                                                         "const",
                                                         "default",
                                                         "definitions",
                                                         "description",
                                                         "enum",
                                                         "oneOf",
                                                         "properties",
                                                         "required",
                                                         "title",
                                                         "type",
                                                         "$dynamicRef",
                                                         "$recursiveRef"};

}  // namespace

std::vector<DroppedKeyword> dropped_keywords(const Json& schema) {
  std::vector<DroppedKeyword> dropped;
  for (const Rule& rule : kRules) {
    const auto found = schema.find(rule.keyword);
    if (found == schema.end() || (rule.keyword == "items" && !found->is_array())) continue;
    std::string sentence = rule.write == nullptr ? "" : rule.write(schema, *found);
    const bool is_silent = sentence.empty();
    dropped.push_back({.keyword = std::string(rule.keyword),
                       .sentence = std::move(sentence),
                       .is_silent = is_silent});
  }
  for (const auto& [keyword, value] : schema.items()) {
    const bool is_ruled = std::any_of(kRules.begin(), kRules.end(),
                                      [&](const Rule& rule) { return rule.keyword == keyword; });
    const bool is_kept =
        std::find(kStructure.begin(), kStructure.end(), keyword) != kStructure.end();
    if (!is_ruled && !is_kept) dropped.push_back({.keyword = keyword});
  }
  return dropped;
}

std::string joined_description(std::string_view first, std::string_view second) {
  if (first.empty()) return std::string(second);
  if (second.empty() || has_sentence(first, second)) return std::string(first);
  std::string text(first);
  if (!ends_sentence(text.back())) text += '.';
  if (text.back() != '\n') text += ' ';
  return text.append(second);
}

std::string brief(const Json& value, std::size_t bytes) {
  std::string text = json::dump(value);
  if (text.size() <= bytes) return text;
  return std::string(utf8_prefix(text, bytes)) + "…";
}

std::string values_sentence(const std::vector<Json>& values) {
  return fmt::format("Must be {}{}.", values.size() == 1 ? "" : "one of: ", list_text(values));
}

std::string default_sentence(const Json& value) {
  return fmt::format("Default: {}.", brief(value, kValueBytesMax));
}

bool matches_all_names(std::string_view pattern) {
  constexpr std::array<std::string_view, 10> kAll = {"",    "^",    "$",  ".*",   "^.*",
                                                     ".*$", "^.*$", ".+", "^.+$", "^(.*)$"};
  return std::find(kAll.begin(), kAll.end(), pattern) != kAll.end();
}

bool is_title_telling(std::string_view title, std::string_view name) {
  const auto letters = [](std::string_view text) {
    std::string out;
    for (const char c : to_lower_ascii(text)) {
      const bool is_letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
      if (is_letter || static_cast<unsigned char>(c) >= 0x80) out += c;
    }
    return out;
  };
  return letters(title) != letters(name);
}

}  // namespace perdure::mfjs
