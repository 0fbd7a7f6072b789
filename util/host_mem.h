/* Large host mappings: guest RAM, and code pages that are writable and executable at two addresses.
 */
#ifndef UTIL_HOST_MEM_H
#define UTIL_HOST_MEM_H

#include "util/annot.h"
#include "util/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

size_t host_page_size(void);
/* Zeroed memory of size bytes (a multiple of the page size), 2 MB aligned, huge pages where the
 * host has them. With fd not NULL the memory is a memfd that others may map; NULL and *errp on
 * failure. */
void *host_ram_map(size_t size, int *fd, struct error **errp) MUST_CHECK;
void host_ram_unmap(void *p, size_t size, int fd);

/* The same pages twice, never writable and executable at one address. */
struct host_code {
    uint8_t *rw, *rx;
    size_t size;
    bool near_text; /* whether rx is within 2 GB of this program's text */
};
/* Map size bytes (rounded up to pages), rx near our text if there is room; false and *errp on
 * failure. */
bool host_code_map(struct host_code *c, size_t size, struct error **errp) MUST_CHECK;
void host_code_unmap(struct host_code *c);

#endif
