// ONNX files: what quench writes comes back exactly, and what others write is read as they mean it.
// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <cstring>
#include <filesystem>
#include <limits>

#include "engine/core/files.h"
#include "engine/model/forward.h"
#include "engine/model/onnx_facts.h"
#include "engine/model/onnx_functions.h"
#include "tests/engine/model/onnx_file.h"

using namespace quench;
using onnx::attribute;
using onnx::node;
using Ints = std::vector<std::int64_t>;

namespace {

Tensor filled(std::vector<int> shape, float first) {
  Tensor t = zeros(std::move(shape));
  for (std::size_t i = 0; i < t.size(); ++i) t.data[i] = (first + static_cast<float>(i)) * (i % 2 ? 0.37f : -1.1f);
  return t;
}

// Every layer, awkward names and numbers.
Model every_layer() {
  Model m;
  m.name = "every_layer";
  m.facts = {"uniform", "rings-2x2", 0.1, 1e5 / 3};
  const Value z = add_input(m, "z", 5, InputKind::latent);
  const Value e = add_input(m, "dense.weight", 1, InputKind::incident_energy);  // the name its weight would get
  const Value c = append(m, "condition", LogEnergy{12345.678901234567}, {e}, 1);
  Value h = append(m, "join", Concat{}, {z, c}, 6);
  h = append(m, "dense", Linear{filled({4, 6}, 1), filled({4}, 2)}, {h}, 4);
  BatchNorm norm{filled({4}, 3), filled({4}, 4), filled({4}, 5), filled({4}, 0), 1e-3f, 0.123456789f};
  for (float& v : norm.variance.data) v = v * v;
  h = append(m, "norm", norm, {h}, 4);
  h = append(m, "a", Relu{}, {h}, 4);
  h = append(m, "b", LeakyRelu{0.3f}, {h}, 4);
  h = append(m, "c", Sigmoid{}, {h}, 4);
  h = append(m, "d", Tanh{}, {h}, 4);
  const Value cut = append(m, "cut", Slice{1, 3}, {h}, 3);
  h = append(m, "again", Concat{}, {cut, c}, 4);
  h = append(m, "affine", ConditionalAffine{filled({3, 4}, 1), filled({3, 4}, 2), true}, {h, c}, 4);
  h = append(m, "back", ConditionalAffine{filled({1, 4}, 1), filled({1, 4}, 2), false}, {h, c}, 4);
  const Value log = append(m, "log", StickBreaking{{1, 3}, true}, {h, e}, 4);
  h = append(m, "mixed", Permute{{2, 0, 3, 1}}, {h}, 4);
  h = append(m, "e", Exp{}, {append(m, "f", Clamp{-0.7f, 1.1f}, {h}, 4)}, 4);
  const Value gate = append(m, "g", Product{}, {append(m, "soft", Softplus{}, {h}, 4), h}, 4);
  h = append(m, "residual", Sum{}, {h, gate}, 4);
  h = append(m, "layer norm", LayerNorm{filled({4}, 6), filled({4}, 7), 1e-4f}, {h}, 4);
  h = append(m, "share", Softmax{{4}}, {append(m, "shares", Softmax{{1, 3}}, {h}, 4)}, 4);
  h = append(m, "spread", Spread{filled({4}, 8)}, {h, append(m, "noise", Slice{1, 4}, {z}, 4)}, 4);
  h = append(m, "split", StickBreaking{{2, 2}, false}, {h, e}, 4);
  h = append(m, "readout", Threshold{0.1}, {h}, 4);
  const Value heads =
      append(m, "heads", SoftmaxSplit{{1, 2, 1}, 1.4}, {append(m, "eight", Concat{}, {h, log}, 8), e}, 4);
  m.outputs = {h, log, heads};
  return m;
}

// Linear 3 -> 2 as a file's nodes see it.
Model read(const OnnxBuilder& file) { return read_onnx(file.bytes(), "t.onnx"); }

const Tensor weight{{2, 3}, {1, 2, 3, 4, 5, 6}};             // [outputs, inputs]
const Tensor weight_transposed{{3, 2}, {1, 4, 2, 5, 3, 6}};  // [inputs, outputs]

std::string unhex(const char* text) {
  std::string bytes;
  for (; *text; ++text) {
    if (*text == ' ') continue;
    bytes.push_back(static_cast<char>(std::stoi(std::string(text, 2), nullptr, 16)));
    ++text;
  }
  return bytes;
}

}  // namespace

