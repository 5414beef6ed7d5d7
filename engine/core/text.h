// Small questions about text: UTF-8, names, and which known word was meant.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace quench {

// Bytes of the valid UTF-8 sequence at text[i] (RFC 3629), 0 when it is not one.
std::size_t utf8_length(std::string_view text, std::size_t i);

// The candidate with the smallest edit distance (insert, delete, replace, swap neighbours) when that is at most a third
// of the word's length, or 2 (1 for words of up to 3); else "". The first one wins a tie. Of a dotted candidate the
// last part alone counts too: "events" is near "data.events".
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

// ": did you mean X?", or "".
std::string suggestion(std::string_view word, const std::vector<std::string>& candidates);

// A letter, then letters, digits and single underscores; at most 40; no reserved word of C or C++.
bool is_identifier(const std::string& word);

}  // namespace quench
