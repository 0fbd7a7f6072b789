/* Monitor commands about what was set up, and about what this executable has: name, UUID, boards,
 * CPU models, options, objects. */
#include "chardev/chardev.h"
#include "core/action.h"
#include "core/fdt.h"
#include "hw/hotplug.h"
#include "hw/registry.h"
#include "monitor/command.h"
#include "system/host.h"
#include "system/setup.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* There is one command line and one machine made of it. */
static struct setup *the_setup;

/* ---- name, UUID, target, accelerators ---- */

static JsonNode *run_name(struct mon_call *c UNUSED, struct error **errp UNUSED)
{
    JsonObject *o = json_object_new();
    g_autofree char *name = host_guest_name(the_setup->cli->name);

    if (name)
        json_object_set_string_member(o, "name", name);
    return mon_object(o);
}

static void print_name(struct mon_call *c UNUSED, JsonNode *result, FILE *out)
{
    JsonObject *o = json_node_get_object(result);

    if (json_object_has_member(o, "name"))
        fprintf(out, "%s\n", json_object_get_string_member(o, "name"));
}

static JsonNode *run_uuid(struct mon_call *c UNUSED, struct error **errp UNUSED)
{
    JsonObject *o = json_object_new();
    const char *uuid = the_setup->cli->uuid;
    g_autofree char *lower = g_ascii_strdown(uuid ? uuid : "", -1);

    json_object_set_string_member(o, "UUID", uuid ? lower : "00000000-0000-0000-0000-000000000000");
    return mon_object(o);
}

static void print_uuid(struct mon_call *c UNUSED, JsonNode *result, FILE *out)
{
    fprintf(out, "%s\n", json_object_get_string_member(json_node_get_object(result), "UUID"));
}

static JsonNode *run_target(struct mon_call *c UNUSED, struct error **errp UNUSED)
{
    JsonObject *o = json_object_new();

    json_object_set_string_member(o, "arch", the_setup->arch->name);
    return mon_object(o);
}

static JsonNode *run_kvm(struct mon_call *c UNUSED, struct error **errp UNUSED)
{
    JsonObject *o = json_object_new();

    json_object_set_boolean_member(o, "enabled", !strcmp(the_setup->accel->name, "kvm"));
    json_object_set_boolean_member(o, "present", accel_find("kvm") != NULL);
    return mon_object(o);
}

static void print_kvm(struct mon_call *c UNUSED, JsonNode *result, FILE *out)
{
    JsonObject *o = json_node_get_object(result);

    fprintf(out, "kvm support: %s\n",
            !json_object_get_boolean_member(o, "present")  ? "not compiled"
            : json_object_get_boolean_member(o, "enabled") ? "enabled"
                                                           : "disabled");
}

static JsonNode *run_accels(struct mon_call *c UNUSED, struct error **errp UNUSED)
{
    JsonObject *o = json_object_new();
    JsonArray *present = json_array_new();

    for (const struct accel_ops *const *a = accel_list; *a; a++)
        json_array_add_string_element(present, (*a)->name);
    json_object_set_string_member(o, "enabled", the_setup->accel->name);
    json_object_set_array_member(o, "present", present);
    return mon_object(o);
}

static void print_accels(struct mon_call *c UNUSED, JsonNode *result, FILE *out)
{
    JsonArray *list = json_object_get_array_member(json_node_get_object(result), "present");

    for (guint i = 0; i < json_array_get_length(list); i++)
        fprintf(out, "%s[%s]", i ? " " : "", json_array_get_string_element(list, i));
    fputc('\n', out);
}

static bool text_jit(struct mon_call *c, FILE *out, struct error **errp)
{
    if (!the_setup->accel->print_stats) {
        error_set(errp, "accelerator '%s' does not translate", the_setup->accel->name);
        return false;
    }
    machine_pause(c->m);
    the_setup->accel->print_stats(c->m, out);
    machine_resume(c->m);
    return true;
}

/* ---- boards ---- */

/* Names of types, as tools know them. */
static const char *cpu_suffix(void)
{
    return g_str_has_prefix(the_setup->arch->name, "riscv") ? "-riscv-cpu" : "-arm-cpu";
}

