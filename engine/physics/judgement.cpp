// The classes lossless, light and aggressive, condition by condition.
// SPDX-License-Identifier: MIT
#include "engine/physics/judgement.h"

#include <algorithm>
#include <cmath>

#include "engine/core/error.h"
#include "engine/core/mean_error.h"
#include "engine/core/table.h"

namespace quench {
namespace {

// The feature whose S is furthest above what a lossless compression may have.
QualityCheck separation_check(const Comparison& f, const Comparison& c) {
  if (f.features.size() != c.features.size())
    fail("quality class: ", f.features.size(), " features of the float model, ", c.features.size(),
         " of the compressed one; compare both on one geometry");
  QualityCheck worst{QualityClass::lossless, "", 0, 0, true};
  std::size_t beyond = 0;
  for (std::size_t i = 0; i < c.features.size(); ++i) {
    const Feature &before = f.features[i], &after = c.features[i];
    const double limit = std::max(2 * after.floor, before.separation + after.floor);
    const bool holds = after.separation <= limit;
    beyond += holds ? 0 : 1;
    if (i == 0 || after.separation - limit > worst.value - worst.limit)
      worst = {QualityClass::lossless, "S of " + after.name, after.separation, limit, holds};
  }
  worst.what += ", worst of " + std::to_string(c.features.size()) + " (" + std::to_string(beyond) + " too high)";
  return worst;
}

void same(bool holds) {
  if (!holds) fail("mean of judgements: the samples have different sizes; give samples of one size");
}

std::optional<Estimate> mean_estimate(const std::vector<Judgement>& samples, std::optional<Estimate> Judgement::*of) {
  std::vector<double> values;
  double squares = 0;
  for (const Judgement& j : samples) {
    same((j.*of).has_value() == (samples[0].*of).has_value());
    if (j.*of) values.push_back((j.*of)->value), squares += (j.*of)->error * (j.*of)->error;
  }
  if (values.empty()) return {};
  const MeanError mean = mean_error(values);
  return Estimate{mean.mean, std::max(mean.error, std::sqrt(squares) / static_cast<double>(values.size()))};
}

std::optional<ClassifierScore> mean_score(const std::vector<Judgement>& samples,
                                          std::optional<ClassifierScore> Judgement::*of) {
  std::optional<ClassifierScore> mean = samples[0].*of;
  std::vector<double> auc, divergence;
  for (const Judgement& j : samples) {
    same((j.*of).has_value() == mean.has_value());
    if (j.*of) auc.push_back((j.*of)->auc.value), divergence.push_back((j.*of)->divergence);
  }
  if (!mean) return mean;
  const MeanError of_auc = mean_error(auc);
  mean->auc = {of_auc.mean, of_auc.error};
  mean->divergence = mean_error(divergence).mean;
  mean->seeds *= static_cast<int>(samples.size());
  return mean;
}

}  // namespace

Judgement mean_judgement(const std::vector<Judgement>& samples) {
  if (samples.empty()) fail("mean of judgements: there is none");
  Judgement mean = samples[0];
  if (samples.size() == 1) return mean;
  for (const Judgement& j : samples)
    same(j.candidate_events == mean.candidate_events && j.reference_events == mean.reference_events &&
         j.features == mean.features);
  mean.samples = static_cast<int>(samples.size());
  mean.frechet = mean_estimate(samples, &Judgement::frechet);
  mean.kernel = mean_estimate(samples, &Judgement::kernel);
  mean.low = mean_score(samples, &Judgement::low);
  mean.high = mean_score(samples, &Judgement::high);
  return mean;
}

const char* class_name(QualityClass of) {
  switch (of) {
    case QualityClass::lossless:
      return "lossless";
    case QualityClass::light:
      return "light";
    default:
      return "aggressive";
  }
}

std::optional<Quality> quality(const Comparison& of_float, const Judgement& f, const Comparison& of_compressed,
                               const Judgement& c) {
  if (!f.frechet || !c.frechet || !f.high || !c.high) return {};
  Quality q;
  const auto check = [&](QualityClass of, const char* what, double value, double limit) {
    q.checks.push_back({of, what, value, limit, value <= limit});
  };
  const double change = c.frechet->value - f.frechet->value;
  const double high = c.high->auc.value - f.high->auc.value;
  check(QualityClass::lossless, "FPD, change", change, 2 * std::hypot(f.frechet->error, c.frechet->error));
  check(QualityClass::lossless, "AUC from features, change", high, 0.01);
  q.checks.push_back(separation_check(of_float, of_compressed));
  check(QualityClass::light, "FPD, change", change, 0.1 * f.frechet->value);
  check(QualityClass::light, "AUC from features, change", high, 0.03);
  if (f.low && c.low) check(QualityClass::light, "AUC from voxels, change", c.low->auc.value - f.low->auc.value, 0.03);
  for (const QualityClass grade : {QualityClass::light, QualityClass::lossless})
    if (std::all_of(q.checks.begin(), q.checks.end(),
                    [&](const QualityCheck& line) { return line.of != grade || line.holds; }))
      q.grade = grade;
  return q;
}

std::string quality_text(const Quality& q) {
  std::string text = class_name(q.grade);
  for (const QualityClass missed : {QualityClass::lossless, QualityClass::light}) {
    if (q.grade <= missed) continue;
    std::string reasons;
    for (const QualityCheck& line : q.checks)
      if (line.of == missed && !line.holds)
        reasons += (reasons.empty() ? "" : "; ") + line.what + " is " + rounded(line.value, 3) + ", above " +
                   rounded(line.limit, 3);
    text += std::string(missed == QualityClass::lossless ? ": " : ". ") + "Not " + class_name(missed) + ": " + reasons;
  }
  return text;
}

}  // namespace quench
