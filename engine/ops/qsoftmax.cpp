// The integer twin of Softmax: its table, in double on the host.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>

#include "engine/core/error.h"
#include "engine/ops/softmax.h"
#include "engine/ops/table.h"

namespace quench {

QExponential tabulate_exponential(double scale, std::int32_t range, double tolerance) {
  QExponential t;
  const double vanishing = std::ceil(std::log(65536.0) / scale);  // below half a unit from here on
  t.last = vanishing < range ? static_cast<std::int32_t>(vanishing) : range;
  const auto exact = [&](std::int32_t d) { return 32768 * std::exp(-scale * std::min(d, t.last)); };
  int bits = 0;
  while (t.last >> bits) ++bits;
  for (int l = std::clamp(bits - 2, 0, 13);; --l) {
    t.interpolation_bits = static_cast<std::uint8_t>(l);
    t.value.clear();
    for (std::int32_t k = 0; k < table_entries(0, t.last, l); ++k)
      t.value.push_back(static_cast<std::uint16_t>(std::floor(exact(k << l) + 0.5)));
    t.maximum_error = 0;
    for (std::int32_t d = 0; d <= t.last; ++d)
      t.maximum_error = std::max(t.maximum_error, std::fabs(exponential_of(view(t), d) - exact(d)));
    if (t.maximum_error <= tolerance || l == 0) return t;
  }
}

std::vector<std::uint16_t> part_begins(const std::vector<int>& sizes, const std::string& where) {
  std::int64_t parts = 0;
  std::vector<std::uint16_t> begin{0};
  for (int size : sizes) {
    parts += size;
    if (parts > 65535) fail(where, ": the groups have more than 65535 parts together; use fewer columns");
    begin.push_back(static_cast<std::uint16_t>(parts));
  }
  return begin;
}

QSoftmax quantize_softmax(const Softmax& op, double scale, std::int32_t range, std::int32_t whole) {
  return {part_begins(op.group_sizes, "softmax"), tabulate_exponential(scale, range, std::max(1.5, 4096.0 / whole)),
          whole};
}

}  // namespace quench
