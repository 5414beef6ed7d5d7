// Static C++14 for hosts and microcontrollers: constants, calls of the shipped kernels, and a self-test.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <set>
#include <sstream>

#include "codegen/emit.h"
#include "codegen/writer.h"
#include "engine/core/json.h"
#include "engine/kernels/crc.h"

namespace quench {
namespace {

constexpr int self_test_events = 3;

const char* suffix(const std::string& type) { return type == "uint32_t" ? "u" : ""; }

// Writes the tables of a layer under the layer's name and returns the struct's initialiser.
std::string declare_tables(const std::vector<DeviceField>& fields, const std::string& prefix, Writer& w) {
  std::string initialiser;
  for (const DeviceField& f : fields) {
    const std::string id = prefix + "_" + f.name;
    std::string item;
    if (f.kind == DeviceField::Kind::group) {
      item = declare_tables(f.members, id, w);
    } else if (f.kind == DeviceField::Kind::scalar) {
      item = std::to_string(f.values[0]) + suffix(f.type);
    } else if (f.values.empty()) {
      item = "nullptr";
    } else if (!f.shared.empty()) {
      item = f.shared;
    } else {
      w.table("const " + f.type + " " + id + "[" + std::to_string(f.values.size()) + "] QUENCH_TABLE", f.values,
              suffix(f.type));
      item = id;
    }
    initialiser += (initialiser.empty() ? "" : ", ") + item;
  }
  return "{" + initialiser + "}";
}

// crc = ... over the tables and numbers of a layer, in the order of encode/constants_crc.
void check_constants(const std::vector<DeviceField>& fields, const std::string& member, Writer& w) {
  for (const DeviceField& f : fields) {
    const std::string path = member + "." + f.name;
    if (f.kind == DeviceField::Kind::group)
      check_constants(f.members, path, w);
    else if (f.kind == DeviceField::Kind::scalar)
      w.line("crc = crc_word(crc, static_cast<uint32_t>(", path, "));");
    else if (!f.values.empty())
      w.line("crc = crc_table(crc, ", path, ", ", f.values.size(), ");");
  }
}

// What an arena is an array of: its buffers' type when they share one, else the unsigned type of the width.
std::string arena_type(const Plan& plan, std::size_t arena) {
  std::string type;
  for (const Buffer& b : plan.buffers) {
    if (static_cast<std::size_t>(b.arena) != arena) continue;
    if (!type.empty() && type != b.type) return "uint" + std::to_string(8 * plan.arenas[arena].element_bytes) + "_t";
    type = b.type;
  }
  return type;
}

std::string arena_name(const Plan& plan, const Buffer& b) {
  return "arena" + std::to_string(8 * plan.arenas[static_cast<std::size_t>(b.arena)].element_bytes);
}

struct Names {  // how the generated code calls a value
  const Program& p;

