#include "mock/plan.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "mock/reply_body.h"

namespace perdure::mock {
namespace {

struct KnownError {
  int status;
  std::string_view type;
  std::string_view message;
};

// The first of a status is its usual one.
constexpr std::array kKnownErrors = {
    KnownError{400, "invalid_request_error", "Invalid request: the request is malformed"},
    KnownError{400, "content_filter",
               "The request was rejected because it was considered high risk"},
    KnownError{401, "invalid_authentication_error", "Invalid Authentication"},
    KnownError{401, "incorrect_api_key_error", "Incorrect API key provided"},
    KnownError{
        402, "exceeded_current_quota_error",
        "Your account is suspended due to insufficient balance, please recharge your account"},
    KnownError{403, "permission_denied_error", "The API you are accessing is not open"},
    KnownError{403, "access_terminated_error",
               "You've reached your usage limit for this billing cycle"},
    KnownError{404, "resource_not_found_error", "Not found the model or Permission denied"},
    KnownError{408, "timeout_error", "Request timed out"},
    KnownError{413, "invalid_request_error", "Request exceeds the maximum size"},
    KnownError{429, "rate_limit_reached_error",
               "Your account org-mock<ak-mock> request reached organization max RPM: 500, please "
               "try again after 1 seconds"},
    KnownError{429, "engine_overloaded_error",
               "The engine is currently overloaded, please try again later"},
    KnownError{429, "exceeded_current_quota_error",
               "You exceeded your current token quota: 0, please check your account balance"},
    KnownError{500, "server_error", "The server had an error while processing your request"},
    KnownError{500, "unexpected_output", "invalid state transition"},
    KnownError{503, "server_unavailable", "The service is temporarily unavailable"},
    KnownError{529, "server_unavailable", "The service is overloaded, please try again later"},
};

std::string_view reason_phrase(int status) {
  struct Phrase {
    int status;
    std::string_view text;
  };
  constexpr std::array kPhrases = {
      Phrase{200, "OK"},
      Phrase{400, "Bad Request"},
      Phrase{401, "Unauthorized"},
      Phrase{402, "Payment Required"},
      Phrase{403, "Forbidden"},
      Phrase{404, "Not Found"},
      Phrase{405, "Method Not Allowed"},
      Phrase{408, "Request Timeout"},
      Phrase{413, "Content Too Large"},
      Phrase{429, "Too Many Requests"},
      Phrase{431, "Request Header Fields Too Large"},
      Phrase{500, "Internal Server Error"},
      Phrase{501, "Not Implemented"},
      Phrase{502, "Bad Gateway"},
      Phrase{503, "Service Unavailable"},
      Phrase{504, "Gateway Timeout"},
      Phrase{505, "HTTP Version Not Supported"},
  };
  for (const Phrase& phrase : kPhrases) {
    if (phrase.status == status) return phrase.text;
  }
  return "Scripted";
}

std::size_t total_bytes(const std::vector<std::string>& pieces) {
  std::size_t bytes = 0;
  for (const std::string& piece : pieces) bytes += piece.size();
  return bytes;
}

// Takes the first `bytes` bytes off the pieces.
std::vector<std::string> take_front(std::vector<std::string>& pieces, std::size_t bytes) {
  std::vector<std::string> front;
  std::size_t whole = 0;
  while (whole < pieces.size() && pieces[whole].size() <= bytes) bytes -= pieces[whole++].size();
  const auto middle = pieces.begin() + static_cast<std::ptrdiff_t>(whole);
  front.assign(std::make_move_iterator(pieces.begin()), std::make_move_iterator(middle));
  pieces.erase(pieces.begin(), middle);
  if (bytes == 0 || pieces.empty()) return front;
  front.push_back(pieces.front().substr(0, bytes));
  pieces.front().erase(0, bytes);
  return front;
}

// The same bytes in pieces of one size, wherever that cuts.
std::vector<std::string> cut_anywhere(const std::vector<std::string>& pieces, std::size_t bytes) {
  std::string all;
  for (const std::string& piece : pieces) all += piece;
  std::vector<std::string> cut;
  for (std::size_t at = 0; at < all.size(); at += bytes) cut.push_back(all.substr(at, bytes));
  return cut;
}

// Puts the pieces of a body behind its head, framed as the connection needs it.
class PlanWriter {
 public:
  // `length`: what Content-Length promises; nothing for a stream.
  PlanWriter(ConnectionWish wish, const ReplyBody& body, std::optional<std::size_t> length)
      : chunk_delay_ms_(body.chunk_delay_ms),
        wire_bytes_(body.wire_bytes),
        chunked_(!length && wish.takes_chunks) {
    // Without chunks only the end of the connection ends a stream.
    const bool keeps = wish.keep_alive && (length || chunked_);
    std::string head = fmt::format(
        "HTTP/1.1 200 OK\r\nContent-Type: {}\r\n",
        body.streams ? "text/event-stream; charset=utf-8" : "application/json; charset=utf-8");
    if (length) head += fmt::format("Content-Length: {}\r\n", *length);
    if (body.streams) head += "Cache-Control: no-cache\r\n";
    if (chunked_) head += "Transfer-Encoding: chunked\r\n";
    if (!keeps) head += "Connection: close\r\n";
    plan_.end = keeps ? ConnectionEnd::kKeep : ConnectionEnd::kClose;
    plan_.steps.push_back({.delay_ms = body.delay_ms, .bytes = head + "\r\n"});
  }

