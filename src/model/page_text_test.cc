// What a person is shown of a body that is no reply (fault N12).
#include "model/page_text.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace perdure {
namespace {

TEST(ReadableStart, ShowsTheWordsOfAPage) {
  struct Row {
    std::string_view body;
    std::string_view shown;
  };
  const Row kRows[] = {
      {"<html><head><title>502 Bad Gateway</title></head>\n<body><center><h1>502 Bad "
       "Gateway</h1></center><hr></body></html>",
       "502 Bad Gateway 502 Bad Gateway"},
      {"<!DOCTYPE html><!-- a > b --><style type=\"x\">h1 { color: red }</style ><p>No "
       "&lt;upstream&gt;&nbsp;&amp; so on</p>",
       "No <upstream> & so on"},
      {"<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>", "AccessDenied"},
      {"<p>Send <3 to a < b</p>", "Send <3 to a < b"},
      {"<SCRIPT>if (a > b) alert(1)</SCRIPT>Hello", "Hello"},
      {"<script>never closed", ""},
      {"<SCRIPT>a</Script>One<style>b</STYLE><script>c</script >Two", "One Two"},
      {"<p", ""},
      {"<", "<"},
      {"upstream   connect\n\n error", "upstream connect error"},
      {"no page: <b>&amp;</b>", "no page: <b>&amp;</b>"},
      {"key sk-0123456789abcdef refused", "key sk-*** refused"},
      {"\x1b[31mred\x1b[0m \xff", "\\x1b[31mred\\x1b[0m \uFFFD"},
      {"", ""},
  };
  for (const Row& row : kRows) EXPECT_EQ(readable_start(row.body), row.shown) << row.body;
}

TEST(ReadableStart, IsBounded) {
  EXPECT_EQ(readable_start(std::string(199, 'x') + "\u00f6 and more"),
            std::string(199, 'x') + "...");
  EXPECT_EQ(readable_start("<p>" + std::string(1'000'000, 'x')), std::string(200, 'x') + "...");
  EXPECT_EQ(readable_start("<style>" + std::string(1'000'000, 'x')), "");
}

}  // namespace
}  // namespace perdure
