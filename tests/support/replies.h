// Replies of hosts for tests of what is read from them: chunks or a whole body in, through the same
// reader that the network feeds, and what came of it as text that a table can hold.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "model/reply_reader.h"

namespace perdure::test {

struct ReplyInput {
  const HostProfile* host = nullptr;  ///< Null for a host without peculiarities.
  Thinking thinking = Thinking::kOff;
  std::int64_t calls_before = 0;
  const std::set<std::string>* used_ids = nullptr;
  std::vector<std::string> chunks = {};  ///< The data of a stream, one event each.
  std::string body = {};                 ///< Or a whole answer.
  bool has_end_marker = true;
  Status transfer = {};
  bool as_sent = false;
};

/// A chunk with one choice.
std::string delta(std::string_view members, std::string_view finish_reason = "");

/// The chunks as a stream of events, with the end marker if the input has one.
std::string stream_of(const ReplyInput& input);

Result<ModelReplied> assemble(const ReplyInput& input, const ReplyDeltas* deltas = nullptr);

/// "FIELD: REASON [ORIGINAL]", a line for each edit.
std::string edits_of(const ModelReplied& reply);

/// A name of a case as GoogleTest takes it: letters, digits and underscores.
std::string case_name(std::string_view name);

/// "ID NAME ARGUMENTS", a line for each call.
std::string calls_of(const ModelReplied& reply);

/// "INPUT/CACHED in, OUTPUT/REASONING out", with " $USD" and " estimated" where they apply.
std::string usage_of(const ModelReplied& reply);

}  // namespace perdure::test
