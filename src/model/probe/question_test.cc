#include "model/probe/question.h"

#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace perdure::probe {
namespace {

const Question& question(std::string_view name) {
  for (const Question& one : questions()) {
    if (one.name == name) return one;
  }
  ADD_FAILURE() << name;
  return questions().front();
}

Answer refused(ErrorCode code = ErrorCode::kBadRequest) {
  return {.was_asked = true, .error = Error{.code = code, .message = "no"}};
}

Answer calling(const std::string& tool) {
  Answer answer{.was_asked = true};
  answer.reply.calls.push_back({.id = "x:0", .name = tool, .arguments = "{}"});
  answer.reply.finish = FinishReason::kToolCalls;
  return answer;
}

Answer saying(const std::string& text) {
  Answer answer{.was_asked = true};
  answer.reply.text = text;
  return answer;
}

// What a question makes of its answers, one after the other, and the profile after it.
struct Judged {
  Finding finding;
  HostProfile host;
};

Judged judge(std::string_view name, const std::vector<Answer>& answers, Endpoint endpoint = {}) {
  const Question& asked = question(name);
  for (std::size_t count = 1; count <= answers.size(); ++count) {
    const std::optional<Finding> finding = asked.judge({.endpoint = endpoint,
                                                        .answers = std::span(answers).first(count),
                                                        .all = answers,
                                                        .is_last = count == asked.tries.size()});
    if (!finding) continue;
    EXPECT_EQ(count, answers.size()) << name << ": decided before the last answer";
    Judged judged{.finding = *finding, .host = endpoint.host};
    for (const Change& change : finding->changes) change.apply(judged.host);
    return judged;
  }
  ADD_FAILURE() << name << ": not decided";
  return {};
}

TEST(ProbeQuestions, have_names_of_their_own_and_requests_that_can_be_made) {
  std::set<std::string_view> names;
  std::size_t asking = 0;
  for (const Question& one : questions()) {
    EXPECT_TRUE(names.insert(one.name).second) << one.name;
    std::set<std::string_view> tries;
    for (const Try& attempt : one.tries)
      EXPECT_TRUE(tries.insert(attempt.name).second) << one.name << "/" << attempt.name;
    if (one.tries.empty()) continue;
    ++asking;
    // Each begins with its own mark, so that no host's cache answers one with another.
    Ask ask{.tag = "[probe: mark] "};
    ask.endpoint.model.thinking = ask.endpoint.thinking = {.off = "", .on = "", .keep = ""};
    const bool made = one.tries.front().make(ask, {});
    EXPECT_TRUE(made || one.name == "thinking_keep") << one.name;
    ASSERT_EQ(ask.messages.size(), 1) << one.name;
    EXPECT_NE(ask.messages[0].find("[probe: mark] "), std::string::npos) << one.name;
  }
  EXPECT_EQ(names.size(), 27);
  EXPECT_EQ(asking, 22);
}

TEST(ProbeQuestions, judge_forced_choices_by_what_is_done) {
  const Answer skipped;
  EXPECT_EQ(judge("forced_choice", {calling("ping"), calling("pong")}).host.forced_choice,
            ForcedChoice::kAlways);
  // A named choice that is read as "auto" calls what the task says.
  EXPECT_EQ(judge("forced_choice", {calling("ping"), calling("ping")}).host.forced_choice,
            ForcedChoice::kRequiredOnly);
  EXPECT_EQ(judge("forced_choice", {calling("ping"), refused()}).host.forced_choice,
            ForcedChoice::kRequiredOnly);
  EXPECT_EQ(judge("forced_choice", {refused(), skipped, calling("ping"), calling("pong")})
                .host.forced_choice,
            ForcedChoice::kThinkingOff);
  EXPECT_EQ(judge("forced_choice", {saying("hello"), skipped, skipped, skipped}).host.forced_choice,
            ForcedChoice::kNever);
}

TEST(ProbeQuestions, judge_streams_by_what_whole_replies_say) {
  const Answer call = calling("lookup_port");
  EXPECT_TRUE(judge("stream", {call, call}).host.stream);
  EXPECT_EQ(judge("stream", {call, call}).finding.verdict, HostVerdict::kGood);
  EXPECT_FALSE(judge("stream", {refused(ErrorCode::kStreamCut), call}).host.stream);
  EXPECT_FALSE(judge("stream", {saying("I call it."), call}).host.stream);
  Answer leaking = call;
  leaking.shape.has_leak = true;
  EXPECT_FALSE(judge("stream", {leaking, call}).host.stream);
  EXPECT_TRUE(judge("stream", {leaking, leaking}).host.stream) << "no better the other way";
  EXPECT_TRUE(judge("stream", {call, refused()}).host.stream);
  Answer other_ids = call;
  other_ids.shape.call_ids = "call_*";
  EXPECT_EQ(judge("stream", {call, other_ids}).finding.verdict, HostVerdict::kNote);
}

TEST(ProbeQuestions, judge_an_echo_by_what_the_model_knows) {
  Answer first = calling("note_done");
  first.reasoning = "Let it be 482913.";
  first.shape.reasoning = "reasoning";
  const Judged known = judge("reasoning_echo", {first, saying("It was 482913.")});
  EXPECT_EQ(known.finding.verdict, HostVerdict::kGood);
  EXPECT_EQ(known.host.reasoning_echo, std::vector<std::string>{"reasoning"});
  // One that it makes up, or a part of the right one, is not known; the next name is tried.
  const Judged second = judge("reasoning_echo", {first, saying("111111"), saying("482913")});
  EXPECT_EQ(second.host.reasoning_echo, std::vector<std::string>{"reasoning_content"});
  const Judged never = judge("reasoning_echo", {first, saying("4829"), refused(), Answer{}});
  EXPECT_EQ(never.finding.verdict, HostVerdict::kNote);
  EXPECT_EQ(never.host.reasoning_echo, std::vector<std::string>{"reasoning"});
}

TEST(ProbeQuestions, judge_a_cap_by_whether_it_is_kept) {
  Answer cut = saying("1 2 3");
  cut.reply.finish = FinishReason::kLength;
  Endpoint endpoint;
  endpoint.host.max_tokens_field = "max_tokens";
  EXPECT_EQ(judge("max_tokens_field", {cut}, endpoint).host.max_tokens_field, "max_tokens");
  // Accepted and ignored: the other name.
  EXPECT_EQ(judge("max_tokens_field", {saying("all"), cut}, endpoint).host.max_tokens_field,
            "max_completion_tokens");
  EXPECT_EQ(judge("max_tokens_field", {refused(), saying("all")}, endpoint).host.max_tokens_field,
            "max_completion_tokens");
  EXPECT_EQ(
      judge("max_tokens_field", {saying("all"), saying("all")}, endpoint).host.max_tokens_field,
      "max_tokens");
}

// The first request that is answered says how plain requests must be.
TEST(ProbeQuestions, judge_a_plain_request_by_the_first_that_is_answered) {
  Endpoint endpoint;
  endpoint.host.max_tokens_field = "max_tokens";
  endpoint.host.stream_usage = endpoint.host.prompt_cache_key = endpoint.host.stream = true;
  endpoint.host.thinking.on = "x";
  const Answer ready = saying("ready");
  std::vector<Answer> answers = {ready};
  EXPECT_EQ(judge("answer", answers, endpoint).finding.verdict, HostVerdict::kGood);
  EXPECT_TRUE(judge("answer", answers, endpoint).finding.changes.empty());
  // Each step changes one thing more.
  const auto changed = [&](std::size_t steps) {
    answers.assign(steps, refused());
    answers.push_back(ready);
    const Judged judged = judge("answer", answers, endpoint);
    EXPECT_EQ(judged.finding.verdict, HostVerdict::kNote);
    const HostProfile& host = judged.host;
    return std::string(host.stream_usage ? "" : "usage ") + (host.prompt_cache_key ? "" : "key ") +
           (host.max_tokens_field == "max_tokens" ? "" : "cap ") +
           (host.thinking.on == "x" ? "" : "thinking ") + (host.stream ? "" : "stream");
  };
  EXPECT_EQ(changed(1), "usage ");
  EXPECT_EQ(changed(2), "usage key ");
  EXPECT_EQ(changed(3), "usage key cap ");
  EXPECT_EQ(changed(4), "usage key cap thinking ");
  EXPECT_EQ(changed(5), "usage key cap thinking stream");
  endpoint.host.native = true;
  EXPECT_EQ(changed(4), "usage key cap ") << "the vendor's own thinking is the model's matter";
  // A stream that is no whole reply is none because of its form.
  const Answer skipped;
  answers = {refused(ErrorCode::kStreamCut), skipped, skipped, skipped, skipped, ready};
  const Judged whole = judge("answer", answers, endpoint);
  EXPECT_FALSE(whole.host.stream);
  EXPECT_TRUE(whole.host.stream_usage);
  EXPECT_EQ(whole.finding.changes.size(), 1U);
}

TEST(ProbeQuestions, judge_thinking_by_whether_reasoning_comes) {
  Answer thinks = saying("0.05");
  thinks.shape.reasoning = "reasoning_content";
  const Answer silent = saying("0.05");
  const Answer skipped;
  // On: the profile's own way, then those of other hosts.
  EXPECT_TRUE(judge("thinking_on", {thinks}).finding.changes.empty());
  const Judged on = judge("thinking_on", {silent, thinks});
  EXPECT_EQ(on.host.thinking.on, R"("chat_template_kwargs":{"thinking":true})");
  EXPECT_EQ(on.host.thinking.keep,
            R"("chat_template_kwargs":{"preserve_thinking":true,"thinking":true})");
  EXPECT_EQ(judge("thinking_on", {refused(), silent, thinks}).host.thinking.on,
            R"("thinking":{"type":"enabled"})");
  const std::size_t tries = question("thinking_on").tries.size();
  EXPECT_EQ(judge("thinking_on", std::vector<Answer>(tries, silent)).finding.verdict,
            HostVerdict::kNote);
  EXPECT_EQ(judge("thinking_on", std::vector<Answer>(tries, skipped)).finding.verdict,
            HostVerdict::kNotAsked);
  // Off: the same, the other way round.
  EXPECT_TRUE(judge("thinking_off", {silent}).finding.changes.empty());
  EXPECT_EQ(judge("thinking_off", {thinks, silent}).host.thinking.off,
            R"("chat_template_kwargs":{"thinking":false})");
  Endpoint endpoint;
  endpoint.host.thinking.off = "x";
  const std::vector<Answer> never(question("thinking_off").tries.size(), thinks);
  EXPECT_FALSE(judge("thinking_off", never, endpoint).host.thinking.off);
  endpoint.host.native = true;
  EXPECT_EQ(judge("thinking_off", never, endpoint).host.thinking.off, "x");
  EXPECT_EQ(judge("thinking_off", never, endpoint).finding.verdict, HostVerdict::kNote);
}

TEST(ProbeQuestions, judge_the_longest_reply_by_the_first_cap_that_is_taken) {
  const Answer ready = saying("ready");
  EXPECT_TRUE(judge("output_cap", {ready}).finding.changes.empty());
  EXPECT_EQ(judge("output_cap", {refused(), ready}).host.output_tokens_max, 16'384);
  EXPECT_EQ(judge("output_cap", {refused(), refused(), refused(), ready}).host.output_tokens_max,
            4'096);
  // What the profile does not allow was not refused.
  EXPECT_TRUE(judge("output_cap", {Answer{}, ready}).finding.changes.empty());
  EXPECT_EQ(judge("output_cap", std::vector<Answer>(4, refused())).finding.verdict,
            HostVerdict::kUnanswered);
}

TEST(ProbeQuestions, judge_a_cut_call_by_how_it_ends) {
  Answer cut = calling("save_text");
  cut.reply.finish = FinishReason::kLength;
  EXPECT_EQ(judge("cut_call", {cut}).finding.verdict, HostVerdict::kGood);
  Answer whole = calling("save_text");
  EXPECT_EQ(judge("cut_call", {whole}).finding.verdict, HostVerdict::kUnanswered);
  whole.reply.edits.push_back({.field = "tool_calls/0/function/arguments"});
  EXPECT_EQ(judge("cut_call", {whole}).finding.verdict, HostVerdict::kNote);
  EXPECT_EQ(judge("cut_call", {refused(ErrorCode::kStreamCut)}).finding.verdict,
            HostVerdict::kNote);
  EXPECT_EQ(judge("cut_call", {refused()}).finding.verdict, HostVerdict::kUnanswered);
}

TEST(ProbeQuestions, judge_a_cache_by_what_the_second_prompt_was_billed) {
  const Answer first = saying("ready");
  Answer again = first;
  EXPECT_EQ(judge("cache", {first, again}).finding.verdict, HostVerdict::kNote);
  again.reply.usage = {.input_tokens = 4'000, .cached_tokens = 3'840};
  const Judged cached = judge("cache", {first, again});
  EXPECT_EQ(cached.finding.verdict, HostVerdict::kGood);
  EXPECT_NE(cached.finding.seen.find("3,840 of 4,000"), std::string::npos) << cached.finding.seen;
  again.reply.usage.estimated = true;
  EXPECT_EQ(judge("cache", {first, again}).finding.verdict, HostVerdict::kNote);
  EXPECT_EQ(judge("cache", {refused(), Answer{}}).finding.verdict, HostVerdict::kUnanswered);
  EXPECT_TRUE(judge("prompt_cache_key", {first}).host.prompt_cache_key);
  EXPECT_FALSE(judge("prompt_cache_key", {refused()}).host.prompt_cache_key);
  EXPECT_TRUE(judge("prompt_cache_key", {refused(ErrorCode::kBadReply)}).finding.changes.empty());
}

// The profile's own way first, then the others.
TEST(ProbeQuestions, judge_an_empty_content_by_the_first_that_is_taken) {
  const Answer call = calling("lookup_port");
  const Answer ready = saying("8080");
  Endpoint endpoint;
  endpoint.host.empty_content = EmptyContent::kNull;
  const auto taken = [&](const std::vector<Answer>& answers) {
    return judge("empty_content", answers, endpoint).host.empty_content;
  };
  EXPECT_EQ(taken({call, ready}), EmptyContent::kNull);
  EXPECT_EQ(taken({call, refused(), ready}), EmptyContent::kOmit);
  EXPECT_EQ(taken({call, refused(), refused(), ready}), EmptyContent::kKeep);
  const Judged never = judge("empty_content", {call, refused(), refused(), refused()}, endpoint);
  EXPECT_EQ(never.finding.verdict, HostVerdict::kNote);
  EXPECT_TRUE(never.finding.changes.empty());
  EXPECT_EQ(judge("empty_content", {ready, Answer{}}, endpoint).finding.verdict,
            HostVerdict::kUnanswered);
}

TEST(ProbeQuestions, take_facts_only_from_what_is_always_so) {
  Endpoint endpoint{.wire_model = "m"};
  Answer answer = calling("ping");
  answer.had_stream = answer.had_stream_usage = true;
  answer.shape = {.reasoning = "reasoning", .usage = "top", .call_ids = "NAME:N"};
  Answer whole = answer;
  whole.had_stream = false;  // asked in another way than runs will ask
  whole.shape.usage = "choice";
  std::vector<Answer> all = {answer, answer, whole};
  EXPECT_EQ(facts_of(endpoint, all).usage, "top");
  EXPECT_EQ(facts_of(endpoint, all).call_ids, "NAME:N");
  EXPECT_EQ(facts_of(endpoint, all).model, "m");
  all.push_back(answer);
  all.back().shape.call_ids = "call_*";
  all.back().shape.usage = "";
  EXPECT_EQ(facts_of(endpoint, all).call_ids, "");
  EXPECT_EQ(facts_of(endpoint, all).usage, "");
  EXPECT_EQ(facts_of(endpoint, all).reasoning, "reasoning");
}

}  // namespace
}  // namespace perdure::probe
