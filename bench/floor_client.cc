// The floor below every agent runtime: it moves the bytes of a run and does nothing else. No
// journal, no JSON parser, no retries, no checks; raw sockets and string search. What a runtime
// takes beyond this is the price of what it offers.
//
// The work that no agent can leave out is done honestly: the whole history is sent with each
// request, every event of every stream is cut and looked at, text and arguments are put together
// from their deltas, the file that the model asks for is opened and read, and its content is
// escaped into the next message. The README beside this file says how to run it and what the
// printed figures mean.

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "floor_reply.h"
#include "support.h"

namespace perdure::bench {
namespace {

constexpr std::string_view kUsage =
    "usage: floor_client --url http://127.0.0.1:PORT/v1 [options]\n"
    "  --steps N              tool calls of each run (default 20)\n"
    "  --runs R               runs at the same time, each with its own connection (default 1)\n"
    "  --tool-bytes B         size of each file that a step reads (default 470)\n"
    "  --head-bytes H         size of system prompt, tools and task (default 9000)\n"
    "  --workspace DIR        really open and read DIR/data/file_0.txt to file_15.txt, whatever\n"
    "                         their size; without it the same text is taken from memory\n"
    "  --make-workspace DIR   write these files, B bytes each, and exit\n";

constexpr std::size_t kFiles = 16;
constexpr std::size_t kReceiveBytes = 64 * 1024;
/// An endpoint that is silent for so long is taken for dead.
constexpr int kSilenceMaxMs = 60'000;
constexpr std::array<std::size_t, 4> kCheckpointSteps = {10, 200, 1000, 4000};

struct Options {
  std::string url;
  std::size_t steps = 20;
  std::size_t runs = 1;
  std::size_t tool_bytes = 470;
  std::size_t head_bytes = 9000;
  std::string workspace;
  std::string make_workspace;
};

/// Processor time of this process, all threads, user and system.
std::int64_t cpu_ns() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

/// What a tool could have read: lines of prose, `bytes` in all, different for each file.
std::string file_text(std::size_t file, std::size_t bytes) {
  std::string text;
  for (std::size_t line = 1; text.size() < bytes; ++line) {
    text += "File ";
    append_number(text, file);
    text += ", line ";
    append_number(text, line);
    text += ": the quick \"brown\" fox jumps over the lazy dog.\n";
  }
  text.resize(bytes);
  return text;
}

void write_workspace(const std::string& folder, std::size_t bytes) {
  const std::string data = folder + "/data";
  if (mkdir(folder.c_str(), 0777) != 0 && errno != EEXIST) fail(folder, errno);
  if (mkdir(data.c_str(), 0777) != 0 && errno != EEXIST) fail(data, errno);
  for (std::size_t file = 0; file < kFiles; ++file) {
    std::string path = data + "/file_";
    append_number(path, file);
    path += ".txt";
    const Descriptor out(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
    const std::string text = file_text(file, bytes);
    if (write(out.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
      fail(path, errno);
    }
  }
}

/// The tool of the run. With a workspace it opens and reads the file each time; without one it has
/// the texts ready, so that the cost of the file system can be told from the rest.
class FileTool {
 public:
  explicit FileTool(const Options& options) {
    if (!options.workspace.empty()) {
      folder_ = Descriptor(open(options.workspace.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
      if (folder_.get() < 0) fail(options.workspace, errno);
      return;
    }
    for (std::size_t file = 0; file < kFiles; ++file) {
      texts_.push_back(file_text(file, options.tool_bytes));
    }
  }

  /// The content of the file, valid until the next call.
  std::string_view read_file(const std::string& path) {
    if (folder_.get() < 0) {
      std::size_t file = kFiles;
      const std::size_t digits = path.find_first_of("0123456789");
      if (digits != std::string::npos) {
        std::from_chars(path.data() + digits, path.data() + path.size(), file);
      }
      if (file >= kFiles) fail("no such file: " + path);
      return texts_[file];
    }
    const Descriptor file(openat(folder_.get(), path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0) fail(path, errno);
    std::size_t size = 0;
    for (;;) {
      if (content_.size() == size) content_.resize(std::max<std::size_t>(16 * 1024, size * 2));
      const ssize_t got = read(file.get(), content_.data() + size, content_.size() - size);
      if (got < 0) fail(path, errno);
      if (got == 0) return std::string_view(content_).substr(0, size);
      size += static_cast<std::size_t>(got);
    }
  }

 private:
  Descriptor folder_;
  std::string content_;
  std::vector<std::string> texts_;
};

/// Processor time per step and the gap between reply and next request, around some steps of the
/// first run. Step s begins with request s and ends where request s + 1 begins.
class Checkpoints {
 public:
  explicit Checkpoints(std::size_t steps) {
    for (std::size_t step : kCheckpointSteps) {
      if (step > steps) continue;
      const std::size_t width = step == 10 ? 10 : 50;
      windows_.push_back(
          {.step = step, .first = step - width / 2 + 1, .last = std::min(step + width / 2, steps)});
    }
  }

  /// Called before request `request` (from 1 on) is written, `gap_ns` after the reply before it.
  /// `requests_of_all_runs` shares the processor time of the process among the runs.
  void on_request(std::size_t request, std::int64_t gap_ns, std::size_t requests_of_all_runs) {
    for (Window& window : windows_) {
      if (request < window.first || request > window.last + 1) continue;
      if (request == window.first) {
        window.cpu_ns = -cpu_ns();
        window.steps_of_all_runs = 0 - requests_of_all_runs;
        continue;
      }
      window.gap_ns += gap_ns;
      if (request == window.last + 1) {
        window.cpu_ns += cpu_ns();
        window.steps_of_all_runs += requests_of_all_runs;
      }
    }
  }

  void print() const {
    std::printf("\"checkpoints\":[");
    const char* separator = "";
    for (const Window& window : windows_) {
      const auto own_steps = static_cast<double>(window.last + 1 - window.first);
      const double cpu_us =
          static_cast<double>(window.cpu_ns) / 1e3 / static_cast<double>(window.steps_of_all_runs);
      const double gap_us = static_cast<double>(window.gap_ns) / 1e3 / own_steps;
      std::printf("%s{\"step\":%zu,\"cpu_us_per_step\":%.1f,\"gap_us\":%.1f}", separator,
                  window.step, cpu_us, gap_us);
      separator = ",";
    }
    std::printf("]");
  }

 private:
  struct Window {
    std::size_t step;
    std::size_t first;
    std::size_t last;
    std::int64_t cpu_ns = 0;
    std::int64_t gap_ns = 0;
    std::size_t steps_of_all_runs = 0;
  };
  std::vector<Window> windows_;
};

/// What all runs have in common.
struct Shared {
  Options options;
  sockaddr_in address{};
  std::string request_line;  // request line and fixed header fields
  std::string head;          // the body up to and including the first user message
  FileTool tool;
  Checkpoints checkpoints;
  int epoll_fd = -1;
  std::size_t requests = 0;
  std::size_t unfinished_runs = 0;
  std::uint64_t sent_bytes = 0;
  std::uint64_t received_bytes = 0;
  std::int64_t first_request_at_ns = 0;
};

/// One agent run on one connection.
class Run {
 public:
  Run(Shared& shared, bool is_measured) : shared_(shared), is_measured_(is_measured) {
    socket_ = Descriptor(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (socket_.get() < 0) fail("socket", errno);
    disable_send_delay(socket_.get());
    if (connect(socket_.get(), reinterpret_cast<const sockaddr*>(&shared.address),
                sizeof shared.address) != 0 &&
        errno != EINPROGRESS) {
      fail("connect", errno);
    }
    // Edge-triggered, so that waiting for the one or the other needs no further call.
    watch(shared.epoll_fd, socket_.get(), EPOLLIN | EPOLLOUT | EPOLLET);
  }

  int fd() const { return socket_.get(); }
  std::size_t history_bytes() const { return history_.size(); }

  void start() {
    begin_request(0);
    send_rest();
  }

  /// The socket may be readable, writable or both.
  void on_event(std::string& scratch) {
    if (state_ == State::kWriting) send_rest();
    while (state_ == State::kReading) {
      const ssize_t got = recv(socket_.get(), scratch.data(), scratch.size(), 0);
      if (got < 0 && errno == EAGAIN) return;
      if (got <= 0) fail("the endpoint closed the connection", got < 0 ? errno : 0);
      // Read here, not after the events were cut: that is work between reply and request.
      const std::int64_t received_at_ns = now_ns();
      const auto count = static_cast<std::size_t>(got);
      shared_.received_bytes += count;
      if (reader_.feed(std::string_view(scratch).substr(0, count))) {
        return take_reply(received_at_ns);
      }
      // epoll(7): a short read has emptied the socket, the next bytes raise a new event.
      if (count < scratch.size()) return;
    }
  }

 private:
  enum class State { kWriting, kReading, kFinished };

  void take_reply(std::int64_t reply_at_ns) {
    if (!reader_.is_done()) fail("the stream ended without [DONE]");
    if (reader_.finish_reason() == "stop") {
      if (steps_done_ != shared_.options.steps || reader_.text().empty()) {
        fail("the run ended before its last step");
      }
      state_ = State::kFinished;
      --shared_.unfinished_runs;
      return;
    }
    if (reader_.finish_reason() != "tool_calls" || reader_.call_name() != "read_file") {
      fail("neither an answer nor a call of read_file");
    }
    append_step();
    ++steps_done_;
    begin_request(reply_at_ns);
    send_rest();
  }

  /// Runs the tool and appends the assistant message and the tool message.
  void append_step() {
    constexpr std::string_view kPath = R"(\"path\":\")";
    const std::string& arguments = reader_.arguments();
    const std::size_t found = find_from(arguments, kPath, 0);
    if (found == std::string::npos) fail("arguments without a path: " + arguments);
    const std::size_t begin = found + kPath.size();
    path_.assign(arguments, begin, find_from(arguments, R"(\")", begin) - begin);
    const std::string_view content = shared_.tool.read_file(path_);

    history_.append(R"(,{"role":"assistant","reasoning_content":")").append(reader_.reasoning());
    history_.append(R"(","tool_calls":[{"id":")").append(reader_.call_id());
    history_.append(R"(","type":"function","function":{"name":")").append(reader_.call_name());
    history_.append(R"(","arguments":")").append(arguments);
    history_.append(R"("}}]},{"role":"tool","tool_call_id":")").append(reader_.call_id());
    history_.append(R"(","content":")");
    append_escaped(history_, content);
    history_.append("\"}");
  }

  void begin_request(std::int64_t reply_at_ns) {
    request_head_.assign(shared_.request_line);
    append_number(request_head_, shared_.head.size() + history_.size() + kTail.size());
    request_head_.append("\r\n\r\n");
    sent_ = 0;
    request_bytes_ = request_head_.size() + shared_.head.size() + history_.size() + kTail.size();
    reader_.start();
    state_ = State::kWriting;

    ++shared_.requests;
    if (is_measured_) {
      const std::int64_t gap_ns = reply_at_ns == 0 ? 0 : now_ns() - reply_at_ns;
      shared_.checkpoints.on_request(steps_done_ + 1, gap_ns, shared_.requests);
    }
  }

  void send_rest() {
    while (sent_ < request_bytes_) {
      const std::array<std::string_view, 4> parts = {request_head_, shared_.head, history_, kTail};
      std::array<iovec, 4> vectors{};
      msghdr message{};
      message.msg_iov = vectors.data();
      std::size_t skip = sent_;
      for (std::string_view part : parts) {
        const std::size_t skipped = std::min(skip, part.size());
        skip -= skipped;
        part.remove_prefix(skipped);
        if (part.empty()) continue;
        vectors[message.msg_iovlen++] = {const_cast<char*>(part.data()), part.size()};
      }
      const std::int64_t write_at_ns = shared_.first_request_at_ns == 0 ? now_ns() : 0;
      // As writev, but a closed connection must not raise SIGPIPE.
      const ssize_t sent = sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
      if (sent < 0 && errno == EAGAIN) return;
      if (sent < 0) fail("sending the request", errno);
      if (shared_.first_request_at_ns == 0) shared_.first_request_at_ns = write_at_ns;
      sent_ += static_cast<std::size_t>(sent);
    }
    shared_.sent_bytes += request_bytes_;
    state_ = State::kReading;
  }

  static constexpr std::string_view kTail = "]}";

  Shared& shared_;
  const bool is_measured_;
  Descriptor socket_;
  State state_ = State::kWriting;
  std::string request_head_;
  std::string history_;  // all messages after the first user message, each with a comma before it
  std::string path_;
  std::size_t sent_ = 0;
  std::size_t request_bytes_ = 0;
  std::size_t steps_done_ = 0;
  ReplyReader reader_;
};

/// The peak of resident memory. Not from getrusage, whose figure starts with that of the process
/// that started us.
std::size_t peak_kb() {
  const Descriptor status(open("/proc/self/status", O_RDONLY | O_CLOEXEC));
  std::array<char, 4096> bytes;
  const ssize_t got = read(status.get(), bytes.data(), bytes.size());
  if (got <= 0) fail("/proc/self/status", errno);
  const std::string_view text(bytes.data(), static_cast<std::size_t>(got));
  constexpr std::string_view kKey = "VmHWM:";
  const std::size_t key = text.find(kKey);
  if (key == std::string_view::npos) fail("no VmHWM in /proc/self/status");
  const std::size_t digits = text.find_first_of("0123456789", key + kKey.size());
  std::size_t peak = 0;
  std::from_chars(text.data() + digits, text.data() + text.size(), peak);
  return peak;
}

double milliseconds(std::int64_t time_ns) {
  return static_cast<double>(time_ns) / 1e6;
}

double milliseconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
}

/// The beginning of each request body, `head_bytes` long if it can be so short: the system prompt
/// fills it up.
std::string make_head(const Options& options) {
  std::string begin = R"({"model":"bench-)";
  append_number(begin, options.steps);
  begin += R"(","stream":true,"stream_options":{"include_usage":true},"tools":[{"type":"function",)"
           R"("function":{"name":"read_file","description":"Reads a text file of the workspace.",)"
           R"("parameters":{"type":"object","properties":{"path":{"type":"string","description":)"
           R"("Path of the file, relative to the workspace."}},"required":["path"]}}}],)"
           R"("messages":[{"role":"system","content":")";
  constexpr std::string_view kEnd =
      R"("},{"role":"user","content":"Read the files of the folder data one after the other."})";
  constexpr std::string_view kRule = "Work in small steps and look at each result with care. ";
  const std::size_t fixed_bytes = begin.size() + kEnd.size();
  const std::size_t prompt_bytes = std::max(options.head_bytes, fixed_bytes) - fixed_bytes;
  std::string prompt;
  while (prompt.size() < prompt_bytes) prompt += kRule;
  prompt.resize(prompt_bytes);
  return begin + prompt + std::string(kEnd);
}

/// Reads "http://127.0.0.1:PORT/v1" into address and request line. The floor knows neither names
/// nor TLS.
void read_url(Shared& shared) {
  constexpr std::string_view kScheme = "http://";
  std::string_view url = shared.options.url;
  if (!url.starts_with(kScheme)) fail("the url must begin with http://");
  url.remove_prefix(kScheme.size());
  while (url.ends_with('/')) url.remove_suffix(1);
  const std::string authority(url.substr(0, url.find('/')));
  const std::string path(url.substr(authority.size()));
  const std::size_t colon = authority.find(':');
  const std::string host = authority.substr(0, colon);
  std::uint16_t port = 80;
  if (colon != std::string::npos) {
    std::from_chars(authority.data() + colon + 1, authority.data() + authority.size(), port);
  }
  shared.address.sin_family = AF_INET;
  shared.address.sin_port = htons(port);
  if (inet_pton(AF_INET, host == "localhost" ? "127.0.0.1" : host.c_str(),
                &shared.address.sin_addr) != 1) {
    fail("the host of the url must be an IPv4 address");
  }
  shared.request_line = "POST " + path + "/chat/completions HTTP/1.1\r\nHost: " + authority +
                        "\r\nContent-Type: application/json\r\nAccept: text/event-stream\r\n"
                        "Authorization: Bearer none\r\nContent-Length: ";
}

void drive(Shared& shared, std::vector<std::unique_ptr<Run>>& runs) {
  std::vector<Run*> run_of_fd;
  for (std::size_t index = 0; index < shared.options.runs; ++index) {
    Run* run = runs.emplace_back(std::make_unique<Run>(shared, index == 0)).get();
    const auto fd = static_cast<std::size_t>(run->fd());
    if (run_of_fd.size() <= fd) run_of_fd.resize(fd + 1);
    run_of_fd[fd] = run;
    run->start();
  }

  std::string scratch(kReceiveBytes, '\0');
  std::array<epoll_event, 256> events{};
  while (shared.unfinished_runs > 0) {
    const int count =
        epoll_wait(shared.epoll_fd, events.data(), static_cast<int>(events.size()), kSilenceMaxMs);
    if (count == 0) fail("the endpoint is silent");
    if (count < 0 && errno != EINTR) fail("epoll_wait", errno);
    for (int index = 0; index < count; ++index) {
      const auto fd = static_cast<std::size_t>(events[static_cast<std::size_t>(index)].data.fd);
      run_of_fd[fd]->on_event(scratch);
    }
  }
}

/// `start_ns` is the time at which the process started, on the clock of now_ns().
void measure(const Options& options, std::int64_t start_ns) {
  const Descriptor epoll(epoll_create1(EPOLL_CLOEXEC));
  if (epoll.get() < 0) fail("epoll_create1", errno);
  raise_open_files_limit();
  Shared shared{.options = options,
                .address = {},
                .request_line = {},
                .head = make_head(options),
                .tool = FileTool(options),
                .checkpoints = Checkpoints(options.steps),
                .epoll_fd = epoll.get(),
                .unfinished_runs = options.runs};
  read_url(shared);
  std::vector<std::unique_ptr<Run>> runs;
  drive(shared, runs);

  const std::int64_t end_ns = now_ns();
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf("{\"client\":\"floor\",\"steps\":%zu,\"runs\":%zu,\"wall_ms\":%.3f,\"cpu_ms\":%.3f,",
              options.steps, options.runs, milliseconds(end_ns - start_ns),
              milliseconds(usage.ru_utime) + milliseconds(usage.ru_stime));
  std::printf("\"peak_kb\":%zu,\"first_request_ms\":%.3f,\"requests\":%zu,", peak_kb(),
              milliseconds(shared.first_request_at_ns - start_ns), shared.requests);
  std::printf("\"history_bytes\":%zu,\"sent_bytes\":%llu,\"received_bytes\":%llu,",
              runs.front()->history_bytes(), static_cast<unsigned long long>(shared.sent_bytes),
              static_cast<unsigned long long>(shared.received_bytes));
  shared.checkpoints.print();
  std::printf("}\n");
}

Options parse_options(int count, char** values) {
  Options options;
  for (Arguments arguments(count, values, kUsage); arguments.next();) {
    if (arguments.is("--url")) {
      options.url = arguments.text();
    } else if (arguments.is("--steps")) {
      options.steps = arguments.number(1, 1'000'000);
    } else if (arguments.is("--runs")) {
      options.runs = arguments.number(1, 100'000);
    } else if (arguments.is("--tool-bytes")) {
      options.tool_bytes = arguments.number(0, 64 * 1024 * 1024);
    } else if (arguments.is("--head-bytes")) {
      options.head_bytes = arguments.number(0, 64 * 1024 * 1024);
    } else if (arguments.is("--workspace")) {
      options.workspace = arguments.text();
    } else if (arguments.is("--make-workspace")) {
      options.make_workspace = arguments.text();
    } else {
      arguments.reject();
    }
  }
  return options;
}

}  // namespace
}  // namespace perdure::bench

int main(int count, char** values) {
  using perdure::bench::Options;
  // The kernel tells the start of a process only in hundredths of a second. Before main only the
  // loader works, and it hardly waits, so its processor time stands for the time since the start.
  const std::int64_t start_ns = perdure::bench::now_ns() - perdure::bench::cpu_ns();
  const Options options = perdure::bench::parse_options(count, values);
  if (!options.make_workspace.empty()) {
    perdure::bench::write_workspace(options.make_workspace, options.tool_bytes);
  } else {
    perdure::bench::measure(options, start_ns);
  }
  return 0;
}
