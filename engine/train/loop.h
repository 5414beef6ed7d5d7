// The loop that every training is: steps, checkpoints, progress, and an end that may come from outside.
// SPDX-License-Identifier: MIT
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>

#include "engine/model/model.h"

namespace quench {

template <class State, class Progress>
struct TrainControl {
  std::function<void(const Progress&)> progress;  // after every step; may be empty
  std::function<void(const State&)> checkpoint;   // every checkpoint_every steps, at the end, and when stopped
  const std::atomic<bool>* stop = nullptr;        // set from outside (Ctrl-C): finish the step and return
  // How good a generator is, the greater the better; a pure function. A GAN's and a VAE's validation needs it.
  std::function<double(const Model&)> quality;
};

inline bool is_due(std::int64_t step, int every) { return every > 0 && step % every == 0; }

// advance() makes one step, counts it in state.step and gives what progress is told; ended(): no step is left.
template <class State, class Progress, class Ended, class Advance>
void train_loop(State& state, int checkpoint_every, const TrainControl<State, Progress>& control, Ended&& ended,
                Advance&& advance) {
  while (!ended()) {
    const Progress now = advance();
    const bool stopped = control.stop && control.stop->load();
    if (control.checkpoint && (stopped || is_due(state.step, checkpoint_every) || ended())) control.checkpoint(state);
    if (control.progress) control.progress(now);
    if (stopped) return;
  }
}

}  // namespace quench
