/* blockdev-create: new images, as jobs.  Ref: QMP's job life cycle, docs/monitor.md. */
#include "monitor/commands_priv.h"

#include "block/block.h"
#include "block/job.h"
#include "util/optparse.h"

#include <json-glib/json-glib.h>
#include <string.h>

struct create {
    char *driver, *place; /* a file's name, or the node that an image is made in */
    struct opts *o;
};

static void free_create(void *opaque)
{
    struct create *k = opaque;

    g_free(k->driver);
    g_free(k->place);
    opts_free(k->o);
    g_free(k);
}

static bool do_create(void *opaque, struct error **errp)
{
    const struct create *k = opaque;

    if (!strcmp(k->driver, "file"))
        return block_create("raw", k->place, k->o, errp);
    struct block_node *b = block_find(k->place);
    if (!b)
        error_set(errp, "there is no node '%s' any more", k->place);
    return b && block_format(k->driver, b, k->o, errp);
}

/* Options of the block layer, of those of the command; the names that differ are few. */
static struct opts *translate(JsonObject *from, struct error **errp)
{
    const char *version = json_object_get_string_member_with_default(from, "version", NULL);
    JsonNode *node = json_node_new(JSON_NODE_OBJECT);
    JsonObject *to = json_object_new();
    g_autoptr(GList) names = json_object_get_members(from);

    for (const GList *l = names; l; l = l->next)
        if (strcmp(l->data, "driver") && strcmp(l->data, "file") && strcmp(l->data, "filename") &&
            strcmp(l->data, "version"))
            json_object_set_member(to, l->data, json_object_dup_member(from, l->data));
    if (version)
        json_object_set_string_member(to, "compat", version);
    json_node_take_object(node, to);
    g_autofree char *text = json_to_string(node, FALSE);
    json_node_unref(node);
    return opts_parse_json(text, errp);
}

static const char *text_member(JsonObject *o, const char *name)
{
    JsonNode *n = json_object_get_member(o, name);

    return n && json_node_get_value_type(n) == G_TYPE_STRING ? json_node_get_string(n) : NULL;
}

static bool check_options(JsonObject *o, const char *driver, const char *place, struct error **errp)
{
    if (!place)
        error_set(errp, !strcmp(driver, "file") ? "wanted filename"
                                                : "file: wanted the node-name of an open node");
    else if (json_object_has_member(o, "encrypt") || json_object_has_member(o, "data-file"))
        error_set(errp, "encrypt and data-file are not supported here");
    else
        return true;
    return false;
}

static JsonNode *run_create(struct mon_call *c, struct error **errp)
{
    JsonObject *o = json_node_get_object(mon_json(c, "options"));
    const char *driver = json_object_get_string_member(o, "driver"); /* one of these */
    bool is_file = !strcmp(driver, "file");
    const char *place = text_member(o, is_file ? "filename" : "file");

    if (!check_options(o, driver, place, errp))
        return NULL;
    if (!is_file && !mon_find_node(c, place, errp))
        return NULL;
    struct opts *opts = translate(o, errp);
    if (!opts)
        return NULL;
    struct create *k = g_new0(struct create, 1);
    *k = (struct create){g_strdup(driver), g_strdup(place), opts};
    return job_start_task(mon_str(c, "job-id", ""), "create", do_create, k, free_create, errp)
               ? mon_ok()
               : NULL;
}

/* clang-format off */
static const struct mon_arg create_args[] = {
    {"job-id", MON_STR, .help = "name of the job"},
    {"options", MON_JSON, .type = "{driver: file|raw|qcow2, size: int, ...}",
     .help = "filename of a file, or the node that an image is made in, and what its format takes"},
    MON_ARG_END,
};

const struct monitor_command cmd_create[] = {
    {.qmp = "blockdev-create", .args = create_args, .run = run_create,
     .help = "make an image, as a job"},
    {0},
};
/* clang-format on */
