// Feature vectors, Frechet and kernel distances: known Gaussians, naive loops, equal samples, SciPy where installed.
// SPDX-License-Identifier: MIT
#include "engine/physics/distances.h"

#include <algorithm>

#include "engine/core/files.h"
#include "engine/core/json.h"
#include "engine/physics/random.h"
#include "engine/physics/simulate.h"
#include "tests/engine/physics/check.h"

using namespace quench;

namespace {

// Independent normal numbers of these means and deviations.
FeatureVectors normals(int rows, const std::vector<double>& mean, const std::vector<double>& deviation,
                       std::uint64_t seed) {
  FeatureVectors f;
  f.columns = static_cast<int>(mean.size());
  for (int i = 0; i < rows; ++i) {
    Random g(seed, static_cast<std::uint64_t>(i), 0);
    for (std::size_t k = 0; k < mean.size(); ++k) f.data.push_back(mean[k] + deviation[k] * normal(g));
  }
  return f;
}

NormalMoments gaussian(std::vector<double> mean, std::vector<double> covariance) {
  const std::size_t n = mean.size();
  return {std::move(mean), {n, std::move(covariance)}};
}

double kernel(const double* x, const double* y, int d) {
  double product = 0;
  for (int k = 0; k < d; ++k) product += x[k] * y[k];
  return std::pow(product / d + 1, 4);
}

// The definition, over the drawn vectors one by one.
double naive_mmd(const FeatureVectors& x, const Multiplicities& of_x, const FeatureVectors& y,
                 const Multiplicities& of_y) {
  const auto copies = [](const FeatureVectors& f, const Multiplicities& times) {
    std::vector<const double*> all;
    for (int i = 0; i < f.rows(); ++i)
      all.insert(all.end(), static_cast<std::size_t>(times[static_cast<std::size_t>(i)]), f.row(i));
    return all;
  };
  const std::vector<const double*> a = copies(x, of_x), b = copies(y, of_y);
  const double m = static_cast<double>(a.size()), n = static_cast<double>(b.size());
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    for (std::size_t j = 0; j < a.size(); ++j) sum += i == j ? 0 : kernel(a[i], a[j], x.columns) / (m * (m - 1));
  for (std::size_t i = 0; i < b.size(); ++i)
    for (std::size_t j = 0; j < b.size(); ++j) sum += i == j ? 0 : kernel(b[i], b[j], x.columns) / (n * (n - 1));
  for (const double* p : a)
    for (const double* q : b) sum -= 2 * kernel(p, q, x.columns) / (m * n);
  return sum;
}

}  // namespace

TEST_CASE("feature vectors by hand") {
  const Geometry g = parse_geometry("threshold_mev 1\nlayer x=-10,0,10 y=-3,3\nlayer r=0,20\n", "grid.txt");
  // 1 and 3 MeV at eta = -5 and 5 mm, .5 MeV below the threshold; then nothing at all
  const Events e{{{2, 3}, {1, 3, 0.5f, 0, 0, 0}}, {{2, 1}, {1000, 10}}};
  const FeatureVectors f = high_level_features(g, e);
  REQUIRE(f.columns == 1 + 2 + 4 + 1 + 2 + 2 + 2);
  const std::vector<double> expected{3,
                                     std::log10(4.0),
                                     -8,     // energies
                                     0.025,  // EC_eta = 2.5 mm
                                     0,
                                     std::sqrt(18.75) / 100,  // width_eta
                                     0,
                                     std::log10(4.0),
                                     0,
                                     1,     // sparsities
                                     0.05,  // EC_r: both cells have r = 5 mm
                                     0,
                                     0,
                                     0};
  for (std::size_t k = 0; k < expected.size(); ++k) {
    CAPTURE(k);
    CHECK(f.row(0)[k] == doctest::Approx(expected[k]).epsilon(1e-9));
  }
  const std::vector<double> empty{1, -8, -8, 0, 0, 0, 0, -8, 1, 1, 0, 0, 0, 0};
  for (std::size_t k = 0; k < empty.size(); ++k) CHECK(f.row(1)[k] == doctest::Approx(empty[k]).epsilon(1e-9));
  const Tensor low = low_level_features(g, e);
  CHECK(low.shape == std::vector<int>{2, 4});
  CHECK(low.data[0] == doctest::Approx(3));
  CHECK(low.data[2] == 0.003f);
  CHECK(low.data[3] == 0);
  CHECK(has(message([&] { low_level_features(geometry("rings-10x5"), e); }), "showers of 3 voxels"));
}

