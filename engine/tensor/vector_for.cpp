// The choice of the loops' form.
// SPDX-License-Identifier: MIT
#include "engine/tensor/vector_for.h"

#include <atomic>

#include "engine/core/error.h"

namespace quench {
namespace {

Kernels widest() {
  for (const Kernels form : {Kernels::avx512, Kernels::avx2, Kernels::neon})
    if (has(form)) return form;
  return Kernels::portable;
}

std::atomic<Kernels>& chosen() {
  static std::atomic<Kernels> form{widest()};
  return form;
}

}  // namespace

Kernels loop_form() { return chosen().load(std::memory_order_relaxed); }

LoopForm::LoopForm(Kernels form) : before(loop_form()) {
  if (!has(form))
    fail("loops: this machine has not got the instruction set of form ", static_cast<int>(form),
         " of 5; take Kernels::fastest");
  chosen() = form == Kernels::fastest ? widest() : form;
}

LoopForm::~LoopForm() { chosen() = before; }

}  // namespace quench
