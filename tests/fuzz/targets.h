// What is fuzzed: every reader of bytes that a model, a host, a repository or a stranger wrote. A
// target takes any bytes and ends the program when something that must hold does not.
//
// libFuzzer runs one target (fuzz_main.cc, `./dev fuzz`); corpus_test.cc runs all of them over the
// corpora in this folder, in every test run and under every sanitizer.
#pragma once

#include <span>
#include <string_view>

namespace perdure::fuzz {

struct Target {
  std::string_view name;  ///< The name of its corpus too.
  void (*run)(std::string_view bytes);
};

std::span<const Target> targets();

}  // namespace perdure::fuzz
