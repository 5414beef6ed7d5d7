// Post-training quantisation: a float Model and the ranges of its values become a Program of integers (numerics.md).
// SPDX-License-Identifier: MIT
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "engine/compress/calibrate.h"
#include "engine/model/model.h"
#include "engine/model/program.h"

namespace quench {

// What one Linear has of its own; 0 or empty: what all have.
struct LayerFormat {
  int bits = 0, activation_bits = 0;       // of its weights, and of its outputs between layers
  std::vector<double> weight_scale;        // steps of its codes: one for each row, or one for all
  double output_scale = 0;                 // step of the codes of its outputs, behind its activation
  std::int64_t output_high = 0;            // of a coupling's parameters: their largest code
  int fixed_width = 0, fixed_integer = 0;  // ap_fixed<W, I> of its weights and outputs, whatever else is here
};

// What a flow's two directions must share to be each other's inverse; 0 and empty: it follows from the ranges.
struct FlowFormat {
  double wide_scale = 0;                     // step of the wide codes that the couplings move
  std::map<std::string, double> seen_scale;  // of the codes that their networks look at, by the Slice's name
};

struct QuantizeSettings {
  int bits = 8;             // of weights
  int activation_bits = 8;  // between layers
  int output_bits = 16;     // of the network's last layer, before the borders
  int latent_bits = 8;
  bool per_channel = true;          // weight scale per output row, otherwise per layer
  bool symmetric = true;            // codes of values that can be negative: signed, or unsigned with a zero point
  bool symmetric_weights = true;    // the same of weights, at most 15 bits with a zero point
  bool power_of_two = false;        // every scale a power of two: fixed point, no multipliers
  std::string multiplier = "wide";  // wide, narrow or shift
  // ap_fixed<W, I> for all weights and values between layers (W = 0: scales follow from the ranges): W bits, scale
  // 2^(I - W), round half up, saturate (numerics.md section 5).
  int fixed_width = 0, fixed_integer = 0;
  double energy_unit_mev = 1.0 / 1024;
  // Largest error of the tables of a standardisation, in each number's own deviation, and 20 times that of an energy's
  // fraction, of its own: 2 % and 0.1 % no observable resolves.
  double table_tolerance = 0.02;
  std::map<std::string, LayerFormat> layers;  // by the Linear's name
  FlowFormat flow;
};

// The model must hold no BatchNorm (fold_batch_norm). Fails, naming the layer, for what integers cannot express: a
// layer without any weight left, accumulators beyond 48 bits, a slope or scale outside its class.
Program quantize(const Model&, const std::vector<Range>&, const QuantizeSettings&);

// A Model's value in integers: column k's real value is (code - zero) * scale[k].
struct CodedValue {
  ValueId value{};
  std::vector<double> scale;
};

// A Model's Linear in integers: codes are the rounded weight[r][k] * column_factor[k] / weight_scale[r]. Columns differ
// where parts of the input have scales of their own.
struct CodedLinear {
  std::size_t node = 0, program_node = 0;
  Value output{};  // behind the activation that the integers do at once
  std::vector<double> column_factor;
};

struct Quantized {
  Program program;
  std::map<std::size_t, CodedValue> values;  // by Value; those that exist as codes
  std::vector<CodedLinear> linears;          // in execution order
};

// The Program with the places of the Model's values and layers in it.
Quantized quantize_with_places(const Model&, const std::vector<Range>&, const QuantizeSettings&);

// Makes of q, which a model of other weights became with settings of other steps, what quantize_with_places() makes of
// these. True: in place, which is fast; false: anew, because more than Linears depends on what changed.
bool quantize_again(Quantized& q, const Model&, const std::vector<Range>&, const QuantizeSettings&);

// Which values, by Value, end the network or reach its end by layers that hand on what they read: they have output_bits
// and keep their whole range.
std::vector<bool> network_ends(const Model&);

// The settings with the steps that a flow's program has, for the program of its other direction: the same integers, so
// that one undoes the other (numerics.md section 10). Fails for settings with zero points.
QuantizeSettings formats_of(const Model&, const Quantized&, QuantizeSettings);

// What a given fixed-point format cannot hold: one sentence for each layer's weights and each value that saturates.
std::vector<std::string> saturation(const Model&, const std::vector<Range>&, const QuantizeSettings&);

// 32 bits for every weight and bias of the Linears, as if dense: what compression ratios are measured against.
std::int64_t dense_float_bits(const Model&);

}  // namespace quench
