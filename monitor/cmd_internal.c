/* Snapshots inside one image: blockdev-snapshot-internal-sync and its kin. */
#include "monitor/commands_priv.h"

#include "block/block.h"
#include "core/machine.h"

#include <string.h>

static const int64_t NS_PER_S = INT64_C(1000000000);

static JsonObject *describe(const struct block_snapshot *s)
{
    JsonObject *o = json_object_new();

    json_object_set_string_member(o, "id", s->id);
    json_object_set_string_member(o, "name", s->name);
    json_object_set_int_member(o, "vm-state-size", (int64_t)s->vm_state_size);
    json_object_set_int_member(o, "date-sec", s->date_sec);
    json_object_set_int_member(o, "date-nsec", s->date_nsec);
    json_object_set_int_member(o, "vm-clock-sec", (int64_t)s->vm_clock_ns / NS_PER_S);
    json_object_set_int_member(o, "vm-clock-nsec", (int64_t)s->vm_clock_ns % NS_PER_S);
    if (s->icount != UINT64_MAX)
        json_object_set_int_member(o, "icount", (int64_t)s->icount);
    return o;
}

JsonArray *mon_describe_snapshots(struct block_node *b)
{
    GArray *list = block_snapshot_list(b);
    JsonArray *out = list && list->len ? json_array_new() : NULL;

    for (guint i = 0; out && i < list->len; i++)
        json_array_add_object_element(out,
                                      describe(&g_array_index(list, struct block_snapshot, i)));
    if (list)
        g_array_unref(list);
    return out;
}

/* The one with that id and name, where they are given. */
static bool find(struct block_node *b, const char *id, const char *name, struct block_snapshot *out)
{
    GArray *list = block_snapshot_list(b);
    bool found = false;

    for (guint i = 0; list && i < list->len && !found; i++) {
        *out = g_array_index(list, struct block_snapshot, i);
        found = (!id || !strcmp(out->id, id)) && (!name || !strcmp(out->name, name));
    }
    if (list)
        g_array_unref(list);
    return found;
}

static struct block_node *find_disk(struct mon_call *c, struct error **errp)
{
    struct block_node *b = mon_find_node(c, mon_str(c, "device", ""), errp);

    if (b && block_is_empty(b)) {
        error_set(errp, "drive '%s' is empty", block_id(b));
        return NULL;
    }
    return b;
}

bool mon_snapshot_create(struct mon_call *c, struct block_node **b, struct error **errp)
{
    const char *name = mon_str(c, "name", "");
    struct block_snapshot s = block_snapshot_now(name), other;

    *b = find_disk(c, errp);
    if (!*b)
        return false;
    if (!*name || strcmp(s.name, name)) {
        error_set(errp, "name: wanted 1 to %zu bytes", sizeof(s.name) - 1);
        return false;
    }
    if (find(*b, NULL, name, &other)) {
        error_set(errp, "'%s' has a snapshot '%s' already", block_id(*b), name);
        return false;
    }
    machine_pause(c->m);
    bool ok = block_snapshot_create(*b, &s, errp);
    machine_resume(c->m);
    return ok;
}

static JsonNode *run_create(struct mon_call *c, struct error **errp)
{
    struct block_node *b;

    return mon_snapshot_create(c, &b, errp) ? mon_ok() : NULL;
}

static JsonNode *run_delete(struct mon_call *c, struct error **errp)
{
    const char *id = mon_str(c, "id", NULL), *name = mon_str(c, "name", NULL);
    struct block_node *b = find_disk(c, errp);
    struct block_snapshot s;

    if (!b)
        return NULL;
    if (!id && !name) {
        error_set(errp, "wanted id or name");
        return NULL;
    }
    if (!find(b, id, name, &s)) {
        error_set(errp, "'%s' has no snapshot with %s '%s'%s%s", block_id(b), id ? "id" : "name",
                  id ? id : name, id && name ? " and name " : "", id && name ? name : "");
        return NULL;
    }
    machine_pause(c->m);
    bool ok = block_snapshot_delete(b, s.id, errp);
    machine_resume(c->m);
    return ok ? mon_object(describe(&s)) : NULL;
}

/* clang-format off */
static const struct mon_arg create_args[] = {
    {"device", MON_STR, .help = "the drive or node", .complete = mon_complete_node},
    {"name", MON_STR, .help = "of the snapshot"},
    MON_ARG_END,
};
static const struct mon_arg delete_args[] = {
    {"device", MON_STR, .help = "the drive or node", .complete = mon_complete_node},
    {"id", MON_STR, .optional = true, .help = "of the snapshot"},
    {"name", MON_STR, .optional = true, .help = "of the snapshot"},
    MON_ARG_END,
};

const struct monitor_command cmd_internal[] = {
    {.qmp = "blockdev-snapshot-internal-sync", .args = create_args, .run = run_create,
     .help = "make a snapshot inside the image of a disk"},
    {.hmp = "snapshot_blkdev_internal", .args = create_args, .run = run_create,
     .help = "make a snapshot inside the image of a disk"},
    {.qmp = "blockdev-snapshot-delete-internal-sync", .args = delete_args,
     .ret = MON_SNAPSHOT_TYPE, .run = run_delete, .help = "delete a snapshot inside the image of a disk"},
    {.hmp = "snapshot_delete_blkdev_internal", .args = delete_args, .run = run_delete,
     .help = "delete a snapshot inside the image of a disk"},
    {0},
};
/* clang-format on */
