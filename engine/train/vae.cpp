// The VAE's training loop.
// SPDX-License-Identifier: MIT
#include "engine/train/vae.h"

#include <algorithm>
#include <cmath>

#include "engine/core/error.h"
#include "engine/core/math.h"
#include "engine/model/shards.h"
#include "engine/ops/noise.h"
#include "engine/train/adam.h"
#include "engine/train/batches.h"
#include "engine/train/statistics.h"
#include "engine/train/vae_heads.h"

namespace quench {
namespace {

// One network and what training it needs.
struct Trainee {
  const Model& model;
  Model gradient;
  AdamTensors tensors;
  std::vector<Tensor*> average;
  Shards shards{};
};

Trainee trainee(Model& model, Model* average, Model& first, Model& second) {
  Trainee t{model, zeros_like(model), {}, {}};
  t.tensors = {parameter_tensors(model), {}, parameter_tensors(first), parameter_tensors(second)};
  if (average) t.average = parameter_tensors(*average);
  return t;
}

// Everything a step needs besides the state; filled once, reused.
struct Workspace {
  const VaeSettings& settings;
  const TrainingSet& data;
  int events;  // trained on; the others validate
  int threads;
  Trainee encoder, decoder, likelihood;
  QNoise noise;
  std::vector<Tensor> encoder_inputs = std::vector<Tensor>(2), decoder_inputs = encoder_inputs;
  std::vector<Tensor> residual = std::vector<Tensor>(1), code_gradient = residual, residual_gradient = residual;
  Tensor draws{}, slope{}, decoder_gradient{}, encoder_gradient{}, targets{};
  HeadsSpace heads{};
};

void draw_batch(Workspace& w, std::int64_t step) {
  const int batch = w.settings.batch, width = w.data.numbers.columns();
  resize(w.encoder_inputs[0], batch, width);
  resize(w.encoder_inputs[1], batch, 1);
  resize(w.decoder_inputs[1], batch, 1);
  if (w.settings.heads) resize(w.targets, batch, w.data.heads.columns());
  for_each_event(w.settings.seed, step, batch, static_cast<std::uint32_t>(w.events), [&](int row, std::uint32_t event) {
    std::copy_n(w.data.numbers.row(static_cast<int>(event)), width, w.encoder_inputs[0].row(row));
    for (std::vector<Tensor>* inputs : {&w.encoder_inputs, &w.decoder_inputs})
      (*inputs)[1].data[static_cast<std::size_t>(row)] = w.data.energies.data[event];
    if (w.settings.heads)
      std::copy_n(w.data.heads.row(static_cast<int>(event)), w.targets.columns(), w.targets.row(row));
  });
}

// z = mean + exp(log variance / 2) draw, the reparameterisation; returns the mean divergence.
double encode(Workspace& w, std::int64_t step) {
  const int batch = w.settings.batch, latent = w.settings.latent;
  forward(w.encoder.model, w.encoder_inputs, Mode::training, w.encoder.shards, w.threads);
  sample_latent(w.noise, stream_seed(w.settings.seed, Use::latent),
                static_cast<std::uint64_t>(step) * static_cast<std::uint64_t>(batch), batch, w.draws, w.threads);
  resize(w.decoder_inputs[0], batch, latent);
  double divergence = 0;
  for (int i = 0; i < batch; ++i) {
    const float* code = w.encoder.shards.output.row(i);
    const float* draw = w.draws.row(i);
    float* z = w.decoder_inputs[0].row(i);
    for (int j = 0; j < latent; ++j) {
      z[j] = code[j] + exp(0.5f * code[latent + j]) * draw[j];
      const double mean = static_cast<double>(code[j]), log_variance = static_cast<double>(code[latent + j]);
      divergence += 0.5 * (mean * mean + exp(log_variance) - 1 - log_variance);
    }
  }
  return divergence / batch;
}

// Back through z into the encoder, with the divergence's own gradient.
void encoder_backward(Workspace& w, double beta) {
  const int batch = w.settings.batch, latent = w.settings.latent;
  const float weight = static_cast<float>(beta / batch);
  resize(w.encoder_gradient, batch, 2 * latent);
  for (int i = 0; i < batch; ++i) {
    const float* code = w.encoder.shards.output.row(i);
    const float* draw = w.draws.row(i);
    const float* slope = w.code_gradient[0].row(i);
    float* to = w.encoder_gradient.row(i);
    for (int j = 0; j < latent; ++j) {
      const float deviation = exp(0.5f * code[latent + j]);
      to[j] = slope[j] + weight * code[j];
      to[latent + j] = 0.5f * (slope[j] * draw[j] * deviation + weight * (deviation * deviation - 1.0f));
    }
  }
  backward(w.encoder.model, w.encoder.shards, w.encoder_gradient, w.encoder.gradient, {}, true, w.threads);
}

// What of the event the likelihood's normal distributions see: numbers, or the total, less the decoder's.
void find_residuals(Workspace& w) {
  const Tensor &x = w.encoder_inputs[0], &said = w.decoder.shards.output;
  if (w.settings.heads) {
    total_residuals(*w.settings.heads, said, w.targets, w.residual[0]);
    w.residual.resize(2);
    w.residual[1] = w.decoder_inputs[1];
    return;
  }
  resize(w.residual[0], x.rows(), x.columns());
  for (std::size_t i = 0; i < x.size(); ++i) w.residual[0].data[i] = x.data[i] - said.data[i];
}

// The residuals' gradient as the decoder's; with heads the shares' is added. Returns the shares' mean log likelihood.
double residuals_backward(Workspace& w) {
  const Tensor& slope = w.residual_gradient[0];
  if (const auto& heads = w.settings.heads) {
    total_backward(*heads, w.decoder.shards.output, slope, w.decoder_gradient);
    return shares_likelihood(*heads, w.decoder.shards.output, w.targets, w.settings.quanta, w.decoder_gradient, w.heads,
                             w.threads);
  }
  resize(w.decoder_gradient, slope.rows(), slope.columns());
  for (std::size_t i = 0; i < slope.size(); ++i) w.decoder_gradient.data[i] = -slope.data[i];
  return 0;
}

// Events through the decoder and its likelihood, and back; returns the mean log likelihood.
double decode(Workspace& w) {
  const int batch = w.settings.batch;
  forward(w.decoder.model, w.decoder_inputs, Mode::training, w.decoder.shards, w.threads);
  find_residuals(w);
  forward(w.likelihood.model, w.residual, Mode::training, w.likelihood.shards, w.threads);
  double sum = 0;
  for (float v : w.likelihood.shards.output.data) sum += static_cast<double>(v);
  resize(w.slope, batch, 1);
  std::fill(w.slope.data.begin(), w.slope.data.end(), -1.0f / static_cast<float>(batch));
  backward(w.likelihood.model, w.likelihood.shards, w.slope, w.likelihood.gradient, w.residual_gradient, true,
           w.threads);
  if (w.settings.heads) {  // the decoder's own bias is the total's only shift
    std::vector<Node>& nodes = w.likelihood.gradient.nodes;
    std::get<ActNorm>(nodes[nodes.size() - 2].op).shift.data.assign(1, 0.0f);
  }
  const double shares = residuals_backward(w);
  backward(w.decoder.model, w.decoder.shards, w.decoder_gradient, w.decoder.gradient, w.code_gradient, true, w.threads);
  return sum / batch + shares;
}

Model averaged_generator(const VaeSettings& s, const VaeState& state, const TrainingSet& data, int threads) {
  const Model decoder =
      with_statistics(state.decoder_average,
                      {s.seed, s.latent, s.latent_bits, s.statistics_batches, s.statistics_batch}, data, threads);
  return vae_generator(s, decoder, state.likelihood_average);
}

VaeProgress train_step(Workspace& w, VaeState& s, const VaeControl& control) {
  const VaeSettings& settings = w.settings;
  draw_batch(w, s.step);
  const double beta = settings.beta * std::min(1.0, static_cast<double>(s.step + 1) / std::max(settings.kl_warm_up, 1));
  VaeProgress now{s.step + 1, settings.steps, 0, encode(w, s.step)};
  now.log_likelihood = decode(w);
  encoder_backward(w, beta);
  update_state(s.decoder, w.decoder.shards.tapes[0]);  // BatchNorm: there is one shard
  const AdamSettings adam{scheduled_rate(settings.learning_rate, settings.decay_from, s.step, settings.steps),
                          settings.beta1, settings.beta2, 1e-8};
  const double young = static_cast<double>(1 + s.step) / static_cast<double>(10 + s.step);
  for (Trainee* t : {&w.encoder, &w.decoder, &w.likelihood}) {
    adam_step(t->tensors, adam, s.step + 1, w.threads);
    if (!t->average.empty())
      average_step(t->average, t->tensors.parameters, std::min(settings.average, young), w.threads);
  }
  if (!std::isfinite(now.log_likelihood) || !std::isfinite(now.divergence))
    fail("train: the likelihood is no longer finite at step ", now.step, "; lower train.learning_rate (",
         settings.learning_rate, ")");
  ++s.step;
  if (validates(settings.validation, s.step, settings.steps)) {
    const Model generator = averaged_generator(settings, s, w.data, w.threads);
    now.evaluated = true, now.validation = control.quality(generator);
    keep_best(s.best, generator, now.validation, s.step);
  }
  return now;
}

void check_settings(const VaeSettings& s, const TrainingSet& data, const VaeControl& control) {
  if (s.heads && (data.heads.rows() != data.numbers.rows() || data.heads.columns() != heads_width(*s.heads)))
    fail("train: softmax heads need [", data.numbers.rows(), ", ", heads_width(*s.heads), "] targets, the set has [",
         data.heads.rows(), ", ", data.heads.columns(), "]; make them with head_targets()");
  if (s.batch < 2 || s.steps < 1)
    fail("train: ", s.steps, " steps of ", s.batch, " events; at least 1 step of 2 events is needed");
  if (s.validation.events > 0 && !control.quality)
    fail("train.validation_events: ", s.validation.events, " events, but nothing says how good a generator is");
}

}  // namespace

bool ended(const VaeSettings& settings, const VaeState& s) {
  return ended(settings.validation, s.best, s.step, settings.steps);
}

Model trained_generator(const VaeSettings& settings, const VaeState& state, const TrainingSet& data, int threads) {
  return state.best.step > 0 ? state.best.model : averaged_generator(settings, state, data, threads);
}

VaeState train_vae(const VaeSettings& settings, const TrainingSet& data, VaeState s, const VaeControl& control,
                   int threads) {
  check_settings(settings, data, control);
  Workspace w{settings,
              data,
              training_events(settings.validation, data.numbers.rows()),
              threads,
              trainee(s.encoder, nullptr, s.encoder_first, s.encoder_second),
              trainee(s.decoder, &s.decoder_average, s.decoder_first, s.decoder_second),
              trainee(s.likelihood, &s.likelihood_average, s.likelihood_first, s.likelihood_second),
              normal_noise(settings.latent, 16)};
  for (Trainee* t : {&w.encoder, &w.decoder, &w.likelihood}) t->tensors.gradient = parameter_tensors(t->gradient);
  const auto over = [&] { return ended(settings, s); };
  train_loop(s, settings.checkpoint_every, control, over, [&] { return train_step(w, s, control); });
  return s;
}

}  // namespace quench
