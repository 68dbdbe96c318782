#include "model/history_check.h"

#include <algorithm>

#include "base/tool_name.h"

namespace perdure {
Status HistoryCheck::wrong(const std::string& what) const {
  return Error{.code = ErrorCode::kInternal,
               .message = "the request is not sent, because message " + std::to_string(checked_) +
                          " of its history " + what,
               .advice = "report it, with the file that is named"};
}

Status HistoryCheck::check(const Transcript& transcript) {
  // Their buffers outlast the request: making them costs more than reading a message.
  thread_local json::Reader reader;
  thread_local json::Reader arguments;
  for (; checked_ < transcript.size(); ++checked_) {
    if (Status status = check_message(transcript.fragment(checked_), reader, arguments);
        !status.ok()) {
      return status;
    }
  }
  if (!unanswered_.empty())
    return wrong("is missing: call " + unanswered_.front() + " has no result");
  if (!opened_ || ends_with_reply_) return wrong("is missing: there is nothing to answer");
  return {};
}

Status HistoryCheck::check_message(std::string_view fragment, json::Reader& reader,
                                   json::Reader& arguments) {
  const Result<json::Value> parsed = reader.parse(fragment);
  if (!parsed.ok() || !parsed->is_object()) return wrong("is no JSON object");
  const std::string_view role = parsed->get("role").string_or("");
  ends_with_reply_ = role == "assistant";
  if (role == "tool") {
    const std::string_view id = parsed->get("tool_call_id").string_or("");
    if (unanswered_.empty() || unanswered_.front() != id) {
      return wrong("answers call '" + std::string(id) + "', which is not the next one");
    }
    unanswered_.pop_front();
    return {};
  }
  if (!unanswered_.empty()) {
    return wrong("stands between call " + unanswered_.front() + " and its result");
  }
  if (role == "system") {
    return opened_ ? wrong("is of the system, behind others") : Status();
  }
  opened_ = true;
  if (role == "user") return {};
  if (role != "assistant") return wrong("has the role '" + std::string(role) + "'");
  return check_calls(parsed->get("tool_calls"), arguments);
}

Status HistoryCheck::check_calls(const json::Value& calls, json::Reader& arguments) {
  for (const json::Value& call : calls.elements()) {
    const std::string id(call.get("id").string_or(""));
    const json::Value function = call.get("function");
    if (id.empty()) return wrong("has a call without an id");
    if (std::find(unanswered_.begin(), unanswered_.end(), id) != unanswered_.end()) {
      return wrong("has two calls with the id " + id);
    }
    std::string_view name = function.get("name").string_or("");
    if (name.starts_with('$')) name.remove_prefix(1);  // a function of the host
    if (!is_tool_name(name, kToolNameBytesMax)) {
      return wrong("has a call with a name that no host takes");
    }
    const Result<json::Value> object = arguments.parse(function.get("arguments").string_or(""));
    if (!object.ok() || !object->is_object()) {
      return wrong("has a call whose arguments are no JSON object");
    }
    unanswered_.push_back(id);
  }
  return {};
}

}  // namespace perdure
