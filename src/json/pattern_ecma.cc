#include "json/pattern_ecma.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/text.h"

namespace perdure {
namespace {

constexpr std::size_t kGroupDepthMax = 200;
constexpr char32_t kSurrogateFirst = 0xD800;
constexpr char32_t kSurrogateLast = 0xDFFF;
constexpr char32_t kCodePointMax = 0x10FFFF;

// WhiteSpace and LineTerminator of ECMA-262, and everything else: pcre2's own \s knows only the
// ASCII part.
constexpr std::string_view kSpaces =
    R"(\x{9}-\x{d}\x{20}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000})"
    R"(\x{feff})";
constexpr std::string_view kNonSpaces =
    R"(\x{0}-\x{8}\x{e}-\x{1f}\x{21}-\x{9f}\x{a1}-\x{167f}\x{1681}-\x{1fff}\x{200b}-\x{2027})"
    R"(\x{202a}-\x{202e}\x{2030}-\x{205e}\x{2060}-\x{2fff}\x{3001}-\x{fefe}\x{ff00}-\x{10ffff})";
constexpr std::string_view kDot = R"([^\x{a}\x{d}\x{2028}\x{2029}])";
constexpr std::string_view kNever = "(?!)";
constexpr std::string_view kAny = R"([\x{0}-\x{10ffff}])";

// Long names of general categories (PropertyValueAliases.txt), which pcre2 knows only in short.
constexpr std::array<std::pair<std::string_view, std::string_view>, 42> kCategories = {{
    {"casedletter", "L&"},
    {"closepunctuation", "Pe"},
    {"cntrl", "Cc"},
    {"combiningmark", "M"},
    {"connectorpunctuation", "Pc"},
    {"control", "Cc"},
    {"currencysymbol", "Sc"},
    {"dashpunctuation", "Pd"},
    {"decimalnumber", "Nd"},
    {"digit", "Nd"},
    {"enclosingmark", "Me"},
    {"finalpunctuation", "Pf"},
    {"format", "Cf"},
    {"initialpunctuation", "Pi"},
    {"lc", "L&"},
    {"letter", "L"},
    {"letternumber", "Nl"},
    {"lineseparator", "Zl"},
    {"lowercaseletter", "Ll"},
    {"mark", "M"},
    {"mathsymbol", "Sm"},
    {"modifierletter", "Lm"},
    {"modifiersymbol", "Sk"},
    {"nonspacingmark", "Mn"},
    {"number", "N"},
    {"openpunctuation", "Ps"},
    {"other", "C"},
    {"otherletter", "Lo"},
    {"othernumber", "No"},
    {"otherpunctuation", "Po"},
    {"othersymbol", "So"},
    {"paragraphseparator", "Zp"},
    {"privateuse", "Co"},
    {"punct", "P"},
    {"punctuation", "P"},
    {"separator", "Z"},
    {"spaceseparator", "Zs"},
    {"spacingmark", "Mc"},
    {"surrogate", "Cs"},
    {"symbol", "S"},
    {"titlecaseletter", "Lt"},
    {"uppercaseletter", "Lu"},
}};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_surrogate(char32_t c) {
  return c >= kSurrogateFirst && c <= kSurrogateLast;
}

std::optional<std::uint32_t> hex_value(std::string_view digits) {
  std::uint32_t value = 0;
  for (const char c : digits) {
    const char lower = static_cast<char>(c | 0x20);
    if (!is_digit(c) && (lower < 'a' || lower > 'f')) return std::nullopt;
    value = value * 16 + static_cast<std::uint32_t>(is_digit(c) ? c - '0' : lower - 'a' + 10);
    if (value > kCodePointMax) return std::nullopt;
  }
  return digits.empty() ? std::nullopt : std::optional(value);
}

// One escape or one character of a class.
struct Item {
  enum class Kind : std::uint8_t { kCharacter, kClass, kAssertion, kBackreference };
  Kind kind = Kind::kCharacter;
  char32_t character = 0;
  std::string outside = {};  // of a class: as an item of its own
  std::string inside = {};   // of a class: between brackets
};

class Translator {
 public:
  explicit Translator(std::string_view pattern) : pattern_(pattern) {}

