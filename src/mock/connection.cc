#include "mock/connection.h"

#include <array>
#include <cerrno>
#include <utility>

#include <sys/socket.h>

namespace perdure::mock {
namespace {

constexpr std::size_t kReadBytes = 64 * 1024;
constexpr std::int64_t kLingerMs = 1000;

}  // namespace

Connection::Connection(Loop& loop, Descriptor socket, Endpoint& endpoint, Task on_end)
    : loop_(loop), socket_(std::move(socket)), endpoint_(endpoint), on_end_(std::move(on_end)) {
  watch_ = loop_.watch(socket_.get(), {.readable = true},
                       [this](Readiness readiness) { on_ready(readiness); });
}

void Connection::on_ready(Readiness readiness) {
  if (readiness.readable && !peer_closed_ && (!answering_ || lingering_)) receive();
  pump();
  settle();
}

void Connection::on_timer() {
  if (lingering_) {
    end();
  } else {
    waiting_ = false;
    out_ += plan_.steps[step_++].bytes;
    pump();
  }
  settle();
}

// The end of each turn: asks the loop for what comes next, or ends. Nothing may follow it.
void Connection::settle() {
  if (!ended_) {
    watch_.change({.readable = !peer_closed_ && (!answering_ || lingering_),
                   .writable = sent_ < out_.size()});
    return;
  }
  watch_.cancel();
  timer_.cancel();
  socket_.reset();
  const Task on_end = std::move(on_end_);
  on_end();
}

void Connection::receive() {
  std::array<char, kReadBytes> buffer;
  const ssize_t got = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got < 0) return end();
  if (got == 0) {
    peer_closed_ = true;
    if (lingering_) end();
    return;
  }
  if (lingering_) return;
  reader_.feed({buffer.data(), static_cast<std::size_t>(got)});
  if (reader_.take_continue_wish()) out_ += "HTTP/1.1 100 Continue\r\n\r\n";
}

// Goes on until it must wait: for the socket, for a delay, or for a request.
void Connection::pump() {
  while (!ended_ && !lingering_ && !waiting_ && send()) {
    if (!answering_) {
      if (!start_next_plan()) return;
    } else if (step_ == plan_.steps.size()) {
      finish_plan();
    } else if (plan_.steps[step_].delay_ms > 0) {
      waiting_ = true;
      timer_ = loop_.start_timer(plan_.steps[step_].delay_ms, [this] { on_timer(); });
    } else {
      out_ += plan_.steps[step_++].bytes;
    }
  }
}

// Whether everything is sent.
bool Connection::send() {
  while (sent_ < out_.size()) {
    const ssize_t sent =
        ::send(socket_.get(), out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) return false;
    if (sent < 0) {
      end();
      return false;
    }
    sent_ += static_cast<std::size_t>(sent);
  }
  out_.clear();
  sent_ = 0;
  return true;
}

// Whether there is a request to answer.
bool Connection::start_next_plan() {
  if (const std::optional<ReceivedRequest> request = reader_.take()) {
    plan_ = endpoint_.answer(*request);
  } else if (reader_.failure()) {
    plan_ = endpoint_.answer_failure(*reader_.failure());
  } else {
    if (peer_closed_) end();
    return false;
  }
  answering_ = true;
  step_ = 0;
  return true;
}

void Connection::finish_plan() {
  switch (plan_.end) {
    case ConnectionEnd::kKeep:
      answering_ = false;
      break;
    case ConnectionEnd::kClose:
      linger();
      break;
    case ConnectionEnd::kReset: {
      // Closing with a linger time of zero sends RST and drops what is still in the send buffer.
      const ::linger abort{.l_onoff = 1, .l_linger = 0};
      ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
      end();
    }
  }
}

// Ends the sending side and waits for the client to do the same. Closing at once while a client
// still sends (a body that is too large) would reset the connection and take the answer away from
// it.
void Connection::linger() {
  ::shutdown(socket_.get(), SHUT_WR);
  if (peer_closed_) return end();
  lingering_ = true;
  timer_ = loop_.start_timer(kLingerMs, [this] { on_timer(); });
}

}  // namespace perdure::mock
