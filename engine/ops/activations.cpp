// Elementwise activations: branch-free loops.
// SPDX-License-Identifier: MIT
#include "engine/ops/activations.h"

#include <cstdint>

#include "engine/core/math.h"
#include "engine/tensor/vector_for.h"

namespace quench {
namespace {

constexpr std::size_t grain = 16384;  // elements; below two grains a second thread costs more than it gives

template <class F>
void map(const Tensor& x, Tensor& y, int threads, F&& f) {
  resize(y, x.rows(), x.columns());
  vector_for(threads, x.size(), grain, [&](std::size_t begin, std::size_t end) {
    const float* from = x.data.data();
    float* to = y.data.data();
    const auto g = f;  // a copy that no store can reach: its constants stay in registers
    for (std::size_t i = begin; i < end; ++i) to[i] = g(from[i]);
  });
}

// dx = f(value, dy)
template <class F>
void chain(const Tensor& value, const Tensor& dy, Tensor& dx, int threads, F&& f) {
  resize(dx, dy.rows(), dy.columns());
  vector_for(threads, dy.size(), grain, [&](std::size_t begin, std::size_t end) {
    const float* v = value.data.data();
    const float* d = dy.data.data();
    float* to = dx.data.data();
    const auto g = f;
    for (std::size_t i = begin; i < end; ++i) to[i] = g(v[i], d[i]);
  });
}

}  // namespace

void forward(const Relu&, const Tensor& x, Tensor& y, int threads) {
  map(x, y, threads, [](float v) { return v > 0.0f ? v : 0.0f; });
}
void forward(const LeakyRelu& op, const Tensor& x, Tensor& y, int threads) {
  map(x, y, threads, [slope = op.slope](float v) { return (v > 0.0f ? v : 0.0f) + slope * (v < 0.0f ? v : 0.0f); });
}
void forward(const Sigmoid&, const Tensor& x, Tensor& y, int threads) {
  map(x, y, threads, [](float v) { return sigmoid(v); });
}
void forward(const Tanh&, const Tensor& x, Tensor& y, int threads) {
  map(x, y, threads, [](float v) { return tanh(v); });
}

void forward(const Exp&, const Tensor& x, Tensor& y, int threads) {
  map(x, y, threads, [](float v) { return exp(v); });
}
void forward(const Softplus&, const Tensor& x, Tensor& y, int threads) {
  map(x, y, threads, [](float v) { return softplus(v); });
}

void backward(const Relu&, const Tensor& x, const Tensor&, const Tensor& dy, Tensor& dx, int threads) {
  chain(x, dy, dx, threads, [](float v, float d) { return v > 0.0f ? d : 0.0f; });
}
void backward(const LeakyRelu& op, const Tensor& x, const Tensor& y, const Tensor& dy, Tensor& dx, int threads) {
  // The sign bit chooses between the bit patterns of 1 and the slope: a jump would be mispredicted half of the time.
  const std::int32_t one = detail::bits_as<std::int32_t>(1.0f), slope = detail::bits_as<std::int32_t>(op.slope);
  chain(keeps_sign(op) ? y : x, dy, dx, threads, [one, slope](float v, float d) {
    const std::int32_t negative = detail::bits_as<std::int32_t>(v) >> 31;
    return d * detail::bits_as<float>((one & ~negative) | (slope & negative));
  });
}
void backward(const Sigmoid&, const Tensor&, const Tensor& y, const Tensor& dy, Tensor& dx, int threads) {
  chain(y, dy, dx, threads, [](float v, float d) { return v * (1.0f - v) * d; });
}
void backward(const Tanh&, const Tensor&, const Tensor& y, const Tensor& dy, Tensor& dx, int threads) {
  chain(y, dy, dx, threads, [](float v, float d) { return (1.0f - v * v) * d; });
}
void backward(const Exp&, const Tensor&, const Tensor& y, const Tensor& dy, Tensor& dx, int threads) {
  chain(y, dy, dx, threads, [](float v, float d) { return v * d; });
}
void backward(const Softplus&, const Tensor& x, const Tensor&, const Tensor& dy, Tensor& dx, int threads) {
  chain(x, dy, dx, threads, [](float v, float d) { return sigmoid(v) * d; });
}

}  // namespace quench
