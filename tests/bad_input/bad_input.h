// Mistakes of a person through the real program: folders and an endpoint to make them in, and what
// every one of them must come to. The message says what, where and what to do; the exit status is
// the documented one; standard output stays empty, or holds the one record that a program reads.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "mock/mock_thread.h"
#include "tests/support/json.h"
#include "tests/support/program.h"
#include "tests/support/result.h"
#include "tests/support/temporary_directory.h"

namespace perdure::test {

inline std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at)) {
    text.replace(at, from.size(), to);
    at += to.size();
  }
  return text;
}

// Folders, an endpoint, and the program between them.
class Desk {
 public:
  explicit Desk(std::string_view script = "[[reply]]\ntext = 'Done.'\n") {
    for (const char* name : {"config/perdure", "work", "home"}) {
      std::filesystem::create_directories(place(name));
    }
    Result<MockScript> parsed = parse_mock_script(script, "script.toml");
    EXPECT_TRUE(parsed.ok()) << test::words_of(parsed);
    Result<std::unique_ptr<MockThread>> endpoint = MockThread::start(std::move(parsed).value());
    EXPECT_TRUE(endpoint.ok()) << test::words_of(endpoint);
    endpoint_ = std::move(endpoint).value();
    environment_ = {{"XDG_CONFIG_HOME", place("config")},
                    {"XDG_STATE_HOME", place("state")},
                    {"HOME", place("home")}};
  }

  std::string place(const std::string& name) const { return root_.path() + "/" + name; }
  const TemporaryDirectory& root() const { return root_; }
  MockStatistics statistics() const { return endpoint_->statistics(); }
  std::string base_url() const { return endpoint_->base_url(); }
  /// {root} and {endpoint} stand for what they are here.
  std::string filled(const std::string& text) const {
    return replaced(replaced(text, "{root}", root_.path()), "{endpoint}", endpoint_->base_url());
  }

  void set(const std::string& name, const std::string& value) { environment_[name] = value; }
  /// Runs go to the endpoint of this desk.
  void use_endpoint() {
    set("PERDURE_HOST", "mock");
    set("PERDURE_BASE_URL", base_url());
  }

  ProgramOptions options(std::vector<std::string> arguments, const std::string& input = "") const {
    for (std::string& argument : arguments) argument = filled(argument);
    return {.arguments = std::move(arguments),
            .environment = environment_,
            .directory = place("work"),
            .input = input};
  }
  ProgramResult run(std::vector<std::string> arguments, const std::string& input = "") const {
    return run_program(options(std::move(arguments), input));
  }

 private:
  TemporaryDirectory root_;
  std::unique_ptr<MockThread> endpoint_;
  std::map<std::string, std::string> environment_;
};

inline void expect_words(const ProgramResult& result, const Desk& desk,
                         const std::vector<std::string>& words) {
  for (const std::string& part : words) EXPECT_PRED2(holds, result.errors, desk.filled(part));
}

// The record of a run that ended badly.
inline Json record_of(const ProgramResult& result) {
  const Json record = parse_json(result.output);
  EXPECT_EQ(record.value("type", ""), "result") << result.output;
  EXPECT_EQ(record.value("exit_status", -1), result.exit_status);
  EXPECT_TRUE(record.contains("error")) << result.output;
  return record;
}

struct Case {
  const char* name;
  std::vector<std::string> arguments;
  int exit_status = 0;
  const char* code = "";           ///< In the record; empty for a command without records.
  std::vector<std::string> words;  ///< On standard error: what, where, what to do.
  std::map<std::string, std::string> files = {};
  std::map<std::string, std::string> environment = {};
  std::string input = {};
};

inline const std::map<std::string, std::string> kMock = {{"PERDURE_HOST", "mock"},
                                                         {"PERDURE_BASE_URL", "{endpoint}"}};

/// Makes the mistake twice: for a person, then for a program that reads the record.
inline void expect_told(const Case& bad) {
  Desk desk;
  for (const auto& [name, content] : bad.files) desk.root().write(name, desk.filled(content));
  for (const auto& [name, value] : bad.environment) desk.set(name, desk.filled(value));
  const ProgramResult text = desk.run(bad.arguments, bad.input);
  EXPECT_EQ(text.exit_status, bad.exit_status) << text.errors;
  EXPECT_EQ(text.output, "");
  expect_words(text, desk, bad.words);
  if (*bad.code == '\0') return;

  std::vector<std::string> arguments = bad.arguments;
  arguments.insert(arguments.begin() + 1, {"--output", "json"});
  const ProgramResult json = desk.run(arguments, bad.input);
  EXPECT_EQ(json.exit_status, bad.exit_status) << json.errors;
  const Json record = record_of(json);
  EXPECT_EQ(record["error"].value("code", ""), bad.code);
  EXPECT_EQ(record.value("run", "?"), "") << "there is no run that could be named";
  expect_words(json, desk, bad.words);
  EXPECT_EQ(desk.statistics().requests, 0) << "nothing was asked of a model";
}

inline std::string case_name(const testing::TestParamInfo<Case>& bad) {
  return bad.param.name;
}

inline void PrintTo(const Case& bad, std::ostream* out) {
  *out << bad.name;
}

}  // namespace perdure::test
