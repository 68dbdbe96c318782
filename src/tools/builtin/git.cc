// The git tools. git runs as a command like any other, but a repository's own settings must not
// make it run programs or leave the workspace (attack A53): hooks, file-system monitors, filters,
// external diffs, text conversions, signing programs, fetches of missing objects. What options and
// environment reach is switched off there. What a repository names itself (filter.NAME.clean) is
// found by listing its settings, and takes the value of the user's own settings, or none. The
// repository must be the workspace's own.
#include <array>

#include <fmt/format.h>

#include "json/parse.h"
#include "tools/builtin/arguments.h"
#include "tools/builtin/builtin.h"

namespace perdure {
namespace {

constexpr std::int64_t kTimeoutMs = 60'000;

struct Setting {
  const char* key;
  const char* value;
};

// Settings win over those of every file when they come in the environment. git reads this one
// (GIT_CONFIG_COUNT) since 2.31, and submodules inherit it.
constexpr std::array<Setting, 16> kSettings = {{
    {"core.hooksPath", "/dev/null"},
    {"core.fsmonitor", "false"},
    {"core.quotePath", "false"},
    {"safe.bareRepository", "explicit"},
    {"commit.gpgSign", "false"},
    {"log.showSignature", "false"},
    {"color.ui", "false"},
    {"color.status", "false"},
    {"color.diff", "false"},
    {"diff.submodule", "short"},
    {"diff.ignoreSubmodules", "dirty"},
    {"submodule.recurse", "false"},
    {"status.submoduleSummary", "false"},
    {"gc.auto", "0"},
    {"maintenance.auto", "false"},
    {"core.alternateRefsCommand", "true"},
}};

constexpr std::array<const char*, 8> kVariables = {
    "GIT_LITERAL_PATHSPECS=1",     // ":(top)" is a file name here
    "GIT_WORK_TREE=.",             // not core.worktree
    "GIT_OPTIONAL_LOCKS=0",        // looking changes nothing
    "GIT_NO_LAZY_FETCH=1",         // a partial clone fetches when it looks for an object...
    "GIT_ALLOW_PROTOCOL=none",     // ...and its settings say by which command
    "GIT_SSH_COMMAND=/bin/false",  //
    "GIT_ASKPASS=/bin/false",      //
    "GIT_EDITOR=/bin/false",
};

// $1 is "read" or "commit". The words behind it are the arguments of git, or the message and the
// paths of a commit; none of them is ever part of the text of a script.
constexpr const char* kScript = R"sh(
fail() {
  echo "fatal: $1" >&2
  exit 128
}
cd -P . && root=$PWD
[ -e .git ] || fail "not a git repository: the workspace has no .git of its own"
directory=$root/.git
common=$directory
if [ -d .git ] && ! [ -L .git ] && ! [ -e .git/commondir ] && ! [ -L .git/commondir ] &&
  [ "$root" = "${root#*:}" ]; then
  # All of it is here. When git takes it for no repository it must not go on above.
  export GIT_CEILING_DIRECTORIES="${root%/*}/"
else
  directory=$(git rev-parse --path-format=absolute --git-dir) || exit 128
  common=$(git rev-parse --path-format=absolute --git-common-dir) || exit 128
  case $directory in
  "$root"/*) [ "$common" = "$directory" ] || fail ".git/commondir leads out of the workspace" ;;
  *)
    # A linked worktree and a submodule are kept elsewhere, and what keeps them names this place.
    place=$(cat "$directory/gitdir" 2>/dev/null)
    tree=$(git config --file "$directory/config" --get core.worktree)
    [ "$place" = "$root/.git" ] ||
      { [ -n "$tree" ] && [ "$(cd "$directory" && cd "$tree" && pwd -P)" = "$root" ]; } ||
      fail ".git leads to a repository outside of the workspace"
    ;;
  esac
fi

# Lines of a scope, a tab and a name.
settings=$(git config --list --name-only --show-scope) || exit 128
repository=
while IFS= read -r line; do
  key=${line#*[[:space:]]}
  case $line in local* | worktree*) repository=found ;; *) continue ;; esac
  case $key in
  filter.* | hook.* | diff.*.command | diff.*.textconv)
    value=
    case $settings in
    *global?"$key"* | *system?"$key"*)
      value=$(git config --global --get "$key" || git config --system --get "$key")
      ;;
    esac
    export "GIT_CONFIG_KEY_$GIT_CONFIG_COUNT=$key" "GIT_CONFIG_VALUE_$GIT_CONFIG_COUNT=$value"
    GIT_CONFIG_COUNT=$((GIT_CONFIG_COUNT + 1))
    ;;
  esac
done <<END
$settings
END
# Without a repository git config says nothing, and git diff compares any two files.
[ -n "$repository" ] || git rev-parse --git-dir >/dev/null || exit 128

action=$1
shift
[ "$action" = read ] && exec git --no-pager "$@"

# git writes through links in its own directory (COMMIT_EDITMSG, logs), wherever they lead.
links=$(find "$directory" "$common" -maxdepth 1 -type l ! -name hooks
  find "$directory/logs" "$common/logs" "$common/refs" -type l 2>/dev/null)
[ -z "$links" ] || fail "symbolic links in the git directory: $links"
message=$1
shift
git add --all -- "$@" &&
  git commit --quiet --no-verify --no-gpg-sign --message "$message" -- "$@" &&
  exec git --no-pager show --no-ext-diff --no-textconv --stat --format='%h %s' HEAD
)sh";

std::vector<std::string> script(const char* action, std::vector<std::string> words) {
  std::vector<std::string> argv = {"/bin/sh", "-c", kScript, "git", action};
  argv.insert(argv.end(), words.begin(), words.end());
  return argv;
}

std::vector<std::string> git_environment(const BuiltinOptions& options) {
  std::vector<std::string> environment = command_environment(options.passed_on);
  environment.insert(environment.end(), kVariables.begin(), kVariables.end());
  environment.push_back(fmt::format("GIT_CONFIG_COUNT={}", kSettings.size()));
  for (std::size_t i = 0; i < kSettings.size(); ++i) {
    environment.push_back(fmt::format("GIT_CONFIG_KEY_{}={}", i, kSettings[i].key));
    environment.push_back(fmt::format("GIT_CONFIG_VALUE_{}={}", i, kSettings[i].value));
  }
  return environment;
}

Tool git_tool(
    ToolSpec spec, const BuiltinOptions& options, bool writes,
    std::function<Result<std::vector<std::string>>(const Json&, const std::string& workspace)>
        argv) {
  spec.timeout_ms = kTimeoutMs;
  ProcessTool process;
  process.plan = [options, argv](const Json& arguments,
                                 const CallContext& context) -> Result<ProcessSpec> {
    Result<std::vector<std::string>> filled = argv(arguments, context.files->path());
    if (!filled.ok()) return filled.error();
    return ProcessSpec{.argv = std::move(*filled),
                       .environment = git_environment(options),
                       .timeout_ms = kTimeoutMs};
  };
  process.read = [](ProcessReport report) {
    const bool nothing = report.exit.exit_code == 0 && report.output.empty();
    ToolOutcome outcome = read_process(std::move(report));
    if (nothing) outcome.text = "(nothing)";
    return outcome;
  };
  return {.spec = std::move(spec),
          .scope = [writes](const Json&, const std::string&) -> Result<CallScope> {
            if (writes) return CallScope{.exclusive = true};
            return CallScope{.reads = {"."}};
          },
          .body = std::move(process)};
}

}  // namespace

Tool make_git_status(const BuiltinOptions& options) {
  return git_tool(
      {.name = "git_status",
       .description = "Branch and changed files.",
       .parameters =
           json::literal(R"({"type":"object","properties":{},"additionalProperties":false})"),
       .effect = EffectClass::kRead},
      options, false, [](const Json&, const std::string&) -> Result<std::vector<std::string>> {
        return script("read", {"status", "--short", "--branch"});
      });
}

Tool make_git_diff(const BuiltinOptions& options) {
  return git_tool(
      {.name = "git_diff",
       .description = "Changes against the last commit, as a unified diff. New files show after "
                      "they are staged.",
       .parameters = json::literal(R"({"type":"object","properties":{
           "path":{"type":"string"},
           "stat":{"type":"boolean","description":"Only the numbers of changed lines"}},
           "additionalProperties":false})"),
       .effect = EffectClass::kRead},
      options, false,
      [](const Json& arguments, const std::string& workspace) -> Result<std::vector<std::string>> {
        const Result<std::string> path = path_argument(arguments, workspace);
        if (!path.ok()) return path.error();
        std::vector<std::string> words = {"diff", "--no-ext-diff", "--no-textconv"};
        if (flag_argument(arguments, "stat")) words.emplace_back("--stat");
        words.insert(words.end(), {"HEAD", "--", *path});
        return script("read", std::move(words));
      });
}

Tool make_git_log(const BuiltinOptions& options) {
  return git_tool(
      {.name = "git_log",
       .description = "The last commits.",
       .parameters = json::literal(R"({"type":"object","properties":{
                       "count":{"type":"integer","minimum":1,"maximum":200,
                           "description":"Default 10"},
                       "path":{"type":"string"}},
                       "additionalProperties":false})"),
       .effect = EffectClass::kRead},
      options, false,
      [](const Json& arguments, const std::string& workspace) -> Result<std::vector<std::string>> {
        const Result<std::string> path = path_argument(arguments, workspace);
        if (!path.ok()) return path.error();
        std::vector<std::string> words = {
            "log", fmt::format("--max-count={}", integer_argument(arguments, "count", 10)),
            "--date=iso", "--format=%h %ad %an%n    %s"};
        // A path hides commits that change no file, and merges.
        if (*path != ".") words.insert(words.end(), {"--", *path});
        return script("read", std::move(words));
      });
}

Tool make_git_commit(const BuiltinOptions& options) {
  return git_tool(
      {.name = "git_commit",
       .description = "Commit all changes, or only those of some paths. Hooks do not run.",
       .parameters = json::literal(R"({"type":"object","properties":{
           "message":{"type":"string","minLength":1},
           "paths":{"type":"array","items":{"type":"string"},"minItems":1}},
           "required":["message"],"additionalProperties":false})"),
       .effect = EffectClass::kAdditive},
      options, true,
      [](const Json& arguments, const std::string& workspace) -> Result<std::vector<std::string>> {
        std::vector<std::string> paths;
        for (const Json& item : arguments.value("paths", Json::array())) {
          Result<std::string> path = relative_path(workspace, item.get<std::string>());
          if (!path.ok()) return path.error();
          paths.push_back(std::move(*path));
        }
        if (paths.empty()) paths = {"."};
        paths.insert(paths.begin(), arguments["message"].get<std::string>());
        return script("commit", std::move(paths));
      });
}

}  // namespace perdure
