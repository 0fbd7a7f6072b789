/* Arguments of one command: an HMP line's words, or the members of a QMP object, checked against
 * the command's table. */
#include "monitor/command_priv.h"
#include "util/optparse.h"

#include <inttypes.h>
#include <string.h>

static const char *skip_blanks(const char *p)
{
    return p + strspn(p, " \t");
}

/* What a backslash makes of the character behind it inside quotes. */
static char unescape(char c)
{
    switch (c) {
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return c;
    }
}

static bool take_quoted(const char **p, GString *word, struct error **errp)
{
    for (const char *q = *p + 1; *q; q++) {
        if (*q == '"') {
            *p = q + 1;
            return true;
        }
        if (*q == '\\' && q[1])
            g_string_append_c(word, unescape(*++q));
        else
            g_string_append_c(word, *q);
    }
    error_set(errp, "a quote is not closed: %s", *p);
    return false;
}

char *mon_take_word(const char **p, struct error **errp)
{
    GString *word = g_string_new(NULL);

    *p = skip_blanks(*p);
    while (**p && **p != ' ' && **p != '\t') {
        if (**p == '"' && !word->len) {
            if (take_quoted(p, word, errp))
                return g_string_free(word, FALSE);
            g_string_free(word, TRUE);
            return NULL;
        }
        g_string_append_c(word, *(*p)++);
    }
    return g_string_free(word, FALSE);
}

static const struct mon_arg *opts_row(const struct monitor_command *cmd)
{
    for (const struct mon_arg *a = cmd->args; a && a->name; a++)
        if (a->kind == MON_OPTS)
            return a;
    return NULL;
}

/* Whether it is a value behind a letter: -x VALUE. */
static bool is_lettered(const struct mon_arg *a)
{
    return a->flag && a->kind != MON_FLAG;
}

static const struct mon_arg *flag_row(const struct monitor_command *cmd, char letter,
                                      bool with_value)
{
    for (const struct mon_arg *a = cmd->args; a && a->name; a++)
        if (a->flag == letter && is_lettered(a) == with_value)
            return a;
    return NULL;
}

/* The value behind "-x"; false and *errp when there is none. */
static bool take_lettered(struct mon_call *c, const struct mon_arg *a, const char **p,
                          struct error **errp)
{
    g_autofree char *word = mon_take_word(p, errp);

    if (word && !*word)
        error_set(errp, "-%c: %s is missing", a->flag, a->name);
    if (!word || !*word)
        return false;
    json_object_set_string_member(c->args, a->name, word);
    return true;
}

/* "-x" and "-xy", as far as they are flags of this command, and "-x VALUE"; "-1" is a number. */
static bool take_flags(struct mon_call *c, const struct monitor_command *cmd, const char **p,
                       struct error **errp)
{
    for (;;) {
        const char *q = skip_blanks(*p);
        size_t n = strcspn(q, " \t");
        if (n < 2 || *q != '-')
            return true;
        const struct mon_arg *valued = n == 2 ? flag_row(cmd, q[1], true) : NULL;
        for (size_t i = 1; i < n && !valued; i++)
            if (!flag_row(cmd, q[i], false))
                return true;
        for (size_t i = 1; i < n && !valued; i++)
            json_object_set_boolean_member(c->args, flag_row(cmd, q[i], false)->name, true);
        *p = q + n;
        if (valued && !take_lettered(c, valued, p, errp))
            return false;
    }
}

static bool take_size(struct mon_call *c, const struct mon_arg *a, const char *word,
                      struct error **errp)
{
    uint64_t size;

    if (!parse_size(word, 1 << 20, &size, errp))
        return false;
    json_object_set_int_member(c->args, a->name, (int64_t)size);
    return true;
}

static bool take_bool(struct mon_call *c, const struct mon_arg *a, const char *word,
                      struct error **errp)
{
    bool value;

    if (!parse_bool(word, &value, errp))
        return false;
    json_object_set_boolean_member(c->args, a->name, value);
    return true;
}

static bool take_num(struct mon_call *c, const struct mon_arg *a, const char *word,
                     struct error **errp)
{
    char *end;
    double value = g_ascii_strtod(word, &end);

    if (end == word || *end) {
        error_set(errp, "wanted a number, found '%s'", word);
        return false;
    }
    json_object_set_double_member(c->args, a->name, value);
    return true;
}

static bool take_int(struct mon_call *c, const struct mon_arg *a, const char **p,
                     struct error **errp)
{
    int64_t value;

