// Ranges of activations narrower than the largest value seen, where that rounds the others better.
// SPDX-License-Identifier: MIT
#pragma once
#include <string>
#include <vector>

#include "engine/compress/quantize.h"

namespace quench {

// Counts of a value's elements in equal bins on [-reach, reach]; exact zeros, which every code holds, stand apart.
struct ValueHistogram {
  static constexpr int half = 2048;  // bins on either side of 0
  double reach = 0;
  std::vector<double> count = std::vector<double>(2 * half);
  double zeros = 0;

  double edge(int bin) const { return (bin - half) * reach / half; }
};

// Leaves (100 - percent) % of the elements out at either end.
Range percentile_range(const ValueHistogram&, Range, double percent);

// The range, shrunk by one of the factors 1.00, 0.99 .. 0.10, whose codes have the least squared error; v: the codes of
// the whole range.
Range mse_range(const ValueHistogram&, Range, const QValue& v, bool power_of_two);

// The largest value T (Migacz 2017, TensorRT) for which counts of |x| in bins up to T, those beyond added to the last,
// differ least, by Kullback and Leibler, from the same merged into as many levels as |x| has codes; the range is cut at
// -T and T.
Range entropy_range(const ValueHistogram&, Range, const QValue& v);

// calibrate(), then by `method` ("min-max": that is all; "percentile", "mse", "entropy") narrower ranges of the values
// that lie between layers as codes. What ends the network keeps its range: there rare events are physics.
std::vector<Range> calibrate(const Model&, Span<const Tensor> inputs, const QuantizeSettings&,
                             const std::string& method, double percent, int threads);

}  // namespace quench
