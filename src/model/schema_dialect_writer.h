// Writes Shapes in the one form that MFJS has: an object with one `type` and the keywords of that
// type, an `anyOf` of such objects, or a `$ref`. The root is always an object with properties.
//
// A reference stays a reference where nothing stands beside it. Annotations beside it are left
// there for schema_dialect_finish.h; constraints beside it make the definition be written out in
// place, once: inside of itself a definition is a reference again, without the constraints, which
// allows more and ends the recursion.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <perdure/json.h>

#include "model/schema_dialect_reader.h"
#include "model/schema_dialect_shape.h"
#include "model/schema_dialect_work.h"

namespace perdure::mfjs {

struct WrittenSchema {
  Json root;
  std::map<std::string, Json> definitions;  ///< By the names that "#/$defs/name" uses.
  /// Definitions that the author did not write as such ("#/properties/a" is referred to): to be
  /// written out in place unless they are recursive.
  std::set<std::string> borrowed;
};

class ShapeWriter {
 public:
  ShapeWriter(ShapeReader& reader, Work& work);

  /// The whole schema, with all definitions that the root needs.
  WrittenSchema write();

 private:
  using PlaceIndex = json_schema::PlaceIndex;

  // Each gives nothing when no value can match.
  std::optional<Json> write_shape(const Shape& shape, const std::string& pointer);
  std::optional<Json> write_inner(const Shape& shape, const std::string& pointer);
  std::optional<Json> write_references(const Shape& shape, const std::string& pointer);
  std::optional<Json> write_alternatives(const Shape& shape, const std::string& pointer);
  std::optional<Json> write_types(const Shape& shape, const std::string& pointer);
  std::optional<Json> write_object(const Shape& shape, const std::string& pointer);
  bool write_required(const Shape& shape, const std::string& pointer, Json& properties);
  std::optional<Json> write_scalars(const Shape& shape, TypeSet types);
  Json reference_to(PlaceIndex target, const Shape& shape);
  TypeSet head_types(const Shape& shape, std::size_t depth);

  Json write_root();
  void collect_objects(const Json& node, std::set<std::string>& seen, std::vector<Json>& objects);
  void define(PlaceIndex place);
  const std::string& name_definition(PlaceIndex place);

  ShapeReader& reader_;
  Work& work_;
  // The definitions that are being written, from the outside in; those from `heads_` on are what
  // the node that is being written is, rather than what contains it.
  std::vector<PlaceIndex> active_;
  std::size_t heads_ = 0;
  std::map<PlaceIndex, std::string> names_;
  std::map<std::string, PlaceIndex, std::less<>> places_;
  std::vector<PlaceIndex> wanted_;
  std::string dead_end_;  // why no value could match at the last place where that was so
  WrittenSchema written_;
};

}  // namespace perdure::mfjs
