// Generated HLS folders: compiled, run, compared with the interpreter.
// SPDX-License-Identifier: MIT
#include "engine/core/error.h"
#include "engine/kernels/crc.h"
#include "tests/engine/run/random_program.h"
#include "tests/hls/generated_folder.h"

using namespace quench;

namespace {

std::uint32_t energy_of(std::uint32_t event) { return event * 2654435761u; }

constexpr std::uint32_t events = 10000;

// A program of its own that calls nothing but the kernel.
std::string driver(const Program& p) {
  const std::string n = std::to_string(p.values[index(p.output)].length);
  return "#include <cstdio>\n#include \"" + p.name +
         ".h\"\n#include \"crc.h\"\nint main() {\n  uint32_t crc = 0, out[" + n +
         "];\n"
         "  for (uint32_t i = 0; i < " +
         std::to_string(events) +
         "u; ++i) {\n"
         "    " +
         p.name + "(0x123456789abcdefu, i, i * 2654435761u, out);\n    crc = quench::crc_values(crc, out, " + n +
         ");\n  }\n"
         "  std::printf(\"%lu\", static_cast<unsigned long>(crc));\n}\n";
}

std::string reference(const Program& p) {
  std::vector<std::uint32_t> energies;
  for (std::uint32_t i = 0; i < events; ++i) energies.push_back(energy_of(i));
  std::uint32_t crc = 0;
  for (const Words& out : run(p, 0x123456789abcdef, 0, energies))
    crc = crc_values(crc, out.data(), static_cast<std::int32_t>(out.size()));
  return std::to_string(crc);
}

void check_program(const Program& p, Encoding encoding, bool exact_widths) {
  INFO("program ", p.name);
  const GeneratedFolder f;
  f.write(emit(p, hls_target, encoding));
  const std::string kernel = p.name + ".cpp", bench = p.name + "_tb.cpp";
  f.write("driver.cpp", driver(p));
  f.compile(kernel, "-c -o kernel.o");
  f.compile("kernel.o " + bench, "-o bench");
  f.compile("kernel.o driver.cpp", "-o driver");
  const CommandResult r = f.run("./bench");
  CHECK(r.status == 0);
  CHECK_MESSAGE(starts_with(r.text, "PASS: " + std::to_string(p.nodes.size()) + " layers, 32 events, "), r.text);
  CHECK(f.run("./driver").text == reference(p));
  if (!exact_widths) return;
  // The same sources with exact integers that end the run when a width does not hold its value.
  f.write_stand_in("ap_int.h");
  f.compile(kernel + " " + bench, "-I. -Wno-maybe-uninitialized -o exact");
  const CommandResult exact = f.run("./exact");
  CHECK_MESSAGE(exact.text == r.text, exact.text);
}

QValue codes(const std::string& name, int length, int low, int high) {
  return {name, Meaning::code, length, 8, true, 0.125, 0, low, high};
}

// Codes in, codes out: an input that no one reads, a layer whose result no one needs, a value with three readers, twice
// the same operand, an output that another layer reads too.
Program features() {
  Program p;
  p.name = "features";
  p.values.push_back(codes("x", 5, -100, 127));
  p.values.push_back(codes("unread", 2, 0, 1));
  p.inputs = {ValueId{0}, ValueId{1}};
  const auto slice = [&](const char* name, ValueId in, int begin, int length, const char* out) {
    return append(p, {name, QSlice{begin, length}, {in}, {}}, codes(out, length, -100, 127));
  };
  const ValueId head = slice("head", ValueId{0}, 0, 3, "h");
  const ValueId tail = slice("tail", ValueId{0}, 2, 3, "t");
  append(p, {"square", QMultiply{3, 3, 9, -128, 127}, {head, head}, {}}, codes("s", 3, -128, 127));
  const ValueId sum =
      append(p, {"sum", QAdd{3, 0, 300, -7, 500, 10, 3, -90, 99}, {head, tail}, {}}, codes("y", 3, -128, 127));
  p.output = sum;
  slice("after", sum, 0, 1, "z");
  std::get<QSlice>(p.nodes.back().op) = QSlice{1, 1};
  p.values.back().low = -128;
  return p;
}

QValue wide_codes(const std::string& name, int length) {
  return {name, Meaning::code, length, 16, true, 0.125, 0, -32768, 32767};
}
QValue energies(const std::string& name, int length) {
  return {name, Meaning::energy, length, 32, false, 1, 0, 0, 4294967295};
}

// One column a weight, one row a bias.
QLinear linear_of(std::vector<std::int16_t> weight, std::vector<std::int32_t> bias, Requantization q, const QValue& x) {
  QLinear op;
  op.rows = static_cast<std::int32_t>(bias.size()), op.columns = x.length, op.weight_bits = 16;
  op.weight = std::move(weight), op.bias = std::move(bias), op.weight_scale = {1.0}, op.requantize = std::move(q);
  op.requantize.low = -32768, op.requantize.high = 32767;
  const Interval proof = accumulator_interval(op, x.low, x.high);
  op.accumulator_low = proof.low, op.accumulator_high = proof.high;
  return op;
}

// The ends of what a program may ask for: sums beyond 32 bits, products of 62 bits, shifts of 1 and 62, empty rows, a
// single column, unsigned 16-bit codes, knots 2^13 codes apart with the steepest steps, saturating fractions, groups of
// one part, softmax tables of 2^16 differences and of one, couplings whose factors are 2^-31 and 2.
Program extremes() {
  constexpr std::int32_t most = 2147483647;
  Program p;
  p.name = "extremes";
  p.values = {{"x", Meaning::code, 4, 16, false, 1, 7, 0, 65535}, energies("energy", 1)};
  p.inputs = {ValueId{0}, ValueId{1}};
  const ValueId x{0}, energy{1};
  const ValueId one = append(p, {"one", QSlice{3, 1}, {x}, {}}, {"x3", Meaning::code, 1, 16, false, 1, 7, 0, 65535});
  const QValue x1 = p.values.back(), x4 = p.values[0];
  const auto add = [&](const char* name, QOp op, std::vector<ValueId> inputs, QValue out) {
    out.name = std::string(name) + "_y";
    return append(p, {name, std::move(op), std::move(inputs), {}}, out);
  };
  Requantization wide{"wide", {most, most, 0, 1}, {62, 47, 5, 1}, {most, 3, 1, most}, {62, 1, 1, 46}, -5, 0, 0};
  const ValueId column =
      add("column", linear_of({32767, -32767, 0, 1}, {0, -98000, -3, 0}, wide, x1), {one}, wide_codes("", 4));
  Requantization narrow{"narrow", {32767, 1, 21845}, {46, 1, 33}, {}, {}, 9, 0, 0};
  const int big = 32767;
  std::vector<std::int16_t> weight;
  for (int w : {big, big, big, big, -big, -big, -big, -big, 0, big, 0, -1})
    weight.push_back(static_cast<std::int16_t>(w));
  const ValueId sums = add("sums", linear_of(weight, {1 << 30, -(1 << 30), 12}, narrow, x4), {x}, wide_codes("", 3));
  Requantization shift{"shift", {4}, {2}, {}, {}, 0, 0, 0};
  add("nothing", linear_of(std::vector<std::int16_t>(8), {70000, -1}, shift, x4), {x}, wide_codes("", 2));
  const ValueId product = add("product", QMultiply{4, most, 62, -32768, 32767}, {column, column}, wide_codes("", 4));
  const ValueId sum = add("sum", QAdd{4, 0, 16384, 0, 16383, 30, 1, -2, 2}, {column, product}, wide_codes("", 4));
  add("drawn", QSpread{7, 8191, 0, {32767, -32767, 1, 0}, 30, 1, -2, 2}, {x, product}, wide_codes("", 4));
  add("loud", QSpread{7, 1, 0, {32767, -32767, 1, 0}, 1, -9, -32768, 32767}, {x, product}, wide_codes("", 4));
  QTable steep;
  steep.function = "steep", steep.length = 4, steep.lowest = -32768, steep.interpolation_bits = 13;
  steep.low = -30000, steep.high = 32767;
  for (int k = 0; k < 9; ++k) steep.value.push_back(k % 2 ? 32767 : -32768);
  const ValueId bent = add("bent", steep, {sum}, wide_codes("", 4));
  QFractionTable fraction;
  fraction.function = "steep", fraction.lowest = -32768, fraction.interpolation_bits = 13;
  for (int k = 0; k < 9; ++k) fraction.value.push_back(k % 2 ? 4294967295u : 0u);
  const QValue flow{"", Meaning::code, 4, 24, true, 1, 0, -8388608, 8388607};
  const Requantization lift{"wide", {most, 1, 0, most}, {50, 1, 1, 1}, {}, {}, -1, -8388608, 8388607};
  const ValueId lifted = add("lifted", QRescale{4, {2147450880, -2147450879, 5, 2147450880}, lift}, {bent}, flow);
  QCoupling moving{4, 1, 2, 1, 13, 31, fraction, -8388608, 8388607, 0};
  for (std::uint32_t& g : moving.factor.value) g = std::max(g, 1u);
  const auto coupled = [&](const char* name, int inverse, ValueId from) {
    moving.inverse = static_cast<std::uint8_t>(inverse);
    moving.error = round_trip_error(moving, -32768, 32767);
    return add(name, moving, {from, bent}, flow);
  };
  coupled("there", 0, coupled("back", 1, lifted));
  add("away", QCoupling{4, 0, 4, 1, 13, 31, {}, -8388608, 8388607, 0}, {lifted, bent}, flow);
  const ValueId swapped = add("swapped", QPermute{{3, 1, 0, 2}}, {bent}, wide_codes("", 4));
  const QValue shares{"", Meaning::code, 4, 16, false, 1, 0, 0, 65535};
  add("fine", quantize_softmax(Softmax{{1, 3}}, 2e-4, 65535, 65535), {swapped}, shares);
  add("coarse", quantize_softmax(Softmax{{3, 1}}, 20, 65535, 1), {swapped}, shares);
  add("level", quantize_softmax(Softmax{{4}}, 1e-9, 65535, 65535), {x}, shares);
  add("bounded", QClamp{4, 7, 7}, {x}, {"", Meaning::code, 4, 16, false, 1, 7, 0, 65535});
  const ValueId total = add("total", QFraction{4, 31, fraction}, {bent, energy}, energies("", 4));
  add("shared", QShareSplit{{0, 4}, tabulate_exponential(2e-4, 65535, 1.5)}, {energy, swapped}, energies("", 4));
  add("halved", QShareSplit{{0, 4}, tabulate_exponential(1e-9, 65535, 1.5)}, {energy, x}, energies("", 4));
  add("handed", QShareSplit{{0, 1, 2, 3, 4}, tabulate_exponential(20, 65535, 1.5)}, {total, x}, energies("", 4));
  add("saturated", QFraction{3, 1, fraction}, {sums, energy}, energies("", 3));
  add("vanished", QFraction{3, 62, fraction}, {sums, energy}, energies("", 3));
  const ValueId logit = add("logit", QSlice{0, 3}, {column}, wide_codes("", 3));
  p.output = add("parts", QSplit{{0, 1, 4, 6, 7}, fraction}, {total, logit}, energies("", 7));
  return p;
}

}  // namespace

