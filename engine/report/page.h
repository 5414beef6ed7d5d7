// Parts of an HTML page: the style sheet, tables, figures, sections.
// SPDX-License-Identifier: MIT
#pragma once
#include <string>
#include <vector>

namespace quench {

// The whole document around `body`; `title` is plain text.
std::string page(const std::string& title, const std::string& body);

// A section with a heading; nothing when the body is empty. `id` is its anchor.
std::string section(const std::string& id, const std::string& title, const std::string& body);

// Cells are HTML already. Cells that begin with a digit, sign or dash are set to the right.
std::string html_table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows,
                       const std::string& caption = {});

// A picture with a caption; both HTML.
std::string figure(const std::string& picture, const std::string& caption);

std::string paragraph(const std::string& html);

// A line of style c0 .. c4 with its name, for the key of plots.
std::string key_item(const std::string& name, int style);

// Folded until it is opened.
std::string details(const std::string& summary, const std::string& body);

}  // namespace quench
