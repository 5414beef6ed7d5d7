// The parts of an ONNX file that quench looks at, as plain values; onnx.proto names the fields.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace quench {

enum class OnnxType : std::int64_t { float32 = 1, int32 = 6, int64 = 7, boolean = 9, float16 = 10, float64 = 11 };

struct OnnxTensor {
  std::string name;
  std::vector<std::int64_t> dims;
  OnnxType type{};
  bool has_raw = false;
  std::string_view raw;  // points into the file's bytes; little-endian elements
  std::vector<float> floats;
  std::vector<double> doubles;
  std::vector<std::int64_t> ints;  // int32_data and int64_data; float16 comes as bits in int32_data
  bool external = false;
  std::map<std::string, std::string> external_data;  // location, offset, length
};

struct OnnxAttribute {
  std::string name;
  std::int64_t type = 0;  // 1 float, 2 int, 3 string, 4 tensor, 6 floats, 7 ints; 0 in old files
  float f = 0;
  std::int64_t i = 0;
  std::vector<float> floats;
  std::vector<std::int64_t> ints;
  std::vector<OnnxTensor> tensors;  // at most one
};

struct OnnxNode {
  std::string name, op_type, domain;
  std::vector<std::string> inputs, outputs;  // an empty name is an optional one left out
  std::vector<OnnxAttribute> attributes;
};

struct OnnxValueInfo {
  std::string name;
  OnnxType type{};
  bool has_shape = false;
  std::vector<std::int64_t> dims;  // -1: symbolic or unknown
};

struct OnnxGraph {
  std::string name;
  std::vector<OnnxNode> nodes;
  std::vector<OnnxTensor> initializers;
  std::vector<OnnxValueInfo> inputs, outputs;
};

struct OnnxFile {
  bool has_graph = false;
  OnnxGraph graph;
  std::map<std::string, std::int64_t> opsets;  // domain -> version; the standard domain is ""
  std::map<std::string, std::string> metadata;
};

// `bytes` must outlive the result. Fails on anything that is not a whole, well-formed file, naming `path`.
OnnxFile parse_onnx(const std::string& bytes, const std::string& path);

}  // namespace quench
