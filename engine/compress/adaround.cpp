// Gradient descent on the rectified sigmoid of every weight.
// SPDX-License-Identifier: MIT
#include "engine/compress/adaround.h"

#include <algorithm>
#include <cmath>

#include "engine/compress/rounding.h"
#include "engine/core/math.h"
#include "engine/train/adam.h"

namespace quench {
namespace {

// A weight is (base + h) * step; those that may not move have step 0 and stand in the fixed Linear.
struct Choices {
  Tensor base, step, logit;  // [outputs, inputs]
  Linear fixed;
};

Choices choices(const LayerView& view) {
  const Tensor& w = view.op().weight;
  Choices c{w, zeros(w.shape), zeros(w.shape), nearest_codes(view.op(), *view.codes)};
  const std::size_t columns = static_cast<std::size_t>(w.columns());
  for (std::size_t i = 0; i < w.size(); ++i) {
    const std::size_t row = i / columns, column = i % columns;
    const double code = w.data[i] * view.codes->column_factor[column] / view.codes->scale[row], base = std::floor(code);
    if (w.data[i] == 0 || base < view.codes->low[row] || base + 1 > view.codes->high[row]) continue;
    c.base.data[i] = static_cast<float>(base);
    c.step.data[i] = view.codes->weight(1, row, column);
    const double share = (code - base + 0.1) / 1.2;
    c.logit.data[i] = static_cast<float>(std::log(share / (1 - share)));
  }
  return c;
}

float height(float logit) { return std::min(std::max(1.2f * sigmoid(logit) - 0.1f, 0.0f), 1.0f); }

// The weights as they are while h is between 0 and 1.
void soften(const Choices& c, Tensor& weight) {
  for (std::size_t i = 0; i < weight.size(); ++i)
    weight.data[i] =
        c.step.data[i] > 0 ? (c.base.data[i] + height(c.logit.data[i])) * c.step.data[i] : c.fixed.weight.data[i];
}

Linear decided(const Choices& c, const LayerCodes& codes) {
  Linear op = c.fixed;
  const std::size_t columns = codes.column_factor.size();
  for (std::size_t i = 0; i < op.weight.size(); ++i)
    if (c.step.data[i] > 0)
      op.weight.data[i] = codes.weight(static_cast<double>(c.base.data[i]) + (height(c.logit.data[i]) >= 0.5f ? 1 : 0),
                                       i / columns, i % columns);
  return op;
}

// From d loss / d weight to d loss / d logit, with the regulariser's slope; exponent 0: without it.
void chain(const Choices& c, const Tensor& by_weight, float weight, float exponent, Tensor& by_logit) {
  for (std::size_t i = 0; i < by_weight.size(); ++i) {
    const float s = sigmoid(c.logit.data[i]), h = 1.2f * s - 0.1f;
    const float d = 2 * h - 1, size = d < 0 ? -d : d;
    const float power = exp((exponent - 1) * log(size)) * 2 * weight * exponent;
    const float slope = by_weight.data[i] * c.step.data[i] - (d < 0 ? -power : power);
    const bool moves = c.step.data[i] > 0 && h > 0 && h < 1;
    by_logit.data[i] = moves ? slope * 1.2f * s * (1 - s) : 0.0f;
  }
}

float activated(float y, float slope) { return y < 0 ? slope * y : y; }

// d loss / d y for loss = sum (f(y) - f(target))^2 * factor; returns the sum of squares.
double output_slope(const Tensor& y, const Tensor& target, int first, float slope, float factor, Tensor& dy) {
  resize(dy, y.rows(), y.columns());
  double sum = 0;
  const float* t = target.row(first);
  for (std::size_t i = 0; i < y.size(); ++i) {
    const float d = activated(y.data[i], slope) - activated(t[i], slope);
    sum += static_cast<double>(d) * static_cast<double>(d);
    dy.data[i] = 2 * factor * d * (y.data[i] < 0 ? slope : 1);
  }
  return sum;
}

double error(const Linear& op, const LayerView& view, int threads) {
  Tensor y, unused;
  forward(op, view.x, y, threads);
  return output_slope(y, view.exact_y, 0, view.slope, 1, unused);
}

double mean_square(const Tensor& y, float slope) {
  double sum = 0;
  for (float v : y.data) sum += static_cast<double>(activated(v, slope)) * static_cast<double>(activated(v, slope));
  return std::max(sum / static_cast<double>(y.size()), 1e-12);
}

}  // namespace

Linear adaround(const LayerView& view, const AdaRoundSettings& s, int threads) {
  Choices c = choices(view);
  Linear op = c.fixed, gradient = linear(op.weight.columns(), op.weight.rows());
  Tensor slope = c.logit, first = zeros(c.logit.shape), second = first, y, dy;
  const AdamTensors adam{{&c.logit}, {&slope}, {&first}, {&second}};
  const int events = view.x.rows(), batch = std::min(s.batch, events), batches = events / batch;
  const double scale = 1 / (mean_square(view.exact_y, view.slope) * batch);
  for (int step = 0; step < s.steps; ++step) {
    const int begin = step % batches * batch;
    const Tensor x = rows_of(view.x, begin, batch);
    soften(c, op.weight);
    forward(op, x, y, threads);
    output_slope(y, view.exact_y, begin, view.slope, static_cast<float>(scale), dy);
    std::fill(gradient.weight.data.begin(), gradient.weight.data.end(), 0.0f);
    backward(op, x, dy, nullptr, &gradient, threads);
    const double done = static_cast<double>(step) / s.steps, cooled = (done - s.warm_up) / (1 - s.warm_up);
    const double exponent = s.first_exponent + (s.last_exponent - s.first_exponent) * cooled;
    chain(c, gradient.weight, static_cast<float>(cooled < 0 ? 0 : s.weight), static_cast<float>(exponent), slope);
    adam_step(adam, {s.learning_rate, 0.9, 0.999, 1e-8}, step + 1, threads);
  }
  const Linear learnt = decided(c, *view.codes);
  return error(learnt, view, threads) < error(c.fixed, view, threads) ? learnt : c.fixed;
}

}  // namespace quench
