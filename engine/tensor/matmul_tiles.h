// The matrix product of packed panels and register tiles, written once for every instruction set.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstddef>
#include <cstring>

#include "engine/tensor/matmul.h"

// The scheme of Goto and van de Geijn, "Anatomy of high-performance matrix multiplication", 2008. `Simd` is a struct of
// one instruction set: a Vector of `lanes` floats, its load, store and fma(x, b, c) = x b + c for a float x, and the
// shape of the register tile: `rows` rows of C by `vectors` vectors.
//
// A file that includes this is compiled for machines that need not be the one that runs, so it must not leave the
// linker a function that others call too: all here is local to the file, and nothing inline of another header is used.
namespace quench {
namespace {

constexpr int block_k = 256;        // a panel of B [256, 16] takes 16 KiB: half of a level-1 cache
constexpr int block_columns = 256;  // all panels of a block of B take 256 KiB: half of a level-2 cache

constexpr int smaller(int a, int b) { return a < b ? a : b; }

// c = start + a b for one tile. Passed by reference: on the stack, x86 would have to read it wider than it was written.
struct Tile {
  MatrixView a;
  const float* b;  // packed [k][vectors * lanes]
  int k;
  const float* start;
  std::ptrdiff_t start_stride;  // 0: one row for all
  float* c;
  std::ptrdiff_t stride;
};

// f(0) ... f(n - 1), written out before the optimiser sees it: arrays with these indices become registers.
template <int n, class F>
__attribute__((always_inline)) inline void unroll(const F& f) {
  if constexpr (n > 1) unroll<n - 1>(f);
  f(n - 1);
}

// A tile of rows x vectors.
template <class Simd, int rows, int vectors>
void tile_product(const Tile& t) {
  constexpr int lanes = Simd::lanes, thirds = (rows + 2) / 3;
  typename Simd::Vector c[rows * vectors], x[vectors];
  const MatrixView a = t.a;
  const float* b = t.b;
  const float* third[thirds];  // every third row: x86 adds one or two strides while it loads
  const auto load = [&](int i) { c[i] = Simd::load(t.start + i / vectors * t.start_stride + i % vectors * lanes); };
  const auto multiply = [&](int i) {
    const int row = i / vectors;
    c[i] = Simd::fma(third[row / 3][row % 3 * a.row], x[i % vectors], c[i]);
  };
  unroll<rows * vectors>(load);
  unroll<thirds>([&](int i) { third[i] = a.data + 3 * i * a.row; });
  for (int p = 0, k = t.k; p < k; ++p) {
    unroll<vectors>([&](int j) { x[j] = Simd::load(b + j * lanes); });
    unroll<rows * vectors>(multiply);
    unroll<thirds>([&](int i) { third[i] += a.column; });
    b += vectors * lanes;
  }
  unroll<rows * vectors>([&](int i) { Simd::store(t.c + i / vectors * t.stride + i % vectors * lanes, c[i]); });
}

// The same for a number of rows and vectors known when it runs: at most the tile's.
template <class Simd, int rows = Simd::rows, int vectors = Simd::vectors>
void any_tile_product(int some_rows, int some_vectors, const Tile& t) {
  if constexpr (rows > 1)
    if (some_rows < rows) return any_tile_product<Simd, rows - 1, vectors>(some_rows, some_vectors, t);
  if constexpr (vectors > 1)
    if (some_vectors < vectors) return any_tile_product<Simd, rows, vectors - 1>(some_rows, some_vectors, t);
  tile_product<Simd, rows, vectors>(t);
}

// A tile whose last vector C has only in part, by way of a whole one beside it.
template <class Simd>
void edge_product(int rows, int columns, const Tile& t) {
  constexpr int width = Simd::vectors * Simd::lanes;
  const std::size_t bytes = static_cast<std::size_t>(columns) * sizeof(float);
  float part[Simd::rows * width] = {};
  for (int i = 0; i < rows; ++i) std::memcpy(part + i * width, t.start + i * t.start_stride, bytes);
  any_tile_product<Simd>(rows, (columns + Simd::lanes - 1) / Simd::lanes, {t.a, t.b, t.k, part, width, part, width});
  for (int i = 0; i < rows; ++i) std::memcpy(t.c + i * t.stride, part + i * width, bytes);
}

// to[i * to_stride + j] = from[j * from_stride + i] for i, j < 4.
inline void transpose_4x4(const float* from, std::ptrdiff_t from_stride, float* to, std::ptrdiff_t to_stride) {
  using Four = float __attribute__((vector_size(16)));
  Four r[4];
  for (int i = 0; i < 4; ++i) std::memcpy(&r[i], from + i * from_stride, sizeof(Four));
  const Four a = __builtin_shufflevector(r[0], r[1], 0, 4, 1, 5), b = __builtin_shufflevector(r[0], r[1], 2, 6, 3, 7);
  const Four c = __builtin_shufflevector(r[2], r[3], 0, 4, 1, 5), d = __builtin_shufflevector(r[2], r[3], 2, 6, 3, 7);
  r[0] = __builtin_shufflevector(a, c, 0, 1, 4, 5), r[1] = __builtin_shufflevector(a, c, 2, 3, 6, 7);
  r[2] = __builtin_shufflevector(b, d, 0, 1, 4, 5), r[3] = __builtin_shufflevector(b, d, 2, 3, 6, 7);
  for (int i = 0; i < 4; ++i) std::memcpy(to + i * to_stride, &r[i], sizeof(Four));
}

// Rows 0 .. k - 1 and columns 0 .. columns - 1 <= width as [k][width], filled up with zeros.
template <int width>
void pack(MatrixView from, int k, int columns, float* to) {
  if (columns < width) std::memset(to, 0, static_cast<std::size_t>(k) * width * sizeof(float));
  if (from.column == 1 && columns == width) {
    for (int i = 0; i < k; ++i) std::memcpy(to + i * width, from.data + i * from.row, width * sizeof(float));
  } else if (from.row == 1 && columns >= 4 && k >= 4) {  // the last squares overlap those before
    for (int j = 0; j < columns; j += 4)
      for (int i = 0, left = smaller(j, columns - 4); i < k; i += 4) {
        const int top = smaller(i, k - 4);
        transpose_4x4(from.data + top + left * from.column, from.column, to + top * width + left, width);
      }
  } else {
    for (int i = 0; i < k; ++i)
      for (int j = 0; j < columns; ++j) to[i * width + j] = from.data[i * from.row + j * from.column];
  }
}

// B's rows 0 .. k - 1 and its next columns, as wide as the vectors that they need.
template <class Simd, int vectors = Simd::vectors>
void pack_panel(MatrixView b, int k, int columns, float* to) {
  constexpr int width = vectors * Simd::lanes;
  if constexpr (vectors > 1)
    if (columns <= width - Simd::lanes) return pack_panel<Simd, vectors - 1>(b, k, columns, to);
  pack<width>(b, k, smaller(width, columns), to);
}

// The activation of a finished tile, while the nearest cache holds it.
inline void finish_tile(Finish finish, int rows, int columns, float* c, std::ptrdiff_t stride) {
  for (int i = 0; i < rows; ++i, c += stride)
    if (finish.kind == Finish::Kind::relu)
      for (int j = 0; j < columns; ++j) c[j] = c[j] > 0.0f ? c[j] : 0.0f;
    else
      for (int j = 0; j < columns; ++j) c[j] = (c[j] > 0.0f ? c[j] : 0.0f) + finish.slope * (c[j] < 0.0f ? c[j] : 0.0f);
}

// All tiles of one block: C[:, j0 .. j0 + columns) += A[:, k0 .. k0 + k) B[k0 .. k0 + k, j0 ...).
template <class Simd>
void block_product(const detail::MatmulBlock& m, int k0, int k, int j0, int columns) {
  constexpr int lanes = Simd::lanes, width = Simd::vectors * lanes;
  static constexpr float nothing[width] = {};
  const int panels = (columns + width - 1) / width;
  float* const b = detail::packing_space(static_cast<std::size_t>(k) * (panels * width + Simd::rows));
  float* const strip = b + static_cast<std::ptrdiff_t>(k) * panels * width;
  for (int j = 0; j < columns; j += width) {
    const MatrixView part{m.b.data + k0 * m.b.row + (j0 + j) * m.b.column, m.b.row, m.b.column};
    pack_panel<Simd>(part, k, columns - j, b + static_cast<std::ptrdiff_t>(k) * j);
  }
  for (int i = 0; i < m.m; i += Simd::rows) {
    const int rows = smaller(Simd::rows, m.m - i);
    MatrixView a{m.a.data + i * m.a.row + k0 * m.a.column, m.a.row, m.a.column};
    if (rows == Simd::rows && a.column != 1 && columns > 64) {  // a column is read once for each panel
      pack<Simd::rows>(transposed(a), k, rows, strip);
      a = {strip, 1, Simd::rows};
    }
    for (int j = 0; j < columns; j += width) {
      float* const c = m.c + i * m.stride + j0 + j;
      Tile tile{a, b + static_cast<std::ptrdiff_t>(k) * j, k, c, m.stride, c, m.stride};
      if (k0 == 0 && m.start.kind != Start::Kind::sum)
        tile.start = m.start.kind == Start::Kind::bias ? m.start.bias + j0 + j : nothing, tile.start_stride = 0;
      if (columns - j < width)
        edge_product<Simd>(rows, columns - j, tile);
      else
        any_tile_product<Simd>(rows, Simd::vectors, tile);
      if (m.finish.kind != Finish::Kind::none && k0 + k == m.k)
        finish_tile(m.finish, rows, smaller(width, columns - j), c, m.stride);
    }
  }
}

template <class Simd>
void tiled_product(const detail::MatmulBlock& m) {
  if (m.k == 0) return detail::matmul_portable(m);  // C is its start
  for (int j = 0; j < m.n; j += block_columns)
    for (int k = 0; k < m.k; k += block_k)
      block_product<Simd>(m, k, smaller(block_k, m.k - k), j, smaller(block_columns, m.n - j));
}

}  // namespace
}  // namespace quench
