/* The list of commands: registration, finding by name, arguments and results as functions see them.
 */
#include "monitor/command_priv.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

/* Process-wide, as the classes of devices and the character devices are. */
static GPtrArray *tables; /* const struct monitor_command * */

static gpointer untyped(const void *p)
{
    return (gpointer)(uintptr_t)p;
}

void monitor_register(const struct monitor_command *table)
{
    if (!tables)
        tables = g_ptr_array_new();
    if (g_ptr_array_find(tables, table, NULL))
        return;
    for (const struct monitor_command *c = table; c->qmp || c->hmp; c++) {
        assert(!c->qmp || !monitor_find_qmp(c->qmp)); /* two tables with one name: the first wins */
        assert(!c->hmp || !monitor_find_hmp(c->hmp));
    }
    g_ptr_array_add(tables, untyped(table));
}

void monitor_unregister_all(void)
{
    g_clear_pointer(&tables, g_ptr_array_unref);
}

void monitor_foreach(void (*fn)(const struct monitor_command *cmd, void *opaque), void *opaque)
{
    for (guint i = 0; tables && i < tables->len; i++)
        for (const struct monitor_command *c = g_ptr_array_index(tables, i); c->qmp || c->hmp; c++)
            fn(c, opaque);
}

struct search {
    const char *name;
    size_t len;
    const struct monitor_command *found;
};

static bool equals(const struct search *s, const char *name)
{
    return name && strlen(name) == s->len && !memcmp(name, s->name, s->len);
}

static void match_qmp(const struct monitor_command *cmd, void *opaque)
{
    struct search *s = opaque;

    if (!s->found && equals(s, cmd->qmp))
        s->found = cmd;
}

static void match_hmp(const struct monitor_command *cmd, void *opaque)
{
    struct search *s = opaque;

    if (!s->found && (equals(s, cmd->hmp) || equals(s, cmd->alias)))
        s->found = cmd;
}

const struct monitor_command *monitor_find_qmp(const char *name)
{
    struct search s = {name, strlen(name), NULL};

    monitor_foreach(match_qmp, &s);
    return s.found;
}

static const struct monitor_command *find_hmp(const char *name, size_t len)
{
    struct search s = {name, len, NULL};

    monitor_foreach(match_hmp, &s);
    return s.found;
}

const struct monitor_command *monitor_find_hmp(const char *name)
{
    return find_hmp(name, strlen(name));
}

/* Names of one level: commands, or what follows "info ". */
struct names {
    GPtrArray *list;
    const char *prefix;
};

static void add_name(const struct monitor_command *cmd, void *opaque)
{
    struct names *n = opaque;
    const char *name = cmd->hmp;

    if (!name || !g_str_has_prefix(name, n->prefix))
        return;
    name += strlen(n->prefix);
    if (!strchr(name, ' '))
        g_ptr_array_add(n->list, untyped(name));
}

static void set_unknown(const char *prefix, const char *word, struct error **errp)
{
    struct names n = {g_ptr_array_new(), prefix};

    monitor_foreach(add_name, &n);
    g_ptr_array_add(n.list, NULL);
    const char *near = nearest_name(word, (const char *const *)n.list->pdata);
    error_set(errp, "unknown command: '%s%s'", prefix, word);
    if (near)
        error_append(errp, "; did you mean '%s%s'?", prefix, near);
    else
        error_append(errp, "; '%s' lists what there is", *prefix ? "help info" : "help");
    g_ptr_array_unref(n.list);
}

/* A name ends at a blank or, where a format may follow, at '/'. */
static size_t name_length(const char *p)
{
    return strcspn(p, " \t/");
}

const struct monitor_command *hmp_lookup(const char *line, const char **rest, struct error **errp)
{
    const char *first = line + strspn(line, " \t"), *second;
    size_t n = name_length(first);
    const struct monitor_command *cmd = find_hmp(first, n);
    g_autofree char *word = g_strndup(first, n);
    g_autofree char *prefix = g_strconcat(word, " ", NULL);

    *rest = first + n;
    second = *rest + strspn(*rest, " \t");
    size_t n2 = name_length(second);
    if (n2) {
        g_autofree char *both = g_strdup_printf("%s%.*s", prefix, (int)n2, second);
        const struct monitor_command *sub = monitor_find_hmp(both);
        if (sub) {
            *rest = second + n2;
            return sub;
        }
    }
    bool wants_sub = n2 && !strcmp(word, "info");
    if (cmd && !wants_sub)
        return cmd;
    if (wants_sub) {
        g_autofree char *sub = g_strndup(second, n2);
        set_unknown("info ", sub, errp);
    } else {
        set_unknown("", word, errp);
    }
    return NULL;
}

bool mon_has(const struct mon_call *c, const char *name)
{
    return c->args && json_object_has_member(c->args, name);
}

const char *mon_str(const struct mon_call *c, const char *name, const char *def)
{
    return mon_has(c, name) ? json_object_get_string_member(c->args, name) : def;
}

int64_t mon_int(const struct mon_call *c, const char *name, int64_t def)
{
    return mon_has(c, name) ? json_object_get_int_member(c->args, name) : def;
}

bool mon_bool(const struct mon_call *c, const char *name, bool def)
{
    return mon_has(c, name) ? json_object_get_boolean_member(c->args, name) : def;
}

double mon_num(const struct mon_call *c, const char *name, double def)
{
    return mon_has(c, name) ? json_object_get_double_member(c->args, name) : def;
}

JsonNode *mon_json(const struct mon_call *c, const char *name)
{
    return mon_has(c, name) ? json_object_get_member(c->args, name) : NULL;
}

JsonNode *mon_object(JsonObject *take_object)
{
    JsonNode *node = json_node_new(JSON_NODE_OBJECT);

    json_node_take_object(node, take_object);
    return node;
}

JsonNode *mon_ok(void)
{
    return mon_object(json_object_new());
}

JsonNode *mon_array(JsonArray *take_array)
{
    JsonNode *node = json_node_new(JSON_NODE_ARRAY);

    json_node_take_array(node, take_array);
    return node;
}

JsonNode *mon_string(const char *text)
{
    JsonNode *node = json_node_new(JSON_NODE_VALUE);

    json_node_set_string(node, text);
    return node;
}

JsonNode *mon_fail(struct mon_call *c, const char *error_class, struct error **errp,
                   const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    error_set(errp, "%s", text);
    c->error_class = error_class;
    return NULL;
}
