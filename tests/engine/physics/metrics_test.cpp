// Observables and metrics: events worked by hand, samples of one distribution, and SciPy where it is installed.
// SPDX-License-Identifier: MIT
#include "engine/physics/metrics.h"

#include <algorithm>
#include <limits>

#include "engine/core/files.h"
#include "engine/physics/random.h"
#include "engine/physics/sample.h"
#include "engine/physics/simulate.h"
#include "tests/engine/physics/check.h"

using namespace quench;

namespace {

const Geometry kRings = parse_geometry("threshold_mev 1\nlayer r=0,10,20\n", "rings.txt");  // centres 5 and 15 mm
const Geometry kGrid = parse_geometry("layer x=-10,0,10 y=-3,3\nlayer r=0,2\n", "grid.txt");

Events events_of(int voxels, std::vector<float> showers, std::vector<float> energies) {
  const int n = static_cast<int>(energies.size());
  return {{{n, voxels}, std::move(showers)}, {{n, 1}, std::move(energies)}};
}

const Observable& find(const std::vector<Observable>& list, const std::string& name) {
  for (const Observable& o : list)
    if (o.name == name) return o;
  FAIL("no observable ", name);
  return list[0];
}

const Feature& find(const Comparison& c, const std::string& name) {
  for (const Feature& f : c.features)
    if (f.name == name) return f;
  FAIL("no feature ", name);
  return c.features[0];
}

std::int64_t entries(const Histogram& h) {
  std::int64_t n = 0;
  for (std::int64_t c : h.counts) n += c;
  return n;
}

}  // namespace

TEST_CASE("observables of rings") {
  // 3 MeV at 5 mm and 1 MeV at 15 mm; .5 MeV is below the threshold; nothing above the threshold at all
  const Events e = events_of(2, {3, 1, 0.5f, 4, 0.2f, 0.3f}, {8, 16, 10});
  const std::vector<Observable> o = observables(kRings, e);
  CHECK(o.size() == 5);  // total, E, EC_r, width_r, sparsity: no eta and phi
  CHECK(find(o, "E_tot/E_inc").value == std::vector<double>{0.5, 0.25, 0});
  CHECK(find(o, "E layer 0").value == std::vector<double>{4, 4, 0});
  CHECK(find(o, "EC_r layer 0").value[0] == doctest::Approx(7.5));
  CHECK(find(o, "EC_r layer 0").value[1] == 15);
  CHECK(std::isnan(find(o, "EC_r layer 0").value[2]));
  CHECK(find(o, "width_r layer 0").value[0] == doctest::Approx(std::sqrt(18.75)));  // 3/4 2.5^2 + 1/4 7.5^2
  CHECK(find(o, "width_r layer 0").value[1] == 0);
  CHECK(std::isnan(find(o, "width_r layer 0").value[2]));
  CHECK(find(o, "sparsity layer 0").value == std::vector<double>{0, 0.5, 1});
}

TEST_CASE("observables of cells") {
  // cells at x = -5 and 5, y = 0; then a single ring
  const Events e = events_of(3, {1, 3, 0}, {4});
  const std::vector<Observable> o = observables(kGrid, e);
  CHECK(o.size() == 1 + 2 + (3 + 1) * 2 + 2);
  CHECK(find(o, "EC_eta layer 0").value[0] == 2.5);
  CHECK(find(o, "EC_phi layer 0").value[0] == 0);
  CHECK(find(o, "EC_r layer 0").value[0] == 5);
  CHECK(find(o, "width_eta layer 0").value[0] == doctest::Approx(std::sqrt(25 - 6.25)));
  CHECK(find(o, "width_phi layer 0").value[0] == 0);
  CHECK(std::isnan(find(o, "EC_r layer 1").value[0]));
  CHECK(find(o, "sparsity layer 1").value[0] == 1);
  CHECK(find(o, "EC_eta layer 0").group == Group::centre);
  CHECK(find(o, "width_r layer 1").layer == 1);
}

TEST_CASE("observables refuse what does not fit") {
  CHECK(has(message([] { observables(kRings, events_of(3, {1, 2, 3}, {1})); }), "3 voxel energies of 1 showers"));
  CHECK(has(message([] { observables(kRings, events_of(2, {1, -2}, {1})); }), "event 0, voxel 1: energy -2"));
  const float nan = std::numeric_limits<float>::quiet_NaN();
  CHECK(has(message([&] {
              observables(kRings, events_of(2, {1, 2, nan, 4}, {1, 1}));
            }),
            "event 1, voxel 0: energy nan"));
  CHECK(has(message([] { observables(kRings, events_of(2, {1, 2}, {0})); }), "incident energy 0"));
}

