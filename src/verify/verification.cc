#include "verify/verification.h"

#include <algorithm>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/path.h"
#include "base/text.h"
#include "core/decide.h"
#include "loop/loop.h"
#include "model/catalog.h"
#include "model/model_client.h"
#include "net/retry.h"
#include "os/clock.h"
#include "os/directories.h"
#include "os/random.h"
#include "os/thread_name.h"
#include "verify/host_reply.h"
#include "verify/line_file.h"
#include "verify/results_file.h"

namespace perdure::verify {
namespace {

// An endpoint that fails so many requests in a row is gone: the others are left for later.
constexpr std::int64_t kFailuresInARowMax = 20;

// A request of the file: where it is, and what names it.
struct Item {
  std::int64_t data_index = 0;
  std::int64_t offset = 0;
  std::size_t bytes = 0;
  std::string hash;
};

// What every other request would be told too.
bool concerns_all(ErrorCode code) {
  return code == ErrorCode::kKeyRejected || code == ErrorCode::kModelNotFound ||
         code == ErrorCode::kQuota || code == ErrorCode::kTls;
}

// A reply that breaks the protocol is what this host says: it is judged, and not asked for again.
bool may_pass(const Error& error) {
  return error.retry == Retry::kLater && error.code != ErrorCode::kBadReply;
}

Error at_line(Error error, const std::string& file, std::int64_t number) {
  error.context = fmt::format("{}:{}", file, number);
  return error;
}

Error in_file(Error error, const std::string& file) {
  if (error.context.empty()) error.context = file;
  return error;
}

Result<std::vector<Item>> read_requests(int file, const VerifyOptions& options,
                                        std::int64_t& lines) {
  std::vector<Item> items;
  // Ends the reading when there are enough: no error of anybody.
  bool is_enough = false;
  const Status read = each_line(file, [&](const LinePlace& place, std::string_view line) -> Status {
    lines = place.number;
    if (trim(line).empty()) return {};
    const Result<PreparedRequest> request = prepare_request(line, options.overrides);
    if (!request.ok()) return at_line(request.error(), options.requests_file, place.number);
    items.push_back({.data_index = place.number,
                     .offset = place.offset,
                     .bytes = place.bytes,
                     .hash = request->hash});
    is_enough = options.limit > 0 && std::ssize(items) >= options.limit;
    return is_enough ? Status(Error{}) : Status();
  });
  if (!read.ok() && !is_enough) return in_file(read.error(), options.requests_file);
  if (items.empty()) {
    return Error{.code = ErrorCode::kInvalidArgument,
                 .message = "the file holds no requests",
                 .context = options.requests_file};
  }
  return items;
}

Result<Reference> read_reference(const std::string& path, const std::vector<Item>& items) {
  const Result<Descriptor> file = open_lines(path);
  if (!file.ok()) return file.error();
  Reference reference;
  json::Reader reader;
  const Status read =
      each_line(file->get(), [&](const LinePlace& place, std::string_view line) -> Status {
        if (trim(line).empty()) return {};
        const Result<StoredResult> result = read_result(reader, line);
        if (!result.ok()) return at_line(result.error(), path, place.number);
        const std::string& finish = result->outcome.finish_reason;
        if (!finish.empty()) reference[result->data_index] = finish == "tool_calls";
        return {};
      });
  if (!read.ok()) return in_file(read.error(), path);
  const bool answers_some = std::any_of(items.begin(), items.end(), [&](const Item& item) {
    return reference.count(item.data_index) > 0;
  });
  if (answers_some) return reference;
  return Error{.code = ErrorCode::kInvalidArgument,
               .message = "the reference holds no answer to any of these requests",
               .context = path,
               .advice = "--reference takes a result file of the same requests"};
}

// Nothing may be written over what is read.
Status check_files(const VerifyOptions& options) {
  const std::string& results = options.results_file;
  const std::string& summary = options.summary_file;
  const auto clash = [](const std::string& path, const char* what) {
    return Error{.code = ErrorCode::kInvalidArgument,
                 .message = fmt::format("{} would be written over", what),
                 .context = path,
                 .advice = "give --out and --summary names of their own"};
  };
  if (is_same_file(results, options.requests_file)) return clash(results, "the requests");
  if (summary == results || is_same_file(summary, results)) return clash(summary, "the results");
  if (is_same_file(summary, options.requests_file)) return clash(summary, "the requests");
  if (!options.reference_file.empty() && is_same_file(summary, options.reference_file))
    return clash(summary, "the reference");
  return {};
}

// Whether the results that are there answer these requests.
Status check_results(const ResultsFile& results, const std::vector<Item>& items,
                     const VerifyOptions& options, std::int64_t lines) {
  const auto other = [&](std::int64_t data_index) {
    return Error{
        .code = ErrorCode::kInvalidArgument,
        .message = fmt::format("the result of data_index {} answers another request than line {} "
                               "of {}",
                               data_index, data_index, options.requests_file),
        .context = options.results_file,
        .advice =
            "it was made from another file, or with another --model, --temperature, "
            "--max-tokens, --stream or --extra-body: give the same, or another file with "
            "--out"};
  };
  auto item = items.begin();
  for (const auto& [data_index, result] : results.results()) {
    while (item != items.end() && item->data_index < data_index) ++item;
    if (item != items.end() && item->data_index == data_index) {
      if (result.hash != item->hash || result.extra_body != options.extra_body)
        return other(data_index);
    } else if (options.limit == 0 || data_index <= lines) {
      return other(data_index);
    }
  }
  return {};
}

}  // namespace

struct Verification::Impl {
  // One request under way.
  struct Slot {
    const Item* item = nullptr;
    PreparedRequest request;
    std::shared_ptr<const std::string> body;
    std::int64_t attempt = 1;
    std::int64_t started_ms = 0;
    std::unique_ptr<HttpExchange> exchange;
    Timer retry;
  };

