#include <map>
#include <memory>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include <perdure/result.h>

namespace perdure {
namespace {

constexpr int kCodes = static_cast<int>(ErrorCode::kInternal) + 1;

// Scripts depend on these: docs/errors.md promises them.
TEST(Result, ExitStatusOfEachCode) {
  const std::map<int, std::set<ErrorCode>> statuses = {
      {1,
       {ErrorCode::kContentFiltered, ErrorCode::kUnknownTool, ErrorCode::kInvalidArguments,
        ErrorCode::kTruncated, ErrorCode::kPathEscape, ErrorCode::kInvalidPath,
        ErrorCode::kNotRegular, ErrorCode::kProtected, ErrorCode::kFileChanged,
        ErrorCode::kTooLarge, ErrorCode::kToolFailed, ErrorCode::kDenied, ErrorCode::kDeadline,
        ErrorCode::kInDoubt}},
      {2,
       {ErrorCode::kInvalidArgument, ErrorCode::kConfig, ErrorCode::kUnknownModel,
        ErrorCode::kUnknownHost, ErrorCode::kMissingKey, ErrorCode::kUntrusted,
        ErrorCode::kWorkspace, ErrorCode::kNotFound, ErrorCode::kUnsupported}},
      {3, {ErrorCode::kContextFull}},
      {4,
       {ErrorCode::kNoSuchHost, ErrorCode::kTls, ErrorCode::kQuota, ErrorCode::kKeyRejected,
        ErrorCode::kModelNotFound, ErrorCode::kBadRequest}},
      {70, {ErrorCode::kInternal}},
      {74, {ErrorCode::kLocked, ErrorCode::kStore, ErrorCode::kStoreFull, ErrorCode::kCorrupt}},
      {75,
       {ErrorCode::kNetwork, ErrorCode::kTimeout, ErrorCode::kRateLimited, ErrorCode::kOverloaded,
        ErrorCode::kServer, ErrorCode::kStreamCut, ErrorCode::kBadReply, ErrorCode::kCallsMissing}},
      {130, {ErrorCode::kCancelled}},
  };
  int count = 0;
  for (const auto& [status, codes] : statuses) {
    for (const ErrorCode code : codes) EXPECT_EQ(exit_status(code), status) << to_string(code);
    count += static_cast<int>(codes.size());
  }
  EXPECT_EQ(count, kCodes) << "this table has each code once";
}

TEST(Result, NamesOfCodesAreTheirOwn) {
  std::set<std::string> names;
  for (int i = 0; i < kCodes; ++i) {
    const auto code = static_cast<ErrorCode>(i);
    const std::string name(to_string(code));
    EXPECT_TRUE(names.insert(name).second) << name;
    EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string::npos) << name;
    EXPECT_EQ(error_code_from(name), code) << name;
  }
  EXPECT_EQ(to_string(ErrorCode::kPathEscape), "path_escape");
  EXPECT_EQ(error_code_from("no such code"), ErrorCode::kInternal);
  EXPECT_EQ(error_code_from(""), ErrorCode::kInternal);
}

TEST(Result, TextForPeople) {
  EXPECT_EQ(to_text({.code = ErrorCode::kConfig, .message = "it is wrong"}), "it is wrong");
  EXPECT_EQ(to_text({.message = "it is wrong", .context = "a.toml:1:2", .advice = "mend it"}),
            "it is wrong\n  at: a.toml:1:2\n  do: mend it");
  EXPECT_EQ(to_text({.message = "it is wrong", .advice = "mend it"}), "it is wrong\n  do: mend it");
}

TEST(Result, ValuesAndErrors) {
  Result<std::unique_ptr<int>> value = std::make_unique<int>(7);
  ASSERT_TRUE(value.ok());
  EXPECT_EQ(**value, 7);
  const std::unique_ptr<int> taken = std::move(value).value();
  EXPECT_EQ(*taken, 7);

  const Result<std::string> error = Error{.code = ErrorCode::kDenied, .message = "no"};
  EXPECT_FALSE(error);
  EXPECT_EQ(error.error().code, ErrorCode::kDenied);
  EXPECT_TRUE(Status().ok());
  EXPECT_EQ(Status(error.error()).error().message, "no");
}

TEST(Result, ReadingWhatIsNotThereEndsTheProgram) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const Result<int> error = Error{.message = "no number"};
  const Result<int> value = 1;
  EXPECT_DEATH(static_cast<void>(*error), "without looking at ok\\(\\): no number");
  EXPECT_DEATH(static_cast<void>(value.error()), "without looking at ok");
  EXPECT_DEATH(static_cast<void>(Status().error()), "without looking at ok");
}

}  // namespace
}  // namespace perdure
