/* Device-tree building on libfdt: paths and cells without the offsets. */
#ifndef CORE_FDT_H
#define CORE_FDT_H

#include "util/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fdt; /* a growing flat device tree */

struct fdt *fdt_new(void);
/* From a -dtb file's bytes; checked. */
struct fdt *fdt_from_blob(const void *data, size_t len, const char *path,
                          struct error **errp) MUST_CHECK;
void fdt_free(struct fdt *f);
void fdt_node(struct fdt *f, const char *path); /* create, with parents */
bool fdt_has_node(struct fdt *f, const char *path);
void fdt_u32(struct fdt *f, const char *path, const char *prop, uint32_t v);
void fdt_u64(struct fdt *f, const char *path, const char *prop, uint64_t v);
void fdt_cells(struct fdt *f, const char *path, const char *prop, const uint32_t *cells, size_t n);
/* Cells as arguments: FDT_CELLS(f, path, prop, 1, 2, 3). */
#define FDT_CELLS(f, path, prop, ...)                                                              \
    fdt_cells(f, path, prop, (const uint32_t[]){__VA_ARGS__},                                      \
              sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))
void fdt_reg64(struct fdt *f, const char *path, uint64_t base,
               uint64_t size); /* reg = <hi lo hi lo> */
/* Hidden: libfdt has a function of this name, which it must go on finding. */
void fdt_string(struct fdt *f, const char *path, const char *prop, const char *s)
    __attribute__((visibility("hidden")));
void fdt_strings(struct fdt *f, const char *path, const char *prop,
                 const char *const *list); /* NULL-terminated */
void fdt_bytes(struct fdt *f, const char *path, const char *prop, const void *data, size_t len);
void fdt_flag(struct fdt *f, const char *path, const char *prop);
uint32_t fdt_phandle(struct fdt *f, const char *path); /* allocated on first use */
/* Pack and return the blob (owned by f, valid until the next change). */
const void *fdt_blob(struct fdt *f, size_t *len);
/* Write it to a file. */
bool fdt_write(struct fdt *f, const char *path, struct error **errp) MUST_CHECK;

#endif
