// Sums in a fixed order that vector code can follow (numerics.md section 12).
// SPDX-License-Identifier: MIT
#pragma once

namespace quench {

// term(0) + ... + term(count - 1) in 16 virtual lanes, which are added pairwise.
template <class Term>
float lane_sum(int count, Term&& term) {
  float lane[16] = {};
  int j = 0;
  for (; j + 16 <= count; j += 16)
    for (int l = 0; l < 16; ++l) lane[l] += term(j + l);
  for (int l = 0; j < count; ++j, ++l) lane[l] += term(j);
  for (int half = 8; half > 0; half /= 2)
    for (int l = 0; l < half; ++l) lane[l] += lane[l + half];
  return lane[0];
}

}  // namespace quench
