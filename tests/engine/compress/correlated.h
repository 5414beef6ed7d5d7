// Layers and networks whose inputs are correlated, as those of real hidden layers are.
// SPDX-License-Identifier: MIT
#pragma once
#include <string>

#include "engine/model/forward.h"
#include "tests/engine/model/gradient_check.h"

namespace quench {

// [events, width]: a few common factors and a little of each column's own.
inline Tensor correlated_inputs(int events, int width, std::uint32_t seed, int factors = 4, float own = 0.3f) {
  Linear mix = {random_tensor({width, factors}, seed), zeros({width})};
  Tensor x;
  forward(mix, random_tensor({events, factors}, seed + 1, -1.7f, 1.7f), x, 1);
  const Tensor noise = random_tensor({events, width}, seed + 2, -own, own);
  for (std::size_t i = 0; i < x.size(); ++i) x.data[i] += noise.data[i];
  return x;
}

inline Linear random_layer(int inputs, int outputs, std::uint32_t seed) {
  return {random_tensor({outputs, inputs}, seed), random_tensor({outputs}, seed + 1, -0.3f, 0.3f)};
}

// x [events, inputs] -> hidden widths, each behind a Relu, -> output. Layers fc1, fc2 ...
inline Model relu_network(const std::vector<int>& widths, std::uint32_t seed) {
  Model m;
  m.name = "net";
  Value v = add_input(m, "x", widths[0], InputKind::features);
  for (std::size_t i = 1; i < widths.size(); ++i) {
    const std::string number = std::to_string(i);
    v = append(m, "fc" + number, random_layer(widths[i - 1], widths[i], seed + 10 * static_cast<std::uint32_t>(i)), {v},
               widths[i]);
    if (i + 1 < widths.size()) v = append(m, "relu" + number, Relu{}, {v}, widths[i]);
  }
  m.outputs = {v};
  check(m);
  return m;
}

// Sum of squared differences of the outputs of two layers on x.
inline double output_error(const Linear& a, const Linear& b, const Tensor& x) {
  Tensor ya, yb;
  forward(a, x, ya, 1), forward(b, x, yb, 1);
  double sum = 0;
  for (std::size_t i = 0; i < ya.size(); ++i) {
    const double d = static_cast<double>(ya.data[i]) - static_cast<double>(yb.data[i]);
    sum += d * d;
  }
  return sum;
}

// a x = b for a [n][n], by elimination with the largest pivot.
inline std::vector<double> naive_solution(std::vector<double> a, std::vector<double> b) {
  const std::size_t n = b.size();
  for (std::size_t i = 0; i < n; ++i) {
    std::size_t p = i;
    for (std::size_t r = i; r < n; ++r)
      if (std::fabs(a[r * n + i]) > std::fabs(a[p * n + i])) p = r;
    for (std::size_t k = 0; k < n; ++k) std::swap(a[p * n + k], a[i * n + k]);
    std::swap(b[p], b[i]);
    for (std::size_t r = 0; r < n; ++r) {
      if (r == i) continue;
      const double f = a[r * n + i] / a[i * n + i];
      for (std::size_t k = 0; k < n; ++k) a[r * n + k] -= f * a[i * n + k];
      b[r] -= f * b[i];
    }
  }
  for (std::size_t i = 0; i < n; ++i) b[i] /= a[i * n + i];
  return b;
}

}  // namespace quench
