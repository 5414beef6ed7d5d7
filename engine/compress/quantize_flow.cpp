// Normalizing flows in integers: wide codes that couplings move, and what their networks see of them (numerics.md 10).
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>

#include "engine/compress/quantizer.h"
#include "engine/core/error.h"

namespace quench {
namespace {

constexpr double headroom = 4;     // wide codes reach this many times the largest number that was seen
constexpr double deviations = 12;  // a score counts latents up to this many standard deviations
constexpr double log_two_pi = 1.8378770664093453;
constexpr double wide_high = 8388607;  // of wide codes

std::int64_t nearest(double x) { return static_cast<std::int64_t>(std::floor(x + 0.5)); }

// The range of wide codes that a column takes from low .. high before rounding, saturated.
void set_range(QValue& v, double low, double high) {
  v.low = static_cast<std::int64_t>(std::max(std::floor(low), -wide_high - 1));
  v.high = static_cast<std::int64_t>(std::min(std::ceil(high), wide_high));
}

template <class F>
Interval over_corners(Interval a, Interval b, F&& f) {
  const auto [low, high] = std::minmax({f(a.low, b.low), f(a.low, b.high), f(a.high, b.low), f(a.high, b.high)});
  return {static_cast<std::int64_t>(std::floor(std::max(low, -1e15))),
          static_cast<std::int64_t>(std::ceil(std::min(high, 1e15)))};
}

}  // namespace

bool Quantizer::is_moved(Value v) const {
  for (const Node& n : m_.nodes) {
    if (n.inputs.empty() || n.inputs[0] != v) continue;
    if (std::holds_alternative<Coupling>(n.op) || std::holds_alternative<ActNorm>(n.op) ||
        std::holds_alternative<NormalDensity>(n.op))
      return true;
    if (std::holds_alternative<Permute>(n.op) && is_moved(n.output)) return true;
  }
  return false;
}

// A whole power of two of wide steps is a step of the latents, which therefore are wide codes exactly. Values that
// carry a log-determinant do not tell how far the columns reach; what the networks see of them does.
void Quantizer::find_wide_scale() {
  double reach = 0;
  for (const Node& n : m_.nodes) {
    const auto* coupling = std::get_if<Coupling>(&n.op);
    const auto* norm = std::get_if<ActNorm>(&n.op);
    if ((coupling || norm) && (s_.power_of_two || s_.fixed_width))
      fail("quantise: ", n.name, " is a ", type_name(n.op),
           ", whose numbers have steps of their own; flows need free scales and no given fixed-point format");
    const bool tracks = (coupling && coupling->track) || (norm && norm->track);
    if ((coupling || norm) && !tracks) reach = std::max({reach, largest(n.inputs[0]), largest(n.output)});
    if (std::holds_alternative<Slice>(n.op) && is_moved(n.inputs[0])) reach = std::max(reach, largest(n.output));
  }
  for (const ModelInput& in : m_.inputs)
    if (is_moved(in.value)) reach = std::max(reach, largest(in.value));
  const double step = latent_noise(m_.facts.latent, 1, s_.latent_bits).scale;
  if (reach > 0) wide_scale_ = step * std::exp2(std::ceil(std::log2(headroom * reach / (wide_high * step))));
  if (s_.flow.wide_scale > 0) wide_scale_ = s_.flow.wide_scale;
}

Quantizer::LogDeterminant Quantizer::carried(Value v) const {
  const auto found = log_determinant_.find(index(v));
  return found == log_determinant_.end() ? LogDeterminant{} : found->second;
}

QValue Quantizer::wide_value(int length) const { return code_value(length, wide_bits, true, wide_scale_); }

ValueId Quantizer::rescaled(const std::string& name, ValueId x, const std::vector<double>& factor,
                            std::vector<std::int32_t> offset, QValue y) {
  QRescale q;
  q.length = y.length, q.offset = std::move(offset);
  for (double f : factor) {
    const Factor closest = closest_factor(f, "wide", "layer " + name);
    q.requantize.multiplier.push_back(closest.multiplier), q.requantize.shift.push_back(closest.shift);
  }
  q.requantize.low = static_cast<std::int32_t>(y.low), q.requantize.high = static_cast<std::int32_t>(y.high);
  return add(name, q, {x}, y);
}

Quantizer::Coded Quantizer::widened(const Coded& x, const std::string& name) {
  const QValue in = qvalue(x.value);
  QValue y = wide_value(in.length);
  const double factor = in.scale / wide_scale_;
  set_range(y, static_cast<double>(in.low) * factor, static_cast<double>(in.high) * factor);
  return {rescaled(name, x.value, {factor}, {}, y), std::vector<double>(x.scale.size(), wide_scale_)};
}

// Shifts are whole powers of two of wide steps; what the range does not ask for is not a code.
QValue Quantizer::parameter_format(Value v, const LayerFormat* own) const {
  const int bits = own && own->activation_bits ? own->activation_bits : s_.output_bits;
  const double reach = largest(v) * 1.25, most = std::exp2(bits - 1) - 1;
  const bool given = own && own->output_scale > 0;
  const double exponent = given ? std::round(std::log2(own->output_scale / wide_scale_))
                                : std::ceil(std::log2(reach / (most * wide_scale_)));
  QValue y = code_value(info(v).width, bits, true, wide_scale_ * std::exp2(std::clamp(exponent, 0.0, 15.0)));
  if (own && own->output_high) y.high = own->output_high;
  if (!given) y.high = std::min(y.high, std::max<std::int64_t>(nearest(reach / y.scale), 1));
  y.low = -y.high;
  return y;
}

Quantizer::Coded Quantizer::seen(const Coded& x, std::size_t i) {
  const Node& node = m_.nodes[i];
  const int joined = joined_bits(node.output), bits = joined ? joined : s_.activation_bits;
  const auto given = s_.flow.seen_scale.find(node.name);
  const double scale = given == s_.flow.seen_scale.end() ? step(largest(node.output), bits) : given->second;
  const QValue y = code_value(info(node.output).width, bits, true, scale);
  return {rescaled(identifier(node.name) + "_narrow", x.value, {wide_scale_ / scale}, {}, y),
          std::vector<double>(x.scale.size(), scale)};
}

Quantizer::Coded Quantizer::leaving(const Coded& x, Value v) {
  if (qvalue(x.value).bits <= 16) return x;
  const QValue y = format(v, false, false);
  return {rescaled(identifier(info(v).name) + "_narrow", x.value, {wide_scale_ / y.scale}, {}, y),
          std::vector<double>(x.scale.size(), y.scale)};
}

void Quantizer::lower(const Coupling& op, std::size_t i) {
  const Node& node = m_.nodes[i];
  if (op.kind == CouplingKind::spline)
    fail("quantise: ", node.name,
         " is a spline coupling, which runs in float only; train the flow with flow.coupling = "
         "\"affine\" or \"additive\", or distil it into a generator of plain layers");
  const Coded x = coded(node.inputs[0], node.name), p = coded(node.inputs[1], node.name);
  const QValue in = qvalue(x.value), parameter = qvalue(p.value);
  const double shift = std::log2(parameter.scale / in.scale);
  if (in.bits != wide_bits || shift < -1e-9 || std::fabs(shift - std::round(shift)) > 1e-9)
    fail("quantise: ", node.name, " reads ", parameter.name, ", whose codes are no whole powers of two of those of ",
         in.name, "; put a Linear before the parameters");
  const auto low = static_cast<std::int32_t>(parameter.low), high = static_cast<std::int32_t>(parameter.high);
  QCoupling q;
  q.width = op.width, q.begin = op.begin, q.length = op.length, q.inverse = op.inverse;
  q.shift = static_cast<std::uint8_t>(std::round(shift));
  const bool affine = op.kind == CouplingKind::affine;
  if (affine) q.factor = tabulate_factor(parameter.scale, low, high, q.unit);
  q.error = round_trip_error(q, low, high);
  const FactorRange g = factor_range(q, low, high);
  const double unit = std::exp2(q.unit);
  const std::int64_t step = std::int64_t{1} << q.shift, t_low = low * step, t_high = high * step;
  const Interval from{in.low, in.high}, factor{g.low, g.high};
  const auto product = [&](auto d, auto f) { return static_cast<double>(d) * static_cast<double>(f) / unit; };
  const auto ratio = [&](auto v, auto f) { return static_cast<double>(v) / static_cast<double>(f) * unit; };
  Interval moved{in.low - t_high, in.high - t_low};
  if (op.inverse) {
    moved = over_corners(moved, factor, product);
  } else {
    moved = over_corners(from, factor, ratio);
    moved = {moved.low + t_low, moved.high + t_high};
  }
  QValue y = wide_value(op.width);
  set_range(y, static_cast<double>(moved.low) - 1, static_cast<double>(moved.high) + 1);
  q.low = static_cast<std::int32_t>(y.low), q.high = static_cast<std::int32_t>(y.high);
  y.low = std::min(y.low, in.low), y.high = std::max(y.high, in.high);
  const std::string name = identifier(node.name);
  coded_[index(node.output)] = {add(name, q, {x.value, p.value}, y), x.scale};
  if (!op.track) return;
  LogDeterminant& sum = log_determinant_[index(node.output)] = carried(node.inputs[0]);
  if (!affine) return;
  const Coded raw = slice(p, op.length, op.length, name + "_raw");
  const QValue s = code_value(op.length, 16, true, 2.0 / 32767);
  const QTable table = tabulate("2 tanh(x / 2)", op.length, 1, low, high, -32767, 32767, {3}, [&](int, std::int32_t c) {
    return 2 * std::tanh(0.5 * c * parameter.scale) / s.scale;
  });
  sum.terms.push_back({add(name + "_log_scale", table, {raw.value}, s), op.inverse ? -s.scale : s.scale});
}

// A factor and a shift for each column.
void Quantizer::lower(const ActNorm& op, std::size_t i) {
  const Node& node = m_.nodes[i];
  const Coded x = coded(node.inputs[0], node.name);
  const QValue in = qvalue(x.value);
  std::vector<double> factor;
  std::vector<std::int32_t> offset;
  double low = wide_high, high = -wide_high, log_determinant = 0;
  for (std::size_t j = 0; j < op.shift.size(); ++j) {
    const double log_scale = op.inverse ? -op.log_scale.data[j] : op.log_scale.data[j];
    const double shift = op.inverse ? -op.shift.data[j] * std::exp(-log_scale) : op.shift.data[j];
    factor.push_back(std::exp(log_scale));
    offset.push_back(static_cast<std::int32_t>(nearest(std::clamp(shift / wide_scale_, -1e9, 1e9))));
    low = std::min(low, static_cast<double>(in.low + offset[j]) * factor[j] - 1);
    high = std::max(high, static_cast<double>(in.high + offset[j]) * factor[j] + 1);
    log_determinant += log_scale;
  }
  QValue y = wide_value(in.length);
  set_range(y, low, high);
  coded_[index(node.output)] = {rescaled(identifier(node.name), x.value, factor, offset, y), x.scale};
  if (!op.track) return;
  LogDeterminant& sum = log_determinant_[index(node.output)] = carried(node.inputs[0]);
  sum.constant += log_determinant;
}

// ln p = constant - sum z^2 / 2 + sum of the log-scales: one Linear of squares and log-scales.
void Quantizer::lower(const NormalDensity&, std::size_t i) {
  const Node& node = m_.nodes[i];
  const Coded x = coded(node.inputs[0], node.name);
  const LogDeterminant log_determinant = carried(node.inputs[0]);
  const int width = qvalue(x.value).length;
  const std::string name = identifier(node.name);
  const QValue latent = code_value(width, 16, true, deviations / 32767);
  const ValueId z = rescaled(name + "_latent", x.value, {wide_scale_ / latent.scale}, {}, latent);
  QValue square = code_value(width, 16, true, deviations * deviations / 32767);
  square.low = 0;
  const Factor f = closest_factor(latent.scale * latent.scale / square.scale, "wide", name);
  ValueId all = add(name + "_square", QMultiply{width, f.multiplier, f.shift, 0, 32767}, {z, z}, square);
  std::vector<double> scale(static_cast<std::size_t>(width), square.scale);
  std::vector<float> weight(static_cast<std::size_t>(width), -0.5f);
  for (const LogTerm& term : log_determinant.terms) {
    const QValue s = qvalue(term.value);
    QValue both = qvalue(all);
    both.low = std::min(both.low, s.low), both.high = std::max(both.high, s.high), both.length += s.length;
    all = add(name + "_terms", QConcat{both.length - s.length, s.length}, {all, term.value}, both);
    scale.resize(static_cast<std::size_t>(both.length), std::fabs(term.scale));
    weight.resize(static_cast<std::size_t>(both.length), term.scale > 0 ? 1.0f : -1.0f);
  }
  Linear sum = linear(static_cast<int>(weight.size()), 1);
  sum.weight.data = weight;
  sum.bias.data[0] = static_cast<float>(log_determinant.constant - 0.5 * width * log_two_pi);
  const QValue score = code_value(1, 16, true, headroom * largest(node.output) / 32767);
  const QLinear q = quantize_linear(sum, qvalue(all), scale, score, 1, {16, true, false, "wide"}, "layer " + node.name);
  set(node.output, add(name, q, {all}, score), score.scale);
}

QuantizeSettings formats_of(const Model& m, const Quantized& q, QuantizeSettings s) {
  if (!s.symmetric)
    fail("quantise: the two directions of ", m.name, " share steps, not zero points; choose symmetric codes for both");
  const auto value = [&](Value v) -> const QValue& { return q.program.values[index(q.values.at(index(v)).value)]; };
  const auto scale = [&](Value v) { return value(v).scale; };
  for (const CodedLinear& place : q.linears) {
    LayerFormat& own = s.layers[m.nodes[place.node].name];
    own.output_scale = scale(place.output), own.output_high = value(place.output).high;
  }
  for (const Node& node : m.nodes) {
    if (std::holds_alternative<Slice>(node.op) && q.values.count(index(node.output)))
      s.flow.seen_scale[node.name] = scale(node.output);
    if (std::holds_alternative<Coupling>(node.op)) s.flow.wide_scale = scale(node.output);
  }
  return s;
}

}  // namespace quench
