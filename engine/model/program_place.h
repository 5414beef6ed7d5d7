// What the proof of a program is made of: the layer under examination, and checks that several layers share.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <string>

#include "engine/core/error.h"
#include "engine/model/program.h"

namespace quench {

constexpr std::int64_t int32_high = 2147483647;

struct Place {  // the node under examination
  const Program& p;
  const QNode& node;

  const QValue& in(std::size_t i) const { return p.values[index(node.inputs[i])]; }
  const QValue& out() const { return p.values[index(node.output)]; }

  template <class... Parts>
  void require(bool good, const Parts&... parts) const {
    if (!good) fail("layer ", node.name, " (", type_name(node.op), "): ", parts...);
  }
  void inputs(std::size_t wanted) const {
    require(node.inputs.size() == wanted, node.inputs.size(), " inputs, needs ", wanted);
  }
  void lengths(std::int64_t wanted, const QValue& v) const {
    require(v.length == wanted, "value ", v.name, " has ", v.length, " elements, needs ", wanted);
  }
  void meaning(const QValue& v, Meaning m) const {
    require(v.meaning == m, "value ", v.name, " has the wrong meaning");
  }
  void clamps(std::int64_t low, std::int64_t high) const {
    meaning(out(), Meaning::code);
    require(low <= high && low >= out().low && high <= out().high, "results in ", low, " .. ", high,
            " leave the range of value ", out().name, ", ", out().low, " .. ", out().high);
  }
  void factor(std::int64_t multiplier, int shift, std::int64_t most, int most_shift) const {
    require(multiplier >= 0 && multiplier <= most, "multiplier ", multiplier, " is outside 0 .. ", most);
    require(shift >= 1 && shift <= most_shift, "shift ", shift, " is outside 1 .. ", most_shift);
  }
};

bool is_printable(const std::string&);
bool is_scale(double);
void check_text(const std::string& function, double maximum_error, const Place&);
void check_factors(const Requantization&, std::size_t rows, const Place&);
void check_table(const QFractionTable&, const QValue& codes, const Place&);

void check(const QRescale&, const Place&);
void check(const QCoupling&, const Place&);

}  // namespace quench
