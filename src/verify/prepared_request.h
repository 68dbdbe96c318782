// One line of a request file of the K2 Vendor Verifier, made ready to be sent: as the file has it,
// byte for byte and in its order, but for what the format and the person at the keyboard say.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <perdure/result.h>

namespace perdure::verify {

/// What takes the place of what the file says.
struct Overrides {
  std::string model;                       ///< The host's name for it; never empty.
  std::optional<double> temperature;       ///< Of all requests.
  std::optional<std::int64_t> max_tokens;  ///< Of all requests.
  std::optional<bool> stream;              ///< Of all requests.
  bool stream_usage = true;                ///< The host understands stream_options.include_usage.
};

struct PreparedRequest {
  std::string body;  ///< What is sent, but for members that --extra-body adds.
  std::string hash;  ///< Names the request in results.
  bool stream = false;
};

/// Errors: kInvalidArgument without a place, when the line is no JSON object with messages.
Result<PreparedRequest> prepare_request(std::string_view line, const Overrides& overrides);

/// The request with the members of another JSON object behind its own, instead of those of the same
/// names. `extra` is an object's text, or empty.
std::string with_members(std::string_view request, std::string_view extra);

}  // namespace perdure::verify
