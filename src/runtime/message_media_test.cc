// Images and videos of runs, by the library: what the scenarios of tests/scenario do not reach.
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <perdure/agent.h>

#include "tests/support/byte_server.h"
#include "tests/support/run_bench.h"

namespace perdure {
namespace {

using test::RunBench;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kHello = "[[reply]]\ntext = 'Seen.'\n[[reply]]\ntext = 'Again.'\n";
const std::string kGif("GIF89a\x20\0\x20\0;", 11);
const std::string kFilm = "....ftypisom....";

RunOptions with_media(RunBench& bench, std::vector<Medium> media) {
  RunOptions options = bench.run_options();
  options.media = std::move(media);
  return options;
}

Medium image(std::string bytes = kGif, std::string name = "a.gif") {
  return {.source = std::move(name), .bytes = std::move(bytes)};
}

TEST(MessageMedia, bytes_of_a_program_go_as_a_file_does) {
  RunBench bench(kHello);
  Agent agent(bench.agent_options(), bench.runtime());
  const RunResult result =
      agent.run("See.", with_media(bench, {image(), image(kGif, "folder/b\n.gif")}));
  EXPECT_EQ(result.text, "Seen.") << result.message;
  EXPECT_THAT(bench.request(1), HasSubstr("data:image/gif;base64,R0lGODlhIAAgADs=\"}}"));
  EXPECT_THAT(bench.request(1), HasSubstr("[image a.gif 11 B]"));
  EXPECT_THAT(bench.request(1), Not(HasSubstr("b\\n.gif"))) << "a label is one line";
}

TEST(MessageMedia, mistakes_are_told_before_anything_is_sent) {
  RunBench bench(kHello);
  Agent agent(bench.agent_options(), bench.runtime());
  AgentOptions elsewhere = bench.agent_options();
  elsewhere.host = "llama-cpp";
  elsewhere.base_url = "http://127.0.0.1:1/v1";
  Agent inline_only(elsewhere, bench.runtime());
  struct Case {
    Agent& agent;
    std::vector<Medium> media;
    std::string message;
  };
  std::string large = kGif;
  large.resize(20'000'001);
  std::string film = kFilm;
  film.resize(100'000'001);
  const Case kCases[] = {
      {agent, {image(large)}, "it has more than 20.0 MB"},
      {agent, {{.kind = MediumKind::kVideo, .source = "f", .bytes = film}}, "more than 100.0 MB"},
      {agent, {image("text")}, "it is no image that models take"},
      {agent, std::vector<Medium>(33, image()), "33 images and videos are too many"},
      {inline_only, std::vector<Medium>(4, image(large.substr(0, 20'000'000))),
       "the message has more than 60.0 MB"},
  };
  for (const Case& example : kCases) {
    const RunResult result = example.agent.run("See.", with_media(bench, example.media));
    EXPECT_EQ(result.outcome, Outcome::kInvalid);
    EXPECT_THAT(result.message, HasSubstr(example.message));
    EXPECT_TRUE(result.run_id.empty());
  }
  EXPECT_EQ(bench.statistics().requests, 0);
}

TEST(MessageMedia, a_resume_with_an_image_needs_a_message) {
  RunBench bench(kHello);
  Agent agent(bench.agent_options(), bench.runtime());
  const RunResult first = agent.run("Hello.", bench.run_options());
  const RunResult result = agent.resume(first.run_id, "", with_media(bench, {image()}));
  EXPECT_EQ(result.outcome, Outcome::kInvalid);
  EXPECT_EQ(bench.statistics().requests, 1);
}

TEST(MessageMedia, a_deleted_file_is_named_when_the_run_is_resumed) {
  RunBench bench(kHello);
  Agent agent(bench.agent_options(), bench.runtime());
  const RunResult first = agent.run("See.", with_media(bench, {image()}));
  std::filesystem::remove_all(bench.state() + "/blobs");
  const RunResult result = agent.resume(first.run_id, "And?", bench.run_options());
  EXPECT_EQ(result.outcome, Outcome::kInvalid);
  EXPECT_THAT(result.message, HasSubstr("an image or video of this run cannot be read"));
  EXPECT_EQ(bench.statistics().requests, 1);
}

TEST(MessageMedia, an_address_is_fetched_where_the_host_does_not) {
  const test::ByteServer server({{test::receive_request(), test::send(test::http_answer(kGif))}});
  RunBench bench(kHello);
  Agent agent(bench.agent_options(), bench.runtime());
  const std::string url = server.url("/photos/x.gif?key=secret");
  const RunResult result = agent.run("See.", with_media(bench, {{.source = url}}));
  EXPECT_EQ(result.text, "Seen.") << result.message;
  EXPECT_THAT(bench.request(1), HasSubstr("[image x.gif 11 B]"));
  EXPECT_THAT(bench.request(1), HasSubstr("data:image/gif;base64,"));
  EXPECT_THAT(bench.request(1), Not(HasSubstr("secret")));
}

TEST(MessageMedia, an_address_goes_as_it_is_to_a_host_that_fetches) {
  RunBench bench(std::string("dialect = 'vllm'\n") + kHello);
  AgentOptions options = bench.agent_options();
  options.host = "vllm";
  Agent agent(options, bench.runtime());
  const RunResult result =
      agent.run("See.", with_media(bench, {{.source = "https://example.com/x.gif"}}));
  EXPECT_EQ(result.text, "Seen.") << result.message;
  EXPECT_THAT(bench.request(1), HasSubstr(R"({"url":"https://example.com/x.gif"})"));
  // The same history at a host that fetches nothing.
  AgentOptions other = bench.agent_options();
  Agent resumed(other, bench.runtime());
  RunBench strict(kHello);
  const RunResult next = resumed.resume(result.run_id, "And?", bench.run_options());
  EXPECT_EQ(next.text, "Again.") << next.message;
  EXPECT_THAT(bench.request(2), HasSubstr("[left out: this host fetches no addresses]"));
  EXPECT_EQ(bench.seen().count("media_omitted"), 1);
}

// What an upload cannot do now it does later: it is retried like the request that needs it.
TEST(MessageMedia, an_upload_that_fails_is_a_failed_attempt) {
  RunBench bench(std::string("[[refuse]]\ncontaining = ['name=\"purpose\"']\nstatus = 503\n") +
                 kHello);
  AgentOptions options = bench.agent_options();
  options.attempts_max = 2;
  Agent agent(options, bench.runtime());
  const RunResult result = agent.run(
      "See.", with_media(bench, {{.kind = MediumKind::kVideo, .source = "f.mp4", .bytes = kFilm}}));
  EXPECT_EQ(result.outcome, Outcome::kEndpointTemporary) << result.message;
  EXPECT_EQ(bench.seen().count("request_failed"), 2);
  EXPECT_EQ(bench.seen().count("media_uploaded"), 0);
  EXPECT_EQ(bench.statistics().requests, 0) << "nothing was asked of the model";
}

TEST(MessageMedia, what_an_image_adds_is_estimated) {
  RunBench bench(kHello);
  Agent agent(bench.agent_options(), bench.runtime());
  std::string large = kGif;
  large.replace(6, 4, std::string("\xe0\x01\x40\x01", 4));  // 480 by 320
  EXPECT_EQ(agent.run("See.", with_media(bench, {image(large)})).text, "Seen.");
  const auto sent = bench.seen().payloads("request_sent");
  const auto estimate = [&](std::size_t i) { return sent[i]["input_tokens_estimate"].get<int>(); };
  EXPECT_EQ(agent.run("See.", with_media(bench, {image()})).text, "Seen.");
  const auto both = bench.seen().payloads("request_sent");
  EXPECT_EQ(
      both[0]["input_tokens_estimate"].get<int>() - both[1]["input_tokens_estimate"].get<int>(),
      18 * 12 - 16);
  EXPECT_GT(estimate(0), 18 * 12);
}

}  // namespace
}  // namespace perdure
