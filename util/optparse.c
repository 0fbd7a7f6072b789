/* The option syntax "first,key=value,flag,noflag" and the values in it. */
#include "util/optparse.h"

#include <errno.h>
#include <glib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool is_help_word(const char *word)
{
    return !strcmp(word, "help") || !strcmp(word, "?");
}

/* Copy up to the next single comma, undoubling ",,"; *p moves past the comma. */
static char *next_item(const char **p)
{
    GString *item = g_string_new(NULL);

    while (**p) {
        if (**p == ',') {
            if ((*p)[1] != ',') {
                (*p)++;
                break;
            }
            (*p)++;
        }
        g_string_append_c(item, *(*p)++);
    }
    return g_string_free(item, FALSE);
}

static struct opt_pair make_pair(char *take_item, const char *implied_key)
{
    char *eq = strchr(take_item, '=');
    struct opt_pair pair = {.bare = !eq};

    if (eq) {
        pair.key = g_strndup(take_item, eq - take_item);
        pair.value = g_strdup(eq + 1);
    } else if (implied_key && !is_help_word(take_item)) {
        pair.key = g_strdup(implied_key);
        pair.value = g_strdup(take_item);
        pair.bare = false;
    } else {
        bool off = g_str_has_prefix(take_item, "no") && take_item[2];
        pair.key = g_strdup(off ? take_item + 2 : take_item);
        pair.value = g_strdup(off ? "off" : "on");
    }
    g_free(take_item);
    return pair;
}

struct opts *opts_parse(const char *text, const char *implied_key)
{
    GArray *pairs = g_array_new(FALSE, TRUE, sizeof(struct opt_pair));
    struct opts *o = g_new0(struct opts, 1);

    while (*text) {
        struct opt_pair pair = make_pair(next_item(&text), implied_key);
        implied_key = NULL;
        if (!*pair.key && pair.bare) { /* an empty item, as in "a,,b" gone wrong or "a," */
            g_free(pair.key);
            g_free(pair.value);
            continue;
        }
        g_array_append_val(pairs, pair);
    }
    o->n = pairs->len;
    o->pair = (struct opt_pair *)(void *)g_array_free(pairs, FALSE);
    return o;
}

struct opts *opts_parse_any(const char *text, const char *implied_key, struct error **errp)
{
    if (text[strspn(text, " \t\n")] == '{')
        return opts_parse_json(text, errp);
    return opts_parse(text, implied_key);
}

void opts_set(struct opts *o, const char *key, const char *value)
{
    for (size_t i = 0; i < o->n; i++) {
        if (!opts_key_equal(o->pair[i].key, key))
            continue;
        g_free(o->pair[i].value);
        o->pair[i].value = g_strdup(value);
        return;
    }
    o->pair = g_renew(struct opt_pair, o->pair, o->n + 1);
    o->pair[o->n++] = (struct opt_pair){.key = g_strdup(key), .value = g_strdup(value)};
}

void opts_free(struct opts *o)
{
    if (!o)
        return;
    for (size_t i = 0; i < o->n; i++) {
        g_free(o->pair[i].key);
        g_free(o->pair[i].value);
    }
    g_free(o->pair);
    g_free(o);
}

bool opts_key_equal(const char *a, const char *b)
{
    for (; *a && *b; a++, b++)
        if ((*a == '_' ? '-' : *a) != (*b == '_' ? '-' : *b))
            return false;
    return *a == *b;
}

const char *opts_get(struct opts *o, const char *key, const char *def)
{
    const char *value = def;

    for (size_t i = 0; i < o->n; i++)
        if (opts_key_equal(o->pair[i].key, key)) {
            o->pair[i].used = true;
            value = o->pair[i].value;
        }
    return value;
}

bool opts_get_bool(struct opts *o, const char *key, bool def, bool *out, struct error **errp)
{
    const char *text = opts_get(o, key, NULL);

    *out = def;
    if (!text || parse_bool(text, out, errp))
        return true;
    error_prefix(errp, "%s", key);
    return false;
}

