// Built-in read-out geometries and the reader of geometry text files.
// SPDX-License-Identifier: MIT
#include "engine/physics/geometry.h"

#include <charconv>
#include <cmath>
#include <filesystem>
#include <sstream>

#include "engine/core/error.h"
#include "engine/core/files.h"
#include "engine/physics/material.h"

namespace quench {
namespace {

constexpr double kPi = 3.14159265358979323846;
constexpr int kMaxLayers = 1000;
constexpr double kMaxVoxels = 1e7;
constexpr double kMaxLengthMm = 1e6;

double middle(const std::vector<double>& edges, std::size_t i) { return 0.5 * (edges[i] + edges[i + 1]); }

// Rings, r fastest; alpha bins are equal in [-pi, pi]; the centre lies at the middle of both bins.
GeometryLayer ring_layer(int alpha_bins, const std::vector<double>& r_edges) {
  GeometryLayer layer;
  layer.alpha_bins = alpha_bins;
  layer.has_xy = alpha_bins > 1;
  layer.r_edges = r_edges;
  for (int a = 0; a < alpha_bins; ++a) {
    const double alpha = -kPi + 2 * kPi * (a + 0.5) / alpha_bins;
    for (std::size_t i = 0; i + 1 < r_edges.size(); ++i) {
      const double r = middle(r_edges, i);
      layer.r.push_back(r);
      layer.x.push_back(layer.has_xy ? r * std::cos(alpha) : 0);
      layer.y.push_back(layer.has_xy ? r * std::sin(alpha) : 0);
    }
  }
  return layer;
}

GeometryLayer cell_layer(const std::vector<double>& y_edges, const std::vector<double>& x_edges) {
  GeometryLayer layer;
  layer.has_xy = true;
  layer.x_edges = x_edges;
  layer.y_edges = y_edges;
  for (std::size_t j = 0; j + 1 < y_edges.size(); ++j) {
    for (std::size_t i = 0; i + 1 < x_edges.size(); ++i) {
      const double x = middle(x_edges, i), y = middle(y_edges, j);
      layer.x.push_back(x);
      layer.y.push_back(y);
      layer.r.push_back(std::sqrt(x * x + y * y));
    }
  }
  return layer;
}

// Appends `count` copies, each `layer`'s depth behind the one before.
void stack(Geometry& g, GeometryLayer layer, int count) {
  const double begin = layer.z_begin, depth = layer.z_end - layer.z_begin;
  for (int i = 0; i < count; ++i) {
    if (layer.name.empty() || count > 1) layer.name = std::to_string(g.layers.size());
    layer.z_begin = begin + i * depth;
    layer.z_end = begin + (i + 1) * depth;
    g.layers.push_back(layer);
  }
}

Geometry rings_10x5() {
  const Medium crystal = homogeneous_medium(material("PbWO4"));
  std::vector<double> edges;
  for (double moliere_radii : {0.0, 0.2, 0.5, 1.0, 2.0, 4.0}) edges.push_back(moliere_radii * crystal.moliere_mm);
  GeometryLayer layer = ring_layer(1, edges);
  layer.z_end = 2.5 * crystal.x0_mm;
  Geometry g{"rings-10x5", {}, 5};
  stack(g, layer, 10);
  return g;
}

// CaloChallenge/homepage, binning_dataset_1_photons.xml. The files hold no depths; for the simulation they are those of
// a barrel like ATLAS's, in X0: what stands before it and the presampler, strips, middle, back, first hadronic layer.
Geometry ds1_photons() {
  struct Layer {
    const char* name;
    int alpha_bins;
    std::vector<double> r_edges;
    double end_x0;
  };
  const std::vector<Layer> layers = {
      {"0", 1, {0, 5, 10, 30, 50, 100, 200, 400, 600}, 2},
      {"1", 10, {0, 2, 4, 6, 8, 10, 12, 15, 20, 30, 40, 50, 70, 90, 120, 150, 200}, 6.3},
      {"2", 10, {0, 2, 5, 10, 15, 20, 25, 30, 40, 50, 60, 80, 100, 130, 160, 200, 250, 300, 350, 400}, 22.3},
      {"3", 1, {0, 50, 100, 200, 400, 600}, 24.3},
      {"12", 1, {0, 100, 200, 400, 1000, 2000}, 30}};
  const double x0_mm = medium("Pb/LAr").x0_mm;
  Geometry g{"ds1-photons", {}, 1};
  for (const Layer& l : layers) {
    GeometryLayer layer = ring_layer(l.alpha_bins, l.r_edges);
    layer.name = l.name;
    if (!g.layers.empty()) layer.z_begin = g.layers.back().z_end;
    layer.z_end = l.end_x0 * x0_mm;
    g.layers.push_back(layer);
  }
  return g;
}

// CaloChallenge/homepage, binning_dataset_2.xml: steps of 4.65 mm and of 3.4 mm (two pairs of 1.4 mm W and 0.3 mm Si).
Geometry ds2() {
  std::vector<double> edges;
  for (int i = 0; i <= 9; ++i) edges.push_back(4.65 * i);
  GeometryLayer layer = ring_layer(16, edges);
  layer.z_end = 3.4;
  Geometry g{"ds2", {}, 0.5e-3 / 0.033};
  stack(g, layer, 45);
  return g;
}

// What a wrong number, key or size is blamed on: the geometry's name, or the file and line.
struct Place {
  std::string text;
  template <class... Parts>
  [[noreturn]] void bad(const Parts&... parts) const {
    fail(text, ": ", parts...);
  }
};

double number(const std::string& s, const Place& place) {
  double v = 0;
  const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), v);
  if (error != std::errc() || end != s.data() + s.size() || !std::isfinite(v) || std::fabs(v) > kMaxLengthMm)
    place.bad("'", s, "' is not a number of at most ", kMaxLengthMm, "; write it like 12.5");
  return v;
}

