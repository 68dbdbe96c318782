#include "model/schema_dialect.h"

#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "base/utf8.h"
#include "json/schema/schema.h"
#include "model/schema_dialect_finish.h"
#include "model/schema_dialect_reader.h"
#include "model/schema_dialect_work.h"
#include "model/schema_dialect_writer.h"

namespace perdure {
namespace {

Error bad_schema(std::string message) {
  return {.code = ErrorCode::kConfig, .message = std::move(message)};
}

// What no JSON text can hold, and what would make writing it throw.
bool is_writable(const Json& value) {
  if (value.is_string()) return is_valid_utf8(value.get_ref<const std::string&>());
  if (value.is_number_float()) return std::isfinite(value.get<double>());
  return !value.is_binary() && !value.is_discarded();
}

// Without recursion: the answer decides whether recursion is safe.
Status check_text(const Json& schema) {
  struct Open {
    const Json* json;
    std::size_t depth;
  };
  std::vector<Open> open = {{&schema, 1}};
  while (!open.empty()) {
    const auto [json, depth] = open.back();
    open.pop_back();
    if (!is_writable(*json))
      return bad_schema("the schema holds text that is not UTF-8, or no JSON");
    if (!json->is_structured()) continue;
    if (depth > kSchemaDepthMax) {
      return bad_schema(fmt::format("the schema is nested deeper than {} levels", kSchemaDepthMax));
    }
    for (auto child = json->begin(); child != json->end(); ++child) {
      if (json->is_object() && !is_valid_utf8(child.key())) {
        return bad_schema("the schema has a key that is not UTF-8");
      }
      open.push_back({&*child, depth + 1});
    }
  }
  return {};
}

}  // namespace

Result<NormalizedSchema> normalize_schema(const Json& schema, SchemaDialect dialect) {
  if (const Status checked = check_text(schema); !checked.ok()) return checked.error();
  NormalizedSchema normalized;
  if (dialect == SchemaDialect::kPlain) {
    normalized.schema = schema;
    if (normalized.schema.is_object()) normalized.schema.erase("$schema");
    return normalized;
  }
  mfjs::Work work;
  mfjs::ShapeReader reader(schema, work);
  mfjs::ShapeWriter writer(reader, work);
  if (!work.failed()) {
    mfjs::WrittenSchema written = writer.write();
    if (!work.failed()) normalized.schema = mfjs::finished(std::move(written), work);
  }
  if (work.failed()) return work.error();
  normalized.notes = work.take_notes();
  return normalized;
}

}  // namespace perdure
