/* The PS/2 keyboard: commands, the three sets of scan codes, repetition. */
#include "hw/input/ps2.h"
#include "ui/input.h"
#include "util/annot.h"

#include <linux/input-event-codes.h>
#include <string.h>

enum { /* to the system */
       ACK = 0xfa,
       RESEND = 0xfe,
       ECHO = 0xee,
       TEST_PASSED = 0xaa,
       ID_FIRST = 0xab,
       ID_SECOND = 0x83,
       OVERRUN_1 = 0xff,
       OVERRUN_2 = 0x00
};
enum { /* from the system */
       SET_LEDS = 0xed,
       DO_ECHO = 0xee,
       SELECT_SET = 0xf0,
       READ_ID = 0xf2,
       SET_TYPEMATIC = 0xf3,
       ENABLE = 0xf4,
       DISABLE = 0xf5,
       SET_DEFAULT = 0xf6,
       ALL_TYPEMATIC = 0xf7,
       ALL_MAKE_BREAK = 0xf8,
       ALL_MAKE = 0xf9,
       ALL_TYPEMATIC_MAKE_BREAK = 0xfa,
       KEY_TYPEMATIC = 0xfb,
       KEY_MAKE_BREAK = 0xfc,
       KEY_MAKE = 0xfd,
       DO_RESEND = 0xfe,
       RESET = 0xff
};
enum { BREAK = 0xf0, EXTENDED = 0xe0, DEFAULT_TYPEMATIC = 0x2b, MAX_SEQUENCE = 8 };
enum { HELD_SHIFT_L = 1, HELD_SHIFT_R = 2, HELD_CTRL = 4, HELD_ALT = 8 };
static const ns_t MS = 1000000, TYPEMATIC_UNIT = 4170000;

/* Set 2 to set 1.  Ref: translation of the 8042, as the IBM AT's keyboard controller does it. */
static const uint8_t to_set1[128] = {
    0xff, 0x43, 0x41, 0x3f, 0x3d, 0x3b, 0x3c, 0x58, 0x64, 0x44, 0x42, 0x40, 0x3e, 0x0f, 0x29, 0x59,
    0x65, 0x38, 0x2a, 0x70, 0x1d, 0x10, 0x02, 0x5a, 0x66, 0x71, 0x2c, 0x1f, 0x1e, 0x11, 0x03, 0x5b,
    0x67, 0x2e, 0x2d, 0x20, 0x12, 0x05, 0x04, 0x5c, 0x68, 0x39, 0x2f, 0x21, 0x14, 0x13, 0x06, 0x5d,
    0x69, 0x31, 0x30, 0x23, 0x22, 0x15, 0x07, 0x5e, 0x6a, 0x72, 0x32, 0x24, 0x16, 0x08, 0x09, 0x5f,
    0x6b, 0x33, 0x25, 0x17, 0x18, 0x0b, 0x0a, 0x60, 0x6c, 0x34, 0x35, 0x26, 0x27, 0x19, 0x0c, 0x61,
    0x6d, 0x73, 0x28, 0x74, 0x1a, 0x0d, 0x62, 0x6e, 0x3a, 0x36, 0x1c, 0x1b, 0x75, 0x2b, 0x63, 0x76,
    0x55, 0x56, 0x77, 0x78, 0x79, 0x7a, 0x0e, 0x7b, 0x7c, 0x4f, 0x7d, 0x4b, 0x47, 0x7e, 0x7f, 0x6f,
    0x52, 0x53, 0x50, 0x4c, 0x4d, 0x48, 0x01, 0x45, 0x57, 0x4e, 0x51, 0x4a, 0x37, 0x49, 0x46, 0x54,
};

