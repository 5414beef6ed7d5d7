// Which events a training step sees: every epoch is a permutation of all of them.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>

#include "engine/train/streams.h"

namespace quench {

// Calls take(row, event) for the rows 0 .. batch - 1 of a step; a pure function of its arguments.
template <class Take>
void for_each_event(std::uint64_t seed, std::int64_t step, int batch, std::uint32_t events, Take&& take) {
  const std::uint64_t stream = stream_seed(seed, Use::order);
  std::uint64_t epoch = ~std::uint64_t{0};
  Permutation order;
  for (int i = 0; i < batch; ++i) {
    const std::uint64_t position =
        static_cast<std::uint64_t>(step) * static_cast<std::uint64_t>(batch) + static_cast<std::uint64_t>(i);
    if (position / events != epoch) {
      epoch = position / events;
      order = permutation(events, stream, epoch);
    }
    take(i, permuted(order, static_cast<std::uint32_t>(position % events)));
  }
}

}  // namespace quench
