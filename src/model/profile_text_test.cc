#include <filesystem>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/profile.h"

namespace perdure {
namespace {

std::string read_text(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

// What is written says the same as what was read: written once more, it is the same text, and the
// text has every key that the file has.
TEST(HostProfileText, says_what_the_profiles_of_all_hosts_say) {
  std::size_t profiles = 0;
  const std::filesystem::path folder =
      std::filesystem::path(PERDURE_SOURCE_DIR) / "profiles" / "hosts";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const Result<HostProfile> read = parse_host_profile(read_text(entry.path()), "file");
    ASSERT_TRUE(read.ok()) << entry.path();
    const std::string text = host_profile_text(*read, {});
    const Result<HostProfile> again = parse_host_profile(text, "written");
    ASSERT_TRUE(again.ok()) << to_text(again.error()) << text;
    EXPECT_EQ(host_profile_text(*again, {}), text);
    EXPECT_EQ(again->models, read->models);
    EXPECT_EQ(again->headers, read->headers);
    EXPECT_EQ(again->path + again->models_path, read->path + read->models_path);
    EXPECT_EQ(again->dialect, read->dialect);
    EXPECT_EQ(again->key_header, read->key_header);
    EXPECT_EQ(again->cache_control, read->cache_control);
    EXPECT_EQ(again->thinking.off, read->thinking.off);
    EXPECT_EQ(again->thinking.on, read->thinking.on);
    EXPECT_EQ(again->thinking.keep, read->thinking.keep);
    ++profiles;
  }
  EXPECT_GT(profiles, 10);
}

TEST(HostProfileText, writes_every_key) {
  HostProfile profile{.id = "a", .name = "A \"quoted\"\\ name", .base_url = "http://a/v1"};
  profile.key_variables = {"A", "B"};
  profile.needs_key = profile.native = profile.any_model = profile.free = true;
  profile.key_advice = "look\nthere\x7f";
  profile.sibling = "b";
  profile.stream = profile.stream_usage = false;
  profile.max_tokens_field = "max_completion_tokens";
  profile.output_tokens_max = 8192;
  profile.prompt_cache_key = profile.parallel_tool_calls = profile.reasoning_required = true;
  profile.empty_content = EmptyContent::kNull;
  profile.call_ids = CallIds::kPlain;
  profile.reasoning_echo = {"reasoning_details", "reasoning"};
  profile.tool_schema = SchemaDialect::kMfjs;
  profile.forced_choice = ForcedChoice::kThinkingOff;
  profile.sampling_pinned = false;
  profile.models = {{"kimi-k2.6", "x/y"}};
  profile.prices = {
      {"kimi-k2.6", {.input = 0.95, .cached = 0.16, .output = 4, .cache_write = 1.2}}};
  profile.thinking.off = R"("a b":{"c":[1,"d",true]})";
  profile.probed = ProbedFacts{
      .date = "2026-11-30", .model = "x/y", .call_ids = "other", .reasoning = "r", .usage = "top"};
  const std::string text = host_profile_text(profile, {});
  const Result<HostProfile> read = parse_host_profile(text, "written");
  ASSERT_TRUE(read.ok()) << to_text(read.error()) << text;
  EXPECT_EQ(read->name, profile.name);
  EXPECT_EQ(read->key_advice, profile.key_advice);
  EXPECT_EQ(read->sampling_pinned, std::optional(false));
  EXPECT_EQ(read->prices.at("kimi-k2.6").cached, 0.16);
  EXPECT_EQ(read->prices.at("kimi-k2.6").cache_write, 1.2);
  EXPECT_EQ(read->thinking.off, profile.thinking.off);
  EXPECT_FALSE(read->thinking.on);
  EXPECT_EQ(read->probed->usage, "top");
  EXPECT_EQ(read->empty_content, EmptyContent::kNull);
  EXPECT_EQ(read->call_ids, CallIds::kPlain);
  EXPECT_EQ(host_profile_text(*read, {}), text);
}

TEST(HostProfileText, puts_a_comment_behind_what_it_is_about) {
  const HostProfile profile{.id = "a"};
  const std::string text = host_profile_text(profile, {{"stream", "stream: both ways work"}});
  EXPECT_THAT(text, testing::HasSubstr("\nstream = true  # stream: both ways work\n"));
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("stream_usage")));
}

}  // namespace
}  // namespace perdure
