// Walks the model once and appends the integer twin of every node.
// SPDX-License-Identifier: MIT
#include "engine/compress/quantize.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "engine/compress/fold.h"
#include "engine/compress/quantize_layers.h"
#include "engine/core/error.h"

namespace quench {
namespace {

std::string identifier(const std::string& name) {
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

class Quantizer {
 public:
  Quantizer(const Model& m, const std::vector<Range>& ranges, const QuantizeSettings& s)
      : m_(m), ranges_(ranges), s_(s) {
    if (!s.fixed_width) return;
    s_.power_of_two = true;
    s_.activation_bits = s_.output_bits = s.fixed_width;
  }

  Program run() {
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
    return p_;
  }

 private:
  struct Coded {  // a model value in integers; column k's real value is (code - zero) * scale[k]
    ValueId value{};
    std::vector<double> scale;
  };

  const ModelValue& info(Value v) const { return m_.values[index(v)]; }
  const QValue& qvalue(ValueId v) const { return p_.values[index(v)]; }
  double largest(Value v) const {
    return std::max({std::fabs(ranges_[index(v)].low), std::fabs(ranges_[index(v)].high), 1e-6f});
  }
  bool is_output(Value v) const { return std::count(m_.outputs.begin(), m_.outputs.end(), v) > 0; }

  template <class T>
  const T* only_reader(Value v, std::size_t& node) const {
    const std::vector<std::size_t> readers = consumers(m_, v);
    if (readers.size() != 1 || is_output(v)) return nullptr;
    node = readers[0];
    return std::get_if<T>(&m_.nodes[node].op);
  }
  template <class T>
  bool read_by(Value v) const {
    const std::vector<std::size_t> readers = consumers(m_, v);
    return std::any_of(readers.begin(), readers.end(),
                       [&](std::size_t n) { return std::holds_alternative<T>(m_.nodes[n].op); });
  }

  const Coded& coded(Value v, const std::string& where) const {
    const auto found = coded_.find(index(v));
    if (found == coded_.end())
      fail("quantise: ", where, " reads ", info(v).name,
           ", which has no integer form there; an incident energy is understood by "
           "a logarithm and a split, its logarithm by a concatenation and a conditional standardisation");
    return found->second;
  }
  void uniform(const Coded& c, const std::string& where) const {
    for (double s : c.scale)
      if (std::fabs(s / qvalue(c.value).scale - 1) > 1e-12)
        fail("quantise: ", where, " needs one scale for all elements of ", qvalue(c.value).name,
             ", whose parts have different ones; put a Linear between");
  }

  std::string unique(std::string name) {
    const std::string base = name;
    for (int n = 2; !names_.insert(name).second; ++n) name = base + "_" + std::to_string(n);
    return name;
  }
  ValueId add(const std::string& name, QOp op, std::vector<ValueId> inputs, QValue out) {
    const std::string node = unique(name);
    out.name = node + "_out";
    return append(p_, {node, std::move(op), std::move(inputs), {}}, out);
  }
  void set(Value v, ValueId q, double scale) {
    coded_[index(v)] = {q, std::vector<double>(static_cast<std::size_t>(info(v).width), scale)};
  }
  ValueId input(const std::string& name, Meaning meaning, int length) {
    QValue v = meaning == Meaning::code ? code_value(length, s_.activation_bits, true, 1) : energy_value(length);
    v.meaning = meaning;
    v.name = unique(name);
    p_.values.push_back(v);
    p_.inputs.push_back(ValueId{static_cast<std::uint32_t>(p_.values.size() - 1)});
    return p_.inputs.back();
  }

  void add_input(const ModelInput& in) {
    const ModelValue& v = info(in.value);
    if (in.kind == InputKind::incident_energy) {
      energy_[index(in.value)] = input("energy", Meaning::energy, 1);
    } else if (in.kind == InputKind::latent) {
      if (!has_event_) event_ = input("event", Meaning::event, 4);
      has_event_ = true;
      const QNoise noise = latent_noise(m_.facts.latent, v.width, s_.latent_bits);
      QValue out = code_value(v.width, s_.latent_bits, true, s_.power_of_two ? rounded_up(noise.scale) : noise.scale);
      set(in.value, add(identifier(v.name), noise, {event_}, out), noise.scale);
    } else {
      const ValueId q = input(identifier(v.name), Meaning::code, v.width);
      p_.values[index(q)].scale = step(largest(in.value), s_.activation_bits);
      set(in.value, q, p_.values[index(q)].scale);
    }
  }

  double rounded_up(double scale) const { return std::exp2(std::ceil(std::log2(scale) - 1e-9)); }
  // Scale of a symmetric signed code of `bits` that reaches `high`.
  double step(double high, int bits) const {
    if (s_.fixed_width) return std::exp2(s_.fixed_integer - s_.fixed_width);
    const double scale = high / static_cast<double>((1 << (bits - 1)) - 1);
    return s_.power_of_two ? rounded_up(scale) : scale;
  }
  // Bits of operands of a concatenation: those of the latents when there are any.
  int join_bits(std::size_t node) const {
    for (Value v : m_.nodes[node].inputs)
      for (const ModelInput& in : m_.inputs)
        if (in.value == v && in.kind == InputKind::latent) return s_.latent_bits;
    return s_.activation_bits;
  }
  // Format of a layer's output, without its length.
  QValue format(Value v, bool table_follows) const {
    const bool last = is_output(v) || read_by<ConditionalAffine>(v) || read_by<StickBreaking>(v) || table_follows;
    int bits = last ? s_.output_bits : s_.activation_bits;
    bool is_signed = last || ranges_[index(v)].low < 0;
    for (std::size_t n : consumers(m_, v))
      if (std::holds_alternative<Concat>(m_.nodes[n].op)) bits = join_bits(n), is_signed = true;
    if (s_.fixed_width) return code_value(info(v).width, s_.fixed_width, true, step(0, s_.fixed_width));
    const double headroom = last ? 1.25 : 1.0;  // rare events may leave the calibrated range; 16 bits can afford it
    const double high = largest(v) * headroom;
    double scale = step(high, bits);
    if (!is_signed) {
      scale = high / static_cast<double>((1 << bits) - 1);
      if (s_.power_of_two) scale = rounded_up(scale);
    }
    return code_value(info(v).width, bits, is_signed, scale);
  }

  void lower(const Linear& op, std::size_t i) {
    const Node& node = m_.nodes[i];
    Value out = node.output;
    std::size_t next = 0;
    double slope = 1;
    if (only_reader<Relu>(out, next))
      slope = 0;
    else if (const LeakyRelu* leaky = only_reader<LeakyRelu>(out, next))
      slope = leaky->slope;
    if (slope != 1) fused_.insert(next), out = m_.nodes[next].output;
    const bool table_follows = read_by<Sigmoid>(out) || read_by<Tanh>(out);
    const Coded x = coded(node.inputs[0], node.name);
    const QValue y = format(out, table_follows);
    const QLinear q = quantize_linear(op, qvalue(x.value), x.scale, y, slope, linear_settings(), "layer " + node.name);
    set(out, add(identifier(node.name), q, {x.value}, y), y.scale);
  }
  LinearSettings linear_settings() const {
    if (s_.fixed_width) return {s_.fixed_width, false, true, "shift", step(0, s_.fixed_width)};
    return {s_.bits, s_.per_channel, s_.power_of_two, s_.power_of_two ? "shift" : s_.multiplier};
  }

  void lower(const BatchNorm&, std::size_t i) {
    fail("quantise: ", m_.nodes[i].name, " is a BatchNorm; fold it first");
  }
  // Layers of flows have no integer form yet.
  template <class FlowOp>
  void lower(const FlowOp&, std::size_t i) {
    fail("quantise: ", m_.nodes[i].name, " is a ", type_name(m_.nodes[i].op),
         ", which has no integer form; distil the flow into a generator (distill.steps) and compress that");
  }
  void lower(const Relu&, std::size_t i) {
    lower_table(i, "relu", [](double x) { return std::max(x, 0.0); });
  }
  void lower(const LeakyRelu& op, std::size_t i) {
    const double slope = op.slope;
    lower_table(i, "leaky_relu", [slope](double x) { return x >= 0 ? x : slope * x; });
  }
  void lower(const Sigmoid&, std::size_t i) {
    lower_table(i, "sigmoid", [](double x) { return 1 / (1 + std::exp(-x)); });
  }
  void lower(const Tanh&, std::size_t i) {
    lower_table(i, "tanh", [](double x) { return std::tanh(x); });
  }

  void lower_table(std::size_t i, const std::string& function, const std::function<double(double)>& f) {
    const Node& node = m_.nodes[i];
    const Coded x = coded(node.inputs[0], node.name);
    uniform(x, "layer " + node.name);
    const QValue in = qvalue(x.value);
    const QValue y = format(node.output, false);
    const QTable table =
        tabulate(function, y.length, 1, static_cast<std::int32_t>(in.low), static_cast<std::int32_t>(in.high),
                 static_cast<std::int32_t>(y.low), static_cast<std::int32_t>(y.high), {0.75},
                 [&](int, std::int32_t q) { return f((q - in.zero) * in.scale) / y.scale + y.zero; });
    set(node.output, add(identifier(node.name), table, {x.value}, y), y.scale);
  }

  void lower(const LogEnergy& op, std::size_t i) {
    const auto e = energy_.find(index(m_.nodes[i].inputs[0]));
    if (e == energy_.end())
      fail("quantise: ", m_.nodes[i].name, " takes the logarithm of ", info(m_.nodes[i].inputs[0]).name,
           ", which is no incident energy");
    condition_[index(m_.nodes[i].output)] = {op, e->second, i};
  }
  struct Condition {
    LogEnergy op;
    ValueId energy{};
    std::size_t node = 0;
  };
  // Largest |c| of the condition over the model's energies; the codes of all energies lie inside.
  double condition_reach(const Condition& c) const {
    const double low = std::log10(m_.facts.minimum_energy_mev / c.op.reference_mev);
    const double high = std::log10(m_.facts.maximum_energy_mev / c.op.reference_mev);
    if (!std::isfinite(low) || !std::isfinite(high))
      fail("quantise: the model's range of incident energies is not known");
    return std::max({std::fabs(low), std::fabs(high), 0.01});
  }
  Coded condition_code(Value v, int bits) {
    const Condition& c = condition_.at(index(v));
    const double scale = condition_reach(c) / ((1 << (bits - 1)) - 1);
    const QValue out = code_value(1, bits, true, scale);
    const QLogEnergy q = quantize_log_energy(c.op, s_.energy_unit_mev, scale, static_cast<std::int32_t>(out.low),
                                             static_cast<std::int32_t>(out.high));
    return {add(identifier(m_.nodes[c.node].name), q, {c.energy}, out), {scale}};
  }

  void lower(const Concat&, std::size_t i) {
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

  Coded slice(const Coded& x, int begin, int length, const std::string& name) {
    if (begin == 0 && length == qvalue(x.value).length) return x;
    QValue out = qvalue(x.value);
    out.length = length;
    return {add(name, QSlice{begin, length}, {x.value}, out),
            std::vector<double>(x.scale.begin() + begin, x.scale.begin() + begin + length)};
  }
  void lower(const Slice& op, std::size_t i) {
    const Node& node = m_.nodes[i];
    coded_[index(node.output)] = slice(coded(node.inputs[0], node.name), op.begin, op.length, identifier(node.name));
  }

  // mu(c) + sigma(c) x for columns begin .. begin + length - 1: two tables of the condition, a multiply, an add.
  Coded affine(const ConditionalAffine& op, const Coded& x, const Coded& c, const Condition& condition, int begin,
               int length, const std::string& name) {
    const double low = std::log10(m_.facts.minimum_energy_mev / condition.op.reference_mev);
    const double high = std::log10(m_.facts.maximum_energy_mev / condition.op.reference_mev);
    const AffineLowering plan = lower_affine(op, begin, length, low, high, qvalue(c.value), qvalue(x.value));
    const Coded part = slice(x, begin, length, name + "_input");
    const ValueId sigma = add(name + "_deviation", plan.deviation, {c.value}, plan.deviation_value);
    const ValueId mu = add(name + "_mean", plan.mean, {c.value}, plan.mean_value);
    const ValueId scaled = add(name + "_scaled", plan.multiply, {part.value, sigma}, plan.scaled_value);
    const ValueId sum = add(name + "_shifted", plan.add, {scaled, mu}, plan.sum_value);
    return {sum, std::vector<double>(static_cast<std::size_t>(length), plan.sum_value.scale)};
  }
  void lower(const ConditionalAffine& op, std::size_t i) {
    const Node& node = m_.nodes[i];
    if (op.inverse)
      fail("quantise: ", node.name, " standardises; only the direction from standardised numbers has an integer form");
    const Coded x = coded(node.inputs[0], node.name);
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

  void lower(const StickBreaking& op, std::size_t i) {
    const Node& node = m_.nodes[i];
    if (op.logarithmic)
      fail("quantise: ", node.name, " gives logarithms of energies; only energies have an integer form");
    const auto e = energy_.find(index(node.inputs[1]));
    if (e == energy_.end())
      fail("quantise: ", node.name, " splits ", info(node.inputs[1]).name, ", which is no incident energy");
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
    const QFraction total = fraction_of_energy(qvalue(parts.first.value), "layer " + node.name);
    ValueId energies = add("total", total, {parts.first.value, e->second}, energy_value(1));
    const QFractionTable logistic = logistic_table(qvalue(parts.second.value));
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
    set(node.output, energies, s_.energy_unit_mev);
    p_.values[index(energies)].scale = s_.energy_unit_mev;
  }

  void lower(const Threshold& op, std::size_t i) {
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

  const Model& m_;
  const std::vector<Range>& ranges_;
  QuantizeSettings s_;
  Program p_;
  ValueId event_{};
  bool has_event_ = false;
  std::set<std::string> names_;
  std::set<std::size_t> fused_;
  std::map<std::size_t, Coded> coded_;
  std::map<std::size_t, ValueId> energy_;
  std::map<std::size_t, Condition> condition_;
  std::map<std::size_t, std::pair<Coded, Coded>> parts_;  // total and logits of a standardised split
};

}  // namespace

Program quantize(const Model& m, const std::vector<Range>& ranges, const QuantizeSettings& s) {
  const auto bits = [](const char* what, int n) {
    if (n < 2 || n > 16) fail("quantise: ", what, " of ", n, " bits; 2 to 16 are possible");
  };
  if (s.fixed_width) bits("the fixed-point format", s.fixed_width);
  bits("weights", s.bits), bits("activations", s.activation_bits), bits("outputs", s.output_bits),
      bits("latents", s.latent_bits);
  return Quantizer(m, ranges, s).run();
}

}  // namespace quench