TEST_CASE("protobuf numbers are written as the encoding guide says") {
  std::string m;
  protobuf::put_int(m, 1, 150);
  CHECK(m == unhex("08 96 01"));
  m.clear();
  protobuf::put_int(m, 2, -2);
  CHECK(m == unhex("10 fe ff ff ff ff ff ff ff ff 01"));
  m.clear();
  protobuf::put_bytes(m, 2, "testing");
  CHECK(m == unhex("12 07 74 65 73 74 69 6e 67"));
  m.clear();
  protobuf::put_float(m, 16, 1.0f);
  CHECK(m == unhex("85 01 00 00 80 3f"));
}

TEST_CASE("every layer, name, number and fact comes back, and equal models give equal bytes") {
  const Model m = every_layer();
  const std::string bytes = onnx_bytes(m);
  const Model back = read_onnx(bytes, "m.onnx");
  CHECK(back == m);
  CHECK(onnx_bytes(back) == bytes);
  CHECK(onnx_bytes(every_layer()) == bytes);
  CHECK(back.facts.minimum_energy_mev == 0.1);
  CHECK(std::get<BatchNorm>(back.nodes[3].op).momentum == 0.123456789f);
  CHECK(std::get<StickBreaking>(back.nodes[12].op).layer_voxels == std::vector<int>{1, 3});
  Model other = m;
  for (Node& n : other.nodes)
    if (auto* op = std::get_if<Threshold>(&n.op)) op->mev = 0.1000000001;
  CHECK(onnx_bytes(other) != bytes);
  CHECK(!(read_onnx(onnx_bytes(other), "m.onnx") == m));
}

TEST_CASE("floats come back bit by bit") {
  Model m;
  m.name = "bits";
  const Value x = add_input(m, "x", 3, InputKind::features);
  Linear op = linear(3, 2);
  op.weight.data = {-0.0f, std::numeric_limits<float>::denorm_min(), std::numeric_limits<float>::max(), -1e-40f, 0.1f,
                    -3.0f};
  m.outputs = {append(m, "fc", op, {x}, 2)};
  const Model back = read_onnx(onnx_bytes(m), "");
  const Tensor& w = std::get<Linear>(back.nodes[0].op).weight;
  CHECK(std::memcmp(w.data.data(), op.weight.data.data(), 6 * sizeof(float)) == 0);
}

TEST_CASE("values keep their order when an input was added after a node") {
  Model m;
  m.name = "order";
  const Value x = add_input(m, "x", 3, InputKind::latent);
  const Value a = append(m, "a", Tanh{}, {x}, 3);
  const Value y = add_input(m, "y", 2, InputKind::features);
  m.outputs = {append(m, "b", Concat{}, {y, a}, 5), a};
  CHECK(read_onnx(onnx_bytes(m), "") == m);
  std::swap(m.inputs[0], m.inputs[1]);
  CHECK(read_onnx(onnx_bytes(m), "") == m);
}

TEST_CASE("a momentum with few decimals needs no metadata") {
  for (const float momentum : {0.1f, 0.01f, 0.5f, 0.001f, 0.0f, 1.0f})
    CHECK(onnx::momentum_of(onnx::kept_share(momentum)) == momentum);
}

