// The .npy format (numpy.lib.format 1.0 to 3.0): magic, version, a Python dictionary as text, then the raw numbers.
// SPDX-License-Identifier: MIT
#include "engine/tensor/npy.h"

#include <cstring>
#include <limits>

#include "engine/core/error.h"

namespace quench {
namespace {

constexpr std::size_t kMaxHeader = 65536;  // NumPy itself refuses more than 10,000 by default
constexpr std::size_t kMaxRank = 32;       // as NumPy

std::uint64_t little_endian(const char* p, std::size_t bytes) {
  std::uint64_t v = 0;
  for (std::size_t i = 0; i < bytes; ++i) v |= std::uint64_t{static_cast<unsigned char>(p[i])} << (8 * i);
  return v;
}

// Walks through the header's dictionary, e.g. {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
struct Header {
  std::string text;
  std::string where;
  std::size_t at = 0;

  [[noreturn]] void bad(const std::string& expected) const {
    fail(where, ": the .npy header is malformed at its character ", at, ": ", expected,
         " expected; write the file again with numpy.save");
  }
  void skip_space() {
    while (at < text.size() && (text[at] == ' ' || text[at] == '\n' || text[at] == '\t')) ++at;
  }
  char peek() {
    skip_space();
    return at < text.size() ? text[at] : '\0';
  }
  bool take(char c) {
    if (peek() != c) return false;
    ++at;
    return true;
  }
  void expect(char c) {
    if (!take(c)) bad(std::string("'") + c + "'");
  }
  bool take_word(const char* word) {
    skip_space();
    if (text.compare(at, std::strlen(word), word) != 0) return false;
    at += std::strlen(word);
    return true;
  }
  std::string quoted() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') bad("a quoted string");
    const std::size_t end = text.find(quote, at + 1);
    if (end == std::string::npos) bad("a closing quote");
    const std::string s = text.substr(at + 1, end - at - 1);
    at = end + 1;
    return s;
  }
  std::int64_t number() {
    skip_space();
    if (at >= text.size() || text[at] < '0' || text[at] > '9') bad("a number that is not negative");
    std::int64_t v = 0;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
      const int digit = text[at] - '0';
      if (v > (std::numeric_limits<std::int64_t>::max() - digit) / 10)
        fail(where, ": a dimension in the .npy header does not fit in 63 bits; the file is damaged");
      v = 10 * v + digit;
    }
    if (at < text.size() && text[at] == 'L') ++at;  // written by Python 2
    return v;
  }
};

std::string printable(const std::string& s) {
  std::string out;
  for (char c : s.substr(0, 40)) out += c >= ' ' && c <= '~' ? c : '?';
  return out;
}

// "<f4" -> "f4"; everything that is not plain little-endian numbers is refused.
std::string element_type(const std::string& descr, const std::string& where) {
  const std::string shown = printable(descr);
  if (descr.find('O') != std::string::npos)
    fail(where, ": holds pickled Python objects (dtype ", shown,
         "), which are never executed here; save plain numbers, e.g. array.astype('float32')");
  if (descr.size() == 3) {
    const std::string type = descr.substr(1);
    const bool one_byte = type == "i1" || type == "u1";
    for (const char* known : {"f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"}) {
      if (type != known) continue;
      if (descr[0] == '>' && !one_byte)
        fail(where, ": dtype ", shown, " is big-endian; save it as little-endian, e.g. array.astype('<", type, "')");
      if (descr[0] == '<' || (one_byte && (descr[0] == '|' || descr[0] == '>'))) return type;
    }
  }
  fail(where, ": dtype ", shown, " is not supported; save float32, float64 or integers, e.g. array.astype('float32')");
}

std::vector<std::int64_t> read_shape(Header& h) {
  std::vector<std::int64_t> shape;
  h.expect('(');
  while (!h.take(')')) {
    if (shape.size() == kMaxRank)
      fail(h.where, ": more than ", kMaxRank, " dimensions in the .npy header; the file is damaged");
    shape.push_back(h.number());
    if (!h.take(',') && h.peek() != ')') h.bad("',' or ')'");
  }
  return shape;
}

void read_header(Header& h, Array& array) {
  bool has_descr = false, has_order = false, has_shape = false;
  h.expect('{');
  while (!h.take('}')) {
    const std::string key = h.quoted();
    h.expect(':');
    bool* seen = key == "descr"           ? &has_descr
                 : key == "fortran_order" ? &has_order
                 : key == "shape"         ? &has_shape
                                          : nullptr;
    if (!seen)
      fail(h.where, ": unknown key '", printable(key), "' in the .npy header; write the file again with numpy.save");
    if (*seen) fail(h.where, ": the key '", key, "' stands twice in the .npy header; the file is damaged");
    *seen = true;
    if (seen == &has_descr) {
      if (h.peek() == '[' || h.peek() == '(')
        fail(h.where, ": has a structured dtype (several fields); save each field as an array of its own");
      array.type = element_type(h.quoted(), h.where);
    } else if (seen == &has_order) {
      if (h.take_word("True"))
        fail(h.where, ": is in Fortran order; save it in C order with numpy.ascontiguousarray(array)");
      if (!h.take_word("False")) h.bad("True or False");
    } else {
      array.shape = read_shape(h);
    }
    if (!h.take(',') && h.peek() != '}') h.bad("',' or '}'");
  }
  if (h.peek() != '\0' || h.at != h.text.size()) h.bad("nothing more");
  if (!has_descr || !has_order || !has_shape)
    fail(h.where, ": the .npy header lacks ",
         !has_descr   ? "'descr'"
         : !has_order ? "'fortran_order'"
                      : "'shape'",
         "; write the file again with numpy.save");
}

