// The fragments of streamed tool calls in every form that hosts are known to send: one row for each
// form, named for its fault (N60 to N66) and, where it is known, for the host.
#include "model/tool_call_assembly.h"

#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace perdure {
namespace {

// "ID NAME ARGUMENTS", a line for each call.
std::string lines_of(const ToolCallAssembly& assembly) {
  std::string lines;
  for (const AssembledCall& call : assembly.calls()) {
    lines += fmt::format("{} {} {}\n", call.id.empty() ? "-" : call.id,
                         call.name.empty() ? "-" : call.name,
                         call.arguments.empty() ? "-" : call.arguments);
  }
  return lines;
}

struct AssemblyCase {
  const char* name;
  std::vector<std::string_view> fragments;
  std::string_view calls;
};

void PrintTo(const AssemblyCase& row, std::ostream* out) {
  *out << row.name;
}

class Assembly : public ::testing::TestWithParam<AssemblyCase> {};

TEST_P(Assembly, OfFragments) {
  ToolCallAssembly assembly;
  std::string added;
  std::string assembled;
  for (const std::string_view fragment : GetParam().fragments) {
    json::Reader reader;  // one for each, so that nothing leans on the text of the one before
    const Result<json::Value> value = reader.parse(fragment);
    ASSERT_TRUE(value.ok()) << fragment;
    added += assembly.add(*value);
  }
  EXPECT_EQ(lines_of(assembly), GetParam().calls);
  for (const AssembledCall& call : assembly.calls()) assembled += call.arguments;
  EXPECT_EQ(added.size(), assembled.size()) << "what observers were told of is what was kept";
}

const AssemblyCase kIdCases[] = {
    {"N60_id_on_the_first_fragment_only",
     {R"({"index":0,"id":"a:0","type":"function","function":{"name":"a","arguments":""}})",
      R"({"index":0,"function":{"arguments":"{\"x\""}})",
      R"({"index":0,"function":{"arguments":":1}"}})"},
     "a:0 a {\"x\":1}\n"},
    {"N60_id_repeated_and_name_empty_as_Baseten_sends",
     {R"({"index":0,"id":"functions.a:0","function":{"name":"a","arguments":""}})",
      R"({"index":0,"id":"functions.a:0","function":{"name":"","arguments":"{"}})",
      R"({"index":0,"id":"functions.a:0","function":{"name":"","arguments":"}"}})"},
     "functions.a:0 a {}\n"},
    {"N60_id_and_name_null_later_as_Chutes_sends",
     {R"({"index":0,"id":"functions.a:0","function":{"name":"a","arguments":"{"}})",
      R"({"index":0,"id":null,"function":{"name":null,"arguments":"}"}})"},
     "functions.a:0 a {}\n"},
    {"N60_id_and_name_empty_later",
     {R"({"index":0,"id":"a","function":{"name":"f","arguments":"{"}})",
      R"({"index":0,"id":"","function":{"name":"","arguments":"}"}})"},
     "a f {}\n"},
    {"N60_id_changes_in_each_fragment",
     {R"({"index":0,"id":"a","function":{"name":"f","arguments":""}})",
      R"({"index":0,"id":"b","function":{"arguments":"{\"x\":"}})",
      R"({"index":0,"id":"c","function":{"name":"f","arguments":"1}"}})"},
     "a f {\"x\":1}\n"},
    {"N60_id_changes_in_each_fragment_without_index",
     {R"({"id":"a","function":{"name":"f","arguments":""}})",
      R"({"id":"b","function":{"arguments":"{\"x\":"}})",
      R"({"id":"c","function":{"arguments":"1}"}})"},
     "a f {\"x\":1}\n"},
    {"N60_id_comes_late",
     {R"({"index":0,"function":{"name":"f","arguments":"{"}})",
      R"({"index":0,"id":"a","function":{"arguments":"}"}})"},
     "a f {}\n"},
    {"N60_id_comes_late_without_index",
     {R"({"function":{"name":"f","arguments":"{"}})", R"({"id":"a","function":{"arguments":"}"}})"},
     "a f {}\n"},
    {"N60_id_comes_late_with_the_name_again_and_without_index",
     {R"({"function":{"name":"f","arguments":"{"}})",
      R"({"id":"a","function":{"name":"f","arguments":"}"}})"},
     "a f {}\n"},
    {"N60_id_comes_after_the_arguments",
     {R"({"index":0,"function":{"name":"f","arguments":"{}"}})",
      R"({"index":0,"id":"a","function":{"name":"f","arguments":""}})"},
     "a f {}\n"},
    {"N61_no_id_at_all",
     {R"({"index":0,"function":{"name":"f","arguments":"{}"}})",
      R"({"index":1,"id":"","function":{"name":"g","arguments":"{}"}})",
      R"({"index":2,"id":null,"function":{"name":"h","arguments":"{}"}})"},
     "- f {}\n- g {}\n- h {}\n"},
    {"N62_one_id_for_two_calls_as_llama_cpp_sends",
     {R"({"index":0,"id":"functions.f:0","function":{"name":"f","arguments":"{\"x\":1}"}})",
      R"({"index":1,"id":"functions.f:0","function":{"name":"f","arguments":"{\"x\":2}"}})"},
     "functions.f:0 f {\"x\":1}\nfunctions.f:0 f {\"x\":2}\n"},
    {"N62_one_id_for_two_calls_in_pieces",
     {R"({"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":"}})",
      R"({"index":0,"function":{"arguments":"1}"}})",
      R"({"index":1,"id":"a","function":{"name":"f","arguments":"{\"x\":"}})",
      R"({"index":1,"function":{"arguments":"2}"}})"},
     "a f {\"x\":1}\na f {\"x\":2}\n"},
    {"N62_one_id_for_two_whole_calls_without_index",
     {R"({"id":"a","function":{"name":"f","arguments":"{\"x\":1}"}})",
      R"({"id":"a","function":{"name":"f","arguments":"{\"x\":2}"}})"},
     "a f {\"x\":1}\na f {\"x\":2}\n"},
};
INSTANTIATE_TEST_SUITE_P(Ids, Assembly, ::testing::ValuesIn(kIdCases),
                         [](const auto& row) { return std::string(row.param.name); });

