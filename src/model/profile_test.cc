// Profiles from TOML: what each key becomes, what is assumed without it, and mistakes with the
// place and the key that was meant.
#include "model/profile.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace perdure {
namespace {

TEST(ModelProfile, TakesEveryKey) {
  const Result<ModelProfile> profile = parse_model_profile(R"(
id = "m"
name = "M"
host = "h"
window_tokens = 4096
output_tokens_max = 2048
modalities = ["text", "image"]
sampling = "pinned"
forced_tool_choice = "required_only"
call_ids = "numbered"
[price]
input = 1
cached = 0.25
output = 3.5
[thinking]
default = "keep"
off = {}
on = { thinking = { type = "enabled" } }
keep = { thinking = { type = "enabled", keep = "all" }, more = [1, true] }
)",
                                                           "m.toml");
  ASSERT_TRUE(profile.ok()) << to_text(profile.error());
  EXPECT_EQ(profile->id, "m");
  EXPECT_EQ(profile->name, "M");
  EXPECT_EQ(profile->default_host, "h");
  EXPECT_EQ(profile->window_tokens, 4096);
  EXPECT_EQ(profile->output_tokens_max, 2048);
  EXPECT_EQ(profile->modalities, (std::vector<std::string>{"text", "image"}));
  EXPECT_TRUE(profile->sampling_pinned);
  EXPECT_EQ(profile->forced_choice, ForcedChoice::kRequiredOnly);
  EXPECT_EQ(profile->call_ids, CallIds::kNumbered);
  ASSERT_TRUE(profile->price.has_value());
  EXPECT_EQ(profile->price->input, 1);
  EXPECT_EQ(profile->price->cached, 0.25);
  EXPECT_EQ(profile->price->output, 3.5);
  EXPECT_EQ(profile->default_thinking, Thinking::kKeep);
  EXPECT_EQ(profile->thinking.of(Thinking::kOff), "");
  EXPECT_EQ(profile->thinking.of(Thinking::kOn), R"("thinking":{"type":"enabled"})");
  EXPECT_EQ(profile->thinking.of(Thinking::kKeep),
            R"("more":[1,true],"thinking":{"keep":"all","type":"enabled"})");
}

TEST(ModelProfile, NeedsLittle) {
  const Result<ModelProfile> profile =
      parse_model_profile("id = \"m\"\nwindow_tokens = 4096\n[price]\ninput = 2\n", "m.toml");
  ASSERT_TRUE(profile.ok()) << to_text(profile.error());
  EXPECT_EQ(profile->name, "m");
  EXPECT_EQ(profile->modalities, std::vector<std::string>{"text"});
  EXPECT_FALSE(profile->sampling_pinned);
  EXPECT_EQ(profile->forced_choice, ForcedChoice::kAlways);
  EXPECT_FALSE(profile->price->cache_write);
  EXPECT_EQ(profile->price->cached, 2) << "without a price of its own a cached token costs as any";
  EXPECT_EQ(profile->default_thinking, Thinking::kOff);
  EXPECT_EQ(profile->thinking.of(Thinking::kOff), "");
  EXPECT_FALSE(profile->thinking.of(Thinking::kOn).has_value());
}

TEST(HostProfile, TakesEveryKey) {
  const Result<HostProfile> profile = parse_host_profile(R"(
id = "h"
name = "H"
base_url = "https://h.example/v1"
key_variables = ["H_KEY", "OTHER_KEY"]
needs_key = true
key_advice = "ask H"
sibling = "h2"
native = true
any_model = true
stream = false
max_tokens_field = "max_completion_tokens"
output_tokens_max = 1000
stream_usage = false
prompt_cache_key = true
parallel_tool_calls = true
empty_content = "null"
call_ids = "any"
reasoning_required = true
reasoning_echo = ["reasoning_details", "reasoning"]
tool_schema = "mfjs"
forced_tool_choice = "never"
free = true
[models]
"kimi-k2.6" = "wire/k2.6"
[thinking]
off = { effort = "none" }
[price]
"kimi-k2.6" = { input = 1, output = 2, cache_write = 1.25 }
)",
                                                         "h.toml");
  ASSERT_TRUE(profile.ok()) << to_text(profile.error());
  EXPECT_EQ(profile->id, "h");
  EXPECT_EQ(profile->name, "H");
  EXPECT_EQ(profile->base_url, "https://h.example/v1");
  EXPECT_EQ(profile->key_variables, (std::vector<std::string>{"H_KEY", "OTHER_KEY"}));
  EXPECT_TRUE(profile->needs_key);
  EXPECT_EQ(profile->key_advice, "ask H");
  EXPECT_EQ(profile->sibling, "h2");
  EXPECT_TRUE(profile->native);
  EXPECT_TRUE(profile->any_model);
  EXPECT_FALSE(profile->stream);
  EXPECT_EQ(profile->max_tokens_field, "max_completion_tokens");
  EXPECT_EQ(profile->output_tokens_max, 1000);
  EXPECT_FALSE(profile->stream_usage);
  EXPECT_TRUE(profile->prompt_cache_key);
  EXPECT_TRUE(profile->parallel_tool_calls);
  EXPECT_EQ(profile->empty_content, EmptyContent::kNull);
  EXPECT_EQ(profile->call_ids, CallIds::kAny);
  EXPECT_TRUE(profile->reasoning_required);
  EXPECT_EQ(profile->reasoning_echo, (std::vector<std::string>{"reasoning_details", "reasoning"}));
  EXPECT_EQ(profile->tool_schema, SchemaDialect::kMfjs);
  EXPECT_EQ(profile->forced_choice, ForcedChoice::kNever);
  EXPECT_TRUE(profile->free);
  EXPECT_EQ(profile->models.at("kimi-k2.6"), "wire/k2.6");
  EXPECT_EQ(profile->thinking.of(Thinking::kOff), R"("effort":"none")");
  EXPECT_EQ(profile->prices.at("kimi-k2.6").output, 2);
  EXPECT_EQ(profile->prices.at("kimi-k2.6").cache_write, 1.25);
}

