// Flows in integers: one direction undoes the other, and both follow the float flow.
// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "engine/compress/prune.h"
#include "engine/compress/quantize.h"
#include "engine/core/error.h"
#include "engine/model/forward.h"
#include "engine/run/run.h"
#include "engine/train/flow.h"
#include "tests/engine/model/gradient_check.h"

using namespace quench;

namespace {

constexpr int width = 6, events = 1000;

// A flow far from the identity, half of its weights 0.
Model bent_flow(CouplingKind kind, bool act_norm = false) {
  FlowSettings s;
  s.coupling = kind, s.couplings = 6, s.hidden = {16, 16}, s.act_norm = act_norm;
  const LogEnergy condition{1000};
  Model m = flow_density(s, width, &condition);
  m.facts = {"normal", "", 100, 10000};
  std::uint32_t k = 100;
  for_each_parameter(m, [&](std::size_t, const std::string& name, Tensor& t) {
    const bool last = name.find("parameters") != std::string::npos;
    t = random_tensor(t.shape, k++, last ? -0.3f : -0.5f, last ? 0.3f : 0.5f);
  });
  return prune(m, 0.5, PruneScope::layer);
}

// Of both directions: standardised numbers or latents, and energies in MeV.
std::vector<Tensor> given(const Tensor& numbers, const Tensor& energies) { return {numbers, energies}; }

Tensor energies() {
  Tensor e = zeros({events, 1});
  for (int i = 0; i < events; ++i) e.data[static_cast<std::size_t>(i)] = 100.0f * std::pow(100.0f, i / 999.0f);
  return e;
}

Tensor latents(std::uint64_t first) { return sample_latent(normal_noise(width), 5, first, events); }

// The chain of a density direction without its end: latents, as the float model and the integers call them.
Model without_density(Model density) {
  density.outputs = {density.nodes.back().inputs[0]};
  density.nodes.pop_back(), density.values.pop_back();
  return density;
}

// The sampling direction that takes wide codes instead of drawing them, and the density direction with its formats.
struct Directions {
  Model float_sampling;
  Quantized sampling, density;
  const Program& p() const { return sampling.program; }
};

Directions directions(const Model& density, const QuantizeSettings& s) {
  Directions d{flow_sampling(density), {}, {}};
  Model open = d.float_sampling;
  open.inputs[0].kind = InputKind::features;
  const std::vector<Tensor> inputs = given(latents(0), energies());
  d.sampling = quantize_with_places(open, calibrate(open, inputs, 1), s);
  const Model chain = without_density(density);
  const std::vector<Tensor> back = given(infer(d.float_sampling, inputs), energies());
  d.density = quantize_with_places(chain, calibrate(chain, back, 1), formats_of(open, d.sampling, s));
  return d;
}

const QValue& output(const Program& p) { return p.values[index(p.output)]; }

std::int32_t code(const Words& w, int j) { return static_cast<std::int32_t>(w[static_cast<std::size_t>(j)]); }

Words words(const std::vector<std::int32_t>& codes) { return {codes.begin(), codes.end()}; }

// What the networks of all couplings look at, by the name of the value.
Words all_seen(const Program& p, const std::vector<Words>& values, const Program& names) {
  Words seen;
  for (const QValue& v : names.values)
    if (v.name.find("_narrow_out") != std::string::npos)
      for (std::size_t i = 0; i < p.values.size(); ++i)
        if (p.values[i].name == v.name) seen.insert(seen.end(), values[i].begin(), values[i].end());
  return seen;
}

// Latents of all kinds as wide codes of the sampling program: its corners, and anything between.
std::vector<std::vector<std::int32_t>> wide_latents(double scale) {
  const auto most = static_cast<std::int32_t>(5.3 / scale);
  std::mt19937 random(7);
  std::uniform_int_distribution<std::int32_t> any(-most, most);
  std::vector<std::vector<std::int32_t>> all;
  for (int corner = 0; corner < 1 << width; ++corner) {
    all.emplace_back();
    for (int j = 0; j < width; ++j) all.back().push_back(corner >> j & 1 ? most : -most);
  }
  for (int i = 0; i < 1000; ++i) {
    all.emplace_back();
    for (int j = 0; j < width; ++j) all.back().push_back(any(random));
  }
  return all;
}

QuantizeSettings bits(int weights, int activations) {
  QuantizeSettings s;
  s.bits = weights, s.activation_bits = activations;
  return s;
}

// Root mean square difference over the root mean square of `exact`.
double relative_error(const Tensor& exact, const Tensor& got) {
  double difference = 0, square = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    const double a = exact.data[i], b = got.data[i];
    difference += (a - b) * (a - b), square += a * a;
  }
  return std::sqrt(difference / square);
}

