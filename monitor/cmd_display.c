/* screendump and query-display-options: what the guest's displays show. */
#include "monitor/commands_priv.h"

#include "core/machine.h"
#include "ui/console.h"
#include "ui/picture.h"

#include <errno.h>
#include <string.h>

static JsonNode *run_display_options(struct mon_call *c UNUSED, struct error **errp UNUSED)
{
    JsonObject *o = json_object_new();

    json_object_set_string_member(o, "type", "none");
    return mon_object(o);
}

static struct console *find_console(struct mon_call *c, struct error **errp)
{
    const char *id = mon_str(c, "device", NULL);
    int64_t head = mon_int(c, "head", 0);
    struct device *dev = id ? machine_find_device(c->m, id) : NULL;

    if (id && !dev) {
        mon_fail(c, "DeviceNotFound", errp, "Device '%s' not found", id);
        return NULL;
    }
    if (!id && mon_has(c, "head")) {
        error_set(errp, "'head' must be specified together with 'device'");
        return NULL;
    }
    if (head < 0 || head > UINT16_MAX) {
        error_set(errp, "head %" G_GINT64_FORMAT ": heads are counted from 0", head);
        return NULL;
    }
    struct console *con = console_find(dev, (unsigned)head, errp);
    if (!con && id)
        error_prefix(errp, "device '%s'", id);
    return con;
}

static bool write_text(struct console *con, const char *path, struct error **errp)
{
    g_autofree char *text = console_read_text(con);
    GError *err = NULL;

    if (!text) {
        error_set(errp, "the screen shows graphics, not text; wanted format png or ppm");
        return false;
    }
    if (g_file_set_contents(path, text, -1, &err))
        return true;
    error_set(errp, "%s", err->message);
    g_error_free(err);
    return false;
}

static bool write_picture(struct console *con, const char *path, bool png, struct error **errp)
{
    console_refresh(con);
    const struct surface *s = console_lock(con);
    bool ok = png ? picture_write_png(s, path, errp) : picture_write_ppm(s, path, errp);
    console_unlock(con);
    return ok;
}

static JsonNode *run_screendump(struct mon_call *c, struct error **errp)
{
    const char *path = mon_str(c, "filename", ""), *format = mon_str(c, "format", "ppm");
    struct console *con = find_console(c, errp);

    if (!con)
        return NULL;
    bool ok = !strcmp(format, "text") ? write_text(con, path, errp)
                                      : write_picture(con, path, !strcmp(format, "png"), errp);
    return ok ? mon_ok() : NULL;
}

static void complete_display(struct machine *m UNUSED, void (*add)(void *opaque, const char *word),
                             void *opaque)
{
    for (struct console *con = console_next(NULL); con; con = console_next(con))
        if (console_head(con) == 0)
            add(opaque, console_device(con)->id);
}

static const struct mon_arg screendump_args[] = {
    {"filename", MON_STR, .help = "the picture"},
    {"format", MON_CHOICE, .optional = true, .flag = 'f', .type = "ppm|png|text",
     .help = "of the picture; text: the characters of a text screen, as UTF-8"},
    {"device", MON_STR, .optional = true, .help = "the display", .complete = complete_display},
    {"head", MON_INT, .optional = true, .help = "one of its heads"},
    MON_ARG_END,
};

const struct monitor_command cmd_display[] = {
    {.qmp = "query-display-options",
     .ret = "{type: str}",
     .run = run_display_options,
     .help = "show the kind of display"},
    {.qmp = "screendump",
     .hmp = "screendump",
     .args = screendump_args,
     .run = run_screendump,
     .help = "save a picture of the screen"},
    {0},
};
