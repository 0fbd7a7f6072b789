/*
 * Keyboard and mouse of the PS/2 kind, without the controller they are at.
 * Ref: IBM PS/2 Technical Reference, Keyboard (101- and 102-key) and Mouse, 1988; Microsoft's
 * scan code specification 1.3a; IntelliMouse: sequences as its drivers use them.
 *
 * Their state is part of the controller's; its lock guards it.
 */
#ifndef HW_INPUT_PS2_H
#define HW_INPUT_PS2_H

#include "core/types.h"

#include <stdbool.h>
#include <stdint.h>

enum { PS2_QUEUE = 256 };

/* What waits to be read; all zero is empty. */
struct ps2_queue {
    uint16_t head, len;
    uint8_t data[PS2_QUEUE];
};

struct ps2_keyboard {
    struct ps2_queue out;
    int64_t repeat_at; /* virtual time when the held key is sent again; 0: none is held */
    uint8_t set;       /* of scan codes: 1, 2, 3 */
    uint8_t enabled, leds, typematic;
    uint8_t command;   /* whose parameter comes next, 0: none */
    uint8_t last_sent; /* for "resend" */
    uint8_t modifiers; /* that are held: enum in ps2_keyboard.c */
    uint8_t pad;
    uint16_t held;                       /* the key that repeats */
    uint8_t no_break[32], no_repeat[32]; /* of set 3: bits by scan code */
    uint8_t pad2[6];
};

struct ps2_mouse {
    struct ps2_queue out;
    int32_t dx, dy, dz; /* not reported yet */
    uint8_t id;         /* 0; 3: with a wheel; 4: with five buttons, too */
    uint8_t stream, wrap, enabled, scaling_2, resolution, rate;
    uint8_t command;  /* whose parameter comes next */
    uint8_t magic[2]; /* the last rates that were set */
    uint8_t buttons, sent_buttons, last_sent;
    uint8_t pad[3];
};

/* The oldest byte; false when there is none. */
bool ps2_pop(struct ps2_queue *q, uint8_t *byte);
/* Whatever was loaded, make it a queue. */
void ps2_queue_check(struct ps2_queue *q);
/* All of n bytes or nothing; whether there was room. */
bool ps2_push(struct ps2_queue *q, const uint8_t *bytes, unsigned n);

void ps2_keyboard_reset(struct ps2_keyboard *k);
void ps2_keyboard_check(struct ps2_keyboard *k);
/* A byte from the system. */
void ps2_keyboard_write(struct ps2_keyboard *k, uint8_t v, ns_t now);
/* A key, as Linux numbers it. */
void ps2_keyboard_key(struct ps2_keyboard *k, uint16_t code, bool pressed, ns_t now);
/* Send the held key again if it is time. */
void ps2_keyboard_repeat(struct ps2_keyboard *k, ns_t now);
/* The scan code of set 1 for one of set 2, below 0x80; what 8042 translation does. */
uint8_t ps2_translate(uint8_t code);

void ps2_mouse_reset(struct ps2_mouse *m);
void ps2_mouse_check(struct ps2_mouse *m);
void ps2_mouse_write(struct ps2_mouse *m, uint8_t v);
/* Report what has changed, in stream mode. */
void ps2_mouse_sync(struct ps2_mouse *m);

#endif
