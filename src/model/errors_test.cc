// What hosts answer when they refuse or fail: every row of the vendor's error table, and the texts
// of routers and servers that differ from it. The bodies are as they were seen.
#include "model/errors.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "json/writer.h"

namespace perdure {
namespace {

constexpr std::int64_t kNow_ms = 1'790'000'000'000;  // Mon, 21 Sep 2026 14:13:20 GMT

Error classify(int status, std::string_view body, std::string_view retry_after = "") {
  json::Reader reader;
  HttpHead head{.status = status};
  if (!retry_after.empty()) head.headers = {{"retry-after", std::string(retry_after)}};
  return classify_http_error(reader, head, body, kNow_ms);
}

// {"error":{"message":MESSAGE,"type":TYPE}}
std::string error_body(std::string_view type, std::string_view message) {
  std::string body = R"({"error":{"message":)";
  json::append_string(body, message);
  return body + R"(,"type":")" + std::string(type) + "\"}}";
}

std::string verdict_of(const Error& error) {
  std::string verdict(to_string(error.code));
  if (error.retry == Retry::kLater) verdict += ", later";
  if (error.retry_after_ms >= 0) verdict += fmt::format(" than {} ms", error.retry_after_ms);
  return verdict;
}

struct TypedError {
  const char* name;
  int status;
  std::string_view type;
  std::string_view message;
  std::string_view verdict;  ///< "CODE", "CODE, later", "CODE, later than N ms".
};

void PrintTo(const TypedError& row, std::ostream* out) {
  *out << row.name;
}

class MoonshotErrors : public ::testing::TestWithParam<TypedError> {};

TEST_P(MoonshotErrors, AreClassified) {
  const TypedError& row = GetParam();
  const Error error = classify(row.status, error_body(row.type, row.message));
  EXPECT_EQ(verdict_of(error), row.verdict);
  EXPECT_EQ(error.message, fmt::format("HTTP {}: {}", row.status, without_ids(row.message)));
}

const TypedError kMoonshotCases[] = {
    {"content_filter", 400, "content_filter",
     "The request was rejected because it was considered high risk", "content_filtered"},
    {"invalid_request", 400, "invalid_request_error",
     "Invalid request: tool call id write:3 is duplicated", "bad_request"},
    {"reasoning_missing", 400, "invalid_request_error",
     "thinking is enabled but reasoning_content is missing in assistant tool call message at index "
     "2",
     "bad_request"},
    {"forced_choice", 400, "invalid_request_error",
     "tool_choice 'required' is incompatible with thinking enabled", "bad_request"},
    {"N07_input_too_long", 400, "invalid_request_error", "Input token length too long",
     "context_full"},
    {"N07_token_limit", 400, "invalid_request_error",
     "Invalid request: Your request exceeded model token limit: 262144 (requested: 274613)",
     "context_full"},
    {"file_purpose", 400, "invalid_request_error", "Invalid purpose: only 'file-extract' accepted",
     "bad_request"},
    {"N10_invalid_authentication", 401, "invalid_authentication_error", "Invalid Authentication",
     "key_rejected"},
    {"N10_incorrect_key", 401, "incorrect_api_key_error", "Incorrect API key provided",
     "key_rejected"},
    {"subscription_inactive", 402, "subscription_error", "Your subscription is inactive", "quota"},
    {"subscription_terminated", 402, "access_terminated_error", "Your subscription has ended",
     "key_rejected"},
    {"subscription_limit_of_the_cycle", 403, "access_terminated_error",
     "You've reached your usage limit for this billing cycle. Your quota will be refreshed in the "
     "next cycle.",
     "quota"},
    {"subscription_limit_of_the_period", 403, "permission_error",
     "You've reached your usage limit for this period", "quota"},
    {"subscription_limit_of_the_month", 403, "access_terminated_error",
     "You've reached your monthly usage limit for this billing cycle", "quota"},
    {"subscription_limit_of_the_week", 403, "access_terminated_error",
     "You've reached your weekly (7-day) usage limit.", "quota"},
    {"subscription_is_for_others", 403, "access_terminated_error",
     "Kimi For Coding is currently only available for Coding Agents such as Kimi CLI, Claude Code, "
     "Roo Code, Kilo Code, etc.",
     "key_rejected"},
    {"N10_permission_denied", 403, "permission_denied_error",
     "The API you are accessing is not open", "key_rejected"},
    {"N10_model_not_found", 404, "resource_not_found_error",
     "Not found the model kimi-k9 or Permission denied", "model_not_found"},
    {"N07_message_size", 400, "invalid_request_error",
     "total message size 2103425 exceeds limit 2097152", "too_large"},
    {"N07_too_large", 413, "", "Request exceeds the maximum size", "too_large"},
    {"N06_overloaded", 429, "engine_overloaded_error",
     "The engine is currently overloaded, please try again later", "overloaded, later"},
    {"N01_requests_a_minute", 429, "rate_limit_reached_error",
     "Your account org-0123456789abcdef<ak-f7j4kcum8nw111> request reached organization max RPM: "
     "3, please try again after 1 seconds",
     "rate_limited, later than 1000 ms"},
    {"N01_concurrency", 429, "rate_limit_reached_error",
     "Your account org-0123456789abcdef<ak-f7j4kcum8nw111> request reached max organization "
     "concurrency: 50, please try again after 2 seconds",
     "rate_limited, later than 2000 ms"},
    {"N02_tokens_a_minute", 429, "rate_limit_reached_error",
     "Your account org-0123456789abcdef / proj-cc07bb1db1b74d48 <ak-f7j4kcum8nw111> request "
     "reached project TPM rate limit, current: 1410, limit: 100, see "
     "https://platform.moonshot.cn/docs/pricing/limits",
     "rate_limited, later"},
    {"N03_tokens_a_day", 429, "rate_limit_reached_error",
     "Your account org-383ad5cc7eed4023 / proj-cc07bb1db1b74d48 <ak-f7j4kcum8nw111> request "
     "reached organization TPD rate limit, current: 1500434, limit: 1500000",
     "quota"},
    {"N03_tokens_a_day_in_other_words", 429, "rate_limit_reached_error",
     "request reached organization max TPD: 1500000", "quota"},
    {"N03_quota", 429, "exceeded_current_quota_error",
     "You exceeded your current token quota: 12, please check your account balance", "quota"},
    {"N03_balance_without_type", 429, "",
     "Your account is suspended due to insufficient balance, please recharge your account",
     "quota"},
    {"N03_arrears", 429, "", "account in arrears", "quota"},
    {"N05_file_extraction", 500, "server_error", "Failed to extract file", "server, later"},
    {"N05_unexpected_output", 500, "unexpected_output", "invalid state transition",
     "server, later"},
    {"N06_unavailable", 503, "server_unavailable", "try later", "overloaded, later"},
    {"N06_529", 529, "", "the service is busy", "overloaded, later"},
};
INSTANTIATE_TEST_SUITE_P(Table, MoonshotErrors, ::testing::ValuesIn(kMoonshotCases),
                         [](const auto& row) { return std::string(row.param.name); });

struct RawError {
  const char* name;
  int status;
  std::string_view body;
  std::string_view verdict;
  std::string_view message;  ///< Behind "HTTP STATUS: ".
};

void PrintTo(const RawError& row, std::ostream* out) {
  *out << row.name;
}

class OtherErrors : public ::testing::TestWithParam<RawError> {};

TEST_P(OtherErrors, AreClassified) {
  const RawError& row = GetParam();
  const Error error = classify(row.status, row.body);
  EXPECT_EQ(verdict_of(error), row.verdict);
  const std::string status = fmt::format("HTTP {}", row.status);
  EXPECT_EQ(error.message, row.message.empty() ? status : status + ": " + std::string(row.message));
}

const RawError kOtherCases[] = {
    {"openrouter_no_credit", 402, R"({"error":{"code":402,"message":"Insufficient credits"}})",
     "quota", "Insufficient credits"},
    {"openrouter_rate", 429,
     R"({"error":{"message":"Provider returned error","code":429,"metadata":{"raw":
        "moonshotai/kimi-k2.6 is temporarily rate-limited upstream. Please retry shortly",
        "provider_name":"Chutes"}},"user_id":"user_2x"})",
     "rate_limited, later",
     "Provider returned error: moonshotai/kimi-k2.6 is temporarily rate-limited upstream. Please "
     "retry shortly"},
    {"openrouter_context", 400,
     R"({"error":{"message":"Provider returned error","code":400,"metadata":{"raw":
        "{\"error\":{\"message\":\"maximum context length is 262144 tokens\"}}"}}})",
     "context_full", "Provider returned error: maximum context length is 262144 tokens"},
    {"openrouter_moderation", 403, R"({"error":{"code":403,"message":
        "Your chosen model requires moderation and your input was flagged"}})",
     "content_filtered", "Your chosen model requires moderation and your input was flagged"},
    {"openrouter_bad_upstream", 502, R"({"error":{"code":502,"message":"Bad gateway"}})",
     "server, later", "Bad gateway"},
    {"openrouter_no_provider", 503, R"({"error":{"code":503,"message":"No instances available"}})",
     "overloaded, later", "No instances available"},
    {"vllm_context_flat", 400,
     R"({"object":"error","message":"This model's maximum context length is 8192 tokens.",
        "type":"BadRequestError","param":null,"code":400})",
     "context_full", "This model's maximum context length is 8192 tokens."},
    {"vllm_no_model", 404,
     R"({"error":{"message":"The model `x` does not exist.","type":"NotFoundError",
        "param":null,"code":404}})",
     "model_not_found", "The model `x` does not exist."},
    {"llama_cpp_context", 400, R"({"error":{"code":400,"message":"the request is too large","type":
        "exceed_context_size_error","n_prompt_tokens":9000,"n_ctx":4096}})",
     "context_full", "the request is too large"},
    {"llama_cpp_context_without_type", 400, R"({"error":{"code":400,"message":
        "the request exceeds the available context size, try increasing it"}})",
     "context_full", "the request exceeds the available context size, try increasing it"},
    {"llama_cpp_key", 401,
     R"({"error":{"code":401,"message":"Invalid API Key","type":"authentication_error"}})",
     "key_rejected", "Invalid API Key"},
    {"llama_cpp_loading", 503,
     R"({"error":{"code":503,"message":"Loading model","type":"unavailable_error"}})",
     "overloaded, later", "Loading model"},
    {"llama_cpp_history", 500,
     R"({"error":{"code":500,"message":"parse error at line 1","type":"server_error"}})",
     "server, later", "parse error at line 1"},
    {"together_context", 403,
     R"({"error":{"message":"Input token count + max_tokens parameter must be less than )"
     "the context length of the model being queried\"}}",
     "context_full",
     "Input token count + max_tokens parameter must be less than the context length of the model "
     "being queried"},
    {"groq_rate", 429, R"({"error":{"message":"Rate limit reached in organization `org_01hxabcdef`",
        "type":"tokens","code":"rate_limit_exceeded"}})",
     "rate_limited, later", "Rate limit reached in organization `org_***`"},
    {"N01_too_many_tokens_a_minute", 429,
     R"({"error":{"message":"Too many tokens, please wait before trying again."}})",
     "rate_limited, later", "Too many tokens, please wait before trying again."},
    {"a_tool_that_is_named_so", 400,
     R"({"error":{"message":"Invalid schema for function 'get_rate_limit'"}})", "bad_request",
     "Invalid schema for function 'get_rate_limit'"},
    {"openai_quota", 429,
     R"({"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}})",
     "quota", "You exceeded your current quota"},
    {"openai_context_code", 400,
     R"({"error":{"message":"Too long","code":"context_length_exceeded"}})", "context_full",
     "Too long"},
    {"anthropic_prompt", 400, R"({"type":"error","error":{"type":"invalid_request_error",
        "message":"prompt is too long: 210000 tokens > 200000 maximum"}})",
     "context_full", "prompt is too long: 210000 tokens > 200000 maximum"},
    {"anthropic_prompt_and_reply", 400, R"({"type":"error","error":{"type":"invalid_request_error",
        "message":"input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000"}})",
     "context_full", "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000"},
    {"anthropic_request", 400, R"({"type":"error","error":{"type":"invalid_request_error",
        "message":"messages.1: `tool_use` ids were found without `tool_result` blocks"}})",
     "bad_request", "messages.1: `tool_use` ids were found without `tool_result` blocks"},
    {"anthropic_key", 401,
     R"({"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}})",
     "key_rejected", "invalid x-api-key"},
    {"anthropic_forbidden", 403,
     R"({"type":"error","error":{"type":"permission_error","message":"not for this key"}})",
     "key_rejected", "not for this key"},
    {"anthropic_balance", 400, R"({"type":"error","error":{"type":"invalid_request_error",
        "message":"Your credit balance is too low to access the API"}})",
     "quota", "Your credit balance is too low to access the API"},
    {"anthropic_model", 404,
     R"({"type":"error","error":{"type":"not_found_error","message":"model: kimi-k9"}})",
     "model_not_found", "model: kimi-k9"},
    {"anthropic_size", 413, R"({"type":"error","error":{"type":"request_too_large",
        "message":"Request exceeds the maximum size"}})",
     "too_large", "Request exceeds the maximum size"},
    {"anthropic_rate", 429, R"({"type":"error","error":{"type":"rate_limit_error",
        "message":"Number of request tokens has exceeded your per-minute rate limit"}})",
     "rate_limited, later", "Number of request tokens has exceeded your per-minute rate limit"},
    {"anthropic_server", 500,
     R"({"type":"error","error":{"type":"api_error","message":"Internal server error"}})",
     "server, later", "Internal server error"},
    {"anthropic_overloaded", 529,
     R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}})",
     "overloaded, later", "Overloaded"},
    {"gemini_prompt", 400,
     R"({"error":{"message":"The input token count exceeds the maximum number of tokens"}})",
     "context_full", "The input token count exceeds the maximum number of tokens"},
    {"N07_bedrock", 400, R"({"error":{"message":"Input is too long for requested model."}})",
     "context_full", "Input is too long for requested model."},
    {"N07_xai", 400,
     R"({"error":{"message":"This model's maximum prompt length is 131072 )"
     R"(but the request contains 537812 tokens."}})",
     "context_full",
     "This model's maximum prompt length is 131072 but the request contains 537812 tokens."},
    {"N07_copilot", 400,
     R"({"error":{"message":"prompt token count of 130000 exceeds the limit of 128000"}})",
     "context_full", "prompt token count of 130000 exceeds the limit of 128000"},
    {"N07_zai", 400, R"({"error":{"message":"Prompt exceeds max length"}})", "context_full",
     "Prompt exceeds max length"},
    {"N07_dashscope", 400, R"({"error":{"message":"Range of input length should be [1, 98304]"}})",
     "context_full", "Range of input length should be [1, 98304]"},
    {"N07_groq", 400,
     R"({"error":{"message":"Please reduce the length of the messages or completion."}})",
     "context_full", "Please reduce the length of the messages or completion."},
    {"N07_tgi", 400,
     R"({"error":{"message":"`inputs` tokens + `max_new_tokens` must be <= 8193. Given: 9000"}})",
     "context_full", "`inputs` tokens + `max_new_tokens` must be <= 8193. Given: 9000"},
    {"N07_sglang", 400,
     R"({"error":{"message":"Requested token count exceeds the model's )"
     R"(maximum context length of 131072 tokens."}})",
     "context_full",
     "Requested token count exceeds the model's maximum context length of 131072 tokens."},
    {"N07_mistral", 400,
     R"({"error":{"message":"Prompt contains 40000 tokens and 0 draft )"
     R"(tokens, too large for model with 32768 maximum context length"}})",
     "context_full",
     "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum "
     "context length"},
    {"N07_minimax", 400, R"({"error":{"message":"invalid params, context window exceeds limit"}})",
     "context_full", "invalid params, context window exceeds limit"},
    {"N07_413_with_words", 413,
     R"({"error":{"message":"prompt is too long: 9 tokens > 8 maximum"}})", "context_full",
     "prompt is too long: 9 tokens > 8 maximum"},
    {"N07_413_of_a_proxy", 413, "<html><head><title>413 Request Entity Too Large</title></head>",
     "too_large", "413 Request Entity Too Large"},
    {"N07_413_of_an_api", 413, R"({"type":"error","error":{"type":"request_too_large","message":
        "Request exceeds the maximum allowed number of bytes"}})",
     "too_large", "Request exceeds the maximum allowed number of bytes"},
    {"error_as_a_string", 404, R"({"error":"model 'kimi' not found, try pulling it first"})",
     "model_not_found", "model 'kimi' not found, try pulling it first"},
    {"flat_message", 500, R"({"code":20015,"message":"internal","data":null})", "server, later",
     "internal"},
    {"flat_detail", 422, R"({"detail":"Unprocessable"})", "bad_request", "Unprocessable"},
    {"detail_list", 422, R"({"detail":[{"loc":["body"],"msg":"required"}]})", "bad_request",
     R"({"detail":[{"loc":["body"],"msg":"required"}]})"},
    {"no_json", 502, "<html>\n<b>Bad gateway</b></html>", "server, later", "Bad gateway"},
    {"no_body", 500, "", "server, later", ""},
    {"N05_408", 408, "", "timeout, later", ""},
    {"N05_409", 409, "", "server, later", ""},
    {"N05_425", 425, "", "server, later", ""},
    {"N05_504", 504, "", "server, later", ""},
    {"N05_524", 524, "", "server, later", ""},
    {"N11_308", 308, "", "bad_request", ""},
    {"method_refused", 405, "", "bad_request", ""},
    {"teapot", 418, "", "bad_request", ""},
    {"N16_204", 204, "", "bad_reply, later", ""},
};
INSTANTIATE_TEST_SUITE_P(Table, OtherErrors, ::testing::ValuesIn(kOtherCases),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(HostErrors, SayWhatToDo) {
  const auto advice = [](int status, std::string_view body = "") {
    return classify(status, body).advice;
  };
  EXPECT_EQ(advice(401), "check the key; 'perdure doctor' shows which one is used for which host");
  EXPECT_EQ(advice(402), "check the account's balance and limits at the host");
  EXPECT_EQ(advice(404), "'perdure models' lists the models and the hosts that serve them");
  EXPECT_EQ(advice(301), "the address has moved: give the new one with --base-url");
  EXPECT_EQ(advice(500), "");
  EXPECT_EQ(advice(403, error_body("access_terminated_error",
                                   "Kimi For Coding is currently only available for Coding Agents "
                                   "such as Kimi CLI, Claude Code, Roo Code, Kilo Code, etc.")),
            "this subscription admits only the programs that its host names; use a key of "
            "platform.moonshot.ai (or platform.moonshot.cn)");
}

TEST(HostErrors, WaitAsLongAsTheHostAsks) {  // N01
  const std::string message = error_body("rate_limit_reached_error",
                                         "reached max RPM: 3, please try again after 4 seconds");
  EXPECT_EQ(classify(429, message).retry_after_ms, 4000);
  EXPECT_EQ(classify(429, message, "7").retry_after_ms, 7000);
  EXPECT_EQ(classify(429, message, "soon").retry_after_ms, 4000);
  EXPECT_EQ(classify(429, "", "86400").retry_after_ms, 86'400'000);
  EXPECT_EQ(classify(503, "", "Mon, 21 Sep 2026 14:14:20 GMT").retry_after_ms, 60'000);
  EXPECT_EQ(classify(429, "", "Mon, 21 Sep 2026 14:00:00 GMT").retry_after_ms, 0);
  EXPECT_EQ(classify(429, "").retry_after_ms, -1);
}

TEST(HostErrors, NameTheTraceThatSupportAsksFor) {
  json::Reader reader;
  const auto context = [&](std::vector<std::pair<std::string, std::string>> headers) {
    return classify_http_error(reader, {.status = 500, .headers = std::move(headers)}, "", kNow_ms)
        .context;
  };
  EXPECT_EQ(context({{"x-trace-id", "3f2a"}}), "x-trace-id 3f2a");
  EXPECT_EQ(context({{"x-request-id", "r"}, {"x-generation-id", "gen-1"}}),
            "x-generation-id gen-1");
  EXPECT_EQ(context({{"x-trace-id", "a\x1b\xff"}}), "x-trace-id a\\x1b\uFFFD");
  EXPECT_EQ(context({{"x-trace-id", std::string(5000, 'x')}}).size(), 111U);
  EXPECT_EQ(context({{"date", "today"}}), "");
}

// Errors in a stream or a body with status 200: the code is all that says which it is.
TEST(ErrorObjects, AreClassified) {
  const struct {
    std::string_view error;
    std::string_view verdict;
    std::string_view message;
  } kRows[] = {
      {R"({"code":"server_error","message":"disconnected"})", "server, later", "disconnected"},
      {R"({"code":429,"message":"slow down"})", "rate_limited, later", "slow down"},
      {R"({"code":"429","message":"slow down"})", "rate_limited, later", "slow down"},
      {R"({"code":429,"message":"try again after 3 seconds"})", "rate_limited, later than 3000 ms",
       "try again after 3 seconds"},
      {R"({"code":402,"message":"no credit"})", "quota", "no credit"},
      {R"({"code":502,"message":"bad upstream"})", "server, later", "bad upstream"},
      {R"({"code":20015,"message":"odd"})", "server, later", "odd"},
      {R"({"code":99999999999,"message":"odd"})", "server, later", "odd"},
      {R"({"type":"overloaded_error","message":"Overloaded"})", "overloaded, later", "Overloaded"},
      {R"({"type":"rate_limit_error","message":"slow"})", "rate_limited, later", "slow"},
      {R"({"message":"prompt is too long"})", "context_full", "prompt is too long"},
      {R"("plain text")", "server, later", "plain text"},
      {R"({"odd":1})", "server, later", R"({"odd":1})"},
  };
  for (const auto& row : kRows) {
    json::Reader reader;
    const Error error = classify_error_object(*reader.parse(row.error));
    EXPECT_EQ(verdict_of(error), row.verdict) << row.error;
    EXPECT_EQ(error.message, "the host reports an error: " + std::string(row.message));
  }
}

TEST(HostErrors, HoldNoIdsAndNoControlCharacters) {
  const struct {
    std::string_view message;
    std::string_view shown;
  } kRows[] = {
      {"org-0123456789abcdef", "org-***"},
      {"<ak-f7j4kcum8nw1>", "<ak-***>"},
      {"key sk-or-v1-0123456789, next", "key sk-***, next"},
      {"gsk_0123456 fw_0123456 hf_0123456 org_0123456 proj-0123456 proj_0123456",
       "gsk_*** fw_*** hf_*** org_*** proj-*** proj_***"},
      {"sk-short org-wide task-0123456789", "sk-short org-wide task-0123456789"},
      {"organization max RPM", "organization max RPM"},
      {"sk-", "sk-"},
      {"", ""},
  };
  for (const auto& row : kRows) EXPECT_EQ(without_ids(row.message), row.shown);

  const Error error = classify(400, R"({"error":{"message":"a\u001b[31mred\nline \u202e"}})");
  EXPECT_EQ(error.message, "HTTP 400: a\\x1b[31mred\\nline \\u{202e}");
  const Error huge = classify(400, R"({"error":{"message":")" + std::string(100'000, 'x') + "\"}}");
  EXPECT_LE(huge.message.size(), 1100U);
}

TEST(HostErrors, DoNotRepeatTheKey) {
  EXPECT_EQ(without_secret("no key abc123! abc123", "abc123"), "no key ***! ***");
  EXPECT_EQ(without_secret("abc", ""), "abc");
  EXPECT_EQ(without_secret("", "abc"), "");
  const Error error =
      classify(401, error_body("", "Incorrect API key provided: sk-0123456789abcdef"));
  EXPECT_EQ(error.message, "HTTP 401: Incorrect API key provided: sk-***");
}

}  // namespace
}  // namespace perdure
