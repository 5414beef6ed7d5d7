// The two networks of the GAN, their start, and the hash of all that decides the result.
// SPDX-License-Identifier: MIT
#include <variant>

#include "engine/core/error.h"
#include "engine/model/forward.h"
#include "engine/train/gan.h"
#include "engine/train/hash.h"
#include "engine/train/spectral_norm.h"
#include "engine/train/start.h"
#include "engine/train/streams.h"
#include "engine/train/tune_events.h"

namespace quench {
namespace {

constexpr double occupancy_softness = 0.1;  // in ln(energy): finer than a bin of the voxels' spectrum

// Of the settings that came after the first checkpoints.
std::uint64_t later_settings(const GanSettings& s) {
  Hash h;
  h.text(s.loss), h.text(s.penalty), h.text(s.schedule), h.word(s.spectral_norm), h.integers({s.critic_steps});
  for (double x :
       {s.gradient_penalty, s.instance_noise, s.moments.total_energy, s.moments.layer_energy, s.moments.sparsity})
    h.number(x);
  h.integers({s.validation.events, s.validation.every, s.validation.patience}), h.number(s.alpha), h.word(s.skip);
  h.word(s.critic_occupancy);
  return h.value;
}

}  // namespace

Model gan_generator(const GanSettings& settings, const Preprocessing& p) {
  Model m;
  m.name = settings.name;
  m.facts = {"normal", p.geometry, p.minimum_energy_mev, p.maximum_energy_mev};
  const Value latent = add_input(m, "latent", settings.latent, InputKind::latent);
  const Value energy = add_input(m, "incident_energy", 1, InputKind::incident_energy);
  const Value condition = append(m, "condition", p.condition, {energy}, 1);
  const Value input = append(m, "input", Concat{}, {latent, condition}, settings.latent + 1);
  const Value h = append_hidden(m, input, settings.hidden, activation(settings.activation), settings.batch_norm);
  const int width = m.values[index(h)].width;
  const int voxels = p.numbers.mean.columns();
  const int outputs = settings.heads ? heads_width(*settings.heads) : voxels;
  m.outputs = {append(m, settings.heads ? "heads" : "numbers", linear(width, outputs), {h}, outputs)};
  if (settings.skip) {
    const Value direct = append(m, "skip", linear(settings.latent + 1, outputs), {input}, outputs);
    m.outputs = {append(m, "sum", Sum{}, {m.outputs[0], direct}, outputs)};
  }
  if (settings.heads) m.outputs = {append(m, "softmax_split", *settings.heads, {m.outputs[0], energy}, voxels)};
  draw_weights(m, settings.seed, 0);
  check(m);
  return m;
}

Model gan_critic(const GanSettings& settings, const Preprocessing& p) {
  Model m;
  m.name = "critic";
  const int voxels = p.numbers.mean.columns();
  const Value x = add_input(m, "standardised", voxels, InputKind::features);
  const Value energy = add_input(m, "incident_energy", 1, InputKind::incident_energy);
  const Value condition = append(m, "condition", p.condition, {energy}, 1);
  const Value numbers = append(m, "numbers", p.numbers, {x, condition}, voxels);
  StickBreaking split = p.split;
  split.logarithmic = true;
  const Value logarithms = append(m, "log_voxels", split, {numbers, energy}, voxels);
  ConditionalAffine standardise = p.log_voxels;
  standardise.inverse = true;
  const Value standard = append(m, "standard_log_voxels", standardise, {logarithms, condition}, voxels);
  std::vector<Value> seen = {standard, x, condition};
  if (settings.critic_occupancy) seen.push_back(append_occupancy(m, p, logarithms, condition, occupancy_softness));
  Value h = append(m, "input", Concat{}, seen, (static_cast<int>(seen.size()) - 1) * voxels + 1);
  h = append_hidden(m, h, settings.critic_hidden, LeakyRelu{0.2f}, false);
  const int width = m.values[index(h)].width;
  m.outputs = {append(m, "score", linear(width, 1), {h}, 1)};
  draw_weights(m, settings.seed, 1000);
  check(m);
  return m;
}

GanState start_gan(const GanSettings& settings, const Preprocessing& p, const Model& teacher) {
  if (settings.heads)
    fail("train: a critic compares standardised numbers, but generator ", settings.name,
         " gives logits of softmaxes, as its teacher does; set distill.alpha = 1");
  GanState s;
  s.generator = s.average = gan_generator(settings, p);
  s.critic = gan_critic(settings, p);
  s.generator_first = s.generator_second = zeros_like(s.generator);
  s.critic_first = s.critic_second = zeros_like(s.critic);
  if (settings.validation.events > 0) s.best.model = s.average;
  if (settings.spectral_norm) s.spectral = start_spectral(s.critic, stream_seed(settings.seed, Use::spectral));
  if (any_weight(settings.moments)) s.quantities = shower_quantities(p);
  if (settings.alpha > 0) {
    check_pair(teacher, s.generator);
    s.teacher = teacher;
  }
  return s;
}

std::uint64_t gan_hash(const GanSettings& s, const Preprocessing& p, const TrainingSet& data, const Model& teacher) {
  Hash h;
  h.text(s.name), h.word(s.seed), h.integers({s.latent, s.latent_bits}), h.integers(s.hidden), h.text(s.activation);
  h.word(s.batch_norm), h.integers(s.critic_hidden), h.integers({s.steps, s.batch});
  for (double x : {s.learning_rate, s.critic_learning_rate, s.beta1, s.beta2, s.average, s.decay_from}) h.number(x);
  h.integers({s.statistics_batches, s.statistics_batch});
  h.text(p.geometry), h.number(p.minimum_energy_mev), h.number(p.maximum_energy_mev), h.number(p.threshold_mev);
  h.number(p.condition.reference_mev), h.integers(p.split.layer_voxels);
  for (const ConditionalAffine* op : {&p.numbers, &p.log_voxels}) h.tensor(op->mean), h.tensor(op->log_deviation);
  h.tensor(data.numbers), h.tensor(data.energies);
  // Left alone, they change no checkpoint's hash.
  if (later_settings(s) != later_settings(GanSettings())) h.word(later_settings(s));
  for_each_parameter(teacher, [&](std::size_t, const std::string&, const Tensor& t) { h.tensor(t); });
  return h.value;
}

}  // namespace quench
