/* Back ends by name: the -chardev and -serial syntax, the list of them, and their front ends. */
#include "chardev/chardev_priv.h"

#include "util/fds.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { DRAIN_MS = 500 };

static const struct chardev_driver *const drivers[] = {
    &chardev_file,    &chardev_hub,     &chardev_null,   &chardev_pipe,
    &chardev_pty,     &chardev_ringbuf, &chardev_socket, &chardev_stdio,
    &chardev_testdev, &chardev_tty,     &chardev_udp,    &chardev_vc,
};
static struct chardev *all; /* process-wide, as the ids of the command line are */

struct chardev *chardev_find(const char *id)
{
    for (struct chardev *c = all; c; c = c->next)
        if (!strcmp(c->id, id))
            return c;
    return NULL;
}

bool chardev_is_live(const struct chardev *wanted)
{
    for (const struct chardev *c = all; c; c = c->next)
        if (c == wanted)
            return true;
    return false;
}

/* Other names of back ends, and names that are known elsewhere: why they are not here. */
static const struct {
    const char *name, *same_as, *reason;
} other_names[] = {
    {"tty", "serial", NULL},
    {"memory", "ringbuf", NULL},
    {"mux", NULL, "add mux=on to the back end that is to be shared"},
    {"parallel", NULL, "no machine here has a parallel port"},
    {"parport", NULL, "no machine here has a parallel port"},
    {"console", NULL, "it is for another operating system; use stdio"},
    {"msmouse", NULL, "there is no serial mouse; use a virtio or USB input device"},
    {"wctablet", NULL, "there is no serial tablet; use a virtio or USB input device"},
    {"braille", NULL, "there is no Braille display"},
    {"spicevmc", NULL, "there is no SPICE server"},
    {"spiceport", NULL, "there is no SPICE server"},
    {"qemu-vdagent", NULL, "there is no clipboard to share"},
    {"dbus", NULL, "there is no D-Bus display"},
};

static const struct chardev_driver *find_driver(const char *name, struct error **errp)
{
    const char *names[ARRAY_SIZE(drivers) + 1] = {NULL};

    for (size_t i = 0; i < ARRAY_SIZE(other_names); i++) {
        if (strcmp(name, other_names[i].name))
            continue;
        if (!other_names[i].same_as) {
            error_set(errp, "chardev backend '%s' is not supported: %s", name,
                      other_names[i].reason);
            return NULL;
        }
        name = other_names[i].same_as;
        break;
    }
    for (size_t i = 0; i < ARRAY_SIZE(drivers); i++) {
        names[i] = drivers[i]->name;
        if (!strcmp(name, names[i]))
            return drivers[i];
    }
    const char *near = nearest_name(name, names);
    error_set(errp, "unknown chardev backend '%s'", name);
    if (near)
        error_append(errp, ", did you mean '%s'?", near);
    else
        error_append(errp, " ('-chardev help' lists them)");
    return NULL;
}

static bool open_log(struct chardev *c, struct opts *o, struct error **errp)
{
    const char *path = opts_get(o, "logfile", NULL);
    bool append;

    if (!opts_get_bool(o, "logappend", false, &append, errp))
        return false;
    if (!path)
        return true;
    c->log_fd = fds_open(path, O_WRONLY | O_CREAT | (append ? O_APPEND : O_TRUNC), 0666);
    if (c->log_fd < 0)
        error_set(errp, "could not open log file '%s': %s", path, g_strerror(errno));
    return c->log_fd >= 0;
}

static bool check_options(const struct chardev_driver *drv, struct opts *o, struct error **errp)
{
    static const char *const common[] = {"id", "backend", "mux", "logfile", "logappend", NULL};
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    for (const char *const *p = common; *p; p++)
        g_ptr_array_add(names, (gpointer)(uintptr_t)*p);
    for (const char *const *p = drv->options; *p; p++)
        g_ptr_array_add(names, (gpointer)(uintptr_t)*p);
    g_ptr_array_add(names, NULL);
    const char *const *list = (const char *const *)names->pdata;
    for (const char *const *p = list; *p; p++)
        opts_get(o, *p, NULL);
    return opts_check_used(o, list, errp);
}

