/* query-pci, info pci: the functions on the PCI buses, as their registers stand now. */
#include "monitor/commands_priv.h"

#include "core/machine.h"
#include "hw/pci/pci.h"

struct listing {
    JsonArray *roots;   /* buses that a host bridge leads to */
    GHashTable *by_bus; /* number -> JsonArray of its functions */
};

static JsonObject *describe_ids(const struct pci_info *f)
{
    JsonObject *o = json_object_new();

    json_object_set_int_member(o, "device", f->device);
    json_object_set_int_member(o, "vendor", f->vendor);
    if (!f->is_bridge) {
        json_object_set_int_member(o, "subsystem", f->subsystem);
        json_object_set_int_member(o, "subsystem-vendor", f->subsystem_vendor);
    }
    return o;
}

static JsonObject *describe_class(const struct pci_info *f)
{
    JsonObject *o = json_object_new();
    const char *name = pci_class_name(f->class_code);

    json_object_set_int_member(o, "class", f->class_code);
    if (name)
        json_object_set_string_member(o, "desc", name);
    return o;
}

static JsonObject *describe_region(const struct pci_bar_info *bar, unsigned n)
{
    JsonObject *o = json_object_new();

    json_object_set_int_member(o, "bar", n);
    json_object_set_string_member(o, "type", bar->is_io ? "io" : "memory");
    json_object_set_int_member(o, "address", (int64_t)bar->address);
    json_object_set_int_member(o, "size", (int64_t)bar->size);
    if (!bar->is_io) {
        json_object_set_boolean_member(o, "prefetch", bar->is_prefetchable);
        json_object_set_boolean_member(o, "mem_type_64", bar->is_64bit);
    }
    return o;
}

static void set_window(JsonObject *bus, const char *name, struct pci_window w)
{
    JsonObject *o = json_object_new();

    json_object_set_int_member(o, "base", (int64_t)w.base);
    json_object_set_int_member(o, "limit", (int64_t)w.limit);
    json_object_set_object_member(bus, name, o);
}

static JsonObject *describe_bridge(struct listing *l, const struct pci_info *f)
{
    JsonObject *o = json_object_new(), *bus = json_object_new();

    json_object_set_int_member(bus, "number", f->primary);
    json_object_set_int_member(bus, "secondary", f->secondary);
    json_object_set_int_member(bus, "subordinate", f->subordinate);
    set_window(bus, "io_range", f->io);
    set_window(bus, "memory_range", f->memory);
    set_window(bus, "prefetchable_range", f->prefetch);
    json_object_set_object_member(o, "bus", bus);
    if (f->secondary) { /* it has a number: what is behind it belongs here */
        JsonArray *devices = json_array_new();
        json_object_set_array_member(o, "devices", devices);
        g_hash_table_insert(l->by_bus, GUINT_TO_POINTER(f->secondary), devices);
    }
    return o;
}

static JsonArray *devices_of(struct listing *l, unsigned bus)
{
    JsonArray *devices = g_hash_table_lookup(l->by_bus, GUINT_TO_POINTER(bus));

    if (devices)
        return devices;
    JsonObject *o = json_object_new();
    devices = json_array_new();
    json_object_set_int_member(o, "bus", bus);
    json_object_set_array_member(o, "devices", devices);
    json_array_add_object_element(l->roots, o);
    g_hash_table_insert(l->by_bus, GUINT_TO_POINTER(bus), devices);
    return devices;
}

static void add_function(const struct pci_info *f, void *opaque)
{
    struct listing *l = opaque;
    JsonObject *o = json_object_new();
    JsonArray *regions = json_array_new();

    json_object_set_int_member(o, "bus", f->bus);
    json_object_set_int_member(o, "slot", f->slot);
    json_object_set_int_member(o, "function", f->function);
    json_object_set_object_member(o, "class_info", describe_class(f));
    json_object_set_object_member(o, "id", describe_ids(f));
    if (f->pin)
        json_object_set_int_member(o, "irq", f->irq);
    json_object_set_int_member(o, "irq_pin", f->pin);
    json_object_set_string_member(o, "qdev_id", f->id);
    for (unsigned i = 0; i < G_N_ELEMENTS(f->bars); i++)
        if (f->bars[i].present)
            json_array_add_object_element(regions, describe_region(&f->bars[i], i));
    json_object_set_array_member(o, "regions", regions);
    json_array_add_object_element(devices_of(l, f->bus), o);
    if (f->is_bridge)
        json_object_set_object_member(o, "pci_bridge", describe_bridge(l, f));
}

static JsonNode *run_pci(struct mon_call *c, struct error **errp UNUSED)
{
    struct listing l = {json_array_new(), g_hash_table_new(NULL, NULL)};

    pci_visit(c->m, add_function, &l);
    g_hash_table_unref(l.by_bus);
    return mon_array(l.roots);
}

static void print_pci(struct mon_call *c, JsonNode *result UNUSED, FILE *out)
{
    pci_print(c->m, out);
}

#define RANGE_TYPE "{base: int, limit: int}"
#define FUNCTION_TYPE                                                                              \
    "{bus: int, slot: int, function: int, class_info: {desc?: str, class: int}, id: {device: "     \
    "int, vendor: int, subsystem?: int, subsystem-vendor?: int}, irq?: int, irq_pin: int, "        \
    "qdev_id: str, pci_bridge?: {bus: {number: int, secondary: int, subordinate: int, "            \
    "io_range: " RANGE_TYPE ", memory_range: " RANGE_TYPE ", prefetchable_range: " RANGE_TYPE      \
    "}, devices?: [any]}, regions: [{bar: int, type: str, address: int, size: int, prefetch?: "    \
    "bool, mem_type_64?: bool}]}"

/* clang-format off */
const struct monitor_command cmd_pci[] = {
    {.qmp = "query-pci", .hmp = "info pci", .ret = "[{bus: int, devices: [" FUNCTION_TYPE "]}]",
     .run = run_pci, .print = print_pci, .help = "show what is on the PCI buses"},
    {0},
};
/* clang-format on */
