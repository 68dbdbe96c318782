// Replies that hosts really sent, read as the network delivers them: whole, byte by byte, and cut.
// What is read from a recording is compared to a plain fold of its chunks, which is right for these
// (they are well-formed), and what goes back in the next request to what the recorded client sent
// back, which the host accepted.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "model/catalog.h"
#include "model/reply_reader.h"
#include "tests/support/fixtures.h"
#include "tests/support/json.h"
#include "tests/support/model_exchange.h"

namespace perdure {
namespace {

const Error kReset{.code = ErrorCode::kNetwork, .message = "reset", .retry = Retry::kLater};

// Which dialect the recordings of a folder are in. Hosts without a profile get the generic one.
struct Folder {
  std::string_view part;  ///< Of the path.
  const char* host;
};

constexpr Folder kFolders[] = {
    {"/TestOpenRouterCommon/", "openrouter"},
    {"/avian-kimi/", "custom"},
    {"/groq-kimi-k2/", "groq"},
    {"/huggingface-kimi-k2/", "custom"},
    {"/llama-cpp-gpt-oss/", "llama-cpp"},
    {"/vercel-ai/deepseek/", "custom"},
    {"/vercel-ai/moonshotai/", "moonshot"},
    {"/vercel-ai/openai-compatible/", "custom"},
};

struct Recording {
  std::string name;
  HostProfile host;
  std::string bytes;
  bool is_stream = false;
};

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

HostProfile host_of(const std::string& path) {
  for (const Folder& folder : kFolders) {
    if (path.find(folder.part) == std::string::npos) continue;
    const Result<Endpoint> endpoint = Catalog::open("")->resolve_without_key(
        {.model = "kimi-k2.6", .host = folder.host, .base_url = "http://recorded/v1"});
    if (endpoint.ok()) return endpoint->host;
    const Result<Endpoint> any = Catalog::open("")->endpoint_of_host(folder.host, "");
    if (any.ok()) return any->host;
  }
  ADD_FAILURE() << "no row of kFolders has " << path;
  return {};
}

// A file with one payload of an event per line, as the stream that it was.
std::string as_stream(std::string_view payloads) {
  std::string stream;
  for (const std::string_view line : split_lines(payloads)) {
    if (!line.empty()) stream += "data: " + std::string(line) + "\n\n";
  }
  return stream + "data: [DONE]\n\n";
}

std::vector<Recording> load_recordings() {
  std::vector<Recording> recordings;
  const std::filesystem::path root = test::fixtures_folder();
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    const std::string path = entry.path().string();
    const bool is_payloads = path.ends_with(".chunks.txt");
    const bool is_stream = is_payloads || path.ends_with(".sse");
    const bool is_body = path.ends_with(".json") && !path.ends_with(".req.json");
    if (!is_stream && !is_body) continue;
    std::string bytes = read_file(entry.path());
    recordings.push_back({.name = std::filesystem::relative(entry.path(), root).string(),
                          .host = host_of(path),
                          .bytes = is_payloads ? as_stream(bytes) : std::move(bytes),
                          .is_stream = is_stream});
  }
  std::sort(recordings.begin(), recordings.end(),
            [](const Recording& a, const Recording& b) { return a.name < b.name; });
  return recordings;
}

const std::vector<Recording>& recordings() {
  static const std::vector<Recording> kAll = load_recordings();
  return kAll;
}

// Reads `bytes` of a recording in pieces of `piece` bytes; then the transfer ends so.
Result<ModelReplied> read(const Recording& recording, std::string_view bytes, std::size_t piece,
                          const Status& transfer = {}, const ReplyDeltas* deltas = nullptr) {
  static json::Reader json;
  ReplyReader reader(json, recording.host, {}, deltas);
  reader.take_head({.status = 200});
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    if (!reader.feed(bytes.substr(at, piece))) break;
  }
  return reader.finish(transfer, 0);
}

Result<ModelReplied> read_whole(const Recording& recording) {
  return read(recording, recording.bytes, recording.bytes.size());
}

std::string calls_text(const ModelReplied& reply) {
  std::string text;
  for (const ToolCall& call : reply.calls) {
    text += fmt::format("{} {} {}\n", call.id, call.name, call.arguments);
  }
  return text;
}

// Everything of a reply but what its usage says, which comes after its end.
std::string reply_text(const ModelReplied& reply) {
  return fmt::format("{}\n{}\n{}{}\n{}", reply.fragment, reply.text, calls_text(reply),
                     reply.finish_text, reply.response_id);
}

