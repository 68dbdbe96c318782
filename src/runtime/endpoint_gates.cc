#include "runtime/endpoint_gates.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"
#include "net/url.h"
#include "os/clock.h"
#include "os/random.h"

namespace perdure {

/// The gate of one endpoint, and those who wait before it.
class EndpointLine {
 public:
  EndpointLine(Loop& loop, const std::string& base_url) : loop_(loop) {
    const Result<Url> url = parse_url(base_url);
    host_ = url.ok() ? url->host : base_url;
  }

  EndpointGate& gate() { return gate_; }

  void enter(GatePass& pass, const EndpointGate::Demand& demand) {
    pass.ticket_ = gate_.join(demand);
    const std::int64_t now_ms = monotonic_ms();
    // Those who came before it have been served: they wait for something else.
    if (gate_.waiting() == 1 && gate_.admit(now_ms)) {
      pass.admitted_ = true;
      return;
    }
    waiting_[pass.ticket_] = &pass;
    pass.joined_ms_ = now_ms;
    pass.told_before_ = gate_.waiting() - 1;
    tell(pass, now_ms);
    serve();
  }

  void leave(const GatePass& pass) {
    waiting_.erase(pass.ticket_);
    gate_.leave(pass.ticket_);
    serve();
  }

  // Lets those go who may. Cheap where nobody waits.
  void serve() {
    if (gate_.waiting() == 0) return;
    const std::int64_t now_ms = monotonic_ms();
    bool has_moved = false;
    while (const std::optional<EndpointGate::Ticket> ticket = gate_.admit(now_ms)) {
      const auto found = waiting_.find(*ticket);
      GatePass& pass = *found->second;
      waiting_.erase(found);
      pass.admitted_ = true;
      has_moved = true;
      // Not from here: whoever made way is still on the stack.
      loop_.post(pass.observer_.admitted);
    }
    wake_later(now_ms);
    if (has_moved) tell_who_moved(now_ms);
  }

  // Who waits for a limit may go elsewhere now.
  void tell_of_failures() {
    if (!gate_.failing()) return;
    for (const auto& [ticket, pass] : waiting_) {
      if (!pass->told_failing_) tell(*pass, monotonic_ms());
    }
  }

 private:
  void wake_later(std::int64_t now_ms) {
    const std::optional<std::int64_t> next_ms = gate_.next_ms(now_ms);
    if (!next_ms) return timer_.cancel();
    if (timer_.pending() && due_ms_ == now_ms + *next_ms) return;
    due_ms_ = now_ms + *next_ms;
    timer_ = loop_.start_timer(std::max<std::int64_t>(1, *next_ms), [this] { serve(); });
  }

  void tell(GatePass& pass, std::int64_t now_ms) const {
    const EndpointGate::Wait wait = gate_.wait_of(pass.ticket_, now_ms);
    pass.told_failing_ = gate_.failing();
    std::string text = wait.why == EndpointGate::Why::kFailing
                           ? fmt::format("waiting for {}, which fails", host_)
                           : fmt::format("waiting for the shared limit of {}", host_);
    text += fmt::format(", {} before it", wait.before);
    if (wait.wait_ms > 0) text += fmt::format(", next request in {}", duration_text(wait.wait_ms));
    pass.observer_.waits(text);
  }

  // Of a thousand that wait, each is told ten times at most.
  void tell_who_moved(std::int64_t now_ms) {
    std::size_t before = 0;
    for (const auto& [ticket, demand] : gate_.line()) {
      GatePass& pass = *waiting_.at(ticket);
      if (before * 2 <= pass.told_before_ && before < pass.told_before_) {
        pass.told_before_ = before;
        tell(pass, now_ms);
      }
      ++before;
    }
  }

  Loop& loop_;
  std::string host_;
  EndpointGate gate_;
  std::map<EndpointGate::Ticket, GatePass*> waiting_;
  Timer timer_;
  std::int64_t due_ms_ = 0;
};

GatePass::GatePass(std::shared_ptr<EndpointLine> line, Observer observer)
    : line_(std::move(line)), observer_(std::move(observer)) {}

GatePass::~GatePass() {
  line_->leave(*this);
}

Delay GatePass::delay() const {
  const std::int64_t now_ms = monotonic_ms();
  Delay delay{.circuit_open = line_->gate().failing()};
  if (joined_ms_ > 0) delay.waited_ms = now_ms - joined_ms_;
  delay.wait_ms = line_->gate().next_ms(now_ms).value_or(-1);
  return delay;
}

void GatePass::answered(const HttpHead& head) {
  const RateLimits limits = read_rate_limits(head.headers, wall_time_ms());
  line_->gate().learn(limits, monotonic_ms());
}

void GatePass::begun() {
  line_->gate().begun(ticket_, monotonic_ms());
  line_->serve();
}

std::int64_t GatePass::failed(const Error& error, std::int64_t attempt) {
  const std::int64_t delay_ms =
      line_->gate().failed(ticket_, error, attempt, random_number(), monotonic_ms());
  line_->serve();
  line_->tell_of_failures();
  return delay_ms;
}

std::unique_ptr<GatePass> EndpointGates::enter(const Endpoint& endpoint,
                                               const EndpointGate::Demand& demand,
                                               GatePass::Observer observer) {
  const std::shared_ptr<EndpointLine>& line = line_of(endpoint);
  auto pass = std::make_unique<GatePass>(line, std::move(observer));
  line->enter(*pass, demand);
  return pass;
}

const std::shared_ptr<EndpointLine>& EndpointGates::line_of(const Endpoint& endpoint) {
  std::shared_ptr<EndpointLine>& line = lines_[endpoint.base_url + '\n' + endpoint.key.reveal()];
  if (line == nullptr) line = std::make_shared<EndpointLine>(loop_, endpoint.base_url);
  return line;
}

}  // namespace perdure
