// What an endpoint means by an error: status, headers and body in, one Error out. The patterns are
// those that Moonshot, OpenRouter, vLLM, llama.cpp and others really send; type first, message
// second, status last.
#pragma once

#include <cstdint>
#include <string_view>

#include <perdure/result.h>

#include "json/reader.h"
#include "net/http_client.h"

namespace perdure {

/// An HTTP answer that is not a reply. `now_ms` is milliseconds since 1970, for dates in
/// Retry-After.
Error classify_http_error(json::Reader& reader, const HttpHead& head, std::string_view body,
                          std::int64_t now_ms);

/// The error in a chunk or a body with status 200; absent when it holds none. Some hosts wrap it
/// ({"error":{..}}), some do not ({"object":"error","message":..,"code":..}; fault N14).
json::Value error_in(const json::Value& body);

/// An error object inside a stream or a body with status 200: {"message", "type"?, "code"?}.
Error classify_error_object(const json::Value& error);

/// Whether an answer with this status (0: there was none) and error refuses the form of the
/// request: not its key, size or subject, and not that it came too soon.
bool is_structural(int status, const Error& error);

/// Ids of organisations, projects and keys out of a host's message: they end up in logs and bug
/// reports.
std::string without_ids(std::string_view message);

/// The key that was sent, out of a message: some hosts repeat what they refuse. Also the beginning
/// of a key, where the message was cut.
std::string without_secret(std::string_view message, std::string_view secret);

}  // namespace perdure