  Impl(VerifyOptions given, Endpoint resolved, Descriptor file, std::vector<Item> all,
       ResultsFile stored)
      : options(std::move(given)),
        endpoint(std::move(resolved)),
        requests(std::move(file)),
        items(std::move(all)),
        results(std::move(stored)) {}

  void plan();
  void fill();
  Status begin(const Item& item);
  void ask(Slot& slot);
  void take_failure(Slot& slot, Error error);
  void ask_later(Slot& slot, std::int64_t delay_ms);
  void keep(Slot& slot, const WrittenResult& written);
  void end(std::optional<Error> why);
  ResultHead head_of(const Slot& slot) const;
  HttpTimeouts timeouts(bool stream) const;
  void show_slots(std::string problem = {});

  const VerifyOptions options;
  const Endpoint endpoint;
  const Descriptor requests;
  const std::vector<Item> items;
  std::optional<Reference> reference;
  Loop loop;
  std::thread thread;

  // The loop thread's own while it runs.
  ResultsFile results;
  std::unique_ptr<HttpClient> http;
  std::unique_ptr<ModelClient> models;
  std::vector<const Item*> todo;
  std::size_t next = 0;
  std::vector<std::unique_ptr<Slot>> slots;
  std::int64_t not_before_ms = 0;  // the host asked everybody to wait until then
  Timer gate;
  std::int64_t failures_in_a_row = 0;
  std::function<void()> finished;
  bool has_ended = false;
  bool is_cancelled = false;
  std::optional<Error> error;
  std::int64_t started_ms = 0;

