#include "json/schema/validation.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/utf8.h"

namespace perdure::json_schema {
namespace {

// Finding the words for a problem costs far more than finding the problem.
constexpr std::uint64_t kNoteSteps = 20'000;
// Up to this many elements each is compared with each, without hashing.
constexpr std::size_t kPairwiseMax = 8;
constexpr std::size_t kPatternBytesShown = 80;

// Characters as JSON Schema counts them: code points (validation, section 6.3.1).
std::size_t length_of(std::string_view text) {
  const auto starts = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; };
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), starts));
}

}  // namespace

bool Validation::accepts(const Json& value) {
  return check(0, Spot{.value = value}, nullptr) && !stopped_;
}

std::vector<Violation> Validation::explain(const Json& value, std::size_t violations_max) {
  Sink sink{.violations_max = violations_max};
  const Redirect redirect(*this, &sink);
  check(0, Spot{.value = value}, nullptr);
  return std::move(sink.violations);
}

bool Validation::stop(std::string limit) {
  if (!stopped_) limit_ = std::move(limit);
  stopped_ = true;
  return false;
}

bool Validation::take(std::uint64_t steps) {
  return work_.take(steps) || stop("the value takes too many steps to validate");
}

void Validation::note(Violation violation) {
  if (sink_ == nullptr) return;
  std::vector<Violation>& noted = sink_->violations;
  if (std::find(noted.begin(), noted.end(), violation) == noted.end()) {
    noted.push_back(std::move(violation));
  }
  take(kNoteSteps);
}

bool Validation::check(NodeIndex index, const Spot& spot, Evaluated* seen) {
  if (stopped_ || !take(1)) return false;
  if (depth_ >= kValidationDepthMax) return stop("the value or its schema is nested too deeply");
  const Node& node = program_.nodes[index];
  if (node.is_false) {
    return report(spot, "false", [&] { return name_of(spot) + " is not allowed"; });
  }
  const bool enters =
      program_.has_dynamic_references && (scope_.empty() || scope_.back() != node.resource);
  if (enters) scope_.push_back(node.resource);
  ++depth_;
  const bool is_valid =
      node.tracks ? check_tracking(index, spot, seen) : check_rules(index, spot, seen);
  --depth_;
  if (enters) scope_.pop_back();
  return is_valid;
}

// A node that has to know what was looked at keeps its own account: what is around it looked for
// itself.
bool Validation::check_tracking(NodeIndex index, const Spot& spot, Evaluated* seen) {
  Evaluated own(spot.value);
  // What a failed neighbour did not get to look at is no problem of its own.
  if (!check_rules(index, spot, &own)) return false;
  if (!check_unevaluated(index, spot, own)) return false;
  if (seen != nullptr) seen->merge(own);
  return true;
}

bool Validation::check_rules(NodeIndex index, const Spot& spot, Evaluated* seen) {
  const Node& node = program_.nodes[index];
  const bool has_type = (node.types & types_of(spot.value)) != 0;
  // The allowed values say more than their type does.
  if (node.value && !check_value(*node.value, spot)) return false;
  if (!has_type && node.types != kAnyType) {
    return report(spot, "type", [&] { return wrong_type_text(spot, node.types); });
  }
  bool is_valid = true;
  if (node.reference != kNoNode) is_valid = check(node.reference, spot, seen);
  if (!is_valid && is_done()) return false;
  if (node.dynamic_reference) {
    is_valid = check(dynamic_target(*node.dynamic_reference), spot, seen) && is_valid;
    if (!is_valid && is_done()) return false;
  }
  is_valid = check_kind(index, spot, seen) && is_valid;
  if (!is_valid && is_done()) return false;
  if (node.combination) is_valid = check_combination(*node.combination, spot, seen) && is_valid;
  return is_valid;
}

bool Validation::check_kind(NodeIndex index, const Spot& spot, Evaluated* seen) {
  const Node& node = program_.nodes[index];
  switch (spot.value.type()) {
    case Json::value_t::object:
      return !node.object || check_object(index, spot, seen);
    case Json::value_t::array:
      return !node.array || check_array(*node.array, spot, seen);
    case Json::value_t::string:
      return !node.string || check_string(*node.string, spot);
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
    case Json::value_t::number_float:
      return !node.number || check_number(*node.number, spot);
    default:
      return true;
  }
}

