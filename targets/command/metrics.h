// Physics metrics as text and JSON.
// SPDX-License-Identifier: MIT
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "engine/core/json.h"
#include "engine/physics/judgement.h"
#include "engine/physics/metrics.h"

namespace quench {

struct NamedComparison {
  std::string name;
  Comparison comparison;
  std::optional<Judgement> judgement;
};
struct NamedPaired {
  std::string name;
  Paired paired;
};

// `seed`: of draws and classifiers.
std::string metrics_text(const std::vector<NamedComparison>&, const std::vector<NamedPaired>&,
                         const std::optional<Quality>&, std::uint64_t seed);
Json metrics_json(const std::vector<NamedComparison>&, const std::vector<NamedPaired>&, const std::optional<Quality>&,
                  std::uint64_t seed);

}  // namespace quench
