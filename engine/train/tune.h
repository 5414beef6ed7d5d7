// Masked self-distillation: a pruned or folded student learns its teacher's outputs on the same latents.
// SPDX-License-Identifier: MIT
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>

#include "engine/compress/prune.h"
#include "engine/model/model.h"

namespace quench {

// Magnitude pruning while tuning, by cubic_sparsity(): every `every` steps the masks tighten; they only grow.
struct SparsitySchedule {
  double first = 0, last = 0;
  double until = 0.5;  // `last` is reached after this fraction of the steps
  int every = 10;
  PruneScope scope = PruneScope::layer;
};

struct TuneSettings {
  std::uint64_t seed = 1;
  int steps = 4000, batch = 512, latent_bits = 8;
  double learning_rate = 1e-3, beta1 = 0.9, beta2 = 0.999;
  double average = 0.998;   // of the student's weights, per step: the average is returned
  double decay_from = 0.4;  // constant learning rate up to this fraction of the steps, then half a cosine to 0
  // Intermediate features (Romero et al. 2015): weight of the mean square difference between the teacher's last hidden
  // values, over their mean square, and what a Linear that learns along makes of the student's.
  double feature_weight = 0;
  // Of softmax heads, whose shares are compared by divergence (output_loss.h); 0, and in integers: by squares of their
  // logits. Other outputs have none, T^2 MSE(a / T, b / T) = MSE(a, b).
  double temperature = 1;
  double alpha = 1;           // in integers: weight of the teacher; 1 - alpha is that of a critic's loss (adversary.h)
  double dead_zone = 0;       // in integers: share of zeros that dead zones learn to reach (dead_zone.h); 0: none
  int critic_warm_up = 2000;  // steps that the critic learns alone, with alpha below 1
  std::optional<SparsitySchedule> schedule;  // none: the zeros of the student are all
};

struct TuneState;

struct TuneControl {
  std::function<void(std::int64_t step, std::int64_t steps, double mean_square)>
      progress;                                      // after every step; may be empty
  const std::atomic<bool>* stop = nullptr;           // finish the step and return the average so far
  std::function<void(const TuneState&)> checkpoint;  // every checkpoint_every steps, and when stopped; may be empty
  int checkpoint_every = 1000;
};

// What a tuning has learned so far: the student's core (generator_core(), deploy.h), its average and Adam's moments.
struct TuneState {
  Model core, average, first, second;
  std::int64_t step = 0;  // steps done
};

// Before the first step. Fails when the two models do not fit each other.
TuneState start_tune(const Model& teacher, const Model& student, const TuneSettings&);

// Everything that decides the result. A checkpoint of another hash is refused.
std::uint64_t tune_hash(const Model& teacher, const TuneState& start, const TuneSettings&);

// Runs from state.step to settings.steps, or until stopped. Two runs of which one goes on from a state of the other
// give the same bytes. A schedule's masks are those of the state's zeros.
TuneState tune(const Model& teacher, TuneState, const TuneSettings&, const TuneControl& = {}, int threads = 1);

// Both are deployed Models with the same inputs and the same standardised outputs or heads. Minimises the difference of
// those (output_loss.h) on fresh latents and incident energies, log-uniform over the teacher's range. Weights of the
// student's Linear layers that are exactly 0 stay 0. BatchNorm layers of the student keep their running statistics. A
// pure function of its arguments: the number of threads does not matter.
Model tune(const Model& teacher, Model student, const TuneSettings&, const TuneControl& = {}, int threads = 1);

// Mean square difference of the two models' standardised outputs over `events` fresh events of `seed`.
double core_difference(const Model& a, const Model& b, std::uint64_t seed, int events, int threads = 1);

}  // namespace quench
