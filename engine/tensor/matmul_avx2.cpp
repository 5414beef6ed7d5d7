// Matrix product for AVX2 and FMA: 6 x 16 register tiles over packed panels (the scheme of Goto and van de Geijn 2008).
// SPDX-License-Identifier: MIT
#include "engine/tensor/matmul.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

namespace quench {
namespace {

constexpr int tile_rows = 6, tile_columns = 16;
constexpr int block_k = 256;        // a panel of B [256, 16] takes 16 KiB: half of a level-1 cache
constexpr int block_columns = 256;  // all panels of a block of B take 256 KiB: half of a level-2 cache

// The start and the place of one full tile.
struct Tile {
  const float* start;
  std::ptrdiff_t start_stride;  // 0: a row of biases
  float* c;
  std::ptrdiff_t stride;
};

// c = start + a b for a tile [6, 16], or for its left half. Element (i, k) of a is a[i * row + k * column]; b is packed
// [k][16].
template <bool whole>
__attribute__((target("avx2,fma"))) void tile_product(const float* a, std::ptrdiff_t row, std::ptrdiff_t column,
                                                      const float* b, int k, Tile t) {
  const float* a3 = a + 3 * row;
  const float* s = t.start;
  const std::ptrdiff_t d = t.start_stride;
  __m256 c00 = _mm256_loadu_ps(s), c10 = _mm256_loadu_ps(s + d), c20 = _mm256_loadu_ps(s + 2 * d);
  __m256 c30 = _mm256_loadu_ps(s + 3 * d), c40 = _mm256_loadu_ps(s + 4 * d), c50 = _mm256_loadu_ps(s + 5 * d);
  __m256 c01 = c00, c11 = c00, c21 = c00, c31 = c00, c41 = c00, c51 = c00;
  if (whole) {
    c01 = _mm256_loadu_ps(s + 8), c11 = _mm256_loadu_ps(s + d + 8), c21 = _mm256_loadu_ps(s + 2 * d + 8);
    c31 = _mm256_loadu_ps(s + 3 * d + 8), c41 = _mm256_loadu_ps(s + 4 * d + 8), c51 = _mm256_loadu_ps(s + 5 * d + 8);
  }
  for (int i = 0; i < k; ++i) {
    const __m256 b0 = _mm256_load_ps(b), b1 = whole ? _mm256_load_ps(b + 8) : b0;
    __m256 x = _mm256_broadcast_ss(a);
    c00 = _mm256_fmadd_ps(x, b0, c00);
    if (whole) c01 = _mm256_fmadd_ps(x, b1, c01);
    x = _mm256_broadcast_ss(a + row);
    c10 = _mm256_fmadd_ps(x, b0, c10);
    if (whole) c11 = _mm256_fmadd_ps(x, b1, c11);
    x = _mm256_broadcast_ss(a + 2 * row);
    c20 = _mm256_fmadd_ps(x, b0, c20);
    if (whole) c21 = _mm256_fmadd_ps(x, b1, c21);
    x = _mm256_broadcast_ss(a3);
    c30 = _mm256_fmadd_ps(x, b0, c30);
    if (whole) c31 = _mm256_fmadd_ps(x, b1, c31);
    x = _mm256_broadcast_ss(a3 + row);
    c40 = _mm256_fmadd_ps(x, b0, c40);
    if (whole) c41 = _mm256_fmadd_ps(x, b1, c41);
    x = _mm256_broadcast_ss(a3 + 2 * row);
    c50 = _mm256_fmadd_ps(x, b0, c50);
    if (whole) c51 = _mm256_fmadd_ps(x, b1, c51);
    a += column, a3 += column, b += tile_columns;
  }
  float* c = t.c;
  const std::ptrdiff_t e = t.stride;
  _mm256_storeu_ps(c, c00), _mm256_storeu_ps(c + e, c10), _mm256_storeu_ps(c + 2 * e, c20);
  _mm256_storeu_ps(c + 3 * e, c30), _mm256_storeu_ps(c + 4 * e, c40), _mm256_storeu_ps(c + 5 * e, c50);
  if (!whole) return;
  _mm256_storeu_ps(c + 8, c01), _mm256_storeu_ps(c + e + 8, c11), _mm256_storeu_ps(c + 2 * e + 8, c21);
  _mm256_storeu_ps(c + 3 * e + 8, c31), _mm256_storeu_ps(c + 4 * e + 8, c41), _mm256_storeu_ps(c + 5 * e + 8, c51);
}

// Eight rows of eight floats (row stride `from_stride`) become eight columns: to[j * 16 + i] = from[i * from_stride +
// j].
__attribute__((target("avx2,fma"))) void transpose_8x8(const float* from, std::ptrdiff_t from_stride, float* to) {
  __m256 r[8], s[8];
  for (int i = 0; i < 8; ++i) r[i] = _mm256_loadu_ps(from + i * from_stride);
  for (int i = 0; i < 8; i += 2) {
    s[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
    s[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
  }
  for (int i = 0; i < 8; i += 4) {
    r[i] = _mm256_shuffle_ps(s[i], s[i + 2], 0x44);
    r[i + 1] = _mm256_shuffle_ps(s[i], s[i + 2], 0xee);
    r[i + 2] = _mm256_shuffle_ps(s[i + 1], s[i + 3], 0x44);
    r[i + 3] = _mm256_shuffle_ps(s[i + 1], s[i + 3], 0xee);
  }
  for (int i = 0; i < 4; ++i) {
    _mm256_store_ps(to + i * tile_columns, _mm256_permute2f128_ps(r[i], r[i + 4], 0x20));
    _mm256_store_ps(to + (i + 4) * tile_columns, _mm256_permute2f128_ps(r[i], r[i + 4], 0x31));
  }
}

// B's rows 0 .. k - 1 and `columns` <= 16 columns as [k][16], filled up with zeros.
__attribute__((target("avx2,fma"))) void pack_panel(MatrixView b, int k, int columns, float* to) {
  int done = 0;  // rows already packed
  if (columns == tile_columns && b.row == 1) {
    for (; done + 8 <= k; done += 8)
      for (int j = 0; j < tile_columns; j += 8)
        transpose_8x8(b.data + done + j * b.column, b.column, to + done * tile_columns + j);
  } else if (columns == tile_columns && b.column == 1) {
    for (; done < k; ++done) {
      _mm256_store_ps(to + done * tile_columns, _mm256_loadu_ps(b.data + done * b.row));
      _mm256_store_ps(to + done * tile_columns + 8, _mm256_loadu_ps(b.data + done * b.row + 8));
    }
  }
  if (columns < tile_columns) std::fill_n(to, k * tile_columns, 0.0f);
  if (b.column == 1) {
    for (; done < k; ++done) std::copy_n(b.data + done * b.row, columns, to + done * tile_columns);
  } else {
    for (int j = 0; j < columns; ++j)
      for (int i = done; i < k; ++i) to[i * tile_columns + j] = b.data[i * b.row + j * b.column];
  }
}

// A's `rows` <= 6 rows and columns 0 .. k - 1 as [k][6], filled up with zeros.
void pack_rows(MatrixView a, int rows, int k, float* to) {
  if (rows == tile_rows && a.row == 1) {
    for (int i = 0; i < k; ++i) std::memcpy(to + i * tile_rows, a.data + i * a.column, tile_rows * sizeof(float));
    return;
  }
  for (int i = 0; i < k; ++i)
    for (int j = 0; j < tile_rows; ++j) to[i * tile_rows + j] = j < rows ? a.data[j * a.row + i * a.column] : 0.0f;
}

// This thread's memory for packed panels, on a cache line's border; it only grows.
float* scratch(std::vector<float>& buffer, std::size_t floats) {
  if (buffer.size() < floats + 16) buffer.resize(floats + 16);
  const std::uintptr_t address = reinterpret_cast<std::uintptr_t>(buffer.data());
  return buffer.data() + (64 - address % 64) % 64 / sizeof(float);
}

// The rectangle of a tile that C really has, by way of a full tile beside it.
__attribute__((target("avx2,fma"))) void edge_product(MatrixView a, const float* b, int k, Tile t, int rows,
                                                      int columns) {
  alignas(32) float part[tile_rows * tile_columns];
  for (int i = 0; i < tile_rows * tile_columns; i += 8) _mm256_store_ps(part + i, _mm256_setzero_ps());
  const Tile whole{part, tile_columns, part, tile_columns};
  for (int i = 0; i < rows; ++i) std::copy_n(t.start + i * t.start_stride, columns, part + i * tile_columns);
  if (columns > 8)
    tile_product<true>(a.data, a.row, a.column, b, k, whole);
  else
    tile_product<false>(a.data, a.row, a.column, b, k, whole);
  for (int i = 0; i < rows; ++i) std::copy_n(part + i * tile_columns, columns, t.c + i * t.stride);
}

Tile first_tile(const Start& start, int column, float* c, std::ptrdiff_t stride) {
  static constexpr float nothing[tile_columns] = {};
  switch (start.kind) {
    case Start::Kind::zero:
      return {nothing, 0, c, stride};
    case Start::Kind::bias:
      return {start.bias + column, 0, c, stride};
    default:
      return {c, stride, c, stride};
  }
}

// All tiles of one block: C[:, j0 .. j0 + columns) += A[:, k0 .. k0 + k) B[k0 .. k0 + k, j0 ...).
void block_product(const detail::MatmulBlock& m, int k0, int k, int j0, int columns) {
  thread_local std::vector<float> buffer_a, buffer_b;
  const int panels = (columns + tile_columns - 1) / tile_columns;
  const std::size_t panel_size = static_cast<std::size_t>(k) * tile_columns;
  float* b = scratch(buffer_b, static_cast<std::size_t>(panels) * panel_size);
  for (int p = 0; p < panels; ++p) {
    const int j = j0 + p * tile_columns;
    const MatrixView part{m.b.data + k0 * m.b.row + j * m.b.column, m.b.row, m.b.column};
    pack_panel(part, k, std::min(tile_columns, m.n - j), b + static_cast<std::size_t>(p) * panel_size);
  }
  float* packed_a = scratch(buffer_a, static_cast<std::size_t>(k) * tile_rows);
  for (int i = 0; i < m.m; i += tile_rows) {
    const int rows = std::min(tile_rows, m.m - i);
    MatrixView a{m.a.data + i * m.a.row + k0 * m.a.column, m.a.row, m.a.column};
    if (rows < tile_rows || (a.column != 1 && panels > 4)) {  // a column is read once for each panel
      pack_rows(a, rows, k, packed_a);
      a = {packed_a, 1, tile_rows};
    }
    for (int p = 0; p < panels; ++p) {
      const int j = j0 + p * tile_columns, width = std::min(tile_columns, j0 + columns - j);
      const float* panel = b + static_cast<std::size_t>(p) * panel_size;
      float* c = m.c + i * m.stride + j;
      const Tile tile = k0 == 0 ? first_tile(m.start, j, c, m.stride) : Tile{c, m.stride, c, m.stride};
      if (rows < tile_rows || width < tile_columns)
        edge_product(a, panel, k, tile, rows, width);
      else
        tile_product<true>(a.data, a.row, a.column, panel, k, tile);
    }
  }
}

}  // namespace

bool detail::has_avx2() {
  static const bool has = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  return has;
}

void detail::matmul_avx2(const MatmulBlock& m) {
  if (m.k == 0) return matmul_portable(m);
  for (int j = 0; j < m.n; j += block_columns)
    for (int k = 0; k < m.k; k += block_k)
      block_product(m, k, std::min(block_k, m.k - k), j, std::min(block_columns, m.n - j));
}

}  // namespace quench

#else

namespace quench {
bool detail::has_avx2() { return false; }
void detail::matmul_avx2(const MatmulBlock& m) { matmul_portable(m); }
}  // namespace quench
#endif
