/* External snapshots: commands that put a new image on top of a disk in use; transactions. */
#include "monitor/commands_priv.h"

#include "block/bitmap.h"
#include "block/block.h"
#include "block/job.h"
#include "core/machine.h"

#include <string.h>

static const char default_format[] = "qcow2";

/* The disk that "device" or "node-name" means. */
static struct block_node *find_disk(struct mon_call *c, struct error **errp)
{
    const char *name = mon_str(c, "device", mon_str(c, "node-name", NULL));

    if (name)
        return mon_find_node(c, name, errp);
    error_set(errp, "wanted device or node-name");
    return NULL;
}

/* blockdev-snapshot-sync and snapshot_blkdev: the first half. */
static bool prepare_sync(struct mon_call *c, struct block_overlay *s, struct error **errp)
{
    const char *mode = mon_str(c, "mode", "absolute-paths"), *name;

    s->b = find_disk(c, errp);
    if (!s->b)
        return false;
    s->path = mon_str(c, "snapshot-file", NULL);
    s->format = mon_str(c, "format", default_format);
    s->existing = !strcmp(mode, "existing") || mon_bool(c, "reuse", false);
    name = s->node_name = mon_str(c, "snapshot-node-name", NULL);
    if (name && block_find(name)) {
        error_set(errp, "snapshot-node-name '%s' is taken by another node or drive", name);
        return false;
    }
    return block_overlay_prepare(s, errp);
}

static bool prepare_node(struct mon_call *c, struct block_overlay *s, struct error **errp)
{
    struct block_node *top;

    s->b = mon_find_node(c, mon_str(c, "node", ""), errp);
    top = s->b ? mon_find_node(c, mon_str(c, "overlay", ""), errp) : NULL;
    return top && block_overlay_prepare_node(s, top, errp);
}

static JsonNode *run_sync(struct mon_call *c, struct error **errp)
{
    struct block_overlay s = {0};

    if (!prepare_sync(c, &s, errp))
        return NULL;
    block_overlay_commit(&s);
    return mon_ok();
}

static JsonNode *run_node(struct mon_call *c, struct error **errp)
{
    struct block_overlay s = {0};

    if (!prepare_node(c, &s, errp))
        return NULL;
    block_overlay_commit(&s);
    return mon_ok();
}

/* ---- several at once ---- */

/* One of them: a snapshot that is prepared, or a job that has been started. */
struct step {
    struct block_overlay s;
    char *job;
    struct block_node *inside; /* in which a snapshot of that name was made */
    char *name;
    struct block_bitmap *bitmap; /* that was made or changed */
    struct bitmap_saved *was;    /* what it held before; NULL: it was made */
};

struct action {
    const char *name;
    bool (*prepare)(struct mon_call *c, struct step *s, struct error **errp);
};

static bool add_sync(struct mon_call *c, struct step *s, struct error **errp)
{
    return prepare_sync(c, &s->s, errp);
}

static bool add_node(struct mon_call *c, struct step *s, struct error **errp)
{
    return prepare_node(c, &s->s, errp);
}

static bool add_backup(struct mon_call *c, bool to_node, struct step *s, struct error **errp)
{
    s->job = mon_start_backup(c, to_node, errp);
    s->s.b = s->job ? block_find(mon_str(c, "device", "")) : NULL;
    return s->job;
}

static bool add_drive_backup(struct mon_call *c, struct step *s, struct error **errp)
{
    return add_backup(c, false, s, errp);
}

static bool add_node_backup(struct mon_call *c, struct step *s, struct error **errp)
{
    return add_backup(c, true, s, errp);
}

static bool add_bitmap(struct mon_call *c, struct step *s, struct error **errp)
{
    return mon_bitmap_add(c, &s->bitmap, errp);
}

/* Find a bitmap that is about to change, and keep what it holds. */
static bool keep_bitmap(struct mon_call *c, const char *arg, struct step *s, struct error **errp)
{
    struct block_bitmap *m = mon_find_bitmap(c, arg, errp);

    if (!m || !bitmap_check_free(m, errp))
        return false;
    s->was = bitmap_save(m);
    if (s->was)
        s->bitmap = m;
    else
        error_set(errp, "there is no memory for that");
    return s->was;
}

static bool clear_bitmap(struct mon_call *c, struct step *s, struct error **errp)
{
    return keep_bitmap(c, "name", s, errp) && bitmap_clear(s->bitmap, errp);
}

