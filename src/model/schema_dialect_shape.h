// A schema taken apart: what it says of each type, apart from how it says it. JSON Schema is a
// conjunction of keywords, and so is a Shape: allOf, siblings of a $ref and siblings of an anyOf
// all become both(). Only when a Shape is written (schema_dialect_writer.h) does it take the one
// form that MFJS knows.
//
// A default Shape allows everything. Subschemas are shared and immutable, so copies are shallow.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include <perdure/json.h>

#include "json/schema/registry.h"
#include "model/schema_dialect_work.h"

namespace perdure::mfjs {

/// Types as bits. Numbers are two disjoint sets, so that "integer" within "number" needs no rule of
/// its own.
using TypeSet = std::uint8_t;
inline constexpr TypeSet kString = 1;
inline constexpr TypeSet kInteger = 2;
inline constexpr TypeSet kFraction = 4;
inline constexpr TypeSet kNumber = kInteger | kFraction;
inline constexpr TypeSet kBoolean = 8;
inline constexpr TypeSet kObject = 16;
inline constexpr TypeSet kArray = 32;
inline constexpr TypeSet kNull = 64;
inline constexpr TypeSet kAnyType = 127;
inline constexpr TypeSet kNoType = 0;

/// The types that a name in `type` stands for, or kNoType when there is no such name.
TypeSet types_named(std::string_view name);
TypeSet type_of(const Json& value);
TypeSet types_of(const std::vector<Json>& values);

struct Shape;
using ShapePtr = std::shared_ptr<const Shape>;
using Alternatives = std::vector<ShapePtr>;

struct Shape {
  TypeSet types = kAnyType;
  bool is_typed = false;    ///< Whether the author named types; perhaps all of them.
  TypeSet hints = kNoType;  ///< Types that keywords speak of: the type of a schema that names none.
  std::optional<std::vector<Json>> values = {};  ///< enum and const.
  std::map<std::string, ShapePtr> properties = {};
  std::vector<std::string> required = {};  ///< In the author's order, each once.
  ShapePtr additional = {};                ///< Properties that are not listed; null for anything.
  ShapePtr items = {};                     ///< Null for anything.
  std::vector<Alternatives> groups = {};   ///< Of each group one alternative must hold.
  std::vector<json_schema::PlaceIndex> references = {};  ///< Definitions that must hold, too.
  std::string description = {};
  std::optional<Json> default_value = {};
};

/// Whether it constrains nothing, references aside. Hints and annotations do not count.
bool is_plain(const Shape& shape);
/// The same, but `types` may be narrower.
bool is_plain_but_types(const Shape& shape);
/// Whether it allows everything, and says nothing that would be worth writing.
bool is_anything(const Shape& shape);
/// Whether it allows nothing, as far as one look tells.
bool is_never(const Shape& shape);

/// What holds when both hold. Of two defaults the first wins; descriptions are joined.
Shape both(const Shape& first, const Shape& second, Work& work);

}  // namespace perdure::mfjs
