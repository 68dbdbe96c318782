// The journal on a disk that fails: each write, sync, truncation and opening of a file fails in
// turn, first with an input/output error, then for want of space, until a whole story passes
// without a failure. Whatever fails: a commit that was acknowledged is there afterwards, no batch
// is torn, and nothing more is committed to a run whose commit failed (fault N79).
#include <algorithm>
#include <cstdlib>

#include <gtest/gtest.h>
#include <sqlite3.h>

#include "store/sqlite/sqlite_journal.h"
#include "tests/support/batches.h"
#include "tests/support/result.h"
#include "tests/support/temporary_directory.h"

namespace perdure {
namespace {

using test::code_of;
using test::commit_one;
using test::event_of;
using test::first_batch;
using test::last_batch;
using test::next_batch;

// SQLite's own layer over the system, with a call that fails. One at a time; not for threads.
class FailingDisk {
 public:
  enum class Call { kWrite, kSync, kTruncate, kOpen };

  /// From now on the `nth` call of this kind fails with an SQLITE_ code, a write in its middle;
  /// later ones work again, as they do when a disk recovers.
  FailingDisk(Call call, int nth, int error) : call_(call), left_(nth), error_(error) {
    real_ = sqlite3_vfs_find(nullptr);
    current_ = this;
    vfs_ = *real_;
    vfs_.zName = "failing";
    vfs_.pNext = nullptr;
    vfs_.szOsFile = static_cast<int>(sizeof(File)) + real_->szOsFile;
    vfs_.xOpen = open;
    sqlite3_vfs_register(&vfs_, 1);
  }
  ~FailingDisk() {
    sqlite3_vfs_unregister(&vfs_);
    current_ = nullptr;
  }
  FailingDisk(const FailingDisk&) = delete;
  FailingDisk& operator=(const FailingDisk&) = delete;

  bool has_failed() const { return left_ <= 0; }
  /// Calls that are left until one fails.
  int left() const { return left_; }

 private:
  struct File {
    sqlite3_file base;
    sqlite3_file* real;
  };
  static sqlite3_file* real_of(sqlite3_file* file) { return reinterpret_cast<File*>(file)->real; }

  static bool fails(Call call) {
    return current_ != nullptr && current_->call_ == call && --current_->left_ == 0;
  }

  static int open(sqlite3_vfs* vfs, sqlite3_filename name, sqlite3_file* file, int flags,
                  int* out_flags) {
    (void)vfs;
    file->pMethods = nullptr;
    if (fails(Call::kOpen)) return SQLITE_CANTOPEN;
    auto* shim = reinterpret_cast<File*>(file);
    shim->real = reinterpret_cast<sqlite3_file*>(shim + 1);
    const int status = current_->real_->xOpen(current_->real_, name, shim->real, flags, out_flags);
    if (shim->real->pMethods != nullptr) file->pMethods = &methods();
    return status;
  }
  static int write(sqlite3_file* file, const void* bytes, int count, sqlite3_int64 offset) {
    sqlite3_file* real = real_of(file);
    if (!fails(Call::kWrite)) return real->pMethods->xWrite(real, bytes, count, offset);
    // The first half reached the disk.
    (void)real->pMethods->xWrite(real, bytes, count / 2, offset);
    return current_->error_;
  }
  static int sync(sqlite3_file* file, int flags) {
    sqlite3_file* real = real_of(file);
    return fails(Call::kSync) ? SQLITE_IOERR_FSYNC : real->pMethods->xSync(real, flags);
  }
  static int truncate(sqlite3_file* file, sqlite3_int64 size) {
    sqlite3_file* real = real_of(file);
    return fails(Call::kTruncate) ? SQLITE_IOERR_TRUNCATE : real->pMethods->xTruncate(real, size);
  }

  // Everything else goes through.
  static const sqlite3_io_methods& methods() {
    static const sqlite3_io_methods table = {
        .iVersion = 2,
        .xClose = [](sqlite3_file* f) { return real_of(f)->pMethods->xClose(real_of(f)); },
        .xRead =
            [](sqlite3_file* f, void* bytes, int count, sqlite3_int64 offset) {
              return real_of(f)->pMethods->xRead(real_of(f), bytes, count, offset);
            },
        .xWrite = write,
        .xTruncate = truncate,
        .xSync = sync,
        .xFileSize =
            [](sqlite3_file* f, sqlite3_int64* size) {
              return real_of(f)->pMethods->xFileSize(real_of(f), size);
            },
        .xLock = [](sqlite3_file* f,
                    int lock) { return real_of(f)->pMethods->xLock(real_of(f), lock); },
        .xUnlock = [](sqlite3_file* f,
                      int lock) { return real_of(f)->pMethods->xUnlock(real_of(f), lock); },
        .xCheckReservedLock =
            [](sqlite3_file* f, int* out) {
              return real_of(f)->pMethods->xCheckReservedLock(real_of(f), out);
            },
        .xFileControl =
            [](sqlite3_file* f, int operation, void* argument) {
              return real_of(f)->pMethods->xFileControl(real_of(f), operation, argument);
            },
        .xSectorSize =
            [](sqlite3_file* f) { return real_of(f)->pMethods->xSectorSize(real_of(f)); },
        .xDeviceCharacteristics =
            [](sqlite3_file* f) {
              return real_of(f)->pMethods->xDeviceCharacteristics(real_of(f));
            },
        .xShmMap =
            [](sqlite3_file* f, int page, int size, int extend, void volatile** out) {
              return real_of(f)->pMethods->xShmMap(real_of(f), page, size, extend, out);
            },
        .xShmLock =
            [](sqlite3_file* f, int offset, int n, int flags) {
              return real_of(f)->pMethods->xShmLock(real_of(f), offset, n, flags);
            },
        .xShmBarrier = [](sqlite3_file* f) { real_of(f)->pMethods->xShmBarrier(real_of(f)); },
        .xShmUnmap = [](sqlite3_file* f,
                        int remove) { return real_of(f)->pMethods->xShmUnmap(real_of(f), remove); },
    };
    return table;
  }