std::string all_of(const ModelReplied& reply) {
  const ReplyUsage& usage = reply.usage;
  std::string text = fmt::format("{}\n{} {} {} {} {} {}", reply_text(reply), usage.input_tokens,
                                 usage.cached_tokens, usage.output_tokens, usage.reasoning_tokens,
                                 usage.usd.value_or(-1), usage.estimated);
  for (const ReplyEdit& edit : reply.edits) text += "\n" + edit.field + " " + edit.original;
  return text;
}

// What a recording says, folded in the plainest way.
struct Plain {
  std::string text;
  std::string reasoning;
  std::vector<Json> calls;
  Json usage;
  std::size_t ids = 0;  // how many different ones the chunks have
};

void fold(Plain& plain, const Json& message) {
  const auto text = [&](const char* key) {
    return message.contains(key) && message[key].is_string() ? message[key].get<std::string>() : "";
  };
  plain.text += text("content");
  const std::string reasoning = text("reasoning_content");
  plain.reasoning += reasoning.empty() ? text("reasoning") : reasoning;
  if (!message.contains("tool_calls") || !message["tool_calls"].is_array()) return;
  for (const Json& piece : message["tool_calls"]) {
    const std::size_t index = piece.value("index", plain.calls.size());
    // One recording numbers its only call 1.
    const bool begins = piece.contains("id") && piece["id"].is_string() &&
                        (plain.calls.size() <= index || plain.calls.empty());
    if (begins) {
      plain.calls.push_back(piece);
      continue;
    }
    Json& call = plain.calls[std::min(index, plain.calls.size() - 1)];
    const Json& more = piece["function"];
    if (more.contains("arguments") && more["arguments"].is_string()) {
      const std::string known = call["function"].value("arguments", "");
      call["function"]["arguments"] = known + more["arguments"].get<std::string>();
    }
  }
}

Plain fold(const Recording& recording) {
  Plain plain;
  const auto take_usage = [&](const Json& chunk) {
    if (chunk.contains("usage") && chunk["usage"].is_object()) plain.usage = chunk["usage"];
  };
  if (!recording.is_stream) {
    const Json body = test::parse_json(trim(recording.bytes));
    fold(plain, body["choices"][0]["message"]);
    take_usage(body);
    return plain;
  }
  std::set<std::string> ids;
  for (const std::string_view line : split_lines(recording.bytes)) {
    constexpr std::string_view kData = "data: ";
    if (!line.starts_with(kData) || line == "data: [DONE]") continue;
    const Json chunk = test::parse_json(line.substr(kData.size()));
    if (!chunk["choices"].empty()) fold(plain, chunk["choices"][0]["delta"]);
    take_usage(chunk);
    ids.insert(chunk.value("id", ""));
  }
  plain.ids = ids.size();
  return plain;
}

TEST(RecordedTraffic, IsThere) {
  PERDURE_NEED_FIXTURES();
  EXPECT_GE(recordings().size(), 60U);
}

TEST(RecordedTraffic, SaysWhatAPlainFoldOfItSays) {
  PERDURE_NEED_FIXTURES();
  for (const Recording& recording : recordings()) {
    SCOPED_TRACE(recording.name);
    std::string told_text;
    std::string told_reasoning;
    const ReplyDeltas deltas{.reasoning = [&](std::string_view text) { told_reasoning += text; },
                             .text = [&](std::string_view text) { told_text += text; },
                             .arguments = {}};
    const Result<ModelReplied> reply =
        read(recording, recording.bytes, recording.bytes.size(), {}, &deltas);
    ASSERT_TRUE(reply.ok()) << to_text(reply.error());
    const Plain plain = fold(recording);
    EXPECT_EQ(reply->text, plain.text);
    EXPECT_EQ(told_text, plain.text);
    EXPECT_EQ(told_reasoning, plain.reasoning);
    ASSERT_EQ(reply->calls.size(), plain.calls.size());
    for (std::size_t i = 0; i < plain.calls.size(); ++i) {
      EXPECT_EQ(Json(reply->calls[i].id), plain.calls[i]["id"]);
      EXPECT_EQ(Json(reply->calls[i].name), plain.calls[i]["function"]["name"]);
      EXPECT_EQ(reply->calls[i].arguments, plain.calls[i]["function"].value("arguments", ""));
      test::parse_json(reply->calls[i].arguments);
    }
    EXPECT_EQ(reply->finish == FinishReason::kToolCalls, !plain.calls.empty());
    EXPECT_EQ(reply->usage.estimated, plain.usage.empty());
    if (!plain.usage.empty()) {
      EXPECT_EQ(reply->usage.input_tokens, plain.usage["prompt_tokens"]);
      EXPECT_EQ(reply->usage.output_tokens, plain.usage["completion_tokens"]);
    }
    // One recording ends in the middle of its last event; those of one host change their id.
    const bool ends_well = !recording.is_stream || recording.bytes.ends_with("\n\n");
    const bool changes_id = recording.is_stream && plain.ids > 1;
    EXPECT_EQ(reply->edits.size(), (ends_well ? 0U : 1U) + (changes_id ? 1U : 0U))
        << test::edits_of(*reply);
  }
}