const AssemblyCase kIndexCases[] = {
    {"N63_no_index_whole_calls_as_DeepInfra_sends",
     {R"({"id":"0","type":"function","function":{"name":"add","arguments":"{\"a\":2}"}})",
      R"({"id":"1","type":"function","function":{"name":"mul","arguments":"{\"a\":3}"}})"},
     "0 add {\"a\":2}\n1 mul {\"a\":3}\n"},
    {"N63_no_index_in_pieces",
     {R"({"id":"a","function":{"name":"f","arguments":""}})",
      R"({"function":{"arguments":"{\"x\":1"}})", R"({"function":{"arguments":"}"}})",
      R"({"id":"b","function":{"name":"g","arguments":"{"}})", R"({"function":{"arguments":"}"}})"},
     "a f {\"x\":1}\nb g {}\n"},
    {"N63_no_index_and_no_id",
     {R"({"function":{"name":"f","arguments":"{"}})", R"({"function":{"arguments":"}"}})",
      R"({"function":{"name":"g","arguments":"{}"}})"},
     "- f {}\n- g {}\n"},
    {"N63_no_index_and_no_id_for_the_same_tool_twice",
     {R"({"function":{"name":"f","arguments":"{\"x\":1}"}})",
      R"({"function":{"name":"f","arguments":"{\"x\":2}"}})"},
     "- f {\"x\":1}\n- f {\"x\":2}\n"},
    {"N63_no_index_interleaved_by_id",
     {R"({"id":"a","function":{"name":"f","arguments":"{\"x\":"}})",
      R"({"id":"b","function":{"name":"g","arguments":"{\"y\":"}})",
      R"({"id":"a","function":{"arguments":"1}"}})", R"({"id":"b","function":{"arguments":"2}"}})"},
     "a f {\"x\":1}\nb g {\"y\":2}\n"},
    {"N63_index_starts_at_1",
     {R"({"index":1,"id":"a","function":{"name":"f","arguments":""}})",
      R"({"index":1,"function":{"arguments":"{}"}})"},
     "a f {}\n"},
    {"N63_index_has_gaps",
     {R"({"index":0,"id":"a","function":{"name":"f","arguments":"{}"}})",
      R"({"index":7,"id":"b","function":{"name":"g","arguments":"{"}})",
      R"({"index":7,"function":{"arguments":"}"}})"},
     "a f {}\nb g {}\n"},
    {"N63_index_as_a_string",
     {R"({"index":"0","id":"a","function":{"name":"f","arguments":"{"}})",
      R"({"index":"1","id":"b","function":{"name":"g","arguments":"{"}})",
      R"({"index":"0","function":{"arguments":"}"}})",
      R"({"index":1,"function":{"arguments":"}"}})"},
     "a f {}\nb g {}\n"},
    {"N63_index_is_no_number",
     {R"({"index":"first","id":"a","function":{"name":"f","arguments":"{"}})",
      R"({"index":"first","function":{"arguments":"}"}})"},
     "a f {}\n"},
    {"N63_two_whole_calls_under_index_0_as_Ollama_sends",
     {R"({"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":1}"}})",
      R"({"index":0,"id":"b","function":{"name":"f","arguments":"{\"x\":2}"}})"},
     "a f {\"x\":1}\nb f {\"x\":2}\n"},
    {"N63_two_calls_under_index_0_in_pieces",
     {R"({"index":0,"id":"a","function":{"name":"f","arguments":""}})",
      R"({"index":0,"function":{"arguments":"{}"}})",
      R"({"index":0,"id":"b","function":{"name":"g","arguments":""}})",
      R"({"index":0,"function":{"arguments":"{\"y\":2}"}})"},
     "a f {}\nb g {\"y\":2}\n"},
    {"N63_two_calls_under_index_0_without_ids",
     {R"({"index":0,"function":{"name":"f","arguments":"{\"x\":1}"}})",
      R"({"index":0,"function":{"name":"f","arguments":"{\"x\":2}"}})"},
     "- f {\"x\":1}\n- f {\"x\":2}\n"},
    {"N63_two_calls_without_arguments_under_index_0",
     {R"({"index":0,"id":"a","function":{"name":"f","arguments":""}})",
      R"({"index":0,"id":"b","function":{"name":"g","arguments":""}})"},
     "a f -\nb g -\n"},
    {"N63_head_of_the_second_call_under_index_0_and_its_tail_under_1",
     {R"({"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":1}"}})",
      R"({"index":0,"id":"b","function":{"name":"g","arguments":"{\"y\":"}})",
      R"({"index":1,"function":{"arguments":"2}"}})"},
     "a f {\"x\":1}\nb g {\"y\":2}\n"},
    {"N63_index_changes_but_the_id_stays",
     {R"({"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":"}})",
      R"({"index":1,"id":"a","function":{"arguments":"1}"}})"},
     "a f {\"x\":1}\n"},
    {"N63_last_piece_under_the_next_index",
     {R"({"index":0,"id":"a","function":{"name":"f","arguments":""}})",
      R"({"index":0,"function":{"arguments":"{\"x\":"}})",
      R"({"index":1,"function":{"arguments":"1}"}})"},
     "a f {\"x\":1}\n"},
    {"N64_interleaved",
     {R"({"index":0,"id":"a","function":{"name":"f","arguments":""}})",
      R"({"index":1,"id":"b","function":{"name":"g","arguments":""}})",
      R"({"index":1,"function":{"arguments":"{\"y\":"}})",
      R"({"index":0,"function":{"arguments":"{\"x\":"}})",
      R"({"index":1,"function":{"arguments":"2}"}})",
      R"({"index":0,"function":{"arguments":"1}"}})"},
     "a f {\"x\":1}\nb g {\"y\":2}\n"},
    {"N64_the_second_call_ends_first",
     {R"({"index":0,"id":"a","function":{"name":"f","arguments":"{"}})",
      R"({"index":1,"id":"b","function":{"name":"g","arguments":"{}"}})",
      R"({"index":0,"function":{"arguments":"}"}})"},
     "a f {}\nb g {}\n"},
};
INSTANTIATE_TEST_SUITE_P(Indices, Assembly, ::testing::ValuesIn(kIndexCases),
                         [](const auto& row) { return std::string(row.param.name); });

