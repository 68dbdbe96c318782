// The part of the checker that knows the messages: how they are queued, join and change.
#include <algorithm>

#include <nlohmann/json.hpp>

#include "json/joined.h"
#include "json/parse.h"
#include "tests/sim/core_checker.h"

namespace perdure::test {

void CoreChecker::add_message(const std::string& fragment) {
  bytes_ += fragment.size() + (messages_.empty() ? 0 : 1);
  ends_open_ = false;
  messages_.push_back(fragment);
}

// A reply, or a piece of one: nothing of it is lost, and nothing comes twice.
void CoreChecker::take_words(const std::string& fragment, const std::string& text) {
  if (!sent_.continues || !ends_open_) open_text_.clear();
  open_text_ += text;
  if (sent_.continues && ends_open_) {
    std::string& last = messages_.back();
    bytes_ -= last.size();
    if (!fragment.empty())
      last = json::joined(last, fragment, {"content", "reasoning_content", "reasoning"});
    bytes_ += last.size();
    expect(json::parse(last)->value("content", "") == open_text_, "the pieces are one message");
  } else if (!fragment.empty()) {
    add_message(fragment);
  }
  ends_open_ = !fragment.empty() || sent_.continues;
}

void CoreChecker::replace_message(std::size_t index, const std::string& fragment) {
  std::string& message = messages_.at(index);
  bytes_ = bytes_ - message.size() + fragment.size();
  message = fragment;
  known_bytes_ = std::min(known_bytes_, bytes_);
  // All of it is looked at again.
  sent_body_.clear();
  checked_messages_ = 0;
  history_check_ = {};
}

void CoreChecker::operator()(const MessageQueued& event) {
  queue_.push_back(event);
}

void CoreChecker::operator()(const MessageAdded& event) {
  expect(calls_.empty(), "no message stands between calls and their results");
  expect(!in_flight_, "no message joins while the model is asked");
  add_message(event.fragment);
  has_answer_ = false;
  accepted_ = false;
  if (event.origin != MessageOrigin::kUser) return;
  expect(!queue_.empty(), "a user message was queued before it joined");
  if (queue_.empty()) return;
  const MessageQueued& next = queue_.front();
  expect(event.fragment ==
             (next.fragment.empty() ? message_fragment("user", next.text) : next.fragment),
         "messages join in the order in which they were queued");
  media_tokens_ += next.media_tokens;
  queue_.pop_front();
}

void CoreChecker::operator()(const MediaUploaded& /*event*/) {
  expect(in_flight_, "a file is uploaded for a request");
}

void CoreChecker::operator()(const MediaOmitted& event) {
  expect(media_omitted_.insert(event.summary).second, "what is not sent is told once");
}

// The world forks no run.
void CoreChecker::operator()(const RunForked& /*event*/) {
  expect(false, "a run is forked before it goes on");
}

}  // namespace perdure::test
