// The policy as a pure function: rules and an assessed call in, verdict and reason out.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include <perdure/policy.h>

#include "core/run.h"

namespace perdure {

struct PolicyVerdict {
  PolicyAction action = PolicyAction::kAsk;
  std::string
      rule;  ///< "deny write_file docs/**", "granted by 'always'", "default for destructive calls".
};

/// Any matching deny wins; then a grant of this run; then the first matching rule; then the default
/// of the class.
PolicyVerdict judge(std::span<const PolicyRule> rules, std::span<const Grant> grants,
                    std::string_view tool, const Assessment& assessment);

/// Whether two calls must not run at the same time.
bool conflict(const Assessment& a, const Assessment& b);

}  // namespace perdure
