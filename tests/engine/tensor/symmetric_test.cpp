// Eigenvalues and factors of symmetric matrices: known ones, sums that must hold, and NumPy where it is installed.
// SPDX-License-Identifier: MIT
#include "engine/tensor/symmetric.h"

#include <doctest/doctest.h>

#include <cmath>

#include "engine/core/files.h"
#include "engine/core/json.h"
#include "engine/physics/random.h"
#include "tests/engine/physics/check.h"

using namespace quench;

namespace {

// A^T A of a random A [rows, n]: positive semidefinite, of rank at most `rows`.
SquareMatrix random_covariance(std::size_t n, std::size_t rows, std::uint64_t seed) {
  Random g(seed, 0, 0);
  SquareMatrix m = square_matrix(n);
  for (std::size_t r = 0; r < rows; ++r) {
    std::vector<double> x(n);
    for (double& v : x) v = normal(g);
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j) m.at(i, j) += x[i] * x[j];
  }
  return m;
}

double largest_error_of_factor(const SquareMatrix& a) {
  const SquareMatrix l = semidefinite_factor(a);
  double error = 0;
  for (std::size_t i = 0; i < a.n; ++i)
    for (std::size_t j = 0; j < a.n; ++j) {
      double sum = 0;
      for (std::size_t k = 0; k < a.n; ++k) sum += l.at(i, k) * l.at(j, k);
      error = std::max(error, std::fabs(sum - a.at(i, j)));
      if (j > i) CHECK(l.at(i, j) == 0);
    }
  return error;
}

}  // namespace

TEST_CASE("eigenvalues by hand") {
  CHECK(eigenvalues({0, {}}).empty());
  CHECK(eigenvalues({1, {-3}})[0] == doctest::Approx(-3));
  CHECK(eigenvalues({3, std::vector<double>(9)}) == std::vector<double>{0, 0, 0});
  const std::vector<double> two = eigenvalues({2, {2, 1, 1, 2}});
  CHECK(two[0] == doctest::Approx(1).epsilon(1e-14));
  CHECK(two[1] == doctest::Approx(3).epsilon(1e-14));
  // diagonal, with one value twice, and values of very different sizes
  const std::vector<double> diagonal = eigenvalues({4, {5, 0, 0, 0, 0, -1, 0, 0, 0, 0, 5, 0, 0, 0, 0, 1e-9}});
  CHECK(diagonal[0] == doctest::Approx(-1).epsilon(1e-14));
  CHECK(std::fabs(diagonal[1] - 1e-9) < 1e-14);
  CHECK(diagonal[2] == doctest::Approx(5).epsilon(1e-14));
  CHECK(diagonal[3] == doctest::Approx(5).epsilon(1e-14));
  // all ones: n once, 0 otherwise
  const std::vector<double> ones = eigenvalues({5, std::vector<double>(25, 1.0)});
  for (int k = 0; k < 4; ++k) CHECK(std::fabs(ones[static_cast<std::size_t>(k)]) < 1e-14);
  CHECK(ones[4] == doctest::Approx(5).epsilon(1e-14));
}

TEST_CASE("eigenvalues of the chain 2, -1: 2 - 2 cos(k pi / (n + 1))") {
  constexpr std::size_t n = 60;
  SquareMatrix m = square_matrix(n);
  for (std::size_t i = 0; i < n; ++i) {
    m.at(i, i) = 2;
    if (i > 0) m.at(i, i - 1) = m.at(i - 1, i) = -1;
  }
  const std::vector<double> found = eigenvalues(m);
  for (std::size_t k = 0; k < n; ++k)
    CHECK(std::fabs(found[k] - (2 - 2 * std::cos(static_cast<double>(k + 1) * 3.14159265358979324 / (n + 1)))) < 1e-14);
}

TEST_CASE("eigenvalues: trace, sum of squares and rank of random matrices") {
  for (const std::size_t n : {2, 7, 42}) {
    const SquareMatrix m = random_covariance(n, n / 2 + 1, n);
    const std::vector<double> found = eigenvalues(m);
    double trace = 0, squares = 0, sum = 0, sum_of_squares = 0;
    for (std::size_t i = 0; i < n; ++i) trace += m.at(i, i);
    for (const double v : m.data) squares += v * v;
    for (const double v : found) sum += v, sum_of_squares += v * v;
    CHECK(sum == doctest::Approx(trace).epsilon(1e-12));
    CHECK(sum_of_squares == doctest::Approx(squares).epsilon(1e-12));
    for (std::size_t k = 0; k + n / 2 + 1 < n; ++k) CHECK(std::fabs(found[k]) < 1e-13 * trace);
    CHECK(found[n - n / 2 - 1] > 1e-6 * trace);
  }
}

TEST_CASE("factors, of singular matrices too") {
  const SquareMatrix l = semidefinite_factor({3, {4, 2, 0, 2, 5, 2, 0, 2, 2}});  // rows (2), (1, 2), (0, 1, 1)
  CHECK(l.data == std::vector<double>{2, 0, 0, 1, 2, 0, 0, 1, 1});
  CHECK(semidefinite_factor({2, {0, 0, 0, 9}}).data == std::vector<double>{0, 0, 0, 3});
  CHECK(semidefinite_factor({2, {1, 2, 2, 4}}).data == std::vector<double>{1, 0, 2, 0});
  for (const std::size_t rank : {1, 10, 42, 100}) {
    const SquareMatrix m = random_covariance(42, rank, rank);
    CHECK(largest_error_of_factor(m) < 1e-6 * static_cast<double>(rank));
  }
  CHECK(largest_error_of_factor(random_covariance(20, 50, 3)) < 1e-12);
}

TEST_CASE("eigenvalues against NumPy") {
  if (!python_has("numpy")) {
    MESSAGE("skipped: python3 has no numpy");
    return;
  }
  const Folder folder("symmetric_numpy");
  const SquareMatrix m = random_covariance(30, 20, 5);
  write_file(folder.file("t.py"), "import numpy as np\na = np.array(" + json_text(Json(m.data), 0) +
                                      ").reshape(30, 30)\nw = np.linalg.eigvalsh(a)\nassert np.abs(w - np.array(" +
                                      json_text(Json(eigenvalues(m)), 0) + ")).max() < 1e-13 * w[-1]\n");
  CHECK(std::system(("python3 " + folder.file("t.py")).c_str()) == 0);
}
