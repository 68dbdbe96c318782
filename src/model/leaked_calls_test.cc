// Which text is a tool call that a host left there, which text only looks like it, and what may be
// shown of either while it comes (fault N69).
#include "model/leaked_calls.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace perdure {
namespace {

const std::string kBegin = "<|tool_calls_section_begin|>";
const std::string kEnd = "<|tool_calls_section_end|>";

std::string leaked_call(const std::string& id, const std::string& arguments) {
  return "<|tool_call_begin|>" + id + "<|tool_call_argument_begin|>" + arguments +
         "<|tool_call_end|>";
}

const std::string kCall = leaked_call("functions.f:0", "{}");
const std::string kSection = kBegin + kCall + kEnd;
const std::string kFound = "functions.f:0 f {}\n";

// "ID NAME ARGUMENTS" for each call, then what is left of the text; behind "broken" where it is.
std::string found_in(std::string_view text) {
  const LeakedCalls found = find_leaked_calls(text);
  std::string lines = found.leak == Leak::kBroken ? "broken\n" : "";
  for (const LeakedCall& one : found.calls) {
    lines += one.id + " " + one.name + " " + one.arguments + "\n";
  }
  EXPECT_TRUE(found.leak != Leak::kWhole || !found.calls.empty());
  EXPECT_TRUE(found.leak != Leak::kNone || found.calls.empty());
  return lines + found.text;
}

struct LeakCase {
  const char* name;
  std::string text;
  std::string found;
  std::string shown;  ///< Before the reply has ended.
};

void PrintTo(const LeakCase& row, std::ostream* out) {
  *out << row.name;
}

class LeakedCallsTable : public testing::TestWithParam<LeakCase> {};

TEST_P(LeakedCallsTable, Finds) {
  EXPECT_EQ(found_in(GetParam().text), GetParam().found);
}

// However the text is cut, the same is shown, and nothing of a marker that begins a call.
TEST_P(LeakedCallsTable, ShowsTheSameAtEverySplit) {
  const std::string_view text = GetParam().text;
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    LeakGuard guard;
    std::string shown(guard.release(text.substr(0, cut)));
    shown += guard.release(text);
    EXPECT_EQ(shown, GetParam().shown) << "cut at " << cut;
    EXPECT_EQ(guard.shown(), shown.size());
  }
  LeakGuard guard;
  std::string shown;
  for (std::size_t end = 1; end <= text.size(); ++end) shown += guard.release(text.substr(0, end));
  EXPECT_EQ(shown, GetParam().shown);
}

const LeakCase kWhole[] = {
    {"a_section", kSection, kFound, ""},
    {"behind_text", "I look.\n" + kSection, kFound + "I look.\n", "I look.\n"},
    {"text_behind_it", "a " + kSection + " b", kFound + "a  b", "a "},
    {"two_calls",
     kBegin + kCall + "\n" + leaked_call("functions.my.g:12", R"({"a":[1,{}]})") + kEnd,
     kFound + "functions.my.g:12 my.g {\"a\":[1,{}]}\n", ""},
    {"two_sections", kSection + "\n" + kSection, kFound + kFound + "\n", ""},
    {"singular_marks", "<|tool_call_section_begin|>" + kCall + "<|tool_call_section_end|>", kFound,
     ""},
    {"a_call_alone", "So:" + kCall, kFound + "So:", "So:"},
    {"the_first_mark_was_swallowed", kCall + kEnd, kFound, ""},
    {"white_space_between_all",
     kBegin +
         "\n<|tool_call_begin|> functions.f:0 \n<|tool_call_argument_begin|> {}\n"
         "<|tool_call_end|>\n" +
         kEnd + "\n",
     kFound + "\n", ""},
    {"the_mark_of_the_end_of_the_message", kSection + "<|im_end|>", kFound, ""},
    {"an_id_of_another_form", kBegin + leaked_call("f:0", "{}") + kEnd, "f:0 f {}\n", ""},
    {"no_arguments", kBegin + leaked_call("functions.f:0", "") + kEnd, "functions.f:0 f \n", ""},
    {"marks_in_a_string_of_the_arguments",
     kBegin + leaked_call("functions.f:0", R"({"a":"\"}<|tool_call_end|>)" + kSection + R"("})") +
         kEnd,
     R"(functions.f:0 f {"a":"\"}<|tool_call_end|>)" + kSection + "\"}\n", ""},
    {"an_open_think_block", "<think>I look" + kSection, kFound + "<think>I look</think>",
     "<think>I look"},
    {"a_think_block_that_is_closed_behind_it", "<think>I look" + kSection + "</think>\n",
     kFound + "<think>I look</think>\n", "<think>I look"},
    {"behind_a_think_block", "<think>Hm.</think>" + kSection, kFound + "<think>Hm.</think>",
     "<think>Hm.</think>"},
    {"behind_a_code_block", "```\nls\n```\n" + kSection, kFound + "```\nls\n```\n",
     "```\nls\n```\n"},
    {"behind_a_fence_that_stays_open", "```\nls\n" + kSection, kFound + "```\nls\n", "```\nls\n"},
    {"behind_a_code_span", "I use `ls`: " + kSection, kFound + "I use `ls`: ", "I use `ls`: "},
    {"behind_a_call_with_a_fence_in_its_arguments",
     kBegin + leaked_call("functions.f:0", R"({"a":"```"})") + kEnd + kSection + "```",
     "functions.f:0 f {\"a\":\"```\"}\n" + kFound + "```", ""},
    {"behind_a_mention", "`" + kBegin + "` or " + kSection, kFound + "`" + kBegin + "` or ",
     "`" + kBegin + "` or "},
};
INSTANTIATE_TEST_SUITE_P(Whole, LeakedCallsTable, testing::ValuesIn(kWhole),
                         [](const auto& row) { return std::string(row.param.name); });

