// Softmax: event by event, group by group, below the group's largest value so that nothing overflows.
// SPDX-License-Identifier: MIT
#include "engine/ops/softmax.h"

#include <algorithm>

#include "engine/core/math.h"
#include "engine/ops/sums.h"
#include "engine/tensor/vector_for.h"

namespace quench {
namespace {

constexpr std::size_t grain = 64;  // events

// Calls body(event, first column, columns) for every group.
template <class Body>
void for_groups(const Softmax& op, int events, int threads, Body&& body) {
  vector_for(threads, static_cast<std::size_t>(events), grain, [&](std::size_t begin, std::size_t end) {
    for (int i = static_cast<int>(begin); i < static_cast<int>(end); ++i) {
      int first = 0;
      for (int columns : op.group_sizes) body(i, first, columns), first += columns;
    }
  });
}

}  // namespace

void forward(const Softmax& op, const Tensor& x, Tensor& y, int threads) {
  resize(y, x.rows(), x.columns());
  for_groups(op, x.rows(), threads, [&](int i, int first, int columns) {
    const float* from = x.row(i) + first;
    float* to = y.row(i) + first;
    const float largest = *std::max_element(from, from + columns);
    for (int j = 0; j < columns; ++j) to[j] = exp(from[j] - largest);
    const float factor = 1.0f / lane_sum(columns, [&](int j) { return to[j]; });
    for (int j = 0; j < columns; ++j) to[j] *= factor;
  });
}

// dx_j = y_j (dy_j - sum of y dy over the group)
void backward(const Softmax& op, const Tensor&, const Tensor& y, const Tensor& dy, Tensor& dx, int threads) {
  resize(dx, y.rows(), y.columns());
  for_groups(op, y.rows(), threads, [&](int i, int first, int columns) {
    const float* share = y.row(i) + first;
    const float* slope = dy.row(i) + first;
    float* to = dx.row(i) + first;
    const float mean = lane_sum(columns, [&](int j) { return share[j] * slope[j]; });
    for (int j = 0; j < columns; ++j) to[j] = share[j] * (slope[j] - mean);
  });
}

}  // namespace quench
