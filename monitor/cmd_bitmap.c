/* Commands of dirty bitmaps: which parts of a disk were written to. */
#include "monitor/commands_priv.h"

#include "block/bitmap.h"

#include <string.h>

static struct block_node *find_node(struct mon_call *c, struct error **errp)
{
    return mon_find_node(c, mon_str(c, "node", ""), errp);
}

static struct block_bitmap *find(struct mon_call *c, const char *arg, struct block_node **b,
                                 struct error **errp)
{
    *b = find_node(c, errp);
    return *b ? bitmap_find(*b, mon_str(c, arg, ""), errp) : NULL;
}

bool mon_bitmap_add(struct mon_call *c, struct block_bitmap **m, struct error **errp)
{
    int64_t granularity = mon_int(c, "granularity", 0);
    struct bitmap_options o = {
        .name = mon_str(c, "name", ""),
        .granularity = (uint64_t)granularity,
        .persistent = mon_bool(c, "persistent", false),
        .disabled = mon_bool(c, "disabled", false),
    };
    struct block_node *b = find_node(c, errp);

    *m = NULL;
    if (b && mon_has(c, "granularity") && granularity <= 0)
        error_set(errp, "granularity: wanted a power of two from 512 to 2G");
    else if (b)
        *m = bitmap_add(b, &o, errp);
    return *m;
}

/* One source of a merge: a name, of a bitmap of the same node, or {"node": ..., "name": ...}. */
static struct block_bitmap *find_source(struct mon_call *c, struct block_node *b, JsonNode *n,
                                        struct error **errp)
{
    if (JSON_NODE_HOLDS_VALUE(n) && json_node_get_value_type(n) == G_TYPE_STRING)
        return bitmap_find(b, json_node_get_string(n), errp);
    JsonObject *o = JSON_NODE_HOLDS_OBJECT(n) ? json_node_get_object(n) : NULL;
    if (!o || !json_object_has_member(o, "node") || !json_object_has_member(o, "name")) {
        error_set(errp, "bitmaps: wanted names, or {\"node\": NODE, \"name\": NAME}");
        return NULL;
    }
    b = mon_find_node(c, json_object_get_string_member(o, "node"), errp);
    return b ? bitmap_find(b, json_object_get_string_member(o, "name"), errp) : NULL;
}

bool mon_bitmap_merge(struct mon_call *c, struct block_bitmap *to, struct error **errp)
{
    JsonArray *list = json_node_get_array(mon_json(c, "bitmaps"));
    struct block_node *b = find_node(c, errp);
    bool ok = b;

    for (guint i = 0; ok && i < json_array_get_length(list); i++) {
        struct block_bitmap *from = find_source(c, b, json_array_get_element(list, i), errp);
        ok = from && bitmap_merge(to, from, errp);
    }
    return ok;
}

struct block_bitmap *mon_find_bitmap(struct mon_call *c, const char *arg, struct error **errp)
{
    struct block_node *b;

    return find(c, arg, &b, errp);
}

static JsonNode *run_add(struct mon_call *c, struct error **errp)
{
    struct block_bitmap *m;

    return mon_bitmap_add(c, &m, errp) ? mon_ok() : NULL;
}

static JsonNode *run_remove(struct mon_call *c, struct error **errp)
{
    struct block_node *b;
    struct block_bitmap *m = find(c, "name", &b, errp);

    return m && bitmap_remove(b, m, errp) ? mon_ok() : NULL;
}

static JsonNode *run_clear(struct mon_call *c, struct error **errp)
{
    struct block_bitmap *m = mon_find_bitmap(c, "name", errp);

    return m && bitmap_clear(m, errp) ? mon_ok() : NULL;
}

static JsonNode *run_enable(struct mon_call *c, struct error **errp)
{
    struct block_bitmap *m = mon_find_bitmap(c, "name", errp);

    return m && bitmap_enable(m, true, errp) ? mon_ok() : NULL;
}

static JsonNode *run_disable(struct mon_call *c, struct error **errp)
{
    struct block_bitmap *m = mon_find_bitmap(c, "name", errp);

    return m && bitmap_enable(m, false, errp) ? mon_ok() : NULL;
}

/* All of them, or none. */
static JsonNode *run_merge(struct mon_call *c, struct error **errp)
{
    struct block_bitmap *to = mon_find_bitmap(c, "target", errp);

    if (!to || !bitmap_check_free(to, errp))
        return NULL;
    struct bitmap_saved *was = bitmap_save(to);
    if (!was) {
        error_set(errp, "there is no memory for that");
        return NULL;
    }
    if (!mon_bitmap_merge(c, to, errp)) {
        bitmap_restore(to, was);
        return NULL;
    }
    bitmap_saved_free(was);
    return mon_ok();
}

JsonArray *mon_describe_bitmaps(struct block_node *b)
{
    JsonArray *list = NULL;

    for (struct block_bitmap *m = NULL; (m = bitmap_next(b, m));) {
        JsonObject *o = json_object_new();
        struct bitmap_info i;
        bitmap_get_info(m, &i);
        json_object_set_string_member(o, "name", i.name);
        json_object_set_int_member(o, "count", (int64_t)i.count);
        json_object_set_int_member(o, "granularity", (int64_t)i.granularity);
        json_object_set_boolean_member(o, "recording", i.recording);
        json_object_set_boolean_member(o, "busy", i.busy);
        json_object_set_boolean_member(o, "persistent", i.persistent);
        if (i.inconsistent)
            json_object_set_boolean_member(o, "inconsistent", true);
        list = list ? list : json_array_new();
        json_array_add_object_element(list, o);
    }
    return list;
}

/* clang-format off */
#define NODE_ARG {"node", MON_STR, .help = "the drive or node", .complete = mon_complete_node}
static const struct mon_arg add_args[] = {
    NODE_ARG,
    {"name", MON_STR, .help = "name of the bitmap"},
    {"granularity", MON_INT, .optional = true, .help = "bytes for one bit (default: 64 KiB, or the cluster size)"},
    {"persistent", MON_BOOL, .optional = true, .help = "on: it is kept in the image"},
    {"disabled", MON_BOOL, .optional = true, .help = "on: it does not record yet"},
    MON_ARG_END,
};
static const struct mon_arg name_args[] = {
    NODE_ARG,
    {"name", MON_STR, .help = "name of the bitmap"},
    MON_ARG_END,
};
static const struct mon_arg merge_args[] = {
    NODE_ARG,
    {"target", MON_STR, .help = "the bitmap that takes them"},
    {"bitmaps", MON_JSON, .type = "[any]", .help = "names, or {\"node\": NODE, \"name\": NAME}"},
    MON_ARG_END,
};

const struct monitor_command cmd_bitmap[] = {
    {.qmp = "block-dirty-bitmap-add", .args = add_args, .run = run_add,
     .help = "note from now on what is written to a disk"},
    {.qmp = "block-dirty-bitmap-remove", .args = name_args, .run = run_remove,
     .help = "forget a dirty bitmap"},
    {.qmp = "block-dirty-bitmap-clear", .args = name_args, .run = run_clear,
     .help = "begin anew"},
    {.qmp = "block-dirty-bitmap-enable", .args = name_args, .run = run_enable,
     .help = "let a dirty bitmap record"},
    {.qmp = "block-dirty-bitmap-disable", .args = name_args, .run = run_disable,
     .help = "let it record no more"},
    {.qmp = "block-dirty-bitmap-merge", .args = merge_args, .run = run_merge,
     .help = "add what other bitmaps have to one"},
    {0},
};
/* clang-format on */
