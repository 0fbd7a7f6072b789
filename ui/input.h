/*
 * Input: what a keyboard, mouse or tablet of the user's does, on its way to a device of the
 * guest's.
 *
 * Sources (the monitor, displays) send events from the main thread; each goes to the handler that
 * takes its kind and was activated last: that is the device whose driver came up last.  Codes are
 * those of Linux's input-event-codes.h.
 */
#ifndef UI_INPUT_H
#define UI_INPUT_H

#include "util/annot.h"
#include "util/error.h"

#include <stdbool.h>
#include <stdint.h>

enum input_kind { INPUT_KEY, INPUT_BUTTON, INPUT_REL, INPUT_ABS, INPUT_WHEEL };
enum input_axis { INPUT_X, INPUT_Y };
enum { INPUT_ABS_MAX = 0x7fff }; /* absolute axes go from 0 to this */

struct input_event {
    enum input_kind kind;
    uint16_t code; /* KEY_*, BTN_*, or enum input_axis */
    int32_t value; /* 1: pressed, 0: released; a distance, a position; clicks of a wheel, up > 0 */
};

/* A device that takes events; it provides the memory. */
struct input_handler {
    const char *name;
    unsigned kinds; /* bits 1 << enum input_kind */
    /* Main thread, no lock held. */
    void (*event)(struct input_handler *h, const struct input_event *ev);
    void (*sync)(struct input_handler *h); /* what came since the last time belongs together */
    struct input_handler *next;
    bool touched;
};

/* Main thread. */
void input_register(struct input_handler *h);
void input_unregister(struct input_handler *h);
/* h goes before all others; any thread, any lock held. */
void input_activate(struct input_handler *h);
/* Send one event, and later the end of those that belong together.  Main thread; false when nobody
 * takes events of this kind. */
bool input_send(const struct input_event *ev);
void input_sync(void);
/* The handlers, in the order in which they are asked; NULL begins and ends.  Main thread. */
struct input_handler *input_next(const struct input_handler *h);

/* The code of a key by its name ("ret", "shift_r", "a") or number ("0x1c"), 0 with *errp when there
 * is none.  Names are those of QMP's QKeyCode. */
uint16_t input_key_code(const char *name, struct error **errp);
/* The code that a QMP "number" (a PC's scan code, set 1; 0x80 or 0xe0xx: with prefix) stands for,
 * 0: none. */
uint16_t input_scancode(uint32_t number);
/* The scan code of set 1 that a PC's keyboard has for a code, 0xe0xx with the prefix; 0: none. */
uint16_t input_key_scancode(uint16_t code);
/* The key of a US keyboard that makes a character, with *modifier (Shift, Ctrl) or 0 held down; 0:
 * none does. */
uint16_t input_char_key(char ch, uint16_t *modifier);
/* "left", "middle", "right", "side", "extra"; 0 when there is none. */
uint16_t input_button_code(const char *name);
/* Call fn for each key's name and code. */
void input_each_key(void (*fn)(const char *name, uint16_t code, void *opaque), void *opaque);

#endif
