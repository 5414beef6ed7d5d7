// Parses the protobuf messages of an ONNX file.
// SPDX-License-Identifier: MIT
#include "engine/model/onnx_proto.h"

#include <algorithm>

#include "engine/model/protobuf.h"

// Field numbers are those of onnx.proto, IR versions 3 to 13 (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
namespace quench {
namespace {

using namespace protobuf;

// Names end up in messages, comments of generated code and text files.
std::string name_field(const Reader& r) {
  const std::string_view text = bytes_field(r);
  if (std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 32 || c == 127; }))
    fail(*r.path, ": ", r.message, ": a name holds a control character; rename it before exporting");
  return std::string(text);
}

Reader message(const Reader& parent, const char* name) { return {bytes_field(parent), parent.path, name}; }

std::pair<std::string, std::string> parse_entry(Reader r) {
  std::pair<std::string, std::string> entry;
  while (next(r)) {
    if (r.number == 1) entry.first = std::string(bytes_field(r));
    if (r.number == 2) entry.second = std::string(bytes_field(r));
  }
  return entry;
}

OnnxTensor parse_tensor(Reader r) {
  OnnxTensor t;
  while (next(r)) {
    switch (r.number) {
      case 1:
        int_fields(r, t.dims);
        break;
      case 2:
        t.type = static_cast<OnnxType>(int_field(r));
        break;
      case 4:
        float_fields(r, t.floats);
        break;
      case 5:
      case 7:
        int_fields(r, t.ints);
        break;
      case 8:
        t.name = name_field(r);
        break;
      case 9:
        t.raw = bytes_field(r), t.has_raw = true;
        break;
      case 10:
        double_fields(r, t.doubles);
        break;
      case 13:
        t.external_data.insert(parse_entry(message(r, "StringStringEntryProto")));
        break;
      case 14:
        t.external = int_field(r) != 0;
        break;
      default:
        break;  // segment, doc_string and data types that no layer takes
    }
  }
  return t;
}

OnnxAttribute parse_attribute(Reader r) {
  OnnxAttribute a;
  while (next(r)) {
    switch (r.number) {
      case 1:
        a.name = name_field(r);
        break;
      case 2:
        a.f = float_field(r), a.type = a.type ? a.type : 1;
        break;
      case 3:
        a.i = int_field(r), a.type = a.type ? a.type : 2;
        break;
      case 4:
        bytes_field(r), a.type = a.type ? a.type : 3;
        break;
      case 5:
        a.tensors.assign(1, parse_tensor(message(r, "TensorProto"))), a.type = a.type ? a.type : 4;
        break;
      case 7:
        float_fields(r, a.floats), a.type = a.type ? a.type : 6;
        break;
      case 8:
        int_fields(r, a.ints), a.type = a.type ? a.type : 7;
        break;
      case 20:
        a.type = int_field(r);
        break;
      default:
        break;  // graphs, strings, references: their type says so, and no layer takes them
    }
  }
  return a;
}

OnnxNode parse_node(Reader r) {
  OnnxNode n;
  while (next(r)) {
    switch (r.number) {
      case 1:
        n.inputs.push_back(name_field(r));
        break;
      case 2:
        n.outputs.push_back(name_field(r));
        break;
      case 3:
        n.name = name_field(r);
        break;
      case 4:
        n.op_type = name_field(r);
        break;
      case 5:
        n.attributes.push_back(parse_attribute(message(r, "AttributeProto")));
        break;
      case 7:
        n.domain = name_field(r);
        break;
      default:
        break;
    }
  }
  if (n.domain == "ai.onnx") n.domain.clear();  // two spellings of the standard domain
  return n;
}

std::int64_t parse_dimension(Reader r) {
  std::int64_t size = -1;
  while (next(r))
    if (r.number == 1) size = int_field(r);
  return size;
}

void parse_tensor_type(Reader r, OnnxValueInfo& v) {
  while (next(r)) {
    if (r.number == 1) v.type = static_cast<OnnxType>(int_field(r));
    if (r.number != 2) continue;
    v.has_shape = true;
    for (Reader shape = message(r, "TensorShapeProto"); next(shape);)
      if (shape.number == 1) v.dims.push_back(parse_dimension(message(shape, "Dimension")));
  }
}

OnnxValueInfo parse_value_info(Reader r) {
  OnnxValueInfo v;
  while (next(r)) {
    if (r.number == 1) v.name = name_field(r);
    if (r.number != 2) continue;
    for (Reader type = message(r, "TypeProto"); next(type);)
      if (type.number == 1) parse_tensor_type(message(type, "TypeProto.Tensor"), v);
  }
  return v;
}

void parse_graph(Reader r, OnnxGraph& g) {
  while (next(r)) {
    switch (r.number) {
      case 1:
        g.nodes.push_back(parse_node(message(r, "NodeProto")));
        break;
      case 2:
        g.name = name_field(r);
        break;
      case 5:
        g.initializers.push_back(parse_tensor(message(r, "TensorProto")));
        break;
      case 11:
        g.inputs.push_back(parse_value_info(message(r, "ValueInfoProto")));
        break;
      case 12:
        g.outputs.push_back(parse_value_info(message(r, "ValueInfoProto")));
        break;
      case 15:
        fail(*r.path, ": sparse initialisers are not read; export the weights dense");
      default:
        break;
    }
  }
}

void parse_opset(Reader r, OnnxFile& file) {
  std::string domain;
  std::int64_t version = 0;
  while (next(r)) {
    if (r.number == 1) domain = name_field(r);
    if (r.number == 2) version = int_field(r);
  }
  file.opsets[domain == "ai.onnx" ? "" : domain] = version;
}

}  // namespace

OnnxFile parse_onnx(const std::string& bytes, const std::string& path) {
  OnnxFile file;
  Reader r{bytes, &path, "ModelProto"};
  while (next(r)) {
    switch (r.number) {
      case 7:
        parse_graph(message(r, "GraphProto"), file.graph), file.has_graph = true;
        break;
      case 8:
        parse_opset(message(r, "OperatorSetIdProto"), file);
        break;
      case 14:
        file.metadata.insert(parse_entry(message(r, "StringStringEntryProto")));
        break;
      default:
        break;  // producer, versions, functions: quench's own functions are known by name
    }
  }
  return file;
}

}  // namespace quench
