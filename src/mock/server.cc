#include "mock/server.h"

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <unordered_map>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <fmt/format.h>

#include "mock/connection.h"
#include "mock/endpoint.h"
#include "os/descriptor.h"

namespace perdure {
namespace {

constexpr int kBacklog = 1024;
// How long nothing is accepted after the process ran out of descriptors; without it the loop would
// spin.
constexpr std::int64_t kAcceptPauseMs = 100;

struct Listener {
  Descriptor socket;
  int port = 0;
};

Result<Listener> listen_on_loopback(int port) {
  const auto failed = [&](std::string_view what) {
    Error error = system_error(ErrorCode::kNetwork, std::string(what), errno,
                               fmt::format("127.0.0.1:{}", port));
    error.advice = "choose another port, or port 0 for one that is free";
    return error;
  };
  if (port < 0 || port > 65535) {
    return Error{.code = ErrorCode::kInvalidArgument,
                 .message = fmt::format("{} is no port: 0 to 65535 are", port)};
  }
  Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return failed("cannot make a socket");
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(socket.get(), generic, sizeof address) != 0) return failed("cannot bind the port");
  if (::listen(socket.get(), kBacklog) != 0) return failed("cannot listen");
  socklen_t size = sizeof address;
  if (::getsockname(socket.get(), generic, &size) != 0) return failed("cannot read the port");
  return Listener{std::move(socket), ntohs(address.sin_port)};
}

Status make_directory(const std::string& path) {
  if (path.empty()) return {};
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (!error) return {};
  Error told =
      system_error(ErrorCode::kStore, "cannot make the directory for records", error.value(), path);
  told.advice = "name a folder that you may write";
  return told;
}

}  // namespace

struct MockServer::Impl {
  Loop& loop;
  mock::Endpoint endpoint;
  Listener listener;
  std::unordered_map<std::uint64_t, std::unique_ptr<mock::Connection>> connections;
  std::uint64_t last_connection = 0;
  Timer pause;
  Watch watch;

  void accept_all() {
    while (true) {
      Descriptor socket(
          ::accept4(listener.socket.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (socket.valid()) {
        add(std::move(socket));
      } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        watch.change({});
        pause = loop.start_timer(kAcceptPauseMs, [this] { watch.change({.readable = true}); });
        return;
      } else if (errno != EINTR && errno != ECONNABORTED) {
        return;
      }
    }
  }

  void add(Descriptor socket) {
    const int on = 1;
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    endpoint.count_connection();
    const std::uint64_t id = ++last_connection;
    connections.emplace(id,
                        std::make_unique<mock::Connection>(loop, std::move(socket), endpoint,
                                                           [this, id] { connections.erase(id); }));
  }
};

MockServer::MockServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
MockServer::~MockServer() = default;

Result<std::unique_ptr<MockServer>> MockServer::start(Loop& loop, MockScript script,
                                                      MockOptions options) {
  if (Status status = make_directory(options.record_directory); !status.ok()) return status.error();
  Result<Listener> listener = listen_on_loopback(options.port);
  if (!listener.ok()) return listener.error();
  auto impl =
      std::make_unique<Impl>(Impl{.loop = loop,
                                  .endpoint = mock::Endpoint(std::move(script), std::move(options)),
                                  .listener = std::move(*listener)});
  Impl* const server = impl.get();
  impl->watch = loop.watch(impl->listener.socket.get(), {.readable = true},
                           [server](Readiness) { server->accept_all(); });
  return std::unique_ptr<MockServer>(std::make_unique<MockServer>(std::move(impl)));
}

int MockServer::port() const {
  return impl_->listener.port;
}

std::string MockServer::base_url() const {
  return fmt::format("http://127.0.0.1:{}/v1", port());
}

MockStatistics MockServer::statistics() const {
  return impl_->endpoint.statistics();
}

}  // namespace perdure
