/* RAM on its way out, in rounds of what is dirty, and on its way in, beside the machine's own. */
#ifndef SNAPSHOT_RAM_H
#define SNAPSHOT_RAM_H

#include "core/machine.h"
#include "snapshot/stream.h"

/* Some pages of one block, copied.  Of pages all of whose bytes are alike there is that byte only;
 * the data of the others lie one after another, behind room for the head of a section. */
enum { RAM_NO_FILL = -1 };
struct ram_batch {
    unsigned block; /* its place in the machine's list */
    struct ram_block *ram;
    unsigned n, nfill;
    uint64_t page[SNAP_PAGES_MAX];
    int16_t fill[SNAP_PAGES_MAX]; /* the byte, or RAM_NO_FILL */
    uint8_t *data;
};
/* The byte that all n bytes at p are (n a multiple of 64), or RAM_NO_FILL. */
int ram_fill_byte(const uint8_t *p, uint64_t n);

/* Who takes batches. */
struct ram_sink {
    bool (*pages)(struct ram_sink *s, const struct ram_batch *b, struct error **errp);
};

struct ram_save {
    struct machine *m;
    unsigned n;
    struct ram_copy {
        struct ram_block *ram;
        uint64_t *todo; /* a bit a page */
        uint64_t left;  /* bits that are set */
        uint64_t at;    /* word: none are set before it */
        bool *seen;     /* was sent before: zero pages must be said to be zero */
    } * blocks;
    uint8_t *buffer;
    struct ram_batch batch;
    uint64_t normal, fill, rounds; /* pages sent whole, pages of one byte, rounds begun */
    uint64_t total;                /* bytes */
};

struct ram_save *ram_save_new(struct machine *m);
void ram_save_free(struct ram_save *s);
/* Begin a round: what is dirty now, or everything the first time, is to be sent.  Not from a vCPU's
 * thread. */
void ram_save_collect(struct ram_save *s);
/* Send one batch; *more is false when there was none.  False and *errp when the sink failed. */
bool ram_save_step(struct ram_save *s, struct ram_sink *sink, bool *more, struct error **errp);
uint64_t ram_save_left(const struct ram_save *s); /* pages */

/* Batches as sections of a stream. */
struct ram_stream_sink {
    struct ram_sink sink;
    struct snap_io *io;
};
void ram_stream_sink_init(struct ram_stream_sink *s, struct snap_io *io);

/* Contents for the machine's RAM that wait to be put in their place. */
struct ram_load {
    unsigned n;
    struct ram_shadow {
        struct ram_block *ram;
        uint8_t *map;              /* NULL: all zero so far */
        struct ram_source *source; /* that parts of map are mapped from, or NULL */
        bool keep;                 /* the machine's own is the same already: blank flash */
    } * blocks;
};
/* rams: the machine's struct ram_block *, in the stream's order. */
struct ram_load *ram_load_new(const GPtrArray *rams);
void ram_load_free(struct ram_load *l);
/* Make room for the block's contents, if there is none yet. */
bool ram_load_map(struct ram_shadow *b, struct error **errp) MUST_CHECK;
/* One SNAP_RAM_PAGES section. */
bool ram_load_pages(struct ram_load *l, const GByteArray *payload, struct error **errp) MUST_CHECK;
/* Map what is still missing, so that installing cannot fail. */
bool ram_load_complete(struct ram_load *l, struct error **errp) MUST_CHECK;
/* Make it the machine's RAM; inside machine_pause(). */
void ram_load_install(struct ram_load *l);

#endif
