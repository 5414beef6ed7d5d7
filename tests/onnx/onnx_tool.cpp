// Writes models with their inputs and results for other programs to check, and checks results of other programs.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <iostream>

#include "engine/core/error.h"
#include "engine/core/files.h"
#include "engine/kernels/noise.h"
#include "engine/model/forward.h"
#include "engine/model/onnx.h"
#include "engine/tensor/npy.h"
#include "engine/train/flow.h"

// A case is <stem>.onnx, <stem>.<input name>.npy for each input and <stem>.expected.npy for the first output.
using namespace quench;

namespace {

constexpr int events = 2500;  // more than one batch of infer
constexpr double tolerance = 1e-5;

// Uniform on [low, high).
Tensor random_tensor(std::vector<int> shape, float low, float high, std::uint32_t seed) {
  Tensor t = zeros(std::move(shape));
  const std::uint32_t event[4] = {seed, 0, 0, 0};
  Xoshiro128 state = noise_state(event, 0);
  for (float& v : t.data) v = low + (high - low) * static_cast<float>(next(state) >> 8) / 16777216.0f;
  return t;
}

Linear random_linear(int inputs, int outputs, std::uint32_t seed) {
  const float bound = 1.5f / std::sqrt(static_cast<float>(inputs));
  return {random_tensor({outputs, inputs}, -bound, bound, seed), random_tensor({outputs}, -0.3f, 0.3f, seed + 1)};
}

BatchNorm random_batch_norm(int width, std::uint32_t seed) {
  BatchNorm op{random_tensor({width}, 0.5f, 1.5f, seed), random_tensor({width}, -0.5f, 0.5f, seed + 1),
               random_tensor({width}, -0.5f, 0.5f, seed + 2), random_tensor({width}, 0.2f, 2.0f, seed + 3)};
  return op;
}

// Every layer that quench has, ending in voxel energies or in their logarithm.
Model generator(const char* name, std::vector<int> layer_voxels, bool logarithmic, bool inverse) {
  int voxels = 0;
  for (const int n : layer_voxels) voxels += n;
  Model m;
  m.name = name;
  m.facts = {"normal", "rings-10x5", 1000.0, 1e6};
  const Value z = add_input(m, "latent", 12, InputKind::latent);
  const Value e = add_input(m, "energy", 1, InputKind::incident_energy);
  const Value c = append(m, "condition", LogEnergy{10000.0}, {e}, 1);
  Value h = append(m, "join", Concat{}, {z, c}, 13);
  h = append(m, "hidden1", random_linear(13, 24, 1), {h}, 24);
  h = append(m, "norm1", random_batch_norm(24, 3), {h}, 24);
  h = append(m, "act1", LeakyRelu{0.15f}, {h}, 24);
  const Value left = append(m, "left", Slice{0, 10}, {h}, 10);
  const Value right = append(m, "right", Slice{8, 16}, {h}, 16);
  const Value gate = append(m, "gate", Sigmoid{}, {left}, 10);
  const Value wave = append(m, "wave", Tanh{}, {right}, 16);
  h = append(m, "gather", Concat{}, {wave, gate, c}, 27);
  h = append(m, "hidden2", random_linear(27, 32, 11), {h}, 32);
  h = append(m, "act2", Relu{}, {h}, 32);
  const Value bounded = append(m, "bounded", Clamp{0.05f, 1.7f}, {h}, 32);
  const Value grown = append(m, "grown", Exp{}, {bounded}, 32), soft = append(m, "soft", Softplus{}, {h}, 32);
  h = append(m, "layer_norm", LayerNorm{random_tensor({32}, 0.5f, 1.5f, 17), random_tensor({32}, -0.5f, 0.5f, 18)}, {h},
             32);
  h = append(m, "attention", Softmax{{1, 20, 11}}, {h}, 32);
  h = append(m, "residual", Sum{}, {append(m, "gated", Product{}, {grown, soft}, 32), h}, 32);
  h = append(m, "spread", Spread{random_tensor({32}, 0.1f, 0.6f, 19)}, {h, soft}, 32);
  h = append(m, "last", random_linear(32, voxels, 13), {h}, voxels);
  const ConditionalAffine scale{random_tensor({3, voxels}, -0.5f, 0.5f, 15),
                                random_tensor({3, voxels}, -0.3f, 0.3f, 16), inverse};
  h = append(m, "scale", scale, {h, c}, voxels);
  std::vector<int> order;
  for (int j = 0; j < voxels; ++j) order.push_back((7 * j + 3) % voxels);  // no width here is a multiple of 7
  h = append(m, "mixed", Permute{order}, {h}, voxels);
  h = append(m, "split", StickBreaking{std::move(layer_voxels), logarithmic}, {h, e}, voxels);
  if (!logarithmic) h = append(m, "readout", Threshold{15.15}, {h}, voxels);
  m.outputs = {h};
  check(m);
  return m;
}

// A decoder whose outputs are softmax heads.
Model heads(const char* name, std::vector<int> layer_voxels) {
  const SoftmaxSplit op{std::move(layer_voxels), 1.6};
  const int width = heads_width(op), voxels = width - 1 - static_cast<int>(op.layer_voxels.size());
  Model m;
  m.name = name;
  m.facts = {"normal", "rings-10x5", 1000.0, 1e6};
  const Value z = add_input(m, "latent", 12, InputKind::latent);
  const Value e = add_input(m, "energy", 1, InputKind::incident_energy);
  Value h = append(m, "hidden1", random_linear(12, 24, 1), {z}, 24);
  h = append(m, "act1", LeakyRelu{0.15f}, {h}, 24);
  h = append(m, "heads", random_linear(24, width, 3), {h}, width);
  h = append(m, "split", op, {h, e}, voxels);
  m.outputs = {append(m, "readout", Threshold{15.15}, {h}, voxels)};
  check(m);
  return m;
}

std::string beside(const std::filesystem::path& model, const std::string& what) {
  return (model.parent_path() / (model.stem().string() + "." + what + ".npy")).string();
}

void write_case(const std::string& folder, const Model& m) {
  const std::filesystem::path path = std::filesystem::path(folder) / (m.name + ".onnx");
  std::vector<Tensor> inputs;
  for (const ModelInput& input : m.inputs) {
    const ModelValue& value = m.values[index(input.value)];
    Tensor t = random_tensor({events, value.width}, -3.0f, 3.0f, 100);
    if (input.kind == InputKind::incident_energy)
      for (float& v : t.data) v = std::pow(10.0f, 4.5f + v / 2.0f);  // MeV, 1e3 to 1e6
    write_file(beside(path, value.name), npy_bytes(t));
    inputs.push_back(std::move(t));
  }
  save_model(m, path.string());
  write_file(beside(path, "expected"), npy_bytes(infer(m, inputs)));
}

// Both directions of a flow far from the identity, of features with a condition, or of standardised numbers without.
void write_flow(const std::string& folder, CouplingKind kind, bool features) {
  FlowSettings s;
  s.name = std::string(coupling_name(kind)) + (features ? "_features" : "_numbers");
  s.coupling = kind, s.couplings = 5, s.hidden = {12}, s.bins = 6, s.bound = 2.5, s.activation = "leaky-relu";
  s.features = s.asinh = s.act_norm = features;
  const LogEnergy condition{20000.0};
  Model density = flow_density(s, 5, features ? &condition : nullptr);
  std::uint32_t k = 300;
  for_each_parameter(density,
                     [&](std::size_t, const std::string&, Tensor& t) { t = random_tensor(t.shape, -0.3f, 0.3f, k++); });
  Model sampling = flow_sampling(density);
  density.name += "_density", sampling.name += "_sampling";
  write_case(folder, density), write_case(folder, sampling);
}

Tensor read_tensor(const std::string& path) {
  const std::string bytes = read_file(path);
  const Array array = parse_npy({bytes.data(), bytes.size()}, path);
  if (array.shape.size() != 2) fail(path, ": has ", array.shape.size(), " dimensions, 2 are expected");
  return {{static_cast<int>(array.shape[0]), static_cast<int>(array.shape[1])}, to_floats(array)};
}

// True when every result agrees within the tolerance, relative to values above 1. The first output alone is compared.
bool compare_case(const std::filesystem::path& path) {
  const Model m = load_model(path.string());
  std::vector<Tensor> inputs;
  for (const ModelInput& input : m.inputs)
    inputs.push_back(read_tensor(beside(path, m.values[index(input.value)].name)));
  const Tensor expected = read_tensor(beside(path, "expected")), got = infer(m, inputs);
  double worst = got.shape == expected.shape ? 0.0 : INFINITY;
  for (std::size_t i = 0; i < expected.size() && std::isfinite(worst); ++i) {
    const double error = std::fabs(static_cast<double>(got.data[i]) - static_cast<double>(expected.data[i]));
    worst = std::max(worst, error / std::max(1.0, std::fabs(static_cast<double>(expected.data[i]))));
    if (std::isnan(error)) worst = INFINITY;
  }
  std::cout << path.filename().string() << ": " << m.nodes.size() << " layers, largest difference " << worst << "\n";
  return worst <= tolerance;
}

int compare_folder(const std::string& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& file : std::filesystem::directory_iterator(folder))
    if (file.path().extension() == ".onnx") paths.push_back(file.path());
  std::sort(paths.begin(), paths.end());
  int wrong = paths.empty();
  for (const std::filesystem::path& path : paths) {
    try {
      wrong += !compare_case(path);
    } catch (const Error& e) {
      std::cout << e.what() << "\n";
      ++wrong;
    }
  }
  return wrong == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string verb = argc == 3 ? argv[1] : "";
  try {
    if (verb == "compare") return compare_folder(argv[2]);
    if (verb == "write") {
      write_case(argv[2], generator("rings", std::vector<int>(10, 5), false, false));
      write_case(argv[2], generator("uneven", {1, 7, 30, 2, 1}, true, true));
      write_case(argv[2], generator("one_layer", {40}, true, false));
      write_case(argv[2], generator("deep", std::vector<int>(30, 12), false, true));
      write_case(argv[2], heads("heads", {1, 7, 30, 2, 1}));
      for (const CouplingKind kind : {CouplingKind::additive, CouplingKind::affine, CouplingKind::spline})
        for (const bool features : {false, true}) write_flow(argv[2], kind, features);
      return 0;
    }
  } catch (const Error& e) {
    std::cerr << "onnx_tool: " << e.what() << "\n";
    return 1;
  }
  std::cerr << "usage: onnx_tool write FOLDER | onnx_tool compare FOLDER\n";
  return 2;
}
