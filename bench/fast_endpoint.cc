// A loopback endpoint that answers like Kimi and costs next to nothing, so that a benchmark
// measures the client and not its partner: one thread, one epoll, replies from templates, request
// bodies thrown away inside the kernel.
//
// It keeps no session. The reply follows from the request alone: the model name "bench-N" says how
// many tool calls a run takes, and the last "tool_call_id" of the body says which of them was
// answered last. So any number of clients may run against one endpoint, and a client that resumes
// after a crash gets the reply that it would have got. The README beside this file says how to run
// it.

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <strings.h>

#include "fast_replies.h"
#include "support.h"

namespace perdure::bench {
namespace {

constexpr std::string_view kUsage =
    "usage: fast_endpoint [options]\n"
    "  --port N         port on 127.0.0.1; 0 (the default) takes a free one\n"
    "  --delay-ms D     wait so long before each reply (default 0)\n"
    "  --last-bytes B   how much of the end of a request body is searched for the last\n"
    "                   tool_call_id (default 4096); raise it for clients whose tool results\n"
    "                   or closing fields are longer\n"
    "  --words W        deltas of reasoning in each reply (default 48)\n"
    "  --watch-stdin    exit when the standard input is closed, so that no endpoint outlives\n"
    "                   the script that started it\n";

/// The model name stands at the beginning of a body; of a large body no more than this is kept
/// there.
constexpr std::size_t kFirstBytes = 512;
constexpr std::size_t kHeadBytesMax = 64 * 1024;
/// What one read may take over, and what one read may discard.
constexpr std::size_t kReadBytes = 64 * 1024;
constexpr std::size_t kDiscardBytes = 1024 * 1024;

struct Options {
  std::uint16_t port = 0;
  std::int64_t delay_ns = 0;
  std::size_t last_bytes = 4096;
  std::size_t words = 48;
  bool watch_stdin = false;
};

struct RequestHead {
  std::string_view method;
  std::string_view path;
  std::optional<std::size_t> content_length;
  bool is_chunked = false;
  bool expects_continue = false;
  bool closes = false;
};

bool same_word(std::string_view left, std::string_view right) {
  return left.size() == right.size() && strncasecmp(left.data(), right.data(), left.size()) == 0;
}

std::optional<std::size_t> parse_number(std::string_view digits) {
  std::size_t number = 0;
  const char* end = digits.data() + digits.size();
  const std::from_chars_result read = std::from_chars(digits.data(), end, number);
  if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return number;
}

/// Reads the request line and the header fields that matter here (RFC 9112 sections 3 and 6).
RequestHead parse_head(std::string_view text) {
  RequestHead head;
  std::size_t line_end = text.find("\r\n");
  const std::string_view request_line = text.substr(0, line_end);
  const std::size_t method_end = request_line.find(' ');
  const std::size_t path_end = request_line.rfind(' ');
  if (method_end == std::string_view::npos || path_end <= method_end) return head;
  head.method = request_line.substr(0, method_end);
  head.path = request_line.substr(method_end + 1, path_end - method_end - 1);
  text.remove_prefix(line_end + 2);

  for (; (line_end = text.find("\r\n")) != std::string_view::npos && line_end > 0;
       text.remove_prefix(line_end + 2)) {
    const std::string_view line = text.substr(0, line_end);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string_view name = line.substr(0, colon);
    std::string_view value = line.substr(colon + 1);
    while (value.starts_with(' ')) value.remove_prefix(1);
    while (value.ends_with(' ')) value.remove_suffix(1);
    if (same_word(name, "content-length")) head.content_length = parse_number(value);
    if (same_word(name, "transfer-encoding")) head.is_chunked = true;
    if (same_word(name, "expect")) head.expects_continue = same_word(value, "100-continue");
    if (same_word(name, "connection")) head.closes = same_word(value, "close");
  }
  return head;
}

/// Where the body begins, or npos; the first `known` bytes were searched before.
std::size_t find_head_end(std::string_view text, std::size_t known) {
  const std::size_t end = find_from(text, "\r\n\r\n", known < 3 ? 0 : known - 3);
  return end == std::string_view::npos ? end : end + 4;
}

/// The two ends of a request body that decide about the reply. The middle is only counted.
class BodySample {
 public:
  void start(std::size_t body_bytes, std::size_t last_bytes) {
    body_bytes_ = body_bytes;
    received_ = 0;
    last_begin_ = body_bytes - std::min(body_bytes, last_bytes);
    first_.clear();
    last_.clear();
  }