TEST(RecordedTraffic, IsTheSameInPiecesOfAnySize) {
  PERDURE_NEED_FIXTURES();
  for (const Recording& recording : recordings()) {
    SCOPED_TRACE(recording.name);
    const Result<ModelReplied> whole = read_whole(recording);
    ASSERT_TRUE(whole.ok()) << to_text(whole.error());
    for (const std::size_t piece : {1U, 2U, 3U, 7U, 64U, 1460U}) {
      const Result<ModelReplied> reply = read(recording, recording.bytes, piece);
      ASSERT_TRUE(reply.ok()) << to_text(reply.error());
      EXPECT_EQ(all_of(*reply), all_of(*whole)) << "in pieces of " << piece;
    }
  }
}

bool is_retried(const Error& error) {
  const bool known = error.code == ErrorCode::kStreamCut || error.code == ErrorCode::kBadReply ||
                     error.code == ErrorCode::kNetwork;
  return known && error.retry == Retry::kLater;
}

// N52: a reply that is not all there is asked for again; what is taken is all there. Each byte is a
// place to cut: one reader goes through the bytes, and a copy of it ends at each.
TEST(RecordedTraffic, IsWholeOrAskedForAgainWhereverItIsCut_N52) {
  PERDURE_NEED_FIXTURES();
  json::Reader json;
  for (const Recording& recording : recordings()) {
    SCOPED_TRACE(recording.name);
    const Result<ModelReplied> whole = read_whole(recording);
    ASSERT_TRUE(whole.ok()) << to_text(whole.error());
    const std::string all = reply_text(*whole);
    const std::string_view bytes = recording.bytes;
    const std::size_t end_marker = bytes.find("data: [DONE]\n\n");
    const std::size_t end_of_body = bytes.rfind('}');
    int accepted = 0;
    ReplyReader reader(json, recording.host, {}, nullptr);
    reader.take_head({.status = 200});
    for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
      const Result<ModelReplied> closed = ReplyReader(reader).finish({}, 0);
      const Result<ModelReplied> reset = ReplyReader(reader).finish(kReset, 0);
      accepted += closed.ok() ? 1 : 0;
      ASSERT_EQ(closed.ok() ? reply_text(*closed) : all, all) << "closed at byte " << cut;
      ASSERT_TRUE(closed.ok() || is_retried(closed.error())) << to_text(closed.error());
      ASSERT_TRUE(reset.ok() || is_retried(reset.error())) << to_text(reset.error());
      const bool has_end = end_marker != std::string_view::npos && cut >= end_marker + 14;
      ASSERT_EQ(reset.ok(), has_end) << "at byte " << cut;
      ASSERT_TRUE(recording.is_stream || closed.ok() == (cut > end_of_body)) << "at byte " << cut;
      reader.feed(bytes.substr(cut, 1));
    }
    // A stream has a few bytes between the chunk with its finish reason and its end.
    EXPECT_EQ(accepted > 0, recording.is_stream || end_of_body + 1 < bytes.size());
    const Result<ModelReplied> rest = reader.finish({}, 0);
    ASSERT_TRUE(rest.ok());
    EXPECT_EQ(all_of(*rest), all_of(*whole)) << "copies change nothing";
  }
}

// The same through the real client, which sees a connection that ends: recordings with calls, cut
// around the ends of their events.
class RecordedCuts : public test::ModelExchangeTest {};

