// Gaussian and mixture against closed forms; the split of a table; a flow of features.
// SPDX-License-Identifier: MIT
#include "engine/train/gaussian_mixture.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>

#include "engine/core/error.h"
#include "engine/model/forward.h"
#include "engine/physics/random.h"
#include "engine/tensor/csv.h"
#include "engine/train/table_set.h"
#include "tests/engine/model/gradient_check.h"

using namespace quench;

namespace {

constexpr double pi = 3.14159265358979323846;

// Two clusters: 0.3 N((-4, 0), 1) and 0.7 N((4, 1), ((1, 0.6), (0.6, 1))).
Tensor two_clusters(int count, std::uint64_t seed) {
  Tensor t = zeros({count, 2});
  Random random(seed, 0, 0);
  for (int i = 0; i < count; ++i) {
    const bool second = uniform(random) < 0.7;
    const double a = normal(random), b = normal(random);
    t.row(i)[0] = static_cast<float>(a + (second ? 4 : -4));
    t.row(i)[1] = static_cast<float>(second ? 1 + 0.6 * a + 0.8 * b : b);
  }
  return t;
}

double two_clusters_density(const float* x) {
  const double u = static_cast<double>(x[0]) + 4, v = static_cast<double>(x[1]);
  const double p = static_cast<double>(x[0]) - 4, q = static_cast<double>(x[1]) - 1;
  const double first = std::exp(-0.5 * (u * u + v * v)) / (2 * pi);
  const double second = std::exp(-0.5 * (p * p - 1.2 * p * q + q * q) / 0.64) / (2 * pi * 0.8);
  return std::log(0.3 * first + 0.7 * second);
}

double mean_of(const std::vector<double>& v) { return mean_error(v).mean; }

// A bent table in units of its own: heavy tails in column 0, a ring in columns 1 and 2.
Tensor features(int count) {
  Tensor t = zeros({count, 3});
  Random random(9, 0, 0);
  for (int i = 0; i < count; ++i) {
    const double a = normal(random), angle = 2 * pi * uniform(random), radius = 2 + 0.2 * normal(random);
    t.row(i)[0] = static_cast<float>(300 + 40 * std::sinh(1.5 * a));
    t.row(i)[1] = static_cast<float>(0.01 * radius * std::cos(angle));
    t.row(i)[2] = static_cast<float>(5 * radius * std::sin(angle));
  }
  return t;
}

FlowSettings table_settings() {
  FlowSettings s;
  s.features = s.asinh = true, s.couplings = 4, s.hidden = {24}, s.activation = "leaky-relu";
  s.batch = 128, s.steps = 400, s.warm_up = 20, s.learning_rate = 5e-3, s.validation.every = 50;
  return s;
}

}  // namespace

TEST_CASE("Gaussian: mean, covariance and density by hand") {
  const Tensor rows{{4, 2}, {0, 0, 2, 0, 0, 4, 2, 4}};  // mean (1, 2), covariance diag(1, 4)
  const GaussianMixture g = fit_gaussian(rows, 0);
  CHECK(g.components[0].mean == std::vector<double>{1, 2});
  CHECK(g.components[0].factor == std::vector<double>{1, 0, 0, 2});
  const std::vector<double> found = log_densities(g, {{2, 2}, {1, 2, 3, -2}});
  CHECK(found[0] == doctest::Approx(-std::log(2 * pi) - std::log(2.0)).epsilon(1e-12));
  CHECK(found[1] == doctest::Approx(-std::log(2 * pi) - std::log(2.0) - 0.5 * (4 + 4)).epsilon(1e-12));
}

TEST_CASE("Gaussian: correlated columns; the mean log density of its own rows is the entropy") {
  Tensor rows = zeros({500, 2});
  const Tensor noise = random_tensor({500, 2}, 3);
  for (int i = 0; i < 500; ++i)
    rows.row(i)[0] = 100 + noise.row(i)[0], rows.row(i)[1] = 0.5f * noise.row(i)[0] + 0.1f * noise.row(i)[1];
  const GaussianMixture g = fit_gaussian(rows, 0);
  double m[2] = {}, c[3] = {};
  for (int i = 0; i < 500; ++i)
    for (int j = 0; j < 2; ++j) m[j] += static_cast<double>(rows.row(i)[j]) / 500;
  for (int i = 0; i < 500; ++i) {
    const double a = static_cast<double>(rows.row(i)[0]) - m[0], b = static_cast<double>(rows.row(i)[1]) - m[1];
    c[0] += a * a / 500, c[1] += a * b / 500, c[2] += b * b / 500;
  }
  const double entropy = 1 + std::log(2 * pi) + 0.5 * std::log(c[0] * c[2] - c[1] * c[1]);
  CHECK(mean_of(log_densities(g, rows)) == doctest::Approx(-entropy).epsilon(1e-9));
}

