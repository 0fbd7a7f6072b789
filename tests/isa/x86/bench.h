/*
 * An x86 processor in user mode on the back ends alone, and the host's own: both run the same bytes
 * at the same addresses on the same registers and memory.
 */
#ifndef TESTS_ISA_X86_BENCH_H
#define TESTS_ISA_X86_BENCH_H

#include "target/x86/trans.h"
#include "tcg/backend.h"

/* Fixed addresses below 2 GiB, so that 32-bit code reaches them. */
#define BENCH_CODE UINT64_C(0x30000000) /* one page */
#define BENCH_DATA UINT64_C(0x30010000) /* BENCH_DATA_SIZE bytes, nothing on either side */
enum { BENCH_DATA_SIZE = 0x4000, BENCH_FAULT = 100 };

struct regs {
    uint64_t r[16], rip, flags; /* flags: the six and DF */
    int vector;                 /* of the exception that ended it, or -1 */
    uint32_t mxcsr;
    uint64_t v[16][4]; /* ymm0 to ymm15 */
    struct x87_regs {
        uint16_t fcw, fsw;
        uint8_t valid; /* bit n: physical register n is not empty */
        uint16_t fop;
        uint64_t fip, fdp;
        struct x87_st {
            uint64_t man, se;
        } st[8]; /* from the top on */
    } x87;
};
enum { BENCH_FCW = 0x37f };          /* after FNINIT */
#define BENCH_MXCSR UINT32_C(0x1f80) /* after reset */

/* Whether code of this width can run natively. */
bool native_init(void);
bool native_has_32(void);
bool native_has_avx(void);
bool native_has_misaligned(void); /* MXCSR.MM */
/* The pointer to the operand is that of instructions that raise something, only. */
bool native_has_late_fdp(void);
bool native_has_16(void);
/* Run code at BENCH_CODE, which ends behind len bytes (room is left there), in the width of a mode
 * below. */
void native_run(struct regs *r, unsigned len, uint32_t mode);

struct bench;
struct bench *bench_new(const struct tcg_backend *be, const char **why);
void bench_free(struct bench *b);
/* The same by translation: as one unit. */
void bench_run(struct bench *b, struct regs *r, unsigned len, uint32_t mode);
/* How many of them were wide regions: code on 256 bits, where the back end takes those. */
unsigned bench_wide_units(const struct bench *b);
/* The first len bytes to well-formed IR, or the test fails. */
void bench_translate(struct bench *b, unsigned len, uint32_t mode);
/* Decode what is at pc. */
enum x86_decoded bench_decode(struct x86_insn *insn, uint64_t pc, uint32_t mode);
enum {
    BENCH_MODE_64 =
        X86_MODE_64 | X86_MODE_PE | X86_MODE_LMA | X86_MODE_CPL | X86_MODE_SSE | X86_MODE_AVX
};
enum {
    BENCH_MODE_32 = X86_MODE_CS32 | X86_MODE_SS32 | X86_MODE_PE | X86_MODE_LMA | X86_MODE_CPL |
                    X86_MODE_SSE | X86_MODE_AVX | X86_MODE_FLAT_CS | X86_MODE_FLAT_SS |
                    X86_MODE_FLAT_DS | X86_MODE_FLAT_ES | X86_MODE_NARROW
};
/* CS begins at BENCH_CODE, DS and ES lie over the data; the stack is flat. */
enum {
    BENCH_MODE_16 = X86_MODE_SS32 | X86_MODE_PE | X86_MODE_LMA | X86_MODE_CPL | X86_MODE_SSE |
                    X86_MODE_AVX | X86_MODE_FLAT_SS | X86_MODE_NARROW
};

#endif
