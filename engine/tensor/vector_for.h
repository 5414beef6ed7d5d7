// Loops over elements, compiled for every instruction set and chosen at run time, with the same bytes.
// SPDX-License-Identifier: MIT
#pragma once
#include "engine/core/parallel_for.h"
#include "engine/tensor/matmul.h"

namespace quench {

// The form of Kernels that vector_for runs: the widest that this machine has. neon and portable are one: every 64-bit
// Arm has what its compiler takes for granted.
Kernels loop_form();

// Another form as long as this lives, so that tests can compare them; fails when this machine has not got it. Loops of
// all threads change: none may be running.
class LoopForm {
 public:
  explicit LoopForm(Kernels);
  ~LoopForm();
  LoopForm(const LoopForm&) = delete;
  LoopForm& operator=(const LoopForm&) = delete;

 private:
  Kernels before;
};

namespace detail {

// One body compiled anew for each instruction set. flatten makes what it calls a part of it, so plain loops over inline
// functions (engine/core/math.h) become that set's vector code; what is not inlined stays what every machine runs. No
// form contracts a product and a sum (meson.build) or reorders a sum, so each element's bytes are the plain loop's.
template <class Body>
void range_portable(const void* body, std::size_t begin, std::size_t end) {
  (*static_cast<const Body*>(body))(begin, end);
}
#if defined(__x86_64__)
template <class Body>
__attribute__((target("avx2"), flatten)) void range_avx2(const void* body, std::size_t begin, std::size_t end) {
  (*static_cast<const Body*>(body))(begin, end);
}
template <class Body>
__attribute__((target("avx512f"), flatten)) void range_avx512(const void* body, std::size_t begin, std::size_t end) {
  (*static_cast<const Body*>(body))(begin, end);
}
#endif

template <class Body>
RangeBody range_of(Kernels form) {
#if defined(__x86_64__)
  if (form == Kernels::avx512) return range_avx512<Body>;
  if (form == Kernels::avx2) return range_avx2<Body>;
#endif
  static_cast<void>(form);
  return range_portable<Body>;
}

}  // namespace detail

// parallel_for whose body is plain loops without branches: as vector code of loop_form().
template <class Body>
void vector_for(int threads, std::size_t count, std::size_t grain, const Body& body) {
  detail::run_ranges(threads, count, grain, detail::range_of<Body>(loop_form()), &body);
}

// The same on the caller's thread, in one range.
template <class Body>
void vector_loop(const Body& body) {
  const auto range = [&](std::size_t, std::size_t) { body(); };
  detail::range_of<decltype(range)>(loop_form())(&range, 0, 0);
}

}  // namespace quench
