// What goes to each host for each model, byte for byte: the files in tests/golden/requests are what
// the requests are compared to. With PERDURE_UPDATE_GOLDENS=1 they are written anew; read the
// difference before you commit it. Then what is refused before anything is sent, with its advice.
#include "model/chat_request.h"

#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "json/parse.h"
#include "tests/support/golden.h"
#include "tests/support/json.h"
#include "tests/support/replies.h"

namespace perdure {
namespace {

constexpr std::int64_t kCap = 32'768;

Endpoint endpoint_of(const EndpointOptions& options) {
  Result<Endpoint> endpoint = Catalog::open("")->resolve_without_key(options);
  if (endpoint.ok()) return std::move(*endpoint);
  ADD_FAILURE() << to_text(endpoint.error());
  return {};
}

// Two tools whose schemas say things that not every host takes.
std::vector<ToolDeclaration> tools_for(const Endpoint& endpoint) {
  const auto declare = [&](std::string name, std::string description, std::string_view schema) {
    const Result<NormalizedSchema> spoken =
        normalize_schema(json::literal(schema), endpoint.host.tool_schema);
    return ToolDeclaration{.name = std::move(name),
                           .description = std::move(description),
                           .parameters = spoken.ok() ? json::dump(spoken->schema) : "refused"};
  };
  return {declare("list_files", "Files and folders below a path.", R"({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {"path": {"type": "string", "minLength": 1, "default": "."},
                           "depth": {"type": ["integer", "null"], "minimum": 1}},
            "additionalProperties": false})"),
          declare("calculate", "The value of an expression, \"exact\".", R"({
            "type": "object",
            "properties": {"expression": {"type": "string"}},
            "required": ["expression"]})")};
}

// A conversation of two steps; the reply is what this host sent, as it goes back to it.
Transcript transcript_for(const Endpoint& endpoint, Thinking thinking) {
  std::string reasoning = R"("reasoning_content":"I look.")";
  if (endpoint.host.id == "openrouter") {
    reasoning = R"("reasoning":"I look.","reasoning_details":[{"type":"reasoning.text",)"
                R"("text":"I look.","format":"unknown","index":0}])";
  }
  if (thinking == Thinking::kOff) reasoning.clear();
  const Result<ModelReplied> reply = test::assemble(
      {.host = &endpoint.host,
       .chunks = {test::delta("{" + reasoning + "}"),
                  test::delta(R"({"tool_calls":[{"index":0,"id":"functions.list_files:0",
                    "function":{"name":"list_files","arguments":"{\"path\": \".\"}"}}]})",
                              "tool_calls")}});
  EXPECT_TRUE(reply.ok());
  Transcript transcript;
  transcript.append(message_fragment("system", "Answer briefly."));
  transcript.append(message_fragment("user", "What is here?\nÄ \"quoted\" line."));
  if (reply.ok()) transcript.append(reply->fragment);
  transcript.append(result_fragment("functions.list_files:0", "a.txt"));
  return transcript;
}

std::string bytes_of(const HttpBody& body) {
  std::string bytes;
  for (std::size_t i = 0; i < body.parts(); ++i) bytes += body.part(i);
  EXPECT_EQ(bytes.size(), body.size());
  return bytes;
}

struct GoldenCase {
  const char* name;  ///< Of the file, too.
  EndpointOptions endpoint;
  RequestOptions options = {};
  std::int64_t replies_in_turn = 0;
  bool has_tools = true;
};

void PrintTo(const GoldenCase& row, std::ostream* out) {
  *out << row.name;
}

std::string request_of(const GoldenCase& row) {
  const Endpoint endpoint = endpoint_of(row.endpoint);
  RequestOptions options = row.options;
  options.cache_key = "run-1";
  const Result<ChatRequest> request = ChatRequest::make(
      endpoint, row.has_tools ? tools_for(endpoint) : std::vector<ToolDeclaration>{}, options);
  if (!request.ok()) return to_text(request.error());
  const std::string bytes = bytes_of(
      request->body(transcript_for(endpoint, request->thinking()), kCap, row.replies_in_turn));
  EXPECT_EQ(bytes.substr(0, static_cast<std::size_t>(request->head_bytes())),
            bytes.substr(0, bytes.find(R"("messages":[)") + 12));
  return bytes;
}