static JsonObject *describe_machine(const struct machine_class *cls, const char *name)
{
    JsonObject *o = json_object_new();

    json_object_set_boolean_member(o, "hotpluggable-cpus", false);
    json_object_set_string_member(o, "name", name);
    json_object_set_boolean_member(o, "numa-mem-supported", false);
    if (cls->default_cpu) {
        g_autofree char *cpu = g_strconcat(cls->default_cpu, cpu_suffix(), NULL);
        json_object_set_string_member(o, "default-cpu-type", cpu);
    }
    if (machine_class_default(cls->arch) == cls && !strcmp(name, cls->name))
        json_object_set_boolean_member(o, "is-default", true);
    json_object_set_int_member(o, "cpu-max", cls->max_cpus);
    json_object_set_boolean_member(o, "deprecated", false);
    json_object_set_boolean_member(o, "acpi", false);
    return o;
}

static JsonNode *run_machines(struct mon_call *c UNUSED, struct error **errp UNUSED)
{
    JsonArray *list = json_array_new();

    for (const struct machine_class *const *m = machine_classes; *m; m++) {
        if (strcmp((*m)->arch, the_setup->arch->name))
            continue;
        json_array_add_object_element(list, describe_machine(*m, (*m)->name));
        for (const char *const *a = (*m)->aliases; a && *a; a++)
            json_array_add_object_element(list, describe_machine(*m, *a));
    }
    return mon_array(list);
}

/* ---- CPU models ---- */

static char *list_text(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);

    the_setup->arch->list_cpus(f, the_setup->arch->xlen);
    fclose(f);
    return text;
}

static JsonNode *run_models(struct mon_call *c UNUSED, struct error **errp UNUSED)
{
    JsonArray *list = json_array_new();
    char *text = list_text();
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

    free(text);
    for (char **line = lines; *line; line++) {
        size_t n = strcspn(*line, " ");
        if (!n)
            continue;
        g_autofree char *name = g_strndup(*line, n);
        g_autofree char *type = g_strconcat(name, cpu_suffix(), NULL);
        JsonObject *o = json_object_new();
        json_object_set_string_member(o, "name", name);
        json_object_set_string_member(o, "typename", type);
        json_object_set_boolean_member(o, "static", false);
        json_object_set_boolean_member(o, "migration-safe", false);
        json_object_set_boolean_member(o, "deprecated", false);
        json_object_set_array_member(o, "unavailable-features", json_array_new());
        json_array_add_object_element(list, o);
    }
    return mon_array(list);
}

/* "  NAME=<KIND> - HELP (default: VALUE)", as the model's help shows its properties. */
static void add_property(JsonObject *props, const char *line)
{
    const char *eq = strstr(line, "=<"), *def = strstr(line, "(default: ");
    bool on;
    uint64_t n;

    if (!eq || !def || strspn(line, " ") != 2)
        return;
    g_autofree char *name = g_strndup(line + 2, (gsize)(eq - line - 2));
    g_autofree char *value = g_strndup(def + strlen("(default: "), strcspn(def, ")") - 10);
    if (g_str_has_prefix(eq, "=<bool>") && parse_bool(value, &on, NULL))
        json_object_set_boolean_member(props, name, on);
    else if (parse_uint(value, INT64_MAX, &n, NULL))
        json_object_set_int_member(props, name, (int64_t)n);
    else
        json_object_set_string_member(props, name, value);
}

/* "rv64,zba=off": what the client asks about, as -cpu writes it. */
static char *model_text(JsonObject *model)
{
    GString *text = g_string_new(json_object_get_string_member(model, "name"));

    if (!json_object_has_member(model, "props"))
        return g_string_free(text, FALSE);
    JsonObject *props = json_object_get_object_member(model, "props");
    g_autoptr(GList) names = json_object_get_members(props);
    for (GList *l = names; l; l = l->next) {
        JsonNode *v = json_object_get_member(props, l->data);
        if (json_node_get_value_type(v) == G_TYPE_BOOLEAN)
            g_string_append_printf(text, ",%s=%s", (char *)l->data,
                                   json_node_get_boolean(v) ? "on" : "off");
        else if (json_node_get_value_type(v) == G_TYPE_INT64)
            g_string_append_printf(text, ",%s=%" PRId64, (char *)l->data, json_node_get_int(v));
        else if (json_node_get_value_type(v) == G_TYPE_STRING)
            g_string_append_printf(text, ",%s=%s", (char *)l->data, json_node_get_string(v));
    }
    return g_string_free(text, FALSE);
}

