/* Commands of the NBD server and its exports. */
#include "monitor/commands_priv.h"

#include "block/nbd_server.h"
#include "core/machine.h"
#include "util/fds.h"
#include "util/tls.h"

#include <string.h>

/* ---- the server ---- */

static bool get_bound(const struct mon_call *c, const char *name, unsigned def, unsigned *out,
                      struct error **errp)
{
    int64_t v = mon_int(c, name, def);

    *out = (unsigned)v;
    if (v >= 0 && v <= INT32_MAX)
        return true;
    error_set(errp, "%s: wanted a number from 0 to %d", name, INT32_MAX);
    return false;
}

static const char *member(JsonObject *o, const char *name)
{
    JsonNode *n = o ? json_object_get_member(o, name) : NULL;

    return n && json_node_get_value_type(n) == G_TYPE_STRING ? json_node_get_string(n) : NULL;
}

/* {"type": "inet", "data": {"host": ..., "port": ...}}; unix: path; fd: str, as getfd named it. */
static bool get_address(const struct mon_call *c, struct nbd_listen *l, struct error **errp)
{
    JsonObject *addr = json_node_get_object(mon_json(c, "addr"));
    JsonNode *data = json_object_get_member(addr, "data");
    JsonObject *d = data && JSON_NODE_HOLDS_OBJECT(data) ? json_node_get_object(data) : NULL;
    const char *type = member(addr, "type");

    l->path = member(d, "path");
    l->host = member(d, "host");
    l->port = member(d, "port");
    if (!g_strcmp0(type, "unix") && l->path)
        return true;
    l->path = NULL;
    if (!g_strcmp0(type, "inet") && l->host && l->port)
        return true;
    if (!g_strcmp0(type, "fd") && member(d, "str")) {
        l->fd = fds_take(member(d, "str"), errp);
        return l->fd >= 0;
    }
    error_set(errp, "addr: wanted {\"type\": \"unix\", \"data\": {\"path\": PATH}}, or inet with "
                    "host and port, or fd with str");
    return false;
}

static bool get_tls(const struct mon_call *c, struct nbd_listen *l, struct error **errp)
{
    const char *id = mon_str(c, "tls-creds", NULL);

    l->tls = id ? tls_creds_get(id, true, errp) : NULL;
    error_prefix(errp, "tls-creds");
    return !id || l->tls;
}

static JsonNode *run_start(struct mon_call *c, struct error **errp)
{
    struct nbd_listen l = {.fd = -1};

    if (mon_has(c, "tls-authz")) {
        error_set(errp, "tls-authz is not supported: verify-peer=on of the credentials lets in all "
                        "whom their authority vouches for");
        return NULL;
    }
    if (!get_bound(c, "max-connections", NBD_MAX_CONNECTIONS, &l.max_connections, errp) ||
        !get_bound(c, "handshake-max-seconds", NBD_HANDSHAKE_SECONDS, &l.handshake_seconds, errp) ||
        !get_tls(c, &l, errp))
        return NULL;
    bool ok = get_address(c, &l, errp) && nbd_server_start(&l, errp);
    tls_creds_put(l.tls);
    return ok ? mon_ok() : NULL;
}

/* "unix:PATH", "HOST:PORT" or ":PORT"; an IPv6 address in brackets. */
static bool parse_uri(char *text, struct nbd_listen *l, struct error **errp)
{
    char *colon = strrchr(text, ':');

    if (g_str_has_prefix(text, "unix:")) {
        l->path = text + 5;
        return true;
    }
    if (!colon || !colon[1]) {
        error_set(errp, "'%s': wanted HOST:PORT or unix:PATH", text);
        return false;
    }
    *colon = '\0';
    l->port = colon + 1;
    l->host = text;
    if (text[0] == '[' && colon > text + 1 && colon[-1] == ']') {
        colon[-1] = '\0';
        l->host = text + 1;
    }
    return true;
}

/* Storage moves by NBD before the machine does. */
static bool is_waiting(const struct mon_call *c)
{
    return c->m->run_state == RUN_INMIGRATE;
}

static bool export_all(const struct mon_call *c, bool writable, struct error **errp)
{
    for (struct block_node *b = NULL; (b = block_next_root(b));) {
        const char *name = block_drive_name(b);
        struct nbd_export_opts e = {.id = name,
                                    .node = b,
                                    .writable = writable && !block_read_only(b),
                                    .is_waiting = is_waiting(c)};
        if (name && !block_is_empty(b) && !nbd_export_add(&e, errp))
            return false;
    }
    return true;
}

static JsonNode *run_hmp_start(struct mon_call *c, struct error **errp)
{
    g_autofree char *uri = g_strdup(mon_str(c, "uri", ""));
    struct nbd_listen l = {.fd = -1,
                           .max_connections = NBD_MAX_CONNECTIONS,
                           .handshake_seconds = NBD_HANDSHAKE_SECONDS};

    if (mon_bool(c, "writable", false) && !mon_bool(c, "all", false)) {
        error_set(errp, "-w is for -a: nbd_server_add -w makes one disk writable");
        return NULL;
    }
    if (!parse_uri(uri, &l, errp) || !nbd_server_start(&l, errp))
        return NULL;
    if (!mon_bool(c, "all", false) || export_all(c, mon_bool(c, "writable", false), errp))
        return mon_ok();
    nbd_server_stop();
    return NULL;
}

