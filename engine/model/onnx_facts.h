// What only quench knows about a model, as the metadata_props of an ONNX file: kinds of inputs, units, geometry.
// SPDX-License-Identifier: MIT
#pragma once
#include <map>
#include <string>

#include "engine/model/model.h"

namespace quench::onnx {

using Metadata = std::map<std::string, std::string>;

// Keys "quench.latent", "quench.geometry", "quench.minimum_energy_mev", "quench.maximum_energy_mev",
// "quench.input.<name>"; and where an ONNX file would lose it, "quench.momentum.<node>" (of a BatchNorm) and
// "quench.value_order" (place in Model.values of each input and then of each node's output).
Metadata facts_of(const Model&);

// The other direction: applies what the file says to a Model whose inputs and nodes are read. `path` begins errors.
void apply_facts(Model&, const Metadata&, const std::string& path);

// Fails when the latent is neither normal nor uniform, or the energies are not 0 <= minimum <= maximum < infinity.
void check_facts(const ModelFacts&, const std::string& where);

// The momentum of BatchNormalization in ONNX is the share of the old statistics that is kept, 1 - ours.
float kept_share(float momentum);
float momentum_of(float kept_share);

}  // namespace quench::onnx
