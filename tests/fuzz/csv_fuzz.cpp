// libFuzzer entry of the CSV reader: whatever the bytes, they are a table of finite numbers or an Error.
// SPDX-License-Identifier: MIT
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "engine/core/error.h"
#include "engine/tensor/csv.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const quench::CsvTable all = quench::parse_csv(text, "fuzz");
    if (all.names.size() != static_cast<std::size_t>(all.values.columns()) || all.values.rows() < 1) std::abort();
    for (const float v : all.values.data)
      if (!std::isfinite(v)) std::abort();
    if (quench::parse_csv(text, "fuzz", all.names).values.data != all.values.data) std::abort();
    if (!all.left_out.empty()) quench::parse_csv(text, "fuzz", all.left_out);
  } catch (const quench::Error&) {
  }
  return 0;
}
