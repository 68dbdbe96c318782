#include "model/schema_dialect_shape.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <utility>

#include "model/schema_dialect_words.h"

namespace perdure::mfjs {
namespace {

constexpr std::array<std::pair<std::string_view, TypeSet>, 7> kTypeNames = {{
    {"string", kString},
    {"integer", kInteger},
    {"number", kNumber},
    {"boolean", kBoolean},
    {"object", kObject},
    {"array", kArray},
    {"null", kNull},
}};

ShapePtr both_or_either(const ShapePtr& first, const ShapePtr& second, Work& work) {
  if (first == nullptr) return second;
  if (second == nullptr || first == second) return first;
  return std::make_shared<const Shape>(both(*first, *second, work));
}

std::vector<Json> common_values(const std::vector<Json>& first, const std::vector<Json>& second,
                                Work& work) {
  std::vector<Json> common;
  if (!work.spend(first.size() * second.size() / 64)) return common;
  std::copy_if(first.begin(), first.end(), std::back_inserter(common), [&](const Json& value) {
    return std::find(second.begin(), second.end(), value) != second.end();
  });
  return common;
}

// A property that only one side lists is an additional one for the other side.
void add_properties(Shape& merged, const Shape& other, Work& work) {
  for (auto& [name, property] : merged.properties) {
    const auto found = other.properties.find(name);
    const ShapePtr& second = found == other.properties.end() ? other.additional : found->second;
    property = both_or_either(property, second, work);
  }
  for (const auto& [name, property] : other.properties) {
    if (merged.properties.contains(name)) continue;
    merged.properties.emplace(name, both_or_either(merged.additional, property, work));
  }
  merged.additional = both_or_either(merged.additional, other.additional, work);
}

template <class Item>
void add_missing(std::vector<Item>& items, const std::vector<Item>& others) {
  std::set<Item> known(items.begin(), items.end());
  for (const Item& other : others) {
    if (known.insert(other).second) items.push_back(other);
  }
}

}  // namespace

TypeSet types_named(std::string_view name) {
  const auto found = std::find_if(kTypeNames.begin(), kTypeNames.end(),
                                  [&](const auto& entry) { return entry.first == name; });
  return found == kTypeNames.end() ? kNoType : found->second;
}

TypeSet type_of(const Json& value) {
  if (value.is_string()) return kString;
  if (value.is_boolean()) return kBoolean;
  if (value.is_object()) return kObject;
  if (value.is_array()) return kArray;
  if (value.is_null()) return kNull;
  if (!value.is_number_float()) return kInteger;
  const double number = value.get<double>();
  return std::floor(number) == number ? kInteger : kFraction;
}

TypeSet types_of(const std::vector<Json>& values) {
  TypeSet types = kNoType;
  for (const Json& value : values) types = static_cast<TypeSet>(types | type_of(value));
  return types;
}

bool is_plain_but_types(const Shape& shape) {
  return !shape.values && shape.properties.empty() && shape.required.empty() &&
         shape.additional == nullptr && shape.items == nullptr && shape.groups.empty();
}

bool is_plain(const Shape& shape) {
  return shape.types == kAnyType && is_plain_but_types(shape);
}

bool is_anything(const Shape& shape) {
  return is_plain(shape) && shape.hints == kNoType && shape.references.empty() &&
         shape.description.empty() && !shape.default_value;
}

bool is_never(const Shape& shape) {
  return shape.types == kNoType || (shape.values && shape.values->empty());
}

Shape both(const Shape& first, const Shape& second, Work& work) {
  Shape merged = first;
  const Work::Level level(work);
  const std::size_t text_bytes = first.description.size() + second.description.size();
  const std::size_t steps = 1 + first.properties.size() + second.properties.size() +
                            first.required.size() + second.required.size() +
                            (first.values ? first.values->size() : 0) + text_bytes / 256;
  if (!level.ok() || !work.spend(steps)) return merged;
  merged.types = static_cast<TypeSet>(first.types & second.types);
  merged.is_typed = first.is_typed || second.is_typed;
  merged.hints = static_cast<TypeSet>(first.hints | second.hints);
  if (first.values && second.values) {
    merged.values = common_values(*first.values, *second.values, work);
  } else if (second.values) {
    merged.values = second.values;
  }
  add_properties(merged, second, work);
  add_missing(merged.required, second.required);
  merged.items = both_or_either(first.items, second.items, work);
  merged.groups.insert(merged.groups.end(), second.groups.begin(), second.groups.end());
  add_missing(merged.references, second.references);
  merged.description = joined_description(first.description, second.description);
  if (!merged.default_value) merged.default_value = second.default_value;
  return merged;
}

}  // namespace perdure::mfjs