TEST_CASE("generated kernels equal the interpreter, layer by layer and as a whole") {
  check_program(random_program(1), Encoding::smallest, true);
  check_program(random_program(2), Encoding::csr, true);
  check_program(random_program(3), Encoding::dense, false);
}

TEST_CASE("layers with several products a step equal the interpreter") {
  // 99 rows of 123 columns: 16 lanes and a rest; 1100 rows of 6: a row a step; sparse rows: 4 lanes, a copy of the
  // inputs each.
  check_program(random_generator(4, 10, {123, 99, 6}, 1100, 0.4), Encoding::dense, true);
  check_program(random_generator(5, 10, {99, 120}, 150, 0.7), Encoding::bitmap, false);
}

TEST_CASE("the ends of every range fit the widths") {
  const Program p = extremes();
  check(p);
  for (Encoding encoding : {Encoding::dense, Encoding::csr}) {
    const GeneratedFolder f;
    f.write(emit(p, hls_target, encoding));
    f.compile("extremes.cpp extremes_tb.cpp", "-fsanitize=undefined -fno-sanitize-recover=all -o bench");
    const CommandResult r = f.run("./bench");
    CHECK_MESSAGE(r.status == 0, r.text);
    f.write_stand_in("ap_int.h");
    f.compile("extremes.cpp extremes_tb.cpp", "-I. -Wno-maybe-uninitialized -o exact");
    const CommandResult exact = f.run("./exact");
    CHECK_MESSAGE(exact.text == r.text, exact.text);
  }
}

