#include "json/schema/registry.h"

#include <optional>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/check.h"
#include "base/text.h"
#include "base/utf8.h"
#include "json/parse.h"
#include "json/schema/metaschemas.h"
#include "json/schema/uri.h"

namespace perdure::json_schema {
namespace {

// Messages quote references and names of the schema, which can be of any length.
constexpr std::size_t kMessageBytesMax = 400;

// Without recursion: the answer decides whether recursion is safe.
bool is_deeper_than(const Json& root, std::size_t limit) {
  std::vector<std::pair<const Json*, std::size_t>> open = {{&root, 1}};
  while (!open.empty()) {
    const auto [json, depth] = open.back();
    open.pop_back();
    if (!json->is_structured()) continue;
    if (depth > limit) return true;
    for (const Json& child : *json) open.emplace_back(&child, depth + 1);
  }
  return false;
}

const std::string* string_member(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) return nullptr;
  return found->get_ptr<const std::string*>();
}

std::string unescaped(std::string_view token) {
  std::string out;
  for (std::size_t i = 0; i < token.size(); ++i) {
    const bool escape = token[i] == '~' && i + 1 < token.size();
    if (escape && (token[i + 1] == '0' || token[i + 1] == '1')) {
      out += token[++i] == '0' ? '~' : '/';
    } else {
      out += token[i];
    }
  }
  return out;
}

// The child that one token of a JSON pointer names, or null.
const Json* child_of(const Json& json, const std::string& token) {
  if (json.is_object()) {
    const auto found = json.find(token);
    return found == json.end() ? nullptr : &*found;
  }
  if (!json.is_array() || token.empty() || token.size() > 9) return nullptr;
  if (token.find_first_not_of("0123456789") != std::string::npos) return nullptr;
  if (token.size() > 1 && token[0] == '0') return nullptr;
  const auto index = static_cast<std::size_t>(std::stoul(token));
  return index < json.size() ? &json[index] : nullptr;
}

}  // namespace

