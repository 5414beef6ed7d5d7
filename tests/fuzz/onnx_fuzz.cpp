// libFuzzer entry of the ONNX reader: bytes are read or refused, and what was read comes back when written.
// SPDX-License-Identifier: MIT
#include <cstdint>
#include <cstdlib>
#include <string>

#include "engine/core/error.h"
#include "engine/model/onnx.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  quench::Model model;
  try {
    model = quench::read_onnx({reinterpret_cast<const char*>(data), size}, "fuzz.onnx");
  } catch (const quench::Error&) {
    return 0;
  }
  // Every Model that was read can be written, and comes back the same.
  if (!(quench::read_onnx(quench::onnx_bytes(model), "again.onnx") == model)) std::abort();
  return 0;
}
