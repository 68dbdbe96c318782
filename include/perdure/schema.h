// Writes the JSON Schema of a tool's parameters in C++, so that the compiler finds the misspelt
// keyword and the reader sees what a call looks like. Plain values, made and used on any thread:
//
//   schema::object()
//       .required("service", schema::one_of({"checkout", "payments"}).describe("Which service"))
//       .optional("minutes", schema::integer(1, 1440))
//
// Each builder converts to Json; a schema that is not covered here is written as Json directly. For
// a struct that needs no explanation, of<T>() is its schema.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <perdure/json.h>

namespace perdure::schema {

/// A schema under construction: a JSON object with a few ways to add to it.
class Builder {
 public:
  explicit Builder(Json json) : json_(std::move(json)) {}
  Builder describe(std::string text) && {
    json_["description"] = std::move(text);
    return std::move(*this);
  }
  operator Json() const { return json_; }  // NOLINT: conversion

 private:
  Json json_;
};

inline Builder string() {
  return Builder(Json{{"type", "string"}});
}
inline Builder boolean() {
  return Builder(Json{{"type", "boolean"}});
}
inline Builder number() {
  return Builder(Json{{"type", "number"}});
}
inline Builder integer() {
  return Builder(Json{{"type", "integer"}});
}
inline Builder integer(std::int64_t minimum, std::int64_t maximum) {
  return Builder(Json{{"type", "integer"}, {"minimum", minimum}, {"maximum", maximum}});
}
inline Builder one_of(std::initializer_list<const char*> values) {
  Json list = Json::array();
  for (const char* value : values) list.push_back(value);
  return Builder(Json{{"type", "string"}, {"enum", std::move(list)}});
}
inline Builder array_of(const Json& items) {
  return Builder(Json{{"type", "array"}, {"items", items}});
}

/// An object that takes the properties that are named and no others.
class Object {
 public:
  Object required(const std::string& name, const Json& schema) && {
    json_["properties"][name] = schema;
    json_["required"].push_back(name);
    return std::move(*this);
  }
  Object optional(const std::string& name, const Json& schema) && {
    json_["properties"][name] = schema;
    return std::move(*this);
  }
  operator Json() const { return json_; }  // NOLINT: conversion

 private:
  Json json_ = {{"type", "object"},
                {"properties", Json::object()},
                {"required", Json::array()},
                {"additionalProperties", false}};
};

inline Object object() {
  return {};
}

/// What has the shape of an example: an object needs all members of the example and takes no
/// others; an empty list or object, and null, stand for any.
inline Json like(const Json& example) {
  if (example.is_string()) return string();
  if (example.is_boolean()) return boolean();
  if (example.is_number_integer()) return integer();
  if (example.is_number()) return number();
  if (example.is_array())
    return example.empty() ? Json{{"type", "array"}} : array_of(like(example[0]));
  if (!example.is_object()) return Json::object();
  if (example.empty()) return Json{{"type", "object"}};
  Object members = object();
  for (const auto& [name, member] : example.items()) {
    members = std::move(members).required(name, like(member));
  }
  return members;
}

/// The schema of a struct that nlohmann's to_json writes, from its default value: all members, each
/// required.
template <class T>
Json of() {
  return like(Json(T{}));
}

}  // namespace perdure::schema
