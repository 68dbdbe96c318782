#include "mock/conversations.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/support/mock_requests.h"

namespace perdure::mock {
namespace {

RequestPrint print_for(const std::string& body) {
  json::Reader reader;
  const ParsedChat parsed = parse_chat(reader, body);
  EXPECT_FALSE(parsed.refusal);
  return print_of(parsed.chat);
}

std::string hello(int number, std::string_view fields = "") {
  return chat_of(R"({"role":"user","content":")" + std::to_string(number) + R"("})", fields);
}

TEST(Conversations, AreToldApartByOpeningAndKey) {
  const std::string answer = R"(,{"role":"assistant","content":"x"})";
  const RequestPrint first = print_for(chat_of(kHello));
  EXPECT_EQ(print_for(chat_of(std::string(kHello) + answer)).conversation, first.conversation);
  EXPECT_NE(print_for(hello(1)).conversation, first.conversation);
  EXPECT_NE(print_for(chat_of(kHello, R"("prompt_cache_key":"a",)")).conversation,
            first.conversation);
  EXPECT_NE(print_for(chat_of(std::string(kHello) + "," + std::string(kHello))).conversation,
            first.conversation);
}

TEST(Conversations, AreForgottenWhenQuietLongest) {
  ConversationMemory memory(3);
  for (int i = 0; i < 3; ++i) memory.accept(print_for(hello(i)));
  memory.accept(print_for(hello(0)));  // used again
  memory.accept(print_for(hello(3)));
  EXPECT_EQ(memory.size(), 3U);
  EXPECT_NE(memory.find(print_for(hello(0))), nullptr);
  EXPECT_EQ(memory.find(print_for(hello(1))), nullptr);
  EXPECT_NE(memory.find(print_for(hello(2))), nullptr);
  EXPECT_NE(memory.find(print_for(hello(3))), nullptr);
}

TEST(Conversations, ForgetTheirKeyToo) {
  const std::string key = R"("prompt_cache_key":"k",)";
  const std::string began_otherwise = chat_of(
      std::string(kHello) + R"(,{"role":"assistant","content":"x"},)" + std::string(kHello), key);
  json::Reader reader;
  const ParsedChat parsed = parse_chat(reader, began_otherwise);
  const RequestPrint print = print_of(parsed.chat);

  ConversationMemory memory(1);
  memory.accept(print_for(hello(1, key)));
  const std::optional<Refusal> refusal = memory.check_prefix(print, parsed.chat);
  ASSERT_TRUE(refusal);
  EXPECT_NE(refusal->message.find("the messages before the first assistant message"),
            std::string::npos);

  memory.accept(print_for(hello(2)));
  EXPECT_FALSE(memory.check_prefix(print, parsed.chat));
}

}  // namespace
}  // namespace perdure::mock
