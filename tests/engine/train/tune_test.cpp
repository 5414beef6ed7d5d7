// Masked self-distillation on a made-up generator.
// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <cmath>

#include "engine/core/error.h"
#include "engine/model/forward.h"
#include "engine/train/checkpoint.h"
#include "engine/train/deploy.h"
#include "engine/train/gan.h"
#include "engine/train/tune.h"
#include "tests/engine/train/toy.h"

using namespace quench;

namespace {

// Every weight below this size in each Linear becomes 0.
Model pruned(Model model, float size) {
  for (Node& node : model.nodes)
    if (Linear* op = std::get_if<Linear>(&node.op))
      for (float& w : op->weight.data)
        if (std::fabs(w) < size) w = 0;
  return model;
}

Linear& first_linear(Model& model) {
  for (Node& node : model.nodes)
    if (Linear* op = std::get_if<Linear>(&node.op)) return *op;
  throw Error("no Linear");
}

// Which weights of the Linears are not zero.
std::vector<bool> free_to_move(const Model& model) {
  std::vector<bool> free;
  for (const Node& node : model.nodes)
    if (const Linear* op = std::get_if<Linear>(&node.op))
      for (float w : op->weight.data) free.push_back(w != 0);
  return free;
}

TuneSettings quick() {
  TuneSettings s;
  s.steps = 300, s.batch = 64, s.learning_rate = 3e-3, s.average = 0.98;
  return s;
}

}  // namespace

TEST_CASE("tuning a pruned student brings it back to its teacher, and empty weights stay empty") {
  const Model guide = toy_generator(), student = pruned(guide, 0.2f);
  const double before = core_difference(guide, student, 9, 2000);
  double last_loss = 0;
  TuneControl control;
  control.progress = [&](std::int64_t, std::int64_t, double loss) { last_loss = loss; };
  const Model tuned = tune(guide, student, quick(), control);
  const double after = core_difference(guide, tuned, 9, 2000);
  CHECK(before > 0.01);
  CHECK(after < 0.3 * before);
  CHECK(last_loss == doctest::Approx(after).epsilon(0.5));
  int zeros = 0, moved = 0;
  for (std::size_t i = 0; i < student.nodes.size(); ++i) {
    const Linear *a = std::get_if<Linear>(&student.nodes[i].op), *b = std::get_if<Linear>(&tuned.nodes[i].op);
    if (!a) continue;
    for (std::size_t k = 0; k < a->weight.size(); ++k) {
      if (a->weight.data[k] == 0) CHECK(b->weight.data[k] == 0);
      zeros += a->weight.data[k] == 0, moved += a->weight.data[k] != b->weight.data[k];
    }
  }
  CHECK(zeros > 100);
  CHECK(moved > 100);
}

TEST_CASE("tuning goes through the couplings of a flow") {
  const Model guide = flow_teacher(CouplingKind::affine), student = pruned(guide, 0.2f);
  const double before = core_difference(guide, student, 9, 2000);
  const Model tuned = tune(guide, student, quick());
  CHECK(before > 0.01);
  CHECK(core_difference(guide, tuned, 9, 2000) < 0.6 * before);
}

TEST_CASE("tuning: the same bytes for any number of threads; a student equal to its teacher stays so") {
  const Model guide = toy_generator(), student = pruned(guide, 0.2f);
  TuneSettings s = quick();
  s.steps = 5, s.batch = 700;
  CHECK(tune(guide, student, s, {}, 1) == tune(guide, student, s, {}, 3));
  const Model same = tune(guide, guide, s, {}, 1);
  for (std::size_t i = 0; i < guide.nodes.size(); ++i)
    if (const Linear* a = std::get_if<Linear>(&guide.nodes[i].op)) {
      const Linear& b = std::get<Linear>(same.nodes[i].op);
      for (std::size_t k = 0; k < a->weight.size(); ++k)
        CHECK(b.weight.data[k] == doctest::Approx(a->weight.data[k]).epsilon(1e-6));
    }
}

