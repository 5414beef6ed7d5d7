// Programs: text form, the proofs of check(), the interpreter against naive arithmetic.
// SPDX-License-Identifier: MIT
#include "engine/model/program.h"

#include <doctest/doctest.h>

#include <limits>
#include <random>

#include "engine/core/error.h"
#include "engine/run/run.h"
#include "tests/engine/run/random_program.h"

using namespace quench;

namespace {

std::int64_t floor_shift(std::int64_t x, int s) {  // floor(x / 2^s) without relying on >>
  const std::int64_t d = std::int64_t{1} << s;
  return x >= 0 ? x / d : -((-x + d - 1) / d);
}

// One row of a linear layer, written from numerics.md sections 2 and 4.
std::int64_t naive_row(const QLinear& op, const Words& x, int r) {
  std::int64_t acc = op.bias[static_cast<std::size_t>(r)];
  for (int k = 0; k < op.columns; ++k)
    acc += std::int64_t{op.weight[static_cast<std::size_t>(r * op.columns + k)]} *
           static_cast<std::int32_t>(x[static_cast<std::size_t>(k)]);
  CHECK(acc >= op.accumulator_low);
  CHECK(acc <= op.accumulator_high);
  const Requantization& q = op.requantize;
  const std::size_t i = q.multiplier.size() > 1 ? static_cast<std::size_t>(r) : 0;
  const bool other = acc < 0 && !q.negative_multiplier.empty();
  const std::int64_t m = other ? q.negative_multiplier[i] : q.multiplier[i];
  const int s = other ? q.negative_shift[i] : q.shift[i];
  const std::int64_t y = q.zero + floor_shift(acc * m + (std::int64_t{1} << (s - 1)), s);
  return y < q.low ? q.low : y > q.high ? q.high : y;
}

}  // namespace

TEST_CASE("the interpreter's linear layers equal naive sums, and every value stays in its proven range") {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    const Program p = random_program(seed);
    for (std::uint32_t event = 0; event < 20; ++event) {
      const std::vector<Words> v = run_values(p, {event_words(3, event), {1024000 + 5000000 * event}});
      for (const QNode& node : p.nodes) {
        const QValue& out = p.values[index(node.output)];
        if (out.meaning == Meaning::code)
          for (std::uint32_t w : v[index(node.output)]) {
            REQUIRE(static_cast<std::int32_t>(w) >= out.low);
            REQUIRE(static_cast<std::int32_t>(w) <= out.high);
          }
        if (const auto* op = std::get_if<QLinear>(&node.op))
          for (int r = 0; r < op->rows; ++r)
            REQUIRE(static_cast<std::int32_t>(v[index(node.output)][static_cast<std::size_t>(r)]) ==
                    naive_row(*op, v[index(node.inputs[0])], r));
      }
      for (const QNode& node : p.nodes)
        if (const auto* op = std::get_if<QSoftmax>(&node.op))
          for (std::size_t g = 1; g < op->part_begin.size(); ++g) {
            std::uint32_t whole = 0;
            for (std::size_t i = op->part_begin[g - 1]; i < op->part_begin[g]; ++i) whole += v[index(node.output)][i];
            REQUIRE(whole == static_cast<std::uint32_t>(op->whole));
          }
      for (const QNode& node : p.nodes)
        if (const auto* op = std::get_if<QShareSplit>(&node.op))
          for (std::size_t g = 0; g + 1 < op->part_begin.size(); ++g) {
            std::uint64_t whole = 0;
            for (std::size_t i = op->part_begin[g]; i < op->part_begin[g + 1]; ++i) whole += v[index(node.output)][i];
            REQUIRE(whole == v[index(node.inputs[0])][g]);
          }
      // The parts before the threshold sum to the total exactly.
      std::uint64_t sum = 0, total = 0;
      for (std::size_t i = 0; i < p.nodes.size(); ++i) {
        if (p.nodes[i].name == "total") total = v[index(p.nodes[i].output)][0];
        if (p.nodes[i].name == "parts")
          for (std::uint32_t w : v[index(p.nodes[i].output)]) sum += w;
      }
      REQUIRE(sum == total);
    }
  }
}

