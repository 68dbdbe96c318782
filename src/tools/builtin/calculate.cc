#include "tools/calculate.h"

#include "json/parse.h"
#include "tools/builtin/arguments.h"
#include "tools/builtin/builtin.h"

namespace perdure {

Tool make_calculate() {
  return {
      .spec =
          {.name = "calculate",
           .description =
               "Exact arithmetic: + - * / // % ** ( ), sqrt abs min max round floor ceil ln log10 "
               "exp sin cos tan, pi, e.",
           .parameters = json::literal(R"({"type":"object","properties":{
                       "expression":{"type":"string","description":"Like (1.2 + 3) * 4 ** 2"}},
                       "required":["expression"],"additionalProperties":false})"),
           .effect = EffectClass::kPure},
      .scope = [](const Json&, const std::string&) -> Result<CallScope> { return CallScope{}; },
      .body = ToolBody([](const Json& arguments, CallContext&) -> ToolOutcome {
        const Result<std::string> value =
            perdure::calculate(text_argument(arguments, "expression"));
        if (!value.ok()) return failure(value.error());
        return {.text = *value};
      })};
}

}  // namespace perdure
