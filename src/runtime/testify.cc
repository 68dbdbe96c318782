#include "runtime/testify.h"

#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/utf8.h"
#include "core/run.h"
#include "json/parse.h"
#include "json/slice.h"
#include "json/writer.h"
#include "runtime/agent_json.h"
#include "runtime/recorded_tools.h"
#include "runtime/testify_files.h"

namespace perdure {
namespace {

// TOML's basic strings have the escapes of JSON, and one byte more to escape.
std::string toml_text(std::string_view text) {
  std::string out;
  for (const char c : json::quoted(text)) {
    constexpr char kDelete = 0x7f;
    if (c == kDelete) {
      out += "\\u007f";
    } else {
      out += c;
    }
  }
  return out;
}

// On one line; a null, which TOML does not have, is left out.
std::string toml_value(const Json& value) {
  if (value.is_string()) return toml_text(value.get_ref<const std::string&>());
  std::vector<std::string> items;
  if (value.is_array()) {
    for (const Json& item : value) {
      if (!item.is_null()) items.push_back(toml_value(item));
    }
    return "[" + join(items, ", ") + "]";
  }
  if (!value.is_object()) return json::dump(value);
  for (const auto& [name, member] : value.items()) {
    if (!member.is_null()) items.push_back(toml_text(name) + " = " + toml_value(member));
  }
  return "{ " + join(items, ", ") + " }";
}

Error not_said(std::string what) {
  return {.code = ErrorCode::kUnsupported,
          .message = "a script cannot say what this run did: " + std::move(what),
          .advice = "'perdure export' keeps all of it, and 'perdure replay' tests that"};
}

// A piece of a message that shows in a request as it is: the beginning of its first line.
std::string snippet_of(std::string_view text) {
  constexpr std::size_t kSnippetBytes = 60;
  for (const std::string_view line : split_lines(text)) {
    if (!trim(line).empty()) return std::string(utf8_prefix(trim(line), kSnippetBytes));
  }
  return "";
}

class TestWriter {
 public:
  TestWriter(std::string run_id, const Redaction& redaction)
      : run_id_(std::move(run_id)), redaction_(redaction) {}

  Status add(const RunEvent& event);
  Result<std::map<std::string, std::string>> finish(const std::vector<ToolDeclaration>& tools);

 private:
  Status add_message(const MessageQueued& message);
  void add_reply(const ModelReplied& reply);
  void add_result(const CallFinished& call);
  std::string hidden(std::string_view text) const { return redaction_.redact(to_valid_utf8(text)); }
  Result<std::string> agent_file(const std::vector<ToolDeclaration>& tools) const;

