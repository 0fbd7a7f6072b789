/* Where virtio-rng-device gets its random bytes: what -object rng-random and rng-builtin create. */
#ifndef HW_VIRTIO_RNG_SOURCE_H
#define HW_VIRTIO_RNG_SOURCE_H

#include "core/prop.h"

#include <stddef.h>

struct rng_source; /* named by id; lives until rng_source_free_all() */

/* -object rng-random,id=ID,filename=PATH (NULL: /dev/urandom).  Opens the file. */
bool rng_source_new_file(const char *id, const char *path, struct error **errp) MUST_CHECK;
/* -object rng-builtin,id=ID: the host's getrandom(). */
bool rng_source_new_builtin(const char *id, struct error **errp) MUST_CHECK;
struct rng_source *rng_source_find(const char *id);
/* False when there is none; no device may use it. */
bool rng_source_delete(const char *id);
void rng_source_free_all(void);
/* Read up to n bytes without blocking for long; the count (0 at end of file or when nothing is
 * there), -errno on error. NULL means the host's getrandom(). */
long rng_source_read(struct rng_source *src, void *buf, size_t n);

extern const struct prop_kind prop_rng_source; /* field type: struct rng_source *; value is an id */

#endif
