/* Header, sections and payloads of a saved machine. */
#include "snapshot/stream.h"

#include "util/bits.h"
#include "util/xxh64.h"

#include <inttypes.h>
#include <string.h>

enum { FLAG_REPLY = 1, FLAGS_KNOWN = FLAG_REPLY };
static const char MAGIC[8] = {'T', 'i', 'n', 'a', 'm', 'o', 'u', 0x1a};

/* ---- header ---- */

void snap_pack_header(const struct snap_header *h, uint8_t out[SNAP_HEADER_SIZE])
{
    memcpy(out, MAGIC, sizeof(MAGIC));
    st_le32(out + 8, SNAP_VERSION);
    st_le32(out + 12, h->layout);
    st_le64(out + 16, h->wants_reply ? FLAG_REPLY : 0);
    st_le64(out + 24, h->sections_at);
    st_le64(out + 32, h->sections_len);
    st_le64(out + 40, xxh64(out, 40));
}

static bool is_zero(const uint8_t *p, size_t n)
{
    while (n && !*p) {
        p++;
        n--;
    }
    return n == 0;
}

/* Say what it is instead, if it is something known. */
static void explain_magic(const uint8_t *in, struct error **errp)
{
    if (!memcmp(in, "QEVM", 4))
        error_set(errp, "this state was saved by QEMU, whose format only QEMU reads");
    else if (!memcmp(in, "QFI\xfb", 4))
        error_set(errp, "this is a qcow2 disk image: load a snapshot in it with -loadvm");
    else if (!memcmp(in, "Libvirt", 7))
        error_set(errp, "this is libvirt's save file: the state lies behind its header (offset=)");
    else if (is_zero(in, SNAP_HEADER_SIZE))
        error_set(errp, "the saved state is not complete: saving it was interrupted");
    else
        error_set(errp, "this is no saved state of a machine");
}

bool snap_unpack_header(const uint8_t in[SNAP_HEADER_SIZE], struct snap_header *h,
                        struct error **errp)
{
    uint32_t version = ld_le32(in + 8);
    uint64_t flags = ld_le64(in + 16);

    if (memcmp(in, MAGIC, sizeof(MAGIC)) != 0) {
        explain_magic(in, errp);
        return false;
    }
    if (version != SNAP_VERSION) {
        error_set(errp, "the saved state is of format version %u, this program reads version %d",
                  version, SNAP_VERSION);
        return false;
    }
    if (ld_le64(in + 40) != xxh64(in, 40)) {
        error_set(errp, "the header of the saved state is damaged");
        return false;
    }
    *h = (struct snap_header){ld_le32(in + 12), flags & FLAG_REPLY, ld_le64(in + 24),
                              ld_le64(in + 32)};
    if (h->layout <= SNAP_MAPPED && !(flags & ~(uint64_t)FLAGS_KNOWN))
        return true;
    error_set(errp, "the saved state uses layout %u, flags %#" PRIx64 ", which are not known here",
              h->layout, flags);
    return false;
}

static bool put(struct snap_io *io, const void *buf, size_t n, struct error **errp)
{
    io->bytes += n;
    return io->write(io, buf, n, errp);
}

static bool get(struct snap_io *io, void *buf, size_t n, struct error **errp)
{
    io->bytes += n;
    return io->read(io, buf, n, errp);
}

bool snap_write_header(struct snap_io *io, const struct snap_header *h, struct error **errp)
{
    uint8_t raw[SNAP_HEADER_SIZE];

    snap_pack_header(h, raw);
    return put(io, raw, sizeof(raw), errp);
}

bool snap_read_header(struct snap_io *io, struct snap_header *h, struct error **errp)
{
    uint8_t raw[SNAP_HEADER_SIZE];

    return get(io, raw, sizeof(raw), errp) && snap_unpack_header(raw, h, errp);
}

/* ---- sections ---- */

bool snap_write_section(struct snap_io *io, enum snap_type type, const void *payload, size_t n,
                        struct error **errp)
{
    uint8_t head[SNAP_SECTION_SIZE];

    st_le32(head, type);
    st_le32(head + 4, io->sections++);
    st_le64(head + 8, n);
    st_le64(head + 16, xxh64(payload, n));
    st_le64(head + 24, xxh64(head, 24));
    return put(io, head, sizeof(head), errp) && put(io, payload, n, errp);
}

