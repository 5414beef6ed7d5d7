// LayerNorm: sums along the columns of each event; the parameters' gradients are sums over events in a fixed order.
// SPDX-License-Identifier: MIT
#include "engine/ops/layer_norm.h"

#include <algorithm>
#include <cmath>

#include "engine/ops/sums.h"
#include "engine/tensor/vector_for.h"

namespace quench {
namespace {

constexpr std::size_t grain = 64;  // events
constexpr int block = 64;          // columns whose parameters' gradients are summed side by side
constexpr int rows_in_part = 32;   // partial sums of so many events are added up: shorter chains round less

template <class Body>
void for_events(int events, int threads, Body&& body) {
  vector_for(threads, static_cast<std::size_t>(events), grain, [&](std::size_t begin, std::size_t end) {
    for (int i = static_cast<int>(begin); i < static_cast<int>(end); ++i) body(i);
  });
}

void add_parameter_gradients(const Tensor& x, const std::vector<Tensor>& saved, const Tensor& dy, LayerNorm& gradient,
                             int threads) {
  vector_for(threads, static_cast<std::size_t>(x.columns()), block, [&](std::size_t begin, std::size_t end) {
    const int count = static_cast<int>(end - begin);
    for (int first = 0; first < x.rows(); first += rows_in_part) {
      float beta[block] = {}, gamma[block] = {};
      for (int i = first; i < std::min(x.rows(), first + rows_in_part); ++i) {
        const float mean = saved[0].data[static_cast<std::size_t>(i)];
        const float inverse = saved[1].data[static_cast<std::size_t>(i)];
        const float* from = x.row(i) + begin;
        const float* slope = dy.row(i) + begin;
        for (int j = 0; j < count; ++j) {
          beta[j] += slope[j];
          gamma[j] += slope[j] * ((from[j] - mean) * inverse);
        }
      }
      for (int j = 0; j < count; ++j) {
        gradient.beta.data[begin + static_cast<std::size_t>(j)] += beta[j];
        gradient.gamma.data[begin + static_cast<std::size_t>(j)] += gamma[j];
      }
    }
  });
}

}  // namespace

void forward(const LayerNorm& op, const Tensor& x, Tensor& y, std::vector<Tensor>& saved, int threads) {
  const int width = x.columns();
  resize(y, x.rows(), width);
  saved.resize(2);
  for (Tensor& s : saved) resize(s, x.rows(), 1);
  for_events(x.rows(), threads, [&](int i) {
    const float* from = x.row(i);
    float* to = y.row(i);
    const float mean = lane_sum(width, [&](int j) { return from[j]; }) / static_cast<float>(width);
    const float squares = lane_sum(width, [&](int j) { return (from[j] - mean) * (from[j] - mean); });
    const float inverse = 1.0f / std::sqrt(squares / static_cast<float>(width) + op.epsilon);
    saved[0].data[static_cast<std::size_t>(i)] = mean;
    saved[1].data[static_cast<std::size_t>(i)] = inverse;
    const float* gamma = op.gamma.data.data();
    const float* beta = op.beta.data.data();
    for (int j = 0; j < width; ++j) to[j] = (from[j] - mean) * inverse * gamma[j] + beta[j];
  });
}

// With n = (x - mean) / deviation and g = gamma dy: dx = (g - mean of g - n times the mean of g n) / deviation.
void backward(const LayerNorm& op, const Tensor& x, const std::vector<Tensor>& saved, const Tensor& dy, Tensor* dx,
              LayerNorm* gradient, int threads) {
  if (gradient) add_parameter_gradients(x, saved, dy, *gradient, threads);
  if (!dx) return;
  const int width = x.columns();
  resize(*dx, x.rows(), width);
  for_events(x.rows(), threads, [&](int i) {
    const float mean = saved[0].data[static_cast<std::size_t>(i)], inverse = saved[1].data[static_cast<std::size_t>(i)];
    const float* from = x.row(i);
    const float* slope = dy.row(i);
    const float* gamma = op.gamma.data.data();
    float* to = dx->row(i);
    const float share = 1.0f / static_cast<float>(width);
    const float offset = share * lane_sum(width, [&](int j) { return gamma[j] * slope[j]; });
    const float along =
        share * lane_sum(width, [&](int j) { return gamma[j] * slope[j] * ((from[j] - mean) * inverse); });
    for (int j = 0; j < width; ++j)
      to[j] = inverse * (gamma[j] * slope[j] - offset - (from[j] - mean) * inverse * along);
  });
}

}  // namespace quench
