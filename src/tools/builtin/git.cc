// The git tools. git runs as a command like any other, with what a hostile repository could make it
// execute switched off as far as options reach: hooks, file-system monitors, external diffs and
// text conversions (attack A53).
#include <fmt/format.h>

#include "base/text.h"
#include "json/parse.h"
#include "tools/builtin/arguments.h"
#include "tools/builtin/builtin.h"

namespace perdure {
namespace {

constexpr std::int64_t kTimeoutMs = 60'000;

std::vector<std::string> git(std::vector<std::string> arguments) {
  std::vector<std::string> argv = {"git", "--no-pager",           "-c", "core.hooksPath=/dev/null",
                                   "-c",  "core.fsmonitor=false", "-c", "color.ui=false",
                                   "-c",  "core.quotePath=false"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return argv;
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
                       .environment = command_environment(options.passed_on),
                       .timeout_ms = kTimeoutMs};
  };
  process.read = [](const ProcessReport& report) {
    ToolOutcome outcome = read_process(report);
    if (report.exit.exit_code == 0 && report.output.empty()) outcome.text = "(nothing)";
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
        return git({"status", "--short", "--branch"});
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
        return git(std::move(words));
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
        return git({"log", fmt::format("--max-count={}", integer_argument(arguments, "count", 10)),
                    "--date=iso", "--format=%h %ad %an%n    %s", "--", *path});
      });
}

// Two commands, so a shell holds them together; the message and the paths are its positional
// parameters, never part of its text.
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
        const std::string command = shell_join(git({}));
        const std::string script = fmt::format(
            "message=$1; shift; {0} add --all -- \"$@\" && {0} commit --quiet --message "
            "\"$message\" -- \"$@\" && "
            "{0} show --no-ext-diff --no-textconv --stat --format='%h %s' HEAD",
            command);
        std::vector<std::string> argv = {"/bin/sh", "-c", script, "git_commit",
                                         arguments["message"].get<std::string>()};
        if (paths.empty()) paths = {"."};
        argv.insert(argv.end(), paths.begin(), paths.end());
        return argv;
      });
}

}  // namespace perdure
