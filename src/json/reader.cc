#include "json/reader.h"

#include <cmath>
#include <cstring>

#include <simdjson.h>

namespace perdure::json {

using Element = simdjson::dom::element;
static_assert(sizeof(Element) <= 16 && std::is_trivially_copyable_v<Element>,
              "a Value holds a simdjson element in place");

struct Value::Access {
  static Kind kind_of(const Element& element) {
    switch (element.type()) {
      case simdjson::dom::element_type::ARRAY:
        return Kind::kArray;
      case simdjson::dom::element_type::OBJECT:
        return Kind::kObject;
      case simdjson::dom::element_type::INT64:
        return Kind::kInteger;
      case simdjson::dom::element_type::UINT64:
        return Kind::kNumber;
      case simdjson::dom::element_type::DOUBLE:
        return Kind::kNumber;
      case simdjson::dom::element_type::STRING:
        return Kind::kString;
      case simdjson::dom::element_type::BOOL:
        return Kind::kBoolean;
      default:
        return Kind::kNull;
    }
  }
  static Value wrap(const Element& element) {
    Value value;
    std::memcpy(value.element_.data(), &element, sizeof(Element));
    value.kind_ = kind_of(element);
    return value;
  }
  static Element element(const Value& value) {
    Element element;
    std::memcpy(static_cast<void*>(&element), value.element_.data(), sizeof(Element));
    return element;
  }
};

Value Value::get(std::string_view key) const {
  if (kind_ != Kind::kObject) return {};
  Element found;
  if (Access::element(*this).at_key(key).get(found) != simdjson::SUCCESS) return {};
  return Access::wrap(found);
}

std::optional<std::string_view> Value::string() const {
  std::string_view text;
  if (kind_ != Kind::kString) return std::nullopt;
  if (Access::element(*this).get(text) != simdjson::SUCCESS) return std::nullopt;
  return text;
}

std::optional<std::int64_t> Value::integer() const {
  std::int64_t exact = 0;
  if (kind_ == Kind::kInteger && Access::element(*this).get(exact) == simdjson::SUCCESS)
    return exact;
  const std::optional<double> value = number();
  constexpr double kExact =
      9007199254740992.0;  // 2^53: beyond it a double no longer tells integers apart
  if (!value || std::trunc(*value) != *value || std::fabs(*value) > kExact) return std::nullopt;
  return static_cast<std::int64_t>(*value);
}

std::optional<double> Value::number() const {
  if (kind_ != Kind::kInteger && kind_ != Kind::kNumber) return std::nullopt;
  double value = 0;
  if (Access::element(*this).get_double().get(value) != simdjson::SUCCESS) return std::nullopt;
  return value;
}

std::optional<bool> Value::boolean() const {
  bool value = false;
  if (kind_ != Kind::kBoolean) return std::nullopt;
  if (Access::element(*this).get(value) != simdjson::SUCCESS) return std::nullopt;
  return value;
}

std::vector<Value> Value::elements() const {
  std::vector<Value> elements;
  if (kind_ != Kind::kArray) return elements;
  simdjson::dom::array array;
  if (Access::element(*this).get(array) != simdjson::SUCCESS) return elements;
  elements.reserve(array.size());
  for (const Element element : array) {
    elements.push_back(Access::wrap(element));
  }
  return elements;
}

std::vector<std::pair<std::string_view, Value>> Value::members() const {
  std::vector<std::pair<std::string_view, Value>> members;
  if (kind_ != Kind::kObject) return members;
  simdjson::dom::object object;
  if (Access::element(*this).get(object) != simdjson::SUCCESS) return members;
  members.reserve(object.size());
  for (const auto [key, element] : object) {
    members.emplace_back(key, Access::wrap(element));
  }
  return members;
}

std::string Value::text() const {
  if (kind_ == Kind::kAbsent) return {};
  return simdjson::minify(Access::element(*this));
}

struct Reader::Impl {
  simdjson::dom::parser parser;
};

Reader::Reader() : impl_(std::make_unique<Impl>()) {}
Reader::~Reader() = default;
Reader::Reader(Reader&&) noexcept = default;
Reader& Reader::operator=(Reader&&) noexcept = default;

Result<Value> Reader::parse(std::string_view text) {
  Element root;
  const simdjson::error_code code = impl_->parser.parse(text.data(), text.size(), true).get(root);
  if (code != simdjson::SUCCESS) {
    return Error{.code = ErrorCode::kBadReply,
                 .message = std::string("not valid JSON: ") + simdjson::error_message(code)};
  }
  return Value::Access::wrap(root);
}

}  // namespace perdure::json
