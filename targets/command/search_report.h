// What a search found, as text, report and JSON.
// SPDX-License-Identifier: MIT
#pragma once
#include <string>
#include <vector>

#include "engine/core/json.h"
#include "targets/command/search_budget.h"
#include "targets/command/search_width.h"

namespace quench {

struct Candidate {
  std::size_t width;                // of the search's widths
  std::vector<std::size_t> option;  // of each layer
  bool quick;                       // of the first round, which tunes for fewer steps
  StudyPoint point;
  StudyResult result;
  Amounts has{};
  double score = 0;  // search_rank.h
  bool fits = false, on_front = false;
};

struct Choice {
  std::string name;  // of the chosen point; "": none
  std::string why;   // one sentence
};

struct Found {
  const StudyBench& bench;
  const Budget& budget;
  const StudyResult& of_float;
  const std::vector<Width>& widths;
  const std::vector<Candidate>& candidates;  // of the second round, then of the first
  Choice choice;
};

// Writes search.html and search.json, whose content it returns.
Json write_search(const Found&);

// Of a search that chose one.
std::string search_text(const Found&);

}  // namespace quench
