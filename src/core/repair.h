// What to do about a host that refuses the form of a request (fault rows N08 and N09): not its key,
// its size or its subject, but a tool's schema, a message, or a field that it does not know.
//
// First everything that is optional is left out, once. If the host still refuses, the guilty part
// is looked for: trials go out without some of the tools and of the contents of messages, each for
// a few tokens of reply, and each halves what may be guilty. What is found is left out for the rest
// of the run; the model and the operator are told. Pure: the search is computed anew from the state
// and the outcomes of the trials so far.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/decide.h"
#include "core/run.h"

namespace perdure {

/// Trials of one step at one endpoint, over all searches. Halving finds one part among 4,000 in 12.
inline constexpr std::int64_t kTrialsMax = 24;
/// The cap of the reply to a trial: some hosts take no smaller one.
inline constexpr std::int64_t kTrialOutputTokens = 16;

/// For a run whose last request failed structurally: what is to be done now. Never empty.
std::vector<Effect> decide_repair(const Run& run);

/// What the model is told about the repairs that it does not know of.
std::string what_was_repaired(const RepairState& repair);

/// What of a run's repairs holds when it goes on with requests that begin with `next`: another
/// endpoint or model may take what the last one refused.
RepairState repairs_after_resume(const Run& run, const std::vector<PrefixPart>& next);

/// "tools/NAME", "messages/3", "messages/5-9" and "media/4", for the journal.
std::vector<std::string> describe_parts(const RequestParts& parts);

/// The messages with what `parts` names replaced by notes: calls keep their results, and each
/// message its place.
Transcript without_parts(const Transcript& transcript, const RequestParts& parts);

}  // namespace perdure
