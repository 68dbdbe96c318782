// Asks a host for its list of models: whether it is there, whether it takes the key, and what it
// serves. From any thread but the loop's, which it waits for.
#pragma once

#include <string>
#include <vector>

#include <perdure/result.h>

#include "model/catalog.h"
#include "runtime/engine.h"

namespace perdure {

struct HostModels {
  Status transfer;  ///< Not ok: the host was not reached.
  int status = 0;   ///< Of HTTP.
  std::vector<std::string> ids;
};

HostModels ask_for_models(Engine& engine, const Endpoint& endpoint);

}  // namespace perdure
