// What decoders end in, quantised: softmax, softmax split and output noise, against the float model.
// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/core/error.h"
#include "tests/engine/compress/layer_outcome.h"

using namespace quench;

namespace {

// Four latents, a Linear, and the split of its outputs.
Model heads(const Linear& fc, const SoftmaxSplit& split) {
  Model m;
  m.name = "heads";
  m.facts.minimum_energy_mev = 1000, m.facts.maximum_energy_mev = 50000;
  const Value z = add_input(m, "z", 4, InputKind::latent), e = add_input(m, "e", 1, InputKind::incident_energy);
  const Value h = append(m, "fc", fc, {z}, fc.weight.rows());
  m.outputs = {
      append(m, "split", split, {h, e}, std::accumulate(split.layer_voxels.begin(), split.layer_voxels.end(), 0))};
  return m;
}

}  // namespace

TEST_CASE("softmax: parts sum to the whole exactly, and follow the float model") {
  for (int kind = 0; kind < 6; ++kind) {
    INFO("settings ", kind);
    QuantizeSettings s;
    if (kind == 1) s.power_of_two = true;
    if (kind == 2) s.activation_bits = 12;
    if (kind == 3) s.activation_bits = s.output_bits = 16;
    if (kind == 4) s.fixed_width = 16, s.fixed_integer = 5;
    if (kind == 5) s.fixed_width = 16, s.fixed_integer = 1;
    const Outcome o = quantized(alone(Softmax{{7, 1, 4}}, 12), s, 4.0f);
    const auto& op = std::get<QSoftmax>(o.program.nodes[0].op);
    const QValue& out = o.program.values[index(o.program.output)];
    const double whole = op.whole * out.scale;
    CHECK(whole == doctest::Approx(1).epsilon(kind == 5 ? 1e-4 : 1e-12));  // <16, 1> ends just below 1
    for (int i = 0; i < layer_events; ++i)
      for (int g : {0, 7, 8}) {
        double sum = 0;
        for (int j = g; j < (g == 0 ? 7 : g == 7 ? 8 : 12); ++j) sum += static_cast<double>(o.got.row(i)[j]);
        REQUIRE(sum == doctest::Approx(whole).epsilon(1e-6));
      }
    // A difference of floors is off by one at most; the table's error counts for the part itself and, in the sum, for
    // each of at most 7 members.
    const double table = 8 * op.table.maximum_error / 32768 * op.whole;
    CHECK(o.worst_codes <= 1.01 + table);
    CHECK(op.table.maximum_error <= std::max(1.5, 4096.0 / op.whole));
  }
}

TEST_CASE("softmax split: voxels follow the float model, and only energies are split") {
  const Model m = heads(random_linear(4, 1 + 3 + 9, 2), SoftmaxSplit{{5, 1, 3}, 1.6});
  const Tensor energies = log_uniform_energies(m.facts, 3, 0, 200);
  const std::vector<Tensor> in = shower_inputs(m, 3, 0, energies, 8, 1);
  const std::vector<Range> ranges = calibrate(m, in, 1);
  const Tensor exact = infer(m, in);
  for (int kind = 0; kind < 3; ++kind) {
    INFO("settings ", kind);
    QuantizeSettings s;
    s.bits = 16;
    if (kind == 1) s.power_of_two = true;
    if (kind == 2) s.fixed_width = 16, s.fixed_integer = 4;
    const Program p = quantize(m, ranges, s);
    CHECK(read_program(program_text(p), "p") == p);
    std::vector<std::uint32_t> counts;
    for (float mev : energies.data) counts.push_back(energy_count(p, static_cast<double>(mev)));
    const std::vector<Words> showers = run(p, 3, 0, Span<const std::uint32_t>(counts), 1);
    for (int i = 0; i < 200; ++i) {
      const std::size_t event = static_cast<std::size_t>(i);
      double largest = 0;
      for (int j = 0; j < 9; ++j) largest = std::max(largest, static_cast<double>(exact.row(i)[j]));
      for (int j = 0; j < 9; ++j)
        REQUIRE(std::fabs(showers[event][static_cast<std::size_t>(j)] * p.energy_unit_mev -
                          static_cast<double>(exact.row(i)[j])) < (kind == 2 ? 0.02 : 0.005) * largest);
    }
  }
  Model wrong = m;  // splits what is no energy
  const Value one = append(wrong, "one", Slice{0, 1}, {m.nodes[0].inputs[0]}, 1);
  wrong.nodes[1].inputs[1] = one;
  std::swap(wrong.nodes[1], wrong.nodes[2]);
  CHECK_THROWS_WITH_AS(quantize(wrong, std::vector<Range>(wrong.values.size()), {}),
                       doctest::Contains("split splits one.out, which is no incident energy"), Error);
}

