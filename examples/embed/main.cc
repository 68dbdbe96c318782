// The incident of ../incident in a program of one's own: typed tools, a budget, a durable run.
// embed DATA [URL]: the folder of the monitoring data, and another endpoint than Moonshot's.
#include <cstdio>
#include <fstream>
#include <string>

#include <perdure/perdure.h>

using perdure::EffectClass, perdure::Json, perdure::ToolContext;
namespace schema = perdure::schema;

struct Query {
  std::string service;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Query, service)

struct Page {
  std::string service, summary;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Page, service, summary)

int main(int argc, char** argv) {
  const std::string data = argc > 1 ? argv[1] : "../incident/data";
  // What a tool throws becomes its result: the model reads it and can act on it.
  const auto read = [&](const char* name) { return Json::parse(std::ifstream(data + "/" + name)); };
  const auto query = schema::object().required("service", schema::string());

  perdure::Agent agent({.name = "incident",
                        .base_url = argc > 2 ? argv[2] : "",
                        .instructions = "You are an on-call assistant. Inspect before you act. "
                                        "Page one engineer at most. Cite numbers and times."});
  agent.add_tool<Query>(
      {"get_service_health", "Status, error rate, p95 latency.", query, EffectClass::kRead},
      [&](const Query& q, ToolContext&) {
        return read("health.json").at("services").at(q.service);
      });
  agent.add_tool<Query>({"get_deploys", "Deploys of a service today.", query, EffectClass::kRead},
                        [&](const Query& q, ToolContext&) {
                          Json found = Json::array();
                          for (const Json& deploy : read("deploys.json")) {
                            if (deploy["service"] == q.service) found.push_back(deploy);
                          }
                          return found;
                        });
  agent.add_tool<Query>({"search_logs", "The log lines of a service.", query, EffectClass::kRead},
                        [&](const Query& q, ToolContext&) {
                          std::ifstream log(data + "/logs.jsonl");
                          std::string found;
                          for (std::string line; std::getline(log, line);) {
                            if (Json::parse(line)["service"] == q.service) found += line + "\n";
                          }
                          return found;
                        });
  agent.add_tool<Page>({.name = "page_engineer",
                        .description = "Page the engineer on call for a service.",
                        .parameters = schema::object()
                                          .required("service", schema::string())
                                          .required("summary", schema::string()),
                        .effect = EffectClass::kAdditive},
                       [](const Page& page, ToolContext& context) {
                         std::ofstream pages(context.workspace + "/pages.txt", std::ios::app);
                         pages << page.service << ": " << page.summary << '\n';
                         return "paged the engineer on call for " + page.service;
                       });

  const perdure::RunResult result =
      agent.run("Checkout fails. Find out why, and act.", {.budget = {.steps = 20, .usd = 0.50}});
  std::printf("%s\n%s", result.text.c_str(), result.message.c_str());
  return perdure::exit_status(result.outcome);
}
