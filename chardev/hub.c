/* Several back ends as one: output goes to all of them, input comes from any. */
#include "chardev/chardev_priv.h"

enum { MAX_MEMBERS = 4 };

struct member {
    struct chardev *hub, *chardev;
    bool is_open;
};

struct hub {
    struct member member[MAX_MEMBERS];
    unsigned n;
};

static size_t member_receive(void *opaque, const uint8_t *buf, size_t n)
{
    struct member *m = opaque;
    size_t took = MIN(n, CHARDEV_IN_SIZE - m->hub->in_len);

    mux_input(m->hub, buf, took);
    chardev_deliver(m->hub);
    return took;
}

/* The hub is connected while any member is. */
static void member_event(void *opaque, enum chardev_event ev)
{
    struct member *m = opaque;
    const struct hub *h = m->hub->priv;
    bool any = false;

    if (ev == CHARDEV_BREAK)
        chardev_send_event(m->hub, ev);
    if (ev != CHARDEV_OPENED && ev != CHARDEV_CLOSED)
        return;
    m->is_open = ev == CHARDEV_OPENED;
    for (unsigned i = 0; i < h->n; i++)
        any |= h->member[i].is_open;
    if (any && !m->hub->connected)
        chardev_connect(m->hub, -1, -1);
    else if (!any && m->hub->connected)
        chardev_disconnect(m->hub);
}

static const struct chardev_user member_user = {"a hub", member_receive, member_event};

/* At shutdown members go first. */
static bool is_there(const struct member *m)
{
    return m->is_open && chardev_is_live(m->chardev);
}

static ssize_t hub_write(struct chardev *c, const uint8_t *buf, size_t n)
{
    struct hub *h = c->priv;

    for (unsigned i = 0; i < h->n; i++)
        if (is_there(&h->member[i]))
            chardev_write_buf(h->member[i].chardev, buf, n);
    return (ssize_t)n;
}

static void hub_room(struct chardev *c)
{
    struct hub *h = c->priv;

    for (unsigned i = 0; i < h->n; i++)
        if (is_there(&h->member[i]))
            chardev_resume(h->member[i].chardev);
}

static void hub_close(struct chardev *c)
{
    struct hub *h = c->priv;

    chardev_disconnect(c);
    for (unsigned i = 0; i < h->n; i++)
        chardev_detach_user(h->member[i].chardev, &h->member[i]);
    g_free(h);
}

static const char *const hub_options[] = {"chardevs.0", "chardevs.1", "chardevs.2", "chardevs.3",
                                          NULL};

static bool add_members(struct chardev *c, struct opts *o, struct error **errp)
{
    struct hub *h = c->priv;

    for (unsigned i = 0; i < MAX_MEMBERS; i++) {
        const char *id = opts_get(o, hub_options[i], NULL);
        struct member *m = &h->member[h->n];
        if (!id)
            continue;
        m->hub = c;
        m->chardev = chardev_find_named(id, errp);
        if (!m->chardev || !chardev_attach_user(m->chardev, &member_user, m, errp)) {
            error_prefix(errp, "%s", hub_options[i]);
            return false;
        }
        h->n++;
    }
    if (!h->n)
        error_set(errp, "wanted chardevs.0=ID, up to chardevs.%d=ID", MAX_MEMBERS - 1);
    return h->n;
}

static bool hub_open(struct chardev *c, struct opts *o, struct error **errp)
{
    c->priv = g_new0(struct hub, 1);
    if (add_members(c, o, errp))
        return true;
    hub_close(c);
    return false;
}

const struct chardev_driver chardev_hub = {
    .name = "hub",
    .help = "several back ends as one: chardevs.0=ID[,chardevs.1=ID]...",
    .options = hub_options,
    .open = hub_open,
    .close = hub_close,
    .write = hub_write,
    .room = hub_room,
};
