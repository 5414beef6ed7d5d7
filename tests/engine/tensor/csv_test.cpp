// Tables: what is read, and the sentence each wrong file gets.
// SPDX-License-Identifier: MIT
#include "engine/tensor/csv.h"

#include <doctest/doctest.h>

#include <string>

#include "engine/core/error.h"

using namespace quench;
using Names = std::vector<std::string>;

namespace {

CsvTable read(const std::string& text, const Names& columns = {}) { return parse_csv(text, "t.csv", columns); }

std::string refusal(const std::string& text, const Names& columns = {}) {
  try {
    read(text, columns);
  } catch (const Error& e) {
    return e.what();
  }
  return "read";
}

}  // namespace

TEST_CASE("numbers, names, and columns of text that are left out") {
  const CsvTable t = read("a,class,b\n1,g,-2.5\n+3e2,h, 0.125 \n");
  CHECK(t.names == Names{"a", "b"});
  CHECK(t.left_out == Names{"class"});
  CHECK(t.values == Tensor{{2, 2}, {1, -2.5f, 300, 0.125f}});
}

TEST_CASE("chosen columns come in the order asked for, texts as their place in the alphabet") {
  const std::string text = "a,class,b\n1,h,5\n2,g,6\n3,h,7\n";
  CHECK(read(text, {"b", "a"}).values == Tensor{{3, 2}, {5, 1, 6, 2, 7, 3}});
  CHECK(read(text, {"class"}).values == Tensor{{3, 1}, {1, 0, 1}});
  CHECK(refusal(text, {"clas"}) == "t.csv: has no column 'clas': did you mean class?");
  CHECK(refusal(text, {"a", "a"}) == "t.csv: column 'a' is asked for twice");
}

TEST_CASE("line ends, quotes, blanks and a byte order mark change nothing") {
  const CsvTable plain = read("a,b\n1,2\n3,4\n");
  for (const char* text : {"a,b\n1,2\n3,4", "a,b\r\n1,2\r\n3,4\r\n", "a,b\n1,2\n3,4\n\n\r\n",
                           "\xef\xbb\xbf"
                           "a,b\n1,2\n3,4\n",
                           "\"a\",\"b\"\r\n\"1\" , 2\n3,\"4\"\n", " a ,\tb\n 1,2\t\n3,4\n"}) {
    INFO(std::string(text));
    CHECK(read(text).names == plain.names);
    CHECK(read(text).values == plain.values);
  }
  const CsvTable quoted = read("\"a \"\"x\"\", m\",\"b\nc\"\n1,2\n");
  CHECK(quoted.names == Names{"a \"x\", m", "b\nc"});
  CHECK(refusal("\"b\nc\",d\n1,2\n3,x\n4,5\n") ==
        "t.csv: line 4, column 2 ('d'): 'x' is no number, most of the column are");
}

TEST_CASE("every wrong file gets one sentence with its place") {
  const auto says = [](const std::string& text, const std::string& part) {
    const std::string told = refusal(text);
    INFO(text, " -> ", told);
    CHECK(told.find(part) != std::string::npos);
    CHECK(told.compare(0, 5, "t.csv") == 0);
  };
  says("", "is empty");
  says("\n\n", "is empty");
  says("a,b\n", "a header and no rows");
  says("1,2\n3,4\n", "line 1 holds numbers and no names");
  says("a,\n1,2\n", "line 1, column 2: the column has no name");
  says("a,b,a\n1,2,3\n", "line 1, column 3: two columns are called 'a'");
  says("a,b\n1,2\n3\n", "line 3 has 1 columns, the header has 2");
  says("a,b\n1,2\n\n3,4\n", "line 3 has 1 columns, the header has 2");
  says("a,b\n1,2,3\n", "line 2 has more than the 2 columns");
  says("a,b\n1,2\n3,nan\n", "line 3, column 2 ('b'): is 'nan'; every number must be finite");
  says("a,b\n-inf,2\n", "line 2, column 1 ('a'): is '-inf'");
  says("a,b\n1,1e39\n", "line 2, column 2 ('b'): '1e39' does not fit");
  says("a,b\n1,-1e999\n", "'-1e999' does not fit");
  says("a,b\n1,2\n3,\n", "line 3, column 2 ('b'): the number is missing");
  says("a,b\n1,2\n3,4x\n", "line 3, column 2 ('b'): '4x' is no number");
  says("a,b\n1,2\n3,0x10\n", "'0x10' is no number");
  says("a;b\n1,5;2,5\n", "line 2 has more than the 1 columns");
  says("a,b\n1,\"2\n", "line 2, column 2: the quote is never closed");
  says("a,b\n1,\"2\"3\n", "line 2, column 2: '3' follows a closing quote");
  says("a,b\n1,2\"3\n", "line 2, column 2: a quote inside '2\"'");
  says("a,b\nx,y\n", "all 2 columns hold text");
  says(std::string("a,b\n1,\0\n", 8), "zero byte");
  std::string wide = "c0";
  for (int j = 1; j <= most_csv_columns; ++j) wide += ",c" + std::to_string(j);
  says(wide + "\n", "more than 4096 columns");
}

TEST_CASE("a column is of numbers when half of it are, and of text when fewer") {
  CHECK(read("a,b\n1,x\n2,y\n3,3\n").left_out == Names{"b"});
  CHECK(refusal("a,b\n1,x\n2,4\n").find("'x' is no number") != std::string::npos);
}
