/* The architecture, the board and its configuration: -arch, -machine, -m, -smp, -kernel and their
 * like. */
#include "system/setup.h"

#include "core/action.h"
#include "core/loader.h"
#include "hw/boot_order.h"
#include "util/log.h"

#include <string.h>

/* Where distributions install firmware, after the directories of -L. */
static const char *const install_dirs[] = {
    "/usr/local/share/tinamou",
    "/usr/share/tinamou",
    "/usr/share/seabios",
    "/usr/share/qemu",
    "/usr/share/qemu-firmware",
    "/usr/lib/riscv64-linux-gnu/opensbi/generic",
    "/usr/lib/riscv32-linux-gnu/opensbi/generic",
    "/usr/share/opensbi/lp64/generic/firmware",
    "/usr/share/opensbi/ilp32/generic/firmware",
    "/usr/lib/u-boot/qemu-riscv64_smode",
    "/usr/lib/ipxe/qemu",
};

static void free_opts(void *o)
{
    opts_free(o);
}

/* Options that -machine takes as keys, too: smp.cores=2 is -smp cores=2. */
static const struct {
    const char *prefix;
    size_t field; /* of struct cli */
} nested[] = {{"smp.", offsetof(struct cli, smp)},
              {"boot.", offsetof(struct cli, boot)},
              {"memory.", offsetof(struct cli, memory)}};

/* The option's text with one more key; a comma in the value stays one. */
static char *add_key(const char *text, const char *key, const char *value)
{
    g_auto(GStrv) parts = g_strsplit(value, ",", -1);
    g_autofree char *quoted = g_strjoinv(",,", parts);
    const char *name = opts_key_equal(key, "max-size") ? "maxmem" : key;
    return g_strdup_printf("%s%s%s=%s", text ? text : "", text ? "," : "", name, quoted);
}

static void take_nested_keys(struct setup *s, const struct opts *o)
{
    for (size_t i = 0; i < o->n; i++)
        for (size_t n = 0; n < G_N_ELEMENTS(nested); n++) {
            const char **text = (const char **)(void *)((char *)s->cli + nested[n].field);
            size_t len = strlen(nested[n].prefix);
            if (strncmp(o->pair[i].key, nested[n].prefix, len) == 0)
                *text = setup_own(s, add_key(*text, o->pair[i].key + len, o->pair[i].value));
        }
}

static bool is_nested_key(const char *key)
{
    for (size_t n = 0; n < G_N_ELEMENTS(nested); n++)
        if (strncmp(key, nested[n].prefix, strlen(nested[n].prefix)) == 0)
            return true;
    return false;
}

void setup_init(struct setup *s, struct cli *cli)
{
    *s = (struct setup){.cli = cli};
    s->machine_opts = g_ptr_array_new_with_free_func(free_opts);
    s->drives = g_ptr_array_new_with_free_func(drive_free);
    s->globals = g_array_new(TRUE, TRUE, sizeof(struct prop_global));
    s->boot_roms = g_array_new(FALSE, FALSE, sizeof(struct boot_entry));
    s->dirs = g_ptr_array_new();
    s->owned = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < cli->machine->len; i++)
        g_ptr_array_add(s->machine_opts, opts_parse(g_ptr_array_index(cli->machine, i), "type"));
    for (guint i = 0; i < s->machine_opts->len; i++)
        take_nested_keys(s, g_ptr_array_index(s->machine_opts, i));
    for (guint i = 0; i < cli->dirs->len; i++)
        g_ptr_array_add(s->dirs, g_ptr_array_index(cli->dirs, i));
    for (size_t i = 0; i < G_N_ELEMENTS(install_dirs); i++)
        g_ptr_array_add(s->dirs, (gpointer)(uintptr_t)install_dirs[i]);
    g_ptr_array_add(s->dirs, NULL);
}

void setup_fini(struct setup *s)
{
    g_ptr_array_unref(s->machine_opts);
    g_ptr_array_unref(s->drives);
    if (s->nics)
        g_ptr_array_unref(s->nics);
    g_array_unref(s->globals);
    g_array_unref(s->boot_roms);
    g_ptr_array_unref(s->dirs);
    if (s->accel_props)
        props_fini(s->accel->props, s->accel_props);
    g_free(s->accel_props);
    g_ptr_array_unref(s->owned);
}

const char *setup_own(struct setup *s, char *take_text)
{
    g_ptr_array_add(s->owned, take_text);
    return take_text;
}

