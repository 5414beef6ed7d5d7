// Physics metrics as text and JSON.
// SPDX-License-Identifier: MIT
#pragma once
#include <string>
#include <vector>

#include "engine/core/json.h"
#include "engine/physics/metrics.h"

namespace quench {

struct NamedComparison {
  std::string name;
  Comparison comparison;
};
struct NamedPaired {
  std::string name;
  Paired paired;
};

std::string metrics_text(const std::vector<NamedComparison>&, const std::vector<NamedPaired>&);
Json metrics_json(const std::vector<NamedComparison>&, const std::vector<NamedPaired>&);

}  // namespace quench
