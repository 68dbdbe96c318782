// How edit_file finds the place that a model means. A model writes the text that it wants replaced
// from memory, and gets its white space wrong more often than its words; an edit that fails for
// that costs a step, and an edit that lands in the wrong place costs more. So: what is written
// exactly so is found first; then lines that are equal but for white space, if there is one such
// place; else the error shows what the file really has at the nearest place. Pure; any thread. Work
// is proportional to the sizes of the texts, whatever they hold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <perdure/result.h>

namespace perdure {

/// The largest file that is edited, and the largest that an edit may make.
inline constexpr std::size_t kEditFileBytesMax = 16 * 1024 * 1024;
/// The largest old_text and the largest new_text.
inline constexpr std::size_t kEditTextBytesMax = 1024 * 1024;
/// Line numbers that a result carries; there may be more places than that.
inline constexpr std::size_t kEditLinesMax = 100;
/// Lines of the diff in the error that shows the nearest place.
inline constexpr std::size_t kEditNearestLinesMax = 30;

enum class EditPlaces : std::uint8_t {
  kOne,  ///< old_text must name one place.
  kAll,  ///< Every place where old_text stands, from the top, without overlaps.
};

enum class EditMatch : std::uint8_t {
  kExact,       ///< The file has old_text byte for byte, or but for LF against CRLF.
  kWhitespace,  ///< The file has these lines but for blanks: new_text was fitted to the file.
};

/// What a model asks for. The names are those of the tool's arguments.
struct Edit {
  std::string_view old_text;
  std::string_view new_text;
  EditPlaces places = EditPlaces::kOne;
};

struct EditedText {
  std::string text;  ///< The whole file after the edit.
  EditMatch match = EditMatch::kExact;
  std::size_t places = 0;  ///< How many places were replaced; at least one.
  /// The lines where they began before the edit, from 1; of many places the first kEditLinesMax.
  std::vector<std::size_t> lines;
};

/// Makes the edit in the text of a file.
///
/// Exact places: new_text goes in as it is, but for line endings: when old_text has none of the
/// file's CRLF, those of new_text become CRLF where the file has them.
///
/// Otherwise whole lines are compared: blanks at either end do not count, a run of blanks counts as
/// one space, tabs are spaces, CRLF is LF, and whether a text ends with a line feed does not
/// matter. There must be one such place, also for EditPlaces::kAll. Its lines are replaced by those
/// of new_text, with the line endings of the file (an empty new_text removes them). Lines at the
/// beginning and at the end that old_text and new_text share stay as the file has them. The others
/// are shifted: what the first line of old_text that is not blank has as indentation becomes what
/// the file has there, and other depths follow the file too (tools/indentation.h).
///
/// Errors, written for a model: kInvalidArguments (old_text is empty, equals new_text, or names
/// several places: their lines are listed), kNotFound (with a diff between old_text and the nearest
/// place), kTooLarge.
Result<EditedText> apply_edit(std::string_view file, const Edit& edit);

}  // namespace perdure
