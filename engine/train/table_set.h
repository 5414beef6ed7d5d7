// A table of features split into rows to train on, to choose by and to judge on.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <vector>

#include "engine/tensor/tensor.h"
#include "engine/train/flow.h"

namespace quench {

struct TableSplit {
  Tensor training, validation, test;
};

// The rows in an order drawn from the seed: first those to train on, then validation, then test; the two fractions are
// of all rows, rounded. Fails where one part would have fewer than 2 rows, or a column is constant among the rows to
// train on.
TableSplit split_table(const Tensor& rows, double validation_fraction, double test_fraction, std::uint64_t seed);

// What train_flow takes: the rows to train on, then those of the validation (settings.validation_events of them).
TrainingSet training_set(const TableSplit&);

// Of a - b, value by value: what the two have in common cancels.
MeanError paired_difference(const std::vector<double>& a, const std::vector<double>& b);

}  // namespace quench
