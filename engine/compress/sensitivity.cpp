// One layer at a time, and the hull over all combinations.
// SPDX-License-Identifier: MIT
#include "engine/compress/sensitivity.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <variant>

#include "engine/compress/neurons.h"
#include "engine/compress/prune.h"
#include "engine/core/parallel_for.h"
#include "engine/model/forward.h"

namespace quench {
namespace {

// Sum of squared errors of a row rounded to codes -most .. most of this step.
double rounding_error(const float* row, int columns, double step, int most) {
  double sum = 0;
  for (int k = 0; k < columns; ++k) {
    const double w = static_cast<double>(row[k]);
    const double d = std::clamp(std::floor(w / step + 0.5), -1.0 * most, 1.0 * most) * step - w;
    sum += d * d;
  }
  return sum;
}

// The step of least square error among 24 between a quarter and all of what holds the largest weight.
double best_step(const float* row, int columns, int most) {
  float largest = 0;
  for (int k = 0; k < columns; ++k) largest = std::max(largest, std::fabs(row[k]));
  double best = 0, least = 0;
  for (int i = 24; i >= 1 && largest > 0; --i) {
    const double step = static_cast<double>(largest) / most * (0.25 + 0.75 * i / 24);
    const double error = rounding_error(row, columns, step, most);
    if (best == 0 || error < least) best = step, least = error;
  }
  return best;
}

// A layer's options from the dearest on, each cheaper at the least slope of error over cost: its own lower hull.
std::vector<std::size_t> hull(const std::vector<LayerOption>& options) {
  std::vector<std::size_t> order(options.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    const LayerOption &x = options[a], &y = options[b];
    return x.error != y.error ? x.error < y.error : x.cost < y.cost;
  });
  std::vector<std::size_t> path;
  for (std::size_t at = order[0];;) {
    path.push_back(at);
    std::size_t next = at;
    double slope = 0;
    for (std::size_t i : order) {
      if (options[i].cost >= options[at].cost) continue;
      const double s = (options[i].error - options[at].error) / static_cast<double>(options[at].cost - options[i].cost);
      if (next == at || s < slope) next = i, slope = s;
    }
    if (next == at) return path;
    at = next;
  }
}

double mean_square(const Tensor& t) {
  double sum = 0;
  for (const float y : t.data) sum += static_cast<double>(y) * static_cast<double>(y);
  return sum / static_cast<double>(t.size());
}

// Mean square of y - exact over that of exact.
double relative_change(const Tensor& y, const Tensor& exact) {
  const double square = mean_square(exact);
  Tensor difference = y;
  for (std::size_t i = 0; i < y.size(); ++i) difference.data[i] -= exact.data[i];
  return square > 0 ? mean_square(difference) / square : 0;
}

// From all neurons down in 32 to 63 steps; multiples of a power of two suit kernels.
std::vector<int> narrower_widths(int neurons) {
  int step = 1;
  while (64 * step <= neurons) step *= 2;
  std::vector<int> all{neurons};
  for (int width = (neurons - 1) / step * step; width > 0; width -= step) all.push_back(width);
  return all;
}

}  // namespace

Linear coarsened(Linear op, LayerChoice choice) {
  Model alone;
  append(alone, "l", std::move(op), {add_input(alone, "x", 1, InputKind::features)}, 1);
  if (choice.sparsity > 0) alone = prune(std::move(alone), choice.sparsity, PruneScope::layer);
  Linear result = std::get<Linear>(std::move(alone.nodes[0].op));
  const int most = (1 << (choice.bits - 1)) - 1, columns = result.weight.columns();
  for (int r = 0; r < result.weight.rows(); ++r) {
    float* row = result.weight.row(r);
    const double step = best_step(row, columns, most);
    if (step == 0) continue;
    for (int k = 0; k < columns; ++k)
      row[k] = static_cast<float>(
          std::clamp(std::floor(static_cast<double>(row[k]) / step + 0.5), -1.0 * most, 1.0 * most) * step);
  }
  return result;
}

