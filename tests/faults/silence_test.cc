// Peers that vanish without a word (fault N34), as behind a router that forgot the connection or
// after a suspend. Packets are dropped by a filter at the peer's own socket, so that nothing that
// the client sends is acknowledged; the kernel's limits must end the wait, long before those of a
// request that may think for minutes.
#include <array>
#include <memory>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <gtest/gtest.h>

#include "os/descriptor.h"
#include "tests/support/http_exchange.h"

namespace perdure {
namespace {

using test::ByteScript;
using test::ByteServer;
using test::call;
using test::Exchanged;
using test::hold;
using test::receive_request;
using test::send;
using test::wait_ms;

using FaultSilence = test::HttpExchangeTest;

// Programs of the kernel's packet filter; what they return of a packet is kept. They see it from
// its TCP header on.
constexpr std::array kDropAll = {sock_filter{BPF_RET | BPF_K, 0, 0, 0}};
constexpr std::array kDropPayload = {
    sock_filter{BPF_LD | BPF_B | BPF_ABS, 0, 0, 12},  // the length of the header, in words
    sock_filter{BPF_ALU | BPF_AND | BPF_K, 0, 0, 0xF0},
    sock_filter{BPF_ALU | BPF_RSH | BPF_K, 0, 0, 2},
    sock_filter{BPF_MISC | BPF_TAX, 0, 0, 0},
    sock_filter{BPF_LD | BPF_W | BPF_LEN, 0, 0, 0},
    sock_filter{BPF_ALU | BPF_SUB | BPF_X, 0, 0, 0},
    sock_filter{BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0},
    sock_filter{BPF_RET | BPF_K, 0, 0, 0xFFFF},
    sock_filter{BPF_RET | BPF_K, 0, 0, 0},
};

template <std::size_t Size>
void attach(int socket, const std::array<sock_filter, Size>& filter) {
  std::array<sock_filter, Size> copy = filter;
  const sock_fprog program{.len = Size, .filter = copy.data()};
  ASSERT_EQ(::setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program), 0);
}

// The connections of this process that a server on this port has accepted.
std::vector<int> accepted_at(int port) {
  constexpr int kDescriptorsMax = 4'096;
  std::vector<int> found;
  for (int descriptor = 0; descriptor < kDescriptorsMax; ++descriptor) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0) continue;
    if (address.sin_family != AF_INET || ntohs(address.sin_port) != port) continue;
    size = sizeof address;
    if (::getpeername(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0) continue;
    found.push_back(descriptor);
  }
  return found;
}

TEST_F(FaultSilence, N34_NothingOfTheRequestIsAcknowledged) {
  auto [listener, port] = test::bind_to_loopback();
  attach(listener.get(), kDropPayload);
  ASSERT_EQ(::listen(listener.get(), 4), 0);
  HttpRequest request = request_to("http://127.0.0.1:" + std::to_string(port) + "/v1");
  request.timeouts.unacknowledged_ms = 300;
  const Exchanged exchanged = exchange(std::move(request));
  EXPECT_EQ(exchanged.end_or_cut(), "cut") << "as what is tried again, not by a limit of ours";
}

TEST_F(FaultSilence, N34_ThePeerVanishesWhileTheReplyComes) {
  std::unique_ptr<ByteServer> server;
  std::vector<int> silenced;
  server = std::make_unique<ByteServer>(std::vector<ByteScript>{
      {receive_request(), send("HTTP/1.1 200 OK\r\n\r\nhalf"), wait_ms(50), call([&] {
         silenced = accepted_at(server->port());
         for (const int connection : silenced) attach(connection, kDropAll);
       }),
       hold()}});
  HttpRequest request = request_to(server->url());
  request.timeouts.unacknowledged_ms = 2'000;
  const Exchanged exchanged = exchange(std::move(request));
  server.reset();  // what its thread has written can be read now
  EXPECT_EQ(silenced.size(), 1U);
  EXPECT_EQ(exchanged.body, "half");
  EXPECT_EQ(exchanged.end(), "stream_cut");
}

}  // namespace
}  // namespace perdure
