/* -semihosting and -semihosting-config: bare-metal programs that call the host. */
#include "chardev/chardev.h"
#include "core/semihost.h"
#include "system/setup.h"

#include <string.h>

enum { INPUT_MAX = 1024 };

/* A back end as the program's console. */
struct console {
    struct chardev *chardev;
    struct mutex lock; /* a leaf */
    uint8_t input[INPUT_MAX];
    size_t head, len; /* of a ring */
};

static size_t on_receive(void *opaque, const uint8_t *buf, size_t n)
{
    struct console *c = opaque;

    mutex_lock(&c->lock);
    size_t took = MIN(n, INPUT_MAX - c->len);
    for (size_t i = 0; i < took; i++)
        c->input[(c->head + c->len++) % INPUT_MAX] = buf[i];
    mutex_unlock(&c->lock);
    return took;
}

static size_t console_read(void *opaque, uint8_t *buf, size_t n)
{
    struct console *c = opaque;

    mutex_lock(&c->lock);
    size_t took = MIN(n, c->len);
    for (size_t i = 0; i < took; i++)
        buf[i] = c->input[(c->head + i) % INPUT_MAX];
    c->head = (c->head + took) % INPUT_MAX;
    c->len -= took;
    mutex_unlock(&c->lock);
    chardev_resume(c->chardev);
    return took;
}

static void console_write(void *opaque, const uint8_t *buf, size_t n)
{
    chardev_write_buf(((struct console *)opaque)->chardev, buf, n);
}

static bool open_console(struct setup *s, const char *id, struct semihost_console *out,
                         struct error **errp)
{
    static const struct chardev_user user = {"semihosting", on_receive, NULL};
    g_autofree char *text = g_strconcat("chardev:", id, NULL);
    struct chardev *chardev = chardev_new_legacy(NULL, text, errp);
    struct console *c = g_new0(struct console, 1);

    g_ptr_array_add(s->owned, c);
    c->chardev = chardev;
    mutex_init(&c->lock);
    *out = (struct semihost_console){console_write, console_read, c};
    return chardev && chardev_attach_user(chardev, &user, c, errp);
}

/* Every arg=, or else what the kernel gets. */
static char *command_line(const struct setup *s, const struct opts *o)
{
    GString *line = g_string_new(NULL);

    for (size_t i = 0; i < o->n; i++)
        if (!strcmp(o->pair[i].key, "arg"))
            g_string_append_printf(line, "%s%s", line->len ? " " : "", o->pair[i].value);
    if (!line->len && s->cfg.kernel)
        g_string_append(line, s->cfg.kernel);
    if (s->cfg.append && s->cfg.kernel && !strcmp(line->str, s->cfg.kernel))
        g_string_append_printf(line, " %s", s->cfg.append);
    return g_string_free(line, FALSE);
}

/* gdb's own file service is not used: what the program does, it does here. */
static bool check_target(const char *target, struct error **errp)
{
    static const char *const names[] = {"native", "auto", NULL};

    if (g_strv_contains(names, target))
        return true;
    if (!strcmp(target, "gdb"))
        error_set(errp, "target: gdb does not serve files here; wanted native or auto");
    else
        error_set(errp, "target: no such target '%s'; wanted native or auto", target);
    return false;
}

static bool enable(struct setup *s, struct opts *o, struct error **errp)
{
    static const char *const keys[] = {"enable", "target", "chardev", "userspace", "arg", NULL};
    const char *id = opts_get(o, "chardev", NULL);
    bool on, user;
    struct semihost_console console = {0};

    opts_get(o, "arg", NULL);
    if (!opts_get_bool(o, "enable", true, &on, errp) ||
        !opts_get_bool(o, "userspace", false, &user, errp) ||
        !check_target(opts_get(o, "target", "auto"), errp) || !opts_check_used(o, keys, errp))
        return false;
    if (!on)
        return true;
    if (id && !open_console(s, id, &console, errp))
        return false;
    g_autofree char *line = command_line(s, o);
    s->machine->semihost = semihost_new(s->machine, line, user, id ? &console : NULL);
    return true;
}

bool setup_semihosting(struct setup *s, struct error **errp)
{
    const struct cli *cli = s->cli;

    if (!cli->semihosting && !cli->semihosting_config)
        return true;
    const char *text = cli->semihosting_config ? cli->semihosting_config : "enable=on";
    struct opts *o = opts_parse(text, "enable");
    bool ok = enable(s, o, errp);
    opts_free(o);
    if (!ok)
        error_prefix(errp, "-semihosting-config %s", text);
    return ok;
}
