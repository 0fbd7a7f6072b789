/* Intel HEX files.  Ref: Intel Hexadecimal Object File Format Specification, revision A. */
#include "core/ihex.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

enum { DATA = 0, END = 1, SEGMENT = 2, START_SEGMENT = 3, LINEAR = 4, START_LINEAR = 5 };
enum { HEADER = 4, MAX_RECORD = HEADER + 255 + 1 };

/* Where the reading is. */
struct reader {
    const uint8_t *p, *end;
    unsigned line;
    uint32_t base; /* of the next data records */
    GArray *pieces;
    struct ihex_piece current; /* its data is in bytes */
    GByteArray *bytes;
};

bool ihex_probe(const uint8_t *data, size_t len)
{
    size_t n = MIN(len, 11);
    if (n < 11 || data[0] != ':')
        return false;
    for (size_t i = 1; i < n; i++)
        if (!isxdigit(data[i]))
            return false;
    return true;
}

static bool bad_line(const struct reader *r, const char *why, struct error **errp)
{
    error_set(errp, "line %u of the Intel HEX file %s", r->line, why);
    return false;
}

/* The bytes of the record at r->p, checked; how many, or -1. */
static int read_record(struct reader *r, uint8_t *out, struct error **errp)
{
    int n = 0;
    uint8_t sum = 0;
    r->p++; /* the colon */
    while (r->p + 1 < r->end && isxdigit(r->p[0]) && isxdigit(r->p[1]) && n < MAX_RECORD) {
        out[n] = (uint8_t)(g_ascii_xdigit_value((char)r->p[0]) << 4 |
                           g_ascii_xdigit_value((char)r->p[1]));
        sum += out[n++];
        r->p += 2;
    }
    if (n <= HEADER || n != HEADER + out[0] + 1)
        bad_line(r, "has not as many bytes as it says", errp);
    else if (sum != 0)
        bad_line(r, "has a wrong checksum", errp);
    else
        return n;
    return -1;
}

static void end_piece(struct reader *r)
{
    r->current.len = r->bytes->len;
    if (r->current.len == 0)
        return;
    r->current.data = g_memdup2(r->bytes->data, r->current.len);
    g_array_append_val(r->pieces, r->current);
    g_byte_array_set_size(r->bytes, 0);
}

static void add_data(struct reader *r, const uint8_t *rec)
{
    uint32_t addr = r->base + (uint32_t)(rec[1] << 8 | rec[2]);
    if (r->bytes->len == 0 || addr != r->current.addr + r->bytes->len) {
        end_piece(r);
        r->current.addr = addr;
    }
    g_byte_array_append(r->bytes, rec + HEADER, rec[0]);
}

/* False at the end of the file's records, or with *errp. */
static bool take_record(struct reader *r, const uint8_t *rec, bool *done, struct error **errp)
{
    uint32_t value = (uint32_t)(rec[HEADER] << 8 | rec[HEADER + 1]);
    switch (rec[3]) {
    case DATA: add_data(r, rec); return true;
    case END: *done = true; return true;
    case SEGMENT:
    case LINEAR:
        if (rec[0] != 2)
            return bad_line(r, "has an address of a wrong length", errp);
        r->base = rec[3] == SEGMENT ? value << 4 : value << 16;
        return true;
    case START_SEGMENT:
    case START_LINEAR: return true; /* the vector table says where it begins */
    default: return bad_line(r, "has a record of unknown type", errp);
    }
}

static bool read_all(struct reader *r, struct error **errp)
{
    uint8_t rec[MAX_RECORD + 1];
    bool done = false;
    while (!done && r->p < r->end) {
        if (*r->p == '\n')
            r->line++;
        if (isspace(*r->p)) {
            r->p++;
            continue;
        }
        if (*r->p != ':')
            return bad_line(r, "does not begin with ':'", errp);
        if (read_record(r, rec, errp) < 0 || !take_record(r, rec, &done, errp))
            return false;
    }
    end_piece(r);
    return done || bad_line(r, "is the last, and no record says so (truncated?)", errp);
}

static void piece_clear(void *piece)
{
    g_free(((struct ihex_piece *)piece)->data);
}

GArray *ihex_parse(const uint8_t *data, size_t len, struct error **errp)
{
    struct reader r = {.p = data, .end = data + len, .line = 1};
    r.pieces = g_array_new(FALSE, FALSE, sizeof(struct ihex_piece));
    g_array_set_clear_func(r.pieces, piece_clear);
    r.bytes = g_byte_array_new();
    bool ok = read_all(&r, errp);
    g_byte_array_unref(r.bytes);
    if (ok)
        return r.pieces;
    g_array_unref(r.pieces);
    return NULL;
}
