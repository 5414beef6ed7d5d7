// The stages of compression in the order that a recipe gives them, or in the usual one.
// SPDX-License-Identifier: MIT
#pragma once
#include <vector>

#include "engine/core/recipe.h"

namespace quench {

enum class StageKind { equalise, prune, tune, tune_quantized, round, restandardise };

struct Stage {
  StageKind kind;
  double sparsity = 0;  // of prune: what the model has behind it
  int steps = 0;        // of tune and tune_quantized
};

const char* stage_name(StageKind);

// Whether compress.stages is "*": the usual order, of the stages that the other keys ask for.
bool usual_stages(const Recipe&);

// compress.stages, each "NAME", "prune:FRACTION" or "tune:STEPS". Fails for a list that contradicts itself or the other
// keys. Batch normalisation is folded before the first stage, and integers are made behind the last.
std::vector<Stage> compression_stages(const Recipe&);

bool has_stage(const std::vector<Stage>&, StageKind);

}  // namespace quench
