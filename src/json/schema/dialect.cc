#include "json/schema/dialect.h"

#include <nlohmann/json.hpp>

namespace perdure::json_schema {
namespace {

// `dependencies` and `definitions` are of draft-07; later drafts keep them for compatibility, and
// so do we.
constexpr std::array<Applicator, 23> kApplicators = {{
    {"properties", Shape::kMap, Vocabulary::kApplicator},
    {"items", Shape::kOne, Vocabulary::kApplicator, Draft::k2020_12, Draft::k2020_12},
    {"items", Shape::kOneOrArray, Vocabulary::kApplicator, Draft::k7, Draft::k2019_09},
    {"$defs", Shape::kMap, Vocabulary::kCore, Draft::k2019_09, Draft::k2020_12},
    {"definitions", Shape::kMap, Vocabulary::kCore},
    {"additionalProperties", Shape::kOne, Vocabulary::kApplicator},
    {"anyOf", Shape::kArray, Vocabulary::kApplicator},
    {"oneOf", Shape::kArray, Vocabulary::kApplicator},
    {"allOf", Shape::kArray, Vocabulary::kApplicator},
    {"prefixItems", Shape::kArray, Vocabulary::kApplicator, Draft::k2020_12, Draft::k2020_12},
    {"patternProperties", Shape::kMap, Vocabulary::kApplicator},
    {"propertyNames", Shape::kOne, Vocabulary::kApplicator},
    {"additionalItems", Shape::kOne, Vocabulary::kApplicator, Draft::k7, Draft::k2019_09},
    {"contains", Shape::kOne, Vocabulary::kApplicator},
    {"not", Shape::kOne, Vocabulary::kApplicator},
    {"if", Shape::kOne, Vocabulary::kApplicator},
    {"then", Shape::kOne, Vocabulary::kApplicator},
    {"else", Shape::kOne, Vocabulary::kApplicator},
    {"dependencies", Shape::kMap, Vocabulary::kApplicator},
    {"dependentSchemas", Shape::kMap, Vocabulary::kApplicator, Draft::k2019_09, Draft::k2020_12},
    {"unevaluatedItems", Shape::kOne, Vocabulary::kUnevaluated, Draft::k2019_09, Draft::k2020_12},
    {"unevaluatedProperties", Shape::kOne, Vocabulary::kUnevaluated, Draft::k2019_09,
     Draft::k2020_12},
    {"contentSchema", Shape::kOne, Vocabulary::kCore, Draft::k2019_09, Draft::k2020_12},
}};

std::string_view without(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix ? text.substr(prefix.size()) : text;
}

}  // namespace

bool Dialect::has(Vocabulary vocabulary) const {
  switch (vocabulary) {
    case Vocabulary::kApplicator:
      return applicator;
    case Vocabulary::kUnevaluated:
      return unevaluated;
    case Vocabulary::kValidation:
      return validation;
    case Vocabulary::kFormat:
      return asserts_format;
    case Vocabulary::kCore:
      break;
  }
  return true;
}

std::optional<Draft> draft_of(std::string_view uri) {
  if (!uri.empty() && uri.back() == '#') uri.remove_suffix(1);
  uri = without(without(uri, "http://"), "https://");
  if (uri == "json-schema.org/draft/2020-12/schema") return Draft::k2020_12;
  if (uri == "json-schema.org/draft/2019-09/schema") return Draft::k2019_09;
  if (uri == "json-schema.org/draft-07/schema") return Draft::k7;
  if (uri == "json-schema.org/draft-06/schema") return Draft::k7;
  return std::nullopt;
}

std::optional<Dialect> dialect_of_metaschema(const Json& metaschema, Dialect base) {
  if (!metaschema.is_object()) return std::nullopt;
  const auto schema = metaschema.find("$schema");
  if (schema == metaschema.end() || !schema->is_string()) return std::nullopt;
  const std::optional<Draft> draft = draft_of(schema->get_ref<const std::string&>());
  if (!draft) return std::nullopt;
  base.draft = *draft;
  const auto vocabularies = metaschema.find("$vocabulary");
  if (vocabularies == metaschema.end() || !vocabularies->is_object()) return base;
  Dialect dialect{.draft = *draft,
                  .applicator = false,
                  .unevaluated = false,
                  .validation = false,
                  .asserts_format = base.asserts_format};
  for (const auto& [uri, required] : vocabularies->items()) {
    const std::string_view name =
        without(without(uri, "https://json-schema.org/draft/2020-12/vocab/"),
                "https://json-schema.org/draft/2019-09/vocab/");
    if (name == "applicator") {
      dialect.applicator = true;
      dialect.unevaluated |= *draft == Draft::k2019_09;  // they were one vocabulary then
    } else if (name == "unevaluated") {
      dialect.unevaluated = true;
    } else if (name == "validation") {
      dialect.validation = true;
    } else if (name == "format-assertion") {
      dialect.asserts_format = true;
    } else if (name != "core" && name != "meta-data" && name != "format-annotation" &&
               name != "format" && name != "content" && required == true) {
      return std::nullopt;
    }
  }
  return dialect;
}

const Applicator* find_applicator(std::string_view keyword, const Dialect& dialect) {
  for (const Applicator& applicator : kApplicators) {
    if (applicator.keyword == keyword && applicator.first <= dialect.draft &&
        dialect.draft <= applicator.last) {
      return dialect.has(applicator.vocabulary) ? &applicator : nullptr;
    }
  }
  return nullptr;
}

}  // namespace perdure::json_schema
