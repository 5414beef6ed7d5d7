// Integers of exact width: the vendor's ap_int where its header is there, otherwise the next plain type.
// SPDX-License-Identifier: MIT-0
#pragma once
#include <stdint.h>

// Generated code never relies on wrap-around: every width holds the exact range of its values, so that both forms
// compute the same integers. QUENCH_PLAIN_INTEGERS asks for plain types even beside the vendor's headers.
#if !defined(QUENCH_PLAIN_INTEGERS) && __has_include(<ap_int.h>)
#include <ap_int.h>
namespace quench {
template <int W>
using Signed = ap_int<W>;
template <int W>
using Unsigned = ap_uint<W>;
}  // namespace quench
#else
namespace quench {

template <int Bits>
struct Plain;
template <>
struct Plain<8> {
  typedef int8_t Signed;
  typedef uint8_t Unsigned;
};
template <>
struct Plain<16> {
  typedef int16_t Signed;
  typedef uint16_t Unsigned;
};
template <>
struct Plain<32> {
  typedef int32_t Signed;
  typedef uint32_t Unsigned;
};
template <>
struct Plain<64> {
  typedef int64_t Signed;
  typedef uint64_t Unsigned;
};

template <int W>
using Signed = typename Plain<(W <= 8    ? 8
                               : W <= 16 ? 16
                               : W <= 32 ? 32
                                         : 64)>::Signed;
template <int W>
using Unsigned = typename Plain<(W <= 8    ? 8
                                 : W <= 16 ? 16
                                 : W <= 32 ? 32
                                           : 64)>::Unsigned;

}  // namespace quench
#endif
