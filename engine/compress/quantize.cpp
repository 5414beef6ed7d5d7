// Walks the model once and appends the integer twin of every node.
// SPDX-License-Identifier: MIT
#include "engine/compress/quantize.h"

#include <algorithm>
#include <cmath>

#include "engine/compress/quantizer.h"
#include "engine/core/error.h"

namespace quench {

std::string Quantizer::identifier(const std::string& name) {
  std::string id;
  for (char c : name) {
    const bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (good)
      id += c;
    else if (!id.empty() && id.back() != '_')
      id += '_';
  }
  while (!id.empty() && id.back() == '_') id.pop_back();
  if (id.empty() || (id[0] >= '0' && id[0] <= '9')) id = "n" + id;
  return id.substr(0, 40);
}

Quantizer::Quantizer(const Model& m, const std::vector<Range>& ranges, const QuantizeSettings& s)
    : m_(m), ranges_(ranges), s_(s), last_(network_ends(m)) {
  find_wide_scale();
  if (!s.fixed_width) return;
  s_.power_of_two = true;
  s_.activation_bits = s_.output_bits = s.fixed_width;
}

Quantized Quantizer::run() {
  p_.name = identifier(m_.name);
  p_.geometry = m_.facts.geometry;
  p_.energy_unit_mev = s_.energy_unit_mev;
  p_.minimum_energy_mev = m_.facts.minimum_energy_mev, p_.maximum_energy_mev = m_.facts.maximum_energy_mev;
  p_.original_bits = dense_float_bits(m_);
  for (const ModelInput& in : m_.inputs) add_input(in);
  for (std::size_t i = 0; i < m_.nodes.size(); ++i)
    if (!fused_.count(i)) std::visit([&](const auto& op) { lower(op, i); }, m_.nodes[i].op);
  if (m_.outputs.size() != 1) fail("model ", m_.name, " has ", m_.outputs.size(), " outputs; one can be quantised");
  const Coded& out = coded(m_.outputs[0], "output");
  uniform(out, "output");
  p_.output = out.value;
  check(p_);
  return {std::move(p_), std::move(coded_), std::move(linears_)};
}

const Quantizer::Coded& Quantizer::coded(Value v, const std::string& where) const {
  const auto found = coded_.find(index(v));
  if (found == coded_.end())
    fail("quantise: ", where, " reads ", info(v).name,
         ", which has no integer form there; an incident energy is understood by "
         "a logarithm and a split, its logarithm by a concatenation and a conditional standardisation");
  return found->second;
}

void Quantizer::uniform(const Coded& c, const std::string& where) const {
  for (double s : c.scale)
    if (std::fabs(s / qvalue(c.value).scale - 1) > 1e-12)
      fail("quantise: ", where, " needs one scale for all elements of ", qvalue(c.value).name,
           ", whose parts have different ones; put a Linear between");
}

std::string Quantizer::unique(std::string name) {
  const std::string base = name;
  for (int n = 2; !names_.insert(name).second; ++n) name = base + "_" + std::to_string(n);
  return name;
}

ValueId Quantizer::add(const std::string& name, QOp op, std::vector<ValueId> inputs, QValue out) {
  const std::string node = unique(name);
  out.name = node + "_out";
  return append(p_, {node, std::move(op), std::move(inputs), {}}, out);
}

void Quantizer::set(Value v, ValueId q, double scale) {
  coded_[index(v)] = {q, std::vector<double>(static_cast<std::size_t>(info(v).width), scale)};
}

ValueId Quantizer::input(const std::string& name, Meaning meaning, int length) {
  QValue v = meaning == Meaning::code ? code_value(length, s_.activation_bits, true, 1) : energy_value(length);
  v.meaning = meaning;
  v.name = unique(name);
  p_.values.push_back(v);
  p_.inputs.push_back(ValueId{static_cast<std::uint32_t>(p_.values.size() - 1)});
  return p_.inputs.back();
}

void Quantizer::add_input(const ModelInput& in) {
  const ModelValue& v = info(in.value);
  if (in.kind == InputKind::incident_energy) {
    energy_[index(in.value)] = input("energy", Meaning::energy, 1);
  } else if (in.kind == InputKind::latent) {
    if (!has_event_) event_ = input("event", Meaning::event, 4);
    has_event_ = true;
    const QNoise noise = latent_noise(m_.facts.latent, v.width, s_.latent_bits);
    QValue out = code_value(v.width, s_.latent_bits, true, s_.power_of_two ? rounded_up(noise.scale) : noise.scale);
    set(in.value, add(identifier(v.name), noise, {event_}, out), noise.scale);
    if (is_moved(in.value)) coded_[index(in.value)] = widened(coded_[index(in.value)], identifier(v.name) + "_wide");
  } else {
    const ValueId q = input(identifier(v.name), Meaning::code, v.width);
    if (is_moved(in.value)) {
      QValue wide = wide_value(v.width);
      wide.name = qvalue(q).name;
      p_.values[index(q)] = wide;
      set(in.value, q, wide_scale_);
      return;
    }
    p_.values[index(q)].scale = step(largest(in.value), s_.activation_bits);
    set(in.value, q, p_.values[index(q)].scale);
  }
}

double Quantizer::rounded_up(double scale) const { return std::exp2(std::ceil(std::log2(scale) - 1e-9)); }

// Scale of a symmetric signed code of `bits` that reaches `high`.
double Quantizer::step(double high, int bits) const {
  if (s_.fixed_width) return std::exp2(s_.fixed_integer - s_.fixed_width);
  const double scale = high / static_cast<double>((1 << (bits - 1)) - 1);
  return s_.power_of_two ? rounded_up(scale) : scale;
}

// Bits of operands of a concatenation: those of the latents when there are any.
int Quantizer::join_bits(std::size_t node) const {
  for (Value v : m_.nodes[node].inputs)
    if (is_latent(v)) return s_.latent_bits;
  return s_.activation_bits;
}

bool Quantizer::is_latent(Value v) const {
  for (const ModelInput& in : m_.inputs)
    if (in.value == v) return in.kind == InputKind::latent && !is_moved(v);
  for (const Node& n : m_.nodes)
    if (n.output == v)
      return (std::holds_alternative<Slice>(n.op) || std::holds_alternative<Permute>(n.op)) && is_latent(n.inputs[0]);
  return false;
}

int Quantizer::joined_bits(Value v) const {
  int bits = 0;
  for (std::size_t n : consumers(m_, v)) {
    if (std::holds_alternative<Concat>(m_.nodes[n].op)) bits = join_bits(n);
    if (std::holds_alternative<Permute>(m_.nodes[n].op) || std::holds_alternative<Clamp>(m_.nodes[n].op))
      if (const int behind = joined_bits(m_.nodes[n].output)) bits = behind;
  }
  return bits;
}

bool Quantizer::table_follows(Value v) const {
  return read_by<Sigmoid>(v) || read_by<Tanh>(v) || read_by<Exp>(v) || read_by<Softplus>(v) || read_by<Softmax>(v);
}

bool Quantizer::takes_zero_points(Value v) const {
  const std::vector<std::size_t> readers = consumers(m_, v);
  return std::all_of(readers.begin(), readers.end(), [&](std::size_t n) {
    const Op& op = m_.nodes[n].op;
    return std::holds_alternative<Linear>(op) || std::holds_alternative<Sum>(op) || std::holds_alternative<Relu>(op) ||
           std::holds_alternative<LeakyRelu>(op) || std::holds_alternative<Sigmoid>(op) ||
           std::holds_alternative<Tanh>(op) || std::holds_alternative<Exp>(op) || std::holds_alternative<Softplus>(op);
  });
}

static double fixed_step(const LayerFormat& own) { return std::exp2(own.fixed_integer - own.fixed_width); }

QValue Quantizer::format(Value v, bool table_follows, bool zero_point, const LayerFormat* own) const {
  if (read_by<Coupling>(v)) return parameter_format(v, own);
  const int width = info(v).width, joined = joined_bits(v);
  if (own && own->fixed_width) return code_value(width, own->fixed_width, true, fixed_step(*own));
  if (s_.fixed_width) return code_value(width, s_.fixed_width, true, step(0, s_.fixed_width));
  const bool last = last_[index(v)] || table_follows, affine = !s_.symmetric && zero_point && takes_zero_points(v);
  const Range range = ranges_[index(v)];
  const Coding coding = last || joined   ? Coding::symmetric
                        : range.low >= 0 ? Coding::non_negative
                        : affine         ? Coding::affine
                                         : Coding::symmetric;
  const int given = own ? own->activation_bits : 0;
  if (joined && given && given != joined)
    fail("quantise: ", given, "-bit outputs are asked for of what makes ", info(v).name,
         ", but it is joined to numbers of ", joined, " bits; leave its OUTPUT_BITS out of compress.layer_bits");
  const int bits = joined ? joined : given ? given : last ? s_.output_bits : s_.activation_bits;
  if (own && own->output_scale > 0) return code_value(width, bits, coding != Coding::non_negative, own->output_scale);
  if (!last) return code_for(width, range.low, range.high, bits, coding, s_.power_of_two);
  const double high = 1.25 * largest(v);  // rare events may leave the calibrated range; 16 bits can afford it
  return code_for(width, -high, high, bits, coding, s_.power_of_two);
}

Quantizer::LinearOutput Quantizer::linear_output(std::size_t i) {
  Value out = m_.nodes[i].output;
  std::size_t next = 0;
  double slope = 1;
  if (only_reader<Relu>(out, next))
    slope = 0;
  else if (const LeakyRelu* leaky = only_reader<LeakyRelu>(out, next))
    slope = leaky->slope;
  if (slope != 1) fused_.insert(next), out = m_.nodes[next].output;
  const Clamp* clamp = fuse_clamp(out);
  QValue y = format(out, table_follows(out), true, own_format(m_.nodes[i].name));
  if (clamp) bound(*clamp, y);
  return {out, slope, std::move(y)};
}

void Quantizer::set_codes(std::size_t i, const Coded& x, const LinearOutput& y, QLinear& q) const {
  const Node& node = m_.nodes[i];
  quantize_linear(std::get<Linear>(node.op), qvalue(x.value), x.scale, y.format, y.slope, linear_settings(node.name),
                  "layer " + node.name, q);
  q.requantize.low = static_cast<std::int32_t>(std::clamp<std::int64_t>(q.requantize.low, y.format.low, y.format.high));
}

void Quantizer::lower(const Linear&, std::size_t i) {
  const Node& node = m_.nodes[i];
  const LinearOutput y = linear_output(i);
  const Coded x = coded(node.inputs[0], node.name);
  QLinear q;
  set_codes(i, x, y, q);
  CodedLinear place{i, p_.nodes.size(), y.value, x.scale};
  for (double& factor : place.column_factor) factor /= qvalue(x.value).scale;
  linears_.push_back(std::move(place));
  set(y.value, add(identifier(node.name), std::move(q), {x.value}, y.format), y.format.scale);
}

const LayerFormat* Quantizer::own_format(const std::string& layer) const {
  const auto found = s_.layers.find(layer);
  return found == s_.layers.end() ? nullptr : &found->second;
}

LinearSettings Quantizer::linear_settings(const std::string& layer) const {
  const LayerFormat* own = own_format(layer);
  if (own && own->fixed_width) return {own->fixed_width, false, true, "shift", true, {fixed_step(*own)}};
  if (s_.fixed_width) return {s_.fixed_width, false, true, "shift", true, {step(0, s_.fixed_width)}};
  LinearSettings s{s_.bits, s_.per_channel, s_.power_of_two, s_.power_of_two ? "shift" : s_.multiplier,
                   s_.symmetric_weights};
  if (own) {
    if (own->bits) s.bits = own->bits;
    s.weight_scale = own->weight_scale;
  }
  return s;
}

void Quantizer::lower(const BatchNorm&, std::size_t i) {
  fail("quantise: ", m_.nodes[i].name, " is a BatchNorm; fold it first");
}

void Quantizer::lower(const LayerNorm&, std::size_t i) {
  fail("quantise: ", m_.nodes[i].name,
       " is a LayerNorm, which has no integer form; train the network with BatchNorm, which folds into its neighbours");
}

void Quantizer::lower(const Relu&, std::size_t i) {
  lower_table(i, "relu", [](double x) { return std::max(x, 0.0); });
}

void Quantizer::lower(const LeakyRelu& op, std::size_t i) {
  const double slope = op.slope;
  lower_table(i, "leaky_relu", [slope](double x) { return x >= 0 ? x : slope * x; });
}

void Quantizer::lower(const Sigmoid&, std::size_t i) {
  lower_table(i, "sigmoid", [](double x) { return 1 / (1 + std::exp(-x)); });
}

void Quantizer::lower(const Tanh&, std::size_t i) {
  lower_table(i, "tanh", [](double x) { return std::tanh(x); });
}

void Quantizer::lower(const Exp&, std::size_t i) {
  lower_table(i, "exp", [](double x) { return std::exp(x); });
}

void Quantizer::lower(const Softplus&, std::size_t i) {
  lower_table(i, "softplus", [](double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::fabs(x))); });
}

