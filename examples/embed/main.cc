// The incident of ../incident in a program of one's own: typed tools, a budget, a durable run.
// embed DATA [URL]: the folder of the monitoring data, and another endpoint than Moonshot's.
#include <cstdio>
#include <fstream>
#include <string>

#include <perdure/perdure.h>

using perdure::EffectClass, perdure::Json, perdure::ToolContext, perdure::schema::string;

struct Query {
  std::string service;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Query, service)

struct Page {
  std::string service, summary;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Page, service, summary)

// The entries of a service, in a file of one array or of an object a line.
Json entries(const std::string& path, const std::string& service) {
  Json found = Json::array();
  std::ifstream file(path);
  for (Json value; file >> std::ws && !file.eof() && file >> value;) {
    for (const Json& entry : value.is_array() ? value : Json::array({value})) {
      if (entry["service"] == service) found.push_back(entry);
    }
  }
  return found;
}

int main(int argc, char** argv) {
  const std::string data = argc > 1 ? argv[1] : "../incident/data";
  const auto query = perdure::schema::object().required("service", string());
  const auto page =
      perdure::schema::object().required("service", string()).required("summary", string());
  perdure::Agent agent({.name = "incident",
                        .base_url = argc > 2 ? argv[2] : "",
                        .instructions = "You are an on-call assistant. Inspect before you act. "
                                        "Page one engineer at most. Cite numbers and times."});
  // What a tool throws becomes its result: the model reads it and can act on it.
  agent.add_tool<Query>(
      {"get_service_health", "Status, error rate, p95 latency.", query, EffectClass::kRead},
      [&](const Query& q, ToolContext&) {
        return Json::parse(std::ifstream(data + "/health.json")).at("services").at(q.service);
      });
  agent.add_tool<Query>(
      {"get_deploys", "Deploys of a service today.", query, EffectClass::kRead},
      [&](const Query& q, ToolContext&) { return entries(data + "/deploys.json", q.service); });
  agent.add_tool<Query>(
      {"search_logs", "The log lines of a service.", query, EffectClass::kRead},
      [&](const Query& q, ToolContext&) { return entries(data + "/logs.jsonl", q.service); });
  agent.add_tool<Page>(
      {"page_engineer", "Page the engineer on call.", page, EffectClass::kAdditive},
      [](const Page& p, ToolContext& context) {
        std::ofstream pages(context.workspace + "/pages.txt", std::ios::app);
        pages << p.service << ": " << p.summary << '\n';
        return "paged the engineer on call for " + p.service;
      });
  const perdure::RunResult result =
      agent.run("Checkout fails. Find out why, and act.", {.budget = {.steps = 20, .usd = 0.50}});
  std::printf("%s\n%s", result.text.c_str(), result.message.c_str());
  return perdure::exit_status(result.outcome);
}
