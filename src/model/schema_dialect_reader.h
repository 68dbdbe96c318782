// Reads schemas into Shapes: keywords by type, allOf merged, references resolved (by the same
// registry that the validator of arguments uses, so that both mean the same), and everything that
// the dialect has no keyword for turned into words.
#pragma once

#include <cstddef>
#include <string>
#include <unordered_map>

#include <perdure/json.h>
#include <perdure/result.h>

#include "json/schema/registry.h"
#include "model/schema_dialect_shape.h"
#include "model/schema_dialect_work.h"

namespace perdure::mfjs {

/// The place of the root of the schema.
inline constexpr json_schema::PlaceIndex kRootPlace = 0;

class ShapeReader {
 public:
  /// `schema` must be known to be shallow (normalize_schema looks at that first).
  ShapeReader(const Json& schema, Work& work);

  /// The Shape of the root or of something that a reference led to. Each is read once.
  ShapePtr read(json_schema::PlaceIndex place);

  /// The JSON pointer of a place.
  std::string pointer_of(json_schema::PlaceIndex place) const;
  /// The key or index under which it stands, unescaped.
  std::string name_of(json_schema::PlaceIndex place) const;
  /// Whether it stands under $defs or definitions.
  bool is_definition(json_schema::PlaceIndex place) const;
  /// The definitions of the root, in the order of their names.
  std::vector<json_schema::PlaceIndex> root_definitions() const;

 private:
  // Where a subschema is: enough to resolve its references and to name it.
  struct Site {
    const Json& json;
    json_schema::PlaceIndex place;
    std::string pointer;
    std::string name;

    Site below(const Json& child, const std::string& steps, std::string child_name) const;
  };

  Shape read_site(Site site);
  ShapePtr read_child(const Site& site, const Json& child, const std::string& steps,
                      std::string name = {});
  void read_type(const Site& site, Shape& shape);
  void read_values(const Site& site, Shape& shape);
  void read_object(const Site& site, Shape& shape);
  void read_pattern_properties(const Site& site, Shape& shape);
  void read_array(const Site& site, Shape& shape);
  void read_tuple(const Site& site, const std::string& keyword, const Json* rest,
                  const std::string& rest_keyword, Shape& shape);
  void read_annotations(const Site& site, Shape& shape);
  void read_dropped(const Site& site, Shape& shape);
  void read_alternatives(const Site& site, const char* keyword, Shape& shape);
  void read_all_of(const Site& site, Shape& shape);
  void read_reference(const Site& site, Shape& shape);
  const Json* find(const Site& site, const char* keyword, bool (Json::*is)() const noexcept,
                   const char* wanted);

  Work& work_;
  SchemaOptions options_;
  json_schema::Registry registry_;
  std::unordered_map<json_schema::PlaceIndex, ShapePtr> shapes_;
};

}  // namespace perdure::mfjs
