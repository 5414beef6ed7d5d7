// What a report says, as plain data; html_report and report_json only present it.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/core/json.h"
#include "engine/physics/geometry.h"
#include "engine/physics/judgement.h"
#include "engine/physics/metrics.h"

namespace quench {

struct ReportFact {  // "training showers", "140 000"
  std::string name, value;
};

// A generated sample against the reference. All candidates of a report share the reference sample.
struct ReportCandidate {
  std::string name;  // "float model", "compressed model"
  Comparison comparison;
  bool drawn = true;  // in the plots too, not in the tables alone
  std::optional<Judgement> judgement;
};

struct ReportPaired {
  std::string first, second;  // "float model", "compressed model": same noise, same energies
  Paired paired;
};

struct ReportLayer {
  std::string name, kind;                        // "hidden1", "linear"
  std::string shape;                             // "256 x 100"
  std::int64_t weights = 0, nonzeros = 0;        // 0 for a layer without weights
  int bits = 0;                                  // of a weight code; 0 without weights
  std::string encoding;                          // "csr"; "" where there is no choice
  std::int64_t float_bits = 0, stored_bits = 0;  // 32-bit dense, and as the generated code stores it
  bool has_accumulator = false;
  std::int64_t accumulator_lowest = 0, accumulator_highest = 0;  // exact interval of the sums
};

struct ReportBuffer {
  std::string name;
  std::int64_t offset_bytes = 0, size_bytes = 0;
  int first = 0, last = 0;  // layers during which it is alive
};

struct ReportTarget {
  std::string name, description;
  std::int64_t flash_bytes = 0, flash_limit = 0;  // limit 0: none stated
  std::int64_t ram_bytes = 0, ram_limit = 0;
  std::vector<ReportBuffer> buffers;
  std::vector<std::string> layers;  // names of the steps that first and last count
};

struct ReportSpeed {
  std::string what;  // "compressed model, integer interpreter"
  double value = 0;
  std::string unit;      // "events/s", "instructions/event"
  std::string measured;  // where and how: "1 thread, 20 000 events", "emulated Cortex-M4"
};

struct ReportLine {
  std::string name;
  std::vector<double> x, y;
  std::vector<double> error = {};  // of y, one standard deviation; empty: none known
};

// A curve over training steps, or a study: bits or sparsity against quality.
struct ReportPlot {
  std::string title, x_label, y_label;
  bool log_x = false, log_y = false;
  bool markers = false;  // few points that were measured, not a curve
  std::vector<ReportLine> lines;
};

struct ReportTable {
  std::string title, note;
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
};

// Empty members are left out of the page.
struct Report {
  std::string title, summary;  // summary: one or two sentences for people
  std::string program;         // "quench 0.1.0"
  std::uint64_t seed = 1;
  std::string recipe;                // TOML, complete
  std::vector<ReportFact> facts;     // sample sizes, energies, times, machine
  std::vector<std::string> remarks;  // warnings: what saturates, what is not covered

  std::int64_t float_bits = 0, compressed_bits = 0;  // whole model; see numerics: exact ratio is float / compressed
  int weight_bits = 0;                               // naive ratio: 32 / bits
  std::vector<ReportLayer> layers;

  std::string reference;             // "simulation, rings-10x5, electrons 1 .. 100 GeV, 20 000 showers, seed 1"
  std::optional<Geometry> geometry;  // needed for the average showers
  std::vector<ReportCandidate> candidates;
  std::vector<ReportPaired> paired;
  std::optional<Quality> quality;  // of the compressed model

  std::vector<ReportTarget> targets;
  std::vector<ReportSpeed> speeds;
  std::vector<ReportPlot> plots;
  std::vector<ReportTable> tables;
};

// One self-contained page: no scripts, nothing loaded from elsewhere; for screens, phones and paper, light and dark.
// Equal reports give equal bytes. Fails when the candidates' histograms do not share the reference's edges, or when
// the geometry's voxels do not fit the mean showers.
std::string html_report(const Report&);

// The same content for programs; numbers that are not finite become null.
Json report_json(const Report&);

}  // namespace quench
