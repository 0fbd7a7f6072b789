/* An x86 processor without an accelerator: memory, tables, and helpers called as translated code
 * would. */
#ifndef TESTS_UNIT_X86_BENCH_H
#define TESTS_UNIT_X86_BENCH_H

#include "core/machine.h"
#include "target/x86/cpu_priv.h"
#include "target/x86/helpers.h"

#include <glib.h>
#include <setjmp.h>

enum { BENCH_RAM_SIZE = 4 << 20, BENCH_GDT = 0x1000, BENCH_IDT = 0x2000, BENCH_TSS = 0x3000 };

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI };

struct x86_bench {
    struct machine *m;
    struct x86_cpu *cpu;
    struct mem_region ram;
};

/* model as for -cpu; reset. */
struct x86_bench *x86_bench_new(const char *model);
void x86_bench_free(struct x86_bench *b);

extern jmp_buf bench_unwind;
extern unsigned bench_flushes;
/* Run a call that may leave translated code; whether it did. */
#define BENCH_LEAVES(call) (setjmp(bench_unwind) ? true : ((call), false))

void bench_poke(struct x86_bench *b, gpa addr, uint64_t val, unsigned size);
uint64_t bench_peek(struct x86_bench *b, gpa addr, unsigned size);

/* A descriptor into the GDT; attr as struct x86_segment has it (limit in units of G). */
void bench_desc(struct x86_bench *b, uint32_t selector, uint64_t base, uint32_t limit,
                uint32_t attr);
/* A gate into the IDT (long: 16 bytes). */
void bench_gate(struct x86_bench *b, unsigned vector, uint32_t selector, uint64_t offset,
                unsigned type, unsigned dpl, unsigned ist);
/* The selectors that bench_protected() and bench_long() have put into the GDT. */
enum {
    SEL_CODE0 = 0x08,
    SEL_DATA0 = 0x10,
    SEL_CODE3 = 0x1b,
    SEL_DATA3 = 0x23,
    SEL_TSS = 0x28, /* 16 bytes */
    SEL_CODE64 = 0x38,
    SEL_LDT = 0x40,
    SEL_FREE = 0x50, /* and on: for tests */
};
/* Flat 32-bit protected mode at a privilege level, with a TSS whose level-0 stack is at 0x9000;
 * level-3 stack at 0x8000; every vector has a gate to 0x10000 + 16 * vector. */
void bench_protected(struct x86_bench *b, unsigned cpl);
/* The same in 64-bit mode: memory mapped 1:1, IST 1 at 0xa000. */
void bench_long(struct x86_bench *b, unsigned cpl);
/* A new processor of model "max" in such a mode. */
struct x86_bench *protected_bench(unsigned cpl);
struct x86_bench *long_bench(unsigned cpl);
/* Which vector's handler was entered; -1: none. */
int bench_vector(struct x86_bench *b);
/* The n-th word on the stack. */
uint64_t bench_stack(struct x86_bench *b, unsigned n, unsigned size);

#endif
