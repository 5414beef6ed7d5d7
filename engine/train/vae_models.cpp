// The networks of the VAE, their start, and the generator they become.
// SPDX-License-Identifier: MIT
#include <utility>

#include "engine/core/math.h"
#include "engine/model/forward.h"
#include "engine/train/hash.h"
#include "engine/train/start.h"
#include "engine/train/vae.h"

namespace quench {
namespace {

Model vae_encoder(const VaeSettings& s, const Preprocessing& p) {
  Model m;
  m.name = "encoder";
  const int width = p.numbers.mean.columns();
  const Value x = add_input(m, "standardised", width, InputKind::features);
  const Value energy = add_input(m, "incident_energy", 1, InputKind::incident_energy);
  const Value condition = append(m, "condition", p.condition, {energy}, 1);
  Value h = append(m, "input", Concat{}, {x, condition}, width + 1);
  h = append_hidden(m, h, s.encoder_hidden, Relu{}, false);
  m.outputs = {append(m, "code", linear(m.values[index(h)].width, 2 * s.latent), {h}, 2 * s.latent)};
  draw_weights(m, s.seed, 3000);
  check(m);
  return m;
}

Model vae_decoder(const VaeSettings& s, const Preprocessing& p) {
  Model m;
  m.name = s.name;
  m.facts = {"normal", p.geometry, p.minimum_energy_mev, p.maximum_energy_mev};
  const int width = s.heads ? heads_width(*s.heads) : p.numbers.mean.columns();
  const Value latent = add_input(m, "latent", s.latent, InputKind::latent);
  const Value energy = add_input(m, "incident_energy", 1, InputKind::incident_energy);
  const Value condition = append(m, "condition", p.condition, {energy}, 1);
  Value h = append(m, "input", Concat{}, {latent, condition}, s.latent + 1);
  h = append_hidden(m, h, s.hidden, activation(s.activation), s.batch_norm);
  m.outputs = {append(m, s.heads ? "heads" : "numbers", linear(m.values[index(h)].width, width), {h}, width)};
  draw_weights(m, s.seed, 4000);
  check(m);
  return m;
}

// Independent normal distributions around the decoder's means: ActNorm's log_scale is minus their ln sigma.
Model vae_likelihood(const Preprocessing& p) {
  Model m;
  m.name = "likelihood";
  const int width = p.numbers.mean.columns();
  const Value rest = add_input(m, "residual", width, InputKind::features);
  const Value z = append(m, "sigma", act_norm(width, true), {rest}, width + 1);
  m.outputs = {append(m, "log_density", NormalDensity{}, {z}, 1)};
  check(m);
  return m;
}

// A normal distribution of the total over the incident energy around the decoder's, whose deviation is a trained
// multiple of the response's own at that energy (which the standardisation knows): every energy's total is learned.
Model total_likelihood(const Preprocessing& p) {
  Model m;
  m.name = "likelihood";
  const Value rest = add_input(m, "residual", 1, InputKind::features);
  const Value energy = add_input(m, "incident_energy", 1, InputKind::incident_energy);
  const Value condition = append(m, "condition", p.condition, {energy}, 1);
  const int terms = p.numbers.log_deviation.rows();
  ConditionalAffine resolution{zeros({terms, 1}), zeros({terms, 1}), true};
  for (int d = 0; d < terms; ++d) resolution.log_deviation.row(d)[0] = p.numbers.log_deviation.row(d)[0];
  const Value x = append(m, "resolution", resolution, {rest, condition}, 1);
  const Value z = append(m, "sigma", act_norm(1, true), {x}, 2);
  m.outputs = {append(m, "log_density", NormalDensity{}, {z}, 1)};
  check(m);
  return m;
}

}  // namespace

VaeState start_vae(const VaeSettings& settings, const Preprocessing& p) {
  VaeState s;
  s.encoder = vae_encoder(settings, p);
  s.decoder = s.decoder_average = vae_decoder(settings, p);
  s.likelihood = s.likelihood_average = settings.heads ? total_likelihood(p) : vae_likelihood(p);
  s.encoder_first = s.encoder_second = zeros_like(s.encoder);
  s.decoder_first = s.decoder_second = zeros_like(s.decoder);
  s.likelihood_first = s.likelihood_second = zeros_like(s.likelihood);
  if (settings.validation.events > 0) s.best.model = vae_generator(settings, s.decoder, s.likelihood);
  return s;
}

std::uint64_t vae_hash(const VaeSettings& s, const Preprocessing& p, const TrainingSet& data) {
  Hash h;
  h.text(s.name), h.word(s.seed), h.integers({s.latent, s.latent_bits}), h.integers(s.hidden), h.text(s.activation);
  h.word(s.batch_norm), h.integers(s.encoder_hidden), h.integers({s.kl_warm_up, s.steps, s.batch});
  for (double x : {s.beta, s.learning_rate, s.beta1, s.beta2, s.average, s.decay_from}) h.number(x);
  h.integers({s.statistics_batches, s.statistics_batch});
  h.integers({s.validation.events, s.validation.every, s.validation.patience});
  h.text(p.geometry), h.number(p.minimum_energy_mev), h.number(p.maximum_energy_mev), h.number(p.threshold_mev);
  for (const ConditionalAffine* op : {&p.numbers, &p.log_voxels}) h.tensor(op->mean), h.tensor(op->log_deviation);
  h.tensor(data.numbers), h.tensor(data.energies);
  if (s.heads)
    h.integers(s.heads->layer_voxels), h.number(s.heads->total_scale), h.word(s.quanta), h.tensor(data.heads);
  return h.value;
}

Model vae_generator(const VaeSettings& s, Model m, const Model& likelihood) {
  if (s.heads) {
    const Value heads = m.outputs[0], energy = m.inputs[1].value;
    m.outputs = {append(m, "softmax_split", *s.heads, {heads, energy},
                        heads_width(*s.heads) - 1 - static_cast<int>(s.heads->layer_voxels.size()))};
    check(m);
    return m;
  }
  const int width = m.values[index(m.outputs[0])].width;
  // The decoder's latent input becomes the first columns of a wider one, whose others are the output's noise.
  const Value code = m.inputs[0].value;
  Value latent{static_cast<std::uint32_t>(m.values.size())};
  m.values.push_back({"latent", s.latent + width});
  m.values[index(code)].name = "code.out";
  m.inputs[0].value = latent;
  m.nodes.insert(m.nodes.begin(), {"code", Slice{0, s.latent}, {latent}, code});
  const Value noise = append(m, "noise", Slice{s.latent, width}, {latent}, width);
  // Mean and deviation of a number: residual + shift has the standard deviation exp(-log_scale).
  const ActNorm& sigma = std::get<ActNorm>(likelihood.nodes[0].op);
  Spread spread{zeros({width})};
  for (Node& node : m.nodes)
    if (node.output == m.outputs[0])
      for (std::size_t j = 0; j < sigma.shift.size(); ++j)
        std::get<Linear>(node.op).bias.data[j] -= sigma.shift.data[j];
  for (std::size_t j = 0; j < sigma.shift.size(); ++j) spread.deviation.data[j] = exp(-sigma.log_scale.data[j]);
  m.outputs = {append(m, "spread", std::move(spread), {m.outputs[0], noise}, width)};
  check(m);
  return m;
}

}  // namespace quench