int count_of(const std::string& s, int limit, const Place& place) {
  int v = 0;
  const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), v);
  if (error != std::errc() || end != s.data() + s.size() || v < 1 || v > limit)
    place.bad("'", s, "' is not a whole number from 1 to ", limit);
  return v;
}

std::vector<std::string> split(const std::string& s, char by) {
  std::vector<std::string> parts(1);
  for (char c : s) {
    if (c == by)
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

std::vector<double> edges_of(const std::string& s, const Place& place) {
  std::vector<double> edges;
  for (const std::string& part : split(s, ',')) edges.push_back(number(part, place));
  if (edges.size() < 2) place.bad("one edge alone (", s, ") makes no bin; give at least two, like 0,5");
  for (std::size_t i = 1; i < edges.size(); ++i)
    if (edges[i] <= edges[i - 1])
      place.bad("the edges must increase, but ", edges[i - 1], " is followed by ", edges[i]);
  return edges;
}

std::vector<double> centred_edges(int cells, double cell) {
  std::vector<double> edges;
  for (int i = 0; i <= cells; ++i) edges.push_back((i - 0.5 * cells) * cell);
  return edges;
}

void check_size(const Geometry& g, double more_layers, double more_voxels, const Place& place) {
  const double layers = static_cast<double>(g.layers.size()) + more_layers, voxels = g.voxels() + more_voxels;
  if (layers > kMaxLayers) place.bad("makes ", layers, " layers, the limit is ", kMaxLayers);
  if (voxels > kMaxVoxels) place.bad("makes ", voxels, " voxels, the limit is ", kMaxVoxels);
}

// sizes = "12x9x9": layers x rows (y) x columns (x).
void add_grid(Geometry& g, const std::string& sizes, double cell, double depth, const Place& place) {
  const std::vector<std::string> parts = split(sizes, 'x');
  if (parts.size() != 3) place.bad("grid size '", sizes, "' is not ZxYxX; write it like 12x9x9");
  const int z = count_of(parts[0], kMaxLayers, place);
  const int y = count_of(parts[1], 10000, place), x = count_of(parts[2], 10000, place);
  if (!(cell > 0) || !(depth > 0)) place.bad("cell ", cell, " and depth ", depth, " must be greater than 0 mm");
  check_size(g, z, static_cast<double>(z) * y * x, place);
  GeometryLayer layer = cell_layer(centred_edges(y, cell), centred_edges(x, cell));
  layer.z_begin = g.layers.empty() ? 0 : g.layers.back().z_end;
  layer.z_end = layer.z_begin + depth;
  stack(g, layer, z);
}

using Keys = std::vector<std::pair<std::string, std::string>>;

// The value of `key`, taken out of the list; empty when it is not there.
std::string take(Keys& keys, const std::string& key) {
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (keys[i].first != key) continue;
    const std::string value = keys[i].second;
    keys.erase(keys.begin() + static_cast<std::ptrdiff_t>(i));
    return value;
  }
  return "";
}

void add_layer(Geometry& g, Keys& keys, const Place& place) {
  const std::string alpha = take(keys, "alpha"), r = take(keys, "r"), x = take(keys, "x"), y = take(keys, "y");
  const std::string z = take(keys, "z"), repeat = take(keys, "repeat"), name = take(keys, "name");
  if (r.empty() == (x.empty() || y.empty()) || (!r.empty() && !(x + y).empty()) || (r.empty() && !alpha.empty()))
    place.bad("a layer has either r=... (rings, with alpha=N if wanted) or both x=... and y=... (cells)");
  const int copies = repeat.empty() ? 1 : count_of(repeat, kMaxLayers, place);
  const int alpha_bins = alpha.empty() ? 1 : count_of(alpha, 100000, place);
  const std::vector<double> first = edges_of(r.empty() ? y : r, place);
  const std::vector<double> second = r.empty() ? edges_of(x, place) : std::vector<double>();
  if (!r.empty() && first[0] < 0) place.bad("the radius ", first[0], " is negative");
  const double per_layer = static_cast<double>(first.size() - 1) *
                           (r.empty() ? static_cast<double>(second.size() - 1) : static_cast<double>(alpha_bins));
  check_size(g, copies, copies * per_layer, place);
  GeometryLayer layer = r.empty() ? cell_layer(first, second) : ring_layer(alpha_bins, first);
  layer.name = name;
  if (!z.empty()) {
    const std::vector<double> depth = edges_of(z, place);
    if (depth.size() != 2 || depth[0] < 0) place.bad("z needs two depths from 0 on, like z=0,3.4, not ", z);
    layer.z_begin = depth[0];
    layer.z_end = depth[1];
  }
  stack(g, layer, copies);
}

void read_line(Geometry& g, const std::string& line, const Place& place) {
  std::istringstream in(line.substr(0, line.find('#')));
  std::string statement, argument, word;
  Keys keys;
  if (!(in >> statement)) return;
  if (statement != "layer" && !(in >> argument)) place.bad("'", statement, "' needs a value");
  while (in >> word) {
    const std::size_t sign = word.find('=');
    if (sign == std::string::npos || sign == 0 || sign + 1 == word.size())
      place.bad("'", word, "' is not of the form key=value");
    for (const auto& key : keys)
      if (key.first == word.substr(0, sign)) place.bad("the key '", key.first, "' stands twice");
    keys.emplace_back(word.substr(0, sign), word.substr(sign + 1));
  }
  if (statement == "name") {
    g.name = argument;
  } else if (statement == "threshold_mev") {
    g.threshold_mev = number(argument, place);
    if (g.threshold_mev < 0) place.bad("the threshold ", g.threshold_mev, " MeV is negative");
  } else if (statement == "layer") {
    add_layer(g, keys, place);
  } else if (statement == "grid") {
    const std::string cell = take(keys, "cell"), depth = take(keys, "depth");
    add_grid(g, argument, cell.empty() ? 20 : number(cell, place), depth.empty() ? 50 : number(depth, place), place);
  } else {
    place.bad("unknown statement '", statement, "'; there are name, threshold_mev, layer and grid");
  }
  if (!keys.empty()) place.bad("'", statement, "' has no key '", keys[0].first, "'");
}

bool is_grid_name(const std::string& name) {
  return name.rfind("grid-", 0) == 0 && name.find_first_not_of("0123456789x", 5) == std::string::npos;
}

}  // namespace

