#include "loop/loop.h"

#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include <uv.h>

#include "base/check.h"

namespace perdure {
namespace {

// uv_close is asynchronous: the memory of a handle belongs to libuv until this runs.
template <class Handle>
void close_and_delete(Handle* handle) {
  uv_close(reinterpret_cast<uv_handle_t*>(&handle->uv), [](uv_handle_t* closed) {
    std::unique_ptr<Handle>(static_cast<Handle*>(closed->data));
  });
}

int to_events(Readiness interest) {
  return (interest.readable ? UV_READABLE : 0) | (interest.writable ? UV_WRITABLE : 0);
}

}  // namespace

struct Timer::Handle {
  uv_timer_t uv{};
  Task task;
  Timer* owner = nullptr;
  std::vector<Handle*>* spares = nullptr;
};

Timer::~Timer() {
  cancel();
}

Timer::Timer(Timer&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {
  if (handle_ != nullptr) handle_->owner = this;
}

Timer& Timer::operator=(Timer&& other) noexcept {
  if (this == &other) return *this;
  cancel();
  handle_ = std::exchange(other.handle_, nullptr);
  if (handle_ != nullptr) handle_->owner = this;
  return *this;
}

bool Timer::pending() const {
  return handle_ != nullptr;
}

void Timer::cancel() {
  if (handle_ == nullptr) return;
  Handle* const handle = std::exchange(handle_, nullptr);
  uv_timer_stop(&handle->uv);
  // Used again instead of closed: a step starts and stops about nine timers.
  handle->spares->push_back(handle);
  // Last, for it may own the owner of this timer.
  const Task unused = std::exchange(handle->task, nullptr);
}

struct Watch::Handle {
  uv_poll_t uv{};
  std::function<void(Readiness)> ready;
  int events = 0;

  // A callback may cancel its own watch: libuv keeps the handle until the end of the loop's turn.
  void start() {
    const int status = uv_poll_start(&uv, events, [](uv_poll_t* poll, int error, int ready_events) {
      auto* handle = static_cast<Handle*>(poll->data);
      if (error == 0) {
        return handle->ready({.readable = (ready_events & UV_READABLE) != 0,
                              .writable = (ready_events & UV_WRITABLE) != 0});
      }
      // libuv ends a watch at an error, but there may be bytes to read before the error itself is.
      handle->start();
      handle->ready({.readable = true, .writable = true});
    });
    CHECK(status == 0, "polling a descriptor that was accepted does not fail");
  }
};

Watch::~Watch() {
  cancel();
}

Watch::Watch(Watch&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}

Watch& Watch::operator=(Watch&& other) noexcept {
  if (this == &other) return *this;
  cancel();
  handle_ = std::exchange(other.handle_, nullptr);
  return *this;
}

void Watch::change(Readiness interest) {
  CHECK(handle_ != nullptr, "only an active watch changes");
  handle_->events = to_events(interest);
  handle_->start();
}

void Watch::cancel() {
  if (handle_ == nullptr) return;
  uv_poll_stop(&handle_->uv);
  close_and_delete(std::exchange(handle_, nullptr));
}

struct Mailbox::State {
  std::mutex mutex;
  Loop* loop = nullptr;  // guarded by mutex; null when the loop has ended
};

void Mailbox::post(Task task) const {
  if (state_ == nullptr) return;
  const std::lock_guard lock(state_->mutex);
  if (state_->loop != nullptr) state_->loop->post(std::move(task));
}

struct Loop::Impl {
  uv_loop_t uv{};
  uv_async_t wake{};
  uv_prepare_t before_wait{};
  std::vector<Timer::Handle*> spare_timers;
  std::mutex mutex;
  std::thread::id thread;    // guarded by mutex; that of run()
  std::vector<Task> posted;  // guarded by mutex
  bool stopping = false;     // guarded by mutex
  Mailbox mailbox;

  void run_posted() {
    std::vector<Task> tasks;
    bool stop = false;
    {
      const std::lock_guard lock(mutex);
      tasks.swap(posted);
      stop = std::exchange(stopping, false);
    }
    for (const Task& task : tasks) task();
    if (stop) uv_stop(&uv);
  }

  // Work that the loop gave itself since the last turn needs no eventfd. What it gives itself now
  // is for the next turn, after the descriptors had theirs.
  void run_own() {
    run_posted();
    const std::lock_guard lock(mutex);
    if (!posted.empty()) uv_async_send(&wake);
  }
};

Loop::Loop() : impl_(std::make_unique<Impl>()) {
  CHECK(uv_loop_init(&impl_->uv) == 0, "a loop needs an epoll descriptor");
  impl_->wake.data = impl_.get();
  const int status = uv_async_init(&impl_->uv, &impl_->wake, [](uv_async_t* wake) {
    static_cast<Impl*>(wake->data)->run_posted();
  });
  CHECK(status == 0, "a loop needs an eventfd");
  impl_->before_wait.data = impl_.get();
  uv_prepare_init(&impl_->uv, &impl_->before_wait);
  uv_prepare_start(&impl_->before_wait, [](uv_prepare_t* before_wait) {
    static_cast<Impl*>(before_wait->data)->run_own();
  });
  impl_->mailbox.state_ = std::make_shared<Mailbox::State>();
  impl_->mailbox.state_->loop = this;
}

Loop::~Loop() {
  {
    const std::lock_guard lock(impl_->mailbox.state_->mutex);
    impl_->mailbox.state_->loop = nullptr;
  }
  // Tasks that never ran may own timers and watches.
  std::vector<Task>().swap(impl_->posted);
  uv_close(reinterpret_cast<uv_handle_t*>(&impl_->wake), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&impl_->before_wait), nullptr);
  // Each turn frees what was closed before; that may have owned others. Nothing waits here: what is
  // still active after these turns is a mistake, which uv_loop_close() finds.
  constexpr int kTurnsMax = 100;
  for (int turn = 0; turn < kTurnsMax; ++turn) {
    for (Timer::Handle* spare : std::exchange(impl_->spare_timers, {})) close_and_delete(spare);
    if (uv_run(&impl_->uv, UV_RUN_NOWAIT) == 0 && impl_->spare_timers.empty()) break;
  }
  CHECK(uv_loop_close(&impl_->uv) == 0, "timers and watches end before their loop");
}

void Loop::run() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->thread = std::this_thread::get_id();
  }
  uv_run(&impl_->uv, UV_RUN_DEFAULT);
}

