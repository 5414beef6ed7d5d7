// quench import: checks and adopts a network from elsewhere.
// SPDX-License-Identifier: MIT
#include <cstdio>

#include "engine/compress/quantize.h"
#include "engine/core/files.h"
#include "engine/core/table.h"
#include "engine/model/forward.h"
#include "engine/model/onnx.h"
#include "targets/command/models.h"
#include "targets/command/options.h"
#include "targets/command/verbs.h"

namespace quench {
namespace {

// Rows of the file go through the adopted model once: shapes must fit and results must be finite.
void try_rows(const Model& m, const std::string& path, int workers) {
  const std::vector<Tensor> inputs = feature_rows(m, path);
  const Tensor y = infer(m, inputs, workers);
  for (std::size_t i = 0; i < y.data.size(); ++i)
    if (!(y.data[i] - y.data[i] == 0))
      fail("--data ", path, ": output ", i % static_cast<std::size_t>(y.columns()), " of row ",
           i / static_cast<std::size_t>(y.columns()), " is not finite");
  std::printf("%d rows of %s give finite outputs\n", y.rows(), path.c_str());
}

int import_verb(const Arguments& a) {
  const std::string latent = given(a, "--latent") ? choice(a, "--latent", {"normal", "uniform"}) : "";
  expect_writable(text(a, "--out"));
  const Model m = import_onnx(a.positionals[0], latent);
  if (given(a, "--data")) try_rows(m, text(a, "--data"), threads(a));
  save_model(m, text(a, "--out"));
  std::printf("%s: %zu layers, %s bits as dense 32-bit floats -> %s\n", a.positionals[0].c_str(), m.nodes.size(),
              grouped(dense_float_bits(m)).c_str(), text(a, "--out").c_str());
  return 0;
}

}  // namespace

Command import_command() {
  return {{"import",
           "Checks a network from elsewhere (.onnx) and adopts it as a quench model.",
           {{"FILE", "an ONNX file of supported layers"}},
           {{"--out", "MODEL.onnx", "", "where to write", true},
            {"--latent", "LAW", "", "the inputs are noise: normal or uniform"},
            {"--data", "FILE.npy", "", "the inputs are features: rows of this array, which are tried"},
            threads_option()},
           ""},
          import_verb};
}

}  // namespace quench
