// The events that tuning draws, and the loss that it lowers.
// SPDX-License-Identifier: MIT
#include "engine/train/tune_events.h"

#include <algorithm>

#include "engine/core/error.h"
#include "engine/core/math.h"
#include "engine/physics/random.h"
#include "engine/train/streams.h"

namespace quench {
namespace {

// Event i has the energy minimum (maximum / minimum)^u, u uniform from the event's own stream.
void draw_energies(const InputSource& source, std::uint64_t first, int count, Tensor& energies) {
  resize(energies, count, 1);
  const double span = log(source.maximum_mev) - log(source.minimum_mev);
  for (int i = 0; i < count; ++i) {
    Random random(source.energy_seed, first + static_cast<std::uint64_t>(i), 0);
    const double energy = span > 0 ? source.minimum_mev * exp(span * uniform(random)) : source.minimum_mev;
    energies.data[static_cast<std::size_t>(i)] = static_cast<float>(std::min(energy, source.maximum_mev));
  }
}

}  // namespace

InputSource input_source(const Model& core, std::uint64_t seed, int latent_bits) {
  int latents = 0, width = 0;
  for (const ModelInput& input : core.inputs) {
    if (input.kind == InputKind::features)
      fail("model ", core.name, ": tuning draws its inputs; features cannot be drawn");
    if (input.kind == InputKind::latent) ++latents, width = core.values[index(input.value)].width;
    if (input.kind == InputKind::incident_energy &&
        !(core.facts.minimum_energy_mev > 0 && core.facts.maximum_energy_mev >= core.facts.minimum_energy_mev))
      fail("model ", core.name, ": its incident energies, ", core.facts.minimum_energy_mev, " to ",
           core.facts.maximum_energy_mev, " MeV, are no range to draw from");
  }
  if (latents != 1) fail("model ", core.name, ": has ", latents, " latent inputs; tuning needs exactly 1");
  return {latent_noise(core.facts.latent, width, latent_bits), stream_seed(seed, Use::tune_latent),
          stream_seed(seed, Use::tune_energy), core.facts.minimum_energy_mev, core.facts.maximum_energy_mev};
}

void draw(const InputSource& source, std::uint64_t first, int count, TuneEvents& events, int threads) {
  sample_latent(source.noise, source.latent_seed, first, count, events.latent, threads);
  draw_energies(source, first, count, events.energies);
}

TuneEvents draw(const InputSource& source, std::uint64_t first, int count, int threads) {
  TuneEvents events;
  draw(source, first, count, events, threads);
  return events;
}

void inputs_of(const Model& core, const TuneEvents& batch, std::vector<Tensor>& inputs) {
  inputs.resize(core.inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i)
    inputs[i] = core.inputs[i].kind == InputKind::latent ? batch.latent : batch.energies;
}

std::vector<Tensor> inputs_of(const Model& core, const TuneEvents& batch) {
  std::vector<Tensor> inputs;
  inputs_of(core, batch, inputs);
  return inputs;
}

void check_pair(const Model& a, const Model& b) {
  const auto width = [](const Model& m, Value v) { return m.values[index(v)].width; };
  if (width(a, a.outputs[0]) != width(b, b.outputs[0]))
    fail("tuning: ", a.name, " has ", width(a, a.outputs[0]), " outputs, ", b.name, " has ", width(b, b.outputs[0]));
  for (InputKind kind : {InputKind::latent, InputKind::incident_energy}) {
    int widths[2] = {0, 0};
    for (const ModelInput& input : a.inputs)
      if (input.kind == kind) widths[0] += width(a, input.value);
    for (const ModelInput& input : b.inputs)
      if (input.kind == kind) widths[1] += width(b, input.value);
    if (widths[0] != widths[1])
      fail("tuning: the teacher's ", kind == InputKind::latent ? "latent" : "incident energy", " input is ", widths[0],
           " wide, the student's ", widths[1]);
  }
}

// Mean square of a - b; the gradient with respect to a, per event.
double mean_square(const Tensor& a, const Tensor& b, Tensor& gradient) {
  resize(gradient, a.rows(), a.columns());
  const float inverse = 1.0f / static_cast<float>(a.rows());
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const float d = a.data[i] - b.data[i];
    sum += static_cast<double>(d) * static_cast<double>(d);
    gradient.data[i] = d * inverse;
  }
  return sum / static_cast<double>(a.size());
}

}  // namespace quench
