#include "core/repair.h"

#include <algorithm>
#include <cctype>
#include <optional>

#include "base/text.h"
#include "core/budget.h"
#include "json/message_parts.h"

namespace perdure {
namespace {

// One part that a request can do without.
struct Part {
  enum class Kind : std::uint8_t { kTool, kMessage, kMedia };
  Kind kind = Kind::kTool;
  std::string tool;
  std::int64_t message = 0;

  bool operator==(const Part&) const = default;
};

using Parts = std::vector<Part>;

void add_parts(RequestParts& all, const Parts& more) {
  for (const Part& part : more) {
    if (part.kind == Part::Kind::kTool) all.tools.insert(part.tool);
    if (part.kind == Part::Kind::kMessage) all.messages.insert(part.message);
    if (part.kind == Part::Kind::kMedia) all.media.insert(part.message);
  }
}

// Shorter names and ids occur in words by chance.
constexpr std::size_t kNameMin = 3;

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-';
}

bool has_word(std::string_view text, std::string_view word) {
  for (std::size_t at = text.find(word); at != std::string_view::npos;
       at = text.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    const bool begins = at == 0 || !is_word(text[at - 1]);
    if (begins && (end == text.size() || !is_word(text[end]))) return true;
  }
  return false;
}

// The numbers behind a word: "tools[3]", "messages.12.content", "at index 4".
std::vector<std::int64_t> numbers_behind(std::string_view text, std::string_view word) {
  constexpr std::size_t kDigitsMax = 9;
  std::vector<std::int64_t> numbers;
  for (std::size_t at = text.find(word); at != std::string_view::npos;
       at = text.find(word, at + 1)) {
    std::size_t digit = at + word.size();
    if (digit < text.size() && std::string_view("[./ ").find(text[digit]) != std::string::npos)
      ++digit;
    std::size_t end = digit;
    while (end < text.size() && std::isdigit(static_cast<unsigned char>(text[end])) != 0) ++end;
    if (end > digit && end - digit <= kDigitsMax)
      numbers.push_back(std::stoll(std::string(text.substr(digit, end - digit))));
  }
  return numbers;
}

class Search {
 public:
  // The words are those that the search began with: others would be another search.
  explicit Search(const Run& run)
      : run_(run),
        repair_(run.repair),
        words_(repair_.trials.empty() ? run.failure->error.message : repair_.words),
        by_path_(repair_.trials.empty() ? run.failure->tools : repair_.named) {
    for (const PrefixPart& part : run.prefix) {
      constexpr std::string_view kTool = "tools/";
      if (std::string_view(part.field).substr(0, kTool.size()) != kTool) continue;
      tools_.push_back({.kind = Part::Kind::kTool, .tool = part.field.substr(kTool.size())});
    }
    for (std::size_t i = 0; i < run.transcript.size(); ++i) {
      const auto number = static_cast<std::int64_t>(i);
      if (has_media(run.transcript.fragment(i)))
        media_.push_back({.kind = Part::Kind::kMedia, .message = number});
      if (repair_.messages.count(number) == 0)
        messages_.push_back({.kind = Part::Kind::kMessage, .message = number});
    }
  }

  /// The next trial, the guilty part, or nothing when no part is.
  std::variant<std::monostate, RequestParts, Part> next() {
    Parts candidates;
    for (Parts& group : groups()) {
      const std::optional<bool> taken = ask(group);
      if (!taken) return trial_;
      if (*taken) {
        candidates = std::move(group);
        break;
      }
      add_parts(without_, group);
    }
    if (candidates.empty()) return std::monostate();
    // Without `without_` and all candidates the host takes the request, without the former alone it
    // does not: so one of the candidates is guilty.
    while (candidates.size() > 1) {
      const auto middle = candidates.begin() + static_cast<std::ptrdiff_t>(candidates.size() / 2);
      const Parts half(candidates.begin(), middle);
      const std::optional<bool> taken = ask(half);
      if (!taken) return trial_;
      if (*taken) {
        candidates = half;
      } else {
        add_parts(without_, half);
        candidates.erase(candidates.begin(), middle);
      }
    }
    return candidates.front();
  }

 private:
  // Whether the host takes the request without these parts as well; nothing when that is not known.
  std::optional<bool> ask(const Parts& parts) {
    if (asked_ < repair_.trials.size()) return repair_.trials[asked_++];
    trial_ = without_;
    add_parts(trial_, parts);
    return std::nullopt;
  }

