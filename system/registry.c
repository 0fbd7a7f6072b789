/* The lists of architectures, boards and accelerators, and how a name is found in them. */
#include "system/registry.h"

#include "accel/tcg/tcg.h"
#include "hw/board/boards.h"
#include "target/arm/arm.h"
#include "target/riscv/riscv.h"
#include "target/x86/x86.h"

#include <glib.h>
#include <string.h>

const struct arch arch_list[] = {
    {"riscv64", 64, riscv_cpu_list, riscv_cpu_help},
    {"riscv32", 32, riscv_cpu_list, riscv_cpu_help},
    {"aarch64", 64, arm_cpu_list, arm_cpu_help},
    {"arm", 32, arm_cpu_list, arm_cpu_help},
    {"x86_64", 64, x86_cpu_list, x86_cpu_help},
    {"i386", 32, x86_cpu_list, x86_cpu_help},
    {0},
};

const struct machine_class *const machine_classes[] = {
    &riscv64_virt_class,
    &riscv32_virt_class,
    &aarch64_virt_class,
    &arm_virt_class,
    &mps2_an385_class,
    &mps2_an386_class,
    &mps2_an500_class,
    &mps2_an505_class,
    &mps2_an521_class,
    &lm3s6965evb_class,
    &x86_64_pc_class,
    &i386_pc_class,
    &x86_64_q35_class,
    &i386_q35_class,
    &x86_64_microvm_class,
    &i386_microvm_class,
    &x86_64_isapc_class,
    &i386_isapc_class,
    &riscv64_none_class,
    &riscv32_none_class,
    &aarch64_none_class,
    &arm_none_class,
    &x86_64_none_class,
    &i386_none_class,
    NULL,
};

const struct accel_ops *const accel_list[] = {
    &tcg_accel_ops,
    NULL,
};

static void set_unknown(const char *what, const char *name, GPtrArray *take_names,
                        struct error **errp)
{
    g_ptr_array_add(take_names, NULL);
    const char *near = nearest_name(name, (const char *const *)take_names->pdata);
    error_set(errp, "no %s is named '%s'", what, name);
    if (near)
        error_append(errp, "; did you mean '%s'?", near);
    else if (take_names->len > 1)
        error_append(errp, "; there is '%s'", (const char *)g_ptr_array_index(take_names, 0));
    g_ptr_array_unref(take_names);
}

static void add_name(GPtrArray *names, const char *name)
{
    g_ptr_array_add(names, (gpointer)(uintptr_t)name);
}

const struct arch *arch_find(const char *name, struct error **errp)
{
    GPtrArray *names = g_ptr_array_new();

    for (const struct arch *a = arch_list; a->name; a++) {
        if (!strcmp(a->name, name)) {
            g_ptr_array_unref(names);
            return a;
        }
        add_name(names, a->name);
    }
    set_unknown("architecture", name, names, errp);
    return NULL;
}

static bool is_called(const struct machine_class *c, const char *name)
{
    return !strcmp(c->name, name) || (c->aliases && g_strv_contains(c->aliases, name));
}

const struct machine_class *machine_class_find(const char *arch, const char *name,
                                               struct error **errp)
{
    GPtrArray *names = g_ptr_array_new();

    for (const struct machine_class *const *c = machine_classes; *c; c++) {
        if (strcmp((*c)->arch, arch))
            continue;
        if (is_called(*c, name)) {
            g_ptr_array_unref(names);
            return *c;
        }
        add_name(names, (*c)->name);
    }
    g_autofree char *what = g_strdup_printf("%s machine", arch);
    set_unknown(what, name, names, errp);
    return NULL;
}

const struct machine_class *machine_class_default(const char *arch)
{
    for (const struct machine_class *const *c = machine_classes; *c; c++)
        if (!strcmp((*c)->arch, arch))
            return *c;
    return NULL;
}

const struct accel_ops *accel_find(const char *name)
{
    for (const struct accel_ops *const *a = accel_list; *a; a++)
        if (!strcmp((*a)->name, name))
            return *a;
    return NULL;
}

char *arch_names(void)
{
    GString *text = g_string_new(NULL);

    for (const struct arch *a = arch_list; a->name; a++)
        g_string_append_printf(text, "%s%s", text->len ? ", " : "", a->name);
    return g_string_free(text, FALSE);
}
