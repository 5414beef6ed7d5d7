// Elementary functions that give the same bytes on every machine: plain multiplications and additions, no libm.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <cstring>

// The order of operations is fixed. The float functions are branch-free, so that loops over them become vector code.
namespace quench {
namespace detail {

template <class To, class From>
inline To bits_as(From x) {
  static_assert(sizeof(To) == sizeof(From), "a bit pattern keeps its size");
  To y;
  std::memcpy(&y, &x, sizeof y);
  return y;
}

}  // namespace detail

// e^x, relative error below 2e-7; x is clamped to [-87.3, 88.3], so the result is neither 0, subnormal nor infinite.
// x = n ln 2 + r with |r| <= ln 2 / 2; Taylor series of e^r to r^7 (remainder 5e-9).
inline float exp(float x) {
  x = x < -87.3f ? -87.3f : x;
  x = x > 88.3f ? 88.3f : x;
  const float shifted = x * 1.44269504f + 12582912.0f;  // adding 1.5 * 2^23 rounds to an integer, kept in the low bits
  const std::int32_t n = detail::bits_as<std::int32_t>(shifted) - 0x4b400000;
  const float n_real = shifted - 12582912.0f;
  const float r = (x - n_real * 0.693359375f) + n_real * 2.12194440e-4f;  // ln 2 in two parts, the first with 9 bits
  float p = 1.0f / 5040.0f;
  p = p * r + 1.0f / 720.0f;
  p = p * r + 1.0f / 120.0f;
  p = p * r + 1.0f / 24.0f;
  p = p * r + 1.0f / 6.0f;
  p = p * r + 0.5f;
  p = p * r * r + r + 1.0f;
  return p * detail::bits_as<float>(static_cast<std::uint32_t>(n + 127) << 23);
}

// ln x for x > 0 (smaller arguments count as 1.2e-38), relative error below 2e-7.
// x = m 2^e with m in [sqrt(1/2), sqrt 2); ln m = 2 artanh(s), s = (m - 1) / (m + 1), arranged so that m near 1 loses
// nothing.
inline float log(float x) {
  x = x < 1.17549435e-38f ? 1.17549435e-38f : x;
  const std::int32_t bits = detail::bits_as<std::int32_t>(x);
  const std::int32_t e = (bits - 0x3f3504f3) >> 23;
  const float f = detail::bits_as<float>(bits - e * 8388608) - 1.0f;  // e 2^23: out of the exponent field
  const float s = f / (2.0f + f), s2 = s * s, half = 0.5f * f * f;
  float p = 2.0f / 11.0f;
  p = p * s2 + 2.0f / 9.0f;
  p = p * s2 + 2.0f / 7.0f;
  p = p * s2 + 2.0f / 5.0f;
  p = p * s2 + 2.0f / 3.0f;
  const float rest = half - s * (half + p * s2);
  const float e_real = static_cast<float>(e);
  return e_real * 0.693359375f + (f - (rest + e_real * 2.12194440e-4f));
}

// ln(1 + e^-|x|), relative error below 4e-7: 2 artanh(e / (2 + e)) with e in (0, 1], eight terms (remainder 2e-9).
inline float log1p_exp_minus_abs(float x) {
  const float e = exp(x < 0.0f ? x : -x);
  const float s = e / (2.0f + e), s2 = s * s;
  float p = 2.0f / 15.0f;
  p = p * s2 + 2.0f / 13.0f;
  p = p * s2 + 2.0f / 11.0f;
  p = p * s2 + 2.0f / 9.0f;
  p = p * s2 + 2.0f / 7.0f;
  p = p * s2 + 2.0f / 5.0f;
  p = p * s2 + 2.0f / 3.0f;
  return s * 2.0f + s * (p * s2);
}

inline float softplus(float x) { return (x > 0.0f ? x : 0.0f) + log1p_exp_minus_abs(x); }  // ln(1 + e^x)
inline float log_sigmoid(float x) { return -softplus(-x); }

// 1 / (1 + e^-x), relative error below 4e-7 on both sides.
inline float sigmoid(float x) {
  const float e = exp(x < 0.0f ? x : -x);
  return (x < 0.0f ? e : 1.0f) / (1.0f + e);
}

// tanh, relative error below 4e-7: the odd Taylor series to x^11 below 0.3 (remainder 3e-9), (1 - e) / (1 + e) with e =
// e^-2|x| above.
inline float tanh(float x) {
  const float a = x < 0.0f ? -x : x, e = exp(-2.0f * a), x2 = x * x;
  const float far = (1.0f - e) / (1.0f + e);
  float p = -1382.0f / 155925.0f;
  p = p * x2 + 62.0f / 2835.0f;
  p = p * x2 - 17.0f / 315.0f;
  p = p * x2 + 2.0f / 15.0f;
  p = p * x2 - 1.0f / 3.0f;
  const float near = x + x * (p * x2);
  return a < 0.3f ? near : (x < 0.0f ? -far : far);
}

// e^x in double, relative error below 1e-15, x clamped to [-708, 709]; Taylor series to r^13.
inline double exp(double x) {
  x = x < -708.0 ? -708.0 : x;
  x = x > 709.0 ? 709.0 : x;
  const double shifted = x * 1.4426950408889634 + 6755399441055744.0;  // + 1.5 * 2^52
  const std::int64_t n = detail::bits_as<std::int64_t>(shifted) - 0x4338000000000000;
  const double n_real = shifted - 6755399441055744.0;
  const double r =
      (x - n_real * 0x1.62e42feep-1) - n_real * 0x1.a39ef35793c76p-33;  // ln 2, the first part with 32 bits
  constexpr double inverse[14] = {0,       1,       1.0 / 2, 1.0 / 3,  1.0 / 4,  1.0 / 5,  1.0 / 6,
                                  1.0 / 7, 1.0 / 8, 1.0 / 9, 1.0 / 10, 1.0 / 11, 1.0 / 12, 1.0 / 13};
  double p = 1.0;
  for (int k = 13; k >= 1; --k) p = p * (r * inverse[k]) + 1.0;
  // 2^n in two factors: n reaches 1023
  const double half = detail::bits_as<double>(static_cast<std::uint64_t>(n / 2 + 1023) << 52);
  return p * half * detail::bits_as<double>(static_cast<std::uint64_t>(n - n / 2 + 1023) << 52);
}

// ln x in double for x > 0 (smaller arguments count as 2.3e-308), relative error below 1e-15.
inline double log(double x) {
  x = x < 2.2250738585072014e-308 ? 2.2250738585072014e-308 : x;
  const std::int64_t bits = detail::bits_as<std::int64_t>(x);
  const std::int64_t e = (bits - 0x3fe6a09e667f3bcd) >> 52;
  const double f = detail::bits_as<double>(bits - e * (std::int64_t{1} << 52)) - 1.0;
  const double s = f / (2.0 + f), s2 = s * s, half = 0.5 * f * f;
  double p = 0.0;
  for (int k = 23; k >= 3; k -= 2) p = p * s2 + 2.0 / k;
  const double rest = half - s * (half + p * s2);
  const double e_real = static_cast<double>(e);
  return e_real * 0x1.62e42feep-1 + (f - (rest - e_real * 0x1.a39ef35793c76p-33));
}

}  // namespace quench
