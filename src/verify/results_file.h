// The result file of a verification: a line is on the disk before the next request counts as
// answered, so that whatever stops the program, nothing that was paid for is asked again. Only one
// process writes a file at a time. One thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include <perdure/result.h>

#include "json/reader.h"
#include "os/descriptor.h"
#include "verify/result_line.h"

namespace perdure::verify {

class ResultsFile {
 public:
  /// Opens the file, or makes it, and reads what it holds. A last line that a crash has cut is
  /// taken away; anything else that is no result is an error, and the file is left as it is.
  /// Errors: kInvalidArgument with the line, kLocked when another process writes it, kStore.
  static Result<ResultsFile> open(const std::string& path);

  /// The newest result of each request, by data_index.
  const std::map<std::int64_t, StoredResult>& results() const { return results_; }
  /// A cut line was taken away.
  bool was_repaired() const { return was_repaired_; }

  /// On the disk when this returns. Errors: kStore, kStoreFull.
  Status append(std::int64_t data_index, std::string_view hash, const WrittenResult& result,
                const std::string& extra_body);

  /// Leaves one line for each request, the newest, in the order of the requests. The file is
  /// replaced in one step. For the end: nothing can be appended afterwards.
  Status sort();

 private:
  Status read_all();
  Status finish_last_line(std::int64_t number, std::int64_t offset, std::string_view line);
  void keep(StoredResult result, std::int64_t offset, std::size_t bytes);

  std::string path_;
  Descriptor file_;
  json::Reader reader_;
  std::map<std::int64_t, StoredResult> results_;
  std::int64_t size_ = 0;
  std::int64_t last_index_ = 0;
  bool in_order_ = true;
  bool was_repaired_ = false;
};

}  // namespace perdure::verify
