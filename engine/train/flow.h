// Normalizing flows: density and sampling directions over the same weights, and their training by maximum likelihood.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "engine/core/mean_error.h"
#include "engine/model/model.h"
#include "engine/train/best.h"
#include "engine/train/loop.h"
#include "engine/train/preprocess.h"

namespace quench {

struct FlowSettings {
  std::string name = "flow";
  std::uint64_t seed = 1;
  CouplingKind coupling = CouplingKind::affine;
  int couplings = 8;  // of each step
  int bins = 8;       // splines: bins on [-bound, bound]
  double bound = 5;
  std::vector<int> hidden = {128, 128};  // of every coupling's network
  std::string activation = "relu";
  bool act_norm = false;  // before every coupling
  // The columns 0 .. first_step - 1 are a flow of their own, the others one that is conditional on them (layer energies
  // first, then the voxels; Krause and Shih 2021). 0: one flow of all columns.
  int first_step = 0;
  int steps = 20000, batch = 512;
  double learning_rate = 1.5e-3, beta1 = 0.9, beta2 = 0.999;
  double average = 0.998;   // of the weights, per step
  double decay_from = 0.4;  // constant learning rate up to this fraction of the steps, then half a cosine to 0
  int warm_up = 200;        // steps in which the learning rate grows to its value
  double clip = 20;         // longest gradient; 0: any
  Validation validation;    // by the mean log density, nats
  int checkpoint_every = 1000;
  // The input is raw features: a standardisation, and with `asinh` a trained asinh of every column, come first and
  // count in the log density, which is that of the features.
  bool features = false, asinh = false;
};

struct FlowState {
  Model density, average;  // average: of the weights
  Model first, second;     // Adam's moments
  std::int64_t step = 0;
  Best best;
};

struct FlowProgress {
  std::int64_t step, steps;
  double log_density;  // mean over the step's events, nats
  bool evaluated;      // at this step:
  double validation;   // mean log density of the validation events under the average
};

using FlowControl = TrainControl<FlowState, FlowProgress>;

// Density direction: standardised numbers, or features, [width] (and incident_energy [1], MeV, when there is a
// condition) -> ln p [events, 1]. The couplings' last Linear layers start 20 times smaller: near the identity.
Model flow_density(const FlowSettings&, int width, const LogEnergy* condition);

// The other direction of the same weights: latent [width] (and incident_energy) -> standardised numbers. Fails when the
// model is no chain of couplings, permutations, ActNorms and Asinhs that ends in a NormalDensity.
Model flow_sampling(const Model& density);

FlowState start_flow(const FlowSettings&, const TrainingSet&, const LogEnergy* condition);

std::uint64_t flow_hash(const FlowSettings&, const TrainingSet&);

// Runs from state.step to settings.steps (or until stopped, or ended early). A pure function of its arguments, as
// train_gan.
FlowState train_flow(const FlowSettings&, const TrainingSet&, FlowState, const FlowControl& = {}, int threads = 1);

// All steps are done, or the validation has not improved for `patience` evaluations.
bool ended(const FlowSettings&, const FlowState&);

// What the training found: the best average, or the last one without validation.
const Model& trained_flow(const FlowState&);

// Mean of ln p over the events.
MeanError mean_log_density(const Model& density, const Tensor& numbers, const Tensor& energies, int threads = 1);

}  // namespace quench
