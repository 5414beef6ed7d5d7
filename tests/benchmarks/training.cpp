// Times training steps of the reference networks, and the peak they are measured against.
// SPDX-License-Identifier: MIT
//
// usage: training STEP THREADS BATCH REPEATS     STEP: gan, distill, realnvp, peak
// Prints "milliseconds GFLOP" of one step, the median over the repeats; for peak, of a square product of 1024.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/core/error.h"
#include "engine/model/shards.h"
#include "engine/ops/noise.h"
#include "engine/tensor/matmul.h"
#include "engine/train/adam.h"
#include "engine/train/flow.h"
#include "engine/train/start.h"

using namespace quench;

namespace {

Model network(const std::string& name, std::vector<int> widths, const Op& activation, std::uint64_t seed) {
  Model m;
  m.name = name;
  Value h = add_input(m, "x", widths[0], InputKind::features);
  for (std::size_t i = 1; i < widths.size(); ++i) {
    h = append(m, "linear" + std::to_string(i), linear(widths[i - 1], widths[i]), {h}, widths[i]);
    if (i + 1 < widths.size()) h = append(m, "activation" + std::to_string(i), activation, {h}, widths[i]);
  }
  m.outputs = {h};
  draw_weights(m, seed, 0);
  return m;
}

double multiplications(const Model& m) {  // an event
  double sum = 0;
  for (const Node& node : m.nodes)
    if (const Linear* op = std::get_if<Linear>(&node.op)) sum += static_cast<double>(op->weight.size());
  return sum;
}

// A network and what training it needs.
struct Trainee {
  Model model, gradient, first, second;
  AdamTensors tensors;
  Shards shards;
  explicit Trainee(Model m) : model(std::move(m)), gradient(zeros_like(model)), first(gradient), second(gradient) {
    tensors = {parameter_tensors(model), parameter_tensors(gradient), parameter_tensors(first),
               parameter_tensors(second)};
  }
  const Tensor& output() const { return shards.output; }
};

Tensor numbers(int rows, int columns, std::uint64_t seed) {
  return sample_latent(normal_noise(columns, 16), seed, 0, rows, 1);
}

// Gradient of the mean of (y - target)^2 / 2 over rows begin .. end - 1.
void square_gradient(const Tensor& y, int begin, int end, float target, Tensor& slope) {
  for (int i = begin; i < end; ++i) slope.row(i)[0] = (y.row(i)[0] - target) / static_cast<float>(end - begin);
}

struct Work {
  std::function<void(std::int64_t)> step;
  double gflop;
};

Work gan(int batch, int threads) {
  struct State {
    Trainee g{network("g", {100, 256, 512, 50}, Relu{}, 1)}, d{network("d", {50, 512, 256, 1}, LeakyRelu{0.2f}, 2)};
    std::vector<Tensor> latent{1}, both{1}, fake{1}, fake_slope{1};
    Tensor real, slope;
  };
  auto s = std::make_shared<State>();
  s->latent[0] = numbers(batch, 100, 1), s->real = numbers(batch, 50, 2);
  const double g = multiplications(s->g.model), d = multiplications(s->d.model);
  const double passes = 3 * g + 2 * 3 * d - 2 * 50.0 * 512 + 2 * d;  // the first layer needs no input gradient
  return {[=](std::int64_t step) {
            const AdamSettings adam{5e-4, 0.5, 0.99, 1e-8};
            State& w = *s;
            forward(w.g.model, w.latent, Mode::training, w.g.shards, threads);
            w.fake[0] = w.g.output();
            resize(w.both[0], 2 * batch, 50);
            std::copy(w.real.data.begin(), w.real.data.end(), w.both[0].row(0));
            std::copy(w.fake[0].data.begin(), w.fake[0].data.end(), w.both[0].row(batch));
            forward(w.d.model, w.both, Mode::training, w.d.shards, threads);
            resize(w.slope, 2 * batch, 1);
            square_gradient(w.d.output(), 0, batch, 1, w.slope);
            square_gradient(w.d.output(), batch, 2 * batch, 0, w.slope);
            backward(w.d.model, w.d.shards, w.slope, w.d.gradient, {}, true, threads);
            adam_step(w.d.tensors, adam, step + 1, threads);
            forward(w.d.model, w.fake, Mode::training, w.d.shards, threads);
            resize(w.slope, batch, 1);
            square_gradient(w.d.output(), 0, batch, 1, w.slope);
            backward(w.d.model, w.d.shards, w.slope, w.d.gradient, w.fake_slope, false, threads);
            backward(w.g.model, w.g.shards, w.fake_slope[0], w.g.gradient, {}, true, threads);
            adam_step(w.g.tensors, adam, step + 1, threads);
          },
          2e-9 * batch * (passes - 100.0 * 256)};
}

Work distill(int batch, int threads) {
  struct State {
    Trainee student{network("s", {100, 128, 256, 50}, Relu{}, 1)};
    Model teacher = network("t", {100, 512, 1024, 512, 50}, Relu{}, 2);
    Shards shards;
    std::vector<Tensor> latent{1};
    Tensor slope;
  };
  auto s = std::make_shared<State>();
  s->latent[0] = numbers(batch, 100, 1);
  const double work = multiplications(s->teacher) + 3 * multiplications(s->student.model) - 100.0 * 128;
  return {[=](std::int64_t step) {
            State& w = *s;
            forward(w.teacher, w.latent, Mode::inference, w.shards, threads);
            forward(w.student.model, w.latent, Mode::training, w.student.shards, threads);
            const Tensor& target = w.shards.output;
            const Tensor& y = w.student.output();
            resize(w.slope, batch, 50);
            const float factor = 2.0f / static_cast<float>(batch * 50);
            for (std::size_t i = 0; i < y.size(); ++i) w.slope.data[i] = factor * (y.data[i] - target.data[i]);
            backward(w.student.model, w.student.shards, w.slope, w.student.gradient, {}, true, threads);
            adam_step(w.student.tensors, {1e-3, 0.9, 0.999, 1e-8}, step + 1, threads);
          },
          2e-9 * batch * work};
}

Work realnvp(int batch, int threads) {
  FlowSettings settings;
  settings.steps = 1 << 30, settings.batch = batch, settings.checkpoint_every = 0, settings.clip = 0;
  struct State {
    FlowSettings settings;
    Trainee flow;
    std::vector<Tensor> x{1};
    Tensor slope;
  };
  auto s = std::make_shared<State>(State{settings, Trainee{flow_density(settings, 50, nullptr)}, {}, {}});
  s->flow.tensors = {parameter_tensors(s->flow.model), parameter_tensors(s->flow.gradient),
                     parameter_tensors(s->flow.first), parameter_tensors(s->flow.second)};
  s->x.assign(1, numbers(batch, 50, 1));
  return {[=](std::int64_t step) {
            State& w = *s;
            forward(w.flow.model, w.x, Mode::training, w.flow.shards, threads);
            resize(w.slope, batch, 1);
            std::fill(w.slope.data.begin(), w.slope.data.end(), -1.0f / static_cast<float>(batch));
            backward(w.flow.model, w.flow.shards, w.slope, w.flow.gradient, {}, true, threads);
            adam_step(w.flow.tensors, {1.5e-3, 0.9, 0.999, 1e-8}, step + 1, threads);
          },
          2e-9 * batch * (3 * multiplications(s->flow.model) - 25.0 * 128)};
}

Work peak(int size, int threads) {
  auto a = std::make_shared<Tensor>(numbers(size, size, 1)), c = std::make_shared<Tensor>(zeros({size, size}));
  return {[=](std::int64_t) {
            matmul(matrix(a->data.data(), size), matrix(a->data.data(), size), size, size, size, from_zero(),
                   c->data.data(), threads);
          },
          2e-9 * size * size * size};
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 5) return std::fprintf(stderr, "usage: training STEP THREADS BATCH REPEATS\n"), 2;
  const std::string name = arguments[1];
  const int threads = std::atoi(arguments[2]), batch = std::atoi(arguments[3]), repeats = std::atoi(arguments[4]);
  const Work work = name == "gan"       ? gan(batch, threads)
                    : name == "distill" ? distill(batch, threads)
                    : name == "realnvp" ? realnvp(batch, threads)
                                        : peak(batch, threads);
  std::vector<double> times;
  for (std::int64_t step = 0; step < repeats + 3; ++step) {
    const auto start = std::chrono::steady_clock::now();
    work.step(step);
    const double ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
    if (step >= 3) times.push_back(ms);  // the first ones grow the buffers
  }
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end());
  std::printf("%.4f %.4f\n", times[times.size() / 2], work.gflop);
  return 0;
}
