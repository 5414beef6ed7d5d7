// Nodes of the domain "quench" as layers of a Model.
// SPDX-License-Identifier: MIT
#include <limits>
#include <numeric>

#include "engine/core/error.h"
#include "engine/model/onnx_functions.h"
#include "engine/model/onnx_reading.h"

// The constants of these nodes serve other programs; where they repeat what quench knows, they must agree with it.
namespace quench::onnx {
namespace {

double number(const Site& s, std::size_t k) {
  return double_constant(*constant_input(s, k).tensor, s.reading.source, s.where);
}

std::int64_t sum(const std::vector<int>& sizes) { return std::accumulate(sizes.begin(), sizes.end(), std::int64_t{0}); }

// The attribute's numbers; none when one is not positive or they add up to more than `most`.
std::vector<int> sizes(const Site& s, const char* attribute, std::int64_t most) {
  std::vector<int> sizes;
  for (const std::int64_t n : ints_attribute(s, attribute).value_or(std::vector<std::int64_t>{})) {
    if (n < 1 || n > most - sum(sizes)) return {};
    sizes.push_back(static_cast<int>(n));
  }
  return sizes;
}

void log_energy(const Site& s) {
  expect_inputs(s, 2, 2);
  expect_attributes(s, {});
  const Value energy = value_input(s, 0);
  add_layer(s, LogEnergy{number(s, 1)}, {energy}, 1);
}

void conditional_affine(const Site& s, bool inverse) {
  expect_inputs(s, 5, 5);
  expect_attributes(s, {});
  const Value x = value_input(s, 0), condition = value_input(s, 1);
  ConditionalAffine op{floats(s, 3), floats(s, 4), inverse};
  const Tensor exponents = floats(s, 2);
  for (const Tensor* t : {&op.mean, &op.log_deviation})
    if (t->shape.size() != 2 || static_cast<std::size_t>(t->shape[0]) != exponents.size() || t->shape[1] != width(s, x))
      fail(s.where, ": coefficients have ", t->rows(), " rows of ", t->columns(), "; ", exponents.size(), " of ",
           width(s, x), " are expected");
  for (std::size_t i = 0; i < exponents.size(); ++i)
    if (exponents.data[i] != static_cast<float>(i))
      fail(s.where, ": exponent ", i, " is ", exponents.data[i], "; the powers of the condition must be 0, 1, 2 ...");
  add_layer(s, std::move(op), {x, condition}, width(s, x));
}

void stick_breaking(const Site& s, bool logarithmic) {
  expect_inputs(s, 5, 5);
  expect_attributes(s, {"layer_voxels"});
  const Value numbers = value_input(s, 0), energy = value_input(s, 1);
  StickBreaking op{sizes(s, "layer_voxels", width(s, numbers)), logarithmic};
  const std::int64_t voxels = sum(op.layer_voxels);
  if (voxels != width(s, numbers))
    fail(s.where, ": layer_voxels must be positive and add up to the ", width(s, numbers), " columns of '",
         s.node.inputs[0], "'");
  const std::vector<std::int64_t> stick = ints(s, 2), layer_part = ints(s, 3), voxel_part = ints(s, 4);
  StickTables expected = stick_shape(op.layer_voxels);
  const bool same_size = static_cast<std::int64_t>(stick.size()) == expected.groups * expected.parts &&
                         static_cast<std::int64_t>(voxel_part.size()) == voxels;
  if (same_size) expected = stick_tables(op.layer_voxels);
  if (!same_size || stick != expected.stick || layer_part != expected.layer_part || voxel_part != expected.voxel_part)
    fail(s.where, ": its tables do not belong to layer_voxels; the file was edited, export it again");
  add_layer(s, std::move(op), {numbers, energy}, voxels);
}

void softmax_split(const Site& s) {
  expect_inputs(s, 6, 6);
  expect_attributes(s, {"layer_voxels"});
  const Value logits = value_input(s, 0), energy = value_input(s, 1);
  const SoftmaxSplit op{sizes(s, "layer_voxels", width(s, logits)), number(s, 2)};
  const std::int64_t voxels = sum(op.layer_voxels);
  if (op.layer_voxels.empty() || heads_width(op) != width(s, logits))
    fail(s.where, ": layer_voxels must be positive; with their number and 1 they must add up to the ", width(s, logits),
         " columns of '", s.node.inputs[0], "'");
  const std::vector<std::int64_t> member = ints(s, 3), layer_part = ints(s, 4), voxel_part = ints(s, 5);
  const GroupTables shape = group_shape(heads_softmax(op).group_sizes);
  bool same = static_cast<std::int64_t>(member.size()) == shape.groups * shape.parts;
  if (same) {
    const ShareTables expected = share_tables(op.layer_voxels);
    same = member == expected.groups.member && layer_part == expected.layer_part && voxel_part == expected.voxel_part;
  }
  if (!same) fail(s.where, ": its tables do not belong to layer_voxels; the file was edited, export it again");
  add_layer(s, op, {logits, energy}, voxels);
}

void threshold(const Site& s) {
  expect_inputs(s, 2, 2);
  expect_attributes(s, {});
  const Value x = value_input(s, 0);
  add_layer(s, Threshold{number(s, 1)}, {x}, width(s, x));
}

void group_softmax(const Site& s) {
  expect_inputs(s, 3, 3);
  expect_attributes(s, {"group_sizes"});
  const Value x = value_input(s, 0);
  Softmax op{sizes(s, "group_sizes", width(s, x))};
  const std::int64_t columns = sum(op.group_sizes);
  if (columns != width(s, x))
    fail(s.where, ": group_sizes must be positive and add up to the ", width(s, x), " columns of '", s.node.inputs[0],
         "'");
  const std::vector<std::int64_t> member = ints(s, 1), place = ints(s, 2);
  GroupTables expected = group_shape(op.group_sizes);
  const bool same_size = static_cast<std::int64_t>(member.size()) == expected.groups * expected.parts &&
                         static_cast<std::int64_t>(place.size()) == columns;
  if (same_size) expected = group_tables(op.group_sizes);
  if (!same_size || member != expected.member || place != expected.place)
    fail(s.where, ": its tables do not belong to group_sizes; the file was edited, export it again");
  add_layer(s, std::move(op), {x}, columns);
}

void spread(const Site& s) {
  expect_inputs(s, 3, 3);
  expect_attributes(s, {});
  const Value x = value_input(s, 0), noise = value_input(s, 1);
  add_layer(s, Spread{row(s, 2, width(s, x))}, {x, noise}, width(s, x));
}

}  // namespace

void read_quench_node(const Site& s) {
  const std::string& type = s.node.op_type;
  if (type == "LogEnergy") return log_energy(s);
  if (type == "ConditionalAffine") return conditional_affine(s, false);
  if (type == "ConditionalAffineInverse") return conditional_affine(s, true);
  if (type == "StickBreaking") return stick_breaking(s, false);
  if (type == "StickBreakingLog") return stick_breaking(s, true);
  if (type == "SoftmaxSplit") return softmax_split(s);
  if (type == "Threshold") return threshold(s);
  if (type == "GroupSoftmax") return group_softmax(s);
  if (type == "Spread") return spread(s);
  if (read_flow_node(s)) return;
  fail(s.where, ": this version of quench has no such layer; the file may come from a newer one");
}

}  // namespace quench::onnx
