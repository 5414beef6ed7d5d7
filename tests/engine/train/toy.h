// Small made-up showers for the tests of the training.
// SPDX-License-Identifier: MIT
#pragma once
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "engine/core/math.h"
#include "engine/physics/events.h"
#include "engine/physics/random.h"
#include "engine/train/deploy.h"
#include "engine/train/flow.h"
#include "engine/train/gan.h"

namespace quench {

// Three layers of 2, 1 and 2 voxels, threshold 3 MeV.
inline Geometry toy_geometry() {
  Geometry g;
  g.name = "toy";
  g.threshold_mev = 3;
  for (std::size_t voxels : {2, 1, 2}) {
    GeometryLayer layer;
    layer.r = layer.x = layer.y = std::vector<double>(voxels, 1.0);
    g.layers.push_back(layer);
  }
  return g;
}

// Incident energies log-uniform between the two; the response, its spread and the sharing depend on the energy. The
// same bytes on every machine.
inline Events toy_events(int count, std::uint64_t seed = 3, double minimum_mev = 100, double maximum_mev = 10000) {
  Events events{zeros({count, 5}), zeros({count, 1})};
  for (int i = 0; i < count; ++i) {
    Random random(seed, static_cast<std::uint64_t>(i), 0);
    const double energy = minimum_mev * exp(uniform(random) * log(maximum_mev / minimum_mev));
    events.incident_energies.data[static_cast<std::size_t>(i)] = static_cast<float>(energy);
    const double total = energy * (0.9 + 0.3 / std::sqrt(energy) * normal(random));
    const double depth = log(energy) / 4;
    const double shares[5] = {0.4, 0.2, 0.2 * depth, 0.15 * depth, 0.02 * depth * depth};
    double sum = 0, part[5];
    for (int j = 0; j < 5; ++j) sum += part[j] = shares[j] * exp(0.3 * normal(random));
    for (int j = 0; j < 5; ++j) {
      const double e = total * part[j] / sum;
      events.showers.row(i)[j] = e < 3 ? 0.0f : static_cast<float>(e);
    }
  }
  return events;
}

// A deployed generator of these showers whose weights are far from 0.
inline Model toy_generator() {
  GanSettings settings;
  settings.latent = 6, settings.hidden = {24, 24}, settings.batch_norm = false;
  const Preprocessing p = fit_preprocessing(toy_events(500), toy_geometry(), 1);
  Model generator = gan_generator(settings, p);
  for_each_parameter(generator, [](std::size_t, const std::string&, Tensor& t) {
    for (float& w : t.data) w *= 2;
  });
  return deploy(generator, p);
}

// A deployed generator of these showers that ends in softmax heads: a total, 3 layers, 2 + 1 + 2 voxels. Weights far
// from 0.
inline Model softmax_generator(std::uint64_t seed, std::vector<int> hidden, double total_scale = 1.6) {
  GanSettings settings;
  settings.seed = seed, settings.latent = 6, settings.hidden = std::move(hidden), settings.batch_norm = false;
  settings.heads = SoftmaxSplit{toy_geometry().layer_voxels(), total_scale};
  const Preprocessing p = fit_preprocessing(toy_events(500), toy_geometry(), 1);
  Model generator = gan_generator(settings, p);
  for_each_parameter(generator, [](std::size_t, const std::string&, Tensor& t) {
    for (float& w : t.data) w *= 3;
  });
  return deploy(generator, p);
}

// A deployed flow of these showers whose couplings have weights far from 0.
inline Model flow_teacher(CouplingKind kind) {
  FlowSettings settings;
  settings.coupling = kind, settings.couplings = 4, settings.hidden = {24};
  const Preprocessing p = fit_preprocessing(toy_events(500), toy_geometry(), 1);
  Model density = flow_density(settings, 5, &p.condition);
  for (Node& node : density.nodes)
    if (Linear* op = std::get_if<Linear>(&node.op); op && op->weight.rows() <= 6)
      for (float& w : op->weight.data) w *= 20;
  return deploy(flow_sampling(density), p);
}

}  // namespace quench
