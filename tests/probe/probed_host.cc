#include "tests/probe/probed_host.h"

#include <filesystem>

#include <gtest/gtest.h>

namespace perdure::test {
namespace {

constexpr const char* kThought = "reasoning = \"I think about it.\"\n";

std::string reply(const std::string& text, const std::string& more = "") {
  return "[[conversation.reply]]\n" + std::string(kThought) + "text = \"" + text + "\"\n" + more;
}

std::string call(const std::string& name, const std::string& arguments) {
  return "[[conversation.reply.call]]\nname = \"" + name + "\"\narguments_text = '" + arguments +
         "'\n";
}

std::string calls(const std::string& list) {
  return "[[conversation.reply]]\n" + std::string(kThought) + list;
}

std::string long_text() {
  std::string text;
  for (int line = 1; line <= 420; ++line)
    text += std::to_string(line) + ": the quick brown fox jumps over the lazy dog and back\\n";
  return text;
}

}  // namespace

ProbedHost::ProbedHost() {
  const std::string ready = reply("ready");
  const std::string lookup = calls(call("lookup_port", R"({"service":"billing"})"));
  for (const char* name :
       {"answer/as_it_is", "answer/without_usage", "answer/without_key", "answer/other_cap",
        "answer/no_switch", "answer/whole", "stream_usage/on", "stream_usage/off", "output_cap/32k",
        "output_cap/16k", "output_cap/8k", "output_cap/4k", "prompt_cache_key/on", "cache/first",
        "thinking_keep/family", "thinking_keep/own", "sampling/cool", "tool_schema/plain",
        "tool_schema/mfjs"}) {
    replies[name] = ready;
  }
  for (const char* name :
       {"thinking_on/own", "thinking_on/kwargs", "thinking_on/thinking", "thinking_on/reasoning",
        "thinking_off/own", "thinking_off/kwargs", "thinking_off/thinking",
        "thinking_off/reasoning", "thinking_off/effort"}) {
    replies[name] = reply("0.05");
  }
  for (const char* name : {"stream/stream", "stream/whole"}) replies[name] = lookup;
  for (const char* name : {"max_tokens_field/own", "max_tokens_field/other"})
    replies[name] = reply("1 2 3", "finish = \"length\"\n");
  replies["cut_call/call"] = calls("finish = \"length\"\n" + call("save_text", R"({"text":"1 2)"));
  replies["text/unicode"] = reply("Zürich · 東京 · 🚀");
  replies["reasoning_echo/number"] = "[[conversation.reply]]\nreasoning = \"Let it be 482913.\"\n" +
                                     call("note_done", "{}") + reply("482913");
  replies["reasoning_keep/number"] =
      "[[conversation.reply]]\nreasoning = \"Let it be 771204.\"\ntext = \"done\"\n" +
      reply("771204");
  replies["reasoning_required/call"] =
      calls(call("ping", R"({"service":"billing"})")) + reply("It is there.");
  replies["empty_content/call"] = lookup + reply("8080");
  for (const char* name : {"parallel_calls/plain", "parallel_calls/told"}) {
    replies[name] = calls(call("lookup_port", R"({"service":"billing"})") +
                          call("lookup_port", R"({"service":"search"})"));
  }
  replies["next_ids/call"] = lookup + calls(call("lookup_port", R"({"service":"search"})"));
  for (const char* name : {"forced_choice/required", "forced_choice/required_off"})
    replies[name] = calls(call("ping", R"({"service":"billing"})"));
  for (const char* name : {"forced_choice/named", "forced_choice/named_off"})
    replies[name] = calls(call("pong", R"({"service":"billing"})"));
  replies["long_arguments/text"] = calls(call("save_text", R"({"text":")" + long_text() + "\"}"));
  run =
      "[[reply]]\nreasoning = \"I look first.\"\n[[reply.call]]\nname = \"list_files\"\n"
      "[[reply]]\ntext = \"All is well.\"\n";
}

void ProbedHost::add_fault_everywhere(const std::string& fault) {
  const std::string mark = "[[conversation.reply]]\n";
  for (auto& [name, tables] : replies) {
    std::string out;
    for (std::size_t at = 0; at < tables.size();) {
      const std::size_t next = std::min(tables.find(mark, at + 1), tables.size());
      out += tables.substr(at, next - at) + "[[conversation.reply.fault]]\n" + fault + "\n";
      at = next;
    }
    tables = out;
  }
}

std::string ProbedHost::script() const {
  std::string text = head + "\n";
  for (const auto& [name, tables] : replies)
    text += "[[conversation]]\nopening = [\"[probe: " + name + "]\"]\n" + tables;
  return text + run;
}

ProbeBench::ProbeBench(const ProbedHost& host) {
  Result<MockScript> script = parse_mock_script(host.script(), "script");
  EXPECT_TRUE(script.ok()) << to_text(script.error());
  Result<std::unique_ptr<MockThread>> endpoint = MockThread::start(std::move(*script));
  EXPECT_TRUE(endpoint.ok()) << to_text(endpoint.error());
  endpoint_ = std::move(*endpoint);
  std::filesystem::create_directories(root_.path() + "/workspace");
  root_.write("agents/agent.toml",
              "name = \"lister\"\nattempts_max = 2\n[tools]\nbuiltin = [\"list_files\"]\n");
  root_.write("state/perdure/trusted", root_.path() + "/agents\n");
}

ProgramOptions ProbeBench::options_of(std::vector<std::string> arguments,
                                      std::map<std::string, std::string> environment) const {
  for (std::string& word : arguments) {
    const std::size_t at = word.find("{url}");
    if (at != std::string::npos) word.replace(at, 5, url());
  }
  environment["XDG_CONFIG_HOME"] = root_.path() + "/config";
  environment["XDG_STATE_HOME"] = root_.path() + "/state";
  return {.arguments = std::move(arguments),
          .environment = std::move(environment),
          .directory = root_.path() + "/workspace"};
}

ProgramResult ProbeBench::perdure(std::vector<std::string> arguments,
                                  std::map<std::string, std::string> environment) {
  return run_program(options_of(std::move(arguments), std::move(environment)));
}

std::unique_ptr<RunningProgram> ProbeBench::start(std::vector<std::string> arguments) {
  return std::make_unique<RunningProgram>(options_of(std::move(arguments), {}));
}

ProgramResult ProbeBench::run(std::vector<std::string> more) {
  std::vector<std::string> arguments = {
      "run",     "--agent",  root_.path() + "/agents/agent.toml", "--base-url", url(),
      "--model", "kimi-k2.6"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  arguments.emplace_back("Is all well?");
  return perdure(std::move(arguments));
}

std::string ProbeBench::profile_path() const {
  return root_.path() + "/config/perdure/hosts/127-0-0-1-" + std::to_string(endpoint_->port()) +
         ".toml";
}

std::string ProbeBench::profile() const {
  return root_.read(profile_path().substr(root_.path().size() + 1));
}

}  // namespace perdure::test
