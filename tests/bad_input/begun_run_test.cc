// What ends a run that had begun, or keeps it from beginning because a folder may not be written:
// nothing is lost, and the run goes on when the cause is gone.
#include <csignal>
#include <functional>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/descriptor.h"
#include "store/sqlite/database.h"
#include "tests/bad_input/bad_input.h"
#include "tests/support/small_disk.h"

namespace perdure {
namespace {

namespace fs = std::filesystem;

using test::Desk;
using test::expect_words;
using test::holds;
using test::record_of;
using test::SmallDisk;

void expect_done(const ProgramResult& result) {
  EXPECT_EQ(result.exit_status, 0) << result.errors;
  EXPECT_EQ(result.output, "Done.\n");
}

TEST(ProgramBadInput, a_rejected_key_ends_the_run_until_there_is_a_better_one) {
  Desk desk("key = 'right'\n[[reply]]\ntext = 'Done.'\n");
  const std::vector<std::string> run = {"run", "--host", "moonshot", "--base-url", "{endpoint}"};
  desk.set("MOONSHOT_API_KEY", "wrong-key");
  std::vector<std::string> arguments = run;
  arguments.emplace_back("Go.");
  const ProgramResult text = desk.run(arguments);
  EXPECT_EQ(text.exit_status, 4) << text.errors;
  EXPECT_EQ(text.output, "");
  expect_words(text, desk,
               {"401", "at: {endpoint}", "check the key", "perdure doctor", "perdure resume"});
  EXPECT_FALSE(holds(text.errors, "wrong-key"));
  arguments.insert(arguments.begin() + 1, {"--output", "json"});
  const Json record = record_of(desk.run(arguments));
  EXPECT_EQ(record["outcome"], "endpoint_permanent");
  EXPECT_EQ(record["error"]["code"], "key_rejected");
  desk.set("MOONSHOT_API_KEY", "right");
  expect_done(desk.run({"resume", record["run"].get<std::string>()}));
}

// A port that was free a moment ago.
std::string closed_endpoint() {
  const Desk gone;
  return gone.base_url();
}

TEST(ProgramBadInput, an_endpoint_that_cannot_be_reached_ends_the_run_for_now) {
  Desk desk;
  desk.root().write("config/perdure/config.toml", "attempts_max = 1\n");
  desk.set("PERDURE_HOST", "mock");
  const std::string closed = closed_endpoint();
  const ProgramResult text = desk.run({"run", "--base-url", closed, "Go."});
  EXPECT_EQ(text.exit_status, 75) << text.errors;
  EXPECT_EQ(text.output, "");
  expect_words(text, desk, {"connect", "at: " + closed, "perdure doctor", "perdure resume"});
  const Json record = record_of(desk.run({"run", "--output", "json", "--base-url", closed, "Go."}));
  EXPECT_EQ(record["outcome"], "endpoint_temporary");
  EXPECT_EQ(record["error"]["code"], "network");
  expect_done(desk.run({"resume", record["run"].get<std::string>(), "--base-url", "{endpoint}"}));
}

// A tool that says that it began and waits at a gate; what only reads runs again after a death.
constexpr std::string_view kWaiting = R"(
[[tools.command]]
name = "wait"
description = "Waits."
argv = ["/bin/sh", "-c", "echo here > begun; cat gate"]
effect = "read"
)";

TEST(ProgramBadInput, the_second_of_two_resumes_is_told_who_the_first_is) {
  Desk desk("[[reply]]\n[[reply.call]]\nname = 'wait'\n[[reply]]\ntext = 'Done.'\n");
  desk.use_endpoint();
  desk.root().write("config/perdure/a.toml", kWaiting);
  for (const char* name : {"work/begun", "work/gate"}) {
    ASSERT_EQ(::mkfifo(desk.place(name).c_str(), 0600), 0);
  }
  const Descriptor begun(::open(desk.place("work/begun").c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  const auto wait_until_begun = [&] {
    pollfd ready{.fd = begun.get(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(::poll(&ready, 1, 60'000), 1) << "the tool began";
    char line[8];
    EXPECT_GT(::read(begun.get(), line, sizeof line), 0);
  };
  {
    RunningProgram program(desk.options({"run", "--agent", "{root}/config/perdure/a.toml", "Go."}));
    wait_until_begun();
    program.signal(SIGKILL);
    program.wait();
  }
  RunningProgram first(desk.options({"resume", "last"}));
  wait_until_begun();
  const std::string holder = "is being written by process " + std::to_string(first.pid());
  const ProgramResult second = desk.run({"resume", "last"});
  EXPECT_EQ(second.exit_status, 74) << second.errors;
  EXPECT_EQ(second.output, "");
  expect_words(second, desk, {holder, "wait for that process"});
  EXPECT_EQ(record_of(desk.run({"resume", "last", "--output", "json"}))["error"]["code"], "locked");

  {
    const Descriptor gate(::open(desk.place("work/gate").c_str(), O_WRONLY | O_CLOEXEC));
    ASSERT_TRUE(write_all(gate.get(), "open\n").ok());
  }
  expect_done(first.wait());
  EXPECT_EQ(desk.statistics().refused, 0);
}

// As a backup of the journal or a person at a SQLite prompt would do.
TEST(ProgramBadInput, a_journal_that_another_process_holds_is_named) {
  Desk desk("[[reply]]\nrepeat = 9\ntext = 'Done.'\n");
  desk.use_endpoint();
  expect_done(desk.run({"run", "Go."}));
  const std::string file = desk.place("state/perdure/perdure.db");
  {
    Result<Database> other = Database::open(file);
    ASSERT_TRUE(other.ok());
    ASSERT_TRUE(other->execute("BEGIN IMMEDIATE").ok());
    const ProgramResult text = desk.run({"run", "Go."});
    EXPECT_EQ(text.exit_status, 74) << text.errors;
    EXPECT_EQ(text.output, "");
    expect_words(text, desk, {"locked", "at: " + file, "another process is holding the journal"});
    EXPECT_EQ(desk.statistics().requests, 1) << "nothing was asked that could not be kept";
    ASSERT_TRUE(other->execute("ROLLBACK").ok());
  }
  expect_done(desk.run({"run", "Go."}));
}

// The disk of `state` fills up in the middle of a run, by the shell command `fill`: nothing more is
// done, and with room again it goes on.
void expect_to_stop_while_full(Desk& desk, const std::string& state, const std::string& fill,
                               const std::function<std::string()>& make_room) {
  desk.root().write("config/perdure/a.toml", R"(
[[tools.command]]
name = "fill"
description = "Takes all space."
argv = ["/bin/sh", "-c", ")" + fill + R"("]
effect = "additive"
[[tools.command]]
name = "count"
description = "Says how far it is."
argv = ["/bin/echo", "--", "{text}"]
effect = "read"
[tools.command.parameters]
type = "object"
properties.text.type = "string"
)");
  const ProgramResult full = desk.run({"run", "--agent", "{root}/config/perdure/a.toml", "--state",
                                       state, "--output", "json", "Go."});
  EXPECT_EQ(full.exit_status, 74) << full.output << full.errors;
  const Json record = record_of(full);
  EXPECT_EQ(record["outcome"], "store_failed");
  EXPECT_EQ(record["error"]["code"], "store_full");
  EXPECT_PRED2(holds, record["error"]["advice"].get<std::string>(), "free some space");
  EXPECT_LT(record["steps"], 102);

  // Still full: said again, as text.
  const ProgramResult again = desk.run({"resume", "last", "--state", state});
  EXPECT_EQ(again.exit_status, 74) << again.errors;
  EXPECT_EQ(again.output, "");
  expect_words(again, desk, {"full", "free some space"});

  expect_done(desk.run({"resume", "last", "--state", make_room()}));
  EXPECT_EQ(desk.statistics().refused, 0);
}

constexpr const char* kFillingScript = R"(
[[reply]]
[[reply.call]]
name = "fill"
[[reply]]
repeat = 100
[[reply.call]]
name = "count"
[reply.call.arguments]
text = "{n}"
[[reply]]
text = "Done."
)";

// On a disk that says so of its own, where one can be mounted.
TEST(ProgramBadInput, a_full_disk_stops_the_run_until_there_is_room) {
  const SmallDisk disk(1 << 20);
  if (!disk.mounted()) GTEST_SKIP() << disk.why_not();
  Desk desk(kFillingScript);
  desk.use_endpoint();
  const TemporaryDirectory roomy;
  const std::string state = disk.path() + "/state";
  const std::string fill = "head -c 2000000 /dev/zero > " + disk.path() + "/filler; true";
  expect_to_stop_while_full(desk, state, fill, [&] {
    disk.free_space();
    // More room than before, as a person would make: the rest of the run needs some.
    fs::copy(state, roomy.path(), fs::copy_options::recursive);
    return roomy.path();
  });
}

// The same everywhere: writes of the program fail as they do on a full disk.
TEST(ProgramBadInput, writes_that_find_no_space_stop_the_run_until_there_is_some) {
  Desk desk(kFillingScript);
  desk.use_endpoint();
  const std::string state = desk.place("full/state");
  const std::string mark = desk.place("full.full");
  desk.set("LD_PRELOAD", PERDURE_FULL_DISK_LIBRARY);
  desk.set("PERDURE_FULL_DISK", desk.place("full"));
  // Of the sanitizer in a program that has one: it wants to be the first library.
  desk.set("ASAN_OPTIONS", "verify_asan_link_order=0");
  expect_to_stop_while_full(desk, state, "touch " + mark, [&] {
    fs::remove(mark);
    return state;
  });
}

// --- Without standard descriptors ---

// As a service may start it. The next file that is opened would get the number of the one that is
// missing, and what is printed would go into the journal.
TEST(ProgramBadInput, a_closed_descriptor_is_not_taken_for_a_file_of_the_run) {
  struct Closed {
    const char* shell;
    int exit_status;
    const char* output;
    const char* errors;
  };
  const Closed kClosed[] = {
      {"exec \"$0\" run Go. <&-", 0, "Done.\n", "1 step"},
      {"exec \"$0\" run Go. >&-", 1, "", "standard output: cannot write: Bad file descriptor"},
      {"exec \"$0\" run Go. 2>&-", 0, "Done.\n", ""},
      {"exec \"$0\" run Go. <&- >&- 2>&-", 1, "", ""}};
  for (const Closed& closed : kClosed) {
    Desk desk;
    desk.use_endpoint();
    ProgramOptions options = desk.options({"-c", closed.shell, PERDURE_PROGRAM});
    options.program = "/bin/sh";
    const ProgramResult result = run_program(options);
    EXPECT_EQ(result.exit_status, closed.exit_status) << closed.shell << "\n" << result.errors;
    EXPECT_EQ(result.output, closed.output) << closed.shell;
    EXPECT_PRED2(holds, result.errors, closed.errors);
    EXPECT_PRED2(holds, desk.run({"show", "last"}).output, "Done.") << "the run is kept whole";
  }
}

// --- Without the right to write ---

// The program as a user who is nobody: root may write everywhere. The program is copied to where
// nobody can reach it.
class Nobody {
 public:
  explicit Nobody(Desk& desk) : desk_(desk) {
    fs::permissions(desk.root().path(), fs::perms(0755));
    if (::geteuid() == 0) fs::copy_file(PERDURE_PROGRAM, desk.place("perdure"));
  }

  ProgramResult run(std::vector<std::string> arguments) const {
    ProgramOptions options = desk_.options(std::move(arguments));
    if (::geteuid() != 0) return run_program(options);
    options.program = "/usr/bin/setpriv";
    options.arguments.insert(options.arguments.begin(), {"--reuid=65534", "--regid=65534",
                                                         "--clear-groups", desk_.place("perdure")});
    return run_program(options);
  }

 private:
  Desk& desk_;
};

TEST(ProgramBadInput, a_workspace_that_cannot_be_written_is_refused_for_an_agent_that_writes) {
  Desk desk;
  desk.use_endpoint();
  const Nobody nobody(desk);
  fs::create_directories(desk.place("state"));
  fs::permissions(desk.place("state"), fs::perms(0777));
  fs::permissions(desk.place("work"), fs::perms(0555));
  const ProgramResult refused = nobody.run({"run", "Go."});
  EXPECT_EQ(refused.exit_status, 2) << refused.errors;
  EXPECT_EQ(refused.output, "");
  expect_words(refused, desk,
               {"the workspace cannot be written", "at: {root}/work",
                "change its permissions, or give the agent only reading tools"});
  EXPECT_EQ(record_of(nobody.run({"run", "--output", "json", "Go."}))["error"]["code"],
            "workspace");
  desk.root().write("config/perdure/config.toml", "[tools]\nbuiltin = ['read_file']\n");
  fs::permissions(desk.place("config/perdure/config.toml"), fs::perms(0644));
  expect_done(nobody.run({"run", "Go."}));
  fs::permissions(desk.place("work"), fs::perms(0755));
}

TEST(ProgramBadInput, a_state_folder_that_cannot_be_written_keeps_a_run_from_beginning) {
  Desk desk;
  desk.use_endpoint();
  const Nobody nobody(desk);
  fs::create_directories(desk.place("state"));
  fs::permissions(desk.place("state"), fs::perms(0555));
  fs::permissions(desk.place("work"), fs::perms(0777));
  const ProgramResult refused = nobody.run({"run", "Go."});
  EXPECT_EQ(refused.exit_status, 74) << refused.errors;
  EXPECT_EQ(refused.output, "");
  expect_words(refused, desk,
               {"Permission denied", "at: {root}/state/perdure",
                "check the permissions of the state folder, or choose another"});
  EXPECT_EQ(record_of(nobody.run({"run", "--output", "json", "Go."}))["error"]["code"], "store");
  EXPECT_EQ(desk.statistics().requests, 0) << "nothing is done that cannot be kept";
  fs::permissions(desk.place("state"), fs::perms(0755));
}

}  // namespace
}  // namespace perdure
