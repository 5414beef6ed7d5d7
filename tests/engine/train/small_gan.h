// A small GAN on toy showers, for every test that trains one.
// SPDX-License-Identifier: MIT
#pragma once
#include <string>
#include <utility>

#include "engine/core/error.h"
#include "engine/train/gan.h"
#include "tests/engine/train/toy.h"

namespace quench {

struct SmallGan {
  GanSettings settings;
  Preprocessing preprocessing;
  TrainingSet data;
};

inline SmallGan small_gan(int steps) {
  SmallGan s;
  s.settings.latent = 6, s.settings.hidden = {16, 24}, s.settings.critic_hidden = {24, 16};
  s.settings.batch = 64, s.settings.steps = steps, s.settings.checkpoint_every = 7;
  s.settings.statistics_batches = 4, s.settings.statistics_batch = 100;
  const Events events = toy_events(700);
  s.preprocessing = fit_preprocessing(events, toy_geometry(), 1);
  s.data = training_set(s.preprocessing, events, 1);
  return s;
}

inline GanState run(const SmallGan& s, const GanControl& control = {}, int threads = 1) {
  return train_gan(s.settings, s.data, start_gan(s.settings, s.preprocessing), control, threads);
}

inline std::uint64_t hash(const SmallGan& s) { return gan_hash(s.settings, s.preprocessing, s.data); }

template <class F>
std::string message(F&& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

}  // namespace quench
