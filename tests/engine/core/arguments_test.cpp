// Tests of the command line, the text tables and the progress line.
// SPDX-License-Identifier: MIT
#include "engine/core/arguments.h"

#include <doctest/doctest.h>

#include <cmath>

#include "engine/core/progress.h"
#include "engine/core/table.h"

using quench::Arguments;
using quench::UsageError;

namespace {

const quench::Verb verb = {"train",
                           "Trains.",
                           {{"RECIPE", "what to do"}, {"EXTRA", "more", true}},
                           {{"--out", "MODEL", "", "where to", true},
                            {"--threads", "N", "2", "threads"},
                            {"--rate", "X", "0.5", "a number"},
                            {"--set", "KEY=VALUE", "", "a key", false, true},
                            {"--json", "", "", "as JSON"}},
                           "Notes."};

Arguments parse(const std::vector<std::string>& words) { return quench::parse_arguments(verb, words); }

std::string error_of(const std::vector<std::string>& words) {
  try {
    const Arguments a = parse(words);
    quench::integer(a, "--threads", 1, 1024);
    quench::number(a, "--rate", 0, 1);
  } catch (const UsageError& error) {
    CHECK(error.usage == quench::usage(verb));
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("options anywhere, both forms, repeated, and -- ") {
  const Arguments a = parse({"r.toml", "--set", "a=1", "--out=m.onnx", "--set", "b==2", "--json", "--threads", "8"});
  CHECK(a.positionals == std::vector<std::string>{"r.toml"});
  CHECK(quench::text(a, "--out") == "m.onnx");
  CHECK(quench::texts(a, "--set") == std::vector<std::string>{"a=1", "b==2"});
  CHECK(quench::given(a, "--json"));
  CHECK(quench::integer(a, "--threads", 1, 1024) == 8);
  CHECK(quench::number(a, "--rate", 0, 1) == 0.5);
  CHECK_FALSE(quench::given(a, "--rate"));
  const Arguments b = parse({"--out", "m", "--", "--odd", "--help"});
  CHECK(b.positionals == std::vector<std::string>{"--odd", "--help"});
  CHECK(quench::texts(b, "--set").empty());
  CHECK(parse({"x", "-", "--out", "m"}).positionals.at(1) == "-");
  CHECK(parse({"--nonsense", "-h"}).help);
  CHECK_THROWS_AS(quench::text(a, "--undeclared"), std::logic_error);
}

TEST_CASE("wrong usage is named") {
  CHECK(error_of({"r", "--out", "m"}) == "no error");
  CHECK(error_of({"r", "--ot", "m"}) == "train: unknown option --ot: did you mean --out?");
  CHECK(error_of({"r", "-x", "m"}).find("unknown option -x") != std::string::npos);
  CHECK(error_of({"r"}) == "train: --out MODEL is missing");
  CHECK(error_of({"--out", "m"}) == "train: RECIPE is missing");
  CHECK(error_of({"a", "b", "c", "--out", "m"}) == "train: \"c\" is one argument too many: takes 2");
  CHECK(error_of({"r", "--out"}) == "train: --out needs a value: --out MODEL");
  CHECK(error_of({"r", "--out", "--json"}) == "train: --out needs a value: --out MODEL");
  CHECK(error_of({"r", "--out="}) == "train: --out has an empty value: --out MODEL");
  CHECK(error_of({"r", "--out", "a", "--out", "b"}) == "train: --out is given twice: give it once");
  CHECK(error_of({"r", "--out", "a", "--json=1"}) == "train: --json takes no value");
}

TEST_CASE("numbers are checked for form, range and overflow") {
  for (const char* bad : {"0", "1025", "-3", "2x", "2.5", "99999999999999999999", "+2", " 2", "0x10"}) {
    CAPTURE(bad);
    CHECK(error_of({"r", "--out", "m", "--threads", bad}) ==
          std::string("train: --threads ") + bad + ": must be a whole number from 1 to 1024");
  }
  for (const char* bad : {"1.5", "-0.1", "nan", "x", "1e999"}) {
    CAPTURE(bad);
    CHECK(error_of({"r", "--out", "m", "--rate", bad}) ==
          std::string("train: --rate ") + bad + ": must be a number from 0 to 1");
  }
  const Arguments a = parse({"r", "--out", "hst"});
  CHECK_THROWS_WITH_AS(quench::choice(a, "--out", {"host", "avr"}),
                       "train: --out hst: must be one of host, avr: did you mean host?", UsageError);
  CHECK(quench::choice(a, "--out", {"hst"}) == "hst");
}

TEST_CASE("usage and help follow from the declaration") {
  CHECK(quench::usage(verb) ==
        "usage: quench train RECIPE [EXTRA] --out MODEL [--threads N] [--rate X] [--set KEY=VALUE ...] [--json]\n");
  CHECK(quench::help(verb) ==
        "usage: quench train RECIPE [EXTRA] --out MODEL [--threads N] [--rate X] [--set KEY=VALUE ...] [--json]\n"
        "\nTrains.\n\n"
        "  RECIPE           what to do\n"
        "  EXTRA            more\n"
        "  --out MODEL      where to\n"
        "  --threads N      threads (default: 2)\n"
        "  --rate X         a number (default: 0.5)\n"
        "  --set KEY=VALUE  a key\n"
        "  --json           as JSON\n"
        "  --help           this text\n"
        "\nNotes.\n");
}

TEST_CASE("tables are aligned by characters, numbers to the right") {
  quench::Table table;
  table.header = {"layer", "bits", "\xce\xb5"};
  table.rows = {{"hidden", "8", "x"}, {}, {"out", "16"}, {"\xc3\xa9", "-1"}};
  CHECK(quench::table_text(table) ==
        "layer   bits  \xce\xb5\n"
        "------  ----  -\n"
        "hidden     8  x\n"
        "------  ----  -\n"
        "out       16\n"
        "\xc3\xa9         -1\n");
}

TEST_CASE("numbers for people") {
  using quench::rounded;
  CHECK(rounded(0, 3) == "0");
  CHECK(rounded(0.0123456, 3) == "0.0123");
  CHECK(rounded(9.996, 3) == "10.0");
  CHECK(rounded(-12.345, 3) == "-12.3");
  CHECK(rounded(123456, 3) == "123000");
  CHECK(rounded(999999.9, 3) == "1.00e+06");
  CHECK(rounded(0.000012, 2) == "1.2e-05");
  CHECK(rounded(std::nan(""), 3) == "-");
  CHECK(quench::ratio_text(929, 100) == "9.29 times smaller");
  CHECK(quench::ratio_text(100, 162) == "1.62 times larger");
  CHECK(quench::ratio_text(7, 7) == "as large");
  CHECK(quench::ratio_text(7, 0) == "-");
  CHECK(quench::grouped(1234567) == "1 234 567");
  CHECK(quench::grouped(-12345) == "-12 345");
  CHECK(quench::grouped(1234) == "1234");
  CHECK(quench::grouped(0) == "0");
  CHECK(quench::bytes_text(1023) == "1023 B");
  CHECK(quench::bytes_text(1024) == "1.00 KiB");
  CHECK(quench::bytes_text(1024.0 * 1023.999) == "1.00 MiB");
  CHECK(quench::bytes_text(1000 * 1024) == "1000 KiB");
  CHECK(quench::duration_text(0.1234) == "0.12 s");
  CHECK(quench::duration_text(59.7) == "1 min 00 s");
  CHECK(quench::duration_text(3599.6) == "1 h 00 min");
  CHECK(quench::duration_text(200) == "3 min 20 s");
}

TEST_CASE("the progress line: half done in ten seconds leaves ten") {
  CHECK(quench::progress_line("train", "steps", 0, 50, 100, 10, "loss 0.4", 200) ==
        "train [##########..........]  50 %  50/100 steps  5.00 steps/s  10 s left  loss 0.4");
  CHECK(quench::progress_line("train", "steps", 50, 75, 100, 5, "", 200) ==
        "train [###############.....]  75 %  75/100 steps  5.00 steps/s  5.00 s left");  // resumed at 50
  CHECK(quench::progress_line("x", "e", 0, 0, 0, 0, "", 200) == "x [....................]   0 %  0/0 e");
  CHECK(quench::progress_line("train", "steps", 0, 100, 100, 10, "", 20) == "train [############");
}
