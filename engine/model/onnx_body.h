// What the bodies of quench's ONNX functions are made of.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "engine/model/onnx_encode.h"
#include "engine/model/onnx_proto.h"

namespace quench::onnx {

constexpr std::int64_t to_double = static_cast<std::int64_t>(OnnxType::float64);
constexpr std::int64_t to_float = static_cast<std::int64_t>(OnnxType::float32);

using Ints = std::vector<std::int64_t>;

struct Body {
  Names inputs;
  std::vector<std::string> nodes;
  Names attributes = {};
};

// One step of a body; the value it makes names it.
inline std::string step(const std::string& op_type, const Names& inputs, const std::string& output,
                        const std::vector<std::string>& attributes = {}) {
  return node(output, op_type, inputs, {output}, attributes);
}

// Constants are tensors, which every version of the ONNX checker can look into.
inline std::string constant(const std::string& output, const std::string& tensor_message) {
  return step("Constant", {}, output, {tensor_attribute("value", tensor_message)});
}

}  // namespace quench::onnx
