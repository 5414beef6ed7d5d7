// Classifiers: apart when the samples are, at chance when they are not, the same for any threads; and the whole judge.
// SPDX-License-Identifier: MIT
#include "engine/train/classifier.h"

#include "engine/physics/random.h"
#include "engine/physics/simulate.h"
#include "engine/train/judge.h"
#include "tests/engine/physics/check.h"

using namespace quench;

namespace {

// Three numbers a row; the last of them is moved.
Tensor rows(int count, double shift, std::uint64_t seed) {
  Tensor t = zeros({count, 3});
  for (int i = 0; i < count; ++i) {
    Random g(seed, static_cast<std::uint64_t>(i), 0);
    for (int k = 0; k < 3; ++k) t.row(i)[k] = static_cast<float>(normal(g) + (k == 2 ? shift : 0));
  }
  return t;
}

JudgeSettings with_seeds(int seeds) {
  JudgeSettings s;
  s.classifier_seeds = seeds;
  return s;
}

}  // namespace

TEST_CASE("separable sets: nearly 1; a known shift: its best possible area") {
  const ClassifierTrial far = classify(rows(2000, 0, 1), rows(2000, 6, 2), {}, 1, 2);
  CHECK(far.auc > 0.99);
  CHECK(far.divergence > 0.9);
  CHECK(far.test_events == 400);
  // Normal numbers one deviation apart: no classifier is better than Phi(1 / sqrt 2) = .7602, and the logit is linear.
  const ClassifierTrial near = classify(rows(8000, 0, 3), rows(8000, 1, 4), {}, 1, 2);
  CHECK(std::fabs(near.auc - 0.7602) < 0.03);
}

TEST_CASE("one distribution: one half within the errors") {
  const ClassifierScore s = classifier_score(rows(4000, 0, 1), rows(4000, 0, 2), {}, 1, 4, 2);
  CHECK(s.seeds == 4);
  CHECK(s.test_events == 800);
  CHECK(s.chance == doctest::Approx(std::sqrt(1601.0 / (12.0 * 800 * 800))));
  CHECK(s.chance_of_mean() == doctest::Approx(s.chance / 2));
  CHECK(std::fabs(s.auc.value - 0.5) < 4 * s.chance);
  CHECK(s.auc.error < 2 * s.chance);
  CHECK(s.auc.error > 0.05 * s.chance);
  CHECK(s.divergence < 0.02);
}

TEST_CASE("of unequal sizes the smaller one counts; a single seed's error is that of chance") {
  const ClassifierScore s = classifier_score(rows(500, 0, 1), rows(900, 3, 2), {}, 5, 1);
  CHECK(s.test_events == 100);
  CHECK(s.auc.value > 0.95);
  CHECK(s.auc.error == s.chance);
}

TEST_CASE("the published architecture, shortened") {
  ClassifierSettings s = official_classifier();
  CHECK(s.hidden == std::vector<int>{2048, 2048, 2048});
  CHECK(s.batch == 1000);
  CHECK(s.epochs == 50);
  s.hidden = {64, 64, 64}, s.epochs = 12;
  int epochs = 0;
  CHECK(classify(rows(3000, 0, 1), rows(3000, 4, 2), s, 1, 2, [&] { ++epochs; }).auc > 0.95);
  CHECK(epochs == 12);  // no early end
}

TEST_CASE("no bit depends on threads, all on the seed") {
  const Tensor a = rows(1500, 0, 1), b = rows(1500, 0.3, 2);
  const ClassifierTrial one = classify(a, b, {}, 7, 1), three = classify(a, b, {}, 7, 3),
                        other = classify(a, b, {}, 8, 2);
  CHECK(one.auc == three.auc);
  CHECK(one.divergence == three.divergence);
  CHECK(one.auc != other.auc);
}

TEST_CASE("classifiers refuse too few events and other features") {
  CHECK(has(message([] { classify(rows(199, 0, 1), rows(200, 0, 2), {}, 1); }),
            "199 reference and 200 candidate events; both need 200"));
  CHECK(has(message([] { classify(rows(200, 0, 1), zeros({200, 4}), {}, 1); }), "3 reference features against 4"));
  CHECK(has(message([] { classifier_score(rows(200, 0, 1), rows(200, 0, 2), {}, 1, 0); }), "0 seeds"));
}

TEST_CASE("the judge: two samples of one distribution, a shifted one, an empty one, a small one") {
  const Geometry g = geometry("rings-10x5");
  const Events a = simulate(g, {}, 0, 2000, 2), b = simulate(g, {}, 2000, 2000, 2);
  Judgement same = judge_showers(g, a, b, with_seeds(1), 2);
  CHECK(same.features == 42);
  CHECK(same.notes.empty());
  add_floors(same, g, a, with_seeds(1), 2);
  CHECK(same.frechet->value < 3 * same.frechet_floor->value);
  CHECK(same.frechet->value > 0.3 * same.frechet_floor->value);
  CHECK(std::fabs(same.high->auc.value - 0.5) < 5 * same.high->chance);
  Events shifted = b;
  for (float& v : shifted.showers.data) v *= 2;
  const Judgement moved = judge_showers(g, a, shifted, with_seeds(1), 2);
  CHECK(moved.frechet->value > 2 * same.frechet->value);
  CHECK(moved.high->auc.value > 0.9);
  CHECK(moved.low->auc.value > 0.8);
  Events empty = b;
  for (float& v : empty.showers.data) v = 0;
  const Judgement nothing = judge_showers(g, a, empty, with_seeds(1), 2);
  CHECK(nothing.high->auc.value > 0.99);
  CHECK(nothing.low->auc.value > 0.99);
  CHECK(nothing.frechet->value > 100 * same.frechet->value);
  CHECK(nothing.kernel->value > 100 * std::fabs(same.kernel->value));
  const Judgement small = judge_showers(g, a, select(b, 0, 50), with_seeds(1));
  CHECK_FALSE(small.frechet.has_value());
  CHECK_FALSE(small.high.has_value());
  REQUIRE(small.notes.size() == 2);
  CHECK(small.notes[0] == "FPD and KPD need at least 84 events of each sample; here are 2000 and 50");
  CHECK(small.notes[1] == "the classifiers need at least 200 events of each sample; here are 2000 and 50");
  CHECK_FALSE(judge_showers(g, a, b, with_seeds(0)).high.has_value());
  // The floors compare halves of the reference.
  const Events few = select(a, 0, 167);
  Judgement without_floor = judge_showers(g, few, b, with_seeds(0));
  add_floors(without_floor, g, few, with_seeds(0));
  CHECK(without_floor.frechet.has_value());
  CHECK_FALSE(without_floor.frechet_floor.has_value());
  REQUIRE(without_floor.notes.size() == 1);
  CHECK(without_floor.notes[0] == "the floors of FPD and KPD need at least 168 reference events; here are 167");
}
