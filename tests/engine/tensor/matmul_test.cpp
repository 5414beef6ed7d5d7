// Matrix products: by hand, and every form against the portable one, byte for byte.
// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "engine/core/error.h"
#include "engine/kernels/noise.h"
#include "engine/ops/activations.h"
#include "engine/tensor/matmul.h"
#include "engine/tensor/matmul_tiles.h"

using namespace quench;

namespace {

std::vector<float> random_floats(int count, std::uint32_t seed) {
  const std::uint32_t event[4] = {seed, 0, 0, 0};
  Xoshiro128 g = noise_state(event, 0);
  std::vector<float> v(static_cast<std::size_t>(count));
  for (float& x : v) x = static_cast<float>(static_cast<std::int32_t>(next(g))) / 2147483648.0f;
  return v;
}

// Any instruction set, element by element: tiles, edges and packing of forms that this machine cannot run.
template <int lanes_, int rows_, int vectors_>
struct Emulated {
  struct Vector {
    float x[lanes_];
  };
  static constexpr int lanes = lanes_, rows = rows_, vectors = vectors_;
  static Vector load(const float* p) {
    Vector v;
    std::memcpy(v.x, p, sizeof v.x);
    return v;
  }
  static void store(float* p, const Vector& v) { std::memcpy(p, v.x, sizeof v.x); }
  static Vector fma(float x, const Vector& b, Vector c) {
    for (int l = 0; l < lanes; ++l) c.x[l] = std::fma(x, b.x[l], c.x[l]);
    return c;
  }
};

struct Product {
  MatrixView a, b;
  int m, n, k;
  Start start;
  Finish finish{};
};

struct Form {
  std::string name;
  std::function<void(const Product&, float* c)> run;
};

Form form(const std::string& name, Kernels kernels, int threads) {
  return {name,
          [=](const Product& p, float* c) { matmul(p.a, p.b, p.m, p.n, p.k, p.start, c, threads, kernels, p.finish); }};
}

template <class Simd>
Form emulated(const std::string& name) {
  return {name, [](const Product& p, float* c) {
            tiled_product<Simd>({p.a, p.b, p.m, p.n, p.k, p.start, c, p.n, p.finish});
          }};
}

struct NamedKernels {
  std::string name;
  Kernels kernels;
};

const NamedKernels instruction_sets[] = {
    {"AVX2", Kernels::avx2}, {"AVX-512", Kernels::avx512}, {"NEON", Kernels::neon}};

std::vector<Form> forms_here() {
  std::vector<Form> forms{
      emulated<Emulated<16, 12, 2>>("tiles of AVX-512"), emulated<Emulated<8, 6, 2>>("tiles of AVX2"),
      emulated<Emulated<4, 4, 4>>("tiles of NEON"),      emulated<Emulated<8, 5, 3>>("tiles 5 x 24"),
      form("fastest, 1 thread", Kernels::fastest, 1),    form("fastest, 3 threads", Kernels::fastest, 3)};
  for (const NamedKernels& set : instruction_sets) {
    if (has(set.kernels))
      forms.push_back(form(set.name, set.kernels, 1));
    else
      MESSAGE("this machine has no " << set.name << ": only its tiles are tried");
  }
  return forms;
}

bool same_bytes(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

// Every form gives the bytes of the portable one, on what C held before and behind C.
void check_forms(const std::vector<Form>& forms, const Product& p) {
  const std::vector<float> before = random_floats(p.m * p.n + 64, 7);
  std::vector<float> expected = before;
  matmul(p.a, p.b, p.m, p.n, p.k, p.start, expected.data(), 1, Kernels::portable);
  Tensor finished{{p.m, p.n}, {expected.begin(), expected.begin() + p.m * p.n}};
  if (p.finish.kind == Finish::Kind::relu) forward(Relu{}, finished, finished, 1);
  if (p.finish.kind == Finish::Kind::leaky_relu) forward(LeakyRelu{p.finish.slope}, finished, finished, 1);
  std::copy(finished.data.begin(), finished.data.end(), expected.begin());
  std::vector<Form> all = forms;
  all.push_back(form("portable", Kernels::portable, 1));
  for (const Form& f : all) {
    std::vector<float> c = before;
    f.run(p, c.data());
    INFO(f.name, ": ", p.m, " x ", p.n, " x ", p.k, ", strides ", p.a.row, " ", p.a.column, " ", p.b.row, " ",
         p.b.column, ", start ", static_cast<int>(p.start.kind));
    CHECK(same_bytes(expected, c));
  }
}

}  // namespace

TEST_CASE("products by hand: with bias, transposed, and added to what is there") {
  const std::vector<float> a{1, 2, 3, 4, 5, 6}, b{1, 0, 2, -1, 1, 3}, bias{100, 200};
  std::vector<float> c(4);
  for (Kernels kernels : {Kernels::fastest, Kernels::portable}) {
    matmul(matrix(a.data(), 3), matrix(b.data(), 2), 2, 2, 3, from_bias(bias.data()), c.data(), 1, kernels);
    CHECK(c == std::vector<float>{108, 207, 120, 213});  // [1 2 3; 4 5 6] [1 0; 2 -1; 1 3]
    matmul(matrix(a.data(), 3), transposed(matrix(b.data(), 3)), 2, 2, 3, from_bias(bias.data()), c.data(), 1, kernels);
    CHECK(c == std::vector<float>{107, 210, 116, 219});  // [1 2 3; 4 5 6] [1 0 2; -1 1 3]^T
    matmul(matrix(a.data(), 3), transposed(matrix(b.data(), 3)), 2, 2, 3, from_sum(), c.data(), 1, kernels);
    CHECK(c == std::vector<float>{114, 220, 132, 238});
    matmul(matrix(a.data(), 3), transposed(matrix(b.data(), 3)), 2, 2, 3, from_zero(), c.data(), 1, kernels);
    CHECK(c == std::vector<float>{7, 10, 16, 19});
  }
}

TEST_CASE("every element is one chain of fused multiply-adds in increasing k") {
  constexpr int m = 13, n = 35, k = 600;  // three blocks of k
  const std::vector<float> a = random_floats(m * k, 1), b = random_floats(k * n, 2), bias = random_floats(n, 3);
  std::vector<float> c(m * n);
  matmul(matrix(a.data(), k), matrix(b.data(), n), m, n, k, from_bias(bias.data()), c.data());
  for (int i = 0; i < m; ++i)
    for (int j = 0; j < n; ++j) {
      float sum = bias[static_cast<std::size_t>(j)];
      for (int p = 0; p < k; ++p)
        sum = std::fma(a[static_cast<std::size_t>(i * k + p)], b[static_cast<std::size_t>(p * n + j)], sum);
      REQUIRE(c[static_cast<std::size_t>(i * n + j)] == sum);
    }
}

TEST_CASE("all forms: the same bytes for every layout, start and edge of a tile") {
  struct Case {
    int m, n, k;
  };
  const std::vector<Form> forms = forms_here();
  for (const Case& s : {Case{1, 1, 1},
                        {6, 16, 8},
                        {7, 17, 9},
                        {5, 40, 3},
                        {12, 33, 257},
                        {64, 300, 40},
                        {301, 50, 101},
                        {3, 1, 512},
                        {25, 250, 100},
                        {13, 97, 31},
                        {2, 3, 0},
                        {200, 130, 50}}) {
    const std::vector<float> a = random_floats(s.m * s.k, 4), b = random_floats(s.k * s.n, 5),
                             bias = random_floats(s.n, 6);
    for (int layout = 0; layout < 12; ++layout) {
      const MatrixView left = layout & 1 ? transposed(matrix(a.data(), s.m)) : matrix(a.data(), s.k);
      const MatrixView right = layout & 2 ? transposed(matrix(b.data(), s.k)) : matrix(b.data(), s.n);
      const Start start = layout < 4 ? from_zero() : layout < 8 ? from_bias(bias.data()) : from_sum();
      check_forms(forms, {left, right, s.m, s.n, s.k, start});
    }
  }
}

TEST_CASE("all forms: a finish gives the bytes of the product and then the activation, special numbers included") {
  const std::vector<Form> forms = forms_here();
  for (const int k : {3, 70, 600}) {
    constexpr int m = 61, n = 77;
    std::vector<float> a = random_floats(m * k, 1), b = random_floats(k * n, 2), bias = random_floats(n, 3);
    const float special[] = {-0.0f, 0.0f, INFINITY, -INFINITY, NAN, 1e-41f, -1e-41f, -1.4e-45f};
    for (int j = 0; j < 8; ++j) {  // columns whose products are all -0, 0 or NaN leave the bias as it is
      for (int p = 0; p < k; ++p) b[static_cast<std::size_t>(p * n + 3 * j)] = 0;
      bias[static_cast<std::size_t>(3 * j)] = special[j];
    }
    for (const Finish& finish : {Finish{Finish::Kind::relu, 0}, Finish{Finish::Kind::leaky_relu, 0.2f}})
      for (const Start& start : {from_zero(), from_bias(bias.data()), from_sum()})
        check_forms(forms, {matrix(a.data(), k), matrix(b.data(), n), m, n, k, start, finish});
  }
}

TEST_CASE("all forms: the same bytes for random sizes and strides") {
  const std::vector<Form> forms = forms_here();
  const std::uint32_t event[4] = {8, 0, 0, 0};
  Xoshiro128 g = noise_state(event, 0);
  const auto below = [&](int limit) { return static_cast<int>(next(g) % static_cast<std::uint32_t>(limit)); };
  for (int trial = 0; trial < 150; ++trial) {
    const int m = 1 + below(40), n = 1 + below(trial % 3 ? 100 : 300), k = 1 + below(trial % 5 ? 40 : 600);
    // [rows, columns] inside a larger matrix, of which every `step`-th element is taken, perhaps transposed.
    std::vector<float> numbers[2];
    const auto view = [&](std::vector<float>& buffer, int rows, int columns) {
      const int step = 1 + below(2), padding = below(4);
      const bool across = below(2);
      const int width = (across ? rows : columns) * step + padding;
      buffer = random_floats(width * (across ? columns : rows), next(g));
      const MatrixView whole{buffer.data(), width, step};
      return across ? transposed(whole) : whole;
    };
    const MatrixView a = view(numbers[0], m, k), b = view(numbers[1], k, n);
    const std::vector<float> bias = random_floats(n, next(g));
    for (const Start& start : {from_zero(), from_bias(bias.data()), from_sum()})
      check_forms(forms, {a, b, m, n, k, start});
  }
}

TEST_CASE("a form that this machine has not got is refused; fastest is one that it has") {
  const float one = 1;
  float c = 0;
  CHECK(has(Kernels::portable));
  CHECK(has(Kernels::fastest));
  CHECK_FALSE((has(Kernels::avx2) && has(Kernels::neon)));
  for (const NamedKernels& set : instruction_sets)
    if (!has(set.kernels))
      CHECK_THROWS_AS(matmul(matrix(&one, 1), matrix(&one, 1), 1, 1, 1, from_zero(), &c, 1, set.kernels), Error);
}
