// Chooses the emitter of a target.
// SPDX-License-Identifier: MIT
#include "codegen/emit.h"

#include <algorithm>
#include <sstream>

#include "codegen/embedded.h"
#include "engine/core/error.h"

namespace quench {
namespace {

std::string scales(const std::vector<double>& scale) {
  const auto [low, high] = std::minmax_element(scale.begin(), scale.end());
  std::ostringstream text;
  text.precision(4);
  text << "weight scales " << *low;
  if (*low != *high) text << " .. " << *high;
  return text.str();
}

}  // namespace

std::string describe(const Program& p, const QNode& node, const DeviceLayer& layer) {
  const QValue& out = p.values[index(node.output)];
  std::ostringstream text;
  text.precision(4);
  text << type_name(node.op) << " ";
  for (std::size_t i = 0; i < node.inputs.size(); ++i)
    text << (i ? " + " : "") << p.values[index(node.inputs[i])].length;
  text << " -> " << out.length;
  if (const auto* op = std::get_if<QLinear>(&node.op)) {
    const auto zero = std::count(op->weight.begin(), op->weight.end(), std::int16_t{0});
    const auto all = static_cast<std::int64_t>(op->weight.size());
    text << ", " << op->weight_bits << (op->weight_zero.empty() ? "-bit weights, " : "-bit affine weights, ")
         << layer.encoding << ", " << all - zero << " of " << all << " non-zero, " << scales(op->weight_scale)
         << ", accumulator " << op->accumulator_low << " .. " << op->accumulator_high;
  }
  if (const auto* op = std::get_if<QTable>(&node.op))
    text << ", " << op->function << ", error at most " << op->maximum_error << " codes";
  if (const auto* op = std::get_if<QSoftmax>(&node.op))
    text << ", " << op->part_begin.size() - 1 << " groups that sum to " << op->whole;
  if (const auto* op = std::get_if<QCoupling>(&node.op)) {
    text << (op->factor.value.empty() ? ", additive" : ", affine") << (op->inverse ? ", inverse" : "");
    text << ", columns " << op->begin << " .. " << op->begin + op->length - 1 << ", ";
    if (op->error == 0)
      text << "undone exactly";
    else
      text << "undone to within " << op->error << " codes";
  }
  if (out.meaning == Meaning::code)
    text << "; output codes " << out.low << " .. " << out.high << ", scale " << out.scale << ", zero " << out.zero;
  else
    text << "; output in units of " << p.energy_unit_mev << " MeV";
  return text.str();
}

void check_name(const std::string& name, const Target& target) {
  static const std::vector<EmbeddedFile> fixed{{"model.h", ""}};
  static const std::vector<EmbeddedFile> none;
  for (const auto* taken : {&fixed, &kernel_files, &hls_files, target.files ? target.files : &none})
    for (const EmbeddedFile& f : *taken)
      if (f.name == name + ".h" || f.name == name + ".cpp")
        fail("target ", target.name, ": the program's name ", name, " is taken by the file ", f.name,
             "; choose another name");
}

Files emit(const Program& p, const Target& target, Encoding encoding) {
  check(p);
  check_name(p.name, target);
  const Plan layout = plan(p, target, encoding);
  Files files = target.emitter == Emitter::hls ? emit_hls(p, layout, target) : emit_embedded(p, layout, target);
  if (target.files)
    for (const EmbeddedFile& f : *target.files) files[std::string(f.name)] = f.text;
  return files;
}

}  // namespace quench
