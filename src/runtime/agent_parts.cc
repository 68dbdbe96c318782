#include "runtime/agent_parts.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "core/budget.h"
#include "json/parse.h"
#include "model/schema_dialect.h"
#include "runtime/formulas.h"
#include "runtime/option_ranges.h"
#include "tools/builtin/builtin.h"
#include "tools/command_tool.h"
#include "tools/host_function.h"

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
    Result<Tool> tool =
        is_host_function(name) ? make_host_function(name) : make_builtin(name, builtin);
    if (!tool.ok()) return tool.error();
    if (Status status = add_to(registry, std::move(*tool)); !status.ok()) return status;
  }
  for (const CommandTool& command : options.commands) {
    Result<Tool> tool = make_command_tool(command);
    if (!tool.ok()) return tool.error();
    if (Status status = add_to(registry, std::move(*tool)); !status.ok()) return status;
  }
  for (const FunctionTool& function : functions) {
    if (Status status = add_to(registry, make_function_tool(function)); !status.ok()) return status;
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
                            .parameters = json::dump(schema->schema),
                            .by_host = tool->by_host});
  }
  return declarations;
}

Status check_host_functions(const Registry& registry, const HostProfile& host) {
  for (const auto& tool : registry.tools()) {
    if (!tool->by_host || host.host_functions.count(tool->spec.name) > 0) continue;
    std::vector<std::string> names;
    for (const auto& [name, usd] : host.host_functions) names.push_back(name);
    return Error{.code = ErrorCode::kUnsupported,
                 .message = fmt::format("tool '{}' is run by the host itself, and {} has none of "
                                        "that name",
                                        tool->spec.name, host.name),
                 .advice = names.empty() ? "use --host moonshot, or remove it from 'builtin' of "
                                           "[tools]"
                                         : "it has: " + join(names, ", ")};
  }
  return {};
}

// The tools of formulas are asked for at the agent's own endpoint, and called there.
Status add_formulas(AgentParts& parts, const Endpoint& endpoint) {
  for (const std::string& uri : parts.options.formulas) {
    Result<std::vector<Tool>> tools = load_formula(endpoint, uri);
    if (!tools.ok()) return tools.error();
    for (Tool& tool : *tools) {
      if (Status status = parts.registry.add(std::move(tool)); !status.ok()) return status;
    }
  }
  return {};
}

std::string name_of(const FallbackEndpoint& fallback) {
  for (const std::string* name : {&fallback.host, &fallback.base_url, &fallback.model}) {
    if (!name->empty()) return *name;
  }
  return "";
}

// An error of a fallback says of which.
Error of_fallback(Error error, std::string_view name) {
  error.message = fmt::format("fallback '{}': {}", name, error.message);
  return error;
}

bool is_same(const Endpoint& a, const Endpoint& b) {
  return a.host.id == b.host.id && a.base_url == b.base_url && a.wire_model == b.wire_model &&
         a.key.reveal() == b.key.reveal();
}

Status add_endpoint(AgentParts& parts, const Catalog& catalog, const EndpointOptions& options,
                    bool offline) {
  Result<Endpoint> endpoint =
      offline ? catalog.resolve_without_key(options) : catalog.resolve(options);
  if (!endpoint.ok()) return endpoint.error();
  // One that is there already is what a flag chose of the fallbacks: it is not tried twice.
  const bool known =
      std::any_of(parts.endpoints.begin(), parts.endpoints.end(),
                  [&](const EndpointParts& other) { return is_same(other.endpoint, *endpoint); });
  if (known) return {};
  if (Status status = check_host_functions(parts.registry, endpoint->host); !status.ok())
    return status;
  Result<std::vector<ToolDeclaration>> declarations =
      declare(parts.registry, endpoint->host.tool_schema);
  if (!declarations.ok()) return declarations.error();
  parts.endpoints.push_back({.endpoint = std::move(*endpoint),
                             .declarations = std::move(*declarations),
                             .key_file = options.key_file});
  return {};
}

Result<RequestLimits> make_limits(const Endpoint& endpoint, const AgentOptions& options,
                                  const ChatRequest& request, const Budget& budget) {
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
                       .output_tokens_max = options.output_tokens_max,
                       .head_bytes = request.head_bytes(),
                       .price = endpoint.price,
                       .attempts_max = options.attempts_max,
                       .retry_ms = options.timeouts.retry_ms,
                       .parallel_calls_max = options.parallel_calls_max,
                       .calls_max = options.calls_max,
                       .continues = endpoint.host.partial,
                       .told_choice = request.told_choice()};
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

// What went wrong at an endpoint, with its name when it is not the agent's own.
Error at_endpoint(const AgentParts& parts, std::size_t index, const Error& error) {
  return index == 0 ? error : of_fallback(error, parts.endpoints[index].endpoint.host.id);
}

}  // namespace

