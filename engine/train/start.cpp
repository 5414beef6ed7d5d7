// The first weights.
// SPDX-License-Identifier: MIT
#include "engine/train/start.h"

#include <cmath>
#include <variant>

#include "engine/core/error.h"
#include "engine/physics/random.h"
#include "engine/train/streams.h"

namespace quench {

Op activation(const std::string& name) {
  if (name == "relu") return Relu{};
  if (name == "leaky-relu") return LeakyRelu{};
  fail("model.activation: \"", name, "\" is not known; choose relu or leaky-relu");
}

Value append_hidden(Model& m, Value h, const std::vector<int>& widths, const Op& activation, bool with_norm,
                    const std::string& prefix) {
  for (std::size_t i = 0; i < widths.size(); ++i) {
    const int from = m.values[index(h)].width, to = widths[i];
    h = append(m, prefix + numbered("hidden", i), linear(from, to), {h}, to);
    if (with_norm) h = append(m, prefix + numbered("norm", i), batch_norm(to), {h}, to);
    h = append(m, prefix + numbered("activation", i), activation, {h}, to);
  }
  return h;
}

void draw_weights(Model& model, std::uint64_t seed, std::uint64_t first_layer) {
  for (std::size_t i = 0; i < model.nodes.size(); ++i) {
    Linear* op = std::get_if<Linear>(&model.nodes[i].op);
    if (!op) continue;
    Random random(stream_seed(seed, Use::weights), first_layer + i, 0);
    const double reach = 1 / std::sqrt(static_cast<double>(op->weight.columns()));
    for (Tensor* t : {&op->weight, &op->bias})
      for (float& w : t->data) w = static_cast<float>(reach * (2 * uniform(random) - 1));
  }
}

}  // namespace quench
