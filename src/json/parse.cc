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

// Columns count characters, as editors do.
Position position_of(std::string_view text, std::size_t offset) {
  Position position;
  for (const char c : text.substr(0, std::min(offset, text.size()))) {
    const bool continues = (static_cast<unsigned char>(c) & 0xC0) == 0x80;
    if (!continues) ++position.column;
    if (c == '\n') position = {position.line + 1, 1};
  }
  return position;
}

// nlohmann's text without its own name of the error, "[json.exception.parse_error.101] ", and
// without the place: "parse error at line 1, column 8: syntax error while ...".
std::string reason_of(std::string_view what) {
  const std::size_t name_end = what.find("] ");
  if (what.substr(0, 1) == "[" && name_end != std::string_view::npos) {
    what.remove_prefix(name_end + 2);
  }
  const std::size_t place_end = what.find(": ");
  const bool has_place = what.substr(0, 12) == "parse error " && place_end < what.size();
  return std::string(has_place ? what.substr(place_end + 2) : what);
}

// Where the first bracket stands that opens more than kDepthMax levels.
std::size_t offset_of_depth(std::string_view text) {
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '"') in_string = !in_string;
    if (in_string) {
      if (c == '\\') ++at;
      continue;
    }
    if (c == '[' || c == '{') ++depth;
    if (c == ']' || c == '}') --depth;
    if (depth > kDepthMax) return at;
  }
  return text.size();
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
  bool too_deep() const { return too_deep_; }
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
      too_deep_ = true;
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
  bool too_deep_ = false;
  std::size_t offset_ = 0;
  std::string reason_;
};

// What the parser says repeats the token that it read, however long that is.
std::string shortened(std::string_view reason) {
  constexpr std::size_t kHeadBytes = 200;
  constexpr std::size_t kTailBytes = 100;
  const std::string valid = to_valid_utf8(reason);
  if (valid.size() <= kHeadBytes + kTailBytes) return valid;
  return fmt::format("{} ... {}", utf8_prefix(valid, kHeadBytes), utf8_suffix(valid, kTailBytes));
}

Error not_json(std::string_view text, std::size_t offset, std::string_view reason) {
  const Position position = position_of(text, offset);
  return {.code = ErrorCode::kInvalidArguments,
          .message = "not valid JSON: " + shortened(reason),
          .context = fmt::format("line {}, column {}", position.line, position.column)};
}

}  // namespace

Result<Json> parse(std::string_view text) {
  Builder builder;
  if (!Json::sax_parse(text.begin(), text.end(), &builder)) {
    if (builder.too_deep()) {
      return not_json(text, offset_of_depth(text),
                      fmt::format("nested deeper than {} levels", kDepthMax));
    }
    return not_json(text, builder.offset(), builder.reason());
  }
  // nlohmann takes a NUL byte for the end of the text, whatever follows it.
  const std::size_t nul = text.find('\0');
  if (nul != std::string_view::npos) return not_json(text, nul, "a NUL byte after the value");
  return builder.take();
}

std::string text_of(std::string_view literal) {
  const bool is_string = literal.size() >= 2 && literal.front() == '"';
  if (!is_string) return {};
  if (literal.find('\\') == std::string_view::npos)
    return std::string(literal.substr(1, literal.size() - 2));
  const Result<Json> value = parse(literal);
  return value.ok() && value->is_string() ? value->get<std::string>() : std::string();
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