static bool is_running(struct error **errp)
{
    if (!nbd_server_is_running())
        error_set(errp, "no NBD server runs: nbd-server-start starts one");
    return nbd_server_is_running();
}

static JsonNode *run_stop(struct mon_call *c UNUSED, struct error **errp)
{
    if (!is_running(errp))
        return NULL;
    nbd_server_stop();
    return mon_ok();
}

/* ---- exports ---- */

/* The names in a list of strings, or of {"node": ..., "name": ...}; free the array. */
static const char **bitmap_names(const struct mon_call *c)
{
    JsonArray *list = mon_has(c, "bitmaps") ? json_node_get_array(mon_json(c, "bitmaps")) : NULL;
    guint n = list ? json_array_get_length(list) : 0;
    const char **names = g_new0(const char *, n + 1);

    for (guint i = 0; i < n; i++) {
        JsonNode *one = json_array_get_element(list, i);
        const char *name = JSON_NODE_HOLDS_OBJECT(one) ? member(json_node_get_object(one), "name")
                           : json_node_get_value_type(one) == G_TYPE_STRING
                               ? json_node_get_string(one)
                               : NULL;
        names[i] = name ? name : "";
    }
    return names;
}

static JsonNode *run_add(struct mon_call *c, struct error **errp)
{
    const char *const bitmaps[] = {mon_str(c, "bitmap", NULL), NULL};
    const char *device = mon_str(c, "device", ""), *name = mon_str(c, "name", device);
    struct nbd_export_opts e = {.id = name,
                                .name = name,
                                .description = mon_str(c, "description", NULL),
                                .writable = mon_bool(c, "writable", false),
                                .is_waiting = is_waiting(c),
                                .bitmaps = bitmaps};

    if (!is_running(errp))
        return NULL;
    e.node = mon_find_node(c, device, errp);
    return e.node && nbd_export_add(&e, errp) ? mon_ok() : NULL;
}

static JsonNode *run_remove(struct mon_call *c, struct error **errp)
{
    const char *name = mon_str(c, "name", ""), *id;
    bool hard = mon_bool(c, "force", false) || !strcmp(mon_str(c, "mode", "safe"), "hard");

    if (!is_running(errp))
        return NULL;
    id = nbd_export_by_name(name);
    if (!id) {
        error_set(errp, "no export of the name '%s'", name);
        return NULL;
    }
    return nbd_export_del(id, hard, errp) ? mon_ok() : NULL;
}

static JsonNode *run_export_add(struct mon_call *c, struct error **errp)
{
    struct nbd_export_opts e = {.id = mon_str(c, "id", ""),
                                .name = mon_str(c, "name", mon_str(c, "node-name", NULL)),
                                .description = mon_str(c, "description", NULL),
                                .writable = mon_bool(c, "writable", false),
                                .is_waiting = is_waiting(c),
                                .writethrough = mon_bool(c, "writethrough", false),
                                .allocation_depth = mon_bool(c, "allocation-depth", false)};

    if (strcmp(mon_str(c, "type", ""), "nbd")) {
        error_set(errp, "type '%s' is not supported; only 'nbd' is", mon_str(c, "type", ""));
        return NULL;
    }
    if (!is_running(errp))
        return NULL;
    g_autofree const char **bitmaps = bitmap_names(c);
    e.bitmaps = bitmaps;
    e.node = mon_find_node(c, mon_str(c, "node-name", ""), errp);
    return e.node && nbd_export_add(&e, errp) ? mon_ok() : NULL;
}

static JsonNode *run_export_del(struct mon_call *c, struct error **errp)
{
    bool hard = !strcmp(mon_str(c, "mode", "safe"), "hard");

    return nbd_export_del(mon_str(c, "id", ""), hard, errp) ? mon_ok() : NULL;
}

static void note_export(const struct nbd_export_info *e, void *opaque)
{
    JsonObject *o = json_object_new();

    json_object_set_string_member(o, "id", e->id);
    json_object_set_string_member(o, "type", "nbd");
    json_object_set_string_member(o, "node-name", e->node_name);
    json_object_set_boolean_member(o, "shutting-down", e->shutting_down);
    json_array_add_object_element(opaque, o);
}

static JsonNode *run_exports(struct mon_call *c UNUSED, struct error **errp UNUSED)
{
    JsonArray *list = json_array_new();

    nbd_export_foreach(note_export, list);
    return mon_array(list);
}

/* ---- arguments ---- */

#define OPTIONAL(name, kind, text)                                                                 \
    {                                                                                              \
        name, kind, .optional = true, .help = text                                                 \
    }
#define MODE_ARG                                                                                   \
    {                                                                                              \
        "mode", MON_CHOICE, .optional = true, .type = "safe|hard",                                 \
                            .help = "hard: cut its connections"                                    \
    }

