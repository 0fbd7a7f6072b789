/* What a user types at a shared terminal: the escapes after Ctrl-a, and time stamps. */
#include "chardev/chardev_priv.h"

#include "core/clock.h"

#include <signal.h>
#include <string.h>

static int escape_char = 1; /* Ctrl-a */
static void (*quit_fn)(void *opaque);
static void *quit_opaque;

void chardev_set_quit_handler(void (*fn)(void *opaque), void *opaque)
{
    quit_fn = fn;
    quit_opaque = opaque;
}

void chardev_set_escape(int ch)
{
    escape_char = ch;
}

void mux_quit(void)
{
    if (quit_fn)
        quit_fn(quit_opaque);
    else
        raise(SIGTERM);
}

static void say(struct chardev *c, const char *text)
{
    bool stamps = c->timestamps;

    c->timestamps = false;
    chardev_write_buf(c, (const uint8_t *)text, strlen(text));
    c->timestamps = stamps;
}

static void say_help(struct chardev *c)
{
    static const struct {
        char key;
        const char *does;
    } keys[] = {
        {'h', "print this help"},
        {'x', "exit emulator"},
        {'s', "save disk data back to file (if -snapshot)"},
        {'t', "toggle console timestamps"},
        {'b', "send break (magic sysrq)"},
        {'c', "switch between console and monitor"},
    };
    char esc[8];

    if (escape_char > 0 && escape_char < 26)
        g_snprintf(esc, sizeof(esc), "C-%c", escape_char - 1 + 'a');
    else
        g_snprintf(esc, sizeof(esc), "<0x%02x>", escape_char & 0xff);
    g_autoptr(GString) text = g_string_new("\r\n");
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        g_string_append_printf(text, "%s %c    %s\r\n", esc, keys[i].key, keys[i].does);
    g_string_append_printf(text, "%s %s  sends %s\r\n", esc, esc, esc);
    say(c, text->str);
}

/* Bytes typed for the front end that loses the focus must not reach the next one. */
static void switch_focus(struct chardev *c)
{
    if (c->nfronts < 2) {
        say(c, "\r\nthere is no monitor to switch to\r\n");
        return;
    }
    chardev_tell(&c->front[c->focus], CHARDEV_FOCUS_OUT);
    c->focus = (c->focus + 1) % c->nfronts;
    c->in_len = 0;
    chardev_tell(&c->front[c->focus], CHARDEV_FOCUS_IN);
}

static void toggle_timestamps(struct chardev *c)
{
    c->timestamps = !c->timestamps;
    c->at_line_start = true;
    c->first_stamp = monotonic_ns();
}

static void push(struct chardev *c, uint8_t byte)
{
    if (c->in_len < CHARDEV_IN_SIZE)
        c->in[(c->in_head + c->in_len++) % CHARDEV_IN_SIZE] = byte;
}

static void escape(struct chardev *c, uint8_t byte)
{
    if (byte == escape_char) {
        push(c, byte);
        return;
    }
    switch (byte) {
    case 'x':
        say(c, "\r\ntinamou: terminated\r\n");
        mux_quit();
        break;
    case 'c': switch_focus(c); break;
    case 'b': chardev_send_event(c, CHARDEV_BREAK); break;
    case 't': toggle_timestamps(c); break;
    case 's': say(c, "\r\nsaving disk data back is not supported\r\n"); break;
    case 'h':
    case '?': say_help(c); break;
    default: push(c, byte); break;
    }
}

void mux_input(struct chardev *c, const uint8_t *buf, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (c->escaped) {
            c->escaped = false;
            escape(c, buf[i]);
        } else if (c->escapes && escape_char && buf[i] == escape_char) {
            c->escaped = true;
        } else {
            push(c, buf[i]);
        }
    }
}

static void append_stamp(GByteArray *out, ns_t since)
{
    char text[32];
    int64_t ms = (monotonic_ns() - since) / 1000000;

    g_snprintf(text, sizeof(text), "[%02d:%02d:%02d.%03d] ", (int)(ms / 3600000),
               (int)(ms / 60000 % 60), (int)(ms / 1000 % 60), (int)(ms % 1000));
    g_byte_array_append(out, (const guint8 *)text, strlen(text));
}

uint8_t *mux_stamp(struct chardev *c, const uint8_t *buf, size_t n, size_t *out_len)
{
    GByteArray *out = g_byte_array_new();

    for (size_t i = 0; i < n; i++) {
        if (c->at_line_start)
            append_stamp(out, c->first_stamp);
        c->at_line_start = buf[i] == '\n';
        g_byte_array_append(out, &buf[i], 1);
    }
    *out_len = out->len;
    return g_byte_array_free(out, FALSE);
}
