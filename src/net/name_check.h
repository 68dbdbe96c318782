// Why a name has no address: because there is no such name, or because no name server says so now.
// libcurl tells neither from the other, so the system is asked once more, on a thread of its own
// (fault N20). Used from the thread of the loop.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "loop/loop.h"

namespace perdure {

enum class NameVerdict : std::uint8_t {
  kNoSuchName,  ///< A name server says that the name does not exist, or has no address.
  kUnknown,     ///< Nobody said so: it may pass.
};

/// What an answer of getaddrinfo() means (EAI_NONAME, EAI_AGAIN, ...; 0 is an address).
NameVerdict name_verdict(int code);

class NameChecks {
 public:
  /// Asks for the addresses of a host; gives the code of getaddrinfo(). May take long.
  using Resolve = std::function<int(const std::string& host)>;
  struct Pending {
    std::function<void(NameVerdict)> done;
  };
  /// A question under way; dropping it takes it back.
  using Check = std::shared_ptr<Pending>;

  /// Without `resolve` the system is asked.
  NameChecks(Loop& loop, Resolve resolve);
  /// Waits for the system's answer, as libcurl does.
  ~NameChecks();
  NameChecks(const NameChecks&) = delete;
  NameChecks& operator=(const NameChecks&) = delete;

  /// `done` is called from the loop, never from within this call. One name is looked at at a time;
  /// of another nothing is known then.
  [[nodiscard]] Check check(const std::string& host, std::function<void(NameVerdict)> done);

 private:
  Loop& loop_;
  Resolve resolve_;
  std::thread thread_;
  std::shared_ptr<bool> busy_ = std::make_shared<bool>(false);  // of the loop's thread
};

}  // namespace perdure