// Real outputs of a program for wide inputs of its first input's scale.
Tensor outputs(const Program& p, const Tensor& numbers, const Tensor& mev) {
  const QValue& in = p.values[index(p.inputs[0])];
  const QValue& out = output(p);
  Tensor y = zeros({numbers.rows(), out.length});
  for (int i = 0; i < numbers.rows(); ++i) {
    std::vector<std::int32_t> x;
    for (int j = 0; j < width; ++j)
      x.push_back(static_cast<std::int32_t>(std::floor(static_cast<double>(numbers.row(i)[j]) / in.scale + 0.5)));
    const Words codes =
        run_values(p, {words(x), {energy_count(p, static_cast<double>(mev.row(i)[0]))}})[index(p.output)];
    for (int j = 0; j < out.length; ++j) y.row(i)[j] = static_cast<float>(code(codes, j) * out.scale);
  }
  return y;
}

}  // namespace

TEST_CASE("additive couplings of 4-bit sparse networks: the density direction undoes sampling exactly") {
  const Directions d = directions(bent_flow(CouplingKind::additive), bits(4, 4));
  REQUIRE(output(d.density.program).scale == output(d.p()).scale);
  int moved = 0;
  for (const std::vector<std::int32_t>& z : wide_latents(output(d.p()).scale)) {
    const Words energy{1000000u + static_cast<std::uint32_t>(z[0] & 0xfffff)};
    const Words x = run_values(d.p(), {words(z), energy})[index(d.p().output)];
    REQUIRE(run_values(d.density.program, {x, energy})[index(d.density.program.output)] == words(z));
    moved += x != words(z);
  }
  CHECK(moved > 1000);
  for (const Program* p : {&d.p(), &d.density.program})
    for (const QNode& node : p->nodes)
      if (const auto* op = std::get_if<QCoupling>(&node.op)) CHECK(op->error == 0);
}

TEST_CASE("additive couplings: latents that the program draws come back") {
  const Model density = bent_flow(CouplingKind::additive), sampling = flow_sampling(density);
  const std::vector<Tensor> inputs = given(latents(0), energies());
  const Quantized q = quantize_with_places(sampling, calibrate(sampling, inputs, 1), bits(4, 8));
  const Model chain = without_density(density);
  const Program back = quantize(chain, calibrate(chain, given(infer(sampling, inputs), energies()), 1),
                                formats_of(sampling, q, bits(4, 8)));
  const ValueId latent = q.values.at(index(sampling.inputs[0].value)).value;
  for (std::uint64_t event = 0; event < 500; ++event) {
    const Words energy{static_cast<std::uint32_t>(200000 + 9000 * event)};
    const std::vector<Words> values = run_values(q.program, {event_words(3, event), energy});
    REQUIRE(run_values(back, {values[index(q.program.output)], energy})[index(back.output)] == values[index(latent)]);
  }
}

