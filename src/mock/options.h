// What the scripted endpoint is told beside its script, and what it counts.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace perdure {

struct MockOptions {
  int port = 0;  ///< Of 127.0.0.1; 0 for one that is free.
  /// Gets one line, without a line feed, for each request; on the loop's thread.
  std::function<void(std::string_view line)> log;
  /// Each request body is written to 0001.json, 0002.json, ... there, also when it is refused;
  /// empty: nowhere.
  std::string record_directory;
};

struct MockStatistics {
  std::int64_t connections = 0;
  std::int64_t requests = 0;   ///< Chat requests.
  std::int64_t replies = 0;    ///< Replies of the script that were sent as they are.
  std::int64_t faults = 0;     ///< Scripted faults that were sent.
  std::int64_t refused = 0;    ///< Chat requests that broke a rule.
  std::int64_t malformed = 0;  ///< Requests that are not HTTP, or not for anything that is served.
};

}  // namespace perdure
