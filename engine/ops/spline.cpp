// The spline's bin, its value, its inverse and its derivatives.
// SPDX-License-Identifier: MIT
#include "engine/ops/spline.h"

#include <algorithm>
#include <cmath>

#include "engine/core/math.h"

namespace quench {
namespace {

constexpr double smallest_share = 1e-3;  // of a bin's width or height, before all add up to 1
constexpr double smallest_slope = 1e-3;
constexpr float slope_shift = 0.5397424f;  // softplus(shift) = 1 - smallest_slope

// Shares of the bins, and the slopes at the ends of the one that holds the point.
struct Shares {
  float width[max_spline_bins], height[max_spline_bins];  // softmax of the raw numbers
  double width_factor;                                    // size of a bin = offset + factor * share
  double offset;
};

struct Bin {
  int k;
  double x, width, y, height;  // lower corner and size
  double slope0, slope1;
};

void softmax(const float* raw, int n, float* share) {
  float highest = raw[0];
  for (int i = 1; i < n; ++i) highest = std::max(highest, raw[i]);
  float sum = 0;
  for (int i = 0; i < n; ++i) share[i] = exp(raw[i] - highest);
  for (int i = 0; i < n; ++i) sum += share[i];
  const float inverse = 1.0f / sum;
  for (int i = 0; i < n; ++i) share[i] *= inverse;
}

Shares shares(const Spline& s) {
  Shares all;
  softmax(s.raw, s.bins, all.width);
  softmax(s.raw + s.bins, s.bins, all.height);
  const double whole = 2.0 * static_cast<double>(s.bound);
  all.offset = whole * smallest_share;
  all.width_factor = whole * (1 - s.bins * smallest_share);
  return all;
}

// Slope at knot 0 .. bins; the outer ones continue the identity.
double slope(const Spline& s, int knot) {
  if (knot == 0 || knot == s.bins) return 1;
  return smallest_slope + static_cast<double>(softplus(s.raw[2 * s.bins + knot - 1] + slope_shift));
}

// The bin that holds `at` on the x axis, or on the y axis.
Bin bin_of(const Spline& s, const Shares& all, double at, bool on_y) {
  Bin b{0, -static_cast<double>(s.bound), 0, -static_cast<double>(s.bound), 0, 0, 0};
  for (;; ++b.k) {
    b.width = all.offset + all.width_factor * static_cast<double>(all.width[b.k]);
    b.height = all.offset + all.width_factor * static_cast<double>(all.height[b.k]);
    if (b.k + 1 == s.bins || at < (on_y ? b.y + b.height : b.x + b.width)) break;
    b.x += b.width, b.y += b.height;
  }
  b.slope0 = slope(s, b.k), b.slope1 = slope(s, b.k + 1);
  return b;
}

// y = y_k + h A / D and dy/dx = delta^2 B / D^2 at theta = (x - x_k) / w, delta = h / w.
struct Rational {
  double theta, delta, q, a, b, d;
};

Rational rational(const Bin& bin, double theta) {
  Rational r;
  r.theta = theta, r.delta = bin.height / bin.width, r.q = theta * (1 - theta);
  r.a = r.delta * theta * theta + bin.slope0 * r.q;
  r.b = bin.slope1 * theta * theta + 2 * r.delta * r.q + bin.slope0 * (1 - theta) * (1 - theta);
  r.d = r.delta + (bin.slope0 + bin.slope1 - 2 * r.delta) * r.q;
  return r;
}

double log_slope(const Rational& r) { return log(r.delta * r.delta * r.b / (r.d * r.d)); }

struct BinGradient {
  double at, x, width, y, height, slope0, slope1;  // at: the point itself
};

// Of g_y y + g_log ln(dy/dx).
BinGradient bin_gradient(const Bin& bin, const Rational& r, double g_y, double g_log) {
  const double t = r.theta, spread = bin.slope0 + bin.slope1 - 2 * r.delta;
  const auto total = [&](double a, double b, double d) {  // from the partial derivatives of A, B and D
    return g_y * bin.height * (a * r.d - r.a * d) / (r.d * r.d) + g_log * (b / r.b - 2 * d / r.d);
  };
  const double g_theta =
      total(2 * r.delta * t + bin.slope0 * (1 - 2 * t),
            2 * bin.slope1 * t + 2 * r.delta * (1 - 2 * t) - 2 * bin.slope0 * (1 - t), spread * (1 - 2 * t));
  const double g_delta = total(t * t, 2 * r.q, 1 - 2 * r.q) + g_log * 2 / r.delta;
  BinGradient g;
  g.slope0 = total(r.q, (1 - t) * (1 - t), r.q);
  g.slope1 = total(0, t * t, r.q);
  g.at = g_theta / bin.width, g.x = -g.at;
  g.width = -(g_theta * t + g_delta * r.delta) / bin.width;
  g.height = g_y * r.a / r.d + g_delta / bin.width;
  g.y = g_y;
  return g;
}

// From the sizes' gradients to those of the numbers before the softmax: bins before k carry the corner, bin k its size.
void add_softmax_gradient(const float* share, int n, int k, double corner, double size, double factor, float* d_raw) {
  double mean = 0;
  for (int i = 0; i <= k; ++i) mean += static_cast<double>(share[i]) * (i < k ? corner : size);
  for (int i = 0; i < n; ++i) {
    const double own = i < k ? corner : i == k ? size : 0;
    d_raw[i] += static_cast<float>(factor * static_cast<double>(share[i]) * (own - mean));
  }
}

void add_raw_gradient(const Spline& s, const Shares& all, const Bin& bin, const BinGradient& g, float* d_raw) {
  add_softmax_gradient(all.width, s.bins, bin.k, g.x, g.width, all.width_factor, d_raw);
  add_softmax_gradient(all.height, s.bins, bin.k, g.y, g.height, all.width_factor, d_raw + s.bins);
  const auto add_slope = [&](int knot, double gradient) {
    if (knot == 0 || knot == s.bins) return;
    const int place = 2 * s.bins + knot - 1;
    d_raw[place] += static_cast<float>(gradient * static_cast<double>(sigmoid(s.raw[place] + slope_shift)));
  };
  add_slope(bin.k, g.slope0);
  add_slope(bin.k + 1, g.slope1);
}

bool outside(const Spline& s, float x) { return !(x > -s.bound && x < s.bound); }

}  // namespace

SplinePoint spline(const Spline& s, float x) {
  if (outside(s, x)) return {x, 0};
  const Bin bin = bin_of(s, shares(s), static_cast<double>(x), false);
  const Rational r = rational(bin, (static_cast<double>(x) - bin.x) / bin.width);
  return {static_cast<float>(bin.y + bin.height * r.a / r.d), static_cast<float>(log_slope(r))};
}

// theta solves a theta^2 + b theta + c = 0; this form of the root has no cancellation.
SplinePoint inverse_spline(const Spline& s, float y) {
  if (outside(s, y)) return {y, 0};
  const Bin bin = bin_of(s, shares(s), static_cast<double>(y), true);
  const double delta = bin.height / bin.width, above = static_cast<double>(y) - bin.y;
  const double spread = bin.slope0 + bin.slope1 - 2 * delta;
  const double a = bin.height * (delta - bin.slope0) + above * spread;
  const double b = bin.height * bin.slope0 - above * spread, c = -delta * above;
  const double theta = 2 * c / (-b - std::sqrt(std::max(b * b - 4 * a * c, 0.0)));
  return {static_cast<float>(bin.x + theta * bin.width), static_cast<float>(-log_slope(rational(bin, theta)))};
}

float spline_backward(const Spline& s, float x, float dy, float d_log_slope, float* d_raw) {
  std::fill_n(d_raw, 3 * s.bins - 1, 0.0f);
  if (outside(s, x)) return dy;
  const Shares all = shares(s);
  const Bin bin = bin_of(s, all, static_cast<double>(x), false);
  const Rational r = rational(bin, (static_cast<double>(x) - bin.x) / bin.width);
  const BinGradient g = bin_gradient(bin, r, static_cast<double>(dy), static_cast<double>(d_log_slope));
  add_raw_gradient(s, all, bin, g, d_raw);
  return static_cast<float>(g.at);
}

// With y fixed, x moves with a parameter p as -(dy/dp) / (dy/dx).
float inverse_spline_backward(const Spline& s, float x, float dx, float d_log_slope, float* d_raw) {
  std::fill_n(d_raw, 3 * s.bins - 1, 0.0f);
  if (outside(s, x)) return dx;
  const Shares all = shares(s);
  const Bin bin = bin_of(s, all, static_cast<double>(x), false);
  const Rational r = rational(bin, (static_cast<double>(x) - bin.x) / bin.width);
  const double slope_here = r.delta * r.delta * r.b / (r.d * r.d);
  const BinGradient g = bin_gradient(bin, r, 0, -static_cast<double>(d_log_slope));
  const double d_y = (static_cast<double>(dx) + g.at) / slope_here;
  add_raw_gradient(s, all, bin, g, d_raw);
  add_raw_gradient(s, all, bin, bin_gradient(bin, r, -d_y, 0), d_raw);
  return static_cast<float>(d_y);
}

}  // namespace quench
