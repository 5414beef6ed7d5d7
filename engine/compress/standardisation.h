// The standardisation y = mu(c) + sigma(c) x in integers.
// SPDX-License-Identifier: MIT
#pragma once
#include <optional>
#include <variant>

#include "engine/compress/quantize_layers.h"

namespace quench {

struct AffineLowering {
  // Of the condition's code: mu and sigma as tables with a function for each column, or as Linears of a few functions
  // that all columns share, whichever takes fewer bits.
  std::optional<QTable> shared;
  std::variant<QTable, QLinear> mean, deviation;
  QMultiply multiply;
  QAdd add;
  QValue shared_value, mean_value, deviation_value, scaled_value, sum_value;
};

// Columns begin .. begin + length - 1; conditions low .. high (codes beyond them count as the ends). mu and sigma are
// right to `of_deviation` times the column's smallest sigma. multiplier: of the Linears; "shift" has tables only.
AffineLowering lower_affine(const ConditionalAffine&, int begin, int length, double low, double high,
                            const QValue& condition, const QValue& input, double of_deviation,
                            const std::string& multiplier);

}  // namespace quench
