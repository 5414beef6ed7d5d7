// Layers that move, combine or bound single elements, in integers.
// SPDX-License-Identifier: MIT
#include "engine/compress/quantizer.h"
#include "engine/core/error.h"

namespace quench {

void Quantizer::lower(const Permute& op, std::size_t i) {
  const Node& node = m_.nodes[i];
  const Coded x = coded(node.inputs[0], node.name);
  QValue out = qvalue(x.value);
  Coded y = {add(identifier(node.name), QPermute{{op.order.begin(), op.order.end()}}, {x.value}, out), {}};
  for (int j : op.order) y.scale.push_back(x.scale[static_cast<std::size_t>(j)]);
  coded_[index(node.output)] = y;
}

}  // namespace quench