/* Set 3 by the scan code of set 1; those with the prefix follow in a table of their own. */
static const uint8_t set3[0x59] = {
    0x00, 0x08, 0x16, 0x1e, 0x26, 0x25, 0x2e, 0x36, 0x3d, 0x3e, 0x46, 0x45, 0x4e, 0x55, 0x66,
    0x0d, 0x15, 0x1d, 0x24, 0x2d, 0x2c, 0x35, 0x3c, 0x43, 0x44, 0x4d, 0x54, 0x5b, 0x5a, 0x11,
    0x1c, 0x1b, 0x23, 0x2b, 0x34, 0x33, 0x3b, 0x42, 0x4b, 0x4c, 0x52, 0x0e, 0x12, 0x5c, 0x1a,
    0x22, 0x21, 0x2a, 0x32, 0x31, 0x3a, 0x41, 0x49, 0x4a, 0x59, 0x7e, 0x19, 0x29, 0x14, 0x07,
    0x0f, 0x17, 0x1f, 0x27, 0x2f, 0x37, 0x3f, 0x47, 0x4f, 0x76, 0x5f, 0x6c, 0x75, 0x7d, 0x84,
    0x6b, 0x73, 0x74, 0x7c, 0x69, 0x72, 0x7a, 0x70, 0x71, 0x57, 0x00, 0x13, 0x56, 0x5e,
};
static const uint8_t set3_extended[][2] = {
    {0x1c, 0x79}, {0x1d, 0x58}, {0x35, 0x77}, {0x37, 0x57}, {0x38, 0x39},
    {0x46, 0x62}, {0x47, 0x6e}, {0x48, 0x63}, {0x49, 0x6f}, {0x4b, 0x61},
    {0x4d, 0x6a}, {0x4f, 0x65}, {0x50, 0x60}, {0x51, 0x6d}, {0x52, 0x67},
    {0x53, 0x64}, {0x5b, 0x8b}, {0x5c, 0x8c}, {0x5d, 0x8d},
};
/* Keys of set 3 that by default send make and break, and those that send make alone; all others
 * repeat their make. */
static const uint8_t make_break_keys[] = {0x11, 0x12, 0x14, 0x19, 0x59};
static const uint8_t make_keys[] = {0x07, 0x08, 0x0f, 0x17, 0x1f, 0x27, 0x2f, 0x37, 0x39,
                                    0x3f, 0x47, 0x4f, 0x56, 0x57, 0x58, 0x5e, 0x5f, 0x62,
                                    0x65, 0x67, 0x6d, 0x6e, 0x6f, 0x76, 0x77, 0x79};

bool ps2_pop(struct ps2_queue *q, uint8_t *byte)
{
    if (q->len == 0)
        return false;
    *byte = q->data[q->head];
    q->head = (q->head + 1) % PS2_QUEUE;
    q->len--;
    return true;
}

void ps2_queue_check(struct ps2_queue *q)
{
    q->head %= PS2_QUEUE;
    if (q->len > PS2_QUEUE)
        q->len = PS2_QUEUE;
}

bool ps2_push(struct ps2_queue *q, const uint8_t *bytes, unsigned n)
{
    if (n > (unsigned)PS2_QUEUE - q->len)
        return false;
    for (unsigned i = 0; i < n; i++)
        q->data[(q->head + q->len++) % PS2_QUEUE] = bytes[i];
    return true;
}

uint8_t ps2_translate(uint8_t code)
{
    if (code == 0x83)
        return 0x41;
    if (code == 0x84)
        return 0x54;
    return code < ARRAY_SIZE(to_set1) ? to_set1[code] : code;
}

static uint8_t set2_of(uint8_t scan)
{
    if (scan == 0x41)
        return 0x83;
    if (scan == 0x54)
        return 0x84;
    for (unsigned i = 0; i < ARRAY_SIZE(to_set1); i++)
        if (to_set1[i] == scan)
            return (uint8_t)i;
    return 0;
}

static uint8_t set3_of(uint16_t scan)
{
    if (scan < ARRAY_SIZE(set3))
        return set3[scan];
    for (unsigned i = 0; i < ARRAY_SIZE(set3_extended); i++)
        if (scan == (EXTENDED << 8 | set3_extended[i][0]))
            return set3_extended[i][1];
    return 0;
}

/* A key by its code of set 1, in set 2: prefix, break, code. */
static unsigned put_set2(uint8_t *p, uint16_t scan, bool pressed)
{
    unsigned n = 0;
    if (scan >> 8)
        p[n++] = EXTENDED;
    if (!pressed)
        p[n++] = BREAK;
    p[n++] = set2_of((uint8_t)scan);
    return n;
}

static unsigned copy(uint8_t *p, const uint8_t *from, unsigned n)
{
    memcpy(p, from, n);
    return n;
}

/* Pause has no break; with Ctrl it is Break. */
static unsigned put_pause(const struct ps2_keyboard *k, uint8_t *p, bool pressed)
{
    static const uint8_t pause[] = {0xe1, 0x14, 0x77, 0xe1, 0xf0, 0x14, 0xf0, 0x77};
    static const uint8_t brk[] = {0xe0, 0x7e, 0xe0, 0xf0, 0x7e};
    if (!pressed)
        return 0;
    return k->modifiers & HELD_CTRL ? copy(p, brk, sizeof(brk)) : copy(p, pause, sizeof(pause));
}

