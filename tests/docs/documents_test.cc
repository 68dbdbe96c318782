// The documents say what the code does: every event with its fields, every error with its exit
// status, every key of a file, every command with its options. Compared in both directions, so that
// nothing is missing and nothing is left over.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <perdure/config.h>
#include <perdure/runtime.h>

#include "base/text.h"
#include "cli/arguments.h"
#include "cli/report.h"
#include "core/event.h"
#include "core/event_names.h"
#include "runtime/agent_file.h"
#include "tests/support/json.h"
#include "tests/support/temporary_directory.h"

namespace perdure {
namespace {

using Words = std::set<std::string>;

std::string document(const std::string& name) {
  std::ifstream stream(std::filesystem::path(PERDURE_SOURCE_DIR) / "docs" / name, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  EXPECT_FALSE(text.str().empty()) << name;
  return text.str();
}

// The part of a Markdown document between a heading and the next heading of any level.
std::string section(const std::string& text, const std::string& heading) {
  const std::size_t start = text.find("\n" + heading + "\n");
  EXPECT_NE(start, std::string::npos) << heading;
  if (start == std::string::npos) return "";
  const std::size_t begin = start + heading.size() + 2;
  return text.substr(begin, text.find("\n#", begin) - begin);
}

std::string without_backticks(std::string_view text) {
  std::string out(trim(text));
  out.erase(std::remove(out.begin(), out.end(), '`'), out.end());
  return out;
}

// The cells of every table row below `text`, without heads and rules.
std::vector<std::vector<std::string>> table_rows(const std::string& text) {
  std::vector<std::vector<std::string>> rows;
  bool in_table = false;
  for (const std::string_view line : split_lines(text)) {
    if (line.substr(0, 1) != "|") {
      in_table = false;
      continue;
    }
    if (line.substr(0, 4) == "|---") {
      in_table = true;
      continue;
    }
    if (!in_table) continue;
    std::vector<std::string> cells;
    for (const std::string_view cell : split(line.substr(1), '|'))
      cells.push_back(without_backticks(cell));
    rows.push_back(std::move(cells));
  }
  return rows;
}

// --- Events ---

const Error kError{.code = ErrorCode::kServer,
                   .message = "m",
                   .context = "c",
                   .advice = "a",
                   .retry = Retry::kLater,
                   .retry_after_ms = 5};
const Budget kBudget{.steps = 1,
                     .input_tokens = 2,
                     .output_tokens = 3,
                     .reasoning_tokens = 4,
                     .usd = 5,
                     .wall_ms = 6};
const RequestLimits kLimits{.window_tokens = 1,
                            .price = Price{.input = 1, .cached = 1, .output = 1, .cache_write = 1},
                            .retry_ms = 1,
                            .calls_max = 1,
                            .continues = true,
                            .told_choice = "t"};
const FallbackPlan kFallback{.endpoints = {{.model = "m",
                                            .host = "h",
                                            .base_url = "u",
                                            .limits = kLimits,
                                            .prefix = {{.field = "f", .value = "v"}}}},
                             .after_ms = 1,
                             .return_ms = 1,
                             .strict_prefix = true};
const PolicyRule kRule{.tool = "t", .effect = EffectClass::kRead, .path = "p"};

const RequestFailed kFailure{.step = 1,
                             .error = kError,
                             .received_bytes = 5,
                             .delay_ms = 6,
                             .structural = true,
                             .tools = {"t"},
                             .key_renewed = true,
                             .circuit_open = true,
                             .kept = "{}"};

const TrialAnswered kTrial{.outcome = TrialOutcome::kUnknown,
                           .error = kError,
                           .usage = {.cache_write_tokens = 1,
                                     .usd = 1,
                                     .estimated = true,
                                     .expected_cached_tokens = 1,
                                     .tools_usd = 1},
                           .delay_ms = 1};

// As RequestRecorder writes it.
const std::string kBody =
    R"({"head_hash":"h","head":"t","messages":1,"messages_hash":"h","tail_hash":"h","tail":"t"})";

// Every kind with every field that it can have.
std::vector<EventBody> full_events() {
  return {RunStarted{.version = "v",
                     .agent = "{}",
                     .agent_name = "n",
                     .task = "t",
                     .model = "m",
                     .host = "h",
                     .base_url = "u",
                     .workspace = "w",
                     .limits = kLimits,
                     .prefix = {{.field = "f", .value = "v"}},
                     .budget = kBudget,
                     .policy = {kRule},
                     .acceptance_rounds = 2,
                     .fallback = kFallback,
                     .parent = "p"},
          MessageQueued{.text = "t", .fragment = "{}", .media_tokens = 1},
          MessageAdded{.fragment = "{}"},
          PrefixChanged{.usd = 1},
          HostDiffers{.fact = "f", .expected = "e", .seen = "s", .summary = "s"},
          RequestSent{.step = 1,
                      .reserved_usd = 1,
                      .messages = 1,
                      .messages_hash = "h",
                      .body = kBody,
                      .continues = true},
          kFailure,
          RetryScheduled{.delay_ms = 1, .attempts_max = 2, .left_ms = 3},
          RetryDue{},
          EndpointChanged{.reason = "r", .message = "m"},
          ModelReplied{.step = 1,
                       .fragment = "{}",
                       .edits = {{.field = "f", .original = "o", .reason = "r"}},
                       .finish_text = "f",
                       .usage = {.cache_write_tokens = 1,
                                 .usd = 1,
                                 .estimated = true,
                                 .expected_cached_tokens = 1,
                                 .tools_usd = 1},
                       .response_id = "r"},
          CallAssessed{.assessment = {.problem = kError,
                                      .reads = {"r"},
                                      .writes = {"w"},
                                      .exclusive = true,
                                      .hash = "h",
                                      .summary = "s"}},
          CallAuthorized{.rule = "r"},
          ApprovalAsked{},
          ApprovalGiven{.by = "person"},
          CallIntended{.key = "k"},
          CallFinished{.fragment = "{}",
                       .output_blob = "b",
                       .files = {{.path = "p", .hash = "h", .written = true}}},
          AcceptanceStarted{},
          AcceptanceFinished{.report = "r"},
          StopRequested{},
          RunEnded{.reason = "r", .message = "m"},
          RunResumed{.version = "v",
                     .budget = kBudget,
                     .limits = kLimits,
                     .prefix = {{.field = "f", .value = "v"}},
                     .policy = {{kRule}},
                     .model = "m",
                     .host = "h",
                     .base_url = "u",
                     .fallback = kFallback,
                     .endpoint = 1,
                     .agent = "{}"},
          RequestRepaired{.left_out = {"l"},
                          .told_choice = "t",
                          .tool = "t",
                          .fragment = "{}",
                          .summary = "s",
                          .prefix = {{.field = "f", .value = "v"}}},
          TrialSent{.without = {"w"}, .body = kBody},
          kTrial,
          MediaUploaded{.blob = "b", .base_url = "u", .url = "ms://1", .problem = "p"},
          MediaOmitted{.summary = "s"},
          RunForked{.parent = "p", .step = 1, .budget = kBudget, .changes = {"c"}}};
}

// "usage.input_tokens", "files[].path"; fragments and the agent are described elsewhere.
void collect_fields(const Json& value, const std::string& path, Words& fields) {
  if (value.is_object() && path != "fragment" && path != "kept" && path != "agent") {
    for (const auto& [name, member] : value.items())
      collect_fields(member, path.empty() ? name : path + "." + name, fields);
  } else if (value.is_array()) {
    for (const Json& member : value) collect_fields(member, path + "[]", fields);
  } else {
    fields.insert(path);
  }
}

Words fields_of(const std::string& payload) {
  Words fields;
  collect_fields(test::parse_json(payload), "", fields);
  return fields;
}

TEST(EventsDocument, has_every_kind_and_no_other) {
  Words documented;
  const std::string text = document("events.md");
  for (const std::string_view line : split_lines(text)) {
    const bool is_kind = line.substr(0, 5) == "### `";
    if (is_kind) documented.insert(without_backticks(line.substr(4)));
  }
  EXPECT_EQ(documented, Words(kEventKinds.begin(), kEventKinds.end()));
}

TEST(EventsDocument, has_every_field_of_every_kind_and_no_other) {
  const std::string text = document("events.md");
  const std::vector<EventBody> events = full_events();
  ASSERT_EQ(events.size(), kEventKinds.size());
  for (std::size_t i = 0; i < events.size(); ++i) {
    ASSERT_EQ(events[i].index(), i) << "an event is missing in full_events()";
    const std::string kind(kind_of(events[i]));
    Words documented = {"active_ms"};  // of every kind
    for (const auto& row : table_rows(section(text, "### `" + kind + "`")))
      documented.insert(row[0]);
    EXPECT_EQ(fields_of(encode({.body = events[i]})), documented) << kind;
  }
}

// A field that an event without anything to say lacks has a question mark.
TEST(EventsDocument, marks_the_fields_that_may_be_missing) {
  const std::string text = document("events.md");
  const std::vector<EventBody> full = full_events();
  const std::vector<EventBody> bare = {RunStarted{.policy = {{}}},
                                       MessageQueued{},
                                       MessageAdded{.fragment = "{}"},
                                       PrefixChanged{},
                                       HostDiffers{},
                                       RequestSent{},
                                       RequestFailed{},
                                       RetryScheduled{},
                                       RetryDue{},
                                       EndpointChanged{},
                                       ModelReplied{},
                                       CallAssessed{},
                                       CallAuthorized{},
                                       ApprovalAsked{},
                                       ApprovalGiven{},
                                       CallIntended{},
                                       CallFinished{.fragment = "{}"},
                                       AcceptanceStarted{},
                                       AcceptanceFinished{},
                                       StopRequested{},
                                       RunEnded{},
                                       RunResumed{},
                                       RequestRepaired{},
                                       TrialSent{},
                                       TrialAnswered{},
                                       MediaUploaded{},
                                       MediaOmitted{},
                                       RunForked{}};
  ASSERT_EQ(bare.size(), full.size());
  for (std::size_t i = 0; i < bare.size(); ++i) {
    const std::string kind(kind_of(bare[i]));
    const Words always = fields_of(encode({.body = bare[i]}));
    for (const auto& row : table_rows(section(text, "### `" + kind + "`"))) {
      EXPECT_EQ(row[1].back() == '?', always.count(row[0]) == 0) << kind << " " << row[0];
    }
  }
}

template <class Table>
void expect_words(const std::string& text, const Table& table) {
  for (const auto& [value, name] : table)
    EXPECT_NE(text.find("`" + std::string(name) + "`"), std::string::npos) << name;
}

TEST(EventsDocument, has_the_words_of_every_list) {
  const std::string text = document("events.md");
  expect_words(section(text, "### `call_finished`"), kCallStatusNames);
  expect_words(section(text, "### `model_replied`"), kFinishNames);
  expect_words(section(text, "### `message_added`"), kOriginNames);
  expect_words(section(text, "### `stop_requested`"), kStopNames);
  expect_words(section(text, "### `call_assessed`"), kEffectNames);
  expect_words(section(text, "### `call_authorized`"), kActionNames);
  expect_words(section(text, "### `approval_given`"), kAnswerNames);
}

TEST(EventsDocument, has_every_outcome_with_its_exit_status) {
  std::set<std::pair<std::string, std::string>> documented;
  for (const auto& row : table_rows(section(document("events.md"), "## Outcomes and reasons"))) {
    const bool has_status = row[1].find_first_not_of("0123456789") == std::string::npos;
    if (has_status) documented.insert({row[0], row[1]});
  }
  std::set<std::pair<std::string, std::string>> known;
  for (const auto& [outcome, name] : kOutcomeNames)
    known.insert({std::string(name), std::to_string(exit_status(outcome))});
  EXPECT_EQ(documented, known);
}

TEST(EventsDocument, has_every_field_of_the_result_record) {
  Words documented;
  for (const auto& row : table_rows(section(document("events.md"), "### The result record")))
    documented.insert(row[0]);
  EXPECT_EQ(fields_of(cli::result_record({.error = kError})), documented);
}

TEST(EventsDocument, has_every_field_of_an_event_line) {
  Words documented;
  for (const auto& row : table_rows(section(document("events.md"), "### An event")))
    documented.insert(row[0]);
  EXPECT_EQ(fields_of(cli::event_record({.kind = "retry_due", .sequence = 1, .payload = "7"})),
            documented);
}

// --- Errors ---

TEST(ErrorsDocument, has_every_code_with_its_exit_status_and_no_other) {
  std::vector<std::pair<std::string, std::string>> documented;
  for (const auto& row : table_rows(section(document("errors.md"), "## Codes"))) {
    documented.emplace_back(row[0], row[1]);
    EXPECT_NE(row[2], "") << row[0];
    EXPECT_NE(row[3], "") << row[0];
  }
  std::vector<std::pair<std::string, std::string>> known;
  for (int i = 0; i <= static_cast<int>(ErrorCode::kInternal); ++i) {
    const auto code = static_cast<ErrorCode>(i);
    known.emplace_back(to_string(code), std::to_string(exit_status(code)));
  }
  EXPECT_EQ(documented, known) << "in the order of the enum";
}

Words all_exit_statuses() {
  Words statuses;
  for (int i = 0; i <= static_cast<int>(ErrorCode::kInternal); ++i)
    statuses.insert(std::to_string(exit_status(static_cast<ErrorCode>(i))));
  for (const auto& [outcome, name] : kOutcomeNames)
    statuses.insert(std::to_string(exit_status(outcome)));
  return statuses;
}

TEST(ErrorsDocument, explains_every_exit_status) {
  Words documented;
  for (const auto& row : table_rows(section(document("errors.md"), "## Exit statuses")))
    documented.insert(row[0]);
  EXPECT_EQ(documented, all_exit_statuses());
}

// --- Agent files and configuration ---

// The keys that the program reads in one table of a file: what it says of a key that it does not
// know. `table` is a file with such a key in that table.
Words keys_read(const std::string& table) {
  const Result<AgentLayer> layer =
      read_agent_layer(table + "\nzzzzzzzzzzzzzzzz = 1\n", "agent.toml", "/", default_agent());
  EXPECT_FALSE(layer.ok()) << table;
  if (layer.ok()) return {};
  const std::string known = "known keys here: ";
  const std::string_view advice = layer.error().advice;
  EXPECT_EQ(advice.substr(0, known.size()), known) << to_text(layer.error());
  Words keys;
  for (const std::string_view key : split(advice.substr(known.size()), ','))
    keys.insert(std::string(trim(key)));
  return keys;
}

// The first cells of the tables below a heading of agent.md.
Words keys_documented(const std::string& heading, const std::string& name = "agent.md") {
  Words keys;
  for (const auto& row : table_rows(section(document(name), heading))) keys.insert(row[0]);
  return keys;
}

TEST(AgentDocument, has_every_key_of_every_table_and_no_other) {
  // Tables stand in headings of their own.
  Words root = keys_documented("## Keys");
  root.insert({"budget", "timeouts", "limits", "tools", "sandbox", "policy"});
  EXPECT_EQ(keys_read(""), root);
  EXPECT_EQ(keys_read("[budget]"), keys_documented("### `[budget]`"));
  EXPECT_EQ(keys_read("[timeouts]"), keys_documented("### `[timeouts]`, in seconds"));
  EXPECT_EQ(keys_read("[limits]"), keys_documented("### `[limits]`"));
  EXPECT_EQ(keys_read("[sandbox]"), keys_documented("## Keys", "sandbox.md"));
  Words tools = keys_documented("### `[tools]`");
  tools.insert("command");
  EXPECT_EQ(keys_read("[tools]"), tools);
  EXPECT_EQ(keys_read("[[tools.command]]\nname = 'x'\ndescription = 'x'\nargv = ['true']"),
            keys_documented("### `[[tools.command]]`"));
  EXPECT_EQ(keys_read("[[policy]]\naction = 'deny'"), keys_documented("### `[[policy]]`"));
}

TEST(AgentDocument, has_every_effect_class_and_built_in_tool) {
  Words classes;
  for (const auto& [value, name] : kEffectNames) classes.insert(std::string(name));
  EXPECT_EQ(keys_documented("### Effect classes"), classes);
  const std::string tools = section(document("agent.md"), "### `[tools]`");
  for (const std::string& name : default_agent().tools)
    EXPECT_NE(tools.find("`" + name + "`"), std::string::npos) << name;
}

TEST(ConfigurationDocument, has_the_variables_of_every_host_with_keys_and_no_other) {
  std::map<std::string, Words> documented;
  const std::string text = section(document("configuration.md"), "## Keys of hosts");
  for (const auto& row : table_rows(text)) {
    // What stands in parentheses is for people.
    const std::string_view variables = std::string_view(row[1]).substr(0, row[1].find('('));
    for (const std::string_view host : split(row[0], ',')) {
      for (const std::string_view variable : split(variables, ','))
        documented[std::string(trim(host))].insert(std::string(trim(variable)));
    }
  }
  const TemporaryDirectory nothing;
  Runtime runtime({.config_directory = nothing.path(), .journal = JournalMode::kMemory});
  const Result<std::vector<HostInfo>> hosts = runtime.hosts();
  ASSERT_TRUE(hosts.ok());
  std::map<std::string, Words> known;
  for (const HostInfo& host : *hosts) {
    if (!host.key_variables.empty())
      known[host.id] = Words(host.key_variables.begin(), host.key_variables.end());
  }
  EXPECT_EQ(documented, known);
}

// --- The manual ---

// "--max-steps" of each command, as the synopsis or the list of options has them. mdoc writes a
// dash before what follows Fl.
std::map<std::string, Words> synopsis_options(const std::string& manual) {
  std::map<std::string, Words> options;
  std::string command;
  bool in_synopsis = false;
  for (const std::string_view line : split_lines(manual)) {
    if (line.substr(0, 3) == ".Sh") in_synopsis = line == ".Sh SYNOPSIS";
    if (!in_synopsis) continue;
    if (line.substr(0, 4) == ".Cm ") {
      command = line.substr(4);
      options[command];
    }
    if (line == ".Nm") command.clear();
    if (line.substr(0, 7) == ".Op Fl ")
      options[command].insert("-" + std::string(split(line.substr(7), ' ').front()));
  }
  return options;
}

TEST(Manual, synopsis_has_every_option_of_every_command) {
  std::map<std::string, Words> known;
  for (const cli::CommandWords& command : cli::command_words()) {
    for (const cli::OptionWords& option : command.options) {
      if (option.name != "--help") known[command.name].insert(option.name);
    }
    known[command.name];
  }
  known["help"];
  EXPECT_EQ(synopsis_options(document("perdure.1")), known);
}

TEST(Manual, describes_every_option_once_with_what_it_takes) {
  std::map<std::string, std::string> documented;
  bool in_options = false;
  const std::string text = document("perdure.1");
  for (const std::string_view line : split_lines(text)) {
    if (line.substr(0, 3) == ".Sh") in_options = line == ".Sh OPTIONS";
    const std::size_t long_name = line.find("Fl -");
    if (!in_options || line.substr(0, 7) != ".It Fl ") continue;
    ASSERT_NE(long_name, std::string_view::npos) << line;
    const std::vector<std::string_view> words = split(line.substr(long_name), ' ');
    const std::string value = words.size() > 3 ? std::string(words[3]) : "";
    EXPECT_TRUE(documented.emplace("-" + std::string(words[1]), value).second) << line;
  }
  std::map<std::string, std::string> known = {{"--version", ""}};
  for (const cli::CommandWords& command : cli::command_words()) {
    for (const cli::OptionWords& option : command.options) known[option.name] = option.value;
  }
  EXPECT_EQ(documented, known);
}

TEST(Manual, has_every_command_and_exit_status) {
  Words commands;
  Words statuses;
  std::string part;
  const std::string text = document("perdure.1");
  for (const std::string_view line : split_lines(text)) {
    if (line.substr(0, 4) == ".Sh " || line.substr(0, 4) == ".Ss ") part = line;
    if (part == ".Ss Commands" && line.substr(0, 7) == ".It Cm ")
      commands.insert(std::string(line.substr(7)));
    if (part == ".Sh EXIT STATUS" && line.substr(0, 4) == ".It ")
      statuses.insert(std::string(line.substr(4)));
  }
  Words known = {"help"};
  for (const cli::CommandWords& command : cli::command_words()) known.insert(command.name);
  EXPECT_EQ(commands, known);
  EXPECT_EQ(statuses, all_exit_statuses());
}

// groff says what is wrong with a page; a page without mistakes gives nothing.
TEST(Manual, is_clean) {
  const std::string page = (std::filesystem::path(PERDURE_SOURCE_DIR) / "docs/perdure.1").string();
  const std::string command =
      "command -v groff >/dev/null || { echo no groff; exit; }; groff -mdoc -Tutf8 -ww -z " + page +
      " 2>&1";
  FILE* pipe = ::popen(command.c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  std::string said;
  char buffer[4096];
  while (const std::size_t got = std::fread(buffer, 1, sizeof buffer, pipe))
    said.append(buffer, got);
  ::pclose(pipe);
  if (said == "no groff\n")
    GTEST_SKIP() << "no groff here; apt-get install groff to check the page";
  EXPECT_EQ(said, "");
}

}  // namespace
}  // namespace perdure
