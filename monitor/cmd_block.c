/* Commands that show disks. */
#include "monitor/commands_priv.h"

#include "block/block.h"

#include <inttypes.h>
#include <string.h>

static void set_image_size(JsonObject *o, const struct block_info *info)
{
    json_object_set_int_member(o, "virtual-size", (int64_t)info->virtual_size);
    if (info->has_actual_size)
        json_object_set_int_member(o, "actual-size", (int64_t)info->actual_size);
    if (info->cluster_size)
        json_object_set_int_member(o, "cluster-size", (int64_t)info->cluster_size);
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
        if (info.backing_path)
            json_object_set_string_member(o, "backing-filename", info.backing_path);
        json_object_set_boolean_member(o, "dirty-flag", info.is_dirty);
    } else {
        json_object_set_int_member(o, "virtual-size", (int64_t)block_size(b));
    }
    block_info_fini(&info);
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
    static const char *const limits[] = {"bps", "bps_rd", "bps_wr", "iops", "iops_rd", "iops_wr"};
    JsonObject *o = json_object_new();
    const char *path = block_path(b);

    json_object_set_string_member(o, "file", path ? path : "");
    json_object_set_string_member(o, "node-name", block_node_name(b));
    json_object_set_boolean_member(o, "ro", block_read_only(b));
    json_object_set_string_member(o, "drv", block_driver_name(b));
    json_object_set_int_member(o, "backing_file_depth", chain_length(b));
    json_object_set_boolean_member(o, "encrypted", false);
    json_object_set_string_member(o, "detect_zeroes", "off");
    json_object_set_int_member(o, "write_threshold", 0);
    for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
        json_object_set_int_member(o, limits[i], 0);
    json_object_set_object_member(o, "image", describe_image(b));
    json_object_set_object_member(o, "cache", describe_cache(b));
    return o;
}

static JsonNode *run_block(struct mon_call *c UNUSED, struct error **errp UNUSED)
{
    JsonArray *list = json_array_new();

    for (struct block_node *b = block_next_root(NULL); b; b = block_next_root(b)) {
        JsonObject *o = json_object_new();
        const char *owner = block_owner(b);
        json_object_set_string_member(o, "device", block_id(b));
        if (owner)
            json_object_set_string_member(o, "qdev", owner);
        json_object_set_boolean_member(o, "locked", false);
        json_object_set_boolean_member(o, "removable", false);
        json_object_set_string_member(o, "type", "unknown");
        json_object_set_object_member(o, "inserted", describe_node(b));
        json_array_add_object_element(list, o);
    }
    return mon_array(list);
}

static void print_block(struct mon_call *c UNUSED, JsonNode *result, FILE *out)
{
    JsonArray *list = json_node_get_array(result);

    for (guint i = 0; i < json_array_get_length(list); i++) {
        JsonObject *o = json_array_get_object_element(list, i);
        JsonObject *in = json_object_get_object_member(o, "inserted");
        fprintf(out, "%s (%s): %s (%s%s)\n", json_object_get_string_member(o, "device"),
                json_object_get_string_member(in, "node-name"),
                json_object_get_string_member(in, "file"), json_object_get_string_member(in, "drv"),
                json_object_get_boolean_member(in, "ro") ? ", read-only" : "");
        if (json_object_has_member(o, "qdev"))
            fprintf(out, "    Attached to:      %s\n", json_object_get_string_member(o, "qdev"));
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

#define IMAGE_TYPE                                                                                 \
    "{filename: str, format: str, virtual-size: int, actual-size?: int, cluster-size?: int, "      \
    "backing-filename?: str, dirty-flag?: bool, backing-image?: any}"
#define NODE_TYPE                                                                                  \
    "{file: str, node-name?: str, ro: bool, drv: str, backing_file?: str, "                        \
    "backing_file_depth: int, encrypted: bool, detect_zeroes: off|on|unmap, bps: int, "            \
    "bps_rd: int, bps_wr: int, iops: int, iops_rd: int, iops_wr: int, image: " IMAGE_TYPE ", "     \
    "cache: {writeback: bool, direct: bool, no-flush: bool}, write_threshold: int}"
#define BLOCK_TYPE                                                                                 \
    "[{device: str, qdev?: str, type: str, removable: bool, locked: bool, tray_open?: bool, "      \
    "inserted?: " NODE_TYPE "}]"

/* clang-format off */
const struct monitor_command cmd_block[] = {
    {.qmp = "query-block", .hmp = "info block", .ret = BLOCK_TYPE, .run = run_block,
     .print = print_block, .help = "list the disks"},
    {.qmp = "query-named-block-nodes", .ret = "[" NODE_TYPE "]", .run = run_nodes,
     .help = "list all nodes of the graph of disk images"},
    {0},
};
/* clang-format on */
