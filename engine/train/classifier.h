// Classifiers that try to tell a sample from the reference, as the CaloChallenge evaluation trains them.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "engine/physics/judgement.h"
#include "engine/tensor/tensor.h"

namespace quench {

struct ClassifierSettings {
  std::vector<int> hidden = {128, 128};  // each followed by LeakyReLU(0.01); then one logit
  double learning_rate = 1e-3;           // of Adam
  int batch = 256;                       // half of each class
  int epochs = 60;
  int patience = 10;        // epochs without a better accuracy on the validation part before the end; 0: all epochs
  bool standardise = true;  // every input by mean and deviation of the training part
};

// The published one: three layers of 2048, learning rate 2e-4, batches of 1000, 50 epochs, inputs as they are.
inline ClassifierSettings official_classifier() { return {{2048, 2048, 2048}, 2e-4, 1000, 50, 0, false}; }

constexpr int classifier_events_needed = 200;  // of each class; a fifth of them tests

struct ClassifierTrial {
  double auc = 0, divergence = 0;  // calibrated, on the test part
  int test_events = 0;             // of each class
};

// Feature vectors [events, features] of both; the first min(events) of each are split at random into 60 % for training,
// 20 % for validation and 20 % for the test. The epoch with the best validation accuracy counts, isotonically
// calibrated on the validation part. Fails for fewer than 100 events of a class. Threads change no bit.
ClassifierTrial classify(const Tensor& reference, const Tensor& candidate, const ClassifierSettings&,
                         std::uint64_t seed, int threads = 1, const std::function<void()>& after_epoch = {});

// Means over the seeds seed, seed + 1, ...
ClassifierScore classifier_score(const Tensor& reference, const Tensor& candidate, const ClassifierSettings&,
                                 std::uint64_t seed, int seeds, int threads = 1,
                                 const std::function<void()>& after_epoch = {});

}  // namespace quench
