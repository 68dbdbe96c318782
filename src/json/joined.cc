#include "json/joined.h"

#include "json/slice.h"

namespace perdure::json {
namespace {

bool is_array(std::string_view value) {
  return value.size() >= 2 && value.front() == '[';
}

// Two literals become one where the quotes between them go, two lists where the brackets do.
std::string value_of_both(std::string_view first, std::string_view second) {
  if (second.empty() || second == "[]" || first.empty() || first.front() != second.front())
    return std::string(first);
  if (first == "[]") return std::string(second);
  std::string both(first.substr(0, first.size() - 1));
  if (is_array(first)) both += ',';
  if (is_array(first) || first.front() == '"') return both.append(second.substr(1));
  return std::string(first);
}

}  // namespace

std::string joined(std::string_view first, std::string_view second,
                   const std::set<std::string, std::less<>>& joined) {
  std::string out;
  const auto add = [&out](std::string_view key, std::string_view value) {
    out += out.empty() ? '{' : ',';
    out.append(key).append(":").append(value);
  };
  for (const auto& [key, value] : member_slices(first)) {
    const std::string_view name = key.substr(1, key.size() - 2);
    add(key, joined.count(name) == 0 ? std::string(value)
                                     : value_of_both(value, member_slice(second, name)));
  }
  for (const auto& [key, value] : member_slices(second)) {
    if (member_slice(first, key.substr(1, key.size() - 2)).empty()) add(key, value);
  }
  return out.empty() ? "{}" : out + "}";
}

}  // namespace perdure::json
