/* Large host mappings: guest RAM. */
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
/* Set all of a fresh private mapping of host_ram_map() to a byte; pages cost memory when they are
 * written. */
void host_ram_fill(void *p, size_t size, uint8_t byte);
void host_ram_unmap(void *p, size_t size, int fd);

#endif
