// Tests of the recipe: defaults, every key by itself, ranges, messages, printing and hashing.
// SPDX-License-Identifier: MIT
#include "engine/core/recipe.h"

#include <doctest/doctest.h>

#include <sstream>

#include "engine/core/error.h"

using quench::Recipe;

namespace {

std::string error_of(const std::string& text) {
  try {
    quench::parse_recipe(text, "recipe.toml");
  } catch (const quench::Error& error) {
    return error.what();
  }
  return "no error";
}

std::string set_error(const std::string& setting) {
  Recipe recipe;
  try {
    quench::set_field(recipe, setting);
  } catch (const quench::Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("an empty recipe is the defaults") {
  const Recipe r = quench::parse_recipe("", "recipe.toml");
  CHECK(r == Recipe());
  CHECK(r.data.events == 140000);
  CHECK(r.model.hidden == std::vector<int>{256, 512});
  CHECK(r.train.learning_rate == 5e-4);
  CHECK(r.compress.sparsity == 0.8);
  CHECK(r.generate.energy_unit_mev == 1.0 / 1024);
  CHECK(r.seed == 1);
}

TEST_CASE("values land in their members") {
  const Recipe r = quench::parse_recipe(
      "name = \"mine\"\nseed = 9223372036854775807\n"
      "[data]\nsource = 'events.npz'\nminimum_gev = 2\nparticle = \"photon\"\n"
      "[model]\nhidden = [64, 32,]\nbatch_norm = false\n"
      "[compress]\noutput_bits = 12\nfixed_point = \"16,-2\"\n"
      "[generate]\ntargets = [\"avr\"]\n",
      "recipe.toml");
  CHECK(r.name == "mine");
  CHECK(r.seed == 9223372036854775807u);
  CHECK(r.data.source == "events.npz");
  CHECK(r.data.minimum_gev == 2);
  CHECK(r.data.particle == "photon");
  CHECK(r.model.hidden == std::vector<int>{64, 32});
  CHECK_FALSE(r.model.batch_norm);
  CHECK(r.compress.output_bits == 12);
  CHECK(quench::fixed_point(r).width == 16);
  CHECK(quench::fixed_point(r).integer == -2);
  CHECK(quench::fixed_point(Recipe()).width == 0);
  CHECK(r.generate.targets == std::vector<std::string>{"avr"});
  CHECK(quench::parse_recipe("data.events = 7", "recipe.toml").data.events == 7);
}

TEST_CASE("what is printed reads back to the same recipe, with and without comments") {
  Recipe r;
  r.name = "other";
  r.seed = 77;
  r.data.source = "a \"b\"\\\n\xc3\xa9";
  r.data.minimum_gev = 0.1;
  r.data.maximum_gev = 1e3;
  r.data.threshold_mev = 0;
  r.model.critic_hidden = {1};
  r.model.batch_norm = false;
  r.train.beta1 = 0;
  r.train.average = 0.9999999999999999;
  r.compress.fixed_point = "16,8";
  r.generate.targets = {"a", "b,c"};
  for (const bool explained : {false, true}) {
    const std::string text = quench::print_recipe(r, explained);
    CHECK(quench::parse_recipe(text, "recipe.toml") == r);
    CHECK(quench::print_recipe(quench::parse_recipe(text, "recipe.toml"), explained) == text);
  }
  CHECK_FALSE(r == Recipe());
}

TEST_CASE("every printed key can be set alone, and changes the hash of its section only") {
  std::istringstream lines(quench::print_recipe(Recipe()));
  std::string line, section;
  int keys = 0;
  while (std::getline(lines, line)) {
    if (line.empty()) continue;
    if (line[0] == '[') {
      section = line.substr(1, line.size() - 2);
      continue;
    }
    ++keys;
    const std::size_t equals = line.find(" = ");
    const std::string key = (section.empty() ? "" : section + ".") + line.substr(0, equals);
    Recipe r;
    CAPTURE(key);
    quench::set_field(r, key + "=" + line.substr(equals + 3));
    CHECK(r == Recipe());
  }
  CHECK(keys == 109);

  Recipe r;
  r.generate.targets = {"host"};
  CHECK(quench::recipe_hash(r) != quench::recipe_hash(Recipe()));
  CHECK(quench::recipe_hash(r, {"generate"}) != quench::recipe_hash(Recipe(), {"generate"}));
  CHECK(quench::recipe_hash(r, {"", "data", "model", "train"}) ==
        quench::recipe_hash(Recipe(), {"", "data", "model", "train"}));
  r.seed = 2;
  CHECK(quench::recipe_hash(r, {""}) != quench::recipe_hash(Recipe(), {""}));
}

TEST_CASE("fixed-point formats of single layers") {
  Recipe r;
  CHECK(quench::layer_fixed_point(r).empty());
  quench::set_field(r, "compress.layer_fixed_point=hidden2=8,2; numbers=12,-4");
  const std::map<std::string, quench::FixedPoint> own = quench::layer_fixed_point(r);
  REQUIRE(own.size() == 2);
  CHECK(own.at("hidden2").width == 8);
  CHECK(own.at("hidden2").integer == 2);
  CHECK(own.at("numbers").width == 12);
  CHECK(own.at("numbers").integer == -4);
  const auto compress = [](const std::string& keys) { return error_of("[compress]\n" + keys); };
  for (const char* bad : {"a", "=8,2", "a=8", "a=1,1", "a=17,2", "a=8,33", "a=8,-17", "a=8,2,b=8,2", "a=8,2;a=8,3"}) {
    CAPTURE(bad);
    CHECK(compress(std::string("fixed_point = \"16,8\"\nlayer_fixed_point = \"") + bad + "\"")
              .find("compress.layer_fixed_point: ") == 0);
  }
  CHECK(compress("layer_fixed_point = \"a=8,2\"").find("set compress.scales = \"power-of-two\"") != std::string::npos);
  CHECK(compress("scales = \"power-of-two\"\nlayer_fixed_point = \"a=8,2\"") == "no error");
  CHECK(compress("fixed_point = \"16,8\"\nlayer_bits = \"a=8\"").find("layer_fixed_point") != std::string::npos);
}

TEST_CASE("settings that would do nothing are refused") {
  const auto compress = [](const std::string& keys) { return error_of("[compress]\n" + keys); };
  CHECK(compress("multiplier = \"shift\"").find("set compress.scales = \"power-of-two\"") != std::string::npos);
  CHECK(compress("multiplier = \"shift\"\nscales = \"power-of-two\"") == "no error");
  CHECK(compress("prune = \"neurons\"\nlayer_sparsity = \"a=0.5\"").find("leave it out") != std::string::npos);
  CHECK(compress("prune = \"blocks\"\nlayer_sparsity = \"a=0.5\"") == "no error");
  CHECK(compress("quantized_tune_steps = 9\ndead_zone = 0.8").find("pruned already") != std::string::npos);
  CHECK(compress("quantized_tune_steps = 9\ndead_zone = 0.8\nsparsity = 0.5") == "no error");
  CHECK(compress("percentile = 99").find("is for compress.calibration percentile, which is min-max") !=
        std::string::npos);
  CHECK(compress("percentile = 99\ncalibration = \"percentile\"") == "no error");
  CHECK(compress("multiplier = \"narrow\"") == "no error");
  for (const char* format : {"scales = \"power-of-two\"", "fixed_point = \"16,8\""})
    CHECK(compress(std::string("multiplier = \"narrow\"\n") + format).find("need no multiplier") != std::string::npos);
  CHECK(compress("fixed_point = \"16,8\"\nbits = 3").find("which are 3 and 8") != std::string::npos);
  CHECK(compress("scales = \"power-of-two\"\nlayer_bits = \"a=4\"\nlayer_fixed_point = \"a=8,2\"")
            .find("layer a has bits in compress.layer_bits and a format") != std::string::npos);
  const std::string taught = "[distill]\nteacher = \"t.onnx\"\n";
  CHECK(error_of(taught + "alpha = 0.5") == "no error");
  CHECK(error_of(taught + "alpha = 0.5\nsteps = 9").find("train.steps is what counts") != std::string::npos);
  CHECK(error_of(taught + "alpha = 0.5\ntemperature = 4").find("in which a temperature cancels") != std::string::npos);
  CHECK(error_of("[model]\nfamily = \"flow\"\n[distill]\nsteps = 9\nfeature_weight = 1")
            .find("last hidden values, which a flow has not") != std::string::npos);
}

TEST_CASE("bits of single layers") {
  Recipe r;
  CHECK(quench::layer_bits(r).empty());
  quench::set_field(r, "compress.layer_bits=hidden2=4/6,numbers=8");
  const std::map<std::string, quench::LayerBits> own = quench::layer_bits(r);
  REQUIRE(own.size() == 2);
  CHECK(own.at("hidden2").bits == 4);
  CHECK(own.at("hidden2").output_bits == 6);
  CHECK(own.at("numbers").bits == 8);
  CHECK(own.at("numbers").output_bits == 0);
  CHECK(error_of("[compress]\nlayer_bits = \"a=4,b=5,a=6\"") ==
        "compress.layer_bits: layer a is named twice; remove one of the two");
  quench::set_field(r, "compress.layer_sparsity=hidden2=0.9,numbers=0");
  CHECK(quench::layer_sparsity(r) == std::map<std::string, double>{{"hidden2", 0.9}, {"numbers", 0}});
  for (const char* bad : {"hidden2", "=0.4", "a=1", "a=-0.1", "a=nan", "a=0.5x", "a=.1,,b=.1"})
    CHECK(error_of(std::string("[compress]\nlayer_sparsity = \"") + bad + "\"").find("compress.layer_sparsity: ") == 0);
  for (const char* bad : {"hidden2", "=4", "a=1", "a=17", "a=4/", "a=4/1", "a=4/6x", "a=4;b=4", "a=4,,b=4"}) {
    CAPTURE(bad);
    CHECK(error_of(std::string("[compress]\nlayer_bits = \"") + bad + "\"").find("compress.layer_bits: ") == 0);
  }
}

TEST_CASE("unknown keys and tables name the nearest one") {
  CHECK(error_of("[data]\nevnets = 5") == "recipe.toml:2:1: unknown key \"data.evnets\": did you mean data.events?");
  CHECK(error_of("\n  latent = 5") == "recipe.toml:2:3: unknown key \"latent\": did you mean model.latent?");
  CHECK(error_of("[date]") == "recipe.toml:1:1: unknown table [date]: did you mean data?");
  CHECK(error_of("[data.x]\n").find("recipe.toml:1:1: unknown table [data.x]") == 0);
  CHECK(error_of("data = 5") == "recipe.toml:1:1: data is a table: write [data] and its keys below");
  CHECK(error_of("quantum_gravity = 1") == "recipe.toml:1:1: unknown key \"quantum_gravity\"");
  CHECK(error_of("seed.x = 1").find("recipe.toml:1:1: unknown key") == 0);
}

TEST_CASE("compression: settings that exclude each other are refused with their numbers") {
  const auto compress = [](const std::string& text) { return error_of("[compress]\n" + text); };
  CHECK(compress("prune = \"n:m\"\npattern = \"2:4\"\nsparsity = 0.5") == "no error");
  CHECK(compress("prune = \"n:m\"\nsparsity = 0.5") ==
        "recipe.toml: compress.prune n:m needs compress.pattern, for instance 2:4");
  CHECK(compress("pattern = \"2:4\"") ==
        "recipe.toml: compress.pattern 2:4 is for compress.prune n:m, which is magnitude");
  CHECK(compress("prune = \"n:m\"\npattern = \"1:4\"") ==
        "recipe.toml: compress.pattern 1:4 gives sparsity 0.75, compress.sparsity is 0.8: set it to 0.75");
  for (const std::string wrong : {"2", "4:2", "0:4", "2:4x", "2:2", "a:b"})
    CHECK(compress("prune = \"n:m\"\npattern = \"" + wrong + "\"").find("\"N:M\" with 1 <= N < M <= 64") !=
          std::string::npos);
  CHECK(compress("prune = \"wanda\"\nscope = \"global\"").find("compress.scope global compares") != std::string::npos);
  CHECK(compress("schedule = \"cubic\"") == "no error");
  CHECK(compress("schedule = \"cubic\"\ntune_steps = 0").find("compress.tune_steps 0") != std::string::npos);
  CHECK(compress("schedule = \"cubic\"\nprune = \"obc\"").find("compress.prune is obc") != std::string::npos);
  CHECK(compress("fixed_point = \"16,8\"\nrounding = \"gptq\"") == "no error");
  for (const std::string scale :
       {"calibration = \"mse\"", "weight_range = \"mse\"", "symmetric = false", "symmetric_weights = false"})
    CHECK(compress("fixed_point = \"16,8\"\n" + scale).find("fixes every scale") != std::string::npos);
  for (const std::string solved : {"rounding = \"gptq\"", "weight_range = \"mse\"", "bias_correction = true"})
    CHECK(compress("quantized_tune_steps = 5\n" + solved).find("learns codes and scales") != std::string::npos);
  CHECK(compress("percentile = 50").find("above 50 .. 100") != std::string::npos);
}

TEST_CASE("wrong types and values out of range") {
  CHECK(error_of("[data]\nevents = \"5\"") ==
        "recipe.toml:2:10: data.events: a string was given, an integer is needed");
  CHECK(error_of("[data]\nevents = 1e5") ==
        "recipe.toml:2:10: data.events: a number was given, an integer is needed: write 100000");
  CHECK(error_of("[data]\nevents = 0") == "recipe.toml:2:10: data.events: 0 is out of range: 1 .. 1000000000");
  CHECK(error_of("[data]\nevents = 9223372036854775807").find("is out of range") != std::string::npos);
  CHECK(error_of("seed = -1") == "recipe.toml:1:8: seed: -1 is out of range: 0 .. 9223372036854775807");
  CHECK(error_of("[compress]\nsparsity = 1") == "recipe.toml:2:12: compress.sparsity: 1 is out of range: 0 .. below 1");
  CHECK(error_of("[compress]\nsparsity = 0") == "no error");
  CHECK(error_of("[train]\nlearning_rate = 0") ==
        "recipe.toml:2:17: train.learning_rate: 0 is out of range: above 0 .. 1");
  CHECK(error_of("[model]\nhidden = [64, 0]") == "recipe.toml:2:15: model.hidden: 0 is out of range: 1 .. 65536");
  CHECK(error_of("[model]\nhidden = []").find("has 0 items") != std::string::npos);
  CHECK(error_of("[model]\nhidden = 5") ==
        "recipe.toml:2:10: model.hidden: an integer was given, an array is needed: [...]");
  CHECK(error_of("[model]\nbatch_norm = 1").find("true or false is needed") != std::string::npos);
  CHECK(error_of("[data]\nparticle = \"photn\"") ==
        "recipe.toml:2:12: data.particle: \"photn\" is not one of \"electron\" | \"photon\": did you mean photon?");
  CHECK(error_of("[data]\nparticle = 1").find("a string is needed: \"electron\" | \"photon\"") != std::string::npos);
  CHECK(error_of("[data]\nsource = \"\"") == "recipe.toml:2:10: data.source: is empty");
  CHECK(error_of("name = \"class\"").find("recipe.toml:1:8: name: \"class\" cannot name generated code") == 0);
  for (const char* bad : {"16", "16,", ",8", "16;8", "16,8x", "17,8", "1,1", "16,33"}) {
    CAPTURE(bad);
    CHECK(error_of(std::string("[compress]\nfixed_point = \"") + bad + "\"").find("recipe.toml:2:15: ") == 0);
  }
}

TEST_CASE("values that must fit together") {
  CHECK(error_of("[data]\nminimum_gev = 5\nmaximum_gev = 5") ==
        "recipe.toml: data.minimum_gev 5 must be below data.maximum_gev 5");
  CHECK(error_of("[data]\nthreshold_mev = -0.5").find("-0.5 is neither -1") != std::string::npos);
  CHECK(error_of("[generate]\nenergy_unit_mev = 1e-6").find("more than the 4294967295") != std::string::npos);
  CHECK(error_of("[train]\nloss = \"wasserstein\"") ==
        "recipe.toml: train.loss wasserstein needs a critic of bounded slope: set train.penalty = \"wgan-gp\" with "
        "train.gradient_penalty = 10, or train.spectral_norm = true");
  CHECK(error_of("[train]\nloss = \"wasserstein\"\nspectral_norm = true") == "no error");
  CHECK(error_of("[train]\nloss = \"wasserstein\"\npenalty = \"wgan-gp\"\ngradient_penalty = 10") == "no error");
  CHECK(error_of("[train]\ngradient_penalty = 5") ==
        "recipe.toml: train.gradient_penalty 5 weighs nothing: set train.penalty to wgan-gp or r1");
  CHECK(error_of("[train]\npenalty = \"r1\"") ==
        "recipe.toml: train.penalty r1 has weight 0: set train.gradient_penalty above 0, for instance to 10");
  CHECK(error_of("[generate]\ntargets = [\"avr\", \"host\", \"avr\"]").find("avr twice") != std::string::npos);
}

TEST_CASE("--set takes bare words, lists and TOML values") {
  Recipe r;
  quench::set_field(r, "data.particle=photon");
  quench::set_field(r, "data.source=a=b.npz");
  quench::set_field(r, "model.hidden=64,32");
  quench::set_field(r, "model.critic_hidden=[8]");
  quench::set_field(r, "generate.targets=host,avr");
  quench::set_field(r, "train.batch=2");
  quench::set_field(r, "compress.fixed_point=");
  CHECK(r.data.particle == "photon");
  CHECK(r.data.source == "a=b.npz");
  CHECK(r.model.hidden == std::vector<int>{64, 32});
  CHECK(r.model.critic_hidden == std::vector<int>{8});
  CHECK(r.generate.targets == std::vector<std::string>{"host", "avr"});
  CHECK(r.train.batch == 2);
  CHECK(set_error("data.evnts=5") == "--set data.evnts=5: unknown key data.evnts: did you mean data.events?");
  CHECK(set_error("data.events=0") == "--set: data.events: 0 is out of range: 1 .. 1000000000");
  CHECK(set_error("data.events=5x").find("--set data.events:1:1: ") == 0);
  CHECK(set_error("data.events").find("KEY=VALUE") != std::string::npos);
  CHECK(set_error("=5").find("KEY=VALUE") != std::string::npos);
  CHECK(set_error("model.hidden=64,,32").find("--set model.hidden") == 0);
}

TEST_CASE("the help lists every key once") {
  const std::string help = quench::recipe_help();
  for (const char* key : {"\nname ", "\ndata.events ", "\ncompress.encoding ", "\ngenerate.energy_unit_mev "}) {
    CAPTURE(key);
    CHECK(help.find(key) != std::string::npos);
    CHECK(help.find(key) == help.rfind(key));
  }
}
