// All that is asked of a sample beside its histograms: FPD, KPD and classifiers against the reference.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <functional>

#include "engine/physics/judgement.h"
#include "engine/train/classifier.h"

namespace quench {

struct JudgeSettings {
  std::uint64_t seed = 1;
  int classifier_seeds = 1;  // 0: no classifiers
  ClassifierSettings classifier;
  std::function<void()> after_epoch;  // of every classifier; may be empty
};

// Both samples on one geometry, any sizes. What they are too small for is left out, with a note.
Judgement judge_showers(const Geometry&, const Events& reference, const Events& candidate, const JudgeSettings&,
                        int threads = 1);

// What samples of so many events of one distribution would get for FPD and KPD, beside a candidate's judgement: those
// of the even against the odd events of the reference, times (1 / N1 + 1 / N2) / (2 / N) for the halves' sizes N: to
// leading order what is left of both distances is proportional to 1 / N1 + 1 / N2. Too small a reference: left as it
// is.
void add_floors(Judgement&, const Geometry&, const Events& reference, const JudgeSettings&, int threads = 1);

}  // namespace quench
