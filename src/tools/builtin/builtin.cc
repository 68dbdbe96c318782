#include "tools/builtin/builtin.h"

#include <array>
#include <functional>

#include <fmt/format.h>

#include "base/text.h"

namespace perdure {
namespace {

struct Row {
  std::string_view name;
  std::function<Tool(const BuiltinOptions&)> make;
};

const std::array<Row, 14>& rows() {
  static const std::array<Row, 14> table = {{
      {"list_files", [](const BuiltinOptions&) { return make_list_files(); }},
      {"find_files", [](const BuiltinOptions&) { return make_find_files(); }},
      {"search_files", [](const BuiltinOptions&) { return make_search_files(); }},
      {"read_file", [](const BuiltinOptions&) { return make_read_file(); }},
      {"write_file", [](const BuiltinOptions&) { return make_write_file(); }},
      {"edit_file", [](const BuiltinOptions&) { return make_edit_file(); }},
      {"run_command", make_run_command},
      {"run_tests", make_run_tests},
      {"calculate", [](const BuiltinOptions&) { return make_calculate(); }},
      {"git_status", make_git_status},
      {"git_diff", make_git_diff},
      {"git_log", make_git_log},
      {"git_commit", make_git_commit},
      {"read_output", [](const BuiltinOptions&) { return make_read_output(); }},
  }};
  return table;
}

}  // namespace

std::vector<std::string> builtin_names() {
  std::vector<std::string> names;
  for (const Row& row : rows()) names.emplace_back(row.name);
  return names;
}

Result<Tool> make_builtin(std::string_view name, const BuiltinOptions& options) {
  for (const Row& row : rows()) {
    if (row.name == name) return row.make(options);
  }
  const std::vector<std::string> names = builtin_names();
  const std::optional<std::string> meant = nearest(name, names);
  return Error{.code = ErrorCode::kConfig,
               .message = fmt::format("no built-in tool is named '{}'", name),
               .advice = (meant ? fmt::format("did you mean '{}'? ", *meant) : "") +
                         "built in: " + join(names, ", ")};
}

}  // namespace perdure