TEST_CASE("mixture: finds two clusters, whatever the number of threads") {
  const Tensor rows = two_clusters(4000, 1), validation = two_clusters(1000, 2), test = two_clusters(4000, 3);
  MixtureSettings s;
  s.components = 2, s.starts = 3;
  const GaussianMixture m = fit_mixture(rows, validation, s);
  const std::size_t left = m.components[0].mean[0] < m.components[1].mean[0] ? 0 : 1;
  const GaussianComponent &a = m.components[left], &b = m.components[1 - left];
  CHECK(std::exp(a.log_weight) == doctest::Approx(0.3).epsilon(0.1));
  CHECK(std::exp(a.log_weight) + std::exp(b.log_weight) == doctest::Approx(1).epsilon(1e-9));
  CHECK(std::fabs(a.mean[0] + 4) < 0.12);
  CHECK(std::fabs(b.mean[1] - 1) < 0.12);
  CHECK(b.factor[0] * b.factor[2] == doctest::Approx(0.6).epsilon(0.1));  // covariance of the two columns
  double truth = 0;
  for (int i = 0; i < test.rows(); ++i) truth += two_clusters_density(test.row(i)) / test.rows();
  CHECK(std::fabs(mean_of(log_densities(m, test)) - truth) < 0.01);
  CHECK(mean_of(log_densities(m, test)) > mean_of(log_densities(fit_gaussian(rows), test)) + 0.3);
  CHECK(log_densities(fit_mixture(rows, validation, s, 3), test, 2) == log_densities(m, test));
}

TEST_CASE("mixture: the density of given components, by the sum, far out too") {
  const GaussianMixture m{1, {{std::log(0.25), {0}, {1}}, {std::log(0.75), {3}, {2}}}};
  const auto normal_density = [](double x, double mean, double sd) {
    return std::exp(-0.5 * (x - mean) * (x - mean) / (sd * sd)) / (sd * std::sqrt(2 * pi));
  };
  const std::vector<double> found = log_densities(m, {{3, 1}, {0.5f, 2, 2000}});
  for (std::size_t i = 0; i < 2; ++i) {
    const double x = i == 0 ? 0.5 : 2;
    const double expected = std::log(0.25 * normal_density(x, 0, 1) + 0.75 * normal_density(x, 3, 2));
    CHECK(found[i] == doctest::Approx(expected).epsilon(1e-12));
  }
  const double far = std::log(0.75) - 0.5 * 1997.0 * 1997.0 / 4 - std::log(2 * std::sqrt(2 * pi));
  CHECK(found[2] == doctest::Approx(far).epsilon(1e-12));
}

TEST_CASE("mixture: what cannot be fitted is refused") {
  CHECK_THROWS_AS(fit_gaussian(Tensor{{1, 2}, {1, 2}}), Error);
  CHECK_THROWS_AS(fit_gaussian(Tensor{{2, 2}, {1, 2, 1, 3}}), Error);
  MixtureSettings s;
  s.components = 5;
  const Tensor rows = two_clusters(4, 1);
  CHECK_THROWS_AS(fit_mixture(rows, rows, s), Error);
}

TEST_CASE("split: every row lands in one part; the seed decides which") {
  Tensor rows = zeros({100, 1});
  for (int i = 0; i < 100; ++i) rows.row(i)[0] = static_cast<float>(i);
  const TableSplit s = split_table(rows, 0.15, 0.2, 7);
  CHECK(s.training.rows() == 65);
  CHECK(s.validation.rows() == 15);
  CHECK(s.test.rows() == 20);
  std::multiset<float> all;
  for (const Tensor* t : {&s.training, &s.validation, &s.test}) all.insert(t->data.begin(), t->data.end());
  CHECK(all == std::multiset<float>(rows.data.begin(), rows.data.end()));
  CHECK(split_table(rows, 0.15, 0.2, 7).test == s.test);
  CHECK(!(split_table(rows, 0.15, 0.2, 8).test == s.test));
  CHECK(training_set(s).numbers.rows() == 80);
  CHECK(training_set(s).numbers.row(79)[0] == s.validation.row(14)[0]);
  CHECK_THROWS_AS(split_table(rows, 0.5, 0.49, 7), Error);
  CHECK_THROWS_AS(split_table(zeros({100, 2}), 0.15, 0.2, 7), Error);
}