std::string pointer_step(std::string_view key) {
  std::string out = "/";
  for (const char c : key) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

Registry::Registry(const SchemaOptions& options) : options_(options) {}

Status Registry::add_root(const Json& schema) {
  const Dialect dialect{
      .draft = options_.draft == SchemaDraft::kDraft7 ? Draft::k7 : Draft::k2020_12,
      .asserts_format = options_.format == FormatMode::kAssert};
  if (is_deeper_than(schema, kSchemaDepthMax)) {
    return Error{
        .code = ErrorCode::kConfig,
        .message = fmt::format("the schema is nested deeper than {} levels", kSchemaDepthMax)};
  }
  const Result<ResourceIndex> added = add_document(schema, "", dialect);
  if (!added.ok()) return added.error();
  return {};
}

Error Registry::mistake(PlaceIndex at, std::string_view keyword, std::string_view message,
                        std::string_view advice) const {
  std::string pointer = keyword.empty() ? std::string() : pointer_step(keyword);
  PlaceIndex root = at;
  for (; places_[root].parent != kNoPlace; root = places_[root].parent) {
    pointer.insert(0, places_[root].step);
  }
  if (root != 0) pointer.insert(0, resource_of(root).uri + "#");
  return {.code = ErrorCode::kConfig,
          .message = to_valid_utf8(utf8_prefix(message, kMessageBytesMax)),
          .context = to_valid_utf8(pointer),
          .advice = to_valid_utf8(utf8_prefix(advice, kMessageBytesMax))};
}

PlaceIndex Registry::place_of(const Json& subschema) const {
  const auto found = place_of_.find(&subschema);
  return found == place_of_.end() ? kNoPlace : found->second;
}

Result<ResourceIndex> Registry::add_document(Json json, std::string uri, const Dialect& dialect) {
  documents_.push_back(std::make_unique<const Json>(std::move(json)));
  const auto resource = static_cast<ResourceIndex>(resources_.size());
  const auto root = static_cast<PlaceIndex>(places_.size());
  resource_of_uri_.emplace(uri, resource);
  resources_.push_back({.uri = std::move(uri), .root = root, .dialect = dialect});
  const Result<PlaceIndex> added =
      add_place({.json = documents_.back().get(), .resource = resource});
  if (!added.ok()) return added.error();
  if (const Status scanned = scan(root); !scanned.ok()) return scanned.error();
  return resource;
}

Result<PlaceIndex> Registry::add_place(Place place) {
  const auto index = static_cast<PlaceIndex>(places_.size());
  if (index >= kSchemaPlacesMax) {
    return mistake(0, "", fmt::format("the schema has more than {} subschemas", kSchemaPlacesMax));
  }
  place_of_.emplace(place.json, index);
  places_.push_back(std::move(place));
  return index;
}

// Breadth first, so that deep schemas need no deep stack.
Status Registry::scan(PlaceIndex first) {
  for (std::size_t i = first; i < places_.size(); ++i) {
    if (Status entered = enter(static_cast<PlaceIndex>(i)); !entered.ok()) return entered;
  }
  return {};
}

Status Registry::enter(PlaceIndex index) {
  if (!places_[index].json->is_object()) return {};
  if (Status entered = enter_identifiers(index); !entered.ok()) return entered;
  if (Status entered = enter_anchors(index); !entered.ok()) return entered;
  return enter_children(index);
}

// $schema and $id: a place may be the root of a resource of its own.
Status Registry::enter_identifiers(PlaceIndex index) {
  const Json& json = *places_[index].json;
  const bool is_document_root = resource_of(index).root == index;
  const std::string* id = string_member(json, "$id");
  if (id == nullptr && json.contains("$id")) return mistake(index, "$id", "'$id' must be a string");
  if (id == nullptr && !is_document_root) return {};
  const Result<Dialect> dialect = dialect_at(index, resource_of(index).dialect);
  if (!dialect.ok()) return dialect.error();
  if (is_document_root) resources_[places_[index].resource].dialect = *dialect;
  // Draft-07, section 8.3: what stands beside a $ref is ignored.
  if (id == nullptr || (dialect->draft == Draft::k7 && json.contains("$ref"))) return {};
  const auto [absolute, fragment] = split_fragment(*id);
  if (!absolute.empty()) {
    const std::string uri = resolve_uri(resource_of(index).uri, absolute);
    auto resource = places_[index].resource;
    if (is_document_root) {
      resources_[resource].uri = uri;
    } else {
      resource = static_cast<ResourceIndex>(resources_.size());
      resources_.push_back({.uri = uri, .root = index, .dialect = *dialect});
      places_[index].resource = resource;
    }
    const auto [other, is_new] = resource_of_uri_.emplace(uri, resource);
    if (!is_new && other->second != resource && !is_document_root) {
      return mistake(index, "$id", fmt::format("the '$id' {} is used twice", uri));
    }
  }
  // Draft-07 spells an anchor "$id": "#name". Generators write such fragments in later drafts as
  // well.
  if (!fragment.empty()) return add_anchor(index, "$id", fragment);
  return {};
}

Status Registry::enter_anchors(PlaceIndex index) {
  const Draft draft = resource_of(index).dialect.draft;
  if (draft == Draft::k7) return {};
  const Json& json = *places_[index].json;
  for (const char* keyword : {"$anchor", "$dynamicAnchor"}) {
    const std::string* name = string_member(json, keyword);
    if (name == nullptr) {
      if (!json.contains(keyword)) continue;
      return mistake(index, keyword, fmt::format("'{}' must be a string", keyword));
    }
    if (Status added = add_anchor(index, keyword, *name); !added.ok()) return added;
  }
  Resource& resource = resources_[places_[index].resource];
  if (draft == Draft::k2020_12) {
    const std::string* name = string_member(json, "$dynamicAnchor");
    if (name != nullptr) resource.dynamic_anchors.emplace(*name, index);
  } else if (resource.root == index && json.value("$recursiveAnchor", Json()) == true) {
    resource.dynamic_anchors.emplace(kRecursiveAnchor, index);
  }
  return {};
}

Status Registry::add_anchor(PlaceIndex index, std::string_view keyword, std::string_view name) {
  auto& anchors = resources_[places_[index].resource].anchors;
  const auto [anchor, is_new] = anchors.emplace(name, index);
  if (is_new || anchor->second == index) return {};
  return mistake(index, keyword, fmt::format("the anchor '{}' is used twice", name));
}

Status Registry::enter_children(PlaceIndex index) {
  const Json& json = *places_[index].json;
  const ResourceIndex resource = places_[index].resource;
  const Dialect dialect = resources_[resource].dialect;
  const auto add = [&](const Json& child, std::string step) -> Status {
    const Result<PlaceIndex> added =
        add_place({.json = &child, .parent = index, .resource = resource, .step = std::move(step)});
    if (!added.ok()) return added.error();
    return {};
  };
  for (const auto& [keyword, value] : json.items()) {
    const Applicator* applicator = find_applicator(keyword, dialect);
    if (applicator == nullptr) continue;
    const Shape shape = applicator->shape;
    const std::string step = pointer_step(keyword);
    if (shape == Shape::kOne || (shape == Shape::kOneOrArray && !value.is_array())) {
      if (Status added = add(value, step); !added.ok()) return added;
    } else if (shape == Shape::kMap && value.is_object()) {
      for (const auto& [key, child] : value.items()) {
        if (Status added = add(child, step + pointer_step(key)); !added.ok()) return added;
      }
    } else if (shape != Shape::kMap && value.is_array()) {
      for (std::size_t i = 0; i < value.size(); ++i) {
        if (Status added = add(value[i], fmt::format("{}/{}", step, i)); !added.ok()) return added;
      }
    }
  }
  return {};
}

Result<Dialect> Registry::dialect_at(PlaceIndex index, const Dialect& inherited) const {
  const Json& json = *places_[index].json;
  if (!json.contains("$schema")) return inherited;
  const std::string* uri = string_member(json, "$schema");
  if (uri == nullptr) return mistake(index, "$schema", "'$schema' must be a string");
  if (*uri == "http://json-schema.org/schema#") return inherited;  // "the latest"
  const Dialect base{.asserts_format = options_.format == FormatMode::kAssert};
  if (const std::optional<Draft> draft = draft_of(*uri)) {
    return Dialect{.draft = *draft, .asserts_format = base.asserts_format};
  }
  const std::optional<Json> metaschema = document(std::string(split_fragment(*uri).first));
  if (metaschema) {
    if (const std::optional<Dialect> dialect = dialect_of_metaschema(*metaschema, base)) {
      return *dialect;
    }
  }
  return mistake(index, "$schema", fmt::format("'$schema' names an unknown dialect: {}", *uri),
                 "use https://json-schema.org/draft/2020-12/schema");
}

// A document from outside of the schema. Nothing here reads a file or asks a server.
std::optional<Json> Registry::document(const std::string& uri) const {
  if (const std::string_view text = metaschema_text(uri); !text.empty()) {
    Result<Json> parsed = json::parse(text);
    CHECK(parsed.ok(), "the metaschemas are compiled in");
    return std::move(*parsed);
  }
  return options_.remote ? options_.remote(uri) : std::nullopt;
}

Result<ResourceIndex> Registry::find_or_load(PlaceIndex from, std::string_view keyword,
                                             const std::string& uri) {
  if (const auto found = resource_of_uri_.find(uri); found != resource_of_uri_.end()) {
    return found->second;
  }
  if (documents_.size() > kSchemaDocumentsMax) {
    return mistake(from, keyword,
                   fmt::format("the schema refers to more than {} documents", kSchemaDocumentsMax));
  }
  std::optional<Json> json = document(uri);
  if (!json) {
    return mistake(from, keyword,
                   fmt::format("'{}' leads to {}, which is not part of the schema", keyword, uri),
                   "schemas are never read from files or servers: put it under $defs");
  }
  if (is_deeper_than(*json, kSchemaDepthMax)) {
    return mistake(from, keyword,
                   fmt::format("{} is nested deeper than {} levels", uri, kSchemaDepthMax));
  }
  return add_document(std::move(*json), uri, resource_of(from).dialect);
}

Result<PlaceIndex> Registry::resolve(PlaceIndex from, std::string_view keyword,
                                     std::string_view reference) {
  const std::string full = resolve_uri(resource_of(from).uri, reference);
  const auto [uri, encoded] = split_fragment(full);
  const Result<ResourceIndex> found = find_or_load(from, keyword, std::string(uri));
  if (!found.ok()) return found.error();
  const Resource& target = resources_[*found];
  const std::string fragment = percent_decoded(encoded);
  if (fragment.empty()) return target.root;
  if (fragment[0] == '/') return resolve_pointer(from, keyword, target.root, fragment);
  const auto anchor = target.anchors.find(fragment);
  if (anchor != target.anchors.end()) return anchor->second;
  std::vector<std::string> names;
  for (const auto& [name, place] : target.anchors) names.push_back(name);
  const std::optional<std::string> meant = nearest(fragment, names);
  return mistake(from, keyword, fmt::format("'{}' leads to no anchor: {}", keyword, reference),
                 meant ? fmt::format("did you mean #{}?", *meant) : std::string());
}

Result<PlaceIndex> Registry::resolve_pointer(PlaceIndex from, std::string_view keyword,
                                             PlaceIndex root, std::string_view pointer) {
  PlaceIndex nearest_place = root;
  std::string step;
  const Json* json = places_[root].json;
  for (const std::string_view token : split(pointer.substr(1), '/')) {
    const Json* child = child_of(*json, unescaped(token));
    if (child == nullptr) {
      return mistake(from, keyword,
                     fmt::format("'{}' leads nowhere: {} does not exist", keyword, pointer));
    }
    json = child;
    step.append("/").append(token);
    if (const PlaceIndex known = place_of(*json); known != kNoPlace) {
      nearest_place = known;
      step.clear();
    }
  }
  if (step.empty()) return nearest_place;
  // The target stands where no keyword of this dialect keeps schemas. By being referred to it
  // becomes one.
  Result<PlaceIndex> added = add_place({.json = json,
                                        .parent = nearest_place,
                                        .resource = places_[nearest_place].resource,
                                        .step = std::move(step)});
  if (!added.ok()) return added;
  if (const Status scanned = scan(*added); !scanned.ok()) return scanned.error();
  return added;
}

}  // namespace perdure::json_schema
