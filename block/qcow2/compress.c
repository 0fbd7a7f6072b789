/* Compressed clusters: raw deflate with a window of 4 KiB, or zstd. */
#include "block/qcow2/qcow2_priv.h"

#include <errno.h>
#include <zlib.h>
#include <zstd.h>

enum { PACK_WINDOW = -12, UNPACK_WINDOW = -15, MEM_LEVEL = 9 };

static int inflate_to(const uint8_t *in, size_t n_in, uint8_t *out, size_t n)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)in,
                  .avail_in = (uInt)n_in,
                  .next_out = out,
                  .avail_out = (uInt)n};

    if (inflateInit2(&z, UNPACK_WINDOW) != Z_OK)
        return -ENOMEM;
    int ret = inflate(&z, Z_FINISH);
    bool ok = (ret == Z_STREAM_END || ret == Z_BUF_ERROR || ret == Z_OK) && z.avail_out == 0;
    inflateEnd(&z);
    return ok ? 0 : -EIO;
}

/* The frame may be followed by the rest of a sector. */
static int unzstd_to(const uint8_t *in, size_t n_in, uint8_t *out, size_t n)
{
    ZSTD_inBuffer from = {in, n_in, 0};
    ZSTD_outBuffer to = {out, n, 0};
    ZSTD_DCtx *ctx = ZSTD_createDCtx();
    size_t ret = 1, before = 1;

    if (!ctx)
        return -ENOMEM;
    while (ret && !ZSTD_isError(ret) && to.pos < n && from.pos + to.pos != before) {
        before = from.pos + to.pos;
        ret = ZSTD_decompressStream(ctx, &to, &from);
    }
    ZSTD_freeDCtx(ctx);
    return !ZSTD_isError(ret) && to.pos == n ? 0 : -EIO;
}

int qcow2_unpack(unsigned how, const uint8_t *in, size_t n_in, uint8_t *out, size_t n)
{
    return how == COMPRESSION_ZSTD ? unzstd_to(in, n_in, out, n) : inflate_to(in, n_in, out, n);
}

int qcow2_pack(unsigned how, const uint8_t *in, size_t n, uint8_t *out, size_t *n_out)
{
    if (how == COMPRESSION_ZSTD) {
        size_t got = ZSTD_compress(out, n - 1, in, n, ZSTD_CLEVEL_DEFAULT);
        *n_out = got;
        return ZSTD_isError(got) ? -ENOSPC : 0;
    }
    z_stream z = {.next_in = (Bytef *)(uintptr_t)in,
                  .avail_in = (uInt)n,
                  .next_out = out,
                  .avail_out = (uInt)n - 1};
    if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, PACK_WINDOW, MEM_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        return -ENOMEM;
    int ret = deflate(&z, Z_FINISH);
    *n_out = z.total_out;
    deflateEnd(&z);
    return ret == Z_STREAM_END ? 0 : -ENOSPC;
}