/* The last value of a key over all -machine options, or NULL. */
const char *setup_machine_opt(struct setup *s, const char *key)
{
    const char *value = NULL;

    for (guint i = 0; i < s->machine_opts->len; i++)
        value = opts_get(g_ptr_array_index(s->machine_opts, i), key, value);
    return value;
}

/* Architecture of an image file, NULL when it does not tell; *errp only when it cannot be read. */
static const char *arch_of_file(const char *path, struct error **errp)
{
    const size_t max = (size_t)1 << 30;
    size_t len;
    uint8_t *data = load_file(path, max, &len, errp);
    const char *arch = NULL;

    if (data && load_unwrap(&data, &len, max, path, errp))
        arch = image_arch(data, len);
    g_free(data);
    return arch;
}

/* Plain "tinamou" without -arch: the kernel or the firmware tells what it is for. */
static bool detect_arch(struct setup *s, struct error **errp)
{
    const struct cli *cli = s->cli;
    const char *kernel = cli->kernel ? cli->kernel : setup_machine_opt(s, "kernel");
    bool is_file = cli->bios && strcmp(cli->bios, "none") && strcmp(cli->bios, "default");
    const char *path = kernel ? kernel : is_file ? cli->bios : NULL;
    g_autofree char *names = arch_names();
    struct error *err = NULL;

    if (!path) {
        error_set(errp, "no architecture was given: add -arch (%s), or a -kernel image that tells",
                  names);
        return false;
    }
    const char *name = arch_of_file(path, &err);
    if (err) {
        error_move(errp, err);
        if (kernel)
            error_prefix(errp, "could not load kernel"); /* tools look for these words */
        return false;
    }
    if (!name) {
        error_set(errp, "'%s' does not say which architecture it is for: add -arch (%s)", path,
                  names);
        return false;
    }
    for (const struct arch *a = arch_list; a->name; a++)
        if (!strcmp(a->name, name))
            s->arch = a;
    if (!s->arch) {
        error_set(errp, "'%s' is for %s, which there is no machine for; there are machines for %s",
                  path, name, names);
        return false;
    }
    log_info("'%s' is for %s: using -arch %s", path, name, name);
    return true;
}

bool setup_arch(struct setup *s, struct error **errp)
{
    const struct cli *cli = s->cli;

    if (!cli->arch)
        return detect_arch(s, errp);
    if (cli->program_arch && strcmp(cli->program_arch, cli->arch)) {
        error_set(errp,
                  "-arch %s: this program is %s; call 'tinamou' to choose another architecture",
                  cli->arch, cli->program);
        return false;
    }
    s->arch = arch_find(cli->arch, errp);
    if (!s->arch)
        error_prefix(errp, cli->program_arch ? "%s" : "-arch", cli->program);
    return s->arch != NULL;
}

bool setup_machine_class(struct setup *s, struct error **errp)
{
    const char *name = setup_machine_opt(s, "type");

    if (name)
        s->cls = machine_class_find(s->arch->name, name, errp);
    else
        s->cls = machine_class_default(s->arch->name);
    if (!s->cls)
        error_prefix(errp, "-machine %s", name);
    return s->cls != NULL;
}

static bool config_memory(struct setup *s, struct error **errp)
{
    static const char *const keys[] = {"size", "slots", "maxmem", NULL};
    struct opts *o = opts_parse(s->cli->memory ? s->cli->memory : "", "size");
    const char *size = opts_get(o, "size", NULL);
    uint64_t slots, most;
    bool ok = (!size || parse_size(size, 1 << 20, &s->cfg.ram_size, errp)) &&
              opts_get_uint(o, "slots", 256, 0, &slots, errp) &&
              opts_get_size(o, "maxmem", s->cfg.ram_size, &most, errp) &&
              opts_check_used(o, keys, errp);

    opts_free(o);
    if (ok && most != s->cfg.ram_size) {
        error_set(errp, "maxmem must equal size: memory cannot be added to machine '%s'",
                  s->cls->name);
        ok = false;
    }
    if (ok && (s->cfg.ram_size < MIN(s->cls->default_ram, 1 << 20) ||
               s->cfg.ram_size > (UINT64_C(1) << 46))) {
        error_set(errp, "wanted between 1M and 64T");
        ok = false;
    }
    s->cfg.ram_size = (s->cfg.ram_size + 0x1fff) & ~UINT64_C(0x1fff);
    if (!ok)
        error_prefix(errp, "-m %s", s->cli->memory);
    return ok;
}

