// What ReplyAssembly says of a reply beside what it says.
#include "model/chat_reply.h"

namespace perdure {

// Before anything is edited: as the host sent it.
void ReplyAssembly::note_shape(const std::vector<AssembledCall>& calls) {
  const auto has_usage_in = [&](UsagePlace place) {
    return (usage_places_ >> static_cast<unsigned>(place) & 1U) != 0;
  };
  shape_ = {.is_stream = is_stream_,
            .has_end_marker = saw_end_marker_,
            .reasoning = joined({{"reasoning_content", !reasoning_content_.empty()},
                                 {"reasoning", !reasoning_.empty()},
                                 {"reasoning_details", !reasoning_details_.empty()}}),
            .usage = joined({{"choice", has_usage_in(UsagePlace::kChoice)},
                             {"x_groq", has_usage_in(UsagePlace::kExtension)},
                             {"top", has_usage_in(UsagePlace::kTop)}}),
            .call_ids = form_of_ids(calls)};
}

}  // namespace perdure
