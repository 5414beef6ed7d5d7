// Areas, calibrations and divergences of scores: by hand, by naive loops, and against SciPy where it is installed.
// SPDX-License-Identifier: MIT
#include "engine/physics/roc.h"

#include "engine/core/files.h"
#include "engine/core/json.h"
#include "engine/physics/random.h"
#include "tests/engine/physics/check.h"

using namespace quench;

namespace {

// Rounded, so that there are ties.
std::vector<double> scores(int count, double shift, std::uint64_t seed) {
  Random g(seed, 0, 0);
  std::vector<double> s;
  for (int i = 0; i < count; ++i) s.push_back(std::round(4 * (shift + normal(g))) / 4);
  return s;
}

}  // namespace

TEST_CASE("area under the curve by hand, with ties") {
  CHECK(area_under_curve({2}, {1}) == 1);
  CHECK(area_under_curve({1}, {2}) == 0);
  CHECK(area_under_curve({1}, {1}) == 0.5);
  // of six pairs 3>1, 3>2, 2>1 win and 2=2 is half; 0 loses both: 3.5 / 6
  CHECK(area_under_curve({3, 2, 0}, {1, 2}) == doctest::Approx(3.5 / 6));
  CHECK(area_under_curve({5, 5, 5}, {5, 5}) == 0.5);
  CHECK(has(message([] { area_under_curve({}, {1}); }), "0 positives and 1 negatives"));
}

TEST_CASE("area under the curve: all pairs of random scores") {
  const std::vector<double> p = scores(101, 0.3, 1), n = scores(73, 0, 2);
  double won = 0;
  for (const double a : p)
    for (const double b : n) won += a > b ? 1 : a == b ? 0.5 : 0;
  CHECK(area_under_curve(p, n) == doctest::Approx(won / (101.0 * 73.0)).epsilon(1e-14));
  CHECK(area_under_curve(n, p) == doctest::Approx(1 - area_under_curve(p, n)).epsilon(1e-14));
}

TEST_CASE("the deviation of chance is the spread of areas of equal scores") {
  Sum s;
  for (std::uint64_t k = 0; k < 400; ++k) {
    Random g(11, k, 0);
    std::vector<double> p, n;
    for (int i = 0; i < 50; ++i) p.push_back(uniform(g));
    for (int i = 0; i < 80; ++i) n.push_back(uniform(g));
    s.add(area_under_curve(p, n));
  }
  CHECK(s.mean() == doctest::Approx(0.5).epsilon(0.02));
  CHECK(s.sd() == doctest::Approx(chance_deviation(50, 80)).epsilon(0.12));
  CHECK(chance_deviation(1, 1) == 0.5);  // (1 + 1 + 1) / 12 = 1/4: the area is 0 or 1
}

TEST_CASE("isotonic calibration by hand") {
  // scores 1 n, 2 p, 3 n, 4 p: 2 and 3 are pooled to 1/2
  const Calibration c = isotonic({2, 4}, {1, 3});
  CHECK(c.score == std::vector<double>{1, 2, 3, 4});
  CHECK(c.probability == std::vector<double>{1e-6, 0.5, 0.5, 1 - 1e-6});
  CHECK(calibrated(c, -7) == 1e-6);
  CHECK(calibrated(c, 2.75) == 0.5);
  CHECK(calibrated(c, 1.5) == doctest::Approx(0.2500005));  // half way
  CHECK(calibrated(c, 3.5) == doctest::Approx(0.7499995));
  CHECK(calibrated(c, 99) == 1 - 1e-6);
  const Calibration flat = isotonic({1, 2}, {3, 4});  // against all sense: one half everywhere
  CHECK(flat.probability == std::vector<double>{0.5, 0.5});
  CHECK(calibrated(flat, 2.2) == 0.5);
  const Calibration tie = isotonic({1, 1, 1}, {1});
  CHECK(calibrated(tie, 0) == 0.75);
  CHECK(calibrated(tie, 1) == 0.75);
}

TEST_CASE("Jensen-Shannon divergence by hand") {
  CHECK(std::fabs(jensen_shannon({0.5, 0.5}, {0.5})) < 1e-15);
  CHECK(jensen_shannon({1 - 1e-6}, {1e-6}) == doctest::Approx(1).epsilon(1e-5));
  // cross entropy -(ln .8 + ln .6) / 2 = .36698...
  const double bce = -0.5 * (std::log(0.8) + std::log(0.6));
  CHECK(jensen_shannon({0.8}, {0.4}) == doctest::Approx((std::log(2.0) - bce) / std::log(2.0)));
}

TEST_CASE("areas and calibrations against SciPy") {
  if (!python_has("scipy.optimize") || std::system("python3 -c 'from scipy.optimize import isotonic_regression' "
                                                   ">/dev/null 2>&1") != 0) {
    MESSAGE("skipped: python3 has no scipy with isotonic_regression");
    return;
  }
  const Folder folder("roc_scipy");
  const std::vector<double> p = scores(120, 0.4, 3), n = scores(90, 0, 4);
  const Calibration c = isotonic(p, n);
  std::vector<double> of_p;
  for (const double s : p) of_p.push_back(calibrated(c, s));
  write_file(folder.file("t.py"), R"(import numpy as np
from scipy.optimize import isotonic_regression
from scipy.stats import mannwhitneyu
p = np.array()" + json_text(Json(p), 0) +
                                      ")\nn = np.array(" + json_text(Json(n), 0) +
                                      R"()
u = mannwhitneyu(p, n).statistic / (len(p) * len(n))
assert abs(u - )" + number_text(area_under_curve(p, n)) +
                                      R"() < 1e-13, u
s = np.concatenate([p, n])
values, place, times = np.unique(s, return_inverse=True, return_counts=True)
mean = np.bincount(place, np.concatenate([np.ones(len(p)), np.zeros(len(n))])) / times
fit = np.clip(isotonic_regression(mean, weights=times).x, 1e-6, 1 - 1e-6)
ours = np.array()" + json_text(Json(of_p), 0) +
                                      R"()
assert np.abs(fit[place[:len(p)]] - ours).max() < 1e-12
)");
  CHECK(std::system(("python3 " + folder.file("t.py")).c_str()) == 0);
}
