// The budget of a search, from its options.
// SPDX-License-Identifier: MIT
#include "targets/command/search_budget.h"

#include <algorithm>

#include "engine/core/error.h"
#include "targets/targets.h"

namespace quench {

Amounts amounts(const Plan& p) { return {p.stored_bits, p.flash_bytes, p.ram_bytes, p.instructions}; }

Budget search_budget(const Arguments& a) {
  const auto limit = [&](const char* option) { return given(a, option) ? integer(a, option, 1, 1e15) : 0; };
  Budget b{find_target(given(a, "--target") ? text(a, "--target") : "host"),
           {limit("--bits"), limit("--flash"), limit("--ram"), limit("--instructions")},
           given(a, "--class") ? text(a, "--class") : ""};
  if (!b.limit[flash]) b.limit[flash] = b.target.flash_bytes;
  if (!b.limit[ram]) b.limit[ram] = b.target.ram_bytes;
  if (!b.grade.empty() && b.grade != "lossless" && b.grade != "light")
    fail("--class: \"", b.grade, "\" is not known; choose lossless or light");
  if (b.limit[work] && b.target.costs.output == 0)
    fail("search: the instructions of target ", b.target.name, " are not known; leave --instructions out");
  if (b.limit == Amounts{} && b.grade.empty())
    fail("search: nothing is asked for; give --bits, --flash, --ram, --instructions, --target or --class");
  b.target.flash_bytes = b.target.ram_bytes = 0;
  return b;
}

bool fits(const Amounts& has, const Amounts& limit) {
  for (int r = 0; r < resource_count; ++r)
    if (limit[r] && has[r] > limit[r]) return false;
  return true;
}

Resource scarce(const Budget& b) { return b.limit[work] && !b.limit[stored] && !b.limit[flash] ? work : stored; }

Json budget_json(const Budget& b, const Amounts* chosen) {
  Json j = Json::object();
  j["target"] = b.target.name, j["class"] = b.grade.empty() ? Json() : Json(b.grade);
  Json limits = Json::array();
  for (int r = 0; r < resource_count; ++r) {
    if (!b.limit[r]) continue;
    Json entry = Json::object();
    entry["resource"] = resource_keys[r], entry["limit"] = b.limit[r];
    entry["chosen"] = chosen ? Json((*chosen)[r]) : Json();
    limits.push_back(entry);
  }
  j["limits"] = limits;
  return j;
}

}  // namespace quench
