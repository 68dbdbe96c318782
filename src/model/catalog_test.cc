// From names to an endpoint: which profile, which address, which key, and what to say when one of
// them is not there. The profiles that are compiled in, and the user's own beside them.
#include "model/catalog.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/environment.h"
#include "tests/support/temporary_directory.h"

namespace perdure {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

Catalog catalog(const std::string& config = "") {
  return *Catalog::open(config);
}

// "MODEL at HOST: WIRE NAME, ADDRESS", or the error as a person reads it.
std::string resolved(const Result<Endpoint>& endpoint) {
  if (!endpoint.ok()) return to_text(endpoint.error());
  return fmt::format("{} at {}: {}, {}", endpoint->model.id, endpoint->host.id,
                     endpoint->wire_model, endpoint->base_url);
}

std::string resolved(const EndpointOptions& options) {
  return resolved(catalog().resolve_without_key(options));
}

struct ResolveCase {
  const char* name;
  EndpointOptions options;
  std::string_view endpoint;
};

void PrintTo(const ResolveCase& row, std::ostream* out) {
  *out << row.name;
}

class Resolve : public ::testing::TestWithParam<ResolveCase> {};

TEST_P(Resolve, FindsModelHostAndWireName) {
  EXPECT_EQ(resolved(GetParam().options), GetParam().endpoint);
}

const ResolveCase kResolveCases[] = {
    {"the_models_own_host",
     {.model = "kimi-k2.6"},
     "kimi-k2.6 at moonshot: kimi-k2.6, https://api.moonshot.ai/v1"},
    {"retired_at_its_vendor",
     {.model = "kimi-k2-thinking"},
     "kimi-k2-thinking at openrouter: moonshotai/kimi-k2-thinking, https://openrouter.ai/api/v1"},
    {"without_thinking",
     {.model = "kimi-k2-instruct"},
     "kimi-k2-instruct at groq: moonshotai/kimi-k2-instruct-0905, https://api.groq.com/openai/v1"},
    {"another_host",
     {.model = "kimi-k2.6", .host = "fireworks"},
     "kimi-k2.6 at fireworks: accounts/fireworks/models/kimi-k2p6, "
     "https://api.fireworks.ai/inference/v1"},
    {"china",
     {.model = "kimi-k2.7-code-highspeed", .host = "moonshot-cn"},
     "kimi-k2.7-code-highspeed at moonshot-cn: kimi-k2.7-code-highspeed, "
     "https://api.moonshot.cn/v1"},
    {"by_the_wire_name",
     {.model = "accounts/fireworks/models/kimi-k2p6", .host = "fireworks"},
     "kimi-k2.6 at fireworks: accounts/fireworks/models/kimi-k2p6, "
     "https://api.fireworks.ai/inference/v1"},
    {"by_a_name_with_its_vendor",
     {.model = "moonshotai/Kimi-K2.6", .host = "openrouter"},
     "kimi-k2.6 at openrouter: moonshotai/kimi-k2.6, https://openrouter.ai/api/v1"},
    {"by_a_name_in_capitals",
     {.model = "Kimi-K2.6", .host = "moonshot"},
     "kimi-k2.6 at moonshot: kimi-k2.6, https://api.moonshot.ai/v1"},
    {"address_of_a_known_host",
     {.model = "kimi-k2.6", .base_url = "https://openrouter.ai/api/v1"},
     "kimi-k2.6 at openrouter: moonshotai/kimi-k2.6, https://openrouter.ai/api/v1"},
    {"address_with_slashes_at_its_end",
     {.model = "kimi-k2.6", .base_url = "https://api.moonshot.cn/v1//"},
     "kimi-k2.6 at moonshot-cn: kimi-k2.6, https://api.moonshot.cn/v1"},
    {"address_in_capitals_and_with_its_port",
     {.model = "kimi-k2.6", .base_url = "HTTPS://API.Moonshot.AI:443/v1"},
     "kimi-k2.6 at moonshot: kimi-k2.6, HTTPS://API.Moonshot.AI:443/v1"},
    {"address_of_a_local_server",
     {.model = "kimi-k2.6", .base_url = "http://localhost:8000/v1"},
     "kimi-k2.6 at vllm: moonshotai/Kimi-K2.6, http://localhost:8000/v1"},
    {"foreign_address",
     {.model = "kimi-k2.6", .base_url = "https://llm.example/v1"},
     "kimi-k2.6 at custom: kimi-k2.6, https://llm.example/v1"},
    {"another_path_of_a_known_host_is_foreign",
     {.model = "kimi-k2.6", .base_url = "https://api.moonshot.ai/v2"},
     "kimi-k2.6 at custom: kimi-k2.6, https://api.moonshot.ai/v2"},
    {"another_dialect_of_a_known_host",
     {.model = "kimi-k2.6", .base_url = "https://api.moonshot.ai/anthropic/"},
     "kimi-k2.6 at moonshot-anthropic: kimi-k2.6, https://api.moonshot.ai/anthropic"},
    {"another_scheme_of_a_known_host_is_foreign",
     {.model = "kimi-k2.6", .base_url = "http://api.moonshot.ai/v1"},
     "kimi-k2.6 at custom: kimi-k2.6, http://api.moonshot.ai/v1"},
    {"another_scheme_at_the_port_of_a_known_host_is_foreign",
     {.model = "kimi-k2.6", .base_url = "http://api.moonshot.ai:443/v1"},
     "kimi-k2.6 at custom: kimi-k2.6, http://api.moonshot.ai:443/v1"},
    {"a_host_at_another_address",
     {.model = "kimi-k2.6", .host = "vllm", .base_url = "http://gpu:8000/v1/"},
     "kimi-k2.6 at vllm: moonshotai/Kimi-K2.6, http://gpu:8000/v1"},
    {"a_name_that_no_profile_knows",
     {.model = "My-Finetune", .host = "vllm"},
     "generic at vllm: My-Finetune, http://localhost:8000/v1"},
    {"a_name_that_only_the_host_knows",
     {.model = "moonshotai/kimi-k2-instruct-0905", .host = "groq"},
     "kimi-k2-instruct at groq: moonshotai/kimi-k2-instruct-0905, https://api.groq.com/openai/v1"},
    {"no_model",
     {},
     "no model is named\n  do: name one with --model; known: kimi-k2-instruct, kimi-k2-thinking, "
     "kimi-k2.5, kimi-k2.6, kimi-k2.7-code, kimi-k2.7-code-highspeed, kimi-k3"},
    {"misspelt_model",
     {.model = "kimi-k26"},
     "no model is named 'kimi-k26'\n  do: did you mean 'kimi-k2.6'? known: kimi-k2-instruct, "
     "kimi-k2-thinking, kimi-k2.5, kimi-k2.6, kimi-k2.7-code, kimi-k2.7-code-highspeed, kimi-k3"},
    {"misspelt_host",
     {.model = "kimi-k2.6", .host = "openruoter"},
     "no host is named 'openruoter'\n  do: did you mean 'openrouter'? known: custom, "
     "custom-anthropic, fireworks, groq, llama-cpp, mock, mock-anthropic, moonshot, "
     "moonshot-anthropic, moonshot-cn, moonshot-cn-anthropic, ollama, openrouter, runware, sglang, "
     "together, vllm"},
    {"a_model_that_the_host_does_not_serve",
     {.model = "kimi-k3", .host = "runware"},
     "host 'runware' is not known to serve 'kimi-k3'\n  do: it serves: kimi-k2.6"},
    {"a_host_without_an_address",
     {.model = "kimi-k2.6", .host = "custom"},
     "host 'custom' has no address of its own\n  do: give one with --base-url"},
    {"a_bad_address",
     {.model = "kimi-k2.6", .base_url = "localhost:8080/v1"},
     "not a usable URL: it has no scheme, like http://\n  at: localhost:8080/v1\n  do: give "
     "something like http://localhost:8080/v1"},
    {"an_address_with_a_password",
     {.model = "kimi-k2.6", .base_url = "https://me:secret@llm.example/v1"},
     "not a usable URL: it holds a user name or password; keys come from the environment\n  at: "
     "(not shown)\n  do: give something like http://localhost:8080/v1"},
    {"a_path_as_a_name",
     {.model = "../../etc/passwd"},
     "no model is named '../../etc/passwd'\n  do: known: kimi-k2-instruct, kimi-k2-thinking, "
     "kimi-k2.5, kimi-k2.6, kimi-k2.7-code, kimi-k2.7-code-highspeed, kimi-k3"},
};
INSTANTIATE_TEST_SUITE_P(Table, Resolve, ::testing::ValuesIn(kResolveCases),
                         [](const auto& row) { return std::string(row.param.name); });

// Every pair of a model and a host that is known to serve it makes an endpoint that can be asked.
TEST(Catalog, ReadsEveryProfileThatIsCompiledIn) {
  const Catalog all = catalog();
  EXPECT_EQ(all.hosts().size(), all.host_ids().size()) << "a host's profile has a mistake";
  EXPECT_EQ(all.models().size(), all.model_ids().size()) << "a model's profile has a mistake";
  int pairs = 0;
  for (const ModelInfo& model : all.models()) {
    EXPECT_THAT(model.hosts, ::testing::Contains(model.default_host)) << model.id;
    for (const std::string& host : model.hosts) {
      const Result<Endpoint> endpoint = all.resolve_without_key({.model = model.id, .host = host});
      ASSERT_TRUE(endpoint.ok()) << to_text(endpoint.error());
      EXPECT_EQ(endpoint->model.id, model.id);
      EXPECT_GE(endpoint->model.window_tokens, 131'072) << model.id;
      EXPECT_TRUE(endpoint->thinking.of(endpoint->default_thinking()).has_value())
          << model.id << " at " << host;
      EXPECT_TRUE(endpoint->price.has_value() || host == "groq") << model.id << " at " << host;
      EXPECT_FALSE(endpoint->host.needs_key && endpoint->host.key_variables.empty()) << host;
      ++pairs;
    }
  }
  EXPECT_GE(pairs, 40);
}

TEST(Catalog, ListsModelsWithTheirDefaultFirst) {
  const std::vector<ModelInfo> models = catalog().models();
  const auto find = [&](std::string_view id) {
    return *std::find_if(models.begin(), models.end(),
                         [&](const ModelInfo& model) { return model.id == id; });
  };
  EXPECT_THAT(find("kimi-k2.6").thinking, ElementsAre("keep", "off", "on"));
  EXPECT_THAT(find("kimi-k2.5").thinking, ElementsAre("on", "off"));
  EXPECT_THAT(find("kimi-k2.7-code").thinking, ElementsAre("keep", "on"));
  EXPECT_THAT(find("kimi-k3").thinking, ElementsAre("keep", "on"));
  EXPECT_THAT(find("kimi-k2-thinking").thinking, ElementsAre("on"));
  EXPECT_THAT(find("kimi-k2-instruct").thinking, ElementsAre("off"));
  EXPECT_EQ(find("kimi-k2.6").window_tokens, 262'144);
  EXPECT_EQ(find("kimi-k3").window_tokens, 1'048'576);
  EXPECT_EQ(find("kimi-k2.7-code-highspeed").output_usd, 8.0);
  EXPECT_EQ(find("kimi-k2.6").cached_input_usd, 0.16);
}

TEST(Catalog, KnowsWhatAnEndpointCostsAndAllows) {
  const auto endpoint = [](const std::string& model, const std::string& host) {
    return *catalog().resolve_without_key({.model = model, .host = host});
  };
  EXPECT_EQ(endpoint("kimi-k2.6", "moonshot").price->output, 4.0);
  EXPECT_EQ(endpoint("kimi-k2.6", "vllm").price->output, 0.0) << "costs nothing there";
  EXPECT_FALSE(endpoint("something", "groq").price.has_value());
  EXPECT_EQ(endpoint("kimi-k3", "moonshot").output_tokens_max, 1'048'576);
  EXPECT_EQ(endpoint("kimi-k3", "fireworks").output_tokens_max, 131'072) << "the lower of both";
  EXPECT_EQ(endpoint("kimi-k2.6", "moonshot").output_tokens_max, 0);
  EXPECT_EQ(endpoint("kimi-k2.6", "moonshot").forced_choice, ForcedChoice::kThinkingOff);
  EXPECT_EQ(endpoint("kimi-k2.6", "runware").forced_choice, ForcedChoice::kAlways);
  EXPECT_EQ(endpoint("kimi-k2.6", "llama-cpp").forced_choice, ForcedChoice::kRequiredOnly);
}

// A host can switch what a model does not have: that is no mode of the two together.
TEST(Catalog, OffersOnlyTheThinkingThatModelAndHostHave) {
  const auto modes = [](const std::string& model, const std::string& host) {
    const Endpoint endpoint = *catalog().resolve_without_key({.model = model, .host = host});
    std::string text(to_string(endpoint.default_thinking()));
    for (const Thinking mode : {Thinking::kOff, Thinking::kOn, Thinking::kKeep}) {
      if (endpoint.thinking.of(mode)) text += fmt::format(" {}", to_string(mode));
    }
    return text;
  };
  EXPECT_EQ(modes("kimi-k2.6", "moonshot"), "keep off on keep");
  EXPECT_EQ(modes("kimi-k2.6", "openrouter"), "keep off on keep");
  EXPECT_EQ(modes("kimi-k2.6", "runware"), "on on");
  EXPECT_EQ(modes("kimi-k2.7-code", "openrouter"), "keep on keep");
  EXPECT_EQ(modes("kimi-k2-thinking", "vllm"), "on on");
  EXPECT_EQ(modes("kimi-k2.5", "sglang"), "on off on");
  EXPECT_EQ(modes("kimi-k2-instruct", "groq"), "off off");
  EXPECT_EQ(modes("something", "vllm"), "off off on keep");
}

class Keys : public ::testing::Test {
 protected:
  static Result<Endpoint> resolve(const EndpointOptions& options) {
    return catalog().resolve(options);
  }
  static std::string key_of(const EndpointOptions& options) {
    const Result<Endpoint> endpoint = resolve(options);
    if (!endpoint.ok()) return to_text(endpoint.error());
    return fmt::format("{} from {}", endpoint->key.reveal(), endpoint->key.source());
  }

  TemporaryDirectory directory_;
  const EndpointOptions moonshot_{.model = "kimi-k2.6"};

 private:
  test::ScopedVariable moonshot_key_{"MOONSHOT_API_KEY"};
  test::ScopedVariable kimi_key_{"KIMI_API_KEY"};
  test::ScopedVariable own_key_{"PERDURE_API_KEY"};
};

TEST_F(Keys, ComeFromTheFirstVariableThatIsSet) {
  const test::ScopedVariable second("KIMI_API_KEY", " sk-second\n");
  EXPECT_EQ(key_of(moonshot_), "sk-second from environment KIMI_API_KEY");
  {
    const test::ScopedVariable empty("MOONSHOT_API_KEY", "  ");
    EXPECT_EQ(key_of(moonshot_), "sk-second from environment KIMI_API_KEY");
  }
  const test::ScopedVariable first("MOONSHOT_API_KEY", "sk-first");
  EXPECT_EQ(key_of(moonshot_), "sk-first from environment MOONSHOT_API_KEY");
}

TEST_F(Keys, ComeFromAFileBeforeTheEnvironment) {
  const test::ScopedVariable variable("MOONSHOT_API_KEY", "sk-variable");
  directory_.write("key", "\n sk-file \n\n");
  EndpointOptions options = moonshot_;
  options.key_file = directory_.path() + "/key";
  EXPECT_EQ(key_of(options), "sk-file from file " + options.key_file);
}

TEST_F(Keys, OfAFileThatIsNoneAreReported) {
  EndpointOptions options = moonshot_;
  options.key_file = directory_.path() + "/key";
  const Result<Endpoint> missing = resolve(options);
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code, ErrorCode::kMissingKey);
  EXPECT_THAT(to_text(missing.error()), HasSubstr("the key file cannot be read: "));
  EXPECT_THAT(to_text(missing.error()), HasSubstr(options.key_file));

  directory_.write("key", " \n");
  EXPECT_EQ(key_of(options), "the key file is empty\n  at: " + options.key_file +
                                 "\n  do: write the key into it, and nothing else");
}

// Two keys in one file would be a header of two lines. The text is not shown: it holds a key.
TEST_F(Keys, OfMoreThanOneWordAreRefusedAndNotShown) {
  EndpointOptions options = moonshot_;
  options.key_file = directory_.path() + "/key";
  for (const std::string_view content :
       {"sk-one\nsk-two", "KEY=sk one", "sk-\x01one", "sk-one\xc3\xa9"}) {
    directory_.write("key", content);
    const Result<Endpoint> endpoint = resolve(options);
    ASSERT_FALSE(endpoint.ok()) << content;
    EXPECT_EQ(endpoint.error().code, ErrorCode::kMissingKey);
    EXPECT_THAT(to_text(endpoint.error()), HasSubstr("no key has"));
    EXPECT_THAT(to_text(endpoint.error()), Not(HasSubstr("one")));
  }
  const test::ScopedVariable variable("MOONSHOT_API_KEY", "sk-one\r\nX-Evil: 1");
  const std::string text = key_of(moonshot_);
  EXPECT_THAT(text, HasSubstr("environment MOONSHOT_API_KEY"));
  EXPECT_THAT(text, Not(HasSubstr("Evil")));
}

TEST_F(Keys, ThatAreMissingAreNamedWithTheVariableAndTheMixUp) {
  const Result<Endpoint> endpoint = resolve(moonshot_);
  ASSERT_FALSE(endpoint.ok());
  EXPECT_EQ(endpoint.error().code, ErrorCode::kMissingKey);
  EXPECT_EQ(to_text(endpoint.error()),
            "Moonshot AI (global) needs an API key, and none was found\n"
            "  at: https://api.moonshot.ai/v1\n"
            "  do: export MOONSHOT_API_KEY=..., or name a file with key_file in the configuration. "
            "Keys of platform.moonshot.ai and platform.moonshot.cn are not interchangeable: with a "
            "key from China use --host moonshot-cn");
}

TEST_F(Keys, AreNotNeededEverywhere) {
  EXPECT_EQ(key_of({.model = "kimi-k2.6", .host = "mock"}), " from ");
  EXPECT_EQ(key_of({.model = "x", .host = "vllm"}), " from ");
  const test::ScopedVariable variable("PERDURE_API_KEY", "own");
  EXPECT_EQ(key_of({.model = "x", .host = "vllm"}), "own from environment PERDURE_API_KEY");
  EXPECT_EQ(key_of({.model = "x", .base_url = "https://llm.example/v1"}),
            "own from environment PERDURE_API_KEY");
}

TEST_F(Keys, OfAVendorDoNotGoToAForeignAddress) {
  const test::ScopedVariable variable("MOONSHOT_API_KEY", "sk-vendor");
  EXPECT_EQ(key_of({.model = "kimi-k2.6", .base_url = "https://llm.example/v1"}), " from ");
  EXPECT_EQ(key_of({.model = "kimi-k2.6", .base_url = "https://api.moonshot.ai/v1"}),
            "sk-vendor from environment MOONSHOT_API_KEY");
}

TEST_F(Keys, OfAHostAreSeenWithoutAModel) {
  const test::ScopedVariable variable("MOONSHOT_API_KEY", "sk-vendor");
  const Result<Endpoint> china = catalog().endpoint_of_host("moonshot-cn", "moonshot");
  ASSERT_TRUE(china.ok()) << to_text(china.error());
  EXPECT_EQ(china->base_url, "https://api.moonshot.cn/v1");
  EXPECT_EQ(china->key.reveal(), "sk-vendor");
  EXPECT_EQ(catalog().endpoint_of_host("nowhere", "").error().code, ErrorCode::kUnknownHost);
  const std::vector<HostInfo> hosts = catalog().hosts();
  const auto moonshot = std::find_if(hosts.begin(), hosts.end(),
                                     [](const HostInfo& host) { return host.id == "moonshot"; });
  ASSERT_NE(moonshot, hosts.end());
  EXPECT_EQ(moonshot->key_source, "environment MOONSHOT_API_KEY");
  EXPECT_EQ(moonshot->sibling, "moonshot-cn");
  EXPECT_TRUE(moonshot->needs_key);
}

class UsersProfiles : public ::testing::Test {
 protected:
  Result<Endpoint> resolve(const EndpointOptions& options) const {
    return catalog(directory_.path()).resolve_without_key(options);
  }

  TemporaryDirectory directory_;
};

TEST_F(UsersProfiles, ComeBeforeThoseThatAreCompiledIn) {
  directory_.write("models/kimi-k2.6.toml",
                   "id = \"kimi-k2.6\"\nhost = \"lab\"\nwindow_tokens = 4096\n");
  directory_.write("hosts/lab.toml",
                   "id = \"lab\"\nbase_url = \"http://lab:9/v1\"\n[models]\n\"kimi-k2.6\" = \"k\"\n"
                   "[price]\n\"kimi-k2.6\" = { input = 7, output = 9 }\n");
  const Result<Endpoint> endpoint = resolve({.model = "kimi-k2.6"});
  EXPECT_EQ(resolved(endpoint), "kimi-k2.6 at lab: k, http://lab:9/v1");
  ASSERT_TRUE(endpoint.ok());
  EXPECT_EQ(endpoint->model.window_tokens, 4096);
  EXPECT_EQ(endpoint->price->output, 9);
  EXPECT_EQ(resolved(resolve({.model = "kimi-k2.6", .base_url = "http://LAB:9/v1/"})),
            "kimi-k2.6 at lab: k, http://LAB:9/v1");
  EXPECT_THAT(catalog(directory_.path()).host_ids(), ::testing::Contains("lab"));
  const std::vector<std::string> models = catalog(directory_.path()).model_ids();
  EXPECT_EQ(std::count(models.begin(), models.end(), "kimi-k2.6"), 1);
}

TEST_F(UsersProfiles, WithAMistakeAreReportedAndNotPassedOver) {
  directory_.write("models/mine.toml", "id = \"mine\"\nwindow_token = 4096\n");
  const std::string mistake = "unknown key 'window_token'\n  at: " + directory_.path() +
                              "/models/mine.toml:2:1\n  do: did you mean 'window_tokens'?";
  EXPECT_EQ(resolved(resolve({.model = "mine"})), mistake);
  EXPECT_EQ(resolved(resolve({.model = "mine", .host = "vllm"})), mistake)
      << "a host that serves any name must not hide it";
  EXPECT_EQ(resolved(resolve({.model = "lab/Mine", .host = "vllm"})), mistake);
  directory_.write("models/Other.toml", "id = 3");
  EXPECT_THAT(resolved(resolve({.model = "Other", .host = "vllm"})),
              HasSubstr("'id' must be a string, not an integer"));

  directory_.write("hosts/lab.toml",
                   "id = \"lab\"\nbase_url = \"http://lab:9/v1\"\nneeds_keys = true\n");
  EXPECT_EQ(resolved(resolve({.model = "kimi-k2.6", .base_url = "http://lab:9/v1"})),
            "unknown key 'needs_keys'\n  at: " + directory_.path() +
                "/hosts/lab.toml:3:1\n  do: did you mean 'needs_key'?");
}

// What was found out about the host counts more than what the model's vendor does.
TEST_F(UsersProfiles, SayWhetherSamplingIsFixed) {
  const auto is_pinned = [&](const std::string& host, const std::string& lines) {
    directory_.write(
        "hosts/" + host + ".toml",
        "id = \"" + host + "\"\nbase_url = \"http://h/v1\"\n" + "any_model = true\n" + lines);
    return catalog(directory_.path())
        .resolve_without_key({.model = "kimi-k2.6", .host = host})
        .value()
        .sampling_pinned;
  };
  EXPECT_FALSE(is_pinned("a", ""));
  EXPECT_TRUE(is_pinned("b", "native = true\n"));
  EXPECT_TRUE(is_pinned("c", "sampling = \"pinned\"\n"));
  EXPECT_FALSE(is_pinned("d", "native = true\nsampling = \"free\"\n"));
}

TEST_F(UsersProfiles, MustBeNamedForTheirFiles) {
  directory_.write("models/a.toml", "id = \"b\"\nwindow_tokens = 4096\n");
  EXPECT_EQ(resolved(resolve({.model = "a"})),
            "the profile's id is 'b', its file is named for 'a'\n  at: " + directory_.path() +
                "/models/a.toml\n  do: let both be the same");
}

TEST_F(UsersProfiles, AreNotReadFromElsewhere) {
  directory_.write("models/other.toml", "");
  directory_.write("secret.toml", "id = \"../secret\"\nwindow_tokens = 4096\n");
  EXPECT_THAT(resolved(resolve({.model = "../secret"})),
              HasSubstr("no model is named '../secret'"));
  EXPECT_THAT(resolved(resolve({.model = ".."})), HasSubstr("no model is named '..'"));
}

}  // namespace
}  // namespace perdure
