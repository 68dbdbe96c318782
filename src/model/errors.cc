#include "model/errors.h"

#include <array>
#include <cctype>
#include <charconv>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "base/text.h"
#include "base/utf8.h"
#include "model/page_text.h"
#include "net/rate_limits.h"
#include "net/retry.h"

namespace perdure {
namespace {

struct Pattern {
  std::string_view text;  // in lower case; found in "type code message"
  ErrorCode code;
};

// The first that matches wins. Quota before rate, because both come as 429; context before
// everything else of a 400.
constexpr std::array kPatterns = {
    Pattern{"exceeded_current_quota", ErrorCode::kQuota},
    Pattern{"exceeded your current quota", ErrorCode::kQuota},
    Pattern{"exceeded your current token quota", ErrorCode::kQuota},
    Pattern{"check your account balance", ErrorCode::kQuota},
    Pattern{"insufficient balance", ErrorCode::kQuota},
    Pattern{"insufficient_quota", ErrorCode::kQuota},
    Pattern{"credit balance", ErrorCode::kQuota},  // Anthropic, as a 400
    Pattern{"billing_error", ErrorCode::kQuota},
    Pattern{"please recharge", ErrorCode::kQuota},
    Pattern{"account in arrears", ErrorCode::kQuota},
    Pattern{"spend limit", ErrorCode::kQuota},
    Pattern{"spending limit", ErrorCode::kQuota},
    Pattern{"billing_hard_limit", ErrorCode::kQuota},
    Pattern{"your usage limit", ErrorCode::kQuota},  // of a subscription, as a 403
    Pattern{"monthly usage limit", ErrorCode::kQuota},
    Pattern{"weekly usage limit", ErrorCode::kQuota},
    Pattern{"(7-day) usage limit", ErrorCode::kQuota},
    Pattern{"max tpd", ErrorCode::kQuota},  // tokens per day: no backoff outlasts it
    Pattern{"tpd rate limit", ErrorCode::kQuota},
    Pattern{"overloaded", ErrorCode::kOverloaded},
    Pattern{"server_unavailable", ErrorCode::kOverloaded},
    Pattern{"rate_limit", ErrorCode::kRateLimited},
    Pattern{"exceed_context_size", ErrorCode::kContextFull},
    Pattern{"context_length", ErrorCode::kContextFull},
    Pattern{"context length", ErrorCode::kContextFull},
    Pattern{"maximum context", ErrorCode::kContextFull},
    Pattern{"context window", ErrorCode::kContextFull},
    Pattern{"available context size", ErrorCode::kContextFull},
    Pattern{"input token length too long", ErrorCode::kContextFull},
    Pattern{"input token count", ErrorCode::kContextFull},
    Pattern{"exceeded model token limit", ErrorCode::kContextFull},
    Pattern{"exceeds max tokens", ErrorCode::kContextFull},
    Pattern{"prompt is too long", ErrorCode::kContextFull},
    Pattern{"exceed context limit", ErrorCode::kContextFull},  // of input and max_tokens together
    Pattern{"request_too_large", ErrorCode::kTooLarge},
    Pattern{"too many tokens", ErrorCode::kContextFull},
    Pattern{"input is too long", ErrorCode::kContextFull},
    Pattern{"maximum prompt length", ErrorCode::kContextFull},
    Pattern{"prompt token count", ErrorCode::kContextFull},
    Pattern{"prompt exceeds max length", ErrorCode::kContextFull},
    Pattern{"range of input length", ErrorCode::kContextFull},
    Pattern{"reduce the length of the messages", ErrorCode::kContextFull},
    Pattern{"`inputs` tokens", ErrorCode::kContextFull},
    Pattern{"total message size", ErrorCode::kTooLarge},  // in bytes, as a 400
    Pattern{"content_filter", ErrorCode::kContentFiltered},
    Pattern{"considered high risk", ErrorCode::kContentFiltered},
    Pattern{"input was flagged", ErrorCode::kContentFiltered},  // OpenRouter, as a 403
    Pattern{"access_terminated", ErrorCode::kKeyRejected},
    Pattern{"invalid_authentication", ErrorCode::kKeyRejected},
    Pattern{"incorrect_api_key", ErrorCode::kKeyRejected},
    Pattern{"authentication_error", ErrorCode::kKeyRejected},
    Pattern{"permission_error", ErrorCode::kKeyRejected},
    Pattern{"not_found_error", ErrorCode::kModelNotFound},
    Pattern{"resource_not_found", ErrorCode::kModelNotFound},
    Pattern{"not found the model", ErrorCode::kModelNotFound},
};

ErrorCode code_of_status(int status) {
  switch (status) {
    case 400:
    case 405:
    case 422:
      return ErrorCode::kBadRequest;
    case 401:
    case 403:
      return ErrorCode::kKeyRejected;
    case 402:
      return ErrorCode::kQuota;
    case 404:
      return ErrorCode::kModelNotFound;
    case 408:
      return ErrorCode::kTimeout;
    case 413:
      return ErrorCode::kTooLarge;  // of what, only the message may know (N07)
    case 429:
      return ErrorCode::kRateLimited;
    case 503:
    case 529:
      return ErrorCode::kOverloaded;
    default:
      break;
  }
  if (status >= 500 || status == 409 || status == 425) return ErrorCode::kServer;
  if (status >= 300 && status < 400) return ErrorCode::kBadRequest;
  if (status >= 400) return ErrorCode::kBadRequest;
  return ErrorCode::kBadReply;
}

Retry retry_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kRateLimited:
    case ErrorCode::kOverloaded:
    case ErrorCode::kServer:
    case ErrorCode::kTimeout:
    case ErrorCode::kBadReply:
    case ErrorCode::kStreamCut:
    case ErrorCode::kNetwork:
      return Retry::kLater;
    default:
      return Retry::kNo;
  }
}

