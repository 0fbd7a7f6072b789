/* Display consoles: the list of them, their surfaces, and who follows them. */
#include "ui/console.h"

#include <glib.h>
#include <string.h>

struct console {
    struct device *dev;
    unsigned head;
    const struct console_ops *ops;
    void *opaque;
    struct mutex lock;
    struct surface surface GUARDED_BY(lock);
    GArray *changes GUARDED_BY(lock); /* of struct console_rect, since viewers were told */
    bool resized GUARDED_BY(lock);
    struct console_viewer *viewers; /* main thread only */
    struct console *next;
};

/* Main thread only; in the order of creation. */
static struct console *consoles;

struct console *console_next(const struct console *con)
{
    return con ? con->next : consoles;
}

struct device *console_device(const struct console *con)
{
    return con->dev;
}

unsigned console_head(const struct console *con)
{
    return con->head;
}

struct console *console_new(struct device *dev, const struct console_ops *ops, void *opaque)
{
    struct console *con = g_new0(struct console, 1), **p = &consoles;
    con->dev = dev;
    con->ops = ops;
    con->opaque = opaque;
    mutex_init(&con->lock);
    con->changes = g_array_new(FALSE, FALSE, sizeof(struct console_rect));
    for (; *p; p = &(*p)->next)
        con->head += (*p)->dev == dev;
    *p = con;
    return con;
}

void console_free(struct console *con)
{
    struct console **p = &consoles;
    if (con == NULL)
        return;
    while (*p && *p != con)
        p = &(*p)->next;
    if (*p)
        *p = con->next;
    g_array_unref(con->changes);
    g_free(con->surface.pixels);
    mutex_fini(&con->lock);
    g_free(con);
}

struct console *console_find(const struct device *dev, unsigned head, struct error **errp)
{
    unsigned heads = 0;
    if (consoles == NULL) {
        error_set(errp, "the machine has no display");
        return NULL;
    }
    if (dev == NULL)
        dev = consoles->dev;
    for (struct console *con = consoles; con; con = con->next) {
        if (con->dev == dev && con->head == head)
            return con;
        heads += con->dev == dev;
    }
    if (heads)
        error_set(errp, "the device has no head %u, the last is %u", head, heads - 1);
    else
        error_set(errp, "the device is no display");
    return NULL;
}

static void resize(struct console *con, unsigned width, unsigned height) REQUIRES(con->lock)
{
    struct surface *s = &con->surface;
    if (s->width == width && s->height == height)
        return;
    g_free(s->pixels);
    *s = (struct surface){width, height, width, g_new0(uint32_t, (size_t)width * height)};
    con->resized = true;
    g_array_set_size(con->changes, 0);
    console_changed(con, (struct console_rect){0, 0, width, height});
}

struct surface *console_begin(struct console *con, unsigned width,
                              unsigned height) NO_THREAD_ANALYSIS
{
    mutex_lock(&con->lock);
    resize(con, CLAMP(width, 1, CONSOLE_MAX_SIDE), CLAMP(height, 1, CONSOLE_MAX_SIDE));
    return &con->surface;
}

/* Rows that follow each other make one rectangle. */
static bool extends(const struct console_rect *last, const struct console_rect *r)
{
    return last->x == r->x && last->width == r->width && last->y + last->height == r->y;
}

void console_changed(struct console *con, struct console_rect r) NO_THREAD_ANALYSIS
{
    GArray *list = con->changes;
    struct console_rect *last =
        list->len ? &g_array_index(list, struct console_rect, list->len - 1) : NULL;
    if (last && extends(last, &r))
        last->height += r.height;
    else
        g_array_append_val(list, r);
}

void console_put_row(struct console *con, unsigned y, const uint32_t *row) NO_THREAD_ANALYSIS
{
    const struct surface *s = &con->surface;
    uint32_t *at = s->pixels + (size_t)y * s->stride;
    if (y >= s->height || memcmp(at, row, s->width * sizeof(*row)) == 0)
        return;
    memcpy(at, row, s->width * sizeof(*row));
    console_changed(con, (struct console_rect){0, y, s->width, 1});
}

void console_end(struct console *con) NO_THREAD_ANALYSIS
{
    mutex_unlock(&con->lock);
}

void console_add_viewer(struct console *con, struct console_viewer *v)
{
    v->next = con->viewers;
    con->viewers = v;
}

void console_del_viewer(struct console *con, struct console_viewer *v)
{
    struct console_viewer **p = &con->viewers;
    while (*p && *p != v)
        p = &(*p)->next;
    if (*p)
        *p = v->next;
}

