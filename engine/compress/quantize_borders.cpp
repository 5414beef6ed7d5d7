// The borders of a shower model in integers: energies, the condition, standardisation, splits and the threshold.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>

#include "engine/compress/quantizer.h"
#include "engine/compress/standardisation.h"
#include "engine/core/error.h"

namespace quench {

void Quantizer::lower(const LogEnergy& op, std::size_t i) {
  const auto e = energy_.find(index(m_.nodes[i].inputs[0]));
  if (e == energy_.end())
    fail("quantise: ", m_.nodes[i].name, " takes the logarithm of ", info(m_.nodes[i].inputs[0]).name,
         ", which is no incident energy");
  condition_[index(m_.nodes[i].output)] = {op, e->second, i};
}

// Largest |c| of the condition over the model's energies; the codes of all energies lie inside.
double Quantizer::condition_reach(const Condition& c) const {
  const double low = std::log10(m_.facts.minimum_energy_mev / c.op.reference_mev);
  const double high = std::log10(m_.facts.maximum_energy_mev / c.op.reference_mev);
  if (!std::isfinite(low) || !std::isfinite(high))
    fail("quantise: the model's range of incident energies is not known");
  return std::max({std::fabs(low), std::fabs(high), 0.01});
}

Quantizer::Coded Quantizer::condition_code(Value v, int bits) {
  Coded& known = condition_codes_[{index(v), bits}];
  if (!known.scale.empty()) return known;
  const Condition& c = condition_.at(index(v));
  const double scale = condition_reach(c) / ((1 << (bits - 1)) - 1);
  const QValue out = code_value(1, bits, true, scale);
  const QLogEnergy q = quantize_log_energy(c.op, s_.energy_unit_mev, scale, static_cast<std::int32_t>(out.low),
                                           static_cast<std::int32_t>(out.high));
  return known = {add(identifier(m_.nodes[c.node].name), q, {c.energy}, out), {scale}};
}

// mu(c) + sigma(c) x for columns begin .. begin + length - 1: two functions of the condition, a multiply, an add.
Quantizer::Coded Quantizer::affine(const ConditionalAffine& op, const Coded& x, const Coded& c,
                                   const Condition& condition, int begin, int length, const std::string& name) {
  const double low = std::log10(m_.facts.minimum_energy_mev / condition.op.reference_mev);
  const double high = std::log10(m_.facts.maximum_energy_mev / condition.op.reference_mev);
  // A total is one number, so that its tables are small, and the one whose errors show most.
  const double tolerance = length > 1 ? s_.table_tolerance : std::min(s_.table_tolerance, 0.02);
  const std::string multiplier = s_.power_of_two || s_.fixed_width ? "shift" : s_.multiplier;
  const AffineLowering plan =
      lower_affine(op, begin, length, low, high, qvalue(c.value), qvalue(x.value), tolerance, multiplier);
  const Coded part = slice(x, begin, length, name + "_input");
  const ValueId from = plan.shared ? add(name + "_shared", *plan.shared, {c.value}, plan.shared_value) : c.value;
  const auto function = [&](const char* what, const std::variant<QTable, QLinear>& of, const QValue& value) {
    return add(name + what, std::visit([](const auto& q) { return QOp(q); }, of), {from}, value);
  };
  const ValueId sigma = function("_deviation", plan.deviation, plan.deviation_value);
  const ValueId mu = function("_mean", plan.mean, plan.mean_value);
  const ValueId scaled = add(name + "_scaled", plan.multiply, {part.value, sigma}, plan.scaled_value);
  const ValueId sum = add(name + "_shifted", plan.add, {scaled, mu}, plan.sum_value);
  return {sum, std::vector<double>(static_cast<std::size_t>(length), plan.sum_value.scale)};
}

void Quantizer::lower(const ConditionalAffine& op, std::size_t i) {
  const Node& node = m_.nodes[i];
  if (op.inverse)
    fail("quantise: ", node.name, " standardises; only the direction from standardised numbers has an integer form");
  const Coded x = leaving(coded(node.inputs[0], node.name), node.inputs[0]);
  uniform(x, "layer " + node.name);
  const auto condition = condition_.find(index(node.inputs[1]));
  if (condition == condition_.end())
    fail("quantise: the condition of ", node.name, " is no logarithm of an incident energy");
  const Coded c = condition_code(node.inputs[1], 16);
  const std::string name = identifier(node.name);
  std::size_t next = 0;
  const int width = info(node.output).width;
  if (only_reader<StickBreaking>(node.output, next) && width > 1) {
    // The logarithm of the total needs far finer codes than the logits: two parts, each with its own scale.
    parts_[index(node.output)] = {affine(op, x, c, condition->second, 0, 1, "total"),
                                  affine(op, x, c, condition->second, 1, width - 1, "logit")};
  } else {
    coded_[index(node.output)] = affine(op, x, c, condition->second, 0, width, name);
  }
}

ValueId Quantizer::split_energy(std::size_t i) const {
  const Value v = m_.nodes[i].inputs[1];
  const auto e = energy_.find(index(v));
  if (e == energy_.end())
    fail("quantise: ", m_.nodes[i].name, " splits ", info(v).name, ", which is no incident energy");
  return e->second;
}

void Quantizer::set_voxels(Value v, ValueId energies) {
  set(v, energies, s_.energy_unit_mev);
  p_.values[index(energies)].scale = s_.energy_unit_mev;
}

void Quantizer::lower(const StickBreaking& op, std::size_t i) {
  const Node& node = m_.nodes[i];
  if (op.logarithmic)
    fail("quantise: ", node.name, " gives logarithms of energies; only energies have an integer form");
  const ValueId energy = split_energy(i);
  const int width = info(node.output).width, layers = static_cast<int>(op.layer_voxels.size());
  std::pair<Coded, Coded> parts;
  const auto found = parts_.find(index(node.inputs[0]));
  if (found != parts_.end()) {
    parts = found->second;
  } else {
    const Coded x = coded(node.inputs[0], node.name);
    uniform(x, "layer " + node.name);
    parts = {slice(x, 0, 1, "total_input"), width > 1 ? slice(x, 1, width - 1, "logit_input") : x};
  }
  const QFraction total = fraction_of_energy(
      qvalue(parts.first.value), "exp", [](double x) { return std::exp(x); }, "layer " + node.name);
  ValueId energies = add("total", total, {parts.first.value, energy}, energy_value(1));
  const QFractionTable logistic = logistic_table(qvalue(parts.second.value), s_.table_tolerance / 20);
  QSplit by_layer{{0, static_cast<std::uint16_t>(layers)}, logistic}, by_voxel{{0}, logistic};
  for (int v : op.layer_voxels)
    by_voxel.part_begin.push_back(static_cast<std::uint16_t>(by_voxel.part_begin.back() + v));
  if (layers > 1) {
    const Coded logits = slice(parts.second, 0, layers - 1, "layer_logits");
    energies = add("layer_energies", by_layer, {energies, logits.value}, energy_value(layers));
  }
  if (width > layers) {
    const Coded logits = slice(parts.second, layers - 1, width - layers, "voxel_logits");
    energies = add("voxel_energies", by_voxel, {energies, logits.value}, energy_value(width));
  }
  set_voxels(node.output, energies);
}

void Quantizer::lower(const SoftmaxSplit& op, std::size_t i) {
  const Node& node = m_.nodes[i];
  const std::string where = "layer " + node.name;
  const ValueId energy = split_energy(i);
  const QValue codes = operand(i, 0);
  const Coded x = coded(node.inputs[0], node.name), first = slice(x, 0, 1, "total_logit");
  // The total's codes reach as far as those of all voxels. Its table ends where less than 1e-5 of it is to come, and
  // below where less than 2e-7 of the incident energy is left.
  const ValueId logit = clamped(Clamp{-16, 12}, first.value, "total_logit_bounded");
  const QFraction total = fraction_of_energy(
      qvalue(logit), "scaled logistic", [&](double s) { return op.total_scale / (1 + std::exp(-s)); }, where);
  const QExponential table = tabulate_exponential(codes.scale, static_cast<std::int32_t>(codes.high - codes.low), 1.5);
  const int layers = static_cast<int>(op.layer_voxels.size()), voxels = info(node.output).width;
  ValueId energies = add("total", total, {logit, energy}, energy_value(1));
  energies = add("layer_energies", QShareSplit{part_begins({layers}, where), table},
                 {energies, slice(x, 1, layers, "layer_logits").value}, energy_value(layers));
  energies = add("voxel_energies", QShareSplit{part_begins(op.layer_voxels, where), table},
                 {energies, slice(x, 1 + layers, voxels, "voxel_logits").value}, energy_value(voxels));
  set_voxels(node.output, energies);
}

void Quantizer::lower(const Threshold& op, std::size_t i) {
  const Node& node = m_.nodes[i];
  const Coded x = coded(node.inputs[0], node.name);
  if (qvalue(x.value).meaning != Meaning::energy)
    fail("quantise: ", node.name, " cuts ", info(node.inputs[0]).name, ", which holds no energies");
  const int width = info(node.output).width;
  const double count = std::ceil(op.mev / s_.energy_unit_mev);
  if (!(count >= 0 && count <= 4294967295.0))
    fail("quantise: the threshold ", op.mev, " MeV does not fit 32 bits of ", s_.energy_unit_mev, " MeV");
  QValue out = energy_value(width);
  out.scale = s_.energy_unit_mev;
  set(node.output, add(identifier(node.name), QThreshold{width, static_cast<std::uint32_t>(count)}, {x.value}, out),
      s_.energy_unit_mev);
}

}  // namespace quench
