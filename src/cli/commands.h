// The commands of the program. Each takes the arguments, prints, and gives the exit status.
#pragma once

#include "cli/arguments.h"

namespace perdure::cli {

int run_command(const Arguments& arguments);
int resume_command(const Arguments& arguments);
int chat_command(const Arguments& arguments);
int runs_command(const Arguments& arguments);
int show_command(const Arguments& arguments);
int export_command(const Arguments& arguments);
int import_command(const Arguments& arguments);
int verify_log_command(const Arguments& arguments);
int testify_command(const Arguments& arguments);
int gc_command(const Arguments& arguments);
int fork_command(const Arguments& arguments);
int replay_command(const Arguments& arguments);
int models_command(const Arguments& arguments);
int doctor_command(const Arguments& arguments);
int mock_command(const Arguments& arguments);
int probe_command(const Arguments& arguments);
int verify_command(const Arguments& arguments);
int trust_command(const Arguments& arguments);
int completions_command(const Arguments& arguments);

}  // namespace perdure::cli