std::filesystem::path golden_folder() {
  return std::filesystem::path(PERDURE_SOURCE_DIR) / "tests" / "golden" / "requests";
}

class Requests : public ::testing::TestWithParam<GoldenCase> {};

TEST_P(Requests, AreAsTheyWere) {
  const std::string bytes = request_of(GetParam());
  EXPECT_TRUE(test::parse_json(bytes).is_object());
  test::expect_golden("requests/" + std::string(GetParam().name) + ".json", bytes + "\n");
}

EndpointOptions at(std::string model, std::string host) {
  return {.model = std::move(model), .host = std::move(host)};
}

RequestOptions thinking(Thinking mode, std::string tool_choice = "auto") {
  return {.thinking = mode, .tool_choice = {std::move(tool_choice)}};
}

RequestOptions choice(std::string mode) {
  return {.tool_choice = {std::move(mode)}};
}

const GoldenCase kModelCases[] = {
    {"kimi-k2.6", {.model = "kimi-k2.6"}},
    {"kimi-k2.6-thinking-keep", {.model = "kimi-k2.6"}, thinking(Thinking::kKeep)},
    {"kimi-k2.6-thinking-on", {.model = "kimi-k2.6"}, thinking(Thinking::kOn)},
    {"kimi-k2.6-thinking-off", {.model = "kimi-k2.6"}, thinking(Thinking::kOff)},
    {"kimi-k2.6-choice-none", {.model = "kimi-k2.6"}, choice("none")},
    {"kimi-k2.6-choice-required", {.model = "kimi-k2.6"}, thinking(Thinking::kOff, "required")},
    {"kimi-k2.6-choice-named", {.model = "kimi-k2.6"}, thinking(Thinking::kOff, "calculate")},
    {"kimi-k2.6-choice-named-second-step",
     {.model = "kimi-k2.6"},
     thinking(Thinking::kOff, "calculate"),
     1},
    {"kimi-k2.6-without-tools", {.model = "kimi-k2.6"}, choice("none"), 0, false},
    {"kimi-k2.5", at("kimi-k2.5", "moonshot")},
    {"kimi-k2.7-code", {.model = "kimi-k2.7-code"}},
    {"kimi-k2.7-code-thinking-on", {.model = "kimi-k2.7-code"}, thinking(Thinking::kOn)},
    {"kimi-k2.7-code-highspeed", {.model = "kimi-k2.7-code-highspeed"}},
    {"kimi-k3", {.model = "kimi-k3"}},
    {"kimi-k3-choice-required", {.model = "kimi-k3"}, choice("required")},
    {"kimi-k2-thinking", {.model = "kimi-k2-thinking"}},
    {"kimi-k2-thinking-at-vllm", at("kimi-k2-thinking", "vllm")},
    {"kimi-k2-instruct", {.model = "kimi-k2-instruct"}, {.sampling = {{"temperature", 0.6}}}},
};
INSTANTIATE_TEST_SUITE_P(Models, Requests, ::testing::ValuesIn(kModelCases),
                         [](const auto& row) { return test::case_name(row.param.name); });