static void free_chardev(struct chardev *c)
{
    chardev_io_fini(c);
    g_free(c->id);
    g_free(c);
}

static bool open_chardev(struct chardev *c, struct opts *o, struct error **errp)
{
    if (!check_options(c->drv, o, errp) || !opts_get_bool(o, "mux", false, &c->mux, errp) ||
        !open_log(c, o, errp))
        return false;
    c->escapes = c->mux;
    return c->drv->open(c, o, errp);
}

/* In no list yet. */
static struct chardev *make_chardev(const char *id, const struct chardev_driver *drv,
                                    struct opts *o, struct error **errp)
{
    struct chardev *c = g_new0(struct chardev, 1);

    c->id = g_strdup(id);
    c->drv = drv;
    chardev_io_init(c);
    if (!open_chardev(c, o, errp)) {
        error_prefix(errp, "chardev '%s' (%s)", id, drv->name);
        free_chardev(c);
        return NULL;
    }
    return c;
}

static struct chardev *new_chardev(const char *id, const struct chardev_driver *drv, struct opts *o,
                                   struct error **errp)
{
    struct chardev *c = make_chardev(id, drv, o, errp), **p = &all;

    if (!c)
        return NULL;
    while (*p)
        p = &(*p)->next;
    *p = c;
    return c;
}

/* An id that nobody has, for a line without one. */
static char *make_id(void)
{
    for (unsigned i = 0;; i++) {
        char *id = g_strdup_printf("compat%u", i);
        if (!chardev_find(id))
            return id;
        g_free(id);
    }
}

static struct chardev *new_from_opts(const char *id, struct opts *o, struct error **errp)
{
    const char *backend = opts_get(o, "backend", NULL);
    const struct chardev_driver *drv = NULL;

    if (!backend)
        error_set(errp, "chardev: wanted a backend first ('-chardev help' lists them)");
    else if (chardev_find(id))
        error_set(errp, "chardev '%s' exists already", id);
    else
        drv = find_driver(backend, errp);
    return drv ? new_chardev(id, drv, o, errp) : NULL;
}

static bool is_id(const char *id)
{
    size_t i = 0;

    while (g_ascii_isalnum(id[i]) || (id[i] && strchr("-._", id[i])))
        i++;
    return g_ascii_isalpha(id[0]) && !id[i];
}

struct chardev *chardev_new_opts(const char *text, struct error **errp)
{
    struct opts *o = opts_parse(text, "backend");
    const char *id = opts_get(o, "id", NULL);
    struct chardev *c = NULL;

    if (!id || !*id)
        error_set(errp, "-chardev %s: wanted id=", text);
    else if (!is_id(id))
        error_set(errp, "id=%s: wanted a letter, then letters, digits and any of '-._'", id);
    else
        c = new_from_opts(id, o, errp);
    opts_free(o);
    return c;
}

static void add_value(GString *out, const char *key, const char *value, size_t n)
{
    g_string_append_printf(out, ",%s=", key);
    for (size_t i = 0; i < n; i++) {
        g_string_append_c(out, value[i]);
        if (value[i] == ',')
            g_string_append_c(out, ',');
    }
}

/* "HOST:PORT[,options]" with "[IPv6]" in brackets; false when there is no port. */
static bool add_host_port(GString *out, const char *rest, struct error **errp)
{
    size_t n = strcspn(rest, ",");
    const char *colon = g_strrstr_len(rest, n, ":"), *tail = rest + n;

    if (!colon) {
        error_set(errp, "wanted HOST:PORT, found '%s'", rest);
        return false;
    }
    bool brackets = rest[0] == '[' && colon > rest + 1 && colon[-1] == ']';
    add_value(out, "host", rest + brackets, colon - rest - 2 * brackets);
    add_value(out, "port", colon + 1, tail - colon - 1);
    g_string_append(out, tail);
    return true;
}

static bool add_socket(GString *out, const char *kind, const char *rest, struct error **errp)
{
    g_string_append(out, kind);
    return add_host_port(out, rest, errp);
}

