#include "json/toml.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#define TOML_EXCEPTIONS 0
// toml++ 3.3 asserts what a document can violate ("[.x]"), and where NDEBUG is defined it even
// tells the compiler to assume it. The branches behind its assertions return errors that say what
// is wrong: they are reached when it does neither.
#undef NDEBUG
#define TOML_ASSERT(expr) static_assert(true)
#include <toml++/toml.h>

#include "base/text.h"

namespace perdure {
namespace {

struct Place {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
};

std::string escape_token(std::string_view key) {
  std::string out;
  for (const char c : key) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

// How many of `mark` begin `text`.
std::size_t run_of(std::string_view text, char mark) {
  return std::min(text.find_first_not_of(mark), text.size());
}

// Where a string or comment that begins at `at` ends. A string that its line leaves open ends
// there: what is wrong with it is for the parser to say.
std::size_t end_of_text(std::string_view text, std::size_t at) {
  const char mark = text[at];
  if (mark == '#') return std::min(text.find('\n', at), text.size());
  const std::size_t marks = std::min<std::size_t>(run_of(text.substr(at), mark), 3);
  if (marks == 2) return at + 2;
  for (at += marks; at < text.size(); ++at) {
    if (text[at] == '\n' && marks == 1) return at;
    if (text[at] == '\\' && mark == '"') {
      ++at;
    } else if (const std::size_t run = run_of(text.substr(at), mark); run >= marks) {
      // Two marks more may stand before the three that end a text of several lines.
      return at + (marks == 1 ? 1 : std::min<std::size_t>(run, 5));
    }
  }
  return text.size();
}

// The first character outside of strings and comments that is not ASCII, or the size of the text.
// The TOML specification has none there (section "Keys"), and toml++ 3.3 reaches code that its
// authors told the compiler is never reached.
std::size_t find_stray_character(std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  std::size_t at = text.substr(0, 3) == kByteOrderMark ? 3 : 0;
  while (at < text.size() && static_cast<unsigned char>(text[at]) < 0x80) {
    const char c = text[at];
    at = c == '#' || c == '"' || c == '\'' ? end_of_text(text, at) : at + 1;
  }
  return std::min(at, text.size());
}

Place place_of(std::string_view text, std::size_t at) {
  Place place{.line = 1, .column = 1};
  for (const char c : text.substr(0, at)) {
    const bool continues = (static_cast<unsigned char>(c) & 0xC0) == 0x80;
    if (!continues) ++place.column;
    if (c == '\n') place = {.line = place.line + 1, .column = 1};
  }
  return place;
}

Json to_json(const toml::node& node, const std::string& pointer,
             std::map<std::string, Place>& places) {
  places[pointer] = {node.source().begin.line, node.source().begin.column};
  if (const auto* table = node.as_table()) {
    Json object = Json::object();
    for (const auto& [key, child] : *table) {
      const std::string child_pointer = pointer + "/" + escape_token(key.str());
      object[std::string(key.str())] = to_json(child, child_pointer, places);
      if (key.source().begin) {
        places[child_pointer] = {key.source().begin.line, key.source().begin.column};
      }
    }
    return object;
  }
  if (const auto* array = node.as_array()) {
    Json list = Json::array();
    for (const toml::node& child : *array) {
      list.push_back(to_json(child, pointer + "/" + std::to_string(list.size()), places));
    }
    return list;
  }
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* integer = node.as_integer()) return integer->get();
  if (const auto* number = node.as_floating_point()) return number->get();
  if (const auto* boolean = node.as_boolean()) return boolean->get();
  return nullptr;  // dates and times: no key of ours takes them, so they fail as a wrong type
}

// toml++ speaks of a line feed in a string as of a control character.
std::string_view words_of(std::string_view description) {
  const bool unclosed =
      description.find("control characters other than TAB") != std::string_view::npos;
  return unclosed ? "a string has no closing quote in its line, or a control character in it"
                  : description;
}

bool is_index(std::string_view token) {
  return !token.empty() && token.find_first_not_of("0123456789") == std::string_view::npos;
}

// The line of the file that begins the table at a pointer: "[tools]", "[[tools.command]]".
std::string header_of(std::string_view pointer) {
  std::vector<std::string> names;
  bool listed = false;
  for (const std::string_view token : split(pointer.substr(1), '/')) {
    listed = is_index(token);
    if (!listed) names.emplace_back(token);
  }
  const std::string name = join(names, ".");
  return listed ? "[[" + name + "]]" : "[" + name + "]";
}

std::string_view kind_name(const Json& value) {
  if (value.is_string()) return "a string";
  if (value.is_boolean()) return "true or false";
  if (value.is_number_integer()) return "an integer";
  if (value.is_number()) return "a number";
  if (value.is_array()) return "an array";
  if (value.is_object()) return "a table";
  return "a date or time";
}

}  // namespace

struct TomlDocument::State {
  std::string name;
  Json value;
  std::map<std::string, Place> places;
  std::map<std::string, std::set<std::string, std::less<>>>
      known;                          // keys asked for, by table pointer
  std::set<std::string> taken_whole;  // read as JSON: what is inside is free
  std::vector<Error> mistakes;

