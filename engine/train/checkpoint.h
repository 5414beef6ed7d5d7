// Checkpoints of the training: exact, checked, and only readable by the run that wrote them.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <string>

#include "engine/train/gan.h"

namespace quench {

// 32-bit little-endian words: "quenchck", version, hash (2), step (2), number of tensors; each tensor: rank,
// dimensions, floats; CRC-32 of all words before it.
std::string checkpoint_bytes(const GanState&, std::uint64_t hash);

// `like` gives the shapes (start_gan). Fails with one sentence when the bytes are no checkpoint, are damaged, or belong
// to another recipe or data set (another hash).
GanState read_checkpoint(const std::string& bytes, GanState like, std::uint64_t hash, const std::string& path);

void save_checkpoint(const std::string& path, const GanState&, std::uint64_t hash);  // written beside it and renamed
GanState load_checkpoint(const std::string& path, GanState like, std::uint64_t hash);

}  // namespace quench
