// Bodies of quench's own layers in standard operators, so that the ONNX checker and ONNX Runtime can run them.
// SPDX-License-Identifier: MIT
#include "engine/model/onnx_functions.h"

#include <algorithm>

#include "engine/core/error.h"
#include "engine/model/onnx_body.h"
#include "engine/model/onnx_flow.h"
#include "engine/model/protobuf.h"

namespace quench::onnx {
namespace {

// c = log10(E / reference), in double as in the engine.
Body log_energy() {
  const double decades_per_e = 0.43429448190325182765;  // 1 / ln 10
  return {{"energy", "reference"},
          {step("Cast", {"energy"}, "wide", {attribute("to", to_double)}), step("Div", {"wide", "reference"}, "ratio"),
           step("Log", {"ratio"}, "logarithm"), constant("decades_per_e", tensor("", decades_per_e)),
           step("Mul", {"logarithm", "decades_per_e"}, "decades"),
           step("Cast", {"decades"}, "y", {attribute("to", to_float)})}};
}

// mu and ln sigma are products of the powers c^0, c^1, ... [events, degree + 1] with the coefficients.
Body conditional_affine(bool inverse) {
  Body b{{"x", "condition", "exponents", "mean", "log_deviation"},
         {step("Pow", {"condition", "exponents"}, "powers"), step("MatMul", {"powers", "mean"}, "mu"),
          step("MatMul", {"powers", "log_deviation"}, "log_sigma"), step("Exp", {"log_sigma"}, "sigma")}};
  if (inverse) {
    b.nodes.push_back(step("Sub", {"x", "mu"}, "centred"));
    b.nodes.push_back(step("Div", {"centred", "sigma"}, "y"));
  } else {
    b.nodes.push_back(step("Mul", {"x", "sigma"}, "scaled"));
    b.nodes.push_back(step("Add", {"scaled", "mu"}, "y"));
  }
  return b;
}

// ln(part of its group) = ln sigmoid(logit) + sum over earlier parts of ln sigmoid(-logit), with
// ln sigmoid(x) = -softplus(-x); ln voxel = ln E + s[0] + ln(part of its layer) + ln(part of the voxel). The padding
// logit 1000 makes ln sigmoid exactly 0. Sums are double, as in the engine.
Body stick_breaking(bool logarithmic) {
  Body b{{"s", "energy", "stick", "layer_part", "voxel_part"},
         {constant("one_column_behind", tensor("", Ints{4}, Ints{0, 0, 0, 1})),
          constant("certain", tensor("", Tensor{{}, {1000.0f}})),
          constant("along_parts", tensor("", Ints{}, Ints{2})),
          constant("first", tensor("", Ints{1}, Ints{0})),
          step("Pad", {"s", "one_column_behind", "certain"}, "padded"),
          step("Gather", {"padded", "stick"}, "logits", {attribute("axis", std::int64_t{1})}),
          step("Neg", {"logits"}, "minus_logits"),
          step("Softplus", {"minus_logits"}, "minus_log_take"),
          step("Softplus", {"logits"}, "minus_log_pass"),
          step("Cast", {"minus_log_take"}, "wide_take", {attribute("to", to_double)}),
          step("Cast", {"minus_log_pass"}, "wide_pass", {attribute("to", to_double)}),
          step("CumSum", {"wide_pass", "along_parts"}, "minus_log_left", {attribute("exclusive", std::int64_t{1})}),
          step("Add", {"minus_log_left", "wide_take"}, "minus_log_parts"),
          step("Flatten", {"minus_log_parts"}, "flat", {attribute("axis", std::int64_t{1})}),
          step("Gather", {"flat", "layer_part"}, "minus_log_layer", {attribute("axis", std::int64_t{1})}),
          step("Gather", {"flat", "voxel_part"}, "minus_log_voxel", {attribute("axis", std::int64_t{1})}),
          step("Add", {"minus_log_layer", "minus_log_voxel"}, "minus_log_share"),
          step("Gather", {"s", "first"}, "response", {attribute("axis", std::int64_t{1})}),
          step("Cast", {"response"}, "log_response", {attribute("to", to_double)}),
          step("Cast", {"energy"}, "wide_energy", {attribute("to", to_double)}),
          step("Log", {"wide_energy"}, "log_energy"),
          step("Add", {"log_energy", "log_response"}, "log_total"),
          step("Sub", {"log_total", "minus_log_share"}, "log_voxels")},
         {"layer_voxels"}};
  if (!logarithmic) b.nodes.push_back(step("Exp", {"log_voxels"}, "voxels"));
  b.nodes.push_back(step("Cast", {logarithmic ? "log_voxels" : "voxels"}, "y", {attribute("to", to_float)}));
  return b;
}

// Compared in double, so that a threshold between two floats means what it says.
Body threshold() {
  return {{"x", "mev"},
          {step("Cast", {"x"}, "wide", {attribute("to", to_double)}), step("Less", {"wide", "mev"}, "below"),
           constant("empty", tensor("", Tensor{{}, {0.0f}})), step("Where", {"below", "empty", "x"}, "y")}};
}

// Softmax of every group of x, padded with a logit that counts for nothing: "flat", [events, groups * parts].
std::vector<std::string> group_shares(const std::string& x) {
  return {constant("one_column_behind", tensor("", Ints{4}, Ints{0, 0, 0, 1})),
          constant("nothing", tensor("", Tensor{{}, {-1e30f}})),
          step("Pad", {x, "one_column_behind", "nothing"}, "padded"),
          step("Gather", {"padded", "member"}, "logits", {attribute("axis", std::int64_t{1})}),
          step("Softmax", {"logits"}, "shares", {attribute("axis", std::int64_t{2})}),
          step("Flatten", {"shares"}, "flat", {attribute("axis", std::int64_t{1})})};
}

Body group_softmax() {
  Body b{{"x", "member", "place"}, group_shares("x"), {"group_sizes"}};
  b.nodes.push_back(step("Gather", {"flat", "place"}, "y", {attribute("axis", std::int64_t{1})}));
  return b;
}

// E scale sigmoid(s[0]) times the layer's share times the voxel's; the products are double, as in the engine.
Body softmax_split() {
  Body b{{"s", "energy", "total_scale", "member", "layer_part", "voxel_part"}, group_shares("s"), {"layer_voxels"}};
  const std::string wide = "wide_";
  for (const std::string& node :
       {constant("first", tensor("", Ints{1}, Ints{0})),
        step("Gather", {"s", "first"}, "total_logit", {attribute("axis", std::int64_t{1})}),
        step("Sigmoid", {"total_logit"}, "response"),
        step("Gather", {"flat", "layer_part"}, "layer", {attribute("axis", std::int64_t{1})}),
        step("Gather", {"flat", "voxel_part"}, "voxel", {attribute("axis", std::int64_t{1})})})
    b.nodes.push_back(node);
  for (const char* value : {"response", "energy", "layer", "voxel"})
    b.nodes.push_back(step("Cast", {value}, wide + value, {attribute("to", to_double)}));
  for (const std::string& node :
       {step("Mul", {"wide_energy", "total_scale"}, "largest"), step("Mul", {"largest", "wide_response"}, "total"),
        step("Mul", {"total", "wide_layer"}, "layer_energy"), step("Mul", {"layer_energy", "wide_voxel"}, "voxels"),
        step("Cast", {"voxels"}, "y", {attribute("to", to_float)})})
    b.nodes.push_back(node);
  return b;
}

Body spread() {
  return {{"x", "noise", "deviation"},
          {step("Mul", {"noise", "deviation"}, "scaled"), step("Add", {"x", "scaled"}, "y")}};
}

Body body_of(const std::string& name) {
  if (name == "LogEnergy") return log_energy();
  if (name == "ConditionalAffine") return conditional_affine(false);
  if (name == "ConditionalAffineInverse") return conditional_affine(true);
  if (name == "StickBreaking") return stick_breaking(false);
  if (name == "StickBreakingLog") return stick_breaking(true);
  if (name == "SoftmaxSplit") return softmax_split();
  if (name == "Threshold") return threshold();
  if (name == "GroupSoftmax") return group_softmax();
  if (name == "Spread") return spread();
  if (const auto flow = flow_function(name)) return flow_body(*flow);
  fail("onnx: no function is called '", name, "'");
}

}  // namespace

StickTables stick_shape(const std::vector<int>& layer_voxels) {
  StickTables t;
  t.groups = static_cast<std::int64_t>(layer_voxels.size()) + 1;
  t.parts = static_cast<std::int64_t>(layer_voxels.size());
  for (const int voxels : layer_voxels) t.parts = std::max(t.parts, std::int64_t{voxels});
  return t;
}

StickTables stick_tables(const std::vector<int>& layer_voxels) {
  StickTables t = stick_shape(layer_voxels);
  std::int64_t voxels = 0;
  for (const int n : layer_voxels) voxels += n;
  std::int64_t column = 1;  // s[0] is the response
  auto group = [&](std::int64_t parts) {
    for (std::int64_t p = 0; p < t.parts; ++p) t.stick.push_back(p + 1 < parts ? column++ : voxels);
  };
  group(static_cast<std::int64_t>(layer_voxels.size()));
  for (std::size_t layer = 0; layer < layer_voxels.size(); ++layer) {
    group(layer_voxels[layer]);
    for (std::int64_t p = 0; p < layer_voxels[layer]; ++p) {
      t.layer_part.push_back(static_cast<std::int64_t>(layer));
      t.voxel_part.push_back((static_cast<std::int64_t>(layer) + 1) * t.parts + p);
    }
  }
  return t;
}

GroupTables group_shape(const std::vector<int>& group_sizes) {
  GroupTables t;
  t.groups = static_cast<std::int64_t>(group_sizes.size());
  for (const int columns : group_sizes) t.parts = std::max(t.parts, std::int64_t{columns});
  return t;
}

GroupTables group_tables(const std::vector<int>& group_sizes) {
  GroupTables t = group_shape(group_sizes);
  std::int64_t columns = 0, column = 0;
  for (const int n : group_sizes) columns += n;
  for (std::size_t g = 0; g < group_sizes.size(); ++g)
    for (std::int64_t p = 0; p < t.parts; ++p) {
      t.member.push_back(p < group_sizes[g] ? column++ : columns);
      if (p < group_sizes[g]) t.place.push_back(static_cast<std::int64_t>(g) * t.parts + p);
    }
  return t;
}

ShareTables share_tables(const std::vector<int>& layer_voxels) {
  std::vector<int> sizes{1, static_cast<int>(layer_voxels.size())};
  sizes.insert(sizes.end(), layer_voxels.begin(), layer_voxels.end());
  ShareTables t{group_tables(sizes), {}, {}};
  const auto place = t.groups.place.begin();
  t.voxel_part.assign(place + 1 + sizes[1], t.groups.place.end());
  for (int layer = 0; layer < sizes[1]; ++layer)
    t.layer_part.insert(t.layer_part.end(), static_cast<std::size_t>(sizes[2 + static_cast<std::size_t>(layer)]),
                        place[1 + layer]);
  return t;
}

std::string function(const std::string& name) {
  using namespace protobuf;
  const Body body = body_of(name);
  std::string m;
  put_bytes(m, 1, name);
  for (const std::string& input : body.inputs) put_bytes(m, 4, input);
  put_bytes(m, 5, "y");
  for (const std::string& a : body.attributes) put_bytes(m, 6, a);
  for (const std::string& n : body.nodes) put_bytes(m, 7, n);
  put_bytes(m, 9, opset("", standard_opset));
  put_bytes(m, 10, "quench");
  return m;
}

}  // namespace quench::onnx
