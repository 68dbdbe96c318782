#include "model/schema_dialect_finish.h"

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "json/parse.h"
#include "model/schema_dialect.h"
#include "model/schema_dialect_forms.h"
#include "model/schema_dialect_words.h"

namespace perdure::mfjs {
namespace {

using Definitions = std::map<std::string, Json>;
using Names = std::set<std::string>;

constexpr std::string_view kPrefix = "#/$defs/";
constexpr std::size_t kPropertyBytesMax = 200;

// What a node refers to: the name of a definition, or "" for the root.
std::optional<std::string> target_of(const Json& node) {
  const auto reference = node.find("$ref");
  if (reference == node.end()) return std::nullopt;
  const std::string& text = reference->get_ref<const std::string&>();
  return text.starts_with(kPrefix) ? text.substr(kPrefix.size()) : std::string();
}

// The subschemas of a node in the form of the dialect. Works for Json and const Json.
template <class Node, class Visit>
void for_each_child(Node& node, const Visit& visit) {
  if (const auto properties = node.find("properties"); properties != node.end()) {
    for (auto& property : *properties) visit(property);
  }
  if (const auto items = node.find("items"); items != node.end()) visit(*items);
  const auto additional = node.find("additionalProperties");
  if (additional != node.end() && additional->is_object()) visit(*additional);
  if (const auto branches = node.find("anyOf"); branches != node.end()) {
    for (auto& branch : *branches) visit(branch);
  }
}

template <class Node, class Visit>
void for_each_node(Node& node, const Visit& visit) {
  visit(node);
  for_each_child(node, [&](auto& child) { for_each_node(child, visit); });
}

Names targets_in(const Json& schema) {
  Names targets;
  for_each_node(schema, [&](const Json& node) {
    if (std::optional<std::string> target = target_of(node)) targets.insert(*std::move(target));
  });
  return targets;
}

// Definitions that are reached from themselves.
Names recursive_among(const std::map<std::string, Names>& targets) {
  Names recursive;
  for (const auto& [start, direct] : targets) {
    Names reached;
    std::vector<std::string> open(direct.begin(), direct.end());
    while (!open.empty()) {
      const std::string name = std::move(open.back());
      open.pop_back();
      if (!reached.insert(name).second) continue;
      if (name == start) break;
      const Names& next = targets.at(name);
      open.insert(open.end(), next.begin(), next.end());
    }
    if (reached.contains(start)) recursive.insert(start);
  }
  return recursive;
}

// Writes definitions out where something stands beside a reference to them. Where that would never
// end, an anyOf of the reference alone carries the description: beside the reference itself some
// versions of the validator refuse it.
class Inliner {
 public:
  Inliner(const WrittenSchema& written, Work& work) : written_(written), work_(work) {
    std::map<std::string, Names> targets;
    targets.emplace("", targets_in(written.root));
    for (const auto& [name, schema] : written.definitions)
      targets.emplace(name, targets_in(schema));
    // The search for cycles looks at every pair in the worst case.
    if (work.spend(targets.size() * targets.size() / 8)) recursive_ = recursive_among(targets);
  }

  Json inlined(const Json& node) {
    const Work::Level level(work_);
    if (!level.ok() || !work_.spend(1)) return {};
    if (const std::optional<std::string> target = target_of(node)) return resolved(node, *target);
    Json copy = node;
    for_each_child(copy, [&](Json& child) { child = inlined(child); });
    return copy;
  }

 private:
  Json resolved(const Json& node, const std::string& target) {
    const bool is_annotated = node.size() > 1;
    if (!is_annotated && !written_.borrowed.contains(target)) return node;
    Json result;
    if (recursive_.contains(target)) {
      if (!is_annotated) return node;
      result = {{"anyOf", {{{"$ref", node["$ref"]}}}}};
    } else {
      result = body_of(target);
    }
    const auto value = node.find("default");
    annotate(result, node.value("description", std::string()),
             value == node.end() ? std::optional<Json>() : *value);
    // The definition may itself be a reference, and now something stands beside it.
    return target_of(result) && result.size() > 1 ? inlined(result) : result;
  }

  // A copy for every place: of what a host takes there can be no more than 8,000 subschemas.
  Json body_of(const std::string& target) {
    if (!bodies_.contains(target)) {
      Json body = inlined(written_.definitions.at(target));
      bodies_[target] = std::move(body);
    }
    const Json& body = bodies_[target];
    std::size_t nodes = 0;
    for_each_node(body, [&](const Json&) { ++nodes; });
    return work_.spend(4 * nodes) ? body : Json::object();
  }

