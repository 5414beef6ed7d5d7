// Variational autoencoder of showers (Kingma and Welling 2014); its decoder is deployed.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/model/model.h"
#include "engine/ops/softmax_split.h"
#include "engine/train/best.h"
#include "engine/train/loop.h"
#include "engine/train/preprocess.h"

namespace quench {

struct VaeSettings {
  std::string name = "shower";
  std::uint64_t seed = 1;
  int latent = 30, latent_bits = 8;
  std::vector<int> hidden = {60, 90, 120, 150};  // of the decoder
  std::string activation = "leaky-relu";         // of the decoder; the encoder's is a ReLU
  bool batch_norm = true;                        // in the decoder
  std::vector<int> encoder_hidden = {512, 256};
  // What the decoder gives: with heads, SoftmaxSplit's logits, which the set's `heads` teach; without, the means of the
  // standardised numbers, with normal noise around them.
  std::optional<SoftmaxSplit> heads;
  int quanta = 300;       // draws of each softmax's multinomial (shares_likelihood)
  double beta = 1;        // weight of the divergence KL(q(z|x) || N(0, 1)) ...
  int kl_warm_up = 2000;  // ... which grows to it in these first steps
  int steps = 20000, batch = 256;
  double learning_rate = 1e-3, beta1 = 0.9, beta2 = 0.999, average = 0.999, decay_from = 0.4;
  int statistics_batches = 20, statistics_batch = 1000;  // BatchNorm statistics of the averaged decoder
  int checkpoint_every = 1000;
  Validation validation;  // by VaeControl's quality, of the generator
};

struct VaeState {
  // likelihood: numbers, or with heads the total over the incident energy, minus the decoder's -> ln p, [events, 1]
  Model encoder, decoder, likelihood;
  Model decoder_average, likelihood_average;
  Model encoder_first, encoder_second, decoder_first, decoder_second, likelihood_first, likelihood_second;
  std::int64_t step = 0;
  Best best;  // of the generators
};

struct VaeProgress {
  std::int64_t step, steps;
  double log_likelihood, divergence;  // means over the step's events, nats; their difference bounds ln p from below
  bool evaluated = false;             // at this step:
  double validation = 0;              // quality of the generator
};

using VaeControl = TrainControl<VaeState, VaeProgress>;

// Encoder: standardised numbers and incident_energy -> means and log variances of the latents [2 latent].
// Decoder: latent and incident_energy -> means of the standardised numbers, or the heads.
VaeState start_vae(const VaeSettings&, const Preprocessing&);

std::uint64_t vae_hash(const VaeSettings&, const Preprocessing&, const TrainingSet&);

// A pure function of its arguments, as train_gan.
VaeState train_vae(const VaeSettings&, const TrainingSet&, VaeState, const VaeControl& = {}, int threads = 1);

bool ended(const VaeSettings&, const VaeState&);

// The decoder, followed by the noise that the likelihood says: latent [latent + numbers] and incident_energy ->
// standardised numbers. The first latents are the code, the others noise. With heads the decoder followed by
// SoftmaxSplit, without noise: latent [latent] and incident_energy -> voxels, MeV.
Model vae_generator(const VaeSettings&, Model decoder, const Model& likelihood);

// What the training found: the best generator, or without validation that of the last averaged decoder, with BatchNorm
// statistics of its own weights.
Model trained_generator(const VaeSettings&, const VaeState&, const TrainingSet&, int threads = 1);

}  // namespace quench