  std::mutex mutex;
  VerifyProgress progress;  // guarded by mutex
};

// What is left to be asked.
void Verification::Impl::plan() {
  progress.requests = std::ssize(items);
  for (const Item& item : items) {
    const auto found = results.results().find(item.data_index);
    const bool is_stored = found != results.results().end();
    const bool is_good = is_stored && found->second.outcome.is_success;
    if (!is_stored || (!is_good && options.retry_failed)) {
      todo.push_back(&item);
      continue;
    }
    ++progress.stored;
    ++(is_good ? progress.succeeded : progress.failed);
  }
}

void Verification::Impl::fill() {
  while (!has_ended && std::ssize(slots) < options.concurrency && next < todo.size()) {
    const std::int64_t wait_ms = not_before_ms - monotonic_ms();
    if (wait_ms > 0) {
      gate = loop.start_timer(wait_ms, [this] { fill(); });
      return;
    }
    if (Status begun = begin(*todo[next++]); !begun.ok()) return end(begun.error());
  }
  if (slots.empty() && next == todo.size()) end({});
}

Status Verification::Impl::begin(const Item& item) {
  const auto changed = [&](Error why) {
    why.code = ErrorCode::kInvalidArgument;
    why.message = "the file changed while it was read: " + why.message;
    return at_line(std::move(why), options.requests_file, item.data_index);
  };
  const Result<std::string> line = read_place(requests.get(), item.offset, item.bytes);
  if (!line.ok()) return changed(line.error());
  Result<PreparedRequest> request = prepare_request(*line, options.overrides);
  if (!request.ok()) return changed(request.error());
  if (request->hash != item.hash) return changed({.message = "this line is another one now"});
  auto slot = std::make_unique<Slot>();
  slot->item = &item;
  slot->request = std::move(*request);
  slot->body =
      std::make_shared<const std::string>(with_members(slot->request.body, options.extra_body));
  slot->started_ms = monotonic_ms();
  slots.push_back(std::move(slot));
  ask(*slots.back());
  show_slots();
  return {};
}

HttpTimeouts Verification::Impl::timeouts(bool stream) const {
  HttpTimeouts limits;
  limits.total_ms = options.timeout_ms;
  limits.connect_ms = std::min(limits.connect_ms, options.timeout_ms);
  // A reply in one piece begins when it is complete.
  limits.first_byte_ms =
      stream ? std::min(limits.first_byte_ms, options.timeout_ms) : options.timeout_ms;
  limits.idle_ms = std::min(limits.idle_ms, options.timeout_ms);
  return limits;
}

void Verification::Impl::ask(Slot& slot) {
  slot.exchange = models->ask(
      endpoint, {.head = slot.body}, {.as_sent = true}, timeouts(slot.request.stream),
      {.replied =
           [this, &slot](const ModelReplied& reply) {
             keep(slot, answered_line(head_of(slot), as_sent(reply)));
           },
       .failed = [this, &slot](ModelFailure failure) { take_failure(slot, failure.error); }});
}

ResultHead Verification::Impl::head_of(const Slot& slot) const {
  return {.data_index = slot.item->data_index,
          .request = slot.request.body,
          .hash = slot.item->hash,
          .model = options.overrides.model,
          .extra_body = options.extra_body,
          .now_ms = wall_time_ms(),
          .duration_ms = monotonic_ms() - slot.started_ms,
          .attempts = slot.attempt};
}

void Verification::Impl::take_failure(Slot& slot, Error failure) {
  failure = in_file(std::move(failure), endpoint.base_url);
  if (concerns_all(failure.code)) return end(std::move(failure));
  if (!may_pass(failure) || slot.attempt > options.retries)
    return keep(slot, failed_line(head_of(slot), failure));
  const std::int64_t delay_ms = retry_delay_ms(failure, slot.attempt, random_number());
  if (delay_ms > kRetryAfterMax_ms) {
    failure.message += fmt::format(" (the host asks to wait {})", duration_text(delay_ms));
    return end(std::move(failure));
  }
  // Who is told to wait by name of the key is told for all.
  if (failure.retry_after_ms >= 0)
    not_before_ms = std::max(not_before_ms, monotonic_ms() + failure.retry_after_ms);
  slot.exchange.reset();
  ask_later(slot, delay_ms);
  show_slots(failure.message);
}

void Verification::Impl::ask_later(Slot& slot, std::int64_t delay_ms) {
  slot.retry = loop.start_timer(delay_ms, [this, &slot] {
    // The host may have named a time since.
    const std::int64_t wait_ms = not_before_ms - monotonic_ms();
    if (wait_ms > 0) return ask_later(slot, wait_ms);
    ++slot.attempt;
    ask(slot);
    show_slots();
  });
}

void Verification::Impl::keep(Slot& slot, const WrittenResult& written) {
  const Item& item = *slot.item;
  if (Status kept = results.append(item.data_index, item.hash, written, options.extra_body);
      !kept.ok())
    return end(kept.error());
  const bool is_success = written.outcome.is_success;
  {
    const std::lock_guard lock(mutex);
    ++(is_success ? progress.succeeded : progress.failed);
  }
  std::erase_if(slots, [&](const auto& open) { return open.get() == &slot; });
  show_slots();
  const ErrorCode code = error_code_from(written.outcome.error_type);
  const bool endpoint_fails = !is_success && (exit_status(code) == exit_status(ErrorCode::kServer));
  failures_in_a_row = endpoint_fails ? failures_in_a_row + 1 : 0;
  if (failures_in_a_row >= std::max(kFailuresInARowMax, 2 * options.concurrency) &&
      next < todo.size()) {
    return end(
        Error{.code = code,
              .message = fmt::format("{} requests in a row failed, the last one with {}",
                                     failures_in_a_row, written.outcome.error_type),
              .context = endpoint.base_url,
              .advice = "see error_message in the results; 'perdure doctor' asks the hosts"});
  }
  fill();
}

// The last thing that happens on the loop; what is under way is dropped.
void Verification::Impl::end(std::optional<Error> why) {
  if (has_ended) return;
  has_ended = true;
  error = std::move(why);
  gate.cancel();
  slots.clear();
  show_slots();
  // Not from within a callback of what is destroyed.
  loop.post([this] { finished(); });
}

void Verification::Impl::show_slots(std::string problem) {
  const std::lock_guard lock(mutex);
  progress.under_way = std::ssize(slots);
  progress.waiting = std::count_if(slots.begin(), slots.end(),
                                   [](const auto& slot) { return slot->retry.pending(); });
  if (!problem.empty()) progress.last_problem = std::move(problem);
}

Verification::Verification(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Verification::~Verification() {
  if (!impl_->thread.joinable()) return;
  impl_->loop.post([impl = impl_.get()] {
    impl->finished = [] {};
    impl->end({});
  });
  impl_->loop.stop();
  impl_->thread.join();
}

Result<std::unique_ptr<Verification>> Verification::open(VerifyOptions options) {
  const Result<Catalog> catalog = Catalog::open(config_directory());
  if (!catalog.ok()) return catalog.error();
  Result<Endpoint> endpoint = catalog->resolve(options.endpoint);
  if (!endpoint.ok()) return endpoint.error();
  if (endpoint->host.dialect != Dialect::kChat) {
    return Error{.code = ErrorCode::kUnsupported,
                 .message = "the requests of a verification are chat completions, which host '" +
                            endpoint->host.id + "' does not speak",
                 .advice = "name the vendor's host that does, like moonshot"};
  }
  options.overrides.model = endpoint->wire_model;
  options.overrides.stream_usage = endpoint->host.stream_usage;
  if (!endpoint->host.stream && !options.overrides.stream) options.overrides.stream = false;
  // Nothing goes back to the host: what came is kept under the name under which it came.
  endpoint->host.reasoning_echo.clear();
  Result<Descriptor> requests = open_lines(options.requests_file);
  if (!requests.ok()) return requests.error();
  if (Status checked = check_files(options); !checked.ok()) return checked.error();
  std::int64_t lines = 0;
  Result<std::vector<Item>> items = read_requests(requests->get(), options, lines);
  if (!items.ok()) return items.error();
  std::optional<Reference> reference;
  if (!options.reference_file.empty()) {
    Result<Reference> read = read_reference(options.reference_file, *items);
    if (!read.ok()) return read.error();
    reference = std::move(*read);
  }
  Result<ResultsFile> results = ResultsFile::open(options.results_file);
  if (!results.ok()) return results.error();
  if (Status checked = check_results(*results, *items, options, lines); !checked.ok())
    return checked.error();
  auto impl = std::make_unique<Impl>(std::move(options), std::move(*endpoint), std::move(*requests),
                                     std::move(*items), std::move(*results));
  impl->reference = std::move(reference);
  impl->plan();
  return std::make_unique<Verification>(std::move(impl));
}

EndpointInfo Verification::endpoint() const {
  return {.model = impl_->endpoint.wire_model,
          .host = impl_->endpoint.host.id,
          .base_url = impl_->endpoint.base_url,
          .key_source = impl_->endpoint.key.source()};
}

bool Verification::was_repaired() const {
  return impl_->results.was_repaired();
}

void Verification::start(std::function<void()> finished) {
  Impl& impl = *impl_;
  impl.finished = std::move(finished);
  impl.started_ms = wall_time_ms();
  impl.loop.post([&impl] {
    impl.http = std::make_unique<HttpClient>(impl.loop);
    impl.models = std::make_unique<ModelClient>(impl.loop, *impl.http);
    impl.fill();
  });
  impl.thread = std::thread([&impl] {
    name_this_thread("perdure-loop");
    impl.loop.run();
    impl.models.reset();
    impl.http.reset();
  });
}

void Verification::cancel() {
  impl_->loop.post([impl = impl_.get()] {
    if (!impl->has_ended) impl->is_cancelled = true;
    impl->end({});
  });
}

VerifyProgress Verification::progress() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->progress;
}

VerifyReport Verification::finish() {
  Impl& impl = *impl_;
  impl.loop.stop();
  impl.thread.join();
  VerifyReport report{.error = std::move(impl.error), .is_cancelled = impl.is_cancelled};
  Summary& summary = report.summary;
  summary.model = impl.endpoint.wire_model;
  summary.base_url = impl.endpoint.base_url;
  summary.requests = std::ssize(impl.items);
  summary.started_ms = impl.started_ms;
  summary.finished_ms = wall_time_ms();
  const Reference* reference = impl.reference ? &*impl.reference : nullptr;
  for (const Item& item : impl.items) {
    const auto found = impl.results.results().find(item.data_index);
    if (found != impl.results.results().end())
      summary.count(item.data_index, found->second.outcome, reference);
  }
  const std::string& file = impl.options.summary_file;
  Status written;
  if (summary.pending() == 0 && !report.error) written = impl.results.sort();
  if (written.ok()) written = make_directories(std::string(parent_path(file)));
  if (written.ok()) written = replace_file(file, summary_json(summary) + "\n");
  if (!written.ok() && !report.error) report.error = written.error();
  return report;
}

}  // namespace perdure::verify
