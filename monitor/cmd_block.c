/* Commands that show disks. */
#include "monitor/commands_priv.h"

#include "block/block.h"
#include "hw/drive.h"

#include <inttypes.h>
#include <string.h>

static const char *const throttle_args_of[BLOCK_LIMITS] = {
    [BLOCK_BPS_TOTAL] = "bps",   [BLOCK_BPS_READ] = "bps_rd",   [BLOCK_BPS_WRITE] = "bps_wr",
    [BLOCK_IOPS_TOTAL] = "iops", [BLOCK_IOPS_READ] = "iops_rd", [BLOCK_IOPS_WRITE] = "iops_wr",
};

static void set_image_size(JsonObject *o, const struct block_info *info)
{
    json_object_set_int_member(o, "virtual-size", (int64_t)info->virtual_size);
    if (info->has_actual_size)
        json_object_set_int_member(o, "actual-size", (int64_t)info->actual_size);
    if (info->cluster_size)
        json_object_set_int_member(o, "cluster-size", (int64_t)info->cluster_size);
}

static void set_backing(JsonObject *o, const struct block_info *info)
{
    if (info->backing_path)
        json_object_set_string_member(o, "backing-filename", info->backing_path);
    if (info->full_backing_path)
        json_object_set_string_member(o, "full-backing-filename", info->full_backing_path);
    if (info->backing_format)
        json_object_set_string_member(o, "backing-filename-format", info->backing_format);
}

static JsonObject *describe_image(struct block_node *b)
{
    JsonObject *o = json_object_new();
    struct block_info info = {0};
    const char *path = block_path(b);

    json_object_set_string_member(o, "filename", path ? path : "");
    json_object_set_string_member(o, "format", block_driver_name(b));
    if (block_get_info(b, &info, NULL)) {
        set_image_size(o, &info);
        set_backing(o, &info);
        json_object_set_boolean_member(o, "dirty-flag", info.is_dirty);
    } else {
        json_object_set_int_member(o, "virtual-size", (int64_t)block_size(b));
    }
    block_info_fini(&info);
    JsonArray *snapshots = mon_describe_snapshots(b);
    if (snapshots)
        json_object_set_array_member(o, "snapshots", snapshots);
    if (block_backing(b))
        json_object_set_object_member(o, "backing-image", describe_image(block_backing(b)));
    return o;
}

static unsigned chain_length(struct block_node *b)
{
    unsigned n = 0;

    for (b = block_backing(b); b; b = block_backing(b))
        n++;
    return n;
}

static JsonObject *describe_cache(struct block_node *b)
{
    JsonObject *o = json_object_new();
    unsigned flags = block_get_flags(b);

    json_object_set_boolean_member(o, "no-flush", flags & BLOCK_NO_FLUSH);
    json_object_set_boolean_member(o, "direct", flags & BLOCK_DIRECT);
    json_object_set_boolean_member(o, "writeback", !(flags & BLOCK_WRITETHROUGH));
    return o;
}

static JsonObject *describe_node(struct block_node *b)
{
    JsonObject *o = json_object_new();
    struct block_limits l = {0};
    const char *group = NULL;
    const char *path = block_path(b);

    json_object_set_string_member(o, "file", path ? path : "");
    json_object_set_string_member(o, "node-name", block_node_name(b));
    json_object_set_boolean_member(o, "ro", block_read_only(b));
    json_object_set_string_member(o, "drv", block_driver_name(b));
    if (block_backing(b))
        json_object_set_string_member(o, "backing_file", block_path(block_backing(b)));
    json_object_set_int_member(o, "backing_file_depth", chain_length(b));
    json_object_set_boolean_member(o, "encrypted", false);
    json_object_set_string_member(o, "detect_zeroes", block_detect_zeroes_name(b));
    json_object_set_int_member(o, "write_threshold", (int64_t)block_write_threshold(b));
    if (block_get_limits(b, &l, &group) && group)
        json_object_set_string_member(o, "group", group);
    for (size_t i = 0; i < BLOCK_LIMITS; i++)
        json_object_set_int_member(o, throttle_args_of[i], (int64_t)l.avg[i]);
    json_object_set_object_member(o, "image", describe_image(b));
    json_object_set_object_member(o, "cache", describe_cache(b));
    JsonArray *bitmaps = mon_describe_bitmaps(b);
    if (bitmaps)
        json_object_set_array_member(o, "dirty-bitmaps", bitmaps);
    return o;
}

