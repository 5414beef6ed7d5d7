// The split, and means with their errors.
// SPDX-License-Identifier: MIT
#include "engine/train/table_set.h"

#include <algorithm>
#include <cmath>

#include "engine/core/error.h"
#include "engine/train/streams.h"

namespace quench {

TableSplit split_table(const Tensor& rows, double validation_fraction, double test_fraction, std::uint64_t seed) {
  const int all = rows.rows(), width = rows.columns();
  const auto part = [&](double fraction) { return static_cast<int>(std::floor(all * fraction + 0.5)); };
  const int validation = part(validation_fraction), test = part(test_fraction), training = all - validation - test;
  if (training < 2 || validation < 2 || test < 2)
    fail("table: ", all, " rows split into ", training, " to train on, ", validation, " for validation and ", test,
         " for the test; each needs at least 2, change data.validation_fraction (", validation_fraction,
         ") or data.test_fraction (", test_fraction, ")");
  const Permutation order = permutation(static_cast<std::uint32_t>(all), stream_seed(seed, Use::split), 0);
  Tensor shuffled = zeros({all, width});
  for (int i = 0; i < all; ++i)
    std::copy_n(rows.row(static_cast<int>(permuted(order, static_cast<std::uint32_t>(i)))), width, shuffled.row(i));
  TableSplit s{rows_of(shuffled, 0, training), rows_of(shuffled, training, validation),
               rows_of(shuffled, training + validation, test)};
  for (int j = 0; j < width; ++j) {
    bool constant = true;
    for (int i = 1; i < training && constant; ++i) constant = s.training.row(i)[j] == s.training.row(0)[j];
    if (constant)
      fail("table: column ", j + 1, " of those that are used has the same value, ", s.training.row(0)[j], ", in all ",
           training, " rows to train on; leave it out (data.columns)");
  }
  return s;
}

TrainingSet training_set(const TableSplit& s) {
  const int count = s.training.rows() + s.validation.rows();
  TrainingSet set{s.training, zeros({count, 1})};
  set.numbers.shape[0] = count;
  set.numbers.data.insert(set.numbers.data.end(), s.validation.data.begin(), s.validation.data.end());
  return set;
}

MeanError paired_difference(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.size() != b.size()) fail("paired difference: of ", a.size(), " and ", b.size(), " values; as many are needed");
  std::vector<double> difference(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) difference[i] = a[i] - b[i];
  return mean_error(difference);
}

}  // namespace quench
