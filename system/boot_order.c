/* What firmware tries, and in which order: -option-rom, and what devices say by bootindex. */
#include "hw/boot_order.h"
#include "core/loader.h"
#include "hw/misc/fw_cfg.h"
#include "system/setup.h"

#include <string.h>

enum { MAX_OPTION_ROM = 16 << 20 };
static const char ORDER[] = "bootorder";

/* False with *errp when something else has that place. */
static bool take_place(struct setup *s, uint64_t index, const char *path, struct error **errp)
{
    struct boot_entry e = {(int32_t)index, path};
    const struct device *dev = boot_index_holder(s->machine, e.index);

    for (guint i = 0; i < s->boot_roms->len; i++)
        if (g_array_index(s->boot_roms, struct boot_entry, i).index == e.index) {
            error_set(errp, "bootindex=%d is that of another -option-rom already", e.index);
            return false;
        }
    if (dev)
        error_set(errp, "bootindex=%d is that of device '%s' already", e.index, dev->id);
    else
        g_array_append_val(s->boot_roms, e);
    return !dev;
}

static bool add_rom(struct setup *s, const char *file, struct error **errp)
{
    struct device *fw_cfg = fw_cfg_find(s->machine);
    size_t len = 0;

    g_autofree char *path = firmware_find(s->machine, file, errp);
    g_autofree uint8_t *data = path ? load_file(path, MAX_OPTION_ROM, &len, errp) : NULL;
    g_autofree char *base = g_path_get_basename(file);
    g_autofree char *name = g_strconcat("genroms/", base, NULL);

    if (data && (len < 3 || data[0] != 0x55 || data[1] != 0xaa)) {
        error_set(errp, "'%s' is no option ROM: it does not begin with 55 aa", path);
        return false;
    }
    return data && fw_cfg_add_file(fw_cfg, name, data, len, errp);
}

static bool add_option_rom(struct setup *s, struct opts *o, struct error **errp)
{
    static const char *const keys[] = {"romfile", "bootindex", NULL};
    const char *file = opts_get(o, "romfile", NULL), *index = opts_get(o, "bootindex", NULL);
    uint64_t v;

    if (!file) {
        error_set(errp, "wanted a file");
        return false;
    }
    if (!s->cls->has_option_roms || !fw_cfg_find(s->machine)) {
        error_set(errp, "machine '%s' has no option ROMs", s->cls->name);
        return false;
    }
    if (!opts_get_uint(o, "bootindex", INT32_MAX, 0, &v, errp) || !opts_check_used(o, keys, errp) ||
        !add_rom(s, file, errp))
        return false;
    if (!index)
        return true;
    g_autofree char *base = g_path_get_basename(file);
    return take_place(s, v, setup_own(s, g_strconcat("/rom@genroms/", base, NULL)), errp);
}

bool setup_option_roms(struct setup *s, struct error **errp)
{
    for (guint i = 0; i < s->cli->option_rom->len; i++) {
        const char *text = g_ptr_array_index(s->cli->option_rom, i);
        struct opts *o = opts_parse(text, "romfile");
        bool ok = add_option_rom(s, o, errp);
        opts_free(o);
        if (!ok) {
            error_prefix(errp, "-option-rom %s", text);
            return false;
        }
    }
    return true;
}

/* Lines, the last one ended by a zero byte.  strict=on ends a list with HALT: nothing else is
 * tried. */
static GString *make_order(struct setup *s)
{
    struct machine *m = s->machine;
    g_autofree char *list =
        boot_order(m, (const struct boot_entry *)(void *)s->boot_roms->data, s->boot_roms->len);
    GString *text = g_string_new(NULL);

    if (m->boot_first)
        g_string_append_printf(text, "%s\n", m->boot_first);
    g_string_append(text, list);
    if (text->len && m->cfg.boot.strict)
        g_string_append(text, "HALT\n");
    if (text->len)
        text->str[text->len - 1] = '\0';
    return text;
}

/* Devices may have come and gone. */
static void refresh(void *opaque)
{
    struct setup *s = opaque;
    GString *text = make_order(s);

    fw_cfg_replace_file(fw_cfg_find(s->machine), ORDER, text->str, text->len);
    g_string_free(text, TRUE);
}

bool setup_boot_order(struct setup *s, struct error **errp)
{
    struct device *fw_cfg = fw_cfg_find(s->machine);

    if (!fw_cfg)
        return true;
    GString *text = make_order(s);
    bool ok = fw_cfg_add_file(fw_cfg, ORDER, text->str, text->len, errp);
    g_string_free(text, TRUE);
    s->boot_hook = (struct machine_reset_hook){.before_cpus = refresh, .opaque = s};
    machine_add_reset_hook(s->machine, &s->boot_hook);
    return ok;
}
