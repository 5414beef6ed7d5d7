// The condition of a shower model: c = log10(E / reference), E the incident energy in MeV.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <vector>

#include "engine/kernels/log_energy.h"
#include "engine/tensor/tensor.h"

namespace quench {

struct LogEnergy {  // [events, 1] -> [events, 1]
  double reference_mev = 10000.0;
};

void forward(const LogEnergy&, const Tensor& energy, Tensor& c);  // energies > 0, MeV
void backward(const LogEnergy&, const Tensor& energy, const Tensor& dc, Tensor& d_energy);

struct QLogEnergy {                      // energy count -> condition code
  std::vector<std::uint16_t> logarithm;  // [64]
  std::int32_t offset = 0, multiplier = 0;
  std::uint8_t shift = 1;
  std::int32_t zero = 0, low = 0, high = 0;
};

template <class Q, class F>
void log_energy_fields(Q& op, F&& f) {
  f("logarithm", op.logarithm), f("offset", op.offset), f("multiplier", op.multiplier), f("shift", op.shift);
  f("zero", op.zero), f("low", op.low), f("high", op.high);
}
template <class F>
void fields(QLogEnergy& op, F&& f) {
  log_energy_fields(op, f);
}
template <class F>
void fields(const QLogEnergy& op, F&& f) {
  log_energy_fields(op, f);
}

inline EnergyCode view(const QLogEnergy& op) {
  return {op.logarithm.data(), op.offset, op.multiplier, op.shift, op.zero, op.low, op.high};
}

// Codes low .. high for c = log10(count * unit / reference): code = zero + c / scale.
QLogEnergy quantize_log_energy(const LogEnergy&, double energy_unit_mev, double scale, std::int32_t low,
                               std::int32_t high);

}  // namespace quench
