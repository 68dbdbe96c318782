// How options are declared: shared by the files that declare those of the commands.
#pragma once

#include <charconv>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "cli/arguments.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace perdure::cli {

using Read = std::function<bool(const std::string& text)>;

template <class Number>
std::optional<Number> parse_number(const std::string& text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// Options given more than once take the last value, as in most programs.
CLI::Option* single(CLI::Option* option);
/// An option whose text is read by `read`; false gives "--name takes WHAT, not 'TEXT'".
void add_read(CLI::App& app, const char* name, const char* type, const char* what, Read read,
              const char* help);
void add_count(CLI::App& app, const char* name, std::optional<std::int64_t>& target,
               const char* help);
/// A positional argument.
CLI::Option* add_words(CLI::App& app, const char* name, std::string& target, const char* help);
/// --model, --host, --base-url.
void add_place(CLI::App& app, RunArguments& run);

/// --thinking, --tool-choice and --strict-prefix beside those.
void add_endpoint(CLI::App& app, RunArguments& run);
/// The caps: --max-steps, --max-cost, ...
void add_budget(CLI::App& app, RunArguments& run);
/// --output with text, json and stream-json, and --yes.
void add_run_output(CLI::App& app, RunArguments& run);

/// --output of a command that knows text and json.
void add_output(CLI::App& app, RunArguments& run, const char* help);

/// --state
void add_state(CLI::App& app, Arguments& arguments);

/// In archive_options.cc.
void declare_export(CLI::App& app, Arguments& arguments);
void declare_import(CLI::App& app, Arguments& arguments);
void declare_verify_log(CLI::App& app, Arguments& arguments);

/// In history_options.cc.
void declare_runs(CLI::App& app, Arguments& arguments);
void declare_gc(CLI::App& app, Arguments& arguments);
void declare_testify(CLI::App& app, Arguments& arguments);
void declare_fork(CLI::App& app, Arguments& arguments);
void declare_replay(CLI::App& app, Arguments& arguments);

/// In probe_options.cc.
void declare_probe(CLI::App& app, Arguments& arguments);
/// In verify_options.cc.
void declare_verify(CLI::App& app, Arguments& arguments);

}  // namespace perdure::cli
