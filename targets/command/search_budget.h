// What a search may not exceed, and what a program takes of it.
// SPDX-License-Identifier: MIT
#pragma once
#include <array>
#include <cstdint>
#include <string>

#include "codegen/plan.h"
#include "engine/core/arguments.h"
#include "engine/core/json.h"

namespace quench {

// Stored bits, bytes of flash, bytes of RAM, instructions an event.
enum Resource { stored, flash, ram, work, resource_count };
using Amounts = std::array<std::int64_t, resource_count>;
constexpr const char* resource_keys[] = {"stored_bits", "flash_bytes", "ram_bytes", "instructions"};
constexpr const char* resource_names[] = {"stored bits", "bytes of flash", "bytes of RAM", "instructions an event"};

Amounts amounts(const Plan&);

struct Budget {
  Target target;      // without limits of its own: what does not fit is told, not refused
  Amounts limit{};    // 0: none
  std::string grade;  // the class that is wanted; "": the best that fits
};

// Of --bits, --flash, --ram, --instructions, --target and --class. Fails when nothing is asked for, for a class that is
// not known, and for instructions of a target whose costs are not.
Budget search_budget(const Arguments&);

bool fits(const Amounts&, const Amounts& limit);

// The limited resource that quality is weighed against: instructions where they alone are limited, else stored bits.
Resource scarce(const Budget&);

// Target, class, and of each limited resource the limit and what the chosen program has; `chosen` null: none is.
Json budget_json(const Budget&, const Amounts* chosen);

}  // namespace quench
