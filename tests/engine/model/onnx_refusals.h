// A sound ONNX file, what tests break it with, and what a refusal must say.
// SPDX-License-Identifier: MIT
#pragma once
#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tests/engine/model/onnx_file.h"

namespace quench {

// The refusal holds each of these texts and is one line.
inline void check_refusal(const std::string& bytes, const std::vector<std::string>& texts,
                          const std::string& path = "t.onnx") {
  const std::string said = refusal(bytes, path);
  INFO("said: ", said);
  CHECK(said.find('\n') == std::string::npos);
  CHECK(said.rfind(path, 0) == 0);
  for (const std::string& text : texts) {
    INFO("looked for: ", text);
    CHECK(said.find(text) != std::string::npos);
  }
}

// A sound file: Gemm 3 -> 2.
inline OnnxBuilder sound() {
  OnnxBuilder file;
  file.initializers = {onnx::tensor("W", Tensor{{3, 2}, {1, 4, 2, 5, 3, 6}}), onnx::tensor("c", Tensor{{2}, {7, 8}})};
  file.nodes = {onnx::node("fc", "Gemm", {"x", "W", "c"}, {"y"})};
  return file;
}

// The sound file with other nodes.
inline std::string with_nodes(std::vector<std::string> nodes, int opset = 17) {
  OnnxBuilder file = sound();
  file.nodes = std::move(nodes);
  file.opset = opset;
  return file.bytes();
}

inline std::string with_weight(const std::string& tensor) {
  OnnxBuilder file = sound();
  file.initializers[0] = tensor;
  return file.bytes();
}

inline std::string raw_tensor(const char* name, const std::vector<std::int64_t>& dims, int type,
                              const std::string& raw) {
  std::string t;
  for (const std::int64_t d : dims) protobuf::put_int(t, 1, d);
  protobuf::put_int(t, 2, type);
  protobuf::put_bytes(t, 8, name);
  protobuf::put_bytes(t, 9, raw);
  return t;
}

}  // namespace quench
