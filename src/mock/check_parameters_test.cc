#include <string>

#include <gtest/gtest.h>

#include "tests/support/mock_requests.h"

namespace perdure::mock {
namespace {

std::string with(std::string_view field, std::string_view model = "kimi-k2.6") {
  return chat_of(kHello, std::string(field) + ",", model);
}

TEST(CheckParameters, RefusesWhatIsNoChatRequest) {
  const RuleCase cases[] = {
      {"empty", "", "Invalid request: the body is not valid JSON"},
      {"not JSON", R"({"model":)", "Invalid request: the body is not valid JSON"},
      {"not UTF-8", "{\"model\":\"\xff\"}", "Invalid request: the body is not valid JSON"},
      {"no object", "[1]", "the body is not a JSON object"},
      {"a field twice", R"({"model":"kimi-k2.6","model":"kimi-k2.6","messages":[]})",
       "the field \"model\" is there twice"},
      {"no model", R"({"messages":[{"role":"user","content":"x"}]})", "model is required"},
      {"model of another kind", R"({"model":3,"messages":[{"role":"user","content":"x"}]})",
       "model is required"},
      {"no messages", R"({"model":"kimi-k2.6"})", "messages is required"},
      {"empty messages", chat_of(""), "messages is required"},
      {"messages of another kind", R"({"model":"kimi-k2.6","messages":"hi"})",
       "messages is required"},
      {"an escaped key", R"({"model":"kimi-k2.6","m\u0065ssages":[{"role":"user","content":"x"}]})",
       "written with escapes"},
      {"good", chat_of(kHello), ""},
  };
  EXPECT_EQ(wrong_answers(cases), "");
}

TEST(CheckParameters, RefusesUnknownFields) {
  const RuleCase cases[] = {
      {"a typing mistake", with(R"("temprature":1)"),
       "unknown field \"temprature\", did you mean 'temperature'?"},
      {"a field of other hosts", with(R"("chat_template_kwargs":{})"), "unknown field"},
      {"a field that only other hosts have", with(R"("user":"x")"), "unknown field \"user\""},
      {"all known fields",
       with(R"("stream":true,"stream_options":{"include_usage":true},"max_completion_tokens":100,
               "thinking":{"type":"enabled","keep":"all"},"stop":["x"],"logprobs":true,
               "top_logprobs":20,"response_format":{"type":"text"},"prompt_cache_key":"k",
               "safety_identifier":"u","tools":null,"prediction":{"type":"content"})"),
       ""},
  };
  EXPECT_EQ(wrong_answers(cases), "");
}

TEST(CheckParameters, RefusesFieldsOfAnotherKind) {
  const RuleCase cases[] = {
      {"stream", with(R"("stream":"yes")"), "stream must be true or false"},
      {"stream_options", with(R"("stream":true,"stream_options":1)"), "stream_options must be an"},
      {"max_tokens", with(R"("max_tokens":0)"), "max_tokens must be a positive integer"},
      {"max_completion_tokens", with(R"("max_completion_tokens":1.5)"),
       "max_completion_tokens must be a positive integer"},
      {"temperature", with(R"("temperature":"1")"), "temperature must be a number"},
      {"top_logprobs", with(R"("top_logprobs":21)"), "top_logprobs must be an integer between"},
      {"response_format", with(R"("response_format":"json")"), "response_format must be an object"},
      {"tools", with(R"("tools":{})"), "tools must be an array"},
      {"prompt_cache_key", with(R"("prompt_cache_key":"")"), "prompt_cache_key must be a string"},
      {"thinking", with(R"("thinking":true)"), "thinking must be an object"},
      {"null is nothing", with(R"("stream":null,"thinking":null,"temperature":null)"), ""},
  };
  EXPECT_EQ(wrong_answers(cases), "");
}

TEST(CheckParameters, ChecksStreamOptions) {
  const RuleCase cases[] = {
      {"without a stream", with(R"("stream_options":{"include_usage":true})"),
       "stream_options is only allowed when stream is true"},
      {"an unknown option", with(R"("stream":true,"stream_options":{"usage":true})"),
       "stream_options.usage: include_usage is its only field"},
  };
  EXPECT_EQ(wrong_answers(cases), "");
}

TEST(CheckParameters, ChecksStopAndFormat) {
  const RuleCase cases[] = {
      {"one string", with(R"("stop":"END")"), ""},
      {"five strings", with(R"("stop":["a","b","c","d","e"])"), ""},
      {"six strings", with(R"("stop":["a","b","c","d","e","f"])"), "stop has 6 strings, at most 5"},
      {"32 bytes", with(R"("stop":"12345678901234567890123456789012")"), ""},
      {"33 bytes", with(R"("stop":"123456789012345678901234567890123")"),
       "has 33 bytes, at most 32"},
      {"an empty string", with(R"("stop":[""])"), "stop must hold strings that are not empty"},
      {"a number", with(R"("stop":1)"), "stop must be a string or an array"},
      {"json_object", with(R"("response_format":{"type":"json_object"})"), ""},
      {"json_schema",
       with(R"("response_format":{"type":"json_schema","json_schema":{"name":"x","schema":{}}})"),
       ""},
      {"json_schema without one", with(R"("response_format":{"type":"json_schema"})"),
       "response_format.json_schema.schema must be an object"},
      {"another format", with(R"("response_format":{"type":"xml"})"),
       "response_format.type must be"},
  };
  EXPECT_EQ(wrong_answers(cases), "");
}

TEST(CheckParameters, PinsSampling) {
  const std::string off = R"("thinking":{"type":"disabled"},)";
  const RuleCase cases[] = {
      {"the pinned values",
       with(R"("temperature":1.0,"top_p":0.95,"presence_penalty":0,"frequency_penalty":0,"n":1)"),
       ""},
      {"temperature", with(R"("temperature":0.3)"),
       "Invalid request: invalid temperature: only 1 is allowed for this model"},
      {"temperature without thinking", with(off + R"("temperature":1)"),
       "invalid temperature: only 0.6 is allowed for this model"},
      {"the pinned one without thinking", with(off + R"("temperature":0.6)"), ""},
      {"top_p", with(R"("top_p":1)"), "invalid top_p: only 0.95 is allowed for this model"},
      {"presence_penalty", with(R"("presence_penalty":0.5)"),
       "invalid presence_penalty: only 0 is"},
      {"frequency_penalty", with(R"("frequency_penalty":0.5)"),
       "invalid frequency_penalty: only 0"},
      {"n", with(R"("n":2)"), "invalid n: only 1 is allowed"},
      {"n of any model", with(R"("n":2)", "some-model"), "invalid n: only 1 is allowed"},
      {"k3", with(R"("temperature":0.6)", "kimi-k3"), "invalid temperature: only 1 is allowed"},
      {"k2.7-code", with(R"("temperature":0)", "kimi-k2.7-code"), "invalid temperature: only 1"},
      {"k2.5", with(R"("temperature":0.9)", "kimi-k2.5"), "invalid temperature: only 1 is"},
      {"a model that is free", with(R"("temperature":0.3)", "kimi-k2-thinking"), ""},
      {"a model without rules", with(R"("temperature":0.3,"top_p":0.5)", "some-model"), ""},
  };
  EXPECT_EQ(wrong_answers(cases), "");
}

TEST(CheckParameters, ChecksThinkingOfEachModel) {
  const std::string on = R"("thinking":{"type":"enabled"})";
  const std::string off = R"("thinking":{"type":"disabled"})";
  const std::string keep = R"("thinking":{"type":"enabled","keep":"all"})";
  const std::string effort = R"("thinking":{"type":"enabled","keep":"all","effort":"high"})";
  const std::string only_enabled = "invalid thinking: only type=enabled is allowed for this model";
  const RuleCase cases[] = {
      {"k2.5 on", with(on, "kimi-k2.5"), ""},
      {"k2.5 off", with(off, "kimi-k2.5"), ""},
      {"k2.5 keep", with(keep, "kimi-k2.5"),
       "invalid thinking: keep is not allowed for this model"},
      {"k2.6 on", with(on), ""},
      {"k2.6 off", with(off), ""},
      {"k2.6 keep", with(keep), ""},
      {"k2.6 keep null", with(R"("thinking":{"type":"enabled","keep":null})"), ""},
      {"k2.6 effort", with(effort), "invalid thinking: effort is not allowed for this model"},
      {"k2.7-code on", with(on, "kimi-k2.7-code"), ""},
      {"k2.7-code off", with(off, "kimi-k2.7-code"), only_enabled},
      {"k2.7-code keep", with(keep, "kimi-k2.7-code"), only_enabled},
      {"k2.7-code-highspeed off", with(off, "kimi-k2.7-code-highspeed"), only_enabled},
      {"k3 keep and effort", with(effort, "kimi-k3"), ""},
      {"k3 off", with(off, "kimi-k3"), only_enabled},
      {"k3 an unknown effort",
       with(R"("thinking":{"type":"enabled","effort":"medium"})", "kimi-k3"),
       "invalid thinking: effort must be one of low, high, max"},
      {"k2-thinking off", with(off, "kimi-k2-thinking"), only_enabled},
      {"k2-instruct", with(on, "kimi-k2-instruct"), "invalid thinking: this model does not think"},
      {"a model without rules", with(effort, "some-model"), ""},
      {"no type", with(R"("thinking":{"keep":"all"})"), "type must be enabled or disabled"},
      {"another type", with(R"("thinking":{"type":"auto"})"), "type must be enabled or disabled"},
      {"another keep", with(R"("thinking":{"type":"enabled","keep":"some"})"),
       "keep must be \"all\""},
      {"an unknown field", with(R"("thinking":{"type":"enabled","kep":"all"})"),
       "invalid thinking: unknown field \"kep\""},
  };
  EXPECT_EQ(wrong_answers(cases), "");
}

TEST(CheckParameters, ChecksReasoningEffort) {
  const RuleCase cases[] = {
      {"k3", with(R"("reasoning_effort":"low")", "kimi-k3"), ""},
      {"k3 beside thinking",
       with(R"("reasoning_effort":"low","thinking":{"type":"enabled"})", "kimi-k3"), ""},
      {"k3 with an unknown one", with(R"("reasoning_effort":"medium")", "kimi-k3"),
       "invalid reasoning_effort \"medium\""},
      {"k2.6 beside thinking", with(R"("reasoning_effort":"low","thinking":{"type":"enabled"})"),
       "Invalid request: cannot specify both 'thinking' and 'reasoning_effort'"},
      {"k2.6", with(R"("reasoning_effort":"low")"),
       "invalid reasoning_effort: this model has none"},
      {"a model without rules", with(R"("reasoning_effort":"tiny")", "some-model"), ""},
  };
  EXPECT_EQ(wrong_answers(cases), "");
}

TEST(CheckParameters, ChecksTheWindow) {
  const std::string long_message =
      R"({"role":"user","content":")" + std::string(8000, 'x') + R"("})";
  const std::string image = R"({"role":"user","content":[{"type":"image_url",)"
                            R"("image_url":{"url":"data:image/png;base64,)" +
                            std::string("iVBORw0KGgoA") + std::string(7988, 'A') + R"("}}]})";
  const RuleCase cases[] = {
      {"prompt alone", chat_of(long_message),
       "Invalid request: Your request exceeded model token limit: 2000 (requested: 20"},
      {"prompt and answer", chat_of(kHello, R"("max_completion_tokens":1995,)"),
       "exceeded model token limit: 2000 (requested: 200"},
      {"just enough", chat_of(kHello, R"("max_completion_tokens":1992,)"), ""},
      {"the newer name wins", chat_of(kHello, R"("max_tokens":5000,"max_completion_tokens":100,)"),
       ""},
      {"the older name", chat_of(kHello, R"("max_tokens":5000,)"), "token limit: 2000"},
      {"a number that would overflow", chat_of(kHello, R"("max_tokens":9223372036854775807,)"),
       "token limit: 2000"},
      {"an image counts 1,024", chat_of(image, R"("max_tokens":800,)"), ""},
      {"an image counts 1,024, and no less", chat_of(image, R"("max_tokens":980,)"), "token limit"},
  };
  EXPECT_EQ(wrong_answers(cases, "window_tokens = 2000\n"), "");
  const RuleCase of_the_model[] = {
      {"k2.6", chat_of(kHello, R"("max_completion_tokens":262144,)"), "token limit: 262144"},
      {"k3", chat_of(kHello, R"("max_completion_tokens":262144,)", "kimi-k3"), ""},
      {"k3 beyond", chat_of(kHello, R"("max_completion_tokens":1048576,)", "kimi-k3"),
       "token limit: 1048576"},
  };
  EXPECT_EQ(wrong_answers(of_the_model), "");
}

