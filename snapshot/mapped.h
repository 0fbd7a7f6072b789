/* The mapped layout: a file that holds RAM page by page where it can be mapped. */
#ifndef SNAPSHOT_MAPPED_H
#define SNAPSHOT_MAPPED_H

#include "snapshot/ram.h"
#include "snapshot/stream.h"

enum { MAPPED_ALIGN = 64 << 10, MAPPED_BASE_ALIGN = 4096 };

/* Whole transfers at an offset; 0 or an errno. */
bool file_write_at(int fd, const void *buf, size_t n, uint64_t at, struct error **errp) MUST_CHECK;
bool file_read_at(int fd, void *buf, size_t n, uint64_t at, struct error **errp) MUST_CHECK;

/* Where a state in this layout lies; offsets are counted from its header. */
struct mapped_place {
    bool (*write)(struct mapped_place *p, const void *buf, size_t n, uint64_t at,
                  struct error **errp);
    bool (*read)(struct mapped_place *p, void *buf, size_t n, uint64_t at, struct error **errp);
    /* Show b's memory, all of which lies at `at`, in b->map, which is NULL so far. */
    bool (*map)(struct mapped_place *p, struct ram_shadow *b, uint64_t at, struct error **errp);
    /* Where from `at` on something was written, at least `at`; UINT64_MAX: nowhere.  NULL: unknown.
     */
    uint64_t (*next_data)(struct mapped_place *p, uint64_t at);
};
/* A plain file, from byte `base` on. */
struct mapped_file {
    struct mapped_place place;
    int fd;
    uint64_t base;
};
void mapped_file_init(struct mapped_file *f, int fd, uint64_t base);

/* Writing: RAM batches go to their places at once. */
struct mapped_sink {
    struct ram_sink sink;
    struct mapped_place *place;
    uint64_t end; /* behind the last block */
    unsigned n;
    struct mapped_block {
        struct ram_block *ram;
        uint64_t at;     /* in the place */
        uint8_t fill;    /* what it was full of at first: blank flash, or 0 */
        uint64_t *check; /* a checksum a page; 0: the page is all `fill` */
    } * blocks;
};
struct mapped_sink *mapped_sink_new(struct machine *m, struct mapped_place *place);
void mapped_sink_free(struct mapped_sink *s);
/* After the memory: the sections behind it, and last the header, which makes the state valid; *size
 * is that of all. */
bool mapped_finish(const struct mapped_sink *s, const GByteArray *description, GPtrArray *blobs,
                   uint64_t *size, struct error **errp) MUST_CHECK;

/* Reading: one SNAP_RAM_MAP section into the shadow of its block. */
bool mapped_load(struct ram_load *l, struct mapped_place *place, bool verify,
                 const GByteArray *payload, struct error **errp) MUST_CHECK;

#endif