/* What -smp did not say follows from the rest; cores take what is left over. */
static bool complete_topology(struct machine_config *cfg, unsigned cpus, unsigned max_cpus,
                              struct error **errp)
{
    unsigned sockets = cfg->sockets ? cfg->sockets : 1, threads = cfg->threads ? cfg->threads : 1;
    unsigned total = max_cpus ? max_cpus : cpus;

    if (!cfg->cores)
        cfg->cores = total ? MAX(total / (sockets * threads), 1) : 1;
    if (!cfg->sockets)
        sockets = total ? MAX(total / (cfg->cores * threads), 1) : 1;
    cfg->sockets = sockets;
    cfg->threads = threads;
    cfg->max_cpus = total ? total : sockets * cfg->cores * threads;
    cfg->smp = cpus ? cpus : cfg->max_cpus;
    if ((uint64_t)sockets * cfg->cores * threads != cfg->max_cpus) {
        error_set(errp, "sockets (%u) * cores (%u) * threads (%u) is not the number of CPUs (%u)",
                  sockets, cfg->cores, threads, cfg->max_cpus);
        return false;
    }
    if (cfg->smp > cfg->max_cpus) {
        error_set(errp, "cpus (%u) is more than maxcpus (%u)", cfg->smp, cfg->max_cpus);
        return false;
    }
    return true;
}

static bool parse_smp(struct setup *s, struct opts *o, struct error **errp)
{
    static const char *const keys[] = {"cpus",    "maxcpus", "sockets",  "cores",
                                       "threads", "dies",    "clusters", NULL};
    uint64_t v[7];

    for (size_t i = 0; keys[i]; i++) {
        if (!opts_get_uint(o, keys[i], MACHINE_MAX_CPUS, 0, &v[i], errp))
            return false;
        if (!v[i] && opts_get(o, keys[i], NULL)) {
            error_set(errp, "%s must be at least 1", keys[i]);
            return false;
        }
        if (i > 4 && v[i] > 1) {
            error_set(errp, "machine '%s' has no %s: only 1 is possible", s->cls->name, keys[i]);
            return false;
        }
    }
    s->cfg.sockets = v[2];
    s->cfg.cores = v[3];
    s->cfg.threads = v[4];
    return opts_check_used(o, keys, errp) && complete_topology(&s->cfg, v[0], v[1], errp);
}

static bool config_smp(struct setup *s, struct error **errp)
{
    struct opts *o = opts_parse(s->cli->smp ? s->cli->smp : "1", "cpus");
    bool ok = parse_smp(s, o, errp);

    opts_free(o);
    if (ok && s->cfg.max_cpus > s->cls->max_cpus) {
        error_set(errp, "machine '%s' takes at most %u CPUs", s->cls->name, s->cls->max_cpus);
        ok = false;
    }
    if (!ok)
        error_prefix(errp, "-smp %s", s->cli->smp);
    return ok;
}

/* Options that may also be written as properties of the machine. */
static const char *option_or_machine(struct setup *s, const char *option, const char *key)
{
    const char *value = setup_machine_opt(s, key);

    return option ? option : value;
}

static bool check_kernel_options(const struct machine_config *cfg, struct error **errp)
{
    const char *orphan = cfg->append ? "-append" : cfg->initrd ? "-initrd" : NULL;

    if (cfg->kernel || !orphan)
        return true;
    error_set(errp, "%s needs a -kernel", orphan);
    return false;
}

static bool config_action(struct setup *s, const char *text, struct error **errp)
{
    static const char *const keys[] = {"reboot", "shutdown", "panic", "watchdog", NULL};
    static const char *const reboots[] = {"reset", "shutdown", NULL};
    static const char *const shutdowns[] = {"poweroff", "pause", NULL};
    const char *const *const choices[] = {reboots, shutdowns, panic_action_names,
                                          watchdog_action_names};
    unsigned got[4] = {s->cfg.no_reboot, s->cfg.no_shutdown, s->cfg.panic, s->cfg.watchdog};
    struct opts *o = opts_parse(text, NULL);
    bool ok = true;

    for (size_t i = 0; ok && keys[i]; i++) {
        const char *value = opts_get(o, keys[i], NULL);
        ok = !value || action_parse(choices[i], value, &got[i], errp);
        if (!ok)
            error_prefix(errp, "%s", keys[i]);
    }
    ok = ok && opts_check_used(o, keys, errp);
    if (ok) {
        s->cfg.no_reboot = got[0];
        s->cfg.no_shutdown = got[1];
        s->cfg.panic = got[2];
        s->cfg.watchdog = got[3];
    }
    opts_free(o);
    if (!ok)
        error_prefix(errp, "-action %s", text);
    return ok;
}