TEST_CASE("Frechet distances by hand") {
  // |m|^2 + (s1 - s2)^2 in one dimension
  CHECK(frechet_distance(gaussian({1}, {4}), gaussian({4}, {9})) == doctest::Approx(9 + 1));
  CHECK(frechet_distance(gaussian({1}, {4}), gaussian({1}, {0})) == doctest::Approx(4));
  CHECK(frechet_distance(gaussian({0, 0}, {1, 0, 0, 4}), gaussian({3, 4}, {9, 0, 0, 4})) == doctest::Approx(25 + 4));
  // C2 = 4 C1: Tr(C1 + 4 C1 - 4 C1) = Tr C1
  CHECK(frechet_distance(gaussian({0, 0}, {2, 1, 1, 2}), gaussian({0, 0}, {8, 4, 4, 8})) == doctest::Approx(4));
  CHECK(frechet_distance(gaussian({0, 0}, {2, 1, 1, 2}), gaussian({0, 0}, {2, 1, 1, 2})) < 1e-14);
  // directions without variance: (1, 1) against (1, -1) have nothing in common
  CHECK(frechet_distance(gaussian({0, 0}, {1, 1, 1, 1}), gaussian({0, 0}, {1, -1, -1, 1})) == doctest::Approx(4));
}

TEST_CASE("the line's intercept by hand") {
  const Estimate exact = intercept_of_line({1, 2, 3, 4}, {5, 7, 9, 11});
  CHECK(exact.value == doctest::Approx(3));
  CHECK(exact.error < 1e-12);
  // 1, 2, 1 at 0, 1, 2: slope 0, mean 4/3; residuals 1/9 + 4/9 + 1/9 over one degree of freedom; variance 5/6 of it
  const Estimate e = intercept_of_line({0, 1, 2}, {1, 2, 1});
  CHECK(e.value == doctest::Approx(4.0 / 3));
  CHECK(e.error == doctest::Approx(std::sqrt(6.0 / 9 * 5.0 / 6)));
  CHECK(intercept_of_line({1, 2, 3}, {3, 2, 1}).value == doctest::Approx(2));  // no negative slope: the mean
  CHECK(intercept_of_line({1, 2, 3}, {0, 2, 4}).value == 0);                   // no negative intercept
  CHECK(has(message([] { intercept_of_line({1, 2}, {1, 2}); }), "2 places and 2 values"));
}

TEST_CASE("Frechet physics distance of known Gaussians") {
  // the first sample's largest number scales both: the distances scale with its square
  const FeatureVectors a = normals(20000, {0, 5}, {1, 2}, 1), b = normals(20000, {0.5, 5}, {1, 3}, 2);
  double largest[2] = {0, 0};
  for (int i = 0; i < a.rows(); ++i)
    for (int k = 0; k < 2; ++k) largest[k] = std::max(largest[k], std::fabs(a.row(i)[k]));
  const double expected = 0.25 / (largest[0] * largest[0]) + 1 / (largest[1] * largest[1]);
  const Estimate e = frechet_physics_distance(a, b, 7, 2);
  CHECK(e.value == doctest::Approx(expected).epsilon(0.1));
  CHECK(e.error < 0.02 * e.value);
  const Estimate other_seed = frechet_physics_distance(a, b, 8, 2);
  CHECK(std::fabs(other_seed.value - e.value) < 5 * (e.error + other_seed.error));
  CHECK(other_seed.value != e.value);
  const Estimate same = frechet_physics_distance(a, normals(20000, {0, 5}, {1, 2}, 3), 7, 2);
  CHECK(same.value < 0.01 * e.value);
}

TEST_CASE("squared MMD by naive loops") {
  const FeatureVectors x = normals(9, {0.2, -0.1, 0.5}, {0.3, 0.3, 0.1}, 1), y = normals(7, {0, 0, 0}, {1, 1, 1}, 2);
  const Multiplicities one_of_x(9, 1), one_of_y(7, 1), some_of_x{0, 3, 1, 0, 2, 0, 0, 1, 1},
      some_of_y{2, 0, 0, 1, 0, 4, 1};
  CHECK(squared_mmd(x, one_of_x, y, one_of_y) == doctest::Approx(naive_mmd(x, one_of_x, y, one_of_y)).epsilon(1e-5));
  CHECK(squared_mmd(x, some_of_x, y, some_of_y) ==
        doctest::Approx(naive_mmd(x, some_of_x, y, some_of_y)).epsilon(1e-5));
  // one feature, x = {0, 1}, y = {0, 2}: 2 (1) / 2 + 2 (1) / 2 - 2 (1 + 1 + 1 + 3^4) / 4 = -40
  const FeatureVectors p{1, {0, 1}}, q{1, {0, 2}};
  CHECK(squared_mmd(p, {1, 1}, q, {1, 1}) == doctest::Approx(-40));
  // more than a block of 256, and no multiple of it
  const FeatureVectors big = normals(600, {0.1, 0.2}, {0.2, 0.4}, 3), other = normals(301, {0.3, 0.2}, {0.2, 0.4}, 4);
  const Multiplicities of_big(600, 1), of_other(301, 2);
  CHECK(squared_mmd(big, of_big, other, of_other) ==
        doctest::Approx(naive_mmd(big, of_big, other, of_other)).epsilon(1e-4));
}

