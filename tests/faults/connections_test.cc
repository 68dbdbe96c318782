// Rows of the fault table that need more than one answer of an endpoint, or a look at the
// connection itself, through the real client. What one answer means is in rows_test.cc.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "os/descriptor.h"
#include "tests/support/model_exchange.h"
#include "tests/support/tls_server.h"

namespace perdure {
namespace {

using test::Asked;
using test::ByteScript;
using test::ByteServer;
using test::ByteStep;
using test::call;
using test::delta;
using test::hold;
using test::http_answer;
using test::kStreamHead;
using test::receive_request;
using test::ScopedVariable;
using test::send;
using test::stream_of;
using test::TlsServer;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kHello = "stop: Hello";

std::string hello_events() {
  return stream_of({.chunks = {delta(R"({"content":"Hello"})", "stop")}});
}

ByteStep hello() {
  return send(kStreamHead + hello_events());
}

// What a host that speaks HTTP/2 says when it leaves.
const std::string kGoAway("\x00\x00\x08\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01",
                          17);

using FaultConnections = test::ModelExchangeTest;

TEST_F(FaultConnections, N11_NoKeyAndNoRequestGoesElsewhere) {
  const ByteServer other({{receive_request(), send(http_answer("stolen"))}});
  const Asked asked = ask(
      {receive_request(), send(http_answer("", "Location: " + other.url("/v1") + "\r\n", 307))});
  EXPECT_THAT(asked.end(), StartsWith("never bad_request: HTTP 307"));
  EXPECT_EQ(other.connections(), 0U);
}

TEST_F(FaultConnections, N19_NobodyListens) {
  const test::ClosedPort port;
  EXPECT_THAT(ask_at("http://127.0.0.1:" + std::to_string(port.number())).end(),
              StartsWith("later network: "));
}

TEST_F(FaultConnections, N19_TheNextAddressIsTried) {
  // The name has two addresses, and nobody listens at the first.
  const ByteServer server({{receive_request(), hello()}});
  EXPECT_EQ(ask_at("http://localhost:" + std::to_string(server.port())).end(), kHello);
}

TEST_F(FaultConnections, N20_NoSuchName) {
  // A label of 64 characters is refused without asking a name server.
  EXPECT_THAT(ask_at("http://" + std::string(64, 'a') + ".invalid").end(),
              StartsWith("later no_such_host: there is no host 'aaaa"));
}

// A peer that went away without a word, as behind a NAT that forgot the connection or after a
// suspend: the connection is given up and the next request gets a new one.
TEST_F(FaultConnections, N34_AConnectionThatDiedSilentlyIsNotUsedAgain) {
  const ByteStep answer = send(http_answer(hello_events()));
  const ByteServer server(
      {{receive_request(), answer, receive_request(), hold()}, {receive_request(), answer}});
  EXPECT_EQ(ask_at(server.url()).end(), kHello);
  EXPECT_EQ(ask_at(server.url(), {.first_byte_ms = 60}).end(),
            "later timeout: no reply came within 60 ms");
  EXPECT_EQ(server.connections(), 1U);
  EXPECT_EQ(ask_at(server.url()).end(), kHello);
  EXPECT_EQ(server.connections(), 2U);
}

// The options of this process's connections to a port: whether the kernel asks the peer from time
// to time if it is still there.
std::vector<int> keepalive_of_connections_to(int port) {
  constexpr int kDescriptorsMax = 4'096;
  std::vector<int> found;
  for (int descriptor = 0; descriptor < kDescriptorsMax; ++descriptor) {
    sockaddr_in peer{};
    socklen_t size = sizeof peer;
    if (::getpeername(descriptor, reinterpret_cast<sockaddr*>(&peer), &size) != 0) continue;
    if (peer.sin_family != AF_INET || ntohs(peer.sin_port) != port) continue;
    int on = 0;
    socklen_t on_size = sizeof on;
    EXPECT_EQ(::getsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, &on_size), 0);
    found.push_back(on != 0 ? 1 : 0);
  }
  return found;
}

TEST_F(FaultConnections, N34_TheKernelLooksAfterSilentConnections) {
  std::vector<int> found;
  std::unique_ptr<ByteServer> server;
  server = std::make_unique<ByteServer>(std::vector<ByteScript>{
      {receive_request(), call([&] { found = keepalive_of_connections_to(server->port()); }),
       hello()}});
  EXPECT_EQ(ask_at(server->url()).end(), kHello);
  EXPECT_THAT(found, testing::ElementsAre(1));
}

// What was compressed is not read, so that a megabyte that would become a gigabyte stays one.
TEST_F(FaultConnections, N37_NothingIsDecompressed) {
  const std::string bomb = std::string("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03", 10) +
                           std::string(std::size_t{8} << 20, '\0');
  const ByteServer server(
      {{receive_request(), send("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"), send(bomb),
        hold()}});
  const Asked asked = ask_at(server.url());
  EXPECT_THAT(asked.end(), StartsWith("later bad_reply: the reply is compressed"));
  ASSERT_EQ(asked.failures.size(), 1U);
  EXPECT_EQ(asked.failures[0].received_bytes, 0);
  EXPECT_TRUE(server.wait_for_ends(1)) << "the connection is still open";
}

// HTTP/2 is not spoken, so that its own ways to end a stream cannot occur: it is never offered.
TEST_F(FaultConnections, N39_OnlyHttp11IsOffered) {
  const TlsServer server({}, http_answer(hello_events()));
  const ScopedVariable trusted("CURL_CA_BUNDLE", server.authority_file());
  EXPECT_EQ(ask_at(server.url()).end(), kHello);
  EXPECT_THAT(server.offered_protocols(), testing::ElementsAre("http/1.1"));
  ASSERT_EQ(server.requests().size(), 1U);
  EXPECT_THAT(server.requests()[0], testing::Not(HasSubstr("Upgrade:")));
}

TEST_F(FaultConnections, N39_TheRequestAfterALeavingHostGetsANewConnection) {
  const ByteServer server(
      {{receive_request(), send(kGoAway), hold()}, {receive_request(), hello()}});
  EXPECT_THAT(ask_at(server.url()).end(), StartsWith("later bad_reply"));
  EXPECT_EQ(ask_at(server.url()).end(), kHello);
  EXPECT_EQ(server.connections(), 2U);
}

// A port of ::1 that answers no connection: its queue is full, so that the kernel drops what comes.
class BlackHole {
 public:
  explicit BlackHole(int port) : listener_(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_addr = in6addr_loopback;
    address.sin6_port = htons(static_cast<std::uint16_t>(port));
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);
    if (::bind(listener_.get(), generic, sizeof address) != 0) return;
    if (::listen(listener_.get(), 0) != 0) return;
    for (Descriptor& waiting : waiting_) {
      waiting = Descriptor(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      ::connect(waiting.get(), generic, sizeof address);
    }
    works_ = true;
  }
  bool works() const { return works_; }

