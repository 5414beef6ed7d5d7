// The page: headline, remarks, sizes, physics, memory, speeds, curves and the recipe.
// SPDX-License-Identifier: MIT
#include <algorithm>

#include "engine/core/table.h"
#include "engine/report/judgement_section.h"
#include "engine/report/page.h"
#include "engine/report/physics_section.h"
#include "engine/report/report.h"
#include "engine/report/svg.h"

namespace quench {
namespace {

using Rows = std::vector<std::vector<std::string>>;

std::string bits_text(std::int64_t bits) { return bytes_text(static_cast<double>(bits) / 8); }

std::string ratio(std::int64_t before, std::int64_t after) {
  return before > 0 && after > 0 ? rounded(static_cast<double>(before) / static_cast<double>(after), 3) : "-";
}

// Three digits; thousands in groups.
std::string large(double value) {
  if (!(value >= 1000 && value < 1e15)) return rounded(value, 3);
  std::int64_t unit = 1;
  while (value >= 1000.0 * static_cast<double>(unit)) unit *= 10;
  return grouped(static_cast<std::int64_t>(value / static_cast<double>(unit) + 0.5) * unit);
}

// --- headline

std::string tile(const std::string& number, const std::string& meaning) {
  return "<div class=\"tile\"><b>" + number + "</b><span>" + meaning + "</span></div>\n";
}

// Mean over all groups' features, each feature once.
std::string quality_tiles(const Report& report) {
  std::string out;
  for (const ReportCandidate& candidate : report.candidates) {
    double sum = 0, floor = 0;
    const std::vector<Feature>& features = candidate.comparison.features;
    for (const Feature& f : features) {
      sum += f.separation;
      floor += f.floor;
    }
    if (features.empty()) continue;
    const double n = static_cast<double>(features.size());
    out +=
        tile(rounded(sum / n, 3), escaped(candidate.name) + ": mean separation from the reference over " +
                                      grouped(static_cast<int>(n)) + " features (floor " + rounded(floor / n, 2) + ")");
  }
  return out;
}

std::string tiles(const Report& report) {
  std::string out;
  if (report.compressed_bits > 0) {
    out += tile(ratio_text(report.float_bits, report.compressed_bits),
                bits_text(report.float_bits) + " of 32-bit floats &#8594; " + bits_text(report.compressed_bits) +
                    " stored" +
                    (report.weight_bits > 0 ? " (naive 32 / " + std::to_string(report.weight_bits) + " = " +
                                                  rounded(32.0 / report.weight_bits, 3) + "&#8201;&#215;)"
                                            : std::string()));
  }
  out += quality_tiles(report);
  for (const ReportTarget& t : report.targets) {
    if (t.flash_bytes <= 0) continue;
    out += tile(bytes_text(static_cast<double>(t.flash_bytes)),
                escaped(t.name) + ": flash; RAM " + bytes_text(static_cast<double>(t.ram_bytes)));
  }
  for (const ReportSpeed& s : report.speeds)
    out += tile(large(s.value) + " <small>" + escaped(s.unit) + "</small>", escaped(s.what));
  return out.empty() ? "" : "<div class=\"tiles\">\n" + out + "</div>\n";
}

std::string facts_section(const Report& report) {
  std::string list;
  for (const ReportFact& fact : report.facts)
    list += "<dt>" + escaped(fact.name) + "</dt><dd>" + escaped(fact.value) + "</dd>\n";
  list += "<dt>seed</dt><dd>" + std::to_string(report.seed) + "</dd>\n";
  if (!report.program.empty()) list += "<dt>made by</dt><dd>" + escaped(report.program) + "</dd>\n";
  return section("made", "How it was made", "<dl>\n" + list + "</dl>\n");
}

std::string remarks(const Report& report) {
  std::string list;
  for (const std::string& remark : report.remarks) list += "<li>" + escaped(remark) + "</li>\n";
  return list.empty() ? "" : "<div class=\"remarks\"><ul>\n" + list + "</ul></div>\n";
}

// --- sizes

std::string interval_text(const ReportLayer& layer) {
  if (!layer.has_accumulator) return "";
  return "[" + grouped(layer.accumulator_lowest) + ", " + grouped(layer.accumulator_highest) + "]";
}

std::string layer_table(const Report& report) {
  Rows rows;
  for (const ReportLayer& layer : report.layers) {
    const bool weights = layer.weights > 0;
    const double full = weights ? 100 * static_cast<double>(layer.nonzeros) / static_cast<double>(layer.weights) : 0;
    rows.push_back({escaped(layer.name), escaped(layer.kind), escaped(layer.shape),
                    weights ? grouped(layer.nonzeros) + " (" + rounded(full, 3) + " %)" : "",
                    weights ? std::to_string(layer.bits) : "", escaped(layer.encoding), grouped(layer.float_bits),
                    grouped(layer.stored_bits), ratio(layer.float_bits, layer.stored_bits), interval_text(layer)});
  }
  return html_table({"layer", "kind", "shape", "non-zeros", "bits a weight", "encoding", "float, bits", "stored, bits",
                     "ratio", "accumulator interval"},
                    rows);
}

std::string size_section(const Report& report) {
  if (report.layers.empty() && report.compressed_bits == 0) return "";
  Rows totals = {
      {"float model, 32 bits a parameter, dense", grouped(report.float_bits), bits_text(report.float_bits), ""},
      {"compressed, as the generated code stores it", grouped(report.compressed_bits),
       bits_text(report.compressed_bits), ratio(report.float_bits, report.compressed_bits)}};
  if (report.weight_bits > 0) {
    const std::int64_t naive = report.float_bits * report.weight_bits / 32;
    totals.push_back({"naive: every parameter in " + std::to_string(report.weight_bits) + " bits, nothing else counted",
                      grouped(naive), bits_text(naive), rounded(32.0 / report.weight_bits, 3)});
  }
  std::string body = html_table({"whole model", "bits", "size", "ratio"}, totals);
  if (!report.layers.empty()) {
    std::vector<Bar> bars;
    for (const ReportLayer& layer : report.layers) {
      if (layer.stored_bits <= 0) continue;
      bars.push_back({layer.name, {static_cast<double>(layer.stored_bits)}, bits_text(layer.stored_bits)});
    }
    body += "<h3>Stored size of every layer</h3>\n<div class=\"wide\">" + svg_bars("stored size of every layer", bars) +
            "</div>\n<h3>Layers</h3>\n" + layer_table(report);
  }
  return section("sizes", "Sizes", body);
}

// --- targets and speeds

std::string limit_text(std::int64_t used, std::int64_t limit) {
  std::string text = grouped(used) + " B";
  if (limit <= 0) return text;
  const double part = 100 * static_cast<double>(used) / static_cast<double>(limit);
  return text + " of " + grouped(limit) + " B (" + rounded(part, 3) + " %)";
}

std::string lifetime_text(const ReportTarget& target, const ReportBuffer& buffer) {
  const auto name = [&](int step) {
    const std::size_t k = static_cast<std::size_t>(std::max(step, 0));
    return k < target.layers.size() ? target.layers[k] : std::to_string(step);
  };
  return buffer.first == buffer.last ? name(buffer.first) : name(buffer.first) + " .. " + name(buffer.last);
}

std::string target_part(const ReportTarget& target) {
  std::string out = "<h3>" + escaped(target.name) + "</h3>\n" + paragraph(escaped(target.description));
  out += "<dl><dt>flash</dt><dd>" + limit_text(target.flash_bytes, target.flash_limit) + "</dd><dt>RAM</dt><dd>" +
         limit_text(target.ram_bytes, target.ram_limit) + "</dd></dl>\n";
  if (target.buffers.empty()) return out;
  std::vector<Block> blocks;
  Rows rows;
  for (const ReportBuffer& b : target.buffers) {
    blocks.push_back({b.name, static_cast<double>(b.first), static_cast<double>(b.last) + 1,
                      static_cast<double>(b.offset_bytes), static_cast<double>(b.size_bytes)});
    rows.push_back(
        {escaped(b.name), grouped(b.offset_bytes), grouped(b.size_bytes), escaped(lifetime_text(target, b))});
  }
  const std::string map = svg_blocks("memory map of " + target.name, "step", "offset, bytes", blocks);
  out += "<div class=\"wide\">" + map + "</div>\n";
  return out + details("all buffers", html_table({"buffer", "offset, B", "size, B", "alive during"}, rows));
}

std::string target_section(const Report& report) {
  std::string body;
  for (const ReportTarget& target : report.targets) body += target_part(target);
  return section("memory", "Memory", body);
}

std::string speed_section(const Report& report) {
  Rows rows;
  for (const ReportSpeed& s : report.speeds)
    rows.push_back({escaped(s.what), large(s.value), escaped(s.unit), escaped(s.measured)});
  return section("speed", "Speed", rows.empty() ? "" : html_table({"what", "value", "unit", "measured"}, rows));
}

// --- curves, tables, recipe, definitions

std::string curve_figure(const ReportPlot& plot) {
  CurvePlot picture{plot.title, plot.x_label, plot.y_label, plot.log_x, plot.log_y, plot.markers, {}};
  std::string names;
  for (std::size_t k = 0; k < plot.lines.size(); ++k) {
    const int style = static_cast<int>(k % 4) + 1;
    picture.curves.push_back({plot.lines[k].name, style, plot.lines[k].x, plot.lines[k].y, plot.lines[k].error});
    names += key_item(plot.lines[k].name, style);
  }
  return figure(svg(picture), "<span class=\"key\">" + names + "</span>");
}

std::string curve_section(const Report& report) {
  std::string plots;
  for (const ReportPlot& plot : report.plots) plots += curve_figure(plot);
  return section("curves", "Curves", plots.empty() ? "" : "<div class=\"plots\">" + plots + "</div>\n");
}

std::string table_section(const Report& report) {
  const auto safe = [](std::vector<std::string> cells) {
    for (std::string& cell : cells) cell = escaped(cell);
    return cells;
  };
  std::string body;
  for (const ReportTable& table : report.tables) {
    Rows rows;
    for (const auto& row : table.rows) rows.push_back(safe(row));
    body += "<h3>" + escaped(table.title) + "</h3>\n" + paragraph(escaped(table.note)) +
            html_table(safe(table.header), rows);
  }
  return section("tables", "Tables", body);
}

std::string definitions(const Report& report) {
  if (report.candidates.empty()) return "";
  return section(
      "definitions", "How to read the numbers",
      "<dl><dt>separation S</dt><dd>&#189; &#931; (p &#8722; q)&#178; / (p + q) over the bins of two normalised "
      "histograms (arXiv:2009.03796): 0 when equal, 1 when they do not overlap.</dd>"
      "<dt>floor</dt><dd>the S that two samples of one and the same distribution have on average, because they are "
      "finite: (B &#8722; 1) / 4 &#183; (1 / N1 + 1 / N2), B occupied bins, N1 and N2 entries. An S near its floor "
      "cannot be told from perfect with these sample sizes.</dd>"
      "<dt>W1</dt><dd>Wasserstein-1 distance: how far, on average, values must be moved to turn one sample into the "
      "other, in the unit of the feature, without bins.</dd>"
      "<dt>response</dt><dd>total deposited energy over incident energy, E_tot / E_inc.</dd>"
      "<dt>sparsity</dt><dd>fraction of the voxels of a layer that are empty.</dd>"
      "<dt>ratio</dt><dd>32-bit dense size of the original float model over the bits that the generated code stores: "
      "codes, sparse structure, biases, multipliers, tables. The naive ratio counts code width alone.</dd>" +
          judgement_definitions(report) + "</dl>\n");
}

std::string navigation(const std::string& body) {
  std::string out;
  constexpr const char* links[][2] = {
      {"sizes", "Sizes"},          {"physics", "Physics"}, {"showers", "Average showers"}, {"histograms", "Histograms"},
      {"memory", "Memory"},        {"speed", "Speed"},     {"curves", "Curves"},           {"tables", "Tables"},
      {"made", "How it was made"}, {"recipe", "Recipe"}};
  for (const auto& link : links) {
    if (body.find("<section id=\"" + std::string(link[0]) + "\">") == std::string::npos) continue;
    out += "<a href=\"#" + std::string(link[0]) + "\">" + link[1] + "</a>\n";
  }
  return out.empty() ? "" : "<nav>" + out + "</nav>\n";
}

}  // namespace

std::string html_report(const Report& report) {
  check_comparisons(report);
  const std::string recipe = report.recipe.empty() ? "" : "<pre>" + escaped(report.recipe) + "</pre>\n";
  const std::string body = table_section(report) + curve_section(report) + size_section(report) +
                           separation_section(report) + shower_section(report) + histogram_section(report) +
                           target_section(report) + speed_section(report) + facts_section(report) +
                           definitions(report) + section("recipe", "Recipe", recipe);
  return page(report.title, "<header><h1>" + escaped(report.title) + "</h1>\n" + paragraph(escaped(report.summary)) +
                                navigation(body) + "</header>\n<main>\n" + tiles(report) + remarks(report) + body +
                                "</main>\n");
}

}  // namespace quench