const GoldenCase kHostCases[] = {
    {"at-moonshot-cn", at("kimi-k2.6", "moonshot-cn")},
    {"at-openrouter", at("kimi-k2.6", "openrouter")},
    {"at-openrouter-thinking-off", at("kimi-k2.6", "openrouter"), thinking(Thinking::kOff)},
    {"at-openrouter-sampling",
     at("kimi-k2.6", "openrouter"),
     {.sampling = {{"temperature", 1}, {"top_p", 0.95}}}},
    {"at-fireworks", at("kimi-k2.6", "fireworks")},
    {"at-fireworks-thinking-on", at("kimi-k2.6", "fireworks"), thinking(Thinking::kOn)},
    {"at-fireworks-thinking-off", at("kimi-k2.6", "fireworks"), thinking(Thinking::kOff)},
    {"at-together", at("kimi-k2.6", "together")},
    {"at-together-thinking-off", at("kimi-k2.6", "together"), thinking(Thinking::kOff)},
    {"at-runware-choice-named", at("kimi-k2.6", "runware"), choice("calculate")},
    {"at-groq", at("kimi-k2-instruct", "groq"), choice("required")},
    {"at-vllm", at("kimi-k2.6", "vllm")},
    {"at-vllm-thinking-on", at("kimi-k2.6", "vllm"), thinking(Thinking::kOn)},
    {"at-vllm-thinking-off", at("kimi-k2.6", "vllm"), thinking(Thinking::kOff)},
    {"at-vllm-unknown-model", at("my-model", "vllm")},
    {"at-sglang", at("kimi-k2.6", "sglang")},
    {"at-llama-cpp", at("kimi-k2.6", "llama-cpp")},
    {"at-llama-cpp-choice-required", at("kimi-k2.6", "llama-cpp"), choice("required")},
    {"at-ollama", at("kimi-k2.6", "ollama")},
    {"at-ollama-thinking-off", at("kimi-k2.6", "ollama"), thinking(Thinking::kOff)},
    {"at-a-foreign-address", {.model = "kimi-k2.6", .base_url = "https://llm.example/v1"}},
    {"at-mock", at("kimi-k2.6", "mock")},
};
INSTANTIATE_TEST_SUITE_P(Hosts, Requests, ::testing::ValuesIn(kHostCases),
                         [](const auto& row) { return test::case_name(row.param.name); });

TEST(RequestGoldens, AreAllCompared) {
  std::set<std::string> names;
  for (const GoldenCase& row : kModelCases) names.insert(std::string(row.name) + ".json");
  for (const GoldenCase& row : kHostCases) names.insert(std::string(row.name) + ".json");
  ASSERT_TRUE(std::filesystem::is_directory(golden_folder()));
  for (const auto& entry : std::filesystem::directory_iterator(golden_folder())) {
    EXPECT_EQ(names.count(entry.path().filename().string()), 1U) << entry.path() << " is of no use";
  }
}

// A provider's cache, and the check for a changed history, live on this.
TEST(ChatRequest, BeginsWithTheBytesOfTheOneBefore) {
  const Endpoint endpoint = endpoint_of({.model = "kimi-k2.6"});
  const Result<ChatRequest> request =
      ChatRequest::make(endpoint, tools_for(endpoint), thinking(Thinking::kOff, "required"));
  ASSERT_TRUE(request.ok()) << to_text(request.error());
  Transcript transcript = transcript_for(endpoint, request->thinking());
  const HttpBody first = request->body(transcript, kCap, 0);
  const std::string before = bytes_of(first);
  transcript.append(message_fragment("user", "More."));
  const std::string after = bytes_of(request->body(transcript, kCap - 1, 1));
  const std::size_t shared = before.size() - first.tail.size();
  EXPECT_EQ(after.substr(0, shared), before.substr(0, shared));
  EXPECT_EQ(after.substr(shared),
            R"(,{"role":"user","content":"More."}],"max_completion_tokens":32767})");
  EXPECT_EQ(bytes_of(first), before) << "a request in flight does not see what joined later";
}

struct RefusedCase {
  const char* name;
  EndpointOptions endpoint;
  RequestOptions options;
  std::string_view text;  ///< Message and advice.
  bool has_tools = true;
};

void PrintTo(const RefusedCase& row, std::ostream* out) {
  *out << row.name;
}

class Refused : public ::testing::TestWithParam<RefusedCase> {};