  void add(std::string_view bytes) {
    if (received_ < kFirstBytes) first_.append(bytes.substr(0, kFirstBytes - received_));
    const std::size_t begin = received_ < last_begin_ ? last_begin_ - received_ : 0;
    if (begin < bytes.size()) last_.append(bytes.substr(begin));
    received_ += bytes.size();
  }
  void skip(std::size_t bytes) { received_ += bytes; }

  std::size_t body_bytes() const { return body_bytes_; }
  std::size_t missing() const { return body_bytes_ - received_; }
  /// How many of the next bytes belong to neither end.
  std::size_t skippable() const {
    return received_ < kFirstBytes || received_ >= last_begin_ ? 0 : last_begin_ - received_;
  }

  /// The N of "model":"bench-N".
  std::optional<std::size_t> steps() const {
    // Some clients write the model after the messages.
    std::optional<std::string_view> model = string_after(first_, first_.find(kModel));
    if (!model) model = string_after(last_, last_.rfind(kModel));
    if (!model) return std::nullopt;
    const std::size_t name = model->rfind("bench-");
    if (name == std::string_view::npos) return std::nullopt;
    return parse_number(model->substr(name + 6));
  }

  /// The number of the tool call that comes next: one more than the call that was answered last.
  std::optional<std::size_t> next_call() const {
    const std::size_t key = last_.rfind(kToolCallId);
    if (key == std::string::npos) return 0;
    const std::optional<std::string_view> id = string_after(last_, key);
    if (!id) return std::nullopt;
    // Only the digits at the end count, because clients may spell the rest of the id differently.
    const std::size_t before = id->find_last_not_of("0123456789");
    const std::optional<std::size_t> call =
        parse_number(before == std::string_view::npos ? *id : id->substr(before + 1));
    if (!call) return std::nullopt;
    return *call + 1;
  }

 private:
  // A key inside a string of the body has a backslash before its second quote, so these never match
  // text that a tool returned.
  static constexpr std::string_view kModel = "\"model\"";
  static constexpr std::string_view kToolCallId = "\"tool_call_id\"";

  static std::optional<std::string_view> string_after(std::string_view text, std::size_t key) {
    if (key == std::string_view::npos) return std::nullopt;
    const std::size_t colon = text.find(':', key);
    if (colon == std::string_view::npos) return std::nullopt;
    const std::size_t quote = text.find_first_not_of(" \t\r\n", colon + 1);
    if (quote == std::string_view::npos || text[quote] != '"') return std::nullopt;
    return string_body(text, quote + 1);
  }

  std::size_t body_bytes_ = 0;
  std::size_t received_ = 0;
  std::size_t last_begin_ = 0;
  std::string first_;
  std::string last_;
};

/// What the clients did, as it shows from here: for all clients alike, without their help.
class Measured {
 public:
  /// Steps at which the pause between a reply and the next request is averaged, over so many steps
  /// on either side.
  static constexpr std::array<std::size_t, 4> kSteps = {10, 200, 1000, 4000};
  static constexpr std::size_t kWindow = 25;

  void first_request(std::int64_t at_ns) { first_request_ns_ = at_ns; }
  void gap(std::size_t step, std::int64_t gap_ns) {
    for (std::size_t i = 0; i < kSteps.size(); ++i) {
      const std::size_t width = std::min(kWindow, kSteps[i] / 2);
      if (step + width < kSteps[i] || step > kSteps[i] + width) continue;
      sums_[i] += gap_ns;
      ++counts_[i];
    }
  }
  /// {"first_request_ns": CLOCK_MONOTONIC, "gap_us": {"10": 12.3, ...}}; begins anew.
  std::string take() {
    std::string text =
        "{\"first_request_ns\":" + std::to_string(first_request_ns_) + ",\"gap_us\":{";
    for (std::size_t i = 0; i < kSteps.size(); ++i) {
      const double mean =
          counts_[i] == 0 ? 0
                          : static_cast<double>(sums_[i]) / static_cast<double>(counts_[i]) / 1e3;
      text += (i > 0 ? ",\"" : "\"") + std::to_string(kSteps[i]) + "\":" + std::to_string(mean);
    }
    *this = Measured();
    return text + "}}";
  }

