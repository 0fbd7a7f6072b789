/* Leaving host instructions unused: for tests of what older hosts get. */
#ifndef TCG_X86_64_LEVEL_H
#define TCG_X86_64_LEVEL_H

/* Ref: System V ABI, AMD64 supplement, 3.1.1: microarchitecture levels. */
enum x86_64_level {
    X86_64_V1 = 1, /* SSE2 */
    X86_64_V2,     /* SSE4.2, POPCNT */
    X86_64_V3,     /* AVX2, BMI, FMA, LZCNT, MOVBE */
    X86_64_HOST,   /* all that the host has */
};
/* Takes effect at the next tcg_x86_64.init(). */
void x86_64_limit(enum x86_64_level level);

#endif
