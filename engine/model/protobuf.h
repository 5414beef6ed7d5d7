// The wire format of Protocol Buffers, written and read without a library.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "engine/core/error.h"

// Format: https://protobuf.dev/programming-guides/encoding/. Every field starts with a varint key, number * 8 + wire
// type.
namespace quench::protobuf {

enum class WireType : std::uint32_t { varint = 0, fixed64 = 1, length = 2, fixed32 = 5 };

// --- writing: each function appends one field
inline void put_varint(std::string& out, std::uint64_t v) {
  for (; v >= 128; v >>= 7) out.push_back(static_cast<char>((v & 127) | 128));
  out.push_back(static_cast<char>(v));
}

inline void put_key(std::string& out, std::uint32_t number, WireType type) {
  put_varint(out, std::uint64_t{number} << 3 | static_cast<std::uint32_t>(type));
}

inline void put_int(std::string& out, std::uint32_t number, std::int64_t v) {
  put_key(out, number, WireType::varint);
  put_varint(out, static_cast<std::uint64_t>(v));
}

// A string, bytes or an embedded message.
inline void put_bytes(std::string& out, std::uint32_t number, std::string_view bytes) {
  put_key(out, number, WireType::length);
  put_varint(out, bytes.size());
  out.append(bytes);
}

template <class T>
void append_little_endian(std::string& out, T v) {
  for (std::size_t i = 0; i < sizeof(T); ++i) out.push_back(static_cast<char>(v >> (8 * i) & 255));
}

inline std::uint32_t float_bits(float v) {
  std::uint32_t bits;
  std::memcpy(&bits, &v, sizeof bits);
  return bits;
}

inline std::uint64_t double_bits(double v) {
  std::uint64_t bits;
  std::memcpy(&bits, &v, sizeof bits);
  return bits;
}

inline void put_float(std::string& out, std::uint32_t number, float v) {
  put_key(out, number, WireType::fixed32);
  append_little_endian(out, float_bits(v));
}

// --- reading
template <class T>
T little_endian(const char* p) {
  T v = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i)
    v = static_cast<T>(v | static_cast<T>(static_cast<unsigned char>(p[i])) << (8 * i));
  return v;
}

inline float float_of(std::uint32_t bits) {
  float v;
  std::memcpy(&v, &bits, sizeof v);
  return v;
}

inline double double_of(std::uint64_t bits) {
  double v;
  std::memcpy(&v, &bits, sizeof v);
  return v;
}

// One message being read. `path` and `message` are for errors; all three must outlive the reader.
struct Reader {
  std::string_view bytes;
  const std::string* path;
  const char* message;  // "NodeProto"
  std::size_t position = 0;
  // The field next() stopped at.
  std::uint32_t number = 0;
  WireType type = WireType::varint;
  std::uint64_t value = 0;        // of a varint, fixed32 or fixed64
  std::string_view payload = {};  // of a length-delimited field
};

[[noreturn]] inline void damaged(const Reader& r, const std::string& what) {
  fail(*r.path, ": ", r.message, ": ", what, " at byte ", r.position, " of ", r.bytes.size(),
       "; this is not a whole ONNX file, export or copy it again");
}

inline std::uint64_t read_varint(Reader& r) {
  std::uint64_t v = 0;
  for (unsigned shift = 0; shift < 70; shift += 7) {
    if (r.position == r.bytes.size()) damaged(r, "number is cut off");
    const auto byte = static_cast<unsigned char>(r.bytes[r.position++]);
    if (shift == 63 && byte > 1) break;  // more than 64 bits
    v |= std::uint64_t{byte & 127u} << shift;
    if (byte < 128) return v;
  }
  damaged(r, "number is longer than 64 bits");
}

// Steps to the next field; false at the end of the message.
inline bool next(Reader& r) {
  if (r.position == r.bytes.size()) return false;
  const std::uint64_t key = read_varint(r);
  const std::uint64_t wire = key & 7;
  if (key >> 3 == 0 || key >> 32 != 0) damaged(r, "field number " + std::to_string(key >> 3) + " does not exist");
  r.number = static_cast<std::uint32_t>(key >> 3);
  r.type = static_cast<WireType>(wire);
  if (wire == 0) {
    r.value = read_varint(r);
    return true;
  }
  if (wire != 1 && wire != 2 && wire != 5)
    damaged(r, "field " + std::to_string(r.number) + " has the unknown wire type " + std::to_string(wire));
  const std::uint64_t size = wire == 1 ? 8 : wire == 5 ? 4 : read_varint(r);
  const std::size_t left = r.bytes.size() - r.position;
  if (size > left)
    damaged(r, "field " + std::to_string(r.number) + " has " + std::to_string(size) + " bytes of which " +
                   std::to_string(left) + " are there");
  r.payload = r.bytes.substr(r.position, static_cast<std::size_t>(size));
  if (wire == 1) r.value = little_endian<std::uint64_t>(r.payload.data());
  if (wire == 5) r.value = little_endian<std::uint32_t>(r.payload.data());
  r.position += static_cast<std::size_t>(size);
  return true;
}

// The current field as what the schema says it is; a field of another wire type is an error.
inline void expect(const Reader& r, WireType wanted) {
  if (r.type != wanted)
    damaged(r, "field " + std::to_string(r.number) + " has wire type " +
                   std::to_string(static_cast<std::uint32_t>(r.type)) + " instead of " +
                   std::to_string(static_cast<std::uint32_t>(wanted)));
}

inline std::int64_t int_field(const Reader& r) {
  expect(r, WireType::varint);
  return static_cast<std::int64_t>(r.value);
}

inline std::string_view bytes_field(const Reader& r) {
  expect(r, WireType::length);
  return r.payload;
}

inline float float_field(const Reader& r) {
  expect(r, WireType::fixed32);
  return float_of(static_cast<std::uint32_t>(r.value));
}

// Repeated numbers come one by one or packed into one length-delimited field; both are valid for every schema.
inline void int_fields(const Reader& r, std::vector<std::int64_t>& out) {
  if (r.type != WireType::length) return out.push_back(int_field(r));
  Reader packed{r.payload, r.path, r.message};
  while (packed.position < packed.bytes.size()) out.push_back(static_cast<std::int64_t>(read_varint(packed)));
}

// Packed fixed-width numbers of T's size; `wire` is the type of a single one.
template <class T, class F>
void fixed_fields(const Reader& r, WireType wire, F&& push) {
  if (r.type != WireType::length) {
    expect(r, wire);
    return push(static_cast<T>(r.value));
  }
  if (r.payload.size() % sizeof(T) != 0)
    damaged(r, "field " + std::to_string(r.number) + " has " + std::to_string(r.payload.size()) +
                   " bytes, not a multiple of " + std::to_string(sizeof(T)));
  for (std::size_t i = 0; i < r.payload.size(); i += sizeof(T)) push(little_endian<T>(r.payload.data() + i));
}

inline void float_fields(const Reader& r, std::vector<float>& out) {
  fixed_fields<std::uint32_t>(r, WireType::fixed32, [&](std::uint32_t bits) { out.push_back(float_of(bits)); });
}

inline void double_fields(const Reader& r, std::vector<double>& out) {
  fixed_fields<std::uint64_t>(r, WireType::fixed64, [&](std::uint64_t bits) { out.push_back(double_of(bits)); });
}

}  // namespace quench::protobuf
