// From the options of an agent to what its runs share: the endpoint, the tools with their schemas,
// and how the model is told of them.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include <perdure/agent.h>
#include <perdure/result.h>

#include "runtime/engine.h"
#include "runtime/run_driver.h"

namespace perdure {

/// A tool that the embedding program added.
struct FunctionTool {
  ToolSpec spec;
  ToolFunction function;
};

/// Adds a tool to a registry. Errors: as Registry::add, with the name of the tool where it says
/// where in the schema: a file has a line for that, a tool that is given in code its name.
Status add_to(Registry& registry, Tool tool);

/// Errors: kInvalidArgument for a number out of its range, kConfig for tools, and those of finding
/// the model.
Result<std::shared_ptr<const AgentParts>> make_agent_parts(
    Engine& engine, const AgentOptions& options, const std::vector<FunctionTool>& functions);

/// The same without keys and without asking anybody, for requests that are not sent: tools that
/// come from elsewhere, functions and formulas, are missing.
Result<std::shared_ptr<AgentParts>> make_offline_parts(Engine& engine, const AgentOptions& options);

/// Where requests of the agent itself go, or of one of its fallbacks. Another host or address gets
/// neither address nor key of the agent.
EndpointOptions endpoint_options(const AgentOptions& agent, const FallbackEndpoint* fallback);

/// `caps` over `base`, cap by cap.
Budget overlay(Budget base, const Budget& caps);

/// One for each endpoint. Errors: those of ChatRequest::make().
Result<std::vector<ChatRequest>> make_requests(const AgentParts& parts, const std::string& run_id,
                                               const std::shared_ptr<MediaLibrary>& media);

/// What each endpoint is sent of what others wrote.
Histories make_histories(const AgentParts& parts, const std::vector<ChatRequest>& requests);

/// What is planned with at each endpoint: window, prices and the head's size. Errors:
/// kInvalidArgument for a cap out of its range, kConfig for a budget that cannot be held.
Result<std::vector<EndpointPlan>> make_plans(const AgentParts& parts,
                                             const std::vector<ChatRequest>& requests,
                                             const Budget& budget);

}  // namespace perdure
