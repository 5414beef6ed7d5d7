// Data and calibration events as the recipe asks for them.
// SPDX-License-Identifier: MIT
#include "targets/command/pipeline.h"

#include <algorithm>
#include <cmath>
#include <csignal>

#include "engine/compress/calibrate.h"
#include "engine/core/error.h"
#include "engine/physics/simulate.h"
#include "engine/train/deploy.h"

namespace quench {
namespace {

std::atomic<bool> stop_requested{false};

Data simulated_data(const Recipe& r, int threads) {
  Data data;
  data.geometry = recipe_geometry(r);
  Simulation s;
  s.particle = r.data.particle;
  s.min_energy_gev = r.data.minimum_gev, s.max_energy_gev = r.data.maximum_gev;
  s.seed = r.seed;
  const int all = r.data.events, held_out = r.data.validation_events;
  data.training = simulate(data.geometry, s, 0, all, threads);
  data.reference = simulate(data.geometry, s, all, held_out, threads);
  data.second = simulate(data.geometry, s, std::int64_t{all} + held_out, held_out, threads);
  data.origin = "simulated " + r.data.particle + " showers (GFlash)";
  return data;
}

// The last part of the file is held out; the second sample is the training part itself.
Data file_data(const Recipe& r) {
  Data data;
  data.geometry = recipe_geometry(r);
  const Events all = load_events(r.data.source, data.geometry);
  const int held_out = static_cast<int>(std::floor(all.size() * r.data.validation_fraction + 0.5));
  if (held_out < 1 || all.size() - held_out < 2)
    fail(r.data.source, ": ", all.size(), " events cannot be split into training and ", held_out,
         " held-out events (data.validation_fraction = ", r.data.validation_fraction, "); at least 2 and 1 are needed");
  data.training = select(all, 0, all.size() - held_out);
  data.reference = select(all, all.size() - held_out, held_out);
  data.second = data.training;
  data.origin = r.data.source.substr(r.data.source.find_last_of('/') + 1);
  return data;
}

}  // namespace

bool can_be_tuned(const Model& m) {
  return std::any_of(m.nodes.begin(), m.nodes.end(), ends_core) &&
         std::none_of(m.inputs.begin(), m.inputs.end(),
                      [](const ModelInput& in) { return in.kind == InputKind::features; });
}

const std::atomic<bool>& interrupted() {
  static const bool installed = [] {
    struct sigaction action = {};
    action.sa_handler = [](int) { stop_requested = true; };
    action.sa_flags = static_cast<int>(SA_RESETHAND);  // the second one ends the process at once
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
    return true;
  }();
  static_cast<void>(installed);
  return stop_requested;
}

Tensor generated_energies(const Data& data, int count) {
  Tensor e = zeros({count, 1});
  const std::vector<float>& all = data.second.incident_energies.data;
  for (int i = 0; i < count; ++i) e.data[static_cast<std::size_t>(i)] = all[static_cast<std::size_t>(i) % all.size()];
  return e;
}

Geometry recipe_geometry(const Recipe& r) {
  Geometry g = geometry(r.data.geometry);
  if (r.data.threshold_mev >= 0) g.threshold_mev = r.data.threshold_mev;
  return g;
}

Data load_data(const Recipe& r, int threads) {
  return r.data.source == "simulation" ? simulated_data(r, threads) : file_data(r);
}

std::vector<Tensor> calibration_inputs(const Recipe& r, const Model& m, int threads) {
  const std::uint64_t seed = r.seed ^ 0x63616c69627261ull;
  const bool conditional = std::any_of(m.inputs.begin(), m.inputs.end(),
                                       [](const ModelInput& in) { return in.kind == InputKind::incident_energy; });
  const int events = r.compress.calibration_events;
  const Tensor energies = conditional ? log_uniform_energies(m.facts, seed, 0, events) : zeros({events, 1});
  return shower_inputs(m, seed, 0, energies, r.compress.latent_bits, threads);
}

}  // namespace quench
