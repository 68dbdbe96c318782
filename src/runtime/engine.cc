#include "runtime/engine.h"

#include <utility>

#include "net/curl_library.h"
#include "os/directories.h"
#include "os/thread_name.h"
#include "runtime/run_driver.h"
#include "store/memory/memory_journal.h"
#include "store/sqlite/sqlite_journal.h"

namespace perdure {
namespace {

RuntimeOptions with_defaults(RuntimeOptions options) {
  if (options.state_directory.empty()) options.state_directory = state_directory();
  if (options.config_directory.empty()) options.config_directory = config_directory();
  if (options.workers_max < 1) options.workers_max = 1;
  return options;
}

CommitQueue::Open opener(const RuntimeOptions& options) {
  if (options.journal == JournalMode::kMemory) {
    return []() -> Result<std::unique_ptr<Journal>> {
      return std::unique_ptr<Journal>(std::make_unique<MemoryJournal>());
    };
  }
  return [directory = options.state_directory] { return open_sqlite_journal(directory); };
}

}  // namespace

Engine::Engine(RuntimeOptions options)
    : options_(with_defaults(std::move(options))),
      blobs_(options_.state_directory + "/blobs"),
      workers_(options_.workers_max),
      journal_(opener(options_)) {
  thread_ = std::thread([this] {
    name_this_thread("perdure-loop");
    loop_.run();
    models_.reset();
    http_.reset();
    gates_.clear();
  });
  // The last of the threads: making one waits for the loader while it loads.
  preload_ = std::thread([] { CurlLibrary::get(); });
}

Engine::~Engine() {
  loop_.post([this] {
    closing_ = true;
    if (drivers_.empty()) return all_ended_.set_value();
    // A stopping driver may end at once and leave the map.
    std::vector<std::shared_ptr<RunDriver>> drivers;
    for (const auto& [key, driver] : drivers_) drivers.push_back(driver);
    for (const auto& driver : drivers) driver->stop(StopCause::kInterrupt);
  });
  all_ended_.get_future().wait();
  loop_.stop();
  thread_.join();
  preload_.join();
}

HttpClient& Engine::http() {
  if (http_ == nullptr) http_ = std::make_unique<HttpClient>(loop_);
  return *http_;
}

ModelClient& Engine::models() {
  if (models_ == nullptr) models_ = std::make_unique<ModelClient>(loop_, http());
  return *models_;
}

Result<std::shared_ptr<const Sandbox>> Engine::open_box(const AgentOptions& agent,
                                                        const Workspace& workspace) const {
  SandboxOptions options = agent.sandbox;
  if (options.mode == SandboxMode::kFullAccess) return std::shared_ptr<const Sandbox>();
  // What is to be covered must be there.
  for (const std::string* folder : {&options_.state_directory, &options_.config_directory}) {
    if (Status status = make_directories(*folder); !status.ok()) return status.error();
  }
  for (const CommandTool& command : agent.commands) {
    if (!command.directory.empty()) options.read.push_back(command.directory);
  }
  std::vector<std::string> hidden = {real_path(options_.state_directory),
                                     real_path(options_.config_directory)};
  const auto hide_key = [&](const std::string& file) {
    if (!file.empty()) hidden.push_back(real_path(expand_home(file)));
  };
  hide_key(agent.key_file);
  for (const FallbackEndpoint& fallback : agent.fallback) hide_key(fallback.key_file);
  Result<std::shared_ptr<const Sandbox>> box = Sandbox::make(options, workspace.path(), hidden);
  if (!box.ok()) return box;
  if (Status status = (*box)->check(workspace.descriptor()); !status.ok()) return status.error();
  return box;
}

Result<const Catalog*> Engine::catalog() {
  const std::lock_guard lock(mutex_);
  if (!catalog_) catalog_ = Catalog::open(options_.config_directory);
  if (!catalog_->ok()) return catalog_->error();
  return &**catalog_;
}

Result<std::shared_ptr<const Workspace>> Engine::open_workspace(const std::string& path) {
  const std::lock_guard lock(mutex_);
  std::weak_ptr<const Workspace>& known = workspaces_[path];
  if (std::shared_ptr<const Workspace> open = known.lock()) return open;
  Result<Workspace> opened =
      Workspace::open(path, {options_.state_directory, options_.config_directory});
  if (!opened.ok()) return opened.error();
  auto shared = std::make_shared<const Workspace>(std::move(*opened));
  known = shared;
  return std::shared_ptr<const Workspace>(shared);
}

void Engine::add(std::shared_ptr<RunDriver> driver) {
  const RunDriver* key = driver.get();
  drivers_[key] = std::move(driver);
}

void Engine::commit(Batch batch, CommitQueue::Done done) {
  const bool costs_nothing = options_.journal == JournalMode::kMemory;
  if (costs_nothing || drivers_.size() == 1) {
    return journal_.commit_or_append(std::move(batch), std::move(done));
  }
  journal_.append(std::move(batch), std::move(done));
}

void Engine::remove(const RunDriver* driver) {
  // The driver is still on the stack: it goes with the next turn of the loop.
  const auto found = drivers_.find(driver);
  if (found == drivers_.end()) return;
  loop_.post([kept = std::move(found->second)] {});
  drivers_.erase(found);
  if (closing_ && drivers_.empty()) all_ended_.set_value();
}

}  // namespace perdure
