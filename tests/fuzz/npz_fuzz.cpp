// libFuzzer entry of the .npy and .npz readers: whatever the bytes, they are read or refused with an Error.
// SPDX-License-Identifier: MIT
// clang++ -std=c++17 -g -O1 -fsanitize=fuzzer,address,undefined -I. tests/fuzz/npz_fuzz.cpp engine/tensor/np[yz].cpp
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "engine/core/error.h"
#include "engine/tensor/npy.h"
#include "engine/tensor/npz.h"

namespace {

void read_array(quench::Span<const char> bytes) {
  const quench::Array array = quench::parse_npy(bytes, "fuzz");
  if (quench::to_doubles(array).size() != static_cast<std::size_t>(array.size())) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const quench::Span<const char> bytes(reinterpret_cast<const char*>(data), size);
  try {
    read_array(bytes);
  } catch (const quench::Error&) {
  }
  try {
    for (const quench::NpzMember& member : quench::parse_npz(bytes, "fuzz")) {
      try {
        read_array(member.bytes);
      } catch (const quench::Error&) {
      }
    }
  } catch (const quench::Error&) {
  }
  return 0;
}
