// What texts of a recipe stand for: fixed-point formats, sparse patterns, bits and zeros of single layers.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstdio>

#include "engine/core/error.h"
#include "engine/core/field_value.h"
#include "engine/core/recipe.h"

namespace quench {

FixedPoint fixed_point(const Recipe& recipe) {
  const auto format = read_pair(recipe.compress.fixed_point, ',');
  return format ? FixedPoint{format->first, format->second} : FixedPoint{};
}

namespace {

// Calls take(item) for each of the parts between commas.
template <class Take>
void for_items(const std::string& list, Take&& take) {
  for (std::size_t begin = 0, end = 0; end < list.size(); begin = end + 1) {
    end = std::min(list.find(',', begin), list.size());
    take(list.substr(begin, end - begin));
  }
}

}  // namespace

std::vector<LayerBits> layer_bits(const Recipe& recipe) {
  std::vector<LayerBits> all;
  for_items(recipe.compress.layer_bits, [&](const std::string& text) {
    const std::size_t equals = std::min(text.find('='), text.size());
    LayerBits own{text.substr(0, equals), 0, 0};
    char slash = 0, more = 0;
    const int read = std::sscanf(text.c_str() + equals, "=%d%c%d%c", &own.bits, &slash, &own.output_bits, &more);
    const auto possible = [](int bits) { return bits >= 2 && bits <= 16; };
    const bool whole = read == 1 || (read == 3 && slash == '/' && possible(own.output_bits));
    if (!whole || own.layer.empty() || !possible(own.bits))
      fail("compress.layer_bits: \"", text, "\"; write LAYER=BITS or LAYER=BITS/OUTPUT_BITS with 2 to 16 bits");
    all.push_back(own);
  });
  return all;
}

std::map<std::string, double> layer_sparsity(const Recipe& recipe) {
  std::map<std::string, double> all;
  for_items(recipe.compress.layer_sparsity, [&](const std::string& text) {
    const std::size_t equals = std::min(text.find('='), text.size());
    double fraction = -1;
    char more = 0;
    const int read = std::sscanf(text.c_str() + equals, "=%lf%c", &fraction, &more);
    if (read != 1 || equals == 0 || !(fraction >= 0 && fraction < 1))
      fail("compress.layer_sparsity: \"", text, "\"; write LAYER=FRACTION with a fraction of at least 0, below 1");
    all[text.substr(0, equals)] = fraction;
  });
  return all;
}

}  // namespace quench
