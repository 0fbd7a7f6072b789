/* A serial line's output as text.  Ref: ECMA-48, 5th edition, 5.3 (escape sequences), 5.4 (control
 * sequences), 5.6 (control strings). */
#include "system/console_text.h"

#include <string.h>

enum { ESC = 0x1b, BEL = 0x07, CAN = 0x18, SUB = 0x1a };
enum state { TEXT, ESCAPE, SEQUENCE, STRING, STRING_ESCAPE };
enum { MAX_SEQUENCE = 4096 }; /* a string that is longer was none */

void console_text_init(struct console_text *t)
{
    *t = (struct console_text){.window = g_string_new(NULL)};
}

void console_text_fini(struct console_text *t)
{
    g_string_free(t->window, TRUE);
}

static enum state after_escape(uint8_t b)
{
    switch (b) {
    case '[': return SEQUENCE;
    case 'P':
    case 'X':
    case ']':
    case '^':
    case '_': return STRING;
    case ESC: return ESCAPE;
    default: return b >= 0x20 && b <= 0x2f ? ESCAPE : TEXT;
    }
}

static enum state after_sequence_byte(uint8_t b)
{
    if (b == ESC)
        return ESCAPE;
    return (b >= 0x40 && b <= 0x7e) || b == CAN || b == SUB || b >= 0x80 ? TEXT : SEQUENCE;
}

static enum state after_string_byte(uint8_t b)
{
    if (b == ESC)
        return STRING_ESCAPE;
    return b == BEL || b == CAN || b == SUB ? TEXT : STRING;
}

static void put(struct console_text *t, uint8_t b)
{
    if (b == ESC)
        t->state = ESCAPE;
    else if (b && b != '\r')
        g_string_append_c(t->window, (char)b);
}

static void skip(struct console_text *t, uint8_t b)
{
    switch ((enum state)t->state) {
    case TEXT: break;
    case ESCAPE: t->state = after_escape(b); break;
    case SEQUENCE: t->state = after_sequence_byte(b); break;
    case STRING: t->state = after_string_byte(b); break;
    case STRING_ESCAPE: t->state = b == '\\' ? TEXT : (int)after_escape(b); break;
    }
    t->skipped = t->state == TEXT ? 0 : t->skipped + 1;
    if (t->skipped > MAX_SEQUENCE)
        t->state = t->skipped = 0;
}

void console_text_add(struct console_text *t, const uint8_t *buf, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (t->state == TEXT)
            put(t, buf[i]);
        else
            skip(t, buf[i]);
        if (t->window->len >= 2 * CONSOLE_TEXT_KEPT) {
            g_string_erase(t->window, 0, CONSOLE_TEXT_KEPT);
            t->start += CONSOLE_TEXT_KEPT;
        }
    }
}

uint64_t console_text_end(const struct console_text *t)
{
    return t->start + t->window->len;
}

char *console_text_last_line(const struct console_text *t)
{
    size_t end = t->window->len;

    while (end && g_ascii_isspace(t->window->str[end - 1]))
        end--;
    const char *nl = memrchr(t->window->str, '\n', end);
    size_t begin = nl ? (size_t)(nl - t->window->str) + 1 : 0;
    return g_utf8_make_valid(t->window->str + begin, (gssize)(end - begin));
}