static void tell(struct console *con, const struct console_rect *r, guint n, bool resized)
{
    for (struct console_viewer *v = con->viewers; v; v = v->next) {
        if (resized && v->resized)
            v->resized(v, r->width, r->height); /* the first change is then all of it */
        for (guint i = 0; i < n; i++)
            v->changed(v, &r[i]);
    }
}

void console_refresh(struct console *con)
{
    con->ops->refresh(con->opaque);
    mutex_lock(&con->lock);
    g_autoptr(GArray) changes = con->changes;
    bool resized = con->resized;
    con->changes = g_array_new(FALSE, FALSE, sizeof(struct console_rect));
    con->resized = false;
    mutex_unlock(&con->lock);
    tell(con, (struct console_rect *)(void *)changes->data, changes->len, resized);
}

const struct surface *console_lock(struct console *con) NO_THREAD_ANALYSIS
{
    mutex_lock(&con->lock);
    return &con->surface;
}

void console_unlock(struct console *con) NO_THREAD_ANALYSIS
{
    mutex_unlock(&con->lock);
}

/* Code page 437, as what PCs' fonts show for the codes; 0 and 255 are blanks. */
static const uint16_t low_half[32] = {
    0x0020, 0x263a, 0x263b, 0x2665, 0x2666, 0x2663, 0x2660, 0x2022, 0x25d8, 0x25cb, 0x25d9,
    0x2642, 0x2640, 0x266a, 0x266b, 0x263c, 0x25ba, 0x25c4, 0x2195, 0x203c, 0x00b6, 0x00a7,
    0x25ac, 0x21a8, 0x2191, 0x2193, 0x2192, 0x2190, 0x221f, 0x2194, 0x25b2, 0x25bc};
static const uint16_t high_half[129] = {
    0x2302, 0x00c7, 0x00fc, 0x00e9, 0x00e2, 0x00e4, 0x00e0, 0x00e5, 0x00e7, 0x00ea, 0x00eb, 0x00e8,
    0x00ef, 0x00ee, 0x00ec, 0x00c4, 0x00c5, 0x00c9, 0x00e6, 0x00c6, 0x00f4, 0x00f6, 0x00f2, 0x00fb,
    0x00f9, 0x00ff, 0x00d6, 0x00dc, 0x00a2, 0x00a3, 0x00a5, 0x20a7, 0x0192, 0x00e1, 0x00ed, 0x00f3,
    0x00fa, 0x00f1, 0x00d1, 0x00aa, 0x00ba, 0x00bf, 0x2310, 0x00ac, 0x00bd, 0x00bc, 0x00a1, 0x00ab,
    0x00bb, 0x2591, 0x2592, 0x2593, 0x2502, 0x2524, 0x2561, 0x2562, 0x2556, 0x2555, 0x2563, 0x2551,
    0x2557, 0x255d, 0x255c, 0x255b, 0x2510, 0x2514, 0x2534, 0x252c, 0x251c, 0x2500, 0x253c, 0x255e,
    0x255f, 0x255a, 0x2554, 0x2569, 0x2566, 0x2560, 0x2550, 0x256c, 0x2567, 0x2568, 0x2564, 0x2565,
    0x2559, 0x2558, 0x2552, 0x2553, 0x256b, 0x256a, 0x2518, 0x250c, 0x2588, 0x2584, 0x258c, 0x2590,
    0x2580, 0x03b1, 0x00df, 0x0393, 0x03c0, 0x03a3, 0x03c3, 0x00b5, 0x03c4, 0x03a6, 0x0398, 0x03a9,
    0x03b4, 0x221e, 0x03c6, 0x03b5, 0x2229, 0x2261, 0x00b1, 0x2265, 0x2264, 0x2320, 0x2321, 0x00f7,
    0x2248, 0x00b0, 0x2219, 0x00b7, 0x221a, 0x207f, 0x00b2, 0x25a0, 0x0020};

static gunichar character(uint8_t ch)
{
    if (ch < 32)
        return low_half[ch];
    return ch < 127 ? ch : high_half[ch - 127];
}

static void append_row(GString *out, const struct console_cell *cells, unsigned columns)
{
    while (columns && character(cells[columns - 1].ch) == ' ')
        columns--;
    for (unsigned i = 0; i < columns; i++)
        g_string_append_unichar(out, character(cells[i].ch));
    g_string_append_c(out, '\n');
}

char *console_read_text(struct console *con)
{
    struct console_text t = {0};
    if (con->ops->text == NULL || !con->ops->text(con->opaque, &t))
        return NULL;
    GString *out = g_string_new(NULL);
    for (unsigned row = 0; row < t.rows; row++)
        append_row(out, t.cells + (size_t)row * t.columns, t.columns);
    g_free(t.cells);
    return g_string_free(out, FALSE);
}
