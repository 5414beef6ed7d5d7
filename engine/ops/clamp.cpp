// Clamp: branch-free loops over all elements.
// SPDX-License-Identifier: MIT
#include "engine/ops/clamp.h"

#include "engine/tensor/vector_for.h"

namespace quench {
namespace {

constexpr std::size_t grain = 16384;  // elements, as for activations

}  // namespace

void forward(const Clamp& op, const Tensor& x, Tensor& y, int threads) {
  resize(y, x.rows(), x.columns());
  vector_for(threads, x.size(), grain, [&](std::size_t begin, std::size_t end) {
    const float* from = x.data.data();
    float* to = y.data.data();
    const float low = op.low, high = op.high;
    for (std::size_t i = begin; i < end; ++i) {
      const float v = from[i] < low ? low : from[i];
      to[i] = v > high ? high : v;
    }
  });
}

void backward(const Clamp& op, const Tensor& x, const Tensor&, const Tensor& dy, Tensor& dx, int threads) {
  resize(dx, dy.rows(), dy.columns());
  vector_for(threads, dy.size(), grain, [&](std::size_t begin, std::size_t end) {
    const float* from = x.data.data();
    const float* slope = dy.data.data();
    float* to = dx.data.data();
    const float low = op.low, high = op.high;
    for (std::size_t i = begin; i < end; ++i) {
      const float above = from[i] >= low ? slope[i] : 0.0f;
      to[i] = from[i] <= high ? above : 0.0f;
    }
  });
}

}  // namespace quench
