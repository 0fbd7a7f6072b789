/* The boards. */
#ifndef HW_BOARD_BOARDS_H
#define HW_BOARD_BOARDS_H

#include "core/machine.h"

extern const struct machine_class riscv64_virt_class, riscv32_virt_class;
extern const struct machine_class aarch64_virt_class, arm_virt_class;
extern const struct machine_class riscv64_none_class, riscv32_none_class;
extern const struct machine_class aarch64_none_class, arm_none_class;
extern const struct machine_class x86_64_none_class, i386_none_class;
extern const struct machine_class x86_64_pc_class, i386_pc_class;
extern const struct machine_class x86_64_q35_class, i386_q35_class;
extern const struct machine_class x86_64_microvm_class, i386_microvm_class;
extern const struct machine_class x86_64_isapc_class, i386_isapc_class;

extern const struct machine_class lm3s6965evb_class;
extern const struct machine_class mps2_an385_class, mps2_an386_class, mps2_an500_class,
    mps2_an505_class, mps2_an521_class;

#endif
