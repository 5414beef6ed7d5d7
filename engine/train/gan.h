// GAN on standardised stick-breaking numbers; the critic also sees log voxels.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/model/model.h"
#include "engine/train/best.h"
#include "engine/train/loop.h"
#include "engine/train/preprocess.h"
#include "engine/train/shower_moments.h"

namespace quench {

struct GanSettings {
  std::string name = "shower";  // of the generator
  std::uint64_t seed = 1;
  int latent = 99, latent_bits = 8;  // normal latents from the integer sampler (numerics.md section 8)
  std::vector<int> hidden = {256, 512};
  std::string activation = "relu";  // or "leaky-relu", of the generator
  bool batch_norm = true;
  // A Linear from latents and condition to the numbers beside the network: noise that the numbers only add up does not
  // have to pass its activations, so that far fewer weights do.
  bool skip = false;
  std::vector<int> critic_hidden = {512, 256};
  bool critic_occupancy = false;  // the critic also sees which voxels are above the threshold (append_occupancy())
  int steps = 20000, batch = 256;
  double learning_rate = 5e-4, critic_learning_rate = 5e-4, beta1 = 0.5, beta2 = 0.99;
  double average = 0.999;   // of the generator's weights, per step
  double decay_from = 0.4;  // learning rates: constant up to this fraction of the steps, then half a cosine to 0
  int statistics_batches = 20, statistics_batch = 1000;  // BatchNorm statistics of the averaged generator
  int checkpoint_every = 1000;                           // steps; 0: only at the end
  std::string loss = "least-squares";                    // gan_loss.h
  std::string penalty = "none";                          // gradient_penalty.h, with the weight gradient_penalty
  double gradient_penalty = 0;
  bool spectral_norm = false;  // of the critic's Linear layers
  // Standard deviation of normal noise on all that the critic sees, falling linearly to 0 at the end of the training.
  double instance_noise = 0;
  int critic_steps = 1;             // for each step of the generator, each with data and latents of its own
  std::string schedule = "cosine";  // of the learning rates: adam.h
  MomentWeights moments;            // of terms beside the loss of the generator: shower_moments.h
  Validation validation;            // by GanControl's quality, of the averaged generator
  // Distillation: alpha weighs the mean square difference to a teacher's numbers on the same latents and energies,
  // 1 - alpha the loss through the critic. 0: no teacher.
  double alpha = 0;
  // A student of softmax heads gives their logits instead of numbers, and ends in the split. No critic sees it.
  std::optional<SoftmaxSplit> heads;
};

struct GanState {
  Model generator, average, critic;
  Model generator_first, generator_second, critic_first, critic_second;  // Adam's moments
  std::int64_t step = 0;                                                 // steps done
  std::vector<Tensor> spectral;  // with spectral_norm: u of every Linear of the critic (spectral_norm.h)
  Best best;                     // of the averaged generators, statistics included
  Model quantities;              // with a weight in moments: shower_quantities(); fixed, and in no checkpoint
  Model teacher;                 // with alpha: a generator of the same inputs and outputs; fixed, and in no checkpoint
};

struct GanProgress {
  std::int64_t step, steps;
  double critic_loss, generator_loss;  // of the last step, with penalties and weighted terms
  bool evaluated = false;              // at this step:
  double validation = 0;               // quality of the averaged generator
};

using GanControl = TrainControl<GanState, GanProgress>;

// Generator: latent [99] and incident_energy [1] (MeV) -> standardised numbers, or with heads voxels (MeV); weights as
// PyTorch's Linear draws them.
Model gan_generator(const GanSettings&, const Preprocessing&);
// Critic: standardised numbers and incident_energy -> score; inside, the numbers become log voxels, standardised.
Model gan_critic(const GanSettings&, const Preprocessing&);

// teacher: with alpha, its generator_core() (deploy.h), whose standardisation is that of the preprocessing.
GanState start_gan(const GanSettings&, const Preprocessing&, const Model& teacher = {});

// Everything that decides the result: settings, preprocessing, data and teacher. A checkpoint of another hash is
// refused.
std::uint64_t gan_hash(const GanSettings&, const Preprocessing&, const TrainingSet&, const Model& teacher = {});

// Runs from state.step to settings.steps (or until stopped, or ended early). A pure function of its arguments: nothing
// depends on the number of threads or on how often it was interrupted. Fails when the losses are no longer finite, and
// when a batch of generated numbers has less than 0.01 of the real batch's variance (compared every checkpoint_every
// steps, from step 200 on: generators start narrow).
GanState train_gan(const GanSettings&, const TrainingSet&, GanState, const GanControl& = {}, int threads = 1);

bool ended(const GanSettings&, const GanState&);

// What the training found: the best averaged generator, or the last one without validation, with BatchNorm statistics
// of its own weights.
Model trained_generator(const GanSettings&, const GanState&, const TrainingSet&, int threads = 1);

}  // namespace quench
