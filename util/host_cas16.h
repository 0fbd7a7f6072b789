/* Compare-and-swap of 16 bytes on the host. */
#ifndef UTIL_HOST_CAS16_H
#define UTIL_HOST_CAS16_H

#include <stdint.h>

struct pair {
    uint64_t low, high;
};

/* If the 16-byte aligned *p equals expect, store v; returns what was there. Sequentially
 * consistent, and atomic with respect to every other access to those bytes on x86-64 hosts with
 * cmpxchg16b; elsewhere with respect to other calls of this function. */
struct pair host_cas16(void *p, struct pair expect, struct pair v);

#endif
