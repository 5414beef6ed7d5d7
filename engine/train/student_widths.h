// A student's hidden widths from a budget of bits.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <vector>

#include "engine/train/gan.h"

namespace quench {

// How a student is going to be compressed.
struct SizeBudget {
  std::int64_t bits = 0;  // what it may take
  int weight_bits = 8;
  double sparsity = 0;
};

// The bits of a generator's Linears with these hidden widths and `outputs` outputs: weight_bits for every weight that
// pruning leaves and for every bias. Indices of zeros, scales and tables are not among them.
std::int64_t student_bits(const GanSettings&, const std::vector<int>& hidden, int outputs, const SizeBudget&);

// settings.hidden times the largest common factor (rounded down, at least 1 each, 65536 at most) for which the bits fit
// the budget. Fails when not even widths of 1 do.
std::vector<int> student_widths(const GanSettings&, int outputs, const SizeBudget&);

}  // namespace quench
