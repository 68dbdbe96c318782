#include "runtime/agent_parts.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/budget.h"
#include "json/parse.h"
#include "model/schema_dialect.h"
#include "runtime/option_ranges.h"
#include "tools/builtin/builtin.h"
#include "tools/command_tool.h"

namespace perdure {
namespace {

Tool make_function_tool(const FunctionTool& added) {
  ToolBody body = [function = added.function](const Json& arguments,
                                              CallContext& context) -> ToolOutcome {
    Result<Json> value = function(arguments, context);
    if (!value.ok()) return failure(value.error());
    return {.text = value->is_string() ? value->get<std::string>() : json::dump(*value)};
  };
  return {.spec = added.spec, .body = std::move(body)};
}

Status add_tools(Registry& registry, const AgentOptions& options,
                 const std::vector<FunctionTool>& functions) {
  const BuiltinOptions builtin{.test_command = options.test_command,
                               .passed_on = options.environment,
                               .command_timeout_ms = options.command_timeout_ms,
                               .test_timeout_ms = options.test_timeout_ms};
  for (const std::string& name : options.tools) {
    Result<Tool> tool = make_builtin(name, builtin);
    if (!tool.ok()) return tool.error();
    if (Status status = registry.add(std::move(*tool)); !status.ok()) return status;
  }
  for (const CommandTool& command : options.commands) {
    Result<Tool> tool = make_command_tool(command);
    if (!tool.ok()) return tool.error();
    if (Status status = registry.add(std::move(*tool)); !status.ok()) return status;
  }
  for (const FunctionTool& function : functions) {
    if (Status status = registry.add(make_function_tool(function)); !status.ok()) return status;
  }
  return {};
}

Status check_numbers(const AgentOptions& options, const std::vector<FunctionTool>& functions) {
  if (Status status = check_ranges(options); !status.ok()) return status;
  if (Status status = check_ranges(options.budget); !status.ok()) return status;
  for (const CommandTool& command : options.commands) {
    if (Status status = check_ranges(command.spec); !status.ok()) return status;
  }
  for (const FunctionTool& function : functions) {
    if (Status status = check_ranges(function.spec); !status.ok()) return status;
  }
  return {};
}

Result<std::vector<ToolDeclaration>> declare(const Registry& registry, SchemaDialect dialect) {
  std::vector<ToolDeclaration> declarations;
  for (const auto& tool : registry.tools()) {
    const Result<NormalizedSchema> schema = normalize_schema(tool->spec.parameters, dialect);
    if (!schema.ok()) {
      Error error = schema.error();
      error.message = fmt::format("tool '{}': {}", tool->spec.name, error.message);
      return error;
    }
    declarations.push_back({.name = tool->spec.name,
                            .description = tool->spec.description,
                            .parameters = json::dump(schema->schema)});
  }
  return declarations;
}

}  // namespace

Result<std::shared_ptr<const AgentParts>> make_agent_parts(
    Engine& engine, const AgentOptions& options, const std::vector<FunctionTool>& functions) {
  if (Status status = check_numbers(options, functions); !status.ok()) return status.error();
  const Result<const Catalog*> catalog = engine.catalog();
  if (!catalog.ok()) return catalog.error();
  Result<Endpoint> endpoint = (*catalog)->resolve({.model = options.model,
                                                   .host = options.host,
                                                   .base_url = options.base_url,
                                                   .key_file = options.key_file});
  if (!endpoint.ok()) return endpoint.error();
  auto parts = std::make_shared<AgentParts>();
  parts->options = options;
  parts->endpoint = std::move(*endpoint);
  if (Status status = add_tools(parts->registry, options, functions); !status.ok())
    return status.error();
  Result<std::vector<ToolDeclaration>> declarations =
      declare(parts->registry, parts->endpoint.host.tool_schema);
  if (!declarations.ok()) return declarations.error();
  parts->declarations = std::move(*declarations);
  return std::shared_ptr<const AgentParts>(std::move(parts));
}

Budget overlay(Budget base, const Budget& caps) {
  if (caps.steps) base.steps = caps.steps;
  if (caps.input_tokens) base.input_tokens = caps.input_tokens;
  if (caps.output_tokens) base.output_tokens = caps.output_tokens;
  if (caps.reasoning_tokens) base.reasoning_tokens = caps.reasoning_tokens;
  if (caps.usd) base.usd = caps.usd;
  if (caps.wall_ms) base.wall_ms = caps.wall_ms;
  return base;
}

Result<RequestLimits> make_limits(const AgentParts& parts, const ChatRequest& request,
                                  const Budget& budget) {
  if (Status status = check_ranges(budget); !status.ok()) return status.error();
  const Endpoint& endpoint = parts.endpoint;
  if (budget.usd && !endpoint.price) {
    return Error{
        .code = ErrorCode::kConfig,
        .message = fmt::format("the price of {} is not known, so a cap on money cannot be held",
                               endpoint.model_name()),
        .advice =
            "give the model a [price] in a profile of your own (docs/profiles.md), or leave the "
            "cap out"};
  }
  RequestLimits limits{.window_tokens = endpoint.model.window_tokens,
                       .output_tokens_max = parts.options.output_tokens_max,
                       .head_bytes = request.head_bytes(),
                       .price = endpoint.price,
                       .attempts_max = parts.options.attempts_max,
                       .parallel_calls_max = parts.options.parallel_calls_max,
                       .calls_max = parts.options.calls_max};
  if (endpoint.output_tokens_max > 0) {
    limits.output_tokens_max = std::min(limits.output_tokens_max, endpoint.output_tokens_max);
  }
  const std::int64_t least = std::min(kOutputTokensMin, limits.output_tokens_max);
  for (const auto& [name, cap] : {std::pair("output tokens", budget.output_tokens),
                                  std::pair("reasoning tokens", budget.reasoning_tokens)}) {
    if (cap && *cap < least) {
      return Error{.code = ErrorCode::kConfig,
                   .message = fmt::format("a cap of {} {} is too small: one reply may need {}",
                                          *cap, name, least),
                   .advice = "raise the cap; a run pauses when less than that is left"};
    }
  }
  return limits;
}

}  // namespace perdure
