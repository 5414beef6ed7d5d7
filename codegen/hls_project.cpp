// The project files of a Vitis HLS user.
// SPDX-License-Identifier: MIT
#include "codegen/hls_testbench_writer.h"

namespace quench {
namespace {

std::string config(const std::string& name, const Target& target) {
  Writer w;
  w.line("# Configuration of v++ and vitis-run; the first line to change is the part.");
  w.line("# SPDX-License-Identifier: MIT-0");
  w.line("part=", target.part);
  w.line();
  w.line("[hls]");
  w.line("clock=", std::to_string(target.clock_ns), "ns");
  w.line("clock_uncertainty=15%");
  w.line("flow_target=vivado");
  w.line("syn.file=", name, ".cpp");
  w.line("syn.top=", name);
  w.line("tb.file=", name, "_tb.cpp");
  w.line("tb.file=data");
  w.line("package.output.format=ip_catalog");
  w.line("package.output.syn=false");
  w.line("csim.code_analyzer=0");
  return w.text();
}

std::string script(const std::string& name, const Target& target) {
  Writer w;
  w.line("# Simulates, synthesises, co-simulates and exports the kernel: vitis-run --mode hls --tcl run_hls.tcl");
  w.line("# SPDX-License-Identifier: MIT-0");
  w.line("open_component -reset ", name, "_component -flow_target vivado");
  w.line("add_files ", name, ".cpp");
  w.line("add_files -tb ", name, "_tb.cpp");
  w.line("add_files -tb data");
  w.line("set_top ", name);
  w.line("set_part ", target.part);
  w.line("create_clock -period ", std::to_string(target.clock_ns));
  w.line("csim_design");
  w.line("csynth_design");
  w.line("cosim_design");
  w.line("export_design -format ip_catalog");
  return w.text();
}

}  // namespace

Files hls_project(const std::string& name, const Target& target) {
  return {{"hls_config.cfg", config(name, target)}, {"run_hls.tcl", script(name, target)}};
}

}  // namespace quench
