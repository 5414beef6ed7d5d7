// The quantised network: integer tensors and exact ranges; what `run` executes and codegen emits. A plain value.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "engine/ops/clamp.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/join.h"
#include "engine/ops/linear.h"
#include "engine/ops/log_energy.h"
#include "engine/ops/noise.h"
#include "engine/ops/permute.h"
#include "engine/ops/qcoupling.h"
#include "engine/ops/rescale.h"
#include "engine/ops/softmax.h"
#include "engine/ops/softmax_split.h"
#include "engine/ops/spread.h"
#include "engine/ops/stick_breaking.h"
#include "engine/ops/table.h"
#include "engine/ops/threshold.h"

namespace quench {

// Every quantised layer, once.
using QOp = std::variant<QNoise, QLogEnergy, QConcat, QSlice, QLinear, QTable, QMultiply, QAdd, QFraction, QSplit,
                         QThreshold, QPermute, QClamp, QSoftmax, QSpread, QShareSplit, QRescale, QCoupling>;

// What the integers of a value mean: the event's number {seed_lo, seed_hi, index_lo, index_hi}, energies in the
// program's unit (both unsigned, 32 bits), or codes: real value (q - zero) * scale.
enum class Meaning { event, energy, code };

struct QValue {
  std::string name;  // unique, a C identifier
  Meaning meaning = Meaning::code;
  std::int32_t length = 0;
  std::int32_t bits = 32;
  bool is_signed = false;
  double scale = 1;
  std::int32_t zero = 0;
  std::int64_t low = 0, high = 0;  // exact: no event leaves it
};

enum class ValueId : std::uint32_t {};
inline std::size_t index(ValueId v) { return static_cast<std::size_t>(v); }

struct QNode {
  std::string name;  // unique, a C identifier
  QOp op;
  std::vector<ValueId> inputs;
  ValueId output;
};

struct Program {
  std::string name;      // a C identifier
  std::string geometry;  // of the output; empty when it is not a shower
  double energy_unit_mev = 1.0 / 1024;
  double minimum_energy_mev = 0, maximum_energy_mev = 0;  // incident energies the model was trained for
  std::int64_t original_bits = 0;                         // 32-bit dense size of the float generator it came from
  std::vector<QValue> values;
  std::vector<QNode> nodes;     // in execution order
  std::vector<ValueId> inputs;  // event, energy or codes; each is no node's output
  ValueId output{};
};

bool operator==(const Program&, const Program&);

const char* type_name(const QOp&);  // "Linear", "Noise", ...

ValueId append(Program&, QNode node_without_output, QValue output);

// Everything the interpreter and the emitters rely on: order, lengths, ranges, table sizes, the range proof. Fails with
// the node's name and the numbers; a program from a file is checked before anything runs it.
void check(const Program&);

// The versioned text form, extension .qprog: exact and diffable.
std::string program_text(const Program&);
Program read_program(const std::string& text, const std::string& path);

}  // namespace quench