// The outermost resource of the dynamic scope that has the anchor decides (core, section 8.2.3.2).
NodeIndex Validation::dynamic_target(const DynamicReference& reference) const {
  if (reference.name.empty()) return reference.target;
  for (const std::uint32_t resource : scope_) {
    for (const auto& [name, node] : program_.dynamic_anchors[resource]) {
      if (name == reference.name) return node;
    }
  }
  return reference.target;
}

bool Validation::check_value(const ValueRules& rules, const Spot& spot) {
  const auto equals = [&](const Json& other) { return is_equal(spot.value, other, work_); };
  if (rules.constant != nullptr && !equals(*rules.constant)) {
    return take(0) &&  // the comparison may have been given up
           report(spot, "const", [&] { return wrong_constant_text(spot, *rules.constant); });
  }
  if (rules.choices == nullptr) return true;
  bool is_allowed = false;
  if (!rules.sorted_strings.empty()) {
    const auto* text = spot.value.get_ptr<const std::string*>();
    is_allowed = text != nullptr && std::binary_search(rules.sorted_strings.begin(),
                                                       rules.sorted_strings.end(), *text);
  } else if (take(rules.choices->size())) {
    is_allowed = std::any_of(rules.choices->begin(), rules.choices->end(), equals);
  }
  if (is_allowed) return true;
  return take(0) && report(spot, "enum", [&] { return wrong_choice_text(spot, *rules.choices); });
}

bool Validation::check_number(const NumberRules& rules, const Spot& spot) {
  const Number number = number_of(spot.value);
  const auto fail = [&](std::string_view rule, std::string_view words, const Json& limit) {
    return report(spot, rule, [&] {
      return fmt::format("{} must be {} {}; got {}", name_of(spot), words, brief(limit),
                         brief(spot.value));
    });
  };
  bool is_valid = true;
  if (rules.minimum.json != nullptr && number < rules.minimum.value) {
    is_valid = fail("minimum", "at least", *rules.minimum.json);
  }
  if (rules.exclusive_minimum.json != nullptr && number <= rules.exclusive_minimum.value) {
    is_valid = fail("exclusiveMinimum", "more than", *rules.exclusive_minimum.json);
  }
  if (rules.maximum.json != nullptr && number > rules.maximum.value) {
    is_valid = fail("maximum", "at most", *rules.maximum.json);
  }
  if (rules.exclusive_maximum.json != nullptr && number >= rules.exclusive_maximum.value) {
    is_valid = fail("exclusiveMaximum", "less than", *rules.exclusive_maximum.json);
  }
  if (rules.multiple_of != nullptr && !is_multiple(spot.value, *rules.multiple_of)) {
    is_valid = fail("multipleOf", "a multiple of", *rules.multiple_of);
  }
  return is_valid;
}

bool Validation::check_string(const StringRules& rules, const Spot& spot) {
  const auto& text = spot.value.get_ref<const std::string&>();
  bool is_valid = true;
  if (rules.length_min > 0 || rules.length_max != SIZE_MAX) {
    if (!take(text.size() / 64)) return false;
    const std::size_t length = length_of(text);
    is_valid = check_size(spot, length, rules.length_min, rules.length_max,
                          {.minimum = "minLength", .maximum = "maxLength", .noun = "character"});
  }
  if (rules.pattern && !matches(*rules.pattern, text)) {
    is_valid = report(spot, "pattern", [&] {
      return fmt::format("{} must match the pattern {}; got {}", name_of(spot),
                         utf8_prefix(rules.pattern->text, kPatternBytesShown), brief(spot.value));
    });
  }
  if (rules.format != nullptr && take(text.size() / 16) && !rules.format->is_valid(text)) {
    is_valid = report(spot, "format", [&] {
      return fmt::format("{} must have the format {}, as in {}; got {}", name_of(spot),
                         rules.format->name, rules.format->example, brief(spot.value));
    });
  }
  return is_valid && !stopped_;
}

bool Validation::check_size(const Spot& spot, std::size_t size, std::size_t least, std::size_t most,
                            const SizeWords& words) {
  const auto fail = [&](std::string_view rule, std::string_view bound, std::size_t limit) {
    return report(spot, rule, [&] {
      return fmt::format("{} must have {} {}; it has {}", name_of(spot), bound,
                         count_text(limit, words.noun), size);
    });
  };
  if (size < least) return fail(words.minimum, "at least", least);
  if (size > most) return fail(words.maximum, "at most", most);
  return true;
}

