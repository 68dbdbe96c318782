// What is left of a killed run is damaged before it goes on: the program goes on with what was
// stored, or refuses and says where the damage is; it never goes on with something else (fault
// N80). A refused run that is put right again goes on.
#include <filesystem>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "store/sqlite/database.h"
#include "tests/support/canary_run.h"
#include "tests/support/failing_disk.h"
#include "tests/support/result.h"

namespace perdure {
namespace {

namespace fs = std::filesystem;

using test::Account;
using test::CanaryRun;
using test::FailingDisk;
using test::holds;
using test::pouring_agent;
using test::start_endpoint;

constexpr int kPouringSteps = 4;
constexpr std::string_view kPouringScript = R"(
model = "kimi-k2.6"
[[reply]]
repeat = 4
[[reply.call]]
name = "strike"
arguments.n = "{reply}"
[[reply.call]]
name = "pour"
arguments.n = "{reply}"
[[reply]]
text = "Done."
)";

// --- Ways of damage; each is given the state folder ---

void run_statements(const std::string& state, const std::string& sql) {
  Result<Database> database = Database::open(state + "/perdure.db");
  ASSERT_TRUE(database.ok()) << test::words_of(database);
  const Status status = database->execute(sql.c_str());
  ASSERT_TRUE(status.ok()) << sql << ": " << test::words_of(status);
}

// All that was committed is in the database itself then.
void empty_the_log(const std::string& state) {
  run_statements(state, "PRAGMA wal_checkpoint(TRUNCATE)");
}

std::string read_file(const std::string& path) {
  const TemporaryDirectory copy;
  fs::copy_file(path, copy.path() + "/file");
  return copy.read("file");
}

void write_file(const std::string& path, const std::string& bytes) {
  const TemporaryDirectory copy;
  copy.write("file", bytes);
  fs::copy_file(copy.path() + "/file", path, fs::copy_options::overwrite_existing);
}

std::string stored_output(const std::string& state) {
  for (const auto& entry : fs::recursive_directory_iterator(state + "/blobs")) {
    if (entry.is_regular_file()) return entry.path().string();
  }
  return "";
}

// Of the first run, the sequence N: (1 << 32) + N.
std::string key(int sequence) {
  return std::to_string((std::int64_t{1} << 32) + sequence);
}

void flip_a_bit(const std::string& state) {
  empty_the_log(state);
  std::string bytes = read_file(state + "/perdure.db");
  const std::size_t at = bytes.find("struck 1");
  ASSERT_NE(at, std::string::npos);
  bytes[at] = static_cast<char>(bytes[at] ^ 4);
  write_file(state + "/perdure.db", bytes);
}
void zero_a_page(const std::string& state) {
  empty_the_log(state);
  std::string bytes = read_file(state + "/perdure.db");
  const std::size_t page = bytes.find("struck 1") / 4'096 * 4'096;
  write_file(state + "/perdure.db", bytes.replace(page, 4'096, std::string(4'096, '\0')));
}
void cut_the_database(const std::string& state) {
  empty_the_log(state);
  fs::resize_file(state + "/perdure.db", fs::file_size(state + "/perdure.db") / 2);
}
void replace_the_database(const std::string& state) {
  empty_the_log(state);
  write_file(state + "/perdure.db", std::string(40'000, 'x'));
}
void remove_the_log(const std::string& state) {
  fs::remove(state + "/perdure.db-wal");
}
void remove_the_database(const std::string& state) {
  fs::remove(state + "/perdure.db");
  fs::remove(state + "/perdure.db-wal");
  fs::remove(state + "/perdure.db-shm");
}
// A log of another state folder is valid in itself.
void exchange_the_log(const std::string& state) {
  const TemporaryDirectory other;
  {
    Result<Database> database = Database::open(other.path() + "/perdure.db");
    ASSERT_TRUE(database
                    ->execute("PRAGMA journal_mode = WAL; CREATE TABLE other (a);"
                              "INSERT INTO other VALUES (zeroblob(9000))")
                    .ok());
    fs::copy_file(other.path() + "/perdure.db-wal", other.path() + "/log");
  }
  empty_the_log(state);
  fs::remove(state + "/perdure.db-shm");
  fs::copy_file(other.path() + "/log", state + "/perdure.db-wal",
                fs::copy_options::overwrite_existing);
}
void append_to_the_files(const std::string& state) {
  for (const char* name : {"/perdure.db", "/perdure.db-wal"}) {
    write_file(state + name, read_file(state + name) + std::string(5'000, 'x'));
  }
}
// A torn tail, as a power cut leaves it: what had not been synced, thus nothing acknowledged.
void tear_an_unfinished_commit(const std::string& state) {
  write_file(state + "/perdure.db-wal",
             read_file(state + "/perdure.db-wal") + std::string(1'000, '\x17'));
}
void edit_an_event(const std::string& state) {
  run_statements(state, "UPDATE events SET payload = replace(payload, 'struck 1', 'struck 2')");
}
void delete_an_event(const std::string& state) {
  run_statements(state, "DELETE FROM events WHERE id = " + key(5));
}
void swap_two_events(const std::string& state) {
  run_statements(state, fmt::format("UPDATE events SET id = 9 WHERE id = {0};"
                                    "UPDATE events SET id = {0} WHERE id = {1};"
                                    "UPDATE events SET id = {1} WHERE id = 9",
                                    key(6), key(7)));
}
void insert_an_event(const std::string& state) {
  run_statements(state,
                 "INSERT INTO events SELECT max(id) + 1, at_ms, kind, payload, hash FROM events");
}
void delete_the_run(const std::string& state) {
  run_statements(state, "DELETE FROM runs");
}
void come_from_the_future(const std::string& state) {
  run_statements(state, "PRAGMA user_version = 7");
}
void remove_an_output(const std::string& state) {
  fs::remove(stored_output(state));
}
void edit_an_output(const std::string& state) {
  const std::string path = stored_output(state);
  write_file(path, "x" + read_file(path).substr(1));
}
void empty_an_output(const std::string& state) {
  write_file(stored_output(state), "");
}

enum class End {
  kRefused,    // and after the damage is mended it goes on
  kRecovered,  // as if nothing had been
  kVerified,   // it goes on, for it does not need what is damaged; verify-log finds it
};

struct StoredDamage {
  const char* name;
  void (*make)(const std::string& state);
  End end;
  const char* place;  ///< What the refusal names.
};

constexpr StoredDamage kStoredDamages[] = {
    {"a_bit_of_a_page", flip_a_bit, End::kRefused, "is damaged at event"},
    {"a_page_of_zeros", zero_a_page, End::kRefused, "perdure.db"},
    {"half_a_database", cut_the_database, End::kRefused, "perdure.db"},
    {"no_database_but_a_text", replace_the_database, End::kRefused, "perdure.db"},
    {"no_database", remove_the_database, End::kRefused, "there is no run"},
    {"no_log", remove_the_log, End::kRefused, "perdure.db-wal"},
    {"the_log_of_another", exchange_the_log, End::kRefused, "there is no run"},
    {"more_than_was_written", append_to_the_files, End::kRecovered, ""},
    {"a_torn_tail", tear_an_unfinished_commit, End::kRecovered, ""},
    {"an_event_edited", edit_an_event, End::kRefused, "is damaged at event"},
    {"an_event_deleted", delete_an_event, End::kRefused, "is damaged at event 5"},
    {"two_events_swapped", swap_two_events, End::kRefused, "is damaged at event 6"},
    {"an_event_inserted", insert_an_event, End::kRefused, "is damaged at event"},
    {"the_run_deleted", delete_the_run, End::kRefused, "there is no run"},
    {"a_newer_version", come_from_the_future, End::kRefused, "the journal has version 7"},
    {"an_output_missing", remove_an_output, End::kVerified, "blobs/"},
    {"an_output_edited", edit_an_output, End::kVerified, "blobs/"},
    {"an_output_empty", empty_an_output, End::kVerified, "blobs/"},
};

class StoredDamages : public testing::TestWithParam<StoredDamage> {};

void expect_refused(const CanaryRun& run, const ProgramOptions& resume, std::string_view place) {
  const std::map<std::string, int> marks = test::lines_of(run.root(), "workspace/canary");
  const ProgramResult refused = run_program(resume);
  EXPECT_NE(refused.exit_status, 0) << refused.output;
  EXPECT_PRED2(holds, refused.output + refused.errors, std::string(place));
  EXPECT_EQ(refused.output.find("\"run_resumed\""), std::string::npos) << refused.output;
  EXPECT_EQ(test::lines_of(run.root(), "workspace/canary"), marks) << "something was done";
}

TEST_P(StoredDamages, are_mended_or_refused_with_their_place) {
  const std::unique_ptr<MockThread> endpoint = start_endpoint(kPouringScript);
  const CanaryRun run(*endpoint, pouring_agent(), kPouringSteps);
  {
    const FailingDisk disk(run.state());
    ProgramOptions options = run.run();
    disk.put_under(options, {"sync", 16, "after"});
    run_program(options);
    ASSERT_TRUE(disk.has_failed());
  }
  const TemporaryDirectory copy;
  const auto restore = [&] {
    fs::remove_all(run.state());
    fs::copy(copy.path(), run.state(), fs::copy_options::recursive);
  };
  fs::copy(run.state(), copy.path(), fs::copy_options::recursive);
  const Account before = run.account();
  ASSERT_GT(before.count("call_finished"), 2);
  ProgramOptions resume = run.resume();
  for (std::string& argument : resume.arguments) {
    if (argument == "last") argument = before.run_id;
  }
  restore();  // the log as the kill left it: to look at the run has emptied it
  GetParam().make(run.state());
  if (HasFatalFailure()) return;
  if (GetParam().end == End::kRefused) {
    expect_refused(run, resume, GetParam().place);
    restore();
  }
  if (GetParam().end == End::kVerified) {
    ProgramOptions verify = resume;
    verify.arguments = {"verify-log", before.run_id};
    const ProgramResult found = run_program(verify);
    EXPECT_EQ(found.exit_status, 74) << found.output;
    EXPECT_PRED2(holds, found.output + found.errors, std::string(GetParam().place));
  }
  run.finish(resume);
  run.expect_story();
  EXPECT_EQ(endpoint->statistics().refused, 0);
}

INSTANTIATE_TEST_SUITE_P(Kill, StoredDamages, testing::ValuesIn(kStoredDamages),
                         [](const auto& damage) { return std::string(damage.param.name); });

void PrintTo(const StoredDamage& damage, std::ostream* out) {
  *out << damage.name;
}

}  // namespace
}  // namespace perdure
