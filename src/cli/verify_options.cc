// The options of `perdure verify`.
#include <cmath>

#include <CLI/App.hpp>
#include <fmt/format.h>

#include "cli/option_readers.h"
#include "verify/verification.h"

namespace perdure::cli {
namespace {

void add_files(CLI::App& app, VerifyArguments& verify) {
  add_words(app, "REQUESTS", verify.requests, "Requests, a chat completions body on each line")
      ->required();
  single(app.add_option("--out", verify.out,
                        "Results, a line for each request (default: results.jsonl)"))
      ->type_name("FILE");
  single(app.add_option("--summary", verify.summary, "Counts and scores (default: summary.json)"))
      ->type_name("FILE");
  single(app.add_option("--reference", verify.reference,
                        "Results of the reference, for the tool-call F1"))
      ->type_name("FILE");
}

void add_limits(CLI::App& app, VerifyArguments& verify) {
  add_read(
      app, "--concurrency", "N", "a whole number from 1 to 1000",
      [&verify](const std::string& text) {
        verify.concurrency = parse_number<std::int64_t>(text);
        return verify.concurrency && *verify.concurrency >= 1 &&
               *verify.concurrency <= verify::kConcurrencyMax;
      },
      "Requests under way at the same time (default: 5)");
  add_read(
      app, "--retries", "N", "a whole number from 0 to 100",
      [&verify](const std::string& text) {
        verify.retries = parse_number<std::int64_t>(text);
        return verify.retries && *verify.retries >= 0 && *verify.retries <= verify::kRetriesMax;
      },
      "How often a request that failed for now is asked again (default: 3)");
  add_read(
      app, "--timeout", "TIME", "a time like 90s, 15m or 2h",
      [&verify](const std::string& text) {
        verify.timeout_ms = parse_duration_ms(text);
        return verify.timeout_ms.has_value();
      },
      "Give up an attempt after this time: 90s, 15m, 2h (default: 1h)");
  add_count(app, "--limit", verify.limit, "The first N requests of the file");
  app.add_flag("--retry-failed", verify.retry_failed, "Ask again what failed before");
}

void add_overrides(CLI::App& app, VerifyArguments& verify) {
  add_read(
      app, "--temperature", "NUMBER", "a number from 0 to 2",
      [&verify](const std::string& text) {
        verify.temperature = parse_number<double>(text);
        return verify.temperature && *verify.temperature >= 0 && *verify.temperature <= 2;
      },
      "Of all requests, instead of what the file says");
  add_count(app, "--max-tokens", verify.max_tokens,
            "Of all requests, instead of what the file says");
  add_read(
      app, "--stream", "MODE", "on or off",
      [&verify](const std::string& text) {
        verify.stream = text == "on";
        return text == "on" || text == "off";
      },
      "on or off, instead of what the file says");
  single(app.add_option("--extra-body", verify.extra_body,
                        "JSON object whose members each request gets on top"))
      ->type_name("JSON");
}

}  // namespace

void declare_verify(CLI::App& app, Arguments& arguments) {
  VerifyArguments& verify = arguments.verify;
  add_files(app, verify);
  add_place(app, arguments.run);
  add_limits(app, verify);
  add_overrides(app, verify);
  add_output(app, arguments.run, "text (a table) or json (one record)");
  app.footer(
      "Examples:\n"
      "  perdure verify samples.jsonl --model kimi-k2.6 --reference official.jsonl\n"
      "  perdure verify samples.jsonl --base-url http://localhost:8000/v1 --model k2 \\\n"
      "      --concurrency 20 --limit 200\n"
      "  perdure verify samples.jsonl --model kimi-k2.6 --retry-failed\n"
      "\n"
      "Requests, results and summary have the formats of the K2 Vendor Verifier\n"
      "(docs/verify.md). The table goes to standard output, everything else to standard\n"
      "error. The same command goes on where the last one stopped: what the results\n"
      "hold is not asked again. Exit status 1 when requests failed.");
}

}  // namespace perdure::cli
