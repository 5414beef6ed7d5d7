// Fits mean and deviation of every column as polynomials of the condition, in double.
// SPDX-License-Identifier: MIT
#include "engine/train/fit_conditional.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "engine/core/error.h"
#include "engine/core/math.h"
#include "engine/core/parallel_for.h"

namespace quench {
namespace {

constexpr int most = 4;  // coefficients
// The polynomials' shape is fitted to about so many events, spread evenly; offset and scale to all.
constexpr std::size_t fit_events = 16384;
using Coefficients = std::array<double, most>;

template <class Numbers>
double value_at(const Numbers& p, int terms, double t) {
  double sum = 0;
  for (int k = terms - 1; k >= 0; --k) sum = sum * t + p[static_cast<std::size_t>(k)];
  return sum;
}

// Weighted sums of powers and of powers times a target: the normal equations of a polynomial in t, |t| <= 1.
struct NormalEquations {
  int terms;
  std::array<double, 2 * most - 1> power{};
  Coefficients target{};

  void add(double t, double weight, double y) {
    double p = weight;
    for (int k = 0; k < 2 * terms - 1; ++k, p *= t) {
      power[static_cast<std::size_t>(k)] += p;
      if (k < terms) target[static_cast<std::size_t>(k)] += p * y;
    }
  }

