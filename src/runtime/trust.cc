#include <algorithm>

#include <sys/stat.h>

#include <fmt/format.h>

#include <perdure/config.h>

#include "base/path.h"
#include "base/text.h"
#include "os/directories.h"

namespace perdure {
namespace {

constexpr std::size_t kListBytesMax = 1 << 20;

std::string list_path(const std::string& given) {
  return (given.empty() ? state_directory() : given) + "/trusted";
}

Status write_list(const std::string& path, const std::vector<std::string>& folders) {
  std::string text;
  for (const std::string& folder : folders) text += folder + "\n";
  return replace_file(path, text);
}

}  // namespace

std::vector<std::string> trusted_folders(const std::string& state) {
  std::vector<std::string> folders;
  const Result<std::string> text = read_whole_file(list_path(state), kListBytesMax);
  if (!text.ok()) return folders;
  for (const std::string_view line : split_lines(*text)) {
    if (!line.empty()) folders.emplace_back(line);
  }
  return folders;
}

Status trust_folder(const std::string& folder, const std::string& state) {
  const std::string real = real_path(folder);
  struct stat found{};
  if (::stat(real.c_str(), &found) != 0 || !S_ISDIR(found.st_mode)) {
    return Error{.code = ErrorCode::kNotFound,
                 .message = fmt::format("there is no folder '{}'", folder),
                 .advice = "name an existing folder"};
  }
  if (real.find('\n') != std::string::npos) {
    return Error{.code = ErrorCode::kInvalidArgument,
                 .message = "a folder with a line feed in its name is not trusted"};
  }
  std::vector<std::string> folders = trusted_folders(state);
  if (std::find(folders.begin(), folders.end(), real) != folders.end()) return {};
  folders.push_back(real);
  const std::string path = list_path(state);
  if (Status status = make_directories(path.substr(0, path.rfind('/'))); !status.ok())
    return status;
  return write_list(path, folders);
}

Status distrust_folder(const std::string& folder, const std::string& state) {
  std::vector<std::string> folders = trusted_folders(state);
  const auto kept = std::remove(folders.begin(), folders.end(), real_path(folder));
  if (kept == folders.end()) return {};
  folders.erase(kept, folders.end());
  return write_list(list_path(state), folders);
}

bool is_trusted_folder(const std::string& folder, const std::string& state) {
  const std::string real = real_path(folder);
  const std::vector<std::string> folders = trusted_folders(state);
  return std::any_of(folders.begin(), folders.end(),
                     [&](const std::string& trusted) { return is_below(real, trusted); });
}

}  // namespace perdure