static bool check_head(struct snap_io *io, const uint8_t *head, struct error **errp)
{
    if (ld_le64(head + 24) != xxh64(head, 24)) {
        error_set(errp, "the saved state is damaged: section %u has no sound head", io->sections);
        return false;
    }
    if (ld_le32(head + 4) != io->sections) {
        error_set(errp, "the saved state is damaged: section %u comes where %u should",
                  ld_le32(head + 4), io->sections);
        return false;
    }
    if (ld_le64(head + 8) > SNAP_MAX_STATE) {
        error_set(errp, "the saved state is damaged: section %u would have %" PRIu64 " bytes",
                  io->sections, ld_le64(head + 8));
        return false;
    }
    return true;
}

bool snap_read_section(struct snap_io *io, enum snap_type *type, GByteArray *payload,
                       struct error **errp)
{
    enum { STEP = 1 << 20 }; /* memory grows with what has come, not with what was promised */
    uint8_t head[SNAP_SECTION_SIZE];

    if (!get(io, head, sizeof(head), errp) || !check_head(io, head, errp))
        return false;
    g_byte_array_set_size(payload, 0);
    for (uint64_t left = ld_le64(head + 8); left;) {
        size_t n = MIN(left, (uint64_t)STEP), at = payload->len;
        g_byte_array_set_size(payload, at + n);
        if (!get(io, payload->data + at, n, errp))
            return false;
        left -= n;
    }
    if (ld_le64(head + 16) != xxh64(payload->data, payload->len)) {
        error_set(errp, "the saved state is damaged: section %u has another checksum",
                  io->sections);
        return false;
    }
    *type = ld_le32(head);
    io->sections++;
    return true;
}

/* ---- payloads ---- */

void snap_put_u8(GByteArray *out, uint8_t v)
{
    g_byte_array_append(out, &v, 1);
}

void snap_put_u32(GByteArray *out, uint32_t v)
{
    uint8_t raw[4];

    st_le32(raw, v);
    g_byte_array_append(out, raw, sizeof(raw));
}

void snap_put_u64(GByteArray *out, uint64_t v)
{
    uint8_t raw[8];

    st_le64(raw, v);
    g_byte_array_append(out, raw, sizeof(raw));
}

void snap_put_string(GByteArray *out, const char *s)
{
    size_t n = s ? strlen(s) : 0;

    snap_put_u32(out, n);
    g_byte_array_append(out, (const uint8_t *)s, n);
}

struct snap_cursor snap_cursor(const GByteArray *payload)
{
    return (struct snap_cursor){payload->data, payload->len, false};
}

const uint8_t *snap_get_bytes(struct snap_cursor *c, size_t n)
{
    const uint8_t *p = c->p;

    if (c->bad || n > c->left) {
        c->bad = true;
        return NULL;
    }
    c->p += n;
    c->left -= n;
    return p;
}

uint8_t snap_get_u8(struct snap_cursor *c)
{
    const uint8_t *p = snap_get_bytes(c, 1);

    return p ? *p : 0;
}

uint32_t snap_get_u32(struct snap_cursor *c)
{
    const uint8_t *p = snap_get_bytes(c, 4);

    return p ? ld_le32(p) : 0;
}

uint64_t snap_get_u64(struct snap_cursor *c)
{
    const uint8_t *p = snap_get_bytes(c, 8);

    return p ? ld_le64(p) : 0;
}

char *snap_get_string(struct snap_cursor *c)
{
    uint32_t n = snap_get_u32(c);
    const uint8_t *p = snap_get_bytes(c, n);

    if (p && !g_utf8_validate((const char *)p, n, NULL)) /* it may be shown */
        c->bad = true;
    return g_strndup(p && !c->bad ? (const char *)p : "", p && !c->bad ? n : 0);
}

/* ---- in memory ---- */

static bool memory_write(struct snap_io *io, const void *buf, size_t n, struct error **errp UNUSED)
{
    g_byte_array_append(((struct snap_memory *)io)->data, buf, n);
    return true;
}

static bool memory_read(struct snap_io *io, void *buf, size_t n, struct error **errp)
{
    struct snap_memory *mem = (struct snap_memory *)io;

    if (n > mem->data->len - mem->at) {
        error_set(errp, "the saved state ends too early");
        return false;
    }
    if (n)
        memcpy(buf, mem->data->data + mem->at, n);
    mem->at += n;
    return true;
}

void snap_memory_init(struct snap_memory *mem)
{
    *mem = (struct snap_memory){.io = {.write = memory_write, .read = memory_read},
                                .data = g_byte_array_new()};
}

void snap_memory_fini(struct snap_memory *mem)
{
    g_byte_array_unref(mem->data);
}
