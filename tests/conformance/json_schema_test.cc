// The public JSON Schema test suite, drafts 2020-12 and draft-07, required and optional parts.
//
// Required cases must all hold. Optional ones must hold except for those in kExceptions, each with
// its reason; a listed case that holds after all, or that no longer exists, fails the test, so that
// the list stays true.
#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "json/parse.h"
#include "json/schema/schema.h"
#include "tests/support/suites.h"

namespace perdure {
namespace {

namespace fs = std::filesystem;

struct Exception {
  std::string_view file;  // below tests/
  std::string_view group;
  std::string_view test;
  std::string_view reason;
};

constexpr std::string_view kContent =
    "contents are annotations here in every draft, as 2020-12 has it";

constexpr std::array<Exception, 4> kExceptions = {{
    {"draft7/optional/content.json", "validation of string-encoded content based on media type",
     "an invalid JSON document", kContent},
    {"draft7/optional/content.json", "validation of binary string-encoding",
     "an invalid base64 string (% is not a valid character)", kContent},
    {"draft7/optional/content.json", "validation of binary-encoded media type documents",
     "a validly-encoded invalid JSON document", kContent},
    {"draft7/optional/content.json", "validation of binary-encoded media type documents",
     "an invalid base64 string that is valid JSON", kContent},
}};

Result<Json> read_json(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(stream)),
                         std::istreambuf_iterator<char>());
  return json::parse(text);
}

// remotes/ of the suite, as the server that the suite expects at localhost:1234.
std::optional<Json> remote_document(const fs::path& suite, std::string_view uri) {
  constexpr std::string_view kServer = "http://localhost:1234/";
  if (uri.substr(0, kServer.size()) != kServer) return std::nullopt;
  const fs::path path = suite / "remotes" / uri.substr(kServer.size());
  if (!fs::is_regular_file(path)) return std::nullopt;
  Result<Json> json = read_json(path);
  if (!json.ok()) return std::nullopt;
  return std::move(*json);
}

// Runs files of the suite and counts.
class Runner {
 public:
  Runner(fs::path suite, SchemaOptions options) : suite_(std::move(suite)) {
    options_ = std::move(options);
    options_.remote = [this](std::string_view uri) { return remote_document(suite_, uri); };
  }

  // All files of one folder (not of the folders in it).
  void run_folder(const fs::path& folder) {
    std::vector<fs::path> files;
    for (const fs::directory_entry& entry : fs::directory_iterator(suite_ / "tests" / folder)) {
      if (entry.path().extension() == ".json") files.push_back(folder / entry.path().filename());
    }
    std::sort(files.begin(), files.end());
    for (const fs::path& file : files) run_file(file);
    for (const Exception& entry : kExceptions) {
      const bool is_here = fs::path(entry.file).parent_path() == folder;
      EXPECT_TRUE(!is_here || met_.count(&entry) > 0)
          << entry.file << ": " << entry.test << " is listed but not in the suite";
    }
  }

  std::size_t count() const { return count_; }

 private:
  void run_file(const fs::path& file) {
    const Result<Json> groups = read_json(suite_ / "tests" / file);
    ASSERT_TRUE(groups.ok()) << file << ": " << to_text(groups.error());
    for (const Json& group : *groups) run_group(file.string(), group);
  }

  void run_group(const std::string& file, const Json& group) {
    const auto name = group.at("description").get<std::string>();
    const Result<Schema> schema = Schema::compile(group.at("schema"), options_);
    for (const Json& test : group.at("tests")) {
      ++count_;
      const auto test_name = test.at("description").get<std::string>();
      std::string outcome;
      bool is_valid = false;
      if (schema.ok()) {
        const std::vector<Violation> violations = schema->validate(test.at("data"));
        is_valid = violations.empty();
        outcome = is_valid ? "accepted" : violations[0].rule + ": " + violations[0].message;
      } else {
        outcome = to_text(schema.error());
      }
      const bool holds = schema.ok() && is_valid == test.at("valid").get<bool>();
      judge(file, name, test_name, holds, outcome);
    }
  }

  void judge(const std::string& file, const std::string& group, const std::string& test, bool holds,
             const std::string& outcome) {
    const auto* const exception =
        std::find_if(kExceptions.begin(), kExceptions.end(), [&](const Exception& entry) {
          return entry.file == file && entry.group == group && entry.test == test;
        });
    const bool is_listed = exception != kExceptions.end();
    if (is_listed) met_.insert(exception);
    if (holds && is_listed) {
      ADD_FAILURE() << file << ": " << group << ": " << test
                    << "\n  holds now, but is listed because " << exception->reason;
    } else if (!holds && !is_listed) {
      ADD_FAILURE() << file << ": " << group << ": " << test << "\n  " << outcome;
    }
  }

  fs::path suite_;
  SchemaOptions options_;
  std::size_t count_ = 0;
  std::set<const Exception*> met_;
};

TEST(JsonSchemaSuite, Required2020_12) {
  PERDURE_FIND_SUITE(suite, "json-schema-test-suite");
  Runner runner(suite, {.draft = SchemaDraft::k2020_12});
  runner.run_folder("draft2020-12");
  EXPECT_GE(runner.count(), 1299U);
}

TEST(JsonSchemaSuite, RequiredDraft7) {
  PERDURE_FIND_SUITE(suite, "json-schema-test-suite");
  Runner runner(suite, {.draft = SchemaDraft::kDraft7});
  runner.run_folder("draft7");
  EXPECT_GE(runner.count(), 927U);
}

TEST(JsonSchemaSuite, Optional2020_12) {
  PERDURE_FIND_SUITE(suite, "json-schema-test-suite");
  Runner runner(suite, {.draft = SchemaDraft::k2020_12});
  runner.run_folder("draft2020-12/optional");
  EXPECT_GE(runner.count(), 162U);
}

TEST(JsonSchemaSuite, OptionalDraft7) {
  PERDURE_FIND_SUITE(suite, "json-schema-test-suite");
  Runner runner(suite, {.draft = SchemaDraft::kDraft7});
  runner.run_folder("draft7/optional");
  EXPECT_GE(runner.count(), 118U);
}

TEST(JsonSchemaSuite, Formats2020_12) {
  PERDURE_FIND_SUITE(suite, "json-schema-test-suite");
  Runner runner(suite, {.draft = SchemaDraft::k2020_12, .format = FormatMode::kAssert});
  runner.run_folder("draft2020-12/optional/format");
  EXPECT_GE(runner.count(), 764U);
}

TEST(JsonSchemaSuite, FormatsDraft7) {
  PERDURE_FIND_SUITE(suite, "json-schema-test-suite");
  Runner runner(suite, {.draft = SchemaDraft::kDraft7, .format = FormatMode::kAssert});
  runner.run_folder("draft7/optional/format");
  EXPECT_GE(runner.count(), 676U);
}

}  // namespace
}  // namespace perdure