TEST_CASE("events do not depend on threads or on who makes them") {
  const Program p = random_program(5);
  const std::vector<std::uint32_t> energies(100, 9000000);
  const std::vector<Words> one = run(p, 9, 40, energies, 1), two = run(p, 9, 40, energies, 2);
  CHECK(one == two);
  CHECK(run(p, 9, 77, Span<const std::uint32_t>(energies.data(), 1), 1)[0] == one[37]);
  CHECK(run_values(p, {event_words(9, 40), {9000000}})[index(p.output)] == one[0]);
}

TEST_CASE("a batch: the integers of event by event, in floats where sums are below 2^24") {
  constexpr int events = 7;
  int exact = 0, wider = 0;
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    const Program p = random_program(seed);
    for (const QNode& node : p.nodes)
      if (const auto* op = std::get_if<QLinear>(&node.op))
        ++(op->accumulator_low >= -(1 << 24) && op->accumulator_high <= 1 << 24 ? exact : wider);
    std::vector<Words> inputs(2);
    for (std::uint32_t event = 0; event < events; ++event) {
      for (std::uint32_t word : event_words(3, event)) inputs[0].push_back(word);
      inputs[1].push_back(1024000 + 5000000 * event);
    }
    const std::vector<Words> all = run_batch(p, inputs, events);
    for (std::uint32_t event = 0; event < events; ++event) {
      const std::vector<Words> one = run_values(p, {event_words(3, event), {1024000 + 5000000 * event}});
      for (std::size_t v = 0; v < p.values.size(); ++v) {
        const auto from = all[v].begin() + event * p.values[v].length;
        REQUIRE(Words(from, from + p.values[v].length) == one[v]);
      }
    }
  }
  CHECK(exact > 0);
  CHECK(wider > 0);
}

TEST_CASE("text form: exact round trip") {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    const Program p = random_program(seed);
    const std::string text = program_text(p);
    CHECK(program_text(read_program(text, "x.qprog")) == text);
  }
}

TEST_CASE("files that are refused, each with its reason") {
  const std::string text = program_text(random_program(2));
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string changed = text;
    const std::size_t at = changed.find(from);
    REQUIRE(at != std::string::npos);
    return changed.replace(at, from.size(), to);
  };
  const auto refused = [](const std::string& changed, const char* reason) {
    CHECK_THROWS_WITH_AS(read_program(changed, "x.qprog"), doctest::Contains(reason), Error);
  };
  refused(with("quench-program 2", "quench-program 7"), "has program version 7, this quench reads version 2");
  refused(with("weight_zero 0", "weight_zero 2\n    1 1"), "2 zero points for 1 weight scales");
  refused(with("weight_zero 0", "weight_zero 1\n    70000"), "the weights' zero point 70000 is outside 0 .. ");
  refused(with("weight_zero 0", "weight_zero 1\n    0"), "is outside 0 .. 15 of 4 bits");
  refused("hello", "this is no quench program");
  refused(text.substr(0, text.size() / 2), "x.qprog");
  refused(text + "more", "text follows");
  refused(with("Linear inputs 1 join_out", "Linear inputs 1 nobody"), "no value is named \"nobody\"");
  refused(with("node hidden1 Linear", "node hidden1 Quadratic"), "unknown layer \"Quadratic\"");
  refused(with("accumulator_low -", "accumulator_low -1"), "the accumulator's interval is");
  refused(with("  alias 256\n    ", "  alias 9999999999\n    "), "announces 9999999999 numbers");
  refused(with("value latent_out code length", "value latent_out power length"), "unknown meaning");
}

