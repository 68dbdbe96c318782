#include "model/schema_dialect_forms.h"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"
#include "base/utf8.h"
#include "model/schema_dialect_shape.h"
#include "model/schema_dialect_words.h"

namespace perdure::mfjs {
namespace {

constexpr std::size_t kFormsBytesMax = 1'000;

bool contains(const Json& array, const Json& value) {
  return std::find(array.begin(), array.end(), value) != array.end();
}

// The dialect takes defaults of scalars that fit the type, and nothing but annotations beside
// anyOf.
bool may_default(const Json& node, const Json& value) {
  const auto type = node.find("type");
  if (type == node.end() || value.is_structured() || value.is_null()) return false;
  const TypeSet types = types_named(type->get_ref<const std::string&>());
  const auto values = node.find("enum");
  return (types & type_of(value)) != 0 && (values == node.end() || contains(*values, value));
}

std::string description_of(const Json& node) {
  return node.value("description", std::string());
}

Json without_description(Json node) {
  node.erase("description");
  return node;
}

bool is_required(const Json& object, const std::string& name) {
  const auto required = object.find("required");
  return required != object.end() && contains(*required, name);
}

const Json* property_of(const Json& object, const std::string& name) {
  const auto properties = object.find("properties");
  if (properties == object.end()) return nullptr;
  const auto found = properties->find(name);
  return found == properties->end() ? nullptr : &*found;
}

// Enums of one type are one enum: the property that tells the alternatives apart.
bool unite_enums(Json& first, const Json& second) {
  const auto is_enum = [](const Json& node) {
    return node.contains("enum") && node.size() == (node.contains("description") ? 3U : 2U);
  };
  if (!is_enum(first) || !is_enum(second) || first["type"] != second["type"]) return false;
  for (const Json& value : second["enum"]) {
    if (!contains(first["enum"], value)) first["enum"].push_back(value);
  }
  const std::string description = joined_description(description_of(first), description_of(second));
  if (!description.empty()) first["description"] = description;
  return true;
}

void unite_property(std::vector<Json>& variants, const Json& property) {
  for (Json& variant : variants) {
    if (without_description(variant) == without_description(property)) {
      annotate(variant, description_of(property), std::nullopt);
      return;
    }
    if (unite_enums(variant, property)) return;
  }
  variants.push_back(property);
}

Json united_properties(const std::vector<Json>& objects, Work& work) {
  std::map<std::string, std::vector<Json>> variants;
  for (const Json& object : objects) {
    const auto properties = object.find("properties");
    if (properties == object.end() || !work.spend(properties->size())) continue;
    for (const auto& [name, property] : properties->items()) {
      if (!work.spend(1 + variants[name].size())) return Json::object();
      unite_property(variants[name], property);
    }
  }
  Json properties = Json::object();
  for (auto& [name, schemas] : variants) properties[name] = any_of(std::move(schemas), work);
  return properties;
}

Json united_requirements(const std::vector<Json>& objects) {
  Json required = Json::array();
  for (const Json& name : objects.front().value("required", Json::array())) {
    const bool is_common = std::all_of(objects.begin(), objects.end(), [&](const Json& object) {
      return is_required(object, name.get_ref<const std::string&>());
    });
    if (is_common) required.push_back(name);
  }
  return required;
}

// Closed when all are closed. What one of them lets through, the united object lets through.
std::optional<Json> united_additional(const std::vector<Json>& objects, Work& work) {
  std::vector<Json> schemas;
  for (const Json& object : objects) {
    const auto additional = object.find("additionalProperties");
    if (additional == object.end() || *additional == true) return std::nullopt;
    if (*additional != false) schemas.push_back(*additional);
  }
  if (schemas.empty()) return Json(false);
  return any_of(std::move(schemas), work);
}

// `kind = "file", path, optional: mode` of one alternative, without what all have in common.
std::string form_text(const Json& object, const std::vector<Json>& objects) {
  std::vector<std::string> required;
  std::vector<std::string> optional;
  const Json properties = object.value("properties", Json::object());
  for (const auto& [name, property] : properties.items()) {
    const bool is_needed = is_required(object, name);
    const bool is_common = std::all_of(objects.begin(), objects.end(), [&](const Json& other) {
      const Json* same = property_of(other, name);
      return same != nullptr && *same == property && is_required(other, name) == is_needed;
    });
    if (is_common) continue;
    const auto values = property.find("enum");
    const bool is_fixed = values != property.end() && values->size() == 1;
    std::string text = is_fixed ? fmt::format("{} = {}", name, brief(values->front(), 80)) : name;
    (is_needed ? required : optional).push_back(std::move(text));
  }
  std::string text = join(required, ", ");
  if (!optional.empty()) {
    text += (text.empty() ? "optional: " : ", optional: ") + join(optional, ", ");
  }
  return text.empty() ? "nothing else" : text;
}

std::string forms_sentence(const std::vector<Json>& objects, Work& work) {
  std::vector<std::string> forms;
  for (const Json& object : objects) {
    const std::size_t size = object.value("properties", Json::object()).size();
    if (!work.spend(1 + size * objects.size() / 8)) return {};
    const std::string form = fmt::format("({})", form_text(object, objects));
    if (std::find(forms.begin(), forms.end(), form) == forms.end()) forms.push_back(form);
  }
  if (forms.size() < 2) return {};
  const std::string text = join(forms, " or ");
  if (text.size() <= kFormsBytesMax) return fmt::format("Give one of: {}.", text);
  return fmt::format("Give one of: {}…", utf8_prefix(text, kFormsBytesMax));
}

}  // namespace

Json anything() {
  Json branches = Json::array();
  for (const char* type : {"string", "number", "boolean", "object", "array", "null"}) {
    branches.push_back({{"type", type}});
  }
  return {{"anyOf", std::move(branches)}};
}

void annotate(Json& node, const std::string& description,
              const std::optional<Json>& default_value) {
  std::string text = joined_description(description, description_of(node));
  if (default_value) {
    if (node.contains("$ref") || may_default(node, *default_value)) {
      node["default"] = *default_value;
    } else {
      text = joined_description(text, default_sentence(*default_value));
    }
  }
  if (!text.empty()) node["description"] = std::move(text);
}

Json any_of(std::vector<Json> branches, Work& work) {
  std::vector<Json> flat;
  const auto add = [&](Json branch) {
    if (!work.spend(1 + flat.size() / 16)) return;
    if (std::find(flat.begin(), flat.end(), branch) == flat.end())
      flat.push_back(std::move(branch));
  };
  for (Json& branch : branches) {
    const bool is_list = branch.contains("anyOf") && branch.size() == 1;
    if (!is_list) {
      add(std::move(branch));
      continue;
    }
    for (Json& inner : branch["anyOf"]) add(std::move(inner));
  }
  if (flat.size() == 1) return std::move(flat.front());
  return {{"anyOf", std::move(flat)}};
}

Json united(const std::vector<Json>& objects, Work& work) {
  Json object = {{"type", "object"}, {"properties", united_properties(objects, work)}};
  Json required = united_requirements(objects);
  if (!required.empty()) object["required"] = std::move(required);
  const std::optional<Json> additional = united_additional(objects, work);
  if (additional) object["additionalProperties"] = *additional;
  annotate(object, forms_sentence(objects, work), std::nullopt);
  return object;
}

}  // namespace perdure::mfjs
