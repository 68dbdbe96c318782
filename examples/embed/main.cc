// The incident of ../incident in a program of one's own: typed tools, a budget, a durable run.
// embed DATA [URL]: the folder of the monitoring data, and another endpoint than Moonshot's.
#include <cstdio>
#include <fstream>

#include <perdure/perdure.h>

using perdure::Json;
using enum perdure::EffectClass;

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
  perdure::Agent agent({.base_url = argc > 2 ? argv[2] : "",
                        .instructions = "You are on call. Inspect before you act. Page one person.",
                        .budget = {.steps = 20, .usd = 0.50}});
  // What a tool throws becomes its result: the model reads it and can act on it.
  agent.add_tool<Query>("get_service_health", "Health of a service.", kRead, [&](const Query& q) {
    return Json::parse(std::ifstream(data + "/health.json")).at("services").at(q.service);
  });
  agent.add_tool<Query>("get_deploys", "Deploys of a service today.", kRead, [&](const Query& q) {
    Json deploys = Json::parse(std::ifstream(data + "/deploys.json"));
    std::erase_if(deploys.get_ref<Json::array_t&>(),
                  [&](auto& d) { return d["service"] != q.service; });
    return deploys;
  });
  agent.add_tool<Query>("search_logs", "The log lines of a service.", kRead, [&](const Query& q) {
    std::ifstream logs(data + "/logs.jsonl");
    std::string found;
    for (std::string line; std::getline(logs, line);) {
      if (Json::parse(line)["service"] == q.service) found += line + "\n";
    }
    return found;
  });
  agent.add_tool<Page>("page_engineer", "Page the engineer on call.", kAdditive, [](const Page& p) {
    std::ofstream("pages.txt", std::ios::app) << p.service << ": " << p.summary << '\n';
    return "paged the engineer on call for " + p.service;
  });
  const auto result = agent.run("Checkout fails. Find out why, and act.");
  std::printf("%s\n%s", result.text.c_str(), result.message.c_str());
  return perdure::exit_status(result.outcome);
}
