// GAN, flow and VAE as the recipe asks for them, with progress, curves and checkpoints.
// SPDX-License-Identifier: MIT
#include "targets/command/training.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "engine/compress/fold.h"
#include "engine/core/error.h"
#include "engine/core/files.h"
#include "engine/core/progress.h"
#include "engine/core/table.h"
#include "engine/model/onnx.h"
#include "engine/train/checkpoint.h"
#include "engine/train/deploy.h"
#include "engine/train/student_widths.h"
#include "engine/train/tune.h"
#include "engine/train/vae_heads.h"
#include "targets/command/options.h"
#include "targets/command/shower_quality.h"

namespace quench {
namespace {

constexpr std::int64_t curve_points = 200;

struct Prepared {
  Preprocessing preprocessing;
  TrainingSet set;
  Model teacher;  // deployed; empty without distill.teacher
};

// What a student's numbers mean; of softmax heads the split alone says it, if it is of the same voxels.
Preprocessing as_taught(const Preprocessing& p, const Model& teacher) {
  const std::optional<SoftmaxSplit> heads = softmax_heads(teacher);
  if (!heads) return as_deployed(p, teacher);
  if (teacher.facts.geometry != p.geometry || heads->layer_voxels != p.split.layer_voxels)
    fail("teacher ", teacher.name, " makes showers of ", teacher.facts.geometry, ", the data are of ", p.geometry);
  return p;
}

Prepared prepare(const Recipe& r, const Data& data, int threads) {
  Prepared p;
  Tensor filled_showers;
  p.preprocessing = fit_preprocessing(data.training, data.geometry, r.seed, threads, &filled_showers);
  if (!r.distill.teacher.empty()) {
    p.teacher = fold_batch_norm(load_model(r.distill.teacher));
    p.preprocessing = as_taught(p.preprocessing, p.teacher);
  }
  p.set = training_set(p.preprocessing, filled_showers, data.training.incident_energies, threads);
  return p;
}

// What the training will hold, told before it starts: weights with gradients, moments and averages; values and
// gradients of a batch; the events and their numbers. Fails when the machine has less.
void tell_memory(const std::vector<const Model*>& trained, int batch, const TrainingSet& set) {
  double weights = 0, values = 0;
  for (const Model* m : trained) {
    for_each_parameter(*m, [&](std::size_t, const std::string&, const Tensor& t) { weights += t.size(); });
    for (const ModelValue& v : m->values) values += v.width;
  }
  const double models = 4 * 6 * weights, activations = 4 * 2 * values * batch;
  const double data = 4.0 * 2 * static_cast<double>(set.numbers.size() + set.energies.size() + set.heads.size());
  const double all = models + activations + data;
  std::fprintf(stderr, "memory: %s for %s weights, %s for a batch of %d, %s for the data\n", bytes_text(models).c_str(),
               grouped(static_cast<std::int64_t>(weights)).c_str(), bytes_text(activations).c_str(), batch,
               bytes_text(data).c_str());
  const double have = machine_memory();
  if (have > 0 && all > have)
    fail("train: needs about ", bytes_text(all), " of memory, this machine has ", bytes_text(have),
         "; use fewer events (data.events), a smaller batch (train.batch) or a smaller model");
}

void expect_checkpoint(const std::string& path) {
  if (!exists(path)) fail("--resume: there is no checkpoint ", path, "; train without --resume first");
}

// Where a session keeps its state, and what it finds out.
struct Session {
  const std::string& checkpoint;
  bool resume;
  int threads;
  Trained& result;
  std::function<double(const Model&)> quality = {};  // of a generator: see TrainControl
};

// What the bar and the curves are told of a step.
struct Told {
  std::string note;
  std::vector<double> values;       // of the first curves, at every step
  std::vector<double> evaluations;  // of the curves after them; empty where nothing was evaluated
};

template <class... Numbers>
std::string note(const char* format, Numbers... numbers) {
  char text[80];
  std::snprintf(text, sizeof text, format, numbers...);
  return text;
}

void add_points(std::vector<TrainingCurve>& curves, std::int64_t step, std::int64_t steps, const Told& told) {
  const auto add = [&](TrainingCurve& c, double value) {
    c.step.push_back(static_cast<double>(step)), c.value.push_back(value);
  };
  if (step % std::max<std::int64_t>(steps / curve_points, 1) == 0)  // often enough for a plot
    for (std::size_t k = 0; k < told.values.size(); ++k) add(curves[k], told.values[k]);
  for (std::size_t k = 0; k < told.evaluations.size(); ++k) add(curves[told.values.size() + k], told.evaluations[k]);
}

// Runs `train` from its start or from the checkpoint; `trained` are the networks that gradients and moments double.
template <class Settings, class State, class Now, class Tell>
State run_session(const Settings& settings, const TrainingSet& set, State state, std::uint64_t hash,
                  const std::vector<Model State::*>& trained, const Session& session,
                  State (*train)(const Settings&, const TrainingSet&, State, const TrainControl<State, Now>&, int),
                  Tell&& tell) {
  if (session.resume) {
    expect_checkpoint(session.checkpoint);
    state = load_checkpoint(session.checkpoint, state, hash);
  }
  std::vector<const Model*> models;
  for (Model State::*m : trained) models.push_back(&(state.*m));
  tell_memory(models, settings.batch, set);
  Progress bar("train", settings.steps, "steps", state.step);
  TrainControl<State, Now> control;
  control.progress = [&](const Now& now) {
    const Told told = tell(now);
    bar.update(now.step, told.note);
    add_points(session.result.curves, now.step, now.steps, told);
  };
  control.checkpoint = [&](const State& s) { save_checkpoint(session.checkpoint, s, hash); };
  control.stop = &interrupted();
  control.quality = session.quality;
  state = train(settings, set, std::move(state), control, session.threads);
  session.result.steps = state.step;
  return state;
}

// The session whose trainings are judged by it.
Session judged(Session session, ShowerQuality& quality) {
  session.quality = std::ref(quality);
  return session;
}

Validation validation(const Recipe& r) { return {r.train.validation_events, r.train.evaluate_every, r.train.patience}; }

// The generator of a recipe's student: outputs as its teacher's, hidden widths as the budget allows. A flow is a
// teacher of standardised numbers.
GanSettings student_settings(const Recipe& r, const Preprocessing& p, const Model* teacher) {
  GanSettings s = gan_settings(r);
  if (teacher) s.heads = softmax_heads(*teacher);
  if (!teacher && (r.distill.feature_weight > 0 || r.distill.temperature != 1))
    std::fprintf(
        stderr,
        "quench: note: this generator has no teacher (distill.teacher): distill.feature_weight and temperature "
        "do nothing to it\n");
  if (r.distill.budget_bits == 0) return s;
  const int fixed = fixed_point(r).width, outputs = s.heads ? heads_width(*s.heads) : p.numbers.mean.columns();
  const SizeBudget budget{static_cast<std::int64_t>(r.distill.budget_bits), fixed ? fixed : r.compress.bits,
                          r.compress.sparsity};
  s.hidden = student_widths(s, outputs, budget);
  std::string widths;
  for (const int width : s.hidden) widths += (widths.empty() ? "" : ", ") + std::to_string(width);
  std::fprintf(stderr, "quench: note: distill.budget_bits %s: the student's hidden layers are [%s], %s bits\n",
               grouped(budget.bits).c_str(), widths.c_str(),
               grouped(student_bits(s, s.hidden, outputs, budget)).c_str());
  return s;
}

// A feed-forward generator that learns the teacher's outputs on the same latents. Its checkpoint lies beside the
// session's, which a flow fills before.
Model distilled(const Recipe& r, GanSettings student, const Preprocessing& p, const Model& teacher,
                const Session& session) {
  student.batch_norm = false;
  TuneSettings s;
  s.seed = r.seed, s.steps = r.distill.steps, s.batch = r.distill.batch, s.learning_rate = r.distill.learning_rate;
  s.latent_bits = r.compress.latent_bits, s.feature_weight = r.distill.feature_weight;
  s.temperature = r.distill.temperature;
  if (s.temperature != 1 && !student.heads)
    std::fprintf(
        stderr,
        "quench: note: distill.temperature %g changes nothing: outputs are compared by squared differences, and "
        "T^2 MSE(a/T, b/T) = MSE(a, b)\n",
        s.temperature);
  Model student_model = deploy(gan_generator(student, p), p);
  TuneState state = start_tune(teacher, student_model, s);
  const std::string checkpoint = session.checkpoint + ".distillation";
  const std::uint64_t hash = tune_hash(teacher, state, s);
  if (session.resume && r.model.family != "flow") expect_checkpoint(checkpoint);
  if (session.resume && exists(checkpoint)) state = load_checkpoint(checkpoint, state, hash);
  Progress bar("distill", s.steps, "steps", state.step);
  TuneControl control;
  control.checkpoint = [&](const TuneState& now) { save_checkpoint(checkpoint, now, hash); };
  control.checkpoint_every = r.train.checkpoint_every;
  control.progress = [&](std::int64_t step, std::int64_t, double difference) {
    bar.update(step, note(student.heads ? "divergence %.4f" : "mean square %.4f", difference));
  };
  control.stop = &interrupted();
  state = tune(teacher, std::move(state), s, control, session.threads);
  if (state.step < s.steps)
    fail("train: interrupted after ", state.step, " of ", s.steps,
         " steps of distillation; run the same command again (quench train and run: with --resume)");
  return with_core(std::move(student_model), state.average);
}

// A student of the outputs alone, whatever the family.
void train_student(const Recipe& r, const Data& data, const Session& session) {
  const Prepared p = prepare(r, data, session.threads);
  const GanSettings student = student_settings(r, p.preprocessing, &p.teacher);
  session.result.model = distilled(r, student, p.preprocessing, p.teacher, session);
  session.result.steps = r.distill.steps;
}

void train_gan_model(const Recipe& r, const Data& data, const Session& session) {
  const Prepared p = prepare(r, data, session.threads);
  const bool taught = !r.distill.teacher.empty();
  const GanSettings settings = student_settings(r, p.preprocessing, taught ? &p.teacher : nullptr);
  Trained& result = session.result;
  const Model teacher = settings.alpha > 0 ? generator_core(p.teacher) : Model();
  const std::string unit = settings.loss + " loss";
  result.curves = {{"critic", unit, {}, {}}, {"generator", unit, {}, {}}};
  ShowerQuality quality = shower_quality(r, data, p.preprocessing, session.threads);
  for (const TrainingCurve& curve : quality_curves(r)) result.curves.push_back(curve);
  const GanState state = run_session(
      settings, p.set, start_gan(settings, p.preprocessing, teacher),
      gan_hash(settings, p.preprocessing, p.set, teacher), {&GanState::generator, &GanState::critic},
      judged(session, quality), train_gan, [&](const GanProgress& now) {
        return Told{
            note("critic %.3f generator %.3f%s", now.critic_loss, now.generator_loss, quality_note(quality).c_str()),
            {now.critic_loss, now.generator_loss},
            evaluations(now.evaluated, quality)};
      });
  result.finished = ended(settings, state);
  if (!result.finished) return;
  result.model = deploy(trained_generator(settings, state, p.set, session.threads), p.preprocessing);
  if (!settings.spectral_norm) result.critic = state.critic;  // with it the weights are not those that are run
}

void train_flow_model(const Recipe& r, const Data& data, const Session& session) {
  const Prepared p = prepare(r, data, session.threads);
  const int width = p.set.numbers.columns(), layers = static_cast<int>(data.geometry.layers.size());
  if (r.distill.steps > 0 && r.model.latent != width)
    fail("model.latent is ", r.model.latent, "; a generator that learns from a flow of ", width, " numbers (",
         r.data.geometry, ") needs as many: set model.latent = ", width);
  const GanSettings student = student_settings(r, p.preprocessing, nullptr);
  Trained& result = session.result;
  const FlowState state = run_flow(flow_settings(r, r.flow.two_step ? layers : 0), p.set, &p.preprocessing.condition,
                                   session.checkpoint, session.resume, session.threads, result);
  if (!result.finished) return;
  result.density = trained_flow(state);
  result.flow = deploy(flow_sampling(*result.density), p.preprocessing);
  result.model = r.distill.steps > 0 ? distilled(r, student, p.preprocessing, *result.flow, session) : *result.flow;
}

VaeSettings vae_settings(const Recipe& r, const Geometry& geometry) {
  VaeSettings s;
  s.name = r.name, s.seed = r.seed;
  s.latent = r.model.latent, s.latent_bits = r.compress.latent_bits;
  s.hidden = r.model.hidden, s.activation = r.model.activation, s.batch_norm = r.model.batch_norm;
  if (r.vae.heads == "softmax") s.heads = SoftmaxSplit{geometry.layer_voxels()};
  s.quanta = r.vae.quanta;
  s.encoder_hidden = r.vae.encoder_hidden, s.beta = r.vae.beta, s.kl_warm_up = r.vae.kl_warm_up;
  s.steps = r.train.steps, s.batch = r.train.batch, s.learning_rate = r.train.learning_rate;
  s.beta1 = r.train.beta1, s.beta2 = r.train.beta2, s.average = r.train.average, s.decay_from = r.train.decay_from;
  s.validation = validation(r), s.checkpoint_every = r.train.checkpoint_every;
  return s;
}

void train_vae_model(const Recipe& r, const Data& data, const Session& session) {
  const VaeSettings settings = vae_settings(r, data.geometry);
  Prepared p = prepare(r, data, session.threads);
  if (settings.heads) p.set.heads = head_targets(p.preprocessing, data.training, session.threads);
  Trained& result = session.result;
  result.curves = {{"log likelihood of the showers", "nats", {}, {}}, {"divergence of the latents", "nats", {}, {}}};
  ShowerQuality quality = shower_quality(r, data, p.preprocessing, session.threads);
  for (const TrainingCurve& curve : quality_curves(r)) result.curves.push_back(curve);
  const VaeState state =
      run_session(settings, p.set, start_vae(settings, p.preprocessing), vae_hash(settings, p.preprocessing, p.set),
                  {&VaeState::encoder, &VaeState::decoder, &VaeState::likelihood}, judged(session, quality), train_vae,
                  [&](const VaeProgress& now) {
                    return Told{note("likelihood %.2f divergence %.2f%s", now.log_likelihood, now.divergence,
                                     quality_note(quality).c_str()),
                                {now.log_likelihood, now.divergence},
                                evaluations(now.evaluated, quality)};
                  });
  result.finished = ended(settings, state);
  if (result.finished)
    result.model = deploy(trained_generator(settings, state, p.set, session.threads), p.preprocessing);
}

}  // namespace

GanSettings gan_settings(const Recipe& r) {
  GanSettings s;
  s.name = r.name, s.seed = r.seed;
  s.latent = r.model.latent, s.latent_bits = r.compress.latent_bits;
  s.hidden = r.model.hidden, s.activation = r.model.activation, s.batch_norm = r.model.batch_norm;
  s.skip = r.model.skip;
  s.critic_hidden = r.model.critic_hidden, s.critic_occupancy = r.model.critic_occupancy;
  s.steps = r.train.steps, s.batch = r.train.batch;
  s.learning_rate = r.train.learning_rate, s.critic_learning_rate = r.train.critic_learning_rate;
  s.beta1 = r.train.beta1, s.beta2 = r.train.beta2, s.average = r.train.average, s.decay_from = r.train.decay_from;
  s.checkpoint_every = r.train.checkpoint_every;
  s.loss = r.train.loss, s.penalty = r.train.penalty, s.gradient_penalty = r.train.gradient_penalty;
  s.spectral_norm = r.train.spectral_norm, s.instance_noise = r.train.instance_noise;
  s.critic_steps = r.train.critic_steps, s.schedule = r.train.schedule;
  s.validation = validation(r);
  s.alpha = r.distill.alpha < 1 ? r.distill.alpha : 0;
  s.moments = {r.train.total_energy_weight, r.train.layer_energy_weight, r.train.sparsity_weight};
  return s;
}

FlowSettings flow_settings(const Recipe& r, int first_step) {
  FlowSettings s;
  s.name = r.name, s.seed = r.seed;
  s.coupling = coupling_from(r.flow.coupling), s.couplings = r.flow.couplings;
  s.bins = r.flow.bins, s.bound = r.flow.bound, s.hidden = r.flow.hidden, s.activation = r.model.activation;
  s.act_norm = r.flow.act_norm;
  s.first_step = first_step;
  s.steps = r.train.steps, s.batch = r.train.batch;
  s.learning_rate = r.train.learning_rate, s.beta1 = r.train.beta1, s.beta2 = r.train.beta2;
  s.average = r.train.average, s.decay_from = r.train.decay_from, s.warm_up = r.train.warm_up, s.clip = r.train.clip;
  s.validation = validation(r), s.checkpoint_every = r.train.checkpoint_every;
  return s;
}

FlowState run_flow(const FlowSettings& settings, const TrainingSet& set, const LogEnergy* condition,
                   const std::string& checkpoint, bool resume, int threads, Trained& result) {
  const std::string unit = "mean log density, nats";
  result.curves = {{"training events", unit, {}, {}}, {"validation events", unit, {}, {}}};
  FlowState state =
      run_session(settings, set, start_flow(settings, set, condition), flow_hash(settings, set), {&FlowState::density},
                  {checkpoint, resume, threads, result}, train_flow, [](const FlowProgress& now) {
                    return Told{note("log density %.3f", now.log_density),
                                {now.log_density},
                                now.evaluated ? std::vector<double>{now.validation} : std::vector<double>()};
                  });
  result.finished = ended(settings, state);
  return state;
}

std::string beside(const std::string& path, const std::string& what) {
  const bool onnx = path.size() > 5 && path.compare(path.size() - 5, 5, ".onnx") == 0;
  return (onnx ? path.substr(0, path.size() - 5) : path) + "." + what + ".onnx";
}

void save_trained(const Trained& trained, const Recipe& r, const std::string& path) {
  save_model(trained.model, path);
  if (trained.density) save_model(*trained.density, beside(path, "density"));
  if (trained.flow && r.distill.steps > 0) save_model(*trained.flow, beside(path, "flow"));
}

Trained train_model(const Recipe& r, const Data& data, const std::string& checkpoint, bool resume, int threads) {
  const auto start = std::chrono::steady_clock::now();
  const std::size_t name = checkpoint.find_last_of('/') + 1;  // 0 without a folder
  if (resume) remove_partials(checkpoint.substr(0, checkpoint.find('.', name)) + ".");
  Trained result;
  const auto train = !r.distill.teacher.empty() && r.distill.alpha == 1 ? train_student
                     : r.model.family == "flow"                         ? train_flow_model
                     : r.model.family == "vae"                          ? train_vae_model
                                                                        : train_gan_model;
  train(r, data, {checkpoint, resume, threads, result});
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

}  // namespace quench