 private:
  std::int64_t first_request_ns_ = 0;
  std::array<std::int64_t, kSteps.size()> sums_{};
  std::array<std::int64_t, kSteps.size()> counts_{};
};

struct Connection {
  enum class State { kReadingHead, kReadingBody, kDelayed, kWriting };

  explicit Connection(int fd, std::uint64_t serial_number) : socket(fd), serial(serial_number) {}

  Descriptor socket;
  /// Tells this connection from an earlier one that had the same descriptor.
  std::uint64_t serial;
  State state = State::kReadingHead;
  std::uint32_t interest = EPOLLIN;
  std::string head_text;
  RequestHead head;  // points into head_text
  BodySample body;
  std::int64_t request_ns = 0;  ///< First byte of the request under way.
  std::int64_t replied_ns = 0;  ///< Last byte of the last reply.
  /// What the socket did not take at once.
  std::string unsent;
  std::size_t unsent_begin = 0;
};

class Server {
 public:
  explicit Server(const Options& options)
      : options_(options),
        created_(static_cast<std::int64_t>(std::time(nullptr))),
        models_reply_(models_reply(created_)),
        scratch_(std::make_unique_for_overwrite<char[]>(kDiscardBytes)) {
    epoll_ = Descriptor(epoll_create1(EPOLL_CLOEXEC));
    if (epoll_.get() < 0) fail("epoll_create1", errno);
    listen_on_loopback();
    watch_for_the_end();
  }

  void run() {
    std::array<epoll_event, 256> events{};
    for (;;) {
      const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                                   milliseconds_until_due());
      if (count < 0 && errno != EINTR) fail("epoll_wait", errno);
      for (int index = 0; index < count; ++index) {
        const epoll_event& event = events[static_cast<std::size_t>(index)];
        if (event.data.fd == signals_.get() || event.data.fd == STDIN_FILENO) {
          if (event.data.fd == signals_.get() || stdin_is_closed()) return;
        } else if (event.data.fd == listener_.get()) {
          accept_all();
        } else if (Connection* connection = find(event.data.fd)) {
          handle(*connection, event.events);
        }
      }
      send_due_replies();
      // Not earlier: a descriptor that is closed within the batch could come back in the same batch
      // as another connection, to which the remaining events do not belong.
      closed_.clear();
    }
  }

 private:
  struct Delayed {
    std::int64_t due_ns;
    int fd;
    std::uint64_t serial;
  };

  void listen_on_loopback() {
    listener_ = Descriptor(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (listener_.get() < 0) fail("socket", errno);
    const int on = 1;
    setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(options_.port);
    socklen_t size = sizeof address;
    if (bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        listen(listener_.get(), 4096) != 0 ||
        getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      fail("cannot listen", errno);
    }
    watch(epoll_.get(), listener_.get(), EPOLLIN);
    std::printf("listening on http://127.0.0.1:%d/v1\n", ntohs(address.sin_port));
    std::fflush(stdout);
  }

  void watch_for_the_end() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    if (sigprocmask(SIG_BLOCK, &signals, nullptr) != 0) fail("sigprocmask", errno);
    signals_ = Descriptor(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
    if (signals_.get() < 0) fail("signalfd", errno);
    watch(epoll_.get(), signals_.get(), EPOLLIN);
    if (options_.watch_stdin) watch(epoll_.get(), STDIN_FILENO, EPOLLIN);
  }

  static bool stdin_is_closed() {
    std::array<char, 256> ignored;
    return read(STDIN_FILENO, ignored.data(), ignored.size()) <= 0;
  }

  void accept_all() {
    for (;;) {
      const int fd = accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) {
        if (errno == EAGAIN || errno == ECONNABORTED || errno == EINTR) return;
        fail("accept4", errno);
      }
      disable_send_delay(fd);
      watch(epoll_.get(), fd, EPOLLIN);
      const auto index = static_cast<std::size_t>(fd);
      if (connections_.size() <= index) connections_.resize(index + 1);
      connections_[index] = std::make_unique<Connection>(fd, ++serial_);
    }
  }

  Connection* find(int fd) {
    const auto index = static_cast<std::size_t>(fd);
    return index < connections_.size() ? connections_[index].get() : nullptr;
  }

  void drop(Connection& connection) {
    const auto index = static_cast<std::size_t>(connection.socket.get());
    closed_.push_back(std::move(connections_[index]));
  }

