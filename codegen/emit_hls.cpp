// C++ for high-level synthesis: a kernel with exact widths, a testbench that can fail, and the project files.
// SPDX-License-Identifier: MIT
#include <algorithm>

#include "codegen/emit.h"
#include "codegen/hls_layer.h"
#include "codegen/hls_testbench_writer.h"
#include "codegen/writer.h"
#include "engine/core/error.h"
#include "engine/core/json.h"
#include "engine/core/text.h"

namespace quench {
namespace {

struct Consumer {  // who reads a value: a layer's operand, or the kernel's output
  std::size_t layer, operand;
  bool is_output;
};

struct Dataflow {
  const Program& p;
  const std::vector<HlsLayer>& layers;
  std::vector<std::vector<Consumer>> consumers;  // by value; of layers that reach the output only
  std::vector<std::size_t> producer;             // by value: 0 for inputs, layer + 1 otherwise

  // The array through which a consumer reads: each has exactly one writer and one reader.
  std::string channel(ValueId v, std::size_t consumer) const {
    const std::vector<Consumer>& all = consumers[index(v)];
    if (all[consumer].is_output) return "out";
    return (all.size() == 1 ? "value_" : "copy" + std::to_string(consumer) + "_") + p.values[index(v)].name;
  }
  std::string written(ValueId v) const {
    return consumers[index(v)].size() == 1 ? channel(v, 0) : "value_" + p.values[index(v)].name;
  }
  std::string read(std::size_t layer, std::size_t operand) const {
    const ValueId v = p.nodes[layer].inputs[operand];
    const std::vector<Consumer>& all = consumers[index(v)];
    const auto self = std::find_if(all.begin(), all.end(), [&](const Consumer& c) {
      return !c.is_output && c.layer == layer && c.operand == operand;
    });
    return channel(v, static_cast<std::size_t>(self - all.begin()));
  }
  bool is_live(ValueId v) const { return !consumers[index(v)].empty(); }
};

Dataflow dataflow_of(const Program& p, const std::vector<HlsLayer>& layers) {
  Dataflow d{p, layers, std::vector<std::vector<Consumer>>(p.values.size()), std::vector<std::size_t>(p.values.size())};
  d.consumers[index(p.output)].push_back({0, 0, true});
  for (std::size_t i = p.nodes.size(); i-- > 0;) {
    d.producer[index(p.nodes[i].output)] = i + 1;
    if (!d.is_live(p.nodes[i].output)) continue;
    for (std::size_t k = 0; k < p.nodes[i].inputs.size(); ++k)
      d.consumers[index(p.nodes[i].inputs[k])].push_back({i, k, false});
  }
  for (std::vector<Consumer>& all : d.consumers) std::reverse(all.begin(), all.end());
  return d;
}

std::string type(const QValue& v) { return "type_" + v.name; }

// Parameters of the kernel; given the dataflow, those that no layer reads stay without a name.
std::string parameters(const Program& p, const Dataflow* d) {
  std::string text;
  const std::string scope = p.name + "_hls::";
  for (ValueId v : p.inputs) {
    const QValue& value = p.values[index(v)];
    const auto name = [&](const std::string& n) { return d && !d->is_live(v) ? "" : " " + n; };
    if (value.meaning == Meaning::event)
      text += "uint64_t" + name("seed") + ", uint64_t" + name("index") + ", ";
    else if (value.meaning == Meaning::energy)
      text += "uint32_t" + name("energy") + ", ";
    else
      text += "const " + scope + type(value) + name("in_" + value.name) + "[" + std::to_string(value.length) + "], ";
  }
  const QValue& out = p.values[index(p.output)];
  return text + scope + type(out) + " out[" + std::to_string(out.length) + "]";
}

void write_facts(const Program& p, const Plan& plan, const std::vector<HlsLayer>& layers, Writer& w) {
  std::int64_t steps = 0, multipliers = 0;
  for (const HlsLayer& layer : layers) steps = std::max(steps, layer.steps), multipliers += layer.multipliers;
  const QValue& out = p.values[index(p.output)];
  w.line("constexpr int32_t layers = ", p.nodes.size(), ";");
  w.line("constexpr int32_t outputs = ", out.length, ";");
  w.line("constexpr int32_t multiplications = ", plan.multiplications, ";  // of the dense network");
  w.line("constexpr int32_t nonzeros = ", plan.nonzeros, ";");
  w.line("constexpr int32_t multipliers = ", multipliers, ";  // products formed in one step, all layers together");
  w.line("constexpr int32_t interval_steps = ", steps,
         ";  // of the slowest layer: how often an event can start, at best");
  w.line("constexpr double energy_unit_mev = ", number_text(p.energy_unit_mev), ";");
  if (out.meaning != Meaning::code) return;
  w.line("constexpr double output_scale = ", number_text(out.scale),
         ";  // real value = (code - output_zero) * output_scale");
  w.line("constexpr int32_t output_zero = ", out.zero, ";");
}

std::string header(const Program& p, const Plan& plan, const Target& target, const std::vector<HlsLayer>& layers) {
  const QValue& out = p.values[index(p.output)];
  Writer w;
  w.line("// ", p.name, ": a quench program for target ", target.name, "; the kernel's types and its top function.");
  w.line("// SPDX-License-Identifier: MIT-0");
  w.line("#pragma once");
  w.line("#include \"hls_integers.h\"");
  w.line();
  w.line("namespace ", p.name, "_hls {");
  w.line();
  w.line("using quench::Signed;");
  w.line("using quench::Unsigned;");
  w.line();
  w.line("// Values between layers: exact widths.");
  for (const QValue& v : p.values) {
    if (v.meaning == Meaning::code)
      w.line("typedef ", exact_type({v.low, v.high}), " ", type(v), ";  // ", v.length, " codes ", v.low, " .. ",
             v.high);
    else
      w.line("typedef uint32_t ", type(v), ";  // ", v.length,
             v.meaning == Meaning::event ? " words of the event's number" : " energies");
  }
  w.line();
  write_facts(p, plan, layers, w);
  w.line();
  w.line("}  // namespace ", p.name, "_hls");
  w.line();
  if (out.meaning == Meaning::energy)
    w.line("// Event `index` of `seed`: voxel energies for an incident energy, all in units of energy_unit_mev.");
  else
    w.line("// Output codes; the real value is (code - output_zero) * output_scale.");
  w.line("void ", p.name, "(", parameters(p, nullptr), ");");
  return w.text();
}

// Rows of lanes, each in its own braces.
void write_rows(const HlsConstant& c, Writer& w) {
  const std::size_t lanes = static_cast<std::size_t>(c.lanes);
  const std::size_t rows = c.values.size() / lanes;
  auto body = w.initialiser("static const ", c.type, " ", c.name, "[", rows, "][", lanes, "]");
  for (std::size_t r = 0; r < rows; ++r) {
    std::string line = "{";
    for (std::size_t l = 0; l < lanes; ++l) {
      line += std::to_string(c.values[r * lanes + l]) + (l + 1 == lanes ? "}" : ", ");
      if (line.size() < 100 || l + 1 == lanes) continue;
      w.line(line.substr(0, line.size() - 1));
      line = " ";
    }
    w.line(line, r + 1 == rows ? "" : ",");
  }
}

void write_constant(const HlsConstant& c, Writer& w) {
  const char* suffix = c.type == "uint32_t" ? "u" : "";
  const std::string head = "static const " + c.type + " " + c.name;
  if (c.lanes > 1) {
    write_rows(c, w);
  } else if (c.lanes == 1) {
    w.table(head + "[" + std::to_string(c.values.size()) + "]", c.values, suffix);
  } else {
    w.line(head, " = ", c.values[0], suffix, ";");
  }
}

// Text that already has its lines.
void write_text(const std::string& text, Writer& w) {
  std::size_t begin = 0;
  for (std::size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1)
    w.line(text.substr(begin, end - begin));
}

std::string layers_header(const Program& p, const Plan& plan, const std::vector<HlsLayer>& layers) {
  Writer w;
  w.line("// Layers of ", p.name,
         ": constants, exact widths and schedules; every layer's integers equal the reference's.");
  w.line("// SPDX-License-Identifier: MIT-0");
  w.line("#pragma once");
  w.line("#include \"", p.name, ".h\"");
  w.line("#include \"noise.h\"");
  w.line();
  w.line("namespace ", p.name, "_hls {");
  for (std::size_t i = 0; i < p.nodes.size(); ++i) {
    w.line();
    w.line("// Layer ", i, ", ", p.nodes[i].name, ": ", describe(p, p.nodes[i], plan.layers[i]));
    for (const HlsConstant& c : layers[i].constants) write_constant(c, w);
    if (!layers[i].constants.empty()) w.line();
    write_text(layers[i].functions, w);
  }
  w.line();
  w.line("}  // namespace ", p.name, "_hls");
  return w.text();
}

// read_x: an argument of the kernel becomes a layer's input.
void write_reader(const Program& p, ValueId id, Writer& w) {
  const QValue& v = p.values[index(id)];
  const std::string out = type(v) + " y[" + std::to_string(v.length) + "]";
  if (v.meaning == Meaning::event) {
    auto body = w.block("static void read_", v.name, "(uint64_t seed, uint64_t index, ", out, ")");
    w.line("y[0] = static_cast<uint32_t>(seed & 4294967295u);");
    w.line("y[1] = static_cast<uint32_t>(seed >> 32);");
    w.line("y[2] = static_cast<uint32_t>(index & 4294967295u);");
    w.line("y[3] = static_cast<uint32_t>(index >> 32);");
    return;
  }
  const std::string in =
      v.meaning == Meaning::energy ? "uint32_t x" : "const " + type(v) + " x[" + std::to_string(v.length) + "]";
  auto body = w.block("static void read_", v.name, "(", in, ", ", out, ")");
  auto loop = w.block("for (int i = 0; i < ", v.length, "; ++i)");
  w.line("#pragma HLS PIPELINE II=1");
  w.line("y[i] = x", v.meaning == Meaning::energy ? ";" : "[i];");
}

// fork_x: one value for several readers.
void write_fork(const Dataflow& d, ValueId id, Writer& w) {
  const QValue& v = d.p.values[index(id)];
  const std::string length = "[" + std::to_string(v.length) + "]";
  std::string text = "static void fork_" + v.name + "(const " + type(v) + " x" + length;
  for (std::size_t i = 0; i < d.consumers[index(id)].size(); ++i)
    text += ", " + type(v) + " y" + std::to_string(i) + length;
  auto body = w.block(text, ")");
  auto loop = w.block("for (int i = 0; i < ", v.length, "; ++i)");
  w.line("#pragma HLS PIPELINE II=1");
  for (std::size_t i = 0; i < d.consumers[index(id)].size(); ++i) w.line("y", i, "[i] = x[i];");
}

void write_interfaces(const Dataflow& d, Writer& w) {
  const auto port = [&](const char* mode, const std::string& name) {
    w.line("#pragma HLS INTERFACE mode=", mode, " port=", name);
  };
  for (ValueId id : d.p.inputs) {
    const QValue& v = d.p.values[index(id)];
    if (!d.is_live(id)) continue;
    if (v.meaning == Meaning::event)
      port("ap_none", "seed"), port("ap_none", "index");
    else if (v.meaning == Meaning::energy)
      port("ap_none", "energy");
    else
      port("ap_memory", "in_" + v.name);
  }
  port("ap_memory", "out");
  port("ap_ctrl_chain", "return");
}

void declare_channel(const Dataflow& d, ValueId id, std::size_t consumer, Writer& w) {
  const QValue& v = d.p.values[index(id)];
  const Consumer& c = d.consumers[index(id)][consumer];
  const std::string name = d.channel(id, consumer);
  w.line("::", d.p.name, "_hls::", type(v), " ", name, "[", v.length, "];");
  const int reads = d.layers[c.layer].reads_per_step[c.operand];
  if (v.length <= 4)
    w.line("#pragma HLS ARRAY_PARTITION variable=", name, " type=complete dim=1");
  else if (reads > 1)
    w.line("#pragma HLS ARRAY_PARTITION variable=", name, " type=cyclic factor=", reads, " dim=1");
  const std::size_t depth =
      c.layer + 2 - d.producer[index(id)];  // a value that overtakes layers waits in a longer queue
  if (depth > 2) w.line("#pragma HLS STREAM variable=", name, " type=pipo depth=", depth);
}

// Channel arrays of a value, then the call that fills them from its written array.
void write_channels(const Dataflow& d, ValueId id, Writer& w) {
  const std::vector<Consumer>& all = d.consumers[index(id)];
  if (all.size() > 1)
    w.line("::", d.p.name, "_hls::", type(d.p.values[index(id)]), " ", d.written(id), "[", d.p.values[index(id)].length,
           "];");
  for (std::size_t c = 0; c < all.size(); ++c)
    if (!all[c].is_output) declare_channel(d, id, c, w);
}

void write_fork_call(const Dataflow& d, ValueId id, Writer& w) {
  const std::vector<Consumer>& all = d.consumers[index(id)];
  if (all.size() < 2) return;
  std::string arguments = d.written(id);
  for (std::size_t c = 0; c < all.size(); ++c) arguments += ", " + d.channel(id, c);
  w.line(d.p.name, "_hls::fork_", d.p.values[index(id)].name, "(", arguments, ");");
}

template <class F>
void live_values(const Dataflow& d, F&& f) {
  for (std::size_t v = 0; v < d.consumers.size(); ++v)
    if (!d.consumers[v].empty()) f(ValueId{static_cast<std::uint32_t>(v)});
}

void write_kernel(const Program& p, const Dataflow& d, Writer& w) {
  auto body = w.block("void ", p.name, "(", parameters(p, &d), ")");
  write_interfaces(d, w);
  w.line("#pragma HLS DATAFLOW");
  live_values(d, [&](ValueId v) { write_channels(d, v, w); });
  for (ValueId id : p.inputs) {
    const QValue& v = p.values[index(id)];
    if (!d.is_live(id)) continue;
    const std::string argument = v.meaning == Meaning::event    ? "seed, index"
                                 : v.meaning == Meaning::energy ? "energy"
                                                                : "in_" + v.name;
    w.line(p.name, "_hls::read_", v.name, "(", argument, ", ", d.written(id), ");");
    write_fork_call(d, id, w);
  }
  for (std::size_t i = 0; i < p.nodes.size(); ++i) {
    if (!d.is_live(p.nodes[i].output)) continue;
    std::string arguments;
    for (std::size_t k = 0; k < p.nodes[i].inputs.size(); ++k) arguments += d.read(i, k) + ", ";
    w.line(p.name, "_hls::layer_", p.nodes[i].name, "(", arguments, d.written(p.nodes[i].output), ");");
    write_fork_call(d, p.nodes[i].output, w);
  }
}

std::string source(const Program& p, const Dataflow& d) {
  Writer w;
  w.line("// ", p.name, ": the kernel, one process a layer, joined by buffers of one writer and one reader.");
  w.line("// SPDX-License-Identifier: MIT-0");
  w.line("#include \"", p.name, "_layers.h\"");
  w.line();
  w.line("namespace ", p.name, "_hls {");
  w.line();
  for (ValueId v : p.inputs)
    if (d.is_live(v)) write_reader(p, v, w), w.line();
  live_values(d, [&](ValueId v) {
    if (d.consumers[index(v)].size() > 1) write_fork(d, v, w), w.line();
  });
  w.line("}  // namespace ", p.name, "_hls");
  w.line();
  write_kernel(p, d, w);
  return w.text();
}

}  // namespace

Files emit_hls(const Program& p, const Plan& plan, const Target& target) {
  if (!is_identifier(p.name) || p.name == "main" || p.name == "quench" || p.name == "std")
    fail("target ", target.name, ": a function cannot be named ", p.name, "; choose another name for the program");
  std::vector<HlsLayer> layers;
  for (std::size_t i = 0; i < p.nodes.size(); ++i) layers.push_back(hls_layer(p, p.nodes[i], plan.layers[i]));
  Files files = hls_testbench(p, layers);
  files[p.name + ".h"] = header(p, plan, target, layers);
  files[p.name + "_layers.h"] = layers_header(p, plan, layers);
  files[p.name + ".cpp"] = source(p, dataflow_of(p, layers));
  for (const auto& [path, text] : hls_project(p.name, target)) files[path] = text;
  const auto ship = [&](const std::vector<EmbeddedFile>& from, std::initializer_list<const char*> names) {
    for (const EmbeddedFile& f : from)
      if (std::find(names.begin(), names.end(), f.name) != names.end() && !files.emplace(f.name, f.text).second)
        fail("target ", target.name, ": the program's name ", p.name, " is taken by the file ", f.name,
             "; choose another name");
  };
  ship(kernel_files, {"noise.h", "load.h", "crc.h", "LICENSE"});
  ship(hls_files, {"hls_integers.h", "hls_testbench.h"});
  return files;
}

}  // namespace quench