/* "[HOST]:PORT[@[HOST][:PORT]]": the peer, then our own end. */
static bool add_udp(GString *out, const char *rest, struct error **errp)
{
    const char *at = strchr(rest, '@'), *own = at ? at + 1 : "";
    g_autofree char *peer = g_strndup(rest, at ? (size_t)(at - rest) : strlen(rest));
    const char *colon = strrchr(own, ':');

    g_string_append(out, "udp");
    if (!add_host_port(out, peer, errp))
        return false;
    size_t n = colon ? (size_t)(colon - own) : strlen(own);
    bool brackets = n > 1 && own[0] == '[' && own[n - 1] == ']';
    if (n)
        add_value(out, "localaddr", own + brackets, n - 2 * brackets);
    if (colon)
        add_value(out, "localport", colon + 1, strlen(colon + 1));
    return true;
}

/* PATH[,options]: only the path needs a key. */
static void add_path(GString *out, const char *backend, const char *rest)
{
    g_string_append_printf(out, "%s,path=%s", backend, rest);
}

static bool is_other_name(const char *text)
{
    for (size_t i = 0; i < ARRAY_SIZE(other_names); i++)
        if (!strcmp(text, other_names[i].name))
            return true;
    return false;
}

/* Rewrite the -serial syntax in that of -chardev; a mux of the monitor hands Ctrl-C to the guest.
 */
static bool rewrite_legacy(const char *text, GString *out, struct error **errp)
{
    static const char *const plain[] = {"stdio", "null", "pty", "vc", "ringbuf", NULL};
    bool mon = g_str_has_prefix(text, "mon:");
    bool ok = true;

    text += mon ? 4 : 0;
    if (!strcmp(text, "none") || g_str_has_prefix(text, "vc:"))
        g_string_append(out, "null");
    else if (g_strv_contains(plain, text) || g_str_has_prefix(text, "stdio,"))
        g_string_append(out, text);
    else if (g_str_has_prefix(text, "ringbuf:"))
        g_string_append_printf(out, "ringbuf,size=%s", text + 8);
    else if (g_str_has_prefix(text, "file:")) {
        g_string_append(out, "file");
        add_value(out, "path", text + 5, strlen(text + 5));
    } else if (g_str_has_prefix(text, "pipe:"))
        add_path(out, "pipe", text + 5);
    else if (g_str_has_prefix(text, "unix:"))
        add_path(out, "socket", text + 5);
    else if (g_str_has_prefix(text, "/dev/"))
        add_path(out, "serial", text);
    else if (g_str_has_prefix(text, "tcp:"))
        ok = add_socket(out, "socket", text + 4, errp);
    else if (g_str_has_prefix(text, "telnet:"))
        ok = add_socket(out, "socket,telnet=on", text + 7, errp);
    else if (g_str_has_prefix(text, "websocket:"))
        ok = add_socket(out, "socket,websocket=on", text + 10, errp);
    else if (g_str_has_prefix(text, "udp:"))
        ok = add_udp(out, text + 4, errp);
    else if (is_other_name(text))
        g_string_append(out, text);
    else {
        error_set(errp,
                  "unknown character device '%s', wanted stdio, mon:stdio, null, none, pty, "
                  "file:PATH, pipe:PATH, "
                  "tcp:HOST:PORT, telnet:HOST:PORT, websocket:HOST:PORT, udp:HOST:PORT, "
                  "unix:PATH or chardev:ID",
                  text);
        ok = false;
    }
    if (mon)
        g_string_append(out, strcmp(text, "stdio") ? ",mux=on" : ",mux=on,signal=off");
    return ok;
}

struct chardev *chardev_find_named(const char *id, struct error **errp)
{
    struct chardev *c = chardev_find(id);
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    if (c)
        return c;
    for (const struct chardev *p = all; p; p = p->next)
        g_ptr_array_add(names, p->id);
    g_ptr_array_add(names, NULL);
    const char *near = nearest_name(id, (const char *const *)names->pdata);
    error_set(errp, "no chardev '%s'", id);
    if (near)
        error_append(errp, ", did you mean '%s'?", near);
    return NULL;
}

struct chardev *chardev_new_legacy(const char *id, const char *text, struct error **errp)
{
    g_autofree char *own_id = id ? g_strdup(id) : make_id();
    g_autoptr(GString) modern = g_string_new(NULL);