TEST_F(RecordedCuts, AreWholeOrAskedForAgain_N52) {
  PERDURE_NEED_FIXTURES();
  int tried = 0;
  for (const Recording& recording : recordings()) {
    const std::string_view bytes = recording.bytes;
    if (!recording.is_stream || bytes.size() > 8'000 || tried > 400) continue;
    SCOPED_TRACE(recording.name);
    const Result<ModelReplied> whole = read_whole(recording);
    ASSERT_TRUE(whole.ok());
    if (whole->calls.empty()) continue;
    for (std::size_t at = bytes.find("\n\n"); at != std::string::npos;
         at = bytes.find("\n\n", at + 1)) {
      for (const std::size_t cut : {at - 3, at + 1, at + 2}) {
        const std::string part(bytes.substr(0, cut));
        const test::Asked asked =
            ask({test::receive_request(), test::send(test::kStreamHead + part)});
        ++tried;
        const bool is_whole = asked.replies.size() == 1;
        EXPECT_TRUE(is_whole || asked.end().starts_with("later ")) << asked.end();
        EXPECT_EQ(calls_text(is_whole ? asked.replies[0] : *whole), calls_text(*whole))
            << "at " << cut;
      }
    }
  }
  EXPECT_GT(tried, 100);
}

const Json* find_assistant(const Json& request) {
  for (const Json& message : request["messages"]) {
    if (message["role"] == "assistant") return &message;
  }
  return nullptr;
}

std::string text_member(const Json& message, const char* key) {
  const bool has_text = message.contains(key) && message[key].is_string();
  return has_text ? message[key].get<std::string>() : "";
}

// The recorded client sent its reply back, and the host went on: what we would send back says the
// same. Of a stream that client kept only the last piece of a content beside calls, and lost the
// first piece of the reasoning details; of ours nothing may be lost (the test before this one).
void compare_echo(const Json& ours, const Json& theirs) {
  ASSERT_EQ(ours["tool_calls"].size(), theirs["tool_calls"].size());
  for (std::size_t i = 0; i < ours["tool_calls"].size(); ++i) {
    const Json& our_call = ours["tool_calls"][i];
    const Json& their_call = theirs["tool_calls"][i];
    EXPECT_EQ(our_call["id"], their_call["id"]);
    EXPECT_EQ(our_call["type"], "function");
    EXPECT_EQ(our_call["function"]["name"], their_call["function"]["name"]);
    EXPECT_EQ(our_call["function"]["arguments"], their_call["function"]["arguments"]);
  }
  EXPECT_TRUE(text_member(ours, "content").ends_with(text_member(theirs, "content")));
  EXPECT_EQ(text_member(ours, "reasoning_content"), text_member(theirs, "reasoning_content"));
  EXPECT_FALSE(ours.contains("reasoning"));
  ASSERT_EQ(ours.contains("reasoning_details"), theirs.contains("reasoning_details"));
  if (!ours.contains("reasoning_details")) return;
  ASSERT_EQ(ours["reasoning_details"].size(), theirs["reasoning_details"].size());
  for (std::size_t i = 0; i < ours["reasoning_details"].size(); ++i) {
    Json our_detail = ours["reasoning_details"][i];
    const Json& their_detail = theirs["reasoning_details"][i];
    EXPECT_TRUE(text_member(our_detail, "text").ends_with(text_member(their_detail, "text")));
    our_detail["text"] = their_detail["text"];
    EXPECT_EQ(our_detail, their_detail);
  }
}

TEST(RecordedTraffic, GoesBackAsTheRecordedClientSentIt) {
  PERDURE_NEED_FIXTURES();
  int compared = 0;
  for (const Recording& recording : recordings()) {
    const std::size_t turn = recording.name.find(".0.resp.");
    if (turn == std::string::npos) continue;
    const std::filesystem::path next =
        test::fixtures_folder() / (recording.name.substr(0, turn) + ".1.req.json");
    if (!std::filesystem::exists(next)) continue;
    SCOPED_TRACE(recording.name);
    const Result<ModelReplied> reply = read_whole(recording);
    ASSERT_TRUE(reply.ok()) << to_text(reply.error());
    const Json request = test::parse_json(read_file(next));
    const Json* theirs = find_assistant(request);
    ASSERT_NE(theirs, nullptr);
    compare_echo(test::parse_json(reply->fragment), *theirs);
    ++compared;
  }
  EXPECT_GE(compared, 17);
}

}  // namespace
}  // namespace perdure