TEST_CASE("paired difference: what both share cancels") {
  const MeanError d = paired_difference({11, 22, 33, 44}, {10, 20, 30, 40});  // 1, 2, 3, 4
  CHECK(d.mean == 2.5);
  CHECK(d.error == doctest::Approx(std::sqrt(5.0 / 3 / 4)));
}

TEST_CASE("a flow of features: the density is that of the features, sampling undoes it") {
  const Tensor rows = features(600);
  const TrainingSet set{rows, zeros({600, 1})};
  FlowSettings s = table_settings();
  s.validation.events = 100, s.steps = 60;
  const FlowState state = train_flow(s, set, start_flow(s, set, nullptr));
  const Model density = trained_flow(state);
  // Another unit of a column moves every ln p by the logarithm of the unit.
  TrainingSet scaled = set;
  for (int i = 0; i < 600; ++i) scaled.numbers.row(i)[1] *= 1024;
  const FlowState other = start_flow(s, scaled, nullptr), same = start_flow(s, set, nullptr);
  const double before = mean_log_density(same.density, rows, {}).mean;
  const double after = mean_log_density(other.density, scaled.numbers, {}).mean;
  CHECK(after == doctest::Approx(before - std::log(1024.0)).epsilon(1e-4));
  // z, then back.
  Tape tape;
  forward(density, std::vector<Tensor>{rows}, Mode::inference, tape);
  const Tensor& z = tape.values[index(density.nodes.back().inputs[0])];
  Tensor latent = zeros({600, 3});
  for (int i = 0; i < 600; ++i) std::copy_n(z.row(i), 3, latent.row(i));
  const Tensor again = infer(flow_sampling(density), std::vector<Tensor>{latent});
  for (std::size_t i = 0; i < rows.size(); ++i)
    CHECK(again.data[i] == doctest::Approx(rows.data[i]).epsilon(1e-4).scale(1));
}

TEST_CASE("a flow beats the mixture where the mixture's shape is wrong") {
  const TableSplit split = split_table(features(3000), 0.15, 0.2, 1);
  FlowSettings s = table_settings();
  s.coupling = CouplingKind::spline, s.validation.events = split.validation.rows();
  const TrainingSet set = training_set(split);
  const Model density = trained_flow(train_flow(s, set, start_flow(s, set, nullptr)));
  const Tensor values = infer(density, Span<const Tensor>(&split.test, 1));
  MixtureSettings few;
  few.components = 2;
  const std::vector<double> mixture = log_densities(fit_mixture(split.training, split.validation, few), split.test);
  const MeanError gain = paired_difference({values.data.begin(), values.data.end()}, mixture);
  INFO(gain.mean, " +- ", gain.error);
  CHECK(gain.mean > 3 * gain.error);
}

TEST_CASE("MAGIC telescope: the table is read, the mixture beats the Gaussian on rows it has not seen") {
  const char* path = std::getenv("QUENCH_MAGIC_CSV");
  if (path == nullptr || !std::filesystem::exists(path)) {
    MESSAGE("skipped: QUENCH_MAGIC_CSV does not name the MAGIC Gamma Telescope table");
    return;
  }
  const CsvTable table = load_csv(path);
  CHECK(table.names.size() == 10);
  CHECK(table.left_out == std::vector<std::string>{"class"});
  const TableSplit split = split_table(table.values, 0.15, 0.2, 1);
  MixtureSettings s;
  s.starts = 1, s.iterations = 50;
  const std::vector<double> mixture = log_densities(fit_mixture(split.training, split.validation, s), split.test);
  const MeanError gain = paired_difference(mixture, log_densities(fit_gaussian(split.training), split.test));
  CHECK(gain.mean > 3 * gain.error);
}
