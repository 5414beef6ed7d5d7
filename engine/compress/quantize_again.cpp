// A Program that follows the weights and steps of the Model it came from.
// SPDX-License-Identifier: MIT
#include <algorithm>

#include "engine/compress/quantizer.h"

namespace quench {
namespace {

bool same_format(const QValue& a, const QValue& b) {
  return a.bits == b.bits && a.is_signed == b.is_signed && a.scale == b.scale && a.zero == b.zero && a.low == b.low &&
         a.high == b.high;
}

// Whether nothing else has weights, whose change would reach farther than codes and factors.
bool only_linears_learn(const Model& m) {
  bool only = true;
  for_each_parameter(m, [&](std::size_t node, const std::string&, const Tensor&) {
    only = only && std::holds_alternative<Linear>(m.nodes[node].op);
  });
  return only;
}

}  // namespace

bool Quantizer::update(Quantized& q) {
  if (!only_linears_learn(m_)) return false;
  p_ = std::move(q.program), coded_ = std::move(q.values), linears_ = std::move(q.linears);
  for (const CodedLinear& place : linears_) {
    LinearOutput y = linear_output(place.node);
    QNode& node = p_.nodes[place.program_node];
    QValue& format = p_.values[index(node.output)];
    const std::vector<std::size_t> readers = consumers(m_, y.value);
    const bool linears = std::all_of(readers.begin(), readers.end(),
                                     [&](std::size_t n) { return std::holds_alternative<Linear>(m_.nodes[n].op); });
    if (!linears && !same_format(y.format, format)) return false;
    y.format.name = std::move(format.name);
    format = y.format;
    std::vector<double>& scale = coded_.at(index(y.value)).scale;
    std::fill(scale.begin(), scale.end(), format.scale);
    set_codes(place.node, coded_.at(index(m_.nodes[place.node].inputs[0])), y, std::get<QLinear>(node.op));
  }
  q = {std::move(p_), std::move(coded_), std::move(linears_)};
  return true;
}

bool quantize_again(Quantized& q, const Model& m, const std::vector<Range>& ranges, const QuantizeSettings& s) {
  const bool in_place = Quantizer(m, ranges, s).update(q);
  if (!in_place) q = quantize_with_places(m, ranges, s);
  return in_place;
}

}  // namespace quench
