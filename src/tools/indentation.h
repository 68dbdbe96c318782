// Fits the indentation of lines that a model wrote to the place in a file where they go
// (tools/edit_match.h). Models shift a block to the left margin, write two spaces where the file
// has four, or spaces where it has tabs. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace perdure {

/// The blanks that a line begins with.
std::string_view indentation_of(std::string_view line);

class Indentation {
 public:
  /// Learns from lines of the model (`old_lines`) and the lines that the file has for them, one for
  /// one; blank lines tell nothing. `new_lines` only help to guess how many spaces the model takes
  /// for a level. The texts must outlive this object.
  Indentation(std::span<const std::string_view> old_lines,
              std::span<const std::string_view> file_lines,
              std::span<const std::string_view> new_lines);

  /// The line of the model with the indentation of the file. A depth that old_lines have becomes
  /// the file's; a depth beyond one is written in the steps of the file; a line to the left of the
  /// first one moves as far as that one did.
  std::string fitted(std::string_view line) const;

 private:
  struct Level {
    std::string_view old_indent;
    std::string_view file_indent;
    bool certain = true;  // false: the file has other lines of this depth at another one
  };

  void learn_level(std::string_view old_indent, std::string_view file_indent);
  void learn_step();
  void guess_step(std::span<const std::string_view> new_lines);
  std::string in_steps_of_file(std::string_view extra) const;

  std::vector<Level> levels_;  // the first one is that of the first line
  std::string old_step_;       // what the model indents by; empty: as the file does
  std::string file_step_;      // what the file indents by instead
};

}  // namespace perdure
