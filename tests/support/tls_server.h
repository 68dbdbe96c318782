// An HTTPS server for tests with a certificate of its own making: right, expired, for another name,
// or spoken in an old version of TLS. It gives the same answer to each request, one for each
// connection.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace perdure::test {

struct TlsOptions {
  std::string name = "IP:127.0.0.1";   ///< Whom the certificate is for, as OpenSSL writes it.
  std::int64_t valid_from_s = -3'600;  ///< From now.
  std::int64_t valid_until_s = 3'600;
  int version_max = 0;  ///< TLS1_1_VERSION, ...; 0 for whatever there is.
};

class TlsServer {
 public:
  TlsServer(const TlsOptions& options, std::string answer);
  ~TlsServer();
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;

  /// "https://127.0.0.1:PORT/".
  std::string url() const;
  /// A PEM file with the authority that made the certificate, and the folder that holds it under
  /// the name that OpenSSL looks for.
  std::string authority_file() const;
  std::string authority_folder() const;
  /// What clients sent after they had trusted the certificate.
  std::vector<std::string> requests() const;
  /// The protocols that the last client offered (ALPN), best first.
  std::vector<std::string> offered_protocols() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace perdure::test
