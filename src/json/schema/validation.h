// One validation of one value against a Program. Runs twice at most: first for the verdict alone,
// which is all that happens to a valid value; then, for an invalid one, to explain.
#pragma once

#include <string>
#include <vector>

#include "json/schema/messages.h"
#include "json/schema/program.h"
#include "json/schema/schema.h"

namespace perdure::json_schema {

/// Which members or elements of one value, by position, some subschema has looked at: what is left
/// over is for unevaluatedProperties and unevaluatedItems (core, section 11).
class Evaluated {
 public:
  explicit Evaluated(const Json& value) : marks_(value.is_structured() ? value.size() : 0) {}

  void mark(std::size_t position) { marks_[position] = true; }
  bool has(std::size_t position) const { return marks_[position]; }
  void merge(const Evaluated& other) {
    for (std::size_t i = 0; i < marks_.size(); ++i) marks_[i] = marks_[i] || other.marks_[i];
  }

 private:
  std::vector<bool> marks_;
};

class Validation {
 public:
  explicit Validation(const Program& program) : program_(program) {}

  /// The verdict. False as well when a limit stopped it: see limit().
  bool accepts(const Json& value);
  /// The problems of a value that is not valid, at most `violations_max`.
  std::vector<Violation> explain(const Json& value, std::size_t violations_max);
  /// Why the validation was stopped, or empty.
  const std::string& limit() const { return limit_; }

 private:
  // Where problems go; nowhere while only the verdict counts.
  struct Sink {
    std::vector<Violation> violations = {};
    std::size_t violations_max = 0;
  };
  // The words of a limit on a size, and the keywords that set it.
  struct SizeWords {
    std::string_view minimum;
    std::string_view maximum;
    std::string_view noun;
  };
  // For a while, problems go elsewhere.
  class Redirect {
   public:
    Redirect(Validation& validation, Sink* sink)
        : validation_(validation), outer_(validation.sink_) {
      validation_.sink_ = sink;
    }
    ~Redirect() { validation_.sink_ = outer_; }
    Redirect(const Redirect&) = delete;
    Redirect& operator=(const Redirect&) = delete;

   private:
    Validation& validation_;
    Sink* outer_;
  };

  // All return whether the value fits. `seen`, when given, collects what they looked at.
  bool check(NodeIndex index, const Spot& spot, Evaluated* seen);
  bool check_tracking(NodeIndex index, const Spot& spot, Evaluated* seen);
  bool check_rules(NodeIndex index, const Spot& spot, Evaluated* seen);
  bool check_kind(NodeIndex index, const Spot& spot, Evaluated* seen);
  bool check_value(const ValueRules& rules, const Spot& spot);
  bool check_number(const NumberRules& rules, const Spot& spot);
  bool check_string(const StringRules& rules, const Spot& spot);
  bool check_size(const Spot& spot, std::size_t size, std::size_t least, std::size_t most,
                  const SizeWords& words);
  bool check_array(const ArrayRules& rules, const Spot& spot, Evaluated* seen);
  bool check_contains(const ArrayRules& rules, const Spot& spot, Evaluated* seen);
  bool check_unique(const Spot& spot);
  bool check_object(NodeIndex index, const Spot& spot, Evaluated* seen);
  bool check_members(NodeIndex index, const Spot& spot, Evaluated* seen);
  bool check_name(NodeIndex index, const Spot& member);
  bool check_required(NodeIndex index, const Spot& spot);
  bool check_dependencies(const ObjectRules& rules, const Spot& spot, Evaluated* seen);
  bool check_combination(const CombinationRules& rules, const Spot& spot, Evaluated* seen);
  bool check_any_of(const std::vector<NodeIndex>& branches, const Spot& spot, Evaluated* seen);
  bool check_one_of(const std::vector<NodeIndex>& branches, const Spot& spot, Evaluated* seen);
  bool check_condition(const CombinationRules& rules, const Spot& spot, Evaluated* seen);
  bool check_unevaluated(NodeIndex index, const Spot& spot, Evaluated& seen);

  /// The verdict on a branch, without a word; what it looked at counts only if it fits.
  bool fits(NodeIndex index, const Spot& spot, Evaluated* seen);
  bool matches(const NamedPattern& pattern, std::string_view text);
  NodeIndex dynamic_target(const DynamicReference& reference) const;
  bool report_none(const std::vector<NodeIndex>& branches, const Spot& spot, std::string_view rule);
  std::string closest_text(const std::vector<NodeIndex>& branches, const Spot& spot);

  /// Whether nothing more needs to be found out once something has failed.
  bool is_done() const {
    return stopped_ || sink_ == nullptr || sink_->violations.size() >= sink_->violations_max;
  }
  bool take(std::uint64_t steps);
  bool stop(std::string limit);

  /// Notes a problem when problems are wanted, each one once. Always false.
  template <class Text>
  bool report(const Spot& spot, std::string_view rule, Text text) {
    if (!is_done()) note({pointer_of(spot), std::string(rule), text()});
    return false;
  }
  void note(Violation violation);

  const Program& program_;
  Work work_{.left = kValidationStepsMax};
  std::size_t depth_ = 0;
  bool stopped_ = false;
  std::string limit_;
  Sink* sink_ = nullptr;
  std::vector<std::uint32_t> scope_;  // resources entered: the dynamic scope
};

}  // namespace perdure::json_schema
