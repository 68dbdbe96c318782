#include "model/schema_dialect_writer.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "model/schema_dialect_forms.h"
#include "model/schema_dialect_words.h"

namespace perdure::mfjs {
namespace {

// How many references the look ahead for types follows.
constexpr std::size_t kLookAheadMax = 16;

bool is_plain_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

// The validator splits references at slashes, its paths at dots, and undoes no escapes.
std::string plain_name(std::string_view name) {
  std::string plain(name.empty() ? "definition" : name);
  for (char& c : plain) {
    if (!is_plain_name({&c, 1})) c = '_';
  }
  return plain;
}

TypeSet types_written(const Shape& shape) {
  if (shape.is_typed) {
    return shape.values ? static_cast<TypeSet>(shape.types & types_of(*shape.values)) : shape.types;
  }
  if (shape.values) return types_of(*shape.values);
  if (shape.hints != kNoType) return shape.hints;
  if (!shape.default_value) return kAnyType;
  const TypeSet types = type_of(*shape.default_value);
  return (types & kNumber) != 0 ? kNumber : types;
}

std::vector<Json> values_of(const Shape& shape, TypeSet types) {
  std::vector<Json> values;
  if (!shape.values) return values;
  std::copy_if(shape.values->begin(), shape.values->end(), std::back_inserter(values),
               [&](const Json& value) { return (type_of(value) & types) != 0; });
  return values;
}

}  // namespace

ShapeWriter::ShapeWriter(ShapeReader& reader, Work& work) : reader_(reader), work_(work) {}

WrittenSchema ShapeWriter::write() {
  // Names that can stay get to stay; only then are the others made fit around them.
  const std::vector<PlaceIndex> definitions = reader_.root_definitions();
  for (const PlaceIndex place : definitions) {
    if (is_plain_name(reader_.name_of(place))) name_definition(place);
  }
  for (const PlaceIndex place : definitions) name_definition(place);
  written_.root = write_root();
  while (!wanted_.empty() && !work_.failed()) {
    const PlaceIndex place = wanted_.back();
    wanted_.pop_back();
    define(place);
  }
  return std::move(written_);
}

const std::string& ShapeWriter::name_definition(PlaceIndex place) {
  const auto known = names_.find(place);
  if (known != names_.end()) return known->second;
  const std::string plain = plain_name(reader_.name_of(place));
  std::string name = plain;
  for (std::size_t i = 2; places_.contains(name); ++i) name = fmt::format("{}_{}", plain, i);
  places_.emplace(name, place);
  if (!reader_.is_definition(place)) written_.borrowed.insert(name);
  return names_[place] = std::move(name);
}

void ShapeWriter::define(PlaceIndex place) {
  const std::string& name = name_definition(place);
  if (written_.definitions.contains(name)) return;
  active_ = {place};
  heads_ = 0;
  std::optional<Json> definition = write_shape(*reader_.read(place), "/$defs/" + name);
  if (!definition) {
    work_.fail("no value can match this definition" + dead_end_, reader_.pointer_of(place));
    return;
  }
  written_.definitions.emplace(name, std::move(*definition));
}

Json ShapeWriter::write_root() {
  active_ = {kRootPlace};
  Shape root;
  root.types = kObject;
  root.is_typed = true;
  root = both(root, *reader_.read(kRootPlace), work_);
  if (!work_.failed() && root.types == kNoType) {
    work_.fail("the arguments of a tool are an object, and this schema allows none", "");
  }
  std::optional<Json> written = write_shape(root, "");
  if (work_.failed()) return {};
  if (!written) {
    work_.fail("no arguments can match this schema" + dead_end_, "");
    return {};
  }
  if (!written->contains("type")) {
    std::set<std::string> seen;
    std::vector<Json> objects;
    collect_objects(*written, seen, objects);
    if (work_.failed()) return {};
    if (objects.empty()) {
      work_.fail("this schema leads only back to itself", "");
      return {};
    }
    if (objects.size() > 1) {
      work_.note("the alternatives at the root: sent as one object, described in words");
    }
    Json object = objects.size() > 1 ? united(objects, work_) : objects.front();
    annotate(object, written->value("description", std::string()), std::nullopt);
    written = std::move(object);
  }
  return std::move(*written);
}

void ShapeWriter::collect_objects(const Json& node, std::set<std::string>& seen,
                                  std::vector<Json>& objects) {
  const Work::Level level(work_);
  if (!level.ok() || !work_.spend(1)) return;
  if (const auto branches = node.find("anyOf"); branches != node.end()) {
    for (const Json& branch : *branches) collect_objects(branch, seen, objects);
    return;
  }
  const auto reference = node.find("$ref");
  if (reference == node.end()) {
    if (node["type"] != "object") work_.fail("an alternative at the root is no object", "");
    objects.push_back(node);
    return;
  }
  const std::string& text = reference->get_ref<const std::string&>();
  constexpr std::string_view kPrefix = "#/$defs/";
  if (!text.starts_with(kPrefix)) {
    work_.fail("this schema leads only back to itself", "");
    return;
  }
  const std::string name = text.substr(kPrefix.size());
  if (!seen.insert(name).second) return;
  define(places_.at(name));
  if (!work_.failed()) collect_objects(written_.definitions.at(name), seen, objects);
}

std::optional<Json> ShapeWriter::write_shape(const Shape& shape, const std::string& pointer) {
  const Work::Level level(work_);
  if (!level.ok() || !work_.spend(1)) return std::nullopt;
  if (!shape.references.empty()) return write_references(shape, pointer);
  if (!shape.groups.empty()) return write_alternatives(shape, pointer);
  return write_types(shape, pointer);
}

// A property or an item: within what is being written, and no longer the same value.
std::optional<Json> ShapeWriter::write_inner(const Shape& shape, const std::string& pointer) {
  const std::size_t outer_heads = std::exchange(heads_, active_.size());
  std::optional<Json> written = write_shape(shape, pointer);
  heads_ = outer_heads;
  return written;
}

std::optional<Json> ShapeWriter::write_references(const Shape& shape, const std::string& pointer) {
  const auto is_active = [&](PlaceIndex place) {
    return std::find(active_.begin(), active_.end(), place) != active_.end();
  };
  const bool is_root = pointer.empty();
  if (shape.references.size() == 1 && !is_root && is_plain_but_types(shape)) {
    const PlaceIndex target = shape.references.front();
    const TypeSet types = shape.types == kAnyType ? kNoType : head_types(*reader_.read(target), 0);
    if ((types & ~shape.types) == 0) return reference_to(target, shape);
  }
  const auto inner = std::find_if(shape.references.begin(), shape.references.end(), is_active);
  if (inner != shape.references.end()) {
    const auto active = std::find(active_.begin(), active_.end(), *inner);
    if (static_cast<std::size_t>(active - active_.begin()) >= heads_) {
      work_.fail("this schema leads only back to itself", reader_.pointer_of(*inner));
      return std::nullopt;
    }
    work_.note(place_text("what stands beside $ref", pointer) +
               ": dropped, because the definition contains this place");
    return reference_to(*inner, shape);
  }
  Shape merged = shape;
  merged.references.clear();
  for (const PlaceIndex place : shape.references) {
    active_.push_back(place);
    merged = both(merged, *reader_.read(place), work_);
  }
  std::optional<Json> written = write_shape(merged, pointer);
  active_.resize(active_.size() - shape.references.size());
  return written;
}

Json ShapeWriter::reference_to(PlaceIndex target, const Shape& shape) {
  Json reference = Json::object();
  if (target == kRootPlace) {
    reference["$ref"] = "#";
  } else {
    const std::string& name = name_definition(target);
    reference["$ref"] = "#/$defs/" + name;
    if (!written_.definitions.contains(name)) wanted_.push_back(target);
  }
  annotate(reference, shape.description, shape.default_value);
  return reference;
}

// The types that a Shape will be written with, as far as can be seen without writing it.
TypeSet ShapeWriter::head_types(const Shape& shape, std::size_t depth) {
  TypeSet types = types_written(shape);
  if (depth >= kLookAheadMax || !work_.spend(1)) return types;
  const bool is_inferred = !shape.is_typed && !shape.values;
  for (const PlaceIndex place : shape.references) {
    const TypeSet inner = head_types(*reader_.read(place), depth + 1);
    types = is_inferred ? inner : static_cast<TypeSet>(types & inner);
  }
  for (const Alternatives& group : shape.groups) {
    TypeSet inner = kNoType;
    for (const ShapePtr& alternative : group) {
      inner = static_cast<TypeSet>(inner | head_types(*alternative, depth + 1));
    }
    types = is_inferred ? inner : static_cast<TypeSet>(types & inner);
  }
  return types;
}

// The dialect has nothing but annotations beside anyOf, so everything else goes into each branch.
std::optional<Json> ShapeWriter::write_alternatives(const Shape& shape,
                                                    const std::string& pointer) {
  Shape common = shape;
  const Alternatives group = std::move(common.groups.front());
  common.groups.erase(common.groups.begin());
  common.description.clear();
  common.default_value.reset();
  std::vector<Json> branches;
  for (std::size_t i = 0; i < group.size(); ++i) {
    if (work_.failed()) return std::nullopt;
    const Shape branch = both(common, *group[i], work_);
    std::optional<Json> written = write_shape(branch, fmt::format("{}/anyOf/{}", pointer, i));
    if (written) branches.push_back(std::move(*written));
  }
  if (branches.empty()) return std::nullopt;
  Json node = any_of(std::move(branches), work_);
  annotate(node, shape.description, shape.default_value);
  return node;
}

std::optional<Json> ShapeWriter::write_types(const Shape& shape, const std::string& pointer) {
  const TypeSet types = types_written(shape);
  const bool is_untyped = !shape.is_typed && !shape.values;
  if (is_untyped) {
    work_.note(place_text("type", pointer) +
               (types == kAnyType ? ": missing, so every type is allowed" : ": missing, inferred"));
  }
  Json node;
  if (types == kAnyType && is_untyped) {
    node = anything();
  } else {
    std::vector<Json> pieces;
    if (std::optional<Json> scalars = write_scalars(shape, types)) {
      pieces.push_back(std::move(*scalars));
    }
    if ((types & kObject) != 0) {
      std::optional<Json> object = write_object(shape, pointer);
      if (object) pieces.push_back(std::move(*object));
    }
    if ((types & kArray) != 0) {
      Json array = {{"type", "array"}};
      const bool is_typed = shape.items != nullptr && !is_anything(*shape.items);
      std::optional<Json> items;
      if (is_typed) items = write_inner(*shape.items, pointer + "/items");
      if (items) array["items"] = std::move(*items);
      if (is_typed && !items) array["description"] = "Must be empty.";
      if (shape.values) annotate(array, values_sentence(values_of(shape, kArray)), std::nullopt);
      pieces.push_back(std::move(array));
    }
    if ((types & kNull) != 0) pieces.push_back({{"type", "null"}});
    if (pieces.empty()) return std::nullopt;
    node = any_of(std::move(pieces), work_);
  }
  annotate(node, shape.description, shape.default_value);
  return node;
}

// Strings, numbers and booleans.
std::optional<Json> ShapeWriter::write_scalars(const Shape& shape, TypeSet types) {
  std::vector<Json> pieces;
  const auto add = [&](const char* type, TypeSet of_type) {
    Json piece = {{"type", type}};
    if (shape.values) piece["enum"] = values_of(shape, of_type);
    pieces.push_back(std::move(piece));
  };
  if ((types & kString) != 0) add("string", kString);
  if ((types & kNumber) != 0) {
    // Values of an enum are of the type that the author gave, also when all of them happen to be
    // integers.
    const TypeSet numbers = shape.is_typed ? shape.types : types;
    const bool is_integer = (numbers & kFraction) == 0;
    add(is_integer ? "integer" : "number", is_integer ? kInteger : kNumber);
  }
  if ((types & kBoolean) != 0) {
    Json piece = {{"type", "boolean"}};
    const std::vector<Json> values = values_of(shape, kBoolean);
    const bool is_fixed = !values.empty() && std::count(values.begin(), values.end(), values[0]) ==
                                                 static_cast<std::ptrdiff_t>(values.size());
    if (is_fixed) piece["description"] = values_sentence({values[0]});
    pieces.push_back(std::move(piece));
  }
  if (pieces.empty()) return std::nullopt;
  return any_of(std::move(pieces), work_);
}

std::optional<Json> ShapeWriter::write_object(const Shape& shape, const std::string& pointer) {
  Json object = {{"type", "object"}};
  Json properties = Json::object();
  for (const auto& [name, property] : shape.properties) {
    if (work_.failed()) return std::nullopt;
    const std::string below = pointer + "/properties" + json_schema::pointer_step(name);
    std::optional<Json> written = write_inner(*property, below);
    if (written) {
      properties[name] = std::move(*written);
    } else if (!work_.failed()) {
      work_.note(below + ": left out, because no value is allowed there");
    }
  }
  if (!write_required(shape, pointer, properties)) return std::nullopt;
  if (!properties.empty()) object["properties"] = std::move(properties);
  if (!shape.required.empty()) object["required"] = shape.required;
  if (shape.additional != nullptr) {
    if (is_anything(*shape.additional)) {
      object["additionalProperties"] = true;
    } else {
      std::optional<Json> additional =
          write_inner(*shape.additional, pointer + "/additionalProperties");
      object["additionalProperties"] = additional ? std::move(*additional) : Json(false);
    }
  }
  if (shape.values) annotate(object, values_sentence(values_of(shape, kObject)), std::nullopt);
  return object;
}

// The dialect wants a schema for every name in `required`. Whether the object can exist at all.
bool ShapeWriter::write_required(const Shape& shape, const std::string& pointer, Json& properties) {
  for (const std::string& name : shape.required) {
    if (properties.contains(name)) continue;
    dead_end_ = fmt::format(": '{}' is required, and no value is allowed for it",
                            pointer + json_schema::pointer_step(name));
    if (work_.failed() || shape.properties.contains(name)) return false;
    if (shape.additional == nullptr || is_anything(*shape.additional)) {
      constexpr std::size_t kNodes = 7;
      if (!work_.spend(kNodes)) return false;
      properties[name] = anything();
      continue;
    }
    std::optional<Json> written =
        write_inner(*shape.additional, pointer + "/properties" + json_schema::pointer_step(name));
    if (!written) return false;
    properties[name] = std::move(*written);
  }
  return true;
}

}  // namespace perdure::mfjs
