/* A hart without an accelerator: memory, a clock that tests set, and a record of what the hart
 * asked for. */
#ifndef TESTS_UNIT_RV_BENCH_H
#define TESTS_UNIT_RV_BENCH_H

#include "core/machine.h"
#include "target/riscv/cpu.h"
#include "target/riscv/cpu_priv.h"
#include "target/riscv/csr.h"

#include <stdbool.h>

enum { BENCH_RAM = 0x80000000, BENCH_RAM_SIZE = 4 << 20, BENCH_ACCEL_SIZE = 64 };

struct rv_bench {
    struct machine *m;
    struct rv_cpu *cpu;
    struct ram_block *ram;
};

/* What the accelerator was asked since the last bench_forget(). */
extern struct rv_bench_log {
    unsigned flush_all, flush_page, flush_asid, flush_page_asid, mode_changed, space_changed,
        zeroed;
    gva addr;
    uint32_t asid;
} bench_log;
extern ns_t bench_now;       /* what clock_now() says */
extern ns_t bench_deadline;  /* of the hart's timer, INT64_MAX: not armed */
extern bool bench_cas_races; /* the next page-table update meets another writer */

/* model as for -cpu; reset. */
struct rv_bench *rv_bench_new(const char *model);
void rv_bench_free(struct rv_bench *b);
void bench_forget(void);
/* A hart of a model that must be refused; returns the message (g_free). */
char *bench_refusal(const char *model);

/* One CSR access; false when it trapped (the hart has then taken the trap). old may be NULL. */
bool bench_csr(struct rv_bench *b, unsigned num, unsigned ops, uint64_t val, uint64_t *old);
/* The same for accesses that must not trap. */
uint64_t bench_get(struct rv_bench *b, unsigned num);
void bench_set(struct rv_bench *b, unsigned num, uint64_t val);
/* Whether reading traps in mode prv; state is put back. */
bool bench_read_traps(struct rv_bench *b, unsigned num, unsigned prv);
/* Helpers; false when they trapped. */
bool bench_insn(struct rv_bench *b, void (*helper)(struct rv_cpu *, uint32_t), uint32_t insn);
bool bench_sfence(struct rv_bench *b, uint64_t addr, uint64_t asid, uint32_t flags);
bool bench_cbo(struct rv_bench *b, uint64_t addr, uint32_t kind);

void bench_poke(struct rv_bench *b, gpa addr, uint64_t val, unsigned size);
uint64_t bench_peek(struct rv_bench *b, gpa addr, unsigned size);

void helper_raise_illegal(struct rv_cpu *cpu, uint32_t insn);
void helper_ecall(struct rv_cpu *cpu);
void helper_ebreak(struct rv_cpu *cpu, uint64_t pc);
void helper_mret(struct rv_cpu *cpu, uint32_t insn);
void helper_sret(struct rv_cpu *cpu, uint32_t insn);
void helper_wfi(struct rv_cpu *cpu, uint32_t insn);
void helper_sfence_vma(struct rv_cpu *cpu, uint64_t addr, uint64_t asid, uint32_t flags,
                       uint32_t insn);
void helper_cbo(struct rv_cpu *cpu, uint64_t addr, uint32_t kind, uint32_t insn);
void helper_fs_dirty(struct rv_cpu *cpu);

#endif
