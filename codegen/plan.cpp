// Chooses encodings and lays out memory.
// SPDX-License-Identifier: MIT
#include "codegen/plan.h"

#include <algorithm>
#include <map>

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

// Elements of the named table, and what reading all of them costs beyond whole numbers.
struct Reads {
  double elements = 0, cost = 0;
};

Reads reads(const DeviceLayer& layer, const char* name, const InstructionCosts& cost) {
  for (const DeviceField& f : layer.fields) {
    if (f.name != name) continue;
    const double n = static_cast<double>(elements(f));
    return {n, f.field_bits == 0 ? 0 : n * (8 % f.field_bits == 0 ? cost.inner_read : cost.crossing_read)};
  }
  return {};
}

// A kernel looks at the bits of a byte up to the last that is set.
double bits_looked_at(const std::vector<std::int64_t>& mask) {
  double bits = 0;
  for (std::int64_t byte : mask)
    for (; byte != 0; byte >>= 1) ++bits;
  return bits;
}

double linear_instructions(const QLinear& op, const DeviceLayer& layer, const InstructionCosts& cost) {
  const Reads weight = reads(layer, "weight", cost), gap = reads(layer, "gap", cost),
              column = reads(layer, "column", cost);
  const double rows = op.rows * cost.output + weight.cost + gap.cost + column.cost;
  if (layer.encoding == "dense")
    return rows + weight.elements * (weight.cost > 0 ? cost.field_product : cost.dense_product);
  if (layer.encoding == "csr") return rows + weight.elements * cost.csr_product;
  const bool blocks = layer.encoding == "blocks";
  const double stored = blocks ? weight.elements / 4 : weight.elements;
  double structure = gap.elements * cost.gap;
  for (const DeviceField& f : layer.fields)
    if (f.name == "mask")
      structure = stored * cost.set_bit + bits_looked_at(f.values) * cost.mask_bit +
                  static_cast<double>(f.values.size()) * cost.mask_byte;
  return rows + structure + blocks * weight.elements * cost.block_product;
}

// Instructions of one layer.
double instructions(const QNode& node, const DeviceLayer& layer, const QValue& out, const InstructionCosts& cost) {
  const double n = out.length;
  if (const auto* op = std::get_if<QLinear>(&node.op)) return linear_instructions(*op, layer, cost);
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

LayerBytes largest_layer(const Program& p, const Plan& plan) {
  LayerBytes largest{"", 0};
  for (std::size_t i = 0; i < plan.layers.size(); ++i) {
    const std::int64_t bytes = (stored_bits(plan.layers[i]) + 7) / 8;
    if (bytes > largest.bytes) largest = {p.nodes[i].name, bytes};
  }
  return largest;
}

void check_limits(const Program& p, const Plan& plan, const Target& target) {
  const auto fits = [&](const char* what, std::int64_t need, std::int64_t have, const LayerBytes& most,
                        const char* advice) {
    if (have && need > have)
      fail("target ", target.name, ": program ", p.name, " needs ", need, " bytes of ", what, ", the target has ", have,
           ", ", need - have, " too few; layer ", most.layer, " alone takes ", most.bytes, ": ", advice,
           ", or choose a larger target");
  };
  fits("flash", plan.flash_bytes, target.flash_bytes, largest_layer(p, plan), "prune or quantise it further");
  fits("RAM", plan.ram_bytes, target.ram_bytes, ram_peak(p, plan), "give it fewer outputs or activation bits");
}

using StoredTables = std::map<std::pair<std::string, std::vector<std::int64_t>>, std::string>;

// Generated tables are named as emission names them: the layer, then the fields down to the table.
void share_tables(std::vector<DeviceField>& fields, const std::string& prefix, StoredTables& stored) {
  for (DeviceField& f : fields) {
    const std::string id = prefix + "_" + f.name;
    share_tables(f.members, id, stored);
    if (f.kind != DeviceField::Kind::table || f.values.empty()) continue;
    const auto [place, is_new] = stored.insert({{f.type, f.values}, id});
    if (!is_new) f.shared = place->second;
  }
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
  StoredTables stored;
  for (const QNode& node : p.nodes) {
    result.layers.push_back(encode(node.op, encoding));
    DeviceLayer& layer = result.layers.back();
    share_tables(layer.fields, node.name, stored);
    count += instructions(node, layer, p.values[index(node.output)], target.costs);
    result.stored_bits += stored_bits(layer);
    result.parts = result.parts + stored_parts(layer);
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
    // Whole double words: compilers align arrays to them, and no gap is left between arenas.
    a.length = (a.length * a.element_bytes + 7) / 8 * 8 / a.element_bytes;
    result.ram_bytes += a.length * a.element_bytes;
  }
  check_limits(p, result, target);
  return result;
}

LayerBytes ram_peak(const Program& p, const Plan& plan) {
  LayerBytes peak{"", 0};
  for (std::size_t i = 0; i < p.nodes.size(); ++i) {
    std::int64_t alive = 0;
    for (const Buffer& b : plan.buffers)
      if (b.first <= static_cast<int>(i) && static_cast<int>(i) <= b.last)
        alive += std::int64_t{b.length} * element_bytes(p.values[index(b.value)]);
    if (alive > peak.bytes) peak = {p.nodes[i].name, alive};
  }
  return peak;
}

}  // namespace quench