TEST_CASE("stick-breaking tables for layers of 2 and 3 voxels") {
  // s: 0 response, 1 layer logit, 2 logit of layer 0, 3 and 4 logits of layer 1; 5 is the column behind.
  const onnx::StickTables t = onnx::stick_tables({2, 3});
  CHECK(t.groups == 3);
  CHECK(t.parts == 3);
  CHECK(t.stick == Ints{1, 5, 5, 2, 5, 5, 3, 4, 5});
  CHECK(t.layer_part == Ints{0, 0, 1, 1, 1});
  CHECK(t.voxel_part == Ints{3, 4, 6, 7, 8});
}

TEST_CASE("softmax tables for groups of 1 and 3 columns") {
  const onnx::GroupTables t = onnx::group_tables({1, 3});
  CHECK(t.groups == 2);
  CHECK(t.parts == 3);
  CHECK(t.member == Ints{0, 4, 4, 1, 2, 3});
  CHECK(t.place == Ints{0, 3, 4, 5});
}

TEST_CASE("a file written by hand is read") {
  // Gemm of x [n, 2] with W = [[1], [2]] and C = [0.5], all in float_data.
  std::string graph;
  graph += unhex("0a12 0a0178 0a0157 0a0143 120179 220447656d6d");          // node: inputs x W C, output y, op Gemm
  graph += unhex("2a13 0802 0801 1001 2208 0000803f00000040 420157");       // initialiser [2, 1] float 1, 2 called W
  graph += unhex("2a0d 0801 1001 2204 0000003f 420143");                    // initialiser [1] float 0.5 called C
  graph += unhex("5a14 0a0178 120f 0a0d 0801 1209 0a03 12016e 0a02 0802");  // input x, float [n, 2]
  graph += unhex("6203 0a0179");                                            // output y
  std::string file = unhex("0808 3a");
  protobuf::put_varint(file, graph.size());
  file += graph + unhex("4202 1011");  // opset 17
  const Model m = read_onnx(file, "hand.onnx");
  CHECK(m.name == "network");
  REQUIRE(m.nodes.size() == 1);
  CHECK(m.nodes[0].name == "gemm");
  CHECK(std::get<Linear>(m.nodes[0].op).weight == Tensor{{1, 2}, {1, 2}});
  CHECK(std::get<Linear>(m.nodes[0].op).bias == Tensor{{1}, {0.5f}});
  CHECK(infer(m, std::vector<Tensor>{Tensor{{1, 2}, {10, 100}}}).data == std::vector<float>{210.5f});
}

TEST_CASE("Gemm in all its variants is the same Linear") {
  OnnxBuilder file;
  file.initializers = {onnx::tensor("W", weight), onnx::tensor("V", weight_transposed),
                       onnx::tensor("c", Tensor{{1, 2}, {7, 8}}), onnx::tensor("one", Tensor{{}, {3}})};
  auto linear_of = [&](const onnx::Names& inputs, const std::vector<std::string>& attributes) {
    file.nodes = {node("fc", "Gemm", inputs, {"y"}, attributes)};
    return std::get<Linear>(read(file).nodes.at(0).op);
  };
  const std::string transposed = attribute("transB", std::int64_t{1});
  CHECK(linear_of({"x", "W", "c"}, {transposed}).weight == weight);
  CHECK(linear_of({"x", "V"}, {}).weight == weight);
  CHECK(linear_of({"x", "V"}, {}).bias == Tensor{{2}, {0, 0}});
  CHECK(linear_of({"x", "V", ""}, {}).bias == Tensor{{2}, {0, 0}});
  CHECK(linear_of({"x", "V", "one"}, {}).bias == Tensor{{2}, {3, 3}});
  const Linear scaled = linear_of({"x", "W", "c"}, {transposed, attribute("alpha", 0.5f), attribute("beta", -2.0f)});
  CHECK(scaled.weight == Tensor{{2, 3}, {0.5f, 1, 1.5f, 2, 2.5f, 3}});
  CHECK(scaled.bias == Tensor{{2}, {-14, -16}});
}