  Result<std::string> run() {
    find_groups();
    while (!failed() && at_ < pattern_.size()) term();
    if (!failed() && !open_.empty()) fail("a ( without its )");
    if (failed()) {
      return Error{
          .code = ErrorCode::kInvalidArgument,
          .message = fmt::format("not a valid pattern: {} at offset {}", problem_, problem_at_)};
    }
    return std::move(out_);
  }

 private:
  // What a quantifier would apply to.
  enum class Last : std::uint8_t { kNothing, kAtom };
  enum class Group : std::uint8_t { kPlain, kLookbehind };

  bool failed() const { return !problem_.empty(); }
  void fail(std::string problem) {
    if (failed()) return;
    problem_ = std::move(problem);
    problem_at_ = std::min(at_, pattern_.size());
  }
  std::string_view rest() const { return pattern_.substr(std::min(at_, pattern_.size())); }
  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < pattern_.size() ? pattern_[at_ + ahead] : '\0';
  }
  bool take(std::string_view text) {
    if (rest().substr(0, text.size()) != text) return false;
    at_ += text.size();
    return true;
  }

  void find_groups();
  void term();
  void open_group();
  void close_group();
  void quantifier();
  bool braces();
  void character_class();
  void range(const Item& first, std::string& items);
  Item class_item();
  Item escape(bool in_class);
  Item letter_escape(char c, bool in_class);
  Item number_escape(bool in_class);
  Item named_backreference();
  Item unicode_escape();
  Item property(bool negated);
  char32_t character();
  std::optional<std::uint32_t> hex_digits(std::size_t count);
  void emit(char32_t c, std::string& out);
  void atom(std::string_view text) {
    out_ += text;
    last_ = Last::kAtom;
  }

