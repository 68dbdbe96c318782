// What the program prints about results and errors, for people and for programs (docs/events.md).
#pragma once

#include <string>

#include <perdure/event.h>
#include <perdure/result.h>
#include <perdure/run.h>

namespace perdure::cli {

/// "perdure: what / at: where / do: what to do" on standard error; gives the exit status.
int fail(const Error& error);

/// The same for a run that never began; in the record formats this end has a record too.
int refuse(const Error& error, bool record);

/// The exit status of a result: of its error when the run never started, else of its outcome.
int exit_status_of(const RunResult& result);

/// The result record: the one line of --output json, the last line of stream-json.
std::string result_record(const RunResult& result);
/// One line of stream-json.
std::string event_record(const Event& event);

/// Writes to standard output at once; false when that fails, which standard error tells unless the
/// reader has simply gone.
bool print(std::string_view text);
bool print_line(std::string_view line);
/// The exit status of a command that could not say what it found.
constexpr int kUnwritten = 1;

}  // namespace perdure::cli