/* clang-format off */
static const struct mon_arg start_args[] = {
    {"addr", MON_JSON, .type = "{type: inet|unix|vsock|fd, data: {...}}", .help = "where to listen"},
    OPTIONAL("tls-creds", MON_STR, "a server's TLS credentials: clients must use TLS"),
    OPTIONAL("tls-authz", MON_STR, "refused: all whom the authority vouches for are let in"),
    OPTIONAL("max-connections", MON_INT, "at the same time (default: 100; 0: any number)"),
    OPTIONAL("handshake-max-seconds", MON_INT, "to choose an export (default: 10; 0: for ever)"),
    MON_ARG_END,
};
static const struct mon_arg hmp_start_args[] = {
    {"all", MON_FLAG, .optional = true, .flag = 'a', .help = "export all drives"},
    {"writable", MON_FLAG, .optional = true, .flag = 'w', .help = "let peers write to them"},
    {"uri", MON_STR, .help = "HOST:PORT or unix:PATH"},
    MON_ARG_END,
};
static const struct mon_arg add_args[] = {
    {"device", MON_STR, .help = "the drive or node", .complete = mon_complete_node},
    OPTIONAL("name", MON_STR, "name of the export (default: the drive's)"),
    OPTIONAL("description", MON_STR, "what peers are told of it"),
    OPTIONAL("writable", MON_BOOL, "on: peers may write"),
    OPTIONAL("bitmap", MON_STR, "a dirty bitmap that they may see: qemu:dirty-bitmap:NAME"),
    MON_ARG_END,
};
static const struct mon_arg hmp_add_args[] = {
    {"writable", MON_FLAG, .optional = true, .flag = 'w', .help = "let peers write"},
    {"device", MON_STR, .help = "the drive or node", .complete = mon_complete_node},
    OPTIONAL("name", MON_STR, "name of the export (default: the drive's)"),
    MON_ARG_END,
};
static const struct mon_arg remove_args[] = {
    {"name", MON_STR, .help = "name of the export"},
    MODE_ARG,
    MON_ARG_END,
};
static const struct mon_arg hmp_remove_args[] = {
    {"force", MON_FLAG, .optional = true, .flag = 'f', .help = "cut its connections"},
    {"name", MON_STR, .help = "name of the export"},
    MON_ARG_END,
};
static const struct mon_arg export_add_args[] = {
    {"type", MON_STR, .help = "nbd"},
    {"id", MON_STR, .help = "id of the export"},
    {"node-name", MON_STR, .help = "the node", .complete = mon_complete_node},
    OPTIONAL("writable", MON_BOOL, "on: peers may write"),
    OPTIONAL("writethrough", MON_BOOL, "on: each write reaches the medium before it completes"),
    OPTIONAL("iothread", MON_STR, "accepted: exports have threads of their own"),
    OPTIONAL("fixed-iothread", MON_BOOL, "accepted"),
    OPTIONAL("name", MON_STR, "its name for peers (default: the node's)"),
    OPTIONAL("description", MON_STR, "what peers are told of it"),
    {"bitmaps", MON_JSON, .optional = true, .type = "[any]", .help = "dirty bitmaps that they may see"},
    OPTIONAL("allocation-depth", MON_BOOL, "on: tell which image of the chain data come from"),
    MON_ARG_END,
};
static const struct mon_arg export_del_args[] = {
    {"id", MON_STR, .help = "id of the export"},
    MODE_ARG,
    MON_ARG_END,
};

const struct monitor_command cmd_nbd[] = {
    {.qmp = "nbd-server-start", .args = start_args, .run = run_start,
     .help = "listen for NBD clients"},
    {.hmp = "nbd_server_start", .args = hmp_start_args, .run = run_hmp_start,
     .help = "listen for NBD clients"},
    {.qmp = "nbd-server-add", .args = add_args, .run = run_add, .help = "give them access to a disk",
     .features = "deprecated"},
    {.hmp = "nbd_server_add", .args = hmp_add_args, .run = run_add,
     .help = "give NBD clients access to a disk"},
    {.qmp = "nbd-server-remove", .args = remove_args, .run = run_remove,
     .help = "end access to a disk", .features = "deprecated"},
    {.hmp = "nbd_server_remove", .args = hmp_remove_args, .run = run_remove,
     .help = "end NBD clients' access to a disk"},
    {.qmp = "nbd-server-stop", .hmp = "nbd_server_stop", .run = run_stop,
     .help = "cut all NBD clients and listen no more"},
    {.qmp = "block-export-add", .args = export_add_args, .run = run_export_add,
     .help = "give others access to a node"},
    {.qmp = "block-export-del", .args = export_del_args, .run = run_export_del,
     .help = "end that"},
    {.qmp = "query-block-exports",
     .ret = "[{id: str, type: nbd|vhost-user-blk|fuse, node-name: str, shutting-down: bool}]",
     .run = run_exports, .help = "list what others have access to"},
    {0},
};
/* clang-format on */