/* Print Screen is wrapped in shifts, unless one or Ctrl is held; with Alt it is SysRq. */
static unsigned put_print(const struct ps2_keyboard *k, uint8_t *p, bool pressed)
{
    static const uint8_t make[] = {0xe0, 0x12, 0xe0, 0x7c};
    static const uint8_t brk[] = {0xe0, 0xf0, 0x7c, 0xe0, 0xf0, 0x12};
    if (k->modifiers & HELD_ALT)
        return put_set2(p, 0x54, pressed);
    if (k->modifiers)
        return put_set2(p, EXTENDED << 8 | 0x37, pressed);
    return pressed ? copy(p, make, sizeof(make)) : copy(p, brk, sizeof(brk));
}

/* Set 1 is what translation makes of set 2. */
static unsigned to_first_set(uint8_t *p, unsigned n)
{
    unsigned out = 0;
    uint8_t top = 0;
    for (unsigned i = 0; i < n; i++) {
        if (p[i] == BREAK) {
            top = 0x80;
            continue;
        }
        p[out++] = ps2_translate(p[i]) | top;
        top = 0;
    }
    return out;
}

static bool bit(const uint8_t *bits, uint8_t n)
{
    return bits[n / 8] >> n % 8 & 1;
}

static void set_bit(uint8_t *bits, uint8_t n, bool v)
{
    uint8_t mask = (uint8_t)(1U << n % 8);
    bits[n / 8] = v ? bits[n / 8] | mask : bits[n / 8] & (uint8_t)~mask;
}

static unsigned put_set3(const struct ps2_keyboard *k, uint8_t *p, uint16_t scan, bool pressed)
{
    uint8_t code = set3_of(scan);
    unsigned n = 0;
    if (code == 0 || (!pressed && bit(k->no_break, code)))
        return 0;
    if (!pressed)
        p[n++] = BREAK;
    p[n++] = code;
    return n;
}

static unsigned put_key(const struct ps2_keyboard *k, uint8_t *p, uint16_t code, bool pressed)
{
    uint16_t scan = code == KEY_SYSRQ ? EXTENDED << 8 | 0x37 : input_key_scancode(code);
    unsigned n;
    if (scan == 0)
        return 0;
    if (k->set == 3)
        return put_set3(k, p, scan, pressed);
    if (code == KEY_PAUSE)
        n = put_pause(k, p, pressed);
    else if (code == KEY_SYSRQ)
        n = put_print(k, p, pressed);
    else
        n = put_set2(p, scan, pressed);
    return k->set == 1 ? to_first_set(p, n) : n;
}

static void send_key(struct ps2_keyboard *k, uint16_t code, bool pressed)
{
    uint8_t seq[MAX_SEQUENCE];
    unsigned n = put_key(k, seq, code, pressed);
    const uint8_t overrun = k->set == 1 ? OVERRUN_1 : OVERRUN_2;
    if (n > 0 && !ps2_push(&k->out, seq, n))
        ps2_push(&k->out, &overrun, 1);
}

static void note_modifier(struct ps2_keyboard *k, uint16_t code, bool pressed)
{
    uint8_t m = code == KEY_LEFTSHIFT                           ? HELD_SHIFT_L
                : code == KEY_RIGHTSHIFT                        ? HELD_SHIFT_R
                : code == KEY_LEFTCTRL || code == KEY_RIGHTCTRL ? HELD_CTRL
                : code == KEY_LEFTALT || code == KEY_RIGHTALT   ? HELD_ALT
                                                                : 0;
    k->modifiers = pressed ? k->modifiers | m : k->modifiers & (uint8_t)~m;
}

static bool repeats(const struct ps2_keyboard *k, uint16_t code)
{
    if (code == KEY_PAUSE)
        return false;
    return k->set != 3 || !bit(k->no_repeat, set3_of(input_key_scancode(code)));
}

/* Ref: Keyboard reference, "Set Typematic Rate/Delay". */
static ns_t delay(const struct ps2_keyboard *k)
{
    return (1 + (k->typematic >> 5 & 3)) * 250 * MS;
}

static ns_t interval(const struct ps2_keyboard *k)
{
    return (8 + (k->typematic & 7)) * (1 << (k->typematic >> 3 & 3)) * TYPEMATIC_UNIT;
}

void ps2_keyboard_key(struct ps2_keyboard *k, uint16_t code, bool pressed, ns_t now)
{
    if (k->enabled)
        send_key(k, code, pressed);
    note_modifier(k, code, pressed);
    if (pressed && repeats(k, code)) {
        k->held = code;
        k->repeat_at = now + delay(k);
    } else if (!pressed && k->held == code) {
        k->held = 0;
        k->repeat_at = 0;
    }
}

