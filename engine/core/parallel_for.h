// Work shared between threads whose result does not depend on their number.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstddef>

namespace quench {

int hardware_threads();

namespace detail {
using RangeBody = void (*)(const void* body, std::size_t begin, std::size_t end);
void run_ranges(int threads, std::size_t count, std::size_t grain, RangeBody call, const void* body);
}  // namespace detail

// Calls body(begin, end) for the ranges [0, grain), [grain, 2 grain), ... that cover 0 .. count - 1; the ranges are the
// same whatever the number of threads. Bodies must write disjoint results. Blocks until all are done; the first
// exception is rethrown here. A call from inside a body, or while another thread's call is running, does its ranges
// alone. No allocation.
template <class Body>
void parallel_for(int threads, std::size_t count, std::size_t grain, const Body& body) {
  const auto call = [](const void* b, std::size_t begin, std::size_t end) {
    (*static_cast<const Body*>(b))(begin, end);
  };
  detail::run_ranges(threads, count, grain, call, &body);
}

// Calls body(row) for the rows 0 .. rows - 1 in such ranges.
template <class Body>
void for_rows(int threads, int rows, std::size_t grain, const Body& body) {
  parallel_for(threads, static_cast<std::size_t>(rows), grain, [&](std::size_t begin, std::size_t end) {
    for (int i = static_cast<int>(begin); i < static_cast<int>(end); ++i) body(i);
  });
}

}  // namespace quench
