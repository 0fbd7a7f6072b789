/*
 * The order in which firmware tries devices, by their paths.
 * Ref: IEEE 1275-1994, 4.3 (paths); PCI Bus Binding to IEEE 1275, 2.2.1 (unit addresses); SeaBIOS
 * documentation, "Runtime config" (bootorder).
 */
#include "hw/boot_order.h"

#include "hw/bus.h"
#include "util/optparse.h"

#include <glib.h>
#include <string.h>

struct candidate {
    int32_t index;
    const struct device *dev; /* NULL: path tells all */
    const struct prop *prop;
    const char *path;
};

static bool parse_index(void *field, const char *text, struct error **errp)
{
    uint64_t v = 0;
    if (strcmp(text, "-1") != 0 && !parse_uint(text, INT32_MAX, &v, errp))
        return false;
    *(int32_t *)field = strcmp(text, "-1") != 0 ? (int32_t)v : -1;
    return true;
}

static void print_index(const void *field, FILE *f)
{
    fprintf(f, "%d", *(const int32_t *)field);
}

static int32_t index_of(const struct device *dev, const struct prop *p)
{
    return *(const int32_t *)(const void *)((const char *)dev + p->off);
}

/* Every device with a place, in the order in which they were made. */
static GArray *collect(const struct machine *m)
{
    GArray *all = g_array_new(FALSE, FALSE, sizeof(struct candidate));
    for (const struct device *dev = m->devices; dev; dev = dev->next)
        for (const struct prop *p = dev->type->cls->props; p && p->name; p++)
            if (p->kind == &prop_bootindex && index_of(dev, p) >= 0) {
                struct candidate c = {index_of(dev, p), dev, p, NULL};
                g_array_append_val(all, c);
            }
    return all;
}

static bool check_unique(const struct prop *p, struct device *dev, struct error **errp)
{
    if (dev->machine == NULL || index_of(dev, p) < 0)
        return true;
    g_autoptr(GArray) all = collect(dev->machine);
    for (guint i = 0; i < all->len; i++) {
        const struct candidate *c = &g_array_index(all, struct candidate, i);
        if (c->index != index_of(dev, p) || (c->dev == dev && c->prop == p))
            continue;
        error_set(errp, "%d is that of device '%s' already", c->index, c->dev->id);
        return false;
    }
    return true;
}

const struct prop_kind prop_bootindex = {"int32", parse_index, print_index, NULL, check_unique};

char *boot_path(const struct device *dev)
{
    const struct hw_bus *bus = dev->bus;
    if (bus == NULL)
        return g_strdup("");
    g_autofree char *above = boot_path(bus->owner);
    g_autofree char *place = bus->place ? bus->place(bus, dev) : NULL;
    return place ? g_strconcat(above, "/", place, NULL) : g_steal_pointer(&above);
}

const struct device *boot_index_holder(struct machine *m, int32_t index)
{
    g_autoptr(GArray) all = collect(m);
    for (guint i = 0; i < all->len; i++)
        if (g_array_index(all, struct candidate, i).index == index)
            return g_array_index(all, struct candidate, i).dev;
    return NULL;
}

static void add_path(GString *text, const struct candidate *c)
{
    g_autofree char *path = c->dev ? boot_path(c->dev) : g_strdup(c->path);
    const char *node = c->prop ? c->prop->arg : NULL;
    g_string_append_printf(text, "%s%s%s\n", path, node ? "/" : "", node ? node : "");
}

static int compare(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    return (x->index > y->index) - (x->index < y->index);
}

char *boot_order(struct machine *m, const struct boot_entry *others, size_t n)
{
    g_autoptr(GArray) all = collect(m);
    g_autoptr(GString) text = g_string_new(NULL);
    for (size_t i = 0; i < n; i++) {
        struct candidate c = {others[i].index, NULL, NULL, others[i].path};
        g_array_append_val(all, c);
    }
    g_array_sort(all, compare);
    for (guint i = 0; i < all->len; i++)
        add_path(text, &g_array_index(all, struct candidate, i));
    return g_string_free(g_steal_pointer(&text), FALSE);
}
