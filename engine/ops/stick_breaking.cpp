// StickBreaking: logits to energies by products of sigmoids or sums of their logarithms, and back.
// SPDX-License-Identifier: MIT
#include "engine/ops/stick_breaking.h"

#include <algorithm>

#include "engine/core/error.h"
#include "engine/core/math.h"
#include "engine/core/parallel_for.h"

namespace quench {
namespace {

constexpr std::size_t grain = 32;  // events

// In both forms a stick of n parts has n - 1 logits; `first` is the stick's first logit. All sums and products are
// double.

// Calls part(k, ln(part k)) for a stick of total e^whole; tail[j] = ln(1 + e^-|logit[j]|).
template <class Part>
void break_logarithm(int parts, const float* logit, const float* tail, double whole, Part&& part) {
  for (int k = 0; k + 1 < parts; ++k) {
    const double t = tail[k], s = logit[k];
    part(k, whole - t + std::min(s, 0.0));  // ln sigmoid(s)
    whole += -t - std::max(s, 0.0);         // ln sigmoid(-s)
  }
  part(parts - 1, whole);
}

// The same for energies; near[j] = sigmoid(|logit[j]|), far[j] = sigmoid(-|logit[j]|).
template <class Part>
void break_stick(int parts, const float* logit, const float* near, const float* far, double whole, Part&& part) {
  for (int k = 0; k + 1 < parts; ++k) {
    const bool positive = logit[k] >= 0.0f;
    part(k, whole * static_cast<double>(positive ? near[k] : far[k]));
    whole *= static_cast<double>(positive ? far[k] : near[k]);
  }
  part(parts - 1, whole);
}

// Hands break(parts, index of the first logit, whole, part) the shower's stick and then each layer's.
template <class Break>
void break_all(const StickBreaking& op, double total, float* voxels, Break&& break_one) {
  const int layers = static_cast<int>(op.layer_voxels.size());
  double layer_total = 0;
  int logit = layers, voxel = 0;
  break_one(layers, 1, total, [&](int layer, double whole) {
    layer_total = whole;
    const int parts = op.layer_voxels[static_cast<std::size_t>(layer)];
    break_one(parts, logit, layer_total, [&](int k, double part) { voxels[voxel + k] = static_cast<float>(part); });
    logit += parts - 1, voxel += parts;
  });
}

struct LogarithmBreaker {
  const float* s;
  const float* tail;
  template <class Part>
  void operator()(int parts, int first, double whole, Part&& part) const {
    break_logarithm(parts, s + first, tail + first, whole, part);
  }
};

struct EnergyBreaker {
  const float *s, *near, *far;
  template <class Part>
  void operator()(int parts, int first, double whole, Part&& part) const {
    break_stick(parts, s + first, near + first, far + first, whole, part);
  }
};

float* scratch(std::size_t floats) {  // this thread's; it only grows
  thread_local std::vector<float> buffer;
  if (buffer.size() < floats) buffer.resize(floats);
  return buffer.data();
}

// Logits of a stick with these parts: ln(part / rest behind it). rest is summed from the back, so nothing cancels.
// Returns the whole.
template <class Part>
double stick_logits(int parts, float* logit, Part&& part) {
  double rest = part(parts - 1);
  for (int k = parts - 2; k >= 0; --k) {
    const double p = part(k);
    logit[k] = static_cast<float>(log(p) - log(rest));
    rest += p;
  }
  return rest;
}

}  // namespace

void forward(const StickBreaking& op, const Tensor& s, const Tensor& energy, Tensor& y, int threads) {
  const int width = s.columns();
  resize(y, s.rows(), width);
  for_rows(threads, s.rows(), grain, [&](int i) {
    const float* logit = s.row(i);
    const double incident = energy.data[static_cast<std::size_t>(i)];
    float* a = scratch(2 * static_cast<std::size_t>(width));
    float* b = a + width;
    if (op.logarithmic) {
      for (int j = 0; j < width; ++j) a[j] = log1p_exp_minus_abs(logit[j]);
      break_all(op, static_cast<double>(logit[0]) + log(incident), y.row(i), LogarithmBreaker{logit, a});
      return;
    }
    for (int j = 0; j < width; ++j) {
      const float e = exp(logit[j] < 0.0f ? logit[j] : -logit[j]);
      a[j] = 1.0f / (1.0f + e);
      b[j] = e / (1.0f + e);
    }
    break_all(op, exp(static_cast<double>(logit[0])) * incident, y.row(i), EnergyBreaker{logit, a, b});
  });
}

// With g_j = dL / d ln(voxel j): a logit of fraction p gets (1 - p) x (g of what it takes) - p x (g of what is behind
// it).
void backward(const StickBreaking& op, const Tensor& s, const Tensor& energy, const Tensor& y, const Tensor& dy,
              Tensor* ds, Tensor* d_energy, int threads) {
  const int width = s.columns();
  const int layers = static_cast<int>(op.layer_voxels.size());
  if (ds) resize(*ds, s.rows(), width);
  if (d_energy) resize(*d_energy, s.rows(), 1);
  for_rows(threads, s.rows(), grain, [&](int i) {
    float* fraction = scratch(2 * static_cast<std::size_t>(width));
    float* g = fraction + width;
    const float* logit = s.row(i);
    for (int j = 0; j < width; ++j) fraction[j] = sigmoid(logit[j]);
    for (int j = 0; j < width; ++j) g[j] = op.logarithmic ? dy.row(i)[j] : dy.row(i)[j] * y.row(i)[j];
    float* to = ds ? ds->row(i) : fraction;
    float behind_layer = 0;
    int first_logit = width, voxel = width;  // one past the layer's last logit and voxel
    for (int layer = layers - 1; layer >= 0; --layer) {
      const int parts = op.layer_voxels[static_cast<std::size_t>(layer)];
      first_logit -= parts - 1, voxel -= parts;
      float behind = g[voxel + parts - 1];
      for (int k = parts - 2; k >= 0; --k) {
        const float p = fraction[first_logit + k];
        to[first_logit + k] = (1.0f - p) * g[voxel + k] - p * behind;
        behind += g[voxel + k];
      }
      if (layer + 1 < layers) {
        const float p = fraction[1 + layer];
        to[1 + layer] = (1.0f - p) * behind - p * behind_layer;
      }
      behind_layer += behind;
    }
    to[0] = behind_layer;
    if (d_energy) d_energy->data[static_cast<std::size_t>(i)] = behind_layer / energy.data[static_cast<std::size_t>(i)];
  });
}

Tensor stick_breaking_numbers(const StickBreaking& op, const Tensor& voxels, const Tensor& incident_energy,
                              int threads) {
  Tensor s = zeros({voxels.rows(), voxels.columns()});
  for_rows(threads, voxels.rows(), grain, [&](int i) {
    const float* energy = voxels.row(i);
    for (int j = 0; j < voxels.columns(); ++j)
      if (!(energy[j] > 0))
        fail("stick breaking: event ", i, " voxel ", j, " holds ", energy[j],
             " MeV; energies must be positive (zeros are filled below the threshold first)");
    std::vector<double> layer_energy;
    int voxel = 0, logit = static_cast<int>(op.layer_voxels.size());
    for (int parts : op.layer_voxels) {
      layer_energy.push_back(
          stick_logits(parts, s.row(i) + logit, [&](int k) { return static_cast<double>(energy[voxel + k]); }));
      voxel += parts, logit += parts - 1;
    }
    const double total = stick_logits(static_cast<int>(layer_energy.size()), s.row(i) + 1,
                                      [&](int k) { return layer_energy[static_cast<std::size_t>(k)]; });
    s.row(i)[0] =
        static_cast<float>(log(total / static_cast<double>(incident_energy.data[static_cast<std::size_t>(i)])));
  });
  return s;
}

}  // namespace quench
