// The layers that only quench knows, as ONNX model-local functions of the domain "quench".
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace quench::onnx {

inline constexpr std::int64_t standard_opset = 17;

// What a StickBreaking function gathers. Groups are the split into layers and then the split of each layer; all are
// padded to the same number of parts. `stick` is the column of s with the part's logit; the last part of a group and
// the padding point to one column behind s, whose logit stands for "takes the whole rest".
struct StickTables {
  std::int64_t groups = 0, parts = 0;
  std::vector<std::int64_t> stick;       // [groups, parts]
  std::vector<std::int64_t> layer_part;  // [voxels], index into the flattened [groups * parts]: the voxel's layer
  std::vector<std::int64_t> voxel_part;  // [voxels], the same: the voxel within its layer
};
// Shape first, so that a reader can compare sizes before it builds anything.
StickTables stick_shape(const std::vector<int>& layer_voxels);
StickTables stick_tables(const std::vector<int>& layer_voxels);

// What a GroupSoftmax function gathers: the members of each group, padded to the same number with the column behind x,
// and each column's place in the flattened [groups * parts].
struct GroupTables {
  std::int64_t groups = 0, parts = 0;
  std::vector<std::int64_t> member;  // [groups, parts]
  std::vector<std::int64_t> place;   // [columns]
};
GroupTables group_shape(const std::vector<int>& group_sizes);
GroupTables group_tables(const std::vector<int>& group_sizes);

// What a SoftmaxSplit function gathers besides its groups {1, layers, voxels of each layer}: each voxel's layer and the
// voxel within it, in the flattened [groups * parts].
struct ShareTables {
  GroupTables groups;
  std::vector<std::int64_t> layer_part, voxel_part;  // [voxels]
};
ShareTables share_tables(const std::vector<int>& layer_voxels);

// FunctionProto messages by name: LogEnergy, ConditionalAffine, ConditionalAffineInverse, StickBreaking,
// StickBreakingLog, SoftmaxSplit, Threshold, GroupSoftmax, Spread, and those of flow_name() (onnx_flow.h).
std::string function(const std::string& name);

}  // namespace quench::onnx
