// JSON that a test reads: what does not parse fails the test and is null.
#pragma once

#include <string_view>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "json/parse.h"

namespace perdure::test {

inline Json parse_json(std::string_view text) {
  Result<Json> value = json::parse(text);
  if (value.ok()) return std::move(*value);
  ADD_FAILURE() << to_text(value.error()) << "\nin: " << text;
  return nullptr;
}

}  // namespace perdure::test
