/* A whole saved machine: written at once, or read and checked before it is put in place. */
#include "snapshot/load.h"

#include "snapshot/mapped.h"
#include "snapshot/ram.h"
#include "snapshot/state.h"

#include <string.h>

struct snapshot {
    struct machine *m;
    struct snap_header header;
    struct snap_staging *staging;
    struct ram_load *ram;
    bool mapped;
};

/* Where sections come from. */
struct source {
    struct snap_io *io;
    struct mapped_place *place; /* mapped layout, or NULL */
    bool verify;
};

static bool take_section(struct snapshot *s, const struct source *src, enum snap_type type,
                         const GByteArray *payload, struct error **errp)
{
    switch (type) {
    case SNAP_RAM_PAGES: return ram_load_pages(s->ram, payload, errp);
    case SNAP_RAM_MAP:
        if (s->header.layout != SNAP_MAPPED)
            break;
        s->mapped = true;
        return mapped_load(s->ram, src->place, src->verify, payload, errp);
    default: return snap_stage(s->staging, type, payload, errp);
    }
    error_set(errp, "the saved state is damaged: a stream cannot say where memory lies in a file");
    return false;
}

static bool read_description(struct snapshot *s, struct snap_io *io, GByteArray *payload,
                             struct error **errp)
{
    g_autoptr(GPtrArray) rams = g_ptr_array_new();
    enum snap_type type;

    if (!snap_read_section(io, &type, payload, errp))
        return false;
    if (type != SNAP_MACHINE) {
        error_set(errp, "the saved state is damaged: it does not begin with a description");
        return false;
    }
    if (!snap_fits(s->m, payload, rams, errp))
        return false;
    s->ram = ram_load_new(rams);
    s->staging = snap_staging_new(s->m);
    return true;
}

static bool read_sections(struct snapshot *s, const struct source *src, struct error **errp)
{
    g_autoptr(GByteArray) payload = g_byte_array_new();
    enum snap_type type;

    if (!read_description(s, src->io, payload, errp))
        return false;
    for (;;) {
        if (!snap_read_section(src->io, &type, payload, errp))
            return false;
        if (type == SNAP_END)
            return snap_is_complete(s->staging, errp) && ram_load_complete(s->ram, errp);
        if (!take_section(s, src, type, payload, errp))
            return false;
    }
}

static struct snapshot *snapshot_new(struct machine *m)
{
    struct snapshot *s = g_new0(struct snapshot, 1);

    s->m = m;
    return s;
}

/* After the header. */
static struct snapshot *finish_read(struct snapshot *s, const struct source *src,
                                    struct error **errp)
{
    if (read_sections(s, src, errp))
        return s;
    snapshot_free(s);
    return NULL;
}

struct snapshot *snapshot_read(struct snap_io *io, struct machine *m, struct error **errp)
{
    struct snapshot *s = snapshot_new(m);
    struct source src = {.io = io};

    if (snap_read_header(io, &s->header, errp)) {
        if (s->header.layout == SNAP_STREAM)
            return finish_read(s, &src, errp);
        error_set(errp, "this state was saved to a file: load it from the file, not through a pipe "
                        "(file:PATH)");
    }
    snapshot_free(s);
    return NULL;
}

/* ---- files ---- */

struct file_io {
    struct snap_io io;
    int fd;
    uint64_t at;
};

static bool file_io_read(struct snap_io *io, void *buf, size_t n, struct error **errp)
{
    struct file_io *f = (struct file_io *)io;

    f->at += n;
    return file_read_at(f->fd, buf, n, f->at - n, errp);
}

static bool read_whole(struct mapped_place *place, uint64_t at, uint64_t n, GByteArray *out,
                       struct error **errp)
{
    enum { STEP = 1 << 20 }; /* memory grows with what is there */

    while (n) {
        guint len = out->len, part = (guint)MIN(n, STEP);
        g_byte_array_set_size(out, len + part);
        if (!place->read(place, out->data + len, part, at, errp))
            return false;
        at += part;
        n -= part;
    }
    return true;
}

