// Work shared between threads whose result does not depend on their number.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstddef>
#include <functional>

namespace quench {

// Calls body(begin, end) for consecutive ranges that cover 0 .. count - 1; the ranges' borders are multiples of `grain`.
// Bodies must write disjoint results. Blocks until all are done; the first exception is rethrown here.
void parallel_for(int threads, std::size_t count, std::size_t grain, const std::function<void(std::size_t, std::size_t)>& body);

int hardware_threads();

}  // namespace quench
