// Tridiagonal form, bisection, and Cholesky factors.
// SPDX-License-Identifier: MIT
#include "engine/tensor/symmetric.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace quench {
namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();

struct Tridiagonal {
  std::vector<double> diagonal, beside;  // [n], [n - 1]
};

// The reflection I - 2 v v^T / (v^T v) that makes column k zero below its subdiagonal, applied from both sides to what
// lies below and to the right. Gives the new subdiagonal element.
double reflect(SquareMatrix& a, std::size_t k, std::vector<double>& v, std::vector<double>& w) {
  const std::size_t n = a.n, first = k + 1;
  double squares = 0;
  for (std::size_t i = first; i < n; ++i) squares += (v[i] = a.at(i, k)) * v[i];
  const double length = std::sqrt(squares), beside = v[first] > 0 ? -length : length;
  if (!(length > 0)) return 0;
  v[first] -= beside;
  const double scale = 1 / (squares - beside * a.at(first, k));  // 2 / (v^T v)
  double along = 0;
  for (std::size_t i = first; i < n; ++i) {
    double sum = 0;
    for (std::size_t j = first; j < n; ++j) sum += (j <= i ? a.at(i, j) : a.at(j, i)) * v[j];
    w[i] = scale * sum;
    along += w[i] * v[i];
  }
  for (std::size_t i = first; i < n; ++i) w[i] -= 0.5 * scale * along * v[i];
  for (std::size_t i = first; i < n; ++i)
    for (std::size_t j = first; j <= i; ++j) a.at(i, j) -= v[i] * w[j] + w[i] * v[j];
  return beside;
}

Tridiagonal tridiagonal(SquareMatrix a) {
  Tridiagonal t;
  std::vector<double> v(a.n), w(a.n);
  for (std::size_t k = 0; k < a.n; ++k) {
    t.diagonal.push_back(a.at(k, k));
    if (k + 1 < a.n) t.beside.push_back(reflect(a, k, v, w));
  }
  return t;
}

// How many eigenvalues are below x: negative pivots of T - x I (Sylvester's law of inertia).
std::size_t count_below(const Tridiagonal& t, double x, double smallest_pivot) {
  std::size_t count = 0;
  double pivot = 1;
  for (std::size_t i = 0; i < t.diagonal.size(); ++i) {
    pivot = t.diagonal[i] - x - (i > 0 ? t.beside[i - 1] * (t.beside[i - 1] / pivot) : 0);
    if (std::fabs(pivot) < smallest_pivot) pivot = -smallest_pivot;
    count += pivot < 0;
  }
  return count;
}

}  // namespace

std::vector<double> eigenvalues(SquareMatrix matrix) {
  const std::size_t n = matrix.n;
  const Tridiagonal t = tridiagonal(std::move(matrix));
  double reach = 0;  // Gershgorin: all eigenvalues lie in [-reach, reach]
  for (std::size_t i = 0; i < n; ++i)
    reach = std::max(reach, std::fabs(t.diagonal[i]) + (i > 0 ? std::fabs(t.beside[i - 1]) : 0) +
                                (i + 1 < n ? std::fabs(t.beside[i]) : 0));
  std::vector<double> found;
  if (!(reach > 0)) return std::vector<double>(n, reach);
  const double smallest_pivot = std::max(std::numeric_limits<double>::min(), kEpsilon * kEpsilon * reach);
  for (std::size_t k = 0; k < n; ++k) {
    double low = found.empty() ? -reach * (1 + 4 * kEpsilon) : found.back(), high = reach * (1 + 4 * kEpsilon);
    while (high - low > kEpsilon * reach) {
      const double middle = low + 0.5 * (high - low);
      (count_below(t, middle, smallest_pivot) > k ? high : low) = middle;
    }
    found.push_back(low + 0.5 * (high - low));
  }
  return found;
}

SquareMatrix semidefinite_factor(const SquareMatrix& a) {
  SquareMatrix l = square_matrix(a.n);
  for (std::size_t j = 0; j < a.n; ++j) {
    double pivot = a.at(j, j);
    for (std::size_t k = 0; k < j; ++k) pivot -= l.at(j, k) * l.at(j, k);
    if (!(pivot > static_cast<double>(a.n) * kEpsilon * a.at(j, j))) continue;
    l.at(j, j) = std::sqrt(pivot);
    for (std::size_t i = j + 1; i < a.n; ++i) {
      double sum = a.at(i, j);
      for (std::size_t k = 0; k < j; ++k) sum -= l.at(i, k) * l.at(j, k);
      l.at(i, j) = sum / l.at(j, j);
    }
  }
  return l;
}

}  // namespace quench
