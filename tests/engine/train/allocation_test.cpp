// A training step allocates nothing once its buffers have grown.
// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <cstdlib>
#include <new>
#include <vector>

#include "engine/train/flow.h"
#include "engine/train/tune.h"
#include "engine/train/vae.h"
#include "engine/train/vae_heads.h"
#include "tests/engine/train/small_gan.h"

using namespace quench;

namespace {

std::size_t allocations = 0;  // calls of operator new in this program; single thread

// How many calls each step made, first to last.
struct Counter {
  std::vector<std::size_t> at;
  Counter() { at.reserve(64); }
  void count() { at.push_back(allocations); }
  void check_none_after(std::size_t steps) const {
    REQUIRE(at.size() > steps + 2);
    for (std::size_t i = steps; i < at.size(); ++i) {
      INFO("step ", i + 1);
      CHECK(at[i] - at[i - 1] == 0);
    }
  }
};

void check_gan(const SmallGan& s, const Model& teacher = {}) {
  Counter counter;
  GanControl control;
  control.progress = [&](const GanProgress&) { counter.count(); };
  train_gan(s.settings, s.data, start_gan(s.settings, s.preprocessing, teacher), control);
  counter.check_none_after(3);
}

void check_vae(bool heads) {
  SmallGan s = small_gan(1);  // its showers
  VaeSettings settings;
  settings.latent = 3, settings.hidden = {16, 24}, settings.encoder_hidden = {24};
  settings.batch = 64, settings.steps = 9, settings.statistics_batches = 4, settings.statistics_batch = 100;
  if (heads) {
    settings.heads = SoftmaxSplit{s.preprocessing.split.layer_voxels};
    s.data.heads = head_targets(s.preprocessing, toy_events(700));
  }
  Counter counter;
  VaeControl control;
  control.progress = [&](const VaeProgress&) { counter.count(); };
  train_vae(settings, s.data, start_vae(settings, s.preprocessing), control, 1);
  counter.check_none_after(3);
}

void check_tune(const Model& guide, TuneSettings settings = {}) {
  settings.steps = 9, settings.batch = 64;
  Counter counter;
  TuneControl control;
  control.progress = [&](std::int64_t, std::int64_t, double) { counter.count(); };
  tune(guide, guide, settings, control);
  counter.check_none_after(3);
}

}  // namespace

void* operator new(std::size_t bytes) {
  ++allocations;
  if (void* p = std::malloc(bytes)) return p;
  throw std::bad_alloc();
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {  // of std::stable_sort
  ++allocations;
  return std::malloc(bytes);
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }

TEST_CASE("GAN: no step after the third allocates") { check_gan(small_gan(9)); }

TEST_CASE("GAN with spectral norm, a penalty, noise and moments: no step after the third allocates") {
  SmallGan s = small_gan(9);
  s.settings.spectral_norm = true, s.settings.penalty = "wgan-gp", s.settings.gradient_penalty = 1;
  s.settings.instance_noise = 0.1, s.settings.moments.total_energy = 1;
  check_gan(s);
}

TEST_CASE("GAN that a teacher helps: no step after the third allocates") {
  SmallGan s = small_gan(9);
  s.settings.alpha = 0.5;
  check_gan(s, gan_generator(s.settings, s.preprocessing));
}

TEST_CASE("flow: no step after the third allocates") {
  const SmallGan s = small_gan(1);
  FlowSettings settings;
  settings.couplings = 4, settings.hidden = {16}, settings.batch = 64, settings.steps = 9, settings.act_norm = true;
  Counter counter;
  FlowControl control;
  control.progress = [&](const FlowProgress&) { counter.count(); };
  train_flow(settings, s.data, start_flow(settings, s.data, &s.preprocessing.condition), control, 1);
  counter.check_none_after(3);
}

TEST_CASE("VAE of means with normal noise: no step after the third allocates") { check_vae(false); }

TEST_CASE("VAE of softmax heads: no step after the third allocates") { check_vae(true); }

TEST_CASE("tuning: no step after the third allocates") { check_tune(flow_teacher(CouplingKind::affine)); }

TEST_CASE("tuning of softmax heads at a temperature, with features: no step after the third allocates") {
  TuneSettings settings;
  settings.temperature = 3, settings.feature_weight = 0.5;
  check_tune(softmax_generator(1, {16, 24}), settings);
}