    if (g_str_has_prefix(text, "chardev:"))
        return chardev_find_named(text + 8, errp);
    if (!rewrite_legacy(text, modern, errp))
        return NULL;
    struct opts *o = opts_parse(modern->str, "backend");
    struct chardev *c = new_from_opts(own_id, o, errp);
    opts_free(o);
    return c;
}

static const char *front_name(const struct chardev_front_end *f)
{
    return f->user ? f->user->name : f->dev->id;
}

void chardev_foreach(void (*fn)(struct chardev *c, void *opaque), void *opaque)
{
    for (struct chardev *c = all; c; c = c->next)
        fn(c, opaque);
}

const char *chardev_id(const struct chardev *c)
{
    return c->id;
}

char *chardev_describe(const struct chardev *c)
{
    return c->drv->describe ? c->drv->describe(c) : g_strdup(c->drv->name);
}

bool chardev_has_front(const struct chardev *c)
{
    return c->nfronts != 0;
}

/* Out of every list by now. */
static void end_chardev(struct chardev *c)
{
    chardev_drain(c, DRAIN_MS);
    c->drv->close(c);
    free_chardev(c);
}

bool chardev_remove(struct chardev *c, struct error **errp)
{
    struct chardev **p = &all;

    if (c->nfronts) {
        error_set(errp, "chardev '%s' is in use by '%s'", c->id, front_name(&c->front[0]));
        return false;
    }
    while (*p != c)
        p = &(*p)->next;
    *p = c->next;
    end_chardev(c);
    return true;
}

static struct chardev *make_successor(const struct chardev *c, const char *text,
                                      struct error **errp)
{
    struct opts *o = opts_parse(text, "backend");
    const char *backend = opts_get(o, "backend", NULL), *id = opts_get(o, "id", c->id);
    const struct chardev_driver *drv = NULL;

    if (strcmp(id, c->id))
        error_set(errp, "id=%s: the id of '%s' stays", id, c->id);
    else if (!backend)
        error_set(errp, "chardev '%s': wanted a backend first ('-chardev help' lists them)", c->id);
    else
        drv = find_driver(backend, errp);
    struct chardev *n = drv ? make_chardev(c->id, drv, o, errp) : NULL;
    opts_free(o);
    if (!n || !n->mux)
        return n;
    error_set(errp, "chardev '%s': mux=on is for a chardev that is new", c->id);
    end_chardev(n);
    return NULL;
}

/* The device looks for its back end in the slot. */
static void move_front(struct chardev *c, struct chardev *to)
{
    struct chardev_front_end *f = &c->front[0];

    if (c->nfronts == 0)
        return;
    if (c->connected)
        chardev_send_event(c, CHARDEV_CLOSED);
    mutex_lock(&f->dev->lock);
    *(struct chardev **)f->slot = to;
    mutex_unlock(&f->dev->lock);
    to->front[0] = *f;
    to->nfronts = 1;
    c->nfronts = 0;
    if (to->connected)
        chardev_announce(to, 0);
}

struct chardev *chardev_change(struct chardev *c, const char *text, struct error **errp)
{
    struct chardev **p = &all;

    if (c->mux || (c->nfronts && !c->front[0].slot) || c->tap) {
        error_set(errp, "chardev '%s' is %s: only that of a device can be changed", c->id,
                  c->mux   ? "shared by several (mux=on)"
                  : c->tap ? "watched by the test runner"
                           : "not a device's");
        return NULL;
    }
    struct chardev *n = make_successor(c, text, errp);
    if (!n)
        return NULL;
    while (*p != c)
        p = &(*p)->next;
    n->next = c->next;
    *p = n;
    move_front(c, n);
    end_chardev(c);
    return n;
}

void chardev_send_break(struct chardev *c)
{
    chardev_send_event(c, CHARDEV_BREAK);
}

const char **chardev_driver_names(void)
{
    const char **names = g_new0(const char *, ARRAY_SIZE(drivers) + 1);

    for (size_t i = 0; i < ARRAY_SIZE(drivers); i++)
        names[i] = drivers[i]->name;
    return names;
}

void chardev_free_all(void)
{
    while (all) {
        struct chardev *c = all;
        all = c->next;
        chardev_drain(c, DRAIN_MS);
        c->nfronts = 0;
        c->drv->close(c);
        free_chardev(c);
    }
    chardev_restore_terminal();
}

