// ONNX files that quench must refuse, each with one sentence that says why: what their graphs hold.
// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <cmath>

#include "tests/engine/model/onnx_refusals.h"

using namespace quench;
using onnx::attribute;
using onnx::node;
using Ints = std::vector<std::int64_t>;

namespace {

const std::string one = attribute("axis", std::int64_t{1}), zero = attribute("axis", std::int64_t{0});

}  // namespace

TEST_CASE("the file that the refusals start from is sound") { CHECK(refusal(sound().bytes()) == ""); }

TEST_CASE("operators and attributes") {
  check_refusal(with_nodes({node("sm", "Hardmax", {"x"}, {"y"})}), {"'sm'", "(Hardmax)", "no such operator", "Gemm"});
  check_refusal(with_nodes({node("sm", "Softmax", {"x"}, {"y"}, {zero})}), {"'sm'", "axis is 0"});
  check_refusal(with_nodes({node("", "Erf", {"x"}, {"y"})}), {"node 0 (Erf)"});
  check_refusal(with_nodes({node("f", "Relu", {"x"}, {"y"}, {}, "com.microsoft")}), {"com.microsoft", "domain"});
  check_refusal(with_nodes({node("f", "Wavelet", {"x"}, {"y"}, {}, "quench")}), {"Wavelet", "newer"});
  check_refusal(with_nodes({node("f", "Relu", {"x"}, {"y"}, {attribute("slope", 1.0f)})}), {"attribute 'slope'"});
  check_refusal(with_nodes({node("f", "LeakyRelu", {"x"}, {"y"}, {attribute("alpha", std::int64_t{1})})}),
                {"alpha", "type 2"});
  check_refusal(with_nodes({node("f", "LeakyRelu", {"x"}, {"y"}, {attribute("alpha", std::nanf(""))})}),
                {"alpha", "finite"});
  check_refusal(with_nodes({node("f", "Gemm", {"x", "W"}, {"y"}, {attribute("transA", std::int64_t{1})})}), {"transA"});
  check_refusal(with_nodes({node("f", "Gemm", {"x", "W"}, {"y"}, {attribute("alpha", 3e38f)})}), {"alpha", "float32"});
  check_refusal(with_nodes({node("f", "Concat", {"x", "x"}, {"y"}, {zero})}), {"axis is 0"});
  check_refusal(with_nodes({node("f", "Flatten", {"x"}, {"y"}, {zero})}), {"axis is 0"});
  check_refusal(with_nodes({node("f", "Relu", {"x", "x"}, {"y"})}), {"2 inputs, 1"});
  check_refusal(with_nodes({node("f", "Relu", {}, {"y"})}), {"0 inputs, 1"});
  check_refusal(with_nodes({node("f", "Relu", {""}, {"y"})}), {"input 0 is missing"});
  check_refusal(with_nodes({node("f", "Relu", {"x"}, {})}), {"no output"});
  check_refusal(with_nodes({node("f", "Constant", {}, {"y"})}), {"0 attributes, 1"});
  check_refusal(with_nodes({node("f", "Relu", {"x"}, {"y"})}, 6), {"opset 6", "7 to 25"});
  check_refusal(with_nodes({node("f", "Relu", {"x"}, {"y"})}, 99), {"opset 99"});
}

TEST_CASE("training-mode nodes") {
  OnnxBuilder file = sound();
  file.initializers = {onnx::tensor("v", Tensor{{3}, {1, 1, 1}}), onnx::tensor("on", Ints{}, Ints{1})};
  file.nodes = {node("bn", "BatchNormalization", {"x", "v", "v", "v", "v"}, {"y"},
                     {attribute("training_mode", std::int64_t{1})})};
  check_refusal(file.bytes(), {"'bn'", "training_mode", "eval()"});
  file.nodes = {node("drop", "Dropout", {"x", "", "on"}, {"y"})};
  check_refusal(file.bytes(), {"'drop'", "training_mode"});
  file.nodes = {node("drop", "Dropout", {"x"}, {"h", "mask"}), node("r", "Relu", {"mask"}, {"y"})};
  check_refusal(file.bytes(), {"'mask'", "second output"});
}

