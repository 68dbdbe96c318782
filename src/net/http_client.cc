#include "net/http_client.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <map>
#include <optional>
#include <set>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/check.h"
#include "base/text.h"
#include "net/curl_library.h"
#include "net/url.h"
#include "os/clock.h"

namespace perdure {
namespace {

ErrorCode code_of(CURLcode result) {
  switch (result) {
    case CURLE_OPERATION_TIMEDOUT:
      return ErrorCode::kTimeout;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
    case CURLE_SSL_INVALIDCERTSTATUS:
      return ErrorCode::kTls;
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
      return ErrorCode::kStreamCut;
    case CURLE_URL_MALFORMAT:
      return ErrorCode::kConfig;
    case CURLE_UNSUPPORTED_PROTOCOL:  // of the reply; the URL's was looked at before
    case CURLE_WEIRD_SERVER_REPLY:
      return ErrorCode::kBadReply;
    default:
      return ErrorCode::kNetwork;
  }
}

Error timeout_error(std::string_view what, std::int64_t limit_ms) {
  return {.code = ErrorCode::kTimeout,
          .message = fmt::format("{} within {}", what, duration_text(limit_ms)),
          .retry = Retry::kLater};
}

Error no_such_host(const std::string& host, const std::string& url) {
  return {.code = ErrorCode::kNoSuchHost,
          .message = fmt::format("there is no host '{}': the name servers do not know it", host),
          .context = url,
          .advice = "look for a slip in --base-url or in the profile of the host",
          .retry = Retry::kLater};
}

// A handshake that was cut may succeed later; one that the two sides could not agree on will not,
// and is never tried with less (faults N21, N22). curl has one code for both, so its text decides.
ErrorCode code_of_handshake(std::string_view detail) {
  constexpr std::array<std::string_view, 4> kCut = {"SSL_ERROR_SYSCALL", "unexpected eof",
                                                    "reset by peer", "internal error"};
  const bool cut = std::any_of(kCut.begin(), kCut.end(), [&](std::string_view text) {
    return detail.find(text) != std::string_view::npos;
  });
  return cut ? ErrorCode::kNetwork : ErrorCode::kTls;
}

// What the limit of open descriptors leaves beside files, pipes and the journal.
long connections_max() {
  constexpr long kOtherDescriptors = 128;
  constexpr long kConnectionsMax = 8'192;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
    return kConnectionsMax;
  }
  return std::clamp(static_cast<long>(limit.rlim_cur) - kOtherDescriptors, 8L, kConnectionsMax);
}

const CurlLibrary& curl() {
  return CurlLibrary::get();
}

// The variables by which networks with certificates of their own tell programs about them. libcurl
// itself does not read them, its command line program does.
void trust_certificates_of_environment(CURL* easy) {
  constexpr std::pair<const char*, CURLoption> kVariables[] = {{"SSL_CERT_DIR", CURLOPT_CAPATH},
                                                               {"SSL_CERT_FILE", CURLOPT_CAINFO},
                                                               {"CURL_CA_BUNDLE", CURLOPT_CAINFO}};
  for (const auto& [name, option] : kVariables) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') curl().easy_setopt(easy, option, value);
  }
}

struct EasyCleanup {
  void operator()(CURL* easy) const { curl().easy_cleanup(easy); }
};
using Easy = std::unique_ptr<CURL, EasyCleanup>;

struct ListCleanup {
  void operator()(curl_slist* list) const { curl().slist_free_all(list); }
};
using List = std::unique_ptr<curl_slist, ListCleanup>;

List list_of(const std::vector<std::string>& lines) {
  curl_slist* list = nullptr;
  for (const std::string& line : lines) list = curl().slist_append(list, line.c_str());
  return List(list);
}

}  // namespace

std::string_view HttpHead::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return {};
}

std::string_view HttpBody::part(std::size_t index) const {
  if (index == 0) return head != nullptr ? std::string_view(*head) : std::string_view();
  return index <= middle.size() ? middle[index - 1] : std::string_view(tail);
}

