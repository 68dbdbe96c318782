#include "net/name_check.h"

#include <utility>

#include <netdb.h>
#include <sys/socket.h>

#include "os/thread_name.h"

namespace perdure {
namespace {

int ask_system(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int code = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (found != nullptr) ::freeaddrinfo(found);
  return code;
}

void tell(const std::weak_ptr<NameChecks::Pending>& asked, NameVerdict verdict) {
  const NameChecks::Check pending = asked.lock();
  if (pending != nullptr) pending->done(verdict);
}

}  // namespace

NameVerdict name_verdict(int code) {
  switch (code) {
    case EAI_NONAME:
    case EAI_NODATA:
    case EAI_ADDRFAMILY:
      return NameVerdict::kNoSuchName;
    default:
      return NameVerdict::kUnknown;
  }
}

NameChecks::NameChecks(Loop& loop, Resolve resolve)
    : loop_(loop), resolve_(resolve ? std::move(resolve) : Resolve(ask_system)) {}

NameChecks::~NameChecks() {
  if (thread_.joinable()) thread_.join();
}

NameChecks::Check NameChecks::check(const std::string& host,
                                    std::function<void(NameVerdict)> done) {
  auto pending = std::make_shared<Pending>(Pending{std::move(done)});
  const std::weak_ptr<Pending> asked = pending;
  if (*busy_) {
    loop_.post([asked] { tell(asked, NameVerdict::kUnknown); });
    return pending;
  }
  if (thread_.joinable()) thread_.join();  // it has answered
  *busy_ = true;
  thread_ = std::thread([asked, host, resolve = resolve_, busy = busy_, mailbox = loop_.mailbox()] {
    name_this_thread("perdure-name");
    const NameVerdict verdict = name_verdict(resolve(host));
    mailbox.post([asked, busy, verdict] {
      *busy = false;
      tell(asked, verdict);
    });
  });
  return pending;
}

}  // namespace perdure