TEST_CASE("weights that are computed, missing, misshapen or not finite") {
  check_refusal(with_nodes({node("f", "Gemm", {"x", "x"}, {"y"})}), {"'x'", "computed by the network"});
  check_refusal(with_nodes({node("f", "Gemm", {"c", "W"}, {"y"})}), {"'c'", "is a constant"});
  check_refusal(with_nodes({node("f", "Gemm", {"x", "nowhere"}, {"y"})}), {"'nowhere'", "neither an input"});
  check_refusal(with_nodes({node("f", "Gemm", {"x", "c"}, {"y"})}), {"'c'", "rank 1"});
  check_refusal(with_nodes({node("f", "Gemm", {"x", "W", "W"}, {"y"})}), {"'W'", "6 elements in 3 rows", "1 or 2"});
  check_refusal(with_weight(onnx::tensor("W", Tensor{{4, 2}, {1, 2, 3, 4, 5, 6, 7, 8}})),
                {"takes 4 columns", "'x' has 3"});
  check_refusal(with_weight(onnx::tensor("W", Tensor{{1, 3, 2}, {1, 2, 3, 4, 5, 6}})), {"[1, 3, 2]", "rank 3"});
  check_refusal(with_weight(onnx::tensor("W", Ints{3, 2}, Ints{1, 2, 3, 4, 5, 6})), {"'W'", "integers"});
  check_refusal(with_weight(onnx::tensor("W", Tensor{{3, 2}, {1, 2, 3, NAN, 5, 6}})), {"element 3", "finite"});
  check_refusal(with_weight(onnx::tensor("W", Tensor{{3, 2}, {1, 2, INFINITY, 4, 5, 6}})), {"element 2", "inf"});
  check_refusal(with_weight(raw_tensor("W", {3, 2}, 16, std::string(12, '\0'))), {"data type 16", "float32"});
  check_refusal(with_weight(raw_tensor("W", {3, 2}, 1, std::string(20, '\0'))),
                {"6 elements of 4", "holds 5 in 20 bytes"});
  check_refusal(with_weight(raw_tensor("W", {3, 2}, 1, std::string(25, '\0'))), {"25 bytes"});
  std::string huge;  // 1e300 does not fit float32
  for (int k = 0; k < 6; ++k) protobuf::append_little_endian(huge, protobuf::double_bits(1e300));
  check_refusal(with_weight(raw_tensor("W", {3, 2}, 11, huge)), {"1e+300", "does not fit float32"});
  OnnxBuilder file = sound();
  file.initializers.push_back(onnx::tensor("neg", Tensor{{3}, {1, -1, 1}}));
  file.initializers.push_back(onnx::tensor("v", Tensor{{3}, {1, 1, 1}}));
  file.nodes = {node("bn", "BatchNormalization", {"x", "v", "v", "v", "neg"}, {"y"})};
  check_refusal(file.bytes(), {"variance 1 is -1"});
  file.nodes = {node("bn", "BatchNormalization", {"x", "v", "v", "v", "c"}, {"y"})};
  check_refusal(file.bytes(), {"'c' has 2 elements", "3 columns"});
}

TEST_CASE("absurd sizes are refused before anything is allocated") {
  check_refusal(with_weight(raw_tensor("W", {3, std::int64_t{1} << 40}, 1, "")), {"1099511627776", "at most"});
  check_refusal(with_weight(raw_tensor("W", {std::int64_t{1} << 31, std::int64_t{1} << 31}, 1, "")), {"at most"});
  check_refusal(with_weight(raw_tensor("W", {3, 200000000}, 1, "abcd")), {"600000000 elements", "holds 1"});
  check_refusal(with_weight(raw_tensor("W", {3, 0}, 1, "")), {"[3, 0]", "positive"});
  check_refusal(with_weight(raw_tensor("W", {3, -2}, 1, "")), {"[3, -2]", "positive"});
  std::vector<std::string> doubling;
  std::string last = "x";
  for (int k = 0; k < 40; ++k) {
    doubling.push_back(node("", "Concat", {last, last}, {"d" + std::to_string(k)}, {one}));
    last = "d" + std::to_string(k);
  }
  check_refusal(with_nodes(doubling), {"25165824 wide", "16777216"});
  OnnxBuilder file;  // one weight of 1 MB, used by many nodes
  file.initializers = {onnx::tensor("W", zeros({512, 512}))};
  file.inputs = {onnx::value_info("x", 512)};
  file.outputs = {onnx::value_info("y0", 512)};
  for (int k = 0; k < 30; ++k) file.nodes.push_back(node("", "MatMul", {"x", "W"}, {"y" + std::to_string(k)}));
  check_refusal(file.bytes(), {"used by too many nodes"});
}

