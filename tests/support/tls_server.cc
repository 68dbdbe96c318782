#include "tests/support/tls_server.h"

#include <array>
#include <mutex>
#include <thread>
#include <tuple>
#include <utility>

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>

#include "os/descriptor.h"
#include "tests/support/byte_server.h"
#include "tests/support/temporary_directory.h"

namespace perdure::test {
namespace {

template <auto Free>
struct Freeing {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freeing<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freeing<X509_free>>;
using Context = std::unique_ptr<SSL_CTX, Freeing<SSL_CTX_free>>;
using Connection = std::unique_ptr<SSL, Freeing<SSL_free>>;

void add_extension(X509* certificate, int kind, const std::string& value) {
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str());
  EXPECT_NE(extension, nullptr) << value;
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

// Signed by the issuer, or by itself when there is none.
Certificate make_certificate(EVP_PKEY* key, const std::string& name, const TlsOptions& options,
                             X509* issuer, EVP_PKEY* issuer_key) {
  Certificate certificate(X509_new());
  X509* raw = certificate.get();
  X509_set_version(raw, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(raw), issuer == nullptr ? 1 : 2);
  X509_gmtime_adj(X509_getm_notBefore(raw), options.valid_from_s);
  X509_gmtime_adj(X509_getm_notAfter(raw), options.valid_until_s);
  X509_set_pubkey(raw, key);
  const auto* bytes = reinterpret_cast<const unsigned char*>(name.c_str());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(raw), "CN", MBSTRING_ASC, bytes, -1, -1, 0);
  X509_set_issuer_name(raw, X509_get_subject_name(issuer == nullptr ? raw : issuer));
  add_extension(raw, NID_basic_constraints, issuer == nullptr ? "critical,CA:TRUE" : "CA:FALSE");
  if (issuer != nullptr) add_extension(raw, NID_subject_alt_name, options.name);
  EXPECT_GT(X509_sign(raw, issuer_key, EVP_sha256()), 0);
  return certificate;
}

}  // namespace

struct TlsServer::Impl {
  std::string answer;
  TemporaryDirectory folder;
  Context context{SSL_CTX_new(TLS_server_method())};
  Descriptor listener;
  int port = 0;
  Descriptor stop{::eventfd(0, EFD_CLOEXEC)};
  std::thread thread;
  mutable std::mutex mutex;
  std::vector<std::string> requests;  // guarded by mutex
  std::vector<std::string> offered;   // guarded by mutex

  void prepare(const TlsOptions& options) {
    const Key authority_key(EVP_EC_gen("P-256"));
    const Certificate authority =
        make_certificate(authority_key.get(), "test authority", {}, nullptr, authority_key.get());
    const Key key(EVP_EC_gen("P-256"));
    const Certificate certificate =
        make_certificate(key.get(), "test", options, authority.get(), authority_key.get());
    SSL_CTX_use_certificate(context.get(), certificate.get());
    SSL_CTX_use_PrivateKey(context.get(), key.get());
    SSL_CTX_set_alpn_select_cb(context.get(), &Impl::note_protocols, this);
    if (options.version_max > 0) {
      SSL_CTX_set_min_proto_version(context.get(), TLS1_VERSION);
      SSL_CTX_set_max_proto_version(context.get(), options.version_max);
      SSL_CTX_set_cipher_list(context.get(), "ALL:@SECLEVEL=0");
    }
    const std::string name = fmt::format(
        "{:08x}.0",
        X509_NAME_hash_ex(X509_get_subject_name(authority.get()), nullptr, nullptr, nullptr));
    for (const std::string& file : {std::string("authority.pem"), name}) {
      BIO* out = BIO_new_file((folder.path() + "/" + file).c_str(), "w");
      PEM_write_bio_X509(out, authority.get());
      BIO_free(out);
    }
  }

  // Chooses none, as a server does that does not know the extension.
  static int note_protocols(SSL*, const unsigned char**, unsigned char*, const unsigned char* in,
                            unsigned int in_bytes, void* data) {
    auto* self = static_cast<Impl*>(data);
    const std::lock_guard lock(self->mutex);
    self->offered.clear();
    for (unsigned int at = 0; at < in_bytes; at += in[at] + 1U) {
      self->offered.emplace_back(reinterpret_cast<const char*>(in + at + 1), in[at]);
    }
    return SSL_TLSEXT_ERR_NOACK;
  }

  // OpenSSL writes without MSG_NOSIGNAL, and clients that do not trust the server hang up.
  static void block_sigpipe() {
    sigset_t signals;
    ::sigemptyset(&signals);
    ::sigaddset(&signals, SIGPIPE);
    EXPECT_EQ(::pthread_sigmask(SIG_BLOCK, &signals, nullptr), 0);
  }

  void serve() {
    block_sigpipe();
    while (true) {
      std::array<pollfd, 2> waits = {{{.fd = listener.get(), .events = POLLIN, .revents = 0},
                                      {.fd = stop.get(), .events = POLLIN, .revents = 0}}};
      if (::poll(waits.data(), waits.size(), -1) <= 0 || waits[1].revents != 0) return;
      const Descriptor socket(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
      const timeval limit{.tv_sec = 10, .tv_usec = 0};
      ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
      answer_one(socket.get());
    }
  }

  void answer_one(int socket) {
    const Connection connection(SSL_new(context.get()));
    SSL_set_fd(connection.get(), socket);
    if (SSL_accept(connection.get()) != 1) return;
    std::string request;
    std::array<char, 4096> buffer;
    while (request_bytes(request) == 0) {
      const int got = SSL_read(connection.get(), buffer.data(), buffer.size());
      if (got <= 0) return;
      request.append(buffer.data(), static_cast<std::size_t>(got));
    }
    {
      const std::lock_guard lock(mutex);
      requests.push_back(request);
    }
    SSL_write(connection.get(), answer.data(), static_cast<int>(answer.size()));
    SSL_shutdown(connection.get());
  }
};

TlsServer::TlsServer(const TlsOptions& options, std::string answer)
    : impl_(std::make_unique<Impl>()) {
  impl_->answer = std::move(answer);
  impl_->prepare(options);
  std::tie(impl_->listener, impl_->port) = bind_to_loopback();
  EXPECT_EQ(::listen(impl_->listener.get(), SOMAXCONN), 0);
  impl_->thread = std::thread([this] { impl_->serve(); });
}

TlsServer::~TlsServer() {
  const std::uint64_t one = 1;
  EXPECT_EQ(::write(impl_->stop.get(), &one, sizeof one), static_cast<ssize_t>(sizeof one));
  impl_->thread.join();
}

std::string TlsServer::url() const {
  return fmt::format("https://127.0.0.1:{}/", impl_->port);
}

std::string TlsServer::authority_file() const {
  return impl_->folder.path() + "/authority.pem";
}

std::string TlsServer::authority_folder() const {
  return impl_->folder.path();
}

std::vector<std::string> TlsServer::requests() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->requests;
}

std::vector<std::string> TlsServer::offered_protocols() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->offered;
}

}  // namespace perdure::test