TEST_CASE("one affine coupling comes back to within the error that the program states, which is reached") {
  const Directions d = directions(bent_flow(CouplingKind::affine), bits(8, 8));
  std::mt19937 random(11);
  for (const Program* p : {&d.p(), &d.density.program})
    for (const QNode& node : p->nodes) {
      const auto* op = std::get_if<QCoupling>(&node.op);
      if (!op) continue;
      const QValue &x = p->values[index(node.inputs[0])], &parameter = p->values[index(node.inputs[1])];
      QCoupling turned = *op;
      turned.inverse = !op->inverse;
      turned.low = -8388608, turned.high = 8388607;
      std::uniform_int_distribution<std::int32_t> any_x(-500000, 500000),
          any_parameter(static_cast<std::int32_t>(parameter.low), static_cast<std::int32_t>(parameter.high));
      std::int64_t worst = 0;
      for (int i = 0; i < 3000; ++i) {
        std::vector<std::int32_t> from, moves, there(width), back(width);
        for (int j = 0; j < x.length; ++j) from.push_back(any_x(random));
        for (int j = 0; j < parameter.length; ++j) moves.push_back(any_parameter(random));
        for (int j = op->length; i % 10 == 0 && j < parameter.length; ++j)  // the ends of the log-scales, too
          moves[static_cast<std::size_t>(j)] = static_cast<std::int32_t>(i % 20 ? parameter.low : parameter.high);
        run(view(*op), from.data(), moves.data(), there.data());
        run(view(turned), there.data(), moves.data(), back.data());
        for (std::size_t j = 0; j < width; ++j)
          worst = std::max<std::int64_t>(worst, std::abs(std::int64_t{back[j]} - from[j]));
      }
      INFO(node.name, ": ", worst, " of ", op->error);
      CHECK(worst <= op->error);
      CHECK(10 * worst >= op->error);
      CHECK(op->error >= 1);
      CHECK(op->error <= 4);  // half a code by e^2, and half a code
    }
}

TEST_CASE("a chain of affine couplings comes back to within the sum of its errors where its networks see the same") {
  for (bool act_norm : {false, true}) {
    const Directions d = directions(bent_flow(CouplingKind::affine, act_norm), bits(8, 8));
    double bound = 0;  // of all columns: an error grows by the largest 1 / g, then the next coupling adds its own
    for (const QNode& node : d.density.program.nodes) {
      if (const auto* op = std::get_if<QRescale>(&node.op); op && !op->offset.empty()) {
        double factor = 0, smallest = 1e9;
        for (std::size_t j = 0; j < op->requantize.multiplier.size(); ++j) {
          const double f = std::ldexp(op->requantize.multiplier[j], -op->requantize.shift[j]);
          factor = std::max(factor, f), smallest = std::min(smallest, f);
        }
        bound = bound * factor + 1.5 + 1.5 * factor;  // roundings of the way there, of both offsets and of the way back
      }
      const auto* op = std::get_if<QCoupling>(&node.op);
      if (!op) continue;
      const QValue& parameter = d.density.program.values[index(node.inputs[1])];
      const FactorRange g =
          factor_range(*op, static_cast<std::int32_t>(parameter.low), static_cast<std::int32_t>(parameter.high));
      const double grows = std::max(1.0, std::exp2(op->unit) / g.low);
      bound = bound * grows + 0.5 * grows + 0.5;
    }
    int same = 0, all = 0;
    double worst = 0;
    for (int i = 0; i < events; ++i) {
      const Tensor latent = latents(7000 + static_cast<std::uint64_t>(i));
      std::vector<std::int32_t> z;
      for (int j = 0; j < width; ++j)
        z.push_back(static_cast<std::int32_t>(static_cast<double>(latent.row(0)[j]) / output(d.p()).scale + (j << 5)));
      const Words energy{static_cast<std::uint32_t>(200000 + 9000 * i)};
      const std::vector<Words> there = run_values(d.p(), {words(z), energy});
      const std::vector<Words> back = run_values(d.density.program, {there[index(d.p().output)], energy});
      ++all;
      if (all_seen(d.p(), there, d.p()) != all_seen(d.density.program, back, d.p())) continue;
      ++same;
      for (int j = 0; j < width; ++j)
        worst = std::max(worst, std::fabs(static_cast<double>(code(back[index(d.density.program.output)], j)) -
                                          z[static_cast<std::size_t>(j)]));
    }
    INFO("ActNorm ", act_norm, ": worst ", worst, " of ", bound, ", ", same, " of ", all, " see the same");
    CHECK(same > 0.95 * all);
    CHECK(worst <= bound);
    CHECK(worst >= 1);
  }
}