  // Gaussian elimination with pivots; a vanishing pivot (fewer different t than terms) leaves that coefficient 0.
  Coefficients solve() const {
    double m[most][most + 1];
    for (int i = 0; i < terms; ++i) {
      for (int j = 0; j < terms; ++j) m[i][j] = power[static_cast<std::size_t>(i + j)];
      m[i][terms] = target[static_cast<std::size_t>(i)];
    }
    for (int i = 0; i < terms; ++i) {
      int best = i;
      for (int r = i + 1; r < terms; ++r)
        if (std::fabs(m[r][i]) > std::fabs(m[best][i])) best = r;
      for (int j = 0; j <= terms; ++j) std::swap(m[i][j], m[best][j]);
      const bool vanishes = std::fabs(m[i][i]) < 1e-12 * power[0];
      for (int r = 0; r < terms; ++r) {
        if (r == i) continue;
        const double factor = vanishes ? 0 : m[r][i] / m[i][i];
        for (int j = i; j <= terms; ++j) m[r][j] -= factor * m[i][j];
      }
      if (vanishes) m[i][i] = 1, m[i][terms] = 0;
    }
    Coefficients p{};
    for (int i = 0; i < terms; ++i) p[static_cast<std::size_t>(i)] = m[i][terms] / m[i][i];
    return p;
  }
};

struct Column {
  const std::vector<double>& t;  // scaled condition of each event
  std::vector<double> y;
  int terms;
  Coefficients mean{}, log_deviation{};
};

// Calls body(t, y) for every stride-th event.
template <class Body>
void for_events(const Column& column, std::size_t stride, Body&& body) {
  for (std::size_t i = 0; i < column.y.size(); i += stride) body(column.t[i], column.y[i]);
}

void fit_mean(Column& column, std::size_t stride) {
  NormalEquations equations{column.terms};
  for_events(column, stride, [&](double t, double y) { equations.add(t, 1, y); });
  column.mean = equations.solve();
}

// Start: regression of ln|y - mu|, whose expectation for a normal y lies 0.635 below ln sigma.
void start_deviation(Column& column, std::size_t stride, double smallest) {
  NormalEquations equations{column.terms};
  for_events(column, stride, [&](double t, double y) {
    equations.add(t, 1, log(std::max(std::fabs(y - value_at(column.mean, column.terms, t)), smallest)));
  });
  column.log_deviation = equations.solve();
  column.log_deviation[0] += 0.6351814227;
}

// One step of Fisher scoring for ln sigma (unit information 2 per event), and mu by least squares with weights 1 /
// sigma, which makes the standardised column's mean 0. Returns the largest change of ln sigma's coefficients.
double improve(Column& column, std::size_t stride) {
  NormalEquations mean{column.terms}, deviation{column.terms};
  for_events(column, stride, [&](double t, double y) {
    const double inverse = exp(-value_at(column.log_deviation, column.terms, t));
    const double x = (y - value_at(column.mean, column.terms, t)) * inverse;
    mean.add(t, inverse, y);
    deviation.add(t, 1, std::min(0.5 * (x * x - 1), 50.0));
  });
  column.mean = mean.solve();
  const Coefficients step = deviation.solve();
  double largest = 0;
  for (double s : step) largest = std::max(largest, std::fabs(s));
  const double damping = largest > 1 ? 1 / largest : 1;
  for (int k = 0; k < column.terms; ++k)
    column.log_deviation[static_cast<std::size_t>(k)] += damping * step[static_cast<std::size_t>(k)];
  return largest;
}

// Offset and scale over all events.
void finish(Column& column) {
  const double events = static_cast<double>(column.y.size());
  double sum_inverse = 0, sum = 0, squares = 0;
  for_events(column, 1, [&](double t, double y) {
    const double inverse = exp(-value_at(column.log_deviation, column.terms, t));
    sum_inverse += inverse;
    sum += (y - value_at(column.mean, column.terms, t)) * inverse;
  });
  column.mean[0] += sum / sum_inverse;
  for_events(column, 1, [&](double t, double y) {
    const double x =
        (y - value_at(column.mean, column.terms, t)) * exp(-value_at(column.log_deviation, column.terms, t));
    squares += x * x;
  });
  column.log_deviation[0] += 0.5 * log(squares / events);
}

void fit(Column& column) {
  const std::size_t stride = (column.y.size() + fit_events - 1) / fit_events;
  fit_mean(column, stride);
  double squares = 0, size = 0;
  for_events(column, 1, [&](double t, double y) {
    const double d = y - value_at(column.mean, column.terms, t);
    squares += d * d, size = std::max(size, std::fabs(y));
  });
  const double deviation = std::sqrt(squares / static_cast<double>(column.y.size()));
  if (deviation <= 1e-6 * std::max(size, 1e-6)) return;  // a column without spread stays as it is: sigma = 1
  start_deviation(column, stride, 1e-3 * deviation);
  for (int i = 0; i < 25; ++i)
    if (improve(column, stride) < 1e-4) break;
  finish(column);
}

// Polynomial in t = (c - middle) / half -> polynomial in c.
Coefficients in_condition(const Coefficients& p, int terms, double middle, double half) {
  Coefficients q{};
  for (int k = terms - 1; k >= 0; --k) {  // q = q * (c - middle) / half + p[k]
    for (int j = terms - 1; j >= 0; --j) {
      const double lower = j > 0 ? q[static_cast<std::size_t>(j - 1)] : 0;
      q[static_cast<std::size_t>(j)] = (lower - middle * q[static_cast<std::size_t>(j)]) / half;
    }
    q[0] += p[static_cast<std::size_t>(k)];
  }
  return q;
}

void check_degree(int degree) {
  if (degree < 0 || degree >= most)
    fail("standardisation: polynomials of degree ", degree, "; those of degree 0 to ", most - 1, " can be fitted");
}

// What maps the conditions to -1 .. 1.
struct Scaling {
  double middle, half;
};

template <class Numbers>
Scaling scaling(const Numbers& c) {
  const auto [low, high] = std::minmax_element(c.begin(), c.end());
  const double a = static_cast<double>(*low), b = static_cast<double>(*high);
  return {0.5 * (a + b), std::max(0.5 * (b - a), 1e-6)};
}

}  // namespace

std::vector<double> fit_polynomial(const std::vector<double>& c, const std::vector<double>& value,
                                   const std::vector<double>& weight, int degree) {
  check_degree(degree);
  const auto [middle, half] = scaling(c);
  NormalEquations equations{degree + 1};
  for (std::size_t i = 0; i < c.size(); ++i) equations.add((c[i] - middle) / half, weight[i], value[i]);
  const Coefficients fitted = in_condition(equations.solve(), degree + 1, middle, half);
  return {fitted.begin(), fitted.begin() + degree + 1};
}

double value_of(const std::vector<double>& polynomial, double c) {
  return value_at(polynomial, static_cast<int>(polynomial.size()), c);
}

ConditionalAffine fit_conditional(const Tensor& values, const Tensor& c, int degree, int threads) {
  check_degree(degree);
  const int width = values.columns(), terms = degree + 1;
  const auto [middle, half] = scaling(c.data);
  std::vector<double> t(c.size());
  for (std::size_t i = 0; i < t.size(); ++i) t[i] = (static_cast<double>(c.data[i]) - middle) / half;
  ConditionalAffine fitted{zeros({terms, width}), zeros({terms, width}), false};
  parallel_for(threads, static_cast<std::size_t>(width), 1, [&](std::size_t j, std::size_t) {
    Column column{t, std::vector<double>(t.size()), terms, {}, {}};
    for (std::size_t i = 0; i < t.size(); ++i)
      column.y[i] = static_cast<double>(values.data[i * static_cast<std::size_t>(width) + j]);
    fit(column);
    const Coefficients mean = in_condition(column.mean, terms, middle, half);
    const Coefficients log_deviation = in_condition(column.log_deviation, terms, middle, half);
    for (int k = 0; k < terms; ++k) {
      fitted.mean.row(k)[j] = static_cast<float>(mean[static_cast<std::size_t>(k)]);
      fitted.log_deviation.row(k)[j] = static_cast<float>(log_deviation[static_cast<std::size_t>(k)]);
    }
  });
  return fitted;
}

}  // namespace quench
