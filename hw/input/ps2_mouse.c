/* The PS/2 mouse, with the wheel of the IntelliMouse and the buttons of its Explorer. */
#include "hw/input/ps2.h"
#include "util/annot.h"

#include <stdlib.h>

enum { ACK = 0xfa, RESEND = 0xfe, TEST_PASSED = 0xaa };
enum { /* from the system */
       SCALING_1 = 0xe6,
       SCALING_2 = 0xe7,
       SET_RESOLUTION = 0xe8,
       STATUS = 0xe9,
       STREAM = 0xea,
       READ_DATA = 0xeb,
       END_WRAP = 0xec,
       WRAP = 0xee,
       REMOTE = 0xf0,
       READ_ID = 0xf2,
       SET_RATE = 0xf3,
       ENABLE = 0xf4,
       DISABLE = 0xf5,
       SET_DEFAULT = 0xf6,
       DO_RESEND = 0xfe,
       RESET = 0xff
};
enum { LEFT = 1, RIGHT = 2, MIDDLE = 4, SIDE = 8, EXTRA = 16 };
enum { ALWAYS = 0x08, X_SIGN = 0x10, Y_SIGN = 0x20, X_OVER = 0x40, Y_OVER = 0x80 };
enum { ID_WHEEL = 3, ID_EXPLORER = 4, DEFAULT_RATE = 100, DEFAULT_RESOLUTION = 2 };
enum { STREAM_ROOM = 64 }; /* bytes that may wait before motion is only added up */

static void reply(struct ps2_mouse *m, uint8_t v)
{
    ps2_push(&m->out, &v, 1);
}

static int32_t clamp(int32_t v, int32_t limit)
{
    return v > limit ? limit : v < -limit ? -limit : v;
}

/* Motion doubled where it is fast; stream mode only.  Ref: Mouse reference, "Set Scaling 2:1". */
static int32_t scale(const struct ps2_mouse *m, int32_t v)
{
    static const int32_t slow[] = {0, 1, 1, 3, 6, 9};
    int32_t n = abs(v);
    if (!m->scaling_2 || !m->stream)
        return v;
    n = n < (int32_t)ARRAY_SIZE(slow) ? slow[n] : 2 * n;
    return v < 0 ? -n : n;
}

/* One packet of what has gathered; what does not fit into it stays. */
static void send_packet(struct ps2_mouse *m)
{
    int32_t x = clamp(m->dx, 127), y = clamp(m->dy, 127), z = clamp(m->dz, 7);
    int32_t sx = clamp(scale(m, x), 255), sy = clamp(scale(m, y), 255);
    uint8_t p[4] = {(uint8_t)(ALWAYS | (m->buttons & (LEFT | RIGHT | MIDDLE)) |
                              (sx < 0 ? X_SIGN : 0) | (sy < 0 ? Y_SIGN : 0)),
                    (uint8_t)sx, (uint8_t)sy, (uint8_t)z};
    if (m->id == ID_EXPLORER)
        p[3] = (uint8_t)((z & 0x0f) | (m->buttons & SIDE ? 0x10 : 0) |
                         (m->buttons & EXTRA ? 0x20 : 0));
    if (!ps2_push(&m->out, p, m->id ? 4 : 3))
        return;
    m->dx -= x;
    m->dy -= y;
    m->dz = m->id ? m->dz - z : 0;
    m->sent_buttons = m->buttons;
}

static bool has_news(const struct ps2_mouse *m)
{
    return m->dx || m->dy || m->dz || m->buttons != m->sent_buttons;
}

void ps2_mouse_sync(struct ps2_mouse *m)
{
    m->dx = clamp(m->dx, INT16_MAX);
    m->dy = clamp(m->dy, INT16_MAX);
    m->dz = clamp(m->dz, INT16_MAX);
    if (!m->enabled || !m->stream || m->wrap)
        return;
    while (has_news(m) && m->out.len < STREAM_ROOM)
        send_packet(m);
}

