// QEMU plugin that counts executed instructions, in total and per function, between two addresses of the guest.
// SPDX-License-Identifier: MIT
//
// -plugin ./icount.so,begin=0xADDRESS,end=0xADDRESS,out=FILE writes at the end of the guest, one line each:
//   program N           instructions of the whole run
//   region I N          the I-th stretch from one execution of `begin` (counted) to the next of `end` (not)
//   region I N          stretch I, from one execution of `begin` (counted) to the next of `end` (not)
// The numbers are exact and the same in every run as long as the guest reads no clock.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "tests/machines/qemu_plugin.h"

namespace {

struct Function {
  uint64_t executed = 0;   // by the whole run: the emulated code itself adds to it
  uint64_t at_begin = 0;   // `executed` when the current region began
  uint64_t in_regions = 0;
};

struct State {
  uint64_t executed = 0, at_begin = 0, begin = 0, end = 0;
  bool inside = false;
  std::map<std::string, Function> functions;  // nodes do not move: translated code holds their addresses
  std::vector<uint64_t> regions;
  std::string out;
};

State& state = *new State;  // never destroyed: QEMU reports its end after the destructors have run

void on_begin(unsigned, void*) {
  state.inside = true;
  state.at_begin = state.executed;
  for (auto& entry : state.functions) entry.second.at_begin = entry.second.executed;
}

void on_end(unsigned, void*) {
  if (!state.inside) return;
  state.inside = false;
  state.regions.push_back(state.executed - state.at_begin);
  for (auto& entry : state.functions) entry.second.in_regions += entry.second.executed - entry.second.at_begin;
}

void on_translation(QemuPluginId, qemu_plugin_tb* tb) {
  for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); ++i) {
    qemu_plugin_insn* insn = qemu_plugin_tb_get_insn(tb, i);
    const uint64_t address = qemu_plugin_insn_vaddr(insn);
    const char* symbol = qemu_plugin_insn_symbol(insn);
    Function& function = state.functions[symbol && *symbol ? symbol : "?"];
    if (state.begin && address == state.begin) {
      qemu_plugin_register_vcpu_insn_exec_cb(insn, on_begin, qemu_no_registers, nullptr);
    }
    if (state.end && address == state.end) {
      qemu_plugin_register_vcpu_insn_exec_cb(insn, on_end, qemu_no_registers, nullptr);
    }
    qemu_plugin_register_vcpu_insn_exec_inline(insn, qemu_inline_add_u64, &state.executed, 1);
    qemu_plugin_register_vcpu_insn_exec_inline(insn, qemu_inline_add_u64, &function.executed, 1);
  }
}

void print(FILE* file) {
  const auto number = [](uint64_t n) { return static_cast<unsigned long long>(n); };
  std::fprintf(file, "program %llu\n", number(state.executed));
  for (size_t i = 0; i < state.regions.size(); ++i) {
    std::fprintf(file, "region %zu %llu\n", i, number(state.regions[i]));
  }
  for (const auto& entry : state.functions) {
    const uint64_t n = state.begin ? entry.second.in_regions : entry.second.executed;
    if (n) std::fprintf(file, "function %llu %s\n", number(n), entry.first.c_str());
  }
}

void on_exit(QemuPluginId, void*) {
  FILE* file = std::fopen(state.out.c_str(), "w");
  if (!file) {
    std::perror(state.out.c_str());
    return;
  }
  print(file);
  std::fclose(file);
}

}  // namespace

extern "C" {

__attribute__((visibility("default"))) int qemu_plugin_version = 1;

__attribute__((visibility("default"))) int qemu_plugin_install(QemuPluginId id, const QemuInfo* info, int count,
                                                               char** arguments) {
  for (int i = 0; i < count; ++i) {
    const char* a = arguments[i];
    if (!std::strncmp(a, "begin=", 6)) {
      state.begin = std::strtoull(a + 6, nullptr, 0);
    } else if (!std::strncmp(a, "end=", 4)) {
      state.end = std::strtoull(a + 4, nullptr, 0);
    } else if (!std::strncmp(a, "out=", 4)) {
      state.out = a + 4;
    } else {
      std::fprintf(stderr, "icount: argument %s: want begin=, end= or out=\n", a);
      return -1;
    }
  }
  if (state.out.empty()) {
    std::fprintf(stderr, "icount: out=FILE is missing\n");
    return -1;
  }
  if (!std::strcmp(info->target_name, "arm")) {  // a Thumb function's symbol is odd, its instructions are not
    state.begin &= ~uint64_t{1};
    state.end &= ~uint64_t{1};
  }
  qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
  qemu_plugin_register_atexit_cb(id, on_exit, nullptr);
  return 0;
}

}  // extern "C"
