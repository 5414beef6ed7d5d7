// quench targets: the known targets and their limits.
// SPDX-License-Identifier: MIT
#include <cstdio>

#include "engine/core/table.h"
#include "targets/command/options.h"
#include "targets/command/verbs.h"
#include "targets/targets.h"

namespace quench {
namespace {

std::string limit(std::int64_t bytes) { return bytes ? bytes_text(static_cast<double>(bytes)) : "no limit"; }

int targets_verb(const Arguments& a) {
  if (given(a, "--json")) {
    Json list = Json::array();
    for (const Target& t : known_targets()) {
      Json entry = Json::object();
      entry["name"] = t.name, entry["description"] = t.description;
      entry["flash_bytes"] = t.flash_bytes, entry["ram_bytes"] = t.ram_bytes;
      list.push_back(entry);
    }
    print(list);
    return 0;
  }
  Table table{{"target", "flash", "RAM", "what"}, {}, {}};
  for (const Target& t : known_targets())
    table.rows.push_back({t.name, limit(t.flash_bytes), limit(t.ram_bytes), t.description});
  std::printf("%s", table_text(table).c_str());
  return 0;
}

}  // namespace

Command targets_command() {
  return {{"targets",
           "Lists the targets that code can be generated for, with their limits.",
           {},
           {json_option()},
           "A board of your own is a text file given to --target: base = cortex-m4, flash_bytes = 262144, ram_bytes = "
           "65536."},
          targets_verb};
}

}  // namespace quench
