// The texts were made by Python 3.11: json.dumps(value, sort_keys=True, ensure_ascii=False).
#include "verify/python_json.h"

#include <gtest/gtest.h>

#include "base/hash.h"
#include "tests/support/json.h"

namespace perdure::verify {
namespace {

using test::parse_json;

struct PythonCase {
  const char* json;
  const char* python;
};

const PythonCase kPythonCases[] = {
    {"{}", "{}"},
    {R"({"b":{},"a":[]})", R"({"a": [], "b": {}})"},
    {R"([null,true,false,-3,18446744073709551615])",
     "[null, true, false, -3, 18446744073709551615]"},
    {R"(["q\"\\\/\n\r\t\f\b\u0001\u007f\u00e4\u4f60"])",
     "[\"q\\\"\\\\/\\n\\r\\t\\f\\b\\u0001\x7f\xC3\xA4\xE4\xBD\xA0\"]"},
    {"[1.0,1e16,1e-5,-0.0,1e15,123456789012345680.0,0.0001,5e-324,1.5e300,0.6]",
     "[1.0, 1e+16, 1e-05, -0.0, 1000000000000000.0, 1.2345678901234568e+17, 0.0001, 5e-324, "
     "1.5e+300, 0.6]"},
};

TEST(PythonJson, WritesWhatPythonDoes) {
  for (const PythonCase& row : kPythonCases)
    EXPECT_EQ(python_json(parse_json(row.json)), row.python);
}

TEST(PythonJson, HasTheHashOfTheFormat) {
  const Json request =
      parse_json(R"({"model":"kimi-k2.6","messages":[{"role":"system",)"
                 R"("content":"Tag: ä你 \"q\" \\ \n\t\u0001"}],)"
                 R"("temperature":0.6,"max_tokens":64000,"stream":true,"tools":null})");
  EXPECT_EQ(md5_hex(python_json(request)), "55bdf3716e685a3bdf82a0babfc2467d");
}

}  // namespace
}  // namespace perdure::verify
