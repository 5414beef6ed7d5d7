// Counter-based noise: any event of any seed can be made alone (numerics.md section 8).
// SPDX-License-Identifier: MIT-0
#pragma once
#include "load.h"

namespace quench {

struct Xoshiro128 {  // xoshiro128++ 1.0, Blackman and Vigna 2019
  uint32_t s[4];
};

inline uint32_t rotate_left(uint32_t x, uint8_t k) { return static_cast<uint32_t>(x << k) | (x >> (32 - k)); }

inline uint32_t next(Xoshiro128& g) {
  const uint32_t result = rotate_left(g.s[0] + g.s[3], 7) + g.s[0];
  const uint32_t t = static_cast<uint32_t>(g.s[1] << 9);
  g.s[2] ^= g.s[0];
  g.s[3] ^= g.s[1];
  g.s[1] ^= g.s[2];
  g.s[0] ^= g.s[3];
  g.s[2] ^= t;
  g.s[3] = rotate_left(g.s[3], 11);
  return result;
}

// State of lane `lane` of an event; event = {seed_lo, seed_hi, index_lo, index_hi}. Eight Chaskey rounds (Mouha et al.
// 2014).
inline Xoshiro128 noise_state(const uint32_t* event, uint32_t lane) {
  uint32_t v0 = event[0] ^ 0x61707865u;         // "expa"
  uint32_t v1 = event[1] ^ lane ^ 0x3320646eu;  // "nd 3"
  uint32_t v2 = event[2] ^ 0x79622d32u;         // "2-by"
  uint32_t v3 = event[3] ^ 0x6b206574u;         // "te k"
  for (uint8_t round = 0; round < 8; ++round) {
    v0 += v1;
    v1 = rotate_left(v1, 5) ^ v0;
    v0 = rotate_left(v0, 16);
    v2 += v3;
    v3 = rotate_left(v3, 8) ^ v2;
    v0 += v3;
    v3 = rotate_left(v3, 13) ^ v0;
    v2 += v1;
    v1 = rotate_left(v1, 7) ^ v2;
    v2 = rotate_left(v2, 16);
  }
  Xoshiro128 g = {{v0, v1, v2, v3}};
  if ((v0 | v1 | v2 | v3) == 0) g.s[0] = 1;
  return g;
}

// Walker's alias method on 2^bits cells, one 32-bit draw a code (bits <= 8), cells of a 9- to 16-bit code as below.
struct Noise {
  int32_t length;
  int32_t lanes;                // latent j is draw j / lanes of lane j mod lanes
  int16_t lowest;               // code of cell 0
  uint8_t cell_bits;            // 2^cell_bits cells
  uint8_t position_bits;        // codes of more than 8 bits: this many low bits of the same draw choose inside the cell
  const uint16_t* probability;  // [cells]: keep the cell when the 16 bits below the cell's are smaller than this ...
  const uint8_t* alias;         // [cells]: ... else take this one; a full cell has alias == itself
};

template <class Y>
inline void run(const Noise& op, const uint32_t* event, Y* y) {
  for (int32_t lane = 0; lane < op.lanes; ++lane) {
    Xoshiro128 g = noise_state(event, static_cast<uint32_t>(lane));
    for (int32_t j = lane; j < op.length; j += op.lanes) {
      const uint32_t draw = next(g);
      uint16_t cell = static_cast<uint16_t>(draw >> (32 - op.cell_bits));
      const uint32_t t = (draw >> (16 - op.cell_bits)) & 0xffffu;
      if (t >= load(op.probability, cell)) cell = load(op.alias, cell);
      const uint32_t position = draw & ((uint32_t{1} << op.position_bits) - 1);
      const int32_t code = int32_t{op.lowest} + static_cast<int32_t>((uint32_t{cell} << op.position_bits) + position);
      y[j] = static_cast<Y>(code);
    }
  }
}

}  // namespace quench
