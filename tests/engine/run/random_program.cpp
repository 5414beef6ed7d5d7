// Builds random programs by hand; the values mean nothing, the arithmetic is everything.
// SPDX-License-Identifier: MIT
#include "tests/engine/run/random_program.h"

#include <algorithm>
#include <cmath>
#include <random>

namespace quench {
namespace {

struct Builder {
  std::mt19937_64 random;
  Program p;
  double affine_layers = 0.25;  // of those with fewer than 16 bits

  int between(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); }
  bool chance(double probability) { return std::uniform_real_distribution<double>(0, 1)(random) < probability; }

  ValueId input(const std::string& name, Meaning meaning, int length) {
    p.values.push_back({name, meaning, length, 32, false, 1, 0, 0, 4294967295});
    p.inputs.push_back(ValueId{static_cast<std::uint32_t>(p.values.size() - 1)});
    return p.inputs.back();
  }
  const QValue& value(ValueId v) const { return p.values[index(v)]; }

  static QValue code(const std::string& name, int length, int bits, bool is_signed) {
    const std::int64_t high = (std::int64_t{1} << (bits - is_signed)) - 1;
    return {name, Meaning::code, length, bits, is_signed, 1.0 / 32, 0, is_signed ? -high - 1 : 0, high};
  }
  static QValue energy(const std::string& name, int length) {
    return {name, Meaning::energy, length, 32, false, 1, 0, 0, 4294967295};
  }

  ValueId add(const std::string& name, QOp op, std::vector<ValueId> inputs, QValue out) {
    out.name = name + "_out";
    return append(p, {name, std::move(op), std::move(inputs), {}}, out);
  }

  // Weights of which `sparsity` are zero, in some layers affine ones; factors that spread the sums over the output's
  // range.
  ValueId linear(const std::string& name, ValueId x, QValue out, double sparsity, int bits, const std::string& kind,
                 bool per_row, bool leaky) {
    QLinear op;
    op.rows = out.length, op.columns = value(x).length, op.weight_bits = bits;
    op.weight_scale = {1.0};
    const int most = (1 << (bits - 1)) - 1;
    if (affine_layers > 0 && bits < 16 && chance(affine_layers)) op.weight_zero = {between(0, 2 * most + 1)};
    const Interval range = code_range(op, 0);
    for (int i = 0; i < op.rows * op.columns; ++i)
      op.weight.push_back(static_cast<std::int16_t>(
          chance(sparsity) ? 0 : between(static_cast<int>(range.low), static_cast<int>(range.high))));
    for (int r = 0; r < op.rows; ++r) op.bias.push_back(between(-20000, 20000));
    const double spread =
        most * 0.6 * static_cast<double>(value(x).high) * std::sqrt(op.columns * (1 - sparsity) + 1) * 0.6;
    Requantization& q = op.requantize;
    q.kind = kind;
    for (int r = 0; r < (per_row ? op.rows : 1); ++r) {
      double factor = static_cast<double>(out.high) / spread * (0.5 + between(0, 100) / 100.0);
      if (kind == "shift") factor = std::exp2(std::floor(std::log2(factor)));
      const Factor f = closest_factor(factor, kind, name),
                   g = closest_factor(kind == "shift" ? factor / 4 : factor * 0.2, kind, name);
      q.multiplier.push_back(f.multiplier), q.shift.push_back(f.shift);
      if (leaky) q.negative_multiplier.push_back(g.multiplier), q.negative_shift.push_back(g.shift);
    }
    q.zero = out.zero;
    q.low = static_cast<std::int32_t>(out.low), q.high = static_cast<std::int32_t>(out.high);
    const Interval proof = accumulator_interval(op, value(x).low, value(x).high);
    op.accumulator_low = proof.low, op.accumulator_high = proof.high;
    return add(name, op, {x}, out);
  }

  ValueId permute(const std::string& name, ValueId x) {
    QPermute op;
    for (int j = 0; j < value(x).length; ++j) op.order.push_back(j);
    for (int j = value(x).length - 1; j > 0; --j)
      std::swap(op.order[static_cast<std::size_t>(j)], op.order[static_cast<std::size_t>(between(0, j))]);
    return add(name, op, {x}, value(x));
  }

  ValueId limit(const std::string& name, ValueId x) {
    QValue out = value(x);
    out.low = between(-90, -20), out.high = between(20, 90);
    return add(name, QClamp{out.length, static_cast<std::int32_t>(out.low), static_cast<std::int32_t>(out.high)}, {x},
               out);
  }

