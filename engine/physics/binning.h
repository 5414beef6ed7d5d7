// The bins of each feature: quantiles of the reference, or CaloChallenge's published ranges.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <vector>

#include "engine/physics/metrics.h"
#include "engine/physics/sample.h"

namespace quench {

// The axis of one feature: edges, and what the separation power counts.
struct BinAxis {
  std::vector<double> edges;
  bool logarithmic = false, discrete = false;
  bool only_in_range = false;  // CaloChallenge: what lies outside is dropped
};

// `binning` is quantiles or challenge.
BinAxis feature_axis(const Geometry&, const Observable&, const Sorted<double>& reference, Binning);
BinAxis voxel_axis(const Geometry&, const Sorted<float>& reference, Binning);

Histogram histogram(const BinAxis&, const Sorted<double>&);
Histogram histogram(const BinAxis&, const Sorted<float>&);

// The bins that the separation power compares: those of the histogram and, unless only the range counts, zeros, below
// and above.
std::vector<std::int64_t> counted_bins(const BinAxis&, const Histogram&);

}  // namespace quench
