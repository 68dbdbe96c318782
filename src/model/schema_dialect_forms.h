// Building blocks of what is sent: alternatives, annotations, and the one object that alternatives
// at the root become.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <perdure/json.h>

#include "model/schema_dialect_work.h"

namespace perdure::mfjs {

/// Every value: alternatives of all types. The dialect has no other way to say it below the root,
/// and a guess ("string") would make a model under constrained decoding quote its numbers and
/// objects.
Json anything();

/// The node with what an outer schema says of it. A default that may not stand at this node becomes
/// words.
void annotate(Json& node, const std::string& description, const std::optional<Json>& default_value);

/// One of the branches, at least one of which must be given: alternatives within alternatives
/// become one list, equal ones one, and a single one needs no anyOf.
Json any_of(std::vector<Json> branches, Work& work);

/// The object that has all properties of the objects and requires what all of them require; its
/// description says which belong together.
Json united(const std::vector<Json>& objects, Work& work);

}  // namespace perdure::mfjs