static char *help_text(const char *model, struct error **errp)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    bool ok = the_setup->arch->help_cpu(model, f, errp);

    fclose(f);
    if (ok)
        return text;
    free(text);
    return NULL;
}

static JsonNode *run_expansion(struct mon_call *c, struct error **errp)
{
    JsonObject *asked = json_node_get_object(mon_json(c, "model"));
    g_autofree char *model = model_text(asked);

    if (strcmp(mon_str(c, "type", ""), "full")) {
        error_set(errp, "only expansion of type 'full' is supported");
        return NULL;
    }
    char *text = help_text(model, errp);
    if (!text)
        return NULL;
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    free(text);
    JsonObject *o = json_object_new(), *m = json_object_new(), *props = json_object_new();
    for (char **line = lines; *line; line++)
        add_property(props, *line);
    json_object_set_string_member(m, "name", json_object_get_string_member(asked, "name"));
    json_object_set_object_member(m, "props", props);
    json_object_set_object_member(o, "model", m);
    return mon_object(o);
}

/* ---- options ---- */

/* Options whose group of parameters has a name of its own. */
static const char *group_name(const char *option)
{
    static const struct {
        const char *option, *group;
    } rows[] = {{"m", "memory"}, {"smp", "smp-opts"}, {"boot", "boot-opts"}};

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        if (!strcmp(rows[i].option, option))
            return rows[i].group;
    return option;
}

/* "KEY=on|off" in the help of an option is a switch, another "KEY=" is text. */
static void add_parameters(JsonArray *list, const char *text)
{
    g_autoptr(GRegex) re = g_regex_new("\\b([a-z][a-z0-9_.-]*)=(on\\|off)?", 0, 0, NULL);
    g_autoptr(GMatchInfo) match = NULL;
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    for (g_regex_match(re, text, 0, &match); g_match_info_matches(match);
         g_match_info_next(match, NULL)) {
        char *name = g_match_info_fetch(match, 1);
        g_autofree char *kind = g_match_info_fetch(match, 2);
        if (!g_hash_table_add(seen, name))
            continue;
        JsonObject *o = json_object_new();
        json_object_set_string_member(o, "name", name);
        json_object_set_string_member(o, "type", kind && *kind ? "boolean" : "string");
        json_array_add_object_element(list, o);
    }
}

static JsonObject *describe_option(const struct cli_option *row)
{
    JsonObject *o = json_object_new();
    JsonArray *parameters = json_array_new();
    g_autofree char *text = g_strconcat(row->args, " ", row->help ? row->help : "", NULL);

    json_object_set_string_member(o, "option", group_name(row->name));
    add_parameters(parameters, text);
    json_object_set_array_member(o, "parameters", parameters);
    return o;
}

static JsonNode *run_options(struct mon_call *c, struct error **errp)
{
    const char *wanted = mon_str(c, "option", NULL);
    JsonArray *list = json_array_new();

    for (const struct cli_option *row = cli_options; row->name || row->help; row++)
        if (row->name && row->args && row->how != CLI_REFUSE &&
            (!wanted || !strcmp(wanted, group_name(row->name))))
            json_array_add_object_element(list, describe_option(row));
    if (!wanted || json_array_get_length(list))
        return mon_array(list);
    json_array_unref(list);
    error_set(errp, "invalid option name: %s", wanted);
    return NULL;
}

/* ---- types ---- */

static void add_type(JsonArray *list, const char *name, const char *parent)
{
    JsonObject *o = json_object_new();

    json_object_set_string_member(o, "name", name);
    json_object_set_string_member(o, "parent", parent);
    json_array_add_object_element(list, o);
}

static const char *parent_of(const struct device_type *t)
{
    const char *bus = t->cls->bus;

    if (!bus)
        return "sys-bus-device";
    return !strcmp(bus, "PCI")          ? "pci-device"
           : !strcmp(bus, "virtio-bus") ? "virtio-device"
                                        : "device";
}

