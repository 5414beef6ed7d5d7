// Splits, epochs, and the choice of the best one.
// SPDX-License-Identifier: MIT
#include "engine/train/classifier.h"

#include <algorithm>
#include <cmath>

#include "engine/core/error.h"
#include "engine/model/shards.h"
#include "engine/physics/roc.h"
#include "engine/train/adam.h"
#include "engine/train/batches.h"
#include "engine/train/best.h"
#include "engine/train/gan_loss.h"
#include "engine/train/start.h"
#include "engine/train/streams.h"

namespace quench {
namespace {

// One part of both classes.
struct Part {
  Tensor reference, candidate;  // as many rows of each
};

// Rows order(first) .. order(first + count - 1).
Tensor ordered_rows(const Tensor& t, const Permutation& order, int first, int count) {
  Tensor rows = zeros({count, t.columns()});
  for (int i = 0; i < count; ++i)
    std::copy_n(t.row(static_cast<int>(permuted(order, static_cast<std::uint32_t>(first + i)))), t.columns(),
                rows.row(i));
  return rows;
}

// Shifts and scales every column of all parts by mean and deviation of the first one.
void standardise(std::vector<Part>& parts) {
  const int width = parts[0].reference.columns();
  for (int k = 0; k < width; ++k) {
    double sum = 0, squares = 0, n = 0;
    for (const Tensor* t : {&parts[0].reference, &parts[0].candidate})
      for (int i = 0; i < t->rows(); ++i) sum += static_cast<double>(t->row(i)[k]), n += 1;
    const double mean = sum / n;
    for (const Tensor* t : {&parts[0].reference, &parts[0].candidate})
      for (int i = 0; i < t->rows(); ++i) {
        const double x = static_cast<double>(t->row(i)[k]) - mean;
        squares += x * x;
      }
    const double scale = squares > 0 ? 1 / std::sqrt(squares / n) : 1;
    for (Part& part : parts)
      for (Tensor* t : {&part.reference, &part.candidate})
        for (int i = 0; i < t->rows(); ++i)
          t->row(i)[k] = static_cast<float>((static_cast<double>(t->row(i)[k]) - mean) * scale);
  }
}

Model classifier_model(int width, const std::vector<int>& hidden, std::uint64_t seed) {
  Model m;
  m.name = "classifier";
  Value h = append_hidden(m, add_input(m, "features", width, InputKind::features), hidden, LeakyRelu{0.01f}, false);
  m.outputs = {append(m, "logit", linear(m.values[index(h)].width, 1), {h}, 1)};
  draw_weights(m, seed, 0);
  check(m);
  return m;
}

std::vector<double> logits(const Model& m, const Tensor& rows, int threads) {
  const Tensor y = infer(m, Span<const Tensor>(&rows, 1), threads);
  return {y.data.begin(), y.data.end()};
}

double accuracy(const Model& m, const Part& part, int threads) {
  double right = 0;
  for (const double s : logits(m, part.reference, threads)) right += s > 0 ? 1 : 0;
  for (const double s : logits(m, part.candidate, threads)) right += s > 0 ? 0 : 1;
  return right / (2.0 * part.reference.rows());
}

struct Optimiser {
  Model gradient, first, second;
  Shards shards{};
  std::vector<Tensor> batch = std::vector<Tensor>(1);
  Tensor score_gradient{};
};

void train_step(Model& m, const Part& part, const ClassifierSettings& s, std::uint64_t seed, std::int64_t step,
                Optimiser& o, int threads) {
  const int half = s.batch / 2, width = part.reference.columns();
  const std::uint32_t rows = static_cast<std::uint32_t>(part.reference.rows());
  resize(o.batch[0], 2 * half, width);
  const auto fill = [&](const Tensor& from, std::uint64_t order, int first) {
    for_each_event(order, step, half, rows, [&](int i, std::uint32_t event) {
      std::copy_n(from.row(static_cast<int>(event)), width, o.batch[0].row(first + i));
    });
  };
  fill(part.reference, seed, 0);
  fill(part.candidate, ~seed, half);
  forward(m, o.batch, Mode::training, o.shards, threads);
  critic_loss(GanLoss::bce, o.shards.output, half, o.score_gradient);
  backward(m, o.shards, o.score_gradient, o.gradient, {}, true, threads);
  AdamSettings adam;
  adam.learning_rate = s.learning_rate;
  adam_step(
      {parameter_tensors(m), parameter_tensors(o.gradient), parameter_tensors(o.first), parameter_tensors(o.second)},
      adam, step + 1, threads);
}

Model best_classifier(const std::vector<Part>& parts, const ClassifierSettings& s, std::uint64_t seed, int threads,
                      const std::function<void()>& after_epoch) {
  Model m = classifier_model(parts[0].reference.columns(), s.hidden, seed);
  Optimiser o{zeros_like(m), zeros_like(m), zeros_like(m)};
  const std::int64_t steps = std::max(1, parts[0].reference.rows() / (s.batch / 2));
  Best best;
  for (std::int64_t epoch = 1; epoch <= s.epochs; ++epoch) {
    for (std::int64_t k = 0; k < steps; ++k) train_step(m, parts[0], s, seed, (epoch - 1) * steps + k, o, threads);
    keep_best(best, m, accuracy(m, parts[1], threads), epoch);
    if (after_epoch) after_epoch();
    if (s.patience > 0 && epoch - best.step >= s.patience) break;
  }
  return best.model;
}

}  // namespace

ClassifierTrial classify(const Tensor& reference, const Tensor& candidate, const ClassifierSettings& s,
                         std::uint64_t seed, int threads, const std::function<void()>& after_epoch) {
  const int events = std::min(reference.rows(), candidate.rows());
  if (events < classifier_events_needed)
    fail("classifier: ", reference.rows(), " reference and ", candidate.rows(), " candidate events; both need ",
         classifier_events_needed);
  if (reference.columns() != candidate.columns())
    fail("classifier: ", reference.columns(), " reference features against ", candidate.columns(),
         "; use events of one geometry");
  const std::uint64_t stream = stream_seed(seed, Use::classifier);
  // One order for both classes: events with the same incident energy, if there are any, stay in one part.
  const Permutation order = permutation(static_cast<std::uint32_t>(events), stream, 0);
  const int training = events * 3 / 5, validation = events / 5, test = events - training - validation;
  std::vector<Part> parts;
  for (const auto& [first, count] : {std::pair{0, training}, {training, validation}, {training + validation, test}})
    parts.push_back({ordered_rows(reference, order, first, count), ordered_rows(candidate, order, first, count)});
  if (s.standardise) standardise(parts);
  const Model m = best_classifier(parts, s, stream, threads, after_epoch);
  const Calibration calibration =
      isotonic(logits(m, parts[1].reference, threads), logits(m, parts[1].candidate, threads));
  const auto probabilities = [&](const Tensor& rows) {
    std::vector<double> p = logits(m, rows, threads);
    for (double& v : p) v = calibrated(calibration, v);
    return p;
  };
  const std::vector<double> positives = probabilities(parts[2].reference),
                            negatives = probabilities(parts[2].candidate);
  ClassifierTrial trial;
  trial.auc = area_under_curve(positives, negatives);
  trial.divergence = jensen_shannon(positives, negatives);
  trial.test_events = test;
  return trial;
}

ClassifierScore classifier_score(const Tensor& reference, const Tensor& candidate, const ClassifierSettings& s,
                                 std::uint64_t seed, int seeds, int threads, const std::function<void()>& after_epoch) {
  if (seeds < 1) fail("classifier: ", seeds, " seeds; at least 1 is needed");
  ClassifierScore score;
  score.seeds = seeds;
  double squares = 0;
  for (int k = 0; k < seeds; ++k) {
    const ClassifierTrial t =
        classify(reference, candidate, s, seed + static_cast<std::uint64_t>(k), threads, after_epoch);
    score.test_events = t.test_events;
    score.auc.value += t.auc / seeds;
    score.divergence += t.divergence / seeds;
    squares += t.auc * t.auc;
  }
  score.chance = chance_deviation(score.test_events, score.test_events);
  const double spread = std::max(0.0, squares / seeds - score.auc.value * score.auc.value);
  score.auc.error = seeds > 1 ? std::sqrt(spread / (seeds - 1)) : score.chance;
  return score;
}

}  // namespace quench