TEST_CASE("graphs with cycles, names made twice, and names that are nothing") {
  check_refusal(with_nodes({node("a", "Relu", {"x"}, {"h"}), node("b", "Concat", {"h", "q"}, {"p"}, {one}),
                            node("c", "Relu", {"p"}, {"q"}), node("d", "Relu", {"q"}, {"y"})}),
                {"waits for its own result"});
  check_refusal(with_nodes({node("self", "Relu", {"y"}, {"y"})}), {"'self'", "own result"});
  check_refusal(with_nodes({node("a", "Relu", {"x"}, {"y"}), node("b", "Tanh", {"x"}, {"y"})}),
                {"two values are called 'y'"});
  check_refusal(with_nodes({node("a", "Relu", {"x"}, {"x"})}), {"two values are called 'x'"});
  check_refusal(with_nodes({node("a", "Relu", {"x"}, {"W"})}), {"two values are called 'W'"});
  check_refusal(with_nodes({node("a", "Relu", {"x"}, {"h"}), node("a", "Relu", {"h"}, {"y"})}),
                {"two nodes are called 'a'"});
  check_refusal(with_nodes({node("a", "Relu", {"x"}, {"h"})}), {"output 'y'", "not made"});
  check_refusal(with_nodes({node("a\nb", "Relu", {"x"}, {"y"})}), {"control character"});
  check_refusal(with_nodes({node("a", "Add", {"x", "c"}, {"y"})}), {"bias of a MatMul"});
  check_refusal(with_nodes({node("m", "MatMul", {"x", "W"}, {"p"}), node("a", "Add", {"p", "c"}, {"s"}),
                            node("j", "Concat", {"s", "p"}, {"y"}, {one})}),
                {"'a'", "nothing else uses"});
  OnnxBuilder file = sound();
  file.inputs.push_back(file.inputs[0]);
  check_refusal(file.bytes(), {"two inputs are called 'x'"});
  file = sound();
  file.initializers.push_back(file.initializers[0]);
  check_refusal(file.bytes(), {"two values are called 'W'"});
  file = sound();
  file.outputs = {onnx::value_info("W", 2)};
  check_refusal(file.bytes(), {"output 'W'", "is a constant"});
  file.outputs = {};
  check_refusal(file.bytes(), {"no output"});
}

TEST_CASE("inputs and outputs of other shapes and types") {
  auto with_input = [](const std::string& input) {
    OnnxBuilder file = sound();
    file.inputs = {input};
    return file.bytes();
  };
  CHECK(refusal(with_input(typed_value("x", {4, 3}))) == "");
  CHECK(refusal(with_input(typed_value("x", {-1, 3}, 11))) == "");
  check_refusal(with_input(typed_value("x", {-1, 3}, 7)), {"input 'x'", "data type 7"});
  check_refusal(with_input(typed_value("x", {-1, 1, 3, 3})), {"rank 4"});
  check_refusal(with_input(typed_value("x", {3})), {"rank 1"});
  check_refusal(with_input(typed_value("x", {-1, -1})), {"open number of columns"});
  check_refusal(with_input(typed_value("x", {-1, 0})), {"has 0 columns"});
  check_refusal(with_input(typed_value("x", {-1, 4})), {"takes 3 columns", "'x' has 4"});
  OnnxBuilder file = sound();
  file.inputs = {typed_value("x", {4, 3}), typed_value("z", {5, 3})};
  check_refusal(file.bytes(), {"5 events", "to 4"});
  file = sound();
  file.outputs = {typed_value("y", {-1, 7})};
  check_refusal(file.bytes(), {"declared with 7 columns", "makes 2"});
  file.outputs = {typed_value("y", {2})};
  check_refusal(file.bytes(), {"declared with rank 1"});
}

