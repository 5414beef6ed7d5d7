// Validation: among the averages that a training passes through, the best one on events kept aside is its result.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>

#include "engine/core/error.h"
#include "engine/model/model.h"

namespace quench {

struct Validation {
  int events = 0;    // the last ones of the training set are not trained on; 0: the last average is the result
  int every = 500;   // steps between evaluations; the last step is one, too
  int patience = 0;  // evaluations without an improvement before the training ends early; 0: never
};

struct Best {
  Model model;
  double value = 0;       // the greater, the better
  std::int64_t step = 0;  // 0: none yet
};

inline void keep_best(Best& best, const Model& model, double value, std::int64_t step) {
  if (best.step == 0 || value > best.value) best = {model, value, step};
}

inline bool validates(const Validation& v, std::int64_t step, std::int64_t steps) {
  return v.events > 0 && (step % v.every == 0 || step == steps);
}

// All steps are done, or patience is at its end.
inline bool ended(const Validation& v, const Best& best, std::int64_t step, std::int64_t steps) {
  const bool waits = v.patience > 0 && best.step > 0;
  return step >= steps || (waits && step - best.step >= std::int64_t{v.patience} * v.every);
}

// Of `all` events the ones to train on. Fails when they are fewer than 2.
inline int training_events(const Validation& v, int all) {
  if (v.events < 0 || all - v.events < 2)
    fail("training data: ", all, " events, ", v.events, " of them for validation; at least 2 must be left");
  if (v.events > 0 && v.every < 1) fail("train.evaluate_every: ", v.every, " steps; at least 1 is needed");
  return all - v.events;
}

}  // namespace quench
