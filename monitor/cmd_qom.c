/* Commands on devices and their properties, by the paths that QMP clients use:
 * /machine/peripheral/ID for what was plugged in, /machine/unattached/ID for what the board made,
 * /machine/unattached/cpu[N], /chardevs/ID. */
#include "monitor/commands_priv.h"

#include "core/machine.h"
#include "hw/bus.h"
#include "hw/registry.h"
#include "util/optparse.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- values ---- */

static char *captured(void (*fn)(const void *a, const void *b, FILE *f), const void *a,
                      const void *b)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);

    fn(a, b, f);
    fclose(f);
    char *copy = g_strdup(text);
    free(text);
    return copy;
}

static void print_prop(const void *prop, const void *obj, FILE *f)
{
    const struct prop *p = prop;

    if (p->kind->print)
        p->kind->print((const char *)obj + p->off, f);
}

/* Kinds print JSON where they can; the rest is text. */
static JsonNode *prop_value(const struct prop *p, const void *obj)
{
    g_autofree char *text = captured(print_prop, p, obj);
    JsonNode *node = json_read(text, strlen(text), NULL);

    return node ? node : mon_string(text);
}

static const char *json_type(const struct prop_kind *kind)
{
    return kind == &prop_string ? "string" : kind->name;
}

/* ---- paths ---- */

enum node_kind { NODE_ROOT, NODE_MACHINE, NODE_CONTAINER, NODE_DEVICE, NODE_CPU, NODE_CHARDEV };

struct node {
    enum node_kind kind;
    const char *name; /* NODE_CONTAINER */
    struct device *dev;
    struct cpu *cpu;
};

static bool is_plugged(const struct device *dev)
{
    return dev->bus && dev->type->cls->user_creatable;
}

static bool find_in_machine(struct machine *m, const char *where, const char *id, struct node *out)
{
    bool peripheral = !strcmp(where, "peripheral");
    unsigned n;
    int used = 0;

    if (!peripheral && strcmp(where, "unattached"))
        return false;
    if (!peripheral && sscanf(id, "cpu[%u]%n", &n, &used) == 1 && !id[used] && n < m->ncpus) {
        *out = (struct node){.kind = NODE_CPU, .cpu = m->cpus[n]};
        return true;
    }
    struct device *dev = machine_find_device(m, id);
    *out = (struct node){.kind = NODE_DEVICE, .dev = dev};
    return dev && is_plugged(dev) == peripheral;
}

static bool find_container(const char *name, struct node *out)
{
    static const char *const names[] = {"objects",         "chardevs",   "backend", "peripheral",
                                        "peripheral-anon", "unattached", NULL};

    for (const char *const *p = names; *p; p++)
        if (!strcmp(*p, name)) {
            *out = (struct node){.kind = NODE_CONTAINER, .name = *p};
            return true;
        }
    return false;
}

/* A name alone is enough when only one device has it. */
static bool find_short(struct machine *m, const char *id, struct node *out)
{
    return find_in_machine(m, "peripheral", id, out) || find_in_machine(m, "unattached", id, out) ||
           find_container(id, out);
}

static bool resolve(struct machine *m, const char *path, struct node *out)
{
    g_auto(GStrv) part = g_strsplit(path + (*path == '/'), "/", -1);
    unsigned n = g_strv_length(part);

    while (n && !*part[n - 1])
        n--;
    if (n == 0)
        *out = (struct node){.kind = NODE_ROOT};
    if (n == 0)
        return true;
    if (n == 1 && !strcmp(part[0], "machine")) {
        *out = (struct node){.kind = NODE_MACHINE};
        return true;
    }
    if (n == 1)
        return *path == '/' ? find_container(part[0], out) : find_short(m, part[0], out);
    if (n == 2 && !strcmp(part[0], "chardevs") && chardev_find(part[1])) {
        *out = (struct node){.kind = NODE_CHARDEV};
        return true;
    }
    if (strcmp(part[0], "machine"))
        return false;
    return n == 2   ? find_container(part[1], out)
           : n == 3 ? find_in_machine(m, part[1], part[2], out)
                    : false;
}