TEST_CASE("columns cut where there are none, events cut, shapes changed") {
  auto cut = [](Ints starts, Ints ends, Ints axes) {
    return with_nodes({node("s", "Slice", {"x"}, {"y"},
                            {attribute("starts", starts), attribute("ends", ends), attribute("axes", axes)})},
                      9);
  };
  check_refusal(cut({2}, {2}, {1}), {"columns 2 to 2 of 3 are none"});
  check_refusal(cut({-1}, {-9}, {1}), {"are none"});
  check_refusal(cut({0}, {2}, {0}), {"events 0 to 2"});
  check_refusal(cut({0}, {2}, {2}), {"axis is 2"});
  check_refusal(cut({0, 0}, {2, 2}, {1, -1}), {"columns twice"});
  check_refusal(cut({0, 0}, {2}, {1}), {"2 starts, 1 ends, 1 axes"});
  OnnxBuilder file = sound();
  auto ints = [](const char* name, Ints v) { return onnx::tensor(name, Ints{static_cast<std::int64_t>(v.size())}, v); };
  file.initializers = {ints("0", {0}), ints("1", {1}), ints("2", {2}), ints("sizes", {1, 1}), ints("flat", {-1, 1})};
  file.nodes = {node("s", "Slice", {"x", "0", "2", "1", "2"}, {"y"})};
  check_refusal(file.bytes(), {"step is 2"});
  file.nodes = {node("s", "Split", {"x", "sizes"}, {"y", "z"}, {one})};
  check_refusal(file.bytes(), {"do not add up to the 3 columns"});
  file.nodes = {node("s", "Split", {"x"}, {"y", "z"}, {one})};
  check_refusal(file.bytes(), {"3 columns", "2 equal parts"});
  file.nodes = {node("s", "Split", {"x", "sizes"}, {"y", "z"})};
  check_refusal(file.bytes(), {"axis is 0"});
  file.nodes = {node("r", "Reshape", {"x", "flat"}, {"y"})};
  check_refusal(file.bytes(), {"[events, 3]"});
  file.nodes = {node("t", "Transpose", {"x"}, {"y"})};
  check_refusal(file.bytes(), {"'x'", "computed by the network"});
  file.nodes = {node("q", "Shape", {"x"}, {"s"}), node("g", "Gather", {"s", "0"}, {"n"}),
                node("c", "Slice", {"x", "0", "n", "1"}, {"y"})};
  check_refusal(file.bytes(), {"depends on the number of events"});
  file.nodes = {node("q", "Shape", {"x"}, {"s"}), node("g", "Gather", {"s", "2"}, {"n"}),
                node("r", "Relu", {"x"}, {"y"})};
  check_refusal(file.bytes(), {"number 2 of a shape of 2"});
  file.nodes = {node("d", "Div", {"1", "0"}, {"n"}), node("r", "Relu", {"x"}, {"y"})};
  check_refusal(file.bytes(), {"Div of the sizes 1 and 0"});
}

TEST_CASE("sums, products and bounds that quench has not") {
  check_refusal(with_nodes({node("f", "Gemm", {"x", "W"}, {"h"}), node("a", "Add", {"x", "h"}, {"y"})}),
                {"'a'", "'x' has 3 columns", "'h' has 2", "one width"});
  check_refusal(with_nodes({node("m", "Mul", {"x", "c"}, {"y"})}), {"'m'", "'c', is a constant"});
  check_refusal(with_nodes({node("m", "Mul", {"x"}, {"y"})}), {"1 inputs, 2"});
  check_refusal(with_nodes({node("k", "Clip", {"x"}, {"y"}, {attribute("min", 2.0f), attribute("max", 2.0f)})}, 10),
                {"min is 2 and max 2", "below"});
  check_refusal(with_nodes({node("k", "Clip", {"x"}, {"y"}, {attribute("min", 2.0f)})}), {"attribute 'min'"});
  check_refusal(with_nodes({node("k", "Clip", {"x", "c"}, {"y"})}), {"min 'c' has 2 elements, 1"});
  check_refusal(with_nodes({node("k", "Clip", {"x", "x"}, {"y"})}), {"'x'", "computed by the network"});
}

