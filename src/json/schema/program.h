// A compiled schema: a table of nodes, each with the rules of one subschema sorted by the kind of
// value that they are about, so that a value meets only what can apply to it. Made by compiler.cc,
// run by validation.cc.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "json/pattern.h"
#include "json/schema/equality.h"
#include "json/schema/formats.h"

namespace perdure::json_schema {

using NodeIndex = std::uint32_t;
inline constexpr NodeIndex kNoNode = UINT32_MAX;

/// Kinds of values, as bits. A number without a fraction has both kInteger and kNumber.
enum TypeBit : std::uint8_t {
  kNullBit = 1,
  kBooleanBit = 2,
  kIntegerBit = 4,
  kNumberBit = 8,
  kStringBit = 16,
  kArrayBit = 32,
  kObjectBit = 64,
};
using TypeSet = std::uint8_t;
inline constexpr TypeSet kAnyType = 127;

/// A bound, with the JSON that it was written as for messages; none when that is null.
struct Bound {
  Number value = 0;
  const Json* json = nullptr;
};

struct NumberRules {
  Bound minimum = {};
  Bound maximum = {};
  Bound exclusive_minimum = {};
  Bound exclusive_maximum = {};
  const Json* multiple_of = nullptr;
};

/// A pattern with its text for messages.
struct NamedPattern {
  std::string text;
  Pattern pattern;
};

struct StringRules {
  std::size_t length_min = 0;
  std::size_t length_max = SIZE_MAX;
  std::optional<NamedPattern> pattern = {};
  const Format* format = nullptr;
};

struct ArrayRules {
  std::vector<NodeIndex> prefix = {};
  NodeIndex rest = kNoNode;  ///< Of the elements behind the prefix.
  std::string_view rest_keyword = "items";
  NodeIndex contains = kNoNode;
  std::size_t contains_min = 1;
  std::size_t contains_max = SIZE_MAX;
  bool contains_evaluates = true;  ///< Not before 2020-12.
  std::size_t size_min = 0;
  std::size_t size_max = SIZE_MAX;
  bool unique = false;
  NodeIndex unevaluated = kNoNode;
};

/// What the presence of one member demands of its object.
struct Dependency {
  std::string name;
  std::string_view keyword;
  std::vector<std::string> required = {};
  NodeIndex schema = kNoNode;
};

struct ObjectRules {
  std::vector<std::pair<std::string, NodeIndex>> properties = {};  ///< Sorted by name.
  std::vector<std::pair<NamedPattern, NodeIndex>> patterns = {};
  NodeIndex additional = kNoNode;
  NodeIndex names = kNoNode;
  std::vector<std::string> required = {};
  std::vector<Dependency> dependencies = {};
  std::size_t size_min = 0;
  std::size_t size_max = SIZE_MAX;
  NodeIndex unevaluated = kNoNode;
};

/// const and enum.
struct ValueRules {
  const Json* constant = nullptr;
  const Json* choices = nullptr;
  std::vector<std::string_view> sorted_strings =
      {};  ///< The choices, when all of them are strings.
};

/// Subschemas that apply to the same value.
struct CombinationRules {
  std::vector<NodeIndex> all_of = {};
  std::vector<NodeIndex> any_of = {};
  std::vector<NodeIndex> one_of = {};
  NodeIndex negated = kNoNode;
  NodeIndex condition = kNoNode;
  NodeIndex consequence = kNoNode;
  NodeIndex alternative = kNoNode;
};

/// A $dynamicRef that the dynamic scope may lead elsewhere (core, section 8.2.3.2).
struct DynamicReference {
  NodeIndex target = kNoNode;
  std::string name = {};
};

struct Node {
  bool is_false = false;
  /// Whether unevaluatedItems or unevaluatedProperties needs to know what its neighbours looked at.
  bool tracks = false;
  TypeSet types = kAnyType;
  std::uint32_t resource = 0;
  NodeIndex reference = kNoNode;
  const Json* json = nullptr;  ///< For messages: its title.
  std::unique_ptr<DynamicReference> dynamic_reference = {};
  std::unique_ptr<ValueRules> value = {};
  std::unique_ptr<NumberRules> number = {};
  std::unique_ptr<StringRules> string = {};
  std::unique_ptr<ArrayRules> array = {};
  std::unique_ptr<ObjectRules> object = {};
  std::unique_ptr<CombinationRules> combination = {};
};

/// The dynamic anchors of one resource.
using DynamicAnchors = std::vector<std::pair<std::string, NodeIndex>>;

struct Program {
  std::vector<std::unique_ptr<const Json>> documents = {};
  std::vector<Node> nodes = {};                      ///< The root is the first one.
  std::vector<DynamicAnchors> dynamic_anchors = {};  ///< By resource.
  bool has_dynamic_references = false;
};

}  // namespace perdure::json_schema
