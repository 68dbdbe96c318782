// JSON Schema, drafts 2020-12 and draft-07 (also 2019-09 and draft-06, which tools in the wild
// still declare): checks the arguments of calls, and says what is wrong in words that the model
// that wrote them can act on.
//
//   Result<Schema> schema = Schema::compile(tool.parameters);
//   for (const Violation& problem : schema->validate(arguments)) lines.push_back(problem.message);
//
// Schemas and values come from models and servers: both compiling and validating are bounded in
// depth and in work, never throw, and never fetch anything. A Schema is immutable, cheap to copy,
// and may be used by many threads at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <perdure/json.h>
#include <perdure/result.h>

namespace perdure {

/// The nesting of a schema as JSON, and the subschemas in it and in all that it refers to.
inline constexpr std::size_t kSchemaDepthMax = 512;
inline constexpr std::size_t kSchemaPlacesMax = 100'000;
/// Other documents that one schema may refer to, metaschemas included.
inline constexpr std::size_t kSchemaDocumentsMax = 64;
/// Subschemas applied within each other at one point of a validation; recursive schemas go this
/// deep into a value. It takes less than 1 MB of stack.
inline constexpr std::size_t kValidationDepthMax = 1'024;
/// The work of one validation: subschemas applied, members looked at, steps of patterns; some ten
/// nanoseconds each.
inline constexpr std::uint64_t kValidationStepsMax = 10'000'000;

enum class SchemaDraft : std::uint8_t { k2020_12, kDraft7 };

/// What `format` does. A dialect whose metaschema has the format-assertion vocabulary asserts in
/// any case.
enum class FormatMode : std::uint8_t {
  kAnnotate,  ///< Nothing, as both drafts have it by default.
  kAssert,    ///< Known formats are checked, unknown ones are ignored.
};

struct SchemaOptions {
  SchemaDraft draft = SchemaDraft::k2020_12;  ///< Of a schema without $schema.
  FormatMode format = FormatMode::kAnnotate;
  /// Gives the document of a URI that the schema refers to and does not contain; for tests and for
  /// documents that a program already has. Perdure itself reads no file and asks no server for a
  /// $ref (attack A83). Must not throw.
  std::function<std::optional<Json>(std::string_view uri)> remote = {};
};

/// One problem of a value.
struct Violation {
  /// JSON pointer to where it is, "" for the value itself. What is wrong with a name is at its
  /// member.
  std::string path;
  /// The keyword that failed ("required", "enum"); "false" for a schema that is false; "limit" when
  /// the validation was stopped: then nothing is known, and the value is refused.
  std::string rule;
  /// What was expected and what was found: one sentence without a full stop.
  std::string message;

  bool operator==(const Violation&) const = default;
};

namespace json_schema {
struct Program;
}  // namespace json_schema

class Schema {
 public:
  /// Errors: kConfig, with the JSON pointer of the mistake as context (behind "URI#" when it is in
  /// another document): a keyword of the wrong type, a pattern that is none, a $ref that leads
  /// nowhere or only back to itself, an unknown dialect, a limit. Subschemas that nothing refers to
  /// are not looked at.
  static Result<Schema> compile(const Json& schema, const SchemaOptions& options = {});

  /// What is wrong with the value: empty when it is valid, else one problem or more, at most
  /// `violations_max`. Of alternatives (anyOf, oneOf) the closest one is explained.
  std::vector<Violation> validate(const Json& value, std::size_t violations_max = 8) const;

 private:
  explicit Schema(std::shared_ptr<const json_schema::Program> program);

  std::shared_ptr<const json_schema::Program> program_;
};

}  // namespace perdure