TEST_CASE("softmax functions whose tables do not fit their groups") {
  OnnxBuilder file = sound();
  const auto softmax = [&](const Ints& sizes, const Ints& member, const Ints& place) {
    file.initializers = {onnx::tensor("m", Ints{1, static_cast<std::int64_t>(member.size())}, member),
                         onnx::tensor("p", Ints{static_cast<std::int64_t>(place.size())}, place)};
    file.nodes = {node("s", "GroupSoftmax", {"x", "m", "p"}, {"y"}, {attribute("group_sizes", sizes)}, "quench")};
    return file.bytes();
  };
  file.outputs = {onnx::value_info("y", 3)};
  CHECK(refusal(softmax({1, 2}, {0, 3, 1, 2}, {0, 2, 3})) == "");
  check_refusal(softmax({1, 1}, {0, 3, 1, 2}, {0, 2, 3}), {"add up to the 3 columns"});
  check_refusal(softmax({3, 0}, {0, 3, 1, 2}, {0, 2, 3}), {"add up to the 3 columns"});
  check_refusal(softmax({1, 2}, {0, 3, 2, 1}, {0, 2, 3}), {"do not belong to group_sizes"});
  check_refusal(softmax({1, 2}, {0, 3, 1}, {0, 2, 3}), {"do not belong to group_sizes"});
}

TEST_CASE("a softmax split whose tables or widths do not belong together") {
  OnnxBuilder file = sound();
  const auto split = [&](const Ints& layers, const Ints& member, const Ints& layer, double scale = 1.6) {
    const auto ints = [](const char* name, const Ints& v) {
      return onnx::tensor(name, Ints{static_cast<std::int64_t>(v.size())}, v);
    };
    file.initializers = {onnx::tensor("c", scale), ints("m", member), ints("l", layer), ints("v", {2})};
    file.nodes = {node("s", "SoftmaxSplit", {"x", "e", "c", "m", "l", "v"}, {"y"}, {attribute("layer_voxels", layers)},
                       "quench")};
    return file.bytes();
  };
  file.inputs = {onnx::value_info("x", 3), onnx::value_info("e", 1)};
  file.outputs = {onnx::value_info("y", 1)};
  CHECK(refusal(split({1}, {0, 1, 2}, {1})) == "");  // one layer of one voxel: groups {total}, {layer}, {voxel}
  check_refusal(split({2}, {0, 1, 2}, {1}), {"add up to the 3 columns"});
  check_refusal(split({}, {0, 1, 2}, {1}), {"add up to the 3 columns"});
  check_refusal(split({1, -1}, {0, 1, 2}, {1}), {"add up to the 3 columns"});
  check_refusal(split({1}, {0, 1, 2}, {1}, 0), {"the largest total, 0"});
  check_refusal(split({1}, {0, 1}, {1}), {"do not belong to layer_voxels"});
  check_refusal(split({1}, {0, 1, 2}, {0}), {"do not belong to layer_voxels"});
}

TEST_CASE("output noise whose deviations are not one for each column") {
  OnnxBuilder file = sound();
  const auto spread = [&](std::vector<float> deviation, const std::vector<std::string>& inputs) {
    file.initializers = {onnx::tensor("d", Tensor{{static_cast<int>(deviation.size())}, deviation})};
    file.nodes = {node("s", "Spread", inputs, {"y"}, {}, "quench")};
    return file.bytes();
  };
  file.outputs = {onnx::value_info("y", 3)};
  CHECK(refusal(spread({1, -2, 0}, {"x", "x", "d"})) == "");
  check_refusal(spread({1, 2}, {"x", "x", "d"}), {"'s'", "'d' has 2 elements"});
  check_refusal(spread({1, 2, 3}, {"x", "d", "d"}), {"'d', is a constant"});
  check_refusal(spread({1, 2, 3}, {"x", "x"}), {"2 inputs, 3"});
}

