#include "core/cut_reply.h"

#include "json/joined.h"

namespace perdure {
namespace {

std::string continued(std::string_view cut, std::string_view more,
                      const std::vector<ReplyEdit>& edits = {}) {
  std::set<std::string, std::less<>> joined = {"content", "reasoning_content", "reasoning",
                                               "reasoning_details"};
  for (const ReplyEdit& edit : edits) {
    if (edit.original.empty()) joined.erase(edit.field);  // made up, for the host
  }
  return json::joined(cut, more, joined);
}

}  // namespace

void take_message(Run& run, const ModelReplied& event) {
  std::string joined;
  if (!run.cut_reply.empty()) joined = continued(run.cut_reply, event.fragment, event.edits);
  const std::string_view message = joined.empty() ? event.fragment : joined;
  const bool goes_on = event.finish == FinishReason::kLength && event.calls.empty() &&
                       run.cut_replies <= kCutRepliesMax && run.limits.continues &&
                       !run.repair.strict && (!event.text.empty() || !joined.empty());
  run.model_should_speak = goes_on;
  if (goes_on) {
    run.cut_reply = message;
    return;
  }
  if (!message.empty()) run.transcript.append(message);
  run.cut_reply.clear();
}

void keep_unfinished(Run& run, const RequestFailed& event) {
  const bool is_more = !run.cut_reply.empty();
  run.cut_reply = is_more ? continued(run.cut_reply, event.kept) : event.kept;
  run.text = run.text_goes_on ? run.text + event.text : event.text;
  run.text_goes_on = true;
  run.stream_broke = true;
  run.finish = FinishReason::kLength;
  run.empty_replies = run.missing_calls = 0;
}

std::size_t message_bytes(const Run& run) {
  const std::size_t comma = 1;
  return run.transcript.bytes() + (run.cut_reply.empty() ? 0 : run.cut_reply.size() + comma);
}

void Run::close_cut_reply() {
  if (cut_reply.empty()) return;
  transcript.append(cut_reply);
  cut_reply.clear();
  model_should_speak = false;
}

}  // namespace perdure
