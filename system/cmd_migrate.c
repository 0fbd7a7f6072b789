/* Monitor commands of migration. */
#include "system/cmd_snapshot.h"

#include "monitor/monitor.h"
#include "util/optparse.h"

#include <glib.h>
#include <inttypes.h>
#include <string.h>

/* ---- parameters ---- */

/*
 * What tools ask for and set.  Those without a field belong to ways of sending that there are not:
 * they have the one value that says so.
 */
struct parameter {
    const char *name;
    enum { PARAM_UINT, PARAM_BOOL, PARAM_TEXT } type;
    const char *value; /* of those that are fixed */
    const char *unit;
    size_t field; /* in struct migrate_params, plus 1; 0: fixed */
};
#define FIELD(name) (offsetof(struct migrate_params, name) + 1)

/* clang-format off */
static const struct parameter parameters[] = {
    {"announce-initial", PARAM_UINT, "50", " ms", 0},
    {"announce-max", PARAM_UINT, "550", " ms", 0},
    {"announce-rounds", PARAM_UINT, "5", "", 0},
    {"announce-step", PARAM_UINT, "100", " ms", 0},
    {"compress-level", PARAM_UINT, "1", "", 0},
    {"compress-threads", PARAM_UINT, "8", "", 0},
    {"compress-wait-thread", PARAM_BOOL, "on", "", 0},
    {"decompress-threads", PARAM_UINT, "2", "", 0},
    {"throttle-trigger-threshold", PARAM_UINT, "50", "", 0},
    {"cpu-throttle-initial", PARAM_UINT, "20", "", 0},
    {"cpu-throttle-increment", PARAM_UINT, "10", "", 0},
    {"cpu-throttle-tailslow", PARAM_BOOL, "off", "", 0},
    {"max-cpu-throttle", PARAM_UINT, "99", "", 0},
    {"tls-creds", PARAM_TEXT, "", "", 0},
    {"tls-hostname", PARAM_TEXT, "", "", 0},
    {"tls-authz", PARAM_TEXT, "", "", 0},
    {"max-bandwidth", PARAM_UINT, NULL, " bytes/second", FIELD(max_bandwidth)},
    {"downtime-limit", PARAM_UINT, NULL, " ms", FIELD(downtime_limit_ms)},
    {"x-checkpoint-delay", PARAM_UINT, "20000", " ms", 0},
    {"block-incremental", PARAM_BOOL, "off", "", 0},
    {"multifd-channels", PARAM_UINT, "2", "", 0},
    {"multifd-compression", PARAM_TEXT, "none", "", 0},
    {"multifd-zlib-level", PARAM_UINT, "1", "", 0},
    {"multifd-zstd-level", PARAM_UINT, "1", "", 0},
    {"xbzrle-cache-size", PARAM_UINT, "67108864", " bytes", 0},
    {"max-postcopy-bandwidth", PARAM_UINT, "0", " bytes/second", 0},
};
/* clang-format on */

static uint64_t *param_field(const struct parameter *p)
{
    return (uint64_t *)(void *)((char *)migration_params(the_migration()) + p->field - 1);
}

static char *param_text(const struct parameter *p)
{
    return p->field ? g_strdup_printf("%" PRIu64, *param_field(p)) : g_strdup(p->value);
}

static const struct parameter *find_param(const char *name, struct error **errp)
{
    const char *names[G_N_ELEMENTS(parameters) + 1] = {NULL};

    for (size_t i = 0; i < G_N_ELEMENTS(parameters); i++) {
        names[i] = parameters[i].name;
        if (!strcmp(name, names[i]))
            return &parameters[i];
    }
    const char *near = nearest_name(name, names);
    error_set(errp, "no migration parameter is named '%s'", name);
    if (near)
        error_append(errp, ", did you mean '%s'?", near);
    return NULL;
}

/* What is fixed may be set to what it is. */
static bool set_param(const struct parameter *p, const char *text, struct error **errp)
{
    uint64_t v = 0;

    if (!p->field) {
        if (!strcmp(text, p->value))
            return true;
        error_set(errp, "%s is '%s' and cannot be changed: state is sent as one plain stream",
                  p->name, p->value);
        return false;
    }
    if (!parse_uint(text, INT64_MAX, &v, errp)) {
        error_prefix(errp, "%s", p->name);
        return false;
    }
    *param_field(p) = v;
    return true;
}

