/* What the catalogues of instructions share: operands worth trying, hashes, output.  Integer code
 * only. */
#ifndef TESTS_ISA_VALUES_H
#define TESTS_ISA_VALUES_H

#include <stdint.h>

/* Begin a sequence of operands. */
void values_seed(uint64_t seed);
/* The next random number, 31 bits. */
uint32_t values_draw(void);
/* A random or special value of 1 << esz bytes (upper bits are not cleared). */
uint64_t values_element(unsigned esz);
/* 64 bits made of elements. */
uint64_t values_half_register(unsigned esz);

/* A hash with one more value. */
uint64_t values_mix(uint64_t hash, uint64_t v);

/* Where it runs knows how. */
void print(const char *text);
void print_hex(uint64_t v, unsigned digits);
/* A hash and what it is of. */
void print_line(const char *name, uint64_t hash);
int is_same_text(const char *a, const char *b);

#endif