void Quantizer::lower_table(std::size_t i, const std::string& function, const std::function<double(double)>& f) {
  const Node& node = m_.nodes[i];
  const Coded x = coded(node.inputs[0], node.name);
  uniform(x, "layer " + node.name);
  const QValue in = qvalue(x.value);
  QValue y = format(node.output, false, true);
  if (y.high > 32767)  // a table's entries are signed
    y = code_value(y.length, y.bits, true, s_.power_of_two ? 2 * y.scale : y.scale * 65535 / 32767);
  const QTable table =
      tabulate(function, y.length, 1, static_cast<std::int32_t>(in.low), static_cast<std::int32_t>(in.high),
               static_cast<std::int32_t>(y.low), static_cast<std::int32_t>(y.high), {0.75},
               [&](int, std::int32_t q) { return f((q - in.zero) * in.scale) / y.scale + y.zero; });
  set(node.output, add(identifier(node.name), table, {x.value}, y), y.scale);
}

void Quantizer::lower(const Concat&, std::size_t i) {
  const Node& node = m_.nodes[i];
  const int bits = join_bits(i);
  Coded sum;
  for (std::size_t k = 0; k < node.inputs.size(); ++k) {
    const Value v = node.inputs[k];
    Coded operand = condition_.count(index(v)) ? condition_code(v, bits) : coded(v, node.name);
    const QValue q = qvalue(operand.value);
    if (q.bits != bits || !q.is_signed || q.zero != 0)
      fail("quantise: ", node.name, " joins ", q.name, " of ", q.bits, " bits with values of ", bits,
           " bits; put a Linear between");
    if (k == 0) {
      sum = operand;
      continue;
    }
    QValue out = qvalue(sum.value);
    out.low = std::min(out.low, q.low), out.high = std::max(out.high, q.high);
    out.length += q.length;
    sum.value = add(identifier(node.name), QConcat{out.length - q.length, q.length}, {sum.value, operand.value}, out);
    sum.scale.insert(sum.scale.end(), operand.scale.begin(), operand.scale.end());
  }
  coded_[index(node.output)] = sum;
}

