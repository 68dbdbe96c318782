#include <unistd.h>

#include <fmt/format.h>

#include <perdure/config.h>

#include "base/path.h"
#include "base/text.h"
#include "os/directories.h"
#include "runtime/agent_file.h"
#include "runtime/agent_json.h"
#include "store/state_folder.h"
#include "tools/builtin/builtin.h"

namespace perdure {
namespace {

constexpr std::size_t kFileBytesMax = 1 << 20;

enum class Origin : std::uint8_t { kUser, kFolder };

Error untrusted(const AgentLayer& layer, const std::string& file, const std::string& folder) {
  std::vector<std::string> asked;
  for (const Widening& widening : layer.widenings) {
    asked.push_back(fmt::format("{} ({})", widening.key, widening.place));
  }
  return {.code = ErrorCode::kUntrusted,
          .message = fmt::format("{} asks for what only a trusted folder may: {}", file,
                                 join(asked, ", ")),
          .context = layer.widenings.front().place,
          .advice = fmt::format("look at the file; then trust its folder with: perdure trust {}",
                                shell_quote(folder))};
}

// Lays one file over the configuration. Agent files in the user's own configuration folder are the
// user's. What counts is where a file really is: links are followed once, before it is read.
Status lay(Configuration& configuration, const ConfigurationSources& sources,
           const std::string& file, Origin origin) {
  const std::string real = real_path(file);
  const Result<std::string> text = read_whole_file(real, kFileBytesMax);
  if (!text.ok()) {
    Error error = text.error();
    error.code = ErrorCode::kConfig;
    error.message = "the configuration cannot be read: " + error.message;
    error.context = file;
    if (error.advice.empty()) error.advice = "name a file that exists and can be read";
    return error;
  }
  const std::string folder(parent_path(real));
  Result<AgentLayer> layer = read_agent_layer(*text, file, folder, configuration.agent);
  if (!layer.ok()) return layer.error();
  const bool is_users = origin == Origin::kUser ||
                        (folder + "/").rfind(real_path(sources.config_directory) + "/", 0) == 0;
  if (!is_users && !layer->widenings.empty() &&
      !is_trusted_folder(folder, sources.state_directory)) {
    return untrusted(*layer, file, folder);
  }
  configuration.agent = std::move(layer->agent);
  if (!layer->state_directory.empty()) configuration.state_directory = layer->state_directory;
  configuration.files.push_back(file);
  return {};
}

// A file that is there and cannot be read is a mistake: it may hold a rule that denies.
bool exists(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

ConfigurationSources completed(ConfigurationSources sources) {
  if (sources.config_directory.empty()) sources.config_directory = config_directory();
  if (sources.state_directory.empty()) sources.state_directory = state_directory();
  return sources;
}

// The user's file may put the state, and with it the list of trusted folders, somewhere else.
Status lay_users(Configuration& configuration, ConfigurationSources& sources,
                 const ConfigurationSources& given) {
  const std::string users = sources.config_directory + "/config.toml";
  if (!exists(users)) return {};
  if (Status status = lay(configuration, sources, users, Origin::kUser); !status.ok())
    return status;
  if (given.state_directory.empty()) sources.state_directory = configuration.state_directory;
  return {};
}

Status lay_projects(Configuration& configuration, const ConfigurationSources& sources) {
  if (sources.workspace.empty()) return {};
  const std::string project = join_path(sources.workspace, "perdure.toml");
  return exists(project) ? lay(configuration, sources, project, Origin::kFolder) : Status();
}

}  // namespace

AgentOptions default_agent() {
  return {.name = "default", .tools = builtin_names(), .budget = {.steps = 500}};
}

Result<Configuration> load_configuration(const ConfigurationSources& given) {
  ConfigurationSources sources = completed(given);
  Configuration configuration{.agent = default_agent(), .state_directory = sources.state_directory};
  if (Status status = lay_users(configuration, sources, given); !status.ok()) return status.error();
  if (Status status = lay_projects(configuration, sources); !status.ok()) return status.error();
  if (!sources.agent_file.empty()) {
    if (Status status = lay(configuration, sources, sources.agent_file, Origin::kFolder);
        !status.ok()) {
      return status.error();
    }
  }
  if (!given.state_directory.empty()) configuration.state_directory = given.state_directory;
  return configuration;
}

Result<std::string> find_state_directory(const ConfigurationSources& given) {
  if (!given.state_directory.empty()) return given.state_directory;
  ConfigurationSources sources = completed(given);
  Configuration configuration{.agent = default_agent(), .state_directory = sources.state_directory};
  if (Status status = lay_users(configuration, sources, given); !status.ok()) return status.error();
  (void)lay_projects(configuration, sources);
  return configuration.state_directory;
}

bool has_journal(const std::string& state_directory) {
  return holds_journal(state_directory);
}

std::string default_config_directory() {
  return config_directory();
}
std::string default_state_directory() {
  return state_directory();
}
void name_host(AgentOptions& agent, const std::string& host) {
  if (host == agent.host) return;
  agent.host = host;
  agent.base_url.clear();
  agent.key_file.clear();
}
Result<Thinking> thinking_from(std::string_view mode) {
  return parse_thinking(mode);
}

}  // namespace perdure
