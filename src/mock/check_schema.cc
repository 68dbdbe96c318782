#include <algorithm>
#include <array>
#include <string>

#include <fmt/format.h>

#include "mock/checks.h"

namespace perdure::mock {
namespace {

constexpr std::array<std::string_view, 7> kTypes = {"null",   "boolean", "object", "array",
                                                    "number", "integer", "string"};

bool is_type(const json::Value& value) {
  return std::find(kTypes.begin(), kTypes.end(), value.string_or("")) != kTypes.end();
}

// Walks over a schema and keeps the first mistake. The texts are those of the host's own validator.
class SchemaCheck {
 public:
  SchemaCheck(const json::Value& root, std::string_view where) : root_(root), where_(where) {}

  std::optional<Refusal> check() {
    if (root_.members().empty()) return std::nullopt;  // {} means: no arguments, or any
    if (root_.get("type").string_or("") != "object") {
      return invalid_request(fmt::format(
          "tools.function.parameters.type is required and must be \"object\" ({})", where_));
    }
    check_node(root_, "", true);
    return std::move(refusal_);
  }

 private:
  static std::string below(const std::string& path, std::string_view step) {
    return path.empty() ? std::string(step) : fmt::format("{}.{}", path, step);
  }

  void mistake(const std::string& path, std::string_view what) {
    if (refusal_) return;
    refusal_ = invalid_request(fmt::format(
        "tools.function.parameters is not a valid moonshot flavored json schema, details: <At path "
        "'{}': {}> ({})",
        path.empty() ? "root" : path, what, where_));
  }

  // `needs_type`: branches of anyOf were seen to pass without one, all other schemas were not.
  void check_node(const json::Value& node, const std::string& path, bool needs_type) {
    if (refusal_) return;
    const json::Value type = node.get("type");
    const json::Value any_of = node.get("anyOf");
    const json::Value reference = node.get("$ref");
    if (type && any_of) {
      mistake(path,
              "when using anyOf, type should be defined in anyOf items instead of the "
              "parent schema");
    }
    if (type && reference) {
      mistake(path,
              "when using $ref, type should be defined in the referenced schema instead of "
              "the parent schema");
    }
    if (!type && !any_of && !reference && needs_type) mistake(path, "type is not defined");
    if (reference) check_reference(reference, below(path, "$ref"));
    check_type(type, path);
    check_members(node, path);
    if (any_of && any_of.elements().empty())
      mistake(below(path, "anyOf"), "anyOf must be an array");
    std::size_t branch = 0;
    for (const json::Value& item : any_of.elements()) {
      check_node(item, below(path, fmt::format("anyOf{{{}}}", branch++)), false);
    }
  }

  void check_type(const json::Value& type, const std::string& path) {
    if (!type) return;
    const std::vector<json::Value> types = type.elements();
    const bool good = type.is_array()
                          ? !types.empty() && std::all_of(types.begin(), types.end(), is_type)
                          : is_type(type);
    if (!good) mistake(path, "invalid type");
  }

  void check_members(const json::Value& node, const std::string& path) {
    const json::Value properties = node.get("properties");
    for (const auto& [name, property] : properties.members()) {
      check_node(property, below(path, fmt::format("properties.{}", name)), true);
    }
    for (const json::Value& name : node.get("required").elements()) {
      if (properties.get(name.string_or("")).kind() != json::Kind::kAbsent) continue;
      mistake(below(path, "required"), fmt::format("property {} is not defined in properties",
                                                   in_quotes(name.string_or(""))));
    }
    const json::Value items = node.get("items");
    if (items && !items.is_object()) mistake(below(path, "items"), "items must be an object");
    if (items.is_object()) check_node(items, below(path, "items"), true);
    for (const auto& [name, definition] : node.get("$defs").members()) {
      check_node(definition, below(path, fmt::format("$defs.{}", name)), true);
    }
  }

  void check_reference(const json::Value& reference, const std::string& path) {
    const std::string_view target = reference.string_or("");
    constexpr std::string_view kDefinitions = "#/$defs/";
    if (target == "#") return;
    if (!target.starts_with(kDefinitions)) {
      return mistake(path, "references must start with #/$defs/");
    }
    if (!root_.get("$defs").get(target.substr(kDefinitions.size()))) {
      mistake("", fmt::format("invalid $ref path: {}", target));
    }
  }

  const json::Value& root_;
  std::string_view where_;
  std::optional<Refusal> refusal_;
};

}  // namespace

std::optional<Refusal> check_tool_schema(const json::Value& schema, std::string_view where) {
  if (!schema.is_object()) {
    return invalid_request(fmt::format("tools.function.parameters must be an object ({})", where));
  }
  return SchemaCheck(schema, where).check();
}

}  // namespace perdure::mock
