/* A display as a line of characters, for the test runner. */
#ifndef SYSTEM_SCREEN_H
#define SYSTEM_SCREEN_H

#include "chardev/chardev.h"

struct screen;

/*
 * A chardev called "screen" that stands for the first display: rows of its text come out as they
 * change, each as a line, and what is fed into it is typed on the guest's keyboard.  NULL with
 * *errp when the machine has no display.  Main thread; screen_free() before the chardev goes.
 */
struct screen *screen_new(struct error **errp) MUST_CHECK;
struct chardev *screen_chardev(const struct screen *s);
/* Look at the display now, not only every tenth of a second. */
void screen_poll(struct screen *s);
void screen_free(struct screen *s);

#endif