  static inline FailingDisk* current_ = nullptr;
  sqlite3_vfs vfs_{};
  sqlite3_vfs* real_ = nullptr;
  Call call_;
  int left_;
  int error_;
};

constexpr std::size_t kBatch = 3;

// More commits meet the failing call in more places; PERDURE_LONG=1 takes the time for that.
int commits() {
  const char* value = std::getenv("PERDURE_LONG");
  return value != nullptr && *value == '1' ? 40 : 5;
}

// A run from its beginning to its end. Gives how many commits were acknowledged; -1 when the
// journal did not even open.
int tell_story(const std::string& directory) {
  Result<std::unique_ptr<Journal>> journal = open_sqlite_journal(directory);
  if (!journal.ok()) return -1;
  const std::vector<NewEvent> events(kBatch, event_of("x", std::string(3'000, 'y')));
  for (int i = 0; i < commits(); ++i) {
    const Batch batch = i == 0               ? first_batch("a", events)
                        : i + 1 == commits() ? last_batch("a", events)
                                             : next_batch("a", events);
    if (commit_one(**journal, batch).ok()) continue;
    EXPECT_EQ(code_of(commit_one(**journal, next_batch("a", events))), "store")
        << "a run whose commit failed has stopped";
    return i;
  }
  return commits();
}

// On a disk that works again.
void expect_kept(const std::string& directory, int acknowledged) {
  Result<std::unique_ptr<Journal>> journal = open_sqlite_journal(directory);
  ASSERT_TRUE(journal.ok()) << test::words_of(journal);
  const Result<std::vector<StoredEvent>> events = (*journal)->read("a");
  if (acknowledged <= 0 && !events.ok()) {
    EXPECT_EQ(code_of(events), "not_found");
    return;
  }
  ASSERT_TRUE(events.ok()) << test::words_of(events);
  EXPECT_EQ(events->size() % kBatch, 0U) << "a batch is torn";
  EXPECT_GE(events->size() / kBatch, static_cast<std::size_t>(std::max(acknowledged, 0)));
  ASSERT_TRUE((*journal)->open_run("a").ok());
  EXPECT_TRUE(commit_one(**journal, next_batch("a", {event_of("more", "1")})).ok());
}

struct FailingCall {
  const char* name;
  FailingDisk::Call call;
  int error;
};

class JournalFaults : public testing::TestWithParam<FailingCall> {};

TEST_P(JournalFaults, lose_nothing_that_was_acknowledged) {
  int failures = 0;
  bool failed = true;
  for (int nth = 1; failed; ++nth) {
    SCOPED_TRACE("the call number " + std::to_string(nth));
    ASSERT_LT(nth, 5'000);
    const TemporaryDirectory directory;
    int acknowledged = 0;
    {
      const FailingDisk disk(GetParam().call, nth, GetParam().error);
      acknowledged = tell_story(directory.path());
      failed = disk.has_failed();
    }
    expect_kept(directory.path(), acknowledged);
    failures += failed ? 1 : 0;
    if (HasFailure()) return;
  }
  EXPECT_GT(failures, 0) << "no call of this kind was made";
}

constexpr FailingCall kCalls[] = {
    {"write", FailingDisk::Call::kWrite, SQLITE_IOERR_WRITE},
    {"write_for_want_of_space", FailingDisk::Call::kWrite, SQLITE_FULL},
    {"sync", FailingDisk::Call::kSync, SQLITE_IOERR_FSYNC},
    {"open", FailingDisk::Call::kOpen, SQLITE_CANTOPEN},
};

// What a commit returned for survives a power cut: it was synced before (promise P1).
TEST(JournalSync, each_commit_is_synced_before_it_returns) {
  const TemporaryDirectory directory;
  const FailingDisk disk(FailingDisk::Call::kSync, 1'000'000, SQLITE_IOERR_FSYNC);
  Result<std::unique_ptr<Journal>> journal = open_sqlite_journal(directory.path());
  ASSERT_TRUE(journal.ok());
  for (int i = 0; i < 5; ++i) {
    const int before = disk.left();
    const std::vector<NewEvent> events = {event_of("x", "y")};
    ASSERT_TRUE(
        commit_one(**journal, i == 0 ? first_batch("a", events) : next_batch("a", events)).ok());
    EXPECT_LT(disk.left(), before) << "commit " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Each, JournalFaults, testing::ValuesIn(kCalls),
                         [](const auto& call) { return std::string(call.param.name); });

void PrintTo(const FailingCall& call, std::ostream* out) {
  *out << call.name;
}

}  // namespace
}  // namespace perdure
