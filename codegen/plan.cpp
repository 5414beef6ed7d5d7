// Chooses encodings and lays out memory.
// SPDX-License-Identifier: MIT
#include "codegen/plan.h"

#include <algorithm>

#include "engine/core/error.h"

namespace quench {
namespace {

int element_bytes(const QValue& v) { return v.meaning != Meaning::code || v.bits > 16 ? 4 : v.bits <= 8 ? 1 : 2; }

std::vector<Buffer> lifetimes(const Program& p) {
  std::vector<Buffer> buffers;
  for (std::size_t i = 0; i < p.nodes.size(); ++i) {
    const ValueId v = p.nodes[i].output;
    if (v == p.output) continue;
    Buffer b{v, c_type(p.values[index(v)]), 0, 0, p.values[index(v)].length, static_cast<int>(i), static_cast<int>(i)};
    for (std::size_t j = i + 1; j < p.nodes.size(); ++j)
      if (std::count(p.nodes[j].inputs.begin(), p.nodes[j].inputs.end(), v)) b.last = static_cast<int>(j);
    buffers.push_back(b);
  }
  return buffers;
}

// Lowest offset, in elements, that overlaps no placed buffer of the same arena alive at the same time.
int lowest_offset(const Buffer& b, const std::vector<Buffer*>& placed) {
  int offset = 0;
  for (bool moved = true; moved;) {
    moved = false;
    for (const Buffer* o : placed) {
      const bool together = o->arena == b.arena && o->first <= b.last && b.first <= o->last;
      if (!together || offset >= o->offset + o->length || o->offset >= offset + b.length) continue;
      offset = o->offset + o->length;
      moved = true;
    }
  }
  return offset;
}

void place(const Program& p, Plan& plan) {
  std::vector<Buffer*> order;
  for (Buffer& b : plan.buffers) order.push_back(&b);
  std::stable_sort(order.begin(), order.end(), [](const Buffer* a, const Buffer* b) { return a->length > b->length; });
  std::vector<Buffer*> placed;
  for (Buffer* b : order) {
    const int bytes = element_bytes(p.values[index(b->value)]);
    b->arena = bytes == 1 ? 0 : bytes == 2 ? 1 : 2;
    b->offset = lowest_offset(*b, placed);
    Arena& arena = plan.arenas[static_cast<std::size_t>(b->arena)];
    arena.length = std::max(arena.length, b->offset + b->length);
    placed.push_back(b);
  }
}

// Instructions of one layer.
double instructions(const QNode& node, const DeviceLayer& layer, const QValue& out, const InstructionCosts& cost) {
  const double n = out.length;
  if (const auto* op = std::get_if<QLinear>(&node.op)) {
    const double all = static_cast<double>(op->weight.size());
    const double nonzero = all - static_cast<double>(std::count(op->weight.begin(), op->weight.end(), std::int16_t{0}));
    if (layer.encoding == "dense") return n * cost.output + all * cost.dense_product;
    if (layer.encoding == "csr") return n * cost.output + nonzero * cost.csr_product;
    return n * cost.output + nonzero * cost.bitmap_product + n * ((op->columns + 7) / 8) * cost.bitmap_byte;
  }
  if (std::holds_alternative<QNoise>(node.op)) return n * cost.latent;
  if (std::holds_alternative<QSplit>(node.op) || std::holds_alternative<QFraction>(node.op)) return n * cost.split_part;
  if (const auto* op = std::get_if<QCoupling>(&node.op))
    return n * cost.copy + (op->factor.value.empty() ? 0 : op->length * cost.split_part);
  if (std::holds_alternative<QSoftmax>(node.op) || std::holds_alternative<QShareSplit>(node.op))
    return n * 2 * (cost.table_output + cost.split_part);
  if (std::holds_alternative<QConcat>(node.op) || std::holds_alternative<QSlice>(node.op) ||
      std::holds_alternative<QThreshold>(node.op) || std::holds_alternative<QPermute>(node.op) ||
      std::holds_alternative<QClamp>(node.op))
    return n * cost.copy;
  return n * cost.table_output;
}

}  // namespace

const char* c_type(const QValue& v) {
  if (v.meaning != Meaning::code) return "uint32_t";
  if (v.bits <= 8) return v.is_signed ? "int8_t" : "uint8_t";
  if (v.bits > 16) return "int32_t";
  return v.is_signed ? "int16_t" : "uint16_t";
}

Plan plan(const Program& p, const Target& target, Encoding encoding) {
  Plan result;
  double count = 0;
  for (const QNode& node : p.nodes) {
    result.layers.push_back(encode(node.op, encoding));
    count += instructions(node, result.layers.back(), p.values[index(node.output)], target.costs);
    result.stored_bits += stored_bits(result.layers.back());
    if (const auto* linear = std::get_if<QLinear>(&node.op)) {
      result.multiplications += std::int64_t{linear->rows} * linear->columns;
      result.nonzeros += static_cast<std::int64_t>(linear->weight.size()) -
                         std::count(linear->weight.begin(), linear->weight.end(), std::int16_t{0});
    }
  }
  result.instructions = static_cast<std::int64_t>(count);
  result.constant_bytes = (result.stored_bits + 7) / 8;
  result.flash_bytes = result.constant_bytes + target.code_bytes;
  result.buffers = lifetimes(p);
  result.arenas = {{1, 0}, {2, 0}, {4, 0}};
  place(p, result);
  for (Arena& a : result.arenas) {
    a.length = (a.length * a.element_bytes + 3) / 4 * 4 / a.element_bytes;  // whole words: what the linker reserves
    result.ram_bytes += a.length * a.element_bytes;
  }
  const auto fits = [&](const char* what, std::int64_t need, std::int64_t have) {
    if (have && need > have)
      fail("target ", target.name, ": program ", p.name, " needs ", need, " bytes of ", what, ", the target has ", have,
           "; prune or quantise it further, or choose a larger target");
  };
  fits("flash", result.flash_bytes, target.flash_bytes);
  fits("RAM", result.ram_bytes, target.ram_bytes);
  return result;
}

}  // namespace quench