TEST_CASE("kernel physics distance: about 0 for one distribution, and grows") {
  const FeatureVectors a = normals(12000, {1, 2}, {0.3, 0.3}, 1), b = normals(12000, {1, 2}, {0.3, 0.3}, 2);
  const Estimate same = kernel_physics_distance(a, b, 5, 2);
  CHECK(std::fabs(same.value) < 5 * same.error);
  const Estimate far = kernel_physics_distance(a, normals(12000, {1.3, 2}, {0.3, 0.3}, 3), 5, 2);
  CHECK(far.value > 10 * far.error);
  CHECK(far.value > 10 * std::fabs(same.value));
}

TEST_CASE("distances of showers: no bit depends on threads; too few events and other features are refused") {
  const Geometry g = geometry("rings-10x5");
  const FeatureVectors a = high_level_features(g, simulate(g, {}, 0, 500, 2), 1);
  const FeatureVectors b = high_level_features(g, simulate(g, {}, 500, 400, 2), 3);
  CHECK(a.columns == 1 + 10 + 1 + 10 + 10 + 10);
  for (const auto distance : {frechet_physics_distance, kernel_physics_distance}) {
    const Estimate one = distance(a, b, 3, 1), three = distance(a, b, 3, 3);
    CHECK(one.value == three.value);
    CHECK(one.error == three.error);
    const FeatureVectors few = high_level_features(g, simulate(g, {}, 0, 83, 1));
    CHECK(has(message([&] { distance(few, a, 1, 1); }),
              "83 reference and 500 candidate events; both need at least 84 for 42 features"));
    CHECK(has(message([&] { distance(a, normals(90, {1}, {1}, 1), 1, 1); }), "42 features against 1"));
  }
}

TEST_CASE("Frechet distance, MMD and line against SciPy") {
  if (!python_has("scipy.optimize")) {
    MESSAGE("skipped: python3 has no scipy");
    return;
  }
  const Folder folder("distances_scipy");
  const FeatureVectors x = normals(50, {0.2, -0.1, 0.5, 1}, {0.3, 0.3, 0.1, 1}, 1),
                       y = normals(60, {0, 0, 0.4, 1}, {1, 0.2, 0.3, 1}, 2);
  const auto moments = [](const FeatureVectors& f) {  // as numpy.mean and numpy.cov
    NormalMoments m{std::vector<double>(4), square_matrix(4)};
    for (int i = 0; i < f.rows(); ++i)
      for (std::size_t k = 0; k < 4; ++k) m.mean[k] += f.row(i)[k] / f.rows();
    for (int i = 0; i < f.rows(); ++i)
      for (std::size_t k = 0; k < 4; ++k)
        for (std::size_t l = 0; l < 4; ++l)
          m.covariance.at(k, l) += (f.row(i)[k] - m.mean[k]) * (f.row(i)[l] - m.mean[l]) / (f.rows() - 1);
    return m;
  };
  const std::vector<double> place{1, 2, 3, 4, 5}, value{1.5, 1.75, 2.5, 2.25, 3.5}, falling{3, 2.5, 2.75, 2, 1};
  const Estimate line = intercept_of_line(place, value), flat = intercept_of_line(place, falling);
  write_file(folder.file("t.py"),
             "import numpy as np\nfrom scipy.linalg import sqrtm\nfrom scipy.optimize import "
             "curve_fit\nx = np.array(" +
                 json_text(Json(x.data), 0) + ").reshape(-1, 4)\ny = np.array(" + json_text(Json(y.data), 0) +
                 ").reshape(-1, 4)\nours = " +
                 json_text(Json(std::vector<double>{frechet_distance(moments(x), moments(y)),
                                                    squared_mmd(x, Multiplicities(50, 1), y, Multiplicities(60, 1)),
                                                    line.value, line.error, flat.value}),
                           0) +
                 "\nplace = np.array(" + json_text(Json(place), 0) + ")\nvalue = np.array(" +
                 json_text(Json(value), 0) + ")\nfalling = np.array(" + json_text(Json(falling), 0) + R"()
c, d = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
frechet = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(c + d - 2 * sqrtm(c @ d).real)
k = lambda a, b: (a @ b.T / 4 + 1) ** 4
within = lambda a: (k(a, a).sum() - np.trace(k(a, a))) / (len(a) * (len(a) - 1))
mmd = within(x) + within(y) - 2 * k(x, y).mean()
def fit(v):
    p, cov = curve_fit(lambda t, a, b: a + b * t, place, v, bounds=([0, 0], [np.inf, np.inf]))
    return p[0], np.sqrt(cov[0, 0])
assert np.allclose(ours[:2], [frechet, mmd], rtol=1e-5, atol=0), (ours, frechet, mmd)
assert np.allclose(ours[2:4], fit(value), rtol=1e-5), (ours, fit(value))
assert np.isclose(ours[4], fit(falling)[0], rtol=1e-4), (ours, fit(falling))
)");
  CHECK(std::system(("python3 " + folder.file("t.py")).c_str()) == 0);
}
