// Writes the testbench of a generated kernel: every layer by itself, the whole kernel, every constant.
// SPDX-License-Identifier: MIT
#include "codegen/hls_testbench_writer.h"

#include "codegen/hls_data.h"
#include "engine/kernels/crc.h"

namespace quench {
namespace {

std::string quoted(const std::string& s) { return "\"" + s + "\""; }

std::string rows(const std::string& file, std::size_t count, std::int64_t columns) {
  return "read_rows(b, " + quoted(file) + ", " + std::to_string(count) + ", " + std::to_string(columns) + ")";
}

std::string golden(const QValue& v, std::size_t events) { return rows("value_" + v.name + ".dat", events, v.length); }

// run_x: a row of inputs -> a row of outputs.
void write_adaptor(const Program& p, const QNode& node, Writer& w) {
  auto body = w.block("Row run_", node.name, "(const Row& in)");
  std::int64_t begin = 0;
  std::string arguments;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    const QValue& v = p.values[index(node.inputs[i])];
    w.line("static type_", v.name, " x", i, "[", v.length, "];");
    w.line("unpack(in, ", begin, ", x", i, ");");
    begin += v.length;
    arguments += "x" + std::to_string(i) + ", ";
  }
  const QValue& out = p.values[index(node.output)];
  w.line("static type_", out.name, " y[", out.length, "];");
  w.line("layer_", node.name, "(", arguments, "y);");
  w.line("return pack(y);");
}

void write_layer_checks(const Program& p, const std::vector<std::size_t>& probes, std::size_t events, Writer& w) {
  auto body = w.block("void check_layers(Bench& b)");
  for (std::size_t i = 0; i < p.nodes.size(); ++i) {
    const QNode& node = p.nodes[i];
    std::string operands;
    std::int64_t inputs = 0;
    for (ValueId v : node.inputs) {
      operands += (operands.empty() ? "" : ", ") + golden(p.values[index(v)], events);
      inputs += p.values[index(v)].length;
    }
    const QValue& out = p.values[index(node.output)];
    const std::string head = quoted(node.name) + ", run_" + node.name + ", ";
    w.line("check_events(b, ", head, "{", operands, "}, ", golden(out, events), ");");
    w.line("check_probes(b, ", head, rows("probes_" + node.name + ".dat", probes[i], inputs + out.length), ", ", inputs,
           ");");
  }
}

void write_kernel_check(const Program& p, std::size_t events, Writer& w) {
  const QValue& out = p.values[index(p.output)];
  auto body = w.block("void check_kernel(Bench& b)");
  std::string arguments;
  for (ValueId id : p.inputs) {
    const QValue& v = p.values[index(id)];
    w.line("const std::vector<Row> rows_", v.name, " = ", golden(v, events), ";");
    if (v.meaning == Meaning::code) w.line("static type_", v.name, " in_", v.name, "[", v.length, "];");
  }
  w.line("const std::vector<Row> expected = ", golden(out, events), ";");
  w.line("static type_", out.name, " out[", out.length, "];");
  auto loop = w.block("for (std::size_t event = 0; event < expected.size(); ++event)");
  for (ValueId id : p.inputs) {
    const QValue& v = p.values[index(id)];
    const std::string row = "rows_" + v.name + "[event]";
    if (v.meaning == Meaning::event)
      arguments += "word64(" + row + ", 0), word64(" + row + ", 2), ";
    else if (v.meaning == Meaning::energy)
      arguments += "static_cast<uint32_t>(" + row + "[0]), ";
    else
      w.line("unpack(", row, ", 0, in_", v.name, ");"), arguments += "in_" + v.name + ", ";
  }
  w.line("::", p.name, "(", arguments, "out);");
  w.line("compare(b, ", quoted(p.name + " (all layers)"), ", \"event\", event, pack(out), expected[event]);");
  w.line("++b.events;");
}

void write_constant_checks(const Program& p, const std::vector<HlsLayer>& layers, std::size_t count, Writer& w) {
  auto body = w.block("void check_constants(Bench& b)");
  if (count == 0) {
    w.line("b.constants = 0;");
    return;
  }
  w.line("const std::vector<Row> expected = ", rows("constants.dat", count, 1), ";");
  for (std::size_t i = 0; i < layers.size(); ++i)
    for (const HlsConstant& c : layers[i].constants)
      w.line("check_constant(b, ", quoted(p.nodes[i].name), ", ", quoted(c.name), ", checksum(", c.name,
             "), expected);");
}

void write_main(const Program& p, Writer& w) {
  auto body = w.block("int main(int argc, char** argv)");
  w.line(p.name, "_hls::Bench b = {argc > 1 ? argv[1] : \"data\", 0, 0, 0, 0};");
  {
    auto attempt = w.block("try");
    for (const char* part : {"layers", "kernel", "constants"}) w.line(p.name, "_hls::check_", part, "(b);");
  }
  {
    auto caught = w.block("catch (const std::exception& error)");
    w.line("std::printf(\"%s\\n\", error.what());");
    w.line("return 1;");
  }
  w.line("std::printf(\"PASS: ", p.nodes.size(),
         " layers, %lld events, %lld probes, %lld numbers, %lld constants\\n\", b.events, "
         "b.probes, b.numbers, b.constants);");
  w.line("return 0;");
}

std::string constants_text(const std::vector<HlsLayer>& layers, std::size_t& count) {
  std::string text =
      "# CRC-32 of every constant, in the order of the layers file; each element counts as one 32-bit word\n";
  for (const HlsLayer& layer : layers)
    for (const HlsConstant& c : layer.constants) {
      std::uint32_t crc = 0;
      for (std::int64_t v : c.values) crc = crc_word(crc, static_cast<std::uint32_t>(v));
      text += std::to_string(crc) + "\n";
      ++count;
    }
  return text;
}

}  // namespace

Files hls_testbench(const Program& p, const std::vector<HlsLayer>& layers) {
  Files files;
  std::size_t constants = 0;
  files["data/constants.dat"] = constants_text(layers, constants);
  const std::vector<GoldenEvent> events = golden_events(p);
  const std::vector<std::string> texts = golden_texts(p, events);
  for (std::size_t v = 0; v < texts.size(); ++v) files["data/value_" + p.values[v].name + ".dat"] = texts[v];
  std::vector<std::size_t> probes;
  for (const QNode& node : p.nodes) {
    const std::vector<std::vector<Words>> inputs = probe_inputs(p, node);
    probes.push_back(inputs.size());
    files["data/probes_" + node.name + ".dat"] = probe_text(p, node, inputs);
  }

  Writer w;
  w.line("// Testbench of ", p.name,
         ": compares every layer and the kernel with the reference; 0 means that every integer is equal.");
  w.line("// SPDX-License-Identifier: MIT-0");
  w.line("#include \"", p.name, "_layers.h\"");
  w.line();
  w.line("#include <cstdio>");
  w.line();
  w.line("#include \"hls_testbench.h\"");
  w.line();
  w.line("namespace ", p.name, "_hls {");
  w.line();
  w.line("using namespace quench;");
  w.line();
  for (const QNode& node : p.nodes) {
    write_adaptor(p, node, w);
    w.line();
  }
  w.line("// Every layer alone: golden events, then probes.");
  write_layer_checks(p, probes, events.size(), w);
  w.line();
  write_kernel_check(p, events.size(), w);
  w.line();
  write_constant_checks(p, layers, constants, w);
  w.line();
  w.line("}  // namespace ", p.name, "_hls");
  w.line();
  write_main(p, w);
  files[p.name + "_tb.cpp"] = w.text();
  return files;
}

}  // namespace quench
