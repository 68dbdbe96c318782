#include "mock/mock_thread.h"

#include <future>
#include <optional>
#include <thread>
#include <utility>

#include "loop/loop.h"
#include "mock/server.h"

namespace perdure {

struct MockThread::Impl {
  Loop loop;
  std::unique_ptr<MockServer> server;  // destroyed on the thread, so that its connections end there
  std::thread thread;
};

MockThread::MockThread(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

MockThread::~MockThread() {
  impl_->loop.post([this] { impl_->server.reset(); });
  impl_->loop.stop();
  impl_->thread.join();
}

Result<std::unique_ptr<MockThread>> MockThread::start(MockScript script, MockOptions options) {
  auto impl = std::make_unique<Impl>();
  Result<std::unique_ptr<MockServer>> server =
      MockServer::start(impl->loop, std::move(script), std::move(options));
  if (!server.ok()) return server.error();
  impl->server = std::move(*server);
  // Nothing ran on the loop yet, so that from here on it belongs to the new thread.
  impl->thread = std::thread([loop = &impl->loop] { loop->run(); });
  return std::make_unique<MockThread>(std::move(impl));
}

int MockThread::port() const {
  return impl_->server->port();
}

std::string MockThread::base_url() const {
  return impl_->server->base_url();
}

MockStatistics MockThread::statistics() const {
  std::promise<MockStatistics> answer;
  impl_->loop.post([&] { answer.set_value(impl_->server->statistics()); });
  return answer.get_future().get();
}

}  // namespace perdure
