// Power iterations, normalised weights and the way back through sigma.
// SPDX-License-Identifier: MIT
#include "engine/train/spectral_norm.h"

#include <algorithm>
#include <cmath>
#include <variant>

#include "engine/core/parallel_for.h"
#include "engine/physics/random.h"
#include "engine/tensor/matmul.h"

namespace quench {
namespace {

constexpr std::size_t grain = 16384;  // weights
constexpr std::size_t row_grain = 16;
constexpr double smallest = 1e-12;    // of a norm that is divided by: an all-zero W stays zero
constexpr int start_iterations = 20;  // so that the first steps do not divide by a sigma far too small

double dot(const float* a, const float* b, int count) {
  double sum = 0;
  for (int k = 0; k < count; ++k) sum += static_cast<double>(a[k]) * static_cast<double>(b[k]);
  return sum;
}

void normalise(Tensor& t) {
  const double norm = std::sqrt(dot(t.data.data(), t.data.data(), static_cast<int>(t.size())));
  const float inverse = static_cast<float>(1 / std::max(norm, smallest));
  for (float& x : t.data) x *= inverse;
}

// W v as a row.
void times(const Tensor& w, const Tensor& v, Tensor& product, int threads) {
  resize(product, 1, w.rows());
  matmul(matrix(w.data.data(), w.columns()), matrix(v.data.data(), 1), w.rows(), 1, w.columns(), from_zero(),
         product.data.data(), threads);
}

void power_iteration(const Tensor& w, Tensor& u, Tensor& v, int threads) {
  resize(v, 1, w.columns());
  matmul(matrix(u.data.data(), w.rows()), matrix(w.data.data(), w.columns()), 1, w.columns(), w.rows(), from_zero(),
         v.data.data(), threads);
  normalise(v);
  times(w, v, u, threads);
  normalise(u);
}

// f(node index, number of the Linear, Linear)
template <class F>
void for_each_linear(const Model& model, F&& f) {
  std::size_t k = 0;
  for (std::size_t i = 0; i < model.nodes.size(); ++i)
    if (const Linear* op = std::get_if<Linear>(&model.nodes[i].op)) f(i, k++, *op);
}

}  // namespace

std::vector<Tensor> start_spectral(const Model& model, std::uint64_t seed) {
  std::vector<Tensor> all;
  for_each_linear(model, [&](std::size_t, std::size_t k, const Linear& op) {
    Random random(seed, k, 0);
    Tensor u = zeros({1, op.weight.rows()}), v;
    for (float& x : u.data) x = static_cast<float>(normal(random));
    for (int i = 0; i < start_iterations; ++i) power_iteration(op.weight, u, v, 1);
    all.push_back(u);
  });
  return all;
}

void refresh_spectral(const Model& model, const std::vector<Tensor>& u, SpectralSpace& space, int threads) {
  if (space.normalised.nodes.size() != model.nodes.size()) space.normalised = model;
  space.sigma.resize(u.size());
  for_each_linear(model, [&](std::size_t i, std::size_t k, const Linear& op) {
    times(op.weight, space.v[k], space.product, threads);
    const double sigma = dot(u[k].data.data(), space.product.data.data(), op.weight.rows());
    space.sigma[k] = std::max(sigma, smallest);
    const float inverse = static_cast<float>(1 / space.sigma[k]);
    Linear& to = std::get<Linear>(space.normalised.nodes[i].op);
    parallel_for(threads, op.weight.size(), grain, [&](std::size_t begin, std::size_t end) {
      for (std::size_t j = begin; j < end; ++j) to.weight.data[j] = op.weight.data[j] * inverse;
    });
    std::copy(op.bias.data.begin(), op.bias.data.end(), to.bias.data.begin());
  });
}

void iterate_spectral(const Model& model, std::vector<Tensor>& u, SpectralSpace& space, int threads) {
  space.v.resize(u.size());
  for_each_linear(model, [&](std::size_t, std::size_t k, const Linear& op) {
    power_iteration(op.weight, u[k], space.v[k], threads);
  });
  refresh_spectral(model, u, space, threads);
}

void spectral_gradient(const std::vector<Tensor>& u, SpectralSpace& space, Model& gradient, int threads) {
  for_each_linear(space.normalised, [&](std::size_t i, std::size_t k, const Linear& op) {
    Tensor& g = std::get<Linear>(gradient.nodes[i].op).weight;
    const std::size_t rows = static_cast<std::size_t>(g.rows());
    const int columns = g.columns();
    space.row_sums.resize(rows);
    const auto for_rows = [&](auto&& body) {
      parallel_for(threads, rows, row_grain, [&](std::size_t begin, std::size_t end) {
        for (int r = static_cast<int>(begin); r < static_cast<int>(end); ++r) body(r);
      });
    };
    for_rows([&](int r) { space.row_sums[static_cast<std::size_t>(r)] = dot(g.row(r), op.weight.row(r), columns); });
    double sum = 0;
    for (double s : space.row_sums) sum += s;
    const float inverse = static_cast<float>(1 / space.sigma[k]);
    for_rows([&](int r) {
      const float along = static_cast<float>(sum) * u[k].data[static_cast<std::size_t>(r)];
      const float* v = space.v[k].data.data();
      for (int j = 0; j < columns; ++j) g.row(r)[j] = inverse * (g.row(r)[j] - along * v[j]);
    });
  });
}

}  // namespace quench
