// Mistakes in files: the configuration, agent files, profiles, scripts, and files of somebody else.
#include "tests/bad_input/bad_input.h"

namespace perdure {
namespace {

using test::Case;
using test::kMock;
using test::replaced;

const std::string kCommand = "[[tools.command]]\nname = 'x'\ndescription = 'y'\nargv = ['true']\n";
const std::vector<std::string> kRunAgent = {"run", "--agent", "{root}/config/perdure/a.toml",
                                            "Go."};

const std::vector<Case> kCases = {
    {"mistake_in_config_toml",
     {"run", "Go."},
     2,
     "config",
     {"unknown key 'modle'", "at: {root}/config/perdure/config.toml:2:1", "did you mean 'model'?"},
     {{"config/perdure/config.toml", "name = 'x'\nmodle = 'y'\n"}},
     kMock},
    {"no_toml_at_all",
     {"run", "Go."},
     2,
     "config",
     {"not valid TOML", "at: {root}/config/perdure/config.toml:2:"},
     {{"config/perdure/config.toml", "name = 'x'\nmodel = = 'y'\n"}},
     kMock},
    {"mistake_in_perdure_toml",
     {"run", "Go."},
     2,
     "config",
     {"unknown key 'stepz'", "at: perdure.toml:2:3", "did you mean 'steps'?"},
     {{"work/perdure.toml", "[budget]\n  stepz = 5\n"}},
     kMock},
    {"mistake_in_an_agent_file",
     kRunAgent,
     2,
     "config",
     {"'thinking' must be one of default, off, on, keep, not 'loud'",
      "at: {root}/config/perdure/a.toml:1:1"},
     {{"config/perdure/a.toml", "thinking = 'loud'\n"}},
     kMock},
    {"missing_agent_file",
     kRunAgent,
     2,
     "config",
     {"cannot open the file", "at: {root}/config/perdure/a.toml", "name a file that exists"},
     {},
     kMock},
    {"mistake_in_a_host_profile",
     {"run", "--host", "mine", "Go."},
     2,
     "config",
     {"unknown key 'base_ulr'", "at: {root}/config/perdure/hosts/mine.toml:3:1",
      "did you mean 'base_url'?"},
     {{"config/perdure/hosts/mine.toml", "id = 'mine'\nname = 'm'\nbase_ulr = 'http://x'\n"}}},
    {"mistake_in_a_model_profile",
     {"run", "--model", "mine", "Go."},
     2,
     "config",
     {"unknown key 'window_token'", "at: {root}/config/perdure/models/mine.toml:3:1",
      "did you mean 'window_tokens'?"},
     {{"config/perdure/models/mine.toml", "id = 'mine'\nname = 'm'\nwindow_token = 5\n"}},
     kMock},
    {"mistake_in_a_mock_script",
     {"mock", "{root}/s.toml"},
     2,
     "",
     {"unknown key 'txt'", "at: {root}/s.toml:2:1", "did you mean 'text'?"},
     {{"s.toml", "[[reply]]\ntxt = 'x'\n"}}},
    {"missing_mock_script",
     {"mock", "{root}/s.toml"},
     2,
     "",
     {"the script cannot be read", "at: {root}/s.toml", "name a file that exists"}},
    {"invalid_tool_schema",
     kRunAgent,
     2,
     "config",
     {"the parameters of tool 'x' are not a JSON Schema", "'type' names no type",
      "at: {root}/config/perdure/a.toml:6:14"},
     {{"config/perdure/a.toml",
       kCommand + "[tools.command.parameters]\nproperties.a.type = 'strin'\n"}},
     kMock},
    {"two_tools_of_one_name",
     kRunAgent,
     2,
     "config",
     {"there are two tools named 'x'", "at: {root}/config/perdure/a.toml:6:1",
      "give one of them another name"},
     {{"config/perdure/a.toml", kCommand + kCommand}},
     kMock},
    {"a_tool_named_as_a_built_in_one",
     kRunAgent,
     2,
     "config",
     {"there are two tools named 'calculate'", "at: {root}/config/perdure/a.toml:2:1"},
     {{"config/perdure/a.toml", replaced(kCommand, "'x'", "'calculate'")}},
     kMock},
    {"unknown_built_in_tool",
     kRunAgent,
     2,
     "config",
     {"'reed_file'", "at: {root}/config/perdure/a.toml:2:1", "did you mean 'read_file'?"},
     {{"config/perdure/a.toml", "[tools]\nbuiltin = ['reed_file']\n"}},
     kMock},
    {"untrusted_agent_that_redirects_the_endpoint",
     {"run", "--agent", "{root}/else/a.toml", "Go."},
     2,
     "untrusted",
     {"asks for what only a trusted folder may: base_url ({root}/else/a.toml:2:1)",
      "look at the file", "perdure trust {root}/else"},
     {{"else/a.toml", "name = 'x'\nbase_url = 'http://127.0.0.1:9/v1'\n"}},
     kMock},
    {"untrusted_project_that_takes_the_key",
     {"run", "Go."},
     2,
     "untrusted",
     {"key_file (perdure.toml:1:1)", "perdure trust {root}/work"},
     {{"work/perdure.toml", "key_file = '/etc/passwd'\n"}},
     kMock},
};

class BadFile : public testing::TestWithParam<Case> {};

TEST_P(BadFile, is_told) {
  test::expect_told(GetParam());
}

// The names begin with Program: runs of the tests that leave the program out find them so.
INSTANTIATE_TEST_SUITE_P(Program, BadFile, testing::ValuesIn(kCases), test::case_name);

}  // namespace
}  // namespace perdure
