#include "tui/approval_prompt.h"

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

std::string detail_line(const Terminal& terminal, std::string_view line) {
  const std::string safe = printable(line);
  const std::string_view shown = display_prefix(safe, kLineColumnsMax);
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

std::string approval_text(const Terminal& terminal, const ApprovalRequest& request) {
  std::string text = styled(terminal, Style::kYellow, "? ") +
                     styled(terminal, Style::kBold, printable(request.tool)) +
                     fmt::format(" ({}) wants to run", to_string(request.effect));
  if (!request.paths.empty()) text += " on " + printable(join(request.paths, ", "));
  text += ":\n";
  const std::vector<std::string_view> lines = split_lines(request.detail);
  const std::size_t half = kDetailLinesMax / 2;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines.size() > kDetailLinesMax && i == half) {
      text += fmt::format("    [{} lines are not shown]\n", lines.size() - kDetailLinesMax);
      i = lines.size() - half;
    }
    text += detail_line(terminal, lines[i]);
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

ApprovalAnswer ask(
    Screen& screen, const ApprovalRequest& request,
    const std::function<std::optional<std::string>(const std::string& prompt)>& read_line) {
  const std::string question = approval_text(screen.terminal(), request) + "  " +
                               always_meaning(request) + "\n  [y]es, [n]o, [a]lways? ";
  std::string prompt = question;
  while (true) {
    const std::optional<std::string> line = read_line(prompt);
    if (!line) return ApprovalAnswer::kNo;
    if (const std::optional<ApprovalAnswer> answer = parse_answer(*line)) return *answer;
    prompt = "  please answer y, n or a: ";
  }
}

}  // namespace perdure
