// The options of perdure probe.
#include <cmath>

#include <CLI/App.hpp>

#include "cli/arguments.h"
#include "cli/option_readers.h"

namespace perdure::cli {

void declare_probe(CLI::App& app, Arguments& arguments) {
  RunArguments& run = arguments.run;
  ProbeArguments& probe = arguments.probe;
  add_words(app, "ENDPOINT", probe.endpoint,
            "A host profile, like vllm, or an address, like http://gpu-box:8000/v1")
      ->required();
  single(app.add_option("--model", run.model, "Model to ask; needed where the host serves several"))
      ->type_name("NAME");
  single(app.add_option("--host", run.host, "With an address: the host profile to begin with"))
      ->type_name("NAME");
  single(app.add_option("--key-env", probe.key_variable,
                        "Environment variable that holds the key (default: the profile's)"))
      ->type_name("VARIABLE");
  single(app.add_option("--out", probe.out,
                        "Write the profile here, not into the folder of profiles; its id is the "
                        "file's name"))
      ->type_name("FILE");
  add_read(
      app, "--max-cost", "USD", "an amount above 0, like 2.50",
      [&run](const std::string& text) {
        run.budget.usd = parse_number<double>(text);
        return run.budget.usd && *run.budget.usd > 0 && std::isfinite(*run.budget.usd);
      },
      "Ask nothing more that could bring the cost above USD");
  add_count(app, "--max-tokens", run.budget.output_tokens,
            "Ask nothing more that could bring the output above N tokens");
  add_output(app, run, "text, or json (one record with all that was found)");
  app.add_flag("--yes,-y", run.yes, "Overwrite a profile that a person wrote without asking");
  app.footer(
      "Examples:\n"
      "  perdure probe http://gpu-box:8000/v1\n"
      "      what that server speaks; its profile is gpu-box-8000\n"
      "  perdure probe http://gpu-box:8000/v1 --host vllm --model kimi-k2.6\n"
      "      beginning with what is known of vLLM\n"
      "  perdure probe moonshot --model kimi-k3 --max-cost 0.50\n"
      "\n"
      "Asks 27 small questions in some 40 requests, and writes what it found to\n"
      "CONFIG/hosts/ID.toml (docs/profiles.md). Runs there use it from then on. A\n"
      "question that is not answered leaves its line as it was; ask again later.");
}

}  // namespace perdure::cli