Quantizer::Coded Quantizer::slice(const Coded& x, int begin, int length, const std::string& name) {
  if (begin == 0 && length == qvalue(x.value).length) return x;
  QValue out = qvalue(x.value);
  out.length = length;
  return {add(name, QSlice{begin, length}, {x.value}, out),
          std::vector<double>(x.scale.begin() + begin, x.scale.begin() + begin + length)};
}

void Quantizer::lower(const Slice& op, std::size_t i) {
  const Node& node = m_.nodes[i];
  const Coded y = slice(coded(node.inputs[0], node.name), op.begin, op.length, identifier(node.name));
  coded_[index(node.output)] = qvalue(y.value).bits > 16 && !is_moved(node.output) ? seen(y, i) : y;
}

// Walks back from the outputs and the borders through layers that hand on what they read.
std::vector<bool> network_ends(const Model& m) {
  const auto hands_on = [](const Op& op) {
    return std::holds_alternative<Permute>(op) || std::holds_alternative<Sum>(op) ||
           std::holds_alternative<Product>(op) || std::holds_alternative<Clamp>(op) ||
           std::holds_alternative<Spread>(op);
  };
  std::vector<bool> ends(m.values.size());
  for (Value v : m.outputs) ends[index(v)] = true;
  for (std::size_t i = m.nodes.size(); i-- > 0;) {
    const Node& n = m.nodes[i];
    const bool border = std::holds_alternative<ConditionalAffine>(n.op) ||
                        std::holds_alternative<StickBreaking>(n.op) || std::holds_alternative<SoftmaxSplit>(n.op);
    if (border || (hands_on(n.op) && ends[index(n.output)]))
      for (Value v : n.inputs) ends[index(v)] = true;
  }
  return ends;
}

