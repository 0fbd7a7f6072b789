/*
 * Kernels as distributions wrap them: gzip, zstd, EFI zboot.
 *
 * Ref: RFC 1952; RFC 8878; Linux drivers/firmware/efi/libstub/zboot-header.S for the layout of the
 * zboot header.
 */
#include "core/loader.h"
#include "util/bits.h"

#include <glib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

enum { MAX_NESTED = 3, ZBOOT_HEADER = 64 };

/* A growing output of at most max bytes. */
struct output {
    uint8_t *data;
    size_t len, room, max;
};

static bool too_large(const char *path, size_t max, struct error **errp)
{
    error_set(errp, "'%s' is too large when unpacked, at most %zu bytes fit", path, max);
    return false;
}

/* Room for more output, one byte over the limit at the most (which then shows that the limit is
 * passed). */
static bool make_room(struct output *o, const char *path, struct error **errp)
{
    if (o->len < o->room)
        return true;
    if (o->len > o->max)
        return too_large(path, o->max, errp);
    size_t room = MIN(o->room + o->room / 2 + (1 << 20), o->max + 1);
    uint8_t *more = g_try_realloc(o->data, room);
    if (!more) {
        error_set(errp, "could not unpack '%s': no memory for %zu bytes", path, room);
        return false;
    }
    o->data = more;
    o->room = room;
    return true;
}

/* Inflate one member; trailing bytes (padding, a signature) are left alone, as gzip does with a
 * warning. */
static bool inflate_all(z_stream *z, struct output *o, const char *path, struct error **errp)
{
    int ret = Z_OK;

    while (ret != Z_STREAM_END) {
        if (!make_room(o, path, errp))
            return false;
        size_t step = MIN(o->room - o->len, (size_t)1 << 30);
        z->next_out = o->data + o->len;
        z->avail_out = step;
        ret = inflate(z, Z_NO_FLUSH);
        o->len += step - z->avail_out;
        if (ret == Z_BUF_ERROR || (ret == Z_OK && !z->avail_in && z->avail_out)) {
            error_set(errp, "gzip data in '%s' ends too early (truncated?)", path);
            return false;
        }
        if (ret != Z_OK && ret != Z_STREAM_END) {
            error_set(errp, "gzip data in '%s' is corrupt: %s", path,
                      z->msg ? z->msg : "no more is known");
            return false;
        }
    }
    return o->len <= o->max || too_large(path, o->max, errp);
}

static bool unpack_gzip(const uint8_t *data, size_t len, struct output *o, const char *path,
                        struct error **errp)
{
    z_stream z = {0};

    if (len > UINT_MAX) {
        error_set(errp, "gzip data in '%s' is too large", path);
        return false;
    }
    z.next_in = (Bytef *)(uintptr_t)data; /* zlib does not write to it */
    z.avail_in = len;
    if (inflateInit2(&z, 15 + 16) != Z_OK) {
        error_set(errp, "could not start unpacking '%s'", path);
        return false;
    }
    bool ok = inflate_all(&z, o, path, errp);
    inflateEnd(&z);
    return ok;
}

static bool zstd_all(ZSTD_DStream *z, ZSTD_inBuffer *in, struct output *o, const char *path,
                     struct error **errp)
{
    size_t ret = 1;

    while (ret) {
        if (!make_room(o, path, errp))
            return false;
        ZSTD_outBuffer out = {o->data + o->len, o->room - o->len, 0};
        size_t in_before = in->pos;
        ret = ZSTD_decompressStream(z, &out, in);
        o->len += out.pos;
        if (ZSTD_isError(ret)) {
            error_set(errp, "zstd data in '%s' is corrupt: %s", path, ZSTD_getErrorName(ret));
            return false;
        }
        if (ret && !out.pos && in->pos == in_before && in->pos == in->size) {
            error_set(errp, "zstd data in '%s' ends too early (truncated?)", path);
            return false;
        }
    }
    return o->len <= o->max || too_large(path, o->max, errp);
}

static bool unpack_zstd(const uint8_t *data, size_t len, struct output *o, const char *path,
                        struct error **errp)
{
    ZSTD_DStream *z = ZSTD_createDStream();
    ZSTD_inBuffer in = {data, len, 0};

    if (!z) {
        error_set(errp, "could not start unpacking '%s'", path);
        return false;
    }
    bool ok = zstd_all(z, &in, o, path, errp);
    ZSTD_freeDStream(z);
    return ok;
}

typedef bool unpack_fn(const uint8_t *data, size_t len, struct output *o, const char *path,
                       struct error **errp);

static bool is_gzip(const uint8_t *data, size_t len)
{
    return len >= 3 && data[0] == 0x1f && data[1] == 0x8b && data[2] == 8;
}

static bool is_zstd(const uint8_t *data, size_t len)
{
    return len >= 4 && ld_le32(data) == 0xfd2fb528;
}

static bool is_zboot(const uint8_t *data, size_t len)
{
    return len >= 8 && !memcmp(data, "MZ", 2) && !memcmp(data + 4, "zimg", 4);
}

/* How the payload of a zboot image is packed. */
static unpack_fn *zboot_method(const char *name, const char *path, struct error **errp)
{
    if (!strcmp(name, "gzip"))
        return unpack_gzip;
    if (!strcmp(name, "zstd") || !strcmp(name, "zstd22"))
        return unpack_zstd;
    g_autofree char *shown = g_strescape(name, NULL);
    error_set(errp, "EFI zboot image '%s' is packed with '%s', only gzip and zstd are supported",
              path, shown);
    return NULL;
}

/* The gzip payload of zboot carries its own header; the size field counts the whole. */
static unpack_fn *open_zboot(const uint8_t **data, size_t *len, const char *path,
                             struct error **errp)
{
    char name[33] = {0};

    if (*len < ZBOOT_HEADER) {
        error_set(errp, "EFI zboot image '%s' is truncated in its header", path);
        return NULL;
    }
    uint32_t off = ld_le32(*data + 8), size = ld_le32(*data + 12);
    memcpy(name, *data + 24, sizeof(name) - 1);
    if (off > *len || size > *len - off) {
        error_set(errp,
                  "EFI zboot image '%s' is truncated: its payload ends at %" G_GUINT64_FORMAT
                  ", the file at %zu",
                  path, (uint64_t)off + size, *len);
        return NULL;
    }
    *data += off;
    *len = size;
    return zboot_method(name, path, errp);
}

static bool unwrap_once(uint8_t **data, size_t *len, unpack_fn *fn, size_t max, const char *path,
                        struct error **errp)
{
    struct output o = {.max = MIN(max, SIZE_MAX - 1)};
    const uint8_t *from = *data;
    size_t from_len = *len;

    if (!fn)
        fn = open_zboot(&from, &from_len, path, errp);
    if (!fn || !fn(from, from_len, &o, path, errp)) {
        g_free(o.data);
        return false;
    }
    g_free(*data);
    *data = o.data ? o.data : g_malloc0(1);
    *len = o.len;
    return true;
}

bool load_unwrap(uint8_t **data, size_t *len, size_t max, const char *path, struct error **errp)
{
    for (int i = 0; i < MAX_NESTED; i++) {
        unpack_fn *fn = is_gzip(*data, *len)   ? unpack_gzip
                        : is_zstd(*data, *len) ? unpack_zstd
                                               : NULL;
        if (!fn && !is_zboot(*data, *len))
            return true;
        if (!unwrap_once(data, len, fn, max, path, errp))
            return false;
    }
    return true;
}
