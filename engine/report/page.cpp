// The style sheet of reports and the frame around them: no scripts, no fonts, nothing from elsewhere.
// SPDX-License-Identifier: MIT
#include "engine/report/page.h"

#include "engine/report/svg.h"

namespace quench {
namespace {

// Colours after Okabe and Ito (2008), readable with every colour blindness; c0 is the reference.
constexpr const char* style = R"css(
:root { color-scheme: light dark; --paper: #fff; --ink: #1b1f24; --soft: #5c6570; --rule: #d9dee4; --tile: #f4f6f8;
  --c0: #57606a; --c1: #0072b2; --c2: #d55e00; --c3: #009e73; --c4: #aa4499; --fill: #dfe3e8; --warn: #8a5300; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171b; --ink: #e4e8ed; --soft: #9aa5b1; --rule: #343b44;
  --tile: #1e2329; --c0: #b4bec9; --c1: #56b4e9; --c2: #f0853a; --c3: #2cc295; --c4: #d68fc4; --fill: #303841;
  --warn: #e6b85c; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1120px; padding: 1.2rem 1rem 4rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .4rem; }
h2 { font-size: 1.2rem; margin: 2.4rem 0 .6rem; padding-top: .7rem; border-top: 1px solid var(--rule); }
h3 { font-size: 1rem; margin: 1.4rem 0 .4rem; }
p { margin: .4rem 0 .8rem; max-width: 75ch; }
a { color: var(--c1); }
.soft, figcaption { color: var(--soft); font-size: .85rem; }
nav { font-size: .9rem; margin: .6rem 0 0; } nav a { margin-right: 1rem; white-space: nowrap; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: .7rem; margin: 1.2rem 0; }
.tile { background: var(--tile); border-radius: 8px; padding: .7rem .9rem; }
.tile b { display: block; font-size: 1.45rem; line-height: 1.25; overflow-wrap: anywhere;
  font-variant-numeric: tabular-nums; }
.tile span { display: block; color: var(--soft); font-size: .82rem; line-height: 1.35; }
.scroll { overflow-x: auto; margin: .6rem 0 1rem; }
table { border-collapse: collapse; font-size: .88rem; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .8rem .25rem 0; text-align: left; vertical-align: top; white-space: nowrap;
  border-bottom: 1px solid var(--rule); }
th { font-weight: 600; white-space: normal; border-bottom: 2px solid var(--rule); vertical-align: bottom; }
td.n, th.n { text-align: right; } td.w { white-space: normal; min-width: 16rem; }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(300px, 1fr)); gap: 1rem 1.2rem; }
.wide { max-width: 760px; overflow-x: auto; } .wide svg { min-width: 520px; }
figure { margin: 0; } figcaption { line-height: 1.4; padding-left: .2rem; }
svg { display: block; width: 100%; height: auto; font: 11px system-ui, -apple-system, "Segoe UI", Roboto,
  "Helvetica Neue", "DejaVu Sans", sans-serif; fill: var(--ink); }
svg .title { font-weight: 600; font-size: 12.5px; } svg .label { fill: var(--soft); }
svg .axis { stroke: var(--soft); fill: none; } svg .grid { stroke: var(--rule); fill: none; stroke-width: .7; }
svg .cell { shape-rendering: crispEdges; } svg .frame { fill: none; stroke: var(--rule); }
svg .line { fill: none; stroke-width: 1.5; stroke-linejoin: round; } svg .filled { fill: var(--fill); }
svg .c0 { stroke: var(--c0); } svg .c1 { stroke: var(--c1); } svg .c2 { stroke: var(--c2); stroke-dasharray: 4 2; }
svg .c3 { stroke: var(--c3); stroke-dasharray: 1.5 2; } svg .c4 { stroke: var(--c4); stroke-dasharray: 7 2 1.5 2; }
svg .dot { fill: var(--paper); stroke-width: 1.5; stroke-dasharray: none; }
svg .b0 { fill: var(--c1); } svg .b1 { fill: var(--c2); } svg .b2 { fill: var(--c3); } svg .b3 { fill: var(--c4); }
svg .b4 { fill: var(--c0); } svg .block { fill-opacity: .3; stroke: var(--soft); stroke-width: .7; }
.key { display: flex; flex-wrap: wrap; gap: .2rem 1.4rem; font-size: .88rem; margin: .3rem 0 .7rem; }
.key span { display: inline-flex; align-items: center; } .key svg { width: 34px; height: 10px; margin-right: .4rem; }
.remarks { border-left: 4px solid var(--warn); padding: .1rem 1rem; background: var(--tile); }
.remarks li { margin: .35rem 0; }
pre { background: var(--tile); border-radius: 8px; padding: .8rem; overflow-x: auto; font-size: .82rem;
  line-height: 1.4; }
details { margin: .8rem 0; } summary { cursor: pointer; color: var(--c1); }
dl { display: grid; grid-template-columns: minmax(9rem, max-content) 1fr; gap: .2rem 1.2rem; margin: .4rem 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
@media (max-width: 520px) { body { padding: .8rem .8rem 3rem; }
  .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); } .tile b { font-size: 1.2rem; }
  dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .5rem; } }