int Geometry::voxels() const { return layer_begin().back(); }

std::vector<int> Geometry::layer_voxels() const {
  std::vector<int> n;
  for (const GeometryLayer& l : layers) n.push_back(static_cast<int>(l.r.size()));
  return n;
}

std::vector<int> Geometry::layer_begin() const {
  std::vector<int> begin(1, 0);
  for (int n : layer_voxels()) begin.push_back(begin.back() + n);
  return begin;
}

Geometry parse_geometry(const std::string& text, const std::string& where) {
  Geometry g;
  std::istringstream in(text);
  std::string line;
  for (int n = 1; std::getline(in, line); ++n) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    read_line(g, line, Place{where + ": line " + std::to_string(n)});
  }
  if (g.layers.empty()) fail(where, ": 0 layers; give at least one line like: layer r=0,5,10");
  if (g.name.empty()) g.name = std::filesystem::path(where).stem().string();
  return g;
}

std::optional<Geometry> built_in_geometry(const std::string& name) {
  if (name == "rings-10x5") return rings_10x5();
  if (name == "ds1-photons") return ds1_photons();
  if (name == "ds2") return ds2();
  if (!is_grid_name(name)) return {};
  Geometry g{name, {}, 0};
  add_grid(g, name.substr(5), 20, 50, Place{"geometry " + name});
  return g;
}

Geometry geometry(const std::string& name) {
  if (std::optional<Geometry> known = built_in_geometry(name)) return *known;
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(name, ignored))
    fail("geometry ", name,
         ": not known and no such file; use rings-10x5, ds1-photons, ds2, grid-ZxYxX (like grid-12x9x9) or the "
         "path of a geometry text file");
  return parse_geometry(read_file(name), name);
}

}  // namespace quench
