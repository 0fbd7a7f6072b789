/*
 * Names on FAT: long ones in UTF-16, and the 8.3 alias of each.
 *
 * FAT folds case and forbids some characters: what the host calls otherwise gets '_' for those, and
 * "~2" and so on where two names would become the same.
 * Ref: Microsoft Extensible Firmware Initiative FAT32 File System Specification, version 1.03,
 * "FAT Long Directory Entries", "Name Limits and Character Sets", "Basis-Name Generation
 * Algorithm".
 */
#include "block/fat/fat_priv.h"

#include <stdio.h>
#include <string.h>

enum { BASE = 8, EXTENSION = 3 };

/* The names of one directory that are taken; short ones as 11 characters. */
struct taken {
    GHashTable *folded, *shorts;
    GHashTable *tails; /* what names begin with -> the last number tried */
};

/* --- long names --- */
static bool is_allowed_long(gunichar c)
{
    return c >= 0x20 && c != 0x7f && (c >= 0x80 || !strchr("\"*/:<>?\\|", (int)c));
}

/* UTF-8 that FAT can hold, for whatever bytes. */
static char *sanitize(const char *name)
{
    GString *out = g_string_new(NULL);

    while (*name) {
        gunichar c = g_utf8_get_char_validated(name, -1);
        bool is_char = c != (gunichar)-1 && c != (gunichar)-2;
        if (is_char && is_allowed_long(c))
            g_string_append_unichar(out, c);
        else
            g_string_append_c(out, '_');
        name += is_char ? g_unichar_to_utf8(c, NULL) : 1;
    }
    for (gsize i = out->len; i && strchr(". ", out->str[i - 1]); i--) /* FAT drops them */
        out->str[i - 1] = '_';
    return g_string_free(out, FALSE);
}

static char *fold(const char *name)
{
    g_autofree char *composed = g_utf8_normalize(name, -1, G_NORMALIZE_DEFAULT_COMPOSE);

    return g_utf8_casefold(composed ? composed : name, -1);
}

/* "stem~N.ext"; the stem is cut where that would be too long. */
static char *numbered(const char *name, unsigned n)
{
    const char *dot = strrchr(name, '.');
    g_autofree char *tail = g_strdup_printf("~%u%s", n, dot && dot != name ? dot : "");
    g_autofree char *stem =
        g_strndup(name, dot && dot != name ? (gsize)(dot - name) : strlen(name));

    while (*stem && strlen(stem) + strlen(tail) > FAT_LONG_MAX)
        *g_utf8_find_prev_char(stem, stem + strlen(stem)) = 0;
    return g_strconcat(stem, tail, NULL);
}

/* The last number tried for names with this key. */
static unsigned last_number(const struct taken *t, const char *key, unsigned least)
{
    return MAX(GPOINTER_TO_UINT(g_hash_table_lookup(t->tails, key)), least);
}

/* A long name that nobody has yet, as UTF-8. */
static char *unique_long(struct taken *t, const char *host_name)
{
    g_autofree char *plain = sanitize(host_name);
    char *name = g_strdup(plain), *key = g_strconcat("/", plain, NULL);
    unsigned last = last_number(t, key, 1);

    while (!g_hash_table_add(t->folded, fold(name))) {
        g_free(name);
        name = numbered(plain, ++last);
    }
    g_hash_table_insert(t->tails, key, GUINT_TO_POINTER(last));
    return name;
}

/* --- short names --- */
static bool is_allowed_short(char c)
{
    return g_ascii_isalnum(c) || (c && strchr("$%'-_@~`!(){}^#&", c));
}

/* Whether the name is an 8.3 name but for case; which one. */
static bool fits_short(const char *name, uint8_t *out)
{
    const char *dot = strchr(name, '.');
    size_t base = dot ? (size_t)(dot - name) : strlen(name), ext = dot ? strlen(dot + 1) : 0;

    uint8_t alias[FAT_SHORT];

    if (!base || base > BASE || (dot && !ext) || ext > EXTENSION)
        return false;
    memset(alias, ' ', FAT_SHORT);
    for (size_t i = 0; name[i]; i++) {
        if (name + i == dot)
            continue;
        if (!is_allowed_short(name[i]))
            return false;
        alias[i < base ? i : BASE + i - base - 1] = (uint8_t)g_ascii_toupper(name[i]);
    }
    memcpy(out, alias, FAT_SHORT);
    return true;
}

