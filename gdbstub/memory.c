/* Memory packets, breakpoint packets, the memory map.  Ref: GDB manual, E.2 (m, M, x, X, Z, z,
 * qCRC) and E.14 (memory map). */
#include "gdbstub/gdb_priv.h"

enum { MAX_READ = GDB_PACKET_MAX / 2 - 16, PIECE = 4096 };

/* The longest prefix that can be read, in pieces that end at page boundaries. */
static size_t read_prefix(struct gdb_server *g, gva addr, uint8_t *buf, size_t len)
{
    size_t done = 0;

    while (done < len) {
        size_t n = MIN(len - done, PIECE - ((addr + done) & (PIECE - 1)));
        if (!debug_read(g->cpu, g->physical, addr + done, buf + done, n))
            break;
        done += n;
    }
    return done;
}

/* Bytewise, where a page is there in part only. */
static size_t read_all(struct gdb_server *g, gva addr, uint8_t *buf, size_t len)
{
    size_t done = read_prefix(g, addr, buf, len);

    while (done < len && debug_read(g->cpu, g->physical, addr + done, buf + done, 1))
        done++;
    return done;
}

void gdb_read_memory(struct gdb_server *g, const char *args, bool binary)
{
    gva addr;
    uint64_t len;

    if (!gdb_parse_range(&args, &addr, &len)) {
        gdb_error(g, GDB_EINVAL);
        return;
    }
    len = MIN(len, (uint64_t)MAX_READ);
    g_autofree uint8_t *buf = g_malloc(len + 1);
    size_t n = read_all(g, addr, buf, len);
    if (len && !n) {
        gdb_error(g, GDB_EFAULT);
        return;
    }
    if (binary) {
        g_string_append_c(g->reply, 'b');
        g_string_append_len(g->reply, (const char *)buf, (gssize)n);
    } else {
        gdb_append_hex(g->reply, buf, n);
    }
}

static void write_memory(struct gdb_server *g, gva addr, const void *buf, size_t len)
{
    if (debug_write(g->cpu, g->physical, addr, buf, len))
        gdb_ok(g);
    else
        gdb_error(g, GDB_EFAULT);
}

void gdb_write_memory_hex(struct gdb_server *g, const char *args, size_t n)
{
    const char *end = args + n;
    gva addr;
    uint64_t len;

    if (!gdb_parse_range(&args, &addr, &len) || !gdb_skip(&args, ':') ||
        len > (uint64_t)(end - args) / 2) {
        gdb_error(g, GDB_EINVAL);
        return;
    }
    g_autofree uint8_t *buf = g_malloc(len + 1);
    if (gdb_decode_hex(args, buf, len))
        write_memory(g, addr, buf, len);
    else
        gdb_error(g, GDB_EINVAL);
}

void gdb_write_memory_binary(struct gdb_server *g, const char *args, size_t n)
{
    const char *end = args + n;
    gva addr;
    uint64_t len;

    if (gdb_parse_range(&args, &addr, &len) && gdb_skip(&args, ':') &&
        len == (uint64_t)(end - args))
        write_memory(g, addr, args, len);
    else
        gdb_error(g, GDB_EINVAL);
}

/* The CRC that gdb's compare-sections asks for: 32 bits, the most significant bit first. */
static uint32_t crc32_msb(uint32_t crc, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        crc ^= (uint32_t)p[i] << 24;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 0x80000000u ? crc << 1 ^ 0x04c11db7u : crc << 1;
    }
    return crc;
}

void gdb_checksum_memory(struct gdb_server *g, const char *args)
{
    enum { MAX_SUM = 64 << 20 };
    uint8_t buf[PIECE];
    uint32_t crc = UINT32_MAX;
    gva addr;
    uint64_t len;

    if (!gdb_parse_range(&args, &addr, &len) || len > MAX_SUM) {
        gdb_error(g, GDB_EINVAL);
        return;
    }
    for (uint64_t done = 0, n; done < len; done += n) {
        n = MIN(len - done, (uint64_t)PIECE);
        if (!debug_read(g->cpu, g->physical, addr + done, buf, n)) {
            gdb_error(g, GDB_EFAULT);
            return;
        }
        crc = crc32_msb(crc, buf, n);
    }
    g_string_printf(g->reply, "C%08x", crc);
}

/* ---- breakpoints ---- */

/* "TYPE,ADDR,KIND"; conditions and commands, which may follow, are not offered. */
static bool parse_point(struct gdb_server *g, const char *args, struct debug_point *p)
{
    uint64_t kind;

    if (!gdb_parse_hex(&args, &kind) || !gdb_skip(&args, ',') ||
        !gdb_parse_range(&args, &p->addr, &p->len)) {
        gdb_error(g, GDB_EINVAL);
        return false;
    }
    p->kind = (enum debug_kind)kind;
    return kind <= DEBUG_WATCH_ACCESS; /* an empty reply: not known */
}

void gdb_insert_point(struct gdb_server *g, const char *args)
{
    struct debug_point p;

    if (!parse_point(g, args, &p))
        return;
    if (debug_insert(g->m, &p, NULL))
        gdb_ok(g);
    else
        gdb_error(g, GDB_ENOMEM);
}

void gdb_remove_point(struct gdb_server *g, const char *args)
{
    struct debug_point p;

    if (!parse_point(g, args, &p))
        return;
    debug_remove(g->m, &p);
    gdb_ok(g);
}

/* ---- the map ---- */

/*
 * gdb takes what the map leaves out for inaccessible, refuses stores to ROM and plain writes to
 * flash, and asks once.  Guests turn translation on later, and here a debugger may write
 * everywhere: all addresses are RAM.  A region's length has no room for all of them.
 */
GString *gdb_memory_map_xml(struct gdb_server *g UNUSED)
{
    return g_string_new("<?xml version=\"1.0\"?>\n<memory-map>\n"
                        "<memory type=\"ram\" start=\"0x0\" length=\"0xffffffffffffffff\"/>\n"
                        "<memory type=\"ram\" start=\"0xffffffffffffffff\" length=\"0x1\"/>\n"
                        "</memory-map>\n");
}