void chardev_print_help(FILE *f)
{
    fprintf(f, "Available chardev backend types:\n");
    for (size_t i = 0; i < ARRAY_SIZE(drivers); i++)
        fprintf(f, "  %-10s %s\n", drivers[i]->name, drivers[i]->help);
    fprintf(f, "Options of all: id=ID, mux=on|off, logfile=PATH, logappend=on|off\n");
}

static bool add_front(struct chardev *c, struct chardev_front_end f, struct error **errp)
{
    unsigned max = c->mux ? CHARDEV_MAX_FRONTS : 1;

    if (c->nfronts == max) {
        error_set(errp, "chardev '%s' is in use by '%s'%s", c->id, front_name(&c->front[0]),
                  c->mux ? " and others" : " (mux=on would let them share it)");
        return false;
    }
    c->front[c->nfronts++] = f;
    return true;
}

bool chardev_attach(struct chardev *c, struct device *dev, chardev_receive_fn *receive,
                    struct error **errp)
{
    return add_front(c, (struct chardev_front_end){.dev = dev, .receive = receive}, errp);
}

bool chardev_attach_user(struct chardev *c, const struct chardev_user *user, void *opaque,
                         struct error **errp)
{
    if (!add_front(c, (struct chardev_front_end){.user = user, .opaque = opaque}, errp))
        return false;
    if (c->connected)
        chardev_announce(c, c->nfronts - 1);
    return true;
}

bool chardev_is_mux(const struct chardev *c)
{
    return c->mux;
}

bool chardev_is_terminal(const struct chardev *c)
{
    return c && c->terminal_fd >= 0;
}

bool chardev_terminal_size(const struct chardev *c, uint16_t *cols, uint16_t *rows)
{
    struct winsize w = {0};

    if (!chardev_is_terminal(c) || ioctl(c->terminal_fd, TIOCGWINSZ, &w) < 0)
        return false;
    *cols = w.ws_col;
    *rows = w.ws_row;
    return w.ws_col && w.ws_row;
}

void chardev_on_event(struct chardev *c, struct device *dev, chardev_event_fn *event)
{
    for (unsigned i = 0; c && i < c->nfronts; i++) {
        if (c->front[i].dev != dev)
            continue;
        c->front[i].event = event;
        if (c->connected)
            chardev_announce(c, i);
    }
}

/* By its slot (a device's) or by its opaque. */
static void detach(struct chardev *c, const void *key)
{
    for (unsigned i = 0; i < c->nfronts; i++)
        if (c->front[i].slot == key || (c->front[i].user && c->front[i].opaque == key)) {
            memmove(&c->front[i], &c->front[i + 1], (c->nfronts - i - 1) * sizeof(c->front[0]));
            c->nfronts--;
            c->focus = 0;
            return;
        }
}

void chardev_detach_user(struct chardev *c, void *opaque)
{
    if (chardev_is_live(c))
        detach(c, opaque);
}

static bool prop_parse(void *field, const char *text, struct error **errp)
{
    struct chardev *c = chardev_find_named(text, errp);

    if (c)
        *(struct chardev **)field = c;
    return c;
}

static void prop_print(const void *field, FILE *f)
{
    const struct chardev *c = *(struct chardev *const *)field;

    fprintf(f, "\"%s\"", c && chardev_is_live(c) ? c->id : "");
}

/* A device may outlive the back ends at shutdown. */
static void prop_fini(void *field)
{
    struct chardev **c = field;

    if (*c && chardev_is_live(*c))
        detach(*c, field);
    *c = NULL;
}

static bool prop_realize(const struct prop *p, struct device *dev, struct error **errp)
{
    struct chardev **slot = (struct chardev **)(void *)((char *)dev + p->off), *c = *slot;
    const struct chardev_front *front = p->arg;

    if (!c)
        return true;
    if (!chardev_attach(c, dev, front ? front->receive : NULL, errp))
        return false;
    c->front[c->nfronts - 1].slot = slot;
    return true;
}

const struct prop_kind prop_chardev = {"chardev", prop_parse, prop_print, prop_fini, prop_realize};
