// Encodings of linear layers: every weight comes back by a naive decoder, and sizes are those worked by hand.
// SPDX-License-Identifier: MIT
#include "engine/encode/encode.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <string>

using namespace quench;

namespace {

using Numbers = std::vector<std::int64_t>;

constexpr Encoding every_encoding[] = {Encoding::dense, Encoding::csr, Encoding::delta_csr, Encoding::bitmap,
                                       Encoding::blocks};

const DeviceField* find(const std::vector<DeviceField>& fields, const std::string& name) {
  for (const DeviceField& f : fields)
    if (f.name == name) return &f;
  return nullptr;
}

const DeviceField& field(const std::vector<DeviceField>& fields, const std::string& name) {
  const DeviceField* f = find(fields, name);
  REQUIRE_MESSAGE(f, name);
  return *f;
}

std::int64_t scalar(const DeviceLayer& layer, const char* name) { return field(layer.fields, name).values[0]; }

// The table's first elements: all bits of a packed table in one string of 0 and 1, cut into fields.
Numbers first_elements(const DeviceField& f, std::size_t count) {
  if (f.kind == DeviceField::Kind::table) {
    CHECK(f.values.size() == count);
    return f.values;
  }
  std::string bits;
  for (std::int64_t byte : f.members[0].values)
    for (int b = 0; b < 8; ++b) bits += byte / (1 << b) % 2 == 1 ? '1' : '0';
  const bool signs = f.type == "Signs", is_signed = f.type.rfind("SignedBits<", 0) == 0;
  const std::size_t width = signs ? 1 : static_cast<std::size_t>(std::stoi(f.type.substr(f.type.find('<') + 1)));
  CHECK(bits.size() == (count * width + 7) / 8 * 8);  // no byte more than the fields need
  Numbers values;
  for (std::size_t i = 0; i < count; ++i) {
    std::int64_t v = 0;
    for (std::size_t b = 0; b < width; ++b)
      if (bits[i * width + b] == '1') v += (is_signed && b + 1 == width ? -1 : 1) * (std::int64_t{1} << b);
    values.push_back(signs ? 1 - 2 * v : v);
  }
  return values;
}

// Dense weights out of places (in blocks of n columns, the last of a row may be shorter) and the weights of each.
Numbers scatter(const DeviceLayer& layer, const QLinear& op, const Numbers& places, int n) {
  const std::int64_t blocks = (op.columns + n - 1) / n;
  std::vector<std::size_t> stored;  // where in the dense matrix each weight belongs
  for (std::int64_t place : places)
    for (std::int64_t column = place % blocks * n; column < (place % blocks + 1) * n && column < op.columns; ++column)
      stored.push_back(static_cast<std::size_t>(place / blocks * op.columns + column));
  const Numbers weight = first_elements(field(layer.fields, "weight"), stored.size());
  Numbers dense(op.weight.size());
  for (std::size_t i = 0; i < stored.size(); ++i) dense[stored[i]] = weight[i];
  return dense;
}

Numbers places_of(const DeviceLayer& layer, const QLinear& op, int n) {
  Numbers places;
  const std::int64_t blocks = std::int64_t{op.rows} * ((op.columns + n - 1) / n);
  if (const DeviceField* mask = find(layer.fields, "mask")) {
    CHECK(static_cast<std::int64_t>(mask->values.size()) == (blocks + 7) / 8);
    for (std::int64_t b = 0; b < 8 * static_cast<std::int64_t>(mask->values.size()); ++b)
      if (mask->values[static_cast<std::size_t>(b / 8)] / (1 << b % 8) % 2 == 1) places.push_back(b);
    return places;
  }
  std::int64_t next = 0;
  for (std::int64_t gap :
       first_elements(field(layer.fields, "gap"), static_cast<std::size_t>(scalar(layer, "steps")))) {
    next += gap;
    if (gap != scalar(layer, "escape")) places.push_back(next++);
  }
  return places;
}

Numbers decode(const DeviceLayer& layer, const QLinear& op) {
  if (layer.encoding == "dense") return first_elements(field(layer.fields, "weight"), op.weight.size());
  if (layer.encoding != "csr")
    return scatter(layer, op, places_of(layer, op, layer.encoding == "blocks" ? 4 : 1),
                   layer.encoding == "blocks" ? 4 : 1);
  const Numbers count = first_elements(field(layer.fields, "count"), static_cast<std::size_t>(op.rows));
  std::size_t all = 0;
  for (std::int64_t c : count) all += static_cast<std::size_t>(c);
  const Numbers column = first_elements(field(layer.fields, "column"), all);
  Numbers places;
  for (std::size_t r = 0; r < count.size(); ++r)
    for (std::int64_t i = 0; i < count[r]; ++i)
      places.push_back(static_cast<std::int64_t>(r) * op.columns + column[places.size()]);
  return scatter(layer, op, places, 1);
}

// Row by row as the kernel reads them.
void check_companions(const DeviceLayer& layer, const QLinear& op) {
  const std::size_t rows = static_cast<std::size_t>(op.rows);
  CHECK(first_elements(field(layer.fields, "bias"), rows) == Numbers(op.bias.begin(), op.bias.end()));
  const std::vector<DeviceField>& q = field(layer.fields, "requantize").members;
  const std::size_t m_step = static_cast<std::size_t>(field(q, "multiplier_step").values[0]),
                    s_step = static_cast<std::size_t>(field(q, "shift_step").values[0]);
  const std::int64_t lowest = field(q, "lowest_shift").values[0];
  const auto check_pair = [&](const char* multiplier, const char* shift, const std::vector<std::int32_t>& m,
                              const std::vector<std::uint8_t>& s) {
    const Numbers stored_m = first_elements(field(q, multiplier), m_step ? rows : 1),
                  stored_s = first_elements(field(q, shift), s_step ? rows : 1);
    for (std::size_t r = 0; r < rows; ++r) {
      CHECK(stored_m[r * m_step] == m[m.size() > 1 ? r : 0]);
      CHECK(lowest + stored_s[r * s_step] == s[s.size() > 1 ? r : 0]);
    }
  };
  const Requantization& want = op.requantize;
  check_pair("multiplier", "shift", want.multiplier, want.shift);
  CHECK(field(q, "leaky").values[0] == !want.negative_multiplier.empty());
  if (!want.negative_multiplier.empty())
    check_pair("negative_multiplier", "negative_shift", want.negative_multiplier, want.negative_shift);
}

QLinear random_layer(std::mt19937& random, int rows, int columns, int bits, double density) {
  const auto between = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); };
  QLinear op;
  op.rows = rows, op.columns = columns, op.weight_bits = bits, op.weight_scale = {1};
  const int most = (1 << (bits - 1)) - 1;
  for (int i = 0; i < rows * columns; ++i)
    op.weight.push_back(static_cast<std::int16_t>(between(1, 1000) <= 1000 * density ? between(-most, most) : 0));
  const int reach = 1 << between(1, 30);
  const bool per_row = between(0, 1), same_shift = between(0, 1), leaky = between(0, 1);
  for (int r = 0; r < rows; ++r) op.bias.push_back(between(-reach, reach));
  const auto pairs = [&](std::vector<std::int32_t>& m, std::vector<std::uint8_t>& s) {
    for (int r = 0; r < (per_row ? rows : 1); ++r) {
      m.push_back(between(0, reach));
      s.push_back(static_cast<std::uint8_t>(same_shift ? 31 : between(30, 34)));
    }
  };
  pairs(op.requantize.multiplier, op.requantize.shift);
  if (leaky) pairs(op.requantize.negative_multiplier, op.requantize.negative_shift);
  return op;
}

