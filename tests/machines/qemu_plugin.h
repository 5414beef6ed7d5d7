// The part of QEMU's TCG plugin interface, version 1 (QEMU 4.2 to 8), that icount.cpp uses: Debian 12 has no header.
// SPDX-License-Identifier: MIT
#pragma once
#include <stddef.h>
#include <stdint.h>

extern "C" {

struct QemuInfo {
  const char* target_name;
  struct {
    int min, cur;
  } version;
  bool system_emulation;
  int smp_vcpus, max_vcpus;  // of system emulation
};

struct qemu_plugin_tb;    // a block that is being translated
struct qemu_plugin_insn;  // one of its instructions

typedef uint64_t QemuPluginId;
enum QemuRegisters { qemu_no_registers = 0 };
enum QemuInlineOp { qemu_inline_add_u64 = 0 };

void qemu_plugin_register_vcpu_tb_trans_cb(QemuPluginId id, void (*translated)(QemuPluginId, qemu_plugin_tb*));
void qemu_plugin_register_vcpu_insn_exec_cb(qemu_plugin_insn* insn, void (*executed)(unsigned, void*), QemuRegisters r,
                                            void* user);
void qemu_plugin_register_vcpu_insn_exec_inline(qemu_plugin_insn* insn, QemuInlineOp op, void* counter,
                                                uint64_t amount);
void qemu_plugin_register_atexit_cb(QemuPluginId id, void (*ended)(QemuPluginId, void*), void* user);
size_t qemu_plugin_tb_n_insns(const qemu_plugin_tb* tb);
qemu_plugin_insn* qemu_plugin_tb_get_insn(const qemu_plugin_tb* tb, size_t index);
uint64_t qemu_plugin_insn_vaddr(const qemu_plugin_insn* insn);
const char* qemu_plugin_insn_symbol(const qemu_plugin_insn* insn);  // null when the image names no function there

}  // extern "C"