static struct snapshot *open_mapped(struct snapshot *s, struct source *src, struct error **errp)
{
    const uint64_t max = (uint64_t)1 << 40;
    struct snap_memory mem;
    struct snapshot *done = NULL;

    snap_memory_init(&mem);
    src->io = &mem.io;
    if (s->header.sections_at > max || s->header.sections_len > SNAP_MAX_SECTIONS)
        error_set(errp, "the header of the saved state is damaged");
    else if (read_whole(src->place, s->header.sections_at, s->header.sections_len, mem.data, errp))
        done = finish_read(g_steal_pointer(&s), src, errp);
    snap_memory_fini(&mem);
    snapshot_free(s);
    return done;
}

struct snapshot *snapshot_open_place(struct snap_io *io, struct mapped_place *place, bool verify,
                                     struct machine *m, struct error **errp)
{
    struct snapshot *s = snapshot_new(m);
    struct source src = {io, place, verify};

    if (!snap_read_header(io, &s->header, errp)) {
        snapshot_free(s);
        return NULL;
    }
    return s->header.layout == SNAP_MAPPED ? open_mapped(s, &src, errp)
                                           : finish_read(s, &src, errp);
}

struct snapshot *snapshot_open(int fd, uint64_t base, bool verify, struct machine *m,
                               struct error **errp)
{
    struct file_io f = {.io = {.read = file_io_read}, .fd = fd, .at = base};
    struct mapped_file place;

    if (base > INT64_MAX / 4) {
        error_set(errp, "there is no byte %" G_GUINT64_FORMAT " in a file", base);
        return NULL;
    }
    mapped_file_init(&place, fd, base);
    return snapshot_open_place(&f.io, &place.place, verify, m, errp);
}

/* ---- the rest of its life ---- */

bool snapshot_is_mapped(const struct snapshot *s)
{
    return s->mapped;
}

bool snapshot_wants_reply(const struct snapshot *s)
{
    return s->header.wants_reply;
}

void snapshot_install(struct snapshot *s, bool *ran)
{
    ram_load_install(s->ram);
    snap_install(s->staging, ran);
}

void snapshot_free(struct snapshot *s)
{
    if (s == NULL)
        return;
    snap_staging_free(s->staging);
    ram_load_free(s->ram);
    g_free(s);
}

/* ---- writing at once ---- */

static bool write_ram(struct machine *m, struct ram_sink *sink, struct error **errp)
{
    struct ram_save *ram = ram_save_new(m);
    bool more = true, ok = true;

    ram_save_collect(ram);
    while (ok && more)
        ok = ram_save_step(ram, sink, &more, errp);
    ram_save_free(ram);
    return ok;
}

bool snapshot_write(struct machine *m, struct snap_io *io, bool ran, struct error **errp)
{
    const struct snap_header header = {.layout = SNAP_STREAM};
    struct ram_stream_sink sink;

    if (!snap_can_save(m, errp))
        return false;
    g_autoptr(GByteArray) what = snap_describe(m);
    g_autoptr(GPtrArray) blobs = snap_collect(m, ran);
    ram_stream_sink_init(&sink, io);
    return snap_write_header(io, &header, errp) &&
           snap_write_section(io, SNAP_MACHINE, what->data, what->len, errp) &&
           write_ram(m, &sink.sink, errp) && snap_write_blobs(io, blobs, errp);
}

bool snapshot_write_mapped(struct machine *m, struct mapped_place *place, bool ran, uint64_t *size,
                           struct error **errp)
{
    if (!snap_can_save(m, errp))
        return false;
    g_autoptr(GByteArray) what = snap_describe(m);
    g_autoptr(GPtrArray) blobs = snap_collect(m, ran);
    struct mapped_sink *s = mapped_sink_new(m, place);
    bool ok = write_ram(m, &s->sink, errp) && mapped_finish(s, what, blobs, size, errp);
    mapped_sink_free(s);
    return ok;
}
