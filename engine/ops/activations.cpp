// Elementwise activations: branch-free loops.
// SPDX-License-Identifier: MIT
#include "engine/ops/activations.h"

#include "engine/core/math.h"
#include "engine/core/parallel_for.h"

namespace quench {
namespace {

constexpr std::size_t grain = 16384;  // elements; below two grains a second thread costs more than it gives

template <class F> void map(const Tensor& x, Tensor& y, int threads, F&& f) {
  resize(y, x.rows(), x.columns());
  parallel_for(threads, x.size(), grain, [&](std::size_t begin, std::size_t end) {
    const float* from = x.data.data();
    float* to = y.data.data();
    for (std::size_t i = begin; i < end; ++i) to[i] = f(from[i]);
  });
}

// dx = slope(value) dy
template <class F> void chain(const Tensor& value, const Tensor& dy, Tensor& dx, int threads, F&& slope) {
  resize(dx, dy.rows(), dy.columns());
  parallel_for(threads, dy.size(), grain, [&](std::size_t begin, std::size_t end) {
    const float* v = value.data.data();
    const float* d = dy.data.data();
    float* to = dx.data.data();
    for (std::size_t i = begin; i < end; ++i) to[i] = slope(v[i]) * d[i];
  });
}

}  // namespace

void forward(const Relu&, const Tensor& x, Tensor& y, int threads) {
  map(x, y, threads, [](float v) { return v > 0.0f ? v : 0.0f; });
}
void forward(const LeakyRelu& op, const Tensor& x, Tensor& y, int threads) {
  map(x, y, threads, [slope = op.slope](float v) { return v * (v > 0.0f ? 1.0f : slope); });
}
void forward(const Sigmoid&, const Tensor& x, Tensor& y, int threads) {
  map(x, y, threads, [](float v) { return sigmoid(v); });
}
void forward(const Tanh&, const Tensor& x, Tensor& y, int threads) {
  map(x, y, threads, [](float v) { return tanh(v); });
}

void backward(const Relu&, const Tensor& x, const Tensor&, const Tensor& dy, Tensor& dx, int threads) {
  chain(x, dy, dx, threads, [](float v) { return v > 0.0f ? 1.0f : 0.0f; });
}
void backward(const LeakyRelu& op, const Tensor& x, const Tensor&, const Tensor& dy, Tensor& dx, int threads) {
  chain(x, dy, dx, threads, [slope = op.slope](float v) { return v > 0.0f ? 1.0f : slope; });
}
void backward(const Sigmoid&, const Tensor&, const Tensor& y, const Tensor& dy, Tensor& dx, int threads) {
  chain(y, dy, dx, threads, [](float v) { return v * (1.0f - v); });
}
void backward(const Tanh&, const Tensor&, const Tensor& y, const Tensor& dy, Tensor& dx, int threads) {
  chain(y, dy, dx, threads, [](float v) { return 1.0f - v * v; });
}

}  // namespace quench