TEST_CASE("softmax split: the total's table ends where the logistic does, however far the voxels' logits reach") {
  Linear far = random_linear(4, 1 + 1 + 3, 2);
  for (float& w : far.weight.data) w *= 30;
  const Model m = heads(far, SoftmaxSplit{{3}, 1.6});
  const Tensor energies = log_uniform_energies(m.facts, 3, 0, 200);
  const std::vector<Tensor> in = shower_inputs(m, 3, 0, energies, 8, 1);
  const std::vector<Range> ranges = calibrate(m, in, 1);
  const Range& logits = ranges[index(m.nodes[0].output)];
  REQUIRE(std::max(logits.high, -logits.low) > 60);
  QuantizeSettings s;
  s.bits = 16;
  const Program p = quantize(m, ranges, s);
  std::size_t entries = 0;
  for (const QNode& node : p.nodes)
    if (const auto* total = std::get_if<QFraction>(&node.op)) entries = total->table.value.size();
  CHECK(entries > 1000);
  CHECK(entries < 8000);  // all codes would take 32,768
  const Tensor exact = infer(m, in);
  for (int i = 0; i < 200; ++i) {
    const double mev = static_cast<double>(energies.data[static_cast<std::size_t>(i)]);
    const std::uint32_t count = energy_count(p, mev);
    const Words shower = run(p, 3, static_cast<std::uint64_t>(i), Span<const std::uint32_t>(&count, 1), 1)[0];
    double total = 0, expected = 0;
    for (int j = 0; j < 3; ++j) {
      total += shower[static_cast<std::size_t>(j)] * p.energy_unit_mev;
      expected += static_cast<double>(exact.row(i)[j]);
    }
    REQUIRE(std::fabs(total - expected) < 0.005 * expected + 2e-7 * mev + 3 * p.energy_unit_mev);
  }
}

TEST_CASE("softmax tables end where the exponential vanishes") {
  const QSoftmax fine = quantize_softmax(Softmax{{2}}, 0.001, 65535, 65535);
  CHECK(fine.table.last == 11091);  // 16 ln 2 / 0.001
  CHECK(fine.table.value.size() < 2000);
  const QSoftmax coarse = quantize_softmax(Softmax{{2}}, 5.0, 255, 255);
  CHECK(coarse.table.last == 3);
  CHECK(coarse.table.value == std::vector<std::uint16_t>{32768, 221, 1, 0});
}

TEST_CASE("output noise: deviations of either sign follow the float model, with every kind of scale") {
  for (int kind = 0; kind < 5; ++kind) {
    INFO("settings ", kind);
    QuantizeSettings s;
    if (kind == 1) s.power_of_two = true;
    if (kind == 2) s.activation_bits = 15;
    if (kind == 3) s.fixed_width = 16, s.fixed_integer = 5;
    if (kind == 4) s.output_bits = 8;
    Model m;
    m.name = "noisy";
    const Value x = add_input(m, "x", 4, InputKind::features), noise = add_input(m, "noise", 4, InputKind::features);
    m.outputs = {append(m, "spread", Spread{{{4}, {0.8f, -0.3f, 0, 0.001f}}}, {x, noise}, 4)};
    const Outcome o = quantized(m, s);
    const auto& op = std::get<QSpread>(o.program.nodes[0].op);
    const QValue& n = o.program.values[index(o.program.inputs[1])];
    // One rounding of the result, and of each deviation by at most half a multiplier.
    CHECK(o.worst_codes <= 0.501 + static_cast<double>(n.high) * std::exp2(-1 - op.shift));
    CHECK(op.multiplier_b[2] == 0);
    if (kind != 3) CHECK(static_cast<double>(n.high) * std::exp2(-1 - op.shift) <= 2.1);
    CHECK(read_program(program_text(o.program), "p") == o.program);
  }
  Model bounded;
  bounded.name = "bounded";
  const Value x = add_input(bounded, "x", 2, InputKind::features), n = add_input(bounded, "n", 2, InputKind::features);
  Value h = append(bounded, "spread", Spread{{{2}, {0.5f, -0.5f}}}, {x, n}, 2);
  h = append(bounded, "relu", Relu{}, {h}, 2);
  bounded.outputs = {append(bounded, "clamp", Clamp{-1.0f, 0.75f}, {h}, 2)};
  const Outcome fused = quantized(bounded);
  CHECK(fused.program.nodes.size() == 1);
  CHECK(*std::min_element(fused.got.data.begin(), fused.got.data.end()) == 0);
  CHECK(*std::max_element(fused.got.data.begin(), fused.got.data.end()) == doctest::Approx(0.75).epsilon(1e-3));
  CHECK(fused.worst_codes * fused.program.values[index(fused.program.output)].scale < 1e-3);
}

