// Certificates and handshakes (faults N21, N22): what cannot be trusted is refused for good, and
// nothing of the request is sent; what was cut is tried again.
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include "tests/support/http_exchange.h"
#include "tests/support/tls_server.h"

namespace perdure {
namespace {

using test::ByteScript;
using test::ByteServer;
using test::Exchanged;
using test::http_answer;
using test::receive_bytes;
using test::reset;
using test::ScopedVariable;
using test::send;
using test::TlsServer;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class TlsFaults : public test::HttpExchangeTest {
 private:
  ScopedVariable bundle_{"CURL_CA_BUNDLE"};
  ScopedVariable file_{"SSL_CERT_FILE"};
  ScopedVariable folder_{"SSL_CERT_DIR"};
};

TEST_F(TlsFaults, AuthoritiesOfTheEnvironmentAreTrusted) {
  for (const char* variable : {"CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"}) {
    SCOPED_TRACE(variable);
    const TlsServer server({}, http_answer("secret"));
    const bool is_folder = std::string(variable) == "SSL_CERT_DIR";
    const ScopedVariable trusted(variable,
                                 is_folder ? server.authority_folder() : server.authority_file());
    const Exchanged exchanged = exchange(request_to(server.url()));
    EXPECT_EQ(exchanged.end(), "ok") << to_text(exchanged.status.error());
    EXPECT_EQ(exchanged.body, "secret");
    EXPECT_THAT(server.requests(), ElementsAre(HasSubstr("X-Test: yes")));
  }
}

TEST_F(TlsFaults, CertificatesThatCannotBeTrusted_N21) {
  struct Case {
    std::string name;
    test::TlsOptions options;
    std::string reason;
    bool knows_authority = true;
  };
  const std::vector<Case> cases = {
      {"an authority that nobody knows", {}, "unable to get local issuer certificate", false},
      {"expired", {.valid_from_s = -7'200, .valid_until_s = -60}, "expired"},
      {"not valid yet", {.valid_from_s = 3'600, .valid_until_s = 7'200}, "not yet valid"},
      {"for another address", {.name = "IP:127.0.0.2"}, "no alternative certificate subject name"},
      {"for a name", {.name = "DNS:model.invalid"}, "no alternative certificate subject name"},
      {"an old version of TLS", {.version_max = TLS1_1_VERSION}, "protocol version"},
  };
  for (const Case& example : cases) {
    SCOPED_TRACE(example.name);
    const TlsServer server(example.options, http_answer("secret"));
    const ScopedVariable trusted("SSL_CERT_FILE", example.knows_authority
                                                      ? std::optional(server.authority_file())
                                                      : std::nullopt);
    const Exchanged exchanged = exchange(request_to(server.url()));
    ASSERT_EQ(exchanged.end(), "tls!");
    EXPECT_THAT(exchanged.status.error().message, HasSubstr(example.reason));
    EXPECT_THAT(server.requests(), IsEmpty());
  }
}

TEST_F(TlsFaults, Handshakes_N21_N22) {
  const auto alert = [](char description) {
    return send(std::string("\x15\x03\x03\x00\x02\x02", 6) + description);
  };
  struct Case {
    std::string name;
    ByteScript script;  // behind the beginning of the client's first message
    std::string end;
  };
  const std::vector<Case> cases = {
      {"N22 closed", {}, "cut"},
      {"N22 reset", {reset()}, "cut"},
      {"N22 cut in a record", {send("\x16\x03")}, "cut"},
      {"N22 an alert: internal error", {alert(80)}, "cut"},
      {"N21 an alert: no such version", {alert(70)}, "tls!"},
      {"N21 an alert: nothing in common", {alert(40)}, "tls!"},
      {"N21 plain HTTP", {send("HTTP/1.1 400 Bad Request\r\n\r\n")}, "tls!"},
  };
  for (const Case& example : cases) {
    SCOPED_TRACE(example.name);
    ByteScript script = {receive_bytes(5)};
    script.insert(script.end(), example.script.begin(), example.script.end());
    const ByteServer server({script});
    const Exchanged exchanged =
        exchange(request_to("https://127.0.0.1:" + std::to_string(server.port())));
    EXPECT_EQ(exchanged.end_or_cut(), example.end) << to_text(exchanged.status.error());
  }
}

}  // namespace
}  // namespace perdure
