// quench inspect: what is in a model, a program or an event file.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstdio>

#include "codegen/emit.h"
#include "engine/compress/quantize.h"
#include "engine/core/files.h"
#include "engine/core/table.h"
#include "engine/tensor/npz.h"
#include "targets/command/models.h"
#include "targets/command/options.h"
#include "targets/command/verbs.h"
#include "targets/targets.h"

namespace quench {
namespace {

Json inspect_model(const Model& m) {
  Table table{{"layer", "kind", "inputs", "output", "weights", "non-zero"}, {}, {}};
  Json layers = Json::array();
  for (const Node& node : m.nodes) {
    std::string inputs;
    for (Value v : node.inputs) inputs += (inputs.empty() ? "" : " + ") + std::to_string(m.values[index(v)].width);
    std::int64_t all = 0, nonzero = 0;
    if (const auto* op = std::get_if<Linear>(&node.op)) {
      all = static_cast<std::int64_t>(op->weight.size());
      nonzero = all - std::count(op->weight.data.begin(), op->weight.data.end(), 0.0f);
    }
    const int width = m.values[index(node.output)].width;
    table.rows.push_back({node.name, type_name(node.op), inputs, std::to_string(width), all ? grouped(all) : "",
                          all ? grouped(nonzero) : ""});
    Json layer = Json::object();
    layer["name"] = node.name, layer["kind"] = type_name(node.op), layer["output_width"] = width;
    layer["weights"] = all, layer["nonzeros"] = nonzero;
    layers.push_back(layer);
  }
  Json out = Json::object();
  out["kind"] = "model", out["name"] = m.name, out["geometry"] = m.facts.geometry, out["latent"] = m.facts.latent;
  out["minimum_energy_mev"] = m.facts.minimum_energy_mev, out["maximum_energy_mev"] = m.facts.maximum_energy_mev;
  out["dense_float_bits"] = dense_float_bits(m), out["layers"] = layers;
  out["text"] =
      "model " + m.name + ", " + grouped(dense_float_bits(m)) + " bits as dense 32-bit floats\n\n" + table_text(table);
  return out;
}

// What the stored bits are for: by name, in the order of reading.
std::vector<std::pair<const char*, std::int64_t>> named_parts(const StoredBits& s) {
  return {{"weights", s.weights},         {"indices", s.indices}, {"biases", s.biases},
          {"multipliers", s.multipliers}, {"tables", s.tables},   {"numbers", s.numbers}};
}

Json parts_json(const StoredBits& s) {
  Json out = Json::object();
  for (const auto& [name, bits] : named_parts(s)) out[name] = bits;
  return out;
}

Json inspect_program(const Program& p) {
  const Plan layout = plan(p, find_target("host"), Encoding::smallest);
  Table table{{"layer", "what", "encoding", "bits"}, {}, {}}, parts{{"part", "bits", "of all"}, {}, {}};
  Json layers = Json::array();
  for (std::size_t i = 0; i < p.nodes.size(); ++i) {
    const std::int64_t bits = stored_bits(layout.layers[i]);
    const std::string what = describe(p, p.nodes[i], layout.layers[i]);
    table.rows.push_back({p.nodes[i].name, what, layout.layers[i].encoding, grouped(bits)});
    Json layer = Json::object();
    layer["name"] = p.nodes[i].name, layer["kind"] = type_name(p.nodes[i].op), layer["what"] = what;
    layer["encoding"] = layout.layers[i].encoding, layer["stored_bits"] = bits;
    layer["stored_parts"] = parts_json(stored_parts(layout.layers[i]));
    layers.push_back(layer);
  }
  for (const auto& [name, bits] : named_parts(layout.parts))
    parts.rows.push_back(
        {name, grouped(bits),
         rounded(100.0 * static_cast<double>(bits) / static_cast<double>(layout.stored_bits), 3) + " %"});
  const double ratio = static_cast<double>(p.original_bits) / static_cast<double>(layout.stored_bits);
  Json out = Json::object();
  out["kind"] = "program", out["name"] = p.name, out["geometry"] = p.geometry,
  out["energy_unit_mev"] = p.energy_unit_mev;
  out["stored_bits"] = layout.stored_bits, out["original_bits"] = p.original_bits, out["ratio"] = ratio;
  out["stored_parts"] = parts_json(layout.parts);
  out["ram_bytes"] = layout.ram_bytes, out["multiplications"] = layout.multiplications,
  out["nonzeros"] = layout.nonzeros;
  out["layers"] = layers;
  out["text"] = "program " + p.name + ": " + grouped(layout.stored_bits) + " bits stored, " +
                ratio_text(p.original_bits, layout.stored_bits) + " than " + grouped(p.original_bits) +
                " bits of dense floats; " + grouped(layout.ram_bytes) + " bytes of RAM, " + grouped(layout.nonzeros) +
                " of " + grouped(layout.multiplications) + " weights non-zero\n\n" + table_text(parts) + "\n" +
                table_text(table);
  return out;
}

Json inspect_events(const std::string& path) {
  const std::string bytes = read_file(path);
  Table table{{"array", "type", "shape", "smallest", "mean", "largest"}, {}, {}};
  Json arrays = Json::array();
  for (const NpzMember& member : parse_npz(Span<const char>(bytes.data(), bytes.size()), path)) {
    const Array array = parse_npy(member.bytes, path + ": " + member.name);
    const std::vector<double> values = to_doubles(array);
    std::string shape;
    for (std::int64_t d : array.shape) shape += (shape.empty() ? "" : " x ") + std::to_string(d);
    double low = 0, high = 0, sum = 0;
    for (double v : values) low = std::min(low, v), high = std::max(high, v), sum += v;
    if (!values.empty())
      low = *std::min_element(values.begin(), values.end()), high = *std::max_element(values.begin(), values.end());
    const double mean = values.empty() ? 0 : sum / static_cast<double>(values.size());
    table.rows.push_back({member.name, array.type, shape, rounded(low, 5), rounded(mean, 5), rounded(high, 5)});
    Json entry = Json::object();
    entry["name"] = member.name, entry["type"] = array.type, entry["shape"] = array.shape;
    arrays.push_back(entry);
  }
  Json out = Json::object();
  out["kind"] = "events", out["arrays"] = arrays, out["text"] = table_text(table);
  return out;
}

int inspect_verb(const Arguments& a) {
  const std::string& path = a.positionals[0];
  const bool events = path.size() > 4 && path.compare(path.size() - 4, 4, ".npz") == 0;
  Json out;
  if (events) {
    out = inspect_events(path);
  } else {
    const Generator g = load_generator(path);
    out = std::holds_alternative<Model>(g) ? inspect_model(std::get<Model>(g)) : inspect_program(std::get<Program>(g));
  }
  const std::string prose = std::get<std::string>(out["text"].value);
  if (!given(a, "--json")) {
    std::printf("%s", prose.c_str());
    return 0;
  }
  auto& members = std::get<JsonObject>(out.value);
  members.erase(std::remove_if(members.begin(), members.end(), [](const JsonMember& m) { return m.name == "text"; }),
                members.end());
  print(out);
  return 0;
}

}  // namespace

Command inspect_command() {
  return {{"inspect",
           "Shows what is in a model (.onnx), a program (.qprog) or an event file (.npz).",
           {{"FILE", "the file"}},
           {json_option()},
           ""},
          inspect_verb};
}

}  // namespace quench
