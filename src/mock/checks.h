// What the endpoint demands of a request when its script is strict. Each check gives the first rule
// that is broken, in the words of the real host where they are known, with the place in the request
// behind them. What the real host ignores silently (a misspelt field, an effort that a model does
// not have) is refused too, and the refusal says so: a mistake must not pass a test.
#pragma once

#include <optional>
#include <string_view>

#include "mock/chat.h"
#include "mock/dialect.h"
#include "mock/files.h"
#include "mock/script.h"

namespace perdure::mock {

struct CheckScope {
  const Chat& chat;
  const MockScript& script;
  const DialectTraits& traits;
  const Files* files = nullptr;  ///< That were uploaded; null: whatever a request names is there.

  bool is_moonshot() const { return script.dialect == MockDialect::kMoonshot; }
};

/// Everything but tools and messages: which fields there are, and their values for this model.
std::optional<Refusal> check_parameters(const CheckScope& scope);

/// The declared tools, also those in system messages, and tool_choice.
std::optional<Refusal> check_tools(const CheckScope& scope);

/// The history: roles, calls and their answers, reasoning, content.
std::optional<Refusal> check_messages(const CheckScope& scope);

/// The images and videos of a history that came as blocks.
std::optional<Refusal> check_block_media(const CheckScope& scope);

/// That the prompt, and the answer that the request allows, fit the window.
std::optional<Refusal> check_window(const CheckScope& scope);

/// The parameters of a function in Moonshot's dialect of JSON Schema; `where` names the tool.
std::optional<Refusal> check_tool_schema(const json::Value& schema, std::string_view where);

}  // namespace perdure::mock
