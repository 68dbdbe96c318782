#include "core/policy.h"

#include <algorithm>

#include "base/path.h"

namespace perdure {
namespace {

bool matches(const PolicyRule& rule, std::string_view tool, const Assessment& assessment) {
  if (!glob_match(rule.tool, tool)) return false;
  if (rule.effect && *rule.effect != assessment.effect) return false;
  if (rule.path.empty()) return true;
  const auto inside = [&](const std::string& path) { return glob_match(rule.path, path); };
  // A deny is about any path that it names; an allow must cover all that the call would write.
  if (rule.action == PolicyAction::kDeny) {
    return std::any_of(assessment.writes.begin(), assessment.writes.end(), inside) ||
           std::any_of(assessment.reads.begin(), assessment.reads.end(), inside);
  }
  return !assessment.writes.empty() &&
         std::all_of(assessment.writes.begin(), assessment.writes.end(), inside);
}

std::string describe(const PolicyRule& rule) {
  std::string text(to_string(rule.action));
  text += " " + rule.tool;
  if (rule.effect) text += " " + std::string(to_string(*rule.effect));
  if (!rule.path.empty()) text += " " + rule.path;
  return text;
}

bool covers(const Grant& grant, std::string_view tool, const Assessment& assessment) {
  if (grant.tool != tool) return false;
  if (grant.paths.empty()) return grant.hash == assessment.hash;
  return !assessment.writes.empty() &&
         std::all_of(
             assessment.writes.begin(), assessment.writes.end(), [&](const std::string& path) {
               return std::find(grant.paths.begin(), grant.paths.end(), path) != grant.paths.end();
             });
}

// "src" holds "src/a.cc"; "." holds everything.
bool overlap(std::string_view a, std::string_view b) {
  if (a == "." || b == "." || a == b) return true;
  if (a.size() > b.size()) std::swap(a, b);
  return b.substr(0, a.size()) == a && b[a.size()] == '/';
}

bool any_overlap(std::span<const std::string> a, std::span<const std::string> b) {
  for (const std::string& left : a) {
    for (const std::string& right : b) {
      if (overlap(left, right)) return true;
    }
  }
  return false;
}

bool touches_something(const Assessment& assessment) {
  return assessment.exclusive || !assessment.reads.empty() || !assessment.writes.empty();
}

}  // namespace

PolicyVerdict judge(std::span<const PolicyRule> rules, std::span<const Grant> grants,
                    std::string_view tool, const Assessment& assessment) {
  for (const PolicyRule& rule : rules) {
    if (rule.action == PolicyAction::kDeny && matches(rule, tool, assessment)) {
      return {.action = PolicyAction::kDeny, .rule = describe(rule)};
    }
  }
  for (const Grant& grant : grants) {
    if (covers(grant, tool, assessment)) {
      return {.action = PolicyAction::kAllow, .rule = "granted by 'always'"};
    }
  }
  for (const PolicyRule& rule : rules) {
    if (matches(rule, tool, assessment)) return {.action = rule.action, .rule = describe(rule)};
  }
  if (assessment.effect == EffectClass::kDestructive) {
    return {.action = PolicyAction::kAsk, .rule = "default for destructive calls"};
  }
  return {.action = PolicyAction::kAllow,
          .rule = "default for " + std::string(to_string(assessment.effect)) + " calls"};
}

bool conflict(const Assessment& a, const Assessment& b) {
  if (a.exclusive) return touches_something(b);
  if (b.exclusive) return touches_something(a);
  return any_overlap(a.writes, b.writes) || any_overlap(a.writes, b.reads) ||
         any_overlap(a.reads, b.writes);
}

}  // namespace perdure
