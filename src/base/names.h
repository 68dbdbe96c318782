// Names of the core's enums as the journal spells them: one table each, read in both directions.
#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <utility>

namespace perdure {

template <class Enum, std::size_t size>
using NameTable = std::array<std::pair<Enum, std::string_view>, size>;

template <class Enum, std::size_t size>
constexpr std::string_view name_in(const NameTable<Enum, size>& table, Enum value) {
  for (const auto& [entry, name] : table) {
    if (entry == value) return name;
  }
  return "unknown";
}

template <class Enum, std::size_t size>
constexpr std::optional<Enum> value_in(const NameTable<Enum, size>& table, std::string_view name) {
  for (const auto& [entry, entry_name] : table) {
    if (entry_name == name) return entry;
  }
  return std::nullopt;
}

}  // namespace perdure
