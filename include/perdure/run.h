// A run: one agent working on one task, from start to outcome, across any number of processes. This
// header has what goes in (RunOptions) and what comes out (RunResult); Agent starts and resumes
// runs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <perdure/budget.h>
#include <perdure/event.h>
#include <perdure/export.h>
#include <perdure/policy.h>
#include <perdure/result.h>

namespace perdure {

/// How a run ended, or why it stands still. Everything but kDone and kFailed can be resumed.
enum class Outcome : std::uint8_t {
  kDone,    ///< The model gave its answer, and the acceptance, if any, passed.
  kFailed,  ///< The task failed: acceptance not met, answer refused or cut.
  kPaused,  ///< A cap, or the model's window, is reached, or the host asks to wait for long;
            ///< `reason` says.
  kEndpointTemporary,  ///< The endpoint kept failing in ways that pass.
  kEndpointPermanent,  ///< The endpoint refuses in a way that waiting does not change.
  kStuck,              ///< The model repeats itself or answers nothing.
  kInterrupted,        ///< Stopped from outside.
  kStoreFailed,        ///< The journal could not be written, so nothing more was done.
  kInvalid,            ///< The run never started: configuration or arguments are wrong.
};

PERDURE_EXPORT std::string_view to_string(Outcome outcome);
/// The exit status of `perdure` for this outcome (docs/errors.md).
PERDURE_EXPORT int exit_status(Outcome outcome);

enum class MediumKind : std::uint8_t { kImage, kVideo };

/// An image or a video that goes with a task or a message: a PNG, JPEG, WebP or GIF, an MP4, WebM
/// or another common video. A model that does not see it is told of it by name.
struct Medium {
  MediumKind kind = MediumKind::kImage;
  std::string source;      ///< A file, or an http or https address.
  std::string bytes = {};  ///< Instead of a file's; `source` is then only its name.
};

struct RunOptions {
  std::string workspace = ".";  ///< The directory the run may touch.
  Budget budget = {};           ///< Overrides the agent's, cap by cap.
  /// Sees events as they become durable, and deltas. When it throws, the run goes on unseen.
  Observer observer = {};
  /// Asked about destructive calls; without one, and when it throws, they are denied.
  Approver approver = {};
  std::vector<PolicyRule> policy = {};  ///< Before the agent's own rules.
  std::vector<Medium> media = {};       ///< Go with the task, or with the message of a resume.
};

struct RunResult {
  Outcome outcome = Outcome::kInvalid;
  std::string reason;   ///< Machine-readable detail of the outcome: "steps", "context_full",
                        ///< "rate_limited", ...
  std::string message;  ///< The same for a person; empty for kDone.
  std::string text;     ///< The model's last answer.
  std::string run_id;   ///< Empty when the run never started.
  Usage usage;
  std::optional<Error> error;  ///< With where and what to do, when an error ended the run.
  std::optional<Error> observer_error =
      {};  ///< What the observer threw. It saw nothing after that.
};

}  // namespace perdure