TEST_CASE("MatMul and Add are one Linear, whatever the order of the nodes and of Add's inputs") {
  OnnxBuilder file;
  file.initializers = {onnx::tensor("V", weight_transposed), onnx::tensor("c", Tensor{{2}, {7, 8}})};
  file.nodes = {node("act", "Relu", {"s"}, {"y"}), node("", "Add", {"c", "p"}, {"s"}),
                node("", "MatMul", {"x", "V"}, {"p"})};
  const Model m = read(file);
  REQUIRE(m.nodes.size() == 2);
  CHECK(m.nodes[0].name == "matmul");
  CHECK(std::get<Linear>(m.nodes[0].op).weight == weight);
  CHECK(std::get<Linear>(m.nodes[0].op).bias == Tensor{{2}, {7, 8}});
  CHECK(m.values[1].name == "s");
  CHECK(m.values[2].name == "y");
}

TEST_CASE("Slice and Split name columns in several ways") {
  OnnxBuilder file;
  file.outputs = {onnx::value_info("y", 2)};
  auto ints = [](const char* name, Ints v) { return onnx::tensor(name, Ints{static_cast<std::int64_t>(v.size())}, v); };
  auto cut = [&](std::vector<std::string> nodes, int opset) {
    file.nodes = std::move(nodes);
    file.opset = opset;
    const auto op = std::get<Slice>(read(file).nodes.back().op);
    return std::pair(op.begin, op.length);
  };
  const std::string axes = attribute("axes", Ints{1}), starts = attribute("starts", Ints{-2}),
                    ends = attribute("ends", Ints{9999});
  CHECK(cut({node("s", "Slice", {"x"}, {"y"}, {starts, ends, axes})}, 9) == std::pair(1, 2));
  file.initializers = {ints("zero", {0}),
                       ints("minus1", {-1}),
                       ints("two", {2}),
                       ints("all", {0, 1}),
                       ints("far", {std::numeric_limits<std::int64_t>::max(), 3}),
                       ints("sizes", {1, 2})};
  CHECK(cut({node("s", "Slice", {"x", "zero", "minus1", "minus1"}, {"y"})}, 10) == std::pair(0, 2));
  CHECK(cut({node("s", "Slice", {"x", "all", "far"}, {"y"})}, 13) == std::pair(1, 2));
  const std::string axis = attribute("axis", std::int64_t{-1});
  CHECK(cut({node("s", "Split", {"x"}, {"a", "y"}, {axis, attribute("split", Ints{1, 2})})}, 11) == std::pair(1, 2));
  CHECK(cut({node("s", "Split", {"x", "sizes"}, {"", "y"}, {axis})}, 13) == std::pair(1, 2));
  CHECK(cut({node("s", "Split", {"x"}, {"y", "b"}, {axis}), node("t", "Slice", {"y", "zero", "two", "minus1"}, {"z"})},
            18) == std::pair(0, 2));
}

TEST_CASE("Gather that takes every column once is a Permute") {
  OnnxBuilder file;
  file.initializers = {onnx::tensor("order", Ints{3}, Ints{-1, 0, 1})};
  file.nodes = {node("g", "Gather", {"x", "order"}, {"y"}, {attribute("axis", std::int64_t{-1})})};
  file.outputs = {onnx::value_info("y", 3)};
  CHECK(std::get<Permute>(read(file).nodes.at(0).op).order == std::vector<int>{2, 0, 1});
}

