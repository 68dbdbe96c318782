// The JSON value type of the public API: nlohmann::json, under the name Json. This header only
// declares it; include <nlohmann/json.hpp>, or <perdure/perdure.h>, where values are made or read.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace perdure {
using Json = nlohmann::json;
}  // namespace perdure
