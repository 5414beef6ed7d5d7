// Program x Target -> files. Nothing touches disk, clock, locale or environment: equal inputs give equal bytes.
// SPDX-License-Identifier: MIT
#pragma once
#include <map>
#include <string>
#include <vector>

#include "codegen/plan.h"
#include "engine/run/run.h"

namespace quench {

using Files = std::map<std::string, std::string>;  // path -> text

Files emit(const Program&, const Target&, Encoding = Encoding::smallest);

// Fails when the files of a program of this name would replace one that is shipped with it.
void check_name(const std::string& name, const Target&);

// The two emitters behind it.
Files emit_embedded(const Program&, const Plan&, const Target&);
Files emit_hls(const Program&, const Plan&, const Target&);

// Inputs of the events that self-tests, testbenches and example mains make, a pure function of seed and index: incident
// energies spread evenly over the model's range, or feature codes drawn from the event's noise.
std::vector<Words> example_inputs(const Program&, std::uint64_t seed, std::uint64_t index);
struct ExampleEnergies {
  std::uint32_t low, span;  // energy = low + (span * (index * 2654435761 mod 2^32)) / 2^32
};
ExampleEnergies example_energies(const Program&);

// One line about a layer for people: kind, shape, non-zeros, scales, accumulator interval.
std::string describe(const Program&, const QNode&, const DeviceLayer&);

}  // namespace quench
