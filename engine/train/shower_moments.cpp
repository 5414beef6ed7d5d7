// The quantities as a Model of the engine's own ops, their moments and the way back.
// SPDX-License-Identifier: MIT
#include "engine/train/shower_moments.h"

#include <algorithm>
#include <cassert>

#include "engine/core/math.h"

namespace quench {
namespace {

constexpr double softness = 0.2;   // of the threshold, in ln(energy)
constexpr double smallest = 1e-6;  // added to the unit of a variance

Tensor constant_row(int width, double value) {
  Tensor t = zeros({1, width});
  std::fill(t.data.begin(), t.data.end(), static_cast<float>(value));
  return t;
}

// x - ln E as an inverse ConditionalAffine: ln E = ln(reference) + c ln 10.
ConditionalAffine minus_log_energy(const LogEnergy& condition, int width) {
  ConditionalAffine op{zeros({2, width}), zeros({2, width}), true};
  std::fill_n(op.mean.row(0), width, static_cast<float>(log(condition.reference_mev)));
  std::fill_n(op.mean.row(1), width, static_cast<float>(log(10.0)));
  return op;
}

// The columns of one weight.
struct Group {
  double weight;
  int begin, end;
};

}  // namespace

Value append_occupancy(Model& m, const Preprocessing& p, Value log_voxels, Value condition, double soft) {
  const int voxels = p.numbers.mean.columns();
  const ConditionalAffine above{constant_row(voxels, log(p.threshold_mev)), constant_row(voxels, log(soft)), true};
  return append(m, "counted", Sigmoid{}, {append(m, "above", above, {log_voxels, condition}, voxels)}, voxels);
}

Model shower_quantities(const Preprocessing& p) {
  Model m;
  m.name = "quantities";
  const int voxels = p.numbers.mean.columns(), layers = static_cast<int>(p.split.layer_voxels.size());
  const Value x = add_input(m, "standardised", voxels, InputKind::features);
  const Value energy = add_input(m, "incident_energy", 1, InputKind::incident_energy);
  const Value condition = append(m, "condition", p.condition, {energy}, 1);
  const Value numbers = append(m, "numbers", p.numbers, {x, condition}, voxels);
  const Value total = append(m, "total", Slice{0, 1}, {numbers}, 1);
  // The numbers 0 .. layers - 1 alone split a shower whose layers have one voxel each.
  const Value sharing = append(m, "sharing", Slice{0, layers}, {numbers}, layers);
  const StickBreaking of_layers{std::vector<int>(static_cast<std::size_t>(layers), 1), true};
  Value layer = append(m, "log_layers", of_layers, {sharing, energy}, layers);
  layer = append(m, "relative_layers", minus_log_energy(p.condition, layers), {layer, condition}, layers);
  Value count = append(m, "log_voxels", StickBreaking{p.split.layer_voxels, true}, {numbers, energy}, voxels);
  count = append_occupancy(m, p, count, condition, softness);
  Linear mean = linear(voxels, 1);
  std::fill(mean.weight.data.begin(), mean.weight.data.end(), 1.0f / static_cast<float>(voxels));
  count = append(m, "fraction", mean, {count}, 1);
  m.outputs = {append(m, "quantities", Concat{}, {total, layer, count}, layers + 2)};
  check(m);
  return m;
}

void batch_moments(const Tensor& x, Moments& m) {
  const std::size_t width = static_cast<std::size_t>(x.columns());
  m.mean.assign(width, 0), m.variance.assign(width, 0);
  for (int i = 0; i < x.rows(); ++i)
    for (std::size_t j = 0; j < width; ++j) m.mean[j] += static_cast<double>(x.row(i)[j]);
  for (double& mean : m.mean) mean /= x.rows();
  for (int i = 0; i < x.rows(); ++i)
    for (std::size_t j = 0; j < width; ++j) {
      const double d = static_cast<double>(x.row(i)[j]) - m.mean[j];
      m.variance[j] += d * d;
    }
  for (double& variance : m.variance) variance /= x.rows();
}

double moment_loss(const MomentWeights& w, const Tensor& generated, const Moments& real, Tensor& gradient) {
  const int events = generated.rows(), width = generated.columns();
  assert(width >= 3 && real.mean.size() == static_cast<std::size_t>(width));
  resize(gradient, events, width);
  double loss = 0;
  for (const Group& g :
       {Group{w.total_energy, 0, 1}, Group{w.layer_energy, 1, width - 1}, Group{w.sparsity, width - 1, width}})
    for (int j = g.begin; j < g.end; ++j) {
      const double unit = real.variance[static_cast<std::size_t>(j)] + smallest, weight = g.weight / (g.end - g.begin);
      double mean = 0, variance = 0;
      for (int i = 0; i < events; ++i) mean += static_cast<double>(generated.row(i)[j]);
      mean /= events;
      for (int i = 0; i < events; ++i) {
        const double d = static_cast<double>(generated.row(i)[j]) - mean;
        variance += d * d;
      }
      variance /= events;
      const double off = mean - real.mean[static_cast<std::size_t>(j)];
      const double wide = (variance - real.variance[static_cast<std::size_t>(j)]) / unit;
      loss += weight * (off * off / unit + wide * wide);
      // d mean / d x = 1 / n, d variance / d x = 2 (x - mean) / n.
      const double shift = weight * 2 * off / unit / events, stretch = weight * 4 * wide / unit / events;
      for (int i = 0; i < events; ++i)
        gradient.row(i)[j] = static_cast<float>(shift + stretch * (static_cast<double>(generated.row(i)[j]) - mean));
    }
  return loss;
}

double moment_term(const Model& quantities, const MomentWeights& weights, const std::vector<Tensor>& real,
                   const std::vector<Tensor>& generated, MomentSpace& space, int threads) {
  const std::size_t output = index(quantities.outputs.at(0));
  forward(quantities, real, Mode::inference, space.tape, threads);
  batch_moments(space.tape.values[output], space.real);
  forward(quantities, generated, Mode::inference, space.tape, threads);
  const double loss = moment_loss(weights, space.tape.values[output], space.real, space.gradient);
  space.input_gradient.resize(1);
  Model unused;  // no parameter's gradient is wanted
  backward(quantities, space.tape, space.gradient, unused, space.input_gradient, false, threads);
  return loss;
}

double diversity(const Tensor& generated, const Tensor& real) {
  Moments g, r;
  batch_moments(generated, g), batch_moments(real, r);
  double sum = 0;
  int columns = 0;
  for (std::size_t j = 0; j < r.variance.size(); ++j)
    if (r.variance[j] > 0) sum += g.variance[j] / r.variance[j], ++columns;
  return columns > 0 ? sum / columns : 1;
}

}  // namespace quench