// Connects curl's multi interface to the loop, and owns the pool of easy handles.
struct HttpClient::Impl {
  class Exchange;

  Impl(Loop& event_loop, NameChecks::Resolve resolve)
      : loop(event_loop), multi(curl().multi_init()), names(event_loop, std::move(resolve)) {
    CHECK(multi != nullptr, "curl needs memory");
    curl().multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, &on_socket);
    curl().multi_setopt(multi, CURLMOPT_SOCKETDATA, this);
    curl().multi_setopt(multi, CURLMOPT_TIMERFUNCTION, &on_timer);
    curl().multi_setopt(multi, CURLMOPT_TIMERDATA, this);
    // Without a number curl keeps four connections for each request under way, and a thousand runs
    // that pause between requests lose theirs. More than the descriptors allow wait their turn.
    curl().multi_setopt(multi, CURLMOPT_MAXCONNECTS, connections_max());
    curl().multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, connections_max());
  }
  ~Impl() {
    closing = true;
    sockets.clear();
    idle.clear();
    curl().multi_cleanup(multi);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  static int on_socket(CURL* easy, curl_socket_t socket, int what, void* data,
                       void* /*socket_data*/) {
    auto* self = static_cast<Impl*>(data);
    if (self->closing) return 0;
    const auto found = self->sockets.find(socket);
    if (what == CURL_POLL_REMOVE) {
      if (found == self->sockets.end()) return 0;
      // A connection that is kept for the next request keeps its watch too: making one costs more
      // system calls than the request itself. One that has answered nothing is not kept, and may be
      // closed without on_close: curl does that while it connects.
      found->second.wanted = false;
      if (!found->second.is_connection || !has_answer(easy)) self->sockets.erase(found);
      return 0;
    }
    self->want(socket,
               {.readable = (what & CURL_POLL_IN) != 0, .writable = (what & CURL_POLL_OUT) != 0});
    return 0;
  }

  void want(curl_socket_t socket, Readiness interest) {
    Socket& entry = sockets[socket];
    entry.wanted = true;
    if (entry.watch.active() && entry.interest == interest) return;
    entry.interest = interest;
    if (entry.watch.active()) return entry.watch.change(interest);
    entry.watch = loop.watch(socket, interest, [this, socket](Readiness ready) {
      // Nobody reads a kept connection that the server closes: curl looks before it uses it again.
      if (!sockets[socket].wanted) return sockets[socket].watch.cancel();
      const int events =
          (ready.readable ? CURL_CSELECT_IN : 0) | (ready.writable ? CURL_CSELECT_OUT : 0);
      act(socket, events);
    });
  }

  // Other descriptors that curl waits for, such as those of its resolver, come and go unannounced.
  static curl_socket_t on_open(void* data, curlsocktype, curl_sockaddr* address) {
    const int socket =
        ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (socket < 0) return CURL_SOCKET_BAD;
    // In place of whatever had this number before.
    static_cast<Impl*>(data)->sockets[socket] = Socket{.is_connection = true};
    return socket;
  }

  // The kernel gives up a connection whose other side acknowledges nothing (RFC 5482). Without
  // effect on sockets that are no TCP.
  static int on_connect(void* data, curl_socket_t socket, curlsocktype) {
    const auto limit_ms = static_cast<unsigned>(*static_cast<const std::int64_t*>(data));
    ::setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &limit_ms, sizeof(limit_ms));
    return CURL_SOCKOPT_OK;
  }

  static int on_close(void* data, curl_socket_t socket) {
    auto* self = static_cast<Impl*>(data);
    if (!self->closing) self->sockets.erase(socket);
    return ::close(socket);
  }

  // Whether the reply to a transfer has begun.
  static bool has_answer(CURL* easy);

  static int on_timer(CURLM*, long delay_ms, void* data) {
    auto* self = static_cast<Impl*>(data);
    if (self->closing || delay_ms < 0) {
      self->timer.cancel();
    } else {
      self->timer = self->loop.start_timer(delay_ms, [self] { self->act(CURL_SOCKET_TIMEOUT, 0); });
    }
    return 0;
  }

  void act(curl_socket_t socket, int events) {
    int running = 0;
    curl().multi_socket_action(multi, socket, events, &running);
    collect_finished();
  }

  void collect_finished();

  Easy take_easy() {
    if (idle.empty()) return Easy(curl().easy_init());
    Easy easy = std::move(idle.back());
    idle.pop_back();
    return easy;
  }
  void give_back(Easy easy) {
    constexpr std::size_t kIdleMax = 1'024;  // as many as runs that share a process
    if (closing || idle.size() >= kIdleMax) return;
    curl().easy_reset(easy.get());
    idle.push_back(std::move(easy));
  }

  Loop& loop;
  CURLM* multi;
  NameChecks names;
  Timer timer;
  struct Socket {
    Watch watch = {};
    Readiness interest = {};     // what the watch is for
    bool wanted = false;         // whether curl waits for it
    bool is_connection = false;  // made by on_open, so that on_close tells of its end
  };
  std::map<curl_socket_t, Socket> sockets;
  std::vector<Easy> idle;
  bool closing = false;
};

