/* Commands on character devices. */
#include "monitor/commands_priv.h"

#include "core/machine.h"
#include "util/optparse.h"

#include <inttypes.h>
#include <string.h>

enum { RINGBUF_READ_MAX = 16 << 20 };

static void add_chardev(struct chardev *c, void *opaque)
{
    JsonObject *o = json_object_new();
    g_autofree char *filename = chardev_describe(c);

    json_object_set_boolean_member(o, "frontend-open", chardev_has_front(c));
    json_object_set_string_member(o, "filename", filename);
    json_object_set_string_member(o, "label", chardev_id(c));
    json_array_add_object_element(opaque, o);
}

static JsonNode *run_chardevs(struct mon_call *c UNUSED, struct error **errp UNUSED)
{
    JsonArray *list = json_array_new();

    chardev_foreach(add_chardev, list);
    return mon_array(list);
}

static void print_chardevs(struct mon_call *c UNUSED, JsonNode *result, FILE *out)
{
    JsonArray *list = json_node_get_array(result);

    for (guint i = 0; i < json_array_get_length(list); i++) {
        JsonObject *o = json_array_get_object_element(list, i);
        fprintf(out, "%s: filename=%s\n", json_object_get_string_member(o, "label"),
                json_object_get_string_member(o, "filename"));
    }
}

static JsonNode *run_backends(struct mon_call *c UNUSED, struct error **errp UNUSED)
{
    JsonArray *list = json_array_new();
    g_autofree const char **names = chardev_driver_names();

    for (const char **p = names; *p; p++) {
        JsonObject *o = json_object_new();
        json_object_set_string_member(o, "name", *p);
        json_array_add_object_element(list, o);
    }
    return mon_array(list);
}

static void add_id(struct chardev *c, void *opaque)
{
    g_ptr_array_add(opaque, (gpointer)(uintptr_t)chardev_id(c));
}

static struct chardev *find(const char *id, struct error **errp)
{
    struct chardev *c = chardev_find(id);
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    if (c)
        return c;
    chardev_foreach(add_id, names);
    g_ptr_array_add(names, NULL);
    const char *near = nearest_name(id, (const char *const *)names->pdata);
    error_set(errp, "chardev '%s' not found", id);
    if (near)
        error_append(errp, "; did you mean '%s'?", near);
    return NULL;
}

/* ---- adding ---- */

static void append(GString *s, const char *key, const char *value)
{
    g_auto(GStrv) parts = g_strsplit(value, ",", -1);
    g_autofree char *escaped = g_strjoinv(",,", parts);

    g_string_append_printf(s, ",%s=%s", key, escaped);
}

/* Members of a backend's "data" that the option spells otherwise. */
static const char *option_key(const char *backend, const char *key)
{
    if (!strcmp(key, "out"))
        return "path";
    if (!strcmp(key, "in"))
        return "input-path";
    if (!strcmp(key, "device"))
        return "path";
    if (!strcmp(key, "append") && !strcmp(backend, "file"))
        return "append";
    /* an address is {"type": "inet", "data": {...}}, or flat */
    static const char *const prefixes[] = {"addr.data.", "remote.data.", "addr.", "remote."};
    for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
        if (g_str_has_prefix(key, prefixes[i]))
            return key + strlen(prefixes[i]);
    if (!strcmp(key, "local.data.host") || !strcmp(key, "local.host"))
        return "localaddr";
    if (!strcmp(key, "local.data.port") || !strcmp(key, "local.port"))
        return "localport";
    return key;
}

/* {"id": ID, "backend": {"type": T, "data": {...}}} as -chardev writes it. */
static char *backend_text(const char *id, struct opts *o)
{
    const char *type = opts_get(o, "type", "");
    GString *s = g_string_new(type);
    bool is_socket = !strcmp(type, "socket"), has_server = false;

    append(s, "id", id);
    for (size_t i = 0; i < o->n; i++) {
        const char *key = o->pair[i].key;
        if (!g_str_has_prefix(key, "data."))
            continue;
        key += strlen("data.");
        if (!strcmp(key, "addr.type") || !strcmp(key, "remote.type") || !strcmp(key, "local.type"))
            continue;
        has_server |= !strcmp(key, "server");
        key = option_key(type, key);
        append(s, is_socket && !strcmp(key, "str") ? "fd" : key, o->pair[i].value);
    }
    if (is_socket && !has_server) /* QMP's default is the other one */
        g_string_append(s, ",server=on,wait=off");
    return g_string_free(s, FALSE);
}