@media print { :root { color-scheme: light; --paper: #fff; --ink: #000; --soft: #444; --rule: #bbb; --tile: #f4f4f4;
    --c0: #57606a; --c1: #0072b2; --c2: #d55e00; --c3: #009e73; --c4: #aa4499; --fill: #dfe3e8; --warn: #8a5300; }
  @page { margin: 14mm; } body { font-size: 10pt; max-width: none; padding: 0; }
  nav { display: none; } h2, h3, .key { break-after: avoid; } figcaption { font-size: 7pt; }
  figure, tr, .tile, .remarks { break-inside: avoid; }
  .plots { grid-template-columns: repeat(3, 1fr); gap: .5rem; } .scroll { overflow: visible; }
  th, td { padding-right: .5rem; } table { font-size: 8pt; } thead { display: table-header-group; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
)css";

bool is_number(const std::string& cell) {
  const std::size_t first = cell.find_first_not_of("+-<> ");
  return first == std::string::npos ? !cell.empty() : cell[first] >= '0' && cell[first] <= '9';
}

bool number_column(const std::vector<std::vector<std::string>>& rows, std::size_t c) {
  for (const auto& row : rows)
    if (c < row.size() && !row[c].empty() && !is_number(row[c])) return false;
  return !rows.empty();
}

}  // namespace

std::string html_table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows,
                       const std::string& caption) {
  std::vector<bool> numbers;
  for (std::size_t c = 0; c < header.size(); ++c) numbers.push_back(number_column(rows, c));
  std::string out = caption.empty() ? "" : "<p class=\"soft\">" + caption + "</p>\n";
  out += "<div class=\"scroll\"><table><thead><tr>";
  for (std::size_t c = 0; c < header.size(); ++c)
    out += (numbers[c] ? "<th class=\"n\">" : "<th>") + header[c] + "</th>";
  out += "</tr></thead>\n<tbody>";
  for (const auto& row : rows) {
    out += "<tr>";
    for (std::size_t c = 0; c < row.size(); ++c) {
      const bool long_text = row[c].size() > 60;
      const char* const type = c < numbers.size() && numbers[c] ? " class=\"n\"" : long_text ? " class=\"w\"" : "";
      ((out += "<td") += type) += ">" + row[c] + "</td>";
    }
    out += "</tr>\n";
  }
  return out + "</tbody></table></div>\n";
}

std::string figure(const std::string& picture, const std::string& caption) {
  return "<figure>" + picture + (caption.empty() ? "" : "<figcaption>" + caption + "</figcaption>") + "</figure>\n";
}

std::string key_item(const std::string& name, int style) {
  return "<span><svg viewBox=\"0 0 34 10\"><path class=\"line c" + std::to_string(style) + "\" d=\"M0 5H34\"/></svg>" +
         escaped(name) + "</span>";
}

std::string paragraph(const std::string& html) { return html.empty() ? "" : "<p>" + html + "</p>\n"; }

std::string details(const std::string& summary, const std::string& body) {
  return body.empty() ? "" : "<details><summary>" + summary + "</summary>\n" + body + "</details>\n";
}

std::string section(const std::string& id, const std::string& title, const std::string& body) {
  return body.empty() ? "" : "<section id=\"" + id + "\"><h2>" + title + "</h2>\n" + body + "</section>\n";
}

std::string page(const std::string& title, const std::string& body) {
  return "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>" +
         escaped(title) + "</title>\n<style>" + style + "</style></head>\n<body>\n" + body + "</body></html>\n";
}

}  // namespace quench
