#include "verify/results_file.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/path.h"
#include "base/text.h"
#include "os/directories.h"
#include "os/random.h"
#include "verify/line_file.h"

namespace perdure::verify {
namespace {

// With which every line begins that this program or the format's own writes.
constexpr std::string_view kLineBegin = "{\"data_index\"";

// Whether a crash may have left this: the beginning of a result, or bytes that never reached the
// disk.
bool is_torn(std::string_view line) {
  const std::size_t common = std::min(line.size(), kLineBegin.size());
  return line.substr(0, common) == kLineBegin.substr(0, common) ||
         line.find_first_not_of('\0') == std::string_view::npos;
}

Error not_ours(Error error, const std::string& path, std::int64_t number) {
  error.context = fmt::format("{}:{}", path, number);
  error.advice = "name another file with --out, or take this line away; the file is as it was";
  return error;
}

}  // namespace

Result<ResultsFile> ResultsFile::open(const std::string& path) {
  if (Status made = make_directories(std::string(parent_path(path))); !made.ok())
    return made.error();
  ResultsFile results;
  results.path_ = path;
  results.file_ = Descriptor(
      ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600));
  if (!results.file_.valid())
    return system_error(ErrorCode::kStore, "cannot open the file", errno, path);
  struct stat status{};
  if (::fstat(results.file_.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return Error{.code = ErrorCode::kInvalidArgument,
                 .message = "results are kept in a regular file, and this is none",
                 .context = path,
                 .advice = "name a file with --out"};
  }
  if (::flock(results.file_.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK)
      return system_error(ErrorCode::kStore, "cannot lock the file", errno, path);
    return Error{.code = ErrorCode::kLocked,
                 .message = "another process is writing these results",
                 .context = path,
                 .advice = "wait for it, or name another file with --out"};
  }
  if (Status read = results.read_all(); !read.ok()) {
    Error error = read.error();
    if (error.context.empty()) error.context = path;
    return error;
  }
  return results;
}

Status ResultsFile::read_all() {
  return each_line(file_.get(), [this](const LinePlace& place, std::string_view line) -> Status {
    const std::int64_t end = place.offset + static_cast<std::int64_t>(place.bytes);
    if (!place.is_ended) return finish_last_line(place.number, place.offset, line);
    size_ = end + 1;
    if (trim(line).empty()) {
      in_order_ = false;
      return {};
    }
    Result<StoredResult> result = read_result(reader_, line);
    if (!result.ok()) return not_ours(result.error(), path_, place.number);
    keep(std::move(*result), place.offset, place.bytes);
    return {};
  });
}

// The last line has no line feed: a crash came between, or somebody has edited the file.
Status ResultsFile::finish_last_line(std::int64_t number, std::int64_t offset,
                                     std::string_view line) {
  Result<StoredResult> result = read_result(reader_, line);
  const std::size_t bytes = line.size();
  if (result.ok()) {
    keep(std::move(*result), offset, bytes);
    size_ = offset + static_cast<std::int64_t>(bytes) + 1;
    return write_all(file_.get(), "\n");
  }
  if (!is_torn(line)) return not_ours(result.error(), path_, number);
  was_repaired_ = true;
  size_ = offset;
  if (::ftruncate(file_.get(), offset) != 0 || ::fdatasync(file_.get()) != 0)
    return system_error(ErrorCode::kStore, "cannot take the cut line away", errno, path_);
  return {};
}

void ResultsFile::keep(StoredResult result, std::int64_t offset, std::size_t bytes) {
  const std::int64_t index = result.data_index;
  if (index <= last_index_) in_order_ = false;
  last_index_ = std::max(last_index_, index);
  result.offset = offset;
  result.bytes = bytes;
  results_[index] = std::move(result);
}

Status ResultsFile::append(std::int64_t data_index, std::string_view hash,
                           const WrittenResult& result, const std::string& extra_body) {
  const auto fail = [this](Error error) {
    error.context = path_;
    return error;
  };
  if (Status written = write_all(file_.get(), result.line + '\n'); !written.ok())
    return fail(written.error());
  if (::fdatasync(file_.get()) != 0)
    return system_error(ErrorCode::kStore, "cannot write the results", errno, path_);
  keep({.data_index = data_index,
        .hash = std::string(hash),
        .extra_body = extra_body,
        .outcome = result.outcome},
       size_, result.line.size());
  size_ += static_cast<std::int64_t>(result.line.size()) + 1;
  return {};
}

Status ResultsFile::sort() {
  if (in_order_) return {};
  const std::string temporary = fmt::format("{}.{}.tmp", path_, random_text(8));
  const Descriptor sorted(
      ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  const auto fail = [&](Error error) {
    ::unlink(temporary.c_str());
    error.context = path_;
    return error;
  };
  if (!sorted.valid()) return fail(system_error(ErrorCode::kStore, "cannot make the file", errno));
  struct stat status{};
  if (::fstat(file_.get(), &status) == 0) (void)::fchmod(sorted.get(), status.st_mode & 0777U);
  for (const auto& [index, result] : results_) {
    Result<std::string> line = read_place(file_.get(), result.offset, result.bytes);
    if (!line.ok()) return fail(line.error());
    *line += '\n';
    if (Status written = write_all(sorted.get(), *line); !written.ok())
      return fail(written.error());
  }
  if (::fsync(sorted.get()) != 0 || std::rename(temporary.c_str(), path_.c_str()) != 0)
    return fail(system_error(ErrorCode::kStore, "cannot replace the file", errno));
  in_order_ = true;
  return {};
}

}  // namespace perdure::verify