static JsonObject *describe_drive(struct block_node *b, const struct device *dev, const char *name)
{
    JsonObject *o = json_object_new();
    struct drive_status s = {0};
    const char *owner = dev ? dev->id : block_owner(b);

    if (dev)
        dev->type->cls->drive->status(dev, &s);
    json_object_set_string_member(o, "device", name ? name : "");
    if (owner)
        json_object_set_string_member(o, "qdev", owner);
    if (owner)
        json_object_set_string_member(o, "io-status", "ok");
    json_object_set_boolean_member(o, "locked", s.is_locked);
    json_object_set_boolean_member(o, "removable", s.is_removable);
    if (s.has_tray)
        json_object_set_boolean_member(o, "tray_open", s.is_open);
    json_object_set_string_member(o, "type", "unknown");
    if (b && !block_is_empty(b))
        json_object_set_object_member(o, "inserted", describe_node(b));
    return o;
}

/* What is open and no other's child, and drives without a medium. */
static JsonNode *run_block(struct mon_call *c, struct error **errp UNUSED)
{
    JsonArray *list = json_array_new();

    for (struct block_node *b = block_next_root(NULL); b; b = block_next_root(b))
        json_array_add_object_element(list, describe_drive(b, drive_of_node(c->m, b), block_id(b)));
    for (struct device *dev = NULL; (dev = drive_next(c->m, dev));) {
        struct drive_status s = {0};
        dev->type->cls->drive->status(dev, &s);
        if (!s.medium)
            json_array_add_object_element(list, describe_drive(NULL, dev, s.name));
    }
    return mon_array(list);
}

static void print_inserted(JsonObject *in, FILE *out)
{
    fprintf(out, " (%s): %s (%s%s)\n", json_object_get_string_member(in, "node-name"),
            json_object_get_string_member(in, "file"), json_object_get_string_member(in, "drv"),
            json_object_get_boolean_member(in, "ro") ? ", read-only" : "");
}

static void print_state(JsonObject *o, FILE *out)
{
    if (json_object_has_member(o, "qdev"))
        fprintf(out, "    Attached to:      %s\n", json_object_get_string_member(o, "qdev"));
    if (!json_object_get_boolean_member(o, "removable"))
        return;
    fprintf(out, "    Removable device: %slocked, tray %s\n",
            json_object_get_boolean_member(o, "locked") ? "" : "not ",
            json_object_get_boolean_member_with_default(o, "tray_open", false) ? "open" : "closed");
}

static void print_block(struct mon_call *c UNUSED, JsonNode *result, FILE *out)
{
    JsonArray *list = json_node_get_array(result);

    for (guint i = 0; i < json_array_get_length(list); i++) {
        JsonObject *o = json_array_get_object_element(list, i);
        JsonObject *in = json_object_has_member(o, "inserted")
                             ? json_object_get_object_member(o, "inserted")
                             : NULL;
        fprintf(out, "%s", json_object_get_string_member(o, "device"));
        if (in)
            print_inserted(in, out);
        else
            fprintf(out, ": [not inserted]\n");
        print_state(o, out);
        if (!in)
            continue;
        JsonObject *cache = json_object_get_object_member(in, "cache");
        fprintf(out, "    Cache mode:       %s%s%s\n",
                json_object_get_boolean_member(cache, "writeback") ? "writeback" : "writethrough",
                json_object_get_boolean_member(cache, "direct") ? ", direct" : "",
                json_object_get_boolean_member(cache, "no-flush") ? ", ignore flushes" : "");
    }
}

static JsonNode *run_nodes(struct mon_call *c UNUSED, struct error **errp UNUSED)
{
    JsonArray *list = json_array_new();

    for (struct block_node *b = block_next(NULL); b; b = block_next(b))
        json_array_add_object_element(list, describe_node(b));
    return mon_array(list);
}

/* ---- statistics ---- */

static const struct {
    enum block_op op;
    const char *ops, *bytes, *ns, *failed;
} counters[] = {
    {BLOCK_READ, "rd_operations", "rd_bytes", "rd_total_time_ns", "failed_rd_operations"},
    {BLOCK_WRITE, "wr_operations", "wr_bytes", "wr_total_time_ns", "failed_wr_operations"},
    {BLOCK_FLUSH, "flush_operations", NULL, "flush_total_time_ns", "failed_flush_operations"},
    {BLOCK_DISCARD, "unmap_operations", "unmap_bytes", "unmap_total_time_ns",
     "failed_unmap_operations"},
};

/* What is counted elsewhere, or cannot happen here: requests are not merged, and devices refuse
 * what is out of range before the image hears of it. */
static const char *const zero_counters[] = {
    "rd_merged",
    "wr_merged",
    "unmap_merged",
    "invalid_rd_operations",
    "invalid_wr_operations",
    "invalid_flush_operations",
    "invalid_unmap_operations",
    "wr_highest_offset",
};

