// Completion scripts, in the shells that are here: what is offered at a place in a command line.
#include <algorithm>
#include <cstdio>
#include <sstream>

#include <gtest/gtest.h>

#include "base/text.h"
#include "cli/arguments.h"
#include "tests/support/temporary_directory.h"

namespace perdure::cli {
namespace {

const CompletionNames kNames = {.models = {"kimi-k2.6", "kimi-k3"}, .hosts = {"mock", "vllm"}};

std::string output_of(const std::string& command) {
  std::string text;
  FILE* pipe = ::popen(("exec 2>&1; " + command).c_str(), "r");
  if (pipe == nullptr) return "popen failed";
  char buffer[4096];
  while (const std::size_t got = std::fread(buffer, 1, sizeof buffer, pipe))
    text.append(buffer, got);
  ::pclose(pipe);
  return text;
}

bool has_shell(const std::string& shell) {
  return output_of("command -v " + shell) != "";
}

// "b|a" as "a|b": in which order things are offered is the shell's affair.
std::string sorted(const std::string& offers) {
  std::vector<std::string> words;
  for (const std::string_view word : split(offers, '|')) words.emplace_back(word);
  std::sort(words.begin(), words.end());
  return join(words, "|");
}

// A folder with a few files, and a `perdure` whose list of runs is known.
class CompletionTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* shell : {"bash", "zsh", "fish"})
      folder_.write(shell, completion_script(shell, kNames));
    folder_.write("bin/perdure",
                  "#!/bin/sh\nprintf 'RUN STATE\\n261120-a done\\n261121-b done\\n'\n");
    output_of("chmod +x " + folder_.path() + "/bin/perdure");
    folder_.write("files/agent one.toml", "");
    folder_.write("files/task.md", "");
    folder_.write("files/sub/inner.md", "");
  }

  std::string in_files(const std::string& command) const {
    return output_of("cd " + folder_.path() + "/files && PATH=" + folder_.path() + "/bin:$PATH " +
                     command);
  }

  // What bash offers for each of these lines, with the cursor behind the last word.
  std::vector<std::string> bash_offers(const std::vector<std::vector<std::string>>& lines) const {
    std::string script = "source " + folder_.path() + "/bash\n";
    for (const std::vector<std::string>& words : lines) {
      script += "COMP_WORDS=(perdure";
      for (const std::string& word : words) script += " '" + word + "'";
      script += ")\nCOMP_CWORD=" + std::to_string(words.size()) +
                "\n_perdure perdure\n(IFS='|'; echo \"${COMPREPLY[*]}\")\n";
    }
    folder_.write("ask.sh", script);
    std::istringstream answers(in_files("bash " + folder_.path() + "/ask.sh"));
    std::vector<std::string> offers;
    for (std::string line; std::getline(answers, line);) offers.push_back(sorted(line));
    return offers;
  }

  TemporaryDirectory folder_;
};

TEST_F(CompletionTest, bash_offers_what_fits) {
  struct Case {
    std::vector<std::string> words;
    const char* offers;
  };
  const Case kCases[] = {{{"ru"}, "run|runs"},
                         {{"re"}, "replay|resume"},
                         {{"--v"}, "--version"},
                         {{"run", "--max-s"}, "--max-steps"},
                         {{"run", "--y"}, "--yes"},
                         {{"show", "--y"}, ""},
                         {{"show", "--"}, "--help|--json|--state"},
                         {{"run", "--output", ""}, "json|stream-json|text"},
                         {{"run", "--output", "s"}, "stream-json"},
                         {{"run", "--output", "="}, "json|stream-json|text"},
                         {{"run", "--output", "=", "j"}, "json"},
                         {{"run", "--thinking", "o"}, "off|on"},
                         {{"run", "--model", "kimi-k2"}, "kimi-k2.6"},
                         {{"chat", "--host", ""}, "mock|vllm"},
                         {{"run", "--max-steps", ""}, ""},
                         {{"run", "--agent", "a"}, "agent one.toml"},
                         {{"run", "--task-file", ""}, "agent one.toml|sub|task.md"},
                         {{"run", "--workspace", ""}, "sub"},
                         {{"run", ""}, ""},
                         {{"resume", ""}, "261120-a|261121-b|last"},
                         {{"show", "261121"}, "261121-b"},
                         {{"trust", ""}, "sub"},
                         {{"mock", "t"}, "task.md"},
                         {{"verify", "--output", ""}, "json|text"},
                         {{"verify", "--output", "=", ""}, "json|text"},
                         {{"verify", "--stream", "o"}, "off|on"},
                         {{"verify", "--reference", "t"}, "task.md"},
                         {{"verify", "t"}, "task.md"},
                         {{"completions", "f"}, "fish"},
                         {{"h"}, "help"},
                         {{"help", "tr"}, "trust"}};
  std::vector<std::vector<std::string>> lines;
  for (const Case& at : kCases) lines.push_back(at.words);
  const std::vector<std::string> offers = bash_offers(lines);
  ASSERT_EQ(offers.size(), lines.size()) << testing::PrintToString(offers);
  for (std::size_t i = 0; i < lines.size(); ++i)
    EXPECT_EQ(offers[i], kCases[i].offers) << testing::PrintToString(lines[i]);
}

