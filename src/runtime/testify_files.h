// The files of a test made of a run that are the same for each run, or nearly.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace perdure {

/// Prints the stored result of the call that it is started for.
extern const std::string_view kResultScript;

/// Plays the turns, "turn NUMBER EXIT_STATUS" a line, and compares answers and requests.
std::string run_script(const std::string& turns, std::int64_t requests);

std::string test_readme(const std::string& run_id, std::int64_t requests);

}  // namespace perdure
