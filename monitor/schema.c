/* query-qmp-schema: every command and event with its types, made from the tables. */
#include "monitor/commands_priv.h"

#include <string.h>

struct schema {
    JsonArray *list;
    GHashTable *names; /* key of a type -> its name */
    unsigned next;
};

static const char *name_of(struct schema *s, const struct mon_type *t);

static const struct {
    const char *name, *json;
    enum mon_type_kind kind;
} builtins[] = {
    {"str", "string", TYPE_STR},    {"int", "int", TYPE_INT},   {"number", "number", TYPE_NUM},
    {"bool", "boolean", TYPE_BOOL}, {"any", "value", TYPE_ANY},
};

static JsonObject *add_entry(struct schema *s, const char *name, const char *meta)
{
    JsonObject *o = json_object_new();

    json_object_set_string_member(o, "name", name);
    json_object_set_string_member(o, "meta-type", meta);
    json_array_add_object_element(s->list, o);
    return o;
}

static void add_builtins(struct schema *s)
{
    for (size_t i = 0; i < ARRAY_SIZE(builtins); i++)
        json_object_set_string_member(add_entry(s, builtins[i].name, "builtin"), "json-type",
                                      builtins[i].json);
}

/* Two types are one when they are written alike. */
static void write_key(const struct mon_type *t, GString *key)
{
    g_string_append_printf(key, "%d%s", t->kind, t->open ? "+" : "");
    for (guint i = 0; t->words && i < t->words->len; i++)
        g_string_append_printf(key, "|%s", (char *)g_ptr_array_index(t->words, i));
    for (guint i = 0; t->members && i < t->members->len; i++) {
        const struct mon_member *m = g_ptr_array_index(t->members, i);
        g_string_append_printf(key, "{%s%s", m->name, m->optional ? "?" : ":");
        write_key(m->type, key);
    }
    if (t->elem)
        write_key(t->elem, key);
    g_string_append_c(key, ';');
}

static void fill_enum(const struct mon_type *t, JsonObject *entry)
{
    JsonArray *members = json_array_new(), *values = json_array_new();

    for (guint i = 0; i < t->words->len; i++) {
        const char *word = g_ptr_array_index(t->words, i);
        JsonObject *m = json_object_new();
        json_object_set_string_member(m, "name", word);
        json_array_add_object_element(members, m);
        json_array_add_string_element(values, word);
    }
    json_object_set_array_member(entry, "members", members);
    json_object_set_array_member(entry, "values", values);
}

static void fill_object(struct schema *s, const struct mon_type *t, JsonObject *entry)
{
    JsonArray *members = json_array_new();

    for (guint i = 0; i < t->members->len; i++) {
        const struct mon_member *m = g_ptr_array_index(t->members, i);
        JsonObject *o = json_object_new();
        json_object_set_string_member(o, "name", m->name);
        if (m->optional)
            json_object_set_null_member(o, "default");
        json_object_set_string_member(o, "type", name_of(s, m->type));
        json_array_add_object_element(members, o);
    }
    json_object_set_array_member(entry, "members", members);
}

static void add_type(struct schema *s, const struct mon_type *t, const char *name)
{
    if (t->kind == TYPE_ARRAY) {
        const char *elem = name_of(s, t->elem);
        json_object_set_string_member(add_entry(s, name, "array"), "element-type", elem);
    } else if (t->kind == TYPE_ENUM) {
        fill_enum(t, add_entry(s, name, "enum"));
    } else {
        JsonObject *entry = add_entry(s, name, "object");
        fill_object(s, t, entry);
    }
}

static const char *name_of(struct schema *s, const struct mon_type *t)
{
    g_autoptr(GString) key = g_string_new(NULL);

    for (size_t i = 0; i < ARRAY_SIZE(builtins); i++)
        if (builtins[i].kind == t->kind)
            return builtins[i].name;
    write_key(t, key);
    const char *known = g_hash_table_lookup(s->names, key->str);
    if (known)
        return known;
    char *name = t->kind == TYPE_ARRAY ? g_strdup_printf("[%s]", name_of(s, t->elem))
                                       : g_strdup_printf("%u", s->next++);
    g_hash_table_insert(s->names, g_strdup(key->str), name);
    add_type(s, t, name);
    return name;
}

static const char *name_of_text(struct schema *s, const char *text)
{
    struct mon_type *t = mon_type_parse(text);
    const char *name = name_of(s, t);

    mon_type_free(t);
    return name;
}

static void add_features(JsonObject *entry, const char *words)
{
    g_auto(GStrv) list = g_strsplit(words, " ", -1);
    JsonArray *features = json_array_new();

    for (char **w = list; *w; w++)
        json_array_add_string_element(features, *w);
    json_object_set_array_member(entry, "features", features);
}

static void add_command(const struct monitor_command *cmd, void *opaque)
{
    struct schema *s = opaque;

    if (!cmd->qmp)
        return;
    g_autofree char *args = mon_args_type(cmd);
    const char *arg_type = name_of_text(s, args);
    const char *ret_type = name_of_text(s, cmd->ret ? cmd->ret : "{}");
    JsonObject *o = add_entry(s, cmd->qmp, "command");
    json_object_set_string_member(o, "arg-type", arg_type);
    json_object_set_string_member(o, "ret-type", ret_type);
    if (cmd->oob)
        json_object_set_boolean_member(o, "allow-oob", true);
    if (cmd->features)
        add_features(o, cmd->features);
}

static void add_events(struct schema *s)
{
    const char *name, *type;

    for (unsigned n = 0; (name = events_nth(n, &type)); n++) {
        const char *arg_type = name_of_text(s, type);
        json_object_set_string_member(add_entry(s, name, "event"), "arg-type", arg_type);
    }
}

static void add_event(JsonArray *list, const char *name)
{
    JsonObject *o = json_object_new();

    json_object_set_string_member(o, "name", name);
    json_array_add_object_element(list, o);
}

static JsonNode *run_events(struct mon_call *c UNUSED, struct error **errp UNUSED)
{
    JsonArray *list = json_array_new();
    const char *name, *type;

    for (unsigned n = 0; (name = events_nth(n, &type)); n++)
        add_event(list, name);
    return mon_array(list);
}

static JsonNode *run_schema(struct mon_call *c UNUSED, struct error **errp UNUSED)
{
    struct schema s = {json_array_new(),
                       g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free), 0};

    add_builtins(&s);
    monitor_foreach(add_command, &s);
    add_events(&s);
    g_hash_table_unref(s.names);
    return mon_array(s.list);
}

#define SCHEMA_TYPE                                                                                \
    "[{name: str, meta-type: builtin|enum|array|object|alternate|command|event, ...}]"

/* clang-format off */
const struct monitor_command cmd_schema[] = {
    {.qmp = "query-qmp-schema", .ret = SCHEMA_TYPE, .run = run_schema,
     .help = "all commands and events with their types"},
    {.qmp = "query-events", .ret = "[{name: str}]", .run = run_events,
     .help = "names of all events"},
    {0},
};
/* clang-format on */