// One row of 20 columns, 3-bit codes: -3 at column 2 and 3 at column 17.
QLinear two_weights() {
  QLinear op;
  op.rows = 1, op.columns = 20, op.weight_bits = 3, op.weight_scale = {1}, op.bias = {0};
  op.weight.assign(20, 0);
  op.weight[2] = -3, op.weight[17] = 3;
  op.requantize.multiplier = {1}, op.requantize.shift = {1}, op.requantize.high = 127;
  return op;
}

}  // namespace

TEST_CASE("every weight, bias, multiplier and shift comes back from every encoding") {
  std::mt19937 random(1);
  const int shapes[][2] = {{1, 1}, {9, 1}, {1, 7}, {6, 10}, {13, 33}, {3, 300}, {2, 5000}};
  for (const auto& [rows, columns] : shapes)
    for (int bits = 2; bits <= 16; ++bits)
      for (double density : {0.0, 0.004, 0.05, 0.3, 1.0}) {
        const QLinear op = random_layer(random, rows, columns, bits, density);
        for (Encoding encoding : every_encoding) {
          const DeviceLayer layer = encode(op, encoding);
          INFO(layer.kernel, ", ", rows, " x ", columns, ", density ", density);
          CHECK(decode(layer, op) == Numbers(op.weight.begin(), op.weight.end()));
          check_companions(layer, op);
        }
      }
}

