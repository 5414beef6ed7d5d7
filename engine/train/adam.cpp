// The optimiser's loops.
// SPDX-License-Identifier: MIT
#include "engine/train/adam.h"

#include <algorithm>
#include <cmath>

#include "engine/core/error.h"
#include "engine/tensor/vector_for.h"

namespace quench {
namespace {

constexpr std::size_t grain = 16384;

struct Factors {
  float keep1, add1, keep2, add2;  // of the moments
  float rate, inverse_root2, epsilon;
};

void update(float* p, float* g, float* m, float* v, std::size_t count, const Factors& f) {
  for (std::size_t i = 0; i < count; ++i) {
    const float slope = g[i];
    const float first = f.keep1 * m[i] + f.add1 * slope;
    const float second = f.keep2 * v[i] + f.add2 * (slope * slope);
    m[i] = first;
    v[i] = second;
    p[i] -= f.rate * (first / (std::sqrt(second) * f.inverse_root2 + f.epsilon));
    g[i] = 0.0f;
  }
}

// Calls body(k, begin, end) for elements of tensor k, all tensors one after another: threads meet once for all of them.
template <class Body>
void for_elements(const std::vector<Tensor*>& tensors, int threads, const Body& body) {
  std::size_t all = 0;
  for (const Tensor* t : tensors) all += t->size();
  vector_for(threads, all, grain, [&](std::size_t begin, std::size_t end) {
    std::size_t first = 0;  // of tensor k
    for (std::size_t k = 0; k < tensors.size() && first < end; first += tensors[k++]->size())
      if (begin < first + tensors[k]->size())
        body(k, std::max(begin, first) - first, std::min(end - first, tensors[k]->size()));
  });
}

// beta^step by squaring: the same on every machine.
double power(double beta, std::int64_t step) {
  double result = 1;
  for (; step > 0; step >>= 1, beta *= beta)
    if (step & 1) result *= beta;
  return result;
}

// cos(pi x) for 0 <= x <= 1, error below 1e-11, without libm: sin(pi y) by its Taylor series, y = 1/2 - x.
double cos_pi(double x) {
  const double a = 3.14159265358979323846 * (0.5 - x), a2 = a * a;
  double sum = 1;
  for (int k = 21; k >= 3; k -= 2) sum = 1 - sum * a2 / (k * (k - 1));
  return a * sum;
}

}  // namespace

std::vector<Tensor*> parameter_tensors(Model& model) {
  std::vector<Tensor*> tensors;
  for_each_parameter(model, [&](std::size_t, const std::string&, Tensor& t) { tensors.push_back(&t); });
  return tensors;
}

void adam_step(const AdamTensors& t, const AdamSettings& s, std::int64_t step, int threads) {
  const Factors f{static_cast<float>(s.beta1),
                  static_cast<float>(1 - s.beta1),
                  static_cast<float>(s.beta2),
                  static_cast<float>(1 - s.beta2),
                  static_cast<float>(s.learning_rate / (1 - power(s.beta1, step))),
                  static_cast<float>(1 / std::sqrt(1 - power(s.beta2, step))),
                  static_cast<float>(s.epsilon)};
  for_elements(t.parameters, threads, [&](std::size_t k, std::size_t begin, std::size_t end) {
    update(t.parameters[k]->data.data() + begin, t.gradient[k]->data.data() + begin, t.first[k]->data.data() + begin,
           t.second[k]->data.data() + begin, end - begin, f);
  });
}

void average_step(const std::vector<Tensor*>& average, const std::vector<Tensor*>& parameters, double decay,
                  int threads) {
  const float keep = static_cast<float>(decay), add = static_cast<float>(1 - decay);
  for_elements(average, threads, [&](std::size_t k, std::size_t begin, std::size_t end) {
    float* a = average[k]->data.data();
    const float* p = parameters[k]->data.data();
    for (std::size_t i = begin; i < end; ++i) a[i] = keep * a[i] + add * p[i];
  });
}

void mask_step(const std::vector<Tensor*>& tensors, const std::vector<Tensor*>& mask, int threads) {
  for_elements(tensors, threads, [&](std::size_t k, std::size_t begin, std::size_t end) {
    float* x = tensors[k]->data.data();
    const float* m = mask[k]->data.data();
    for (std::size_t i = begin; i < end; ++i) x[i] *= m[i];
  });
}

Schedule schedule_named(const std::string& name) {
  if (name == "cosine") return Schedule::cosine;
  if (name == "constant") return Schedule::constant;
  if (name == "linear") return Schedule::linear;
  if (name == "step") return Schedule::step;
  fail("train.schedule: \"", name, "\" is not known; choose cosine, constant, linear or step");
}

double scheduled_rate(double rate, double decay_from, std::int64_t step, std::int64_t steps, Schedule schedule) {
  const double done = static_cast<double>(step) / static_cast<double>(std::max<std::int64_t>(steps, 1));
  if (schedule == Schedule::step) return rate * (done < 0.5 ? 1 : done < 0.75 ? 0.5 : done < 0.875 ? 0.25 : 0.125);
  if (schedule == Schedule::constant || done <= decay_from || decay_from >= 1) return rate;
  const double decayed = (done - decay_from) / (1 - decay_from);
  if (schedule == Schedule::linear) return rate * (1 - decayed);
  return rate * 0.5 * (1 + cos_pi(decayed));
}

}  // namespace quench
