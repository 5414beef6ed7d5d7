// What a generated testbench reads: golden events and probes of every layer, all from the reference interpreter.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "engine/run/run.h"

namespace quench {

// Inputs that exercise one layer by itself: every column of a matrix, every entry of a table, both ends of every range,
// and the inputs at which sums, products and rounded values are largest. Probe, operand, element.
std::vector<std::vector<Words>> probe_inputs(const Program&, const QNode&);

// A header line, then one probe a line: the operands' elements and the layer's outputs.
std::string probe_text(const Program&, const QNode&, const std::vector<std::vector<Words>>& probes);

// Golden events: small and large seeds and indices; fewer of them when the program is large.
struct GoldenEvent {
  std::uint64_t seed, index;
};
std::vector<GoldenEvent> golden_events(const Program&);

// A header line, then one event a line: the elements of the value. By ValueId.
std::vector<std::string> golden_texts(const Program&, const std::vector<GoldenEvent>&);

}  // namespace quench