static JsonNode *describe_new(struct chardev *c)
{
    JsonObject *o = json_object_new();
    g_autofree char *filename = chardev_describe(c);

    if (g_str_has_prefix(filename, "pty:"))
        json_object_set_string_member(o, "pty", filename + strlen("pty:"));
    return mon_object(o);
}

static JsonNode *run_add(struct mon_call *c, struct error **errp)
{
    g_autoptr(GString) json = g_string_new(NULL);

    json_write(mon_json(c, "backend"), false, json);
    struct opts *o = opts_parse_json(json->str, errp);
    if (!o)
        return NULL;
    g_autofree char *text = backend_text(mon_str(c, "id", ""), o);
    opts_free(o);
    struct chardev *made = chardev_new_opts(text, errp);
    return made ? describe_new(made) : NULL;
}

static bool text_add(struct mon_call *c, FILE *out UNUSED, struct error **errp)
{
    return chardev_new_opts(mon_str(c, "args", ""), errp) != NULL;
}

static struct chardev *change(struct mon_call *c, const char *text, struct error **errp)
{
    struct chardev *old = find(mon_str(c, "id", ""), errp);

    if (!old)
        return NULL;
    machine_pause(c->m);
    struct chardev *made = chardev_change(old, text, errp);
    machine_resume(c->m);
    return made;
}

static JsonNode *run_change(struct mon_call *c, struct error **errp)
{
    g_autoptr(GString) json = g_string_new(NULL);

    json_write(mon_json(c, "backend"), false, json);
    struct opts *o = opts_parse_json(json->str, errp);
    if (!o)
        return NULL;
    g_autofree char *text = backend_text(mon_str(c, "id", ""), o);
    opts_free(o);
    struct chardev *made = change(c, text, errp);
    return made ? describe_new(made) : NULL;
}

static bool text_change(struct mon_call *c, FILE *out UNUSED, struct error **errp)
{
    return change(c, mon_str(c, "args", ""), errp) != NULL;
}

static JsonNode *run_remove(struct mon_call *c, struct error **errp)
{
    struct chardev *victim = find(mon_str(c, "id", ""), errp);

    return victim && chardev_remove(victim, errp) ? mon_ok() : NULL;
}

static JsonNode *run_break(struct mon_call *c, struct error **errp)
{
    struct chardev *target = find(mon_str(c, "id", ""), errp);

    if (!target)
        return NULL;
    chardev_send_break(target);
    return mon_ok();
}

/* ---- ring buffers ---- */

static struct chardev *find_ring(struct mon_call *c, struct error **errp)
{
    struct chardev *ring = find(mon_str(c, "device", ""), errp);

    if (!ring || chardev_is_ringbuf(ring))
        return ring;
    error_set(errp, "'%s' is not a ringbuf device", chardev_id(ring));
    return NULL;
}

static bool is_base64(const struct mon_call *c)
{
    return !strcmp(mon_str(c, "format", "utf8"), "base64");
}

static JsonNode *run_ring_write(struct mon_call *c, struct error **errp)
{
    struct chardev *ring = find_ring(c, errp);
    const char *data = mon_str(c, "data", "");
    size_t n = strlen(data);
    g_autofree uint8_t *raw = NULL;

    if (!ring)
        return NULL;
    if (is_base64(c)) {
        raw = g_base64_decode(data, &n);
        if (!raw || (!n && *data)) {
            error_set(errp, "data: not base64");
            return NULL;
        }
    }
    chardev_write_all(ring, raw ? raw : (const uint8_t *)data, n);
    return mon_ok();
}