 private:
  Descriptor listener_;
  Descriptor waiting_[3];
  bool works_ = false;
};

TEST_F(FaultConnections, N41_AnAddressThatSwallowsEverythingHoldsNothingUp) {
  const ByteServer server({{receive_request(), hello()}});
  const BlackHole hole(server.port());
  if (!hole.works()) GTEST_SKIP() << "this machine has no IPv6 of its own";
  // The first address alone would take all of the time to connect.
  EXPECT_THAT(ask_at("http://[::1]:" + std::to_string(server.port()), {.connect_ms = 300}).end(),
              StartsWith("later timeout: "));
  EXPECT_EQ(ask_at("http://localhost:" + std::to_string(server.port())).end(), kHello);
}

// The same for a name whose addresses are known: the first refuses, or swallows everything.
TEST_F(FaultConnections, N41_TheSecondAddressOfAName) {
  const ByteServer server({{receive_request(), send(http_answer("hi"))}});
  const BlackHole hole(server.port());
  std::vector<std::string> first = {"127.0.0.2"};
  if (hole.works()) first.emplace_back("[::1]");
  for (std::size_t i = 0; i < first.size(); ++i) {
    const std::string name =
        "name" + std::to_string(i) + ".invalid:" + std::to_string(server.port());
    HttpRequest request = request_to("http://" + name + "/v1");
    request.timeouts.connect_ms = 5'000;
    request.addresses = {name + ":" + first[i] + ",127.0.0.1"};
    EXPECT_EQ(exchange(request).end(), "ok") << first[i];
    request.addresses = {name + ":" + first[i]};
    request.timeouts.connect_ms = 300;
    EXPECT_NE(exchange(std::move(request)).end(), "ok") << first[i] << " alone leads nowhere";
  }
}

TEST_F(FaultConnections, N49_ManySmallPiecesAreTheSameReplyAsOneLarge) {
  constexpr int kPieces = 100'000;
  const std::string stop = "data: " + delta("{}", "stop") + "\n\n";
  std::string pieces;
  for (int i = 0; i < kPieces; ++i) pieces += "data: " + delta(R"({"content":"x"})") + "\n\n";
  const std::string all(kPieces, 'x');
  const std::string one = "data: " + delta(R"({"content":")" + all + R"("})") + "\n\n";
  EXPECT_EQ(ask({receive_request(), send(kStreamHead + pieces + stop)}).end(), "stop: " + all);
  EXPECT_EQ(ask({receive_request(), send(kStreamHead + one + stop)}).end(), "stop: " + all);
}

}  // namespace
}  // namespace perdure
