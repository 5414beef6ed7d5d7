// Checkpoints of the training: exact, checked, and only readable by the run that wrote them.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "engine/core/files.h"
#include "engine/train/flow.h"
#include "engine/train/gan.h"
#include "engine/train/tune.h"
#include "engine/train/vae.h"

namespace quench {

// What of a state is kept; the models' parameters and states in this order.
struct CheckpointParts {
  std::vector<std::int64_t*> integers;
  std::vector<double*> numbers;
  std::vector<Model*> models;
  std::vector<Tensor*> tensors = {};
};
CheckpointParts checkpoint_parts(GanState&);
CheckpointParts checkpoint_parts(FlowState&);
CheckpointParts checkpoint_parts(VaeState&);
CheckpointParts checkpoint_parts(TuneState&);

// 32-bit little-endian words: "quenchck", version, hash (2), number of integers, of doubles, of tensors; the integers
// (the steps done are the first) and the doubles, 2 words each; each tensor: rank, dimensions, floats; CRC-32 of all
// words before it.
std::string checkpoint_bytes(const CheckpointParts&, std::uint64_t hash);

// Reads into a state of the same shape (start_gan, start_flow). Fails with one sentence when the bytes are no
// checkpoint, are damaged, or belong to another recipe or data set (another hash).
void read_checkpoint(const std::string& bytes, const CheckpointParts&, std::uint64_t hash, const std::string& path);

template <class State>
std::string checkpoint_bytes(State state, std::uint64_t hash) {
  return checkpoint_bytes(checkpoint_parts(state), hash);
}

template <class State>
State read_checkpoint(const std::string& bytes, State like, std::uint64_t hash, const std::string& path) {
  read_checkpoint(bytes, checkpoint_parts(like), hash, path);
  return like;
}

template <class State>
void save_checkpoint(const std::string& path, const State& state, std::uint64_t hash) {  // beside it and renamed
  write_file(path, checkpoint_bytes(state, hash));
}

template <class State>
State load_checkpoint(const std::string& path, State like, std::uint64_t hash) {
  return read_checkpoint(read_file(path), std::move(like), hash, path);
}

}  // namespace quench
