/* Programs as Intel HEX files: text with an address in every line. */
#ifndef CORE_IHEX_H
#define CORE_IHEX_H

#include "util/annot.h"
#include "util/error.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that lie behind one another. */
struct ihex_piece {
    uint32_t addr;
    uint8_t *data;
    size_t len;
};

bool ihex_probe(const uint8_t *data, size_t len);
/* Its pieces in the file's order, to be g_array_unref()ed; NULL with *errp, which says in which
 * line it is wrong. */
GArray *ihex_parse(const uint8_t *data, size_t len, struct error **errp) MUST_CHECK;

#endif
