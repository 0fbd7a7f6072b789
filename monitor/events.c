/* Events on their way to QMP clients.  Some kinds are limited to one a second of each source: the
 * last of those that came meanwhile follows at the end of it. */
#include "monitor/monitor_priv.h"

#include "core/event.h"

#include <string.h>

enum { LIMIT_MS = 1000 };

static const struct event_kind {
    const char *name, *type; /* of its data; NULL: none */
    bool limited;
    const char *source; /* member of the data that tells sources apart, or NULL */
} kinds[] = {
    {"SHUTDOWN", "{guest: bool, reason: str}", false, NULL},
    {"POWERDOWN", NULL, false, NULL},
    {"RESET", "{guest: bool, reason: str}", false, NULL},
    {"STOP", NULL, false, NULL},
    {"RESUME", NULL, false, NULL},
    {"SUSPEND", NULL, false, NULL},
    {"SUSPEND_DISK", NULL, false, NULL},
    {"WAKEUP", NULL, false, NULL},
    {"WATCHDOG", "{action: reset|shutdown|poweroff|pause|debug|none|inject-nmi}", true, NULL},
    {"GUEST_PANICKED", "{action: pause|poweroff|run, info?: {type: str, ...}}", false, NULL},
    {"GUEST_CRASHLOADED", "{action: pause|poweroff|run, info?: {type: str, ...}}", false, NULL},
    {"RTC_CHANGE", "{offset: int, qom-path?: str}", true, NULL},
    {"BALLOON_CHANGE", "{actual: int}", true, NULL},
    {"VSERPORT_CHANGE", "{id: str, open: bool}", true, "id"},
    {"DEVICE_DELETED", "{device?: str, path: str}", false, NULL},
    {"DEVICE_UNPLUG_GUEST_ERROR", "{device?: str, path: str}", false, NULL},
    {"NIC_RX_FILTER_CHANGED", "{name?: str, path: str}", false, NULL},
    {"DEVICE_TRAY_MOVED", "{device: str, id: str, tray-open: bool}", false, NULL},
    {"BLOCK_IO_ERROR",
     "{qom-path?: str, device: str, node-name?: str, operation: read|write, action: "
     "ignore|report|stop, nospace?: bool, reason: str}",
     false, NULL},
    {"BLOCK_IMAGE_CORRUPTED",
     "{device: str, node-name?: str, msg: str, offset?: int, size?: int, fatal: bool}", false,
     NULL},
    {"BLOCK_WRITE_THRESHOLD", "{node-name: str, amount-exceeded: int, write-threshold: int}", false,
     NULL},
    {"BLOCK_JOB_COMPLETED",
     "{type: str, device: str, len: int, offset: int, speed: int, error?: str}", false, NULL},
    {"BLOCK_JOB_CANCELLED", "{type: str, device: str, len: int, offset: int, speed: int}", false,
     NULL},
    {"BLOCK_JOB_ERROR", "{device: str, operation: read|write, action: ignore|report|stop}", false,
     NULL},
    {"BLOCK_JOB_READY", "{type: str, device: str, len: int, offset: int, speed: int}", false, NULL},
    {"BLOCK_JOB_PENDING", "{type: str, id: str}", false, NULL},
    {"JOB_STATUS_CHANGE", "{id: str, status: str}", false, NULL},
    {"MIGRATION", "{status: str}", false, NULL},
    {"MIGRATION_PASS", "{pass: int}", false, NULL},
    {"DUMP_COMPLETED", "{result: {status: str, completed: int, total: int}, error?: str}", false,
     NULL},
    {"NETDEV_STREAM_CONNECTED", "{netdev-id: str, addr: {type: str, ...}}", false, NULL},
    {"NETDEV_STREAM_DISCONNECTED", "{netdev-id: str}", false, NULL},
};

/* A source whose last event is less than a second old. */
struct held {
    guint timer;
    char *key;
    JsonNode *next; /* what is to be sent then, or NULL */
};

static GHashTable *limited; /* key -> struct held * */

static const struct event_kind *find_kind(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if (!strcmp(kinds[i].name, name))
            return &kinds[i];
    return NULL;
}

const char *events_nth(unsigned n, const char **type)
{
    if (n >= ARRAY_SIZE(kinds))
        return NULL;
    *type = kinds[n].type ? kinds[n].type : "{}";
    return kinds[n].name;
}

static void send_to(struct monitor *mon, void *opaque)
{
    if (mon->mode == MONITOR_HMP || !mon->negotiated)
        return;
    if (chardev_backlog(mon->chardev) < MONITOR_EVENTS_MAX)
        qmp_send(mon, opaque);
    else
        mon->lost = true;
}

static void free_held(gpointer data)
{
    struct held *h = data;

    if (h->timer)
        g_source_remove(h->timer);
    if (h->next)
        json_node_unref(h->next);
    g_free(h->key);
    g_free(h);
}

static gboolean on_timer(gpointer opaque)
{
    struct held *h = opaque;

    if (h->next) {
        monitor_foreach_session(send_to, h->next);
        g_clear_pointer(&h->next, json_node_unref);
        return G_SOURCE_CONTINUE;
    }
    h->timer = 0;
    g_hash_table_remove(limited, h->key);
    return G_SOURCE_REMOVE;
}

static char *source_key(const struct event_kind *kind, JsonNode *data)
{
    const char *source = NULL;

    if (kind->source && data)
        source = json_object_get_string_member_with_default(json_node_get_object(data),
                                                            kind->source, NULL);
    return g_strconcat(kind->name, "/", source ? source : "", NULL);
}

/* True when the event has to wait. */
static bool hold_back(const struct event_kind *kind, JsonNode *event, JsonNode *data)
{
    if (!kind || !kind->limited)
        return false;
    char *key = source_key(kind, data);
    struct held *h = g_hash_table_lookup(limited, key);
    if (h) {
        if (h->next)
            json_node_unref(h->next);
        h->next = json_node_ref(event);
        g_free(key);
        return true;
    }
    h = g_new0(struct held, 1);
    h->key = key;
    h->timer = g_timeout_add(LIMIT_MS, on_timer, h);
    g_hash_table_insert(limited, h->key, h);
    return false;
}

static void on_happening(void *opaque UNUSED, const char *name, const char *data, int64_t wall_us)
{
    g_autoptr(JsonNode) node = mon_ok();
    JsonObject *event = json_node_get_object(node), *stamp = json_object_new();
    JsonNode *value = data ? json_read(data, strlen(data), NULL) : NULL;

    json_object_set_int_member(stamp, "seconds", wall_us / G_USEC_PER_SEC);
    json_object_set_int_member(stamp, "microseconds", wall_us % G_USEC_PER_SEC);
    json_object_set_object_member(event, "timestamp", stamp);
    json_object_set_string_member(event, "event", name);
    if (value)
        json_object_set_member(event, "data", value);
    if (!hold_back(find_kind(name), node, value))
        monitor_foreach_session(send_to, node);
}

void events_init(void)
{
    limited = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_held);
    event_watch(on_happening, NULL);
}

void events_fini(void)
{
    event_unwatch(on_happening, NULL);
    g_hash_table_unref(limited);
    limited = NULL;
}
