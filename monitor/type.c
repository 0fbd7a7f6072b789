/* Types of arguments and results, written as text (monitor/command.h says how). */
#include "monitor/command_priv.h"

#include <assert.h>
#include <string.h>

static const struct {
    const char *name;
    enum mon_type_kind kind;
} builtins[] = {
    {"str", TYPE_STR}, {"int", TYPE_INT}, {"num", TYPE_NUM}, {"bool", TYPE_BOOL}, {"any", TYPE_ANY},
};

static struct mon_type *parse(const char **p);

static void skip_blanks(const char **p)
{
    while (**p == ' ' || **p == '\n')
        ++*p;
}

static bool accept(const char **p, char c)
{
    skip_blanks(p);
    if (**p != c)
        return false;
    ++*p;
    return true;
}

static void expect(const char **p, char c)
{
    bool ok = accept(p, c);

    assert(ok);
}

static char *take_ident(const char **p)
{
    skip_blanks(p);
    const char *start = *p;
    while (g_ascii_isalnum(**p) || **p == '-' || **p == '_' || **p == '.' || **p == '+')
        ++*p;
    assert(*p > start);
    return g_strndup(start, (gsize)(*p - start));
}

static void free_member(gpointer data)
{
    struct mon_member *m = data;

    g_free(m->name);
    mon_type_free(m->type);
    g_free(m);
}

static void parse_member(struct mon_type *t, const char **p)
{
    char *name = take_ident(p);

    if (!strcmp(name, "...")) {
        t->open = true;
        g_free(name);
        return;
    }
    struct mon_member *m = g_new0(struct mon_member, 1);
    m->name = name;
    m->optional = accept(p, '?');
    expect(p, ':');
    m->type = parse(p);
    g_ptr_array_add(t->members, m);
}

static void parse_object(struct mon_type *t, const char **p)
{
    t->kind = TYPE_OBJECT;
    t->members = g_ptr_array_new_with_free_func(free_member);
    if (accept(p, '}'))
        return;
    do
        parse_member(t, p);
    while (accept(p, ','));
    expect(p, '}');
}

static void parse_words(struct mon_type *t, char *take_first, const char **p)
{
    for (size_t i = 0; i < ARRAY_SIZE(builtins); i++)
        if (!strcmp(take_first, builtins[i].name)) {
            t->kind = builtins[i].kind;
            g_free(take_first);
            return;
        }
    t->kind = TYPE_ENUM;
    t->words = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(t->words, take_first);
    while (accept(p, '|'))
        g_ptr_array_add(t->words, take_ident(p));
}

static struct mon_type *parse(const char **p)
{
    struct mon_type *t = g_new0(struct mon_type, 1);

    if (accept(p, '[')) {
        t->kind = TYPE_ARRAY;
        t->elem = parse(p);
        expect(p, ']');
    } else if (accept(p, '{')) {
        parse_object(t, p);
    } else {
        parse_words(t, take_ident(p), p);
    }
    return t;
}

struct mon_type *mon_type_parse(const char *text)
{
    struct mon_type *t = parse(&text);

    skip_blanks(&text);
    assert(!*text);
    return t;
}

void mon_type_free(struct mon_type *t)
{
    if (!t)
        return;
    if (t->members)
        g_ptr_array_unref(t->members);
    if (t->words)
        g_ptr_array_unref(t->words);
    mon_type_free(t->elem);
    g_free(t);
}

static const char *kind_name(enum mon_type_kind kind)
{
    static const char *const names[] = {
        [TYPE_STR] = "a string",     [TYPE_INT] = "an integer", [TYPE_NUM] = "a number",
        [TYPE_BOOL] = "boolean",     [TYPE_ANY] = "any value",  [TYPE_ARRAY] = "an array",
        [TYPE_OBJECT] = "an object", [TYPE_ENUM] = "a string",
    };
    return names[kind];
}

static bool holds(JsonNode *node, GType type)
{
    return JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == type;
}

static bool kind_fits(enum mon_type_kind kind, JsonNode *node)
{
    switch (kind) {
    case TYPE_STR:
    case TYPE_ENUM: return holds(node, G_TYPE_STRING);
    case TYPE_INT: return holds(node, G_TYPE_INT64);
    case TYPE_NUM: return holds(node, G_TYPE_INT64) || holds(node, G_TYPE_DOUBLE);
    case TYPE_BOOL: return holds(node, G_TYPE_BOOLEAN);
    case TYPE_ANY: return true;
    case TYPE_ARRAY: return JSON_NODE_HOLDS_ARRAY(node);
    case TYPE_OBJECT: return JSON_NODE_HOLDS_OBJECT(node);
    }
    unreachable();
}