bool opts_get_uint(struct opts *o, const char *key, uint64_t max, uint64_t def, uint64_t *out,
                   struct error **errp)
{
    const char *text = opts_get(o, key, NULL);

    *out = def;
    if (!text || parse_uint(text, max, out, errp))
        return true;
    error_prefix(errp, "%s", key);
    return false;
}

bool opts_get_size(struct opts *o, const char *key, uint64_t def, uint64_t *out,
                   struct error **errp)
{
    const char *text = opts_get(o, key, NULL);

    *out = def;
    if (!text || parse_size(text, 1, out, errp))
        return true;
    error_prefix(errp, "%s", key);
    return false;
}

bool opts_check_used(const struct opts *o, const char *const *names, struct error **errp)
{
    for (size_t i = 0; i < o->n; i++) {
        if (o->pair[i].used)
            continue;
        const char *near = nearest_name(o->pair[i].key, names);
        error_set(errp, "unknown option '%s'", o->pair[i].key);
        if (near)
            error_append(errp, ", did you mean '%s'?", near);
        return false;
    }
    return true;
}

bool opts_has_help(const struct opts *o)
{
    for (size_t i = 0; i < o->n; i++)
        if (o->pair[i].bare && is_help_word(o->pair[i].key))
            return true;
    return false;
}

bool parse_bool(const char *text, bool *out, struct error **errp)
{
    static const char *const on[] = {"on", "yes", "true", "1", "y", NULL};
    static const char *const off[] = {"off", "no", "false", "0", "n", NULL};

    if (g_strv_contains(on, text) || g_strv_contains(off, text)) {
        *out = g_strv_contains(on, text);
        return true;
    }
    error_set(errp, "wanted on or off, found '%s'", text);
    return false;
}

bool parse_uint(const char *text, uint64_t max, uint64_t *out, struct error **errp)
{
    char *end;

    errno = 0;
    uint64_t v = strtoull(text, &end, 0);
    if (!g_ascii_isdigit(text[0]) || *end) {
        error_set(errp, "wanted a number, found '%s'", text);
        return false;
    }
    if (errno == ERANGE || v > max) {
        error_set(errp, "'%s' is too large, the most is %" G_GUINT64_FORMAT, text, max);
        return false;
    }
    *out = v;
    return true;
}

/* The bytes that a size suffix stands for, 0 when it is none. */
static uint64_t suffix_unit(const char *suffix, uint64_t unit)
{
    static const char letters[] = "bkmgtpe";

    if (!*suffix)
        return unit;
    const char *at = strchr(letters, g_ascii_tolower(*suffix));
    if (!at)
        return 0;
    bool has_tail = at != letters && !g_ascii_strcasecmp(suffix + 1, "ib"); /* KiB, MiB */
    return suffix[1] && !has_tail ? 0 : UINT64_C(1) << (10 * (at - letters));
}

bool parse_size(const char *text, uint64_t unit, uint64_t *out, struct error **errp)
{
    char *end;

    errno = 0;
    uint64_t whole = strtoull(text, &end, strncmp(text, "0x", 2) ? 10 : 16), scaled;
    bool overflow = errno == ERANGE;
    double fraction = 0;
    if (*end == '.' && g_ascii_isdigit(end[1]))
        fraction = g_ascii_strtod(end, &end);
    uint64_t scale = suffix_unit(end, unit);
    if (!g_ascii_isdigit(text[0]) || !scale) {
        error_set(errp, "wanted a size such as 512M or 2G, found '%s'", text);
        return false;
    }
    overflow |= __builtin_mul_overflow(whole, scale, &scaled);
    overflow |= __builtin_add_overflow(scaled, (uint64_t)(fraction * (double)scale), &scaled);
    if (overflow) {
        error_set(errp, "size '%s' is too large", text);
        return false;
    }
    *out = scaled;
    return true;
}
