// How the JSON Schema of a tool's parameters is spoken to a host whose validator takes less than
// JSON Schema. Moonshot's takes "Moonshot flavoured JSON Schema" (MFJS) and answers anything else
// with a 400 for the whole request, so that one tool of one MCP server stops a run. Pure functions;
// any thread.
//
//   Result<NormalizedSchema> spoken = normalize_schema(tool.parameters, SchemaDialect::kMfjs);
//
// Arguments are always validated against the original schema. What is sent only guides the model,
// and a host that decodes under constraint makes it a law: hence it may allow more than the
// original does, but must not forbid what the original allows. Whatever the dialect cannot say as a
// keyword is said in the `description`, where the model reads it.
//
// Two liberties are taken, because the dialect wants a type everywhere and models do better with
// one: keywords that speak of one type ("properties", "minLength", a default) make it the type of a
// schema without `type`, although JSON Schema lets other values pass; and when alternatives at the
// root become one object, a property keeps the type that one of them gives it, although another
// that does not mention it would take anything.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include <perdure/json.h>
#include <perdure/result.h>

namespace perdure {

enum class SchemaDialect : std::uint8_t {
  kPlain,  ///< Unchanged but for `$schema` at the root, which some models echo into the arguments.
  kMfjs,   ///< https://github.com/MoonshotAI/walle, docs/mfjs-spec.md and docs/walle.md.
};

/// Limits of the MFJS validator (conf.go and docs/validation-principles.md of MoonshotAI/walle).
inline constexpr std::size_t kMfjsDepthMax = 30;  ///< Levels of `properties` within each other.
inline constexpr std::size_t kMfjsBytesMax = 120'000;
inline constexpr std::size_t kMfjsEnumBytesMax = 75'000;  ///< Of all strings in all enums.
inline constexpr std::size_t kMfjsEnumValuesMax = 1'000;  ///< Of one enum.
inline constexpr std::size_t kMfjsAlternativesMax = 500;  ///< Of one anyOf.
inline constexpr std::size_t kMfjsPropertiesMax = 3'000;  ///< Of all objects.

struct NormalizedSchema {
  Json schema;
  /// What was changed or dropped that a person may want to know, one sentence without a full stop
  /// each, at most 64: "format at /properties/when: dropped, moved into the description". Empty
  /// when the schema only changed its form.
  std::vector<std::string> notes;
};

/// The schema as the dialect spells it. Deterministic (equal schemas give equal bytes), and
/// normalizing a result again changes nothing. Work, depth and size are bounded whatever the schema
/// is. Errors: kConfig, with a JSON pointer as context: no schema of an object, a reference that
/// leads nowhere, out of the schema or only back to itself, parts of an allOf that contradict each
/// other, a keyword of the wrong type, a limit.
Result<NormalizedSchema> normalize_schema(const Json& schema, SchemaDialect dialect);

}  // namespace perdure