// Up to this size curl sends a body in one piece together with the headers.
constexpr std::size_t kFlatBodyMax = 64 * 1024;

class HttpClient::Impl::Exchange : public HttpExchange {
 public:
  Exchange(Impl& client, HttpRequest request, Observer observer)
      : client_(client), request_(std::move(request)), observer_(std::move(observer)) {
    body_bytes_ = request_.body.size();
    prepare();
    curl().multi_add_handle(client_.multi, easy_.get());
    started_ms_ = last_byte_ms_ = client_.loop.now_ms();
    arm_watchdog();
  }
  ~Exchange() override { release(); }

  bool head_given() const { return head_given_; }

  // curl does not say why a name has no address.
  void transfer_ended(CURLcode result) {
    constexpr std::int64_t kVerdictWaitMs = 2'000;  // then it may pass
    if (result != CURLE_COULDNT_RESOLVE_HOST) return finish(result);
    const Result<Url> url = parse_url(request_.url);
    if (!url.ok()) return finish(result);
    watchdog_ = client_.loop.start_timer(kVerdictWaitMs, [this, result] { finish(result); });
    name_check_ = client_.names.check(url->host, [this, result, host = url->host](auto verdict) {
      if (verdict == NameVerdict::kNoSuchName) failure_ = no_such_host(host, request_.url);
      finish(result);
    });
  }

  void finish(CURLcode result) {
    if (is_stale(result)) return send_again();
    const Status status = conclude(result);
    release();
    // The callback may destroy this object.
    const auto done = std::move(observer_.done);
    done(status);
  }

 private:
  Status conclude(CURLcode result) {
    if (failure_) return *failure_;
    if (enough_ || (result == CURLE_OK && head_given_)) return {};
    if (result == CURLE_OK) {
      return Error{.code = ErrorCode::kStreamCut,
                   .message = "the reply ended before its headers did",
                   .context = request_.url,
                   .retry = Retry::kLater};
    }
    const char* detail = error_text_[0] != '\0' ? error_text_ : curl().easy_strerror(result);
    if (std::optional<Error> refused = proxy_refusal(detail)) return *refused;
    const ErrorCode code =
        result == CURLE_SSL_CONNECT_ERROR ? code_of_handshake(detail) : code_of(result);
    const bool passes = code != ErrorCode::kTls && code != ErrorCode::kConfig;
    return Error{.code = code,
                 .message = detail,
                 .context = request_.url,
                 .retry = passes ? Retry::kLater : Retry::kNo};
  }

