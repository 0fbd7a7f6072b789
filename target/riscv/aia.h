/* Registers of the advanced interrupt architecture, for the table of csr.c. */
#ifndef TARGET_RISCV_AIA_H
#define TARGET_RISCV_AIA_H

#include "target/riscv/cpu.h"

/* Whether an access is allowed: struct csr's allow. */
bool rv_aia_allow_m(const struct rv_cpu *cpu, unsigned num);
bool rv_aia_allow_m32(const struct rv_cpu *cpu, unsigned num);
bool rv_aia_allow_s(const struct rv_cpu *cpu, unsigned num);
bool rv_aia_allow_s32(const struct rv_cpu *cpu, unsigned num);
bool rv_aia_allow_topei(const struct rv_cpu *cpu, unsigned num);
bool rv_aia_allow_siselect(const struct rv_cpu *cpu, unsigned num);
bool rv_aia_allow_ireg(const struct rv_cpu *cpu, unsigned num);
/* Whole accesses: ops as of rv_csr_access(); the old value. */
uint64_t rv_aia_ireg(struct rv_cpu *cpu, unsigned num, unsigned ops, uint64_t val);
uint64_t rv_aia_topei(struct rv_cpu *cpu, unsigned num, unsigned ops, uint64_t val);
uint64_t rv_aia_topi(struct rv_cpu *cpu, unsigned num);
uint64_t rv_aia_read_mvip(struct rv_cpu *cpu, unsigned num);
void rv_aia_write_mvip(struct rv_cpu *cpu, unsigned num, uint64_t val);

#endif
