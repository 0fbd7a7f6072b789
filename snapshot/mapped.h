/* The mapped layout: a file that holds RAM page by page where it can be mapped. */
#ifndef SNAPSHOT_MAPPED_H
#define SNAPSHOT_MAPPED_H

#include "snapshot/ram.h"
#include "snapshot/stream.h"

enum { MAPPED_ALIGN = 64 << 10, MAPPED_BASE_ALIGN = 4096 };

/* Whole transfers at an offset; 0 or an errno. */
bool file_write_at(int fd, const void *buf, size_t n, uint64_t at, struct error **errp) MUST_CHECK;
bool file_read_at(int fd, void *buf, size_t n, uint64_t at, struct error **errp) MUST_CHECK;

/* Writing: RAM batches go to their places at once. */
struct mapped_sink {
    struct ram_sink sink;
    int fd;
    uint64_t base, end; /* of the file's part; end: behind the last block */
    unsigned n;
    struct mapped_block {
        struct ram_block *ram;
        uint64_t at;     /* bytes from base */
        uint8_t fill;    /* what it was full of at first: blank flash, or 0 */
        uint64_t *check; /* a checksum a page; 0: the page is all `fill` */
    } * blocks;
};
struct mapped_sink *mapped_sink_new(struct machine *m, int fd, uint64_t base);
void mapped_sink_free(struct mapped_sink *s);
/* The SNAP_RAM_MAP sections. */
bool mapped_write_maps(const struct mapped_sink *s, struct snap_io *io,
                       struct error **errp) MUST_CHECK;

/* Reading: one SNAP_RAM_MAP section of the file into the shadow of its block. */
bool mapped_load(struct ram_load *l, int fd, uint64_t base, bool verify, const GByteArray *payload,
                 struct error **errp) MUST_CHECK;

#endif