std::vector<LayerSensitivity> sensitivity(const Model& model, Span<const Tensor> inputs,
                                          const std::vector<LayerChoice>& choices, const LayerCost& cost, int threads) {
  const Tensor exact = infer(model, inputs, threads);
  std::vector<LayerSensitivity> all;
  std::vector<std::size_t> nodes;
  for (std::size_t i = 0; i < model.nodes.size(); ++i)
    if (std::holds_alternative<Linear>(model.nodes[i].op)) {
      nodes.push_back(i);
      all.push_back({model.nodes[i].name, std::vector<LayerOption>(choices.size())});
    }
  parallel_for(threads, nodes.size() * choices.size(), 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t t = begin; t < end; ++t) {
      const std::size_t layer = t / choices.size(), k = t % choices.size();
      Model changed = model;
      Linear& op = std::get<Linear>(changed.nodes[nodes[layer]].op);
      op = coarsened(op, choices[k]);
      all[layer].options[k] = {choices[k], relative_change(infer(changed, inputs, 1), exact), cost(op, choices[k])};
    }
  });
  return all;
}

std::vector<WidthSensitivity> width_sensitivity(const Model& model, Span<const Tensor> inputs, int threads) {
  const Tensor exact = infer(model, inputs, threads);
  std::vector<WidthSensitivity> all;
  for (const LayerWidth& hidden : hidden_widths(model)) {
    const std::vector<int> widths = narrower_widths(hidden.neurons);
    WidthSensitivity layer{hidden.layer, std::vector<WidthOption>(widths.size())};
    parallel_for(threads, widths.size(), 1, [&](std::size_t begin, std::size_t end) {
      for (std::size_t k = begin; k < end; ++k) {
        const Model narrow = keep_neurons(model, inputs, {{hidden.layer, widths[k]}}, Importance::energy, 1);
        layer.options[k] = {widths[k], relative_change(infer(narrow, inputs, 1), exact)};
      }
    });
    all.push_back(std::move(layer));
  }
  return all;
}

std::vector<WidthOption> narrowed(const std::vector<WidthSensitivity>& layers, const WidthsCost& cost,
                                  std::int64_t limit) {
  std::vector<std::size_t> place(layers.size(), 0);
  std::vector<int> widths;
  for (const WidthSensitivity& layer : layers) widths.push_back(layer.options[0].neurons);
  for (std::int64_t now = cost(widths); now > limit; now = cost(widths)) {
    std::size_t best = layers.size();
    double slope = 0;
    for (std::size_t l = 0; l < layers.size(); ++l) {
      if (place[l] + 1 == layers[l].options.size()) continue;
      const WidthOption &here = layers[l].options[place[l]], &next = layers[l].options[place[l] + 1];
      std::vector<int> tried = widths;
      tried[l] = next.neurons;
      const double s = (next.error - here.error) / static_cast<double>(now - cost(tried));
      if (best == layers.size() || s < slope) best = l, slope = s;
    }
    if (best == layers.size()) break;
    widths[best] = layers[best].options[++place[best]].neurons;
  }
  std::vector<WidthOption> found;
  for (std::size_t l = 0; l < layers.size(); ++l) found.push_back(layers[l].options[place[l]]);
  return found;
}

std::vector<Allocation> allocations(const std::vector<LayerSensitivity>& layers) {
  std::vector<std::vector<std::size_t>> paths;
  Allocation now;
  for (const LayerSensitivity& layer : layers) {
    paths.push_back(hull(layer.options));
    const LayerOption& first = layer.options[paths.back()[0]];
    now.option.push_back(paths.back()[0]), now.error += first.error, now.cost += first.cost;
  }
  std::vector<Allocation> all{now};
  std::vector<std::size_t> place(layers.size(), 0);
  while (true) {
    std::size_t best = layers.size();
    double slope = 0;
    for (std::size_t l = 0; l < layers.size(); ++l) {
      if (place[l] + 1 == paths[l].size()) continue;
      const LayerOption &here = layers[l].options[paths[l][place[l]]],
                        &next = layers[l].options[paths[l][place[l] + 1]];
      const double s = (next.error - here.error) / static_cast<double>(here.cost - next.cost);
      if (best == layers.size() || s < slope) best = l, slope = s;
    }
    if (best == layers.size()) return all;
    const std::size_t from = paths[best][place[best]], to = paths[best][++place[best]];
    now.option[best] = to;
    now.error += layers[best].options[to].error - layers[best].options[from].error;
    now.cost += layers[best].options[to].cost - layers[best].options[from].cost;
    all.push_back(now);
  }
}

}  // namespace quench
