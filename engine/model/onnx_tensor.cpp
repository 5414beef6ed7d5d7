// Decodes the tensors of an ONNX file, also those whose data lie in a file beside it.
// SPDX-License-Identifier: MIT
#include "engine/model/onnx_tensor.h"

#include <charconv>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string_view>

#include "engine/core/error.h"
#include "engine/model/protobuf.h"

namespace quench {
namespace {

constexpr std::uint64_t largest_tensor = std::uint64_t{1} << 31;  // elements; 8 GB of float32

std::string shape_text(const std::vector<std::int64_t>& dims) {
  std::string text = "[";
  for (std::size_t i = 0; i < dims.size(); ++i) text += (i ? ", " : "") + std::to_string(dims[i]);
  return text + "]";
}

std::size_t width_of(OnnxType type) {
  switch (type) {
    case OnnxType::float32:
    case OnnxType::int32:
      return 4;
    case OnnxType::int64:
    case OnnxType::float64:
      return 8;
    case OnnxType::float16:
      return 2;
    case OnnxType::boolean:
      return 1;
  }
  return 0;
}

std::uint64_t count_elements(const OnnxTensor& t, const std::string& where) {
  if (t.dims.size() > 2)
    fail(where, ": constant '", t.name, "' has shape ", shape_text(t.dims), " of rank ", t.dims.size(),
         ", quench takes ranks up to 2");
  std::uint64_t count = 1;
  for (const std::int64_t d : t.dims) {
    if (d < 1 || static_cast<std::uint64_t>(d) > largest_tensor ||
        count * static_cast<std::uint64_t>(d) > largest_tensor)
      fail(where, ": constant '", t.name, "' has shape ", shape_text(t.dims),
           "; dimensions must be positive and hold at most ", largest_tensor, " elements");
    count *= static_cast<std::uint64_t>(d);
  }
  return count;
}

std::uint64_t external_number(const OnnxTensor& t, const char* key, std::uint64_t missing, const std::string& where) {
  const auto entry = t.external_data.find(key);
  if (entry == t.external_data.end()) return missing;
  const std::string& text = entry->second;
  std::uint64_t v = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
  if (error != std::errc{} || end != text.data() + text.size())
    fail(where, ": constant '", t.name, "': the ", key, " of its external data is '", text, "', not a number of bytes");
  return v;
}

// The file with a tensor's data: a regular file inside the model's folder, also after symbolic links are followed.
std::filesystem::path external_path(const OnnxTensor& t, const OnnxSource& source, const std::string& where) {
  namespace fs = std::filesystem;
  const auto entry = t.external_data.find("location");
  const std::string location = entry == t.external_data.end() ? "" : entry->second;
  auto refuse = [&](const char* why) {
    fail(where, ": constant '", t.name, "' has its data in the file '", location, "', which ", why,
         "; save the model in one file, or its data beside it");
  };
  if (location.empty() || location.find('\0') != std::string::npos) refuse("is not a file name");
  if (source.path.empty()) refuse("cannot be found for a model that was not read from a file");
  const fs::path relative(location);
  if (relative.is_absolute() || location[0] == '\\') refuse("is an absolute path");
  for (const fs::path& part : relative)
    if (part == "..") refuse("leaves the model's folder");
  std::error_code error;
  const fs::path parent = fs::path(source.path).parent_path();
  const fs::path folder = fs::canonical(parent.empty() ? "." : parent, error);
  const fs::path file = error ? fs::path() : fs::canonical(folder / relative, error);
  if (error) refuse("cannot be found");
  auto f = file.begin();
  for (const fs::path& part : folder)
    if (f == file.end() || *f++ != part) refuse("leaves the model's folder by a symbolic link");
  if (!fs::is_regular_file(file, error) || error) refuse("is not a regular file");
  return file;
}

std::string read_external(const OnnxTensor& t, std::uint64_t wanted, OnnxSource& source, const std::string& where) {
  const std::filesystem::path path = external_path(t, source, where);
  const std::uint64_t offset = external_number(t, "offset", 0, where);
  std::error_code error;
  const std::uint64_t size = std::filesystem::file_size(path, error);
  const std::uint64_t left = error || offset > size ? 0 : size - offset;
  if (!error && source.files.insert(path.string()).second) source.elements_left += unfolding * size;
  const std::uint64_t length = external_number(t, "length", left, where);
  if (length != wanted || length > left)
    fail(where, ": constant '", t.name, "' of shape ", shape_text(t.dims), " needs ", wanted,
         " bytes of external data, ", length, " are declared and ", left, " are in the file '",
         path.filename().string(), "'");
  std::string bytes(static_cast<std::size_t>(length), '\0');
  std::ifstream in(path, std::ios::binary);
  in.seekg(static_cast<std::streamoff>(offset));
  if (!in.read(bytes.data(), static_cast<std::streamsize>(length)))
    fail(where, ": constant '", t.name, "': cannot read ", length, " bytes of '", path.filename().string(), "'");
  return bytes;
}

// IEEE 754 binary16; exact in float32.
float half(std::uint16_t bits) {
  const int exponent = bits >> 10 & 31;
  const int mantissa = bits & 1023;
  float v = std::ldexp(static_cast<float>(mantissa), -24);
  if (exponent == 31) v = mantissa ? std::numeric_limits<float>::quiet_NaN() : std::numeric_limits<float>::infinity();
  if (exponent > 0 && exponent < 31) v = std::ldexp(static_cast<float>(mantissa + 1024), exponent - 25);
  return bits >> 15 ? -v : v;
}

// Calls element(k, value) for every element, with value of type std::int64_t, float or double.
template <class F>
void for_each_element(const OnnxTensor& t, OnnxSource& source, const std::string& where, F&& element) {
  const std::uint64_t count = count_elements(t, where);
  const std::size_t width = width_of(t.type);
  if (width == 0)
    fail(where, ": constant '", t.name, "' has ONNX data type ", static_cast<std::int64_t>(t.type),
         ", quench takes float32 (1), float16 (10), float64 (11), int32 (6), int64 (7) and boolean (9)");
  std::string external;
  std::string_view raw = t.raw;
  if (t.external) external = read_external(t, count * width, source, where), raw = external;
  const bool packed = t.external || t.has_raw;
  const bool floating = t.type == OnnxType::float32;
  const std::uint64_t there = packed                        ? raw.size() / width
                              : floating                    ? t.floats.size()
                              : t.type == OnnxType::float64 ? t.doubles.size()
                                                            : t.ints.size();
  if (there != count || (packed && raw.size() % width != 0))
    fail(where, ": constant '", t.name, "' of shape ", shape_text(t.dims), " wants ", count, " elements of ", width,
         " bytes, the file holds ", there, packed ? " in " + std::to_string(raw.size()) + " bytes" : "");
  if (count > source.elements_left)
    fail(where, ": constant '", t.name, "' has ", count, " elements, more than the ", source.elements_left,
         " that a file of this size may still unfold to; it is used by too many nodes");
  source.elements_left -= count;
  for (std::size_t k = 0; k < count; ++k) {
    const char* p = packed ? raw.data() + k * width : nullptr;
    switch (t.type) {
      case OnnxType::float32:
        element(k, p ? protobuf::float_of(protobuf::little_endian<std::uint32_t>(p)) : t.floats[k]);
        break;
      case OnnxType::float64:
        element(k, p ? protobuf::double_of(protobuf::little_endian<std::uint64_t>(p)) : t.doubles[k]);
        break;
      case OnnxType::float16:
        element(k, half(p ? protobuf::little_endian<std::uint16_t>(p) : static_cast<std::uint16_t>(t.ints[k])));
        break;
      case OnnxType::int64:
        element(k, p ? static_cast<std::int64_t>(protobuf::little_endian<std::uint64_t>(p)) : t.ints[k]);
        break;
      case OnnxType::int32:
        element(k, p ? std::int64_t{static_cast<std::int32_t>(protobuf::little_endian<std::uint32_t>(p))} : t.ints[k]);
        break;
      case OnnxType::boolean:
        element(k, p ? std::int64_t{*p != 0} : t.ints[k]);
        break;
    }
  }
}

bool is_float(OnnxType type) {
  return type == OnnxType::float32 || type == OnnxType::float64 || type == OnnxType::float16;
}

}  // namespace

std::vector<std::int64_t> int_constant(const OnnxTensor& t, OnnxSource& source, const std::string& where) {
  if (is_float(t.type)) fail(where, ": constant '", t.name, "' must hold integers, it holds floating-point numbers");
  std::vector<std::int64_t> v;
  for_each_element(t, source, where, [&](std::size_t, auto x) { v.push_back(static_cast<std::int64_t>(x)); });
  return v;
}

double double_constant(const OnnxTensor& t, OnnxSource& source, const std::string& where) {
  double v = 0;
  std::size_t count = 0;
  for_each_element(t, source, where, [&](std::size_t, auto x) { v = static_cast<double>(x), ++count; });
  if (count != 1 || !is_float(t.type) || !std::isfinite(v))
    fail(where, ": constant '", t.name, "' must be one finite floating-point number, it has shape ",
         shape_text(t.dims));
  return v;
}

Tensor float_constant(const OnnxTensor& t, OnnxSource& source, const std::string& where) {
  if (width_of(t.type) != 0 && !is_float(t.type))
    fail(where, ": constant '", t.name, "' must hold floating-point numbers, it holds integers");
  Tensor v;
  for_each_element(t, source, where, [&](std::size_t k, auto x) {
    const double wide = static_cast<double>(x);
    if (!std::isfinite(wide))
      fail(where, ": constant '", t.name, "' has element ", k, " = ", wide, "; every weight must be finite");
    if (std::fabs(wide) > static_cast<double>(std::numeric_limits<float>::max()))
      fail(where, ": constant '", t.name, "' has element ", k, " = ", wide, ", which does not fit float32");
    v.data.push_back(static_cast<float>(x));
  });
  for (const std::int64_t d : t.dims) v.shape.push_back(static_cast<int>(d));
  return v;
}

}  // namespace quench
