// Read-out geometries: which voxels exist, where their centres are, and the threshold.
// SPDX-License-Identifier: MIT
#pragma once
#include <string>
#include <vector>

namespace quench {

struct GeometryLayer {
  int alpha_bins = 1;           // azimuthal bins (rings), or 1
  std::vector<double> r, x, y;  // centre of each voxel of the layer in mm: r radius, x = eta, y = phi direction
  bool has_xy = false;          // false: one azimuthal bin, so EC_eta, EC_phi and their widths are not defined
};

struct Geometry {
  std::string name;
  std::vector<GeometryLayer> layers;
  double threshold_mev = 0;

  int voxels() const;
  std::vector<int> layer_voxels() const;
  std::vector<int> layer_begin() const;  // first voxel of each layer, and the end: layers + 1 entries
};

// "rings-10x5", "ds1-photons", "ds2", "grid-ZxYxX" (e.g. grid-12x9x9) or the path of a geometry text file.
Geometry geometry(const std::string& name);

}  // namespace quench