  std::string operator()(ValueId v) const {
    if (v == p.output) return "out";
    const bool input = std::count(p.inputs.begin(), p.inputs.end(), v) > 0;
    return (input ? "in_" : "") + p.values[index(v)].name;
  }
};

// The buffers under their values' names.
void name_buffers(const Program& p, const Plan& plan, Writer& w) {
  for (const Buffer& b : plan.buffers) {
    const std::string place = arena_name(plan, b) + " + " + std::to_string(b.offset);
    const bool same = b.type == arena_type(plan, static_cast<std::size_t>(b.arena));
    w.line(b.type, "* const ", p.values[index(b.value)].name, " = ",
           same ? place : "reinterpret_cast<" + b.type + "*>(" + place + ")", ";");
  }
}

// Parameters of the run function: the inputs that the program really has.
std::string parameters(const Program& p) {
  std::string text;
  for (ValueId v : p.inputs) {
    const QValue& value = p.values[index(v)];
    if (value.meaning == Meaning::event)
      text += "uint64_t seed, uint64_t index, ";
    else if (value.meaning == Meaning::energy)
      text += "uint32_t energy, ";
    else
      text += std::string("const ") + c_type(value) + " in_" + value.name + "[" + std::to_string(value.length) + "], ";
  }
  const QValue& out = p.values[index(p.output)];
  return text + c_type(out) + " out[" + std::to_string(out.length) + "]";
}

std::string function_name(const Program& p) {
  const bool shower = p.values[index(p.output)].meaning == Meaning::energy;
  return shower ? "next_event" : "infer";
}

std::string header(const Program& p, const Plan& plan, const Target& target) {
  const QValue& out = p.values[index(p.output)];
  Writer w;
  w.line("// ", p.name, ": a quench program for target ", target.name, ".");
  w.line("// SPDX-License-Identifier: MIT-0");
  w.line("#pragma once");
  w.line("#include <stdint.h>");
  w.line();
  w.line("namespace ", p.name, " {");
  w.line();
  w.line("constexpr int32_t layers = ", p.nodes.size(), ";");
  w.line("constexpr int32_t outputs = ", out.length, ";");
  w.line("typedef ", c_type(out), " output_type;");
  w.line("constexpr int32_t multiplications = ", plan.multiplications, ";  // of the dense network");
  w.line("constexpr int32_t nonzeros = ", plan.nonzeros, ";");
  w.line("constexpr int32_t constant_bytes = ", plan.constant_bytes, ";  // weights, tables and parameters in flash");
  w.line("constexpr int32_t ram_bytes = ", plan.ram_bytes, ";  // static; the stack holds no buffers");
  w.line("constexpr double energy_unit_mev = ", number_text(p.energy_unit_mev), ";");
  if (out.meaning == Meaning::code) {
    w.line("constexpr double output_scale = ", number_text(out.scale), ";");
    w.line("constexpr int32_t output_zero = ", out.zero, ";");
  }
  w.line();
  if (out.meaning == Meaning::energy)
    w.line("// Event `index` of `seed`: voxel energies for an incident energy, both in units of energy_unit_mev.");
  else
    w.line("// Output codes; the real value is (code - output_zero) * output_scale.");
  w.line("void ", function_name(p), "(", parameters(p), ");");
  w.line();
  w.line("// The same for the example inputs of event `index` (energies spread over the model's range).");
  w.line("void example_event(uint64_t seed, uint64_t index, output_type out[", out.length, "]);");
  w.line();
  w.line(
      "// Checks every constant, then every layer's output on known events; -1 when all is well, otherwise the first "
      "layer that");
  w.line("// differs. `out` is overwritten. Run it once after flashing.");
  w.line("int32_t self_test(output_type out[", out.length, "]);");
  w.line("const char* layer_name(int32_t layer);");
  w.line();
  w.line("}  // namespace ", p.name);
  return w.text();
}

void memory_map(const Program& p, const Plan& plan, Writer& w) {
  w.line("// Memory: ", plan.constant_bytes, " bytes of constants, ", plan.ram_bytes, " bytes of RAM.");
  for (const Buffer& b : plan.buffers)
    w.line("//   ", arena_name(plan, b), " + ", b.offset, " .. ", b.offset + b.length - 1, ": ",
           p.values[index(b.value)].name, " (", b.type, "), alive from layer ", b.first, " to ", b.last);
  for (std::size_t i = 0; i < plan.arenas.size(); ++i)
    if (plan.arenas[i].length)
      w.line("alignas(4) ", arena_type(plan, i), " arena", 8 * plan.arenas[i].element_bytes, "[", plan.arenas[i].length,
             "];");
  w.line();
}

void constants(const Program& p, const Plan& plan, Writer& w) {
  for (std::size_t i = 0; i < p.nodes.size(); ++i) {
    const QNode& node = p.nodes[i];
    w.line("// Layer ", i, ", ", node.name, ": ", describe(p, node, plan.layers[i]));
    const std::string initialiser = declare_tables(plan.layers[i].fields, node.name, w);
    w.line("const ", plan.layers[i].kernel, " ", node.name, "_layer = ", initialiser, ";");
    w.line();
  }
}

void run_layers(const Program& p, const Plan& plan, Writer& w) {
  const Names name{p};
  std::string arguments;
  for (ValueId v : p.inputs) arguments += std::string("const ") + c_type(p.values[index(v)]) + "* " + name(v) + ", ";
  w.line("// All layers in order; with crc, also the checksum of each layer's output.");
  auto body = w.block("void run_layers(", arguments, "output_type* out, uint32_t* crc)");
  name_buffers(p, plan, w);
  for (std::size_t i = 0; i < p.nodes.size(); ++i) {
    const QNode& node = p.nodes[i];
    std::string call = "run(" + node.name + "_layer";
    for (ValueId v : node.inputs) call += ", " + name(v);
    w.line(call, ", ", name(node.output), ");");
    w.line("if (crc) crc[", i, "] = crc_values(0, ", name(node.output), ", ", p.values[index(node.output)].length,
           ");");
  }
}

// Locals that turn the run function's parameters into the layers' inputs, and the call's arguments.
std::string unpack(const Program& p, Writer& w) {
  const Names name{p};
  std::string arguments;
  for (ValueId v : p.inputs) {
    const QValue& value = p.values[index(v)];
    if (value.meaning == Meaning::event)
      w.line("const uint32_t ", name(v),
             "[4] = {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32), "
             "static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32)};");
    arguments += value.meaning == Meaning::event    ? name(v) + ", "
                 : value.meaning == Meaning::energy ? "&energy, "
                                                    : name(v) + ", ";
  }
  return arguments;
}

void run_function(const Program& p, Writer& w) {
  auto body = w.block("void ", function_name(p), "(", parameters(p), ")");
  const std::string arguments = unpack(p, w);
  w.line("run_layers(", arguments, "out, nullptr);");
}

// example(seed, index, out, crc): run_layers on the inputs of codegen's example_inputs.
void example(const Program& p, Writer& w) {
  const Names name{p};
  auto body = w.block("void example(uint64_t seed, uint64_t index, output_type* out, uint32_t* crc)");
  w.line(
      "const uint32_t event[4] = {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32), "
      "static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32)};");
  std::string arguments;
  bool features = false;
  for (ValueId v : p.inputs) {
    const QValue& value = p.values[index(v)];
    if (value.meaning == Meaning::event) {
      arguments += "event, ";
    } else if (value.meaning == Meaning::energy) {
      const ExampleEnergies e = example_energies(p);
      w.line("const uint64_t mixed = static_cast<uint32_t>(index * 2654435761u);");
      w.line("const uint32_t energy = ", e.low, "u + static_cast<uint32_t>((", e.span, "u * mixed) >> 32);");
      arguments += "&energy, ";
    } else {
      if (!features) w.line("Xoshiro128 features = noise_state(event, 0x66656174u);");
      features = true;
      w.line(c_type(value), " ", name(v), "[", value.length, "];");
      auto loop = w.block("for (int32_t i = 0; i < ", value.length, "; ++i)");
      w.line(name(v), "[i] = static_cast<", c_type(value), ">(", value.low, " + static_cast<int32_t>((",
             value.high - value.low + 1, "u * uint64_t{next(features)}) >> 32));");
      arguments += name(v) + ", ";
    }
  }
  w.line("run_layers(", arguments, "out, crc);");
}

void self_test(const Program& p, const Plan& plan, Writer& w) {
  std::vector<std::int64_t> constants_expected, outputs_expected;
  for (const DeviceLayer& layer : plan.layers) constants_expected.push_back(constants_crc(layer));
  for (int event = 0; event < self_test_events; ++event) {
    const std::vector<Words> values = run_values(p, example_inputs(p, 1, static_cast<std::uint64_t>(event)));
    for (const QNode& node : p.nodes) {
      const Words& v = values[index(node.output)];
      outputs_expected.push_back(crc_values(0, v.data(), static_cast<std::int32_t>(v.size())));
    }
  }
  w.table("const uint32_t constants_expected[layers] QUENCH_TABLE", constants_expected, "u");
  w.line("// Outputs of events 0 .. ", self_test_events - 1, " of seed 1, layer by layer.");
  w.table("const uint32_t outputs_expected[" + std::to_string(self_test_events) + " * layers] QUENCH_TABLE",
          outputs_expected, "u");
  w.line();
  {
    auto body = w.block("uint32_t constants_crc(int32_t layer)");
    w.line("uint32_t crc = 0;");
    {
      auto choice = w.block("switch (layer)");
      for (std::size_t i = 0; i < p.nodes.size(); ++i) {
        w.line("case ", i, ":");
        check_constants(plan.layers[i].fields, p.nodes[i].name + "_layer", w);
        w.line("break;");
      }
      w.line("default:");
      w.line("break;");
    }
    w.line("return crc;");
  }
}

void self_test_function(Writer& w) {
  auto body = w.block("int32_t self_test(output_type out[outputs])");
  {
    auto loop = w.block("for (int32_t i = 0; i < layers; ++i)");
    w.line("if (constants_crc(i) != load(constants_expected, i)) return i;");
  }
  w.line("uint32_t crc[layers];");
  {
    auto loop = w.block("for (int32_t event = 0; event < ", self_test_events, "; ++event)");
    w.line("example(1, static_cast<uint64_t>(event), out, crc);");
    w.line("for (int32_t i = 0; i < layers; ++i)");
    w.line("  if (crc[i] != load(outputs_expected, event * layers + i)) return i;");
  }
  w.line("return -1;");
}

std::string source(const Program& p, const Plan& plan, const Target& target, const std::set<std::string>& kernels) {
  Writer w;
  w.line("// ", p.name, ": layers and constants for target ", target.name,
         "; every layer's integers equal the host's.");
  w.line("// SPDX-License-Identifier: MIT-0");
  w.line("#include \"", p.name, ".h\"");
  w.line();
  for (const std::string& kernel : kernels) w.line("#include \"", kernel, "\"");
  w.line();
  w.line("using namespace quench;");
  w.line();
  w.line("namespace ", p.name, " {");
  w.line("namespace {");
  w.line();
  memory_map(p, plan, w);
  constants(p, plan, w);
  run_layers(p, plan, w);
  w.line();
  example(p, w);
  w.line();
  self_test(p, plan, w);
  w.line();
  w.line("}  // namespace");
  w.line();
  run_function(p, w);
  w.line();
  w.line(
      "void example_event(uint64_t seed, uint64_t index, output_type out[outputs]) { example(seed, index, out, "
      "nullptr); }");
  w.line();
  self_test_function(w);
  w.line();
  {
    auto body = w.block("const char* layer_name(int32_t layer)");
    {
      auto names = w.initialiser("static const char* const names[layers]");
      for (const QNode& node : p.nodes) w.line("\"", node.name, "\",");
    }
    w.line("return layer >= 0 && layer < layers ? names[layer] : \"none\";");
  }
  w.line();
  w.line("}  // namespace ", p.name);
  return w.text();
}

// The kernels that `file` includes, and so on.
void add_kernel(const std::string& file, Files& files) {
  const auto kernel =
      std::find_if(kernel_files.begin(), kernel_files.end(), [&](const EmbeddedFile& f) { return f.name == file; });
  if (kernel == kernel_files.end() || !files.insert({file, std::string(kernel->text)}).second) return;
  std::istringstream text{files[file]};
  for (std::string line; std::getline(text, line);)
    if (line.rfind("#include \"", 0) == 0) add_kernel(line.substr(10, line.rfind('"') - 10), files);
}

}  // namespace

Files emit_embedded(const Program& p, const Plan& plan, const Target& target) {
  std::set<std::string> kernels{"crc.h", "noise.h"};
  for (const DeviceLayer& layer : plan.layers) kernels.insert(layer.header);
  Files files{{p.name + ".h", header(p, plan, target)}, {p.name + ".cpp", source(p, plan, target, kernels)}};
  files["model.h"] =
      "// The generated model under a fixed name, for the mains that come with a target.\n"
      "// SPDX-License-Identifier: MIT-0\n#pragma once\n#include \"" +
      p.name + ".h\"\nnamespace model = " + p.name + ";\n";
  add_kernel("LICENSE", files);
  for (const std::string& kernel : kernels) add_kernel(kernel, files);
  return files;
}

}  // namespace quench
