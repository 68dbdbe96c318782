#include "base/tool_name.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace perdure {
namespace {

using testing::HasSubstr;

TEST(ToolName, IsChecked) {
  for (const char* name : {"a", "_", "get_service-health2", "Read"}) {
    EXPECT_TRUE(check_tool_name(name).ok()) << name;
  }
  EXPECT_TRUE(check_tool_name(std::string(64, 'a')).ok());
  const auto message = [](std::string_view name) {
    const Status status = check_tool_name(name);
    if (status.ok()) return std::string("accepted");
    EXPECT_EQ(status.error().code, ErrorCode::kConfig);
    return status.error().message;
  };
  EXPECT_EQ(message(""), "the tool name '' is empty");
  EXPECT_EQ(message("2fa"), "the tool name '2fa' must not begin with '2'");
  EXPECT_EQ(message("-a"), "the tool name '-a' must not begin with '-'");
  EXPECT_EQ(message("$web_search"), "the tool name '$web_search' must not begin with '$'");
  EXPECT_EQ(message("get.health"), "the tool name 'get.health' has '.' as character 4");
  EXPECT_EQ(message("a b"), "the tool name 'a b' has ' ' as character 2");
  EXPECT_EQ(message("caf\xc3\xa9"), "the tool name 'caf\xc3\xa9' has '\xc3\xa9' as character 4");
  EXPECT_EQ(message("a\n"), "the tool name 'a\\n' has '\\n' as character 2");
  EXPECT_THAT(message("a\xff"), HasSubstr("as character 2"));
  EXPECT_EQ(message(std::string(65, 'a')), "the tool name '" + std::string(65, 'a') +
                                               "' has 65 characters, at most 64 are allowed");
}

TEST(ToolName, OfAHistoryMayBeLonger) {
  EXPECT_TRUE(is_tool_name(std::string(256, 'a'), kToolNameBytesMax));
  EXPECT_FALSE(is_tool_name(std::string(257, 'a'), kToolNameBytesMax));
  for (const char* name : {"", "2fa", "-a", "$a", "a b", "a.b", "caf\xc3\xa9"})
    EXPECT_FALSE(is_tool_name(name, kToolNameBytesMax)) << name;
}

TEST(ToolName, IsMadeLegal) {
  const std::pair<std::string, std::string> kNames[] = {
      {"read_file", "read_file"},
      {"functions.read_file", "read_file"},
      {"a b.c", "a_b_c"},
      {"9", "_9"},
      {"-x", "_-x"},
      {"", "_"},
      {std::string(64, 'a'), std::string(64, 'a')},
      {std::string(65, 'a'), std::string(63, 'a')}};
  for (const auto& [written, legal] : kNames) {
    EXPECT_EQ(legal_tool_name(written), legal) << written;
    EXPECT_TRUE(check_tool_name(legal_tool_name(written)).ok()) << written;
  }
}

TEST(ToolName, OfACallLosesItsPrefix) {
  EXPECT_EQ(called_tool("functions.read_file"), "read_file");
  EXPECT_EQ(called_tool("read_file"), "read_file");
  EXPECT_EQ(called_tool("functions."), "");
  EXPECT_EQ(called_tool("functions.functions.f"), "functions.f");
  EXPECT_EQ(called_tool("my functions.f"), "my functions.f");
}

}  // namespace
}  // namespace perdure