static bool resolve_arg(struct mon_call *c, struct node *out, struct error **errp)
{
    const char *path = mon_str(c, "path", "");

    if (resolve(c->m, path, out))
        return true;
    mon_fail(c, "DeviceNotFound", errp, "Device '%s' not found", path);
    return false;
}

static char *type_name(struct machine *m, const struct node *n)
{
    switch (n->kind) {
    case NODE_ROOT:
    case NODE_CONTAINER: return g_strdup("container");
    case NODE_MACHINE: return g_strconcat(m->cls->name, "-machine", NULL);
    case NODE_DEVICE: return g_strdup(n->dev->type->name);
    case NODE_CPU: return g_strconcat(n->cpu->ops->arch, "-cpu", NULL);
    case NODE_CHARDEV: return g_strdup("chardev");
    }
    unreachable();
}

static const struct prop *node_props(struct machine *m, const struct node *n, const void **obj)
{
    *obj = n->kind == NODE_MACHINE ? (const void *)m : n->dev;
    if (n->kind == NODE_MACHINE)
        return m->cls->props;
    return n->kind == NODE_DEVICE ? n->dev->type->cls->props : NULL;
}

/* ---- qom-list, qom-get, qom-set ---- */

static void add_row(JsonArray *list, const char *name, const char *type)
{
    JsonObject *o = json_object_new();

    json_object_set_string_member(o, "name", name);
    json_object_set_string_member(o, "type", type);
    json_array_add_object_element(list, o);
}

static void add_child(JsonArray *list, const char *name, const char *type)
{
    g_autofree char *child = g_strdup_printf("child<%s>", type);

    add_row(list, name, child);
}

static void add_chardev(struct chardev *c, void *list)
{
    add_child(list, chardev_id(c), "chardev");
}

static void add_devices(struct machine *m, bool plugged, JsonArray *list)
{
    for (struct device *dev = m->devices; dev; dev = dev->next)
        if (is_plugged(dev) == plugged)
            add_child(list, dev->id, dev->type->name);
}

static void add_cpus(struct machine *m, JsonArray *list)
{
    for (unsigned i = 0; i < m->ncpus; i++) {
        g_autofree char *name = g_strdup_printf("cpu[%u]", i);
        g_autofree char *type = g_strconcat(m->cpus[i]->ops->arch, "-cpu", NULL);
        add_child(list, name, type);
    }
}

static void add_children(struct machine *m, const struct node *n, JsonArray *list)
{
    if (n->kind == NODE_ROOT) {
        struct node machine = {.kind = NODE_MACHINE};
        g_autofree char *type = type_name(m, &machine);
        add_child(list, "objects", "container");
        add_child(list, "machine", type);
        add_child(list, "chardevs", "container");
    } else if (n->kind == NODE_MACHINE) {
        add_child(list, "peripheral", "container");
        add_child(list, "peripheral-anon", "container");
        add_child(list, "unattached", "container");
    } else if (n->kind == NODE_CONTAINER && !strcmp(n->name, "peripheral")) {
        add_devices(m, true, list);
    } else if (n->kind == NODE_CONTAINER && !strcmp(n->name, "unattached")) {
        add_devices(m, false, list);
        add_cpus(m, list);
    } else if (n->kind == NODE_CONTAINER && !strcmp(n->name, "chardevs")) {
        chardev_foreach(add_chardev, list);
    }
}

static JsonNode *run_list(struct mon_call *c, struct error **errp)
{
    struct node n;
    const void *obj;

    if (!resolve_arg(c, &n, errp))
        return NULL;
    JsonArray *list = json_array_new();
    add_row(list, "type", "string");
    for (const struct prop *p = node_props(c->m, &n, &obj); p && p->name; p++)
        add_row(list, p->name, json_type(p->kind));
    if (n.kind == NODE_DEVICE)
        add_row(list, "realized", "bool");
    add_children(c->m, &n, list);
    return mon_array(list);
}