TEST(CheckParameters, LeavesOtherDialectsTheirFields) {
  const RuleCase vllm[] = {
      {"their fields",
       with(R"("chat_template_kwargs":{"thinking":true},"top_k":5,"temperature":0.2)"), ""},
      {"not Moonshot's", with(R"("thinking":{"type":"enabled"})"), "unknown field \"thinking\""},
  };
  EXPECT_EQ(wrong_answers(vllm, "dialect = 'vllm'\n"), "");
  const RuleCase open_router[] = {
      {"their fields", with(R"("reasoning":{"effort":"low"},"provider":{"only":["moonshotai"]})"),
       ""},
  };
  EXPECT_EQ(wrong_answers(open_router, "dialect = 'openrouter'\n"), "");
}

TEST(CheckParameters, ChecksNothingWhenNotStrict) {
  const RuleCase cases[] = {
      {"everything wrong", with(R"("temprature":2,"n":7,"tools":3,"thinking":"x")"), ""},
      {"no model", R"({"messages":[{"role":"nobody"}]})", ""},
      {"but JSON", "{", "not valid JSON"},
      {"and messages", R"({"model":"x"})", "messages is required"},
  };
  EXPECT_EQ(wrong_answers(cases, "strict = false\n"), "");
}

}  // namespace
}  // namespace perdure::mock
