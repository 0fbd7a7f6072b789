/* Memory and nodes in a device tree.  Ref: Devicetree Specification 0.4, 3.4; Linux'
 * Documentation/devicetree/bindings/numa.txt. */
#include "hw/board/numa_fdt.h"

#include "core/numa.h"

#include <glib.h>
#include <inttypes.h>

struct parts {
    struct numa_span part[NUMA_MAX_NODES];
    unsigned node[NUMA_MAX_NODES], n;
};

static void put_memory(struct fdt *f, gpa base, uint64_t size, int node)
{
    g_autofree char *path = g_strdup_printf("/memory@%" PRIx64, base);
    if (node >= 0)
        fdt_u32(f, path, "numa-node-id", (uint32_t)node);
    fdt_string(f, path, "device_type", "memory");
    fdt_reg64(f, path, base, size);
}

static void note_part(void *opaque, unsigned node, gpa base, uint64_t size)
{
    struct parts *p = opaque;
    p->part[p->n] = (struct numa_span){base, size};
    p->node[p->n++] = node;
}

/* Triples of from, to and distance. */
static void put_distances(struct fdt *f, const struct numa *n)
{
    g_autofree uint32_t *cells = g_new(uint32_t, 3 * n->nodes * n->nodes);
    uint32_t *at = cells;
    for (unsigned i = 0; i < n->nodes; i++)
        for (unsigned k = 0; k < n->nodes; k++) {
            *at++ = i;
            *at++ = k;
            *at++ = n->distance[i][k];
        }
    fdt_string(f, "/distance-map", "compatible", "numa-distance-map-v1");
    fdt_cells(f, "/distance-map", "distance-matrix", cells, (size_t)(at - cells));
}

/* Subnodes come out in reverse order of creation; systems and firmware want the lowest memory
 * first. */
void board_fdt_memory(struct fdt *f, const struct machine *m, gpa base)
{
    const struct numa *n = m->cfg.numa;
    if (n == NULL) {
        put_memory(f, base, m->cfg.ram_size, -1);
        return;
    }
    struct parts p = {.n = 0};
    numa_visit(n, &(struct numa_span){base, m->cfg.ram_size}, 1, note_part, &p);
    while (p.n-- > 0)
        put_memory(f, p.part[p.n].base, p.part[p.n].size, (int)p.node[p.n]);
    if (n->has_distances)
        put_distances(f, n);
}

void board_fdt_cpu_node(struct fdt *f, const struct machine *m, const char *path, unsigned nth)
{
    if (m->cfg.numa)
        fdt_u32(f, path, "numa-node-id", m->cfg.numa->node_of_cpu[nth]);
}