static JsonObject *describe_stats(struct block_node *b)
{
    JsonObject *o = json_object_new();
    struct block_stats s;

    block_get_stats(b, &s);
    for (size_t i = 0; i < ARRAY_SIZE(counters); i++) {
        json_object_set_int_member(o, counters[i].ops, (int64_t)s.ops[counters[i].op]);
        if (counters[i].bytes)
            json_object_set_int_member(o, counters[i].bytes, (int64_t)s.bytes[counters[i].op]);
        json_object_set_int_member(o, counters[i].ns, (int64_t)s.ns[counters[i].op]);
        json_object_set_int_member(o, counters[i].failed, (int64_t)s.failed[counters[i].op]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(zero_counters); i++)
        json_object_set_int_member(o, zero_counters[i], 0);
    json_object_set_boolean_member(o, "account_invalid", true);
    json_object_set_boolean_member(o, "account_failed", true);
    json_object_set_array_member(o, "timed_stats", json_array_new());
    return o;
}

static JsonNode *run_stats(struct mon_call *c, struct error **errp UNUSED)
{
    JsonArray *list = json_array_new();
    bool nodes = mon_bool(c, "query-nodes", false);

    for (struct block_node *b = nodes ? block_next(NULL) : block_next_root(NULL); b;
         b = nodes ? block_next(b) : block_next_root(b)) {
        JsonObject *o = json_object_new();
        if (!nodes)
            json_object_set_string_member(o, "device", block_id(b));
        json_object_set_string_member(o, "node-name", block_node_name(b));
        if (!nodes && block_owner(b))
            json_object_set_string_member(o, "qdev", block_owner(b));
        json_object_set_object_member(o, "stats", describe_stats(b));
        json_array_add_object_element(list, o);
    }
    return mon_array(list);
}

static void print_stats(struct mon_call *c UNUSED, JsonNode *result, FILE *out)
{
    JsonArray *list = json_node_get_array(result);

    for (guint i = 0; i < json_array_get_length(list); i++) {
        JsonObject *o = json_array_get_object_element(list, i);
        JsonObject *s = json_object_get_object_member(o, "stats");
        fprintf(out, "%s:", json_object_get_string_member(o, "device"));
        for (size_t k = 0; k < ARRAY_SIZE(counters); k++) {
            if (counters[k].bytes)
                fprintf(out, " %s=%" PRId64, counters[k].bytes,
                        json_object_get_int_member(s, counters[k].bytes));
            fprintf(out, " %s=%" PRId64, counters[k].ops,
                    json_object_get_int_member(s, counters[k].ops));
        }
        fputc('\n', out);
    }
}

/* ---- changes ---- */

struct block_node *mon_find_node(struct mon_call *c, const char *name, struct error **errp)
{
    struct block_node *b = block_find(name);
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    if (b)
        return b;
    for (b = block_next(NULL); b; b = block_next(b))
        g_ptr_array_add(names, (gpointer)(uintptr_t)block_id(b));
    g_ptr_array_add(names, NULL);
    const char *near = nearest_name(name, (const char *const *)names->pdata);
    mon_fail(c, "DeviceNotFound", errp, "Device '%s' not found", name);
    if (near)
        error_append(errp, "; did you mean '%s'?", near);
    return NULL;
}

static JsonNode *run_threshold(struct mon_call *c, struct error **errp)
{
    int64_t bytes = mon_int(c, "write-threshold", 0);
    struct block_node *b = mon_find_node(c, mon_str(c, "node-name", ""), errp);

    if (b && bytes < 0)
        error_set(errp, "write-threshold: wanted a number of bytes");
    if (!b || bytes < 0)
        return NULL;
    block_set_write_threshold(b, (uint64_t)bytes);
    return mon_ok();
}

static JsonNode *run_resize(struct mon_call *c, struct error **errp)
{
    const char *name = mon_str(c, "node-name", mon_str(c, "device", NULL));
    int64_t size = mon_int(c, "size", 0);

    if (!name || size < 0) {
        error_set(errp, name ? "size: wanted 0 or more bytes" : "wanted device or node-name");
        return NULL;
    }
    struct block_node *b = mon_find_node(c, name, errp);
    if (!b)
        return NULL;
    if (size % 512) {
        error_set(errp, "size: wanted a multiple of 512 bytes, found %" PRId64, size);
        return NULL;
    }
    if (!block_check_idle(b, errp) || !block_resize(b, (uint64_t)size, "off", errp))
        return NULL;
    struct device *dev = drive_of_node(c->m, b);
    if (dev && dev->type->cls->drive->resized)
        dev->type->cls->drive->resized(dev);
    return mon_ok();
}

static JsonNode *run_add(struct mon_call *c, struct error **errp)
{
    if (!mon_has(c, "node-name")) {
        error_set(errp, "'node-name' must be specified for the root node");
        return NULL;
    }
    return block_open_node(c->opts, errp) ? mon_ok() : NULL;
}

static bool is_root(const struct block_node *b)
{
    for (struct block_node *r = block_next_root(NULL); r; r = block_next_root(r))
        if (r == b)
            return true;
    return false;
}

static JsonNode *run_del(struct mon_call *c, struct error **errp)
{
    const char *name = mon_str(c, "node-name", "");
    struct block_node *b = mon_find_node(c, name, errp);

    if (!b)
        return NULL;
    if (block_owner(b) || !is_root(b)) {
        error_set(errp, "node '%s' is in use by %s", name,
                  block_owner(b) ? block_owner(b) : "another node");
        return NULL;
    }
    if (block_is_exported(b)) {
        error_set(errp, "node '%s' is in use by an export", name);
        return NULL;
    }
    if (!block_check_idle(b, errp))
        return NULL;
    block_close(b);
    return mon_ok();
}

/* By drive, or by the id of the device that has it. */
static struct block_node *find_disk(struct mon_call *c, struct error **errp)
{
    const char *id = mon_str(c, "id", NULL), *device = mon_str(c, "device", NULL);

    for (struct block_node *b = block_next_root(NULL); b && id; b = block_next_root(b))
        if (block_owner(b) && !strcmp(block_owner(b), id))
            return b;
    if (id || device)
        return mon_find_node(c, device ? device : id, errp);
    error_set(errp, "wanted device or id");
    return NULL;
}

static JsonNode *run_throttle(struct mon_call *c, struct error **errp)
{
    struct block_node *b = find_disk(c, errp);
    struct block_limits l = {0};

    if (!b)
        return NULL;
    for (size_t i = 0; i < BLOCK_LIMITS; i++) {
        const char *name = throttle_args_of[i];
        g_autofree char *max = g_strconcat(name, "_max", NULL);
        g_autofree char *length = g_strconcat(name, "_max_length", NULL);
        int64_t avg = mon_int(c, name, 0), burst = mon_int(c, max, 0), s = mon_int(c, length, 0);
        if (avg < 0 || burst < 0 || s < 0) {
            error_set(errp, "%s: limits are 0 or more", name);
            return NULL;
        }
        l.avg[i] = (uint64_t)avg;
        l.max[i] = (uint64_t)burst;
        l.length[i] = (uint64_t)s;
    }
    l.iops_size = (uint64_t)MAX(mon_int(c, "iops_size", 0), 0);
    return block_set_limits(b, &l, mon_str(c, "group", NULL), errp) ? mon_ok() : NULL;
}

void mon_complete_node(struct machine *m UNUSED, void (*add)(void *opaque, const char *word),
                       void *opaque)
{
    for (struct block_node *b = block_next_root(NULL); b; b = block_next_root(b))
        add(opaque, block_id(b));
}

static const struct mon_arg stats_args[] = {
    {"query-nodes", MON_BOOL, .optional = true, .help = "of every node of the graph"},
    MON_ARG_END,
};
static const struct mon_arg resize_args[] = {
    {"device", MON_STR, .optional = true, .help = "the drive", .complete = mon_complete_node},
    {"node-name", MON_STR, .optional = true, .help = "or its node"},
    {"size", MON_INT, .help = "bytes"},
    MON_ARG_END,
};
static const struct mon_arg hmp_resize_args[] = {
    {"device", MON_STR, .help = "the drive", .complete = mon_complete_node},
    {"size", MON_SIZE, .help = "MiB, or with a suffix"},
    MON_ARG_END,
};
static const struct mon_arg blockdev_add_args[] = {
    {"driver", MON_STR, .help = "format or protocol"},
    {"node-name", MON_STR, .optional = true, .help = "its name"},
    {"prop", MON_OPTS, .optional = true, .help = "as for -blockdev"},
    MON_ARG_END,
};
static const struct mon_arg blockdev_del_args[] = {
    {"node-name", MON_STR, .help = "its name"},
    MON_ARG_END,
};
#define LIMIT_ARG(name, text)                                                                      \
    {                                                                                              \
        name, MON_INT, .optional = true, .help = text                                              \
    }
#define LIMIT_ARGS(name, what)                                                                     \
    {name, MON_INT, .help = what " a second, 0: any number"},                                      \
        LIMIT_ARG(name "_max", "the same in a burst"),                                             \
        LIMIT_ARG(name "_max_length", "seconds that a burst lasts")
static const struct mon_arg throttle_args[] = {
    {"device", MON_STR, .optional = true, .help = "the drive", .complete = mon_complete_node},
    {"id", MON_STR, .optional = true, .help = "or the device that has it"},
    LIMIT_ARGS("bps", "bytes"),
    LIMIT_ARGS("bps_rd", "bytes read"),
    LIMIT_ARGS("bps_wr", "bytes written"),
    LIMIT_ARGS("iops", "requests"),
    LIMIT_ARGS("iops_rd", "reads"),
    LIMIT_ARGS("iops_wr", "writes"),
    LIMIT_ARG("iops_size", "bytes that count as one request"),
    {"group", MON_STR, .optional = true, .help = "drives that share the limits"},
    MON_ARG_END,
};
static const struct mon_arg hmp_throttle_args[] = {
    {"device", MON_STR, .help = "the drive", .complete = mon_complete_node},
    {"bps", MON_INT, .help = "bytes a second"},
    {"bps_rd", MON_INT, .help = "bytes read"},
    {"bps_wr", MON_INT, .help = "bytes written"},
    {"iops", MON_INT, .help = "requests a second"},
    {"iops_rd", MON_INT, .help = "reads"},
    {"iops_wr", MON_INT, .help = "writes"},
    MON_ARG_END,
};

static const struct mon_arg threshold_args[] = {
    {"node-name", MON_STR, .help = "the node", .complete = mon_complete_node},
    {"write-threshold", MON_INT, .help = "bytes; 0: none"},
    MON_ARG_END,
};

#define IMAGE_TYPE                                                                                 \
    "{filename: str, format: str, virtual-size: int, actual-size?: int, cluster-size?: int, "      \
    "backing-filename?: str, full-backing-filename?: str, backing-filename-format?: str, "         \
    "dirty-flag?: bool, snapshots?: [" MON_SNAPSHOT_TYPE "], backing-image?: any}"
#define NODE_TYPE                                                                                  \
    "{file: str, node-name?: str, ro: bool, drv: str, backing_file?: str, "                        \
    "backing_file_depth: int, encrypted: bool, detect_zeroes: off|on|unmap, bps: int, "            \
    "bps_rd: int, bps_wr: int, iops: int, iops_rd: int, iops_wr: int, group?: str, "               \
    "image: " IMAGE_TYPE ", "                                                                      \
    "cache: {writeback: bool, direct: bool, no-flush: bool}, write_threshold: int, "               \
    "dirty-bitmaps?: [{name?: str, count: int, granularity: int, recording: bool, busy: bool, "    \
    "persistent: bool, inconsistent?: bool}]}"
#define BLOCK_TYPE                                                                                 \
    "[{device: str, qdev?: str, type: str, removable: bool, locked: bool, tray_open?: bool, "      \
    "io-status?: ok|failed|nospace, "                                                              \
    "inserted?: " NODE_TYPE "}]"

/* clang-format off */
const struct monitor_command cmd_block[] = {
    {.qmp = "query-block", .hmp = "info block", .ret = BLOCK_TYPE, .run = run_block,
     .print = print_block, .help = "list the disks"},
    {.qmp = "query-named-block-nodes", .ret = "[" NODE_TYPE "]", .run = run_nodes,
     .help = "list all nodes of the graph of disk images"},
    {.qmp = "query-blockstats", .hmp = "info blockstats", .args = stats_args,
     .ret = "[{device?: str, qdev?: str, node-name?: str, stats: {rd_bytes: int, wr_bytes: int, ...}}]",
     .run = run_stats, .print = print_stats, .help = "show what disks have read and written"},
    {.qmp = "block_resize", .args = resize_args, .run = run_resize, .help = "resize an image"},
    {.hmp = "block_resize", .args = hmp_resize_args, .run = run_resize, .help = "resize an image"},
    {.qmp = "blockdev-add", .args = blockdev_add_args, .run = run_add, .help = "open an image"},
    {.qmp = "blockdev-del", .args = blockdev_del_args, .run = run_del,
     .help = "close an image that nothing uses"},
    {.qmp = "block-set-write-threshold", .args = threshold_args, .run = run_threshold,
     .help = "say once, by an event, when a node is written to beyond so many bytes"},
    {.qmp = "block_set_io_throttle", .args = throttle_args, .run = run_throttle,
     .help = "limit the rate of requests of a disk"},
    {.hmp = "block_set_io_throttle", .args = hmp_throttle_args, .run = run_throttle,
     .help = "limit the rate of requests of a disk"},
    {0},
};
/* clang-format on */
