// Reads the members of an object; remembers that one did not fit instead of failing at each. A
// member that must be there is read by the function with its type; one that may be left out, and
// every one that a later version adds, by the function that says so. Valid while the object is.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include <perdure/json.h>
#include <perdure/result.h>

#include "json/slice.h"

namespace perdure {

class Fields {
 public:
  explicit Fields(const Json& object) : object_(object) { ok_ = object.is_object(); }

  bool ok() const { return ok_; }
  bool has(const char* key) const { return ok_ && object_.contains(key); }
  Fields inner(const char* key) {
    if (has(key) && object_[key].is_object()) return Fields(object_[key]);
    ok_ = false;
    return Fields(object_);
  }
  std::vector<Json> optional_list(const char* key) {
    return has(key) ? list(key) : std::vector<Json>{};
  }
  std::vector<Json> list(const char* key) {
    return check(has(key) && object_[key].is_array()) ? object_[key].get<std::vector<Json>>()
                                                      : std::vector<Json>{};
  }
  std::string optional_text(const char* key) { return has(key) ? text(key) : std::string(); }
  std::string text(const char* key) {
    return check(has(key) && object_[key].is_string()) ? object_[key].get<std::string>()
                                                       : std::string();
  }
  std::int64_t optional_integer(const char* key) { return has(key) ? integer(key) : 0; }
  std::int64_t integer(const char* key) {
    if (!check(has(key) && object_[key].is_number_integer())) return 0;
    constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    const Json& value = object_[key];
    if (!check(!value.is_number_unsigned() || value.get<std::uint64_t>() <= kMax)) return 0;
    return value.get<std::int64_t>();
  }
  double optional_number(const char* key) { return has(key) ? number(key) : 0; }
  double number(const char* key) {
    return check(has(key) && object_[key].is_number()) ? object_[key].get<double>() : 0;
  }
  bool optional_flag(const char* key) { return has(key) && flag(key); }
  bool flag(const char* key) {
    return check(has(key) && object_[key].is_boolean()) && object_[key].get<bool>();
  }
  std::vector<std::string> optional_texts(const char* key) {
    std::vector<std::string> out;
    for (const Json& item : optional_list(key)) {
      if (check(item.is_string())) out.push_back(item.get<std::string>());
    }
    return out;
  }
  /// One of a table of (value, name).
  template <class Table>
  auto name(const char* key, const Table& table) {
    const std::string text = this->text(key);
    const auto found = std::find_if(table.begin(), table.end(),
                                    [&](const auto& row) { return row.second == text; });
    return check(found != table.end()) ? found->first : table[0].first;
  }
  ErrorCode error_code(const char* key) {
    const std::string name = text(key);
    const ErrorCode code = error_code_from(name);
    check(to_string(code) == name);
    return code;
  }
  /// The bytes of a member that is an object, as `payload` has them.
  std::string object_text(const char* key, std::string_view payload) {
    if (!check(has(key) && object_[key].is_object())) return {};
    return std::string(json::member_slice(payload, key));
  }
  /// The same, or empty.
  std::string optional_object_text(const char* key, std::string_view payload) {
    return has(key) ? object_text(key, payload) : std::string();
  }
  void merge(const Fields& inner) { check(inner.ok_); }

 private:
  bool check(bool fits) {
    ok_ = ok_ && fits;
    return ok_;
  }

  const Json& object_;
  bool ok_ = true;
};

}  // namespace perdure