  ValueId softmax(const std::string& name, ValueId x, int bits) {
    Softmax op;
    for (int left = value(x).length; left > 0; left -= op.group_sizes.back())
      op.group_sizes.push_back(between(1, std::min(left, 6)));
    const QValue out = code(name, value(x).length, bits, false);
    return add(name,
               quantize_softmax(op, between(1, 100) / 500.0, static_cast<std::int32_t>(value(x).high - value(x).low),
                                static_cast<std::int32_t>(out.high)),
               {x}, out);
  }

  // Every energy among 1 to 3 parts, by logits that a layer makes of x.
  ValueId shared(const std::string& name, ValueId energies, ValueId x) {
    std::vector<int> sizes;
    for (int g = 0; g < value(energies).length; ++g) sizes.push_back(between(1, 3));
    const std::vector<std::uint16_t> begin = part_begins(sizes, name);
    const ValueId logits = linear(name + "_logits", x, code("n", begin.back(), 16, true), 0.2, 8, "wide", true, false);
    return add(name, QShareSplit{begin, tabulate_exponential(between(1, 100) / 1e5, 65535, 1.5)}, {energies, logits},
               energy("cells", begin.back()));
  }

  // x and as many of the latents, with a factor for each column.
  ValueId spread(const std::string& name, ValueId x, ValueId latents) {
    QValue part = value(latents);
    part.length = value(x).length;
    const ValueId noise =
        add(name + "_noise", QSlice{value(latents).length - part.length, part.length}, {latents}, part);
    QValue out = code(name, part.length, 12, true);
    out.zero = between(-20, 20);
    const int most = chance(0.5) ? 127 : 32767;
    QSpread op{value(x).zero, between(500, 1500), 0, {}, 14, out.zero, -2048, 2047};
    for (int j = 0; j < part.length; ++j) op.multiplier_b.push_back(static_cast<std::int16_t>(between(-most, most)));
    return add(name, op, {x, noise}, out);
  }

  // Of one scale, or of one and an offset for each column.
  ValueId rescale(const std::string& name, ValueId x, QValue out, double factor, bool by_column) {
    QRescale op;
    op.length = out.length;
    for (int j = 0; j < (by_column ? out.length : 1); ++j) {
      const Factor f = closest_factor(by_column ? factor * between(50, 150) / 100.0 : factor, "wide", name);
      op.requantize.multiplier.push_back(f.multiplier), op.requantize.shift.push_back(f.shift);
      if (by_column) op.offset.push_back(between(-100000, 100000));
    }
    op.requantize.low = static_cast<std::int32_t>(out.low), op.requantize.high = static_cast<std::int32_t>(out.high);
    return add(name, op, {x}, out);
  }

  // Some columns move as those behind them say through a Linear.
  ValueId coupling(const std::string& name, ValueId x, bool affine, bool inverse) {
    const int width = value(x).length, begin = between(0, width - 2), length = between(1, width - 1 - begin);
    QValue part = value(x);
    part.length = width - begin - length;
    const ValueId seen = add(name + "_seen", QSlice{begin + length, part.length}, {x}, part);
    const ValueId narrow = rescale(name + "_narrow", seen, code("n", part.length, 8, true), std::exp2(-14), false);
    const QValue parameters = code("p", affine ? 2 * length : length, chance(0.5) ? 12 : 16, true);
    const ValueId p = linear(name + "_parameters", narrow, parameters, 0.3, 4, "wide", true, false);
    const auto low = static_cast<std::int32_t>(parameters.low), high = static_cast<std::int32_t>(parameters.high);
    QCoupling op;
    op.width = width, op.begin = begin, op.length = length, op.inverse = inverse;
    op.shift = static_cast<std::uint8_t>(between(0, 5)), op.unit = static_cast<std::uint8_t>(between(20, 28));
    if (affine) op.factor = tabulate_factor(3.0 / static_cast<double>(high), low, high, op.unit);
    op.error = round_trip_error(op, low, high);
    op.low = -between(1 << 21, 1 << 23), op.high = between(1 << 21, (1 << 23) - 1);
    return add(name, op, {x, p}, code("w", width, 24, true));
  }

  // Codes of the latents' format that couplings of both kinds have moved in both directions.
  ValueId flow(ValueId latents) {
    const QValue in = value(latents), wide = code("w", in.length, 24, true);
    const double up = std::exp2(22 - in.bits);
    ValueId x = rescale("flow_in", latents, wide, up, false);
    x = coupling("shift_up", x, false, false);
    x = permute("flow_order", coupling("scale_down", x, true, true));
    x = rescale("flow_norm", coupling("scale_up", x, true, false), wide, 1, true);
    return rescale("flow_out", coupling("shift_down", x, false, true), in, 1 / up, false);
  }

