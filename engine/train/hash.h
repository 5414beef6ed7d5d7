// The hash of all that decides a training's result.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "engine/tensor/tensor.h"

namespace quench {

// 64-bit FNV-1a over bytes, taken as 32-bit words where there are many.
struct Hash {
  std::uint64_t value = 0xcbf29ce484222325u;

  void word(std::uint64_t w) { value = (value ^ w) * 0x100000001b3u, value ^= value >> 29; }
  void number(double x) {
    std::uint64_t bits;
    std::memcpy(&bits, &x, sizeof bits);
    word(bits);
  }
  void text(const std::string& s) {
    word(s.size());
    for (char c : s) word(static_cast<unsigned char>(c));
  }
  void integers(const std::vector<int>& v) {
    word(v.size());
    for (int x : v) word(static_cast<std::uint32_t>(x));
  }
  void tensor(const Tensor& t) {
    integers(t.shape);
    for (float x : t.data) {
      std::uint32_t bits;
      std::memcpy(&bits, &x, sizeof bits);
      word(bits);
    }
  }
};

}  // namespace quench
