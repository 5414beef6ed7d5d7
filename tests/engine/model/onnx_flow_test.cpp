// Flows as ONNX files: both directions come back exactly, and edited files are refused.
// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <string>

#include "engine/core/error.h"
#include "engine/model/onnx.h"
#include "engine/model/onnx_flow.h"
#include "engine/train/flow.h"
#include "tests/engine/model/gradient_check.h"
#include "tests/engine/model/onnx_file.h"

using namespace quench;
using onnx::attribute;
using onnx::node;
using Ints = std::vector<std::int64_t>;

namespace {

Model flow(CouplingKind kind, bool features, bool conditional) {
  FlowSettings s;
  s.coupling = kind, s.couplings = 4, s.hidden = {6}, s.bins = 5, s.bound = 2.75;
  s.features = s.asinh = s.act_norm = features;
  const LogEnergy condition{1000};
  Model m = flow_density(s, 5, conditional ? &condition : nullptr);
  std::uint32_t k = 1;
  for_each_parameter(m,
                     [&](std::size_t, const std::string&, Tensor& t) { t = random_tensor(t.shape, k++, -0.5f, 0.5f); });
  return m;
}

// A coupling of columns 1 and 2 of 3, its parameters a second input; one constant may be another.
OnnxBuilder coupling_file(const std::string& type, int parameters, const Ints& order, const Ints& end = {3}) {
  OnnxBuilder b;
  b.inputs = {onnx::value_info("x", 3), onnx::value_info("p", parameters)};
  b.outputs = {onnx::value_info("y", 3)};
  b.initializers = {onnx::tensor("begin", Ints{1}, Ints{1}), onnx::tensor("end", Ints{1}, end),
                    onnx::tensor("order", Ints{static_cast<std::int64_t>(order.size())}, order)};
  b.nodes = {node("c", type, {"x", "p", "begin", "end", "order"}, {"y"}, {}, "quench")};
  return b;
}

std::string refusal(const OnnxBuilder& file) {
  try {
    read_onnx(file.bytes(), "t.onnx");
  } catch (const Error& e) {
    return e.what();
  }
  return "read";
}

}  // namespace

TEST_CASE("both directions of every flow come back exactly") {
  for (const CouplingKind kind : {CouplingKind::additive, CouplingKind::affine, CouplingKind::spline})
    for (const bool features : {false, true})
      for (const bool conditional : {false, true}) {
        INFO(std::string(coupling_name(kind)), ", features ", features, ", conditional ", conditional);
        const Model density = flow(kind, features, conditional);
        const Model sampling = flow_sampling(density);
        CHECK(read_onnx(onnx_bytes(density), "d.onnx") == density);
        CHECK(read_onnx(onnx_bytes(sampling), "s.onnx") == sampling);
        CHECK(flow_sampling(read_onnx(onnx_bytes(density), "d.onnx")) == sampling);
      }
}

TEST_CASE("every function of a flow has a name of its own, which says what it is") {
  for (const char* base : {"AdditiveCoupling", "AffineCoupling", "SplineCoupling", "ActNorm", "Asinh"})
    for (const bool inverse : {false, true})
      for (const int tracking : {0, 1, 2}) {
        const onnx::FlowFunction f{base, inverse, tracking > 0, tracking > 1};
        const auto back = onnx::flow_function(onnx::flow_name(f));
        REQUIRE(back);
        CHECK(
            (back->base == f.base && back->inverse == inverse && back->track == f.track && back->carried == f.carried));
      }
  CHECK(!onnx::flow_function("AffineCouplings"));
  CHECK(!onnx::flow_function("Threshold"));
}

TEST_CASE("a coupling's columns: copied ones stay, moved ones and the log-determinant come from behind") {
  Coupling op;
  op.begin = 1, op.length = 2, op.width = 4, op.track = true;
  CHECK(onnx::coupling_order(op, false) == Ints{0, 4, 5, 3, 6});
  CHECK(onnx::coupling_order(op, true) == Ints{0, 5, 6, 3, 7});
  op.track = false;
  CHECK(onnx::coupling_order(op, false) == Ints{0, 4, 5, 3});
}

TEST_CASE("edited couplings, norms and gathers are refused") {
  const auto says = [](const OnnxBuilder& file, const std::string& part) {
    const std::string told = refusal(file);
    INFO(told);
    CHECK(told.find(part) != std::string::npos);
  };
  CHECK(refusal(coupling_file("AffineCoupling", 4, {0, 3, 4})) == "read");
  says(coupling_file("AffineCoupling", 4, {0, 4, 3}), "back in their place");
  says(coupling_file("AffineCoupling", 4, {0, 3}), "back in their place");
  says(coupling_file("AffineCoupling", 5, {0, 3, 4}), "its parameters are 5 columns; 4 are needed");
  says(coupling_file("AdditiveCoupling", 4, {0, 3, 4}), "2 are needed");
  says(coupling_file("AffineCoupling", 4, {0, 3, 4}, {4}), "one integer from 2 to 3");
  says(coupling_file("AffineCoupling", 4, {0, 3, 4}, {1}), "one integer from 2 to 3");
  says(coupling_file("SplineCoupling", 4, {0, 3, 4}), "has 5 inputs");
  says(coupling_file("SomeCoupling", 4, {0, 3, 4}), "no such layer");
  OnnxBuilder norm;
  norm.outputs = {onnx::value_info("y", 3)};
  norm.initializers = {onnx::tensor("shift", zeros({3})), onnx::tensor("scale", zeros({2}))};
  norm.nodes = {node("n", "ActNorm", {"x", "shift", "scale"}, {"y"}, {}, "quench")};
  says(norm, "2 elements");
  const auto gather = [](const Ints& order) {
    OnnxBuilder b;
    b.outputs = {onnx::value_info("y", static_cast<int>(order.size()))};
    b.initializers = {onnx::tensor("o", Ints{static_cast<std::int64_t>(order.size())}, order)};
    b.nodes = {node("g", "Gather", {"x", "o"}, {"y"}, {attribute("axis", std::int64_t{1})})};
    return b;
  };
  CHECK(refusal(gather({2, 0, 1})) == "read");
  says(gather({2, 0}), "2 columns of 3");
  says(gather({2, 0, 3}), "column 3 of 3");
  says(gather({2, 0, 0}), "every column once");
}
