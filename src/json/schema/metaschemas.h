// The metaschemas that a schema may refer to without anything being fetched: drafts 2020-12 and
// draft-07.
#pragma once

#include <string_view>

namespace perdure::json_schema {

/// The JSON text of the metaschema with this URI (without a fragment), or empty.
std::string_view metaschema_text(std::string_view uri);

}  // namespace perdure::json_schema
