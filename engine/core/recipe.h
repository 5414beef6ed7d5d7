// The recipe: everything a run can be told, as plain values with defaults, read from TOML and printed back.
// SPDX-License-Identifier: MIT
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace quench {

// What each field means, its range and its choices stand beside it in fields() (recipe.cpp), nowhere else.
struct Recipe {
  struct Data {
    std::string source = "simulation", geometry = "rings-10x5", particle = "electron";
    int events = 140000;
    double minimum_gev = 1, maximum_gev = 100, threshold_mev = -1;
    int validation_events = 20000;
    double validation_fraction = 0.25;
    double test_fraction = 0.2;
    std::vector<std::string> columns = {"*"};
  };
  struct Model {
    std::string family = "gan";
    int latent = 99;
    std::vector<int> hidden = {256, 512};
    std::string activation = "relu";
    bool batch_norm = true, skip = false, critic_occupancy = false;
    std::vector<int> critic_hidden = {512, 256};
  };
  struct Train {
    int steps = 20000, batch = 256;
    double learning_rate = 5e-4, critic_learning_rate = 5e-4, beta1 = 0.5, beta2 = 0.99, average = 0.999;
    double decay_from = 0.4;
    int checkpoint_every = 1000;
    int warm_up = 200;
    double clip = 20;
    int validation_events = 0, evaluate_every = 500, patience = 0;
    std::string loss = "least-squares", penalty = "none";
    double gradient_penalty = 0;
    bool spectral_norm = false;
    double instance_noise = 0;
    int critic_steps = 1;
    std::string schedule = "cosine";
    double total_energy_weight = 0, layer_energy_weight = 0, sparsity_weight = 0;
  };
  struct Flow {
    std::string coupling = "affine";
    int couplings = 8, bins = 8;
    double bound = 5;
    std::vector<int> hidden = {128, 128};
    bool act_norm = false, two_step = false, asinh = false;
  };
  struct Vae {
    std::vector<int> encoder_hidden = {512, 256};
    double beta = 1;
    int kl_warm_up = 2000;
    std::string heads = "normal";
    int quanta = 300;
  };
  struct Distill {
    std::string teacher;
    int steps = 0, batch = 512;
    double learning_rate = 2e-3, alpha = 1, feature_weight = 0, temperature = 1;
    std::uint64_t budget_bits = 0;
  };
  struct Compress {
    int bits = 8, activation_bits = 8, output_bits = 16, latent_bits = 8;
    double sparsity = 0.8;
    std::string scope = "layer", scales = "free", granularity = "channel", multiplier = "wide", fixed_point;
    int calibration_events = 4096, tune_steps = 4000, tune_batch = 512;
    double tune_learning_rate = 1e-3;
    int quantized_tune_steps = 0;
    double alpha = 1, table_tolerance = 0.02, dead_zone = 0;
    std::vector<std::string> stages = {"*"};
    std::string layer_bits, layer_fixed_point, layer_sparsity;
    std::string encoding = "smallest";
    std::string calibration = "min-max";
    double percentile = 99.99;
    bool symmetric = true, symmetric_weights = true;
    std::string weight_range = "largest", rounding = "nearest";
    bool bias_correction = false, equalise = false, restandardise = false;
    std::string occupancy = "none";
    std::string prune = "magnitude", pattern, schedule = "at-once";
  };
  struct Evaluate {
    int events = 20000;
    std::string binning = "automatic";
    int classifier_seeds = 1;
    int mixture = 10, mixture_starts = 5;
  };
  struct Generate {
    std::vector<std::string> targets = {"host", "cortex-m4", "vitis-hls"};
    double energy_unit_mev = 0.0009765625;  // 2^-10
  };

  std::string name = "shower";
  std::uint64_t seed = 1;
  Data data;
  Model model;
  Train train;
  Flow flow;
  Vae vae;
  Distill distill;
  Compress compress;
  Evaluate evaluate;
  Generate generate;
};

bool operator==(const Recipe&, const Recipe&);

// Reads TOML over the defaults and checks it. Unknown keys and tables, wrong types and values out of range fail with
// "file:line:column: key: ...", the numbers and the nearest known key. `file` is the name for messages.
Recipe parse_recipe(std::string_view toml, const std::string& file);
Recipe load_recipe(const std::string& path);

// One "KEY=VALUE" of --set: data.events=5000, data.particle=photon, model.hidden=[64,64], generate.targets=host,avr.
// Strings need no quotes. check_recipe() is the caller's when all are set: two settings may only fit together. `option`
// is what messages blame.
void set_field(Recipe&, const std::string& key_is_value, const std::string& option = "--set");

// What no single field can say: minimum below maximum energy and the like. Fails with the keys and the numbers.
void check_recipe(const Recipe&, const std::string& where);

// Complete TOML that parses back to the same recipe; `explained`: with range and meaning as comments.
std::string print_recipe(const Recipe&, bool explained = false);

// 64-bit FNV-1a of the printed fields of these sections ("" is the top: name, seed); empty list: of everything.
std::uint64_t recipe_hash(const Recipe&, const std::vector<std::string>& sections = {});

// For --help: every key with its default, range and meaning.
std::string recipe_help();

// The fixed-point format of compress.fixed_point "W,I" (ap_fixed<W, I>); {0, 0} when it is "".
struct FixedPoint {
  int width = 0, integer = 0;
};
FixedPoint fixed_point(const Recipe&);

// compress.layer_fixed_point: "LAYER=W,I", separated by semicolons: of the layer's weights and outputs.
std::map<std::string, FixedPoint> layer_fixed_point(const Recipe&);

// compress.layer_bits: "LAYER=BITS" or "LAYER=BITS/OUTPUT_BITS", separated by commas; output bits 0: as all others.
struct LayerBits {
  int bits = 0, output_bits = 0;
};
std::map<std::string, LayerBits> layer_bits(const Recipe&);

// compress.layer_sparsity: "LAYER=FRACTION", separated by commas.
std::map<std::string, double> layer_sparsity(const Recipe&);

// Of every `of` weights `keep` stay: compress.pattern "N:M"; {0, 0} when it is "".
struct SparsePattern {
  int keep = 0, of = 0;
};
SparsePattern sparse_pattern(const Recipe&);

}  // namespace quench
