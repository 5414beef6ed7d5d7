// Integer arithmetic on shapes, which PyTorch writes for chunk, view and slices, done while a file is read.
// SPDX-License-Identifier: MIT
#include <algorithm>

#include "engine/core/error.h"
#include "engine/model/onnx_reading.h"

namespace quench::onnx {
namespace {

constexpr std::size_t longest = 16;                      // a shape has a few numbers
constexpr std::int64_t largest = std::int64_t{1} << 31;  // factors up to here cannot overflow

bool is_shape(const Site& s, std::size_t k) {
  if (!has_input(s, k)) return true;
  if (s.reading.shapes.count(s.node.inputs[k])) return true;
  const auto c = s.reading.constants.find(s.node.inputs[k]);
  return c != s.reading.constants.end() &&
         (c->second.tensor->type == OnnxType::int64 || c->second.tensor->type == OnnxType::int32);
}

Shape shape_of(const Site& s) {
  expect_inputs(s, 1, 1);
  expect_attributes(s, {});
  const std::int64_t columns = width(s, value_input(s, 0));
  return {s.reading.events < 0 ? std::nullopt : std::optional(s.reading.events), columns};
}

Shape gather(const Site& s) {
  expect_inputs(s, 2, 2);
  expect_attributes(s, {"axis"});
  if (int_attribute(s, "axis").value_or(0) != 0) fail(s.where, ": a shape has only axis 0");
  const Shape from = sizes(s, 0);
  const auto length = static_cast<std::int64_t>(from.size());
  Shape to;
  for (const std::int64_t k : ints(s, 1)) {
    if (k < -length || k >= length) fail(s.where, ": takes number ", k, " of a shape of ", length);
    to.push_back(from[static_cast<std::size_t>(k < 0 ? k + length : k)]);
  }
  return to;
}

Shape joined(const Site& s) {
  expect_attributes(s, {"axis"});
  Shape to;
  for (std::size_t k = 0; k < s.node.inputs.size(); ++k) {
    const Shape part = sizes(s, k);
    if (to.size() + part.size() > longest) fail(s.where, ": a shape of more than ", longest, " numbers");
    to.insert(to.end(), part.begin(), part.end());
  }
  return to;
}

std::int64_t calculate(const Site& s, std::int64_t a, std::int64_t b) {
  const char op = s.node.op_type[0];  // Add, Sub, Mul, Div
  if (std::max({a, b, -largest}) > largest || std::min(a, b) < -largest || (op == 'D' && b == 0))
    fail(s.where, ": ", s.node.op_type, " of the sizes ", a, " and ", b, " is out of range");
  return op == 'A' ? a + b : op == 'S' ? a - b : op == 'M' ? a * b : a / b;
}

Shape arithmetic(const Site& s) {
  expect_inputs(s, 2, 2);
  expect_attributes(s, {});
  const Shape a = sizes(s, 0), b = sizes(s, 1);
  if (a.empty() || b.empty() || (a.size() != b.size() && a.size() != 1 && b.size() != 1))
    fail(s.where, ": shapes of ", a.size(), " and ", b.size(), " numbers do not fit each other");
  Shape to;
  for (std::size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
    const auto x = a[a.size() == 1 ? 0 : i], y = b[b.size() == 1 ? 0 : i];
    to.push_back(x && y ? std::optional(calculate(s, *x, *y)) : std::nullopt);
  }
  return to;
}

// Numbers and lists of one number are the same here.
Shape unchanged(const Site& s) {
  expect_attributes(s, {"axes", "to"});
  if (const auto to = int_attribute(s, "to"); to && *to != 6 && *to != 7)
    fail(s.where, ": turns a shape into ONNX data type ", *to, "; only integers (6, 7) are followed");
  return sizes(s, 0);
}

}  // namespace

bool read_shape_node(const Site& s) {
  const std::string& op = s.node.op_type;
  const auto is = [&](std::initializer_list<const char*> ops) {
    return std::any_of(ops.begin(), ops.end(), [&](const char* o) { return op == o; });
  };
  bool all_shapes = !s.node.inputs.empty() && !s.node.outputs.empty();
  for (std::size_t k = 0; k < s.node.inputs.size(); ++k) all_shapes = all_shapes && is_shape(s, k);
  Shape to;
  if (op == "Shape")
    to = shape_of(s);
  else if (!all_shapes)
    return false;
  else if (op == "Gather")
    to = gather(s);
  else if (op == "Concat")
    to = joined(s);
  else if (is({"Add", "Sub", "Mul", "Div"}))
    to = arithmetic(s);
  else if (is({"Cast", "Unsqueeze", "Squeeze"}))
    to = unchanged(s);
  else if (op == "Identity" && s.reading.shapes.count(s.node.inputs[0]))
    to = sizes(s, 0);
  else
    return false;
  s.reading.shapes[s.node.outputs[0]] = std::move(to);
  return true;
}

}  // namespace quench::onnx
