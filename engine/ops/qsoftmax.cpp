// The integer twin of Softmax: its table, in double on the host.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>

#include "engine/ops/softmax.h"
#include "engine/ops/table.h"

namespace quench {

QSoftmax quantize_softmax(const Softmax& op, double scale, std::int32_t range, std::int32_t whole) {
  QSoftmax q;
  q.whole = whole;
  q.part_begin = {0};
  for (int parts : op.group_sizes) q.part_begin.push_back(static_cast<std::uint16_t>(q.part_begin.back() + parts));
  const double vanishing = std::ceil(std::log(65536.0) / scale);  // below half a unit from here on
  q.last = vanishing < range ? static_cast<std::int32_t>(vanishing) : range;
  const auto exact = [&](std::int32_t d) { return 32768 * std::exp(-scale * std::min(d, q.last)); };
  const double tolerance = std::max(1.5, 4096.0 / whole);  // rounding knots and the value between them costs 1
  int bits = 0;
  while (q.last >> bits) ++bits;
  for (int l = std::clamp(bits - 2, 0, 13);; --l) {
    q.interpolation_bits = static_cast<std::uint8_t>(l);
    q.exponential.clear();
    for (std::int32_t k = 0; k < table_entries(0, q.last, l); ++k)
      q.exponential.push_back(static_cast<std::uint16_t>(std::floor(exact(k << l) + 0.5)));
    q.maximum_error = 0;
    for (std::int32_t d = 0; d <= q.last; ++d)
      q.maximum_error = std::max(q.maximum_error, std::fabs(exponential_of(view(q), d) - exact(d)));
    if (q.maximum_error <= tolerance || l == 0) return q;
  }
}

}  // namespace quench