static bool enable_bitmap(struct mon_call *c, struct step *s, struct error **errp)
{
    return keep_bitmap(c, "name", s, errp) && bitmap_enable(s->bitmap, true, errp);
}

static bool disable_bitmap(struct mon_call *c, struct step *s, struct error **errp)
{
    return keep_bitmap(c, "name", s, errp) && bitmap_enable(s->bitmap, false, errp);
}

static bool merge_bitmaps(struct mon_call *c, struct step *s, struct error **errp)
{
    return keep_bitmap(c, "target", s, errp) && mon_bitmap_merge(c, s->bitmap, errp);
}

static bool add_internal(struct mon_call *c, struct step *s, struct error **errp)
{
    bool ok = mon_snapshot_create(c, &s->inside, errp);

    s->name = ok ? g_strdup(mon_str(c, "name", "")) : NULL;
    return ok;
}

static bool prepare_abort(struct mon_call *c UNUSED, struct step *s UNUSED, struct error **errp)
{
    error_set(errp, "the transaction has the action 'abort'");
    return false;
}

static const struct action actions[] = {
    {"blockdev-snapshot-sync", add_sync},
    {"blockdev-snapshot", add_node},
    {"drive-backup", add_drive_backup},
    {"blockdev-backup", add_node_backup},
    {"block-dirty-bitmap-add", add_bitmap},
    {"block-dirty-bitmap-clear", clear_bitmap},
    {"block-dirty-bitmap-enable", enable_bitmap},
    {"block-dirty-bitmap-disable", disable_bitmap},
    {"block-dirty-bitmap-merge", merge_bitmaps},
    {"blockdev-snapshot-internal-sync", add_internal},
    {"abort", prepare_abort},
};

static void commit_step(struct step *s)
{
    if (s->s.top)
        block_overlay_commit(&s->s);
    bitmap_saved_free(s->was);
    g_free(s->job);
    g_free(s->name);
}

/* Steps are undone from the last to the first. */
static void abort_step(struct step *s)
{
    struct block_job *j = s->job ? job_find(s->job) : NULL;

    block_overlay_abort(&s->s);
    if (j && !job_cancel(j, true, NULL))
        j = NULL; /* it has ended already */
    if (s->was)
        bitmap_restore(s->bitmap, s->was);
    else if (s->bitmap)
        (void)!bitmap_remove(bitmap_node(s->bitmap), s->bitmap, NULL);
    if (s->name)
        (void)!block_snapshot_delete(s->inside, s->name, NULL);
    g_free(s->job);
    g_free(s->name);
}

static const struct action *find_action(const char *name, struct error **errp)
{
    const char *names[ARRAY_SIZE(actions) + 1] = {0};

    for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
        if (!strcmp(actions[i].name, name))
            return &actions[i];
        names[i] = actions[i].name;
    }
    g_autofree char *all = g_strjoinv(", ", (char **)(uintptr_t)names);
    error_set(errp, "type '%s': wanted one of %s", name, all);
    return NULL;
}

static bool check_data(struct mon_call *c, const char *name, JsonNode *data, struct error **errp)
{
    const struct monitor_command *cmd = monitor_find_qmp(name);
    JsonObject *o = data && JSON_NODE_HOLDS_OBJECT(data) ? json_node_get_object(data) : NULL;

    return !cmd || mon_args_from_json(c, cmd, o, errp);
}

static bool prepare_action(struct mon_call *c, JsonObject *o, struct step *s, struct error **errp)
{
    const char *name = json_object_get_string_member(o, "type");
    const struct action *a = find_action(name, errp);

    return a && check_data(c, name, json_object_get_member(o, "data"), errp) &&
           a->prepare(c, s, errp);
}

/* The same disk twice would put the second image on top of what is not there yet. */
static bool is_repeated(const struct step *all, guint i, struct error **errp)
{
    const struct block_overlay *own = &all[i].s;

    for (guint k = 0; k < i && own->b; k++)
        if (all[k].s.b == own->b || (own->top && all[k].s.top == own->top)) {
            error_set(errp, "disk '%s' comes twice", block_id(own->b));
            return true;
        }
    return false;
}

/* All of the actions, or none.  The guest rests meanwhile: what it writes to one disk after it
 * wrote to another is not to be in the one and missing in the other. */
static bool carry_out(struct mon_call *c, JsonArray *list, struct mon_call *calls,
                      struct step *steps, struct error **errp)
{
    guint n = json_array_get_length(list), i;
    bool ok = true;