TEST_CASE("mean shower") {
  const MeanShower m = mean_shower(kRings, events_of(2, {2, 0.5f, 4, 3}, {9, 9}));
  CHECK(m.mean == std::vector<double>{3, 1.5});
  CHECK(m.error[0] == doctest::Approx(1 / std::sqrt(2.0)));  // sd 1 of two events
  CHECK(m.error[1] == doctest::Approx(1.5 / std::sqrt(2.0)));
}

TEST_CASE("Wasserstein distances by hand") {
  CHECK(wasserstein_1({0, 1}, {3, 0}) == doctest::Approx(1));
  CHECK(wasserstein_1({0}, {0, 1}) == doctest::Approx(0.5));
  CHECK(wasserstein_1({1, 2, 3}, {2}) == doctest::Approx(2.0 / 3));
  CHECK(wasserstein_1({-5, 5}, {-5, 5}) == 0);
  CHECK(wasserstein_1({-2}, {-1, 0, 1}) == doctest::Approx(2));
  CHECK(has(message([] { wasserstein_1({}, {1}); }), "samples of 0 and 1"));
}

TEST_CASE("Wasserstein distances against SciPy") {
  if (!python_has("scipy.stats")) {
    MESSAGE("skipped: python3 has no scipy");
    return;
  }
  const Folder folder("metrics_scipy");
  std::vector<double> a, b;
  Random g(3, 0, 0);
  std::string text = "from scipy.stats import wasserstein_distance as w\na=[";
  const auto add = [&](std::vector<double>& list, double v) {
    v = std::round(v * 256) / 256;  // ties between the samples, and exact decimals
    list.push_back(v);
    text += std::to_string(v * 256) + ",";
  };
  for (int i = 0; i < 300; ++i) add(a, normal(g));
  text += "]\nb=[";
  for (int i = 0; i < 211; ++i) add(b, 0.5 + 2 * normal(g));
  const double ours = wasserstein_1(a, b) * 256;
  text += "]\nassert abs(w(a,b) - " + std::to_string(ours) + ") < 1e-5, w(a,b)\n";
  write_file(folder.file("t.py"), text);
  CHECK(std::system(("python3 " + folder.file("t.py")).c_str()) == 0);
}

TEST_CASE("the floor of a Wasserstein distance: by hand, and the mean of samples of one distribution") {
  const auto floor_of = [](const std::vector<double>& a, const std::vector<double>& b) {
    return wasserstein_floor(sorted_values(a), sorted_values(b));
  };
  // F is 1/2 over a length of 1: sqrt(2 / pi (1/2 + 1/4)) / 2
  CHECK(floor_of({0, 1}, {3, 0, 8, 9}) == doctest::Approx(0.345494));
  CHECK(floor_of({7, 7}, {1}) == 0);
  CHECK(floor_of({1}, {}) == 0);
  double distance = 0, floor = 0;
  constexpr int pairs = 400;
  for (int k = 0; k < pairs; ++k) {
    Random g(7, static_cast<std::uint64_t>(k), 0);
    std::vector<double> a(150), b(2000);
    for (std::vector<double>* list : {&a, &b})
      for (double& v : *list) v = std::exp(normal(g));
    distance += wasserstein_1(a, b) / pairs, floor += floor_of(a, b) / pairs;
  }
  CHECK(floor == doctest::Approx(distance).epsilon(0.05));
}

