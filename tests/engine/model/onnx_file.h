// Small ONNX files for tests, put together message by message.
// SPDX-License-Identifier: MIT
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "engine/core/error.h"
#include "engine/model/onnx.h"
#include "engine/model/onnx_encode.h"
#include "engine/model/protobuf.h"

namespace quench {

// A ValueInfoProto of float32 with these dimensions; negative ones are symbolic.
inline std::string typed_value(const std::string& name, const std::vector<int>& dims, int type = 1) {
  std::string shape, tensor_type, type_message, m;
  for (const int d : dims) {
    std::string dim;
    if (d < 0)
      protobuf::put_bytes(dim, 2, "n");
    else
      protobuf::put_int(dim, 1, d);
    protobuf::put_bytes(shape, 1, dim);
  }
  protobuf::put_int(tensor_type, 1, type);
  protobuf::put_bytes(tensor_type, 2, shape);
  protobuf::put_bytes(type_message, 1, tensor_type);
  protobuf::put_bytes(m, 1, name);
  protobuf::put_bytes(m, 2, type_message);
  return m;
}

struct OnnxBuilder {
  int opset = 17;
  std::string graph_name = "net";
  std::vector<std::string> nodes, initializers;
  std::vector<std::string> inputs = {onnx::value_info("x", 3)};
  std::vector<std::string> outputs = {onnx::value_info("y", 2)};
  std::vector<std::pair<std::string, std::string>> metadata = {};

  std::string bytes() const {
    std::string graph, m;
    for (const std::string& n : nodes) protobuf::put_bytes(graph, 1, n);
    protobuf::put_bytes(graph, 2, graph_name);
    for (const std::string& t : initializers) protobuf::put_bytes(graph, 5, t);
    for (const std::string& v : inputs) protobuf::put_bytes(graph, 11, v);
    for (const std::string& v : outputs) protobuf::put_bytes(graph, 12, v);
    protobuf::put_int(m, 1, 8);
    protobuf::put_bytes(m, 7, graph);
    protobuf::put_bytes(m, 8, onnx::opset("", opset));
    protobuf::put_bytes(m, 8, onnx::opset("quench", 1));
    for (const auto& [key, value] : metadata) protobuf::put_bytes(m, 14, onnx::entry(key, value));
    return m;
  }
};

// What reading the file says when it refuses, or "" when it reads it.
inline std::string refusal(const std::string& bytes, const std::string& path = "t.onnx") {
  try {
    read_onnx(bytes, path);
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

}  // namespace quench
