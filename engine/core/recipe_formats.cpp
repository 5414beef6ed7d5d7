// What texts of a recipe stand for: fixed-point formats, sparse patterns, bits and zeros of single layers.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstdio>

#include "engine/core/error.h"
#include "engine/core/field_value.h"
#include "engine/core/recipe.h"

namespace quench {

namespace {

// Calls take(item) for each of the parts between separators.
template <class Take>
void for_items(const std::string& list, char separator, Take&& take) {
  for (std::size_t begin = 0, end = 0; end < list.size(); begin = end + 1) {
    end = std::min(list.find(separator, begin), list.size());
    take(list.substr(begin, end - begin));
  }
}

template <class T>
void add(const char* key, const std::string& layer, T own, std::map<std::string, T>& all) {
  if (!all.emplace(layer, std::move(own)).second)
    fail("compress.", key, ": layer ", layer, " is named twice; remove one of the two");
}

}  // namespace

FixedPoint fixed_point(const Recipe& recipe) {
  const auto format = read_pair(recipe.compress.fixed_point, ',');
  return format ? FixedPoint{format->first, format->second} : FixedPoint{};
}

std::map<std::string, FixedPoint> layer_fixed_point(const Recipe& recipe) {
  std::map<std::string, FixedPoint> all;
  for_items(recipe.compress.layer_fixed_point, ';', [&](const std::string& text) {
    const std::size_t first = std::min(text.find_first_not_of(' '), text.size()), equals = text.find('=', first);
    const auto format = equals == std::string::npos ? std::nullopt : read_pair(text.substr(equals + 1), ',');
    if (!format || equals == first || !is_fixed_point(*format))
      fail("compress.layer_fixed_point: \"", text,
           "\"; write LAYER=W,I with W of 2 to 16 and I of -16 to 32 bits, layers between semicolons");
    add("layer_fixed_point", text.substr(first, equals - first), FixedPoint{format->first, format->second}, all);
  });
  return all;
}

std::map<std::string, LayerBits> layer_bits(const Recipe& recipe) {
  std::map<std::string, LayerBits> all;
  for_items(recipe.compress.layer_bits, ',', [&](const std::string& text) {
    const std::size_t equals = std::min(text.find('='), text.size());
    LayerBits own;
    char slash = 0, more = 0;
    const int read = std::sscanf(text.c_str() + equals, "=%d%c%d%c", &own.bits, &slash, &own.output_bits, &more);
    const auto possible = [](int bits) { return bits >= 2 && bits <= 16; };
    const bool whole = read == 1 || (read == 3 && slash == '/' && possible(own.output_bits));
    if (!whole || equals == 0 || !possible(own.bits))
      fail("compress.layer_bits: \"", text, "\"; write LAYER=BITS or LAYER=BITS/OUTPUT_BITS with 2 to 16 bits");
    add("layer_bits", text.substr(0, equals), own, all);
  });
  return all;
}

std::map<std::string, double> layer_sparsity(const Recipe& recipe) {
  std::map<std::string, double> all;
  for_items(recipe.compress.layer_sparsity, ',', [&](const std::string& text) {
    const std::size_t equals = std::min(text.find('='), text.size());
    double fraction = -1;
    char more = 0;
    const int read = std::sscanf(text.c_str() + equals, "=%lf%c", &fraction, &more);
    if (read != 1 || equals == 0 || !(fraction >= 0 && fraction < 1))
      fail("compress.layer_sparsity: \"", text, "\"; write LAYER=FRACTION with a fraction of at least 0, below 1");
    add("layer_sparsity", text.substr(0, equals), fraction, all);
  });
  return all;
}

}  // namespace quench
