// NumPy's .npy format: one array of numbers, read from and written to memory.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "engine/core/span.h"
#include "engine/tensor/tensor.h"

namespace quench {

// A view of an array: `bytes` points into the buffer that was parsed, which must outlive it.
struct Array {
  std::vector<std::int64_t> shape;
  std::string type;        // "f4" "f8" "i1" "i2" "i4" "i8" "u1" "u2" "u4" "u8"
  Span<const char> bytes;  // little-endian, C order

  std::int64_t size() const;  // number of elements
};

// Reads format versions 1, 2 and 3. Accepts numbers in little-endian C order and nothing after them; refuses pickled,
// structured, big-endian, Fortran-order and all other arrays with a sentence that begins with `where`. Nothing is ever
// executed.
Array parse_npy(Span<const char> buffer, const std::string& where);

// Elements in C order. Integers and doubles are rounded to the nearest float.
std::vector<float> to_floats(const Array&);
std::vector<double> to_doubles(const Array&);

// The .npy bytes (version 1.0) of float32 numbers; equal inputs give equal bytes.
std::string npy_bytes(const Tensor&);

}  // namespace quench
