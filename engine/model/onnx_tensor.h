// Constants of an ONNX file as numbers: raw, typed or external data, checked against their declared shape.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "engine/model/onnx_proto.h"
#include "engine/tensor/tensor.h"

namespace quench {

constexpr std::uint64_t unfolding = 4;  // elements that may be decoded for each byte of a file

// Where constants come from, and how much may still be decoded: one weight may serve many nodes, each with its own copy
// in the Model, but a small file must not ask for a large memory.
struct OnnxSource {
  std::string path;  // of the model file; external data lie in its folder. Empty: none are read
  std::uint64_t elements_left = 0;
  std::set<std::string> files = {};  // of external data; each raises elements_left once
};

// float32, float64 and float16 constants of rank 0, 1 or 2 as float32. Every element is finite and fits; `where` begins
// the error ("x.onnx: node 'fc' (Gemm)").
Tensor float_constant(const OnnxTensor&, OnnxSource&, const std::string& where);
// A float64 or float32 constant of one element.
double double_constant(const OnnxTensor&, OnnxSource&, const std::string& where);
// int64, int32 and boolean constants of rank 0, 1 or 2, row by row.
std::vector<std::int64_t> int_constant(const OnnxTensor&, OnnxSource&, const std::string& where);

}  // namespace quench
