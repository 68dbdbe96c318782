// Everything that a schema can refer to: its documents, the schema resources in them ($id), their
// anchors, and the place of each subschema. Lives only while a schema is compiled.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <nlohmann/json.hpp>

#include "json/schema/dialect.h"
#include "json/schema/schema.h"

namespace perdure::json_schema {

using PlaceIndex = std::uint32_t;
using ResourceIndex = std::uint32_t;
inline constexpr PlaceIndex kNoPlace = UINT32_MAX;

/// The name under which a 2019-09 $recursiveAnchor is a dynamic anchor. No anchor can be spelled
/// so.
inline constexpr std::string_view kRecursiveAnchor = "$recursiveAnchor";

/// A subschema.
struct Place {
  const Json* json = nullptr;
  PlaceIndex parent = kNoPlace;
  ResourceIndex resource = 0;
  std::string step = {};  ///< The JSON pointer from the parent to here.
};

/// A schema with an identifier of its own (core, section 4.3.5), or the root of a document.
struct Resource {
  std::string uri;
  PlaceIndex root = kNoPlace;
  Dialect dialect = {};
  std::map<std::string, PlaceIndex, std::less<>> anchors = {};
  std::map<std::string, PlaceIndex, std::less<>> dynamic_anchors = {};
};

class Registry {
 public:
  explicit Registry(const SchemaOptions& options);

  /// Takes a copy of the schema; its root is place 0. Errors: as Schema::compile.
  Status add_root(const Json& schema);

  /// The place that a reference (of `keyword`, at `from`) leads to. Errors: as Schema::compile.
  Result<PlaceIndex> resolve(PlaceIndex from, std::string_view keyword, std::string_view reference);

  const Place& place(PlaceIndex index) const { return places_[index]; }
  std::size_t place_count() const { return places_.size(); }
  const Resource& resource(ResourceIndex index) const { return resources_[index]; }
  const Resource& resource_of(PlaceIndex index) const {
    return resources_[places_[index].resource];
  }
  std::size_t resource_count() const { return resources_.size(); }
  /// The place of a subschema that stands in an applicator.
  PlaceIndex place_of(const Json& subschema) const;

  /// A mistake at a keyword of a place ("" for the place itself).
  Error mistake(PlaceIndex at, std::string_view keyword, std::string_view message,
                std::string_view advice = {}) const;

  /// The documents, which compiled schemas point into.
  std::vector<std::unique_ptr<const Json>> take_documents() { return std::move(documents_); }

 private:
  Result<ResourceIndex> add_document(Json json, std::string uri, const Dialect& dialect);
  Result<PlaceIndex> add_place(Place place);
  Status scan(PlaceIndex first);
  Status enter(PlaceIndex index);
  Status enter_children(PlaceIndex index);
  Status enter_identifiers(PlaceIndex index);
  Status enter_anchors(PlaceIndex index);
  Status add_anchor(PlaceIndex index, std::string_view keyword, std::string_view name);
  Result<Dialect> dialect_at(PlaceIndex index, const Dialect& inherited) const;
  std::optional<Json> document(const std::string& uri) const;
  Result<ResourceIndex> find_or_load(PlaceIndex from, std::string_view keyword,
                                     const std::string& uri);
  Result<PlaceIndex> resolve_pointer(PlaceIndex from, std::string_view keyword, PlaceIndex root,
                                     std::string_view pointer);

  const SchemaOptions& options_;
  std::vector<std::unique_ptr<const Json>> documents_;
  std::vector<Place> places_;
  std::vector<Resource> resources_;
  std::unordered_map<const Json*, PlaceIndex> place_of_;
  std::unordered_map<std::string, ResourceIndex> resource_of_uri_;
};

/// A key or an index as one step of a JSON pointer, with its slash (RFC 6901, section 3).
std::string pointer_step(std::string_view key);

}  // namespace perdure::json_schema
