// Squares and divergences of a student's outputs, with their slopes.
// SPDX-License-Identifier: MIT
#include "engine/train/output_loss.h"

#include <algorithm>
#include <numeric>

#include "engine/core/math.h"
#include "engine/ops/sums.h"
#include "engine/train/deploy.h"
#include "engine/train/tune_events.h"

namespace quench {
namespace {

// T^2 KL(teacher || student) of one softmax of n logits. slope becomes T (q - p) / events, with p and q the shares of
// teacher and student.
double divergence(const float* student, const float* teacher, int n, float temperature, float events, float* slope) {
  const float cold = 1.0f / temperature, factor = temperature / events;
  const float s_top = *std::max_element(student, student + n), t_top = *std::max_element(teacher, teacher + n);
  for (int j = 0; j < n; ++j) slope[j] = exp((teacher[j] - t_top) * cold);
  const float t_sum = lane_sum(n, [&](int j) { return slope[j]; });
  const float s_sum = lane_sum(n, [&](int j) { return exp((student[j] - s_top) * cold); });
  const float between = log(s_sum) - log(t_sum), p_factor = 1.0f / t_sum, q_factor = 1.0f / s_sum;
  double sum = 0;
  for (int j = 0; j < n; ++j) {
    const float s = (student[j] - s_top) * cold, t = (teacher[j] - t_top) * cold;
    const float p = slope[j] * p_factor;
    sum += static_cast<double>(p * (t - s + between));
    slope[j] = factor * (exp(s) * q_factor - p);
  }
  return static_cast<double>(temperature) * static_cast<double>(temperature) * sum;
}

// Sum over the events of the squares of columns from `begin` to `end`.
double squares(const Tensor& a, const Tensor* b, int begin, int end) {
  double sum = 0;
  for (int i = 0; i < a.rows(); ++i)
    for (int j = begin; j < end; ++j) {
      const double d = static_cast<double>(a.row(i)[j]) - (b ? static_cast<double>(b->row(i)[j]) : 0.0);
      sum += d * d;
    }
  return sum;
}

}  // namespace

OutputLoss output_loss(const Model& deployed, double temperature, double feature_weight) {
  OutputLoss loss;
  const std::optional<SoftmaxSplit> heads = softmax_heads(deployed);
  if (heads && temperature > 0) {
    const std::vector<int> groups = heads_softmax(*heads).group_sizes;
    loss.numbers = groups[0];
    loss.softmaxes.assign(groups.begin() + 1, groups.end());
  } else {
    const Model core = generator_core(deployed);
    loss.numbers = core.values[index(core.outputs[0])].width;
  }
  loss.temperature = temperature, loss.feature_weight = feature_weight;
  return loss;
}

double output_difference(const OutputLoss& loss, const Tensor& student, const Tensor& teacher, Tensor& gradient) {
  const double all = mean_square(student, teacher, gradient);
  const int outputs = std::accumulate(loss.softmaxes.begin(), loss.softmaxes.end(), loss.numbers);
  if (loss.softmaxes.empty() && outputs == teacher.columns()) return all;
  const float events = static_cast<float>(teacher.rows()), temperature = static_cast<float>(loss.temperature);
  double of_outputs = squares(student, &teacher, 0, loss.numbers);
  for (int i = 0; i < teacher.rows(); ++i) {
    int first = loss.numbers;
    for (const int n : loss.softmaxes) {
      of_outputs += 2 * divergence(student.row(i) + first, teacher.row(i) + first, n, temperature, events,
                                   gradient.row(i) + first);
      first += n;
    }
  }
  const double mean = of_outputs / (static_cast<double>(teacher.rows()) * outputs);
  const int columns = teacher.columns(), features = columns - outputs;
  if (features == 0) return mean;
  const double scale = squares(teacher, nullptr, outputs, columns);
  const double weight = scale > 0 ? loss.feature_weight * teacher.rows() * features / scale : 0;
  const float factor = static_cast<float>(weight * outputs / features);  // both are means over their own columns
  for (int i = 0; i < gradient.rows(); ++i)
    for (int j = outputs; j < columns; ++j) gradient.row(i)[j] *= factor;
  return mean +
         weight * squares(student, &teacher, outputs, columns) / (static_cast<double>(teacher.rows()) * features);
}

}  // namespace quench
