// A reply that was cut, at the output limit or by a stream that broke, at a host that goes on with
// it (RequestLimits::continues). Its message waits behind the transcript, in Run::cut_reply, until
// it is whole; whatever else comes first closes it as it is. Pure.
#pragma once

#include "core/run.h"

namespace perdure {

/// So many replies in a row may be cut at the output limit; one more ends the run.
inline constexpr std::int64_t kCutRepliesMax = 2;

/// The message of a reply, or what the host added to one: it joins when it is whole, or when the
/// host cannot go on with it. Says whether the model is to speak.
void take_message(Run& run, const ModelReplied& event);

/// What came before the stream broke.
void keep_unfinished(Run& run, const RequestFailed& event);

/// Of all messages of the next request, a reply that is to go on included.
std::size_t message_bytes(const Run& run);

}  // namespace perdure