static JsonNode *run_types(struct mon_call *c, struct error **errp UNUSED)
{
    const char *wanted = mon_str(c, "implements", NULL);
    JsonArray *list = json_array_new();

    for (const struct device_type *const *t = hw_device_types(); *t; t++)
        if (!wanted || !strcmp(wanted, "device") || !strcmp(wanted, parent_of(*t)) ||
            !strcmp(wanted, "object"))
            add_type(list, (*t)->name, parent_of(*t));
    for (const struct machine_class *const *m = machine_classes; *m; m++) {
        g_autofree char *name = g_strconcat((*m)->name, "-machine", NULL);
        if (!strcmp((*m)->arch, the_setup->arch->name) &&
            (!wanted || !strcmp(wanted, "machine") || !strcmp(wanted, "object")))
            add_type(list, name, "machine");
    }
    for (const struct accel_ops *const *a = accel_list; *a; a++) {
        g_autofree char *name = g_strconcat((*a)->name, "-accel", NULL);
        if (!wanted || !strcmp(wanted, "accel") || !strcmp(wanted, "object"))
            add_type(list, name, "accel");
    }
    return mon_array(list);
}

static const struct prop *props_of_type(const char *name, bool *found)
{
    const struct device_type *t = hw_device_find(name);

    *found = true;
    if (t)
        return t->cls->props;
    for (const struct machine_class *const *m = machine_classes; *m; m++) {
        g_autofree char *type = g_strconcat((*m)->name, "-machine", NULL);
        if (!strcmp(type, name) && !strcmp((*m)->arch, the_setup->arch->name))
            return (*m)->props;
    }
    *found = false;
    return NULL;
}

static JsonNode *run_type_props(struct mon_call *c, struct error **errp)
{
    const char *name = mon_str(c, "typename", "");
    bool found;
    const struct prop *p = props_of_type(name, &found);

    if (!found)
        return mon_fail(c, "DeviceNotFound", errp, "Class '%s' not found", name);
    JsonArray *list = json_array_new();
    for (; p && p->name; p++) {
        JsonObject *o = json_object_new();
        json_object_set_string_member(o, "name", p->name);
        if (p->help)
            json_object_set_string_member(o, "description", p->help);
        json_object_set_string_member(o, "type", p->kind->name);
        json_array_add_object_element(list, o);
    }
    return mon_array(list);
}

/* ---- plugging, objects ---- */

static JsonNode *run_device_add(struct mon_call *c, struct error **errp)
{
    const char *id = mon_str(c, "id", NULL);

    if (id && machine_find_device(c->m, id)) {
        error_set(errp, "Duplicate device ID '%s'", id);
        return NULL;
    }
    return device_hot_add(the_setup, mon_str(c, "driver", ""), c->opts, errp) ? mon_ok() : NULL;
}

static JsonNode *run_device_del(struct mon_call *c, struct error **errp)
{
    const char *id = mon_str(c, "id", "");
    const char *slash = strrchr(id, '/'); /* a path is known by its end */
    struct device *dev = machine_find_device(c->m, slash ? slash + 1 : id);

    if (!dev)
        return mon_fail(c, "DeviceNotFound", errp, "Device '%s' not found", id);
    return hw_hotplug_unplug(dev, errp) ? mon_ok() : NULL;
}

static JsonNode *run_object_add(struct mon_call *c, struct error **errp)
{
    return object_create(c->opts, errp) ? mon_ok() : NULL;
}

static JsonNode *run_object_del(struct mon_call *c, struct error **errp)
{
    return object_delete(c->m, mon_str(c, "id", ""), errp) ? mon_ok() : NULL;
}

/* ---- what happens when ---- */

static bool set_action(struct mon_call *c, const char *key, const char *const *names,
                       unsigned *action, struct error **errp)
{
    return !mon_has(c, key) || action_parse(names, mon_str(c, key, ""), action, errp);
}

