// The integer interpreter: the definition of correct. It runs the same kernels that generated code ships.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <vector>

#include "engine/core/span.h"
#include "engine/model/program.h"
#include "engine/tensor/tensor.h"

namespace quench {

using Words = std::vector<std::uint32_t>;  // a value's elements; codes are int32 in two's complement

// The words of an event number.
Words event_words(std::uint64_t seed, std::uint64_t index);

// Every value of the program, by ValueId, for inputs given in the order of program.inputs. The program must have passed
// check().
std::vector<Words> run_values(const Program&, const std::vector<Words>& inputs);

// Inputs of a shower program for run_batch(): events first .. of `seed` with these incident energies in MeV.
std::vector<Words> program_inputs(const Program&, std::uint64_t seed, std::uint64_t first, Span<const float> energies);

// The same integers for many events at once, faster: inputs and values are [events][length].
std::vector<Words> run_batch(const Program&, const std::vector<Words>& inputs, int events);

// One layer alone: its output for chosen inputs, operand after operand (an operand that stands twice is given twice,
// equal).
Words run_layer(const Program&, const QNode&, const std::vector<Words>& inputs);

// Showers of events first .. first + count - 1 of `seed`, count = energies.size(): energies in and out [count][voxels]
// are counts of program.energy_unit_mev. The bytes do not depend on `threads`.
std::vector<Words> run(const Program&, std::uint64_t seed, std::uint64_t first, Span<const std::uint32_t> energies,
                       int threads = 1);

// Incident energy in MeV -> count, rounded half up; fails when it does not fit 32 bits.
std::uint32_t energy_count(const Program&, double mev);

}  // namespace quench
