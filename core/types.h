/* Units that are handed about by value. */
#ifndef CORE_TYPES_H
#define CORE_TYPES_H

#include <stdint.h>

typedef uint64_t gpa; /* guest physical address */
typedef uint64_t gva; /* guest virtual address */
typedef int64_t ns_t; /* nanoseconds */

struct cpu;
struct device;
struct machine;
struct mem_region;
struct address_space;
struct ram_block;

#endif
