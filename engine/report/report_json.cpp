// The report for programs.
// SPDX-License-Identifier: MIT
#include <cmath>

#include "engine/report/judgement_section.h"

namespace quench {
namespace {

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(); }

Json numbers(const std::vector<double>& values) {
  Json list = Json::array();
  for (const double value : values) list.push_back(number(value));
  return list;
}

template <class T, class F>
Json list_of(const std::vector<T>& items, F&& to_json) {
  Json list = Json::array();
  for (const T& item : items) list.push_back(to_json(item));
  return list;
}

Json json(const Histogram& h) {
  Json j;
  j["counts"] = h.counts;
  j["zeros"] = h.zeros;
  j["below"] = h.below;
  j["above"] = h.above;
  return j;
}

Json json(const Feature& f) {
  Json j;
  j["name"] = f.name;
  j["unit"] = f.unit;
  j["group"] = group_name(f.group);
  j["layer"] = f.layer;
  j["separation"] = number(f.separation);
  j["separation_error"] = number(f.separation_error);
  j["floor"] = number(f.floor);
  j["wasserstein"] = number(f.wasserstein);
  j["wasserstein_floor"] = number(f.wasserstein_floor);
  j["reference_values"] = f.reference_values;
  j["candidate_values"] = f.candidate_values;
  j["reference_mean"] = number(f.reference_mean);
  j["reference_sd"] = number(f.reference_sd);
  j["candidate_mean"] = number(f.candidate_mean);
  j["candidate_sd"] = number(f.candidate_sd);
  j["logarithmic"] = f.reference.logarithmic;
  j["edges"] = numbers(f.reference.edges);
  j["reference"] = json(f.reference);
  j["candidate"] = json(f.candidate);
  return j;
}

Json json(const GroupSummary& g) {
  Json j;
  j["group"] = group_name(g.group);
  j["features"] = g.features;
  j["mean_separation"] = number(g.mean_separation);
  j["mean_separation_error"] = number(g.mean_separation_error);
  j["mean_floor"] = number(g.mean_floor);
  j["max_separation"] = number(g.max_separation);
  j["worst"] = g.worst;
  j["mean_wasserstein"] = number(g.mean_wasserstein);
  j["mean_wasserstein_floor"] = number(g.mean_wasserstein_floor);
  j["unit"] = g.unit;
  return j;
}

Json json(const ReportCandidate& candidate) {
  const Comparison& c = candidate.comparison;
  Json j;
  j["name"] = candidate.name;
  j["reference_events"] = c.reference_events;
  j["candidate_events"] = c.candidate_events;
  j["response_difference_percent"] = number(c.response_difference_percent);
  j["response_sd_ratio"] = number(c.response_sd_ratio);
  j["groups"] = list_of(c.groups, [](const GroupSummary& g) { return json(g); });
  j["features"] = list_of(c.features, [](const Feature& f) { return json(f); });
  j["reference_mean_shower_mev"] = numbers(c.reference_mean.mean);
  j["mean_shower_mev"] = numbers(c.candidate_mean.mean);
  if (candidate.judgement) j["judgement"] = judgement_json(*candidate.judgement);
  return j;
}

Json json(const ReportPaired& pair) {
  const Paired& p = pair.paired;
  Json j;
  j["first"] = pair.first;
  j["second"] = pair.second;
  j["events"] = p.events;
  j["log_voxel_correlation"] = number(p.log_voxel_correlation);
  j["voxels_in_both"] = p.voxels_in_both;
  j["emptiness_differs"] = number(p.emptiness_differs);
  j["max_abs_de"] = number(p.max_abs_de);
  j["mean_de"] = number(p.mean_de);
  j["sd_de"] = number(p.sd_de);
  j["skipped_events"] = p.skipped_events;
  return j;
}

Json json(const ReportLayer& layer) {
  Json j;
  j["name"] = layer.name;
  j["kind"] = layer.kind;
  j["shape"] = layer.shape;
  j["weights"] = layer.weights;
  j["nonzeros"] = layer.nonzeros;
  j["bits"] = layer.bits;
  j["encoding"] = layer.encoding;
  j["float_bits"] = layer.float_bits;
  j["stored_bits"] = layer.stored_bits;
  if (layer.has_accumulator)
    j["accumulator"] = std::vector<std::int64_t>{layer.accumulator_lowest, layer.accumulator_highest};
  return j;
}

Json json(const ReportTarget& target) {
  Json j;
  j["name"] = target.name;
  j["flash_bytes"] = target.flash_bytes;
  j["flash_limit"] = target.flash_limit;
  j["ram_bytes"] = target.ram_bytes;
  j["ram_limit"] = target.ram_limit;
  j["layers"] = target.layers;
  j["buffers"] = list_of(target.buffers, [](const ReportBuffer& b) {
    Json buffer;
    buffer["name"] = b.name;
    buffer["offset_bytes"] = b.offset_bytes;
    buffer["size_bytes"] = b.size_bytes;
    buffer["first"] = b.first;
    buffer["last"] = b.last;
    return buffer;
  });
  return j;
}

Json json(const ReportSpeed& speed) {
  Json j;
  j["what"] = speed.what;
  j["value"] = number(speed.value);
  j["unit"] = speed.unit;
  j["measured"] = speed.measured;
  return j;
}

Json json(const ReportPlot& plot) {
  Json j;
  j["title"] = plot.title;
  j["x"] = plot.x_label;
  j["y"] = plot.y_label;
  j["lines"] = list_of(plot.lines, [](const ReportLine& line) {
    Json curve;
    curve["name"] = line.name;
    curve["x"] = numbers(line.x);
    curve["y"] = numbers(line.y);
    if (!line.error.empty()) curve["error"] = numbers(line.error);
    return curve;
  });
  return j;
}

Json json(const ReportTable& table) {
  Json j;
  j["title"] = table.title;
  j["note"] = table.note;
  j["header"] = table.header;
  j["rows"] = table.rows;
  return j;
}

Json ratio(std::int64_t before, std::int64_t after) {
  return after > 0 ? Json(static_cast<double>(before) / static_cast<double>(after)) : Json();
}

Json sizes(const Report& report) {
  Json j;
  j["float_bits"] = report.float_bits;
  j["compressed_bits"] = report.compressed_bits;
  j["ratio"] = ratio(report.float_bits, report.compressed_bits);
  j["weight_bits"] = report.weight_bits;
  j["naive_ratio"] = ratio(32, report.weight_bits);
  j["layers"] = list_of(report.layers, [](const ReportLayer& layer) { return json(layer); });
  return j;
}

}  // namespace

Json report_json(const Report& report) {
  Json j;
  j["title"] = report.title;
  j["summary"] = report.summary;
  j["program"] = report.program;
  j["seed"] = report.seed;
  j["recipe"] = report.recipe;
  j["facts"] = Json::object();
  for (const ReportFact& fact : report.facts) j["facts"][fact.name] = fact.value;
  j["remarks"] = report.remarks;
  j["sizes"] = sizes(report);
  j["reference"] = report.reference;
  if (report.geometry) j["geometry"] = report.geometry->name;
  j["candidates"] = list_of(report.candidates, [](const ReportCandidate& c) { return json(c); });
  j["paired"] = list_of(report.paired, [](const ReportPaired& p) { return json(p); });
  if (report.quality) j["quality"] = quality_json(*report.quality);
  j["targets"] = list_of(report.targets, [](const ReportTarget& t) { return json(t); });
  j["speeds"] = list_of(report.speeds, [](const ReportSpeed& s) { return json(s); });
  j["plots"] = list_of(report.plots, [](const ReportPlot& p) { return json(p); });
  j["tables"] = list_of(report.tables, [](const ReportTable& t) { return json(t); });
  return j;
}

}  // namespace quench
