// What the judge said, as JSON and as HTML.
// SPDX-License-Identifier: MIT
#include "engine/report/judgement_section.h"

#include <algorithm>
#include <cmath>

#include "engine/core/table.h"
#include "engine/report/page.h"
#include "engine/report/svg.h"

namespace quench {
namespace {

using Rows = std::vector<std::vector<std::string>>;

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(); }

Json json(const std::optional<Estimate>& e) {
  if (!e) return {};
  Json j;
  j["value"] = number(e->value);
  j["error"] = number(e->error);
  return j;
}

Json json(const std::optional<ClassifierScore>& c) {
  if (!c) return {};
  Json j;
  j["auc"] = number(c->auc.value);
  j["error"] = number(c->auc.error);
  j["chance_deviation"] = number(c->chance);
  j["jensen_shannon"] = number(c->divergence);
  j["seeds"] = c->seeds;
  j["test_events"] = c->test_events;
  return j;
}

std::optional<Estimate> auc(const std::optional<ClassifierScore>& c) {
  return c ? std::optional<Estimate>(c->auc) : std::nullopt;
}

std::string divergence(const std::optional<ClassifierScore>& c) { return c ? rounded(c->divergence, 2) : "-"; }

bool judged(const ReportCandidate& c) { return c.judgement.has_value(); }

std::string quality_part(const Report& report) {
  if (!report.quality) return "";
  Rows rows;
  for (const QualityCheck& check : report.quality->checks)
    rows.push_back({class_name(check.of), escaped(check.what), rounded(check.value, 3), rounded(check.limit, 3),
                    check.holds ? "holds" : "fails"});
  return paragraph("Quality class of the compression: <b>" + std::string(class_name(report.quality->grade)) + "</b>.") +
         html_table({"class", "condition", "value", "at most", ""}, rows,
                    "Conditions of the quality classes, compressed model against float model");
}

}  // namespace

Json judgement_json(const Judgement& judgement) {
  Json j;
  j["reference_events"] = judgement.reference_events;
  j["candidate_events"] = judgement.candidate_events;
  j["features"] = judgement.features;
  j["fpd"] = json(judgement.frechet);
  j["kpd"] = json(judgement.kernel);
  j["fpd_floor"] = json(judgement.frechet_floor);
  j["kpd_floor"] = json(judgement.kernel_floor);
  j["classifier_voxels"] = json(judgement.low);
  j["classifier_features"] = json(judgement.high);
  j["notes"] = judgement.notes;
  return j;
}

Json quality_json(const Quality& quality) {
  Json j;
  j["class"] = class_name(quality.grade);
  j["reasons"] = quality_text(quality);
  Json checks = Json::array();
  for (const QualityCheck& check : quality.checks) {
    Json line;
    line["of"] = class_name(check.of);
    line["what"] = check.what;
    line["value"] = number(check.value);
    line["limit"] = number(check.limit);
    line["holds"] = check.holds;
    checks.push_back(line);
  }
  j["checks"] = checks;
  return j;
}

std::string estimate_text(const std::optional<Estimate>& e, double scale) {
  if (!e || !std::isfinite(e->value)) return "-";
  return rounded(scale * e->value, 3) + " \u00b1 " + rounded(scale * e->error, 2);
}

std::string judgement_table(const Report& report) {
  Rows rows;
  std::string notes;
  for (const ReportCandidate& candidate : report.candidates) {
    if (!candidate.judgement) continue;
    const Judgement& j = *candidate.judgement;
    rows.push_back({escaped(candidate.name), grouped(j.candidate_events), grouped(j.reference_events),
                    estimate_text(j.frechet, 1000), estimate_text(j.kernel, 1000), estimate_text(auc(j.low)),
                    estimate_text(auc(j.high)), divergence(j.low), divergence(j.high)});
    for (const std::string& note : j.notes) notes += paragraph(escaped(candidate.name + ": " + note + "."));
  }
  if (rows.empty()) return "";
  return "<h3>Distances and classifiers</h3>\n" +
         html_table({"sample", "showers", "reference showers", "FPD &#215; 1000", "KPD &#215; 1000", "AUC from voxels",
                     "AUC from features", "JSD from voxels", "JSD from features"},
                    rows,
                    "All observables of a shower at once, against the reference; the second reference sample shows "
                    "what one and the same distribution gives") +
         notes + quality_part(report);
}

std::string judgement_definitions(const Report& report) {
  if (std::none_of(report.candidates.begin(), report.candidates.end(), judged)) return "";
  return "<dt>FPD</dt><dd>Fr&#233;chet physics distance (arXiv:2211.10295): |&#956;1 &#8722; &#956;2|&#178; + Tr(C1 + "
         "C2 &#8722; 2 (C1 C2)<sup>&#189;</sup>) of the high-level features (logarithms of incident, layer and total "
         "energies, centres, widths, sparsities), each over its largest size in the reference. Mean of 20 pairs of "
         "draws with replacement for ten sizes N of 10 000 to 50 000, extrapolated along a line in 1 / N; the error "
         "is that of the fit.</dd>"
         "<dt>KPD</dt><dd>kernel physics distance (arXiv:2211.10295): squared maximum mean discrepancy of the same "
         "features with the kernel (x y / d + 1)<sup>4</sup>, median of ten pairs of draws of 10 000; it may be "
         "negative.</dd>"
         "<dt>AUC</dt><dd>probability that a classifier trained to tell sample and reference apart scores a reference "
         "shower above one of the sample, on showers it never saw: &#189; when they cannot be told apart, 1 when "
         "always. The error of several seeds is that of their mean, the error of one seed what chance gives.</dd>"
         "<dt>JSD</dt><dd>(ln 2 &#8722; cross entropy) / ln 2 of that classifier, calibrated: 0 when nothing is told, "
         "1 when all is.</dd>"
         "<dt>quality class</dt><dd>lossless: FPD rises by less than 2 &#963; of the fits, AUC from features by at "
         "most 0.01, every S below 2 floors or below the float model&#8217;s plus a floor; light: FPD rises by at "
         "most 10 %, AUC by at most 0.03; aggressive: anything beyond.</dd>";
}

}  // namespace quench
