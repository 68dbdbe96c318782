#include "json/schema/schema.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "json/schema/compiler.h"
#include "json/schema/validation.h"

namespace perdure {

Schema::Schema(std::shared_ptr<const json_schema::Program> program)
    : program_(std::move(program)) {}

Result<Schema> Schema::compile(const Json& schema, const SchemaOptions& options) {
  Result<std::shared_ptr<const json_schema::Program>> program =
      json_schema::compile_program(schema, options);
  if (!program.ok()) return program.error();
  return Schema(std::move(*program));
}

std::vector<Violation> Schema::validate(const Json& value, std::size_t violations_max) const {
  json_schema::Validation verdict(*program_);
  if (verdict.accepts(value)) return {};
  if (!verdict.limit().empty()) return {{.path = "", .rule = "limit", .message = verdict.limit()}};
  json_schema::Validation explanation(*program_);
  std::vector<Violation> violations =
      explanation.explain(value, std::max<std::size_t>(violations_max, 1));
  if (!violations.empty()) return violations;
  return {{.path = "",
           .rule = "limit",
           .message = "the value does not fit the schema, and to find out why takes too long"}};
}

}  // namespace perdure
