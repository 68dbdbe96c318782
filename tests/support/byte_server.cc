#include "tests/support/byte_server.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <tuple>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/text.h"

namespace perdure::test {
namespace {

constexpr int kWaitMaxMs = 30'000;

}  // namespace

std::size_t request_bytes(std::string_view received) {
  constexpr std::string_view kLength = "content-length:";
  const std::size_t head_end = received.find("\r\n\r\n");
  if (head_end == std::string_view::npos) return 0;
  std::size_t body_bytes = 0;
  for (const std::string_view line : split(received.substr(0, head_end), '\n')) {
    if (to_lower_ascii(line.substr(0, kLength.size())) != kLength) continue;
    const std::string_view value = trim(line.substr(kLength.size()));
    std::from_chars(value.data(), value.data() + value.size(), body_bytes);
  }
  const std::size_t bytes = head_end + 4 + body_bytes;
  return bytes <= received.size() ? bytes : 0;
}

std::pair<Descriptor, int> bind_to_loopback() {
  Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  EXPECT_EQ(::bind(socket.get(), generic, size), 0);
  EXPECT_EQ(::getsockname(socket.get(), generic, &size), 0);
  return {std::move(socket), ntohs(address.sin_port)};
}

std::string http_answer(std::string_view body, std::string_view headers, int status) {
  return fmt::format("HTTP/1.1 {} Status\r\nContent-Length: {}\r\n{}\r\n{}", status, body.size(),
                     headers, body);
}

std::string http_chunk(std::string_view bytes) {
  return fmt::format("{:x}\r\n{}\r\n", bytes.size(), bytes);
}

struct ByteServer::Impl {
  std::vector<ByteScript> scripts;
  Descriptor listener;
  int port = 0;
  Descriptor stop;  // an eventfd that is readable once the server ends
  std::thread acceptor;
  std::vector<std::thread> threads;  // of connections; only the acceptor touches it
  mutable std::mutex mutex;
  mutable std::condition_variable ending;
  std::vector<std::string> requests;  // guarded by mutex
  std::size_t connections = 0;        // guarded by mutex
  std::size_t ended = 0;              // guarded by mutex

  // Whether the descriptor became ready; false when time is over or the server ends.
  bool wait(int descriptor, short events, int timeout_ms) const {
    std::array<pollfd, 2> waits = {{{.fd = descriptor, .events = events, .revents = 0},
                                    {.fd = stop.get(), .events = POLLIN, .revents = 0}}};
    const int ready = ::poll(waits.data(), waits.size(), timeout_ms);
    return ready > 0 && waits[1].revents == 0;
  }

  bool is_stopping() const {
    pollfd wait{.fd = stop.get(), .events = POLLIN, .revents = 0};
    return ::poll(&wait, 1, 0) > 0;
  }

  void accept_all() {
    while (wait(listener.get(), POLLIN, -1)) {
      Descriptor socket(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (!socket.valid()) continue;
      const std::lock_guard lock(mutex);
      const ByteScript& script = scripts[std::min(connections++, scripts.size() - 1)];
      threads.emplace_back([this, &script, socket = std::move(socket)]() mutable {
        play(script, socket);
        socket.reset();
        const std::lock_guard end_lock(mutex);
        ++ended;
        ending.notify_all();
      });
    }
    for (std::thread& thread : threads) thread.join();
  }

  void play(const ByteScript& script, const Descriptor& socket) {
    const int on = 1;
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    std::string received;
    for (const ByteStep& step : script) {
      if (!play_step(step, socket.get(), received)) return;
    }
  }

  // False when nothing may follow: the client is gone, or the connection was reset.
  bool play_step(const ByteStep& step, int socket, std::string& received) {
    switch (step.kind) {
      case ByteStep::Kind::kReceiveRequest:
        return receive_request(socket, received);
      case ByteStep::Kind::kReceiveBytes:
        while (received.size() < step.count) {
          if (!receive(socket, received)) return false;
        }
        return true;
      case ByteStep::Kind::kSend:
        return send_pieces(socket, step.bytes, step.count);
      case ByteStep::Kind::kWait:
        return !wait(socket, POLLRDHUP, static_cast<int>(step.count)) && !is_stopping();
      case ByteStep::Kind::kHold:
        while (receive(socket, received)) received.clear();
        return !is_stopping();
      case ByteStep::Kind::kCall:
        step.call();
        return true;
      case ByteStep::Kind::kReset: {
        const ::linger abort{.l_onoff = 1, .l_linger = 0};
        ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
        return false;
      }
    }
    return false;
  }

  bool receive(int socket, std::string& received) const {
    if (!wait(socket, POLLIN, kWaitMaxMs)) return false;
    std::array<char, 64 * 1024> buffer;
    const ssize_t got = ::recv(socket, buffer.data(), buffer.size(), 0);
    if (got <= 0) return false;
    received.append(buffer.data(), static_cast<std::size_t>(got));
    return true;
  }

  bool receive_request(int socket, std::string& received) {
    std::size_t bytes = request_bytes(received);
    for (; bytes == 0; bytes = request_bytes(received)) {
      if (!receive(socket, received)) return false;
    }
    const std::lock_guard lock(mutex);
    requests.push_back(received.substr(0, bytes));
    received.erase(0, bytes);
    return true;
  }

  bool send_pieces(int socket, std::string_view bytes, std::size_t piece_bytes) const {
    while (!bytes.empty()) {
      if (!wait(socket, POLLOUT, kWaitMaxMs)) return false;
      const std::string_view piece = bytes.substr(0, piece_bytes > 0 ? piece_bytes : bytes.size());
      const ssize_t sent = ::send(socket, piece.data(), piece.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno != EAGAIN && errno != EINTR) return false;
      if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
};

ByteServer::ByteServer(std::vector<ByteScript> connections) : impl_(std::make_unique<Impl>()) {
  impl_->scripts = std::move(connections);
  EXPECT_FALSE(impl_->scripts.empty());
  std::tie(impl_->listener, impl_->port) = bind_to_loopback();
  EXPECT_EQ(::listen(impl_->listener.get(), SOMAXCONN), 0);
  impl_->stop = Descriptor(::eventfd(0, EFD_CLOEXEC));
  impl_->acceptor = std::thread([this] { impl_->accept_all(); });
}

ByteServer::~ByteServer() {
  const std::uint64_t one = 1;
  EXPECT_EQ(::write(impl_->stop.get(), &one, sizeof one), static_cast<ssize_t>(sizeof one));
  impl_->acceptor.join();
}

int ByteServer::port() const {
  return impl_->port;
}

std::string ByteServer::url(std::string_view path) const {
  return fmt::format("http://127.0.0.1:{}{}", impl_->port, path);
}

std::vector<std::string> ByteServer::requests() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->requests;
}

std::size_t ByteServer::connections() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->connections;
}

bool ByteServer::wait_for_ends(std::size_t count) const {
  std::unique_lock lock(impl_->mutex);
  return impl_->ending.wait_for(lock, std::chrono::milliseconds(kWaitMaxMs),
                                [&] { return impl_->ended >= count; });
}

ClosedPort::ClosedPort() {
  std::tie(socket_, number_) = bind_to_loopback();
}

}  // namespace perdure::test