const AssemblyCase kNameCases[] = {
    {"N65_name_in_pieces",
     {R"({"index":0,"id":"a","function":{"name":"get_"}})",
      R"({"index":0,"function":{"name":"weat"}})",
      R"({"index":0,"function":{"name":"her","arguments":""}})",
      R"({"index":0,"function":{"arguments":"{}"}})"},
     "a get_weather {}\n"},
    {"N65_name_in_single_characters",
     {R"({"index":0,"id":"a","function":{"name":"s"}})", R"({"index":0,"function":{"name":"e"}})",
      R"({"index":0,"function":{"name":"e"}})", R"({"index":0,"function":{"name":"k"}})",
      R"({"index":0,"function":{"arguments":"{}"}})"},
     "a seek {}\n"},
    {"N65_name_grows_in_each_fragment",
     {R"({"index":0,"id":"a","function":{"name":"get"}})",
      R"({"index":0,"function":{"name":"get_weather"}})",
      R"({"index":0,"function":{"name":"get_weather","arguments":"{}"}})"},
     "a get_weather {}\n"},
    {"N65_name_repeated_in_each_fragment",
     {R"({"index":0,"id":"a","function":{"name":"f","arguments":""}})",
      R"({"index":0,"function":{"name":"f","arguments":"{\"x\""}})",
      R"({"index":0,"function":{"name":"f","arguments":":1}"}})",
      R"({"index":0,"function":{"name":"f","arguments":""}})"},
     "a f {\"x\":1}\n"},
    {"N65_arguments_before_the_name",
     {R"({"index":0,"id":"a","function":{"arguments":"{\"x\":"}})",
      R"({"index":0,"function":{"arguments":"1}"}})", R"({"index":0,"function":{"name":"f"}})"},
     "a f {\"x\":1}\n"},
    {"N66_no_arguments_on_the_first_fragment_as_Fireworks_sends",
     {R"({"index":0,"id":"functions.a:0","type":"function","function":{"name":"a"}})",
      R"({"index":0,"id":null,"type":"function","function":{"arguments":"{}"}})"},
     "functions.a:0 a {}\n"},
    {"N66_arguments_null",
     {R"({"index":0,"id":"a","function":{"name":"f","arguments":null}})",
      R"({"index":0,"id":"a","function":{"name":null,"arguments":null}})"},
     "a f -\n"},
    {"N66_arguments_as_an_object",
     {R"({"index":0,"id":"a","function":{"name":"f","arguments":{"x": [1, "é"]}}})"},
     "a f {\"x\":[1,\"é\"]}\n"},
    {"N66_arguments_as_a_list_are_not_taken_for_none",
     {R"({"index":0,"id":"a","function":{"name":"f","arguments":[1]}})"},
     "a f [1]\n"},
    {"N66_arguments_as_a_number_are_not_taken_for_none",
     {R"({"index":0,"id":"a","function":{"name":"f","arguments":false}})"},
     "a f false\n"},
    {"N66_arguments_cut_behind_a_backslash",
     {R"({"index":0,"id":"a","function":{"name":"f","arguments":"{\"p\":\"a\\"}})",
      R"({"index":0,"function":{"arguments":"nb\"}"}})"},
     "a f {\"p\":\"a\\nb\"}\n"},
    {"N66_whole_arguments_sent_again_are_the_same_call",
     {R"({"index":0,"id":"a","function":{"name":"f","arguments":""}})",
      R"({"index":0,"function":{"arguments":"{\"x\":1}"}})",
      R"({"index":0,"function":{"arguments":"{\"x\":1}"}})"},
     "a f {\"x\":1}\n"},
    {"N66_a_summary_at_the_end_is_the_same_call",
     {R"({"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":"}})",
      R"({"index":0,"id":"a","function":{"arguments":"1}"}})",
      R"({"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":1}"}})"},
     "a f {\"x\":1}\n"},
    {"N66_equal_pieces_are_both_kept",
     {R"({"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":\""}})",
      R"({"index":0,"function":{"arguments":"ha"}})",
      R"({"index":0,"function":{"arguments":"ha"}})",
      R"({"index":0,"function":{"arguments":"\"}"}})"},
     "a f {\"x\":\"haha\"}\n"},
    {"N67_more_after_the_end_spoils_the_call",
     {R"({"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":1}"}})",
      R"({"index":0,"function":{"arguments":"}"}})"},
     "a f {\"x\":1}}\n"},
    {"N71_nothing_in_the_fragment",
     {R"({})", R"({"index":0,"id":"a","function":{"name":"f"}})", R"({"index":0})"},
     "a f -\n"},
    {"N71_function_is_null",
     {R"({"index":0,"id":"a","function":null})", R"({"index":0,"function":{"name":"f"}})"},
     "a f -\n"},
};
INSTANTIATE_TEST_SUITE_P(NamesAndArguments, Assembly, ::testing::ValuesIn(kNameCases),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(ToolCallAssembly, KeepsUnknownMembersOfACall) {
  ToolCallAssembly assembly;
  json::Reader reader;
  for (const std::string_view fragment :
       {R"({"index":0,"id":"a","type":"function","extra_content":{"signature":"s1"},
             "note":"one","function":{"name":"f"}})",
        R"({"index":0,"type":"function","extra_content":{"signature":"s2"},
             "note":" two","seen":null})",
        R"({"index":0,"note":"","function":{"arguments":"{}"}})"}) {
    assembly.add(*reader.parse(fragment));
  }
  ASSERT_EQ(assembly.calls().size(), 1U);
  const std::vector<std::pair<std::string, std::string>> extras = {
      {"extra_content", R"({"signature":"s2"})"}, {"note", R"("one two")"}};
  EXPECT_EQ(assembly.calls()[0].extras, extras);
}

