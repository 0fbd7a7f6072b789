/*
 * The form of a saved machine: a header, then sections with lengths and checksums.
 * docs/snapshot.md describes it byte by byte.  All numbers are little endian.
 */
#ifndef SNAPSHOT_STREAM_H
#define SNAPSHOT_STREAM_H

#include "util/annot.h"
#include "util/error.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SNAP_VERSION = 1, SNAP_HEADER_SIZE = 48, SNAP_SECTION_SIZE = 32 };
enum snap_layout {
    SNAP_STREAM, /* sections only, RAM among them */
    SNAP_MAPPED, /* a file in which RAM lies page by page, and the sections behind it */
};
enum snap_type {
    SNAP_MACHINE = 1, /* what it is: must fit the machine that loads it */
    SNAP_RAM_PAGES,   /* pages of a RAM block (stream) */
    SNAP_RAM_MAP,     /* where a RAM block lies in the file, with a checksum a page (mapped) */
    SNAP_CLOCK,       /* virtual time, and whether the machine ran */
    SNAP_CPU,
    SNAP_DEVICE,
    SNAP_END,
    SNAP_READY, /* back to the source: all is there; or why not */
    SNAP_GO,    /* to the destination: the source will not go on */
};
/* Bounds on what a reader takes, by kind of section. */
enum { SNAP_MAX_STATE = 64 << 20, SNAP_PAGES_MAX = 256 };
#define SNAP_MAX_SECTIONS ((uint64_t)1 << 31) /* bytes of a mapped file's sections in all */

/* Bytes to or from somewhere. */
struct snap_io {
    /* All n bytes, or false and *errp. */
    bool (*write)(struct snap_io *io, const void *buf, size_t n, struct error **errp);
    bool (*read)(struct snap_io *io, void *buf, size_t n, struct error **errp);
    uint32_t sections; /* written, or read, so far */
    uint64_t bytes;
};
/* In memory; what is read is what was written. */
struct snap_memory {
    struct snap_io io;
    GByteArray *data;
    size_t at;
};
void snap_memory_init(struct snap_memory *mem);
void snap_memory_fini(struct snap_memory *mem);

struct snap_header {
    enum snap_layout layout;
    bool wants_reply;      /* the source waits for SNAP_READY, then says SNAP_GO */
    uint64_t sections_at;  /* mapped: bytes from the header to the sections */
    uint64_t sections_len; /* and how many */
};
void snap_pack_header(const struct snap_header *h, uint8_t out[SNAP_HEADER_SIZE]);
/* False and *errp when it is something else, damaged, or of another version. */
bool snap_unpack_header(const uint8_t in[SNAP_HEADER_SIZE], struct snap_header *h,
                        struct error **errp) MUST_CHECK;
bool snap_write_header(struct snap_io *io, const struct snap_header *h,
                       struct error **errp) MUST_CHECK;
bool snap_read_header(struct snap_io *io, struct snap_header *h, struct error **errp) MUST_CHECK;

bool snap_write_section(struct snap_io *io, enum snap_type type, const void *payload, size_t n,
                        struct error **errp) MUST_CHECK;
/* The next section, verified, into payload (whose old contents go). */
bool snap_read_section(struct snap_io *io, enum snap_type *type, GByteArray *payload,
                       struct error **errp) MUST_CHECK;

/* Writing payloads. */
void snap_put_u8(GByteArray *out, uint8_t v);
void snap_put_u32(GByteArray *out, uint32_t v);
void snap_put_u64(GByteArray *out, uint64_t v);
void snap_put_string(GByteArray *out, const char *s);
/* Reading them: past the end everything is 0 and `bad` is set. */
struct snap_cursor {
    const uint8_t *p;
    size_t left;
    bool bad;
};
struct snap_cursor snap_cursor(const GByteArray *payload);
uint8_t snap_get_u8(struct snap_cursor *c);
uint32_t snap_get_u32(struct snap_cursor *c);
uint64_t snap_get_u64(struct snap_cursor *c);
/* n bytes in place, or NULL. */
const uint8_t *snap_get_bytes(struct snap_cursor *c, size_t n);
/* g_free() it; "" past the end. */
char *snap_get_string(struct snap_cursor *c);

#endif
