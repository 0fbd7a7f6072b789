/* Typed properties. */
#include "core/prop.h"

#include "util/optparse.h"

#include <assert.h>
#include <glib.h>
#include <inttypes.h>

static bool parse_bool_prop(void *field, const char *text, struct error **errp)
{
    return parse_bool(text, field, errp);
}

static bool parse_uint8(void *field, const char *text, struct error **errp)
{
    uint64_t v;

    if (!parse_uint(text, UINT8_MAX, &v, errp))
        return false;
    *(uint8_t *)field = v;
    return true;
}

static bool parse_uint16(void *field, const char *text, struct error **errp)
{
    uint64_t v;

    if (!parse_uint(text, UINT16_MAX, &v, errp))
        return false;
    *(uint16_t *)field = v;
    return true;
}

static bool parse_uint32(void *field, const char *text, struct error **errp)
{
    uint64_t v;

    if (!parse_uint(text, UINT32_MAX, &v, errp))
        return false;
    *(uint32_t *)field = v;
    return true;
}

static bool parse_uint64(void *field, const char *text, struct error **errp)
{
    return parse_uint(text, UINT64_MAX, field, errp);
}

static bool parse_size_prop(void *field, const char *text, struct error **errp)
{
    return parse_size(text, 1, field, errp);
}

static bool parse_string(void *field, const char *text, struct error **errp UNUSED)
{
    char **s = field;

    g_free(*s);
    *s = g_strdup(text);
    return true;
}

static void print_bool(const void *field, FILE *f)
{
    fputs(*(const bool *)field ? "true" : "false", f);
}

static void print_uint8(const void *field, FILE *f)
{
    fprintf(f, "%u", *(const uint8_t *)field);
}

static void print_uint16(const void *field, FILE *f)
{
    fprintf(f, "%u", *(const uint16_t *)field);
}

static void print_uint32(const void *field, FILE *f)
{
    fprintf(f, "%" PRIu32, *(const uint32_t *)field);
}

static void print_uint64(const void *field, FILE *f)
{
    fprintf(f, "%" PRIu64, *(const uint64_t *)field);
}

static void print_string(const void *field, FILE *f)
{
    const char *s = *(char *const *)field;

    fprintf(f, "\"%s\"", s ? s : "");
}

static void free_string(void *field)
{
    char **s = field;

    g_free(*s);
    *s = NULL;
}

const struct prop_kind prop_bool = {"bool", parse_bool_prop, print_bool, NULL, NULL};
const struct prop_kind prop_uint8 = {"uint8", parse_uint8, print_uint8, NULL, NULL};
const struct prop_kind prop_uint16 = {"uint16", parse_uint16, print_uint16, NULL, NULL};
const struct prop_kind prop_uint32 = {"uint32", parse_uint32, print_uint32, NULL, NULL};
const struct prop_kind prop_uint64 = {"uint64", parse_uint64, print_uint64, NULL, NULL};
const struct prop_kind prop_size = {"size", parse_size_prop, print_uint64, NULL, NULL};
const struct prop_kind prop_string = {"str", parse_string, print_string, free_string, NULL};

static void *field_of(const struct prop *p, void *obj)
{
    return (char *)obj + p->off;
}

void props_init(const struct prop *table, void *obj)
{
    for (const struct prop *p = table; p && p->name; p++) {
        struct error *err = NULL;
        bool ok = !p->def || p->kind->parse(field_of(p, obj), p->def, &err);
        assert(ok); /* a default in one of our own tables */
    }
}

void props_fini(const struct prop *table, void *obj)
{
    for (const struct prop *p = table; p && p->name; p++)
        if (p->kind->fini)
            p->kind->fini(field_of(p, obj));
}

const struct prop *props_find(const struct prop *table, const char *name)
{
    for (const struct prop *p = table; p && p->name; p++)
        if (opts_key_equal(p->name, name))
            return p;
    return NULL;
}

static void set_unknown(const struct prop *table, const char *name, struct error **errp)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    for (const struct prop *p = table; p && p->name; p++)
        g_ptr_array_add(names, (gpointer)(uintptr_t)p->name);
    g_ptr_array_add(names, NULL);
    error_set(errp, "no property '%s'", name);
    const char *near = nearest_name(name, (const char *const *)names->pdata);
    if (near)
        error_append(errp, ", did you mean '%s'?", near);
}

bool props_set(const struct prop *table, void *obj, const char *name, const char *value,
               struct error **errp)
{
    const struct prop *p = props_find(table, name);

    if (!p) {
        set_unknown(table, name, errp);
        return false;
    }
    if (p->kind->parse(field_of(p, obj), value, errp))
        return true;
    error_prefix(errp, "property '%s'", p->name);
    return false;
}

bool props_realize(const struct prop *table, struct device *dev, struct error **errp)
{
    for (const struct prop *p = table; p && p->name; p++)
        if (p->kind->realize && !p->kind->realize(p, dev, errp)) {
            error_prefix(errp, "property '%s'", p->name);
            return false;
        }
    return true;
}

void props_help(const struct prop *table, const char *owner, FILE *f)
{
    fprintf(f, "%s options:\n", owner);
    for (const struct prop *p = table; p && p->name; p++) {
        g_autofree char *left = g_strdup_printf("%s=<%s>", p->name, p->kind->name);
        fprintf(f, "  %-22s - %s", left, p->help ? p->help : "");
        if (p->def)
            fprintf(f, " (default: %s)", p->def);
        fputc('\n', f);
    }
}
