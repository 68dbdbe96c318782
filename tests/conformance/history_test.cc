// One history, as each host takes it that did not write it: what Moonshot and OpenRouter sent, by
// the profiles that are compiled in.
#include <algorithm>
#include <ostream>
#include <string>

#include <gtest/gtest.h>

#include "model/catalog.h"

namespace perdure {
namespace {

const std::string kCall =
    R"({"id":"ID","type":"function","function":{"name":"NAME","arguments":"{}"}})";

std::string with(std::string text, const std::string& what, const std::string& instead) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += instead.size())
    text.replace(at, what.size(), instead);
  return text;
}

std::string call(const std::string& id, const std::string& name) {
  return with(with(kCall, "ID", id), "NAME", name);
}

// A step with two calls, and an answer; CONTENT and REASONING stand for members with their comma.
std::string history_of(const std::string& content, const std::string& reasoning,
                       const std::string& first_id, const std::string& second_id) {
  return R"({"role":"user","content":"Go."},{"role":"assistant")" + content + reasoning +
         R"(,"tool_calls":[)" + call(first_id, "read") + "," + call(second_id, "grep") + "]}," +
         R"({"role":"tool","tool_call_id":")" + first_id + R"(","content":"1"},)" +
         R"({"role":"tool","tool_call_id":")" + second_id + R"(","content":"2"},)" +
         R"({"role":"assistant","content":"Done.")" + reasoning + "}";
}

const std::string kContent = R"(,"reasoning_content":"So \"far\".")";
const std::string kReasoning = R"(,"reasoning":"So \"far\".")";
const std::string kDetails = R"(,"reasoning_details":[{"type":"reasoning.text","text":"So ",)"
                             R"("index":0},{"text":"\"far\"."}])";
const std::string kNullContent = R"(,"content":null)";

struct HostRow {
  std::string name;
  EndpointOptions options;
  std::string content;
  std::string reasoning;
  std::string first_id = "functions.read:0";
  std::string second_id = "functions.grep:1";
};

void PrintTo(const HostRow& row, std::ostream* out) {
  *out << row.name;
}

const HostRow kHosts[] = {
    {"Moonshot", {.host = "moonshot"}, "", kContent, "read:0", "grep:1"},
    {"MoonshotChina", {.host = "moonshot-cn"}, "", kContent, "read:0", "grep:1"},
    {"MoonshotByAnthropicsApi", {.host = "moonshot-anthropic"}, "", kContent, "read_0", "grep_1"},
    {"OpenRouter", {.host = "openrouter"}, "", kReasoning},
    {"Fireworks", {.host = "fireworks"}, "", kContent},
    {"Together", {.host = "together"}, "", kReasoning},
    {"GroqThatDoesNotThink", {.model = "kimi-k2-instruct", .host = "groq"}, kNullContent, ""},
    {"VLlm", {.host = "vllm"}, "", kReasoning},
    {"SGLang", {.host = "sglang"}, "", kContent},
    {"LlamaCpp", {.host = "llama-cpp"}, "", kContent},
    {"Ollama", {.host = "ollama"}, "", kReasoning},
    {"AServerWithAKimiModel", {.base_url = "http://localhost:9/v1"}, "", kContent},
    {"AServerWithAnotherModel",
     {.model = "qwen", .base_url = "http://localhost:9/v1"},
     "",
     kContent,
     "read_0",
     "grep_1"},
};

class HistoryAtAHost : public testing::TestWithParam<HostRow> {
 protected:
  // The messages of `history` as the host takes them.
  static std::string project(const std::string& history) {
    EndpointOptions options = GetParam().options;
    if (options.model.empty()) options.model = "kimi-k2.6";
    const Result<Catalog> catalog = Catalog::open("");
    const Result<Endpoint> endpoint = catalog->resolve_without_key(options);
    if (!endpoint.ok()) return to_text(endpoint.error());
    ProjectedHistory projected(endpoint->history_dialect(endpoint->default_thinking()));
    std::size_t begin = 0;
    while (begin < history.size()) {
      const std::size_t end = std::min(history.find(",{\"role\"", begin), history.size());
      projected.add(std::string_view(history).substr(begin, end - begin), false);
      begin = end + 1;
    }
    std::string text;
    for (const std::string_view piece : projected.messages().pieces().list) text += piece;
    return text;
  }
};
INSTANTIATE_TEST_SUITE_P(Hosts, HistoryAtAHost, testing::ValuesIn(kHosts),
                         [](const auto& row) { return row.param.name; });

TEST_P(HistoryAtAHost, IsMoonshotsInItsOwnWay) {
  const HostRow& row = GetParam();
  EXPECT_EQ(project(history_of("", kContent, "read:0", "grep:1")),
            history_of(row.content, row.reasoning, row.first_id, row.second_id));
}

// Nothing but the text of the details is for others, and the text that has no name of its own is
// called as OpenRouter calls it.
TEST_P(HistoryAtAHost, IsOpenRoutersInItsOwnWay) {
  const HostRow& row = GetParam();
  // A host that says no name takes the text under any.
  const bool as_it_came =
      row.options.host.empty() || row.options.host.find("anthropic") != std::string::npos;
  EXPECT_EQ(project(history_of("", kDetails, "read:0", "grep:1")),
            history_of(row.content, as_it_came ? kReasoning : row.reasoning, row.first_id,
                       row.second_id));
}

TEST(HistoryDialect, DemandsReasoningOnlyWhileThinkingIsOn) {
  const Result<Catalog> catalog = Catalog::open("");
  const Result<Endpoint> endpoint =
      catalog->resolve_without_key({.model = "kimi-k2.6", .host = "moonshot"});
  ASSERT_TRUE(endpoint.ok());
  EXPECT_TRUE(endpoint->history_dialect(Thinking::kKeep).reasoning_required);
  EXPECT_FALSE(endpoint->history_dialect(Thinking::kOff).reasoning_required);
}

}  // namespace
}  // namespace perdure