static void print_list(struct mon_call *c UNUSED, JsonNode *result, FILE *out)
{
    JsonArray *list = json_node_get_array(result);

    for (guint i = 0; i < json_array_get_length(list); i++) {
        JsonObject *o = json_array_get_object_element(list, i);
        fprintf(out, "%s (%s)\n", json_object_get_string_member(o, "name"),
                json_object_get_string_member(o, "type"));
    }
}

static JsonNode *new_bool(bool value)
{
    JsonNode *node = json_node_new(JSON_NODE_VALUE);

    json_node_set_boolean(node, value);
    return node;
}

static JsonNode *run_get(struct mon_call *c, struct error **errp)
{
    const char *name = mon_str(c, "property", "");
    struct node n;
    const void *obj;

    if (!resolve_arg(c, &n, errp))
        return NULL;
    g_autofree char *type = type_name(c->m, &n);
    if (!strcmp(name, "type"))
        return mon_string(type);
    if (n.kind == NODE_DEVICE && !strcmp(name, "realized"))
        return new_bool(n.dev->realized);
    const struct prop *props = node_props(c->m, &n, &obj);
    const struct prop *p = props ? props_find(props, name) : NULL;
    if (p)
        return prop_value(p, obj);
    error_set(errp, "Property '%s.%s' not found", type, name);
    return NULL;
}

static void print_json(struct mon_call *c UNUSED, JsonNode *result, FILE *out)
{
    g_autoptr(GString) text = g_string_new(NULL);

    json_write(result, true, text);
    fprintf(out, "%s\n", text->str);
}

/* As an option would write it. */
static char *value_text(JsonNode *value)
{
    GString *text = g_string_new(NULL);

    if (JSON_NODE_HOLDS_VALUE(value) && json_node_get_value_type(value) == G_TYPE_STRING)
        g_string_append(text, json_node_get_string(value));
    else if (JSON_NODE_HOLDS_VALUE(value) && json_node_get_value_type(value) == G_TYPE_BOOLEAN)
        g_string_append(text, json_node_get_boolean(value) ? "on" : "off");
    else
        json_write(value, false, text);
    return g_string_free(text, FALSE);
}

static JsonNode *run_set(struct mon_call *c, struct error **errp)
{
    const char *name = mon_str(c, "property", "");
    struct node n;
    const void *obj;

    if (!resolve_arg(c, &n, errp))
        return NULL;
    g_autofree char *type = type_name(c->m, &n), *text = value_text(mon_json(c, "value"));
    const struct prop *props = node_props(c->m, &n, &obj);
    if (!props || !props_find(props, name)) {
        error_set(errp, "Property '%s.%s' not found", type, name);
        return NULL;
    }
    if (n.kind == NODE_DEVICE)
        return device_set(n.dev, name, text, errp) ? mon_ok() : NULL;
    error_set(errp, "property '%s.%s' can only be set on the command line", type, name);
    return NULL;
}

static void print_tree_node(struct machine *m, const char *path, const char *name, unsigned depth,
                            FILE *out)
{
    struct node n;

    if (!resolve(m, path, &n))
        return;
    g_autofree char *type = type_name(m, &n);
    fprintf(out, "%*s/%s (%s)\n", (int)depth * 2, "", name, type);
    JsonArray *list = json_array_new();
    add_children(m, &n, list);
    for (guint i = 0; i < json_array_get_length(list); i++) {
        const char *child =
            json_object_get_string_member(json_array_get_object_element(list, i), "name");
        g_autofree char *below = g_strdup_printf("%s/%s", path, child);
        print_tree_node(m, below, child, depth + 1, out);
    }
    json_array_unref(list);
}

static bool text_tree(struct mon_call *c, FILE *out, struct error **errp)
{
    const char *path = mon_str(c, "path", "/machine");
    g_autofree char *name = g_path_get_basename(path);
    struct node n;

    if (!resolve(c->m, path, &n)) {
        mon_fail(c, "DeviceNotFound", errp, "Device '%s' not found", path);
        return false;
    }
    print_tree_node(c->m, path, *name == '/' ? "" : name, 0, out);
    return true;
}