TEST_CASE("a decoder with output noise: latents in two parts, the mean with the bits of an output") {
  for (int latent_bits : {6, 8, 11})
    for (bool power_of_two : {false, true}) {
      INFO(latent_bits, " bits, powers of two ", power_of_two);
      Model m;
      m.name = "decoder";
      m.facts.latent = "normal", m.facts.minimum_energy_mev = 1000, m.facts.maximum_energy_mev = 50000;
      const Value z = add_input(m, "z", 9, InputKind::latent), e = add_input(m, "e", 1, InputKind::incident_energy);
      const Value code = append(m, "code", Slice{0, 4}, {z}, 4), noise = append(m, "noise", Slice{4, 5}, {z}, 5);
      const Value c = append(m, "condition", LogEnergy{10000.0}, {e}, 1);
      const Value joined = append(m, "join", Concat{}, {code, c}, 5);
      const Value mean = append(m, "mean", random_linear(5, 5, 11), {joined}, 5);
      m.outputs = {append(m, "spread", Spread{{{5}, {0.1f, 0.4f, 0.2f, 0.8f, 0.05f}}}, {mean, noise}, 5)};
      QuantizeSettings s;
      s.bits = 14, s.latent_bits = latent_bits, s.power_of_two = power_of_two;
      const Tensor energies = log_uniform_energies(m.facts, 3, 0, layer_events);
      const std::vector<Tensor> in = shower_inputs(m, 3, 0, energies, latent_bits, 1);
      const Program p = quantize(m, calibrate(m, in, 1), s);
      const QValue& out = p.values[index(p.output)];
      CHECK(out.bits == 16);
      for (const QNode& node : p.nodes)
        if (node.name == "mean") CHECK(p.values[index(node.output)].bits == 16);
      const Tensor exact = infer(m, in);
      double worst = 0;
      for (int i = 0; i < layer_events; ++i) {
        const Words y = run_values(p, {event_words(3, static_cast<std::uint64_t>(i)),
                                       {energy_count(p, energies.data[static_cast<std::size_t>(i)])}})[index(p.output)];
        for (int j = 0; j < 5; ++j)
          worst = std::max(worst, std::fabs(static_cast<std::int32_t>(y[static_cast<std::size_t>(j)]) * out.scale -
                                            static_cast<double>(exact.row(i)[j])));
      }
      CHECK(worst < (latent_bits == 6 ? 0.05 : 0.01));  // what is left is the rounding of the condition's code
    }
}

TEST_CASE("noise of few codes for a fine result is refused with the numbers") {
  Model m;
  m.name = "coarse";
  const Value z = add_input(m, "z", 4, InputKind::latent);
  const Value x = append(m, "x", Slice{0, 2}, {z}, 2), noise = append(m, "noise", Slice{2, 2}, {z}, 2);
  m.outputs = {append(m, "spread", Spread{{{2}, {1, 1}}}, {x, noise}, 2)};
  QuantizeSettings s;
  s.latent_bits = 2, s.output_bits = 16;
  std::vector<Tensor> in{random_tensor({layer_events, 4}, 3, -0.0001f, 0.0001f)};
  CHECK_THROWS_WITH_AS(quantize(m, calibrate(m, in, 1), s),
                       doctest::Contains("use more bits for the noise or fewer for the result"), Error);
}
