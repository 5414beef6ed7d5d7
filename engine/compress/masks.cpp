// One helper drops the smallest of some groups of weights; the rules differ in groups and scores.
// SPDX-License-Identifier: MIT
#include "engine/compress/masks.h"

#include <algorithm>
#include <cmath>

namespace quench {
namespace {

struct Group {  // of consecutive weights
  std::size_t begin, end;
  double score;
};

// Zeroes `count` groups with the smallest scores, ties to the earlier one.
void drop(Linear& op, std::vector<Group> groups, std::size_t count) {
  std::stable_sort(groups.begin(), groups.end(), [](const Group& a, const Group& b) { return a.score < b.score; });
  for (std::size_t i = 0; i < std::min(count, groups.size()); ++i)
    std::fill(op.weight.data.begin() + static_cast<std::ptrdiff_t>(groups[i].begin),
              op.weight.data.begin() + static_cast<std::ptrdiff_t>(groups[i].end), 0.0f);
}

// Weights first .. last - 1 of a matrix, each with its own score.
std::vector<Group> single(const Linear& op, const std::vector<double>& norms, std::size_t first, std::size_t last) {
  std::vector<Group> groups;
  for (std::size_t i = first; i < last; ++i)
    groups.push_back({i, i + 1, std::fabs(static_cast<double>(op.weight.data[i])) * norms[i % norms.size()]});
  return groups;
}

std::size_t share(double fraction, std::size_t all) {
  return static_cast<std::size_t>(std::floor(fraction * static_cast<double>(all) + 0.5));
}

}  // namespace

std::vector<double> column_norms(const Tensor& x) {
  std::vector<double> norms(static_cast<std::size_t>(x.columns()));
  for (std::size_t i = 0; i < x.size(); ++i)
    norms[i % norms.size()] += static_cast<double>(x.data[i]) * static_cast<double>(x.data[i]);
  for (double& v : norms) v = std::sqrt(v);
  return norms;
}

Linear prune_wanda(const Linear& op, const Tensor& x, double sparsity) {
  Linear sparse = op;
  const std::vector<double> norms = column_norms(x);
  for (std::size_t begin = 0; begin < op.weight.size(); begin += norms.size())
    drop(sparse, single(op, norms, begin, begin + norms.size()), share(sparsity, norms.size()));
  return sparse;
}

Linear prune_n_of_m(const Linear& op, const Tensor& x, int n, int m) {
  Linear sparse = op;
  const std::vector<double> norms = column_norms(x);
  const std::size_t kept = static_cast<std::size_t>(n), size = static_cast<std::size_t>(m);
  for (std::size_t row = 0; row < op.weight.size(); row += norms.size())
    for (std::size_t k = 0; k < norms.size(); k += size) {
      const std::size_t end = std::min(k + size, norms.size()), length = end - k;
      drop(sparse, single(op, norms, row + k, row + end), length - std::min(length, kept));
    }
  return sparse;
}

Linear prune_blocks(const Linear& op, double sparsity) {
  Linear sparse = op;
  const std::size_t columns = static_cast<std::size_t>(op.weight.columns());
  std::vector<Group> blocks;
  for (std::size_t row = 0; row < op.weight.size(); row += columns)
    for (std::size_t k = 0; k < columns; k += 4) {
      Group block{row + k, row + std::min(k + 4, columns), 0};
      for (std::size_t i = block.begin; i < block.end; ++i)
        block.score += static_cast<double>(op.weight.data[i]) * static_cast<double>(op.weight.data[i]);
      block.score /= static_cast<double>(block.end - block.begin);
      blocks.push_back(block);
    }
  const std::size_t count = share(sparsity, blocks.size());
  drop(sparse, std::move(blocks), count);
  return sparse;
}

}  // namespace quench
