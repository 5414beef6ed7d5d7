// Tests of the report: its page is well formed and self-contained, holds every number, and escapes every text.
// SPDX-License-Identifier: MIT
#include "engine/report/report.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "engine/core/error.h"

using quench::Report;

namespace {

// "" when every tag is closed in order, else the tag that is not. Void elements have no end tag.
std::string first_unbalanced(const std::string& html) {
  std::vector<std::string> open;
  for (std::size_t at = html.find('<'); at != std::string::npos; at = html.find('<', at + 1)) {
    const std::size_t end = html.find('>', at);
    if (end == std::string::npos) return "no end of " + html.substr(at, 20);
    const std::string tag = html.substr(at + 1, end - at - 1);
    const std::string name = tag.substr(0, tag.find_first_of(" \n/", tag[0] == '/' ? 1 : 0));
    if (name == "!doctype" || name == "meta" || name == "br" || tag.back() == '/') continue;
    if (name[0] != '/') {
      open.push_back(name);
    } else {
      if (open.empty() || "/" + open.back() != name) return name + " after " + (open.empty() ? "nothing" : open.back());
      open.pop_back();
    }
  }
  return open.empty() ? "" : open.back();
}

quench::Feature feature(const std::string& name, quench::Group group, std::vector<std::int64_t> counts) {
  quench::Feature f;
  f.name = name;
  f.unit = "MeV";
  f.group = group;
  f.reference = {{0, 1, 2, 3}, false, false, {10, 20, 10}, 5, 0, 5};
  f.candidate = f.reference;
  f.candidate.counts = std::move(counts);
  f.reference_values = f.candidate_values = 50;
  f.separation = 0.0123, f.separation_error = 0.00234;
  f.floor = 0.00456;
  f.wasserstein = 78.9;
  f.wasserstein_floor = 6.54;
  return f;
}

// Two layers of two rings; one candidate with two features.
Report small() {
  Report r;
  r.title = "a <b> & \"c\"";
  r.recipe = "name = \"</pre><script>\"\n";
  r.seed = 424242;
  r.facts = {{"training showers", "140 000"}};
  r.remarks = {"<b>bold</b>"};
  r.float_bits = 64000;
  r.compressed_bits = 4000;
  r.weight_bits = 8;
  r.layers = {{"hidden1", "Linear", "4 x 5", 20, 5, 8, "csr", 640, 100, true, -1234, 5678}};
  quench::Geometry g;
  g.name = "two";
  g.layers.resize(2);
  for (quench::GeometryLayer& layer : g.layers) {
    layer.r = {1, 2};
    layer.r_edges = {0, 1.5, 2.5};
  }
  r.geometry = g;
  quench::Comparison c;
  c.features = {feature("E layer 0", quench::Group::layer, {5, 20, 15}),
                feature("EC_r layer 0", quench::Group::centre, {10, 20, 10})};
  c.groups = {{quench::Group::layer, 1, 0.0123, 0.0123, 0.00234, 0.00456, 78.9, 6.54, "E layer 0", "MeV"}};
  c.reference_events = 4321;
  c.candidate_events = 1234;
  c.response_difference_percent = -0.777;
  c.response_sd_ratio = 1.0505;
  c.reference_mean = {{1, 2, 3, 4}, {0, 0, 0, 0}};
  c.candidate_mean = {{1, 2, 3, 0}, {0, 0, 0, 0}};
  quench::Judgement judgement;
  judgement.reference_events = 4321, judgement.candidate_events = 1234;
  judgement.frechet = quench::Estimate{0.00654, 0.00021};
  judgement.kernel = quench::Estimate{-0.00012, 0.00034};
  judgement.high = quench::ClassifierScore{5, 246, {0.5432, 0.0067}, 0.0299, 0.0261};
  judgement.notes = {"needs <more>"};
  r.candidates = {{"compressed model", c, true, judgement}};
  r.quality = quench::Quality{quench::QualityClass::light,
                              {{quench::QualityClass::lossless, "FPD, change", 0.0123, 0.00456, false}}};
  quench::Paired p;
  p.events = 99;
  p.log_voxel_correlation = 0.98765;
  r.paired = {{"float", "integer", p}};
  r.targets = {{"cortex-m4", "Arm", 5000, 10000, 700, 0, {{"hidden1", 16, 128, 0, 1}}, {"noise", "hidden1"}}};
  r.speeds = {{"integers", 54321, "events/s", "1 thread"}};
  r.plots = {{"loss", "step", "loss", false, false, true, {{"generator", {0, 1}, {1, 0.5}}}}};
  r.tables = {{"study", "note", {"bits", "S"}, {{"8", "0.001"}}}};
  return r;
}

bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("the page is well formed, alone, and the same every time") {
  const std::string html = quench::html_report(small());
  CHECK(first_unbalanced(html) == "");
  CHECK(html == quench::html_report(small()));
  CHECK(html.compare(0, 15, "<!doctype html>") == 0);
  CHECK(holds(html, "name=\"viewport\""));
  CHECK(holds(html, "@media print"));
  CHECK(holds(html, "prefers-color-scheme: dark"));
  for (const char* foreign : {"<script", "http:", "https:", "src=", "<link", "@import", "url("}) {
    CAPTURE(std::string(foreign));
    CHECK_FALSE(holds(html, foreign));
  }
  CHECK_FALSE(holds(html, "<b>bold"));
  CHECK(holds(html, "<title>a &lt;b&gt; &amp; &quot;c&quot;</title>"));
}

TEST_CASE("every number is there, with its unit, floor, seed and sample sizes") {
  const std::string html = quench::html_report(small());
  for (const char* part :
       {"424242", "12.3 &#177; 2.3", "16.0 times smaller", "(naive 32 / 8 = 4.00",
        "0.0123 (floor 0.0046), W1 78.9 MeV (floor 6.5)", "-0.777 %", "1.05", "4321", "1234", "[-1234, 5678]",
        "5 (25.0 %)", "6.54 ± 0.21", "-0.120 ± 0.34", "0.543 ± 0.0067", "0.030", "needs &lt;more&gt;.", "<b>light</b>",
        "fails", "0.98765", "54 300", "5000 B of 10 000 B (50.0 %)", "700 B<", "noise .. hidden1", "140 000",
        // 5 of 50 entries are zeros, 5 above: 10 % outside and 10 % zeros.
        "outside the axis: reference 10 % (zeros 10 %)"}) {
    CAPTURE(std::string(part));
    CHECK(holds(html, part));
  }
}

TEST_CASE("a report without anything is a page") {
  const std::string html = quench::html_report(Report());
  CHECK(first_unbalanced(html) == "");
  CHECK_FALSE(holds(html, "<svg"));
  Report r = small();
  r.candidates.clear();
  CHECK(first_unbalanced(quench::html_report(r)) == "");
  CHECK(first_unbalanced(quench::html_report({})) == "");
}

TEST_CASE("numbers that are not finite are shown as a dash and null") {
  Report r = small();
  r.candidates[0].comparison.features[0].separation = std::nan("");
  r.candidates[0].comparison.response_sd_ratio = std::numeric_limits<double>::infinity();
  r.speeds[0].value = std::nan("");
  CHECK(first_unbalanced(quench::html_report(r)) == "");
  CHECK_FALSE(holds(quench::html_report(r), "nan"));
  const std::string json = quench::json_text(quench::report_json(r), 0);
  CHECK(holds(json, "\"separation\":null"));
  CHECK(holds(json, "\"response_sd_ratio\":null"));
}

TEST_CASE("histograms and showers that do not fit are refused by name") {
  Report r = small();
  r.candidates.push_back(r.candidates[0]);
  r.candidates[1].name = "other";
  CHECK(first_unbalanced(quench::html_report(r)) == "");
  r.candidates[1].comparison.features[1].reference.edges[1] = 1.5;
  CHECK_THROWS_WITH_AS(quench::html_report(r), doctest::Contains("other: feature EC_r layer 0"), quench::Error);
  r.candidates[1].comparison.features.pop_back();
  CHECK_THROWS_WITH_AS(quench::html_report(r), doctest::Contains("in 1 features"), quench::Error);
  r = small();
  r.candidates[0].comparison.candidate_mean.mean.pop_back();
  CHECK_THROWS_WITH_AS(quench::html_report(r), doctest::Contains("has 3 voxels, geometry two has 4"), quench::Error);
}

TEST_CASE("a grid is drawn layer by layer, rings as one map, on one colour scale") {
  Report r = small();
  quench::GeometryLayer& layer = r.geometry->layers[0];
  CHECK(holds(quench::html_report(r), "ring, from the axis outwards"));
  for (quench::GeometryLayer& l : r.geometry->layers) {
    l.r_edges.clear();
    l.x_edges = {0, 1};
    l.y_edges = {0, 1, 2};  // two rows of one cell
  }
  layer.name = "front";
  const std::string html = quench::html_report(r);
  CHECK(holds(html, ">layer front</text>"));
  CHECK_FALSE(holds(html, "ring, from the axis"));
}

TEST_CASE("the JSON holds the same content") {
  const std::string json = quench::json_text(quench::report_json(small()), 0);
  for (const char* part :
       {"\"seed\":424242", "\"ratio\":16,", "\"naive_ratio\":4,",
        "\"separation\":0.0123,\"separation_error\":0.00234,\"floor\":0.00456,", "\"edges\":[0,1,2,3]",
        "\"candidate\":{\"counts\":[5,20,15],\"zeros\":5,\"below\":0,\"above\":5}", "\"accumulator\":[-1234,5678]",
        "\"mean_shower_mev\":[1,2,3,0]", "\"training showers\":\"140 000\"",
        "\"offset_bytes\":16,\"size_bytes\":128,\"first\":0,\"last\":1", "\"geometry\":\"two\""}) {
    CAPTURE(std::string(part));
    CHECK(holds(json, part));
  }
}
