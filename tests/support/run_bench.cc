#include "tests/support/run_bench.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/support/json.h"

namespace perdure::test {
namespace {

constexpr std::chrono::seconds kPatience{60};

}  // namespace

Observer SeenEvents::observer() {
  return [this](const Event& event) {
    const std::lock_guard lock(mutex_);
    events_.push_back({.kind = std::string(event.kind),
                       .run_id = std::string(event.run_id),
                       .sequence = event.sequence,
                       .payload = std::string(event.payload),
                       .text = std::string(event.text)});
    arrived_.notify_all();
  };
}

std::vector<SeenEvent> SeenEvents::all() const {
  const std::lock_guard lock(mutex_);
  return events_;
}

int SeenEvents::count(std::string_view kind) const {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(std::count_if(
      events_.begin(), events_.end(), [&](const SeenEvent& event) { return event.kind == kind; }));
}

std::vector<Json> SeenEvents::payloads(std::string_view kind) const {
  std::vector<Json> list;
  for (const SeenEvent& event : all()) {
    if (event.kind == kind) list.push_back(parse_json(event.payload));
  }
  return list;
}

std::string SeenEvents::kinds() const {
  std::string text;
  for (const SeenEvent& event : all()) {
    if (event.sequence > 0) text += (text.empty() ? "" : " ") + event.kind;
  }
  return text;
}

bool SeenEvents::wait_for(std::string_view kind, int times) const {
  std::unique_lock lock(mutex_);
  return arrived_.wait_for(lock, kPatience, [&] {
    return std::count_if(events_.begin(), events_.end(),
                         [&](const SeenEvent& event) { return event.kind == kind; }) >= times;
  });
}

void Meeting::arrive() {
  const std::lock_guard lock(mutex_);
  ++arrivals_;
  arrived_.notify_all();
}

bool Meeting::wait_for(int arrivals) const {
  std::unique_lock lock(mutex_);
  return arrived_.wait_for(lock, kPatience, [&] { return arrivals_ >= arrivals; });
}

RunBench::RunBench(std::string_view script, JournalMode journal) : journal_(journal) {
  for (const char* name : {"workspace", "state", "config", "requests"}) {
    std::filesystem::create_directories(folder_.path() + "/" + name);
  }
  Result<MockScript> parsed = parse_mock_script(script, "script.toml");
  EXPECT_TRUE(parsed.ok()) << to_text(parsed.error());
  Result<std::unique_ptr<MockThread>> endpoint = MockThread::start(
      std::move(parsed).value(), {.log = [this](std::string_view) { requests_.arrive(); },
                                  .record_directory = folder_.path() + "/requests"});
  EXPECT_TRUE(endpoint.ok()) << to_text(endpoint.error());
  endpoint_ = std::move(endpoint).value();
  start_runtime();
}

RunBench::~RunBench() {
  constexpr std::int64_t kRunsMax = 20;
  if (runtime_ == nullptr) return;
  const Result<std::vector<RunSummary>> runs = runtime_->runs(kRunsMax);
  if (!runs.ok()) return;
  for (const RunSummary& run : *runs) {
    const Result<Replay> replay = runtime_->replay_run(run.run_id);
    // Tests that damage a run do that on purpose.
    if (!replay.ok() || !replay->difference) continue;
    const ReplayDifference& difference = *replay->difference;
    ADD_FAILURE() << "replayed, event " << difference.sequence << " (" << difference.kind
                  << ") differs, message " << difference.message << ", " << difference.path
                  << "\nthen: " << difference.was << "\nnow:  " << difference.now;
  }
}

void RunBench::start_runtime() {
  runtime_.reset();
  runtime_ = std::make_unique<Runtime>(RuntimeOptions{
      .state_directory = state(),
      .config_directory = folder_.path() + "/config",
      .journal = journal_,
  });
}

AgentOptions RunBench::agent_options() const {
  return {.name = "bench", .host = "mock", .base_url = endpoint_->base_url()};
}

RunOptions RunBench::run_options(Budget budget) {
  return {.workspace = workspace(), .budget = std::move(budget), .observer = seen_.observer()};
}

std::string RunBench::request(int number) const {
  return folder_.read(fmt::format("requests/{:04}.json", number));
}

std::string RunBench::stored(const std::string& run_id) {
  std::string text;
  const Status status = runtime_->read_run(run_id, [&](const Event& event) {
    text += std::string(event.kind) + " " + std::string(event.payload) + "\n";
  });
  return status.ok() ? text : to_text(status.error());
}

ToolSpec tool_spec(std::string name, EffectClass effect, const Json& parameters) {
  return {.name = std::move(name),
          .description = "For a test.",
          .parameters = parameters,
          .effect = effect};
}

}  // namespace perdure::test
