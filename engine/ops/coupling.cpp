// Coupling: the three transforms, forth and back, with their log-determinant.
// SPDX-License-Identifier: MIT
#include "engine/ops/coupling.h"

#include <algorithm>

#include "engine/core/error.h"
#include "engine/core/math.h"
#include "engine/ops/spline.h"
#include "engine/tensor/vector_for.h"

namespace quench {
namespace {

constexpr std::size_t grain = 64;  // events

// Of an affine coupling are saved u = tanh(raw / 2) and e^s or, inverse, e^-s, with s = 2 u: events begin .. end - 1 in
// one long loop. changes: the log-determinant of each of them.
void save_affine(const Coupling& op, const Tensor& parameters, int begin, int end, std::vector<Tensor>& saved,
                 float* changes) {
  const int n = op.length, events = end - begin, count = events * n;
  const float factor = op.inverse ? -2.0f : 2.0f;
  float* u = saved[0].row(begin);
  float* e = saved[1].row(begin);
  for (int i = 0; i < events; ++i) std::copy_n(parameters.row(begin + i) + n, n, u + i * n);
  for (int k = 0; k < count; ++k) u[k] = tanh(0.5f * u[k]);
  for (int k = 0; k < count; ++k) e[k] = exp(factor * u[k]);
  // In increasing order, a few events side by side: one alone would wait for each addition to end.
  constexpr int together = 8;
  int i = 0;
  for (; i + together <= events; i += together) {
    float s[together] = {};
    for (int k = 0; k < n; ++k)
      for (int l = 0; l < together; ++l) s[l] += u[(i + l) * n + k];
    for (int l = 0; l < together; ++l) changes[i + l] = factor * s[l];
  }
  for (; i < events; ++i) {
    float s = 0;
    for (int k = 0; k < n; ++k) s += u[i * n + k];
    changes[i] = factor * s;
  }
}

void affine(const Coupling& op, const float* x, const float* p, float* y, const float* e) {
  const int n = op.length;
  if (op.inverse)
    for (int i = 0; i < n; ++i) y[i] = (x[i] - p[i]) * e[i];
  else
    for (int i = 0; i < n; ++i) y[i] = x[i] * e[i] + p[i];
}

void affine_back(const Coupling& op, const float* x, const float* y, const float* u, const float* e, const float* dy,
                 float d_log, float* dx, float* dp) {
  const int n = op.length;
  for (int i = 0; i < n; ++i) dx[i] = dy[i] * e[i];
  if (op.inverse) {
    for (int i = 0; i < n; ++i) dp[i] = -dx[i];
    for (int i = 0; i < n; ++i) dp[n + i] = -(dy[i] * y[i] + d_log) * (1.0f - u[i] * u[i]);
  } else {
    for (int i = 0; i < n; ++i) dp[i] = dy[i];
    for (int i = 0; i < n; ++i) dp[n + i] = (dx[i] * x[i] + d_log) * (1.0f - u[i] * u[i]);
  }
}

// An event of the two other kinds.
float transform(const Coupling& op, const float* x, const float* p, float* y) {
  if (op.kind == CouplingKind::additive) {
    for (int i = 0; i < op.length; ++i) y[i] = op.inverse ? x[i] - p[i] : x[i] + p[i];
    return 0;
  }
  float log_determinant = 0;
  for (int i = 0; i < op.length; ++i) {
    const Spline s{op.bins, op.bound, p + i * (3 * op.bins - 1)};
    const SplinePoint point = op.inverse ? inverse_spline(s, x[i]) : spline(s, x[i]);
    y[i] = point.y;
    log_determinant += point.log_slope;
  }
  return log_determinant;
}

void transform_back(const Coupling& op, const float* x, const float* p, const float* y, const float* dy, float d_log,
                    float* dx, float* dp) {
  if (op.kind == CouplingKind::additive) {
    for (int i = 0; i < op.length; ++i) dx[i] = dy[i], dp[i] = op.inverse ? -dy[i] : dy[i];
    return;
  }
  for (int i = 0; i < op.length; ++i) {
    const int numbers = 3 * op.bins - 1;
    const Spline s{op.bins, op.bound, p + i * numbers};
    dx[i] = op.inverse ? inverse_spline_backward(s, y[i], dy[i], d_log, dp + i * numbers)
                       : spline_backward(s, x[i], dy[i], d_log, dp + i * numbers);
  }
}

}  // namespace

const char* coupling_name(CouplingKind kind) {
  switch (kind) {
    case CouplingKind::additive:
      return "additive";
    case CouplingKind::affine:
      return "affine";
    case CouplingKind::spline:
      return "spline";
  }
  return "";
}

CouplingKind coupling_from(const std::string& name) {
  for (const CouplingKind kind : {CouplingKind::additive, CouplingKind::affine, CouplingKind::spline})
    if (name == coupling_name(kind)) return kind;
  fail("coupling \"", name, "\" is not known; choose additive, affine or spline");
}

int parameters_per_column(const Coupling& op) {
  return op.kind == CouplingKind::additive ? 1 : op.kind == CouplingKind::affine ? 2 : 3 * op.bins - 1;
}

void forward(const Coupling& op, const Tensor& x, const Tensor& parameters, Tensor& y, std::vector<Tensor>& saved,
             int threads) {
  const bool affine_kind = op.kind == CouplingKind::affine;
  saved.resize(2);
  for (Tensor& s : saved) resize(s, x.rows(), affine_kind ? op.length : 0);
  resize(y, x.rows(), output_width(op));
  const bool carried = x.columns() > op.width;
  vector_for(threads, static_cast<std::size_t>(x.rows()), grain, [&](std::size_t begin, std::size_t end) {
    const int first = static_cast<int>(begin);
    float changes[grain] = {};
    if (affine_kind) save_affine(op, parameters, first, static_cast<int>(end), saved, changes);
    for (int i = first; i < static_cast<int>(end); ++i) {
      const float* from = x.row(i);
      float* to = y.row(i);
      std::copy_n(from, op.begin, to);
      std::copy(from + op.begin + op.length, from + op.width, to + op.begin + op.length);
      float& change = changes[i - first];
      if (affine_kind)
        affine(op, from + op.begin, parameters.row(i), to + op.begin, saved[1].row(i));
      else
        change = transform(op, from + op.begin, parameters.row(i), to + op.begin);
      if (op.track) to[op.width] = (carried ? from[op.width] : 0.0f) + change;
    }
  });
}

void backward(const Coupling& op, const Tensor& x, const Tensor& parameters, const Tensor& y,
              const std::vector<Tensor>& saved, const Tensor& dy, Tensor* dx, Tensor* d_parameters, int threads) {
  thread_local Tensor unused_x, unused_parameters;
  Tensor& to_x = dx ? *dx : unused_x;
  Tensor& to_parameters = d_parameters ? *d_parameters : unused_parameters;
  resize(to_x, x.rows(), x.columns());
  resize(to_parameters, parameters.rows(), parameters.columns());
  const bool carried = x.columns() > op.width;
  vector_for(threads, static_cast<std::size_t>(x.rows()), grain, [&](std::size_t begin, std::size_t end) {
    for (int i = static_cast<int>(begin); i < static_cast<int>(end); ++i) {
      const float* d = dy.row(i);
      float* to = to_x.row(i);
      std::copy_n(d, op.begin, to);
      std::copy(d + op.begin + op.length, d + op.width, to + op.begin + op.length);
      const float d_log = op.track ? d[op.width] : 0.0f;
      if (carried) to[op.width] = d_log;
      const float *before = x.row(i) + op.begin, *after = y.row(i) + op.begin;
      if (op.kind == CouplingKind::affine)
        affine_back(op, before, after, saved[0].row(i), saved[1].row(i), d + op.begin, d_log, to + op.begin,
                    to_parameters.row(i));
      else
        transform_back(op, before, parameters.row(i), after, d + op.begin, d_log, to + op.begin, to_parameters.row(i));
    }
  });
}

}  // namespace quench
