/* An Arm processor without an accelerator: memory, a clock that tests set, and a record of what the
 * processor asked for. */
#ifndef TESTS_UNIT_ARM_BENCH_H
#define TESTS_UNIT_ARM_BENCH_H

#include "core/machine.h"
#include "target/arm/cpu_priv.h"
#include "target/arm/sysreg.h"
#include "target/arm/tlbi.h"

enum { BENCH_RAM = 0x40000000, BENCH_RAM_SIZE = 4 << 20 };

struct arm_bench {
    struct machine *m;
    struct arm_cpu *cpu;
};

/* What the accelerator was asked since the last bench_forget(). */
extern struct arm_bench_log {
    unsigned flush_all, flush_page, flush_asid, mode_changed, space_changed;
    gva addr;
    uint32_t asid;
} bench_log;
extern ns_t bench_now;       /* what clock_now() says */
extern bool bench_cas_races; /* the next page-table update meets another writer */

/* model as for -cpu; with EL2 and EL3 if asked for; reset. */
struct arm_bench *arm_bench_new(const char *model, bool has_el2, bool has_el3);
void arm_bench_free(struct arm_bench *b);
void bench_forget(void);
/* A processor of a model that must be refused; returns the message (g_free). */
char *bench_refusal(const char *model);
/* Put the processor at a level, in AArch64 state. */
void bench_level(struct arm_bench *b, unsigned el);

/* One access to a system register; false when it trapped: the exception has been taken. */
bool bench_read(struct arm_bench *b, uint32_t key, uint64_t *val);
bool bench_write(struct arm_bench *b, uint32_t key, uint64_t val);
/* The exception class that an access at a level raises, and where: EC | el << 8; -1: none.  State
 * is put back. */
int bench_trap(struct arm_bench *b, unsigned el, uint32_t key, bool is_write);

void bench_poke(struct arm_bench *b, gpa addr, uint64_t val);
uint64_t bench_peek(struct arm_bench *b, gpa addr);

#endif