const LeakCase kBroken[] = {
    {"nothing_behind_the_mark_of_the_section", "I look." + kBegin, "broken\nI look.", "I look."},
    {"nothing_behind_the_mark_of_a_call", "I look.<|tool_call_begin|>", "broken\nI look.",
     "I look."},
    {"cut_in_a_mark", "I look." + kBegin + "<|tool_call", "broken\nI look.", "I look."},
    {"cut_in_the_id", "a<|tool_call_begin|>functions.f", "broken\na", "a"},
    {"cut_in_the_arguments", "a<|tool_call_begin|>functions.f:0<|tool_call_argument_begin|>{\"a",
     "broken\nfunctions.f:0 f {\"a\na", "a"},
    {"cut_in_a_string_that_holds_a_section",
     kBegin +
         "<|tool_call_begin|>functions.f:0<|tool_call_argument_begin|>{\"a\":\"<|tool_call_"
         "end|>" +
         kSection,
     "broken\nfunctions.f:0 f {\"a\":\"<|tool_call_end|>" + kSection + "\n", ""},
    {"cut_behind_a_call", kBegin + kCall, "broken\n" + kFound, ""},
    {"cut_in_the_second_call", kBegin + kCall + "<|tool_call_begin|>functions.g:1",
     "broken\n" + kFound, ""},
    {"the_second_section_is_cut", "a" + kSection + "b" + kBegin + kCall,
     "broken\n" + kFound + kFound + "ab", "a"},
    {"a_section_without_a_call", kBegin + kEnd, "broken\n", ""},
    {"text_in_the_section", kBegin + kCall + "and" + kEnd, "broken\n" + kFound, ""},
    {"one_brace_too_many", kBegin + leaked_call("functions.f:0", "{}}") + kEnd, "broken\n" + kFound,
     ""},
    {"arguments_that_are_no_object", kBegin + leaked_call("functions.f:0", "[1]") + kEnd,
     "broken\nfunctions.f:0 f \n", ""},
    {"an_id_without_a_number", kBegin + leaked_call("call_abc", "{}") + kEnd, "broken\n", ""},
    {"an_id_without_a_name", kBegin + leaked_call("functions.:0", "{}") + kEnd, "broken\n", ""},
    {"in_an_open_think_block", "<think>a" + kBegin + kCall, "broken\n" + kFound + "<think>a",
     "<think>a"},
};
INSTANTIATE_TEST_SUITE_P(Broken, LeakedCallsTable, testing::ValuesIn(kBroken),
                         [](const auto& row) { return std::string(row.param.name); });

LeakCase text_case(const char* name, const std::string& text) {
  return {.name = name, .text = text, .found = text, .shown = text};
}

const LeakCase kTextCases[] = {
    text_case("empty", ""),
    text_case("angle_brackets",
              "if a < b and <b> or <|x|> then <<|tool_c"
              "at|>"),
    text_case("a_mark_in_a_code_span", "It begins with `" + kBegin + "`."),
    text_case("the_mark_of_a_call_in_a_code_span", "Look for `<|tool_call_begin|>`."),
    text_case("a_mark_in_prose", "The marker " + kBegin + " opens a section."),
    text_case("marks_without_a_begin",
              "x<|tool_call_end|>" + kEnd + "<|tool_call_argument_begin|>"),
    text_case("too_long_an_id", "<|tool_call_begin|>" + std::string(300, 'x') + " ends"),
    {"a_part_of_a_mark_at_the_end", "a <|tool_call", "a <|tool_call", "a "},
    {"a_code_block", "So:\n```\n" + kSection + "\n```\n", "So:\n```\n" + kSection + "\n```\n",
     "So:\n```\n"},
    {"a_section_cut_short_in_a_code_block", "```\n" + kBegin + kCall + "\n```",
     "```\n" + kBegin + kCall + "\n```", "```\n"},
    {"a_code_span", "Write `" + kSection + "`.", "Write `" + kSection + "`.", "Write `"},
    {"a_form_in_a_code_span", "Write `" + leaked_call("functions.name:idx", "{json}") + "`.",
     "Write `" + leaked_call("functions.name:idx", "{json}") + "`.", "Write `"},
    {"thinking_that_an_answer_follows", "<think>Maybe " + kSection + "</think>It is 4.",
     "<think>Maybe " + kSection + "</think>It is 4.", "<think>Maybe "},
};
INSTANTIATE_TEST_SUITE_P(Text, LeakedCallsTable, testing::ValuesIn(kTextCases),
                         [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace perdure
