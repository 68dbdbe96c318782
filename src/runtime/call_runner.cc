#include "runtime/call_runner.h"

#include <exception>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "os/clock.h"

namespace perdure {
namespace {

// After stop(), how long a function on a worker may take to notice before it is left behind.
constexpr std::int64_t kStopGraceMs = 2'000;

// What an embedder's function throws ends the call, not the run.
ToolOutcome call_function(const ToolBody& body, const Json& arguments, CallContext& context) {
  try {
    return body(arguments, context);
  } catch (const std::exception& error) {
    return failure({.code = ErrorCode::kToolFailed,
                    .message = std::string("the tool threw: ") + error.what()});
  } catch (...) {
    return failure({.code = ErrorCode::kToolFailed,
                    .message = "the tool threw something that is no exception"});
  }
}

}  // namespace

// On the loop's thread only.
struct CallRunner::Shared {
  CallRunner* runner = nullptr;
};

CallRunner::CallRunner(Loop& loop, WorkerPool& workers, PreparedCall call, CallContext context,
                       std::string marker, Done done)
    : loop_(loop),
      workers_(workers),
      call_(std::move(call)),
      context_(std::move(context)),
      marker_(std::move(marker)),
      done_(std::move(done)),
      started_ms_(monotonic_ms()),
      shared_(std::make_shared<Shared>()) {
  shared_->runner = this;
  context_.stop = stop_.get_token();
  context_.deadline_ms = started_ms_ + call_.tool->spec.timeout_ms;
  if (const auto* process = std::get_if<ProcessTool>(&call_.tool->body)) {
    start_process(*process);
  } else {
    start_function(std::get<ToolBody>(call_.tool->body));
  }
}

CallRunner::~CallRunner() {
  shared_->runner = nullptr;
  stop_.request_stop();
}

void CallRunner::start_function(const ToolBody& body) {
  timer_ = loop_.start_timer(call_.tool->spec.timeout_ms, [this] {
    stop_.request_stop();
    finish(
        {.status = CallStatus::kTimeout,
         .text = fmt::format("Error: the tool did not answer within {}. It may still be at work.",
                             duration_text(call_.tool->spec.timeout_ms))});
  });
  // The worker gets copies: this object may be gone before it is done.
  const bool wakes = workers_.add([body, arguments = call_.arguments, context = context_,
                                   shared = shared_, &loop = loop_]() mutable {
    ToolOutcome outcome = call_function(body, *arguments, context);
    loop.post([shared, outcome = std::move(outcome)]() mutable {
      if (shared->runner != nullptr) shared->runner->finish(std::move(outcome));
    });
  });
  // At the end of this turn of the loop, which may start the calls of many runs.
  if (wakes) loop_.post([&workers = workers_] { workers.wake(); });
}

void CallRunner::start_process(const ProcessTool& tool) {
  Result<ProcessSpec> plan = tool.plan(*call_.arguments, context_);
  const auto fail = [&](const Error& error) {
    timer_ = loop_.start_timer(0, [this, outcome = failure(error)] { finish(outcome); });
  };
  if (!plan.ok()) return fail(plan.error());
  plan->directory = context_.files->descriptor();
  plan->sandbox = context_.sandbox;
  plan->marker = marker_;
  plan->one_stream = tool.merge_errors;
  Process::Observer observer{
      .output =
          [this](OutputStream stream, std::string_view bytes) {
            (stream == OutputStream::kStandard ? output_ : errors_).append(bytes);
          },
      .exit = [this](const ProcessExit& exit) { process_ended(exit); }};
  Result<std::unique_ptr<Process>> process = Process::start(loop_, *plan, std::move(observer));
  if (!process.ok()) return fail(process.error());
  process_ = std::move(*process);
}

void CallRunner::process_ended(const ProcessExit& exit) {
  const auto& tool = std::get<ProcessTool>(call_.tool->body);
  ProcessReport report{.exit = exit, .output = output_.take(), .errors = errors_.take()};
  finish(tool.read ? tool.read(std::move(report)) : read_process(std::move(report)));
}

void CallRunner::stop() {
  stop_.request_stop();
  if (process_ != nullptr) return process_->stop();
  timer_ = loop_.start_timer(kStopGraceMs, [this] {
    finish({.status = CallStatus::kCancelled,
            .text = "The run was stopped while this call was running; it may still be at work."});
  });
}

void CallRunner::finish(ToolOutcome outcome) {
  shared_->runner = nullptr;
  timer_.cancel();
  // The callback may destroy this object.
  const Done done = std::move(done_);
  done({.outcome = std::move(outcome), .duration_ms = monotonic_ms() - started_ms_});
}

}  // namespace perdure
