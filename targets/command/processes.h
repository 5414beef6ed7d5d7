// Independent pieces of long work, each in a process of its own.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstddef>
#include <functional>

namespace quench {

// Runs piece(0) .. piece(count - 1), each in a child that has one thread and shares nothing with its siblings, at most
// `processes` at a time. What a piece finds out it must leave in files. The first piece that fails, or whose process is
// killed, ends the whole: no further one starts, those that run come to their end, and its sentence is thrown.
void in_processes(int processes, std::size_t count, const std::function<void(std::size_t)>& piece);

}  // namespace quench