static JsonNode *run_params(struct mon_call *c UNUSED, struct error **errp UNUSED)
{
    JsonObject *o = json_object_new();

    for (size_t i = 0; i < G_N_ELEMENTS(parameters); i++) {
        const struct parameter *p = &parameters[i];
        g_autofree char *text = param_text(p);
        if (p->type == PARAM_UINT)
            json_object_set_int_member(o, p->name, (gint64)g_ascii_strtoull(text, NULL, 10));
        else if (p->type == PARAM_BOOL)
            json_object_set_boolean_member(o, p->name, !strcmp(text, "on"));
        else
            json_object_set_string_member(o, p->name, text);
    }
    return mon_object(o);
}

static void print_params(struct mon_call *c UNUSED, JsonNode *result UNUSED, FILE *out)
{
    for (size_t i = 0; i < G_N_ELEMENTS(parameters); i++) {
        const struct parameter *p = &parameters[i];
        g_autofree char *text = param_text(p);
        bool quote = g_str_has_prefix(p->name, "tls-");
        fprintf(out, "%s: %s%s%s%s\n", p->name, quote ? "'" : "", text, quote ? "'" : "", p->unit);
    }
}

static char *json_text(JsonNode *node)
{
    switch (json_node_get_value_type(node)) {
    case G_TYPE_BOOLEAN: return g_strdup(json_node_get_boolean(node) ? "on" : "off");
    case G_TYPE_STRING: return g_strdup(json_node_get_string(node));
    case G_TYPE_INT64: return g_strdup_printf("%" PRId64, json_node_get_int(node));
    default: return g_strdup("?");
    }
}

static JsonNode *run_set_params(struct mon_call *c, struct error **errp)
{
    for (size_t i = 0; i < G_N_ELEMENTS(parameters); i++) {
        JsonNode *v = mon_json(c, parameters[i].name);
        g_autofree char *text = v ? json_text(v) : NULL;
        if (text && !set_param(&parameters[i], text, errp))
            return NULL;
    }
    return mon_ok();
}

/* Sizes are in MiB when they have no suffix. */
static JsonNode *run_set_param(struct mon_call *c, struct error **errp)
{
    const struct parameter *p = find_param(mon_str(c, "parameter", ""), errp);
    const char *value = mon_str(c, "value", "");
    g_autofree char *bytes = NULL;
    uint64_t v;

    if (p == NULL)
        return NULL;
    if (p->field && strstr(p->unit, "bytes")) {
        if (!parse_size(value, 1 << 20, &v, errp))
            return NULL;
        value = bytes = g_strdup_printf("%" PRIu64, v);
    }
    return set_param(p, value, errp) ? mon_ok() : NULL;
}

/* ---- capabilities ---- */

static const char *const capabilities[] = {"xbzrle",
                                           "rdma-pin-all",
                                           "auto-converge",
                                           "zero-blocks",
                                           "compress",
                                           "events",
                                           "postcopy-ram",
                                           "x-colo",
                                           "release-ram",
                                           "block",
                                           "return-path",
                                           "pause-before-switchover",
                                           "multifd",
                                           "dirty-bitmaps",
                                           "postcopy-blocktime",
                                           "late-block-activate",
                                           "x-ignore-shared",
                                           "validate-uuid",
                                           "background-snapshot",
                                           "zero-copy-send",
                                           "postcopy-preempt",
                                           NULL};

/* Sockets always carry an answer back; zero pages are never sent. */
static bool has_capability(const char *name)
{
    if (!strcmp(name, "events"))
        return migration_params(the_migration())->events;
    if (!strcmp(name, "pause-before-switchover"))
        return migration_params(the_migration())->pause_before_switchover;
    return !strcmp(name, "return-path") || !strcmp(name, "zero-blocks");
}

static JsonNode *run_caps(struct mon_call *c UNUSED, struct error **errp UNUSED)
{
    JsonArray *list = json_array_new();

    for (size_t i = 0; capabilities[i]; i++) {
        JsonObject *o = json_object_new();
        json_object_set_boolean_member(o, "state", has_capability(capabilities[i]));
        json_object_set_string_member(o, "capability", capabilities[i]);
        json_array_add_object_element(list, o);
    }
    return mon_array(list);
}

static void print_caps(struct mon_call *c UNUSED, JsonNode *result UNUSED, FILE *out)
{
    for (size_t i = 0; capabilities[i]; i++)
        fprintf(out, "%s: %s\n", capabilities[i], has_capability(capabilities[i]) ? "on" : "off");
}

