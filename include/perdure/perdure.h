// Perdure: agents that work long, in your own program. This header is all of the public API.
//
//   #include <perdure/perdure.h>
//
//   struct HealthQuery { std::string service; };
//   NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(HealthQuery, service)
//
//   int main() {
//     perdure::Agent agent({.instructions = "You are an on-call assistant."});
//     agent.add_tool<HealthQuery>(
//         "get_service_health", "Health of a service: status, error rate, p95 latency in ms.",
//         perdure::EffectClass::kRead,
//         [](const HealthQuery& query) { return read_health(query.service); });
//     perdure::RunResult result = agent.run("Checkout fails. Find out why, and act.");
//     std::puts(result.text.c_str());
//     return perdure::exit_status(result.outcome);
//   }
//
// A run is durable from its first event: Agent::resume goes on with it after a crash, a pause or an
// answer. Budgets cap what it may use, a policy what it may do; observers see what happens.
// examples/embed is a complete program.
#pragma once

#include <nlohmann/json.hpp>

#include <perdure/agent.h>
#include <perdure/budget.h>
#include <perdure/config.h>
#include <perdure/event.h>
#include <perdure/json.h>
#include <perdure/model.h>
#include <perdure/policy.h>
#include <perdure/probe.h>
#include <perdure/result.h>
#include <perdure/run.h>
#include <perdure/runtime.h>
#include <perdure/schema.h>
#include <perdure/tool.h>