TEST(HostProfile, SaysHowAnotherDialectIsSpoken) {
  const Result<HostProfile> profile = parse_host_profile(R"(
id = "h"
dialect = "anthropic"
path = "/v1/messages?beta=true"
models_path = "/models"
key_header = "bearer"
unsigned_thinking = false
cache_control = true
[headers]
anthropic-beta = "a,b"
)",
                                                         "h.toml");
  ASSERT_TRUE(profile.ok()) << to_text(profile.error());
  EXPECT_EQ(profile->dialect, Dialect::kAnthropic);
  EXPECT_EQ(profile->path, "/v1/messages?beta=true");
  EXPECT_EQ(profile->models_path, "/models");
  EXPECT_EQ(profile->key_header, KeyHeader::kBearer);
  EXPECT_FALSE(profile->unsigned_thinking);
  EXPECT_TRUE(profile->cache_control);
  ASSERT_EQ(profile->headers.size(), 1U);
  EXPECT_EQ(profile->headers[0].first + ": " + profile->headers[0].second, "anthropic-beta: a,b");

  const Result<HostProfile> plain = parse_host_profile("id = \"h\"\ndialect = \"anthropic\"", "h");
  ASSERT_TRUE(plain.ok()) << to_text(plain.error());
  EXPECT_EQ(plain->path, "/v1/messages");
  EXPECT_EQ(plain->models_path, "/v1/models");
  EXPECT_EQ(plain->key_header, KeyHeader::kXApiKey);
  EXPECT_TRUE(plain->unsigned_thinking);
}

TEST(HostProfile, NeedsLittle) {
  const Result<HostProfile> profile = parse_host_profile("id = \"h\"", "h.toml");
  ASSERT_TRUE(profile.ok()) << to_text(profile.error());
  EXPECT_EQ(profile->name, "h");
  EXPECT_FALSE(profile->needs_key);
  EXPECT_TRUE(profile->stream);
  EXPECT_TRUE(profile->stream_usage);
  EXPECT_EQ(profile->max_tokens_field, "max_tokens");
  EXPECT_EQ(profile->dialect, Dialect::kChat);
  EXPECT_EQ(profile->path, "/chat/completions");
  EXPECT_EQ(profile->models_path, "/models");
  EXPECT_EQ(profile->key_header, KeyHeader::kBearer);
  EXPECT_EQ(profile->empty_content, EmptyContent::kOmit);
  EXPECT_EQ(profile->tool_schema, SchemaDialect::kPlain);
  EXPECT_FALSE(profile->forced_choice.has_value());
}

struct MistakeCase {
  const char* name;
  std::string_view toml;
  std::string_view text;  ///< All of the error, as a person reads it.
};

void PrintTo(const MistakeCase& row, std::ostream* out) {
  *out << row.name;
}

std::string name_of(const ::testing::TestParamInfo<MistakeCase>& info) {
  return info.param.name;
}

class HostMistakes : public ::testing::TestWithParam<MistakeCase> {};

TEST_P(HostMistakes, AreReportedWithTheirPlace) {
  const Result<HostProfile> profile = parse_host_profile(GetParam().toml, "hosts/h.toml");
  ASSERT_FALSE(profile.ok());
  EXPECT_EQ(profile.error().code, ErrorCode::kConfig);
  EXPECT_EQ(to_text(profile.error()), GetParam().text);
}

