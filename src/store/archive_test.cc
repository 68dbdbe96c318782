// Archives of runs: what was written is read, and whatever is changed on the way is found.
#include "store/archive.h"

#include <algorithm>
#include <sstream>

#include <gtest/gtest.h>

#include "base/text.h"
#include "store/chain.h"
#include "tests/support/result.h"

namespace perdure {
namespace {

using test::code_of;
using test::holds;
using test::words_of;

const std::string kBinary("\x00\xff\x01", 3);

std::string finished(const std::string& output) {
  return R"({"call":0,"output_blob":")" + output + R"("})";
}

Archive archive_of_test() {
  const std::string text = to_hex(sha256("many lines\n"));
  const std::string binary = to_hex(sha256(kBinary));
  return {.row = {.run_id = "run-1",
                  .agent = "default",
                  .task = "Say \"hi\".\nTwice.",
                  .model = "kimi-k2.6",
                  .workspace = "/work",
                  .created_ms = 900,
                  .outcome = Outcome::kDone,
                  .steps = 7,
                  .usd = 0.25},
          .events = {{1, 1'000, "run_started", R"({ "a":  "b" })"},
                     {2, 1'001, "call_finished", finished(text)},
                     {3, 1'002, "call_finished", finished(binary)},
                     {4, 1'003, "call_finished", finished("")},
                     {5, 1'004, "run_ended", "{}"}},
          .outputs = {{text, "many lines\n"}, {binary, kBinary}}};
}

std::vector<std::string> lines_of(const Archive& archive) {
  std::vector<std::string> lines = {archive_head(archive.row)};
  Hasher hasher;
  Sha256 hash{};
  for (const StoredEvent& event : archive.events) {
    hash = chain_hash(hasher, hash, event.sequence, event.at_ms, event.kind, event.payload);
    lines.push_back(archive_event(event, hash));
  }
  for (const std::string& name : outputs_of(archive.events))
    lines.push_back(archive_output(name, archive.outputs.at(name)));
  lines.push_back(archive_end(archive.events.size(), hash));
  return lines;
}

Result<Archive> read_lines(const std::vector<std::string>& lines) {
  std::istringstream in(join(lines, ""));
  return read_archive(in);
}

TEST(Archive, is_read_as_it_was_written) {
  const Archive written = archive_of_test();
  const Result<Archive> read = read_lines(lines_of(written));
  ASSERT_TRUE(read.ok()) << words_of(read);
  EXPECT_EQ(archive_head(read->row), archive_head(written.row));
  EXPECT_EQ(lines_of(*read), lines_of(written));
  EXPECT_EQ(read->events[0].payload, R"({ "a":  "b" })");
  EXPECT_EQ(read->outputs, written.outputs);
  EXPECT_EQ(read->row.outcome, Outcome::kDone);
}

TEST(Archive, of_a_run_without_an_end_has_no_outcome) {
  Archive written = archive_of_test();
  written.row.outcome.reset();
  const Result<Archive> read = read_lines(lines_of(written));
  ASSERT_TRUE(read.ok()) << words_of(read);
  EXPECT_FALSE(read->row.outcome);
}

using Lines = std::vector<std::string>;

void replace(std::string& line, const std::string& from, const std::string& to) {
  const std::size_t at = line.find(from);
  ASSERT_NE(at, std::string::npos) << from << " in " << line;
  line.replace(at, from.size(), to);
}

struct DamageRow {
  const char* name;
  void (*damage)(Lines&);
  const char* says;
};

const DamageRow kArchiveDamages[] = {
    {"an_edited_payload", [](Lines& lines) { replace(lines[1], "b", "c"); },
     "line 2: the hash of event 1 does not fit"},
    {"an_edited_time", [](Lines& lines) { replace(lines[2], "1001", "1002"); },
     "line 3: the hash of event 2 does not fit"},
    {"a_missing_event", [](Lines& lines) { lines.erase(lines.begin() + 2); },
     "line 3: event 2 is missing"},
    {"two_swapped_events", [](Lines& lines) { std::swap(lines[2], lines[3]); },
     "line 3: event 2 is missing"},
    {"an_event_twice", [](Lines& lines) { lines.insert(lines.begin() + 2, lines[1]); },
     "line 3: event 2 is missing"},
    {"events_lost_before_the_end", [](Lines& lines) { lines.erase(lines.begin() + 5); },
     "line 8: events before the end are missing"},
    {"an_edited_output", [](Lines& lines) { replace(lines[6], "many", "some"); },
     "line 7: the output is not what was stored"},
    {"an_edited_binary_output", [](Lines& lines) { replace(lines[7], "AP8B", "AP8C"); },
     "line 8: the output is not what was stored"},
    {"a_missing_output", [](Lines& lines) { lines.erase(lines.begin() + 6); }, " is missing"},
    {"no_end", [](Lines& lines) { lines.pop_back(); }, "line 9: the end is missing"},
    {"half_a_line", [](Lines& lines) { lines.back().resize(20); }, "line 9: it is no JSON object"},
    {"a_line_behind_the_end", [](Lines& lines) { lines.push_back(lines[1]); },
     "line 10: something stands behind the end"},
    {"another_kind_of_line", [](Lines& lines) { lines.insert(lines.begin() + 1, "{}\n"); },
     "line 2: it is no event, no output and no end"},
    {"a_member_of_another_kind", [](Lines& lines) { replace(lines[1], "1000", "\"x\""); },
     "line 2: "},
};

class ArchiveDamage : public testing::TestWithParam<DamageRow> {};

TEST_P(ArchiveDamage, is_found) {
  Lines lines = lines_of(archive_of_test());
  ASSERT_EQ(lines.size(), 9U);
  GetParam().damage(lines);
  const Result<Archive> read = read_lines(lines);
  EXPECT_EQ(code_of(read), "corrupt");
  EXPECT_PRED2(holds, words_of(read), GetParam().says);
}
INSTANTIATE_TEST_SUITE_P(Rows, ArchiveDamage, testing::ValuesIn(kArchiveDamages),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(Archive, what_is_none_is_refused) {
  for (const char* text : {"", "\n", "no JSON\n", "[1]\n", R"({"sequence":1})"}) {
    const Result<Archive> read = read_lines({text});
    EXPECT_EQ(code_of(read), "invalid_argument") << text;
    EXPECT_PRED2(holds, words_of(read), "no archive of a run");
  }
  Lines newer = lines_of(archive_of_test());
  replace(newer[0], "\"version\":1", "\"version\":2");
  EXPECT_EQ(code_of(read_lines(newer)), "unsupported");
}

}  // namespace
}  // namespace perdure
