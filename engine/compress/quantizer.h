// The walk of quantize() over a model: what it knows so far, and one overload for each layer; seen by engine/compress/.
// SPDX-License-Identifier: MIT
#pragma once
#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/compress/fold.h"
#include "engine/compress/quantize.h"
#include "engine/compress/quantize_layers.h"
#include "engine/core/error.h"

namespace quench {

class Quantizer {
 public:
  Quantizer(const Model&, const std::vector<Range>&, const QuantizeSettings&);
  Quantized run();
  // The codes of the Linears of q, which the same model with other weights and steps became. False, with q lost, where
  // more than those depends on what changed.
  bool update(Quantized& q);

 private:
  using Coded = CodedValue;
  struct Condition {
    LogEnergy op;
    ValueId energy{};
    std::size_t node = 0;
  };

  static std::string identifier(const std::string& name);
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

  const Coded& coded(Value, const std::string& where) const;
  void uniform(const Coded&, const std::string& where) const;
  std::string unique(std::string name);
  ValueId add(const std::string& name, QOp, std::vector<ValueId> inputs, QValue out);
  void set(Value, ValueId, double scale);
  ValueId input(const std::string& name, Meaning, int length);
  void add_input(const ModelInput&);
  double rounded_up(double scale) const;
  // Scale of a symmetric signed code of `bits` that reaches `high`.
  double step(double high, int bits) const;
  // Latents, or some of them in any order.
  bool is_latent(Value) const;
  // Bits of operands of a concatenation: those of the latents when there are any.
  int join_bits(std::size_t node) const;
  // The same for whatever joins this value, also behind a Permute; 0: nothing does.
  int joined_bits(Value) const;
  bool table_follows(Value) const;
  // Whether all that reads a value takes zero points.
  bool takes_zero_points(Value) const;
  // Of a layer's output; zero_point: the layer can give one.
  QValue format(Value, bool table_follows, bool zero_point, const LayerFormat* own = nullptr) const;
  // The operand of a layer that computes with single elements: codes of one scale, or of any. Copies: add() moves the
  // values.
  QValue operand(std::size_t node, std::size_t input, bool one_scale = true) const;
  // When nothing but an activation reads `out`, that node is done by the layer itself: `out` becomes its result.
  bool fuse_relu(Value& out);
  const Clamp* fuse_clamp(Value& out);
  struct Pair {  // what Sum, Product and Spread are made of
    QValue a, b;
    ValueId first, second;
    Value out;
    QValue y;  // format of the result
    bool relu;
    const Clamp* clamp;  // null: none is fused
  };
  Pair pair(std::size_t node, bool one_scale = true);
  // Bounds the result by what is fused, once its scale is settled.
  static void bound(Pair&);
  // Where saturation at a Clamp's bounds lies in codes; the value's proven range becomes the same.
  static void bound(const Clamp&, QValue&);
  // x itself where its codes hold nothing beyond the bounds.
  ValueId clamped(const Clamp&, ValueId x, const std::string& name);
  struct LinearOutput {  // of a Linear and the activation that it does at once
    Value value;
    double slope;  // below zero
    QValue format;
  };
  LinearOutput linear_output(std::size_t node);
  void set_codes(std::size_t node, const Coded& x, const LinearOutput&, QLinear&) const;
  const LayerFormat* own_format(const std::string& layer) const;
  LinearSettings linear_settings(const std::string& layer = "") const;
  void lower_table(std::size_t node, const std::string& function, const std::function<double(double)>&);
  Coded slice(const Coded&, int begin, int length, const std::string& name);
  double condition_reach(const Condition&) const;
  Coded condition_code(Value, int bits);
  Coded affine(const ConditionalAffine&, const Coded& x, const Coded& c, const Condition&, int begin, int length,
               const std::string& name);

  // The energy that the split at this node shares, and what it made of it.
  ValueId split_energy(std::size_t node) const;
  void set_voxels(Value, ValueId energies);
  // What a flow moves: it is held in wide codes.
  bool is_moved(Value) const;
  void find_wide_scale();
  QValue wide_value(int length) const;
  ValueId rescaled(const std::string& name, ValueId x, const std::vector<double>& factor,
                   std::vector<std::int32_t> offset, QValue y);
  Coded widened(const Coded&, const std::string& name);
  QValue parameter_format(Value, const LayerFormat* own) const;
  // Of wide codes: those that a coupling's network looks at, and those that leave the flow.
  Coded seen(const Coded&, std::size_t node);
  Coded leaving(const Coded&, Value);
  struct LogTerm {  // of a log-determinant: the sum of these codes
    ValueId value{};
    double scale = 0;
  };
  struct LogDeterminant {
    double constant = 0;
    std::vector<LogTerm> terms;
  };

  LogDeterminant carried(Value) const;

  // What has no overload below has no integer form.
  template <class Other>
  void lower(const Other&, std::size_t node) {
    fail("quantise: ", m_.nodes[node].name, " is a ", type_name(m_.nodes[node].op),
         ", which has no integer form yet; distil the model into a generator of plain layers and compress that");
  }
  void lower(const Linear&, std::size_t node);
  void lower(const BatchNorm&, std::size_t node);
  void lower(const Relu&, std::size_t node);
  void lower(const LeakyRelu&, std::size_t node);
  void lower(const Sigmoid&, std::size_t node);
  void lower(const Tanh&, std::size_t node);
  void lower(const Concat&, std::size_t node);
  void lower(const Slice&, std::size_t node);
  void lower(const LogEnergy&, std::size_t node);
  void lower(const ConditionalAffine&, std::size_t node);
  void lower(const StickBreaking&, std::size_t node);
  void lower(const SoftmaxSplit&, std::size_t node);
  void lower(const Threshold&, std::size_t node);
  void lower(const Permute&, std::size_t node);
  void lower(const Sum&, std::size_t node);
  void lower(const Product&, std::size_t node);
  void lower(const Clamp&, std::size_t node);
  void lower(const Exp&, std::size_t node);
  void lower(const Softplus&, std::size_t node);
  void lower(const Softmax&, std::size_t node);
  void lower(const LayerNorm&, std::size_t node);
  void lower(const Spread&, std::size_t node);
  void lower(const Coupling&, std::size_t node);
  void lower(const ActNorm&, std::size_t node);
  void lower(const NormalDensity&, std::size_t node);

  const Model& m_;
  const std::vector<Range>& ranges_;
  QuantizeSettings s_;
  Program p_;
  ValueId event_{};
  bool has_event_ = false;
  std::set<std::string> names_;
  std::set<std::size_t> fused_;
  std::map<std::size_t, Coded> coded_;
  std::vector<CodedLinear> linears_;
  std::map<std::size_t, ValueId> energy_;
  std::map<std::size_t, Condition> condition_;
  std::map<std::pair<std::size_t, int>, Coded> condition_codes_;  // by Value and bits
  std::map<std::size_t, LogDeterminant> log_determinant_;         // by Value
  double wide_scale_ = 0;
  std::vector<bool> last_;                                // network_ends()
  std::map<std::size_t, std::pair<Coded, Coded>> parts_;  // total and logits of a standardised split
};

}  // namespace quench