Quantized quantize_with_places(const Model& m, const std::vector<Range>& ranges, const QuantizeSettings& s) {
  const auto bits = [](const char* what, int n) {
    if (n < 2 || n > 16) fail("quantise: ", what, " of ", n, " bits; 2 to 16 are possible");
  };
  if (s.fixed_width) bits("the fixed-point format", s.fixed_width);
  bits("weights", s.bits), bits("activations", s.activation_bits), bits("outputs", s.output_bits),
      bits("latents", s.latent_bits);
  for (const auto& [name, own] : s.layers) {
    const bool known = std::any_of(m.nodes.begin(), m.nodes.end(), [&name = name](const Node& n) {
      return n.name == name && std::holds_alternative<Linear>(n.op);
    });
    if (!known) fail("quantise: there is no Linear layer ", name, " in model ", m.name);
    if (own.bits) bits(("weights of layer " + name).c_str(), own.bits);
    if (own.activation_bits) bits(("outputs of layer " + name).c_str(), own.activation_bits);
    if (!own.fixed_width) continue;
    bits(("the fixed-point format of layer " + name).c_str(), own.fixed_width);
    if (!s.power_of_two && !s.fixed_width)
      fail("quantise: layer ", name,
           " has a fixed-point format of its own, but the scales of what it reads are free; make all "
           "powers of two, or give all a fixed-point format");
  }
  return Quantizer(m, ranges, s).run();
}

Program quantize(const Model& m, const std::vector<Range>& ranges, const QuantizeSettings& s) {
  return quantize_with_places(m, ranges, s).program;
}

}  // namespace quench
