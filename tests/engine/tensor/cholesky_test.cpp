// Symmetric matrices against numbers worked by hand.
// SPDX-License-Identifier: MIT
#include "engine/tensor/cholesky.h"

#include <doctest/doctest.h>

#include "tests/engine/model/gradient_check.h"

using namespace quench;

TEST_CASE("sums of squares, a Cholesky factor and an inverse by hand") {
  CHECK(gram({{2, 2}, {1, 2, 3, 4}}) == std::vector<double>{10, 14, 14, 20});
  std::vector<double> m = {4, 2, 2, 5};
  REQUIRE(cholesky(m, 2));
  CHECK(m == std::vector<double>{2, 0, 1, 2});
  std::vector<double> b = {8, 12};  // 4 x + 2 y = 8, 2 x + 5 y = 12
  cholesky_solve(m, b.data(), 2);
  CHECK(b == std::vector<double>{1, 2});
  const std::vector<double> inverse = cholesky_inverse(m, 2);
  const double expected[4] = {5 / 16.0, -2 / 16.0, -2 / 16.0, 4 / 16.0};
  for (std::size_t i = 0; i < 4; ++i) CHECK(inverse[i] == doctest::Approx(expected[i]).epsilon(1e-14));
  m = {1, 2, 2, 4};
  CHECK_FALSE(cholesky(m, 2));
}

TEST_CASE("a matrix times its inverse is one, with the same bytes for any number of threads") {
  const Tensor x = random_tensor({70, 37}, 5);
  const std::vector<double> h = gram(x);
  CHECK(gram(x, 3) == h);
  std::vector<double> factor = h;
  REQUIRE(cholesky(factor, 37));
  const std::vector<double> inverse = cholesky_inverse(factor, 37);
  CHECK(cholesky_inverse(factor, 37, 3) == inverse);
  for (std::size_t i = 0; i < 37; ++i)
    for (std::size_t j = 0; j < 37; ++j) {
      double sum = 0;
      for (std::size_t k = 0; k < 37; ++k) sum += h[i * 37 + k] * inverse[k * 37 + j];
      CHECK(sum == doctest::Approx(i == j ? 1 : 0).epsilon(1e-9));
    }
}