TEST_CASE("programs without noise take and return codes") {
  const Program p = features();
  check(p);
  const GeneratedFolder f;
  f.write(emit(p, hls_target));
  f.compile("features.cpp features_tb.cpp", "-o bench");
  const CommandResult r = f.run("./bench");
  CHECK_MESSAGE(r.status == 0, r.text);
  CHECK(starts_with(r.text, "PASS: 5 layers, 32 events"));
  // Worked by hand: h = (10, -20, 30), t = (30, 40, 50): 3 + round((300 * 10 + 500 * (30 + 7)) / 1024) = 3 + 21, and so
  // on.
  f.write("driver.cpp",
          "#include <cstdio>\n#include \"features.h\"\nint main() {\n  const features_hls::type_x x[5] = {10, -20, 30, "
          "40, 50};\n"
          "  const features_hls::type_unread unread[2] = {0, 1};\n  features_hls::type_y y[3];\n  features(x, unread, "
          "y);\n  std::printf(\"%d %d %d\", int(y[0]), int(y[1]), "
          "int(y[2]));\n}\n");
  f.compile("features.cpp driver.cpp", "-o driver");
  CHECK(f.run("./driver").text == "24 20 40");
}

TEST_CASE("equal programs give equal bytes, and the project names its own files") {
  const Program p = random_generator(9, 4, {8}, 10, 0.5);
  const Files files = emit(p, hls_target);
  CHECK(files == emit(p, hls_target));
  CHECK(files.at("hls_config.cfg").find("\nsyn.top=" + p.name + "\n") != std::string::npos);
  CHECK(files.at("run_hls.tcl").find("\nset_top " + p.name + "\n") != std::string::npos);
  for (const auto& [name, text] : files)
    if (!starts_with(name, "data/") && name != "LICENSE")
      CHECK_MESSAGE(text.find("SPDX-License-Identifier: MIT-0") != std::string::npos, name);
}

TEST_CASE("names that cannot be a function of their own are refused") {
  Program p = random_generator(9, 4, {8}, 10, 0.5);
  for (const char* name : {"main", "quench", "int", "noise", "crc"}) {
    p.name = name;
    CHECK_THROWS_AS(emit(p, hls_target), Error);
  }
}
