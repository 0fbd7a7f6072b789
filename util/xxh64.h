/* A fast checksum of 64 bits.  Ref: xxHash fast digest algorithm, specification 0.1.1, XXH64. */
#ifndef UTIL_XXH64_H
#define UTIL_XXH64_H

#include <stddef.h>
#include <stdint.h>

/* XXH64 of n bytes with seed 0. */
uint64_t xxh64(const void *p, size_t n);

#endif