  std::string advice_for(const std::string& pointer, const std::string& key) const;
};

// What to do about a key that nobody asked for in the table at `pointer`. A line of TOML belongs to
// the table whose header stands before it, so a key that the file's root knows, or a table around
// this one, was probably meant to stand there.
std::string TomlDocument::State::advice_for(const std::string& pointer,
                                            const std::string& key) const {
  for (std::string around = pointer; !around.empty();) {
    around.resize(around.rfind('/'));
    const auto keys = known.find(around);
    if (keys == known.end() || keys->second.count(key) == 0) continue;
    if (!around.empty()) return fmt::format("'{}' is a key of {}", key, header_of(around));
    return fmt::format(
        "'{}' belongs above the first [table] of the file: below {} it is a key of that", key,
        header_of(pointer));
  }
  const auto& here = known.at(pointer);
  const std::vector<std::string> names(here.begin(), here.end());
  const std::optional<std::string> meant = nearest(key, names);
  return meant ? fmt::format("did you mean '{}'?", *meant)
               : "known keys here: " + join(names, ", ");
}

TomlDocument::TomlDocument(std::unique_ptr<State> state) : state_(std::move(state)) {}
TomlDocument::TomlDocument(TomlDocument&&) noexcept = default;
TomlDocument& TomlDocument::operator=(TomlDocument&&) noexcept = default;
TomlDocument::~TomlDocument() = default;

Result<TomlDocument> TomlDocument::parse(std::string_view text, std::string name) {
  if (const std::size_t at = find_stray_character(text); at != text.size()) {
    const Place place = place_of(text, at);
    return Error{.code = ErrorCode::kConfig,
                 .message =
                     "not valid TOML: only strings and comments may have characters that "
                     "are not ASCII",
                 .context = fmt::format("{}:{}:{}", name, place.line, place.column)};
  }
  const toml::parse_result parsed = toml::parse(text, name);
  if (!parsed) {
    const toml::source_position at = parsed.error().source().begin;
    return Error{
        .code = ErrorCode::kConfig,
        .message = fmt::format("not valid TOML: {}", words_of(parsed.error().description())),
        .context = fmt::format("{}:{}:{}", name, at.line, at.column)};
  }
  auto state = std::make_unique<State>();
  state->name = std::move(name);
  state->value = to_json(parsed.table(), "", state->places);
  return TomlDocument(std::move(state));
}

TomlTable TomlDocument::root() {
  return TomlTable(*state_, "");
}

std::string TomlDocument::place(const std::string& pointer) const {
  const auto found = state_->places.find(pointer);
  if (found == state_->places.end() || found->second.line == 0) return state_->name;
  return fmt::format("{}:{}:{}", state_->name, found->second.line, found->second.column);
}

std::vector<Error> TomlDocument::finish() {
  std::vector<std::pair<Place, Error>> unknown;
  for (const auto& [pointer, known] : state_->known) {
    const Json& table = state_->value[Json::json_pointer(pointer)];
    if (!table.is_object() || state_->taken_whole.count(pointer) > 0) continue;
    for (const auto& [key, value] : table.items()) {
      if (known.count(key) > 0) continue;
      const std::string at = pointer + "/" + escape_token(key);
      unknown.emplace_back(state_->places[at],
                           Error{.code = ErrorCode::kConfig,
                                 .message = fmt::format("unknown key '{}'", key),
                                 .context = place(at),
                                 .advice = state_->advice_for(pointer, key)});
    }
  }
  std::sort(unknown.begin(), unknown.end(), [](const auto& a, const auto& b) {
    return std::pair(a.first.line, a.first.column) < std::pair(b.first.line, b.first.column);
  });
  std::vector<Error> errors = state_->mistakes;
  for (auto& [at, error] : unknown) errors.push_back(std::move(error));
  return errors;
}

TomlTable::TomlTable(TomlDocument::State& state, std::string pointer)
    : state_(&state), pointer_(std::move(pointer)) {
  state_->known[pointer_];
}

std::string TomlTable::pointer_to(std::string_view key) const {
  return key.empty() ? pointer_ : pointer_ + "/" + escape_token(key);
}

const Json* TomlTable::find(std::string_view key) {
  state_->known[pointer_].emplace(key);
  const Json& table = state_->value[Json::json_pointer(pointer_)];
  const auto found = table.find(key);
  return found == table.end() ? nullptr : &*found;
}

bool TomlTable::has(std::string_view key) const {
  return state_->value[Json::json_pointer(pointer_)].contains(key);
}

std::string TomlTable::place(std::string_view key) const {
  const auto found = state_->places.find(pointer_to(key));
  if (found == state_->places.end() || found->second.line == 0) return state_->name;
  return fmt::format("{}:{}:{}", state_->name, found->second.line, found->second.column);
}

std::string TomlTable::place() const {
  return place("");
}

void TomlTable::mistake(std::string_view key, std::string message, std::string advice) {
  state_->mistakes.push_back({.code = ErrorCode::kConfig,
                              .message = std::move(message),
                              .context = place(key),
                              .advice = std::move(advice)});
}

void TomlTable::wrong_type(std::string_view key, std::string_view wanted, const Json& found) {
  mistake(key, fmt::format("'{}' must be {}, not {}", key, wanted, kind_name(found)));
}

std::optional<std::string> TomlTable::string(std::string_view key) {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->is_string()) return value->get<std::string>();
  wrong_type(key, "a string", *value);
  return std::nullopt;
}

