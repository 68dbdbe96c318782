#include "tools/indentation.h"

#include <algorithm>
#include <numeric>

namespace perdure {
namespace {

bool begins_with(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}

// Whether the text is not empty and made of nothing but this character.
bool all_are(std::string_view text, char c) {
  return !text.empty() && text.find_first_not_of(c) == std::string_view::npos;
}

bool uniform(std::string_view text) {
  return all_are(text, ' ') || all_are(text, '\t');
}

}  // namespace

std::string_view indentation_of(std::string_view line) {
  return line.substr(0, std::min(line.find_first_not_of(" \t"), line.size()));
}

Indentation::Indentation(std::span<const std::string_view> old_lines,
                         std::span<const std::string_view> file_lines,
                         std::span<const std::string_view> new_lines) {
  for (std::size_t i = 0; i < old_lines.size() && i < file_lines.size(); ++i) {
    const std::string_view old_indent = indentation_of(old_lines[i]);
    if (old_indent.size() == old_lines[i].size()) continue;
    learn_level(old_indent, indentation_of(file_lines[i]));
  }
  if (levels_.empty()) levels_.push_back({});
  learn_step();
  if (old_step_.empty()) guess_step(new_lines);
}

void Indentation::learn_level(std::string_view old_indent, std::string_view file_indent) {
  constexpr std::size_t kLevelsMax = 64;  // deeper texts are data; the search below stays short
  for (std::size_t i = 0; i < levels_.size(); ++i) {
    Level& level = levels_[i];
    if (level.old_indent != old_indent) continue;
    // A model that wrote several depths as one tells nothing about that one, but the first line is
    // what counts.
    if (level.file_indent != file_indent && i > 0) level.certain = false;
    return;
  }
  if (levels_.size() < kLevelsMax) levels_.push_back({old_indent, file_indent});
}

// Two depths of the model and of the file show how the one indents and how the other does.
void Indentation::learn_step() {
  const Level& base = levels_.front();
  for (const Level& level : levels_) {
    if (!level.certain || level.old_indent.size() == base.old_indent.size()) continue;
    const bool deeper = level.old_indent.size() > base.old_indent.size();
    const Level& inner = deeper ? level : base;
    const Level& outer = deeper ? base : level;
    if (!begins_with(inner.old_indent, outer.old_indent) ||
        !begins_with(inner.file_indent, outer.file_indent)) {
      continue;
    }
    const std::string_view old_extra = inner.old_indent.substr(outer.old_indent.size());
    const std::string_view file_extra = inner.file_indent.substr(outer.file_indent.size());
    if (!uniform(old_extra) || !uniform(file_extra)) continue;
    if (old_extra == file_extra) return;
    const std::size_t steps = std::gcd(old_extra.size(), file_extra.size());
    old_step_ = old_extra.substr(0, old_extra.size() / steps);
    file_step_ = file_extra.substr(0, file_extra.size() / steps);
    return;
  }
}

// With one depth alone, only tabs against spaces show that the two indent in different ways.
void Indentation::guess_step(std::span<const std::string_view> new_lines) {
  constexpr std::size_t kUsualSpaces = 4;
  const Level& base = levels_.front();
  const bool file_has_tabs = all_are(base.file_indent, '\t');
  const bool file_has_spaces = all_are(base.file_indent, ' ');
  const bool old_has_tabs = base.old_indent.find('\t') != std::string_view::npos;
  std::size_t smallest = 0;
  for (const std::string_view line : new_lines) {
    const std::string_view indent = indentation_of(line);
    if (indent.size() == line.size() || indent.size() <= base.old_indent.size()) continue;
    if (indent.find('\t') != std::string_view::npos && file_has_tabs) return;
    const std::size_t extra = indent.size() - base.old_indent.size();
    smallest = smallest == 0 ? extra : std::min(smallest, extra);
  }
  if (file_has_tabs) {
    old_step_ = std::string(smallest > 0 ? smallest : kUsualSpaces, ' ');
    file_step_ = "\t";
  } else if (file_has_spaces && (old_has_tabs || base.old_indent.empty())) {
    const std::size_t tabs = base.old_indent.size();
    const bool told = tabs > 0 && base.file_indent.size() % tabs == 0;
    old_step_ = "\t";
    file_step_ = std::string(told ? base.file_indent.size() / tabs : kUsualSpaces, ' ');
  }
}

std::string Indentation::in_steps_of_file(std::string_view extra) const {
  std::string out;
  while (!old_step_.empty() && begins_with(extra, old_step_)) {
    out += file_step_;
    extra.remove_prefix(old_step_.size());
  }
  out += extra;
  return out;
}

std::string Indentation::fitted(std::string_view line) const {
  const std::string_view indent = indentation_of(line);
  const std::string_view rest = line.substr(indent.size());
  const Level* best = nullptr;
  for (const Level& level : levels_) {
    if (!level.certain || !begins_with(indent, level.old_indent)) continue;
    if (best == nullptr || level.old_indent.size() > best->old_indent.size()) best = &level;
  }
  if (best != nullptr) {
    std::string out(best->file_indent);
    out += in_steps_of_file(indent.substr(best->old_indent.size()));
    out += rest;
    return out;
  }
  const Level& base = levels_.front();
  if (!begins_with(base.old_indent, indent)) return std::string(line);
  const std::string less = in_steps_of_file(base.old_indent.substr(indent.size()));
  std::string out(base.file_indent.substr(
      0, base.file_indent.size() - std::min(less.size(), base.file_indent.size())));
  out += rest;
  return out;
}

}  // namespace perdure