/* What is built in can be switched "off" as well: it makes no difference to anyone. */
static bool set_cap(const char *name, bool state, struct error **errp)
{
    if (!g_strv_contains(capabilities, name)) {
        const char *near = nearest_name(name, capabilities);
        error_set(errp, "no migration capability is named '%s'", name);
        if (near)
            error_append(errp, ", did you mean '%s'?", near);
        return false;
    }
    if (!strcmp(name, "events"))
        migration_params(the_migration())->events = state;
    else if (!strcmp(name, "pause-before-switchover"))
        migration_params(the_migration())->pause_before_switchover = state;
    else if (state && !has_capability(name)) {
        error_set(errp, "migration capability '%s' is not supported", name);
        return false;
    }
    return true;
}

static JsonNode *run_set_caps(struct mon_call *c, struct error **errp)
{
    JsonArray *list = json_node_get_array(mon_json(c, "capabilities"));

    for (guint i = 0; i < json_array_get_length(list); i++) {
        JsonObject *o = json_array_get_object_element(list, i);
        if (!set_cap(json_object_get_string_member(o, "capability"),
                     json_object_get_boolean_member(o, "state"), errp))
            return NULL;
    }
    return mon_ok();
}

static JsonNode *run_set_cap(struct mon_call *c, struct error **errp)
{
    return set_cap(mon_str(c, "capability", ""), mon_bool(c, "state", false), errp) ? mon_ok()
                                                                                    : NULL;
}

/* ---- status ---- */

static JsonObject *describe_ram(const struct migrate_info *i)
{
    JsonObject *o = json_object_new();
    const struct {
        const char *name;
        uint64_t v;
    } members[] = {
        {"total", i->total},
        {"transferred", i->transferred},
        {"remaining", i->remaining},
        {"duplicate", i->fill_pages},
        {"normal", i->normal_pages},
        {"normal-bytes", i->normal_pages * RAM_PAGE_SIZE},
        {"page-size", RAM_PAGE_SIZE},
        {"dirty-sync-count", i->rounds},
        {"dirty-pages-rate", i->dirty_pages_rate},
        {"pages-per-second", (uint64_t)(i->mbps * 1e6 / 8 / RAM_PAGE_SIZE)},
        {"precopy-bytes", i->transferred},
        {"skipped", 0},
        {"multifd-bytes", 0},
        {"postcopy-requests", 0},
        {"postcopy-bytes", 0},
        {"downtime-bytes", 0},
        {"dirty-sync-missed-zero-copy", 0},
    };

    for (size_t k = 0; k < G_N_ELEMENTS(members); k++)
        json_object_set_int_member(o, members[k].name, (gint64)members[k].v);
    json_object_set_double_member(o, "mbps", i->mbps);
    return o;
}

static void add_times(JsonObject *o, const struct migrate_info *i)
{
    json_object_set_int_member(o, "total-time", (gint64)i->total_time);
    json_object_set_int_member(o, "setup-time", (gint64)i->setup_time);
    if (i->status == MIGRATE_COMPLETED)
        json_object_set_int_member(o, "downtime", (gint64)i->downtime);
    else
        json_object_set_int_member(o, "expected-downtime", (gint64)i->expected_downtime);
}

static JsonNode *run_query(struct mon_call *c UNUSED, struct error **errp UNUSED)
{
    JsonObject *o = json_object_new();
    struct migrate_info i;

    migration_query(the_migration(), &i);
    if (i.status != MIGRATE_NONE) {
        json_object_set_string_member(o, "status", migrate_status_name(i.status));
        if (i.error)
            json_object_set_string_member(o, "error-desc", i.error);
        if (i.outgoing && i.status != MIGRATE_SETUP) {
            add_times(o, &i);
            json_object_set_object_member(o, "ram", describe_ram(&i));
        }
    }
    g_free(i.error);
    return mon_object(o);
}

static void print_query(struct mon_call *c UNUSED, JsonNode *result UNUSED, FILE *out)
{
    struct migrate_info i;

    migration_query(the_migration(), &i);
    if (i.status != MIGRATE_NONE)
        fprintf(out, "Migration status: %s%s%s%s\n", migrate_status_name(i.status),
                i.error ? " (" : "", i.error ? i.error : "", i.error ? ")" : "");
    if (i.outgoing) {
        fprintf(out, "total time: %" PRIu64 " ms\n", i.total_time);
        if (i.status == MIGRATE_COMPLETED)
            fprintf(out, "downtime: %" PRIu64 " ms\n", i.downtime);
        fprintf(out,
                "setup: %" PRIu64 " ms\ntransferred ram: %" PRIu64 " kbytes\n"
                "throughput: %.2f mbps\nremaining ram: %" PRIu64 " kbytes\n"
                "total ram: %" PRIu64 " kbytes\nduplicate: %" PRIu64 " pages\n"
                "normal: %" PRIu64 " pages\nnormal bytes: %" PRIu64 " kbytes\n"
                "dirty sync count: %" PRIu64 "\npage size: %d kbytes\n",
                i.setup_time, i.transferred >> 10, i.mbps, i.remaining >> 10, i.total >> 10,
                i.fill_pages, i.normal_pages, i.normal_pages * RAM_PAGE_SIZE >> 10, i.rounds,
                RAM_PAGE_SIZE >> 10);
    }
    g_free(i.error);
}