  // What is looked at first: what the host names, what is new since the last request that it took,
  // the tools, all the rest. No part is in two groups.
  std::vector<Parts> groups() const {
    const bool first = repair_.messages_taken == 0;
    Parts fresh;
    Parts old;
    for (const Parts* list : {&messages_, &media_}) {
      for (const Part& part : *list)
        (part.message >= repair_.messages_taken && !first ? fresh : old).push_back(part);
    }
    std::vector<Parts> groups;
    Parts seen;
    const std::vector<Parts> ordered = {named(), media_named(), fresh, tools_, old};
    for (const Parts& group : ordered) {
      Parts rest;
      for (const Part& part : group) {
        if (std::find(seen.begin(), seen.end(), part) == seen.end()) rest.push_back(part);
      }
      if (&group != &ordered.back()) seen.insert(seen.end(), rest.begin(), rest.end());
      if (!rest.empty()) groups.push_back(std::move(rest));
    }
    return groups;
  }

  // By the words of the host.
  Parts named() const {
    const std::string& said = words_;
    const std::string text = to_lower_ascii(said);
    Parts parts;
    for (const std::int64_t index : numbers_behind(text, "tools")) {
      if (index < static_cast<std::int64_t>(tools_.size()))
        parts.push_back(tools_[static_cast<std::size_t>(index)]);
    }
    for (const Part& tool : tools_) {
      const bool by_name = tool.tool.size() >= kNameMin && has_word(said, tool.tool);
      const bool by_path = std::find(by_path_.begin(), by_path_.end(), tool.tool) != by_path_.end();
      if (by_name || by_path) parts.push_back(tool);
    }
    for (const std::string_view word : {"messages", "message at index", "message at position"}) {
      for (const std::int64_t index : numbers_behind(text, word)) add_message(parts, index);
    }
    for (const Part& message : messages_) {
      const std::string_view fragment =
          run_.transcript.fragment(static_cast<std::size_t>(message.message));
      for (const std::string& id : call_ids(fragment)) {
        if (id.size() >= kNameMin && has_word(said, id)) parts.push_back(message);
      }
    }
    return unique(parts);
  }

  Parts media_named() const {
    const std::string text = to_lower_ascii(words_);
    const bool said = has_word(text, "image") || has_word(text, "image_url") ||
                      has_word(text, "images") || has_word(text, "video");
    return said ? media_ : Parts();
  }

  // Hosts count the messages of the request, which are fewer where user messages were joined.
  void add_message(Parts& parts, std::int64_t on_wire) const {
    std::int64_t position = -1;
    for (std::size_t i = 0; i < run_.transcript.size(); ++i) {
      const bool joins = repair_.strict && i > 0 && is_user_text(run_.transcript.fragment(i)) &&
                         is_user_text(run_.transcript.fragment(i - 1));
      if (!joins) ++position;
      if (position != on_wire) continue;
      const auto number = static_cast<std::int64_t>(i);
      for (const Parts* list : {&media_, &messages_}) {
        for (const Part& part : *list) {
          if (part.message == number) parts.push_back(part);
        }
      }
    }
  }

  static Parts unique(const Parts& parts) {
    Parts out;
    for (const Part& part : parts) {
      if (std::find(out.begin(), out.end(), part) == out.end()) out.push_back(part);
    }
    return out;
  }

  const Run& run_;
  const RepairState& repair_;
  std::string words_;
  std::vector<std::string> by_path_;
  Parts tools_;
  Parts messages_;
  Parts media_;
  RequestParts without_;
  RequestParts trial_;
  std::size_t asked_ = 0;
};

std::vector<Effect> give_up(const Run& run, const std::string& tried) {
  std::string message = run.failure->error.message;
  message += "; the request was tried again without what is optional";
  if (!run.repair.left_out.empty()) {
    message += " (" + join(run.repair.left_out, ", ") + ")";
  }
  message += tried;
  return {ReportRefusal{RunEnded{.outcome = Outcome::kEndpointPermanent,
                                 .reason = std::string(to_string(run.failure->error.code)),
                                 .message = std::move(message)}}};
}

std::string trials_text(std::int64_t count) {
  return std::to_string(count) + (count == 1 ? " trial" : " trials");
}

std::vector<Effect> quarantine(const Run& run, const Part& part) {
  if (part.kind == Part::Kind::kTool) {
    return {RepairRequest{RequestRepaired{
        .kind = RepairKind::kTool,
        .tool = part.tool,
        .summary = "tool '" + part.tool + "' is not declared any more: the host refuses it"}}};
  }
  const std::string_view fragment = run.transcript.fragment(static_cast<std::size_t>(part.message));
  const std::string name = describe_message(part.message, fragment);
  const bool media = part.kind == Part::Kind::kMedia;
  if (!media && (is_system(fragment) || part.message == run.repair.task_message)) {
    return give_up(run, ", and the host refuses " + name +
                            ", without which the run makes no sense (" +
                            trials_text(run.repair.trials_sent) + ")");
  }
  RequestParts parts;
  add_parts(parts, {part});
  return {RepairRequest{
      RequestRepaired{.kind = media ? RepairKind::kMedia : RepairKind::kMessage,
                      .message = part.message,
                      .fragment = message_without(fragment, !media, media),
                      .summary = (media ? "the image or video of " : "the content of ") + name +
                                 " is replaced by a note: the host refuses it"}}};
}

}  // namespace

