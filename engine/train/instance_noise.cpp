// One stream of normal numbers for each row.
// SPDX-License-Identifier: MIT
#include "engine/train/instance_noise.h"

#include "engine/core/parallel_for.h"
#include "engine/physics/random.h"

namespace quench {

void add_normal(Tensor& x, double deviation, std::uint64_t seed, std::uint64_t first, int threads) {
  const float scale = static_cast<float>(deviation);
  parallel_for(threads, static_cast<std::size_t>(x.rows()), 16, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      Random random(seed, first + i, 0);
      float* row = x.row(static_cast<int>(i));
      for (int j = 0; j < x.columns(); ++j) row[j] += scale * static_cast<float>(normal(random));
    }
  });
}

}  // namespace quench