/* ---- doing it ---- */

/* A monitor whose user waits. */
static void let_go(void *mon)
{
    monitor_resume(mon);
}

static JsonNode *run_migrate(struct mon_call *c, struct error **errp)
{
    if (mon_bool(c, "blk", false) || mon_bool(c, "inc", false) || mon_bool(c, "resume", false)) {
        error_set(errp, "disks are not copied, and there is nothing to resume: use blockdev-mirror "
                        "before, or shared images");
        return NULL;
    }
    if (!migration_start(the_migration(), mon_str(c, "uri", ""), errp))
        return NULL;
    if (c->is_hmp && c->mon && !mon_bool(c, "detach", false)) {
        monitor_suspend(c->mon);
        migration_on_end(the_migration(), let_go, c->mon);
    }
    return mon_ok();
}

static JsonNode *run_continue(struct mon_call *c UNUSED, struct error **errp)
{
    return migration_continue(the_migration(), errp) ? mon_ok() : NULL;
}

static JsonNode *run_cancel(struct mon_call *c UNUSED, struct error **errp UNUSED)
{
    migration_cancel(the_migration());
    return mon_ok();
}

static JsonNode *run_incoming(struct mon_call *c, struct error **errp)
{
    return migration_incoming(the_migration(), mon_str(c, "uri", ""), errp) ? mon_ok() : NULL;
}

/* ---- tables ---- */

static const struct mon_arg migrate_args[] = {
    {"detach", MON_FLAG, .optional = true, .flag = 'd', .help = "do not wait for the end"},
    {"blk", MON_FLAG, .optional = true, .flag = 'b', .help = "not supported"},
    {"inc", MON_FLAG, .optional = true, .flag = 'i', .help = "not supported"},
    {"resume", MON_FLAG, .optional = true, .flag = 'r', .help = "not supported"},
    {"uri", MON_STR, .help = "file:PATH, exec:COMMAND, fd:NAME, unix:PATH or tcp:HOST:PORT"},
    MON_ARG_END,
};
static const struct mon_arg continue_args[] = {
    {"state", MON_CHOICE, .type = "pre-switchover", .help = "that it must be in"},
    MON_ARG_END,
};
static const struct mon_arg incoming_args[] = {
    {"uri", MON_STR, .help = "as for migrate"},
    MON_ARG_END,
};
#define UINT_ARG(n)                                                                                \
    {                                                                                              \
        n, MON_JSON, .optional = true, .type = "int", .help = "see docs/snapshot.md"               \
    }
#define BOOL_ARG(n)                                                                                \
    {                                                                                              \
        n, MON_JSON, .optional = true, .type = "bool", .help = "see docs/snapshot.md"              \
    }
#define TEXT_ARG(n)                                                                                \
    {                                                                                              \
        n, MON_JSON, .optional = true, .type = "str", .help = "see docs/snapshot.md"               \
    }
static const struct mon_arg params_args[] = {
    UINT_ARG("max-bandwidth"),
    UINT_ARG("downtime-limit"),
    UINT_ARG("announce-initial"),
    UINT_ARG("announce-max"),
    UINT_ARG("announce-rounds"),
    UINT_ARG("announce-step"),
    UINT_ARG("compress-level"),
    UINT_ARG("compress-threads"),
    BOOL_ARG("compress-wait-thread"),
    UINT_ARG("decompress-threads"),
    UINT_ARG("throttle-trigger-threshold"),
    UINT_ARG("cpu-throttle-initial"),
    UINT_ARG("cpu-throttle-increment"),
    BOOL_ARG("cpu-throttle-tailslow"),
    UINT_ARG("max-cpu-throttle"),
    TEXT_ARG("tls-creds"),
    TEXT_ARG("tls-hostname"),
    TEXT_ARG("tls-authz"),
    UINT_ARG("x-checkpoint-delay"),
    BOOL_ARG("block-incremental"),
    UINT_ARG("multifd-channels"),
    TEXT_ARG("multifd-compression"),
    UINT_ARG("multifd-zlib-level"),
    UINT_ARG("multifd-zstd-level"),
    UINT_ARG("xbzrle-cache-size"),
    UINT_ARG("max-postcopy-bandwidth"),
    MON_ARG_END,
};
static const struct mon_arg param_args[] = {
    {"parameter", MON_STR, .help = "its name"},
    {"value", MON_STR, .help = "its new value"},
    MON_ARG_END,
};
static const struct mon_arg caps_args[] = {
    {"capabilities", MON_JSON, .type = "[{capability: str, state: bool}]", .help = "what to set"},
    MON_ARG_END,
};
static const struct mon_arg cap_args[] = {
    {"capability", MON_STR, .help = "its name"},
    {"state", MON_BOOL, .help = "on or off"},
    MON_ARG_END,
};

