#include "runtime/json_difference.h"

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

#include "base/utf8.h"
#include "json/parse.h"

namespace perdure {
namespace {

constexpr std::size_t kShownBytes = 80;

// So much of the text that the byte at `at` and what stands before and behind it can be seen.
std::string shortened(std::string_view text, std::size_t at) {
  if (text.size() <= kShownBytes) return to_valid_utf8(text);
  const std::size_t begin = at < kShownBytes / 2 ? 0 : std::min(at, text.size()) - kShownBytes / 2;
  std::string shown = begin > 0 ? "…" : "";
  shown += text.substr(begin, kShownBytes);
  if (begin + kShownBytes < text.size()) shown += "…";
  return to_valid_utf8(shown);
}

bool is_equal_number(const Json& was, const Json& now) {
  constexpr double kRounding = 1e-9;
  const auto a = was.get<double>();
  const auto b = now.get<double>();
  return std::abs(a - b) <= kRounding * std::max({1.0, std::abs(a), std::abs(b)});
}

std::string joined_path(const std::string& path, const std::string& member) {
  return path.empty() ? member : path + "/" + member;
}

class Comparison {
 public:
  explicit Comparison(ExtraMembers extra) : extra_(extra) {}

  std::optional<JsonDifference> compare(const Json& was, const Json& now,
                                        const std::string& path) const {
    if (was == now) return std::nullopt;
    if (was.is_object() && now.is_object()) return members(was, now, path);
    if (was.is_array() && now.is_array()) return elements(was, now, path);
    if (was.is_number() && now.is_number() && is_equal_number(was, now)) return std::nullopt;
    if (was.is_string() && now.is_string()) {
      JsonDifference difference =
          text_difference(was.get_ref<const std::string&>(), now.get_ref<const std::string&>());
      difference.path = path;
      return difference;
    }
    JsonDifference difference = text_difference(json::dump(was), json::dump(now));
    difference.path = path;
    return difference;
  }

 private:
  std::optional<JsonDifference> members(const Json& was, const Json& now,
                                        const std::string& path) const {
    for (const auto& [name, value] : was.items()) {
      const std::string at = joined_path(path, name);
      const auto other = now.find(name);
      if (other == now.end()) return missing(value, at, true);
      if (auto difference = compare(value, *other, at)) return difference;
    }
    for (const auto& [name, value] : now.items()) {
      if (extra_ == ExtraMembers::kDiffer && !was.contains(name))
        return missing(value, joined_path(path, name), false);
    }
    return std::nullopt;
  }

  std::optional<JsonDifference> elements(const Json& was, const Json& now,
                                         const std::string& path) const {
    for (std::size_t i = 0; i < std::max(was.size(), now.size()); ++i) {
      const std::string at = joined_path(path, std::to_string(i));
      if (i >= now.size()) return missing(was[i], at, true);
      if (i >= was.size()) return missing(now[i], at, false);
      if (auto difference = compare(was[i], now[i], at)) return difference;
    }
    return std::nullopt;
  }

  static JsonDifference missing(const Json& value, const std::string& path, bool is_lost) {
    const std::string text = shortened(json::dump(value), 0);
    return {.path = path, .was = is_lost ? text : "(missing)", .now = is_lost ? "(missing)" : text};
  }

  ExtraMembers extra_;
};

}  // namespace

JsonDifference text_difference(std::string_view was, std::string_view now) {
  const auto [a, b] = std::mismatch(was.begin(), was.end(), now.begin(), now.end());
  const auto at = static_cast<std::size_t>(a - was.begin());
  return {.path = "", .was = shortened(was, at), .now = shortened(now, at)};
}

std::optional<JsonDifference> first_difference(const Json& was, const Json& now,
                                               ExtraMembers extra) {
  return Comparison(extra).compare(was, now, "");
}

}  // namespace perdure
