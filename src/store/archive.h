// A run as one text, to hand to somebody else: its line of the list, its events with the hash
// chain, its big outputs. docs/export.md is the format. Whatever is changed, left out or cut off
// on the way shows when it is read.
#pragma once

#include <istream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <perdure/result.h>

#include "base/hash.h"
#include "store/journal.h"

namespace perdure {

struct Archive {
  RunRow row;
  std::vector<StoredEvent> events;
  std::map<std::string, std::string> outputs;  ///< By their SHA-256 in hexadecimal.
};

/// The hashes of the stored outputs that the events name, each once.
std::vector<std::string> outputs_of(const std::vector<StoredEvent>& events);
/// The end of the chain of events.
Sha256 chain_of(const std::vector<StoredEvent>& events);

/// The lines of an archive, each with its line feed.
std::string archive_head(const RunRow& row);
std::string archive_event(const StoredEvent& event, const Sha256& hash);
std::string archive_output(const std::string& hash, std::string_view bytes);
std::string archive_end(std::size_t events, const Sha256& hash);

/// Errors: kInvalidArgument for a text that is no archive, or of a newer version; kCorrupt with the
/// line that is damaged or missing.
Result<Archive> read_archive(std::istream& in);

}  // namespace perdure
