// Models and programs behind one face: whatever makes events.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <string>
#include <variant>

#include "engine/model/model.h"
#include "engine/model/program.h"
#include "engine/physics/events.h"

namespace quench {

using Generator = std::variant<Model, Program>;

// By extension: .onnx or .qprog.
Generator load_generator(const std::string& path);

// The rows of a .npy file as inputs of a model of features: [rows, width] each, all finite. The file's columns are
// those of the inputs one after the other (incident energies in MeV).
std::vector<Tensor> feature_rows(const Model&, const std::string& path);

// Events first .. first + energies.rows() - 1 of `seed` for incident energies [events, 1] in MeV: showers in MeV. The
// same seed, event and energy give a model and its program the same latents. Integer showers are counts * unit, as
// float32.
Events sample(const Model&, std::uint64_t seed, std::uint64_t first, const Tensor& energies, int latent_bits,
              int threads);
Events sample(const Program&, std::uint64_t seed, std::uint64_t first, const Tensor& energies, int threads);

}  // namespace quench
