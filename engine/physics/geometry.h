// Read-out geometries: which voxels exist, where their centres are, and the threshold.
// SPDX-License-Identifier: MIT
#pragma once
#include <optional>
#include <string>
#include <vector>

namespace quench {

struct GeometryLayer {
  int alpha_bins = 1;           // azimuthal bins (rings), or 1
  std::vector<double> r, x, y;  // centre of each voxel of the layer in mm: r radius, x = eta, y = phi direction
  bool has_xy = false;          // false: one azimuthal bin, so EC_eta, EC_phi and their widths are not defined
  std::string name;             // "0", "1", ...; the published numbers where they differ (ds1-photons: 0, 1, 2, 3, 12)
  double z_begin = 0, z_end = 0;         // depth in mm; both 0: not known (ds1-photons, text files without z)
  std::vector<double> r_edges;           // rings: alpha_bins x (r_edges - 1) voxels, r fastest; empty: a grid of cells
  std::vector<double> x_edges, y_edges;  // grid: (y_edges - 1) x (x_edges - 1) voxels, x fastest, in mm; empty: rings
};

struct Geometry {
  std::string name;
  std::vector<GeometryLayer> layers;
  double threshold_mev = 0;

  int voxels() const;
  std::vector<int> layer_voxels() const;
  std::vector<int> layer_begin() const;  // first voxel of each layer, and the end: layers + 1 entries
};

// "rings-10x5":  10 layers of 2.5 X0 of PbWO4 x 5 rings (edges 0, .2, .5, 1, 2, 4 Moliere radii), threshold 5 MeV.
// "ds1-photons", "ds2": CaloChallenge data sets 1 (photons) and 2; thresholds 1 MeV and 15.15 keV (0.5 keV / 0.033).
// "grid-ZxYxX", e.g. grid-12x9x9: Z layers 50 mm deep of Y x X cells of 20 x 20 mm around the axis, no threshold.
// Or the path of a text file: one statement a line, '#' begins a comment, lengths in mm.
//     name prototype-2                    optional; else the file's name without its folder and ending
//     threshold_mev 1                     optional; else 0
//     layer alpha=16 r=0,5,10,20 z=0,22   rings (alpha=1 if left out); z optional, needed by the simulation only
//     layer x=-30,-10,10,30 y=-30,0,30    cells with these edges
//     layer repeat=45 alpha=16 r=0,5,10 z=0,3.4    the same layer 45 times, each where the one before ends
//     grid 12x9x9 cell=20 depth=50        Z layers of Y x X centred cells
// Fails with the line's number on an unknown word or key, edges that do not increase, more than 1,000 layers or 10^7
// voxels.
Geometry geometry(const std::string& name);
std::optional<Geometry> built_in_geometry(const std::string& name);  // of these names; nothing for a file's

// The text file's contents as above; `where` begins each refusal.
Geometry parse_geometry(const std::string& text, const std::string& where);

}  // namespace quench