bool Validation::matches(const NamedPattern& pattern, std::string_view text) {
  MatchBudget budget{.steps = work_.left};
  const Result<bool> found = pattern.pattern.matches(text, budget);
  work_.left = budget.steps;
  if (found.ok()) return *found;
  return stop(fmt::format("the pattern {} takes too many steps on the value",
                          utf8_prefix(pattern.text, kPatternBytesShown)));
}

bool Validation::check_array(const ArrayRules& rules, const Spot& spot, Evaluated* seen) {
  const Json& array = spot.value;
  bool is_valid = check_size(spot, array.size(), rules.size_min, rules.size_max,
                             {.minimum = "minItems", .maximum = "maxItems", .noun = "item"});
  if (!is_valid && is_done()) return false;
  const bool forbids_rest = rules.rest != kNoNode && program_.nodes[rules.rest].is_false;
  if (forbids_rest && array.size() > rules.prefix.size()) {
    is_valid = check_size(spot, array.size(), 0, rules.prefix.size(),
                          {.minimum = "", .maximum = rules.rest_keyword, .noun = "item"});
    if (is_done()) return false;
  }
  for (std::size_t i = 0; i < array.size(); ++i) {
    const bool is_rest = i >= rules.prefix.size();
    if (is_rest && (rules.rest == kNoNode || forbids_rest)) break;
    const Spot element{
        .value = array[i], .parent = &spot, .kind = Spot::Kind::kElement, .index = i};
    if (!check(is_rest ? rules.rest : rules.prefix[i], element, nullptr)) is_valid = false;
    if (!is_valid && is_done()) return false;
    if (seen != nullptr) seen->mark(i);
  }
  if (rules.unique && !check_unique(spot)) is_valid = false;
  if (!is_valid && is_done()) return false;
  if (rules.contains != kNoNode && !check_contains(rules, spot, seen)) is_valid = false;
  return is_valid;
}

bool Validation::check_contains(const ArrayRules& rules, const Spot& spot, Evaluated* seen) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < spot.value.size() && !stopped_; ++i) {
    const Spot element{
        .value = spot.value[i], .parent = &spot, .kind = Spot::Kind::kElement, .index = i};
    if (!fits(rules.contains, element, nullptr)) continue;
    ++count;
    if (seen != nullptr && rules.contains_evaluates) seen->mark(i);
  }
  if (stopped_) return false;
  const auto fail = [&](std::string_view rule, std::string_view bound, std::size_t limit) {
    return report(spot, rule, [&] {
      return fmt::format("{} must have {} {} like this: {}; it has {}", name_of(spot), bound,
                         count_text(limit, "item"), describe(program_, rules.contains), count);
    });
  };
  if (count < rules.contains_min) {
    return fail(rules.contains_min == 1 ? "contains" : "minContains", "at least",
                rules.contains_min);
  }
  if (count > rules.contains_max) return fail("maxContains", "at most", rules.contains_max);
  return true;
}

// Equal elements have equal hashes, so only elements with the same hash are compared.
bool Validation::check_unique(const Spot& spot) {
  const Json& array = spot.value;
  std::vector<std::pair<std::uint64_t, std::size_t>> order;
  order.reserve(array.size());
  for (std::size_t i = 0; i < array.size() && take(1); ++i) {
    order.emplace_back(array.size() > kPairwiseMax ? hash_of(array[i], work_) : 0, i);
  }
  std::sort(order.begin(), order.end());
  for (std::size_t i = 0; i < order.size(); ++i) {
    for (std::size_t j = i + 1; j < order.size() && order[j].first == order[i].first; ++j) {
      if (!take(1)) return false;
      const std::size_t first = order[i].second;
      const std::size_t second = order[j].second;
      if (!is_equal(array[first], array[second], work_)) continue;
      return report(spot, "uniqueItems", [&] {
        return fmt::format("{} must not have equal items; items {} and {} are {}", name_of(spot),
                           first, second, brief(array[first]));
      });
    }
  }
  return take(0);
}

}  // namespace perdure::json_schema
