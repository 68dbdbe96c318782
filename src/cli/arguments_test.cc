// Command lines: what is read from them, what is refused and in which words, and the help.
#include "cli/arguments.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "base/utf8.h"

namespace perdure::cli {
namespace {

struct Parsed {
  ParseResult result;
  std::string output;
  std::string errors;
};

Parsed parse(std::vector<std::string> words) {
  words.insert(words.begin(), "perdure");
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  Parsed parsed{.result = parse_arguments(static_cast<int>(pointers.size()), pointers.data())};
  parsed.output = testing::internal::GetCapturedStdout();
  parsed.errors = testing::internal::GetCapturedStderr();
  return parsed;
}

TEST(Duration, is_read_as_milliseconds) {
  const std::pair<const char*, std::optional<std::int64_t>> kCases[] = {
      {"90", 90'000},
      {"90s", 90'000},
      {"15m", 900'000},
      {"2h", 7'200'000},
      {"1d", 86'400'000},
      {"1h30m", 5'400'000},
      {"1h30", 3'630'000},
      {"1m1m", 120'000},
      {"366d", 31'622'400'000},
      {"366d1s", std::nullopt},
      {"999999999d", std::nullopt},
      {"", std::nullopt},
      {"0", std::nullopt},
      {"0s", std::nullopt},
      {"s", std::nullopt},
      {"5x", std::nullopt},
      {"5 m", std::nullopt},
      {"-5m", std::nullopt},
      {"+5m", std::nullopt},
      {"1.5h", std::nullopt},
      {"5M", std::nullopt},
      {"1234567890", std::nullopt},
      {"5m ", std::nullopt}};
  for (const auto& [text, wanted] : kCases) EXPECT_EQ(parse_duration_ms(text), wanted) << text;
}

struct GoodLine {
  const char* name;
  std::vector<std::string> words;
  bool (*holds)(const Arguments& arguments);
};

TEST(Arguments, are_read) {
  const GoodLine kCases[] = {
      {"a task", {"run", "Fix it"}, [](const Arguments& a) { return a.run.task == "Fix it"; }},
      {"standard input", {"run", "-"}, [](const Arguments& a) { return a.run.task == "-"; }},
      {"no task is the run's affair",
       {"run"},
       [](const Arguments& a) { return a.command == "run" && a.run.task.empty(); }},
      {"a task that looks like an option",
       {"run", "--", "--help"},
       [](const Arguments& a) { return a.run.task == "--help"; }},
      {"a task behind the options",
       {"run", "--yes", "--max-steps", "3", "Fix"},
       [](const Arguments& a) {
         return a.run.yes && a.run.budget.steps == 3 && a.run.task == "Fix";
       }},
      {"a task before the options",
       {"run", "Fix", "-y"},
       [](const Arguments& a) { return a.run.yes && a.run.task == "Fix"; }},
      {"every cap",
       {"run", "x", "--max-cost=2.50", "--max-tokens", "4096", "--max-reasoning-tokens", "4097",
        "--max-input-tokens", "9", "--timeout", "1h30m"},
       [](const Arguments& a) {
         const Budget& budget = a.run.budget;
         return budget.usd == 2.5 && budget.output_tokens == 4096 &&
                budget.reasoning_tokens == 4097 && budget.input_tokens == 9 &&
                budget.wall_ms == 5'400'000;
       }},
      {"no cap", {"run", "x"}, [](const Arguments& a) { return !a.run.budget.steps; }},
      {"where it goes",
       {"run", "x", "--model", "m", "--host", "h", "--base-url", "http://u", "--thinking", "keep",
        "--tool-choice", "none"},
       [](const Arguments& a) {
         return a.run.model == "m" && a.run.host == "h" && a.run.base_url == "http://u" &&
                a.run.thinking == "keep" && a.run.tool_choice == "none";
       }},
      {"files",
       {"run", "--task-file", "t", "--agent", "a.toml", "--workspace", "w", "--state", "s"},
       [](const Arguments& a) {
         return a.run.task_file == "t" && a.run.agent_file == "a.toml" && a.run.workspace == "w" &&
                a.state_directory == "s";
       }},
      {"the last of two counts",
       {"run", "x", "--max-steps", "3", "--max-steps", "4", "--model", "a", "--model", "b"},
       [](const Arguments& a) { return a.run.budget.steps == 4 && a.run.model == "b"; }},
      {"text output",
       {"run", "x"},
       [](const Arguments& a) { return a.run.output == Output::kText; }},
      {"one record",
       {"run", "x", "--output", "json"},
       [](const Arguments& a) { return a.run.output == Output::kJson; }},
      {"every event",
       {"resume", "last", "--output", "stream-json"},
       [](const Arguments& a) { return a.run.output == Output::kStreamJson; }},
      {"a resume",
       {"resume", "last", "Go on"},
       [](const Arguments& a) { return a.run.run_id == "last" && a.run.message == "Go on"; }},
      {"a chat", {"chat"}, [](const Arguments& a) { return a.run.run_id.empty(); }},
      {"a chat with a run",
       {"chat", "2611"},
       [](const Arguments& a) { return a.run.run_id == "2611"; }},
      {"runs", {"runs", "--limit", "3"}, [](const Arguments& a) { return a.rows == 3; }},
      {"show", {"show", "last", "--json"}, [](const Arguments& a) { return a.json; }},
      {"doctor", {"doctor", "--offline"}, [](const Arguments& a) { return a.offline; }},
      {"mock",
       {"mock", "s.toml", "--port", "0", "--record", "r"},
       [](const Arguments& a) { return a.script == "s.toml" && a.port == 0 && a.record == "r"; }},
      {"trust",
       {"trust", "--remove", "."},
       [](const Arguments& a) { return a.remove && a.folder == "."; }},
      {"completions", {"completions", "fish"}, [](const Arguments& a) {
         return a.shell == "fish";
       }}};
  for (const GoodLine& line : kCases) {
    const Parsed parsed = parse(line.words);
    ASSERT_TRUE(parsed.result.arguments) << line.name << ": " << parsed.errors;
    EXPECT_EQ(parsed.result.arguments->command, line.words[0]) << line.name;
    EXPECT_TRUE(line.holds(*parsed.result.arguments)) << line.name;
    EXPECT_EQ(parsed.output + parsed.errors, "") << line.name;
  }
}

TEST(Arguments, of_a_probe_are_read) {
  const Parsed parsed = parse({"probe", "vllm", "--key-env", "K", "--out", "f.toml", "--max-cost",
                               "0.5", "--max-tokens", "9", "--output", "json", "-y"});
  ASSERT_TRUE(parsed.result.arguments) << parsed.errors;
  const Arguments& read = *parsed.result.arguments;
  EXPECT_EQ(read.probe.endpoint + read.probe.key_variable + read.probe.out, "vllmKf.toml");
  EXPECT_EQ(read.run.budget.usd, 0.5);
  EXPECT_EQ(read.run.budget.output_tokens, 9);
  EXPECT_EQ(read.run.output, Output::kJson);
  EXPECT_TRUE(read.run.yes);
}

struct BadLine {
  std::vector<std::string> words;
  const char* what;    // in the first line of the message
  const char* advice;  // in the second
};

TEST(Arguments, that_are_wrong_are_refused_with_advice) {
  const BadLine kCases[] = {
      {{}, "no command was given", "perdure run \"TASK\""},
      {{""}, "no command was given", "perdure --help"},
      {{"fix the build"}, "no command was given", "perdure run \"TASK\""},
      {{"runn"}, "no command is named 'runn'", "did you mean 'run'? commands: run, resume"},
      {{"x\x1b[31m"}, "no command is named 'x\\x1b[31m'", "commands: run"},
      {{"--yes", "run", "x"}, "'--yes' comes before the command", "perdure run --yes"},
      {{"run", "fix", "it"}, "'it' is one word too many", "quotes: perdure run \"...\""},
      {{"runs", "all"}, "'all' is one word too many", "perdure runs --help"},
      {{"run", "x", "--max-step", "3"}, "no option '--max-step'", "did you mean --max-steps?"},
      {{"run", "x", "--max-step=3"}, "no option '--max-step'", "did you mean --max-steps?"},
      {{"run", "x", "--frobnicate"}, "no option '--frobnicate'", "perdure run --help"},
      {{"run", "-q", "x"}, "no option '-q'", "perdure run --help"},
      {{"show", "last", "--yes"}, "perdure show has no option '--yes'", "perdure show --help"},
      {{"run", "x", "--max-steps", "0"}, "--max-steps: takes a whole number above 0, not '0'", ""},
      {{"run", "x", "--max-steps", "-3"}, "a whole number above 0, not '-3'", ""},
      {{"run", "x", "--max-steps", "3.5"}, "a whole number above 0, not '3.5'", ""},
      {{"run", "x", "--max-steps", "99999999999999999999"}, "takes a whole number above 0", ""},
      {{"run", "x", "--max-steps"}, "--max-steps", "perdure run --help"},
      {{"run", "x", "--max-cost", "0"}, "an amount above 0, like 2.50, not '0'", ""},
      {{"run", "x", "--max-cost", "nan"}, "an amount above 0, like 2.50, not 'nan'", ""},
      {{"run", "x", "--max-cost", "inf"}, "an amount above 0, like 2.50, not 'inf'", ""},
      {{"run", "x", "--max-cost", "$2"}, "an amount above 0, like 2.50, not '$2'", ""},
      {{"run", "x", "--max-tokens", "many"}, "--max-tokens: takes a whole number", ""},
      {{"run", "x", "--timeout", "soon"}, "--timeout: takes a time like 90s, 15m or 2h", ""},
      {{"run", "x", "--thinking", "hard"}, "takes off, on, keep or default, not 'hard'", ""},
      {{"run", "x", "--output", "xml"}, "takes text, json or stream-json, not 'xml'", ""},
      {{"run", "x", "--task-file", "t"}, "there are two tasks", "give one of them"},
      {{"resume"}, "RUN is required", "perdure resume --help"},
      {{"resume", "last", "go", "on"}, "'on' is one word too many", "perdure resume \"...\""},
      {{"show"}, "RUN is required", "perdure show --help"},
      {{"probe"}, "ENDPOINT is required", "perdure probe --help"},
      {{"probe", "x", "--max-tokens", "1.5"}, "takes a whole number above 0, not '1.5'", ""},
      {{"mock"}, "SCRIPT is required", "perdure mock --help"},
      {{"mock", "s", "--port", "65536"}, "a port from 0 to 65535, not '65536'", ""},
      {{"runs", "--limit", "0"}, "--limit: takes a whole number above 0", ""},
      {{"trust", "--remove"}, "--remove needs a folder", "perdure trust"},
      {{"completions", "tcsh"}, "takes bash, zsh or fish, not 'tcsh'", ""},
      {{"completions"}, "SHELL is required", "perdure completions --help"}};
  for (const BadLine& line : kCases) {
    const Parsed parsed = parse(line.words);
    const std::string shown = testing::PrintToString(line.words);
    EXPECT_FALSE(parsed.result.arguments) << shown;
    EXPECT_EQ(parsed.result.exit_status, 2) << shown;
    EXPECT_EQ(parsed.output, "") << shown;
    const std::size_t end = parsed.errors.find("\n  do: ");
    ASSERT_NE(end, std::string::npos) << shown << parsed.errors;
    EXPECT_EQ(parsed.errors.rfind("perdure: ", 0), 0u) << shown << parsed.errors;
    EXPECT_NE(parsed.errors.substr(0, end).find(line.what), std::string::npos)
        << shown << parsed.errors;
    EXPECT_NE(parsed.errors.substr(end).find(line.advice), std::string::npos)
        << shown << parsed.errors;
  }
}

TEST(Help, of_the_program_has_commands_examples_and_exit_statuses) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"--help"}, {"-h"}, {"help"}}) {
    const Parsed parsed = parse(words);
    EXPECT_FALSE(parsed.result.arguments);
    EXPECT_EQ(parsed.result.exit_status, 0);
    EXPECT_EQ(parsed.errors, "");
    for (const CommandWords& command : command_words())
      EXPECT_NE(parsed.output.find("\n  " + command.name + " "), std::string::npos) << command.name;
    EXPECT_NE(parsed.output.find("Examples:\n  perdure run"), std::string::npos);
    EXPECT_NE(parsed.output.find("75 endpoint fails for now"), std::string::npos);
  }
}

// Descriptions may be broken at any space.
std::string in_one_row(const std::string& text) {
  std::string row;
  for (const char c : text) {
    const bool is_space = c == ' ' || c == '\n';
    if (!is_space || (!row.empty() && row.back() != ' ')) row += is_space ? ' ' : c;
  }
  return row;
}

TEST(Help, of_each_command_has_its_options_and_an_example_of_itself) {
  for (const CommandWords& command : command_words()) {
    const Parsed parsed = parse({command.name, "--help"});
    EXPECT_EQ(parsed.result.exit_status, 0);
    EXPECT_EQ(parsed.output, parse({"help", command.name}).output);
    EXPECT_EQ(parsed.output.rfind(command.help + "\n", 0), 0u) << parsed.output;
    const std::size_t examples = parsed.output.find("\nExample");
    ASSERT_NE(examples, std::string::npos) << command.name;
    EXPECT_NE(parsed.output.find("  perdure " + command.name, examples), std::string::npos)
        << command.name;
    for (const OptionWords& option : command.options) {
      EXPECT_NE(parsed.output.find(option.name), std::string::npos) << option.name;
      EXPECT_NE(in_one_row(parsed.output).find(in_one_row(option.help)), std::string::npos)
          << option.name;
      EXPECT_NE(option.help, "") << option.name;
    }
    for (const OptionWords& argument : command.positionals)
      EXPECT_NE(parsed.output.find("\n  " + argument.name), std::string::npos) << argument.name;
  }
}

TEST(Version, is_one_line) {
  const Parsed parsed = parse({"--version"});
  EXPECT_EQ(parsed.output, "perdure " PERDURE_VERSION "\n");
  EXPECT_EQ(parsed.result.exit_status, 0);
  for (const char* word : {"version", "-V"}) EXPECT_EQ(parse({word}).output, parsed.output) << word;
}

TEST(CommandWords, know_what_each_option_takes) {
  std::map<std::string, OptionWords> options;
  for (const CommandWords& command : command_words()) {
    for (const OptionWords& option : command.options) options.emplace(option.name, option);
    for (const OptionWords& option : command.positionals) options.emplace(option.name, option);
  }
  const std::pair<const char*, const char*> kValues[] = {
      {"--yes", ""},         {"--json", ""},       {"--help", ""},      {"--max-steps", "N"},
      {"--agent", "FILE"},   {"--state", "DIR"},   {"--model", "NAME"}, {"--max-cost", "USD"},
      {"--timeout", "TIME"}, {"--base-url", "URL"}};
  for (const auto& [name, value] : kValues) {
    ASSERT_EQ(options.count(name), 1u) << name;
    EXPECT_EQ(options[name].value, value) << name;
  }
  EXPECT_EQ(options["--output"].choices, (std::vector<std::string>{"text", "json", "stream-json"}));
  EXPECT_EQ(options["SHELL"].choices, (std::vector<std::string>{"bash", "zsh", "fish"}));
}

// What completions offer, the parser takes.
TEST(CommandWords, offer_values_that_are_taken) {
  for (const CommandWords& command : command_words()) {
    if (command.name != "run") continue;
    for (const OptionWords& option : command.options) {
      for (const std::string& choice : option.choices)
        EXPECT_TRUE(parse({"run", "x", option.name, choice}).result.arguments) << choice;
    }
  }
}

TEST(Help, fits_a_window_of_80_columns_and_loses_no_word) {
  std::vector<std::vector<std::string>> lines = {{"--help"}};
  for (const CommandWords& command : command_words()) lines.push_back({command.name, "--help"});
  for (const std::vector<std::string>& words : lines) {
    const Parsed parsed = parse(words);
    EXPECT_EQ(parsed.result.exit_status, 0);
    for (const std::string_view line : split_lines(parsed.output))
      EXPECT_LE(display_width(line), 80u) << words[0] << "\n" << line;
  }
  EXPECT_NE(
      parse({"run", "--help"})
          .output.find("  --thinking MODE           off, on, keep (earlier reasoning stays in the\n"
                       "                            prompt), or default (the model's)\n"),
      std::string::npos);
}

}  // namespace
}  // namespace perdure::cli