  // A proxy that wants a password, or forbids the host, goes on doing so (fault N40).
  std::optional<Error> proxy_refusal(const char* detail) const {
    long status = 0;
    curl().easy_getinfo(easy_.get(), CURLINFO_HTTP_CONNECTCODE, &status);
    if (status != 401 && status != 403 && status != 407) return std::nullopt;
    return Error{.code = ErrorCode::kConfig,
                 .message = fmt::format("the proxy refuses the connection: {}", detail),
                 .context = request_.url,
                 .advice = "look at https_proxy and no_proxy in the environment"};
  }

  void prepare() {
    easy_ = client_.take_easy();
    CURL* easy = easy_.get();
    CHECK(easy != nullptr, "curl needs memory");
    const auto set = [easy](CURLoption option, auto value) {
      curl().easy_setopt(easy, option, value);
    };
    set(CURLOPT_PRIVATE, static_cast<void*>(this));
    set(CURLOPT_OPENSOCKETFUNCTION, &Impl::on_open);
    set(CURLOPT_OPENSOCKETDATA, static_cast<void*>(&client_));
    set(CURLOPT_CLOSESOCKETFUNCTION, &Impl::on_close);
    set(CURLOPT_CLOSESOCKETDATA, static_cast<void*>(&client_));
    set(CURLOPT_URL, request_.url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_TCP_KEEPALIVE, 1L);
    const auto limit_s = static_cast<long>(request_.timeouts.unacknowledged_ms / 1'000);
    set(CURLOPT_TCP_KEEPIDLE, std::max(1L, limit_s / 2));
    set(CURLOPT_TCP_KEEPINTVL, std::max(1L, limit_s / 4));
    set(CURLOPT_SOCKOPTFUNCTION, &Impl::on_connect);
    set(CURLOPT_SOCKOPTDATA, static_cast<void*>(&request_.timeouts.unacknowledged_ms));
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request_.timeouts.connect_ms));
    set(CURLOPT_HAPPY_EYEBALLS_TIMEOUT_MS, kHappyEyeballsMs);
    set(CURLOPT_ERRORBUFFER, error_text_);
    set(CURLOPT_USERAGENT, "perdure/" PERDURE_VERSION);
    headers_ = list_of(request_.headers);
    // curl would ask "Expect: 100-continue" for large bodies and wait a second where hosts ignore
    // it.
    headers_.reset(curl().slist_append(headers_.release(), "Expect:"));
    set(CURLOPT_HTTPHEADER, headers_.get());
    addresses_ = list_of(request_.addresses);
    if (addresses_ != nullptr) set(CURLOPT_RESOLVE, addresses_.get());
    set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    set(CURLOPT_HEADERFUNCTION, &on_header);
    set(CURLOPT_HEADERDATA, static_cast<void*>(this));
    set(CURLOPT_WRITEFUNCTION, &on_body);
    set(CURLOPT_WRITEDATA, static_cast<void*>(this));
    trust_certificates_of_environment(easy);
    if (!request_.post) return;
    set(CURLOPT_POST, 1L);
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body_bytes_));
    if (body_bytes_ <= kFlatBodyMax) {
      flat_body_.reserve(body_bytes_);
      for (std::size_t i = 0; i < request_.body.parts(); ++i) flat_body_ += request_.body.part(i);
      set(CURLOPT_POSTFIELDS, flat_body_.c_str());
    } else {
      prepare_upload(easy);
    }
  }

  // The parts of a long history go to the socket as they are, in few large writes.
  void prepare_upload(CURL* easy) {
    constexpr std::size_t kUploadBufferMax = 512 * 1024;
    const std::size_t upload_buffer = std::min(std::bit_ceil(body_bytes_), kUploadBufferMax);
    curl().easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, static_cast<long>(upload_buffer));
    curl().easy_setopt(easy, CURLOPT_READFUNCTION, &on_read);
    curl().easy_setopt(easy, CURLOPT_READDATA, static_cast<void*>(this));
    curl().easy_setopt(easy, CURLOPT_SEEKFUNCTION, &on_seek);
    curl().easy_setopt(easy, CURLOPT_SEEKDATA, static_cast<void*>(this));
  }

  void release() {
    watchdog_.cancel();
    name_check_.reset();
    if (easy_ == nullptr) return;
    curl().multi_remove_handle(client_.multi, easy_.get());
    client_.give_back(std::move(easy_));
  }

  static std::size_t on_read(char* buffer, std::size_t size, std::size_t count, void* data) {
    auto* self = static_cast<Exchange*>(data);
    const std::size_t room = size * count;
    std::size_t filled = 0;
    while (filled < room && self->part_ < self->request_.body.parts()) {
      const std::string_view part = self->request_.body.part(self->part_);
      const std::size_t taken = std::min(room - filled, part.size() - self->offset_);
      if (taken > 0) std::memcpy(buffer + filled, part.data() + self->offset_, taken);
      filled += taken;
      self->offset_ += taken;
      if (self->offset_ == part.size()) {
        ++self->part_;
        self->offset_ = 0;
      }
    }
    self->last_byte_ms_ = self->client_.loop.now_ms();
    return filled;
  }

  // Whether a kept connection turned out to be dead before a byte of the reply came (fault N38).
  // curl itself replaces one whose end it reads, but not one whose end it meets while it writes.
  bool is_stale(CURLcode result) const {
    if (failure_ || is_fresh_ || header_bytes_ > 0) return false;
    if (result != CURLE_SEND_ERROR && result != CURLE_RECV_ERROR && result != CURLE_GOT_NOTHING) {
      return false;
    }
    long made = 0;
    curl().easy_getinfo(easy_.get(), CURLINFO_NUM_CONNECTS, &made);
    return made == 0;
  }

  // Once, on a connection that nobody else has used.
  void send_again() {
    is_fresh_ = true;
    part_ = offset_ = 0;
    error_text_[0] = '\0';
    curl().easy_setopt(easy_.get(), CURLOPT_FRESH_CONNECT, 1L);
    curl().multi_remove_handle(client_.multi, easy_.get());
    curl().multi_add_handle(client_.multi, easy_.get());
  }

  // curl rewinds when it replaces a dead connection itself.
  static int on_seek(void* data, curl_off_t offset, int origin) {
    auto* self = static_cast<Exchange*>(data);
    if (offset != 0 || origin != SEEK_SET) return CURL_SEEKFUNC_CANTSEEK;
    self->part_ = 0;
    self->offset_ = 0;
    return CURL_SEEKFUNC_OK;
  }

  static std::size_t on_header(char* bytes, std::size_t size, std::size_t count, void* data) {
    auto* self = static_cast<Exchange*>(data);
    const std::size_t total = size * count;
    return self->take_header({bytes, total}) ? total : 0;
  }

  bool take_header(std::string_view line) {
    last_byte_ms_ = client_.loop.now_ms();
    header_bytes_ += line.size();
    if (header_bytes_ > kHeaderBytesMax || head_.headers.size() > kHeadersMax) {
      return refuse("the reply has too many or too large headers");
    }
    line = trim(line);
    if (line.substr(0, 5) == "HTTP/") {
      head_ = {};  // of a final reply, after those of interim ones (1xx)
      return true;
    }
    if (line.empty()) return head_given_ || take_head();
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return true;
    head_.headers.emplace_back(to_lower_ascii(line.substr(0, colon)), trim(line.substr(colon + 1)));
    return true;
  }

  bool take_head() {
    long status = 0;
    curl().easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
    head_.status = static_cast<int>(status);
    if (status < 200) return true;  // an interim answer, or that of a proxy that opens a tunnel
    // Of several lengths one is wrong, and nobody knows which (RFC 9112, section 6.3; fault N36).
    std::set<std::string_view> lengths;
    for (const auto& [name, value] : head_.headers) {
      if (name == "content-length") lengths.insert(value);
      if (name == "transfer-encoding") lengths.insert("chunked");
    }
    const bool is_list = !lengths.empty() && lengths.begin()->find(',') != std::string_view::npos;
    if (lengths.size() > 1 || is_list)
      return refuse("the reply contradicts itself about its length");
    head_given_ = true;
    observer_.head(head_);
    return true;
  }

  // For a callback of curl, which ends the transfer then.
  bool refuse(std::string message) {
    failure_ = Error{.code = ErrorCode::kBadReply,
                     .message = std::move(message),
                     .context = request_.url,
                     .retry = Retry::kLater};
    return false;
  }

  static std::size_t on_body(char* bytes, std::size_t size, std::size_t count, void* data) {
    auto* self = static_cast<Exchange*>(data);
    const std::size_t total = size * count;
    self->last_byte_ms_ = self->client_.loop.now_ms();
    if (!std::exchange(self->body_seen_, true)) self->arm_watchdog();  // with another limit
    if (self->observer_.body({bytes, total})) return total;
    self->enough_ = true;
    return 0;  // curl then ends the transfer
  }

  // One timer for all limits; it looks at the time of the last byte instead of being set anew for
  // each.
  void arm_watchdog() {
    const HttpTimeouts& limits = request_.timeouts;
    const std::int64_t idle_limit = body_seen_ ? limits.idle_ms : limits.first_byte_ms;
    const std::int64_t due = std::min(started_ms_ + limits.total_ms, last_byte_ms_ + idle_limit);
    watchdog_ = client_.loop.start_timer(due - monotonic_ms() + 1, [this] { check_limits(); });
  }

  void check_limits() {
    const HttpTimeouts& limits = request_.timeouts;
    const std::int64_t now = monotonic_ms();
    if (now >= started_ms_ + limits.total_ms) {
      failure_ = timeout_error("the reply was not complete", limits.total_ms);
    } else if (body_seen_ && now >= last_byte_ms_ + limits.idle_ms) {
      failure_ = timeout_error("no byte of the reply came", limits.idle_ms);
    } else if (!body_seen_ && now >= last_byte_ms_ + limits.first_byte_ms) {
      failure_ = timeout_error("no reply came", limits.first_byte_ms);
    } else {
      return arm_watchdog();
    }
    finish(CURLE_OPERATION_TIMEDOUT);
  }

  Impl& client_;
  HttpRequest request_;
  Observer observer_;
  Easy easy_;
  List headers_;
  List addresses_;
  HttpHead head_;
  Timer watchdog_;
  NameChecks::Check name_check_;
  std::optional<Error> failure_;
  std::size_t body_bytes_ = 0;
  std::string flat_body_;  // of a small body, in one piece
  std::size_t part_ = 0;
  std::size_t offset_ = 0;
  std::size_t header_bytes_ = 0;
  std::int64_t started_ms_ = 0;
  std::int64_t last_byte_ms_ = 0;
  bool is_fresh_ = false;  // asked for a connection of its own, in place of a dead one
  bool head_given_ = false;
  bool body_seen_ = false;
  bool enough_ = false;
  char error_text_[CURL_ERROR_SIZE] = {};
};

bool HttpClient::Impl::has_answer(CURL* easy) {
  void* exchange = nullptr;
  if (easy != nullptr) curl().easy_getinfo(easy, CURLINFO_PRIVATE, &exchange);
  return exchange != nullptr && static_cast<Exchange*>(exchange)->head_given();
}

void HttpClient::Impl::collect_finished() {
  int left = 0;
  while (const CURLMsg* message = curl().multi_info_read(multi, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode result = message->data.result;
    void* exchange = nullptr;
    curl().easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &exchange);
    static_cast<Exchange*>(exchange)->transfer_ended(result);
  }
}

HttpClient::HttpClient(Loop& loop, NameChecks::Resolve resolve)
    : impl_(std::make_unique<Impl>(loop, std::move(resolve))) {}
HttpClient::~HttpClient() = default;

std::unique_ptr<HttpExchange> HttpClient::start(HttpRequest request, Observer observer) {
  return std::make_unique<Impl::Exchange>(*impl_, std::move(request), std::move(observer));
}

}  // namespace perdure
