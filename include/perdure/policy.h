// Who may do what: ordered rules over tool, effect class and path that allow, deny or ask, and the
// question that a person answers. Pure data; the decision itself is a pure function of the rules
// and the assessed call.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <perdure/export.h>

namespace perdure {

/// What a call may do to the world, from harmless to unknown. It decides whether a call may run
/// again after a crash, whether it may run beside others, and whether a person is asked.
enum class EffectClass : std::uint8_t {
  kPure,        ///< Depends on its arguments only.
  kRead,        ///< Reads, changes nothing.
  kIdempotent,  ///< Doing it twice is the same as once.
  kAdditive,    ///< Adds something, destroys nothing (a new file, a commit, a page to an engineer).
  kDestructive,  ///< May change or destroy, or nobody knows.
};

PERDURE_EXPORT std::string_view to_string(EffectClass effect);

enum class PolicyAction : std::uint8_t { kAllow, kDeny, kAsk };

PERDURE_EXPORT std::string_view to_string(PolicyAction action);

/// Matches a call when every field that is set matches. Any matching deny wins; otherwise the first
/// matching rule decides; otherwise pure, reading, idempotent and additive calls are allowed and
/// destructive ones are asked.
struct PolicyRule {
  std::string tool = "*";                  ///< Name of the tool, or a pattern with "*".
  std::optional<EffectClass> effect = {};  ///< Only calls of this class.
  std::string path = {};  ///< Only calls all of whose written paths match this pattern; "" for any.
  PolicyAction action = PolicyAction::kAsk;
};

/// A call that waits for a person.
struct ApprovalRequest {
  std::string run_id;
  std::int64_t step = 0;
  std::int64_t call = 0;
  std::string tool;
  EffectClass effect = EffectClass::kDestructive;
  std::string summary;             ///< One line: the tool and what it would touch.
  std::string detail;              ///< The exact command, or the change as a unified diff.
  std::vector<std::string> paths;  ///< What it would write; empty when unknown.
  std::string hash;                ///< Of the call: an answer is bound to it.
};

enum class ApprovalAnswer : std::uint8_t {
  kYes,     ///< This call.
  kNo,      ///< Not this call; the model is told.
  kAlways,  ///< This call, and from now on in this run every call of this tool on the same paths.
};

/// Asked on the runtime's loop thread; must not block: call `answer` later, from any thread, once.
/// When it throws, the call is denied, and the journal says what was thrown.
using Approver =
    std::function<void(const ApprovalRequest& request, std::function<void(ApprovalAnswer)> answer)>;

}  // namespace perdure