// A message says more than its status, but may also quote the request, or speak of tokens by the
// minute: it does not make a refused request one to send again, nor a request that came too soon
// one that is too long.
bool contradicts(int status, ErrorCode code) {
  if (status == 429) return code == ErrorCode::kContextFull;
  return (status == 400 || status == 422) && code == ErrorCode::kRateLimited;
}

/// `status` is 0 where there is none.
std::optional<ErrorCode> code_of_text(std::string_view text, int status) {
  const std::string lower = to_lower_ascii(text);
  for (const Pattern& pattern : kPatterns) {
    if (contradicts(status, pattern.code)) continue;
    if (lower.find(pattern.text) != std::string::npos) return pattern.code;
  }
  return std::nullopt;
}

// What a host says, fit for a person and for the journal.
std::string shown(std::string_view message) {
  constexpr std::size_t kMessageMax = 1000;
  return without_ids(printable(utf8_prefix(trim(message), kMessageMax)));
}

// What a host's support asks for, when the host gives it.
std::string trace_of(const HttpHead& head) {
  constexpr std::size_t kTraceMax = 100;
  for (const std::string_view name :
       {"x-trace-id", "x-generation-id", "x-request-id", "request-id"}) {
    const std::string value = to_valid_utf8(head.header(name).substr(0, kTraceMax));
    if (!value.empty()) return fmt::format("{} {}", name, printable(value));
  }
  return {};
}

struct HostError {
  std::string message;
  std::string all;  // type, code and message, for the patterns
  int status = 0;   // a numeric code, as OpenRouter and llama.cpp give it
  std::vector<std::pair<std::string, std::string>> headers = {};  // those that OpenRouter got
};

// Three digits that could be a status; some hosts send the number as a string.
int status_in(const json::Value& code) {
  std::int64_t number = code.integer_or(0);
  if (const std::optional<std::string_view> text = code.string()) {
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
    if (error != std::errc() || end != text->data() + text->size()) number = 0;
  }
  return number >= 100 && number < 1000 ? static_cast<int>(number) : 0;
}

// {"error":{"message","type","code"}}, {"error":"text"}, {"message":..}, {"detail":..}: all are
// sent by somebody.
HostError read_error(const json::Value& body) {
  const json::Value error = body.get("error") ? body.get("error") : body;
  HostError out;
  if (error.is_string()) out.message = error.string_or("");
  for (const std::string_view key : {"message", "detail", "msg"}) {
    if (out.message.empty()) out.message = error.get(key).string_or("");
  }
  const json::Value code = error.get("code");
  out.status = status_in(code);
  out.all =
      fmt::format("{} {} {}", error.get("type").string_or(""), code.string_or(""), out.message);
  // A router's own words ("Provider returned error") say nothing; what its provider said is inside.
  const json::Value metadata = error.get("metadata");
  for (const auto& [name, value] : metadata.get("headers").members()) {
    const std::string text = value.is_string() ? std::string(value.string_or("")) : value.text();
    out.headers.emplace_back(to_lower_ascii(name), text);
  }
  const std::string raw(metadata.get("raw").string_or(""));
  if (raw.empty()) return out;
  json::Reader reader;
  const Result<json::Value> parsed = reader.parse(raw);
  const HostError inner = parsed.ok() && parsed->is_object() ? read_error(*parsed) : HostError{};
  const std::string said = inner.message.empty() ? readable_start(raw) : inner.message;
  out.message += (out.message.empty() ? "" : ": ") + said;
  out.all += " " + (inner.all.empty() ? raw : inner.all);
  return out;
}

std::string advice_for(ErrorCode code, int status, const HostError& host) {
  if (host.message.find("only available for Coding Agents") != std::string::npos) {
    return "this subscription admits only the programs that its host names; use a key of "
           "platform.moonshot.ai (or platform.moonshot.cn)";
  }
  switch (code) {
    case ErrorCode::kKeyRejected:
      return "check the key; 'perdure doctor' shows which one is used for which host";
    case ErrorCode::kQuota:
      return "check the account's balance and limits at the host";
    case ErrorCode::kTooLarge:
      return "the body of the request is larger than the host, or a proxy before it, takes: begin "
             "a new run with what matters, or raise its limit (client_max_body_size in nginx)";
    case ErrorCode::kModelNotFound:
      return "'perdure models' lists the models and the hosts that serve them";
    default:
      break;
  }
  if (status >= 300 && status < 400)
    return "the address has moved: give the new one with --base-url";
  return {};
}

