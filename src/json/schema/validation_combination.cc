// The part of a validation that is about subschemas for one value: allOf, anyOf, oneOf, not, if.
#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/check.h"
#include "base/utf8.h"
#include "json/schema/validation.h"

namespace perdure::json_schema {
namespace {

constexpr std::size_t kBranchesShown = 12;
constexpr std::size_t kBranchViolationsMax = 3;
constexpr std::size_t kClosestBytesMax = 600;

bool is_plain_type(const Node& node) {
  return !node.is_false && node.types != kAnyType && !node.value && !node.number && !node.string &&
         !node.array && !node.object && !node.combination && !node.dynamic_reference &&
         node.reference == kNoNode;
}

// How far a value is from a branch; less is closer. A value of another kind, or with another
// discriminator, was not meant for the branch, however little else is wrong.
struct Distance {
  int kind = 0;
  std::size_t count = 0;

  bool operator<(const Distance& other) const {
    return kind != other.kind ? kind < other.kind : count < other.count;
  }
};

constexpr int kOtherKind = 2;

Distance distance_of(const std::vector<Violation>& violations, const std::string& pointer) {
  Distance distance{.kind = 0, .count = violations.size()};
  for (const Violation& violation : violations) {
    const std::string& rule = violation.rule;
    const bool is_choice = rule == "const" || rule == "enum";
    if (violation.path == pointer && (is_choice || rule == "type" || rule == "false")) {
      distance.kind = kOtherKind;
    }
    CHECK(violation.path.size() >= pointer.size(), "a branch finds problems in the value or below");
    const std::string_view below = std::string_view(violation.path).substr(pointer.size());
    if (is_choice && !below.empty() && below.find('/', 1) == std::string_view::npos) {
      distance.kind = std::max(distance.kind, 1);
    }
  }
  return distance;
}

}  // namespace

bool Validation::fits(NodeIndex index, const Spot& spot, Evaluated* seen) {
  const Redirect silence(*this, nullptr);
  if (seen == nullptr) return check(index, spot, nullptr);
  Evaluated own(spot.value);
  if (!check(index, spot, &own)) return false;
  seen->merge(own);
  return true;
}

bool Validation::check_combination(const CombinationRules& rules, const Spot& spot,
                                   Evaluated* seen) {
  bool is_valid = true;
  for (const NodeIndex part : rules.all_of) {
    if (!check(part, spot, seen)) is_valid = false;
    if (!is_valid && is_done()) return false;
  }
  if (!rules.any_of.empty() && !check_any_of(rules.any_of, spot, seen)) is_valid = false;
  if (!is_valid && is_done()) return false;
  if (!rules.one_of.empty() && !check_one_of(rules.one_of, spot, seen)) is_valid = false;
  if (!is_valid && is_done()) return false;
  if (rules.negated != kNoNode && fits(rules.negated, spot, nullptr)) {
    is_valid = report(spot, "not", [&] {
      return fmt::format("{} must be something else than {}; got {}", name_of(spot),
                         describe(program_, rules.negated), brief(spot.value));
    });
  }
  if (stopped_ || (!is_valid && is_done())) return false;
  if (rules.condition != kNoNode && !check_condition(rules, spot, seen)) is_valid = false;
  return is_valid;
}

bool Validation::check_condition(const CombinationRules& rules, const Spot& spot, Evaluated* seen) {
  const bool applies = fits(rules.condition, spot, seen);
  if (stopped_) return false;
  const NodeIndex branch = applies ? rules.consequence : rules.alternative;
  return branch == kNoNode || check(branch, spot, seen);
}

bool Validation::check_any_of(const std::vector<NodeIndex>& branches, const Spot& spot,
                              Evaluated* seen) {
  bool is_valid = false;
  for (const NodeIndex branch : branches) {
    if (!fits(branch, spot, seen)) continue;
    is_valid = true;
    if (seen == nullptr) break;  // otherwise every branch that fits says what it looked at
  }
  return is_valid || report_none(branches, spot, "anyOf");
}

bool Validation::check_one_of(const std::vector<NodeIndex>& branches, const Spot& spot,
                              Evaluated* seen) {
  std::vector<std::string> fitting;
  std::size_t count = 0;
  for (std::size_t i = 0; i < branches.size(); ++i) {
    if (!fits(branches[i], spot, seen)) continue;
    ++count;
    if (count > 1 && is_done()) return false;
    if (sink_ != nullptr && fitting.size() < kBranchesShown) {
      fitting.push_back(fmt::format("({}) {}", i + 1, describe(program_, branches[i])));
    }
  }
  if (stopped_) return false;
  if (count == 1) return true;
  if (count == 0) return report_none(branches, spot, "oneOf");
  return report(spot, "oneOf", [&] {
    return fmt::format("{} must fit exactly one of the {} alternatives, but fits {}: {}",
                       name_of(spot), branches.size(), count, fmt::join(fitting, ", "));
  });
}

// Says which branches there are and what the value lacks of the closest one. Always false.
bool Validation::report_none(const std::vector<NodeIndex>& branches, const Spot& spot,
                             std::string_view rule) {
  if (is_done()) return false;
  if (branches.size() == 1) return check(branches[0], spot, nullptr);
  TypeSet types = 0;
  bool are_plain = true;
  for (const NodeIndex branch : branches) {
    are_plain = are_plain && is_plain_type(program_.nodes[branch]);
    types = static_cast<TypeSet>(types | program_.nodes[branch].types);
  }
  if (are_plain) return report(spot, rule, [&] { return wrong_type_text(spot, types); });
  return report(spot, rule, [&] { return closest_text(branches, spot); });
}

std::string Validation::closest_text(const std::vector<NodeIndex>& branches, const Spot& spot) {
  const std::string pointer = pointer_of(spot);
  std::string list;
  std::size_t best = 0;
  Distance best_distance{.kind = kOtherKind + 1};
  Violation best_violation;
  for (std::size_t i = 0; i < branches.size(); ++i) {
    if (i < kBranchesShown) {
      list += fmt::format("{}({}) {}", i == 0 ? "" : ", ", i + 1, describe(program_, branches[i]));
    }
    Sink sink{.violations_max = kBranchViolationsMax};
    const Redirect redirect(*this, &sink);
    check(branches[i], spot, nullptr);
    if (sink.violations.empty()) continue;
    const Distance distance = distance_of(sink.violations, pointer);
    if (!(distance < best_distance)) continue;
    best = i;
    best_distance = distance;
    best_violation = std::move(sink.violations[0]);
  }
  if (branches.size() > kBranchesShown) {
    list += fmt::format(" and {} more", branches.size() - kBranchesShown);
  }
  std::string text = fmt::format("{} fits none of the {} alternatives: {}; ", name_of(spot),
                                 branches.size(), list);
  if (best_distance.kind >= kOtherKind) return text + "got " + brief(spot.value);
  // Alternatives within alternatives would make messages without end.
  return text + fmt::format("closest is ({}): {}", best + 1,
                            utf8_prefix(best_violation.message, kClosestBytesMax));
}

}  // namespace perdure::json_schema
