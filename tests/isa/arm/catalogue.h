/* What catalogue.c needs of where it runs. */
#ifndef TESTS_ISA_ARM_CATALOGUE_H
#define TESTS_ISA_ARM_CATALOGUE_H

#include <stdint.h>

/* At the same addresses everywhere, since r15 and pointers are operands, too. */
#define CODE   0x50010000 /* a page of code, what is behind it (run.S), its data */
#define BEHIND 0x50011000
#define SAVED  0x50011800
#define BUFFER 0x50020000
enum { BUFFER_WORDS = 512, CODE_HALFWORDS = 22 };

enum { IS_THUMB = 1, IS_FP = 2, IS_MEMORY = 4 };
enum { NO_REGISTER = 15 };

/* words.py: some instructions, mostly one. */
struct catalogue_word {
    uint16_t code[CODE_HALFWORDS];
    uint8_t count; /* halfwords */
    uint8_t flags;
    uint8_t base, index; /* registers with an address and with a small number */
    uint8_t align;       /* of the address */
    uint8_t limit;       /* of the number */
    const char *name;    /* those of one name follow each other */
};
extern const struct catalogue_word catalogue_words[];
extern const unsigned catalogue_count;

/* Before and after; run.S knows the layout. */
struct state {
    uint32_t r[15];
    uint32_t apsr, fpscr;
    uint32_t undefined; /* after: 1 an Undefined Instruction exception, 2 a Data Abort */
    uint64_t d[32];
};

/* Run what is at CODE, between loads and stores of the state. */
void run_code(struct state *s, uint32_t code);
/* What run_code() ends with, to be copied to BEHIND. */
extern const uint32_t behind[], behind_end[];
extern volatile uint32_t exception_seen;
/* Code was written at CODE. */
void code_written(void);
/* All names; with 1 all words; with n + 2 the cases of word n in full.
 */
void catalogue(uint32_t only);

#endif
