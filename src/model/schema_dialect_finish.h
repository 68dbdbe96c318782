// The last steps, on schemas that have the form of the dialect already: annotations beside
// references, names that the dialect reserves, the definitions that are still needed, and the
// validator's limits.
#pragma once

#include <nlohmann/json.hpp>

#include <perdure/json.h>

#include "model/schema_dialect_work.h"
#include "model/schema_dialect_writer.h"

namespace perdure::mfjs {

/// The root with its `$defs`.
Json finished(WrittenSchema written, Work& work);

}  // namespace perdure::mfjs