static void set_default(struct ps2_mouse *m)
{
    m->enabled = m->wrap = m->scaling_2 = 0;
    m->stream = 1;
    m->rate = DEFAULT_RATE;
    m->resolution = DEFAULT_RESOLUTION;
    m->dx = m->dy = m->dz = 0;
    m->magic[0] = m->magic[1] = 0;
}

void ps2_mouse_reset(struct ps2_mouse *m)
{
    uint8_t buttons = m->buttons;
    *m = (struct ps2_mouse){.buttons = buttons};
    set_default(m);
}

void ps2_mouse_check(struct ps2_mouse *m)
{
    ps2_queue_check(&m->out);
    if (m->id != ID_WHEEL && m->id != ID_EXPLORER)
        m->id = 0;
    m->dx = clamp(m->dx, INT16_MAX);
    m->dy = clamp(m->dy, INT16_MAX);
    m->dz = clamp(m->dz, INT16_MAX);
}

static void send_status(struct ps2_mouse *m)
{
    uint8_t b = m->buttons;
    uint8_t p[3] = {(uint8_t)((m->stream ? 0 : 0x40) | (m->enabled ? 0x20 : 0) |
                              (m->scaling_2 ? 0x10 : 0) | (b & LEFT ? 4 : 0) |
                              (b & MIDDLE ? 2 : 0) | (b & RIGHT ? 1 : 0)),
                    m->resolution, m->rate};
    ps2_push(&m->out, p, sizeof(p));
}

/* Rates 200, 100, 80 in a row turn the wheel on, 200, 200, 80 the buttons beside it. */
static void set_rate(struct ps2_mouse *m, uint8_t v)
{
    if (m->magic[0] == 200 && m->magic[1] == 100 && v == 80)
        m->id = ID_WHEEL;
    else if (m->magic[0] == 200 && m->magic[1] == 200 && v == 80)
        m->id = ID_EXPLORER;
    m->magic[0] = m->magic[1];
    m->magic[1] = v;
    m->rate = v;
}

static bool take_parameter(struct ps2_mouse *m, uint8_t v)
{
    uint8_t command = m->command;
    m->command = 0;
    if (command == 0)
        return false;
    if (command == SET_RATE)
        set_rate(m, v);
    else
        m->resolution = v & 3;
    reply(m, ACK);
    return true;
}

static void do_command(struct ps2_mouse *m, uint8_t v)
{
    if (v == DO_RESEND) {
        reply(m, m->last_sent);
        return;
    }
    if (v < SCALING_1 || v == 0xed || v == 0xef || v == 0xf1 ||
        (v > SET_DEFAULT && v < DO_RESEND)) {
        reply(m, RESEND);
        return;
    }
    reply(m, ACK);
    switch (v) {
    case SCALING_1: m->scaling_2 = 0; break;
    case SCALING_2: m->scaling_2 = 1; break;
    case SET_RESOLUTION:
    case SET_RATE: m->command = v; break;
    case STATUS: send_status(m); break;
    case STREAM: m->stream = 1; break;
    case READ_DATA: send_packet(m); break;
    case WRAP: m->wrap = 1; break;
    case REMOTE: m->stream = 0; break;
    case READ_ID: reply(m, m->id); break;
    case ENABLE: m->enabled = 1; break;
    case DISABLE: m->enabled = 0; break;
    case SET_DEFAULT: set_default(m); break;
    case RESET:
        ps2_mouse_reset(m);
        reply(m, ACK);
        reply(m, TEST_PASSED);
        reply(m, m->id);
        break;
    default: break; /* END_WRAP without wrap mode */
    }
}

void ps2_mouse_write(struct ps2_mouse *m, uint8_t v)
{
    if (v != DO_RESEND)
        m->out.len = 0;
    if (m->wrap && v != RESET && v != END_WRAP) {
        reply(m, v);
        return;
    }
    m->wrap = 0;
    if (!take_parameter(m, v))
        do_command(m, v);
    ps2_mouse_sync(m);
}