  ValueId condition(const std::string& name, ValueId energy_in, int bits) {
    const QValue out = code(name, 1, bits, true);
    const double scale = 1.3 / static_cast<double>(out.high);
    return add(name,
               quantize_log_energy({10000.0}, p.energy_unit_mev, scale, static_cast<std::int32_t>(out.low),
                                   static_cast<std::int32_t>(out.high)),
               {energy_in}, out);
  }

  ValueId table(const std::string& name, ValueId x, QValue out, double tolerance) {
    const double in_scale = 4.0 / static_cast<double>(value(x).high), out_high = static_cast<double>(out.high);
    return add(name,
               tabulate("tanh", out.length, 1, static_cast<std::int32_t>(value(x).low),
                        static_cast<std::int32_t>(value(x).high), static_cast<std::int32_t>(out.low),
                        static_cast<std::int32_t>(out.high), {tolerance},
                        [=](int, std::int32_t q) { return std::tanh(q * in_scale) * out_high; }),
               {x}, out);
  }

  ValueId curves(const std::string& name, ValueId x, QValue out, double height) {
    const double in_scale = 1.3 / static_cast<double>(value(x).high);
    std::vector<double> a, b;
    for (int i = 0; i < out.length; ++i)
      a.push_back(between(-100, 100) / 200.0), b.push_back(between(-100, 100) / 200.0);
    return add(name,
               tabulate("curves", out.length, out.length, static_cast<std::int32_t>(value(x).low),
                        static_cast<std::int32_t>(value(x).high), static_cast<std::int32_t>(out.low),
                        static_cast<std::int32_t>(out.high), std::vector<double>(a.size(), 20),
                        [=](int i, std::int32_t q) {
                          const double c = q * in_scale;
                          return (a[static_cast<std::size_t>(i)] * c + b[static_cast<std::size_t>(i)] * c * c) * height;
                        }),
               {x}, out);
  }
};

}  // namespace