/* ---- info qtree, info device, info irq ---- */

static void print_value(const struct prop *p, const void *obj, FILE *out)
{
    g_autofree char *text = captured(print_prop, p, obj);
    char *end;
    uint64_t v = g_ascii_strtoull(text, &end, 10);

    if (*text && !*end)
        fprintf(out, "%s (0x%" PRIx64 ")", text, v);
    else
        fputs(*text ? text : "\"\"", out);
}

static void print_device(struct machine *m, struct device *dev, int depth, FILE *out);

static void print_bus(struct machine *m, const struct hw_bus *bus, int depth, FILE *out)
{
    fprintf(out, "%*sbus: %s\n%*stype %s\n", depth, "", bus->name, depth + 2, "", bus->type);
    for (struct device *dev = m->devices; dev; dev = dev->next)
        if (dev->bus == bus)
            print_device(m, dev, depth + 2, out);
}

static uint64_t absolute_base(const struct mem_region *mr)
{
    uint64_t base = 0;

    for (; mr; mr = mr->parent)
        base += mr->base;
    return base;
}

static void print_device(struct machine *m, struct device *dev, int depth, FILE *out)
{
    const struct device_class *cls = dev->type->cls;

    fprintf(out, "%*sdev: %s, id \"%s\"\n", depth, "", dev->type->name, dev->id);
    for (const struct prop *p = cls->props; p && p->name; p++) {
        fprintf(out, "%*s%s = ", depth + 2, "", p->name);
        print_value(p, dev, out);
        fputc('\n', out);
    }
    if (dev->mmio.parent)
        fprintf(out, "%*smmio %016" PRIx64 "/%016" PRIx64 "\n", depth + 2, "",
                absolute_base(&dev->mmio), dev->mmio.size);
    for (const struct hw_bus *bus = m->buses; bus; bus = bus->next)
        if (bus->owner == dev)
            print_bus(m, bus, depth + 2, out);
}

static bool text_qtree(struct mon_call *c, FILE *out, struct error **errp UNUSED)
{
    fprintf(out, "bus: main-system-bus\n  type System\n");
    for (struct device *dev = c->m->devices; dev; dev = dev->next)
        if (!dev->bus)
            print_device(c->m, dev, 2, out);
    return true;
}

static struct device *find_device(struct mon_call *c, const char *id, struct error **errp)
{
    struct device *dev = machine_find_device(c->m, id);
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    if (dev)
        return dev;
    for (dev = c->m->devices; dev; dev = dev->next)
        g_ptr_array_add(names, dev->id);
    g_ptr_array_add(names, NULL);
    const char *near = nearest_name(id, (const char *const *)names->pdata);
    mon_fail(c, "DeviceNotFound", errp, "Device '%s' not found", id);
    if (near)
        error_append(errp, "; did you mean '%s'?", near);
    return NULL;
}

/* The guest-visible state, as snapshots keep it. */
static bool text_device(struct mon_call *c, FILE *out, struct error **errp)
{
    const char *id = mon_str(c, "id", NULL);

    if (!id) {
        for (struct device *dev = c->m->devices; dev; dev = dev->next)
            fprintf(out, "%s: %s\n", dev->id, dev->type->name);
        return true;
    }
    struct device *dev = find_device(c, id, errp);
    if (!dev)
        return false;
    mutex_lock(&dev->lock);
    state_print(dev->type->cls->state, dev, out);
    mutex_unlock(&dev->lock);
    return true;
}

static bool text_qdm(struct mon_call *c UNUSED, FILE *out, struct error **errp UNUSED)
{
    for (const struct device_type *const *t = hw_device_types(); *t; t++) {
        const struct device_class *cls = (*t)->cls;
        fprintf(out, "name \"%s\", bus %s", (*t)->name, cls->bus ? cls->bus : "System");
        if (cls->desc)
            fprintf(out, ", desc \"%s\"", cls->desc);
        fprintf(out, "%s\n", cls->user_creatable ? "" : ", no-user");
    }
    return true;
}

