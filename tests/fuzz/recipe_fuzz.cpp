// libFuzzer entry of the recipe reader: any bytes are a recipe that prints and reads back, or an Error.
// SPDX-License-Identifier: MIT
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "engine/core/error.h"
#include "engine/core/recipe.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  quench::Recipe recipe;
  try {
    recipe = quench::parse_recipe({reinterpret_cast<const char*>(data), size}, "recipe.toml");
  } catch (const quench::Error&) {
    return 0;
  }
  if (!(quench::parse_recipe(quench::print_recipe(recipe), "printed") == recipe)) std::abort();
  return 0;
}