TEST_CASE("the smallest encoding is the smallest") {
  std::mt19937 random(2);
  std::vector<std::string> winners;
  for (double density : {0.02, 0.05, 0.1, 0.3, 0.6, 1.0}) {
    const QLinear op = random_layer(random, 40, 120, 4, density);
    std::int64_t fewest = INT64_MAX;
    for (Encoding encoding : every_encoding) fewest = std::min(fewest, stored_bits(encode(op, encoding)));
    const DeviceLayer best = encode(op, Encoding::smallest);
    CHECK(stored_bits(best) == fewest);
    winners.push_back(best.encoding);
  }
  CHECK(winners.front() == "delta-csr");
  CHECK(winners.back() == "dense");
  CHECK(std::count(winners.begin(), winners.end(), "bitmap") > 0);
  QLinear op = random_layer(random, 40, 120, 4, 1);  // whole blocks of four stay: one bit says it for four
  for (std::size_t i = 0; i < op.weight.size(); ++i)
    op.weight[i] = static_cast<std::int16_t>(i / 4 % 3 ? 0 : 1 + i % 7);
  CHECK(encode(op, Encoding::smallest).encoding == "blocks");
}

TEST_CASE("sizes worked by hand") {
  const QLinear op = two_weights();
  // Numbers: rows 32, four bytes, zero, low and high 3 * 32; tables: a bias, a multiplier and a shift in a byte each.
  const std::int64_t fixed = 32 + 4 * 8 + 3 * 32 + 3 * 8;
  CHECK(stored_bits(encode(op, Encoding::dense)) == fixed + 32 + 64);  // 20 * 3 = 60 bits in 8 bytes
  CHECK(stored_bits(encode(op, Encoding::bitmap)) == fixed + 32 + 24 + 8);
  CHECK(stored_bits(encode(op, Encoding::csr)) == fixed + 8 + 16 + 8);  // a count, two columns, two weights
  // Gaps 2 and 14: two of 4 bits fit a byte; with 3 bits 14 would be 7, 7, 0.
  CHECK(stored_bits(encode(op, Encoding::delta_csr)) == fixed + 3 * 32 + 8 + 8);
  CHECK(stored_bits(encode(op, Encoding::blocks)) == fixed + 32 + 8 + 24);  // 5 bits, 8 weights of 3 bits
  CHECK(encode(op, Encoding::smallest).encoding == "csr");
  const DeviceLayer gaps = encode(op, Encoding::delta_csr);
  CHECK(gaps.kernel ==
        "GapLinear<int32_t, 1, UnsignedBits<4>, SignedBits<3>, const int8_t*, "
        "Requantize<const uint8_t*, const uint8_t*>>");
  CHECK(scalar(gaps, "escape") == 15);
  CHECK(field(gaps.fields, "gap").members[0].values == Numbers{2 + 16 * 14});
  CHECK(field(gaps.fields, "weight").members[0].values == Numbers{5 + 8 * 3});  // -3 is 101
  const StoredBits parts = stored_parts(gaps);
  CHECK(parts.weights == 8);
  CHECK(parts.indices == 8);
  CHECK(parts.biases == 8);
  CHECK(parts.multipliers == 16);
  CHECK(parts.tables == 0);
  CHECK(parts.numbers == 4 * 32 + 4 * 8 + 3 * 32);
}