#define RAM_TYPE                                                                                   \
    "{total: int, transferred: int, remaining: int, duplicate: int, normal: int, "                 \
    "normal-bytes: int, page-size: int, dirty-sync-count: int, dirty-pages-rate: int, "            \
    "pages-per-second: int, precopy-bytes: int, skipped: int, multifd-bytes: int, "                \
    "postcopy-requests: int, postcopy-bytes: int, downtime-bytes: int, "                           \
    "dirty-sync-missed-zero-copy: int, mbps: num}"
#define STATUS_TYPE                                                                                \
    "{status?: none|setup|active|pre-switchover|device|cancelling|cancelled|completed|failed, "    \
    "error-desc?: str, "                                                                           \
    "total-time?: int, setup-time?: int, downtime?: int, expected-downtime?: int, "                \
    "ram?: " RAM_TYPE "}"
#define PARAMS_TYPE                                                                                \
    "{max-bandwidth: int, downtime-limit: int, announce-initial: int, announce-max: int, "         \
    "announce-rounds: int, announce-step: int, compress-level: int, compress-threads: int, "       \
    "compress-wait-thread: bool, decompress-threads: int, throttle-trigger-threshold: int, "       \
    "cpu-throttle-initial: int, cpu-throttle-increment: int, cpu-throttle-tailslow: bool, "        \
    "max-cpu-throttle: int, tls-creds: str, tls-hostname: str, tls-authz: str, "                   \
    "x-checkpoint-delay: int, block-incremental: bool, multifd-channels: int, "                    \
    "multifd-compression: str, multifd-zlib-level: int, multifd-zstd-level: int, "                 \
    "xbzrle-cache-size: int, max-postcopy-bandwidth: int}"

/* clang-format off */
const struct monitor_command cmd_migrate[] = {
    {.qmp = "migrate", .hmp = "migrate", .args = migrate_args, .run = run_migrate,
     .help = "send the machine to another process, or into a file"},
    {.qmp = "migrate_cancel", .hmp = "migrate_cancel", .run = run_cancel,
     .help = "give up sending the machine"},
    {.qmp = "migrate-continue", .hmp = "migrate_continue", .args = continue_args,
     .run = run_continue, .help = "go on after pause-before-switchover"},
    {.qmp = "migrate-incoming", .hmp = "migrate_incoming", .args = incoming_args,
     .run = run_incoming, .help = "receive the machine that -incoming defer waits for"},
    {.qmp = "query-migrate", .hmp = "info migrate", .ret = STATUS_TYPE, .run = run_query,
     .print = print_query, .help = "how far migration is"},
    {.qmp = "query-migrate-parameters", .hmp = "info migrate_parameters", .ret = PARAMS_TYPE,
     .run = run_params, .print = print_params, .help = "parameters of migration"},
    {.qmp = "query-migrate-capabilities", .hmp = "info migrate_capabilities",
     .ret = "[{state: bool, capability: str}]", .run = run_caps, .print = print_caps,
     .help = "capabilities of migration"},
    {.qmp = "migrate-set-parameters", .args = params_args, .run = run_set_params,
     .help = "set parameters of migration"},
    {.hmp = "migrate_set_parameter", .args = param_args, .run = run_set_param,
     .help = "set a parameter of migration"},
    {.qmp = "migrate-set-capabilities", .args = caps_args, .run = run_set_caps,
     .help = "set capabilities of migration"},
    {.hmp = "migrate_set_capability", .args = cap_args, .run = run_set_cap,
     .help = "set a capability of migration"},
    {0},
};
/* clang-format on */
