// What all runs of a process share: the loop and its thread, the HTTP client, the journal's thread,
// the workers, the profiles and the workspaces that are open.
#pragma once

#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include <perdure/runtime.h>

#include "loop/loop.h"
#include "model/catalog.h"
#include "model/model_client.h"
#include "net/http_client.h"
#include "os/sandbox/sandbox.h"
#include "os/workspace.h"
#include "runtime/endpoint_gates.h"
#include "runtime/worker_pool.h"
#include "store/blobs.h"
#include "store/commit_queue.h"

namespace perdure {

class RunDriver;

class Engine {
 public:
  explicit Engine(RuntimeOptions options);
  /// Stops the runs and waits for them.
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  Loop& loop() { return loop_; }
  /// On the loop's thread only. Made when first asked for.
  ModelClient& models();
  HttpClient& http();
  /// Who may ask which endpoint now. On the loop's thread only.
  EndpointGates& gates() { return gates_; }
  const std::string& state_directory() const { return options_.state_directory; }
  CommitQueue& journal() { return journal_; }
  WorkerPool& workers() { return workers_; }
  const Blobs& blobs() const { return blobs_; }

  /// Read when it is first asked for. Any thread.
  Result<const Catalog*> catalog();
  /// Runs of one directory share its descriptor. Any thread.
  Result<std::shared_ptr<const Workspace>> open_workspace(const std::string& path);

  /// The box for the commands of an agent, tried once; nothing for full access. Any thread.
  /// Errors: those of Sandbox::make() and check().
  Result<std::shared_ptr<const Sandbox>> open_box(const AgentOptions& agent,
                                                  const Workspace& workspace) const;

  /// Runs something with the journal on its thread and waits. Not from the loop's thread.
  template <class T>
  Result<T> with_journal(std::function<Result<T>(Journal&)> work) {
    std::promise<Result<T>> promise;
    journal_.use([&](Result<Journal*> journal) {
      promise.set_value(journal.ok() ? work(**journal) : Result<T>(journal.error()));
    });
    return promise.get_future().get();
  }

  /// Keeps a driver alive until it calls remove(). On the loop's thread.
  void add(std::shared_ptr<RunDriver> driver);
  void remove(const RunDriver* driver);
  /// Commits a batch of a driver. With no other run under way the loop waits for it, because there
  /// is nothing else that it could do meanwhile. On the loop's thread.
  void commit(Batch batch, CommitQueue::Done done);

 private:
  RuntimeOptions options_;
  Blobs blobs_;
  Loop loop_;
  WorkerPool workers_;
  CommitQueue journal_;
  std::unique_ptr<HttpClient> http_;                                // the loop thread's own
  std::unique_ptr<ModelClient> models_;                             // the loop thread's own
  EndpointGates gates_{loop_};                                      // the loop thread's own
  std::map<const RunDriver*, std::shared_ptr<RunDriver>> drivers_;  // the loop thread's own
  std::promise<void> all_ended_;
  bool closing_ = false;  // the loop thread's own

  std::mutex mutex_;
  std::optional<Result<Catalog>> catalog_;                            // guarded by mutex_
  std::map<std::string, std::weak_ptr<const Workspace>> workspaces_;  // guarded by mutex_
  std::thread preload_;  // loads libcurl while a run is being set up
  std::thread thread_;
};

/// The engine behind a runtime.
Engine& engine_of(Runtime& runtime);

}  // namespace perdure