/* ---- types ---- */

/* A default is text; in JSON it has its type. */
static JsonNode *default_value(const struct prop *p)
{
    JsonNode *node;
    bool on;

    if (!p->def)
        return NULL;
    if (p->kind == &prop_bool && parse_bool(p->def, &on, NULL))
        return new_bool(on);
    node = p->kind == &prop_string ? NULL : json_read(p->def, strlen(p->def), NULL);
    return node ? node : mon_string(p->def);
}

static JsonNode *run_properties(struct mon_call *c, struct error **errp)
{
    const char *name = mon_str(c, "typename", "");
    const struct device_type *t = hw_device_find(name);

    if (!t)
        return mon_fail(c, "DeviceNotFound", errp, "Device '%s' not found", name);
    JsonArray *list = json_array_new();
    for (const struct prop *p = t->cls->props; p && p->name; p++) {
        JsonObject *o = json_object_new();
        JsonNode *def = default_value(p);
        if (def)
            json_object_set_member(o, "default-value", def);
        json_object_set_string_member(o, "name", p->name);
        if (p->help)
            json_object_set_string_member(o, "description", p->help);
        json_object_set_string_member(o, "type", json_type(p->kind));
        json_array_add_object_element(list, o);
    }
    return mon_array(list);
}

static void complete_device(struct machine *m, void (*add)(void *opaque, const char *word),
                            void *opaque)
{
    for (struct device *dev = m ? m->devices : NULL; dev; dev = dev->next)
        add(opaque, dev->id);
}

static const struct mon_arg path_args[] = {
    {"path", MON_STR, .help = "of the object", .complete = complete_device},
    MON_ARG_END,
};
static const struct mon_arg get_args[] = {
    {"path", MON_STR, .help = "of the object", .complete = complete_device},
    {"property", MON_STR, .help = "its name"},
    MON_ARG_END,
};
static const struct mon_arg set_args[] = {
    {"path", MON_STR, .help = "of the object", .complete = complete_device},
    {"property", MON_STR, .help = "its name"},
    {"value", MON_JSON, .type = "any", .help = "its new value"},
    MON_ARG_END,
};
static const struct mon_arg tree_args[] = {
    {"path", MON_STR, .optional = true, .help = "where to begin"},
    MON_ARG_END,
};
static const struct mon_arg device_args[] = {
    {"id", MON_STR, .optional = true, .help = "of the device; none: list them",
     .complete = complete_device},
    MON_ARG_END,
};
static const struct mon_arg typename_args[] = {
    {"typename", MON_STR, .help = "as -device names it"},
    MON_ARG_END,
};

#define PROPERTY_TYPE "[{name: str, type: str, description?: str, default-value?: any}]"

/* clang-format off */
const struct monitor_command cmd_qom[] = {
    {.qmp = "qom-list", .hmp = "qom-list", .args = path_args, .ret = PROPERTY_TYPE,
     .run = run_list, .print = print_list, .help = "list the properties and children of an object"},
    {.qmp = "qom-get", .hmp = "qom-get", .args = get_args, .ret = "any", .run = run_get,
     .print = print_json, .help = "show a property"},
    {.qmp = "qom-set", .hmp = "qom-set", .args = set_args, .run = run_set,
     .help = "set a property"},
    {.qmp = "device-list-properties", .args = typename_args, .ret = PROPERTY_TYPE,
     .run = run_properties, .help = "list what -device NAME takes"},
    {.hmp = "info qom-tree", .args = tree_args, .text = text_tree, .help = "show the tree of objects"},
    {.hmp = "info qtree", .text = text_qtree, .help = "show devices, buses and properties"},
    {.hmp = "info qdm", .text = text_qdm, .help = "list the types of devices"},
    {.hmp = "info device", .args = device_args, .text = text_device,
     .help = "show the registers and state of a device"},
    {0},
};
/* clang-format on */
