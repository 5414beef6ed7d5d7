// Sum and Product: branch-free loops over all elements.
// SPDX-License-Identifier: MIT
#include "engine/ops/elementwise.h"

#include "engine/tensor/vector_for.h"

namespace quench {
namespace {

constexpr std::size_t grain = 16384;  // elements, as for activations

template <class F>
void combine(const Tensor& a, const Tensor& b, Tensor& y, int threads, F&& f) {
  resize(y, a.rows(), a.columns());
  vector_for(threads, a.size(), grain, [&](std::size_t begin, std::size_t end) {
    const float* left = a.data.data();
    const float* right = b.data.data();
    float* to = y.data.data();
    for (std::size_t i = begin; i < end; ++i) to[i] = f(left[i], right[i]);
  });
}

}  // namespace

void forward(const Sum&, const Tensor& a, const Tensor& b, Tensor& y, int threads) {
  combine(a, b, y, threads, [](float u, float v) { return u + v; });
}

void forward(const Product&, const Tensor& a, const Tensor& b, Tensor& y, int threads) {
  combine(a, b, y, threads, [](float u, float v) { return u * v; });
}

void backward(const Product&, const Tensor& other, const Tensor& dy, Tensor& dx, int threads) {
  combine(other, dy, dx, threads, [](float u, float v) { return u * v; });
}

}  // namespace quench
