// The testbench of a generated kernel and the data that it reads.
// SPDX-License-Identifier: MIT
#pragma once
#include "codegen/emit.h"
#include "codegen/hls_layer.h"

namespace quench {

// <name>_tb.cpp and data/: golden events of every value, probes of every layer, checksums of every constant.
Files hls_testbench(const Program&, const std::vector<HlsLayer>&);

// hls_config.cfg and run_hls.tcl.
Files hls_project(const std::string& name, const Target&);

}  // namespace quench