const MistakeCase kHostMistakes[] = {
    {"unknown_key", "id = \"h\"\nbase_ur = \"x\"",
     "unknown key 'base_ur'\n  at: hosts/h.toml:2:1\n  do: did you mean 'base_url'?"},
    {"unknown_key_of_a_table", "id = \"h\"\n[thinking]\nkep = {}",
     "unknown key 'kep'\n  at: hosts/h.toml:3:1\n  do: did you mean 'keep'?"},
    {"unknown_key_that_is_like_none", "id = \"h\"\n[thinking]\nzzz = {}",
     "unknown key 'zzz'\n  at: hosts/h.toml:3:1\n  do: known keys here: keep, off, on"},
    {"wrong_type", "id = \"h\"\n\n  needs_key = \"yes\"",
     "'needs_key' must be true or false, not a string\n  at: hosts/h.toml:3:3"},
    {"wrong_choice", "id = \"h\"\nempty_content = \"drop\"",
     "'empty_content' must be one of omit, null, keep, not 'drop'\n  at: hosts/h.toml:2:1"},
    {"wrong_list", "id = \"h\"\nkey_variables = \"KEY\"",
     "'key_variables' must be an array of strings, not a string\n  at: hosts/h.toml:2:1"},
    {"wrong_number", "id = \"h\"\noutput_tokens_max = 0",
     "'output_tokens_max' must be between 1 and 100000000, not 0\n  at: hosts/h.toml:2:1"},
    {"wrong_reasoning_name", "id = \"h\"\nreasoning_echo = [\"reasonings\"]",
     "'reasoning_echo' takes reasoning_content, reasoning and reasoning_details, not "
     "'reasonings'\n  at: hosts/h.toml:2:1"},
    {"wrong_fields", "id = \"h\"\n[thinking]\non = \"thinking\"",
     "'on' must be a table of request fields\n  at: hosts/h.toml:3:1\n  do: write {} when nothing "
     "needs to be sent"},
    {"wrong_price", "id = \"h\"\n[price]\nm = { input = -1 }",
     "'input' must be at least 0, not -1\n  at: hosts/h.toml:3:7"},
    {"wrong_wire_name", "id = \"h\"\n[models]\nm = 3",
     "'m' must be a string, not an integer\n  at: hosts/h.toml:3:1"},
    {"wrong_dialect", "id = \"h\"\ndialect = \"claude\"",
     "'dialect' must be one of chat, anthropic, not 'claude'\n  at: hosts/h.toml:2:1"},
    {"wrong_path", "id = \"h\"\npath = \"v1\"",
     "'path' must begin with a slash\n  at: hosts/h.toml:2:1\n  do: it stands behind the base URL: "
     "/chat/completions"},
    {"wrong_header", "id = \"h\"\n[headers]\nx = \"a\\nb: c\"",
     "'x' is no header that can be sent\n  at: hosts/h.toml:3:1\n  do: its name has letters, "
     "digits and '-', its value printable ASCII"},
    {"no_id", "name = \"h\"", "the key 'id' is missing\n  at: hosts/h.toml:1:1"},
    {"partial_of_another_dialect", "id = \"h\"\ndialect = \"anthropic\"\npartial = true",
     "'partial' is of chat completions: a host that speaks Anthropic's dialect is told to go on\n"
     "  at: hosts/h.toml:3:1"},
};
INSTANTIATE_TEST_SUITE_P(Table, HostMistakes, ::testing::ValuesIn(kHostMistakes), name_of);

TEST(HostProfile, SaysWhereItIsNoToml) {
  const Result<HostProfile> profile = parse_host_profile("id = \"h\nname = 1", "hosts/h.toml");
  ASSERT_FALSE(profile.ok());
  EXPECT_TRUE(profile.error().message.starts_with("not valid TOML: ")) << profile.error().message;
  EXPECT_EQ(profile.error().context, "hosts/h.toml:1:8");
}

class ModelMistakes : public ::testing::TestWithParam<MistakeCase> {};

TEST_P(ModelMistakes, AreReportedWithTheirPlace) {
  const Result<ModelProfile> profile = parse_model_profile(GetParam().toml, "models/m.toml");
  ASSERT_FALSE(profile.ok());
  EXPECT_EQ(profile.error().code, ErrorCode::kConfig);
  EXPECT_EQ(to_text(profile.error()), GetParam().text);
}

const MistakeCase kModelMistakes[] = {
    {"no_window", "id = \"m\"", "the key 'window_tokens' is missing\n  at: models/m.toml:1:1"},
    {"small_window", "id = \"m\"\nwindow_tokens = 12",
     "'window_tokens' must be between 1024 and 100000000, not 12\n  at: models/m.toml:2:1"},
    {"misspelt_window", "id = \"m\"\nwindow_token = 4096",
     "unknown key 'window_token'\n  at: models/m.toml:2:1\n  do: did you mean 'window_tokens'?"},
    {"wrong_sampling", "id = \"m\"\nwindow_tokens = 4096\nsampling = \"fixed\"",
     "'sampling' must be one of pinned, free, not 'fixed'\n  at: models/m.toml:3:1"},
    {"wrong_thinking", "id = \"m\"\nwindow_tokens = 4096\n[thinking]\ndefault = \"always\"",
     "'default' must be one of off, on, keep, not 'always'\n  at: models/m.toml:4:1"},
};
INSTANTIATE_TEST_SUITE_P(Table, ModelMistakes, ::testing::ValuesIn(kModelMistakes), name_of);

}  // namespace
}  // namespace perdure
