/* What a device tree says of memory and of nodes, for boards with all memory in one piece. */
#ifndef HW_BOARD_NUMA_FDT_H
#define HW_BOARD_NUMA_FDT_H

#include "core/fdt.h"
#include "core/machine.h"

/* /memory@BASE, one a node; and the distances between nodes. */
void board_fdt_memory(struct fdt *f, const struct machine *m, gpa base);
/* Which node has the nth processor, at that path; nothing when there are no nodes. */
void board_fdt_cpu_node(struct fdt *f, const struct machine *m, const char *path, unsigned nth);

#endif