TEST_F(CompletionTest, bash_knows_every_command_and_option) {
  std::vector<std::vector<std::string>> lines;
  for (const CommandWords& command : command_words()) {
    lines.push_back({command.name});
    for (const OptionWords& option : command.options) lines.push_back({command.name, option.name});
  }
  const std::vector<std::string> offers = bash_offers(lines);
  ASSERT_EQ(offers.size(), lines.size());
  for (std::size_t i = 0; i < lines.size(); ++i) {
    EXPECT_NE(("|" + offers[i] + "|").find("|" + lines[i].back() + "|"), std::string::npos)
        << testing::PrintToString(lines[i]);
  }
}

TEST_F(CompletionTest, fish_offers_what_fits) {
  if (!has_shell("fish"))
    GTEST_SKIP() << "no fish here; apt-get install fish to try its completions";
  const std::pair<const char*, const char*> kCases[] = {
      {"perdure ru", "run|runs"},
      {"perdure run --max-s", "--max-steps"},
      {"perdure run --output ", "json|stream-json|text"},
      {"perdure run --model kimi-k2", "kimi-k2.6"},
      {"perdure run --workspace ", "sub/"},
      {"perdure resume ", "261120-a|261121-b|last"},
      {"perdure completions ", "bash|fish|zsh"},
      {"perdure help tr", "trust"}};
  std::string script = "source " + folder_.path() + "/fish\n";
  for (const auto& [line, offers] : kCases)
    script += "set offers (complete -C '" + std::string(line) +
              "' | cut -f1)\necho (string join -- '|' $offers)\n";
  folder_.write("ask.fish", script);
  std::istringstream answers(
      in_files("env HOME=" + folder_.path() + " fish --no-config " + folder_.path() + "/ask.fish"));
  for (const auto& [line, offers] : kCases) {
    std::string answer;
    std::getline(answers, answer);
    EXPECT_EQ(sorted(answer), offers) << line;
  }
}

TEST_F(CompletionTest, zsh_reads_its_script) {
  if (!has_shell("zsh")) GTEST_SKIP() << "no zsh here; apt-get install zsh to try its completions";
  EXPECT_EQ(output_of("zsh -n " + folder_.path() + "/zsh && echo good"), "good\n");
  // Loaded as a function of $fpath, and called with what the shell would give it: _arguments is
  // replaced by one that prints what it is asked to offer.
  folder_.write("ask.zsh",
                "compdef() { }\n_files() { }\n_arguments() { print -rl -- \"$@\" }\n"
                "source " +
                    folder_.path() +
                    "/zsh\n"
                    "words=(perdure run --out); CURRENT=3\n_perdure\n"
                    "words=(perdure help ''); CURRENT=3\n_perdure\n");
  const std::string offers = in_files("zsh -f " + folder_.path() + "/ask.zsh");
  for (const CommandWords& command : command_words()) {
    if (command.name != "run") continue;
    for (const OptionWords& option : command.options)
      EXPECT_NE(offers.find(option.name + "["), std::string::npos) << option.name << offers;
  }
  EXPECT_NE(offers.find(":(text json stream-json)"), std::string::npos) << offers;
  EXPECT_NE(offers.find("1:COMMAND:(run resume chat "), std::string::npos)
      << "of the other call, for help:\n"
      << offers;
}

TEST(Completion, knows_no_other_shell) {
  EXPECT_EQ(completion_script("tcsh", kNames), "");
}

}  // namespace
}  // namespace perdure::cli
