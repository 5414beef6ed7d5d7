// One layer as synthesizable C++: its constants and its functions, with the exact width of every intermediate.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "codegen/plan.h"
#include "codegen/writer.h"

namespace quench {

// "Signed<W>" or "Unsigned<W>" of the fewest bits that hold low .. high; signed when asked for or when low is negative.
std::string exact_type(Interval, bool always_signed = false);

struct HlsConstant {
  std::string name, type;
  std::int32_t lanes;  // 0: a number, 1: a table [n], otherwise a table [n][lanes]
  std::vector<std::int64_t> values;
};

struct HlsLayer {
  std::vector<HlsConstant> constants;  // in the order of emission and of the checksums
  std::string functions;               // text that ends in the layer's function
  std::vector<int> reads_per_step;     // by input: neighbouring elements that one step reads
  std::int64_t steps = 0;              // iterations of its pipelined loop
  std::int64_t multipliers = 0;        // products that one step forms
};

// Collects a layer while it is written. Names in the generated code are kind_layer; no kind begins with another and an
// underscore.
struct HlsBuild {
  const Program& p;
  const QNode& node;
  HlsLayer layer = {};
  Writer w = {};

  const QValue& in(std::size_t i) const { return p.values[index(node.inputs[i])]; }
  const QValue& out() const { return p.values[index(node.output)]; }
  std::string type_in(std::size_t i) const { return "type_" + in(i).name; }
  std::string type_out() const { return "type_" + out().name; }
  std::string id(const char* kind) const { return std::string(kind) + "_" + node.name; }

  // Each declares a constant and returns its name.
  std::string number(const char* kind, std::int64_t value);
  std::string table(const char* kind, const std::vector<std::int64_t>& values);
  std::string table(const char* kind, const std::vector<std::int64_t>& values, Interval range);
  std::string lanes(const char* kind, const std::vector<std::int64_t>& values, std::int32_t lanes);

  // static inline void layer_x(const type_a a[n], const type_b b[m], type_y y[k]); `operands` names the inputs.
  std::string head(const std::vector<const char*>& operands);
  void pragma(const std::string& text) { w.line("#pragma HLS ", text); }
};

// How requantisation sees a row: the accumulator's exact final range and its factors.
struct HlsRow {
  Interval sum;
  std::int64_t multiplier, negative_multiplier;
  int shift, negative_shift;  // negative_*: only with LeakyReLU
};

// requantize_x(sum[, row]) -> code: round half up of sum * multiplier / 2^shift, zero point, saturation (numerics.md
// section 4). Every row's pair is a constant; pairs that all rows share become numbers. Returns the call's text for
// `argument`.
std::string write_requantize(HlsBuild&, Interval sum, std::vector<HlsRow> rows, bool leaky, Interval result,
                             std::int64_t zero, const std::string& argument);

// Declares `moved`: (there - here) * f / 2^bits, rounded half up, from the variables there, here and f.
void write_interpolation(HlsBuild&, Interval step, int bits);
// Differences of neighbours, with 0 so that a constant table has a range too.
Interval steps_of(const std::vector<std::int64_t>&);

void write_linear(HlsBuild&, const QLinear&, const std::string& encoding);
void write_softmax(HlsBuild&, const QSoftmax&);
void write_share_split(HlsBuild&, const QShareSplit&);
void write_coupling(HlsBuild&, const QCoupling&);

// fraction_x(code) -> u32 of a table, linear between knots; declares the table and returns the function's name.
std::string write_fraction(HlsBuild&, const QFractionTable&, const QValue& codes);
// Saturates `code` into the element `target` ("y[i] = ").
void write_clamp(HlsBuild&, const std::string& target, const std::string& code, std::int64_t low, std::int64_t high);

HlsLayer hls_layer(const Program&, const QNode&, const DeviceLayer&);

}  // namespace quench
