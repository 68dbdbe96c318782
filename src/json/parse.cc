#include "json/parse.h"

#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/check.h"
#include "base/utf8.h"

namespace perdure::json {
namespace {

struct Position {
  std::size_t line = 1;
  std::size_t column = 1;
};

Position position_of(std::string_view text, std::size_t offset) {
  Position position;
  for (const char c : text.substr(0, std::min(offset, text.size()))) {
    ++position.column;
    if (c == '\n') position = {position.line + 1, 1};
  }
  return position;
}

// nlohmann's text after "syntax error ": "while parsing value - unexpected '}'; expected ...".
std::string reason_of(std::string_view what) {
  const std::size_t at = what.find(": ");
  return std::string(at == std::string_view::npos ? what : what.substr(at + 2));
}

// Builds the value itself instead of through nlohmann's parser, which has no depth limit.
class Builder : public nlohmann::json_sax<Json> {
 public:
  bool null() override { return add(Json(nullptr)); }
  bool boolean(bool value) override { return add(Json(value)); }
  bool number_integer(std::int64_t value) override { return add(Json(value)); }
  bool number_unsigned(std::uint64_t value) override { return add(Json(value)); }
  bool number_float(double value, const std::string& /*text*/) override { return add(Json(value)); }
  bool string(std::string& value) override { return add(Json(std::move(value))); }
  bool binary(Json::binary_t& /*value*/) override { return false; }
  bool start_object(std::size_t /*size*/) override { return open(Json::object()); }
  bool start_array(std::size_t /*size*/) override { return open(Json::array()); }
  bool key(std::string& name) override {
    key_ = std::move(name);
    return true;
  }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t position, const std::string& /*token*/,
                   const nlohmann::detail::exception& error) override {
    offset_ = position == 0 ? 0 : position - 1;
    reason_ = reason_of(error.what());
    return false;
  }

  Json take() { return std::move(root_); }
  std::size_t offset() const { return offset_; }
  const std::string& reason() const { return reason_; }

 private:
  Json* place(Json value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    Json& parent = *open_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    Json& slot = parent[key_];
    slot = std::move(value);
    return &slot;
  }
  bool add(Json value) {
    place(std::move(value));
    return true;
  }
  bool open(Json value) {
    if (open_.size() >= kDepthMax) {
      reason_ = fmt::format("nested deeper than {} levels", kDepthMax);
      return false;
    }
    open_.push_back(place(std::move(value)));
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  Json root_;
  std::vector<Json*> open_;
  std::string key_;
  std::size_t offset_ = 0;
  std::string reason_;
};

}  // namespace

Result<Json> parse(std::string_view text) {
  Builder builder;
  if (Json::sax_parse(text.begin(), text.end(), &builder)) return builder.take();
  const Position position = position_of(text, builder.offset());
  return Error{.code = ErrorCode::kInvalidArguments,
               .message = "not valid JSON: " + to_valid_utf8(builder.reason()),
               .context = fmt::format("line {}, column {}", position.line, position.column)};
}

Json literal(std::string_view text) {
  Result<Json> value = parse(text);
  CHECK(value.ok(), "JSON that is part of the program is valid");
  return std::move(*value);
}

std::string dump(const Json& value, int indent) {
  return value.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace perdure::json