  void set_interest(Connection& connection, std::uint32_t interest) {
    if (connection.interest == interest) return;
    connection.interest = interest;
    epoll_event event{};
    event.events = interest;
    event.data.fd = connection.socket.get();
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, event.data.fd, &event) != 0) {
      fail("epoll_ctl", errno);
    }
  }

  void handle(Connection& connection, std::uint32_t events) {
    switch (connection.state) {
      case Connection::State::kReadingHead:
      case Connection::State::kReadingBody:
        return receive(connection);
      case Connection::State::kWriting:
        return send_unsent(connection);
      case Connection::State::kDelayed:
        if ((events & (EPOLLERR | EPOLLHUP)) != 0) return drop(connection);
        // A client that closes its half of the connection must not keep us awake.
        return set_interest(connection, 0);
    }
  }

  void receive(Connection& connection) {
    const int fd = connection.socket.get();
    const bool in_body = connection.state == Connection::State::kReadingBody;
    const std::size_t skippable = in_body ? connection.body.skippable() : 0;
    ssize_t got;
    if (skippable > 0) {
      // tcp(7): with MSG_TRUNC the bytes are dropped in the kernel instead of copied to us.
      got = recv(fd, scratch_.get(), std::min(skippable, kDiscardBytes), MSG_TRUNC);
    } else {
      got = recv(fd, scratch_.get(),
                 in_body ? std::min(connection.body.missing(), kReadBytes) : kReadBytes, 0);
    }
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) return drop(connection);

    const auto count = static_cast<std::size_t>(got);
    if (skippable > 0) return connection.body.skip(count);
    const std::string_view bytes(scratch_.get(), count);
    if (!in_body) return receive_head(connection, bytes);
    connection.body.add(bytes);
    if (connection.body.missing() == 0) answer(connection);
  }

  void receive_head(Connection& connection, std::string_view bytes) {
    std::string& text = connection.head_text;
    const std::size_t known = text.size();
    if (known == 0) {
      connection.request_ns = now_ns();
      // The body that came along is cut off here, so that no connection keeps room for it.
      text.assign(bytes.substr(0, find_head_end(bytes, 0)));
    } else {
      text.append(bytes);
    }
    const std::size_t end = find_head_end(text, known);
    if (end == std::string::npos) {
      if (text.size() > kHeadBytesMax) drop(connection);
      return;
    }
    const std::string_view body_bytes = bytes.substr(end - known);
    text.resize(end);
    connection.head = parse_head(text);
    const std::size_t content_length = connection.head.content_length.value_or(0);
    // Bytes beyond the body would be a pipelined request, which no client of a model sends.
    if (body_bytes.size() > content_length && !connection.head.is_chunked) {
      return drop(connection);
    }
    connection.state = Connection::State::kReadingBody;
    connection.body.start(content_length, options_.last_bytes);
    if (connection.head.is_chunked) return answer(connection);
    connection.body.add(body_bytes);
    if (connection.body.missing() == 0) return answer(connection);
    if (connection.head.expects_continue && body_bytes.empty()) {
      constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
      if (send(connection.socket.get(), kContinue.data(), kContinue.size(), MSG_NOSIGNAL) < 0) {
        drop(connection);
      }
    }
  }

  void answer(Connection& connection) {
    if (options_.delay_ns == 0) return send_reply(connection);
    connection.state = Connection::State::kDelayed;
    delayed_.push_back({now_ns() + options_.delay_ns, connection.socket.get(), connection.serial});
  }

  int milliseconds_until_due() const {
    if (delayed_.empty()) return -1;
    // Rounded up, because a reply must not come too early, and to wake too early would spin.
    const std::int64_t wait_ns = delayed_.front().due_ns - now_ns();
    return static_cast<int>(std::max<std::int64_t>(0, (wait_ns + 999'999) / 1'000'000));
  }

  void send_due_replies() {
    // All delays are equal, so the queue is in the order of time.
    while (!delayed_.empty() && delayed_.front().due_ns <= now_ns()) {
      const Delayed due = delayed_.front();
      delayed_.pop_front();
      Connection* connection = find(due.fd);
      if (connection != nullptr && connection->serial == due.serial) send_reply(*connection);
    }
  }

  void write_reply(const Connection& connection) {
    const RequestHead& head = connection.head;
    if (head.method == "GET" && head.path == "/v1/models") {
      reply_ = models_reply_;
    } else if (head.method == "GET" && head.path == "/v1/measured") {
      reply_ = json_reply("200 OK", measured_.take());
    } else if (head.method != "POST" || head.path != "/v1/chat/completions") {
      reply_ = error_reply("404 Not Found", "only POST /v1/chat/completions and GET /v1/models");
    } else if (head.is_chunked || !head.content_length) {
      reply_ = error_reply("411 Length Required", "the request needs a Content-Length");
    } else {
      write_completion(connection);
    }
  }

  void measure(const Connection& connection, std::size_t call) {
    if (call == 0) measured_.first_request(connection.request_ns);
    if (call > 0 && connection.replied_ns > 0) {
      measured_.gap(call, connection.request_ns - connection.replied_ns);
    }
  }

  void write_completion(const Connection& connection) {
    const BodySample& body = connection.body;
    const std::optional<std::size_t> steps = body.steps();
    const std::optional<std::size_t> call = body.next_call();
    if (!steps || !call) {
      reply_ = error_reply("400 Bad Request",
                           !steps ? "the model must be \"bench-N\", N being the number of steps"
                                  : "the last tool_call_id does not end in a number");
      return;
    }
    measure(connection, *call);
    auto replies = replies_.find(*steps);
    if (replies == replies_.end()) {
      replies = replies_.emplace(*steps, Replies(*steps, options_.words, created_)).first;
    }
    if (*call < *steps) {
      replies->second.write_call(reply_, ++reply_count_, *call, body.body_bytes());
    } else {
      replies->second.write_answer(reply_, ++reply_count_, body.body_bytes());
    }
  }

  void send_reply(Connection& connection) {
    write_reply(connection);
    const ssize_t sent = send(connection.socket.get(), reply_.data(), reply_.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) return drop(connection);
    const std::size_t count = sent < 0 ? 0 : static_cast<std::size_t>(sent);
    if (count == reply_.size()) return finish(connection);
    connection.state = Connection::State::kWriting;
    connection.unsent.assign(reply_, count);
    connection.unsent_begin = 0;
    set_interest(connection, EPOLLOUT);
  }

  void send_unsent(Connection& connection) {
    const std::string_view rest =
        std::string_view(connection.unsent).substr(connection.unsent_begin);
    const ssize_t sent = send(connection.socket.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) return;
    if (sent < 0) return drop(connection);
    connection.unsent_begin += static_cast<std::size_t>(sent);
    if (connection.unsent_begin == connection.unsent.size()) finish(connection);
  }

  void finish(Connection& connection) {
    // A refused chunked body was not read, so what follows in the connection is not a request.
    if (connection.head.closes || connection.head.is_chunked) return drop(connection);
    connection.state = Connection::State::kReadingHead;
    connection.replied_ns = now_ns();
    connection.head_text.clear();
    set_interest(connection, EPOLLIN);
  }

  const Options options_;
  const std::int64_t created_;
  const std::string models_reply_;
  const std::unique_ptr<char[]> scratch_;
  Descriptor epoll_;
  Descriptor listener_;
  Descriptor signals_;
  std::vector<std::unique_ptr<Connection>> connections_;  // by descriptor
  std::vector<std::unique_ptr<Connection>> closed_;
  std::deque<Delayed> delayed_;
  std::unordered_map<std::size_t, Replies> replies_;  // by number of steps
  std::string reply_;
  Measured measured_;
  std::uint64_t serial_ = 0;
  std::uint64_t reply_count_ = 0;
};

}  // namespace
}  // namespace perdure::bench

int main(int count, char** values) {
  perdure::bench::Options options;
  for (perdure::bench::Arguments arguments(count, values, perdure::bench::kUsage);
       arguments.next();) {
    if (arguments.is("--port")) {
      options.port = static_cast<std::uint16_t>(arguments.number(0, 65535));
    } else if (arguments.is("--delay-ms")) {
      options.delay_ns = static_cast<std::int64_t>(arguments.number(0, 3'600'000)) * 1'000'000;
    } else if (arguments.is("--last-bytes")) {
      options.last_bytes = arguments.number(256, 64 * 1024 * 1024);
    } else if (arguments.is("--words")) {
      options.words = arguments.number(1, 1'000'000);
    } else if (arguments.is("--watch-stdin")) {
      options.watch_stdin = true;
    } else {
      arguments.reject();
    }
  }
  perdure::bench::raise_open_files_limit();
  perdure::bench::Server(options).run();
  return 0;
}
