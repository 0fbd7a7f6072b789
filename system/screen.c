/*
 * A display as a line of characters.
 *
 * A screen that has scrolled shows old rows at other places: they are no news.  While it shows
 * graphics, nothing comes.
 */
#include "system/screen.h"
#include "ui/console.h"
#include "ui/input.h"

#include <glib.h>
#include <string.h>

enum { POLL_MS = 100, KEY_MS = 30 };

struct screen {
    struct chardev *chardev;
    struct console *con;
    char **rows; /* as they were shown last, or NULL */
    guint poll_timer, key_timer;
    uint16_t key, modifier; /* that are down, or 0 */
};

/* --- what is shown --- */

/* How many rows are where they would be had the screen scrolled by that many. */
static unsigned rows_kept(char **old, char **now, unsigned scrolled)
{
    unsigned n = 0;

    for (unsigned i = 0; now[i] && i + scrolled < g_strv_length(old); i++)
        n += *now[i] && !strcmp(now[i], old[i + scrolled]);
    return n;
}

static unsigned find_scroll(char **old, char **now)
{
    unsigned best = 0, most = rows_kept(old, now, 0);

    for (unsigned k = 1; k < g_strv_length(old); k++) {
        unsigned kept = rows_kept(old, now, k);
        if (kept > most) {
            best = k;
            most = kept;
        }
    }
    return best;
}

static void tell_row(struct screen *s, const char *row)
{
    chardev_write_buf(s->chardev, (const uint8_t *)row, strlen(row));
    chardev_write(s->chardev, '\n');
}

static void tell_changes(struct screen *s, char **now)
{
    unsigned old_rows = s->rows ? g_strv_length(s->rows) : 0;
    unsigned scrolled = s->rows ? find_scroll(s->rows, now) : 0;

    for (unsigned i = 0; now[i]; i++) {
        const char *old = i + scrolled < old_rows ? s->rows[i + scrolled] : "";
        if (*now[i] && strcmp(now[i], old))
            tell_row(s, now[i]);
    }
}

void screen_poll(struct screen *s)
{
    g_autofree char *text = console_read_text(s->con);
    char **now = text ? g_strsplit(text, "\n", -1) : NULL;

    if (now)
        tell_changes(s, now);
    g_strfreev(s->rows);
    s->rows = now;
}

static gboolean on_poll(gpointer opaque)
{
    screen_poll(opaque);
    return G_SOURCE_CONTINUE;
}

/* --- what is typed --- */

static void move_key(uint16_t code, bool down)
{
    const struct input_event ev = {INPUT_KEY, code, down};

    if (code)
        input_send(&ev);
    input_sync();
}

static gboolean on_release(gpointer opaque)
{
    struct screen *s = opaque;

    s->key_timer = 0;
    move_key(s->key, false);
    move_key(s->modifier, false);
    chardev_resume(s->chardev);
    return G_SOURCE_REMOVE;
}

/* One key at a time: the keyboard's buffer is small.  What no key makes is left out. */
static size_t receive(void *opaque, const uint8_t *buf, size_t n)
{
    struct screen *s = opaque;

    if (n == 0 || s->key_timer)
        return 0;
    s->key = input_char_key((char)buf[0], &s->modifier);
    if (s->key) {
        move_key(s->modifier, true);
        move_key(s->key, true);
    }
    s->key_timer = g_timeout_add(s->key ? KEY_MS : 0, on_release, s);
    return 1;
}

/* --- both --- */

static const struct chardev_user user = {.name = "the screen", .receive = receive};

struct screen *screen_new(struct error **errp)
{
    struct console *con = console_find(NULL, 0, errp);
    struct chardev *c = con ? chardev_new_opts("null,id=screen", errp) : NULL;
    if (!c)
        return NULL;
    struct screen *s = g_new0(struct screen, 1);
    s->con = con;
    s->chardev = c;
    if (!chardev_attach_user(c, &user, s, errp)) {
        g_free(s);
        return NULL;
    }
    s->poll_timer = g_timeout_add(POLL_MS, on_poll, s);
    return s;
}

struct chardev *screen_chardev(const struct screen *s)
{
    return s->chardev;
}

void screen_free(struct screen *s)
{
    if (!s)
        return;
    g_source_remove(s->poll_timer);
    if (s->key_timer)
        g_source_remove(s->key_timer);
    chardev_detach_user(s->chardev, s);
    g_strfreev(s->rows);
    g_free(s);
}