TEST_CASE("Clip with bounds as attributes and as inputs, with one or none") {
  OnnxBuilder file;
  file.outputs = {onnx::value_info("y", 3)};
  file.initializers = {onnx::tensor("six", Tensor{{}, {6}}), onnx::tensor("two", Tensor{{1}, {2}})};
  auto clip = [&](const onnx::Names& inputs, const std::vector<std::string>& attributes, int opset) {
    file.nodes = {node("c", "Clip", inputs, {"y"}, attributes)};
    file.opset = opset;
    const Clamp op = std::get<Clamp>(read(file).nodes.at(0).op);
    return std::pair(op.low, op.high);
  };
  constexpr float most = std::numeric_limits<float>::max();
  CHECK(clip({"x"}, {attribute("min", -1.0f), attribute("max", 2.5f)}, 10) == std::pair(-1.0f, 2.5f));
  CHECK(clip({"x"}, {attribute("max", 2.5f)}, 7) == std::pair(-most, 2.5f));
  CHECK(clip({"x", "two", "six"}, {}, 11) == std::pair(2.0f, 6.0f));
  CHECK(clip({"x", "", "six"}, {}, 13) == std::pair(-most, 6.0f));
  CHECK(clip({"x", "two"}, {}, 13) == std::pair(2.0f, most));
  CHECK(clip({"x"}, {}, 17) == std::pair(-most, most));
}

TEST_CASE("Add of two values is a Sum, also of a MatMul without bias") {
  OnnxBuilder file;
  file.initializers = {onnx::tensor("V", Tensor{{3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9}})};
  file.nodes = {node("", "MatMul", {"x", "V"}, {"p"}), node("", "Add", {"p", "x"}, {"s"}),
                node("", "Mul", {"s", "p"}, {"y"})};
  file.outputs = {onnx::value_info("y", 3)};
  const Model m = read(file);
  REQUIRE(m.nodes.size() == 3);
  CHECK(std::holds_alternative<Sum>(m.nodes[1].op));
  CHECK(std::holds_alternative<Product>(m.nodes[2].op));
  CHECK(infer(m, std::vector<Tensor>{Tensor{{1, 3}, {1, 0, 0}}}).data == std::vector<float>{2, 4, 9});
}

TEST_CASE("nodes that change nothing vanish") {
  OnnxBuilder file;
  file.initializers = {onnx::tensor("W", weight), onnx::tensor("keep", Ints{2}, Ints{0, -1}),
                       onnx::tensor("off", Ints{}, Ints{0})};
  const std::string shape = onnx::tensor_attribute("value", onnx::tensor("", Ints{2}, Ints{-1, 3}));
  file.nodes = {node("i", "Identity", {"W"}, {"V"}),
                node("k", "Constant", {}, {"shape"}, {shape}),
                node("r", "Reshape", {"x", "shape"}, {"a"}),
                node("q", "Reshape", {"a", "keep"}, {"b"}),
                node("f", "Flatten", {"b"}, {"c"}),
                node("d", "Dropout", {"c", "", "off"}, {"e", "mask"}),
                node("t", "Transpose", {"V"}, {"U"}, {attribute("perm", Ints{1, 0})}),
                node("g", "Gemm", {"e", "U"}, {"h"}),
                node("j", "Identity", {"h"}, {"y"})};
  const Model m = read(file);
  REQUIRE(m.nodes.size() == 1);
  CHECK(std::get<Linear>(m.nodes[0].op).weight == weight);
  CHECK(m.outputs == std::vector<Value>{Value{1}});
}

TEST_CASE("sizes taken from the tensor, as chunk and view write them, are followed") {
  OnnxBuilder file;
  file.inputs = {onnx::value_info("x", 4)};
  auto number = [](const char* name, std::int64_t v) { return onnx::tensor(name, Ints{1}, Ints{v}); };
  file.initializers = {number("zero", 0), number("one", 1), number("two", 2), number("minus_one", -1)};
  file.nodes = {node("", "Shape", {"x"}, {"shape"}),
                node("", "Gather", {"shape", "zero"}, {"events"}),
                node("", "Concat", {"events", "minus_one"}, {"view"}, {attribute("axis", std::int64_t{0})}),
                node("", "Reshape", {"x", "view"}, {"v"}),
                node("", "Gather", {"shape", "minus_one"}, {"columns"}),
                node("", "Div", {"columns", "two"}, {"half"}),
                node("", "Cast", {"half"}, {"middle"}, {attribute("to", std::int64_t{7})}),
                node("", "Slice", {"v", "middle", "columns", "one"}, {"y"})};
  const Model m = read(file);
  REQUIRE(m.nodes.size() == 1);
  CHECK(std::get<Slice>(m.nodes[0].op).begin == 2);
  CHECK(std::get<Slice>(m.nodes[0].op).length == 2);
}