TEST_CASE("quantile bins: 100, and what lies outside is counted") {
  std::vector<float> showers, energies;
  for (int i = 1; i <= 1001; ++i) {
    showers.insert(showers.end(), {static_cast<float>(i) + 1, 0});
    energies.push_back(1000);
  }
  const Events reference = events_of(2, showers, energies);
  Events candidate = reference;
  for (float& v : candidate.showers.data) v *= 2;
  const Comparison c = compare(kRings, reference, candidate);
  const Feature& total = find(c, "E_tot/E_inc");
  // 0.1 % of 1001 values: one on each side
  CHECK(total.reference.counts.size() == 100);
  CHECK(total.reference.edges.front() == doctest::Approx(0.003));
  CHECK(total.reference.edges.back() == doctest::Approx(1.001));
  CHECK(total.reference.below == 1);
  CHECK(total.reference.above == 1);
  CHECK(entries(total.reference) == 999);
  CHECK(total.candidate.edges == total.reference.edges);
  CHECK(entries(total.candidate) == 499);  // 4 .. 1000: 499 values are in 3 .. 1001, none below, 502 above
  CHECK(total.candidate.below == 0);
  CHECK(total.candidate.above == 502);
  CHECK(total.separation > 0.25);
  CHECK(total.wasserstein == doctest::Approx(0.502));  // the mean of 2 .. 1002, over 1000
  CHECK(c.response_difference_percent == doctest::Approx(100));
  CHECK(c.response_sd_ratio == doctest::Approx(2));
  const Feature& voxel = find(c, "voxel energy");
  CHECK(voxel.reference.logarithmic);
  CHECK(voxel.reference.zeros == 1001);
  CHECK(voxel.reference_values == 2002);
  CHECK(voxel.wasserstein == doctest::Approx(251));  // zeros move nowhere
  const GroupSummary& voxels = c.groups.back();
  CHECK(voxels.unit == "MeV");
  CHECK(voxels.mean_wasserstein_floor == voxel.wasserstein_floor);
  // half of the values are 0, the others 2 .. 1002: sqrt(2 / pi (2 / 2002)) (.5 2 + 1000 pi / 8)
  CHECK(voxel.wasserstein_floor == doctest::Approx(9.94).epsilon(0.01));
  CHECK(voxel.reference_mean == doctest::Approx(251));
  const Feature& sparsity = find(c, "sparsity layer 0");
  CHECK(sparsity.reference.discrete);
  CHECK(sparsity.reference.counts == std::vector<std::int64_t>{0, 1001, 0});
  CHECK(sparsity.separation == 0);
  // the energy is always in the inner ring: constants in one bin
  CHECK(find(c, "EC_r layer 0").reference.counts == std::vector<std::int64_t>{1001});
  CHECK(find(c, "width_r layer 0").separation == 0);
}

TEST_CASE("events without a centre are left out and counted") {
  const Events a = events_of(2, {3, 1, 0, 0, 2, 2}, {8, 8, 8}), b = events_of(2, {0, 0, 0, 0}, {8, 8});
  const Comparison c = compare(kRings, a, b);
  CHECK(find(c, "EC_r layer 0").reference_values == 2);
  CHECK(find(c, "EC_r layer 0").candidate_values == 0);
  CHECK(find(c, "EC_r layer 0").separation == 1);
  CHECK(find(c, "EC_r layer 0").wasserstein == 0);
  CHECK(find(c, "E layer 0").reference_values == 3);
  CHECK(find(c, "E layer 0").reference.zeros == 1);
  CHECK(find(c, "E layer 0").candidate.zeros == 2);
  // zeros 1/3 against 1: 1/2 ((2/3)^2/(4/3) + 2/3) = 1/2; both other events are alike
  CHECK(find(c, "E layer 0").separation == doctest::Approx(0.5));
  CHECK(find(compare(kRings, b, b), "EC_r layer 0").separation == 0);
  CHECK(has(message([&] { compare(kRings, a, events_of(2, {}, {})); }), "3 reference and 0 candidate events"));
}

TEST_CASE("challenge bins: published ranges, closed at the end, the rest dropped") {
  std::vector<float> showers(2 * 6480), energies = {1000, 1000};
  showers[0] = 500;            // E_tot/E_inc = .5: the first bin
  showers[6480 + 143] = 1500;  // 1.5: the last
  const Events reference = events_of(6480, showers, energies);
  showers[6480 + 143] = 1600;  // outside
  const Comparison c = compare(geometry("ds2"), reference, events_of(6480, showers, energies));
  const Feature& total = find(c, "E_tot/E_inc");
  CHECK(total.reference.counts.size() == 100);
  CHECK(total.reference.edges.front() == 0.5);
  CHECK(total.reference.edges.back() == 1.5);
  CHECK(total.reference.counts.front() == 1);
  CHECK(total.reference.counts.back() == 1);
  CHECK(total.candidate.above == 1);
  // in range: halves against all in the first bin: 1/2 (1/4 / (3/2) + 1/4 / (1/2)) = 1/3
  CHECK(total.separation == doctest::Approx(1.0 / 3));
  const Feature& layer = find(c, "E layer 0");
  CHECK(layer.reference.counts.size() == 39);
  CHECK(layer.reference.edges.front() == doctest::Approx(0.0151515).epsilon(1e-5));
  CHECK(layer.reference.edges.back() == 1500);
  CHECK(layer.reference.edges[13] / layer.reference.edges[0] ==
        doctest::Approx(std::pow(1500 / 0.01515151515, 1.0 / 3)));
  CHECK(layer.candidate.above == 1);
  CHECK(find(c, "voxel energy").reference.counts.size() == 49);
  CHECK(find(c, "voxel energy").reference.zeros == 2 * 6480 - 2);
  CHECK(find(c, "sparsity layer 0").reference.counts.size() == 20);
  CHECK(find(c, "EC_eta layer 3").reference.edges.front() == -30);
  CHECK(find(c, "width_phi layer 3").reference.edges.back() == 30);
  CHECK(find(c, "EC_r layer 3").reference.edges.back() == 42);
  CHECK(find(c, "width_r layer 3").reference.edges.back() == 20);
  const Events one = events_of(368, std::vector<float>(368, 2), {700});
  const Comparison d = compare(geometry("ds1-photons"), one, one);
  CHECK(find(d, "EC_eta layer 2").reference.edges.back() == 100);
  CHECK(find(d, "EC_r layer 12").reference.edges.back() == 1500);
  CHECK(find(d, "width_r layer 3").reference.edges.back() == 500);
}