  PlanWriter& add(const std::vector<std::string>& pieces) {
    for (const std::string& piece : wire_bytes_ > 0 ? cut_anywhere(pieces, wire_bytes_) : pieces) {
      if (piece.empty()) continue;
      if (chunk_delay_ms_ > 0 && any_) plan_.steps.push_back({.delay_ms = chunk_delay_ms_});
      any_ = true;
      std::string& bytes = plan_.steps.back().bytes;
      bytes += chunked_ ? fmt::format("{:x}\r\n{}\r\n", piece.size(), piece) : piece;
    }
    return *this;
  }

  PlanWriter& pause(std::int64_t delay_ms) {
    plan_.steps.push_back({.delay_ms = delay_ms});
    return *this;
  }

  // The body is complete.
  ResponsePlan finish() {
    if (chunked_) plan_.steps.back().bytes += "0\r\n\r\n";
    return std::move(plan_);
  }

  // The body stops here, and the connection with it.
  ResponsePlan stop(ConnectionEnd end) {
    plan_.end = end;
    return std::move(plan_);
  }

 private:
  std::int64_t chunk_delay_ms_;
  std::size_t wire_bytes_;
  bool chunked_;
  bool any_ = false;
  ResponsePlan plan_;
};

std::optional<std::size_t> length_of(const ReplyBody& body) {
  if (body.streams) return std::nullopt;
  return total_bytes(body.pieces);
}

ResponsePlan plan_stream_error(ConnectionWish wish, ReplyBody front, const std::string& error) {
  if (!front.streams) {
    // Without a stream the error is the body, still under status 200.
    constexpr std::string_view kPrefix = "data: ";
    front.pieces = {error.substr(error.find(kPrefix) + kPrefix.size())};
  } else {
    // An event that was cut before ends here, or the error would be part of it.
    front.pieces.push_back("\n\n" + error);
  }
  return plan_reply(wish, front);
}

// Where a fault comes that does not say it: at half of the body. A host writes an error between two
// events.
std::size_t usual_place(FaultKind kind, const std::vector<std::string>& pieces) {
  const std::size_t half = total_bytes(pieces) / 2;
  if (kind != FaultKind::kStreamError) return half;
  std::size_t bytes = 0;
  for (const std::string& piece : pieces) {
    if (bytes + piece.size() > half) break;
    bytes += piece.size();
  }
  return bytes;
}

// The kinds that send the beginning of the body.
ResponsePlan plan_part(ConnectionWish wish, const ScriptedFault& fault, const ReplyBody& body,
                       const std::string& error) {
  const std::size_t bytes = fault.after_bytes ? static_cast<std::size_t>(*fault.after_bytes)
                                              : usual_place(fault.kind, body.pieces);
  ReplyBody rest = body;
  ReplyBody front = body;
  front.pieces = take_front(rest.pieces, bytes);
  if (fault.kind == FaultKind::kStreamError) return plan_stream_error(wish, front, error);
  if (fault.ending == CutEnding::kClean && fault.kind == FaultKind::kCut) {
    return plan_reply(wish, front);
  }
  PlanWriter writer(wish, body, length_of(body));
  writer.add(front.pieces);
  if (fault.kind == FaultKind::kStall)
    return writer.pause(fault.stall_ms).add(rest.pieces).finish();
  const bool reset = fault.ending == CutEnding::kReset;
  return writer.stop(reset ? ConnectionEnd::kReset : ConnectionEnd::kClose);
}

ResponsePlan only(std::string bytes, ConnectionEnd end) {
  ResponsePlan plan{.end = end};
  plan.steps.push_back({.bytes = std::move(bytes)});
  return plan;
}

ResponsePlan plan_scripted_answer(ConnectionWish wish, const ScriptedFault& fault) {
  HeaderList headers = fault.headers;
  if (!fault.retry_after.empty()) headers.emplace_back("Retry-After", fault.retry_after);
  return plan_answer(wish, fault.status, fault.content_type,
                     fault.body.value_or(default_error_body(fault.status, fault.error_type)),
                     headers);
}

ResponsePlan plan_without_delay(ConnectionWish wish, const ScriptedFault& fault, ReplyBody body,
                                const std::string& error) {
  switch (fault.kind) {
    case FaultKind::kAnswer:
      return plan_scripted_answer(wish, fault);
    case FaultKind::kRaw:
      return only(fault.body.value_or(""), ConnectionEnd::kClose);
    case FaultKind::kClose:
      return only("", ConnectionEnd::kClose);
    case FaultKind::kReset:
      return only("", ConnectionEnd::kReset);
    case FaultKind::kWithoutDone:
      if (body.streams) body.pieces.pop_back();
      return plan_reply(wish, body);
    case FaultKind::kDelay:
    case FaultKind::kEmpty:
      return plan_reply(wish, body);
    case FaultKind::kCut:
    case FaultKind::kStall:
    case FaultKind::kStreamError:
      break;
  }
  return plan_part(wish, fault, body, error);
}

}  // namespace

ResponsePlan plan_answer(ConnectionWish wish, int status, std::string_view content_type,
                         std::string_view body, const HeaderList& headers) {
  std::string bytes = fmt::format("HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n",
                                  status, reason_phrase(status), content_type, body.size());
  for (const auto& [name, value] : headers) bytes += fmt::format("{}: {}\r\n", name, value);
  if (!wish.keep_alive) bytes += "Connection: close\r\n";
  bytes += "\r\n";
  bytes += body;
  return only(std::move(bytes), wish.keep_alive ? ConnectionEnd::kKeep : ConnectionEnd::kClose);
}

ResponsePlan plan_reply(ConnectionWish wish, const ReplyBody& body) {
  return PlanWriter(wish, body, length_of(body)).add(body.pieces).finish();
}

ResponsePlan plan_fault(ConnectionWish wish, const ScriptedFault& fault, ReplyBody body,
                        const std::string& error) {
  ResponsePlan plan = plan_without_delay(wish, fault, std::move(body), error);
  plan.steps.front().delay_ms += fault.delay_ms;
  return plan;
}

std::string default_error_body(int status, std::string_view type) {
  for (const KnownError& known : kKnownErrors) {
    const bool wanted = known.status == status && (type.empty() || type == known.type);
    if (wanted) return error_body(known.message, known.type);
  }
  return error_body(fmt::format("scripted status {}", status),
                    type.empty() ? "server_error" : type);
}

}  // namespace perdure::mock
