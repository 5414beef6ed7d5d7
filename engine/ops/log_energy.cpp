// LogEnergy: the decimal logarithm of the incident energy.
// SPDX-License-Identifier: MIT
#include "engine/ops/log_energy.h"

#include "engine/core/math.h"

namespace quench {
namespace {

constexpr double inverse_ln_10 = 0.43429448190325182765;

}  // namespace

void forward(const LogEnergy& op, const Tensor& energy, Tensor& c) {
  resize(c, energy.rows(), 1);
  for (std::size_t i = 0; i < energy.size(); ++i)
    c.data[i] = static_cast<float>(log(static_cast<double>(energy.data[i]) / op.reference_mev) * inverse_ln_10);
}

void backward(const LogEnergy&, const Tensor& energy, const Tensor& dc, Tensor& d_energy) {
  resize(d_energy, energy.rows(), 1);
  for (std::size_t i = 0; i < energy.size(); ++i)
    d_energy.data[i] = dc.data[i] * static_cast<float>(inverse_ln_10 / static_cast<double>(energy.data[i]));
}

}  // namespace quench