  std::string_view pattern_;
  std::size_t at_ = 0;
  std::string out_;
  Last last_ = Last::kNothing;
  std::vector<Group> open_;
  std::size_t group_count_ = 0;
  std::vector<std::pair<std::string_view, std::size_t>> names_;
  std::string problem_;
  std::size_t problem_at_ = 0;
};

// References may point forward, so all groups are numbered before anything is translated.
void Translator::find_groups() {
  bool in_class = false;
  for (std::size_t i = 0; i < pattern_.size(); ++i) {
    const char c = pattern_[i];
    if (c == '\\') {
      ++i;
    } else if (c == '[' || c == ']') {
      in_class = c == '[';
    } else if (c == '(' && !in_class) {
      const std::string_view after = pattern_.substr(i + 1);
      const bool named =
          after.substr(0, 2) == "?<" && after.size() > 2 && after[2] != '=' && after[2] != '!';
      if (!named && after.substr(0, 1) == "?") continue;
      ++group_count_;
      if (named) names_.emplace_back(after.substr(2, after.find('>') - 2), group_count_);
    }
  }
}

void Translator::term() {
  const char c = peek();
  switch (c) {
    case '(':
      return open_group();
    case ')':
      return close_group();
    case '[':
      return character_class();
    case '*':
    case '+':
    case '?':
    case '{':
      return quantifier();
    case '|':
    case '^':
    case '$':
      ++at_;
      out_ += c;
      last_ = Last::kNothing;
      return;
    case '.':
      ++at_;
      return atom(kDot);
    case '\\': {
      const Item item = escape(false);
      if (item.kind == Item::Kind::kCharacter) {
        emit(item.character, out_);
      } else {
        out_ += item.outside;
      }
      last_ = item.kind == Item::Kind::kAssertion ? Last::kNothing : Last::kAtom;
      return;
    }
    default:
      emit(character(), out_);
      last_ = Last::kAtom;
  }
}

void Translator::open_group() {
  if (open_.size() >= kGroupDepthMax) return fail("groups nested too deeply");
  Group group = Group::kPlain;
  if (!take("(?")) {
    ++at_;
    out_ += '(';
  } else if (take(":") || take("=") || take("!")) {
    out_ += fmt::format("(?{}", pattern_[at_ - 1]);
  } else if (take("<=") || take("<!")) {
    group = Group::kLookbehind;
    out_ += fmt::format("(?<{}", pattern_[at_ - 1]);
  } else if (take("<")) {
    const std::size_t end = rest().find('>');
    const std::string_view name = rest().substr(0, end);
    const auto same = [&](const auto& other) { return other.first == name; };
    if (end == std::string_view::npos || name.empty() || is_digit(name[0])) {
      return fail("a group without a proper name");
    }
    if (name.find_first_of(" ()[]{}\\|?*+.^-,:;/!\"'") != std::string_view::npos) {
      return fail("a group without a proper name");
    }
    if (std::count_if(names_.begin(), names_.end(), same) > 1) return fail("a group name twice");
    at_ += end + 1;
    out_ += '(';  // names become numbers: pcre2 allows fewer letters in them
  } else {
    return fail("an unknown kind of group");
  }
  open_.push_back(group);
  last_ = Last::kNothing;
}

void Translator::close_group() {
  if (open_.empty()) return fail("a ) without its (");
  last_ = open_.back() == Group::kLookbehind ? Last::kNothing : Last::kAtom;
  open_.pop_back();
  ++at_;
  out_ += ')';
}

void Translator::quantifier() {
  const char c = peek();
  if (c == '{') {
    const std::size_t start = at_;
    const bool can_repeat = last_ == Last::kAtom;
    if (!braces()) {
      at_ = start + 1;
      return atom("\\{");  // annex B: a brace that does not count stands for itself
    }
    if (failed()) return;
    if (!can_repeat) return fail("nothing to repeat");
    out_ += pattern_.substr(start, at_ - start);
  } else {
    if (last_ != Last::kAtom) return fail("nothing to repeat");
    ++at_;
    out_ += c;
  }
  if (take("?")) out_ += '?';
  last_ = Last::kNothing;
}

// Reads {n}, {n,} or {n,m}; false when it is none of them.
bool Translator::braces() {
  const auto number = [this]() -> std::optional<std::uint64_t> {
    if (!is_digit(peek())) return std::nullopt;
    std::uint64_t value = 0;
    for (; is_digit(peek()); ++at_) {
      value = std::min<std::uint64_t>(value * 10 + static_cast<std::uint64_t>(peek() - '0'),
                                      UINT32_MAX);
    }
    return value;
  };
  ++at_;
  const std::optional<std::uint64_t> low = number();
  if (!low) return false;
  std::optional<std::uint64_t> high = low;
  if (take(",")) high = is_digit(peek()) ? number() : std::nullopt;
  if (!take("}")) return false;
  if (high && *high < *low) fail("a range of repetitions that is out of order");
  return true;
}

void Translator::character_class() {
  ++at_;
  const bool negated = take("^");
  std::string items;
  while (!failed() && peek() != ']') {
    if (at_ >= pattern_.size()) return fail("a [ without its ]");
    const Item first = class_item();
    if (first.kind == Item::Kind::kClass) {
      items += first.inside;
    } else {
      range(first, items);
    }
  }
  ++at_;
  if (items.empty()) return atom(negated ? kAny : kNever);
  atom(fmt::format("[{}{}]", negated ? "^" : "", items));
}

// One character of a class, or a range that begins with it. Surrogates never occur in UTF-8, so
// they are left out.
void Translator::range(const Item& first, std::string& items) {
  char32_t low = first.character;
  char32_t high = low;
  if (peek() == '-' && peek(1) != ']' && at_ + 1 < pattern_.size()) {
    const std::size_t dash = at_++;
    const Item last = class_item();
    if (last.kind == Item::Kind::kClass) {
      at_ = dash;  // annex B: in [a-\d] the dash is a character
    } else {
      high = last.character;
    }
  }
  if (high < low) return fail("a range of characters that is out of order");
  if (is_surrogate(low) && is_surrogate(high)) return;
  if (is_surrogate(low)) low = kSurrogateLast + 1;
  if (is_surrogate(high)) high = kSurrogateFirst - 1;
  emit(low, items);
  if (high == low) return;
  items += '-';
  emit(high, items);
}

Item Translator::class_item() {
  if (peek() == '\\') return escape(true);
  return {.character = character()};
}

Item Translator::escape(bool in_class) {
  ++at_;
  if (at_ >= pattern_.size()) {
    fail("a \\ at the end");
    return {};
  }
  const char c = peek();
  if (is_digit(c)) return number_escape(in_class);
  if (is_letter(c)) {
    ++at_;
    return letter_escape(c, in_class);
  }
  return {.character = character()};
}

Item Translator::letter_escape(char c, bool in_class) {
  using Kind = Item::Kind;
  switch (c) {
    case 't':
      return {.character = '\t'};
    case 'n':
      return {.character = '\n'};
    case 'v':
      return {.character = '\v'};
    case 'f':
      return {.character = '\f'};
    case 'r':
      return {.character = '\r'};
    case 'd':
    case 'D':
    case 'w':
    case 'W':
      return {.kind = Kind::kClass, .outside = {'\\', c}, .inside = {'\\', c}};
    case 's':
      return {.kind = Kind::kClass,
              .outside = fmt::format("[{}]", kSpaces),
              .inside = std::string(kSpaces)};
    case 'S':
      return {.kind = Kind::kClass,
              .outside = fmt::format("[^{}]", kSpaces),
              .inside = std::string(kNonSpaces)};
    case 'b':
    case 'B':
      if (in_class && c == 'b') return {.character = '\b'};
      if (in_class) break;
      return {.kind = Kind::kAssertion, .outside = {'\\', c}};
    case 'c':
      if (!is_letter(peek())) break;
      return {.character = static_cast<char32_t>(pattern_[at_++] & 0x1F)};
    case 'x':
      if (const auto value = hex_digits(2)) return {.character = *value};
      break;
    case 'u':
      return unicode_escape();
    case 'p':
    case 'P':
      return property(c == 'P');
    case 'k':
      if (in_class) break;
      return named_backreference();
    default:
      break;
  }
  fail(fmt::format("the unknown escape \\{}", c));
  return {};
}

Item Translator::number_escape(bool in_class) {
  if (peek() == '0' && !is_digit(peek(1))) {
    ++at_;
    return {.character = 0};
  }
  std::size_t number = 0;
  for (; is_digit(peek()); ++at_) {
    number = std::min<std::size_t>(number * 10 + static_cast<std::size_t>(peek() - '0'), 100'000);
  }
  if (in_class || number == 0 || number > group_count_) {
    fail("a reference to a group that does not exist");
  }
  return {.kind = Item::Kind::kBackreference, .outside = fmt::format("\\g{{{}}}", number)};
}

Item Translator::named_backreference() {
  const std::size_t end = rest().find('>');
  if (peek() == '<' && end != std::string_view::npos) {
    const std::string_view name = rest().substr(1, end - 1);
    for (const auto& [other, number] : names_) {
      if (other != name) continue;
      at_ += end + 1;
      return {.kind = Item::Kind::kBackreference, .outside = fmt::format("\\g{{{}}}", number)};
    }
  }
  fail("a reference to a group that does not exist");
  return {};
}

// \uHHHH, \uHHHH\uHHHH for a pair of surrogates, and \u{H...}.
Item Translator::unicode_escape() {
  if (take("{")) {
    const std::size_t end = rest().find('}');
    const auto value =
        end == std::string_view::npos ? std::nullopt : hex_value(rest().substr(0, end));
    if (!value) {
      fail("a \\u{ without a code point");
      return {};
    }
    at_ += end + 1;
    return {.character = *value};
  }
  const auto high = hex_digits(4);
  if (!high) {
    fail("a \\u without four hexadecimal digits");
    return {};
  }
  if (*high < 0xD800 || *high > 0xDBFF || rest().substr(0, 2) != "\\u") return {.character = *high};
  const auto low = rest().size() < 6 ? std::nullopt : hex_value(rest().substr(2, 4));
  if (!low || *low < 0xDC00 || *low > 0xDFFF) return {.character = *high};
  at_ += 6;
  return {.character = 0x10000 + ((*high - 0xD800) << 10) + (*low - 0xDC00)};
}

// \p{Letter}, \p{Lu}, \p{Script=Greek}, \p{sc=Grek}, \p{Alphabetic}. pcre2 ignores case, "_" and
// "-" in names, ECMA-262 does not: the looser reading harms nobody.
Item Translator::property(bool negated) {
  const std::size_t end = rest().find('}');
  if (peek() != '{' || end == std::string_view::npos) {
    fail("a \\p without a property in braces");
    return {};
  }
  const std::string_view text = rest().substr(1, end - 1);
  at_ += end + 1;
  const std::size_t equals = text.find('=');
  const std::string_view key = equals == std::string_view::npos ? "" : text.substr(0, equals);
  std::string value =
      to_lower_ascii(equals == std::string_view::npos ? text : text.substr(equals + 1));
  std::erase(value, '_');
  const auto is_word = [](char c) { return is_letter(c) || is_digit(c); };
  if (value.empty() || !std::all_of(value.begin(), value.end(), is_word)) {
    fail("an unknown property");
    return {};
  }
  std::string name = value;
  if (key == "Script" || key == "sc") {
    name = "sc:" + value;
  } else if (key == "Script_Extensions" || key == "scx") {
    name = "scx:" + value;
  } else if (key.empty() || key == "General_Category" || key == "gc") {
    const auto* const category =
        std::find_if(kCategories.begin(), kCategories.end(),
                     [&](const auto& entry) { return entry.first == value; });
    if (category != kCategories.end()) name = category->second;
    if (value == "assigned" || value == "unassigned") name = "Cn";
    if (value == "assigned") negated = !negated;
  } else {
    fail("an unknown property");
  }
  const std::string item = fmt::format("\\{}{{{}}}", negated ? 'P' : 'p', name);
  return {.kind = Item::Kind::kClass, .outside = item, .inside = item};
}

// The next character as it is. The pattern is valid UTF-8.
char32_t Translator::character() {
  const auto byte = [this](std::size_t i) {
    return static_cast<char32_t>(static_cast<unsigned char>(peek(i)));
  };
  const char32_t lead = byte(0);
  if (lead < 0x80) {
    at_ += 1;
    return lead;
  }
  const std::size_t more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
  char32_t value = lead & (0x3FU >> more);
  for (std::size_t i = 1; i <= more; ++i) value = (value << 6) | (byte(i) & 0x3F);
  at_ += more + 1;
  return value;
}

std::optional<std::uint32_t> Translator::hex_digits(std::size_t count) {
  if (rest().size() < count) return std::nullopt;
  const auto value = hex_value(rest().substr(0, count));
  if (value) at_ += count;
  return value;
}

void Translator::emit(char32_t c, std::string& out) {
  if (c < 0x80 && (is_letter(static_cast<char>(c)) || is_digit(static_cast<char>(c)))) {
    out += static_cast<char>(c);
  } else if (is_surrogate(c)) {
    out += kNever;
  } else {
    out += fmt::format("\\x{{{:x}}}", static_cast<std::uint32_t>(c));
  }
}

}  // namespace

Result<std::string> ecma_to_pcre2(std::string_view pattern) {
  return Translator(pattern).run();
}

}  // namespace perdure