TEST_CASE("weights of other types and layouts are converted") {
  OnnxBuilder file;
  file.nodes = {node("fc", "Gemm", {"x", "W"}, {"y"}, {attribute("transB", std::int64_t{1})})};
  auto weights = [&](int type, std::uint32_t field, const std::string& payload, const char* shape = "0802 0803") {
    std::string t = unhex(shape);
    protobuf::put_int(t, 2, type);
    protobuf::put_bytes(t, field, payload);
    protobuf::put_bytes(t, 8, "W");
    file.initializers = {t};
    return std::get<Linear>(read(file).nodes[0].op).weight.data;
  };
  // float16: 1, -2, 2^-24 (the smallest), 65504 (the largest), 0, 0.333251953125
  const std::vector<float> halves{1, -2, 1.0f / 16777216.0f, 65504, 0, 0.333251953125f};
  CHECK(weights(10, 9, unhex("003c 00c0 0100 ff7b 0080 5535")) == halves);
  CHECK(weights(10, 5, unhex("80 78 80 80 03 01 ff f7 01 00 d5 6a")) == halves);  // packed int32_data holds the bits
  const std::string doubles = unhex(
      "000000000000f03f 000000000000e0bf 000000000000f03f 000000000000f03f 000000000000f03f"
      "9a9999999999b93f");
  CHECK(weights(11, 9, doubles) == std::vector<float>{1, -0.5f, 1, 1, 1, 0.1f});
  CHECK(weights(11, 10, doubles) == std::vector<float>{1, -0.5f, 1, 1, 1, 0.1f});
  CHECK(weights(1, 4, unhex("0000803f 0000803f 0000803f 0000803f 0000803f 0000003f")).back() == 0.5f);
}

TEST_CASE("input kinds and facts come from the metadata, names become usable") {
  OnnxBuilder file;
  file.graph_name = "main graph/2";
  file.outputs = {onnx::value_info("y", 3)};
  file.nodes = {node("", "Relu", {"x"}, {"h"}), node("", "Relu", {"h"}, {"y"})};
  Model m = read(file);
  CHECK(m.name == "main_graph_2");
  CHECK(m.inputs[0].kind == InputKind::features);
  CHECK(m.nodes[0].name == "relu");
  CHECK(m.nodes[1].name == "relu_2");
  file.metadata = {{"quench.latent", "uniform"}, {"quench.input.x", "latent"}, {"quench.maximum_energy_mev", "2.5e5"}};
  m = read(file);
  CHECK(m.inputs[0].kind == InputKind::latent);
  CHECK(m.facts.latent == "uniform");
  CHECK(m.facts.maximum_energy_mev == 250000.0);
}

TEST_CASE("models go through files, and import makes features latent") {
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / "quench_onnx_test";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  const std::string path = (folder / "m.onnx").string();
  save_model(every_layer(), path);
  CHECK(load_model(path) == every_layer());
  OnnxBuilder file;
  file.nodes = {node("", "Tanh", {"x"}, {"y"})};
  file.outputs = {onnx::value_info("y", 3)};
  write_file(path, file.bytes());
  CHECK(import_onnx(path).inputs[0].kind == InputKind::features);
  const Model m = import_onnx(path, "uniform");
  CHECK(m.inputs[0].kind == InputKind::latent);
  CHECK(m.facts.latent == "uniform");
  CHECK_THROWS_AS(import_onnx(path, "cauchy"), Error);
  std::filesystem::remove_all(folder);
}
