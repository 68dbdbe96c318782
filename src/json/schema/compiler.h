// Turns a schema into a Program: checks the type of each keyword, follows each reference, compiles
// each pattern.
#pragma once

#include <memory>

#include "json/schema/program.h"
#include "json/schema/schema.h"

namespace perdure::json_schema {

/// Errors: as Schema::compile.
Result<std::shared_ptr<const Program>> compile_program(const Json& schema,
                                                       const SchemaOptions& options);

}  // namespace perdure::json_schema
