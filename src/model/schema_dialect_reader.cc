#include "model/schema_dialect_reader.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "json/schema/dialect.h"
#include "model/schema_dialect.h"
#include "model/schema_dialect_words.h"

namespace perdure::mfjs {
namespace {

using json_schema::kNoPlace;
using json_schema::PlaceIndex;
using json_schema::pointer_step;

// Keywords that speak of one type. A schema with one of them and without `type` is meant to be of
// that type.
struct Hint {
  std::string_view keyword;
  TypeSet type;
};
constexpr std::array<Hint, 33> kHints = {{
    {"additionalItems", kArray},
    {"additionalProperties", kObject},
    {"contains", kArray},
    {"contentEncoding", kString},
    {"contentMediaType", kString},
    {"contentSchema", kString},
    {"dependencies", kObject},
    {"dependentRequired", kObject},
    {"dependentSchemas", kObject},
    {"exclusiveMaximum", kNumber},
    {"exclusiveMinimum", kNumber},
    {"format", kString},
    {"items", kArray},
    {"maxContains", kArray},
    {"maxItems", kArray},
    {"maxLength", kString},
    {"maxProperties", kObject},
    {"maximum", kNumber},
    {"minContains", kArray},
    {"minItems", kArray},
    {"minLength", kString},
    {"minProperties", kObject},
    {"minimum", kNumber},
    {"multipleOf", kNumber},
    {"pattern", kString},
    {"patternProperties", kObject},
    {"prefixItems", kArray},
    {"properties", kObject},
    {"propertyNames", kObject},
    {"required", kObject},
    {"unevaluatedItems", kArray},
    {"unevaluatedProperties", kObject},
    {"uniqueItems", kArray},
}};

// Formats of OpenAPI that speak of numbers.
constexpr std::array<std::string_view, 5> kNumberFormats = {"double", "float", "int32", "int64",
                                                            "uint64"};

TypeSet hints_of(const Json& schema) {
  TypeSet hints = kNoType;
  for (const Hint& hint : kHints) {
    const auto found = schema.find(hint.keyword);
    if (found == schema.end()) continue;
    const bool is_number_format =
        hint.keyword == "format" && found->is_string() &&
        std::find(kNumberFormats.begin(), kNumberFormats.end(),
                  found->get_ref<const std::string&>()) != kNumberFormats.end();
    hints = static_cast<TypeSet>(hints | (is_number_format ? kNumber : hint.type));
  }
  return hints;
}

ShapePtr shape_of_alternatives(Alternatives alternatives) {
  Shape shape;
  shape.groups.push_back(std::move(alternatives));
  return std::make_shared<const Shape>(std::move(shape));
}

Shape never() {
  return {.types = kNoType, .is_typed = true};
}

std::string unescaped(std::string_view token) {
  std::string out;
  for (std::size_t i = 0; i < token.size(); ++i) {
    const bool escape = token[i] == '~' && i + 1 < token.size();
    if (!escape) {
      out += token[i];
    } else {
      out += token[++i] == '1' ? '/' : '~';
    }
  }
  return out;
}

// A dialect that the registry does not know (draft-04, a vendor's own) is read as the drafts that
// it does know: what can be read of such a schema is still worth sending.
Json without_unknown_dialect(const Json& schema) {
  Json copy = schema;
  if (!copy.is_object() || !copy.contains("$schema")) return copy;
  const Json& uri = copy["$schema"];
  if (!uri.is_string() || !json_schema::draft_of(uri.get_ref<const std::string&>())) {
    copy.erase("$schema");
  }
  return copy;
}

}  // namespace

ShapeReader::Site ShapeReader::Site::below(const Json& child, const std::string& steps,
                                           std::string child_name) const {
  return {.json = child, .place = place, .pointer = pointer + steps, .name = std::move(child_name)};
}

ShapeReader::ShapeReader(const Json& schema, Work& work) : work_(work), registry_(options_) {
  const Status added = registry_.add_root(without_unknown_dialect(schema));
  if (!added.ok()) work_.fail(added.error());
}

ShapePtr ShapeReader::read(PlaceIndex place) {
  static const ShapePtr kNothing = std::make_shared<const Shape>();
  if (work_.failed()) return kNothing;
  if (const auto known = shapes_.find(place); known != shapes_.end()) return known->second;
  Shape shape = read_site({.json = *registry_.place(place).json,
                           .place = place,
                           .pointer = pointer_of(place),
                           .name = name_of(place)});
  return shapes_[place] = std::make_shared<const Shape>(std::move(shape));
}

std::string ShapeReader::pointer_of(PlaceIndex place) const {
  std::string pointer;
  for (PlaceIndex at = place; at != kNoPlace; at = registry_.place(at).parent) {
    pointer.insert(0, registry_.place(at).step);
  }
  return pointer;
}

std::string ShapeReader::name_of(PlaceIndex place) const {
  const std::string& step = registry_.place(place).step;
  const std::size_t slash = step.rfind('/');
  return slash == std::string::npos ? std::string() : unescaped(step.substr(slash + 1));
}

bool ShapeReader::is_definition(PlaceIndex place) const {
  const std::string& step = registry_.place(place).step;
  return step.starts_with("/$defs/") || step.starts_with("/definitions/");
}

std::vector<PlaceIndex> ShapeReader::root_definitions() const {
  std::vector<PlaceIndex> places;
  const Json& root = *registry_.place(kRootPlace).json;
  for (const char* keyword : {"$defs", "definitions"}) {
    const auto definitions = root.is_object() ? root.find(keyword) : root.end();
    if (definitions == root.end() || !definitions->is_object()) continue;
    for (const Json& definition : *definitions) {
      const PlaceIndex place = registry_.place_of(definition);
      if (place != kNoPlace) places.push_back(place);
    }
  }
  return places;
}

Shape ShapeReader::read_site(Site site) {
  const Work::Level level(work_);
  if (!level.ok() || !work_.spend(1 + site.pointer.size() / 256)) return {};
  if (site.json == true) return {};
  if (site.json == false) return never();
  if (!site.json.is_object()) {
    work_.fail("a schema must be an object, true or false", site.pointer);
    return {};
  }
  const PlaceIndex place = registry_.place_of(site.json);
  if (place != kNoPlace) site.place = place;
  Shape shape;
  read_annotations(site, shape);
  const bool is_draft7 = registry_.resource_of(site.place).dialect.draft == json_schema::Draft::k7;
  if (is_draft7 && site.json.contains("$ref")) {
    // Draft-07 core, section 8.3: what stands beside a $ref is ignored. A description cannot hurt.
    read_reference(site, shape);
    return shape;
  }
  shape.hints = hints_of(site.json);
  read_type(site, shape);
  read_values(site, shape);
  read_object(site, shape);
  read_array(site, shape);
  read_dropped(site, shape);
  read_alternatives(site, "anyOf", shape);
  read_alternatives(site, "oneOf", shape);
  read_reference(site, shape);
  read_all_of(site, shape);
  return shape;
}

ShapePtr ShapeReader::read_child(const Site& site, const Json& child, const std::string& steps,
                                 std::string name) {
  return std::make_shared<const Shape>(read_site(site.below(child, steps, std::move(name))));
}

// The value of a keyword, or null when it is absent or of the wrong type, which is a mistake of the
// schema.
const Json* ShapeReader::find(const Site& site, const char* keyword,
                              bool (Json::*is)() const noexcept, const char* wanted) {
  const auto found = site.json.find(keyword);
  if (found == site.json.end()) return nullptr;
  if (((*found).*is)()) return &*found;
  work_.fail(fmt::format("'{}' must be {}", keyword, wanted), site.pointer + pointer_step(keyword));
  return nullptr;
}

void ShapeReader::read_type(const Site& site, Shape& shape) {
  const auto type = site.json.find("type");
  if (type == site.json.end()) return;
  shape.types = kNoType;
  shape.is_typed = true;
  const auto add = [&](const Json& name) {
    const std::string* text = name.get_ptr<const std::string*>();
    const TypeSet types = text == nullptr ? kNoType : types_named(*text);
    if (types == kNoType) {
      work_.fail(fmt::format("there is no type {}", brief(name, 80)), site.pointer + "/type",
                 "the types are string, number, integer, boolean, object, array and null");
    }
    shape.types = static_cast<TypeSet>(shape.types | types);
  };
  if (!type->is_array()) {
    add(*type);
    return;
  }
  if (type->empty()) work_.fail("'type' must not be empty", site.pointer + "/type");
  for (const Json& name : *type) add(name);
}

void ShapeReader::read_values(const Site& site, Shape& shape) {
  if (const Json* values = find(site, "enum", &Json::is_array, "an array")) {
    const bool is_small = work_.limit("the number of values of an enum", values->size(),
                                      kMfjsEnumValuesMax, site.pointer + "/enum");
    if (!is_small || !work_.spend(values->size())) return;
    shape.values.emplace(values->begin(), values->end());
  }
  const auto constant = site.json.find("const");
  if (constant == site.json.end()) return;
  Shape one;
  one.values.emplace(1, *constant);
  shape = both(shape, one, work_);
}

void ShapeReader::read_object(const Site& site, Shape& shape) {
  if (const Json* properties = find(site, "properties", &Json::is_object, "an object")) {
    work_.limit("the number of properties", properties->size(), kMfjsPropertiesMax, site.pointer);
    for (const auto& [name, property] : properties->items()) {
      if (work_.failed()) return;
      shape.properties.emplace(
          name, read_child(site, property, "/properties" + pointer_step(name), name));
    }
  }
  if (const Json* required = find(site, "required", &Json::is_array, "an array of names")) {
    work_.limit("the number of required properties", required->size(), kMfjsPropertiesMax,
                site.pointer);
    std::set<std::string_view> known;
    for (const Json& name : *required) {
      const std::string* text = name.get_ptr<const std::string*>();
      if (text == nullptr) {
        work_.fail("'required' must be an array of names", site.pointer + "/required");
        return;
      }
      if (known.insert(*text).second) shape.required.push_back(*text);
    }
  }
  const auto additional = site.json.find("additionalProperties");
  if (additional != site.json.end()) {
    shape.additional = read_child(site, *additional, "/additionalProperties");
  }
  read_pattern_properties(site, shape);
}

// The dialect knows no patterns of names, so the names that match one become additional properties
// like all others; what is sent must let them through also where `additionalProperties` is false.
void ShapeReader::read_pattern_properties(const Site& site, Shape& shape) {
  const Json* patterns = find(site, "patternProperties", &Json::is_object, "an object");
  if (patterns == nullptr || patterns->empty()) return;
  Alternatives matched;
  for (const auto& [pattern, subschema] : patterns->items()) {
    if (work_.failed()) return;
    ShapePtr read = read_child(site, subschema, "/patternProperties" + pointer_step(pattern));
    if (matches_all_names(pattern)) {
      shape.additional = std::move(read);
      return;
    }
    matched.push_back(std::move(read));
  }
  if (shape.additional == nullptr || is_anything(*shape.additional)) return;
  matched.push_back(shape.additional);
  shape.additional = shape_of_alternatives(std::move(matched));
}

void ShapeReader::read_array(const Site& site, Shape& shape) {
  const auto find_any = [&](const char* keyword) {
    const auto found = site.json.find(keyword);
    return found == site.json.end() ? nullptr : &*found;
  };
  const Json* items = find_any("items");
  if (items != nullptr && items->is_array()) {
    read_tuple(site, "items", find_any("additionalItems"), "/additionalItems", shape);
  } else if (const Json* prefix = find(site, "prefixItems", &Json::is_array, "an array")) {
    if (!prefix->empty()) {
      read_tuple(site, "prefixItems", items, "/items", shape);
      return;
    }
    if (items != nullptr) shape.items = read_child(site, *items, "/items");
  } else if (items != nullptr) {
    shape.items = read_child(site, *items, "/items");
  }
}

// One schema for all items of a tuple: any of those that it lists, and of those behind them unless
// there can be none.
void ShapeReader::read_tuple(const Site& site, const std::string& keyword, const Json* rest,
                             const std::string& rest_keyword, Shape& shape) {
  const Json& listed = site.json[keyword];
  Alternatives alternatives;
  for (std::size_t i = 0; i < listed.size() && !work_.failed(); ++i) {
    alternatives.push_back(read_child(site, listed[i], fmt::format("/{}/{}", keyword, i)));
  }
  const auto maximum = site.json.find("maxItems");
  const bool is_bounded =
      maximum != site.json.end() && maximum->is_number() && *maximum <= listed.size();
  if (!is_bounded && rest == nullptr) return;
  if (!is_bounded) alternatives.push_back(read_child(site, *rest, rest_keyword));
  if (!alternatives.empty()) shape.items = shape_of_alternatives(std::move(alternatives));
}

void ShapeReader::read_annotations(const Site& site, Shape& shape) {
  const auto text_of = [&](const char* keyword) {
    const auto found = site.json.find(keyword);
    const bool is_text = found != site.json.end() && found->is_string();
    return is_text ? found->get<std::string>() : std::string();
  };
  shape.description = text_of("description");
  const std::string title = text_of("title");
  const bool is_root = site.pointer.empty();
  if (shape.description.empty() && !is_root && is_title_telling(title, site.name)) {
    shape.description = title;
  }
  const auto value = site.json.find("default");
  if (value != site.json.end() && !value->is_null()) shape.default_value = *value;
}

void ShapeReader::read_dropped(const Site& site, Shape& shape) {
  for (DroppedKeyword& dropped : dropped_keywords(site.json)) {
    if (dropped.is_silent) continue;
    std::string note = place_text(dropped.keyword, site.pointer) + ": dropped";
    if (!dropped.sentence.empty()) note += ", moved into the description";
    work_.note(std::move(note));
    shape.description = joined_description(shape.description, dropped.sentence);
  }
}

void ShapeReader::read_alternatives(const Site& site, const char* keyword, Shape& shape) {
  const Json* branches = find(site, keyword, &Json::is_array, "an array of schemas");
  if (branches == nullptr) return;
  const std::string steps = pointer_step(keyword);
  if (branches->empty()) {
    work_.fail(fmt::format("'{}' must not be empty", keyword), site.pointer + steps);
    return;
  }
  if (std::string_view(keyword) == "oneOf") {
    work_.note(place_text("oneOf", site.pointer) +
               ": sent as anyOf, so the host lets values through that match several");
  }
  work_.limit(fmt::format("the number of alternatives of an {}", keyword), branches->size(),
              kMfjsAlternativesMax, site.pointer + steps);
  Alternatives alternatives;
  for (std::size_t i = 0; i < branches->size() && !work_.failed(); ++i) {
    alternatives.push_back(read_child(site, (*branches)[i], fmt::format("{}/{}", steps, i)));
  }
  shape.groups.push_back(std::move(alternatives));
}

void ShapeReader::read_all_of(const Site& site, Shape& shape) {
  const Json* parts = find(site, "allOf", &Json::is_array, "an array of schemas");
  if (parts == nullptr) return;
  for (std::size_t i = 0; i < parts->size() && !work_.failed(); ++i) {
    const std::string steps = fmt::format("/allOf/{}", i);
    const ShapePtr part = read_child(site, (*parts)[i], steps);
    const bool was_possible = !is_never(shape) && !is_never(*part);
    shape = both(shape, *part, work_);
    if (was_possible && is_never(shape)) {
      work_.fail("this part of 'allOf' contradicts what stands before it: no value can match",
                 site.pointer + steps);
    }
  }
}

void ShapeReader::read_reference(const Site& site, Shape& shape) {
  for (const char* keyword : {"$dynamicRef", "$recursiveRef"}) {
    if (!site.json.contains(keyword)) continue;
    work_.fail(fmt::format("'{}' cannot be sent: where it leads depends on the value", keyword),
               site.pointer + pointer_step(keyword), "use $ref");
    return;
  }
  const Json* reference = find(site, "$ref", &Json::is_string, "a string");
  if (reference == nullptr) return;
  const Result<PlaceIndex> target =
      registry_.resolve(site.place, "$ref", reference->get_ref<const std::string&>());
  if (!target.ok()) {
    work_.fail(target.error());
    return;
  }
  const Json& json = *registry_.place(*target).json;
  if (json == false) {
    shape = both(shape, never(), work_);
  } else if (json != true) {
    shape.references.push_back(*target);
  }
}

}  // namespace perdure::mfjs