std::vector<Effect> decide_repair(const Run& run) {
  const RepairState& repair = run.repair;
  if (!repair.strict) {
    return {RepairRequest{RequestRepaired{.kind = RepairKind::kStrict}}};
  }
  Search search(run);
  const auto found = search.next();
  if (const auto* part = std::get_if<Part>(&found)) return quarantine(run, *part);
  const auto* trial = std::get_if<RequestParts>(&found);
  if (trial == nullptr) {
    return give_up(run, ", and then without any tool and any content, in " +
                            trials_text(repair.trials_sent) + ": nothing of it is guilty alone");
  }
  if (repair.trials_sent >= kTrialsMax) {
    return give_up(run, ", and what is guilty was not found in " + trials_text(repair.trials_sent));
  }
  const std::variant<RequestSent, RunEnded> plan = plan_request(run);
  if (const auto* refused = std::get_if<RunEnded>(&plan)) return {Record{*refused}};
  return {TryRequest{.trial = TrialSent{.step = run.step,
                                        .trial = repair.trials_sent + 1,
                                        .without = describe_parts(*trial),
                                        .input_tokens_estimate =
                                            std::get<RequestSent>(plan).input_tokens_estimate},
                     .without = *trial}};
}

std::string what_was_repaired(const RepairState& repair) {
  std::string text =
      "The endpoint refused your conversation as it was, so a part of it was changed: ";
  for (const std::string& summary : repair.untold) text += summary + ". ";
  return text +
         "Go on with the task without what is gone; what you need of it, get in another way, "
         "for example in smaller parts.";
}

RepairState repairs_after_resume(const Run& run, const std::vector<PrefixPart>& next) {
  const auto value_of = [](const std::vector<PrefixPart>& parts, std::string_view field) {
    const auto found = std::find_if(parts.begin(), parts.end(),
                                    [&](const PrefixPart& part) { return part.field == field; });
    return found == parts.end() ? std::string_view() : std::string_view(found->value);
  };
  RepairState repair = run.repair;
  for (const std::string_view field : {"base_url", "model"}) {
    if (value_of(run.prefix, field) != value_of(next, field)) repair.leave_endpoint();
  }
  repair.trials.clear();
  repair.trials_sent = 0;
  return repair;
}

std::vector<std::string> describe_parts(const RequestParts& parts) {
  std::vector<std::string> out;
  for (const std::string& tool : parts.tools) out.push_back("tools/" + tool);
  const auto add_ranges = [&](std::string_view name, const std::set<std::int64_t>& numbers) {
    for (auto at = numbers.begin(); at != numbers.end();) {
      const std::int64_t first = *at;
      std::int64_t last = first;
      while (++at != numbers.end() && *at == last + 1) last = *at;
      std::string text = std::string(name) + "/" + std::to_string(first);
      if (last > first) text += "-" + std::to_string(last);
      out.push_back(std::move(text));
    }
  };
  add_ranges("messages", parts.messages);
  add_ranges("media", parts.media);
  return out;
}

Transcript without_parts(const Transcript& transcript, const RequestParts& parts) {
  Transcript out;
  for (std::size_t i = 0; i < transcript.size(); ++i) {
    const auto number = static_cast<std::int64_t>(i);
    const bool content = parts.messages.count(number) > 0;
    const bool media = parts.media.count(number) > 0;
    const std::string_view fragment = transcript.fragment(i);
    const bool changed = content || media;
    out.append_like(transcript, i,
                    changed ? message_without(fragment, content, media) : std::string(fragment));
  }
  return out;
}

}  // namespace perdure
