// A stand-in for the vendor's integers, for tests: exact, and a value that its width cannot hold ends the run.
// SPDX-License-Identifier: MIT
#pragma once
#include <stdint.h>

#include <cstdio>
#include <cstdlib>
#include <type_traits>

// The vendor's types wrap silently; these say which width is too small, so that a proof of widths can fail a test.
__extension__ typedef __int128 Wide;

struct Exact {
  Wide v;
  template <class T, class = typename std::enable_if<std::is_integral<T>::value>::type>
  Exact(T x) : v(static_cast<Wide>(x)) {}
  static Exact of(Wide x) {
    Exact e(0);
    e.v = x;
    return e;
  }
  template <class T, class = typename std::enable_if<std::is_integral<T>::value>::type>
  explicit operator T() const {
    if (static_cast<Wide>(static_cast<T>(v)) != v)
      std::printf("width: a conversion to %d bytes loses bits\n", int(sizeof(T))), std::exit(3);
    return static_cast<T>(v);
  }
};

inline Exact operator+(Exact a, Exact b) { return Exact::of(a.v + b.v); }
inline Exact operator-(Exact a, Exact b) { return Exact::of(a.v - b.v); }
inline Exact operator*(Exact a, Exact b) { return Exact::of(a.v * b.v); }
inline Exact operator/(Exact a, Exact b) { return Exact::of(a.v / b.v); }
inline Exact operator&(Exact a, Exact b) { return Exact::of(a.v & b.v); }
inline Exact operator>>(Exact a, Exact b) { return Exact::of(a.v >> static_cast<int>(b.v)); }
inline bool operator<(Exact a, Exact b) { return a.v < b.v; }
inline bool operator>(Exact a, Exact b) { return a.v > b.v; }
inline bool operator!=(Exact a, Exact b) { return a.v != b.v; }

template <int W, bool S>
struct Checked : Exact {
  Checked(Exact x = Exact(0)) : Exact(x) {
    const Wide one = 1;
    const Wide low = S ? -(one << (W - 1)) : 0, high = (one << (S ? W - 1 : W)) - 1;
    if (v >= low && v <= high) return;
    std::printf("width: %lld needs more than %d %s bits\n", static_cast<long long>(v), W, S ? "signed" : "unsigned");
    std::exit(3);
  }
  template <class T, class = typename std::enable_if<std::is_integral<T>::value>::type>
  Checked(T x) : Checked(Exact(x)) {}
  template <int V, bool Z>
  Checked(const Checked<V, Z>& x) : Checked(Exact::of(x.v)) {}
};

template <int W>
using ap_int = Checked<W, true>;
template <int W>
using ap_uint = Checked<W, false>;
