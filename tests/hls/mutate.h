// Changes one constant of a generated kernel after the other: its testbench must notice every change.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>

// Included behind a testbench whose constants are not const, its names in scope.
struct Mutations {
  int done, by_layer_checks, missed;
};

// What the testbench says, "" when it passes.
inline std::string complaint(bool constants_only) {
  Bench b = {"data", 0, 0, 0, 0};
  try {
    if (!constants_only) check_layers(b);
    check_constants(b);
  } catch (const std::exception& error) {
    return error.what();
  }
  return "";
}

// A neighbouring value that an index may take too; a flag can only go off.
template <class T>
T other(const T& v, const std::string& name) {
  const long long x = static_cast<long long>(v);
  return static_cast<T>(name.compare(0, 5, "last_") == 0 ? 0 : x > 0 ? x - 1 : x + 1);
}

template <class T>
void mutate_element(Mutations& m, const char* layer, const std::string& name, T& element) {
  const T before = element;
  element = other(before, name);
  if (element == before) return;  // a flag that is already off
  const std::string named = std::string("mismatch: layer ") + layer + ",";
  // An index off its table must not be followed: the checksum alone has to notice it.
  const bool constants_only = name.compare(0, 7, "lowest_") == 0 || name.compare(0, 5, "last_") == 0;
  const std::string said = complaint(constants_only);
  element = before;
  ++m.done;
  if (said.find("constant table") == std::string::npos && said.find(named) == 0) ++m.by_layer_checks;
  if (said.find(named) == 0) return;
  ++m.missed;
  std::printf("missed: %s of layer %s: \"%s\"\n", name.c_str(), layer, said.c_str());
}

// Another element each time.
inline std::size_t element_of(const Mutations& m, std::size_t size) {
  return static_cast<std::size_t>(static_cast<std::uint32_t>(m.done + 1) * 2654435761u) % size;
}

template <class T, std::size_t N, std::size_t M>
void mutate(Mutations& m, const char* layer, const char* name, T (&table)[N][M]) {
  mutate_element(m, layer, name, table[element_of(m, N)][element_of(m, M)]);
}
template <class T, std::size_t N>
void mutate(Mutations& m, const char* layer, const char* name, T (&table)[N]) {
  mutate_element(m, layer, name, table[element_of(m, N)]);
}
template <class T>
void mutate(Mutations& m, const char* layer, const char* name, T& number) {
  mutate_element(m, layer, name, number);
}