static JsonNode *run_set_action(struct mon_call *c, struct error **errp)
{
    if (mon_has(c, "reboot"))
        c->m->cfg.no_reboot = !strcmp(mon_str(c, "reboot", ""), "shutdown");
    if (mon_has(c, "shutdown"))
        c->m->cfg.no_shutdown = !strcmp(mon_str(c, "shutdown", ""), "pause");
    return set_action(c, "panic", panic_action_names, &c->m->cfg.panic, errp) &&
                   set_action(c, "watchdog", watchdog_action_names, &c->m->cfg.watchdog, errp)
               ? mon_ok()
               : NULL;
}

static JsonNode *run_watchdog_action(struct mon_call *c, struct error **errp)
{
    return set_action(c, "action", watchdog_action_names, &c->m->cfg.watchdog, errp) ? mon_ok()
                                                                                     : NULL;
}

static void complete_driver(struct machine *m UNUSED, void (*add)(void *opaque, const char *word),
                            void *opaque)
{
    for (const struct device_type *const *t = hw_device_types(); *t; t++)
        if ((*t)->cls->user_creatable)
            add(opaque, (*t)->name);
}

static void complete_plugged(struct machine *m, void (*add)(void *opaque, const char *word),
                             void *opaque)
{
    for (const struct device *dev = m->devices; dev; dev = dev->next)
        if (dev->bus)
            add(opaque, dev->id);
}

static const struct mon_arg option_args[] = {
    {"option", MON_STR, .optional = true, .help = "one of them"},
    MON_ARG_END,
};
static const struct mon_arg types_args[] = {
    {"implements", MON_STR, .optional = true, .help = "only what is of this type"},
    {"abstract", MON_BOOL, .optional = true, .help = "also types nothing is of; there are none"},
    MON_ARG_END,
};
static const struct mon_arg typename_args[] = {
    {"typename", MON_STR, .help = "of a device or machine"},
    MON_ARG_END,
};
static const struct mon_arg expansion_args[] = {
    {"type", MON_CHOICE, .type = "full|static", .help = "how far"},
    {"model", MON_JSON, .type = "{name: str, props?: any}", .help = "the model and its properties"},
    MON_ARG_END,
};
static const struct mon_arg device_add_args[] = {
    {"driver", MON_STR, .help = "type of the device", .complete = complete_driver},
    {"bus", MON_STR, .optional = true, .help = "where it is plugged in"},
    {"id", MON_STR, .optional = true, .help = "its name"},
    {"prop", MON_OPTS, .optional = true, .help = "its properties, as for -device"},
    MON_ARG_END,
};
static const struct mon_arg device_del_args[] = {
    {"id", MON_STR, .help = "of the device", .complete = complete_plugged},
    MON_ARG_END,
};
static const struct mon_arg object_add_args[] = {
    {"qom-type", MON_STR, .help = "type of the object"},
    {"id", MON_STR, .help = "its name"},
    {"prop", MON_OPTS, .optional = true, .help = "its properties, as for -object"},
    MON_ARG_END,
};
static const struct mon_arg object_del_args[] = {
    {"id", MON_STR, .help = "of the object"},
    MON_ARG_END,
};
static const struct mon_arg watchdog_args[] = {
    {"action", MON_CHOICE, .type = "reset|shutdown|poweroff|pause|debug|none|inject-nmi",
     .help = "what follows"},
    MON_ARG_END,
};
static const struct mon_arg action_args[] = {
    {"reboot", MON_CHOICE, .optional = true, .type = "reset|shutdown", .help = "when it resets"},
    {"shutdown", MON_CHOICE, .optional = true, .type = "poweroff|pause",
     .help = "when it powers off"},
    {"panic", MON_CHOICE, .optional = true, .type = "pause|shutdown|exit-failure|none",
     .help = "when it says that it panicked"},
    {"watchdog", MON_CHOICE, .optional = true,
     .type = "reset|shutdown|poweroff|pause|debug|none|inject-nmi",
     .help = "when its watchdog runs out"},
    MON_ARG_END,
};

#define MACHINE_TYPE                                                                               \
    "[{name: str, alias?: str, is-default?: bool, cpu-max: int, hotpluggable-cpus: bool, "         \
    "numa-mem-supported: bool, deprecated: bool, default-cpu-type?: str, default-ram-id?: str, "   \
    "acpi: bool}]"
