/* Nodes of memory and processors (NUMA): what -numa says, and what boards tell the guest of it. */
#ifndef CORE_NUMA_H
#define CORE_NUMA_H

#include "core/types.h"

#include <stdbool.h>
#include <stdint.h>

enum { NUMA_MAX_NODES = 128, NUMA_MAX_CPUS = 512 };
enum { NUMA_LOCAL = 10, NUMA_REMOTE = 20, NUMA_UNREACHABLE = 255 };

/* How boards share out processors of which -numa does not say. */
enum numa_default { NUMA_NONE /* one node, always */, NUMA_BY_SOCKET, NUMA_EVENLY };

struct numa {
    unsigned nodes;
    uint64_t size[NUMA_MAX_NODES]; /* bytes; they lie one after another in the machine's RAM */
    uint8_t node_of_cpu[NUMA_MAX_CPUS];
    bool has_distances;
    uint8_t distance[NUMA_MAX_NODES][NUMA_MAX_NODES]; /* from, to: as ACPI's SLIT has them */
};

/* Where a part of the machine's RAM lies, in the order of its bytes. */
struct numa_span {
    gpa base;
    uint64_t size;
};
/* Call fn for each part of a span that one node has, in order. */
void numa_visit(const struct numa *n, const struct numa_span *spans, unsigned nspans,
                void (*fn)(void *opaque, unsigned node, gpa base, uint64_t size), void *opaque);

#endif
