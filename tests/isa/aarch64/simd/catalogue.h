/* What catalogue.c needs of where it runs. */
#ifndef TESTS_ISA_AARCH64_SIMD_CATALOGUE_H
#define TESTS_ISA_AARCH64_SIMD_CATALOGUE_H

#include <stdint.h>

/* words.py */
struct catalogue_word {
    uint32_t word;
    const char *name; /* those of one name follow each other */
};
extern const struct catalogue_word catalogue_words[];
extern const unsigned catalogue_count;

/* Before and after an instruction: v1..v4, x1, x2. */
struct state {
    uint64_t v[4][2] __attribute__((aligned(16)));
    uint64_t x[2];
    uint64_t nzcv, fpcr, fpsr;
};

/* Run one instruction word; 0: it was undefined. */
int run_word(uint32_t word, struct state *s);
/* All names; with 1 all words; with a word its cases in full. */
void catalogue(uint32_t only);

#endif
