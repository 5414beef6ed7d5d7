// Chooses probes and runs the reference on them.
// SPDX-License-Identifier: MIT
#include "codegen/hls_data.h"

#include <algorithm>
#include <set>

#include "codegen/emit.h"

namespace quench {
namespace {

using Probes = std::vector<std::vector<Words>>;

constexpr std::int64_t most_numbers = 200000;  // in one data file, about: what a testbench reads in an instant

std::uint32_t word(std::int64_t v) { return static_cast<std::uint32_t>(v); }

struct Chooser {  // the inputs of one layer
  const Program& p;
  const QNode& node;
  Xoshiro128 draws = {{1, 2, 3, 4}};
  Probes probes = {};

  const QValue& in(std::size_t i) const { return p.values[index(node.inputs[i])]; }
  std::size_t length(std::size_t i) const { return static_cast<std::size_t>(in(i).length); }
  std::int64_t zero(std::size_t i) const { return std::clamp<std::int64_t>(in(i).zero, in(i).low, in(i).high); }
  Words filled(std::size_t i, std::int64_t v) const { return Words(length(i), word(v)); }

  std::int64_t random(const QValue& v) {
    const std::uint64_t width = static_cast<std::uint64_t>(v.high - v.low + 1);
    return v.low + static_cast<std::int64_t>((width * next(draws)) >> 32);
  }
  Words random_words(std::size_t i) {
    Words w(length(i));
    for (std::uint32_t& x : w) x = word(random(in(i)));
    return w;
  }
  void random_probes(int count) {
    for (int k = 0; k < count; ++k) {
      std::vector<Words> probe;
      for (std::size_t i = 0; i < node.inputs.size(); ++i) probe.push_back(random_words(i));
      probes.push_back(probe);
    }
  }

