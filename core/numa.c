/* Nodes of memory and processors. */
#include "core/numa.h"

#include <glib.h>

void numa_visit(const struct numa *n, const struct numa_span *spans, unsigned nspans,
                void (*fn)(void *opaque, unsigned node, gpa base, uint64_t size), void *opaque)
{
    unsigned node = 0;
    uint64_t used = 0; /* of the node */
    for (unsigned i = 0; i < nspans; i++)
        for (uint64_t at = 0; at < spans[i].size && node < n->nodes;) {
            uint64_t part = MIN(spans[i].size - at, n->size[node] - used);
            if (part)
                fn(opaque, node, spans[i].base + at, part);
            at += part;
            used += part;
            if (used == n->size[node]) {
                node++;
                used = 0;
            }
        }
}