static JsonNode *run_ring_read(struct mon_call *c, struct error **errp)
{
    struct chardev *ring = find_ring(c, errp);
    int64_t size = mon_int(c, "size", 0);

    if (!ring)
        return NULL;
    if (size <= 0 || size > RINGBUF_READ_MAX) {
        error_set(errp, "size: wanted 1 to %d, found %" PRId64, RINGBUF_READ_MAX, size);
        return NULL;
    }
    g_autofree uint8_t *buf = g_malloc((size_t)size + 1);
    chardev_drain_now(ring);
    size_t n = chardev_ringbuf_read(ring, buf, (size_t)size);
    buf[n] = '\0';
    g_autofree char *text =
        is_base64(c) ? g_base64_encode(buf, n) : g_utf8_make_valid((char *)buf, (gssize)n);
    return mon_string(text);
}

static void print_ring(struct mon_call *c UNUSED, JsonNode *result, FILE *out)
{
    fprintf(out, "%s\n", json_node_get_string(result));
}

static void complete_id(struct machine *m UNUSED, void (*add)(void *opaque, const char *word),
                        void *opaque)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    chardev_foreach(add_id, names);
    for (guint i = 0; i < names->len; i++)
        add(opaque, g_ptr_array_index(names, i));
}

static const struct mon_arg id_args[] = {
    {"id", MON_STR, .help = "of the chardev", .complete = complete_id},
    MON_ARG_END,
};
static const struct mon_arg text_args[] = {
    {"args", MON_REST, .help = "as for -chardev: BACKEND,id=ID,..."},
    MON_ARG_END,
};
static const struct mon_arg text_change_args[] = {
    {"id", MON_STR, .help = "of the chardev", .complete = complete_id},
    {"args", MON_REST, .help = "as for -chardev, without the id: BACKEND,..."},
    MON_ARG_END,
};
static const struct mon_arg add_args[] = {
    {"id", MON_STR, .help = "its name"},
    {"backend", MON_JSON, .type = "{type: str, data: {...}}", .help = "what it is"},
    MON_ARG_END,
};
static const struct mon_arg ring_write_args[] = {
    {"device", MON_STR, .help = "of backend ringbuf", .complete = complete_id},
    {"data", MON_STR, .help = "what is put in"},
    {"format", MON_CHOICE, .optional = true, .type = "base64|utf8", .help = "of data"},
    MON_ARG_END,
};
static const struct mon_arg ring_read_args[] = {
    {"device", MON_STR, .help = "of backend ringbuf", .complete = complete_id},
    {"size", MON_INT, .help = "bytes at most"},
    {"format", MON_CHOICE, .optional = true, .type = "base64|utf8", .help = "of the answer"},
    MON_ARG_END,
};

/* clang-format off */
const struct monitor_command cmd_chardev[] = {
    {.qmp = "query-chardev", .hmp = "info chardev",
     .ret = "[{label: str, filename: str, frontend-open: bool}]", .run = run_chardevs,
     .print = print_chardevs, .help = "list the character devices"},
    {.qmp = "query-chardev-backends", .ret = "[{name: str}]", .run = run_backends,
     .help = "list the kinds of character devices"},
    {.qmp = "chardev-add", .args = add_args, .ret = "{pty?: str}", .run = run_add,
     .help = "add a character device"},
    {.hmp = "chardev-add", .args = text_args, .text = text_add, .help = "add a character device"},
    {.qmp = "chardev-change", .args = add_args, .ret = "{pty?: str}", .run = run_change,
     .help = "put another back end in a chardev's place"},
    {.hmp = "chardev-change", .args = text_change_args, .text = text_change,
     .help = "put another back end in a chardev's place"},
    {.qmp = "chardev-remove", .hmp = "chardev-remove", .args = id_args, .run = run_remove,
     .help = "remove a character device that nothing uses"},
    {.qmp = "chardev-send-break", .hmp = "chardev-send-break", .args = id_args, .run = run_break,
     .help = "send a break to what is attached to it"},
    {.qmp = "ringbuf-write", .hmp = "ringbuf_write", .args = ring_write_args,
     .run = run_ring_write, .help = "write to a ring buffer"},
    {.qmp = "ringbuf-read", .hmp = "ringbuf_read", .args = ring_read_args, .ret = "str",
     .run = run_ring_read, .print = print_ring, .help = "take the oldest bytes out of a ring buffer"},
    {0},
};
/* clang-format on */
