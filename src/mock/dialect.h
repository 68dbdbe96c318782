// How the dialects of hosts differ, as data: in what they send, and in which fields they take.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "json/reader.h"
#include "mock/script.h"

namespace perdure::mock {

/// Where a stream reports its usage. Each one also sends the chunk without choices when the request
/// asked for it.
enum class UsagePlace : std::uint8_t {
  kInChoice,      ///< choices[0].usage of the chunk with the finish reason.
  kInLastChoice,  ///< usage and x_groq.usage of that chunk.
  kAlone,         ///< Only the chunk without choices.
};

struct DialectTraits {
  std::string_view reasoning_field;
  bool reasoning_details = false;  ///< The same text again, as a list of parts.
  bool comments = false;     ///< Keep-alive comments in streams, white space before other bodies.
  bool whole_calls = false;  ///< One chunk for each call.
  bool plain_ids = false;    ///< Of calls: "NAME_K" instead of "functions.NAME:K".
  UsagePlace usage = UsagePlace::kAlone;
  /// Top-level fields that are known beside those of all.
  std::span<const std::string_view> fields;
};

const DialectTraits& traits_of(MockDialect dialect);
/// Of Anthropic's messages, whatever the dialect of the script.
const DialectTraits& messages_traits();

/// The reasoning of an assistant message in the history, as this dialect takes it; nothing when
/// there is none.
std::optional<std::string> reasoning_of(const DialectTraits& traits, const json::Value& message);

}  // namespace perdure::mock
