// What every layer asks of its ONNX node: inputs, attributes, names; each answer checked.
// SPDX-License-Identifier: MIT
#include "engine/model/onnx_reading.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "engine/core/error.h"

namespace quench::onnx {
namespace {

// A free name that begins with `base`.
std::string unused(std::set<std::string>& names, const std::string& base) {
  std::string name = base;
  for (int k = 2; !names.insert(name).second; ++k) name = base + "_" + std::to_string(k);
  return name;
}

std::string lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

const OnnxAttribute* typed_attribute(const Site& s, const char* name, std::int64_t type, const char* type_name) {
  const OnnxAttribute* a = find_attribute(s, name);
  if (a && a->type != type) fail(s.where, ": attribute ", name, " must be ", type_name, ", it has ONNX type ", a->type);
  return a;
}

void append_layer(const Site& s, const std::string& node_name, const std::string& output, Op op,
                  std::vector<Value> inputs, std::int64_t width) {
  if (width > widest_value)
    fail(s.where, ": the result is ", width, " wide, quench takes at most ", widest_value, " columns");
  Reading& r = s.reading;
  const Value v = append(r.model, node_name, std::move(op), std::move(inputs), static_cast<int>(width));
  r.model.values.back().name = output.empty() ? unused(r.value_names, node_name + ".out") : output;
  if (!output.empty()) r.values[output] = v;
}

// Names are kept; a node without one is called after its type.
std::string name_of(const Site& s) {
  return s.node.name.empty() ? unused(s.reading.node_names, lower(s.node.op_type)) : s.node.name;
}

}  // namespace

void expect_inputs(const Site& s, std::size_t least, std::size_t most) {
  const std::size_t count = s.node.inputs.size();
  if (count < least || count > most)
    fail(s.where, ": has ", count, " inputs, ", least == most ? "" : std::to_string(least) + " to ", most,
         " are expected");
  if (s.node.outputs.empty()) fail(s.where, ": has no output");
}

void expect_attributes(const Site& s, std::initializer_list<const char*> known) {
  for (const OnnxAttribute& a : s.node.attributes)
    if (std::none_of(known.begin(), known.end(), [&](const char* k) { return a.name == k; }))
      fail(s.where, ": attribute '", a.name, "' is not known for this operator at opset ", s.reading.opset);
}

void expect_width_axis(const Site& s, std::int64_t axis) {
  if (axis != 1 && axis != -1) fail(s.where, ": axis is ", axis, "; only the columns, axis 1 or -1, can be used");
}

bool has_input(const Site& s, std::size_t k) { return k < s.node.inputs.size() && !s.node.inputs[k].empty(); }

bool is_constant(const Site& s, std::size_t k) {
  return has_input(s, k) && s.reading.constants.count(s.node.inputs[k]) != 0;
}

Value value_input(const Site& s, std::size_t k) {
  if (!has_input(s, k)) fail(s.where, ": input ", k, " is missing");
  const auto found = s.reading.values.find(s.node.inputs[k]);
  if (found != s.reading.values.end()) return found->second;
  if (is_constant(s, k))
    fail(s.where, ": input ", k, ", '", s.node.inputs[k], "', is a constant where a value of the network is expected");
  if (s.reading.shapes.count(s.node.inputs[k]))
    fail(s.where, ": input ", k, ", '", s.node.inputs[k], "', is a shape where a value of the network is expected");
  fail(s.where, ": input ", k, ", '", s.node.inputs[k],
       "', is a second output of a node that gives only one in quench");
}

const Constant& constant_input(const Site& s, std::size_t k) {
  if (!has_input(s, k)) fail(s.where, ": input ", k, " is missing");
  const auto found = s.reading.constants.find(s.node.inputs[k]);
  if (found == s.reading.constants.end())
    fail(s.where, ": input ", k, ", '", s.node.inputs[k],
         "', is computed by the network; quench needs a constant there");
  return found->second;
}

int width(const Site& s, Value v) { return s.reading.model.values[index(v)].width; }

const OnnxAttribute* find_attribute(const Site& s, const char* name) {
  for (const OnnxAttribute& a : s.node.attributes)
    if (a.name == name) return &a;
  return nullptr;
}

std::optional<std::int64_t> int_attribute(const Site& s, const char* name) {
  const OnnxAttribute* a = typed_attribute(s, name, 2, "an integer");
  return a ? std::optional(a->i) : std::nullopt;
}

std::optional<float> float_attribute(const Site& s, const char* name) {
  const OnnxAttribute* a = typed_attribute(s, name, 1, "a floating-point number");
  if (a && !std::isfinite(a->f)) fail(s.where, ": attribute ", name, " is ", a->f, "; it must be finite");
  return a ? std::optional(a->f) : std::nullopt;
}

std::optional<std::vector<std::int64_t>> ints_attribute(const Site& s, const char* name) {
  const OnnxAttribute* a = typed_attribute(s, name, 7, "a list of integers");
  return a ? std::optional(a->ints) : std::nullopt;
}

Tensor floats(const Site& s, std::size_t k) {
  const Constant& c = constant_input(s, k);
  Tensor t = float_constant(*c.tensor, s.reading.source, s.where);
  if (!c.transposed || t.shape.size() != 2) return t;
  Tensor flipped = zeros({t.shape[1], t.shape[0]});
  for (int i = 0; i < t.rows(); ++i)
    for (int j = 0; j < t.columns(); ++j) flipped.row(j)[i] = t.row(i)[j];
  return flipped;
}

Shape sizes(const Site& s, std::size_t k) {
  if (has_input(s, k))
    if (const auto shape = s.reading.shapes.find(s.node.inputs[k]); shape != s.reading.shapes.end())
      return shape->second;
  const std::vector<std::int64_t> v = int_constant(*constant_input(s, k).tensor, s.reading.source, s.where);
  return {v.begin(), v.end()};
}

std::vector<std::int64_t> ints(const Site& s, std::size_t k) {
  std::vector<std::int64_t> v;
  for (const auto& size : sizes(s, k)) {
    if (!size) fail(s.where, ": input ", k, ", '", s.node.inputs[k], "', depends on the number of events");
    v.push_back(*size);
  }
  return v;
}

Tensor row(const Site& s, std::size_t k, int width) {
  Tensor t = floats(s, k);
  const bool one_row = t.shape.size() < 2 || t.shape[0] == 1;
  if (!one_row || (t.size() != 1 && t.size() != static_cast<std::size_t>(width)))
    fail(s.where, ": constant '", s.node.inputs[k], "' has ", t.size(), " elements in ",
         t.shape.size() < 2 ? 1 : t.shape[0], " rows; one row of 1 or ", width, " is expected");
  if (t.size() == 1) t.data.assign(static_cast<std::size_t>(width), t.data[0]);
  t.shape = {width};
  return t;
}

void add_layer(const Site& s, Op op, std::vector<Value> inputs, std::int64_t width) {
  append_layer(s, name_of(s), s.node.outputs[0], std::move(op), std::move(inputs), width);
}

void add_part(const Site& s, const std::string& suffix, const std::string& output, Op op, Value input,
              std::int64_t width) {
  const std::string base = s.node.name.empty() ? lower(s.node.op_type) : s.node.name;
  append_layer(s, unused(s.reading.node_names, base + suffix), output, std::move(op), {input}, width);
}

void pass_through(const Site& s, std::size_t k) {
  const std::string& output = s.node.outputs[0];
  if (output.empty()) return;
  if (is_constant(s, k)) {
    const Constant c = constant_input(s, k);
    s.reading.constants.emplace(output, c);
  } else {
    s.reading.values[output] = value_input(s, k);
  }
}

}  // namespace quench::onnx
