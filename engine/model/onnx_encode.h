// The messages of an ONNX file as protobuf bytes, one function for each.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "engine/tensor/tensor.h"

namespace quench::onnx {

using Names = std::vector<std::string>;

// AttributeProto
std::string attribute(const std::string& name, std::int64_t value);
std::string attribute(const std::string& name, float value);
std::string attribute(const std::string& name, const std::vector<std::int64_t>& values);
std::string tensor_attribute(const std::string& name, const std::string& tensor_message);

// TensorProto with raw data. An empty name is that of an attribute's tensor.
std::string tensor(const std::string& name, const Tensor&);
std::string tensor(const std::string& name, const std::vector<std::int64_t>& dims,
                   const std::vector<std::int64_t>& values);
std::string tensor(const std::string& name, double value);  // shape [1]

// NodeProto; attributes are messages.
std::string node(const std::string& name, const std::string& op_type, const Names& inputs, const Names& outputs,
                 const std::vector<std::string>& attributes = {}, const std::string& domain = "");

std::string value_info(const std::string& name, int width);           // float32 [events, width]
std::string entry(const std::string& key, const std::string& value);  // StringStringEntryProto
std::string opset(const std::string& domain, std::int64_t version);   // OperatorSetIdProto

}  // namespace quench::onnx