TEST_CASE("two samples of one distribution: the separations lie at their floors") {
  const Geometry g = geometry("rings-10x5");
  const Events a = simulate(g, {}, 0, 5000, 2), b = simulate(g, {}, 5000, 3000, 2);
  for (const Binning binning : {Binning::quantiles, Binning::challenge}) {
    const Comparison c = compare(g, a, b, 2, binning);
    for (const GroupSummary& s : c.groups) {
      CAPTURE(group_name(s.group));
      CHECK(s.features == (s.group == Group::total || s.group == Group::voxel ? 1 : 10));
      if (s.group == Group::total || s.group == Group::layer || s.group == Group::centre || s.group == Group::width) {
        CHECK(s.mean_separation < 1.3 * s.mean_floor);
        CHECK(s.mean_separation > 0.7 * s.mean_floor);
      }
      CHECK(s.max_separation >= s.mean_separation);
      CHECK(find(c, s.worst).separation == s.max_separation);
    }
    CHECK(std::fabs(c.response_difference_percent) < 0.2);
    CHECK(c.response_sd_ratio == doctest::Approx(1).epsilon(0.1));
  }
  // a shift of one percent is far above the floor
  Events shifted = b;
  for (float& v : shifted.showers.data) v *= 1.01f;
  const Comparison c = compare(g, a, shifted, 2);
  CHECK(find(c, "E_tot/E_inc").separation > 10 * find(c, "E_tot/E_inc").floor);
  CHECK(c.response_difference_percent == doctest::Approx(1).epsilon(0.2));
}

TEST_CASE("comparisons do not depend on the number of threads") {
  const Geometry g = geometry("rings-10x5");
  const Events a = simulate(g, {}, 0, 700, 2), b = simulate(g, {}, 700, 600, 2);
  const Comparison one = compare(g, a, b, 1), three = compare(g, a, b, 3);
  REQUIRE(one.features.size() == three.features.size());
  for (std::size_t i = 0; i < one.features.size(); ++i) {
    CHECK(one.features[i].separation == three.features[i].separation);
    CHECK(one.features[i].wasserstein == three.features[i].wasserstein);
    CHECK(one.features[i].wasserstein_floor == three.features[i].wasserstein_floor);
    CHECK(one.features[i].candidate_sd == three.features[i].candidate_sd);
    CHECK(one.features[i].reference.counts == three.features[i].reference.counts);
  }
  CHECK(one.candidate_mean.mean == three.candidate_mean.mean);
  CHECK(one.candidate_mean.error == three.candidate_mean.error);
  const Paired p = paired(g, a, a, 1), q = paired(g, a, a, 3);
  CHECK(p.log_voxel_correlation == 1);
  CHECK(q.log_voxel_correlation == 1);
  Events noisy = a;
  for (std::size_t i = 0; i < noisy.showers.data.size(); i += 3) noisy.showers.data[i] *= 1.1f;
  CHECK(paired(g, a, noisy, 1).log_voxel_correlation == paired(g, a, noisy, 3).log_voxel_correlation);
  CHECK(paired(g, a, noisy, 1).sd_de == paired(g, a, noisy, 3).sd_de);
}