TEST(ToolCallAssembly, TakesEachElementOfAWholeMessageForACall) {
  ToolCallAssembly assembly;
  json::Reader reader;
  for (const std::string_view element :
       {R"({"id":"a","function":{"name":"f","arguments":"{\"cut"}})",
        R"({"id":"a","function":{"name":"f","arguments":""}})",
        R"({"function":{"name":"g","arguments":""}})", R"({"function":{"arguments":"{}"}})"}) {
    assembly.add_whole(*reader.parse(element));
  }
  EXPECT_EQ(lines_of(assembly), "a f {\"cut\na f -\n- g -\n- - {}\n");
}

TEST(ToolCallAssembly, MapsTheLegacyFunctionCall) {  // N73
  ToolCallAssembly assembly;
  json::Reader reader;
  for (const std::string_view function :
       {R"({"name":"f","arguments":""})", R"({"arguments":"{\"x\":"})", R"({"arguments":"1}"})"}) {
    assembly.add_function_call(*reader.parse(function));
  }
  EXPECT_EQ(lines_of(assembly), "- f {\"x\":1}\n");
}

// N49: one hundred thousand one-character pieces, each with the name again, give what one gives.
TEST(ToolCallAssembly, DoesNotDependOnTheSizeOfThePieces) {
  ToolCallAssembly assembly;
  json::Reader reader;
  std::string arguments = R"({"text":")";
  for (int i = 0; i < 33'000; ++i) arguments += "a}b";
  arguments += R"("})";
  for (const char c : arguments) {
    const std::string piece = c == '"' ? "\\\"" : std::string(1, c);
    const std::string fragment =
        fmt::format(R"({{"index":0,"function":{{"name":"f","arguments":"{}"}}}})", piece);
    assembly.add(*reader.parse(fragment));
  }
  ASSERT_EQ(assembly.calls().size(), 1U);
  EXPECT_EQ(assembly.calls()[0].arguments, arguments);
}

}  // namespace
}  // namespace perdure
