// Journals that older versions wrote load for ever, and what they say goes out as it always did:
// tests/golden/journals/VERSION.db has runs of several kinds, VERSION/RUN.txt what was made of each
// by the version that wrote it. Neither is ever changed; a new version of the format adds its own.
//
// A text has a line for each request, with the hash of the messages that it carried, and all the
// messages of the run at its end.
#include <algorithm>
#include <filesystem>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/hash.h"
#include "core/event.h"
#include "core/run.h"
#include "model/history.h"
#include "store/sqlite/sqlite_journal.h"
#include "tests/support/golden.h"
#include "tests/support/result.h"
#include "tests/support/temporary_directory.h"

namespace perdure {
namespace {

namespace fs = std::filesystem;

const fs::path kJournals = fs::path(PERDURE_SOURCE_DIR) / "tests/golden/journals";

std::string messages_of(const Run& run, Histories& histories) {
  std::string text;
  const Histories::View view = histories.at_endpoint_in_use(run);
  for (std::size_t i = 0; i < view.messages->size(); ++i) {
    text += std::string(view.messages->fragment(i)) + "\n";
  }
  return text;
}

// What is made of a run: its requests, its end, its messages.
std::string projection_of(const std::vector<StoredEvent>& events) {
  std::string text;
  Run run;
  Histories histories;
  for (const StoredEvent& event : events) {
    const Result<RunEvent> decoded = decode(event.kind, event.payload);
    EXPECT_TRUE(decoded.ok()) << event.sequence << ": " << test::words_of(decoded);
    if (!decoded.ok()) return text;
    const Status applied = apply(run, *decoded);
    EXPECT_TRUE(applied.ok()) << event.sequence << ": " << test::words_of(applied);
    if (std::holds_alternative<RunStarted>(decoded->body) ||
        std::holds_alternative<RunResumed>(decoded->body)) {
      histories = Histories(std::vector<HistoryDialect>(
          run.endpoints.size(), HistoryDialect{.call_ids = CallIds::kNumbered}));
    }
    if (event.kind == "request_repaired") histories.start_over();
    if (event.kind != "request_sent") continue;
    const std::string messages = messages_of(run, histories);
    text += fmt::format("request {}: {} messages, {} bytes, {}\n", event.sequence,
                        std::count(messages.begin(), messages.end(), '\n'), messages.size(),
                        to_hex(sha256(messages)));
  }
  text += fmt::format("end: {} steps, {} calls, {} + {} tokens, {:.6f} USD, {}\n", run.usage.steps,
                      run.usage.calls, run.usage.input_tokens, run.usage.output_tokens,
                      run.usage.usd, run.ended ? run.ended->reason : "none");
  return text + messages_of(run, histories);
}

TEST(GoldenJournals, load_and_project_byte_by_byte) {
  std::size_t runs = 0;
  for (const auto& entry : fs::directory_iterator(kJournals)) {
    if (entry.path().extension() != ".db") continue;
    const std::string version = entry.path().stem().string();
    const TemporaryDirectory state;
    fs::copy_file(entry.path(), state.path() + "/perdure.db");
    fs::permissions(state.path() + "/perdure.db", fs::perms::owner_read | fs::perms::owner_write);
    Result<std::unique_ptr<Journal>> journal = open_sqlite_journal(state.path());
    ASSERT_TRUE(journal.ok()) << test::words_of(journal);
    const Result<std::vector<RunRow>> rows = (*journal)->list(100);
    ASSERT_TRUE(rows.ok()) << test::words_of(rows);
    for (const RunRow& row : *rows) {
      SCOPED_TRACE(version + ", run " + row.run_id);
      const Result<std::vector<StoredEvent>> events = (*journal)->read(row.run_id);
      ASSERT_TRUE(events.ok()) << test::words_of(events);
      test::expect_golden("journals/" + version + "/" + row.run_id + ".txt",
                          projection_of(*events));
      ++runs;
    }
  }
  EXPECT_GE(runs, 8U);
}

}  // namespace
}  // namespace perdure
