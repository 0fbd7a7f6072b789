/* Packets on the wire: framing, checksums, acknowledgement, escapes.  Ref: GDB manual, E.1. */
#include "gdbstub/gdb_priv.h"

#include <string.h>

enum { INTERRUPT = 3, ESCAPE_XOR = 0x20 };

void gdb_packet_init(struct gdb_server *g)
{
    g->in = g_string_new(NULL);
    g->last = g_string_new(NULL);
    g->reply = g_string_new(NULL);
}

void gdb_packet_fini(struct gdb_server *g)
{
    g_string_free(g->in, TRUE);
    g_string_free(g->last, TRUE);
    g_string_free(g->reply, TRUE);
}

void gdb_packet_reset(struct gdb_server *g)
{
    g->state = GDB_IDLE;
    g->no_ack = false;
    g_string_truncate(g->last, 0);
}

/* ---- out ---- */

static bool must_escape(char c)
{
    return c == '$' || c == '#' || c == '}' || c == '*';
}

static void frame(GString *s, char start, const char *data, size_t n)
{
    uint8_t sum = 0;

    g_string_truncate(s, 0);
    g_string_append_c(s, start);
    for (size_t i = 0; i < n; i++) {
        if (must_escape(data[i])) {
            g_string_append_c(s, '}');
            g_string_append_c(s, data[i] ^ ESCAPE_XOR);
        } else {
            g_string_append_c(s, data[i]);
        }
    }
    for (size_t i = 1; i < s->len; i++)
        sum += (uint8_t)s->str[i];
    g_string_append_printf(s, "#%02x", sum);
}

static void put(struct gdb_server *g, const char *data, size_t n)
{
    g->send(g->send_opaque, (const uint8_t *)data, n);
}

void gdb_send_packet(struct gdb_server *g, const char *data, size_t n)
{
    frame(g->last, '$', data, n);
    put(g, g->last->str, g->last->len);
}

void gdb_send_notification(struct gdb_server *g, const char *data, size_t n)
{
    GString *s = g_string_new(NULL);

    frame(s, '%', data, n);
    put(g, s->str, s->len);
    g_string_free(s, TRUE);
}

/* ---- in ---- */

static void begin(struct gdb_server *g)
{
    g->state = GDB_DATA;
    g->too_long = false;
    g->sum = 0;
    g_string_truncate(g->in, 0);
}

/* What an endless packet brings is dropped; it is refused when it ends. */
static void append(struct gdb_server *g, char c)
{
    if (g->in->len < GDB_PACKET_MAX)
        g_string_append_c(g->in, c);
    else
        g->too_long = true;
}

static void finish(struct gdb_server *g)
{
    g->state = GDB_IDLE;
    if (!g->no_ack && g->sum != g->sum_given) {
        put(g, "-", 1);
        return;
    }
    if (!g->no_ack)
        put(g, "+", 1);
    if (g->too_long)
        gdb_send_packet(g, "E22", 3);
    else
        gdb_handle_packet(g, g->in->str, g->in->len);
}

static void idle_byte(struct gdb_server *g, uint8_t b)
{
    switch (b) {
    case '$': begin(g); break;
    case INTERRUPT: gdb_handle_interrupt(g); break;
    case '-':
        if (!g->no_ack && g->last->len)
            put(g, g->last->str, g->last->len);
        break;
    default: break; /* an acknowledgement, or noise on the line */
    }
}

static void data_byte(struct gdb_server *g, uint8_t b)
{
    if (b == '$') { /* the end of the last packet was lost */
        begin(g);
        return;
    }
    if (b == '#') {
        g->state = GDB_SUM1;
        return;
    }
    g->sum += b;
    if (b == '}')
        g->state = GDB_ESCAPE;
    else
        append(g, (char)b);
}

static void sum_byte(struct gdb_server *g, uint8_t b)
{
    int digit = gdb_hex_digit((char)b);

    g->sum_given = (uint8_t)(g->sum_given << 4 | (digit & 15));
    if (digit < 0)
        g->sum_given = (uint8_t)~g->sum; /* no number: a wrong one */
    if (g->state == GDB_SUM1)
        g->state = GDB_SUM2;
    else
        finish(g);
}

void gdb_server_receive(struct gdb_server *g, const uint8_t *buf, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint8_t b = buf[i];
        switch (g->state) {
        case GDB_IDLE: idle_byte(g, b); break;
        case GDB_DATA: data_byte(g, b); break;
        case GDB_ESCAPE:
            g->sum += b;
            append(g, (char)(b ^ ESCAPE_XOR));
            g->state = GDB_DATA;
            break;
        case GDB_SUM1:
        case GDB_SUM2: sum_byte(g, b); break;
        }
    }
}

/* ---- text ---- */

int gdb_hex_digit(char c)
{
    return g_ascii_xdigit_value(c);
}

bool gdb_parse_hex(const char **p, uint64_t *val)
{
    unsigned n = 0;

    *val = 0;
    for (int d; (d = gdb_hex_digit(**p)) >= 0; (*p)++, n++) {
        if (*val >> 60)
            return false;
        *val = *val << 4 | (unsigned)d;
    }
    return n > 0;
}

bool gdb_skip(const char **p, char c)
{
    if (**p != c)
        return false;
    (*p)++;
    return true;
}

bool gdb_parse_range(const char **p, gva *addr, uint64_t *len)
{
    return gdb_parse_hex(p, addr) && gdb_skip(p, ',') && gdb_parse_hex(p, len);
}

void gdb_append_hex(GString *s, const void *buf, size_t n)
{
    const uint8_t *p = buf;

    for (size_t i = 0; i < n; i++) {
        g_string_append_c(s, "0123456789abcdef"[p[i] >> 4]);
        g_string_append_c(s, "0123456789abcdef"[p[i] & 15]);
    }
}

bool gdb_decode_hex(const char *p, uint8_t *buf, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int high = gdb_hex_digit(p[2 * i]);
        int low = high < 0 ? -1 : gdb_hex_digit(p[2 * i + 1]);
        if (low < 0)
            return false;
        buf[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

void gdb_ok(struct gdb_server *g)
{
    g_string_assign(g->reply, "OK");
}

void gdb_error(struct gdb_server *g, unsigned code)
{
    g_string_printf(g->reply, "E%02u", code);
}
