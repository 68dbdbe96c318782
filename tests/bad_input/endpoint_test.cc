// What a person can get wrong about models, hosts, keys and addresses.
#include "tests/bad_input/bad_input.h"

namespace perdure {
namespace {

using test::Case;
using test::kMock;

const std::vector<Case> kCases = {
    {"unknown_model",
     {"run", "--model", "kimi-k9", "Go."},
     2,
     "unknown_model",
     {"no model is named 'kimi-k9'", "did you mean 'kimi-k3'?", "known: "}},
    {"unknown_host",
     {"run", "--host", "moonshoot", "Go."},
     2,
     "unknown_host",
     {"no host is named 'moonshoot'", "did you mean 'moonshot'?"}},
    {"model_that_the_host_does_not_serve",
     {"run", "--host", "moonshot", "--model", "kimi-k2-thinking", "Go."},
     2,
     "unknown_model",
     {"host 'moonshot' is not known to serve 'kimi-k2-thinking'", "it serves: "}},
    {"missing_key",
     {"run", "Go."},
     2,
     "missing_key",
     {"needs an API key, and none was found", "at: https://api.moonshot.ai/v1",
      "export MOONSHOT_API_KEY=", "key_file"}},
    {"missing_key_file",
     {"run", "Go."},
     2,
     "missing_key",
     {"the key file cannot be read", "at: /nowhere/key", "holds the key and nothing else"},
     {{"config/perdure/config.toml", "key_file = '/nowhere/key'\n"}}},
    {"empty_key_file",
     {"run", "Go."},
     2,
     "missing_key",
     {"the key file is empty", "at: {root}/key", "write the key into it"},
     {{"config/perdure/config.toml", "key_file = '{root}/key'\n"}, {"key", " \n"}}},
    {"no_url",
     {"run", "--base-url", "localhost", "Go."},
     2,
     "config",
     {"not a usable URL", "at: localhost", "give something like http://localhost:8080/v1"}},
    {"a_cap_on_money_without_a_price",
     {"run", "--model", "other", "--max-cost", "1", "Go."},
     2,
     "config",
     {"is not known, so a cap on money cannot be held", "[price]"},
     {},
     kMock},
};

class BadEndpoint : public testing::TestWithParam<Case> {};

TEST_P(BadEndpoint, is_told) {
  test::expect_told(GetParam());
}

// The names begin with Program: runs of the tests that leave the program out find them so.
INSTANTIATE_TEST_SUITE_P(Program, BadEndpoint, testing::ValuesIn(kCases), test::case_name);

}  // namespace
}  // namespace perdure
