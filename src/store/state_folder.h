// The folder that holds the journal and the blobs. What stands there is believed, so it must be the
// user's own: a journal that somebody else can write or put in place would be resumed as if it were
// the user's (attack A27).
#pragma once

#include <string>

#include <perdure/result.h>

namespace perdure {

/// Makes the folder where it is missing.
/// Errors: kStore when it cannot be made; when it, or the journal in it, belongs to another user,
/// may be written by everybody, or when the journal is a link or no plain file.
Status prepare_state_folder(const std::string& directory);

/// Whether a journal is there, without making one.
bool holds_journal(const std::string& directory);

}  // namespace perdure