TEST_CASE("sampling in integers follows the float flow, the more bits the closer") {
  for (CouplingKind kind : {CouplingKind::additive, CouplingKind::affine}) {
    double before = 1;
    for (int n : {6, 8, 12}) {
      const Directions d = directions(bent_flow(kind, kind == CouplingKind::affine), bits(n, n));
      const Tensor z = latents(0), mev = energies();  // those of the calibration: nothing is clipped
      const double error = relative_error(infer(d.float_sampling, given(z, mev)), outputs(d.p(), z, mev));
      INFO(std::string(coupling_name(kind)), ", ", n, " bits: ", error);
      CHECK(error < (n == 6 ? 0.1 : n == 8 ? 0.03 : 0.003));
      CHECK(error < before);
      before = error;
    }
  }
}

TEST_CASE("a coupling's parameters have the output bits of their own layer") {
  const Model density = bent_flow(CouplingKind::affine);
  QuantizeSettings s = bits(8, 8);
  const auto parameter_bits = [&] {
    std::vector<int> found;
    const Program p = directions(density, s).sampling.program;
    for (const QNode& node : p.nodes)
      if (node.name.find("parameters") != std::string::npos) found.push_back(p.values[index(node.output)].bits);
    return found;
  };
  CHECK(parameter_bits() == std::vector<int>(6, 16));
  for (const Node& node : density.nodes)
    if (node.name.find("parameters") != std::string::npos) {
      s.layers[node.name].activation_bits = 9;
      break;
    }
  const std::vector<int> own = parameter_bits();
  CHECK(std::count(own.begin(), own.end(), 9) == 1);
  CHECK(std::count(own.begin(), own.end(), 16) == 5);
}

TEST_CASE("the density direction ends in the log density") {
  for (CouplingKind kind : {CouplingKind::additive, CouplingKind::affine}) {
    const Model density = bent_flow(kind, true), sampling = flow_sampling(density);
    const Tensor mev = energies(), x = infer(sampling, given(latents(0), mev));
    const Program p = quantize(density, calibrate(density, given(x, mev), 1), bits(12, 12));
    CHECK(output(p).length == 1);
    const Tensor exact = infer(density, given(x, mev)), got = outputs(p, x, mev);
    double mean = 0, worst = 0;
    for (std::size_t i = 0; i < exact.size(); ++i) {
      const double difference = std::fabs(static_cast<double>(exact.data[i]) - static_cast<double>(got.data[i]));
      mean += difference / events, worst = std::max(worst, difference);
    }
    INFO(std::string(coupling_name(kind)), ": mean ", mean, ", largest ", worst, " nats");
    CHECK(mean < 0.02);
    CHECK(worst < 0.3);
    CHECK(read_program(program_text(p), "p") == p);
  }
}

TEST_CASE("what stays in float only is refused by name") {
  const auto refused = [](const Model& density, const QuantizeSettings& s, const char* reason) {
    CHECK_THROWS_WITH_AS(directions(density, s), doctest::Contains(reason), Error);
  };
  refused(bent_flow(CouplingKind::spline), {}, "is a spline coupling, which runs in float only");
  QuantizeSettings s;
  s.power_of_two = true;
  refused(bent_flow(CouplingKind::affine), s, "flows need free scales");
  s = {};
  s.fixed_width = 16, s.fixed_integer = 6;
  refused(bent_flow(CouplingKind::additive), s, "flows need free scales");
}
