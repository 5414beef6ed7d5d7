// Quality classes: every condition at its limit.
// SPDX-License-Identifier: MIT
#include "engine/physics/judgement.h"

#include "tests/engine/physics/check.h"

using namespace quench;

namespace {

// A comparison of two features with these separations, floors .001 and .002.
Comparison separations(double first, double second) {
  Comparison c;
  c.features.resize(2);
  c.features[0].name = "E layer 0", c.features[0].separation = first, c.features[0].floor = 0.001;
  c.features[1].name = "voxel energy", c.features[1].separation = second, c.features[1].floor = 0.002;
  return c;
}

Judgement judgement(double frechet, double error, double high, double low) {
  Judgement j;
  j.frechet = Estimate{frechet, error};
  j.high = ClassifierScore{1, 100, {high, 0}, 0, 0};
  j.low = ClassifierScore{1, 100, {low, 0}, 0, 0};
  return j;
}

const Comparison kFloat = separations(0.005, 0.001);
const Judgement kJudged = judgement(0.01, 0.0003, 0.6, 0.7);

Quality against_float(const Comparison& c, const Judgement& j) { return *quality(kFloat, kJudged, c, j); }

}  // namespace

TEST_CASE("the same model is lossless") {
  const Quality q = against_float(kFloat, kJudged);
  CHECK(q.grade == QualityClass::lossless);
  CHECK(q.checks.size() == 6);
  CHECK(quality_text(q) == "lossless");
}

TEST_CASE("lossless: two sigma of FPD") {
  // sigma = .0005 of .0003 and .0004
  CHECK(against_float(kFloat, judgement(0.0109, 0.0004, 0.6, 0.7)).grade == QualityClass::lossless);
  const Quality q = against_float(kFloat, judgement(0.01099, 0.0003, 0.6, 0.7));
  CHECK(q.grade == QualityClass::light);  // 9.9 % more, but 3.3 errors
  CHECK(has(quality_text(q), "light: Not lossless: FPD, change is 0.000990, above 0.000849"));
  CHECK(against_float(kFloat, judgement(0.001, 0.0003, 0.6, 0.7)).grade == QualityClass::lossless);  // much better
}

TEST_CASE("lossless: one percent of AUC; light: three") {
  CHECK(against_float(kFloat, judgement(0.01, 0.0003, 0.6099, 0.7)).grade == QualityClass::lossless);
  CHECK(against_float(kFloat, judgement(0.01, 0.0003, 0.6101, 0.7)).grade == QualityClass::light);
  CHECK(against_float(kFloat, judgement(0.01, 0.0003, 0.6299, 0.7)).grade == QualityClass::light);
  CHECK(against_float(kFloat, judgement(0.01, 0.0003, 0.6301, 0.7)).grade == QualityClass::aggressive);
  const Quality q = against_float(kFloat, judgement(0.0112, 0.0003, 0.6, 0.7301));
  CHECK(q.grade == QualityClass::aggressive);
  CHECK(has(quality_text(q), "Not light: FPD, change is 0.00120, above 0.00100; AUC from voxels, change is 0.0301"));
}

TEST_CASE("lossless: every S below two floors, or below the float model's plus one") {
  CHECK(against_float(separations(0.00599, 0.00399), kJudged).grade == QualityClass::lossless);
  const Quality q = against_float(separations(0.0061, 0.00399), kJudged);
  CHECK(q.grade == QualityClass::light);
  CHECK(has(quality_text(q), "S of E layer 0, worst of 2 (1 too high) is 0.00610, above 0.00600"));
  CHECK(has(quality_text(against_float(separations(0.0061, 0.0051), kJudged)),
            "S of voxel energy, worst of 2 (2 too high) is 0.00510, above 0.00400"));
}

TEST_CASE("no class without FPD and AUC; comparisons of one geometry") {
  Judgement j = kJudged;
  j.low.reset();
  CHECK(quality(kFloat, kJudged, kFloat, j)->checks.size() == 5);
  j.high.reset();
  CHECK_FALSE(quality(kFloat, kJudged, kFloat, j).has_value());
  j = kJudged;
  j.frechet.reset();
  CHECK_FALSE(quality(kFloat, j, kFloat, kJudged).has_value());
  CHECK(has(message([] { quality(kFloat, kJudged, Comparison(), kJudged); }), "2 features of the float model, 0"));
}

TEST_CASE("the mean of samples: of values, with the larger of the fits' and the spread's error") {
  const std::vector<Judgement> wide = {judgement(0.010, 0.0003, 0.60, 0.7), judgement(0.014, 0.0004, 0.62, 0.7)};
  const Judgement mean = mean_judgement(wide);
  CHECK(mean.samples == 2);
  CHECK(mean.frechet->value == doctest::Approx(0.012));
  CHECK(mean.frechet->error == doctest::Approx(0.002));  // sd .00283 / sqrt(2)
  CHECK(mean.high->auc.value == doctest::Approx(0.61));
  CHECK(mean.high->auc.error == doctest::Approx(0.01));
  CHECK(mean.high->seeds == 2);
  CHECK(mean.low->auc.error == 0);
  const Judgement fits = mean_judgement({kJudged, judgement(0.01, 0.0004, 0.6, 0.7)});
  CHECK(fits.frechet->error == doctest::Approx(0.00025));  // sqrt(.0003^2 + .0004^2) / 2
  CHECK(mean_judgement({kJudged}).frechet->error == kJudged.frechet->error);
  CHECK(against_float(kFloat, mean).grade == QualityClass::aggressive);
  CHECK(quality(kFloat, mean, kFloat, mean)->grade == QualityClass::lossless);
}

TEST_CASE("the mean of samples: of one size, judged alike") {
  CHECK(has(message([] { mean_judgement({}); }), "there is none"));
  Judgement other = kJudged;
  other.candidate_events = 7;
  CHECK(has(message([&] { mean_judgement({kJudged, other}); }), "different sizes"));
  other = kJudged;
  other.high.reset();
  CHECK(has(message([&] { mean_judgement({other, kJudged}); }), "different sizes"));
  CHECK(has(message([&] { mean_judgement({kJudged, other}); }), "different sizes"));
  other.frechet.reset();
  CHECK_FALSE(mean_judgement({other, other}).frechet.has_value());
}