#define MODEL_TYPE                                                                                 \
    "[{name: str, migration-safe?: bool, static: bool, unavailable-features?: [str], "             \
    "typename: str, alias-of?: str, deprecated: bool}]"
#define OPTION_TYPE                                                                                \
    "[{option: str, parameters: [{name: str, type: string|boolean|number|size, help?: str, "       \
    "default?: str}]}]"
#define PROPERTY_TYPE "[{name: str, type: str, description?: str, default-value?: any}]"

static JsonNode *run_dumpdtb(struct mon_call *c, struct error **errp)
{
    if (!c->m->fdt) {
        error_set(errp, "this machine has no device tree");
        return NULL;
    }
    return fdt_write(c->m->fdt, mon_str(c, "filename", ""), errp) ? mon_ok() : NULL;
}

static const struct mon_arg dumpdtb_args[] = {
    {"filename", MON_STR, .help = "the file to write"},
    MON_ARG_END,
};

/* clang-format off */
static const struct monitor_command commands[] = {
    {.qmp = "query-name", .hmp = "info name", .ret = "{name?: str}", .run = run_name,
     .print = print_name, .help = "show the guest's name"},
    {.qmp = "query-uuid", .hmp = "info uuid", .ret = "{UUID: str}", .run = run_uuid,
     .print = print_uuid, .help = "show the machine's UUID"},
    {.qmp = "query-target", .ret = "{arch: str}", .run = run_target,
     .help = "the architecture of the guest"},
    {.qmp = "query-kvm", .hmp = "info kvm", .ret = "{enabled: bool, present: bool}", .run = run_kvm,
     .print = print_kvm, .help = "show whether KVM runs the guest"},
    {.qmp = "query-accelerators", .hmp = "info accelerators", .print = print_accels, .ret = "{enabled: str, present: [str]}", .run = run_accels,
     .help = "list the accelerators"},
    {.hmp = "info jit", .text = text_jit, .help = "show statistics of the translator"},
    {.qmp = "query-machines", .ret = MACHINE_TYPE, .run = run_machines, .help = "list the boards"},
    {.qmp = "query-cpu-definitions", .ret = MODEL_TYPE, .run = run_models,
     .help = "list the CPU models"},
    {.qmp = "query-cpu-model-expansion", .args = expansion_args,
     .ret = "{model: {name: str, props?: any}}", .run = run_expansion,
     .help = "show what a CPU model has"},
    {.qmp = "query-command-line-options", .args = option_args, .ret = OPTION_TYPE,
     .run = run_options, .help = "list the options of the command line"},
    {.qmp = "qom-list-types", .args = types_args, .ret = "[{name: str, abstract?: bool, parent?: str}]",
     .run = run_types, .help = "list the types of devices and machines"},
    {.qmp = "qom-list-properties", .args = typename_args, .ret = PROPERTY_TYPE,
     .run = run_type_props, .help = "list the properties of a type"},
    {.qmp = "device_add", .hmp = "device_add", .args = device_add_args, .run = run_device_add,
     .features = "json-cli json-cli-hotplug", .help = "plug in a device"},
    {.qmp = "device_del", .hmp = "device_del", .args = device_del_args, .run = run_device_del,
     .help = "unplug a device"},
    {.qmp = "object-add", .hmp = "object_add", .args = object_add_args, .run = run_object_add,
     .help = "make an object"},
    {.qmp = "object-del", .hmp = "object_del", .args = object_del_args, .run = run_object_del,
     .help = "delete an object"},
    {.qmp = "set-action", .args = action_args, .run = run_set_action,
     .help = "choose what follows a reset or power-off"},
    {.qmp = "dumpdtb", .hmp = "dumpdtb", .args = dumpdtb_args, .run = run_dumpdtb,
     .help = "write the device tree that the board's firmware is given to a file"},
    {.qmp = "watchdog-set-action", .hmp = "watchdog_action", .args = watchdog_args,
     .run = run_watchdog_action, .help = "choose what follows when the watchdog runs out"},
    {0},
};
/* clang-format on */

void setup_commands(struct setup *s)
{
    the_setup = s;
    monitor_register(commands);
    setup_device_commands();
    setup_object_commands();
    setup_numa_commands();
    setup_absent_commands();
    setup_drive_commands(s);
}