static bool check_word(const struct mon_type *t, JsonNode *node, const char *where,
                       struct error **errp)
{
    const char *word = json_node_get_string(node);
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    for (guint i = 0; i < t->words->len; i++) {
        if (!strcmp(word, g_ptr_array_index(t->words, i)))
            return true;
        g_ptr_array_add(names, g_ptr_array_index(t->words, i));
    }
    g_ptr_array_add(names, NULL);
    const char *near = nearest_name(word, (const char *const *)names->pdata);
    error_set(errp, "parameter '%s' does not accept value '%s'; ", where, word);
    if (near)
        error_append(errp, "did you mean '%s'?", near);
    else
        error_append(errp, "there is '%s'", (char *)g_ptr_array_index(names, 0));
    return false;
}

static bool check_array(const struct mon_type *t, JsonNode *node, const char *where,
                        struct error **errp)
{
    JsonArray *array = json_node_get_array(node);

    for (guint i = 0; i < json_array_get_length(array); i++) {
        g_autofree char *name = g_strdup_printf("%s[%u]", where, i);
        if (!mon_type_check(t->elem, json_array_get_element(array, i), name, errp))
            return false;
    }
    return true;
}

static char *join(const char *where, const char *name)
{
    return *where ? g_strdup_printf("%s.%s", where, name) : g_strdup(name);
}

static bool check_unknown(const struct mon_type *t, JsonObject *object, const char *where,
                          struct error **errp)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    g_autoptr(GList) given = json_object_get_members(object);

    for (guint i = 0; i < t->members->len; i++)
        g_ptr_array_add(names, ((struct mon_member *)g_ptr_array_index(t->members, i))->name);
    g_ptr_array_add(names, NULL);
    const char *const *list = (const char *const *)names->pdata;
    for (GList *l = given; l; l = l->next) {
        if (g_strv_contains(list, l->data))
            continue;
        g_autofree char *path = join(where, l->data);
        const char *near = nearest_name(l->data, list);
        error_set(errp, "parameter '%s' is unexpected", path);
        if (near)
            error_append(errp, "; did you mean '%s'?", near);
        return false;
    }
    return true;
}

static bool check_object(const struct mon_type *t, JsonNode *node, const char *where,
                         struct error **errp)
{
    JsonObject *object = json_node_get_object(node);

    for (guint i = 0; i < t->members->len; i++) {
        const struct mon_member *m = g_ptr_array_index(t->members, i);
        g_autofree char *path = join(where, m->name);
        JsonNode *value = json_object_get_member(object, m->name);
        if (!value && !m->optional) {
            error_set(errp, "parameter '%s' is missing", path);
            return false;
        }
        if (value && !mon_type_check(m->type, value, path, errp))
            return false;
    }
    return t->open || check_unknown(t, object, where, errp);
}

bool mon_type_check(const struct mon_type *t, JsonNode *node, const char *where,
                    struct error **errp)
{
    if (!kind_fits(t->kind, node)) {
        error_set(errp, "invalid parameter type for '%s', expected: %s", where, kind_name(t->kind));
        return false;
    }
    switch (t->kind) {
    case TYPE_ENUM: return check_word(t, node, where, errp);
    case TYPE_ARRAY: return check_array(t, node, where, errp);
    case TYPE_OBJECT: return check_object(t, node, where, errp);
    case TYPE_STR:
    case TYPE_INT:
    case TYPE_NUM:
    case TYPE_BOOL:
    case TYPE_ANY: break;
    }
    return true;
}

static const char *arg_type(const struct mon_arg *a)
{
    switch (a->kind) {
    case MON_STR:
    case MON_REST:
    case MON_FORMAT: return "str";
    case MON_INT:
    case MON_SIZE: return "int";
    case MON_NUM: return "num";
    case MON_BOOL:
    case MON_FLAG: return "bool";
    case MON_CHOICE:
    case MON_JSON: return a->type;
    case MON_OPTS: break;
    }
    return "...";
}

char *mon_args_type(const struct monitor_command *cmd)
{
    GString *s = g_string_new("{");

    for (const struct mon_arg *a = cmd->args; a && a->name; a++) {
        const char *sep = s->len > 1 ? ", " : "";
        if (a->kind == MON_OPTS)
            g_string_append_printf(s, "%s...", sep);
        else
            g_string_append_printf(s, "%s%s%s: %s", sep, a->name, a->optional ? "?" : "",
                                   arg_type(a));
    }
    return g_string_free(g_string_append_c(s, '}'), FALSE);
}