    machine_pause(c->m);
    for (i = 0; i < n && ok; i++) {
        calls[i] = (struct mon_call){.m = c->m, .mon = c->mon, .cpu = c->cpu};
        ok = prepare_action(&calls[i], json_array_get_object_element(list, i), &steps[i], errp) &&
             !is_repeated(steps, i, errp);
        c->error_class = calls[i].error_class;
    }
    for (guint k = 0; ok && k < i; k++)
        commit_step(&steps[k]);
    for (guint k = i; !ok && k > 0; k--)
        abort_step(&steps[k - 1]);
    machine_resume(c->m);
    for (guint k = 0; k < i; k++)
        mon_args_clear(&calls[k]);
    return ok;
}

static JsonNode *run_transaction(struct mon_call *c, struct error **errp)
{
    JsonArray *list = json_node_get_array(mon_json(c, "actions"));
    guint n = json_array_get_length(list);
    struct step *steps = g_new0(struct step, n + 1);
    struct mon_call *calls = g_new0(struct mon_call, n + 1);
    bool ok = carry_out(c, list, calls, steps, errp);

    g_free(calls);
    g_free(steps);
    return ok ? mon_ok() : NULL;
}

static JsonNode *run_change_backing(struct mon_call *c, struct error **errp)
{
    struct block_node *root = mon_find_node(c, mon_str(c, "device", ""), errp), *image;

    image = root ? mon_find_node(c, mon_str(c, "image-node-name", ""), errp) : NULL;
    if (!image)
        return NULL;
    const char *path = mon_str(c, "backing-file", "");
    return block_change_backing_file(root, image, path, errp) ? mon_ok() : NULL;
}

static const struct mon_arg sync_args[] = {
    {"device", MON_STR, .optional = true, .help = "the drive", .complete = mon_complete_node},
    {"node-name", MON_STR, .optional = true, .help = "or its node"},
    {"snapshot-file", MON_STR, .help = "file of the new image"},
    {"snapshot-node-name", MON_STR, .optional = true, .help = "name of its node"},
    {"format", MON_STR, .optional = true, .help = "its format (default: qcow2)"},
    {"mode", MON_CHOICE, .optional = true, .type = "existing|absolute-paths",
     .help = "existing: the file is there and names its backing file"},
    MON_ARG_END,
};
static const struct mon_arg hmp_sync_args[] = {
    {"reuse", MON_FLAG, .optional = true, .flag = 'n', .help = "the image is there already"},
    {"device", MON_STR, .help = "the drive", .complete = mon_complete_node},
    {"snapshot-file", MON_STR, .help = "file of the new image"},
    {"format", MON_STR, .optional = true, .help = "its format (default: qcow2)"},
    MON_ARG_END,
};
static const struct mon_arg node_args[] = {
    {"node", MON_STR, .help = "the disk: a drive or node"},
    {"overlay", MON_STR, .help = "node of the new image, opened with \"backing\": null"},
    MON_ARG_END,
};
static const struct mon_arg transaction_args[] = {
    {"actions", MON_JSON, .type = "[{type: str, data: {...}}]", .help = "commands and arguments"},
    {"properties", MON_JSON, .optional = true, .type = "{completion-mode?: individual}",
     .help = "completion-mode: individual"},
    MON_ARG_END,
};
static const struct mon_arg change_backing_args[] = {
    {"device", MON_STR, .help = "the drive or node at the top"},
    {"image-node-name", MON_STR, .help = "node of the image to change"},
    {"backing-file", MON_STR, .help = "the name to write into it, empty: none"},
    MON_ARG_END,
};

/* clang-format off */
const struct monitor_command cmd_overlay[] = {
    {.qmp = "blockdev-snapshot-sync", .args = sync_args, .run = run_sync,
     .help = "make an image on top of a disk, which takes the writes from now on"},
    {.hmp = "snapshot_blkdev", .args = hmp_sync_args, .run = run_sync,
     .help = "make an image on top of a disk, which takes the writes from now on"},
    {.qmp = "blockdev-snapshot", .args = node_args, .run = run_node,
     .help = "put an open image on top of a disk"},
    {.qmp = "transaction", .args = transaction_args, .run = run_transaction,
     .help = "several snapshots, backups and changes of bitmaps at the same moment, or none"},
    {.qmp = "change-backing-file", .args = change_backing_args, .run = run_change_backing,
     .help = "write another name of the backing file into an image"},
    {0},
};
/* clang-format on */