TEST_CASE("what the integers do not depend on is checked too: scales, energies, texts, the size of all values") {
  const Program sound = random_program(2);
  const auto refused = [](const Program& p, const char* reason) {
    CHECK_THROWS_WITH_AS(check(p), doctest::Contains(reason), Error);
    CHECK_THROWS_WITH_AS(read_program(program_text(p), "x.qprog"), doctest::Contains(reason), Error);
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_NOTHROW(check(sound));
  Program p = sound;
  p.maximum_energy_mev = nan;
  refused(p, "incident energies from 1000 to nan MeV");
  p = sound, p.minimum_energy_mev = 100001;
  refused(p, "incident energies from 100001 to 100000 MeV");
  p = sound, p.original_bits = -1;
  refused(p, "-1 bits, is negative");
  p = sound, p.geometry = "rings\r";
  refused(p, "the name of the geometry holds a control character");
  p = sound, p.geometry.assign(1001, 'x');
  refused(p, "over 1000 characters");
  // 2^24 elements in one value are accepted, in two they would ask a run for more memory than any device has.
  p = sound, p.values[0].length = p.values[1].length = 1 << 24;
  p.values[0].meaning = p.values[1].meaning = Meaning::energy;
  p.values[0].bits = p.values[1].bits = 32, p.values[0].is_signed = p.values[1].is_signed = false;
  p.values[0].low = p.values[1].low = 0, p.values[0].high = p.values[1].high = 4294967295;
  refused(p, "at most 16777216 are run");
  int linears = 0, tables = 0;
  for (std::size_t k = 0; k < sound.nodes.size(); ++k) {
    p = sound;
    if (auto* op = std::get_if<QLinear>(&p.nodes[k].op)) {
      op->weight_scale.back() = nan, ++linears;
      refused(p, "the weight scale nan is not positive");
    }
    if (auto* op = std::get_if<QTable>(&p.nodes[k].op)) {
      op->function = "tanh\r", ++tables;
      refused(p, "the name of the function holds a control character");
      op->function = "tanh", op->maximum_error = nan;
      refused(p, "the maximum error nan");
    }
  }
  CHECK(linears > 0);
  CHECK(tables > 0);
}

TEST_CASE("orders, bounds and softmax tables that a run could not follow are refused") {
  const Program sound = random_program(4);
  const auto refused = [&](auto&& change, const char* reason) {
    Program p = sound;
    for (QNode& node : p.nodes) std::visit([&](auto& op) { change(op); }, node.op);
    CHECK_THROWS_WITH_AS(check(p), doctest::Contains(reason), Error);
  };
  const auto permute = [&](auto&& change, const char* reason) {
    refused(
        [&](auto& op) {
          if constexpr (std::is_same_v<std::decay_t<decltype(op)>, QPermute>) change(op);
        },
        reason);
  };
  const auto softmax = [&](auto&& change, const char* reason) {
    refused(
        [&](auto& op) {
          if constexpr (std::is_same_v<std::decay_t<decltype(op)>, QSoftmax>) change(op);
        },
        reason);
  };
  permute([](QPermute& op) { op.order[0] = op.order[1]; }, "must list each of 0 .. ");
  permute([](QPermute& op) { op.order[0] = -1; }, "must list each of 0 .. ");
  permute([](QPermute& op) { op.order.push_back(static_cast<std::int32_t>(op.order.size())); }, "elements, needs");
  refused(
      [](auto& op) {
        if constexpr (std::is_same_v<std::decay_t<decltype(op)>, QClamp>) op.high = 200;
      },
      "leave the range of value");
  refused(
      [](auto& op) {
        if constexpr (std::is_same_v<std::decay_t<decltype(op)>, QClamp>) ++op.length;
      },
      "elements, needs");
  softmax([](QSoftmax& op) { op.table.value[0] = 0; }, "entry 0 is 0, needs 32768");
  softmax([](QSoftmax& op) { op.table.value.back() = 32769; }, "entry 32769 is above 32768");
  softmax([](QSoftmax& op) { op.table.value.pop_back(); }, "entries, needs");
  softmax([](QSoftmax& op) { op.table.last = 65536; }, "outside 0 .. 65535");
  const auto share_split = [&](auto&& change, const char* reason) {
    refused(
        [&](auto& op) {
          if constexpr (std::is_same_v<std::decay_t<decltype(op)>, QShareSplit>) change(op);
        },
        reason);
  };
  share_split([](QShareSplit& op) { op.table.value[0] = 0; }, "entry 0 is 0, needs 32768");
  share_split([](QShareSplit& op) { op.table.value.pop_back(); }, "entries, needs");
  share_split([](QShareSplit& op) { op.table.interpolation_bits = 14; }, "14 interpolation bits, at most 13");
  share_split([](QShareSplit& op) { op.part_begin[1] = 0; }, "group 0 has no parts");
  share_split([](QShareSplit& op) { op.part_begin.pop_back(); }, "elements, needs");
  share_split([](QShareSplit& op) { op.part_begin.insert(op.part_begin.begin() + 1, 0); }, "group 0 has no parts");
  softmax([](QSoftmax& op) { op.whole = 0; }, "the whole 0 is outside 1 .. 65535");
  softmax([](QSoftmax& op) { op.whole += 1; }, "leave the range of value");
  softmax([](QSoftmax& op) { op.part_begin[1] = 0; }, "group 0 has no parts");
  softmax([](QSoftmax& op) { op.part_begin.pop_back(); }, "elements, needs");
  const auto spread = [&](auto&& change, const char* reason) {
    refused(
        [&](auto& op) {
          if constexpr (std::is_same_v<std::decay_t<decltype(op)>, QSpread>) change(op);
        },
        reason);
  };
  spread([](QSpread& op) { op.multiplier_b.pop_back(); }, "elements, needs");
  spread([](QSpread& op) { op.multiplier_b.clear(); }, "no multipliers");
  spread([](QSpread& op) { op.multiplier_b[0] = -32768; }, "multiplier 32768 is outside 0 .. 32767");
  spread([](QSpread& op) { op.multiplier_a = -1; }, "multiplier -1 is outside 0 .. 32767");
  spread([](QSpread& op) { op.zero_b = 65536, op.multiplier_b[1] = -32767; }, "sums reach ");
  spread([](QSpread& op) { op.multiplier_a = 32767, op.shift = 31; }, "shift 31 is outside 1 .. 30");
  spread([](QSpread& op) { op.high = 2048; }, "leave the range of value");
  const auto coupling = [&](auto&& change, const char* reason) {
    refused(
        [&](auto& op) {
          if constexpr (std::is_same_v<std::decay_t<decltype(op)>, QCoupling>) change(op);
        },
        reason);
  };
  coupling([](QCoupling& op) { op.begin = op.width - op.length + 1; }, " of ");
  coupling([](QCoupling& op) { op.begin = -1; }, "columns -1 .. ");
  coupling([](QCoupling& op) { ++op.width; }, "elements, needs");
  coupling([](QCoupling& op) { op.shift = 16; }, "shift 16 and");
  coupling([](QCoupling& op) { op.inverse = 2; }, "inverse 2, ");
  coupling([](QCoupling& op) { op.shift = 15; }, "a number and its shift reach ");
  coupling([](QCoupling& op) { ++op.error; }, "codes, the program states ");
  coupling([](QCoupling& op) { op.high = 8388608; }, "leave the range of value");
  const auto factor = [&](auto&& change, const char* reason) {
    coupling(
        [&](QCoupling& op) {
          if (!op.factor.value.empty()) change(op.factor);
        },
        reason);
  };
  factor([](QFractionTable& t) { t.value[3] = 0; }, "a factor is 0");
  factor([](QFractionTable& t) { t.value.pop_back(); }, "entries, needs");
  factor([](QFractionTable& t) { t.value.clear(); }, "elements, needs");
  const auto rescale = [&](auto&& change, const char* reason) {
    refused(
        [&](auto& op) {
          if constexpr (std::is_same_v<std::decay_t<decltype(op)>, QRescale>)
            if (!op.offset.empty()) change(op);
        },
        reason);
  };
  rescale([](QRescale& op) { op.offset.pop_back(); }, "offsets for");
  rescale([](QRescale& op) { op.offset[0] = 2147483647; }, "out of 32 bits");
  rescale([](QRescale& op) { op.requantize.shift[0] = 63; }, "shift 63 is outside 1 .. 62");
}

TEST_CASE("corrupted text never crashes: it is refused or it is another sound program") {
  const std::string text = program_text(random_program(1));
  std::mt19937 random(1);
  int refused = 0;
  for (int i = 0; i < 600; ++i) {
    std::string changed = text;
    for (int k = 0; k < 1 + i % 3; ++k) {
      const std::size_t at = random() % changed.size();
      const char* digits = "0123456789- \nx";
      changed[at] = digits[random() % 14];
      if (i % 7 == 0) changed.erase(at, random() % 50);
    }
    try {
      const Program p = read_program(changed, "x.qprog");
      run_values(p, {event_words(1, 1), {5000000}});
    } catch (const Error&) {
      ++refused;
    }
  }
  CHECK(refused > 100);
}
