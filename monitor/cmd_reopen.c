/* blockdev-reopen: other options for nodes in use, for all of them or none. */
#include "monitor/commands_priv.h"

#include "block/block.h"

#include <string.h>

struct change {
    struct block_node *b;
    struct block_reopen was, now;
};

static bool wrong(const char *key, const char *why, struct error **errp)
{
    error_set(errp, "%s: %s", key, why);
    return false;
}

static bool get_bool(const char *key, JsonNode *n, bool *out, struct error **errp)
{
    if (!JSON_NODE_HOLDS_VALUE(n) || json_node_get_value_type(n) != G_TYPE_BOOLEAN)
        return wrong(key, "wanted true or false", errp);
    *out = json_node_get_boolean(n);
    return true;
}

static const char *text_of(JsonNode *n)
{
    return JSON_NODE_HOLDS_VALUE(n) && json_node_get_value_type(n) == G_TYPE_STRING
               ? json_node_get_string(n)
               : NULL;
}

/* What must stay as it is. */
static bool same(const char *key, JsonNode *n, const char *is, struct error **errp)
{
    if (!g_strcmp0(text_of(n), is))
        return true;
    error_set(errp, "%s cannot be changed: it is '%s'", key, is ? is : "");
    return false;
}

static bool take_backing(struct mon_call *c, JsonNode *n, struct block_reopen *r,
                         struct error **errp)
{
    r->backing = NULL;
    if (JSON_NODE_HOLDS_NULL(n))
        return true;
    if (!text_of(n))
        return wrong("backing", "wanted the name of a node, or null", errp);
    r->backing = mon_find_node(c, text_of(n), errp);
    return r->backing;
}

static bool take_word(const char *key, JsonNode *n, const char *const *words, int *out,
                      struct error **errp)
{
    for (*out = 0; words[*out]; ++*out)
        if (!g_strcmp0(words[*out], text_of(n)))
            return true;
    g_autofree char *all = g_strjoinv(", ", (char **)(uintptr_t)words);
    error_set(errp, "%s: wanted one of %s", key, all);
    return false;
}

static bool take_cache(JsonNode *n, struct change *x, struct error **errp)
{
    bool direct = false;

    if (!JSON_NODE_HOLDS_OBJECT(n))
        return wrong("cache", "wanted an object", errp);
    JsonObject *o = json_node_get_object(n);
    JsonNode *d = json_object_get_member(o, "direct"), *f = json_object_get_member(o, "no-flush");
    if ((d && !get_bool("cache.direct", d, &direct, errp)) ||
        (f && !get_bool("cache.no-flush", f, &x->now.no_flush, errp)))
        return false;
    if (direct == !!(block_get_flags(x->b) & BLOCK_DIRECT))
        return true;
    return wrong("cache.direct", "it cannot be changed", errp);
}

static bool take(struct mon_call *c, const char *key, JsonNode *n, struct change *x,
                 struct error **errp)
{
    static const char *const discards[] = {"ignore", "unmap", NULL}, *const zeroes[] = {"off", "on",
                                                                                        "unmap",
                                                                                        NULL};
    struct block_node *file = block_file(x->b);
    int word = 0;

    if (!strcmp(key, "node-name"))
        return true;
    if (!strcmp(key, "driver"))
        return same(key, n, block_driver_name(x->b), errp);
    if (!strcmp(key, "file"))
        return same(key, n, file ? block_node_name(file) : NULL, errp);
    if (!strcmp(key, "filename"))
        return same(key, n, block_path(x->b), errp);
    if (!strcmp(key, "read-only"))
        return get_bool(key, n, &x->now.read_only, errp);
    if (!strcmp(key, "backing"))
        return take_backing(c, n, &x->now, errp);
    if (!strcmp(key, "cache"))
        return take_cache(n, x, errp);
    if (!strcmp(key, "discard") || !strcmp(key, "detect-zeroes")) {
        bool is_discard = *key == 'd' && key[1] == 'i';
        if (!take_word(key, n, is_discard ? discards : zeroes, &word, errp))
            return false;
        if (is_discard)
            x->now.unmap = word;
        else
            x->now.detect_zeroes = (enum block_zeroes)word;
        return true;
    }
    return wrong(key, "it cannot be changed, leave it out", errp);
}

/* What is left out goes back to its default, but for the backing file, which must be there. */
static bool prepare(struct mon_call *c, JsonObject *o, struct change *x, struct error **errp)
{
    JsonObjectIter it;
    const char *key;
    JsonNode *n, *name = json_object_get_member(o, "node-name");

    x->b = mon_find_node(c, name && text_of(name) ? text_of(name) : "", errp);
    if (!x->b)
        return false;
    x->was = block_reopen_now(x->b);
    x->now = (struct block_reopen){.backing = x->was.backing};
    if (x->was.backing && !json_object_has_member(o, "backing"))
        return wrong("backing", "wanted, for the node has one: a node's name, or null", errp);
    json_object_iter_init(&it, o);
    while (json_object_iter_next(&it, &key, &n))
        if (!take(c, key, n, x, errp))
            return false;
    return block_reopen_check(x->b, &x->now, errp);
}

static bool apply(struct change *x, guint n, struct error **errp)
{
    for (guint i = 0; i < n; i++) {
        if (block_reopen(x[i].b, &x[i].now, errp))
            continue;
        while (i-- > 0)
            (void)!block_reopen(x[i].b, &x[i].was, NULL);
        return false;
    }
    return true;
}

static JsonNode *run_reopen(struct mon_call *c, struct error **errp)
{
    JsonArray *list = json_node_get_array(mon_json(c, "options"));
    guint n = json_array_get_length(list), i = 0;
    g_autofree struct change *x = g_new0(struct change, n + 1);

    for (; i < n; i++) {
        JsonNode *one = json_array_get_element(list, i);
        if (!JSON_NODE_HOLDS_OBJECT(one)) {
            error_set(errp, "options: wanted objects");
            return NULL;
        }
        if (!prepare(c, json_node_get_object(one), &x[i], errp))
            return NULL;
    }
    return apply(x, n, errp) ? mon_ok() : NULL;
}

static const struct mon_arg reopen_args[] = {
    {"options", MON_JSON, .type = "[any]", .help = "of each node, as for blockdev-add"},
    MON_ARG_END,
};

const struct monitor_command cmd_reopen[] = {
    {.qmp = "blockdev-reopen",
     .args = reopen_args,
     .run = run_reopen,
     .help = "change what nodes are open with: read-only, backing, discard, detect-zeroes, cache"},
    {0},
};
