// perdure testify: a stored run as a regression test that runs by itself.
#include <filesystem>

#include <fmt/format.h>

#include <perdure/runtime.h>

#include "base/path.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/report.h"
#include "cli/session.h"
#include "os/directories.h"

namespace perdure::cli {
namespace {

Status write_files(const std::string& folder, const std::map<std::string, std::string>& files) {
  for (const auto& [name, text] : files) {
    const std::string path = folder + "/" + name;
    if (Status status = make_directories(std::string(parent_path(path))); !status.ok())
      return status;
    if (Status status = replace_file(path, text); !status.ok()) return status;
  }
  return {};
}

}  // namespace

int testify_command(const Arguments& arguments) {
  const Result<std::string> state = journal_folder_of(arguments);
  if (!state.ok()) return fail(state.error());
  Runtime runtime({.state_directory = *state});
  const Result<std::string> run_id = runtime.find_run(arguments.run.run_id);
  if (!run_id.ok()) return fail(run_id.error());
  const std::string folder = arguments.file.empty() ? "test-" + *run_id : arguments.file;
  std::error_code error;
  if (std::filesystem::exists(folder, error) && !std::filesystem::is_empty(folder, error)) {
    return fail({.code = ErrorCode::kInvalidArgument,
                 .message = "the folder for the test is there already, and not empty",
                 .context = folder,
                 .advice = "name another one with --out DIR, or remove it"});
  }
  const auto files = runtime.testify_run(*run_id);
  if (!files.ok()) return fail(files.error());
  if (Status status = write_files(folder, *files); !status.ok()) return fail(status.error());
  const bool said =
      print(fmt::format("wrote {} files; what looked like a secret is out, read the rest before "
                        "you hand it on; to run the test: sh {}/run.sh\n",
                        files->size(), shell_quote(folder)));
  return said ? 0 : kUnwritten;
}

}  // namespace perdure::cli
