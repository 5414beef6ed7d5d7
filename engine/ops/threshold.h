// Read-out threshold, the last step of a shower: voxels below it are empty.
// SPDX-License-Identifier: MIT
#pragma once

namespace quench {

struct Threshold {  // x < mev ? 0 : x; not differentiated (it stands behind everything that is trained)
  double mev = 0.0;
};

}  // namespace quench