TEST_CASE("layer normalisation of other axes, of weights that do not fit, and its second output") {
  const std::string last = attribute("axis", std::int64_t{-1}), epsilon = attribute("epsilon", 0.0f);
  check_refusal(with_nodes({node("n", "LayerNormalization", {"x", "c"}, {"y"}, {zero})}), {"'n'", "axis is 0"});
  check_refusal(with_nodes({node("n", "LayerNormalization", {"x", "c"}, {"y"}, {last})}), {"'c' has 2 elements"});
  OnnxBuilder file = sound();
  file.initializers = {onnx::tensor("g", Tensor{{3}, {1, 2, 3}})};
  file.outputs = {onnx::value_info("y", 3)};
  file.nodes = {node("n", "LayerNormalization", {"x", "g"}, {"y"})};
  CHECK(refusal(file.bytes()) == "");
  file.nodes = {node("n", "LayerNormalization", {"x", "g"}, {"y"}, {epsilon})};
  check_refusal(file.bytes(), {"epsilon is 0"});
  file.nodes = {node("n", "LayerNormalization", {"x", "g"}, {"h", "mean"}), node("r", "Relu", {"mean"}, {"y"})};
  check_refusal(file.bytes(), {"'mean'", "second output"});
}

TEST_CASE("gathered columns that are no permutation") {
  OnnxBuilder file = sound();
  const auto gather = [&](const Ints& dims, const Ints& indices, const std::string& axis) {
    file.initializers = {onnx::tensor("i", dims, indices)};
    file.nodes = {node("g", "Gather", {"x", "i"}, {"y"}, {axis})};
    return file.bytes();
  };
  check_refusal(gather({3}, {0, 2, 1}, zero), {"axis is 0"});
  check_refusal(gather({3}, {0, 2, 2}, one), {"'g'", "takes 3 columns of 3", "every column once"});
  check_refusal(gather({2}, {0, 1}, one), {"takes 2 columns of 3"});
  check_refusal(gather({3}, {0, 1, 3}, one), {"takes column 3 of 3"});
  check_refusal(gather({1, 3}, {0, 1, 2}, one), {"'i' have rank 2"});
  file.nodes = {node("g", "Gather", {"x", "x"}, {"y"}, {one})};
  check_refusal(file.bytes(), {"computed by the network"});
}

TEST_CASE("metadata and functions of quench that do not fit the graph") {
  auto with_entry = [](const char* key, const char* value) {
    OnnxBuilder file = sound();
    file.metadata = {{key, value}};
    return file.bytes();
  };
  check_refusal(with_entry("quench.latent", "cauchy"), {"'cauchy'", "normal or uniform"});
  check_refusal(with_entry("quench.input.z", "latent"), {"no input is called 'z'"});
  check_refusal(with_entry("quench.input.x", "noise"), {"'noise'", "latent, incident_energy or features"});
  check_refusal(with_entry("quench.minimum_energy_mev", "1,5"), {"'1,5'", "not a number"});
  check_refusal(with_entry("quench.minimum_energy_mev", "-1"), {"at least 0"});
  check_refusal(with_entry("quench.maximum_energy_mev", "inf"), {"inf"});
  check_refusal(with_entry("quench.value_order", "0 0"), {"value_order"});
  OnnxBuilder file = sound();
  file.inputs = {onnx::value_info("x", 3), onnx::value_info("e", 1)};
  auto ints = [](const char* name, Ints v) { return onnx::tensor(name, Ints{static_cast<std::int64_t>(v.size())}, v); };
  file.initializers = {ints("stick", {1}), ints("part", {0}), onnx::tensor("two", Tensor{{1, 2}, {0, 2}}),
                       onnx::tensor("m", Tensor{{2, 3}, {1, 2, 3, 4, 5, 6}}), onnx::tensor("inf", HUGE_VAL)};
  const std::string layers = attribute("layer_voxels", Ints{3}), wrong = attribute("layer_voxels", Ints{2, 2});
  file.nodes = {node("s", "StickBreaking", {"x", "e", "stick", "part", "part"}, {"y"}, {layers}, "quench")};
  check_refusal(file.bytes(), {"do not belong to layer_voxels"});
  file.nodes = {node("s", "StickBreaking", {"x", "e", "stick", "part", "part"}, {"y"}, {wrong}, "quench")};
  check_refusal(file.bytes(), {"add up to the 3 columns"});
  file.nodes = {node("a", "ConditionalAffine", {"x", "e", "two", "m", "m"}, {"y"}, {}, "quench")};
  check_refusal(file.bytes(), {"exponent 1 is 2"});
  file.nodes = {node("l", "LogEnergy", {"x", "inf"}, {"y"}, {}, "quench")};
  check_refusal(file.bytes(), {"one finite"});
}
