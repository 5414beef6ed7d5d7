// Options that several verbs share.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <string>

#include "engine/core/arguments.h"
#include "engine/core/json.h"
#include "engine/tensor/tensor.h"

namespace quench {

Option seed_option();
Option threads_option();
Option json_option();

std::uint64_t seed(const Arguments&);
int threads(const Arguments&);  // all of the machine's when not given

// Whole numbers of the full 64 bits: --seed, --first.
std::uint64_t unsigned_integer(const Arguments&, const std::string& option);

// --first K for `count` events; fails when the last of them is behind `last`.
std::uint64_t first_event(const Arguments&, int count, std::uint64_t last);

// Bytes; not positive when it is not known.
double machine_memory();

// Fails when so many events cannot be held by this machine's memory; the kernel would kill the process.
void expect_memory(int count, int voxels, const std::string& verb);

// Incident energies of `count` events in MeV [count, 1]: "log-uniform:1:100" (GeV), "fixed:10" (GeV) or the path of an
// event file, whose energies are taken in order.
Tensor energies(const std::string& spec, std::uint64_t seed, std::uint64_t first, int count);

void print(const Json&);  // on standard output

}  // namespace quench
