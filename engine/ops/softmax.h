// Softmax over groups of neighbouring columns.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "engine/kernels/softmax.h"
#include "engine/tensor/tensor.h"

namespace quench {

struct Softmax {                 // y_j = e^x_j / (sum of e^x over the group)
  std::vector<int> group_sizes;  // columns of each group; the sum is the width
};

// x and y: [events, width].
void forward(const Softmax&, const Tensor& x, Tensor& y, int threads);
void backward(const Softmax&, const Tensor& x, const Tensor& y, const Tensor& dy, Tensor& dx, int threads);

// e^-x in units of 2^-15, of differences of codes.
struct QExponential {
  std::int32_t last = 0;                // the largest difference in the table
  std::uint8_t interpolation_bits = 0;  // 0: all differences; l: knots 2^l codes apart
  double maximum_error = 0;             // in units of 2^-15, over every difference
  std::vector<std::uint16_t> value;
};

// The parts of a group sum to `whole`, the code of 1, exactly.
struct QSoftmax {
  std::vector<std::uint16_t> part_begin;  // [groups + 1]
  QExponential table;
  std::int32_t whole = 1;
};

template <class Q, class F>
void exponential_fields(Q& op, F&& f) {
  f("last", op.last), f("interpolation_bits", op.interpolation_bits);
  f("maximum_error", op.maximum_error), f("exponential", op.value);
}
template <class Q, class F>
void softmax_fields(Q& op, F&& f) {
  f("part_begin", op.part_begin);
  exponential_fields(op.table, f);
  f("whole", op.whole);
}
template <class F>
void fields(QSoftmax& op, F&& f) {
  softmax_fields(op, f);
}
template <class F>
void fields(const QSoftmax& op, F&& f) {
  softmax_fields(op, f);
}

inline Exponential view(const QExponential& t) { return {t.last, t.interpolation_bits, t.value.data()}; }
inline Shares view(const QSoftmax& op) {
  return {static_cast<std::int32_t>(op.part_begin.size()) - 1, op.part_begin.data(), view(op.table), op.whole};
}

// For codes whose steps are `scale` and that differ by at most `range`: the coarsest table whose error stays below
// `tolerance` units of 2^-15 (at least 1.5: rounding knots and the value between them costs 1).
QExponential tabulate_exponential(double scale, std::int32_t range, double tolerance);

// Where the parts of groups of these sizes begin, and the end. Fails, naming `where`, for more than 65535 parts.
std::vector<std::uint16_t> part_begins(const std::vector<int>& sizes, const std::string& where);

// With the coarsest table whose error no part of the whole can show.
QSoftmax quantize_softmax(const Softmax&, double scale, std::int32_t range, std::int32_t whole);

}  // namespace quench