/* Up to `max` characters of what lies in [name, end), in the alias's alphabet. */
static size_t put_short(uint8_t *out, size_t max, const char *name, const char *end)
{
    size_t n = 0;

    for (; name < end && n < max; name += g_utf8_skip[(guchar)*name]) {
        if (*name == ' ' || *name == '.')
            continue;
        out[n++] = is_allowed_short(*name) ? (uint8_t)g_ascii_toupper(*name) : '_';
    }
    return n;
}

/* The alias before its numeric tail; the length of its first part. */
static size_t basis(const char *name, uint8_t *out)
{
    while (*name == '.' || *name == ' ')
        name++;
    const char *end = name + strlen(name), *first = strchr(name, '.'), *last = strrchr(name, '.');

    memset(out, ' ', FAT_SHORT);
    size_t n = put_short(out, BASE, name, first ? first : end);
    if (!n)
        out[n++] = '_';
    if (last)
        put_short(out + BASE, EXTENSION, last + 1, end);
    return n;
}

/* An alias with a tail "~N" that nobody has yet. */
static void unique_short(struct taken *t, const char *name, uint8_t *out)
{
    uint8_t base[FAT_SHORT];
    size_t n = basis(name, base);
    char *key = g_strndup((char *)base, FAT_SHORT), *alias;

    key[BASE - 2] = key[BASE - 1] = ' '; /* where the tail goes */
    unsigned last = last_number(t, key, 0);

    do {
        char tail[12];
        size_t len = (size_t)snprintf(tail, sizeof(tail), "~%u", ++last), keep = MIN(n, BASE - len);
        memcpy(out, base, FAT_SHORT);
        memset(out + keep, ' ', BASE - keep);
        memcpy(out + keep, tail, len);
        alias = g_strndup((char *)out, FAT_SHORT);
    } while (!g_hash_table_add(t->shorts, alias));
    g_hash_table_insert(t->tails, key, GUINT_TO_POINTER(last));
}

/* Aliases of names that are 8.3 ones are settled first, so that no other takes them. */
static void take_exact(struct taken *t, struct fat_node *n, const char *name)
{
    char dotted[FAT_SHORT + 2];
    size_t len = 0;

    if (!fits_short(name, n->short_name))
        return;
    g_hash_table_add(t->shorts, g_strndup((char *)n->short_name, FAT_SHORT));
    for (size_t i = 0; i < FAT_SHORT; i++) {
        if (i == BASE && n->short_name[i] != ' ')
            dotted[len++] = '.';
        if (n->short_name[i] != ' ')
            dotted[len++] = (char)n->short_name[i];
    }
    dotted[len] = 0;
    if (!strcmp(dotted, name))
        g_clear_pointer(&n->long_name, g_free);
}

void fat_names_assign(GPtrArray *children, unsigned *changed, char **example)
{
    struct taken t = {
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
    };
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);

    for (guint i = 0; i < children->len; i++) {
        struct fat_node *n = g_ptr_array_index(children, i);
        char *name = unique_long(&t, n->name);
        g_ptr_array_add(names, name);
        n->long_name = g_utf8_to_utf16(name, -1, NULL, NULL, NULL);
        take_exact(&t, n, name);
        if (!strcmp(name, n->name))
            continue;
        g_autofree char *plain = g_strescape(n->name, NULL);
        if (!(*changed)++)
            *example = g_strdup_printf("'%s' as '%s'", plain, name);
    }
    for (guint i = 0; i < children->len; i++) {
        struct fat_node *n = g_ptr_array_index(children, i);
        if (!n->short_name[0])
            unique_short(&t, g_ptr_array_index(names, i), n->short_name);
    }
    g_hash_table_unref(t.folded);
    g_hash_table_unref(t.shorts);
    g_hash_table_unref(t.tails);
}
