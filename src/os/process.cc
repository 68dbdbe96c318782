#include "os/process.h"

#include <array>
#include <cerrno>
#include <csignal>

#include <sys/wait.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/spawn.h"

namespace perdure {
namespace {

// How long output may still come after the leader ended: a grandchild that keeps the pipe open must
// not hang the call (attack A32).
constexpr std::int64_t kDrainMs = 200;

// A child that does not read its input must not end this process: what the embedder does with
// SIGPIPE is not ours to know.
ssize_t write_without_signal(int descriptor, std::string_view bytes) {
  sigset_t pipe_signal;
  sigset_t before;
  sigset_t pending;
  ::sigemptyset(&pipe_signal);
  ::sigaddset(&pipe_signal, SIGPIPE);
  ::sigpending(&pending);
  ::pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
  const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
  const int error = errno;
  if (written < 0 && error == EPIPE && ::sigismember(&pending, SIGPIPE) == 0) {
    const timespec no_time{};
    ::sigtimedwait(&pipe_signal, nullptr, &no_time);
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return written;
}

}  // namespace

struct Process::Impl {
  Impl(Loop& event_loop, const ProcessSpec& spec, SpawnedProcess spawned_process, Observer watcher)
      : loop(event_loop),
        spawned(std::move(spawned_process)),
        observer(std::move(watcher)),
        marker(spec.marker),
        input(spec.input),
        grace_ms(spec.grace_ms),
        started_ms(monotonic_ms()) {}

  Loop& loop;
  SpawnedProcess spawned;
  Observer observer;
  std::string marker;
  std::string input;
  std::size_t input_sent = 0;
  std::int64_t grace_ms;
  std::int64_t started_ms;
  ProcessExit exit;
  bool leader_ended = false;
  Watch output_watch, errors_watch, input_watch, exit_watch;
  Timer deadline, kill_timer, drain_timer;

  void begin(std::int64_t timeout_ms) {
    output_watch = read_from(spawned.output, OutputStream::kStandard, output_watch);
    if (spawned.errors.valid()) {
      errors_watch = read_from(spawned.errors, OutputStream::kError, errors_watch);
    }
    if (spawned.input.valid()) {
      input_watch =
          loop.watch(spawned.input.get(), {.writable = true}, [this](Readiness) { feed(); });
    }
    exit_watch = loop.watch(spawned.pidfd.get(), {.readable = true}, [this](Readiness) { reap(); });
    deadline = loop.start_timer(timeout_ms, [this] {
      exit.timed_out = true;
      terminate();
    });
  }

  Watch read_from(Descriptor& pipe, OutputStream stream, Watch& watch) {
    return loop.watch(pipe.get(), {.readable = true}, [this, &pipe, stream, &watch](Readiness) {
      if (!drain(pipe, stream)) watch.cancel();
      finish_if_complete();
    });
  }

  // Reads what is there; false at the end of the stream. Bounded per turn, so that a flood does not
  // starve the loop.
  bool drain(const Descriptor& pipe, OutputStream stream) {
    constexpr int kReadsPerTurn = 4;
    std::array<char, 64 * 1024> buffer;
    for (int i = 0; i < kReadsPerTurn; ++i) {
      const ssize_t got = ::read(pipe.get(), buffer.data(), buffer.size());
      if (got > 0) {
        observer.output(stream, {buffer.data(), static_cast<std::size_t>(got)});
      } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        return false;
      } else if (errno == EAGAIN) {
        return true;
      }
    }
    return true;
  }

  void feed() {
    const std::string_view rest = std::string_view(input).substr(input_sent);
    const ssize_t written = write_without_signal(spawned.input.get(), rest);
    if (written > 0) input_sent += static_cast<std::size_t>(written);
    const bool again = written < 0 && (errno == EAGAIN || errno == EINTR);
    if (input_sent == input.size() || (written < 0 && !again)) {
      input_watch.cancel();
      spawned.input.reset();
    }
  }

  void signal_group(int signal) const { ::kill(-spawned.pid, signal); }

  void terminate() {
    if (leader_ended || kill_timer.pending()) return;
    deadline.cancel();
    signal_group(SIGTERM);
    signal_group(SIGCONT);  // a stopped process does not see SIGTERM
    kill_timer = loop.start_timer(grace_ms, [this] { signal_group(SIGKILL); });
  }

  void reap() {
    siginfo_t info{};
    const auto pidfd = static_cast<id_t>(spawned.pidfd.get());
    const int status = ::waitid(P_PIDFD, pidfd, &info, WEXITED | WNOHANG | WNOWAIT);
    if (status == 0 && info.si_pid == 0) return;
    if (status == 0 && info.si_code == CLD_EXITED) exit.exit_code = info.si_status;
    if (status == 0 && info.si_code != CLD_EXITED) exit.signal = info.si_status;
    if (!marker.empty()) exit.survivors = kill_marked_processes(marker, spawned.pid);
    // The group is killed while the ended leader still holds its id: nobody else can have it yet.
    signal_group(SIGKILL);
    ::waitid(P_PIDFD, pidfd, &info, WEXITED);
    leader_ended = true;
    exit.duration_ms = monotonic_ms() - started_ms;
    exit_watch.cancel();
    deadline.cancel();
    kill_timer.cancel();
    drain_timer = loop.start_timer(kDrainMs, [this] {
      drain(spawned.output, OutputStream::kStandard);
      if (spawned.errors.valid()) drain(spawned.errors, OutputStream::kError);
      output_watch.cancel();
      errors_watch.cancel();
      finish_if_complete();
    });
    finish_if_complete();
  }

  void finish_if_complete() {
    if (!leader_ended || output_watch.active() || errors_watch.active()) return;
    drain_timer.cancel();
    input_watch.cancel();
    // The callback may destroy this object: nothing is touched after it.
    const auto done = std::move(observer.exit);
    const ProcessExit result = exit;
    if (done) done(result);
  }
};

Process::Process(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Process::~Process() {
  if (impl_ == nullptr || impl_->leader_ended) return;
  impl_->signal_group(SIGKILL);
  ::waitpid(impl_->spawned.pid, nullptr, 0);
  if (!impl_->marker.empty()) kill_marked_processes(impl_->marker, impl_->spawned.pid);
}

Result<std::unique_ptr<Process>> Process::start(Loop& loop, const ProcessSpec& spec,
                                                Observer observer) {
  Result<SpawnedProcess> spawned = spawn(spec);
  if (!spawned.ok()) return spawned.error();
  for (const Descriptor* pipe : {&spawned->output, &spawned->errors, &spawned->input}) {
    if (!pipe->valid()) continue;
    if (const Status status = set_nonblocking(pipe->get()); !status.ok()) return status.error();
  }
  auto impl = std::make_unique<Impl>(loop, spec, std::move(*spawned), std::move(observer));
  impl->begin(spec.timeout_ms);
  return std::make_unique<Process>(std::move(impl));
}

void Process::stop() {
  if (impl_->leader_ended) return;
  impl_->exit.stopped = true;
  impl_->terminate();
}

}  // namespace perdure
