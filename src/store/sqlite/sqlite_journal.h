// The default store: one SQLite database for all runs of a user (WAL, synchronous=FULL),
// hash-chained events, and a lease for each run that is being written. docs/journal.md documents
// the tables.
#pragma once

#include <memory>
#include <string>

#include "store/journal.h"

namespace perdure {

/// Opens or creates `directory`/perdure.db. Errors: kStore, kStoreFull, kCorrupt; kUnsupported when
/// a newer version has written it.
Result<std::unique_ptr<Journal>> open_sqlite_journal(const std::string& directory);

}  // namespace perdure
