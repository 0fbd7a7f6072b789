/* What a person would read on a serial line: its bytes without control sequences, in a window of
 * bounded size. */
#ifndef SYSTEM_CONSOLE_TEXT_H
#define SYSTEM_CONSOLE_TEXT_H

#include <glib.h>
#include <stdint.h>

/* Places in the text are counted from its beginning, also when that has left the window. */
struct console_text {
    GString *window;
    uint64_t start; /* place of the window's first byte */
    int state;      /* inside of which control sequence */
    unsigned skipped;
};

enum { CONSOLE_TEXT_KEPT = 64 << 10 }; /* bytes that are always there, once so many came */

void console_text_init(struct console_text *t);
void console_text_fini(struct console_text *t);
/* Add output.  Dropped: ECMA-48 control sequences and strings, carriage returns, NUL bytes. */
void console_text_add(struct console_text *t, const uint8_t *buf, size_t n);
/* The place behind the last byte. */
uint64_t console_text_end(const struct console_text *t);
/* The last line that is not empty, as valid UTF-8; g_free it. */
char *console_text_last_line(const struct console_text *t);

#endif
