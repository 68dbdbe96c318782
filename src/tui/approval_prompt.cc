#include "tui/approval_prompt.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "base/utf8.h"

namespace perdure {
namespace {

constexpr std::size_t kDetailLinesMax = 200;
constexpr std::size_t kLineColumnsMax = 500;

Style style_of_line(std::string_view line) {
  if (line.substr(0, 3) == "+++" || line.substr(0, 3) == "---") return Style::kBold;
  if (line.substr(0, 1) == "+") return Style::kGreen;
  if (line.substr(0, 1) == "-") return Style::kRed;
  return line.substr(0, 2) == "@@" ? Style::kCyan : Style::kPlain;
}

bool is_cut(const ApprovalRequest& request) {
  const std::vector<std::string_view> lines = split_lines(request.detail);
  return lines.size() > kDetailLinesMax ||
         std::any_of(lines.begin(), lines.end(), [](std::string_view line) {
           return display_width(printable(line)) > kLineColumnsMax;
         });
}

std::string detail_line(const Terminal& terminal, std::string_view line, Detail detail) {
  const std::string safe = printable(line);
  const std::string_view shown =
      detail == Detail::kWhole ? std::string_view(safe) : display_prefix(safe, kLineColumnsMax);
  std::string text = "    " + styled(terminal, style_of_line(shown), shown);
  if (shown.size() < safe.size())
    text += fmt::format(" [{} more bytes]", safe.size() - shown.size());
  return text + "\n";
}

std::string always_meaning(const ApprovalRequest& request) {
  if (request.paths.empty()) return "always = this exact call, for the rest of the run";
  return fmt::format("always = {} on {}, for the rest of the run", request.tool,
                     printable(join(request.paths, ", ")));
}

}  // namespace

std::string approval_text(const Terminal& terminal, const ApprovalRequest& request, Detail detail) {
  std::string text = styled(terminal, Style::kYellow, "? ") +
                     styled(terminal, Style::kBold, printable(request.tool)) +
                     fmt::format(" ({}) wants to run", to_string(request.effect));
  if (!request.paths.empty()) text += " on " + printable(join(request.paths, ", "));
  text += ":\n";
  if (trim(request.detail).empty()) text += "    (nothing would change)\n";
  const std::vector<std::string_view> lines = split_lines(request.detail);
  const std::size_t half = kDetailLinesMax / 2;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (detail == Detail::kCut && lines.size() > kDetailLinesMax && i == half) {
      text += fmt::format("    [{} lines are not shown]\n", lines.size() - kDetailLinesMax);
      i = lines.size() - half;
    }
    text += detail_line(terminal, lines[i], detail);
  }
  return text;
}

std::optional<ApprovalAnswer> parse_answer(std::string_view line) {
  const std::string word = to_lower_ascii(trim(line));
  if (word == "y" || word == "yes") return ApprovalAnswer::kYes;
  if (word == "n" || word == "no") return ApprovalAnswer::kNo;
  if (word == "a" || word == "always") return ApprovalAnswer::kAlways;
  return std::nullopt;
}

std::optional<ApprovalAnswer> ask(
    Screen& screen, const ApprovalRequest& request,
    const std::function<std::optional<std::string>(const std::string& prompt)>& read_line) {
  const Terminal& terminal = screen.terminal();
  const bool cut = is_cut(request);
  const std::string choices = fmt::format("  {}\n  [y]es, [n]o, [a]lways{}? ",
                                          always_meaning(request), cut ? ", [s]how all" : "");
  std::string prompt = approval_text(terminal, request, Detail::kCut) + choices;
  while (true) {
    const std::optional<std::string> line = read_line(prompt);
    if (!line) return std::nullopt;
    if (const std::optional<ApprovalAnswer> answer = parse_answer(*line)) return answer;
    const std::string word = to_lower_ascii(trim(*line));
    if (cut && (word == "s" || word == "show")) {
      prompt = approval_text(terminal, request, Detail::kWhole) + choices;
    } else {
      prompt = cut ? "  please answer y, n, a or s: " : "  please answer y, n or a: ";
    }
  }
}

}  // namespace perdure
