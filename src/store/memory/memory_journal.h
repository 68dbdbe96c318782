// A journal that lives and dies with the process: for tests, and for runs whose record nobody wants
// to keep.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "store/journal.h"

namespace perdure {

class MemoryJournal : public Journal {
 public:
  Status open_run(const std::string& run_id) override;
  void close_run(const std::string& run_id) override;
  Status commit(std::span<const Batch> batches) override;
  Result<std::vector<StoredEvent>> read(const std::string& run_id) override;
  Result<std::vector<RunRow>> list(std::int64_t rows_max) override;
  Status remove(const std::string& run_id) override;
  Status compact() override { return {}; }
  Result<std::string> find(const std::string& name) override;

 private:
  struct Stored {
    RunRow row;
    std::vector<StoredEvent> events;
  };
  Status check(std::span<const Batch> batches) const;
  void append(const Batch& batch);

  std::map<std::string, Stored> runs_;
  std::vector<std::string> order_;  // ids, the oldest first
};

}  // namespace perdure
