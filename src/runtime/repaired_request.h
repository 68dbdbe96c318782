// The requests of a run as its repairs left them (core/repair.h): in the strict form, without the
// tools that the host refuses. Used on the loop's thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <perdure/agent.h>
#include <perdure/result.h>

#include "core/repair_state.h"
#include "model/chat_request.h"
#include "model/strict_request.h"

namespace perdure {

/// How the requests of a run are made of the options of its agent.
RequestOptions request_options(const AgentOptions& options, const std::string& run_id,
                               std::shared_ptr<MediaLibrary> media);

class RepairedRequest {
 public:
  /// `refusal` are the words of the host that the strict form is an answer to; empty when a run is
  /// resumed, whose state knows what they said. Errors: those of ChatRequest::make.
  static Result<RepairedRequest> make(const Endpoint& endpoint,
                                      const std::vector<ToolDeclaration>& tools,
                                      RequestOptions options, const RepairState& repair,
                                      std::string_view refusal);

  const ChatRequest& chat() const { return chat_; }
  const std::vector<PrefixPart>& prefix() const { return prefix_; }
  const std::vector<std::string>& left_out() const { return left_out_; }
  /// The first message that the strict form changes.
  std::optional<std::size_t> first_change(const Transcript& transcript) const;

  /// A request; `transcript` is that of the last call with messages added.
  RequestText text(const Transcript& transcript, std::int64_t output_tokens_max,
                   std::int64_t replies_in_turn, std::string_view cut_reply = {});

 private:
  ChatRequest chat_;
  std::vector<PrefixPart> prefix_;
  std::vector<std::string> left_out_;
  std::optional<StrictRequest> rules_;
  std::optional<StrictHistory> history_;
};

}  // namespace perdure
