// One width of the model that a search compresses: taught, measured layer by layer, and what its choices take.
// SPDX-License-Identifier: MIT
#pragma once
#include <string>
#include <vector>

#include "engine/compress/sensitivity.h"
#include "targets/command/search_budget.h"
#include "targets/command/study_bench.h"

namespace quench {

struct Width {
  std::string name, path;                                // "full", "70"; the float model
  Model core;                                            // as generator_core() gives it
  std::vector<WidthOption> hidden;                       // neurons, and what the teacher alone loses by so few
  std::vector<LayerSensitivity> layers, layers_in_work;  // costs in stored bits, and in instructions
  Amounts fixed{};  // all but the Linears; of flash the code alone; RAM hardly depends on bits and zeros: all of it
  LayerBytes ram_peak{};
};

// What a program takes besides its Linears: code, noise and tables.
Amounts without_linears(const Width&);

// Everything that a program of these choices takes, as the Linears' costs alone say it.
Amounts estimate(const Width&, const std::vector<std::size_t>& option);

// The bench's model itself.
Width full_width(const StudyBench&, const Budget&);

// Students of as many weights as the model would have with 70 and 50 % of the neurons in each hidden layer, whose
// neurons are where they are missed most; taught where the folder does not keep them already of the same teacher and
// recipe. Of a model whose Linears are no chain, such as a flow, none, with a note on standard error.
std::vector<Width> students(const StudyBench&, const Budget&, const Width& full);

}  // namespace quench
