// Physics while a GAN or a VAE trains: showers kept aside against as many generated ones of the same energies.
// SPDX-License-Identifier: MIT
#pragma once
#include <string>
#include <vector>

#include "engine/train/preprocess.h"
#include "targets/command/training.h"

namespace quench {

struct ShowerQuality {
  const Recipe& recipe;
  const Data& data;
  const Preprocessing& preprocessing;
  int threads;
  Events aside;
  double separation = 0, floor = 0;  // of the last evaluation: means over the groups of observables; 0: none yet

  // Minus the mean separation power of what the generator (deploy.h) makes.
  double operator()(const Model& generator);
};

// Keeps the last train.validation_events of the training showers aside.
ShowerQuality shower_quality(const Recipe&, const Data&, const Preprocessing&, int threads);

// The separation and its statistical floor, empty as yet; evaluations(): their values at this step.
std::vector<TrainingCurve> quality_curves(const Recipe&);
std::vector<double> evaluations(bool evaluated, const ShowerQuality&);

// For the progress bar; "" before the first evaluation.
std::string quality_note(const ShowerQuality&);

}  // namespace quench
