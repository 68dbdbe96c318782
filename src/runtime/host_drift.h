// What a reply says against the profile of its host.
#pragma once

#include <vector>

#include "core/event.h"
#include "core/run.h"
#include "model/catalog.h"
#include "model/reply_shape.h"

namespace perdure {

/// What has not been told in this run yet.
std::vector<HostDiffers> host_drift(const Run& run, const Endpoint& endpoint,
                                    const ReplyShape& shape);

}  // namespace perdure
