// A fast read-only view of JSON text, over simdjson: for deltas of a stream, replies and requests,
// where building values would cost more than the work itself.
//
//   json::Reader reader;                                  // one per thread; keeps its buffers
//   Result<json::Value> chunk = reader.parse(text);       // valid until the next parse()
//   for (json::Value choice : chunk->get("choices").elements()) ...
//
// Reading a member that is absent, or of another kind, gives an empty Value or nothing: what models
// and hosts send is often not what was agreed, and each reader decides what that means.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <perdure/result.h>

namespace perdure::json {

enum class Kind : std::uint8_t {
  kAbsent,
  kNull,
  kBoolean,
  kInteger,
  kNumber,
  kString,
  kArray,
  kObject
};

class Value {
 public:
  Value() = default;

  Kind kind() const { return kind_; }
  bool is_object() const { return kind_ == Kind::kObject; }
  bool is_array() const { return kind_ == Kind::kArray; }
  bool is_string() const { return kind_ == Kind::kString; }
  /// Absent or null: hosts use both for "nothing".
  bool is_nothing() const { return kind_ == Kind::kAbsent || kind_ == Kind::kNull; }
  explicit operator bool() const { return !is_nothing(); }

  /// The member, or an absent Value when this is no object or has no such key.
  Value get(std::string_view key) const;
  std::optional<std::string_view> string() const;
  std::string_view string_or(std::string_view fallback) const {
    return string().value_or(fallback);
  }
  /// Integers, and numbers with an integral value; nothing otherwise.
  std::optional<std::int64_t> integer() const;
  std::int64_t integer_or(std::int64_t fallback) const { return integer().value_or(fallback); }
  std::optional<double> number() const;
  std::optional<bool> boolean() const;

  std::vector<Value> elements() const;
  std::vector<std::pair<std::string_view, Value>> members() const;
  /// The value as JSON text without white space (numbers may be spelled anew).
  std::string text() const;

 private:
  friend class Reader;
  struct Access;

  alignas(8) std::array<std::byte, 16> element_{};
  Kind kind_ = Kind::kAbsent;
};

class Reader {
 public:
  Reader();
  ~Reader();
  Reader(Reader&&) noexcept;
  Reader& operator=(Reader&&) noexcept;

  /// Errors: kBadReply with simdjson's reason. Nesting is limited to 1,024 levels.
  Result<Value> parse(std::string_view text);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace perdure::json
