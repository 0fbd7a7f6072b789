/* Options written as a JSON object, flattened to the dotted keys of the plain form. */
#include "util/optparse.h"

#include <inttypes.h>
#include <json-glib/json-glib.h>

enum { MAX_DEPTH = 16 };

static bool add_node(struct opts *o, const char *key, JsonNode *node, unsigned depth,
                     struct error **errp);

static bool add_object(struct opts *o, const char *prefix, JsonObject *object, unsigned depth,
                       struct error **errp)
{
    g_autoptr(GList) names = json_object_get_members(object);

    for (GList *l = names; l; l = l->next) {
        g_autofree char *key =
            *prefix ? g_strdup_printf("%s.%s", prefix, (char *)l->data) : g_strdup(l->data);
        if (!add_node(o, key, json_object_get_member(object, l->data), depth, errp))
            return false;
    }
    return true;
}

static bool add_array(struct opts *o, const char *prefix, JsonArray *array, unsigned depth,
                      struct error **errp)
{
    for (guint i = 0; i < json_array_get_length(array); i++) {
        g_autofree char *key = g_strdup_printf("%s.%u", prefix, i);
        if (!add_node(o, key, json_array_get_element(array, i), depth, errp))
            return false;
    }
    return true;
}

static char *scalar_text(JsonNode *node)
{
    char number[G_ASCII_DTOSTR_BUF_SIZE];

    switch (json_node_get_value_type(node)) {
    case G_TYPE_BOOLEAN: return g_strdup(json_node_get_boolean(node) ? "on" : "off");
    case G_TYPE_INT64: return g_strdup_printf("%" PRId64, json_node_get_int(node));
    case G_TYPE_STRING: return json_node_dup_string(node);
    default: return g_strdup(g_ascii_dtostr(number, sizeof(number), json_node_get_double(node)));
    }
}

static bool add_node(struct opts *o, const char *key, JsonNode *node, unsigned depth,
                     struct error **errp)
{
    if (depth == MAX_DEPTH) {
        error_set(errp, "'%s': nested more than %d deep", key, MAX_DEPTH);
        return false;
    }
    if (JSON_NODE_HOLDS_OBJECT(node))
        return add_object(o, key, json_node_get_object(node), depth + 1, errp);
    if (JSON_NODE_HOLDS_ARRAY(node))
        return add_array(o, key, json_node_get_array(node), depth + 1, errp);
    if (JSON_NODE_HOLDS_NULL(node)) {
        opts_set(o, key, "");
        return true;
    }
    g_autofree char *text = scalar_text(node);
    opts_set(o, key, text);
    return true;
}

struct opts *opts_parse_json(const char *text, struct error **errp)
{
    g_autoptr(JsonParser) parser = json_parser_new_immutable();
    g_autoptr(GError) gerr = NULL;

    if (!json_parser_load_from_data(parser, text, -1, &gerr)) {
        error_set(errp, "not valid JSON: %s", gerr->message);
        return NULL;
    }
    JsonNode *root = json_parser_get_root(parser);
    if (!root || !JSON_NODE_HOLDS_OBJECT(root)) {
        error_set(errp, "wanted a JSON object: {\"key\": value, ...}");
        return NULL;
    }
    struct opts *o = g_new0(struct opts, 1);
    if (add_object(o, "", json_node_get_object(root), 0, errp))
        return o;
    opts_free(o);
    return NULL;
}