  const WrittenSchema& written_;
  Work& work_;
  Names recursive_;
  std::map<std::string, Json> bodies_;
};

// The validator refuses properties with the names of keywords, and within definitions names with a
// slash. They become additional properties that the description tells of.
bool is_refused_name(const std::string& name, bool is_in_definition) {
  constexpr std::array<std::string_view, 6> kReserved = {
      "", "$defs", "$ref", "additionalProperties", "anyOf", "required"};
  if (std::find(kReserved.begin(), kReserved.end(), name) != kReserved.end()) return true;
  return is_in_definition && name.find('/') != std::string::npos;
}

void let_through(Json& object, const Json& property, Work& work) {
  const auto additional = object.find("additionalProperties");
  if (additional == object.end() || *additional == true) return;
  if (*additional == false) {
    object["additionalProperties"] = true;
  } else {
    object["additionalProperties"] = any_of({*additional, property}, work);
  }
}

void move_refused_names(Json& object, bool is_in_definition, Work& work) {
  const auto properties = object.find("properties");
  if (properties == object.end()) return;
  std::vector<std::string> refused;
  for (const auto& [name, property] : properties->items()) {
    if (is_refused_name(name, is_in_definition)) refused.push_back(name);
  }
  for (const std::string& name : refused) {
    const Json property = (*properties)[name];
    properties->erase(name);
    let_through(object, property, work);
    bool is_required = false;
    if (const auto required = object.find("required"); required != object.end()) {
      const auto found = std::find(required->begin(), required->end(), Json(name));
      is_required = found != required->end();
      if (is_required) required->erase(found);
      if (required->empty()) object.erase("required");
    }
    const std::string sentence =
        fmt::format("{} property {}: {}.", is_required ? "Required" : "Optional",
                    json::dump(Json(name)), brief(property, kPropertyBytesMax));
    object["description"] =
        joined_description(object.value("description", std::string()), sentence);
    work.note(
        fmt::format("property {}: moved into the description, because the host refuses the name",
                    json::dump(Json(name))));
  }
  if (properties->empty()) object.erase("properties");
}

Definitions needed(const Json& root, Definitions definitions) {
  Definitions kept;
  const Names first = targets_in(root);
  std::vector<std::string> open(first.begin(), first.end());
  while (!open.empty()) {
    const std::string name = std::move(open.back());
    open.pop_back();
    const auto found = definitions.find(name);
    if (found == definitions.end()) continue;  // the root, or here already
    const Names next = targets_in(found->second);
    open.insert(open.end(), next.begin(), next.end());
    kept.insert(definitions.extract(found));
  }
  return kept;
}

// Whether some finite value matches, given the definitions of which that is known.
bool is_finite(const Json& node, const Names& finite) {
  if (const std::optional<std::string> target = target_of(node)) return finite.contains(*target);
  if (const auto branches = node.find("anyOf"); branches != node.end()) {
    return std::any_of(branches->begin(), branches->end(),
                       [&](const Json& branch) { return is_finite(branch, finite); });
  }
  const auto required = node.find("required");
  if (required == node.end()) return true;
  return std::all_of(required->begin(), required->end(), [&](const Json& name) {
    return is_finite(node["properties"][name.get_ref<const std::string&>()], finite);
  });
}

// The definitions that a node is, rather than contains: through references and alternatives.
void add_heads(const Json& node, Names& heads) {
  if (std::optional<std::string> target = target_of(node)) heads.insert(*std::move(target));
  if (const auto branches = node.find("anyOf"); branches != node.end()) {
    for (const Json& branch : *branches) add_heads(branch, heads);
  }
}

void check_recursion(const Json& root, const Definitions& definitions, Work& work) {
  std::map<std::string, Names> heads = {{"", {}}};
  std::map<std::string, const Json*> open = {{"", &root}};
  for (const auto& [name, schema] : definitions) {
    add_heads(schema, heads[name]);
    open.emplace(name, &schema);
  }
  for (const std::string& name : recursive_among(heads)) {
    work.fail("this definition leads only back to itself", "/$defs/" + name);
    return;
  }
  Names finite;
  for (bool is_changed = true; is_changed;) {
    is_changed = false;
    for (auto at = open.begin(); at != open.end();) {
      const bool is_known = is_finite(*at->second, finite);
      if (is_known) finite.insert(at->first);
      is_changed = is_changed || is_known;
      at = is_known ? open.erase(at) : std::next(at);
    }
  }
  if (open.empty()) return;
  // The root is open as soon as something that it requires is; that is the better name.
  const std::string& name = open.rbegin()->first;
  work.fail("every value of this schema would have to contain another one without end",
            name.empty() ? "" : "/$defs/" + name,
            "leave a property of the circle out of 'required'");
}

// Levels of properties, as the validator counts them: references count as what they lead to, once.
class DepthCounter {
 public:
  DepthCounter(const Definitions& definitions, Work& work)
      : definitions_(definitions), work_(work) {}

