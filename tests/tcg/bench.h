/* A CPU without an architecture, to run units of IR on every back end: slots, three pages of
 * memory, helpers. */
#ifndef TESTS_TCG_BENCH_H
#define TESTS_TCG_BENCH_H

#include "tcg/backend.h"

enum {
    BENCH_X = 16, /* x0..x15 I64, the first nine pinned */
    BENCH_W = 8,  /* w0..w7 I32 */
    BENCH_D = 12, /* d0..d11 F64, the first four pinned */
    BENCH_S = 8,  /* s0..s7 F32 */
    BENCH_V = 12, /* v0..v11 V128, the first four pinned */
    BENCH_PC = BENCH_X + BENCH_W + BENCH_D + BENCH_S + BENCH_V,
    BENCH_SLOTS,
    BENCH_MEM = 0x3000,
};
/* Guest memory is [BENCH_BASE, BENCH_BASE + BENCH_MEM): the TLB knows the first page, the second
 * for reading. */
#define BENCH_BASE UINT64_C(0x10000)
/* Reasons with which the bench's slow paths and helpers unwind. */
enum { BENCH_FAULT = 99, BENCH_MISALIGNED = 98, BENCH_RAISED = 97 };

struct bench_state {
    uint64_t x[BENCH_X];
    uint32_t w[BENCH_W];
    uint64_t d[BENCH_D];
    uint32_t s[BENCH_S];
    uint64_t v[BENCH_V][2] __attribute__((aligned(16)));
    uint64_t pc;
    uint32_t request;
    uint32_t mxcsr; /* FP control image: before, and after a run */
    uint8_t mem[BENCH_MEM];
};

extern const struct ir_slot bench_slots[BENCH_SLOTS];
extern const struct ir_helper *const bench_helpers[]; /* NULL-terminated */

/* The slot of number n of a type. */
unsigned bench_slot(enum ir_type t, unsigned n);
uint64_t bench_read(const struct bench_state *s, unsigned slot);
/* Of a vector, the upper half. */
uint64_t bench_read_high(const struct bench_state *s, unsigned slot);
void bench_write_high(struct bench_state *s, unsigned slot, uint64_t v);
void bench_write(struct bench_state *s, unsigned slot, uint64_t v);

struct bench;
/* NULL with a message when this host cannot run the back end. */
struct bench *bench_new(const struct tcg_backend *be, const char **why);
void bench_free(struct bench *b);
const char *bench_name(const struct bench *b);
/* Compile ir and run it on s.  A direct exit is reported as a lookup, with pc set.  False: *why
 * says what failed. */
bool bench_run(struct bench *b, struct ir *ir, struct bench_state *s, struct tcg_exit *x,
               const char **why);

/* Compile for regions from now on, or not. */
void bench_set_region(struct bench *b, bool region);

/* All back ends that this program holds; NULL-terminated. */
extern const struct tcg_backend *const bench_backends[];

/* The soft_fp callback over fpu/. */
uint64_t bench_soft_fp(unsigned op, unsigned ty, uint32_t attr, const uint64_t arg[3],
                       unsigned round, uint8_t *flags);

#endif