TEST_CASE("a gap as long as the escape takes another field; an escape has no weight") {
  QLinear op = two_weights();
  op.rows = 16, op.weight.assign(320, 0), op.bias.assign(16, 0);
  // Gaps of 2, and one of 8 = 3 + 3 + 2: fields of 2 bits.
  for (std::size_t i = 0; i < 36; ++i) op.weight[3 * i + 2] = 2;
  op.weight[116] = 3;
  const DeviceLayer layer = encode(op, Encoding::delta_csr);
  CHECK(scalar(layer, "escape") == 3);
  const Numbers gap = first_elements(field(layer.fields, "gap"), static_cast<std::size_t>(scalar(layer, "steps")));
  REQUIRE(gap.size() == 36 + 3);
  CHECK(Numbers(gap.begin(), gap.begin() + 4) == Numbers{2, 2, 2, 2});
  CHECK(Numbers(gap.end() - 3, gap.end()) == Numbers{3, 3, 2});
}

TEST_CASE("weights of two bits are signs where zeros are not stored; equal shifts and multipliers are stored once") {
  QLinear op = two_weights();
  op.weight[2] = -1, op.weight[17] = 1;
  const DeviceLayer bitmap = encode(op, Encoding::bitmap);
  CHECK(field(bitmap.fields, "weight").type == "Signs");
  CHECK(field(bitmap.fields, "weight").members[0].values == Numbers{1});
  CHECK(field(encode(op, Encoding::dense).fields, "weight").type == "SignedBits<2>");
  op.rows = 2, op.weight.resize(40), op.bias = {100000, -100000};
  op.requantize.multiplier = {5, 5}, op.requantize.shift = {40, 40};
  const DeviceLayer same = encode(op, Encoding::bitmap);
  CHECK(stored_parts(same).multipliers == 8 + 8);
  CHECK(stored_parts(same).biases == 40);  // two of 18 bits
  op.requantize.shift = {40, 41};
  const std::vector<DeviceField> q = field(encode(op, Encoding::bitmap).fields, "requantize").members;
  CHECK(field(q, "lowest_shift").values[0] == 40);
  CHECK(field(q, "shift").members[0].values == Numbers{2});
}

TEST_CASE("the checksum of a layer covers every number of every table") {
  std::mt19937 random(3);
  const QLinear op = random_layer(random, 5, 12, 5, 0.5);
  for (Encoding encoding : every_encoding) {
    const DeviceLayer layer = encode(op, encoding);
    std::vector<std::uint32_t> seen{constants_crc(layer)};
    DeviceLayer changed = layer;
    const auto change_each = [&](std::vector<DeviceField>& fields, const auto& self) -> void {
      for (DeviceField& f : fields) {
        self(f.members, self);
        for (std::int64_t& v : f.values) {
          ++v;
          seen.push_back(constants_crc(changed));
          --v;
        }
      }
    };
    change_each(changed.fields, change_each);
    std::sort(seen.begin(), seen.end());
    CHECK(seen.size() > 30);
    CHECK(std::adjacent_find(seen.begin(), seen.end()) == seen.end());
  }
}
