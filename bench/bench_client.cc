// The library at work for the benchmark: one process, one runtime, any number of runs, with the
// journal durable or off. Prints one line of JSON with the same figures as the floor client.

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <string_view>
#include <vector>

#include <sys/resource.h>

#include <perdure/perdure.h>

namespace {

constexpr std::array<std::int64_t, 4> kCheckpoints = {10, 200, 1000, 4000};

struct Options {
  std::string url;
  std::string workspace = ".";
  std::string state;
  std::int64_t steps = 20;
  std::int64_t runs = 1;
  bool durable = true;
};

double clock_ms(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

double peak_kb() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss);
}

Options read_options(int count, char** values) {
  Options options;
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string_view name = values[i];
    const char* value = values[i + 1];
    if (name == "--url") options.url = value;
    if (name == "--workspace") options.workspace = value;
    if (name == "--state") options.state = value;
    if (name == "--steps") options.steps = std::atoll(value);
    if (name == "--runs") options.runs = std::atoll(value);
    if (name == "--journal") options.durable = std::string_view(value) == "durable";
  }
  return options;
}

// A thousand runs want a thousand connections. The library leaves limits alone; this is a program.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// Processor time per step around the checkpoints, from the replies of the first run.
class Checkpoints {
 public:
  void reply(std::int64_t step) {
    for (std::size_t i = 0; i < kCheckpoints.size(); ++i) {
      const std::int64_t width = width_of(i);
      if (step == kCheckpoints[i] - width) begin_[i] = clock_ms(CLOCK_PROCESS_CPUTIME_ID);
      if (step == kCheckpoints[i]) end_[i] = clock_ms(CLOCK_PROCESS_CPUTIME_ID);
    }
  }
  std::string json() const {
    std::string text;
    for (std::size_t i = 0; i < kCheckpoints.size(); ++i) {
      if (end_[i] == 0) continue;
      const double us = (end_[i] - begin_[i]) * 1e3 / static_cast<double>(width_of(i));
      text += (text.empty() ? "" : ",") + std::string("{\"step\":") +
              std::to_string(kCheckpoints[i]) + ",\"cpu_us_per_step\":" + std::to_string(us) + "}";
    }
    return text;
  }

 private:
  static std::int64_t width_of(std::size_t i) { return i == 0 ? 5 : 50; }
  std::array<double, kCheckpoints.size()> begin_{};
  std::array<double, kCheckpoints.size()> end_{};
};

}  // namespace

int main(int count, char** values) {
  const double started_ms = clock_ms(CLOCK_MONOTONIC);
  const Options options = read_options(count, values);
  raise_descriptor_limit();
  perdure::Runtime runtime({.state_directory = options.state,
                            .config_directory = options.state + "/config",
                            .journal = options.durable ? perdure::JournalMode::kDurable
                                                       : perdure::JournalMode::kMemory});
  perdure::Agent agent({.model = "bench-" + std::to_string(options.steps),
                        .base_url = options.url,
                        .tools = {"read_file"}},
                       runtime);
  Checkpoints checkpoints;
  std::int64_t replies = 0;
  std::vector<perdure::RunHandle> handles;
  for (std::int64_t i = 0; i < options.runs; ++i) {
    perdure::RunOptions run{.workspace = options.workspace};
    if (options.runs == 1) {
      run.observer = [&](const perdure::Event& event) {
        if (event.kind == "model_replied") checkpoints.reply(++replies);
      };
    }
    handles.push_back(agent.start("Read all files, then answer.", std::move(run)));
  }
  std::int64_t steps = 0;
  for (perdure::RunHandle& handle : handles) {
    const perdure::RunResult result = handle.wait();
    if (result.outcome != perdure::Outcome::kDone) {
      std::fprintf(stderr, "bench_client: a run ended with %s: %s\n", result.reason.c_str(),
                   result.message.c_str());
      return 1;
    }
    steps += result.usage.steps;
  }
  std::printf(
      "{\"client\":\"perdure library\",\"journal\":\"%s\",\"steps\":%lld,\"runs\":%lld,"
      "\"wall_ms\":%.3f,\"cpu_ms\":%.3f,\"peak_kb\":%.0f,\"requests\":%lld,\"checkpoints\":[%s]}\n",
      options.durable ? "durable" : "off", static_cast<long long>(options.steps),
      static_cast<long long>(options.runs), clock_ms(CLOCK_MONOTONIC) - started_ms,
      clock_ms(CLOCK_PROCESS_CPUTIME_ID), peak_kb(), static_cast<long long>(steps),
      checkpoints.json().c_str());
  return 0;
}
