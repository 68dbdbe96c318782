// For the tests of the dialect: what a host that takes MFJS would say to a schema, and what the
// validator of arguments says to a value.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <perdure/json.h>

#include "json/parse.h"
#include "json/schema/schema.h"

namespace perdure::testing {

inline Json parsed(std::string_view text) {
  Result<Json> json = json::parse(text);
  EXPECT_TRUE(json.ok()) << text;
  return json.ok() ? *json : Json();
}

// What the specification of the dialect lets through, in its strictest reading; an error text
// otherwise. Looks at the result only, knows nothing of how it was made.
class MfjsChecker {
 public:
  static std::string check(const Json& root) {
    if (!root.is_object() || root.value("type", Json()) != "object") return "the root is no object";
    if (!root.contains("properties")) return "the root has no properties";
    MfjsChecker checker(root.value("$defs", Json::object()));
    Json bare = root;
    bare.erase("$defs");
    checker.check_node(bare, "root", false);
    for (const auto& [name, definition] : checker.definitions_.items()) {
      if (name.empty() || name.find_first_of("/~%#") != std::string::npos) return "name " + name;
      checker.check_node(definition, "$defs." + name, true);
    }
    return checker.error_;
  }

 private:
  explicit MfjsChecker(Json definitions) : definitions_(std::move(definitions)) {}

  void fail(const std::string& path, const std::string& what) {
    if (error_.empty()) error_ = path + ": " + what;
  }

  void check_keywords(const Json& node, const std::string& path,
                      const std::set<std::string>& allowed) {
    for (const auto& [keyword, value] : node.items()) {
      if (!allowed.contains(keyword)) fail(path, "keyword " + keyword);
    }
    if (!node.value("description", Json("")).is_string()) fail(path, "description");
  }

  void check_node(const Json& node, const std::string& path, bool is_in_definition) {
    if (!node.is_object()) return fail(path, "no object");
    if (node.contains("$ref")) {
      check_keywords(node, path, {"$ref"});
      const std::string reference = node["$ref"];
      const bool is_known = reference == "#" || (reference.starts_with("#/$defs/") &&
                                                 definitions_.contains(reference.substr(8)));
      if (!is_known) fail(path, "$ref " + reference);
      return;
    }
    if (node.contains("anyOf")) {
      check_keywords(node, path, {"anyOf", "description"});
      if (!node["anyOf"].is_array() || node["anyOf"].empty()) return fail(path, "anyOf");
      for (const Json& branch : node["anyOf"])
        check_node(branch, path + ".anyOf", is_in_definition);
      return;
    }
    if (!node.contains("type")) return fail(path, "type is not defined");
    check_type(node, path, is_in_definition);
  }

  void check_type(const Json& node, const std::string& path, bool is_in_definition) {
    if (!node["type"].is_string()) return fail(path, "type");
    const std::string type = node["type"];
    std::set<std::string> allowed = {"type", "description"};
    if (type == "object") allowed.insert({"properties", "required", "additionalProperties"});
    if (type == "array") allowed.insert("items");
    if (type == "boolean") allowed.insert("default");
    const bool has_values = type == "string" || type == "integer" || type == "number";
    if (has_values) allowed.insert({"enum", "default"});
    if (allowed.size() == 2 && type != "null") fail(path, "type " + type);
    check_keywords(node, path, allowed);
    if (node.contains("enum")) check_enum(node, type, path);
    if (node.contains("items")) check_node(node["items"], path + ".items", is_in_definition);
    if (type == "object") check_object(node, path, is_in_definition);
  }

  void check_enum(const Json& node, const std::string& type, const std::string& path) {
    if (!node["enum"].is_array() || node["enum"].empty()) return fail(path, "enum");
    for (const Json& value : node["enum"]) {
      const bool fits = type == "string" ? value.is_string() : value.is_number();
      if (!fits) fail(path, "enum of mixed types");
    }
  }

  void check_object(const Json& node, const std::string& path, bool is_in_definition) {
    static const std::set<std::string> kReserved = {"$defs", "$ref", "anyOf", "required",
                                                    "additionalProperties"};
    const Json properties = node.value("properties", Json::object());
    for (const auto& [name, property] : properties.items()) {
      const bool has_slash = name.find('/') != std::string::npos;
      if (kReserved.contains(name) || (is_in_definition && has_slash)) fail(path, "name " + name);
      check_node(property, path + "." + name, is_in_definition);
    }
    for (const Json& name : node.value("required", Json::array())) {
      if (!properties.contains(name)) fail(path, "required property is not defined");
    }
    const Json additional = node.value("additionalProperties", Json(true));
    if (!additional.is_boolean()) check_node(additional, path + ".{}", is_in_definition);
  }

  const Json definitions_;
  std::string error_;
};

inline std::vector<std::string> violations(const Json& schema, const Json& value) {
  const Result<Schema> compiled = Schema::compile(schema);
  if (!compiled.ok()) return {compiled.error().message};
  std::vector<std::string> texts;
  for (const Violation& violation : compiled->validate(value)) texts.push_back(violation.message);
  return texts;
}

}  // namespace perdure::testing
