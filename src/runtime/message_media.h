// The images and videos that come with a task or a message: read, checked and stored before the run
// is touched, so that a mistake costs nothing.
#pragma once

#include <string>
#include <vector>

#include <perdure/result.h>
#include <perdure/run.h>

#include "core/run.h"
#include "model/media_writer.h"
#include "runtime/run_driver.h"
#include "store/blobs.h"

namespace perdure {

/// A message to queue. What it names is stored and in the library. `endpoints` are the run's own
/// and those to fall back on. Waits for addresses that must be fetched: not from the loop's thread.
/// Errors: kInvalidArgument for what cannot be sent, and where it comes from; kStore.
Result<MessageQueued> make_message(const std::string& text, const std::vector<Medium>& media,
                                   const std::vector<EndpointParts>& endpoints, const Blobs& blobs,
                                   MediaLibrary& library);

/// Loads what the messages of a stored run name, and where it was uploaded. Errors: kNotFound,
/// kCorrupt.
Status load_media(const Run& run, const Blobs& blobs, MediaLibrary& library);

}  // namespace perdure
