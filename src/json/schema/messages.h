// The words of violations: short, exact, and of use to the model that wrote the value.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "json/schema/program.h"

namespace perdure::json_schema {

/// Where in a value a schema applies: a link of a chain that lives on the stack and costs nothing
/// until it is printed.
struct Spot {
  enum class Kind : std::uint8_t { kRoot, kMember, kElement, kName };

  const Json& value;
  const Spot* parent = nullptr;
  Kind kind = Kind::kRoot;
  std::string_view key = {};  ///< Of a member, or of the member whose name this is.
  std::size_t index = 0;      ///< Of an element.
  bool is_optional = false;   ///< Of a member that is null: whether it could be left out.
};

/// The JSON pointer.
std::string pointer_of(const Spot& spot);
/// How a sentence calls it: "the value", "'orders[2].city'", "the property name 'City'".
std::string name_of(const Spot& spot);
/// " in 'orders[2]'", or nothing for the value itself.
std::string in_place(const Spot& spot);

/// A name of a member as messages have it: "'city'".
std::string name_in_quotes(std::string_view name);
/// The value as JSON when it is short, else what it is: "an array of 120 items".
std::string brief(const Json& value);
/// "a string", "an integer or null".
std::string type_text(TypeSet types);
/// The bits of a value.
TypeSet types_of(const Json& value);

/// What a value of this subschema is, in a few words: its title, or "an object with 'city'".
std::string describe(const Program& program, NodeIndex node);

/// The names of properties that a subschema knows, directly or through what it combines.
std::vector<std::string> known_names(const Program& program, NodeIndex node);

// Messages about one keyword.

std::string wrong_type_text(const Spot& spot, TypeSet wanted);
std::string wrong_constant_text(const Spot& spot, const Json& constant);
std::string wrong_choice_text(const Spot& spot, const Json& choices);
std::string missing_text(const Spot& spot, const std::string& name, const Program& program,
                         NodeIndex node);
std::string unknown_text(const Spot& object, const std::string& name,
                         std::span<const std::string> known);
/// "1 item", "2 items".
std::string count_text(std::size_t count, std::string_view noun);

}  // namespace perdure::json_schema