  /// Below a node at some depth. Beyond the limit nothing is counted any more.
  std::size_t depth_of(const Json& node, std::size_t outer) {
    const Work::Level level(work_);
    if (!level.ok() || outer > kMfjsDepthMax) return 0;
    if (const std::optional<std::string> target = target_of(node)) {
      return depth_of_target(*target, outer);
    }
    const std::size_t own = node.contains("properties") ? 1 : 0;
    std::size_t deepest = 0;
    for_each_child(node, [&](const Json& child) {
      deepest = std::max(deepest, depth_of(child, outer + own));
    });
    return deepest + own;
  }

 private:
  std::size_t depth_of_target(const std::string& target, std::size_t outer) {
    const auto definition = definitions_.find(target);
    if (definition == definitions_.end()) return 0;
    const auto [known, is_new] = depths_.emplace(target, 0);
    if (!is_new) return known->second;
    const std::size_t depth = depth_of(definition->second, outer);
    depths_[target] = depth;
    return depth;
  }

  const Definitions& definitions_;
  Work& work_;
  std::map<std::string, std::size_t> depths_;
};

void check_limits(const Json& schema, std::size_t depth, Work& work) {
  std::size_t properties = 0;
  std::size_t enum_bytes = 0;
  std::size_t enum_values = 0;
  std::size_t alternatives = 0;
  const auto count = [&](const Json& node) {
    if (node.contains("properties")) properties += node["properties"].size();
    if (node.contains("anyOf")) alternatives = std::max(alternatives, node["anyOf"].size());
    if (!node.contains("enum")) return;
    enum_values = std::max(enum_values, node["enum"].size());
    for (const Json& value : node["enum"]) {
      if (value.is_string()) enum_bytes += value.get_ref<const std::string&>().size();
    }
  };
  for_each_node(schema, count);
  if (const auto definitions = schema.find("$defs"); definitions != schema.end()) {
    for (const Json& definition : *definitions) for_each_node(definition, count);
  }
  work.limit("the depth of the schema, in levels of properties,", depth, kMfjsDepthMax);
  work.limit("the size of the strings in its enums, in bytes,", enum_bytes, kMfjsEnumBytesMax);
  work.limit("the number of values of an enum", enum_values, kMfjsEnumValuesMax);
  work.limit("the number of alternatives of an anyOf", alternatives, kMfjsAlternativesMax);
  work.limit("the number of properties", properties, kMfjsPropertiesMax);
  work.limit("the size of the schema, in bytes,", json::dump(schema).size(), kMfjsBytesMax);
}

}  // namespace

Json finished(WrittenSchema written, Work& work) {
  Inliner inliner(written, work);
  Json root = inliner.inlined(written.root);
  Definitions definitions;
  for (const auto& [name, schema] : written.definitions) {
    if (work.failed()) return {};
    definitions.emplace(name, inliner.inlined(schema));
  }
  if (work.failed()) return {};
  for_each_node(root, [&](Json& node) { move_refused_names(node, false, work); });
  for (auto& [name, schema] : definitions) {
    for_each_node(schema, [&](Json& node) { move_refused_names(node, true, work); });
  }
  // Some hosts refuse an object without properties at the root.
  if (!root.contains("properties")) root["properties"] = Json::object();
  definitions = needed(root, std::move(definitions));
  check_recursion(root, definitions, work);
  DepthCounter counter(definitions, work);
  const std::size_t depth = counter.depth_of(root, 0);
  if (!definitions.empty()) root["$defs"] = std::move(definitions);
  if (!work.failed()) check_limits(root, depth, work);
  return root;
}

}  // namespace perdure::mfjs
