/*
 * For bare x86 programs in C: a ROM that starts at the reset vector and tests what a processor does
 * to code that faults.
 *
 * A program defines main(), which runs at level 0 in flat 32-bit protected mode, or in 64-bit mode
 * with the first GiB mapped one to one and once more, for level 3, at USER.  It has no initialised
 * variables: it runs from ROM.
 */
#ifndef X86BARE_BARE_H
#define X86BARE_BARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uintptr_t word;

/* Selectors of the GDT; FREE and above are for tests. */
enum {
    CODE0 = 0x08,
    DATA0 = 0x10,
    CODE3 = 0x1b,
    DATA3 = 0x23,
    TSS = 0x28,
    CODE64 = 0x38,
    CODE64_3 = 0x43,
    FREE = 0x50
};
enum { GDT_ENTRIES = 40, VECTORS = 64, DONE = 0x30 /* INT of code at level 3 that is done */ };
enum { DE, DB, NMI, BP, OF, BR, UD, NM, DF, TS = 10, NP, SS, GP, PF, MF = 16, AC };
enum {
    FL_CF = 1,
    FL_ZF = 0x40,
    FL_TF = 0x100,
    FL_IF = 0x200,
    FL_NT = 0x4000,
    FL_RF = 0x10000,
    FL_VM = 0x20000,
    FL_AC = 0x40000,
    FL_VIF = 0x80000,
    FL_VIP = 0x100000,
    FL_ID = 0x200000
};
#ifdef __x86_64__
#define USER UINT64_C(0x40000000)
#else
#define USER 0
#endif

/* What the last exception or interrupt pushed.  Of frames without ss:sp those are what the handler
 * found. */
struct frame {
    word vector, error, ip, cs, flags, sp, ss;
};
extern struct frame frame;

extern uint64_t gdt[GDT_ENTRIES];
extern uint64_t idt[VECTORS * 2];
extern uint8_t tss[0x68 + 0x2001];
extern uint8_t memory[8192]; /* zeros, for tests; on a page of its own */
extern uint8_t user_stack_top[];

/* Run code at level 0 or 3 until it returns: the vector of what ended it, or -1.  Segments and the
 * stack are put back. */
int try(void (*code)(void));
int try3(void (*code)(void));
/* The same with registers: eax, ecx, edx, ebx, esi, edi, which are afterwards what they were when
 * the code ended. */
struct regs {
    word a, c, d, b, si, di;
};
extern struct regs regs;

void print(const char *text);
void print_hex(word v);
/* Tell of a difference; the program goes on. */
void differ(const char *what, word found, word wanted);
extern unsigned differences;
/* A context that differ() tells besides: NULL-terminated pairs of name and value are in it. */
struct context {
    const char *name;
    word value;
};
extern struct context context[8];

static inline bool equal(const char *what, word found, word wanted)
{
    if (found != wanted)
        differ(what, found, wanted);
    return found == wanted;
}

void set_gate(unsigned vector, void (*handler)(void), unsigned selector, unsigned type);
void main(void);

static inline void cpuid(uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    __asm__ volatile("cpuid"
                     : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3])
                     : "0"(leaf), "2"(subleaf));
}
static inline word read_cr0(void)
{
    word v;
    __asm__ volatile("mov %%cr0, %0" : "=r"(v));
    return v;
}
static inline void write_cr0(word v)
{
    __asm__ volatile("mov %0, %%cr0" : : "r"(v) : "memory");
}
static inline word read_cr2(void)
{
    word v;
    __asm__ volatile("mov %%cr2, %0" : "=r"(v));
    return v;
}
static inline word read_cr3(void)
{
    word v;
    __asm__ volatile("mov %%cr3, %0" : "=r"(v));
    return v;
}
static inline void write_cr3(word v)
{
    __asm__ volatile("mov %0, %%cr3" : : "r"(v) : "memory");
}
static inline word read_cr4(void)
{
    word v;
    __asm__ volatile("mov %%cr4, %0" : "=r"(v));
    return v;
}
static inline void write_cr4(word v)
{
    __asm__ volatile("mov %0, %%cr4" : : "r"(v) : "memory");
}
static inline uint64_t rdmsr(uint32_t msr)
{
    uint32_t lo, hi;
    __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
    return lo | (uint64_t)hi << 32;
}
static inline void wrmsr(uint32_t msr, uint64_t v)
{
    __asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)v), "d"((uint32_t)(v >> 32)) : "memory");
}

/* A descriptor; flags are bits 8 to 23 of its upper half without the limit: type, S, DPL, P, and G,
 * D, L in bits 12 to 15. */
static inline uint64_t descriptor(uint32_t base, uint32_t limit, uint32_t flags)
{
    return (limit & 0xffff) | (uint64_t)(base & 0xffffff) << 16 | (uint64_t)(flags & 0xf0ff) << 40 |
           (uint64_t)(limit & 0xf0000) << 32 | (uint64_t)(base >> 24) << 56;
}

#endif