  // Element e of operand i takes list[e + offset], round and round.
  Words rotated(std::size_t i, const std::vector<std::int64_t>& list, std::size_t offset) const {
    Words w(length(i));
    for (std::size_t e = 0; e < w.size(); ++e) w[e] = word(list[(e + offset) % list.size()]);
    return w;
  }
};

// Codes at which a table is probed: all, or those at, behind and between knots when all would be too many.
std::vector<std::int64_t> table_codes(const QValue& v, std::int64_t lowest, int bits, std::int64_t numbers_per_code) {
  std::vector<std::int64_t> codes;
  const bool all = bits == 0 || (v.high - v.low + 1) * numbers_per_code <= most_numbers;
  for (std::int64_t q = v.low; q <= v.high; ++q) {
    const std::int64_t f = (q - lowest) & ((std::int64_t{1} << bits) - 1);
    if (all || f <= 1 || f == std::int64_t{1} << (bits - 1) || q == v.high) codes.push_back(q);
  }
  return codes;
}

void choose(Chooser& c, const QNoise& op) {
  // Corner words first, then events until every cell has been drawn.
  c.probes = {{{0, 0, 0, 0}}, {{~0u, ~0u, ~0u, ~0u}}, {{1, 0, 0, 1}}, {{0, 1, 1, 0}}};
  const Noise n = view(op);
  std::vector<bool> seen(op.alias.size());
  for (std::uint32_t event = 0; event < 4096 && std::count(seen.begin(), seen.end(), false) > 0; ++event) {
    const Words words{7, 0, event, 0};
    for (std::int32_t lane = 0; lane < op.lanes; ++lane) {
      Xoshiro128 g = noise_state(words.data(), static_cast<std::uint32_t>(lane));
      for (std::int32_t j = lane; j < op.length; j += op.lanes) seen[next(g) >> (32 - n.cell_bits)] = true;
    }
    c.probes.push_back({words});
  }
}

void choose(Chooser& c, const QLogEnergy&) {
  // Every segment of every octave: its start, and a place inside it where the interpolation rounds.
  std::set<std::uint32_t> counts{0, ~0u};
  for (int exponent = 0; exponent < 32; ++exponent)
    for (std::uint64_t knot = 64; knot < 128; ++knot) {
      const std::uint64_t start = (knot << exponent) >> 6, end = ((knot + 1) << exponent) >> 6;
      counts.insert(static_cast<std::uint32_t>(start));
      if (end > start) counts.insert(static_cast<std::uint32_t>(start + (((end - start) * next(c.draws)) >> 32)));
    }
  for (std::uint32_t count : counts) c.probes.push_back({{count}});
}

void choose(Chooser& c, const QConcat&) { c.random_probes(4); }
void choose(Chooser& c, const QSlice&) { c.random_probes(4); }

// The input that drives a row's sum to its largest (sign 1) or smallest (sign -1) value.
Words extreme_input(const Chooser& c, const QLinear& op, std::int32_t row, int sign) {
  Words w = c.filled(0, c.zero(0));
  for (std::int32_t k = 0; k < op.columns; ++k) {
    const int weight =
        sign *
        op.weight[static_cast<std::size_t>(row) * static_cast<std::size_t>(op.columns) + static_cast<std::size_t>(k)];
    if (weight != 0) w[static_cast<std::size_t>(k)] = word(weight > 0 ? c.in(0).high : c.in(0).low);
  }
  return w;
}

// Rows whose extremes decide the widths: of the sum, the product and the shifted product.
std::vector<std::int32_t> widest_rows(const Chooser& c, const QLinear& op) {
  const auto sum = [&](std::int32_t row, int sign) {
    std::int64_t s = op.bias[static_cast<std::size_t>(row)];
    const Words x = extreme_input(c, op, row, sign);
    for (std::int32_t k = 0; k < op.columns; ++k)
      s += op.weight[static_cast<std::size_t>(row) * static_cast<std::size_t>(op.columns) +
                     static_cast<std::size_t>(k)] *
           std::int64_t{static_cast<std::int32_t>(x[static_cast<std::size_t>(k)])};
    return s;
  };
  const Requantization& q = op.requantize;
  std::vector<std::int32_t> rows;
  for (int sign : {1, -1})
    for (int stage = 0; stage < 3; ++stage) {
      std::int32_t best = 0;
      std::int64_t most = INT64_MIN;
      for (std::int32_t r = 0; r < op.rows; ++r) {
        const std::size_t i = q.multiplier.size() > 1 ? static_cast<std::size_t>(r) : 0;
        std::int64_t v = sum(r, sign);
        const bool negative = v < 0 && !q.negative_multiplier.empty();
        if (stage >= 1) v *= negative ? q.negative_multiplier[i] : q.multiplier[i];
        if (stage >= 2) v >>= (negative ? q.negative_shift[i] : q.shift[i]) - 1;
        if (sign * v > most) most = sign * v, best = r;
      }
      rows.push_back(best);
    }
  return rows;
}

void choose(Chooser& c, const QLinear& op) {
  c.probes.push_back({c.filled(0, c.zero(0))});
  // Basis vectors: one column a probe; of a large matrix, several columns far apart share a probe.
  const std::int64_t line = op.rows + op.columns;
  const std::int64_t groups = std::clamp<std::int64_t>(most_numbers / (2 * line), 1, op.columns);
  for (std::int64_t g = 0; g < groups; ++g)
    for (std::int64_t code : {c.in(0).high, c.in(0).low}) {
      Words w = c.filled(0, c.zero(0));
      for (std::int64_t k = g; k < op.columns; k += groups) w[static_cast<std::size_t>(k)] = word(code);
      c.probes.push_back({w});
    }
  for (std::int32_t row : widest_rows(c, op))
    for (int sign : {1, -1}) c.probes.push_back({extreme_input(c, op, row, sign)});
  c.random_probes(4);
}

void choose(Chooser& c, const QTable& op) {
  const std::vector<std::int64_t> codes =
      table_codes(c.in(0), op.lowest, op.interpolation_bits, op.functions > 1 ? op.length : 2);
  for (std::size_t first = 0; first < codes.size(); first += c.length(0))
    c.probes.push_back({c.rotated(0, codes, first)});
}

void choose_pairs(Chooser& c) {
  std::vector<std::int64_t> a, b;
  for (std::int64_t x : {c.in(0).low, c.in(0).high, c.zero(0)})
    for (std::int64_t y : {c.in(1).low, c.in(1).high, c.zero(1)}) a.push_back(x), b.push_back(y);
  for (std::size_t first = 0; first < a.size(); ++first)
    c.probes.push_back({c.rotated(0, a, first), c.rotated(1, b, first)});
  c.random_probes(8);
}
void choose(Chooser& c, const QMultiply&) { choose_pairs(c); }
void choose(Chooser& c, const QAdd&) { choose_pairs(c); }
void choose(Chooser& c, const QSpread&) { choose_pairs(c); }

void choose(Chooser& c, const QRescale&) {
  for (std::int64_t q : {c.in(0).low, c.in(0).high, c.zero(0)}) c.probes.push_back({c.filled(0, q)});
  c.random_probes(8);
}

// Every code at which the factor is probed beside the ends of what moves, in turn; shifts at random.
void choose(Chooser& c, const QCoupling& op) {
  choose_pairs(c);
  if (op.factor.value.empty()) return;
  const std::vector<std::int64_t> codes =
      table_codes(c.in(1), op.factor.lowest, op.factor.interpolation_bits, op.width + 2 * op.length);
  const std::size_t length = static_cast<std::size_t>(op.length);
  for (std::size_t first = 0; first < codes.size(); first += length) {
    Words parameter = c.random_words(1), x = c.random_words(0);
    for (std::size_t i = 0; i < length; ++i) parameter[length + i] = word(codes[(first + i) % codes.size()]);
    c.probes.push_back({x, parameter});
  }
}

void choose(Chooser& c, const QFraction& op) {
  const std::vector<std::int64_t> codes = table_codes(c.in(0), op.table.lowest, op.table.interpolation_bits, 4);
  for (std::size_t first = 0; first < codes.size(); first += c.length(0))
    for (std::uint32_t energy : {~0u, next(c.draws), next(c.draws) >> 12})
      c.probes.push_back({c.rotated(0, codes, first), {energy}});
  for (std::uint32_t energy : {0u, 1u}) c.probes.push_back({c.random_words(0), {energy}});
}

void choose(Chooser& c, const QSplit& op) {
  // The first part of a group sees the whole total: there each code in turn, the smallest fraction elsewhere.
  const std::vector<std::int64_t> codes =
      table_codes(c.in(1), op.table.lowest, op.table.interpolation_bits, 2 * op.part_begin.back());
  const std::size_t groups = op.part_begin.size() - 1;
  for (std::size_t first = 0; first < codes.size(); first += groups) {
    Words logit = c.filled(1, c.in(1).low);
    for (std::size_t g = 0; g < groups; ++g)
      if (op.part_begin[g + 1] - op.part_begin[g] > 1)
        logit[op.part_begin[g] - g] = word(codes[(first + g) % codes.size()]);
    c.probes.push_back({Words(groups, first % 2 ? next(c.draws) : ~0u), logit});
  }
  for (std::uint32_t total : {0u, 1u, ~0u}) c.probes.push_back({Words(groups, total), c.random_words(1)});
  c.random_probes(8);
}

void choose(Chooser& c, const QThreshold& op) {
  const std::int64_t t = op.threshold;
  const std::vector<std::int64_t> list{
      0, 1, std::max<std::int64_t>(t - 1, 0), t, std::min<std::int64_t>(t + 1, 4294967295), 4294967295};
  for (std::size_t first = 0; first < list.size(); ++first) c.probes.push_back({c.rotated(0, list, first)});
}

// Every element differs from its neighbours.
void choose(Chooser& c, const QPermute&) {
  std::vector<std::int64_t> distinct;
  const QValue& v = c.in(0);
  for (std::int64_t q = v.low; q <= v.high && distinct.size() < c.length(0); ++q) distinct.push_back(q);
  for (std::size_t first : {std::size_t{0}, distinct.size() / 2}) c.probes.push_back({c.rotated(0, distinct, first)});
  c.random_probes(4);
}

void choose(Chooser& c, const QClamp& op) {
  const QValue& v = c.in(0);
  std::vector<std::int64_t> list;
  for (std::int64_t q : {v.low, op.low - std::int64_t{1}, std::int64_t{op.low}, op.low + std::int64_t{1},
                         op.high - std::int64_t{1}, std::int64_t{op.high}, op.high + std::int64_t{1}, v.high})
    list.push_back(std::clamp(q, v.low, v.high));
  for (std::size_t first = 0; first < list.size(); ++first) c.probes.push_back({c.rotated(0, list, first)});
  c.random_probes(4);
}

// Codes of operand k: the first two parts of a group are as far apart as each difference in turn, the others at the
// largest.
std::vector<Words> share_codes(const Chooser& c, std::size_t k, const std::vector<std::uint16_t>& part_begin,
                               const QExponential& table) {
  QValue difference = c.in(k);
  difference.high -= difference.low, difference.low = 0;
  const std::vector<std::int64_t> all = table_codes(difference, 0, table.interpolation_bits, 2 * part_begin.back());
  const std::size_t groups = part_begin.size() - 1;
  std::vector<Words> codes;
  for (std::size_t first = 0; first < all.size(); first += groups) {
    Words x = c.filled(k, c.in(k).low);
    for (std::size_t g = 0; g < groups; ++g) {
      x[part_begin[g]] = word(c.in(k).high);
      if (part_begin[g + 1] - part_begin[g] > 1)
        x[part_begin[g] + 1u] = word(c.in(k).high - all[(first + g) % all.size()]);
    }
    codes.push_back(x);
  }
  for (std::int64_t q : {c.in(k).low, c.in(k).high}) codes.push_back(c.filled(k, q));
  return codes;
}

void choose(Chooser& c, const QSoftmax& op) {
  for (const Words& x : share_codes(c, 0, op.part_begin, op.table)) c.probes.push_back({x});
  c.random_probes(8);
}

void choose(Chooser& c, const QShareSplit& op) {
  const std::size_t groups = op.part_begin.size() - 1;
  for (const Words& x : share_codes(c, 1, op.part_begin, op.table))
    c.probes.push_back({Words(groups, c.probes.size() % 2 ? next(c.draws) : ~0u), x});
  for (std::uint32_t total : {0u, 1u, ~0u}) c.probes.push_back({Words(groups, total), c.random_words(1)});
  c.random_probes(8);
}

void append_words(std::string& line, const QValue& v, const Words& words) {
  for (std::uint32_t w : words) {
    if (!line.empty()) line += ' ';
    line += v.meaning == Meaning::code ? std::to_string(static_cast<std::int32_t>(w)) : std::to_string(w);
  }
}

std::string kind(const QValue& v) {
  const std::string count = std::to_string(v.length) + " of " + v.name + ", ";
  if (v.meaning != Meaning::code) return count + "32-bit unsigned";
  return count + std::to_string(v.bits) + (v.is_signed ? "-bit signed" : "-bit unsigned");
}

}  // namespace

std::vector<std::vector<Words>> probe_inputs(const Program& p, const QNode& node) {
  Chooser c{p, node};
  std::visit([&](const auto& op) { choose(c, op); }, node.op);
  if (node.inputs.size() == 2 && node.inputs[0] == node.inputs[1])
    for (std::vector<Words>& probe : c.probes) probe[1] = probe[0];
  return c.probes;
}

std::string probe_text(const Program& p, const QNode& node, const std::vector<std::vector<Words>>& probes) {
  std::string text = "# Probes of layer " + node.name + ", one a line:";
  for (ValueId v : node.inputs) text += " " + kind(p.values[index(v)]) + ";";
  const QValue& out = p.values[index(node.output)];
  text += " then its outputs: " + kind(out) + "\n";
  for (const std::vector<Words>& probe : probes) {
    std::string line;
    for (std::size_t i = 0; i < probe.size(); ++i) append_words(line, p.values[index(node.inputs[i])], probe[i]);
    append_words(line, out, run_layer(p, node, probe));
    text += line + "\n";
  }
  return text;
}

std::vector<GoldenEvent> golden_events(const Program& p) {
  std::int64_t elements = 1;
  for (const QValue& v : p.values) elements += v.length;
  const std::uint64_t count = static_cast<std::uint64_t>(std::clamp<std::int64_t>(2 * most_numbers / elements, 2, 32));
  std::vector<GoldenEvent> events;
  for (std::uint64_t e = 0; e < count; ++e)
    events.push_back(e % 2 == 0 ? GoldenEvent{1, e} : GoldenEvent{e * 0x9e3779b97f4a7c15u, e * 0xd1b54a32d192ed03u});
  return events;
}

std::vector<std::string> golden_texts(const Program& p, const std::vector<GoldenEvent>& events) {
  std::vector<std::string> texts;
  for (const QValue& v : p.values) texts.push_back("# One event a line: " + kind(v) + "\n");
  for (const GoldenEvent& e : events) {
    const std::vector<Words> values = run_values(p, example_inputs(p, e.seed, e.index));
    for (std::size_t v = 0; v < values.size(); ++v) {
      std::string line;
      append_words(line, p.values[v], values[v]);
      texts[v] += line + "\n";
    }
  }
  return texts;
}

}  // namespace quench