TEST_CASE("samples of one model: what is measured is the mean, what is counted the sum") {
  const Geometry g = geometry("rings-10x5");
  const Events a = simulate(g, {}, 0, 700, 2);
  const Comparison one = compare(g, a, simulate(g, {}, 700, 600, 2), 2),
                   two = compare(g, a, simulate(g, {}, 1300, 600, 2), 2), mean = mean_comparison({one, two});
  CHECK(mean.samples == 2);
  CHECK(mean.candidate_events == 600);
  REQUIRE(mean.features.size() == one.features.size());
  for (std::size_t i = 0; i < mean.features.size(); ++i) {
    const Feature &f = mean.features[i], &x = one.features[i], &y = two.features[i];
    CHECK(f.separation == doctest::Approx((x.separation + y.separation) / 2));
    CHECK(f.floor == doctest::Approx((x.floor + y.floor) / 2));
    CHECK(f.candidate_mean == doctest::Approx((x.candidate_mean + y.candidate_mean) / 2));
    CHECK(f.candidate_values == x.candidate_values + y.candidate_values);
    CHECK(f.reference.counts == x.reference.counts);
    REQUIRE(f.candidate.counts.size() == x.candidate.counts.size());
    for (std::size_t k = 0; k < x.candidate.counts.size(); ++k)
      CHECK(f.candidate.counts[k] == x.candidate.counts[k] + y.candidate.counts[k]);
    CHECK(f.candidate.zeros == x.candidate.zeros + y.candidate.zeros);
  }
  for (const GroupSummary& s : mean.groups) CHECK(find(mean, s.worst).separation == s.max_separation);
  CHECK(mean.candidate_mean.mean[7] == doctest::Approx((one.candidate_mean.mean[7] + two.candidate_mean.mean[7]) / 2));
  CHECK(mean.candidate_mean.error[7] ==
        doctest::Approx(std::hypot(one.candidate_mean.error[7], two.candidate_mean.error[7]) / 2));
  CHECK(mean_comparison({one}).features[0].separation == one.features[0].separation);
  CHECK(has(message([] { mean_comparison({}); }), "there is none"));
  const Comparison smaller = compare(g, a, simulate(g, {}, 700, 500, 2), 2);
  CHECK(has(message([&] { mean_comparison({one, smaller}); }), "sample 2 has 500 events and 42 features"));
}

TEST_CASE("paired events by hand") {
  // ln: (0, 1, 2) against (0, 2, 1) after e^x; event 1 has 10 MeV on one side only
  const float e1 = 2.7182818f, e2 = 7.3890561f;
  const Events a = events_of(2, {1, e1, e2, 0, 0, 0}, {20, 20, 20}),
               b = events_of(2, {1, e2, e1, 10, 0, 0}, {20, 20, 20});
  const Paired p = paired(kRings, a, b);
  CHECK(p.events == 3);
  CHECK(p.voxels_in_both == 3);
  CHECK(p.log_voxel_correlation == doctest::Approx(0.5));  // covariance 1 - (1)(1) ... of (0,1,2) and (0,2,1): 1 of 2
  CHECK(p.emptiness_differs == doctest::Approx(1.0 / 6));
  CHECK(p.skipped_events == 1);
  const double d0 = (1.0 + e2) / (1.0 + e1) - 1, d1 = (10.0 + e1) / e2 - 1;
  CHECK(p.mean_de == doctest::Approx((d0 + d1) / 2));
  CHECK(p.sd_de == doctest::Approx(std::fabs(d0 - d1) / 2));
  CHECK(p.max_abs_de == doctest::Approx(std::max(d0, d1)));
  CHECK(paired(kRings, a, a).max_abs_de == 0);
  CHECK(paired(kRings, events_of(2, {2, 2}, {9}), events_of(2, {3, 4}, {9})).log_voxel_correlation ==
        0);  // no spread in a
  CHECK(has(message([&] { paired(kRings, a, events_of(2, {1, 2}, {20})); }), "3 events against 1"));
  Events c = a;
  c.incident_energies.data[1] = 21;
  CHECK(has(message([&] { paired(kRings, a, c); }), "event 1 has incident energy 20 MeV against 21"));
}

TEST_CASE("layers with many cells: ordinary bins for the sparsity; grids with challenge bins") {
  const Geometry g = geometry("grid-2x15x15");
  Simulation s;
  s.max_energy_gev = 2;
  const Events a = simulate(g, s, 0, 200, 2), b = simulate(g, s, 200, 200, 2);
  CHECK_FALSE(find(compare(g, a, b), "sparsity layer 1").reference.discrete);
  const Comparison c = compare(g, a, b, 1, Binning::challenge);
  CHECK(find(c, "EC_eta layer 1").reference.edges.front() == -75);
  CHECK(find(c, "EC_eta layer 1").reference.edges.back() == 75);
  CHECK(entries(find(c, "EC_r layer 1").reference) == 200);
}
