// Loads generators and draws events from them.
// SPDX-License-Identifier: MIT
#include "targets/command/models.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/compress/calibrate.h"
#include "engine/core/error.h"
#include "engine/core/files.h"
#include "engine/model/forward.h"
#include "engine/model/onnx.h"
#include "engine/run/run.h"
#include "engine/tensor/csv.h"
#include "engine/tensor/npy.h"

namespace quench {
namespace {

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

}  // namespace

Generator load_generator(const std::string& path) {
  if (ends_with(path, ".qprog")) return read_program(read_file(path), path);
  if (ends_with(path, ".onnx")) return load_model(path);
  if (is_csv(path))
    fail(path, ": is a table, where a model (.onnx) or a program (.qprog) is needed; quench train learns from tables");
  fail(path, ": its name ends neither in .onnx (a model) nor in .qprog (a program)");
}

std::vector<Tensor> feature_rows(const Model& m, const std::string& path) {
  int width = 0;
  for (const ModelInput& in : m.inputs) width += m.values[index(in.value)].width;
  if (is_csv(path)) fail("--data ", path, ": is a table; save its rows as float32 with numpy.save and give that .npy");
  const std::string bytes = read_file(path);
  const Array array = parse_npy(Span<const char>(bytes.data(), bytes.size()), path);
  if (array.shape.size() != 2 || array.shape[1] != width || array.shape[0] < 1 ||
      array.shape[0] > std::numeric_limits<int>::max())
    fail("--data ", path, ": the array must have shape (rows, ", width, "), the columns of ",
         m.inputs.size() == 1 ? "the one input" : "all inputs one after the other", " of model ", m.name);
  const Tensor x{{static_cast<int>(array.shape[0]), width}, to_floats(array)};
  for (int i = 0; i < x.rows(); ++i)
    for (int k = 0; k < width; ++k)
      if (!std::isfinite(x.row(i)[k]))
        fail("--data ", path, ": row ", i, ", column ", k, " is ", x.row(i)[k], "; it must be finite");
  std::vector<Tensor> inputs(m.inputs.size());
  int begin = 0;
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    const int columns = m.values[index(m.inputs[k].value)].width;
    take_columns(x, begin, columns, inputs[k]);
    begin += columns;
  }
  return inputs;
}

Events sample(const Model& m, std::uint64_t seed, std::uint64_t first, const Tensor& energies, int latent_bits,
              int threads) {
  Events events{zeros({energies.rows(), m.values[index(m.outputs.at(0))].width}), energies};
  constexpr int batch = 4096;
  for (int begin = 0; begin < energies.rows(); begin += batch) {
    const int count = std::min(batch, energies.rows() - begin);
    Tensor part{{count, 1}, std::vector<float>(energies.data.begin() + begin, energies.data.begin() + begin + count)};
    const Tensor showers = infer(
        m, shower_inputs(m, seed, first + static_cast<std::uint64_t>(begin), part, latent_bits, threads), threads);
    std::copy(showers.data.begin(), showers.data.end(), events.showers.row(begin));
  }
  return events;
}

Events sample(const Program& p, std::uint64_t seed, std::uint64_t first, const Tensor& energies, int threads) {
  std::vector<std::uint32_t> counts;
  for (float e : energies.data) counts.push_back(energy_count(p, e));
  const QValue& out = p.values[index(p.output)];
  const std::vector<Words> showers = run(p, seed, first, counts, threads);
  Events events{zeros({energies.rows(), out.length}), energies};
  for (std::size_t i = 0; i < showers.size(); ++i)
    for (std::size_t k = 0; k < showers[i].size(); ++k) {
      const double value = out.meaning == Meaning::energy
                               ? showers[i][k] * p.energy_unit_mev
                               : (static_cast<std::int32_t>(showers[i][k]) - out.zero) * out.scale;
      events.showers.row(static_cast<int>(i))[k] = static_cast<float>(value);
    }
  return events;
}

}  // namespace quench