// Bytes of the data, or a refusal when their number does not fit in memory.
std::uint64_t data_bytes(const Array& array, const std::string& where) {
  constexpr std::uint64_t kLimit = std::uint64_t{1} << 62;
  std::uint64_t bytes = static_cast<std::uint64_t>(array.type[1] - '0');
  for (std::int64_t d : array.shape)
    if (d == 0) return 0;
  for (std::int64_t d : array.shape) {
    if (static_cast<std::uint64_t>(d) > kLimit / bytes)
      fail(where, ": the shape in the .npy header asks for more than 2^62 bytes; the file is damaged");
    bytes *= static_cast<std::uint64_t>(d);
  }
  return bytes;
}

template <class To, class From>
void convert(const Array& a, std::vector<To>& out) {
  const std::size_t n = out.size();
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint64_t bits = little_endian(a.bytes.data() + i * sizeof(From), sizeof(From));
    From v;
    if constexpr (sizeof(From) == 8) {
      std::memcpy(&v, &bits, 8);
    } else if constexpr (sizeof(From) == 4) {
      const std::uint32_t word = static_cast<std::uint32_t>(bits);
      std::memcpy(&v, &word, 4);
    } else if constexpr (sizeof(From) == 2) {
      const std::uint16_t word = static_cast<std::uint16_t>(bits);
      std::memcpy(&v, &word, 2);
    } else {
      const std::uint8_t word = static_cast<std::uint8_t>(bits);
      std::memcpy(&v, &word, 1);
    }
    out[i] = static_cast<To>(v);
  }
}

template <class To>
std::vector<To> numbers(const Array& a) {
  std::vector<To> out(static_cast<std::size_t>(a.size()));
  if (a.type == "f4") convert<To, float>(a, out);
  if (a.type == "f8") convert<To, double>(a, out);
  if (a.type == "i1") convert<To, std::int8_t>(a, out);
  if (a.type == "i2") convert<To, std::int16_t>(a, out);
  if (a.type == "i4") convert<To, std::int32_t>(a, out);
  if (a.type == "i8") convert<To, std::int64_t>(a, out);
  if (a.type == "u1") convert<To, std::uint8_t>(a, out);
  if (a.type == "u2") convert<To, std::uint16_t>(a, out);
  if (a.type == "u4") convert<To, std::uint32_t>(a, out);
  if (a.type == "u8") convert<To, std::uint64_t>(a, out);
  return out;
}

}  // namespace

std::int64_t Array::size() const {
  return static_cast<std::int64_t>(bytes.size()) / (type.size() == 2 ? type[1] - '0' : 1);
}

Array parse_npy(Span<const char> buffer, const std::string& where) {
  if (buffer.size() < 10 || std::memcmp(buffer.data(), "\x93NUMPY", 6) != 0)
    fail(where, ": is not a .npy file (", buffer.size(),
         " bytes that do not begin with NumPy's mark); write it with numpy.save");
  const int major = static_cast<unsigned char>(buffer[6]);
  if (major < 1 || major > 3 || buffer[7] != 0)
    fail(where, ": .npy format version ", major, ".", static_cast<int>(static_cast<unsigned char>(buffer[7])),
         " is not known, only 1.0, 2.0 and 3.0; write the file with numpy.save");
  const std::size_t length_bytes = major == 1 ? 2 : 4, begin = 8 + length_bytes;
  if (buffer.size() < begin)
    fail(where, ": truncated: ", buffer.size(), " bytes end inside the .npy header; copy the file again");
  const std::size_t length = static_cast<std::size_t>(little_endian(buffer.data() + 8, length_bytes));
  if (length > kMaxHeader)
    fail(where, ": the .npy header claims ", length, " bytes, the limit is ", kMaxHeader, "; the file is damaged");
  if (buffer.size() - begin < length)
    fail(where, ": truncated: the .npy header has ", length, " bytes, only ", buffer.size() - begin,
         " are there; copy the file again");
  Array array;
  Header header{std::string(buffer.data() + begin, length), where};
  read_header(header, array);
  const std::uint64_t need = data_bytes(array, where), have = buffer.size() - begin - length;
  if (have < need)
    fail(where, ": truncated: its shape needs ", need, " bytes of data, it has ", have, "; copy the file again");
  if (have > need)
    fail(where, ": ", have - need, " bytes of trailing garbage after ", need, " bytes of data; write the file again");
  array.bytes = {buffer.data() + begin + length, static_cast<std::size_t>(need)};
  return array;
}

std::vector<float> to_floats(const Array& a) { return numbers<float>(a); }

std::vector<double> to_doubles(const Array& a) { return numbers<double>(a); }

std::string npy_bytes(const Tensor& t) {
  std::string dict = "{'descr': '<f4', 'fortran_order': False, 'shape': (";
  for (std::size_t i = 0; i < t.shape.size(); ++i)
    dict += std::to_string(t.shape[i]) + (i + 1 < t.shape.size() ? ", " : t.shape.size() == 1 ? "," : "");
  dict += "), }";
  while ((10 + dict.size() + 1) % 64 != 0) dict += ' ';  // the data begin at a multiple of 64, as NumPy writes it
  dict += '\n';
  std::string out = std::string("\x93NUMPY\x01", 7) + '\0';
  out += static_cast<char>(dict.size() & 0xff);
  out += static_cast<char>(dict.size() >> 8);
  out += dict;
  const std::size_t begin = out.size();
  out.resize(begin + 4 * t.data.size());
  for (std::size_t i = 0; i < t.data.size(); ++i) {
    std::uint32_t bits;
    std::memcpy(&bits, &t.data[i], 4);
    for (std::size_t k = 0; k < 4; ++k) out[begin + 4 * i + k] = static_cast<char>((bits >> (8 * k)) & 0xff);
  }
  return out;
}

}  // namespace quench
