// Rational-quadratic spline on [-bound, bound], the identity outside (Durkan et al. 2019, "Neural Spline Flows").
// SPDX-License-Identifier: MIT
#pragma once

namespace quench {

constexpr int max_spline_bins = 32;

// The raw parameters of one column: [bins] widths and [bins] heights before their softmax, [bins - 1] slopes of the
// inner knots before their softplus (shifted so that raw 0 is slope 1). All zero is the identity.
struct Spline {
  int bins;
  float bound;
  const float* raw;  // [3 bins - 1]
};

struct SplinePoint {
  float y, log_slope;  // log_slope: ln dy/dx
};

SplinePoint spline(const Spline&, float x);
SplinePoint inverse_spline(const Spline&, float y);  // of the other direction: value x, ln dx/dy

// Given d loss / d y and d loss / d log_slope of spline(x): returns d loss / d x and writes d loss / d raw [3 bins -
// 1].
float spline_backward(const Spline&, float x, float dy, float d_log_slope, float* d_raw);
// The same of inverse_spline(y), whose result was x.
float inverse_spline_backward(const Spline&, float x, float dx, float d_log_slope, float* d_raw);

}  // namespace quench
