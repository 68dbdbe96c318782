// The scripted endpoint without its sockets: a request in, the plan of an answer out. It remembers
// conversations, counts faults and writes records and log lines. One thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "json/reader.h"
#include "mock/conversations.h"
#include "mock/dialect.h"
#include "mock/files.h"
#include "mock/http_request.h"
#include "mock/options.h"
#include "mock/plan.h"
#include "mock/reply.h"
#include "mock/reply_body.h"
#include "mock/script.h"

namespace perdure::mock {

class Endpoint {
 public:
  Endpoint(MockScript script, MockOptions options);

  ResponsePlan answer(const ReceivedRequest& request);
  /// For bytes that are no request.
  ResponsePlan answer_failure(const HttpFailure& failure);

  const MockStatistics& statistics() const { return statistics_; }
  void count_connection() { ++statistics_.connections; }

 private:
  ResponsePlan answer_chat(const ReceivedRequest& request);
  ResponsePlan answer_messages(const ReceivedRequest& request);
  ResponsePlan answer_read(const ReceivedRequest& request, const Chat& chat);
  ResponsePlan answer_models(const ReceivedRequest& request);
  ResponsePlan answer_file(const ReceivedRequest& request);
  ResponsePlan answer_formula_request(const ReceivedRequest& request, std::string_view resource);
  std::optional<Refusal> check_refusals(std::string_view body) const;
  std::optional<Refusal> check_key(const ReceivedRequest& request) const;
  const DialectTraits& traits_for(const Chat& chat) const;
  std::optional<Refusal> check_refused_fields(const Chat& chat) const;
  std::optional<Refusal> check_rules(const Chat& chat) const;
  std::optional<Refusal> check_history(const Chat& chat, const RequestPrint& print,
                                       const ScriptedConversation& conversation,
                                       const DueReply& reply) const;
  ResponsePlan refuse(const ReceivedRequest& request, const Refusal& refusal);
  ResponsePlan play(const ReceivedRequest& request, const Chat& chat, DueReply reply,
                    RequestPrint print);
  const ScriptedFault* next_fault(Conversation& conversation, const DueReply& reply,
                                  bool streams) const;
  ReplyBody write_body(const Chat& chat, const DueReply& reply, const ReplyFrame& frame) const;
  void record(std::string_view body);
  void log(const std::string& line) const;

  MockScript script_;
  MockOptions options_;
  const DialectTraits& traits_;
  ConversationMemory memory_;
  Files files_;
  MockStatistics statistics_;
  json::Reader reader_;
  std::int64_t recorded_ = 0;
};

}  // namespace perdure::mock