  std::string run_id_;
  const Redaction& redaction_;
  Run run_;
  std::map<std::string, std::string> files_;
  std::string script_;
  std::string faults_;                // of the next reply
  std::vector<std::string> expects_;  // of the next reply
  std::vector<std::string> answers_;  // of the turns
  std::int64_t requests_ = 0;
  std::int64_t turns_ = 0;
  bool was_over_ = false;  // the last turn has ended
};

Status TestWriter::add(const RunEvent& event) {
  const bool at_rest = !run_.model_should_speak && run_.calls.empty() &&
                       run_.request == RequestState::kNone && run_.queue.empty();
  if (const auto* message = std::get_if<MessageQueued>(&event.body)) {
    if (turns_ > 0 && !at_rest) return not_said("a message came while the model worked");
    if (turns_ > 0) answers_.push_back(run_.text);
    if (Status status = add_message(*message); !status.ok()) return status;
  }
  if (Status status = apply(run_, event); !status.ok()) return status;
  if (std::holds_alternative<AcceptanceStarted>(event.body))
    return not_said("acceptance commands checked its answer");
  if (const auto* reply = std::get_if<ModelReplied>(&event.body)) add_reply(*reply);
  if (const auto* call = std::get_if<CallFinished>(&event.body)) add_result(*call);
  return {};
}

Status TestWriter::add_message(const MessageQueued& message) {
  if (!message.fragment.empty()) return not_said("an image or a video went with a message");
  files_[fmt::format("message-{}.txt", ++turns_)] = hidden(message.text);
  expects_.push_back(snippet_of(hidden(message.text)));
  return {};
}

void TestWriter::add_result(const CallFinished& call) {
  const Result<Json> fragment = json::parse(call.fragment);
  const std::string text = fragment.ok() ? hidden(fragment->value("content", "")) : "";
  files_[fmt::format("results/{}.{}", run_.step, call.call)] = text;
  expects_.push_back(snippet_of(text));
}

// A reply without anything leaves no message behind, by which the script would count it.
void TestWriter::add_reply(const ModelReplied& reply) {
  ++requests_;
  if (reply.fragment.empty()) {
    faults_ += "[[reply.fault]]\nempty = true\n";
    return;
  }
  script_ += "\n[[reply]]\n";
  std::vector<std::string> expects;
  for (const std::string& text : std::exchange(expects_, {})) {
    if (!text.empty()) expects.push_back(toml_text(text));
  }
  if (!expects.empty()) script_ += "expect = [" + join(expects, ", ") + "]\n";
  const Result<Json> fragment = json::parse(reply.fragment);
  std::string reasoning;
  for (const char* name : {"reasoning_content", "reasoning"}) {
    if (fragment.ok() && fragment->contains(name) && (*fragment)[name].is_string())
      reasoning = hidden((*fragment)[name].get<std::string>());
  }
  if (!reasoning.empty()) script_ += "reasoning = " + toml_text(reasoning) + "\n";
  if (!reply.text.empty()) script_ += "text = " + toml_text(hidden(reply.text)) + "\n";
  if (reply.finish == FinishReason::kLength) script_ += "finish = \"length\"\n";
  if (reply.finish == FinishReason::kContentFilter) script_ += "finish = \"content_filter\"\n";
  for (const ToolCall& call : reply.calls) {
    script_ += "[[reply.call]]\nname = " + toml_text(call.name) + "\n";
    script_ += "id = " + toml_text(call.id) + "\n";
    script_ += "arguments_text = " + toml_text(hidden(call.arguments)) + "\n";
  }
  script_ += std::exchange(faults_, "");
}

Result<std::string> TestWriter::agent_file(const std::vector<ToolDeclaration>& tools) const {
  const Result<AgentOptions> options = agent_from_json(run_.definition.agent);
  if (!options.ok()) return options.error();
  std::string text = "# The agent of the run, with tools that print what its tools printed.\n";
  text += "name = " + toml_text(options->name) + "\n";
  text += "model = " + toml_text(options->model) + "\nhost = \"mock\"\n";
  text += "thinking = " + toml_text(to_string(options->thinking)) + "\n";
  text += "tool_choice = " + toml_text(options->tool_choice.mode) + "\n";
  text += "instructions = " + toml_text(hidden(options->instructions)) + "\n";
  text += fmt::format("calls_max = {}\nread_agents_md = false\n", run_.limits.calls_max);
  // A run that used up its steps does so again.
  if (run_.ended->reason == "steps") text += fmt::format("\n[budget]\nsteps = {}\n", requests_);
  text += "\n[tools]\nbuiltin = []\n";
  for (const ToolDeclaration& tool : tools) {
    if (tool.by_host) return not_said("the host ran the tool " + tool.name);
    const Result<Json> parameters = json::parse(tool.parameters);
    text += "\n[[tools.command]]\nname = " + toml_text(tool.name) + "\n";
    text += "description = " + toml_text(hidden(tool.description)) + "\n";
    text += "argv = [\"sh\", \"{agent_dir}/result.sh\"]\neffect = \"read\"\n";
    if (parameters.ok()) text += "parameters = " + toml_value(*parameters) + "\n";
  }
  return text;
}

Result<std::map<std::string, std::string>> TestWriter::finish(
    const std::vector<ToolDeclaration>& tools) {
  const bool paused = run_.ended && run_.ended->reason == "steps";
  const bool over = run_.ended && (run_.ended->outcome == Outcome::kDone ||
                                   run_.ended->outcome == Outcome::kFailed ||
                                   run_.ended->outcome == Outcome::kStuck || paused);
  if (!over) {
    const std::string end = run_.ended ? "it ended " + std::string(to_string(run_.ended->outcome)) +
                                             " (" + run_.ended->reason + ")"
                                       : "it has no end yet";
    return not_said(end);
  }
  // Replies without anything at the end: the script goes on giving them.
  if (!faults_.empty()) script_ += "\n[[reply]]\ntext = \"not reached\"\n" + faults_;
  Result<std::string> agent = agent_file(tools);
  if (!agent.ok()) return agent.error();
  files_["agent.toml"] = std::move(*agent);
  files_["script.toml"] =
      "# What the model said in run " + run_id_ + " (docs/mock.md).\n" + script_;
  answers_.push_back(run_.ended->outcome == Outcome::kDone ? run_.text : "");
  std::string turns;
  for (std::size_t i = 0; i < answers_.size(); ++i) {
    const bool is_last = i + 1 == answers_.size();
    const std::string answer = hidden(answers_[i]);
    files_[fmt::format("answer-{}.txt", i + 1)] = answer.empty() ? "" : answer + "\n";
    turns += fmt::format("turn {} {}\n", i + 1, is_last ? exit_status(run_.ended->outcome) : 0);
  }
  files_["result.sh"] = std::string(kResultScript);
  files_["run.sh"] = run_script(turns, requests_);
  files_["README.md"] = test_readme(run_id_, requests_);
  return files_;
}

}  // namespace

Result<std::map<std::string, std::string>> test_of_run(const std::string& run_id,
                                                       const std::vector<StoredEvent>& events,
                                                       const Redaction& redaction) {
  TestWriter writer(run_id, redaction);
  for (const StoredEvent& stored : events) {
    const Result<RunEvent> event = decode(stored.kind, stored.payload);
    Status added = event.ok() ? writer.add(*event) : Status(event.error());
    if (added.ok()) continue;
    Error error = added.error();
    if (error.code == ErrorCode::kCorrupt)
      error.context = fmt::format("run {}, event {}", run_id, stored.sequence);
    return error;
  }
  return writer.finish(recorded_tools(events, 0));
}

}  // namespace perdure
