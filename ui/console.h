/*
 * Display consoles: what a graphics device shows, on its way to whoever looks (screendump now;
 * windows and servers later).
 *
 * A device registers a console for each of its heads.  Nobody draws on his own account: a viewer
 * calls console_refresh() as often as it likes, the device then brings the picture up to date and
 * says what has changed.  A device that nobody looks at costs nothing.
 *
 * Locks: a device's ops take its own lock; the console's lock comes after that and before nothing.
 */
#ifndef UI_CONSOLE_H
#define UI_CONSOLE_H

#include "util/annot.h"
#include "util/error.h"
#include "util/thread.h"

#include <stdbool.h>
#include <stdint.h>

struct device;
struct console;

/* Larger pictures are cut: both sides, in pixels. */
enum { CONSOLE_MAX_SIDE = 16384 };

struct console_rect {
    unsigned x, y, width, height; /* pixels */
};

/* A picture: rows from the top, each pixel 0x00RRGGBB in the host's byte order. */
struct surface {
    unsigned width, height; /* pixels; 0: nothing was ever drawn */
    unsigned stride;        /* pixels from row to row */
    uint32_t *pixels;
};

/* One place of a text screen: a character of code page 437 and its colours, 0 to 15 as on a PC. */
struct console_cell {
    uint8_t ch, fg, bg;
    bool blinks;
};

/* A text screen; cells holds columns * rows of them, row by row. */
struct console_text {
    unsigned columns, rows;
    struct console_cell *cells;
    bool has_cursor;
    unsigned cursor_column, cursor_row;
};

/* What a device does.  Main thread, no lock held. */
struct console_ops {
    /* Bring the picture up to date: console_begin(), draw, console_changed(), console_end(). */
    void (*refresh)(void *opaque);
    /* Describe the screen as text: set *t, whose cells the caller frees with g_free().  False while
     * it shows graphics; NULL: it always does. */
    bool (*text)(void *opaque, struct console_text *t);
};

/* Somebody who follows a console; provides the memory.  Called in the main thread with no lock
 * held, inside console_refresh(). */
struct console_viewer {
    void (*resized)(struct console_viewer *v, unsigned width, unsigned height); /* or NULL */
    void (*changed)(struct console_viewer *v, const struct console_rect *r);
    struct console_viewer *next;
};

/* For devices, from realize to unrealize.  Main thread.  The console is one of dev's: the first has
 * head 0. */
struct console *console_new(struct device *dev, const struct console_ops *ops, void *opaque);
void console_free(struct console *con);

/* Between begin and end, which hold the console's lock, the device may draw. The surface has this
 * size; when it had another before, it is black and changed all over. */
struct surface *console_begin(struct console *con, unsigned width, unsigned height);
/* This part was drawn anew. */
void console_changed(struct console *con, struct console_rect r);
void console_end(struct console *con);
/* Replace row y by width pixels where it differs, and say so: what most devices need. */
void console_put_row(struct console *con, unsigned y, const uint32_t *row);

/* For viewers; main thread. */
/* The next console, NULL begins and ends. */
struct console *console_next(const struct console *con);
/* The device's head, or NULL with *errp; device NULL: the first console there is. */
struct console *console_find(const struct device *dev, unsigned head, struct error **errp);
struct device *console_device(const struct console *con);
unsigned console_head(const struct console *con);
void console_add_viewer(struct console *con, struct console_viewer *v);
void console_del_viewer(struct console *con, struct console_viewer *v);
/* Let the device draw what has changed; viewers hear of it before this returns. */
void console_refresh(struct console *con);
/* The picture as it was last drawn; any thread.  Valid until console_unlock(). */
const struct surface *console_lock(struct console *con);
void console_unlock(struct console *con);
/* The text on the screen, lines ended by '\n' and without blanks at their ends, as UTF-8; NULL
 * while the console shows graphics. g_free it. */
char *console_read_text(struct console *con);

#endif
