// Which keywords a schema has: drafts, their vocabularies, and where each keyword keeps subschemas.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include <perdure/json.h>

namespace perdure::json_schema {

/// In order of time. Draft-06 is read as draft-07, which only adds to it.
enum class Draft : std::uint8_t { k7, k2019_09, k2020_12 };

enum class Vocabulary : std::uint8_t { kCore, kApplicator, kUnevaluated, kValidation, kFormat };

struct Dialect {
  Draft draft = Draft::k2020_12;
  bool applicator = true;
  bool unevaluated = true;
  bool validation = true;
  bool asserts_format = false;

  bool has(Vocabulary vocabulary) const;
};

/// The draft that a $schema names, in any of the spellings in use, or nothing.
std::optional<Draft> draft_of(std::string_view uri);

/// The dialect of a metaschema, by its $vocabulary (core, section 8.1.2). Nothing when it requires
/// a vocabulary that is not known here or is based on no known draft. `base` has what the
/// metaschema leaves open.
std::optional<Dialect> dialect_of_metaschema(const Json& metaschema, Dialect base);

/// How a keyword holds subschemas.
enum class Shape : std::uint8_t { kOne, kArray, kOneOrArray, kMap };

struct Applicator {
  std::string_view keyword;
  Shape shape;
  Vocabulary vocabulary;
  Draft first = Draft::k7;
  Draft last = Draft::k2020_12;
};

/// The applicator of this name in this dialect, or null: what is inside of other keywords is no
/// schema.
const Applicator* find_applicator(std::string_view keyword, const Dialect& dialect);

}  // namespace perdure::json_schema