bool setup_config(struct setup *s, struct error **errp)
{
    const struct cli *cli = s->cli;
    struct machine_config *cfg = &s->cfg;

    cfg->ram_size = s->cls->default_ram;
    cfg->cpu_model = cli->cpu;
    cfg->kernel = option_or_machine(s, cli->kernel, "kernel");
    cfg->initrd = option_or_machine(s, cli->initrd, "initrd");
    cfg->append = option_or_machine(s, cli->append, "append");
    cfg->dtb = option_or_machine(s, cli->dtb, "dtb");
    cfg->bios = option_or_machine(s, cli->bios, "firmware");
    cfg->dumpdtb = setup_machine_opt(s, "dumpdtb");
    cfg->firmware_dirs = (const char *const *)s->dirs->pdata;
    cfg->uuid = cli->uuid;
    if (cli->smbios->len && !s->cls->has_smbios) {
        error_set(errp, "-smbios: machine '%s' has no SMBIOS tables", s->cls->name);
        return false;
    }
    if (cli->acpitable->len && !s->cls->has_acpitables) {
        error_set(errp, "-acpitable: machine '%s' takes no ACPI tables from outside", s->cls->name);
        return false;
    }
    g_ptr_array_add(cli->acpitable, NULL);
    cfg->acpitables = (const char *const *)cli->acpitable->pdata;
    g_ptr_array_add(cli->smbios, NULL);
    cfg->smbios = (const char *const *)cli->smbios->pdata;
    cfg->no_reboot = cli->no_reboot;
    cfg->no_shutdown = cli->no_shutdown;
    cfg->start_paused = cli->start_paused;
    cfg->nodefaults = cli->nodefaults;
    cfg->nographic = cli->nographic;
    for (guint i = 0; i < cli->action->len; i++)
        if (!config_action(s, g_ptr_array_index(cli->action, i), errp))
            return false;
    return config_memory(s, errp) && config_smp(s, errp) && check_kernel_options(cfg, errp);
}

/* Keys of -machine that mean the same on every board: read above, or without effect on these. */
static bool is_common_key(const char *key)
{
    static const char *const common[] = {
        "type",     "accel",           "kernel",         "initrd",          "append",
        "dtb",      "firmware",        "dumpdtb",        "dump-guest-core", "mem-merge",
        "graphics", "suppress-vmdesc", "memory-backend", "kernel-irqchip",  NULL};

    for (size_t i = 0; common[i]; i++)
        if (opts_key_equal(common[i], key))
            return true;
    return is_nested_key(key);
}

static bool set_machine_props(struct setup *s, struct opts *o, struct error **errp)
{
    for (size_t i = 0; i < o->n; i++) {
        const struct opt_pair *p = &o->pair[i];
        if (!props_find(s->cls->props, p->key) && is_common_key(p->key))
            continue;
        if (!props_set(s->cls->props, s->machine, p->key, p->value, errp)) {
            error_prefix(errp, "machine '%s'", s->cls->name);
            return false;
        }
    }
    return true;
}

/* -no-acpi and its like: of machines that know what is to be off. */
static bool set_old_options(struct setup *s, struct error **errp)
{
    const struct {
        const char *prop;
        bool is_off;
    } old[] = {{"acpi", s->cli->no_acpi},
               {"hpet", s->cli->no_hpet},
               {"fd-bootchk", s->cli->no_fd_bootchk}};

    for (size_t i = 0; i < G_N_ELEMENTS(old); i++)
        if (old[i].is_off && props_find(s->cls->props, old[i].prop) &&
            !props_set(s->cls->props, s->machine, old[i].prop, "off", errp))
            return false;
    return true;
}

bool setup_machine(struct setup *s, struct error **errp)
{
    s->cfg.globals = (const struct prop_global *)(void *)s->globals->data;
    s->machine = machine_new(s->cls, s->accel, s->accel_props);
    s->machine->cfg = s->cfg;
    if (!set_old_options(s, errp))
        return false;
    for (guint i = 0; i < s->machine_opts->len; i++)
        if (!set_machine_props(s, g_ptr_array_index(s->machine_opts, i), errp))
            return false;
    return true;
}