TEST_CASE("masks tighten while tuning, to the last sparsity; what is gone stays gone") {
  const Model guide = toy_generator();
  Model student = guide;
  for (std::size_t k = 0; k < 10; ++k) first_linear(student).weight.data[7 * k] = 0;
  TuneSettings s = quick();
  s.schedule = SparsitySchedule{0, 0.6, 0.5, 10, PruneScope::layer};
  const Model tuned = tune(guide, student, s);
  CHECK(sparsity(tuned) == doctest::Approx(0.6).epsilon(0.01));
  Model copy = tuned;
  for (std::size_t k = 0; k < 10; ++k) CHECK(first_linear(copy).weight.data[7 * k] == 0);
  // Other weights than the smallest of the start are gone: they had time to move.
  const Model at_once = prune(guide, 0.6, PruneScope::layer);
  CHECK_FALSE(free_to_move(tuned) == free_to_move(at_once));
  s.steps = 20, s.batch = 700;
  CHECK(tune(guide, student, s, {}, 1) == tune(guide, student, s, {}, 3));
  s.steps = 1;  // too few to grow in
  CHECK(sparsity(tune(guide, guide, s)) == doctest::Approx(0.6).epsilon(0.01));
}

TEST_CASE("tuning refuses models that do not belong together") {
  const Model guide = toy_generator();
  Model other = guide;
  other.facts.maximum_energy_mev = 0;
  CHECK_THROWS_WITH_AS(tune(other, guide, quick()), doctest::Contains("are no range to draw from"), Error);
  GanSettings settings;
  settings.latent = 7, settings.hidden = {8}, settings.batch_norm = false;
  const Preprocessing p = fit_preprocessing(toy_events(500), toy_geometry(), 1);
  CHECK_THROWS_WITH_AS(tune(guide, deploy(gan_generator(settings, p), p), quick()),
                       "tuning: the teacher's latent input is 6 wide, the student's 7", Error);
}

TEST_CASE("intermediate features: their weighted difference is in the loss, and falls") {
  const Model guide = toy_generator(), student = pruned(guide, 0.2f);
  const auto losses = [&](double weight) {
    std::vector<double> all;
    TuneControl control;
    control.progress = [&](std::int64_t, std::int64_t, double loss) { all.push_back(loss); };
    TuneSettings s = quick();
    s.feature_weight = weight;
    const Model tuned = tune(guide, student, s, control);
    CHECK(tuned.nodes.size() == student.nodes.size());
    CHECK(core_difference(guide, tuned, 9, 2000) < 0.3 * core_difference(guide, student, 9, 2000));
    return all;
  };
  const std::vector<double> none = losses(0), one = losses(1), two = losses(2);
  CHECK(one[0] > none[0] + 0.1);
  CHECK(two[0] - none[0] == doctest::Approx(2 * (one[0] - none[0])));
  CHECK(one.back() < 0.5 * one[0]);
}

TEST_CASE("a distillation that was interrupted goes on from its checkpoint to the same bytes; another's is refused") {
  const Model guide = toy_generator(), student = pruned(guide, 0.2f);
  TuneSettings s = quick();
  s.steps = 40;
  for (double feature_weight : {0.0, 0.5}) {
    s.feature_weight = feature_weight;
    const TuneState start = start_tune(guide, student, s);
    const std::uint64_t hash = tune_hash(guide, start, s);
    std::string saved;
    std::atomic<bool> stop{false};
    TuneControl control;
    control.checkpoint_every = 7;
    control.stop = &stop;
    control.checkpoint = [&](const TuneState& now) { saved = checkpoint_bytes(now, hash); };
    control.progress = [&](std::int64_t step, std::int64_t, double) { stop = step == 16; };
    const TuneState stopped = tune(guide, start, s, control);
    CHECK(stopped.step == 17);
    const TuneState resumed = tune(guide, read_checkpoint(saved, start, hash, "x"), s), whole = tune(guide, start, s);
    CHECK(resumed.step == 40);
    CHECK(resumed.average == whole.average);
    CHECK(resumed.core == whole.core);
    CHECK(!(stopped.average == whole.average));
    TuneSettings other = s;
    other.learning_rate *= 2;
    CHECK_THROWS_AS(read_checkpoint(saved, start, tune_hash(guide, start, other), "x"), Error);
  }
}
