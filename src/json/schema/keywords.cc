#include "json/schema/keywords.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/check.h"
#include "base/text.h"
#include "json/schema/messages.h"
#include "json/schema/uri.h"

namespace perdure::json_schema {
namespace {

// A compiled pattern can take 64 KB; no honest schema has so many.
constexpr std::size_t kPatternsMax = 1'000;

// One keyword of the schema that becomes `node`.
struct Context {
  Linker& linker;
  PlaceIndex place;
  const Dialect& dialect;
  const Json& schema;
  std::string_view keyword;
  const Json& value;
  Node& node;

  Error mistake(std::string_view message, std::string_view advice = {}) const {
    return linker.registry().mistake(place, keyword, message, advice);
  }
  Error wrong_type(std::string_view wanted) const {
    return mistake(fmt::format("'{}' must be {}, not {}", keyword, wanted, brief(value)));
  }
  NodeIndex node_of(const Json& subschema) const {
    const PlaceIndex found = linker.registry().place_of(subschema);
    CHECK(found != kNoPlace, "the registry has entered the subschemas of every applicator");
    return linker.node_at(found);
  }
};

using Handler = Status (*)(Context&);

template <class Rules>
Rules& rules(std::unique_ptr<Rules>& slot) {
  if (!slot) slot = std::make_unique<Rules>();
  return *slot;
}

// Handlers for keywords of one kind that differ only in where the value goes.

template <NodeIndex ArrayRules::* field>
Status array_schema(Context& at) {
  rules(at.node.array).*field = at.node_of(at.value);
  return {};
}

template <NodeIndex ObjectRules::* field>
Status object_schema(Context& at) {
  rules(at.node.object).*field = at.node_of(at.value);
  return {};
}

template <NodeIndex CombinationRules::* field>
Status combined_schema(Context& at) {
  rules(at.node.combination).*field = at.node_of(at.value);
  return {};
}

template <std::vector<NodeIndex> CombinationRules::* field>
Status combined_schemas(Context& at) {
  if (!at.value.is_array() || at.value.empty()) return at.wrong_type("an array of schemas");
  for (const Json& subschema : at.value) {
    (rules(at.node.combination).*field).push_back(at.node_of(subschema));
  }
  return {};
}

template <Bound NumberRules::* field>
Status bound(Context& at) {
  if (!at.value.is_number()) return at.wrong_type("a number");
  rules(at.node.number).*field = {.value = number_of(at.value), .json = &at.value};
  return {};
}

template <class Rules, std::unique_ptr<Rules> Node::* slot, std::size_t Rules::* field>
Status size_limit(Context& at) {
  const std::optional<std::size_t> size = size_of(at.value);
  if (!size) return at.wrong_type("an integer of 0 or more");
  rules(at.node.*slot).*field = *size;
  return {};
}

// References.

Status reference(Context& at) {
  const auto* text = at.value.get_ptr<const std::string*>();
  if (text == nullptr) return at.wrong_type("a string");
  const Result<PlaceIndex> target = at.linker.registry().resolve(at.place, at.keyword, *text);
  if (!target.ok()) return target.error();
  at.node.reference = at.linker.node_at(*target);
  return {};
}

Status dynamic_reference(Context& at) {
  const auto* text = at.value.get_ptr<const std::string*>();
  if (text == nullptr) return at.wrong_type("a string");
  const Registry& registry = at.linker.registry();
  const Result<PlaceIndex> target = at.linker.registry().resolve(at.place, at.keyword, *text);
  if (!target.ok()) return target.error();
  const bool is_recursive = at.keyword == "$recursiveRef";
  const std::string name =
      is_recursive ? std::string(kRecursiveAnchor) : percent_decoded(split_fragment(*text).second);
  const auto& anchors = registry.resource_of(*target).dynamic_anchors;
  const auto anchor = anchors.find(name);
  // Without a dynamic anchor where it first leads, it is an ordinary reference.
  const bool is_dynamic = anchor != anchors.end() && anchor->second == *target;
  rules(at.node.dynamic_reference) = {.target = at.linker.node_at(*target),
                                      .name = is_dynamic ? name : std::string()};
  if (is_dynamic) at.linker.use_dynamic_name(name);
  return {};
}

// Any value.

constexpr std::array<std::pair<std::string_view, TypeSet>, 7> kTypes = {{
    {"null", kNullBit},
    {"boolean", kBooleanBit},
    {"integer", kIntegerBit},
    {"number", kIntegerBit | kNumberBit},
    {"string", kStringBit},
    {"array", kArrayBit},
    {"object", kObjectBit},
}};

Status type(Context& at) {
  if (!at.value.is_string() && (!at.value.is_array() || at.value.empty())) {
    return at.wrong_type("a type or an array of types");
  }
  TypeSet types = 0;
  const std::size_t count = at.value.is_string() ? 1 : at.value.size();
  for (std::size_t i = 0; i < count; ++i) {
    const Json& item = at.value.is_string() ? at.value : at.value[i];
    const auto* name = item.get_ptr<const std::string*>();
    const auto* const known = std::find_if(kTypes.begin(), kTypes.end(), [&](const auto& entry) {
      return name != nullptr && entry.first == *name;
    });
    if (known == kTypes.end()) {
      std::vector<std::string> names;
      for (const auto& entry : kTypes) names.emplace_back(entry.first);
      const auto meant = name == nullptr ? std::nullopt : nearest(*name, names);
      return at.mistake(
          fmt::format("'type' names no type of JSON Schema: {}", brief(item)),
          meant ? fmt::format("did you mean \"{}\"?", *meant) : "types are " + join(names, ", "));
    }
    types = static_cast<TypeSet>(types | known->second);
  }
  at.node.types = types;
  return {};
}

Status constant(Context& at) {
  rules(at.node.value).constant = &at.value;
  return {};
}

Status enumeration(Context& at) {
  if (!at.value.is_array()) return at.wrong_type("an array");
  ValueRules& value = rules(at.node.value);
  value.choices = &at.value;
  for (const Json& choice : at.value) {
    const auto* text = choice.get_ptr<const std::string*>();
    if (text == nullptr) {
      value.sorted_strings.clear();
      return {};
    }
    value.sorted_strings.push_back(*text);
  }
  std::sort(value.sorted_strings.begin(), value.sorted_strings.end());
  return {};
}

Status multiple_of(Context& at) {
  if (!at.value.is_number() || !(number_of(at.value) > 0)) return at.wrong_type("a number above 0");
  rules(at.node.number).multiple_of = &at.value;
  return {};
}

// Strings.

Result<NamedPattern> named_pattern(const Context& at, const std::string& text) {
  Result<Pattern> pattern = at.linker.compile_pattern(text);
  if (!pattern.ok()) return at.mistake(pattern.error().message + ": " + brief(Json(text)));
  return NamedPattern{.text = text, .pattern = std::move(*pattern)};
}

Status pattern(Context& at) {
  const auto* text = at.value.get_ptr<const std::string*>();
  if (text == nullptr) return at.wrong_type("a string");
  Result<NamedPattern> compiled = named_pattern(at, *text);
  if (!compiled.ok()) return compiled.error();
  rules(at.node.string).pattern = std::move(*compiled);
  return {};
}

Status format(Context& at) {
  const auto* name = at.value.get_ptr<const std::string*>();
  if (name == nullptr) return at.wrong_type("a string");
  const Format* known = at.dialect.has(Vocabulary::kFormat) ? find_format(*name) : nullptr;
  if (known != nullptr) rules(at.node.string).format = known;
  return {};
}

// Arrays.

Status prefix_items(Context& at) {
  if (!at.value.is_array() || at.value.empty()) return at.wrong_type("an array of schemas");
  for (const Json& subschema : at.value) {
    rules(at.node.array).prefix.push_back(at.node_of(subschema));
  }
  return {};
}

Status items(Context& at) {
  if (!at.value.is_array()) return array_schema<&ArrayRules::rest>(at);
  if (at.dialect.draft == Draft::k2020_12) {
    return at.mistake("'items' must be a schema, not an array",
                      "use 'prefixItems', or declare http://json-schema.org/draft-07/schema# in "
                      "'$schema'");
  }
  if (at.value.empty()) return {};
  return prefix_items(at);
}

Status additional_items(Context& at) {
  const auto items_value = at.schema.find("items");
  if (items_value == at.schema.end() || !items_value->is_array()) return {};
  rules(at.node.array).rest_keyword = "additionalItems";
  return array_schema<&ArrayRules::rest>(at);
}

Status contains(Context& at) {
  rules(at.node.array).contains_evaluates = at.dialect.draft == Draft::k2020_12;
  return array_schema<&ArrayRules::contains>(at);
}

Status unique_items(Context& at) {
  if (!at.value.is_boolean()) return at.wrong_type("true or false");
  rules(at.node.array).unique = at.value.get<bool>();
  return {};
}

Status unevaluated_items(Context& at) {
  at.node.tracks = true;
  return array_schema<&ArrayRules::unevaluated>(at);
}

// Objects.

Status properties(Context& at) {
  if (!at.value.is_object()) return at.wrong_type("an object of schemas");
  // The members are sorted by name already.
  for (const auto& [name, subschema] : at.value.items()) {
    rules(at.node.object).properties.emplace_back(name, at.node_of(subschema));
  }
  return {};
}

Status pattern_properties(Context& at) {
  if (!at.value.is_object()) return at.wrong_type("an object of schemas");
  for (const auto& [text, subschema] : at.value.items()) {
    Result<NamedPattern> compiled = named_pattern(at, text);
    if (!compiled.ok()) return compiled.error();
    rules(at.node.object).patterns.emplace_back(std::move(*compiled), at.node_of(subschema));
  }
  return {};
}

std::optional<std::vector<std::string>> strings(const Json& json) {
  if (!json.is_array()) return std::nullopt;
  std::vector<std::string> out;
  for (const Json& item : json) {
    const auto* text = item.get_ptr<const std::string*>();
    if (text == nullptr) return std::nullopt;
    out.push_back(*text);
  }
  return out;
}

Status required(Context& at) {
  std::optional<std::vector<std::string>> names = strings(at.value);
  if (!names) return at.wrong_type("an array of strings");
  if (!names->empty()) rules(at.node.object).required = std::move(*names);
  return {};
}

// The keyword as text that outlives the schema it was read from.
std::string_view dependency_keyword(std::string_view keyword) {
  if (keyword == "dependentRequired") return "dependentRequired";
  return keyword == "dependentSchemas" ? "dependentSchemas" : "dependencies";
}

// dependentRequired, dependentSchemas, and `dependencies`, which mixes the two.
Status dependencies(Context& at) {
  if (!at.value.is_object()) return at.wrong_type("an object");
  for (const auto& [name, value] : at.value.items()) {
    Dependency dependency{.name = name, .keyword = dependency_keyword(at.keyword)};
    if (value.is_array() && at.keyword != "dependentSchemas") {
      std::optional<std::vector<std::string>> names = strings(value);
      if (!names) return at.mistake(fmt::format("'{}' must have arrays of strings", at.keyword));
      dependency.required = std::move(*names);
    } else if (at.keyword != "dependentRequired") {
      dependency.schema = at.node_of(value);
    } else {
      return at.mistake("'dependentRequired' must have arrays of strings");
    }
    rules(at.node.object).dependencies.push_back(std::move(dependency));
  }
  return {};
}

Status unevaluated_properties(Context& at) {
  at.node.tracks = true;
  return object_schema<&ObjectRules::unevaluated>(at);
}

struct Keyword {
  std::string_view name;
  Handler handler;
  Vocabulary vocabulary = Vocabulary::kApplicator;
  Draft first = Draft::k7;
  Draft last = Draft::k2020_12;
};

constexpr Vocabulary kValidation = Vocabulary::kValidation;

constexpr std::array<Keyword, 43> kKeywords = {{
    {"$ref", reference, Vocabulary::kCore},
    {"$dynamicRef", dynamic_reference, Vocabulary::kCore, Draft::k2020_12, Draft::k2020_12},
    {"$recursiveRef", dynamic_reference, Vocabulary::kCore, Draft::k2019_09, Draft::k2019_09},
    {"type", type, kValidation},
    {"const", constant, kValidation},
    {"enum", enumeration, kValidation},
    {"multipleOf", multiple_of, kValidation},
    {"minimum", bound<&NumberRules::minimum>, kValidation},
    {"maximum", bound<&NumberRules::maximum>, kValidation},
    {"exclusiveMinimum", bound<&NumberRules::exclusive_minimum>, kValidation},
    {"exclusiveMaximum", bound<&NumberRules::exclusive_maximum>, kValidation},
    {"minLength", size_limit<StringRules, &Node::string, &StringRules::length_min>, kValidation},
    {"maxLength", size_limit<StringRules, &Node::string, &StringRules::length_max>, kValidation},
    {"pattern", pattern, kValidation},
    {"format", format, Vocabulary::kCore},
    {"prefixItems", prefix_items},
    {"items", items},
    {"additionalItems", additional_items},
    {"contains", contains},
    {"minContains", size_limit<ArrayRules, &Node::array, &ArrayRules::contains_min>, kValidation,
     Draft::k2019_09},
    {"maxContains", size_limit<ArrayRules, &Node::array, &ArrayRules::contains_max>, kValidation,
     Draft::k2019_09},
    {"minItems", size_limit<ArrayRules, &Node::array, &ArrayRules::size_min>, kValidation},
    {"maxItems", size_limit<ArrayRules, &Node::array, &ArrayRules::size_max>, kValidation},
    {"uniqueItems", unique_items, kValidation},
    {"unevaluatedItems", unevaluated_items},
    {"properties", properties},
    {"patternProperties", pattern_properties},
    {"additionalProperties", object_schema<&ObjectRules::additional>},
    {"propertyNames", object_schema<&ObjectRules::names>},
    {"required", required, kValidation},
    {"dependencies", dependencies},
    {"dependentSchemas", dependencies},
    {"dependentRequired", dependencies, kValidation, Draft::k2019_09},
    {"minProperties", size_limit<ObjectRules, &Node::object, &ObjectRules::size_min>, kValidation},
    {"maxProperties", size_limit<ObjectRules, &Node::object, &ObjectRules::size_max>, kValidation},
    {"unevaluatedProperties", unevaluated_properties},
    {"allOf", combined_schemas<&CombinationRules::all_of>},
    {"anyOf", combined_schemas<&CombinationRules::any_of>},
    {"oneOf", combined_schemas<&CombinationRules::one_of>},
    {"not", combined_schema<&CombinationRules::negated>},
    {"if", combined_schema<&CombinationRules::condition>},
    {"then", combined_schema<&CombinationRules::consequence>},
    {"else", combined_schema<&CombinationRules::alternative>},
}};

// The handler of a keyword in a dialect, or null: the keyword is unknown there and says nothing.
Handler find_handler(std::string_view name, const Dialect& dialect) {
  const auto* const keyword = std::find_if(
      kKeywords.begin(), kKeywords.end(), [&](const Keyword& entry) { return entry.name == name; });
  if (keyword == kKeywords.end()) return nullptr;
  const bool is_known = keyword->vocabulary == Vocabulary::kApplicator
                            ? find_applicator(name, dialect) != nullptr
                            : keyword->first <= dialect.draft && dialect.draft <= keyword->last &&
                                  dialect.has(keyword->vocabulary);
  return is_known ? keyword->handler : nullptr;
}

}  // namespace

NodeIndex Linker::node_at(PlaceIndex place) {
  if (nodes_.size() <= place) nodes_.resize(registry_.place_count(), kNoNode);
  if (nodes_[place] == kNoNode) {
    nodes_[place] = static_cast<NodeIndex>(places_.size());
    places_.push_back(place);
  }
  return nodes_[place];
}

Result<Pattern> Linker::compile_pattern(std::string_view text) {
  if (++pattern_count_ > kPatternsMax) {
    return Error{.code = ErrorCode::kInvalidArgument,
                 .message = fmt::format("more than {} patterns", kPatternsMax)};
  }
  Result<Pattern> pattern = Pattern::compile(text);
  if (pattern.ok()) return pattern;
  // Generators write the dialect of their own language, above all Python's. What only pcre2 reads
  // is taken as that; a mistake is reported as one of ECMA-262.
  Result<Pattern> other = Pattern::compile(text, {.dialect = PatternDialect::kPerl});
  return other.ok() ? std::move(other) : std::move(pattern);
}

Result<Node> build_node(Linker& linker, PlaceIndex place) {
  const Json& schema = *linker.registry().place(place).json;
  Node node{.resource = linker.registry().place(place).resource, .json = &schema};
  if (schema.is_boolean()) {
    node.is_false = !schema.get<bool>();
    return node;
  }
  if (!schema.is_object()) {
    return linker.registry().mistake(
        place, "", fmt::format("a schema must be an object, true or false, not {}", brief(schema)));
  }
  const Dialect dialect = linker.registry().resource_of(place).dialect;
  const bool only_reference = dialect.draft == Draft::k7 && schema.contains("$ref");
  for (const auto& [name, value] : schema.items()) {
    if (only_reference && name != "$ref") continue;
    const Handler handler = find_handler(name, dialect);
    if (handler == nullptr) continue;
    Context context{.linker = linker,
                    .place = place,
                    .dialect = dialect,
                    .schema = schema,
                    .keyword = name,
                    .value = value,
                    .node = node};
    if (const Status status = handler(context); !status.ok()) return status.error();
  }
  return node;
}

}  // namespace perdure::json_schema
