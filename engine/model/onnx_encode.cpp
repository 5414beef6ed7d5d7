// Encodes the messages of an ONNX file; field numbers are those of onnx.proto.
// SPDX-License-Identifier: MIT
#include "engine/model/onnx_encode.h"

#include "engine/model/onnx_proto.h"
#include "engine/model/protobuf.h"

namespace quench::onnx {
namespace {

using namespace protobuf;

std::string tensor_message(const std::string& name, const std::vector<std::int64_t>& dims, OnnxType type,
                           const std::string& raw) {
  std::string m;
  m.reserve(raw.size() + name.size() + 64);
  for (const std::int64_t d : dims) put_int(m, 1, d);
  put_int(m, 2, static_cast<std::int64_t>(type));
  if (!name.empty()) put_bytes(m, 8, name);
  put_bytes(m, 9, raw);
  return m;
}

}  // namespace

std::string attribute(const std::string& name, std::int64_t value) {
  std::string m;
  put_bytes(m, 1, name);
  put_int(m, 3, value);
  put_int(m, 20, 2);
  return m;
}

std::string attribute(const std::string& name, float value) {
  std::string m;
  put_bytes(m, 1, name);
  put_float(m, 2, value);
  put_int(m, 20, 1);
  return m;
}

std::string attribute(const std::string& name, const std::vector<std::int64_t>& values) {
  std::string m;
  put_bytes(m, 1, name);
  for (const std::int64_t v : values) put_int(m, 8, v);
  put_int(m, 20, 7);
  return m;
}

std::string tensor_attribute(const std::string& name, const std::string& tensor_message) {
  std::string m;
  put_bytes(m, 1, name);
  put_bytes(m, 5, tensor_message);
  put_int(m, 20, 4);
  return m;
}

std::string tensor(const std::string& name, const Tensor& t) {
  std::string raw;
  raw.reserve(4 * t.size());
  for (const float v : t.data) append_little_endian(raw, float_bits(v));
  return tensor_message(name, {t.shape.begin(), t.shape.end()}, OnnxType::float32, raw);
}

std::string tensor(const std::string& name, const std::vector<std::int64_t>& dims,
                   const std::vector<std::int64_t>& values) {
  std::string raw;
  raw.reserve(8 * values.size());
  for (const std::int64_t v : values) append_little_endian(raw, static_cast<std::uint64_t>(v));
  return tensor_message(name, dims, OnnxType::int64, raw);
}

std::string tensor(const std::string& name, double value) {
  std::string raw;
  append_little_endian(raw, double_bits(value));
  return tensor_message(name, {1}, OnnxType::float64, raw);
}

std::string node(const std::string& name, const std::string& op_type, const Names& inputs, const Names& outputs,
                 const std::vector<std::string>& attributes, const std::string& domain) {
  std::string m;
  for (const std::string& input : inputs) put_bytes(m, 1, input);
  for (const std::string& output : outputs) put_bytes(m, 2, output);
  put_bytes(m, 3, name);
  put_bytes(m, 4, op_type);
  for (const std::string& a : attributes) put_bytes(m, 5, a);
  if (!domain.empty()) put_bytes(m, 7, domain);
  return m;
}

std::string value_info(const std::string& name, int width) {
  std::string events, columns, shape, tensor_type, type, m;
  put_bytes(events, 2, "events");
  put_int(columns, 1, width);
  put_bytes(shape, 1, events);
  put_bytes(shape, 1, columns);
  put_int(tensor_type, 1, static_cast<std::int64_t>(OnnxType::float32));
  put_bytes(tensor_type, 2, shape);
  put_bytes(type, 1, tensor_type);
  put_bytes(m, 1, name);
  put_bytes(m, 2, type);
  return m;
}

std::string entry(const std::string& key, const std::string& value) {
  std::string m;
  put_bytes(m, 1, key);
  put_bytes(m, 2, value);
  return m;
}

std::string opset(const std::string& domain, std::int64_t version) {
  std::string m;
  put_bytes(m, 1, domain);
  put_int(m, 2, version);
  return m;
}

}  // namespace quench::onnx
