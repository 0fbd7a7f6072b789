/* JSON as text: written as QMP clients know it, and read within bounds. */
#include "monitor/command_priv.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { INDENT = 4, MAX_DIGITS = 20 };

static void write_node(JsonNode *node, bool pretty, unsigned depth, GString *out);

static void write_string(const char *text, GString *out)
{
    g_string_append_c(out, '"');
    for (const char *p = text; *p; p++) {
        unsigned char ch = (unsigned char)*p;
        switch (ch) {
        case '"': g_string_append(out, "\\\""); break;
        case '\\': g_string_append(out, "\\\\"); break;
        case '\n': g_string_append(out, "\\n"); break;
        case '\r': g_string_append(out, "\\r"); break;
        case '\t': g_string_append(out, "\\t"); break;
        default:
            if (ch < 0x20 || ch == 0x7f)
                g_string_append_printf(out, "\\u%04x", ch);
            else
                g_string_append_c(out, (char)ch);
        }
    }
    g_string_append_c(out, '"');
}

static void write_value(JsonNode *node, GString *out)
{
    char number[G_ASCII_DTOSTR_BUF_SIZE];
    double d;

    switch (json_node_get_value_type(node)) {
    case G_TYPE_BOOLEAN:
        g_string_append(out, json_node_get_boolean(node) ? "true" : "false");
        break;
    case G_TYPE_INT64: g_string_append_printf(out, "%" PRId64, json_node_get_int(node)); break;
    case G_TYPE_STRING: {
        g_autofree char *valid = g_utf8_make_valid(json_node_get_string(node), -1);
        write_string(valid, out);
        break;
    }
    default:
        d = json_node_get_double(node);
        g_string_append(out, isfinite(d) ? g_ascii_dtostr(number, sizeof(number), d) : "0");
    }
}

static void new_line(bool pretty, unsigned depth, GString *out)
{
    if (pretty)
        g_string_append_printf(out, "\n%*s", (int)(depth * INDENT), "");
}

static void separate(bool first, bool pretty, unsigned depth, GString *out)
{
    if (!first)
        g_string_append(out, pretty ? "," : ", ");
    new_line(pretty, depth, out);
}

static void write_object(JsonObject *object, bool pretty, unsigned depth, GString *out)
{
    g_autoptr(GList) names = json_object_get_members(object);

    g_string_append_c(out, '{');
    for (GList *l = names; l; l = l->next) {
        separate(l == names, pretty, depth + 1, out);
        write_string(l->data, out);
        g_string_append(out, ": ");
        write_node(json_object_get_member(object, l->data), pretty, depth + 1, out);
    }
    if (names)
        new_line(pretty, depth, out);
    g_string_append_c(out, '}');
}

static void write_array(JsonArray *array, bool pretty, unsigned depth, GString *out)
{
    guint n = json_array_get_length(array);

    g_string_append_c(out, '[');
    for (guint i = 0; i < n; i++) {
        separate(i == 0, pretty, depth + 1, out);
        write_node(json_array_get_element(array, i), pretty, depth + 1, out);
    }
    if (n)
        new_line(pretty, depth, out);
    g_string_append_c(out, ']');
}

static void write_node(JsonNode *node, bool pretty, unsigned depth, GString *out)
{
    if (JSON_NODE_HOLDS_OBJECT(node))
        write_object(json_node_get_object(node), pretty, depth, out);
    else if (JSON_NODE_HOLDS_ARRAY(node))
        write_array(json_node_get_array(node), pretty, depth, out);
    else if (JSON_NODE_HOLDS_VALUE(node))
        write_value(node, out);
    else
        g_string_append(out, "null");
}

void json_write(JsonNode *node, bool pretty, GString *out)
{
    write_node(node, pretty, 0, out);
}

/* What the parser would recurse on, or wrap silently: too deep, or numbers that do not fit; and
 * comments, which it skips and in which quotes mean nothing. */
static bool is_bounded(const char *text, size_t len, struct error **errp)
{
    unsigned depth = 0, digits = 0;
    char quote = 0;

    for (size_t i = 0; i < len; i++) {
        char ch = text[i];
        if (quote) {
            i += ch == '\\';
            quote = ch == quote ? 0 : quote;
            continue;
        }
        digits = g_ascii_isdigit(ch) ? digits + 1 : 0;
        depth += ch == '{' || ch == '[';
        depth -= (ch == '}' || ch == ']') && depth;
        if (ch == '"' || ch == '\'')
            quote = ch;
        const char *why = digits > MAX_DIGITS      ? "a number is too long"
                          : depth > JSON_MAX_DEPTH ? "nested too deep"
                          : ch == '/' || ch == '#' ? "no comments here"
                                                   : NULL;
        if (why) {
            error_set(errp, "JSON parse error: %s", why);
            return false;
        }
    }
    return true;
}

JsonNode *json_read(const char *text, size_t len, struct error **errp)
{
    g_autoptr(JsonParser) parser = json_parser_new();
    g_autoptr(GError) gerr = NULL;

    if (!is_bounded(text, len, errp))
        return NULL;
    if (memchr(text, 0, len) || !g_utf8_validate(text, (gssize)len, NULL)) {
        error_set(errp, "JSON parse error: not UTF-8");
        return NULL;
    }
    if (!json_parser_load_from_data(parser, text, (gssize)len, &gerr)) {
        error_set(errp, "JSON parse error: %s", gerr->message);
        return NULL;
    }
    JsonNode *node = json_parser_steal_root(parser);
    if (node)
        return node;
    error_set(errp, "JSON parse error: no value");
    return NULL;
}
