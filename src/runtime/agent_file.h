// Reads configuration and agent files: one set of keys for config.toml, perdure.toml and agent
// files, so that what can be said in one can be said in all (docs/agent.md).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <perdure/agent.h>
#include <perdure/result.h>

namespace perdure {

/// Something in a file that gives more than the layers below it did.
struct Widening {
  std::string key;    ///< "base_url", "tools.command", ...
  std::string place;  ///< "agent.toml:3:1"
};

/// What a file said, over what held before it.
struct AgentLayer {
  AgentOptions agent;
  std::string state_directory;      ///< Only the user's own file may name one.
  std::vector<Widening> widenings;  ///< Empty: an untrusted folder's file may say this too.
};

/// Lays a file over `base`. `directory` is where the file is: {agent_dir} of its commands. Errors:
/// kConfig with place and the key that was meant; several mistakes are told together.
Result<AgentLayer> read_agent_layer(std::string_view toml, const std::string& file,
                                    const std::string& directory, const AgentOptions& base);

}  // namespace perdure