    if (!mon_eval(c, p, &value, errp))
        return false;
    json_object_set_int_member(c->args, a->name, value);
    return true;
}

static bool take_text(struct mon_call *c, const struct mon_arg *a, const char *word,
                      struct error **errp)
{
    switch (a->kind) {
    case MON_SIZE: return take_size(c, a, word, errp);
    case MON_BOOL: return take_bool(c, a, word, errp);
    case MON_NUM: return take_num(c, a, word, errp);
    default: json_object_set_string_member(c->args, a->name, word); return true;
    }
}

static void take_rest(struct mon_call *c, const struct mon_arg *a, const char **p)
{
    const char *text = skip_blanks(*p);
    JsonNode *node = a->kind == MON_JSON ? json_read(text, strlen(text), NULL) : NULL;

    json_object_set_member(c->args, a->name, node ? node : mon_string(text));
    *p = text + strlen(text);
}

static void take_format(struct mon_call *c, const struct mon_arg *a, const char **p)
{
    const char *q = skip_blanks(*p);
    size_t n = strcspn(q, " \t");

    if (*q != '/')
        return;
    g_autofree char *fmt = g_strndup(q + 1, n - 1);
    json_object_set_string_member(c->args, a->name, fmt);
    *p = q + n;
}

static bool take_arg(struct mon_call *c, const struct mon_arg *a, const char **p,
                     struct error **errp)
{
    if (a->kind == MON_FORMAT)
        take_format(c, a, p);
    if (a->kind == MON_FLAG || a->kind == MON_FORMAT || is_lettered(a))
        return true;
    if (!*skip_blanks(*p)) {
        if (!a->optional)
            error_set(errp, "%s is missing", a->name);
        return a->optional;
    }
    if (a->kind == MON_REST || a->kind == MON_JSON) {
        take_rest(c, a, p);
        return true;
    }
    if (a->kind == MON_INT) {
        *p = skip_blanks(*p);
        return take_int(c, a, p, errp);
    }
    g_autofree char *word = mon_take_word(p, errp);
    return word && take_text(c, a, word, errp);
}

/* One text for all of it; rows that are named show up as ordinary arguments, too. */
static bool take_opts(struct mon_call *c, const struct monitor_command *cmd, const char *rest,
                      struct error **errp)
{
    const char *text = skip_blanks(rest);

    c->opts = opts_parse_any(text, cmd->args[0].name, errp);
    if (!c->opts)
        return false;
    for (const struct mon_arg *a = cmd->args; a->name; a++) {
        const char *value = opts_get(c->opts, a->name, NULL);
        if (a->kind == MON_STR && value)
            json_object_set_string_member(c->args, a->name, value);
        else if (a->kind == MON_STR && !a->optional) {
            error_set(errp, "%s is missing", a->name);
            return false;
        }
    }
    return true;
}

static bool check(struct mon_call *c, const struct monitor_command *cmd, struct error **errp)
{
    g_autofree char *text = mon_args_type(cmd);
    struct mon_type *type = mon_type_parse(text);
    g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), c->args);
    bool ok = mon_type_check(type, node, "", errp);

    mon_type_free(type);
    return ok;
}

bool mon_args_from_line(struct mon_call *c, const struct monitor_command *cmd, const char *rest,
                        struct error **errp)
{
    const char *p = rest;

    c->args = json_object_new();
    if (opts_row(cmd))
        return take_opts(c, cmd, rest, errp);
    if (!take_flags(c, cmd, &p, errp))
        return false;
    for (const struct mon_arg *a = cmd->args; a && a->name; a++)
        if (!take_arg(c, a, &p, errp) || !take_flags(c, cmd, &p, errp))
            return false;
    p = skip_blanks(p);
    if (*p) {
        error_set(errp, "what is '%s' for?", p);
        return false;
    }
    return check(c, cmd, errp);
}

bool mon_args_from_json(struct mon_call *c, const struct monitor_command *cmd, JsonObject *object,
                        struct error **errp)
{
    c->args = object ? json_object_ref(object) : json_object_new();
    if (!check(c, cmd, errp))
        return false;
    if (!opts_row(cmd))
        return true;
    g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), c->args);
    g_autoptr(GString) text = g_string_new(NULL);
    json_write(node, false, text);
    c->opts = opts_parse_json(text->str, errp);
    return c->opts;
}

void mon_args_clear(struct mon_call *c)
{
    if (c->args)
        json_object_unref(c->args);
    opts_free(c->opts);
    c->args = NULL;
    c->opts = NULL;
}
