// The tools of a stored run as the model was told of them, functions of a program and tools of
// formulas included.
#pragma once

#include <cstddef>
#include <vector>

#include "model/chat_request.h"
#include "store/journal.h"

namespace perdure {

/// Those of the first request at or behind the event at `from` whose head is stored.
std::vector<ToolDeclaration> recorded_tools(const std::vector<StoredEvent>& events,
                                            std::size_t from);

}  // namespace perdure