// How long the host asks to wait. Of its limits in headers only after a refusal for a limit: hosts
// send them with every answer.
std::optional<std::int64_t> wait_of(ErrorCode code, const HttpHead& head, const HostError& host,
                                    std::int64_t now_ms) {
  std::optional<std::int64_t> wait = parse_retry_after(head.header("retry-after"), now_ms);
  if (!wait) wait = retry_after_in_message(host.message);
  if (wait || code != ErrorCode::kRateLimited) return wait;
  wait = wait_for_reset(read_rate_limits(head.headers, now_ms));
  return wait ? wait : wait_for_reset(read_rate_limits(host.headers, now_ms));
}

}  // namespace

bool is_structural(int status, const Error& error) {
  // With 200, and none, it is an error object that says so.
  const bool may_be = status == 0 || status == 200 || status == 400 || status == 422;
  return may_be && error.code == ErrorCode::kBadRequest;
}

std::string without_ids(std::string_view message) {
  constexpr std::array<std::string_view, 9> kPrefixes = {"org-", "org_", "proj-", "proj_", "ak-",
                                                         "sk-",  "gsk_", "fw_",   "hf_"};
  constexpr std::size_t kIdMin = 6;
  std::string out;
  for (std::size_t at = 0; at < message.size();) {
    std::size_t end = at;
    for (const std::string_view prefix : kPrefixes) {
      const bool at_word =
          at == 0 || std::isalnum(static_cast<unsigned char>(message[at - 1])) == 0;
      if (!at_word || message.substr(at, prefix.size()) != prefix) continue;
      end = at + prefix.size();
      while (end < message.size() && (std::isalnum(static_cast<unsigned char>(message[end])) != 0 ||
                                      message[end] == '-' || message[end] == '_')) {
        ++end;
      }
      if (end - at < prefix.size() + kIdMin) end = at;
      if (end > at) out += std::string(prefix) + "***";
      break;
    }
    if (end == at) out += message[end++];
    at = end;
  }
  return out;
}

std::string without_secret(std::string_view message, std::string_view secret) {
  constexpr std::size_t kTellingBytes = 8;  // so much of a key is no accident
  const std::string_view start = secret.substr(0, kTellingBytes);
  std::string out;
  while (!start.empty()) {
    const std::size_t at = message.find(start);
    if (at == std::string_view::npos) break;
    std::size_t size = start.size();
    while (size < secret.size() && at + size < message.size() && message[at + size] == secret[size])
      ++size;
    out += message.substr(0, at);
    out += "***";
    message.remove_prefix(at + size);
  }
  return out += message;
}

json::Value error_in(const json::Value& body) {
  if (const json::Value error = body.get("error")) return error;
  if (body.get("choices")) return {};
  const bool is_error =
      body.get("object").string_or("") == "error" || body.get("type").string_or("") == "error";
  const bool has_words = !body.get("message").string_or("").empty() || body.get("detail");
  return is_error || has_words ? body : json::Value();
}

Error classify_http_error(json::Reader& reader, const HttpHead& head, std::string_view body,
                          std::int64_t now_ms) {
  HostError host;
  const Result<json::Value> parsed = reader.parse(body);
  if (parsed.ok() && parsed->is_object()) host = read_error(*parsed);
  Error error{.code = code_of_status(head.status)};
  const std::optional<ErrorCode> better = code_of_text(host.all, head.status);
  if (better) error.code = *better;
  const std::string detail = shown(host.message.empty() ? readable_start(body) : host.message);
  error.message = fmt::format("HTTP {}{}{}", head.status, detail.empty() ? "" : ": ", detail);
  error.context = trace_of(head);
  error.advice = advice_for(error.code, head.status, host);
  error.retry = retry_of(error.code);
  error.retry_after_ms = wait_of(error.code, head, host, now_ms).value_or(-1);
  return error;
}

Error classify_error_object(const json::Value& value) {
  const HostError host = read_error(value);
  Error error{.code = ErrorCode::kServer};
  if (host.status >= 400) {
    error.code = code_of_status(host.status);
  } else if (value.get("type").string_or("") == "error" &&
             value.get("error").get("type").string_or("") == "invalid_request_error") {
    error.code = ErrorCode::kBadRequest;  // of Anthropic, whose types stand for a status
  }
  const std::optional<ErrorCode> better = code_of_text(host.all, host.status);
  if (better) error.code = *better;
  error.message =
      "the host reports an error: " + shown(host.message.empty() ? value.text() : host.message);
  error.advice = advice_for(error.code, 0, host);
  error.retry = retry_of(error.code);
  error.retry_after_ms = retry_after_in_message(host.message).value_or(-1);
  return error;
}

}  // namespace perdure