std::optional<bool> TomlTable::boolean(std::string_view key) {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->is_boolean()) return value->get<bool>();
  wrong_type(key, "true or false", *value);
  return std::nullopt;
}

std::optional<std::int64_t> TomlTable::integer(std::string_view key, std::int64_t minimum,
                                               std::int64_t maximum) {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number_integer()) {
    wrong_type(key, "an integer", *value);
    return std::nullopt;
  }
  const auto number = value->get<std::int64_t>();
  if (number < minimum || number > maximum) {
    mistake(key,
            fmt::format("'{}' must be between {} and {}, not {}", key, minimum, maximum, number));
    return std::nullopt;
  }
  return number;
}

std::optional<double> TomlTable::number(std::string_view key, double minimum) {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number()) {
    wrong_type(key, "a number", *value);
    return std::nullopt;
  }
  const auto number = value->get<double>();
  if (!std::isfinite(number) || number < minimum) {
    mistake(key, fmt::format("'{}' must be at least {}, not {}", key, minimum, number));
    return std::nullopt;
  }
  return number;
}

std::optional<std::vector<std::string>> TomlTable::strings(std::string_view key) {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  std::vector<std::string> list;
  if (value->is_array()) {
    for (const Json& element : *value) {
      if (!element.is_string()) break;
      list.push_back(element.get<std::string>());
    }
    if (list.size() == value->size()) return list;
  }
  wrong_type(key, "an array of strings", *value);
  return std::nullopt;
}

std::optional<std::string> TomlTable::choice(std::string_view key,
                                             std::span<const std::string_view> allowed) {
  std::optional<std::string> value = string(key);
  if (!value) return std::nullopt;
  std::vector<std::string> names;
  for (const std::string_view name : allowed) {
    if (*value == name) return value;
    names.emplace_back(name);
  }
  mistake(key, fmt::format("'{}' must be one of {}, not '{}'", key, join(names, ", "), *value));
  return std::nullopt;
}

std::optional<Json> TomlTable::json(std::string_view key) {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  state_->taken_whole.insert(pointer_to(key));
  return *value;
}

std::optional<TomlTable> TomlTable::table(std::string_view key) {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->is_object()) return TomlTable(*state_, pointer_to(key));
  wrong_type(key, "a table", *value);
  return std::nullopt;
}

std::vector<TomlTable> TomlTable::tables(std::string_view key) {
  std::vector<TomlTable> list;
  const Json* value = find(key);
  if (value == nullptr) return list;
  if (!value->is_array()) {
    wrong_type(key, fmt::format("a list of tables ([[{}]])", key), *value);
    return list;
  }
  for (std::size_t i = 0; i < value->size(); ++i) {
    if (!(*value)[i].is_object()) {
      wrong_type(key, fmt::format("a list of tables ([[{}]])", key), (*value)[i]);
      return {};
    }
    list.push_back(TomlTable(*state_, pointer_to(key) + "/" + std::to_string(i)));
  }
  return list;
}

std::vector<std::string> TomlTable::keys() const {
  std::vector<std::string> names;
  for (const auto& [key, value] : state_->value[Json::json_pointer(pointer_)].items()) {
    names.push_back(key);
  }
  return names;
}

}  // namespace perdure