TEST_P(Refused, BeforeAnythingIsSent) {
  const Endpoint endpoint = endpoint_of(GetParam().endpoint);
  const Result<ChatRequest> request = ChatRequest::make(
      endpoint, GetParam().has_tools ? tools_for(endpoint) : std::vector<ToolDeclaration>{},
      GetParam().options);
  ASSERT_FALSE(request.ok());
  EXPECT_EQ(request.error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(request.error().retry, Retry::kNo);
  EXPECT_EQ(to_text(request.error()), GetParam().text);
}

TEST(ChatRequest, SamplingHoldsNothingThatTheRequestSaysItself) {
  const Endpoint endpoint = endpoint_of({.model = "kimi-k2-instruct"});
  const auto refusal = [&](Json sampling) {
    const Result<ChatRequest> request =
        ChatRequest::make(endpoint, {}, {.sampling = std::move(sampling)});
    return request.ok() ? "taken" : to_text(request.error());
  };
  EXPECT_EQ(refusal({{"temperature", 0.6}}), "taken");
  EXPECT_EQ(
      refusal({{"temperature", 0.6}, {"stream", false}}),
      "'stream' is not a sampling parameter\n  do: remove it from 'sampling': the request has "
      "one of its own");
  EXPECT_EQ(refusal(Json::array()), "'sampling' must be an object, like {\"temperature\": 0.6}");
  EXPECT_EQ(refusal(nullptr), "'sampling' must be an object, like {\"temperature\": 0.6}");
}

const RefusedCase kRefusedCases[] = {
    {"thinking_off_of_a_model_that_always_thinks",
     {.model = "kimi-k2.7-code"},
     thinking(Thinking::kOff),
     "Kimi K2.7 Code at Moonshot AI (global) has no thinking mode 'off'\n  do: modes: on, keep"},
    {"thinking_off_of_k3",
     {.model = "kimi-k3"},
     thinking(Thinking::kOff),
     "Kimi K3 at Moonshot AI (global) has no thinking mode 'off'\n  do: modes: on, keep"},
    {"thinking_off_of_a_model_that_always_thinks_elsewhere", at("kimi-k2-thinking", "vllm"),
     thinking(Thinking::kOff),
     "Kimi K2 Thinking at vLLM has no thinking mode 'off'\n  do: modes: on"},
    {"keep_of_k2.5", at("kimi-k2.5", "moonshot"), thinking(Thinking::kKeep),
     "Kimi K2.5 at Moonshot AI (global) has no thinking mode 'keep'\n  do: modes: off, on"},
    {"thinking_of_a_model_that_cannot",
     {.model = "kimi-k2-instruct"},
     thinking(Thinking::kOn),
     "Kimi K2 Instruct 0905 at Groq has no thinking mode 'on'\n  do: modes: off"},
    {"thinking_that_the_host_cannot_switch", at("kimi-k2.6", "runware"), thinking(Thinking::kOff),
     "Kimi K2.6 at Runware has no thinking mode 'off'\n  do: modes: on"},
    {"sampling_where_it_is_pinned",
     {.model = "kimi-k2.6"},
     {.sampling = {{"temperature", 0.2}}},
     "Kimi K2.6 refuses sampling parameters: temperature and top_p are fixed\n  do: remove "
     "'sampling' from the agent"},
    {"misspelt_tool",
     {.model = "kimi-k2.6"},
     thinking(Thinking::kOff, "calculator"),
     "tool choice 'calculator' is not a tool of the agent\n  do: did you mean 'calculate'?"},
    {"unknown_tool",
     {.model = "kimi-k2.6"},
     thinking(Thinking::kOff, "send_mail"),
     "tool choice 'send_mail' is not a tool of the agent\n  do: its tools: list_files, calculate"},
    {"forced_without_tools",
     {.model = "kimi-k2.6"},
     thinking(Thinking::kOff, "required"),
     "tool choice 'required' needs tools, and the agent has none\n  do: give the agent tools, or "
     "use --tool-choice auto",
     false},
};
INSTANTIATE_TEST_SUITE_P(Table, Refused, ::testing::ValuesIn(kRefusedCases),
                         [](const auto& row) { return test::case_name(row.param.name); });

// A forced choice that model and host do not take is left to whoever talks with the model.
TEST(ChatRequest, has_a_cut_reply_behind_its_messages_for_the_host_to_go_on_with) {
  const Endpoint endpoint = endpoint_of({.model = "kimi-k2.6", .host = "moonshot"});
  EXPECT_TRUE(endpoint.host.partial);
  const Result<ChatRequest> request = ChatRequest::make(endpoint, tools_for(endpoint), {});
  ASSERT_TRUE(request.ok());
  Transcript transcript;
  transcript.append(message_fragment("user", "Count."));
  const std::string usual = bytes_of(request->body(transcript, kCap, 0));
  const std::string body = bytes_of(request->body(
      request->text(transcript, kCap, 1, R"({"role":"assistant","content":"One, "})")));
  const std::string messages = R"({"role":"user","content":"Count."})";
  const std::string both = messages + R"(,{"role":"assistant","content":"One, ","partial":true})";
  std::string expected = usual;
  expected.replace(expected.find(messages), messages.size(), both);
  EXPECT_EQ(body, expected);
}

TEST(ChatRequest, says_which_choice_the_model_must_be_told) {
  struct Case {
    EndpointOptions endpoint;
    RequestOptions options;
    std::string told;
    std::string sent;
  };
  const std::string named = R"({"type":"function","function":{"name":"calculate"}})";
  const Case cases[] = {
      {{.model = "kimi-k2.6"}, choice("required"), "required", ""},
      {{.model = "kimi-k2.6"}, thinking(Thinking::kOn, "calculate"), "calculate", ""},
      {{.model = "kimi-k2.6"}, thinking(Thinking::kOff, "calculate"), "", named},
      {{.model = "kimi-k2.7-code"}, choice("required"), "required", ""},
      {{.model = "kimi-k3"}, choice("required"), "", "\"required\""},
      {{.model = "kimi-k3"}, choice("calculate"), "calculate", "\"required\""},
      {at("kimi-k2.6", "llama-cpp"), choice("calculate"), "calculate", "\"required\""},
      {at("kimi-k2.6", "ollama"), choice("required"), "required", ""},
      {{.model = "kimi-k2.6"}, choice("none"), "", "\"none\""},
      {{.model = "kimi-k2.6"}, choice("auto"), "", ""},
  };
  for (const Case& example : cases) {
    SCOPED_TRACE(example.endpoint.model + " " + example.options.tool_choice.mode);
    const Endpoint endpoint = endpoint_of(example.endpoint);
    const Result<ChatRequest> request =
        ChatRequest::make(endpoint, tools_for(endpoint), example.options);
    ASSERT_TRUE(request.ok()) << to_text(request.error());
    EXPECT_EQ(request->told_choice(), example.told);
    const std::string tail = request->body(Transcript(), kCap, 0).tail;
    const std::string sent = example.sent.empty() ? "" : ",\"tool_choice\":" + example.sent;
    EXPECT_TRUE(tail.ends_with(std::to_string(kCap) + sent + "}")) << tail;
  }
}

// What a prompt is made of, in the order of the prompt; another schema is another tool, the cap of
// the reply and the tool choice are nothing.
TEST(RequestPrefix, has_what_a_prompt_cache_depends_on) {
  const Endpoint endpoint = endpoint_of({.model = "kimi-k2.6"});
  std::vector<ToolDeclaration> tools = tools_for(endpoint);
  const auto prefix = [&](const RequestOptions& options) {
    const Result<ChatRequest> request = ChatRequest::make(endpoint, tools, options);
    return request.ok() ? request->prefix() : std::vector<PrefixPart>{};
  };
  const std::vector<PrefixPart> parts = prefix(thinking(Thinking::kOff));
  ASSERT_EQ(parts.size(), 5U);
  EXPECT_EQ(parts[0], (PrefixPart{.field = "base_url", .value = endpoint.base_url}));
  EXPECT_EQ(parts[1], (PrefixPart{.field = "model", .value = "kimi-k2.6"}));
  EXPECT_EQ(parts[2], (PrefixPart{.field = "thinking", .value = "off"}));
  EXPECT_EQ(parts[3].field, "tools/list_files");
  EXPECT_EQ(parts[4].field, "tools/calculate");
  EXPECT_EQ(parts[4].value.size(), 16U);
  EXPECT_EQ(prefix(thinking(Thinking::kOff, "required")), parts);
  tools[1].parameters = R"({"type":"object"})";
  const std::vector<PrefixPart> other = prefix(thinking(Thinking::kOff));
  ASSERT_EQ(other.size(), 5U);
  EXPECT_EQ(other[3], parts[3]);
  EXPECT_NE(other[4], parts[4]);
}

}  // namespace
}  // namespace perdure