Status add_to(Registry& registry, Tool tool) {
  const std::string name = tool.spec.name;
  Status status = registry.add(std::move(tool));
  if (status.ok() || status.error().context.empty()) return status;
  Error error = status.error();
  error.context = fmt::format("tool '{}', parameters{}", name, error.context);
  return error;
}

EndpointOptions endpoint_options(const AgentOptions& agent, const FallbackEndpoint* fallback) {
  EndpointOptions options{.model = agent.model,
                          .host = agent.host,
                          .base_url = agent.base_url,
                          .key_file = agent.key_file};
  if (fallback == nullptr) return options;
  if (!fallback->model.empty()) options.model = fallback->model;
  if (!fallback->host.empty() || !fallback->base_url.empty()) {
    options.host = fallback->host;
    options.base_url = fallback->base_url;
    options.key_file = fallback->key_file;
  }
  if (!fallback->key_file.empty()) options.key_file = fallback->key_file;
  return options;
}

namespace {

// Offline, no key is needed, and the tools of formulas are unknown.
Result<std::shared_ptr<AgentParts>> parts_of(Engine& engine, const AgentOptions& options,
                                             const std::vector<FunctionTool>& functions,
                                             bool offline) {
  if (Status status = check_numbers(options, functions); !status.ok()) return status.error();
  const Result<const Catalog*> catalog = engine.catalog();
  if (!catalog.ok()) return catalog.error();
  auto parts = std::make_shared<AgentParts>();
  parts->options = options;
  if (Status status = add_tools(parts->registry, options, functions); !status.ok())
    return status.error();
  if (!options.formulas.empty() && !offline) {
    const Result<Endpoint> own = (*catalog)->resolve(endpoint_options(options, nullptr));
    if (!own.ok()) return own.error();
    if (Status status = add_formulas(*parts, *own); !status.ok()) return status.error();
  }
  Status added = add_endpoint(*parts, **catalog, endpoint_options(options, nullptr), offline);
  if (!added.ok()) return added.error();
  for (const FallbackEndpoint& fallback : options.fallback) {
    added = add_endpoint(*parts, **catalog, endpoint_options(options, &fallback), offline);
    if (!added.ok()) return of_fallback(added.error(), name_of(fallback));
  }
  return parts;
}

}  // namespace

Result<std::shared_ptr<const AgentParts>> make_agent_parts(
    Engine& engine, const AgentOptions& options, const std::vector<FunctionTool>& functions) {
  Result<std::shared_ptr<AgentParts>> parts = parts_of(engine, options, functions, false);
  if (!parts.ok()) return parts.error();
  return std::shared_ptr<const AgentParts>(std::move(*parts));
}

Result<std::shared_ptr<AgentParts>> make_offline_parts(Engine& engine,
                                                       const AgentOptions& options) {
  return parts_of(engine, options, {}, true);
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

Result<std::vector<ChatRequest>> make_requests(const AgentParts& parts, const std::string& run_id,
                                               const std::shared_ptr<MediaLibrary>& media) {
  std::vector<ChatRequest> requests;
  for (std::size_t i = 0; i < parts.endpoints.size(); ++i) {
    Result<ChatRequest> request =
        ChatRequest::make(parts.endpoints[i].endpoint, parts.endpoints[i].declarations,
                          request_options(parts.options, run_id, media));
    if (!request.ok()) return at_endpoint(parts, i, request.error());
    requests.push_back(std::move(*request));
  }
  return requests;
}

Histories make_histories(const AgentParts& parts, const std::vector<ChatRequest>& requests) {
  std::vector<HistoryDialect> dialects;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const Endpoint& endpoint = parts.endpoints[i].endpoint;
    dialects.push_back(endpoint.history_dialect(requests[i].thinking()));
  }
  return Histories(std::move(dialects));
}

Result<std::vector<EndpointPlan>> make_plans(const AgentParts& parts,
                                             const std::vector<ChatRequest>& requests,
                                             const Budget& budget) {
  if (Status status = check_ranges(budget); !status.ok()) return status.error();
  std::vector<EndpointPlan> plans;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const Endpoint& endpoint = parts.endpoints[i].endpoint;
    const Result<RequestLimits> limits = make_limits(endpoint, parts.options, requests[i], budget);
    if (!limits.ok()) return at_endpoint(parts, i, limits.error());
    plans.push_back({.model = endpoint.model_name(),
                     .host = endpoint.host.id,
                     .base_url = endpoint.base_url,
                     .limits = *limits,
                     .prefix = requests[i].prefix()});
  }
  return plans;
}

}  // namespace perdure
