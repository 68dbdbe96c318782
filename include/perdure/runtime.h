// The runtime: one event loop, one journal, one pool of workers, shared by any number of runs. A
// program makes one and hands it to its agents; runs that wait cost memory, not threads. It also
// answers questions about stored runs, models and hosts: what `perdure runs`, `show`, `models` and
// `doctor` print.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <perdure/agent.h>
#include <perdure/event.h>
#include <perdure/export.h>
#include <perdure/model.h>
#include <perdure/result.h>
#include <perdure/run.h>

namespace perdure {

enum class JournalMode : std::uint8_t {
  kDurable,  ///< SQLite below `state_directory`; what was acknowledged survives a crash.
  kMemory,   ///< Nothing is kept: for tests and measurements.
};

struct RuntimeOptions {
  std::string state_directory = {};   ///< Empty: $XDG_STATE_HOME/perdure.
  std::string config_directory = {};  ///< For profiles; empty: $XDG_CONFIG_HOME/perdure.
  JournalMode journal = JournalMode::kDurable;
  int workers_max = 8;  ///< Threads for tools that block.
};

/// One line of the list of runs.
struct RunSummary {
  std::string run_id;
  std::string agent;
  std::string task;
  std::string model;
  std::string workspace;
  std::int64_t created_ms = 0;  ///< Milliseconds since 1970.
  std::int64_t updated_ms = 0;
  std::optional<Outcome> outcome;  ///< Absent while it runs, or since its process died.
  bool running = false;            ///< A living process is writing it.
  std::int64_t steps = 0;
  /// These are 0 without an outcome: they are written down with the end (see usage_of).
  double usd = 0;
  std::int64_t input_tokens = 0;
  std::int64_t output_tokens = 0;
  std::string parent = {};  ///< The run that it was forked from.
};

/// Which of the stored runs; what is empty does not narrow.
struct RunFilter {
  /// Stands in the task, in a message, in a reply or in what a tool printed; the case of ASCII
  /// letters does not matter.
  std::string text = {};
  std::vector<std::string> states = {};  ///< Names of outcomes, "running", "died".
  std::string model = {};
  std::string workspace = {};  ///< This folder, or one below it.
  std::int64_t since_ms = 0;   ///< Begun then or later: milliseconds since 1970.
  std::int64_t until_ms = 0;   ///< Begun before.
  std::string before = {};     ///< Only those that are older than this run: the next page.
  std::int64_t rows_max = 50;
};

/// The name of the state that a run is in: of its outcome, "running", or "died".
PERDURE_EXPORT std::string state_of(const RunSummary& run);

/// What collect() takes away. Without criteria no run is.
struct Retention {
  std::int64_t older_than_ms = 0;         ///< Not written to for so long.
  std::optional<std::int64_t> keep = {};  ///< The newest so many stay.
  std::vector<std::string> states = {};  ///< Only these; empty: those that are over (docs/runs.md).
  std::vector<std::string> run_ids = {};  ///< These, whatever the rest says.
  bool dry_run = false;                   ///< Only say what would be freed.
};

struct Collected {
  std::vector<RunSummary> runs;  ///< That were taken away.
  std::int64_t outputs = 0;      ///< Big outputs, images and videos that no run names any more...
  std::int64_t output_bytes = 0;
  std::string compact_error = {};  ///< Why the journal's file was not made smaller.
};

/// How a run is written down for others (docs/export.md).
enum class ExportFormat : std::uint8_t {
  kArchive,  ///< All of it, for import_run(): a JSON object a line.
  kAtif,     ///< Agent Trajectory Interchange Format 1.7, for viewers and harnesses.
  kMiniSwe,  ///< mini-SWE-agent 1.1.
};

/// What verify_run() found whole.
struct RunCheck {
  std::uint64_t events = 0;
  std::string hash;          ///< Of the last event, and with it of all: 64 hexadecimal digits.
  std::int64_t outputs = 0;  ///< Big outputs beside the journal.
  std::optional<Outcome> outcome;  ///< Absent: how many events there were is not written down yet.
};

/// What the model is told instead of the result of a call.
struct ForkResult {
  std::int64_t call = 0;  ///< Of the step, from 0.
  std::string text;
};

/// How a fork differs from the run whose beginning it shares.
struct ForkOptions {
  std::int64_t step = 0;                   ///< The last one that is shared; 0: the task alone.
  std::optional<AgentOptions> agent = {};  ///< The one that goes on; absent: as it was.
  std::string message = {};                ///< Comes next; with step 0 it is the task instead.
  std::vector<ForkResult> results = {};    ///< Of calls of `step`.
  Budget budget = {};  ///< Of the fork alone: caps over those that the run had at that step.
};

/// The first thing that a run does otherwise when it is replayed.
struct ReplayDifference {
  std::uint64_t sequence = 0;  ///< Of the event.
  std::string kind;            ///< "request", or the kind of the event.
  std::int64_t step = 0;
  std::int64_t message = -1;  ///< Of the request, from 0; -1: none of them.
  std::string path;           ///< Of the member that differs: "tools/0/function/description".
  std::string was;            ///< As it was sent or done, shortened.
  std::string now;
};

/// What replay_run() found.
struct Replay {
  std::string run_id;
  std::uint64_t events = 0;
  std::int64_t requests = 0;                ///< That were made again, trials included...
  std::int64_t requests_without_bytes = 0;  ///< ...of an older version: only messages compared.
  std::optional<ReplayDifference> difference;
};

/// What came of asking a host for its models.
struct HostCheck {
  bool reachable = false;
  bool key_accepted = false;
  bool key_refused = false;  ///< Neither: it has no list of models.
  std::string detail;        ///< For a person.
};

class PERDURE_EXPORT Runtime {
 public:
  explicit Runtime(RuntimeOptions options = {});
  /// Stops the runs that are under way (they can be resumed), then ends.
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  /// The newest first.
  Result<std::vector<RunSummary>> runs(std::int64_t rows_max = 50);
  Result<std::vector<RunSummary>> runs(const RunFilter& filter);
  /// Takes stored runs away, and outputs that no run names. A run that is being written stays.
  /// Errors: kNotFound for a named run; kLocked for one that is being written; kStore.
  Result<Collected> collect(const Retention& retention);
  /// The id that this names: an id, its unambiguous beginning, or "last". Errors: kNotFound.
  Result<std::string> find_run(const std::string& name);
  /// Calls `visit` with every event of a stored run, in order. Errors: kNotFound, kCorrupt.
  Status read_run(const std::string& run_id, const std::function<void(const Event&)>& visit);
  /// Verifies the hash chain of a stored run, and each big output that its events name.
  /// Errors: kNotFound; kCorrupt with the event or the output.
  Result<RunCheck> verify_run(const std::string& run_id);
  /// Hands a stored run, verified, to `write`, piece by piece; false from it ends that.
  /// Errors: those of verify_run().
  Status export_run(const std::string& run_id, ExportFormat format,
                    const std::function<bool(std::string_view)>& write);
  /// Stores a run that export_run() wrote as an archive, under the id that it has; the same bytes
  /// have the same hashes here. Returns the id. Errors: kInvalidArgument for a text that is no
  /// archive, and for a run that is here already; kCorrupt with the line that is damaged.
  Result<std::string> import_run(std::istream& in);
  /// Makes every decision and every request of a stored run once more, of the replies, results and
  /// answers that are stored, without a key and without asking anybody, and compares them with what
  /// was done and sent. Errors: kNotFound, kCorrupt, and those of finding model and host.
  Result<Replay> replay_run(const std::string& run_id);
  /// Stores a new run that shares the events of another one to the end of a step, and returns its
  /// id; Agent::resume() goes on with it. Files are not touched. Errors: kNotFound, kCorrupt;
  /// kInvalidArgument for a step or a call that is not there, and for a last step without a
  /// message.
  Result<std::string> fork_run(const std::string& run_id, const ForkOptions& options);
  /// A stored run as a regression test: the texts of its files by their names, keys and what looks
  /// like one taken out (docs/runs.md). Errors: kNotFound, kCorrupt; kUnsupported with what of the
  /// run a script cannot say.
  Result<std::map<std::string, std::string>> testify_run(const std::string& run_id);
  /// What a run has used so far, by its events: reads all of them. Errors: kNotFound, kCorrupt.
  Result<Usage> usage_of(const std::string& run_id);
  /// The options of the agent that started a run, for resuming it without the agent's file.
  Result<AgentOptions> agent_of(const std::string& run_id);

  /// Where the runs of an agent would go: 0 is its own endpoint, n its n-th fallback. Errors: those
  /// with which a run of it would refuse to start (kUnknownModel, kUnknownHost, kMissingKey,
  /// kConfig).
  Result<EndpointInfo> endpoint_of(const AgentOptions& agent, std::size_t number = 0);
  Result<std::vector<ModelInfo>> models();
  Result<std::vector<HostInfo>> hosts();
  /// Asks a host for its models with the key that a run would use, or with that of another host.
  HostCheck check_host(const std::string& host_id, const std::string& key_of_host = {});
  /// The same of an endpoint of an agent, numbered as for endpoint_of().
  HostCheck check_endpoint(const AgentOptions& agent, std::size_t number = 0);

  struct Impl;
  /// For Agent.
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace perdure
