// The tools that come with Perdure, one file each. Descriptions are short: they are in every
// request.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <perdure/result.h>

#include "tools/tool.h"

namespace perdure {

/// What some of them are told by the agent file.
struct BuiltinOptions {
  std::vector<std::string>
      test_command;  ///< Of run_tests; empty: found by what the workspace holds.
  std::vector<std::string>
      passed_on;  ///< Environment variables that commands get beside the usual ones.
  std::int64_t command_timeout_ms = 120'000;
  std::int64_t test_timeout_ms = 600'000;
};

/// Bytes of a file that the file tools read or replace.
constexpr std::size_t kFileBytesMax = 16 << 20;

/// All names, in the order in which a model sees them.
std::vector<std::string> builtin_names();
/// Errors: kConfig for a name that is not one of them, with the near one.
Result<Tool> make_builtin(std::string_view name, const BuiltinOptions& options);

Tool make_list_files();
Tool make_find_files();
Tool make_read_file();
Tool make_write_file();
Tool make_edit_file();
Tool make_search_files();
Tool make_run_command(const BuiltinOptions& options);
Tool make_run_tests(const BuiltinOptions& options);
Tool make_calculate();
Tool make_git_status(const BuiltinOptions& options);
Tool make_git_diff(const BuiltinOptions& options);
Tool make_git_log(const BuiltinOptions& options);
Tool make_git_commit(const BuiltinOptions& options);
Tool make_read_output();

}  // namespace perdure
