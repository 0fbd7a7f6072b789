/* Answers to "-machine help", "-cpu help", "-device NAME,help" and the rest of the questions tools
 * ask. */
#include "chardev/chardev.h"
#include "hw/registry.h"
#include "hw/virtio/pci.h"
#include "net/net.h"
#include "system/runner.h"
#include "system/setup.h"
#include "util/log.h"

#include <string.h>

static bool is_help(const char *text)
{
    return text && (!strcmp(text, "help") || !strcmp(text, "?"));
}

static int fail(struct error *take_err)
{
    error_report(take_err);
    return 1;
}

static int list_machines(const struct setup *s)
{
    puts("Supported machines are:");
    for (const struct machine_class *const *c = machine_classes; *c; c++) {
        if (s->arch && strcmp((*c)->arch, s->arch->name))
            continue;
        bool is_default = machine_class_default((*c)->arch) == *c;
        printf("%-20s %s", (*c)->name, (*c)->desc);
        if (!s->arch)
            printf(" (%s)", (*c)->arch);
        puts(is_default ? " (default)" : "");
        for (const char *const *a = (*c)->aliases; s->arch && a && *a; a++)
            printf("%-20s %s (alias of %s)\n", *a, (*c)->desc, (*c)->name);
    }
    return 0;
}

static int list_machine_props(struct setup *s)
{
    struct error *err = NULL;

    if (!s->arch)
        s->arch = &arch_list[0]; /* the properties of a board are the same for each width */
    if (!setup_machine_class(s, &err))
        return fail(err);
    props_help(s->cls->props, s->cls->name, stdout);
    return 0;
}

static int help_cpu(const struct setup *s, const char *text)
{
    g_auto(GStrv) parts = g_strsplit(text, ",", 2);
    struct error *err = NULL;

    for (const struct arch *a = s->arch ? s->arch : arch_list; a->name; a++) {
        if (!is_help(text))
            return a->help_cpu(parts[0], stdout, &err) ? 0 : fail(err);
        a->list_cpus(stdout, a->xlen);
        if (s->arch)
            break;
    }
    return 0;
}

static int list_accels(void)
{
    puts("Accelerators supported in this binary:");
    for (const struct accel_ops *const *a = accel_list; *a; a++)
        puts((*a)->name);
    return 0;
}

static int help_accel(const char *name)
{
    const struct accel_ops *ops = name ? accel_find(name) : NULL;

    if (!ops)
        return list_accels();
    props_help(ops->props, ops->name, stdout);
    return 0;
}

/* One line a type, in the form that tools search: name "x", bus Y, desc "z". */
static int list_devices(void)
{
    for (const struct device_type *const *t = hw_device_types(); *t; t++) {
        const struct device_class *cls = (*t)->cls;
        if (!cls->user_creatable)
            continue;
        printf("name \"%s\", bus %s", (*t)->name, cls->bus ? cls->bus : "System");
        if (cls->desc)
            printf(", desc \"%s\"", cls->desc);
        putchar('\n');
    }
    return 0;
}

static int help_device(const char *name)
{
    struct error *err = NULL;

    if (!name)
        return list_devices();
    const struct device_type *type = hw_device_find(name);
    if (!type)
        type = hw_device_find_creatable(name, &err);
    if (!type)
        return fail(err);
    props_help(type->cls->props, type->name, stdout);
    if (virtio_pci_inner(type))
        props_help(virtio_pci_inner(type)->cls->props, virtio_pci_inner(type)->name, stdout);
    return 0;
}

/* Whether one of the options says model=help. */
static bool asks_models(GPtrArray *list)
{
    bool asked = false;

    for (guint i = 0; i < list->len && !asked; i++) {
        struct opts *o = opts_parse(g_ptr_array_index(list, i), "type");
        asked = is_help(opts_get(o, "model", NULL));
        opts_free(o);
    }
    return asked;
}

/* Devices with the property netdev=. */
static void list_nic_models(void)
{
    puts("Available NIC models for this configuration:\nvirtio");
    for (const struct device_type *const *t = hw_device_types(); *t; t++) {
        const struct device_type *inner = virtio_pci_inner(*t) ? virtio_pci_inner(*t) : *t;
        if ((*t)->cls->user_creatable && props_find(inner->cls->props, "netdev"))
            puts((*t)->name);
    }
}

static int help_dirs(const struct setup *s)
{
    for (guint i = 0; i < s->dirs->len - 1; i++) {
        const char *dir = g_ptr_array_index(s->dirs, i);
        if (!is_help(dir))
            puts(dir);
    }
    return 0;
}

/* The first of a list of options that holds a bare "help"; *name is its first word if that is
 * something else. */
static bool asks_help(GPtrArray *list, const char *implied, char **name)
{
    for (guint i = 0; i < list->len; i++) {
        struct opts *o = opts_parse(g_ptr_array_index(list, i), implied);
        bool asked = opts_has_help(o);
        *name = asked ? g_strdup(opts_get(o, implied, NULL)) : NULL;
        opts_free(o);
        if (asked)
            return true;
    }
    return false;
}

static bool answer_lists(struct setup *s, int *status)
{
    g_autofree char *name = NULL;

    if (asks_help(s->cli->accel, "accel", &name))
        *status = help_accel(name);
    else if (asks_help(s->cli->device, "driver", &name))
        *status = help_device(name);
    else if (asks_help(s->cli->object, "qom-type", &name))
        objects_help(name, stdout);
    else if (asks_help(s->cli->machine, "type", &name))
        *status = name ? list_machine_props(s) : list_machines(s);
    else
        return false;
    return true;
}

static bool answer_words(const struct setup *s, int *status)
{
    const struct cli *cli = s->cli;
    g_autofree char *name = NULL;
    bool found = true;

    if (cli->cpu && (is_help(cli->cpu) || g_str_has_suffix(cli->cpu, ",help")))
        *status = help_cpu(s, cli->cpu);
    else if (asks_help(cli->chardev, "backend", &name))
        chardev_print_help(stdout);
    else if (asks_help(cli->netdev, "type", &name) || asks_help(cli->nic, "type", &name) ||
             asks_help(cli->net, "type", &name))
        net_print_help(stdout);
    else if (asks_models(cli->nic) || asks_models(cli->net))
        list_nic_models();
    else if (cli->want_audio_help)
        puts("Available audio drivers:\nnone");
    else if (is_help(cli->log_items))
        log_print_help(stdout);
    else if (is_help(cli->display))
        puts("Available display backend types:\nnone");
    else if (is_help(cli->vga))
        display_vga_help();
    else if (cli->dirs->len && is_help(g_ptr_array_index(cli->dirs, 0)))
        *status = help_dirs(s);
    else
        found = false;
    return found;
}

bool answer_help(struct setup *s, int *status)
{
    *status = 0;
    if (s->cli->want_help)
        cli_print_help(s->cli, stdout);
    else if (s->cli->want_runner_help)
        runner_print_help(stdout);
    else if (s->cli->want_version)
        cli_print_version(stdout);
    else {
        /* The architecture narrows the lists; a wrong one is reported when the machine is made. */
        for (const struct arch *a = arch_list; s->cli->arch && a->name; a++)
            if (!strcmp(a->name, s->cli->arch))
                s->arch = a;
        return answer_lists(s, status) || answer_words(s, status);
    }
    return true;
}
