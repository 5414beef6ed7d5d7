// NumPy's .npz format: a zip file of stored (not deflated) .npy arrays, read from and written to memory.
// SPDX-License-Identifier: MIT
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "engine/tensor/npy.h"

namespace quench {

struct NpzMember {
  std::string name;        // without ".npy"
  Span<const char> bytes;  // of the .npy file; points into the parsed buffer
};

// The members in file order. Reads zip64 sizes and data descriptors; every CRC-32 is checked. Refuses, with a sentence
// that begins with `where`: deflated, encrypted, truncated and split files, duplicate names, overlapping members, bytes
// that belong to no member, members that are not .npy.
std::vector<NpzMember> parse_npz(Span<const char> buffer, const std::string& where);

// The array of that name, or a refusal that lists what there is.
Array find_array(const std::vector<NpzMember>&, const std::string& name, const std::string& where);

// The .npz bytes of named .npy files; no dates, so equal inputs give equal bytes.
std::string npz_bytes(const std::vector<std::pair<std::string, std::string>>& named_npy);

}  // namespace quench