/* What the system does not read in time is not repeated. */
void ps2_keyboard_repeat(struct ps2_keyboard *k, ns_t now)
{
    if (k->repeat_at == 0 || now < k->repeat_at)
        return;
    if (k->enabled && k->out.len == 0)
        send_key(k, k->held, true);
    k->repeat_at = now + interval(k);
}

static void reply(struct ps2_keyboard *k, uint8_t v)
{
    ps2_push(&k->out, &v, 1);
}

static void set_all(struct ps2_keyboard *k, bool has_break, bool has_repeat)
{
    memset(k->no_break, has_break ? 0 : 0xff, sizeof(k->no_break));
    memset(k->no_repeat, has_repeat ? 0 : 0xff, sizeof(k->no_repeat));
}

static void set_default(struct ps2_keyboard *k)
{
    k->typematic = DEFAULT_TYPEMATIC;
    k->held = 0;
    k->repeat_at = 0;
    set_all(k, false, true);
    for (unsigned i = 0; i < sizeof(make_break_keys); i++) {
        set_bit(k->no_break, make_break_keys[i], false);
        set_bit(k->no_repeat, make_break_keys[i], true);
    }
    for (unsigned i = 0; i < sizeof(make_keys); i++)
        set_bit(k->no_repeat, make_keys[i], true);
}

void ps2_keyboard_reset(struct ps2_keyboard *k)
{
    *k = (struct ps2_keyboard){.set = 2, .enabled = 1};
    set_default(k);
}

void ps2_keyboard_check(struct ps2_keyboard *k)
{
    ps2_queue_check(&k->out);
    if (k->set < 1 || k->set > 3)
        k->set = 2;
    if (k->repeat_at > INT64_MAX / 4)
        k->repeat_at = 0;
}

static void set_key(struct ps2_keyboard *k, uint8_t command, uint8_t code)
{
    set_bit(k->no_break, code, command != KEY_MAKE_BREAK);
    set_bit(k->no_repeat, code, command != KEY_TYPEMATIC);
    reply(k, ACK);
}

/* Whether v was taken as the parameter of the command before; any command may come instead. */
static bool take_parameter(struct ps2_keyboard *k, uint8_t v)
{
    uint8_t command = k->command;
    if (command >= KEY_TYPEMATIC && command <= KEY_MAKE && v < SET_LEDS) {
        set_key(k, command, v); /* keys follow until a command comes */
        return true;
    }
    k->command = 0;
    if (v >= SET_LEDS)
        return false;
    switch (command) {
    case SET_LEDS: k->leds = v & 7; break;
    case SET_TYPEMATIC: k->typematic = v & 0x7f; break;
    case SELECT_SET:
        if (v > 3) {
            reply(k, RESEND);
            return true;
        }
        reply(k, ACK);
        if (v == 0)
            reply(k, k->set);
        else
            k->set = v;
        return true;
    default: return false;
    }
    reply(k, ACK);
    return true;
}

static void do_command(struct ps2_keyboard *k, uint8_t v)
{
    switch (v) {
    case DO_ECHO: reply(k, ECHO); return;
    case DO_RESEND: reply(k, k->last_sent); return;
    case SET_LEDS:
    case SELECT_SET:
    case SET_TYPEMATIC:
    case KEY_TYPEMATIC:
    case KEY_MAKE_BREAK:
    case KEY_MAKE: k->command = v; break;
    case READ_ID:
        reply(k, ACK);
        reply(k, ID_FIRST);
        reply(k, ID_SECOND);
        return;
    case ENABLE: k->enabled = 1; break;
    case DISABLE:
        set_default(k);
        k->enabled = 0;
        break;
    case SET_DEFAULT:
        set_default(k);
        k->enabled = 1;
        break;
    case ALL_TYPEMATIC: set_all(k, false, true); break;
    case ALL_MAKE_BREAK: set_all(k, true, false); break;
    case ALL_MAKE: set_all(k, false, false); break;
    case ALL_TYPEMATIC_MAKE_BREAK: set_all(k, true, true); break;
    case RESET:
        ps2_keyboard_reset(k);
        reply(k, ACK);
        reply(k, TEST_PASSED);
        return;
    default: reply(k, RESEND); return;
    }
    reply(k, ACK);
}

/* A command empties what was to be sent. */
void ps2_keyboard_write(struct ps2_keyboard *k, uint8_t v, ns_t now UNUSED)
{
    if (v != DO_RESEND)
        k->out.len = 0;
    if (k->command == 0 || !take_parameter(k, v))
        do_command(k, v);
}