void Loop::stop() {
  const std::lock_guard lock(impl_->mutex);
  impl_->stopping = true;
  uv_async_send(&impl_->wake);
}

void Loop::post(Task task) {
  const std::lock_guard lock(impl_->mutex);
  impl_->posted.push_back(std::move(task));
  // Waking once per batch keeps a thousand posts from costing a thousand writes.
  const bool is_own = impl_->thread == std::this_thread::get_id();
  if (impl_->posted.size() == 1 && !is_own) uv_async_send(&impl_->wake);
}

Mailbox Loop::mailbox() const {
  return impl_->mailbox;
}

std::int64_t Loop::now_ms() const {
  return static_cast<std::int64_t>(uv_now(&impl_->uv));
}

Timer Loop::start_timer(std::int64_t delay_ms, Task task) {
  if (impl_->spare_timers.empty()) {
    auto made = std::make_unique<Timer::Handle>();
    uv_timer_init(&impl_->uv, &made->uv);
    made->uv.data = made.get();
    made->spares = &impl_->spare_timers;
    impl_->spare_timers.push_back(made.release());  // freed by close_and_delete
  }
  Timer timer;
  timer.handle_ = impl_->spare_timers.back();
  impl_->spare_timers.pop_back();
  timer.handle_->task = std::move(task);
  timer.handle_->owner = &timer;
  uv_update_time(&impl_->uv);
  const auto delay = static_cast<std::uint64_t>(delay_ms > 0 ? delay_ms : 0);
  uv_timer_start(
      &timer.handle_->uv,
      [](uv_timer_t* uv) {
        auto* handle = static_cast<Timer::Handle*>(uv->data);
        const Task due = std::move(handle->task);
        handle->owner->cancel();  // the task may start the same timer anew
        due();
      },
      delay, 0);
  return timer;
}

Watch Loop::watch(int descriptor, Readiness interest, std::function<void(Readiness)> ready) {
  Watch watch;
  watch.handle_ = std::make_unique<Watch::Handle>().release();  // freed by close_and_delete
  watch.handle_->ready = std::move(ready);
  watch.handle_->uv.data = watch.handle_;
  CHECK(uv_poll_init(&impl_->uv, &watch.handle_->uv, descriptor) == 0,
        "a watched descriptor is a socket, pipe, pidfd or eventfd");
  watch.change(interest);
  return watch;
}

}  // namespace perdure
