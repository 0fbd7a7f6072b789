/* Options of one node among those of a whole graph. */
#include "block/block_priv.h"

#include <glib.h>
#include <string.h>

const char *node_opt(struct node_opts n, const char *key, const char *def)
{
    g_autofree char *full = g_strconcat(n.prefix, key, NULL);

    return n.o ? opts_get(n.o, full, def) : def;
}

bool node_opt_bool(struct node_opts n, const char *key, bool def, bool *out, struct error **errp)
{
    const char *text = node_opt(n, key, NULL);

    *out = def;
    if (!text || parse_bool(text, out, errp))
        return true;
    error_prefix(errp, "%s%s", n.prefix, key);
    return false;
}

bool node_opt_uint(struct node_opts n, const char *key, uint64_t max, uint64_t def, uint64_t *out,
                   struct error **errp)
{
    const char *text = node_opt(n, key, NULL);

    *out = def;
    if (!text || parse_uint(text, max, out, errp))
        return true;
    error_prefix(errp, "%s%s", n.prefix, key);
    return false;
}

bool node_opt_size(struct node_opts n, const char *key, uint64_t def, uint64_t *out,
                   struct error **errp)
{
    const char *text = node_opt(n, key, NULL);

    *out = def;
    if (!text || parse_size(text, 1, out, errp))
        return true;
    error_prefix(errp, "%s%s", n.prefix, key);
    return false;
}

int node_opt_choice(struct node_opts n, const char *key, const char *const *choices,
                    struct error **errp)
{
    const char *value = node_opt(n, key, choices[0]);

    for (int i = 0; choices[i]; i++)
        if (!strcmp(choices[i], value))
            return i;
    const char *near = nearest_name(value, choices);
    g_autofree char *all = g_strjoinv(", ", (char **)(uintptr_t)choices);
    error_set(errp, "%s%s=%s: wanted one of %s", n.prefix, key, value, all);
    if (near)
        error_append(errp, "; did you mean '%s'?", near);
    return -1;
}

bool node_opt_has_group(struct node_opts n, const char *key)
{
    g_autofree char *group = g_strconcat(n.prefix, key, ".", NULL);

    for (size_t i = 0; n.o && i < n.o->n; i++)
        if (g_str_has_prefix(n.o->pair[i].key, group))
            return true;
    return false;
}
