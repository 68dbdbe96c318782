// Configuration as files: the user's own (CONFIG/config.toml), the project's (./perdure.toml), and
// agent files. Each lies over the one before; flags and code lie over all of them
// (docs/configuration.md, docs/agent.md).
//
// A project's files come from wherever the project came from. Until the user trusts the folder they
// may narrow what an agent may do (deny and ask rules, fewer tools, smaller budgets) and word its
// instructions, but never widen rights, run commands, or say where requests, keys and state go.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <perdure/agent.h>
#include <perdure/export.h>
#include <perdure/result.h>

namespace perdure {

/// Where configuration is looked for. Empty folders are those of the XDG specification.
struct ConfigurationSources {
  std::string config_directory = {};
  std::string state_directory = {};  ///< Also holds the list of trusted folders.
  std::string workspace = ".";       ///< Its perdure.toml is the project's file; empty: none.
  std::string agent_file = {};       ///< Empty: the default agent with all built-in tools.
};

struct Configuration {
  AgentOptions agent;
  std::string state_directory;     ///< From the sources, or where the user's file puts it.
  std::vector<std::string> files;  ///< What was read, the strongest last.
};

/// Errors: kConfig for a mistake in a file, with file, line, column and the key that was meant;
/// kUntrusted for a file that asks for more than an untrusted folder may.
PERDURE_EXPORT Result<Configuration> load_configuration(const ConfigurationSources& sources);

/// Where the runs are: `sources.state_directory`, or where the user's file or the trusted project's
/// puts them, or the XDG folder. Other mistakes of the project's file are left for
/// load_configuration. Errors: kConfig for a mistake in the user's file.
PERDURE_EXPORT Result<std::string> find_state_directory(const ConfigurationSources& sources);

/// Whether runs are stored there. To open a journal makes it where it is missing, so a program that
/// only reads asks first: a folder that was mistyped is then not made.
PERDURE_EXPORT bool has_journal(const std::string& state_directory);

/// The default agent: a software engineer with all built-in tools.
PERDURE_EXPORT AgentOptions default_agent();

/// Trusts a folder and what is below it from now on. Errors: kStore, kNotFound.
PERDURE_EXPORT Status trust_folder(const std::string& folder,
                                   const std::string& state_directory = {});
/// Takes that back; no error when it was not trusted.
PERDURE_EXPORT Status distrust_folder(const std::string& folder,
                                      const std::string& state_directory = {});
PERDURE_EXPORT bool is_trusted_folder(const std::string& folder,
                                      const std::string& state_directory = {});
PERDURE_EXPORT std::vector<std::string> trusted_folders(const std::string& state_directory = {});

/// The user's folders for configuration and state.
PERDURE_EXPORT std::string default_config_directory();
PERDURE_EXPORT std::string default_state_directory();

/// Names the host of an agent. Another host than the one that was named before has its own address
/// and key: `base_url` and `key_file` are emptied.
PERDURE_EXPORT void name_host(AgentOptions& agent, const std::string& host);

/// "off", "on", "keep" or "default". Errors: kInvalidArgument.
PERDURE_EXPORT Result<Thinking> thinking_from(std::string_view mode);

}  // namespace perdure
