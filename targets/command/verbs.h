// The verbs of the quench command: each declares its arguments and does one thing.
// SPDX-License-Identifier: MIT
#pragma once
#include "engine/core/arguments.h"

namespace quench {

struct Command {
  Verb verb;
  int (*run)(const Arguments&);  // exit code; Error and UsageError are caught by main
};

Command run_command();
Command simulate_command();
Command train_command();
Command compress_command();
Command sample_command();
Command evaluate_command();
Command generate_command();
Command search_command();
Command study_command();
Command import_command();
Command inspect_command();
Command targets_command();

}  // namespace quench
