// Matrix products: by hand, and the fast kernel against the portable one, byte for byte.
// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "engine/kernels/noise.h"
#include "engine/tensor/matmul.h"

using namespace quench;

namespace {

std::vector<float> random_floats(int count, std::uint32_t seed) {
  const std::uint32_t event[4] = {seed, 0, 0, 0};
  Xoshiro128 g = noise_state(event, 0);
  std::vector<float> v(static_cast<std::size_t>(count));
  for (float& x : v) x = static_cast<float>(static_cast<std::int32_t>(next(g))) / 2147483648.0f;
  return v;
}

struct Case {
  int m, n, k;
};

bool same_bytes(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

}  // namespace

TEST_CASE("products by hand: with bias, transposed, and added to what is there") {
  const std::vector<float> a{1, 2, 3, 4, 5, 6}, b{1, 0, 2, -1, 1, 3}, bias{100, 200};
  std::vector<float> c(4);
  for (Kernels kernels : {Kernels::fastest, Kernels::portable}) {
    matmul(matrix(a.data(), 3), matrix(b.data(), 2), 2, 2, 3, from_bias(bias.data()), c.data(), 1, kernels);
    CHECK(c == std::vector<float>{108, 207, 120, 213});  // [1 2 3; 4 5 6] [1 0; 2 -1; 1 3]
    matmul(matrix(a.data(), 3), transposed(matrix(b.data(), 3)), 2, 2, 3, from_bias(bias.data()), c.data(), 1, kernels);
    CHECK(c == std::vector<float>{107, 210, 116, 219});  // [1 2 3; 4 5 6] [1 0 2; -1 1 3]^T
    matmul(matrix(a.data(), 3), transposed(matrix(b.data(), 3)), 2, 2, 3, from_sum(), c.data(), 1, kernels);
    CHECK(c == std::vector<float>{114, 220, 132, 238});
    matmul(matrix(a.data(), 3), transposed(matrix(b.data(), 3)), 2, 2, 3, from_zero(), c.data(), 1, kernels);
    CHECK(c == std::vector<float>{7, 10, 16, 19});
  }
}

TEST_CASE("every element is one chain of fused multiply-adds in increasing k") {
  constexpr int m = 13, n = 35, k = 600;  // three blocks of k
  const std::vector<float> a = random_floats(m * k, 1), b = random_floats(k * n, 2), bias = random_floats(n, 3);
  std::vector<float> c(m * n);
  matmul(matrix(a.data(), k), matrix(b.data(), n), m, n, k, from_bias(bias.data()), c.data());
  for (int i = 0; i < m; ++i)
    for (int j = 0; j < n; ++j) {
      float sum = bias[static_cast<std::size_t>(j)];
      for (int p = 0; p < k; ++p)
        sum = std::fma(a[static_cast<std::size_t>(i * k + p)], b[static_cast<std::size_t>(p * n + j)], sum);
      REQUIRE(c[static_cast<std::size_t>(i * n + j)] == sum);
    }
}

TEST_CASE("fast and portable kernels, one and three threads: the same bytes for every layout and ragged size") {
  for (const Case& s : {Case{1, 1, 1},
                        {6, 16, 8},
                        {7, 17, 9},
                        {5, 40, 3},
                        {12, 33, 257},
                        {64, 300, 40},
                        {301, 50, 101},
                        {3, 1, 512},
                        {250, 250, 100},
                        {2, 3, 0}}) {
    const std::vector<float> a = random_floats(s.m * s.k, 4), b = random_floats(s.k * s.n, 5),
                             bias = random_floats(s.n, 6);
    for (int layout = 0; layout < 12; ++layout) {
      const MatrixView left = layout & 1 ? transposed(matrix(a.data(), s.m)) : matrix(a.data(), s.k);
      const MatrixView right = layout & 2 ? transposed(matrix(b.data(), s.k)) : matrix(b.data(), s.n);
      const Start start = layout < 4 ? from_zero() : layout < 8 ? from_bias(bias.data()) : from_sum();
      std::vector<float> expected = random_floats(s.m * s.n, 7), fast = expected, threaded = expected;
      matmul(left, right, s.m, s.n, s.k, start, expected.data(), 1, Kernels::portable);
      matmul(left, right, s.m, s.n, s.k, start, fast.data(), 1);
      matmul(left, right, s.m, s.n, s.k, start, threaded.data(), 3);
      INFO(s.m, " x ", s.n, " x ", s.k, " layout ", layout);
      CHECK(same_bytes(expected, fast));
      CHECK(same_bytes(expected, threaded));
    }
  }
}
