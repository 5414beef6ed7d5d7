// Prints hashes of elementary functions, sums and short trainings, which must be the same on every machine.
// SPDX-License-Identifier: MIT
#include <cinttypes>
#include <cstdio>
#include <string>

#include "engine/core/math.h"
#include "engine/ops/sums.h"
#include "engine/train/checkpoint.h"
#include "engine/train/flow.h"
#include "engine/train/gan.h"
#include "engine/train/hash.h"
#include "engine/train/vae.h"
#include "tests/engine/train/toy.h"

using namespace quench;

namespace {

void print(const std::string& what, const Hash& hash) { std::printf("%016" PRIx64 " %s\n", hash.value, what.c_str()); }

template <class F>
void function(const std::string& name, const std::vector<float>& arguments, F f) {
  std::vector<float> values(arguments.size());
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = f(arguments[i]);
  Hash hash;
  hash.tensor({{static_cast<int>(values.size())}, values});
  print(name, hash);
}

template <class F>
void function_in_double(const std::string& name, const std::vector<float>& arguments, F f) {
  Hash hash;
  for (float x : arguments) hash.number(f(static_cast<double>(x)));
  print(name + " in double", hash);
}

template <class State>
void training(const std::string& name, State state) {
  Hash hash;
  hash.text(checkpoint_bytes(std::move(state), 0));
  print(name, hash);
}

}  // namespace

int main() {
  std::vector<float> any, positive, sums;
  for (int i = -20000; i <= 20000; ++i) {
    any.push_back(static_cast<float>(i) * 0.00417f);
    positive.push_back(quench::exp(any.back()));
  }
  function("exp", any, [](float x) { return quench::exp(x); });
  function("log", positive, [](float x) { return quench::log(x); });
  function("tanh", any, [](float x) { return quench::tanh(x); });
  function("sigmoid", any, [](float x) { return sigmoid(x); });
  function("softplus", any, [](float x) { return softplus(x); });
  function_in_double("exp", any, [](double x) { return quench::exp(x); });
  function_in_double("log", positive, [](double x) { return quench::log(x); });
  for (int count = 0; count < 100; ++count) sums.push_back(static_cast<float>(count));
  function("lane sums", sums, [&](float count) {  // of products: a contracted one would round once less
    return lane_sum(static_cast<int>(count), [&](int j) {
      const std::size_t i = static_cast<std::size_t>(20000 + 7 * j);
      return any[i] * positive[i];
    });
  });

  const Events showers = toy_events(300);
  const Preprocessing preprocessing = fit_preprocessing(showers, toy_geometry(), 1);
  const TrainingSet set = training_set(preprocessing, showers, 1);
  const LogEnergy condition{1000};

  GanSettings gan;
  gan.latent = 6, gan.hidden = {40, 50}, gan.critic_hidden = {50, 40}, gan.batch = 64, gan.steps = 3;
  training("GAN, 3 steps", train_gan(gan, set, start_gan(gan, preprocessing)));
  gan.spectral_norm = true, gan.instance_noise = 0.1, gan.activation = "leaky-relu", gan.loss = "bce";
  training("GAN with spectral norm, noise and cross entropy, 3 steps",
           train_gan(gan, set, start_gan(gan, preprocessing)));
  VaeSettings vae;
  vae.latent = 3, vae.hidden = {16, 24}, vae.encoder_hidden = {24}, vae.batch = 64, vae.steps = 3;
  training("VAE, 3 steps", train_vae(vae, set, start_vae(vae, preprocessing)));
  for (CouplingKind kind : {CouplingKind::additive, CouplingKind::affine, CouplingKind::spline}) {
    FlowSettings flow;
    flow.coupling = kind, flow.couplings = 4, flow.hidden = {16}, flow.batch = 64, flow.steps = 3, flow.warm_up = 2;
    training("flow of kind " + std::to_string(static_cast<int>(kind)) + ", 3 steps",
             train_flow(flow, set, start_flow(flow, set, &condition)));
  }
}