Program random_program(std::uint64_t seed) {
  Builder b{std::mt19937_64(seed), {}};
  b.p.name = "random" + std::to_string(seed);
  b.p.minimum_energy_mev = 1000, b.p.maximum_energy_mev = 100000;
  const ValueId event = b.input("event", Meaning::event, 4), energy = b.input("energy", Meaning::energy, 1);

  const int latent = b.between(3, 40), bits = b.chance(0.5) ? 8 : b.between(9, 12);
  QNoise noise = normal_noise(latent, bits);
  noise.lanes = b.between(1, 3);
  const ValueId z = b.add("latent", noise, {event}, Builder::code("latent", latent, bits, true));
  const ValueId c = b.condition("condition", energy, bits);
  const ValueId wide_c = b.condition("fine_condition", energy, 16);
  const ValueId x = b.add("join", QConcat{latent, 1}, {b.flow(z), c}, Builder::code("x", latent + 1, bits, true));

  const char* kinds[] = {"wide", "narrow", "shift"};
  QValue hidden1 = Builder::code("h", b.between(5, 30), 8, false);
  const ValueId h1 = b.linear("hidden1", x, hidden1, 0.8, b.between(2, 8), kinds[seed % 3], b.chance(0.7), false);
  QValue hidden2 = Builder::code("h", b.between(5, 30), 8, b.chance(0.5));  // unsigned: affine codes
  hidden2.zero = hidden2.is_signed ? b.between(-20, 20) : b.between(0, 200);
  const ValueId h2 = b.linear("hidden2", h1, hidden2, 0.3, 8, kinds[(seed + 1) % 3], b.chance(0.5), true);
  QValue centre = Builder::code("c", b.between(2, latent), 16, true);
  centre.zero = b.between(-20, 20);
  const ValueId drawn = b.spread("drawn", b.linear("centre", h2, centre, 0.3, 8, "wide", true, false), z);
  const ValueId h3 = b.linear("hidden3", drawn, Builder::code("h", b.between(9, 20), 12, true), 0.95, b.between(9, 16),
                              "wide", true, false);
  const ValueId t1 = b.table("squash", h3, Builder::code("t", b.value(h3).length, 8, true), 0);
  const ValueId mixed = b.permute("mixed", t1);
  const ValueId limited = b.limit("limited", mixed);
  const ValueId shares = b.softmax("shares", limited, b.chance(0.5) ? 8 : 12);
  const double weight = 127.0 / (90.0 * static_cast<double>(b.value(shares).high) / 4);
  const Factor factor = closest_factor(weight, "wide", "weighted");
  const int width = b.value(limited).length;
  const ValueId weighted = b.add("weighted", QMultiply{width, factor.multiplier, factor.shift, -128, 127},
                                 {limited, shares}, Builder::code("w", width, 8, true));
  const ValueId h4 =
      b.linear("hidden4", weighted, Builder::code("h", b.between(9, 20), 16, true), 0.1, 8, "narrow", true, false);
  const ValueId t2 = b.table("bend", h4, Builder::code("t", b.value(h4).length, 16, true), 3);

  const int groups = b.between(2, 4);
  QSplit split;
  split.part_begin = {0};
  for (int g = 0; g < groups; ++g)
    split.part_begin.push_back(static_cast<std::uint16_t>(split.part_begin.back() + b.between(1, 6)));
  const int voxels = split.part_begin.back(), numbers = std::max(voxels - groups, 1) + groups;
  const ValueId core = b.linear("core", t2, Builder::code("n", numbers, 16, true), 0.2, 8, "wide", true, false);
  const ValueId sigma = b.curves("deviation", wide_c, Builder::code("s", numbers, 16, true), 20000);
  const ValueId mu = b.curves("mean", wide_c, Builder::code("m", numbers, 16, true), 20000);
  const ValueId scaled = b.add("scaled", QMultiply{numbers, 1518500250, 45, -32768, 32767}, {core, sigma},
                               Builder::code("v", numbers, 16, true));
  const ValueId shifted = b.add("shifted", QAdd{numbers, 0, 5000, 0, 4000, 13, 0, -32768, 32767}, {scaled, mu},
                                Builder::code("v", numbers, 16, true));
  const ValueId total_code = b.add("total_code", QSlice{0, 1}, {shifted}, Builder::code("v", 1, 16, true));
  const ValueId part_codes =
      b.add("part_codes", QSlice{groups, numbers - groups}, {shifted}, Builder::code("v", numbers - groups, 16, true));
  const auto logistic = [](std::int32_t q) { return 4294967296.0 / (1 + std::exp(-q / 4096.0)); };
  const ValueId total =
      b.add("total",
            QFraction{1, 30,
                      tabulate_fraction("exp", -32768, 32767, 1e-4,
                                        [](std::int32_t q) { return std::exp(q / 32768.0) * 1073741824.0; })},
            {total_code, energy}, Builder::energy("total", 1));
  QSplit layers;
  layers.part_begin = {0, static_cast<std::uint16_t>(groups)};
  layers.table = split.table = tabulate_fraction("logistic", -32768, 32767, 1e-3, logistic);
  const ValueId layer_codes =
      b.add("layer_codes", QSlice{1, groups - 1}, {shifted}, Builder::code("v", groups - 1, 16, true));
  const ValueId layer_energy = b.add("layer_energy", layers, {total, layer_codes}, Builder::energy("layer", groups));
  const ValueId parts = b.add("parts", split, {layer_energy, part_codes}, Builder::energy("parts", voxels));
  const ValueId ordered = b.permute("ordered", parts);
  const ValueId cells = b.shared("cells", ordered, t2);
  const int width_out = b.value(cells).length;
  b.p.output = b.add("readout", QThreshold{width_out, 5120}, {cells}, Builder::energy("voxels", width_out));
  check(b.p);
  return b.p;
}

Program random_generator(std::uint64_t seed, int latent, const std::vector<int>& hidden, int voxels, double sparsity,
                         int weight_bits) {
  Builder b{std::mt19937_64(seed), {}, 0};
  b.p.name = "generator";
  b.p.minimum_energy_mev = 1000, b.p.maximum_energy_mev = 100000;
  const ValueId event = b.input("event", Meaning::event, 4), energy = b.input("energy", Meaning::energy, 1);
  ValueId x = b.add("latent", normal_noise(latent - 1), {event}, Builder::code("latent", latent - 1, 8, true));
  const ValueId c = b.condition("condition", energy, 8);
  x = b.add("join", QConcat{latent - 1, 1}, {x, c}, Builder::code("x", latent, 8, true));
  for (std::size_t i = 0; i < hidden.size(); ++i)
    x = b.linear("hidden" + std::to_string(i + 1), x, Builder::code("h", hidden[i], 8, false), sparsity, weight_bits,
                 "wide", true, false);
  x = b.linear("logits", x, Builder::code("n", voxels, 16, true), sparsity, weight_bits, "wide", true, false);
  b.p.output =
      b.add("voxels",
            QFraction{voxels, 32,
                      tabulate_fraction("logistic", -32768, 32767, 1e-3,
                                        [](std::int32_t q) { return 4294967296.0 / (1 + std::exp(-q / 4096.0)); })},
            {x, energy}, Builder::energy("voxels", voxels));
  check(b.p);
  return b.p;
}

}  // namespace quench
