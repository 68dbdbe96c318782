// The part of a validation that is about objects.
#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "json/schema/validation.h"

namespace perdure::json_schema {
namespace {

// The names of the object that this subschema, or any that it combines, knows about.
std::string unknown_property(const Program& program, NodeIndex node, const Spot& object,
                             const std::string& name) {
  return unknown_text(object, name, known_names(program, node));
}

bool is_required(const ObjectRules& rules, const std::string& name) {
  return std::find(rules.required.begin(), rules.required.end(), name) != rules.required.end();
}

}  // namespace

bool Validation::check_object(NodeIndex index, const Spot& spot, Evaluated* seen) {
  const ObjectRules& rules = *program_.nodes[index].object;
  bool is_valid =
      check_size(spot, spot.value.size(), rules.size_min, rules.size_max,
                 {.minimum = "minProperties", .maximum = "maxProperties", .noun = "property"});
  if (!rules.required.empty() && !check_required(index, spot)) is_valid = false;
  if (!is_valid && is_done()) return false;
  if (!check_members(index, spot, seen)) is_valid = false;
  if (!is_valid && is_done()) return false;
  if (!check_dependencies(rules, spot, seen)) is_valid = false;
  return is_valid;
}

bool Validation::check_required(NodeIndex index, const Spot& spot) {
  const ObjectRules& rules = *program_.nodes[index].object;
  if (!take(rules.required.size())) return false;
  bool is_valid = true;
  for (const std::string& name : rules.required) {
    if (spot.value.contains(name)) continue;
    is_valid = report(spot, "required", [&] { return missing_text(spot, name, program_, index); });
    if (is_done()) return false;
  }
  return is_valid;
}

bool Validation::check_members(NodeIndex index, const Spot& spot, Evaluated* seen) {
  const ObjectRules& rules = *program_.nodes[index].object;
  const bool has_rules = !rules.properties.empty() || !rules.patterns.empty() ||
                         rules.additional != kNoNode || rules.names != kNoNode;
  if (!has_rules) return true;
  bool is_valid = true;
  std::size_t position = 0;
  auto property = rules.properties.begin();
  for (auto it = spot.value.begin(); it != spot.value.end(); ++it, ++position) {
    if (!take(1)) return false;
    const std::string& name = it.key();
    const Spot member{.value = *it,
                      .parent = &spot,
                      .kind = Spot::Kind::kMember,
                      .key = name,
                      .is_optional = it->is_null() && !is_required(rules, name)};
    bool is_known = false;
    // Members and properties are both sorted by name, so the search goes on from the last property.
    property =
        std::lower_bound(property, rules.properties.end(), name,
                         [](const auto& entry, const auto& key) { return entry.first < key; });
    if (property != rules.properties.end() && property->first == name) {
      is_known = true;
      if (!check(property->second, member, nullptr)) is_valid = false;
    }
    for (const auto& [pattern, node] : rules.patterns) {
      if (!matches(pattern, name)) continue;
      is_known = true;
      if (!check(node, member, nullptr)) is_valid = false;
    }
    if (!is_known && rules.additional != kNoNode) {
      is_known = true;
      if (program_.nodes[rules.additional].is_false) {
        is_valid = report(member, "additionalProperties",
                          [&] { return unknown_property(program_, index, spot, name); });
      } else if (!check(rules.additional, member, nullptr)) {
        is_valid = false;
      }
    }
    if (rules.names != kNoNode && !check_name(rules.names, member)) is_valid = false;
    if (stopped_ || (!is_valid && is_done())) return false;
    if (is_known && seen != nullptr) seen->mark(position);
  }
  return is_valid;
}

bool Validation::check_name(NodeIndex index, const Spot& member) {
  const Json name(member.key);
  const Spot spot{
      .value = name, .parent = member.parent, .kind = Spot::Kind::kName, .key = member.key};
  return check(index, spot, nullptr);
}

bool Validation::check_dependencies(const ObjectRules& rules, const Spot& spot, Evaluated* seen) {
  bool is_valid = true;
  for (const Dependency& dependency : rules.dependencies) {
    if (!take(1 + dependency.required.size())) return false;
    if (!spot.value.contains(dependency.name)) continue;
    for (const std::string& name : dependency.required) {
      if (spot.value.contains(name)) continue;
      is_valid = report(spot, dependency.keyword, [&] {
        return fmt::format("missing property {}{}, which {} requires", name_in_quotes(name),
                           in_place(spot), name_in_quotes(dependency.name));
      });
    }
    if (dependency.schema != kNoNode && !check(dependency.schema, spot, seen)) is_valid = false;
    if (!is_valid && is_done()) return false;
  }
  return is_valid;
}

bool Validation::check_unevaluated(NodeIndex index, const Spot& spot, Evaluated& seen) {
  const Node& node = program_.nodes[index];
  const bool is_object = spot.value.is_object();
  if (!is_object && !spot.value.is_array()) return true;
  const NodeIndex rest = is_object ? (node.object ? node.object->unevaluated : kNoNode)
                                   : (node.array ? node.array->unevaluated : kNoNode);
  if (rest == kNoNode) return true;
  const bool forbids_rest = program_.nodes[rest].is_false;
  bool is_valid = true;
  std::size_t position = 0;
  for (auto it = spot.value.begin(); it != spot.value.end(); ++it, ++position) {
    if (seen.has(position)) continue;
    const Spot part = is_object ? Spot{*it, &spot, Spot::Kind::kMember, it.key()}
                                : Spot{*it, &spot, Spot::Kind::kElement, {}, position};
    if (!forbids_rest) {
      if (!check(rest, part, nullptr)) is_valid = false;
    } else if (is_object) {
      is_valid = report(part, "unevaluatedProperties",
                        [&] { return unknown_property(program_, index, spot, it.key()); });
    } else {
      is_valid = report(part, "unevaluatedItems", [&] {
        return fmt::format("{} is one item too many{}", name_of(part), in_place(spot));
      });
    }
    if (!is_valid && is_done()) return false;
    seen.mark(position);
  }
  return is_valid;
}

}  // namespace perdure::json_schema
