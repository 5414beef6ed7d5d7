// Generated HLS folders broken on purpose: the testbench notices.
// SPDX-License-Identifier: MIT
#include "tests/engine/run/random_program.h"
#include "tests/hls/generated_folder.h"

using namespace quench;

TEST_CASE("every changed constant is noticed and its layer named") {
  for (const Program& p : {random_program(6), random_generator(7, 6, {20}, 30, 0.5)}) {
    const GeneratedFolder f;
    f.write(emit(p, hls_target, Encoding::csr));
    f.write_stand_in("mutate.h");
    f.write(p.name + "_layers.h", replaced(f.read(p.name + "_layers.h"), "static const ", "static ", true));
    std::string main = "#define main testbench_main\n#include \"" + p.name +
                       "_tb.cpp\"\n#undef main\nusing namespace quench;\n"
                       "using namespace " +
                       p.name +
                       "_hls;\n#include \"mutate.h\"\nint main() {\n  Mutations m = {0, 0, 0};\n"
                       "  for (int round = 0; round < 8; ++round) {\n";
    std::istringstream bench(f.read(p.name + "_tb.cpp"));
    for (std::string line; std::getline(bench, line);) {
      const std::size_t call = line.find("check_constant(b, "), end = line.find(", checksum(");
      if (call == std::string::npos || end == std::string::npos) continue;
      const std::string constant = line.substr(end + 11, line.find(')') - end - 11);
      main += "    mutate(m, " + line.substr(call + 18, end - call - 18) + ", " + constant + ");\n";
    }
    f.write("mutations.cpp", main + "  }\n  std::printf(\"%d %d %d\\n\", m.done, m.by_layer_checks, m.missed);\n}\n");
    f.compile(p.name + ".cpp mutations.cpp", "-O1 -o mutations");
    const CommandResult r = f.run("./mutations");
    INFO(r.text);
    std::istringstream counts(r.text);
    int done = 0, by_layer_checks = 0, missed = -1;
    counts >> done >> by_layer_checks >> missed;
    CHECK(done >= 200);
    CHECK(missed == 0);
    // Most changes move an output code of a golden event or a probe; the checksum is for those that rounding hides.
    CHECK(by_layer_checks * 2 >= done);
  }
}

TEST_CASE("a changed file is noticed") {
  const Program p = random_generator(8, 6, {20}, 30, 0.5);
  const GeneratedFolder f;
  f.write(emit(p, hls_target, Encoding::dense));
  const std::string layers = p.name + "_layers.h", build = p.name + ".cpp " + p.name + "_tb.cpp";
  const std::string original = f.read(layers);

  SUBCASE("data") {
    f.compile(build, "-o bench");
    REQUIRE(f.run("./bench").status == 0);
    const auto damage = [&](const std::string& file, const std::string& expected, auto&& change) {
      const std::string before = f.read(file);
      f.write(file, change(before));
      const CommandResult r = f.run("./bench");
      f.write(file, before);
      CHECK(r.status == 1);
      CHECK_MESSAGE(starts_with(r.text, expected), file, ": ", r.text);
    };
    // The last number of a file with another last digit.
    const auto last_digit = [](std::string text) {
      char& digit = text[text.size() - 2];
      digit = digit == '0' ? '1' : static_cast<char>(digit - 1);
      return text;
    };
    const auto last_line_lost = [](const std::string& text) {
      return text.substr(0, text.rfind('\n', text.size() - 2) + 1);
    };
    const auto nothing = [](const std::string&) { return std::string(); };
    damage("data/value_hidden1_out.dat", "mismatch: layer hidden1, event 31, element 19: got ", last_digit);
    damage("data/probes_hidden1.dat", "mismatch: layer hidden1, probe ", last_digit);
    damage("data/probes_latent.dat", "mismatch: layer latent, probe ", last_digit);
    damage("data/constants.dat", "mismatch: layer voxels, constant table ", last_digit);
    damage("data/value_hidden1_out.dat", "data/value_hidden1_out.dat: 31 rows, needs 32", last_line_lost);
    damage("data/probes_voxels.dat", "data/probes_voxels.dat: cannot be read", nothing);
    damage("data/constants.dat", "data/constants.dat, line 2: 2 numbers, needs 1",
           [&](const std::string& text) { return replaced(text, "word\n", "word\n1 "); });
  }
  SUBCASE("arithmetic") {
    // No constant differs: only running the layer can tell.
    f.write(layers, replaced(original, "((halves + 1) >> 1) + zero_hidden1", "(halves >> 1) + zero_hidden1"));
    f.compile(build, "-o bench");
    const CommandResult r = f.run("./bench");
    CHECK(r.status == 1);
    CHECK_MESSAGE(starts_with(r.text, "mismatch: layer hidden1, "), r.text);
  }
  SUBCASE("the order of the layers' operands") {
    const std::string kernel = f.read(p.name + ".cpp");
    f.write(p.name + ".cpp", replaced(kernel, "read_event(seed, index,", "read_event(index, seed,"));
    f.compile(build, "-o bench");
    const CommandResult r = f.run("./bench");
    CHECK(r.status == 1);
    CHECK_MESSAGE(starts_with(r.text, "mismatch: layer " + p.name + " (all layers), event 0"), r.text);
  }
  SUBCASE("a width") {
    // Two bits less than the range proof asks for: the stand-in ends the run at the value that does not fit.
    f.write_stand_in("ap_int.h");
    const std::size_t at = original.find("typedef Signed<");
    REQUIRE(at != std::string::npos);
    const int width = std::atoi(original.c_str() + at + 15);
    std::string narrow = original;
    narrow.replace(at + 15, std::to_string(width).size(), std::to_string(width - 2));
    f.write(layers, narrow);
    f.compile(build, "-I. -Wno-maybe-uninitialized -o bench");
    const CommandResult r = f.run("./bench");
    CHECK(r.status == 3);
    CHECK_MESSAGE(r.text.find("needs more than " + std::to_string(width - 2) + " signed bits") != std::string::npos,
                  r.text);
  }
}
