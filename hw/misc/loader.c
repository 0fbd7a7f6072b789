/*
 * Puts a file, or a number of up to eight bytes, into memory at every reset, and can say where a
 * processor begins.  Ref: QEMU documentation, "Generic Loader": its properties.
 */
#include "core/loader.h"
#include "core/ihex.h"
#include "core/machine.h"
#include "util/bits.h"

#include <glib.h>
#include <inttypes.h>
#include <string.h>

enum { NO_CPU = 0xffff, MAX_DATA = 8 };
static const size_t MAX_FILE = (size_t)2 << 30;

struct loader {
    struct device dev;
    char *file;
    uint64_t addr, data;
    uint32_t data_len, cpu_num;
    bool data_be, force_raw;
    struct machine_reset_hook hook;
    uint8_t *bytes; /* of the file, unwrapped */
    size_t len;
    uint64_t entry;
    struct loader_state {
        char nothing;
    } s;
};

static struct address_space *memory(const struct loader *l)
{
    return &l->dev.machine->as;
}

static bool load_hex(struct loader *l, struct error **errp)
{
    g_autoptr(GArray) pieces = ihex_parse(l->bytes, l->len, errp);
    for (guint i = 0; pieces && i < pieces->len; i++) {
        const struct ihex_piece *p = &g_array_index(pieces, struct ihex_piece, i);
        if (!load_blob(memory(l), p->addr, p->data, p->len, l->file, errp))
            return false;
    }
    return pieces != NULL;
}

static bool load_bytes(struct loader *l, struct error **errp)
{
    struct elf_info elf;
    if (!l->force_raw && elf_probe(l->bytes, l->len, &elf)) {
        bool ok = elf_load(memory(l), l->bytes, l->len, &elf, l->file, errp);
        l->entry = elf.entry;
        return ok;
    }
    if (!l->force_raw && ihex_probe(l->bytes, l->len))
        return load_hex(l, errp);
    l->entry = l->addr;
    return load_blob(memory(l), l->addr, l->bytes, l->len, l->file, errp);
}

static bool load_number(const struct loader *l, struct error **errp)
{
    uint8_t buf[MAX_DATA];
    for (uint32_t i = 0; i < l->data_len; i++)
        buf[l->data_be ? l->data_len - 1 - i : i] = (uint8_t)(l->data >> i * 8);
    return load_blob(memory(l), l->addr, buf, l->data_len, "data", errp);
}

static bool load(struct loader *l, struct error **errp)
{
    l->entry = l->addr;
    if (l->bytes)
        return load_bytes(l, errp);
    return l->data_len == 0 || load_number(l, errp);
}

/* ---- resets ---- */

static void fill_memory(void *opaque)
{
    struct error *err = NULL;
    if (!load(opaque, &err))
        error_report(err);
}

static void set_pc(struct cpu *cpu, void *opaque)
{
    cpu->ops->set_pc(cpu, ((struct loader *)opaque)->entry);
}

static void start_cpu(void *opaque)
{
    struct loader *l = opaque;
    if (l->cpu_num != NO_CPU)
        cpu_run_sync(l->dev.machine->cpus[l->cpu_num], set_pc, l);
}

/* ---- the device ---- */

static bool check(const struct loader *l, struct error **errp)
{
    const struct machine *m = l->dev.machine;
    if (m == NULL || m->ncpus == 0)
        error_set(errp, "the machine has no processor");
    else if (l->file && (l->data || l->data_len || l->data_be))
        error_set(errp, "file and data exclude each other");
    else if (l->force_raw && l->file == NULL)
        error_set(errp, "force-raw needs file=FILE");
    else if (l->data_len > MAX_DATA)
        error_set(errp, "data-len=%u: wanted 1 to %d bytes", l->data_len, MAX_DATA);
    else if ((l->data || l->data_be) && l->data_len == 0)
        error_set(errp, "data needs data-len, how many bytes it has");
    else if (!l->file && l->data_len == 0 && l->cpu_num == NO_CPU)
        error_set(errp, "wanted file=FILE, data=NUMBER with data-len=BYTES, or cpu-num=N");
    else if (l->cpu_num != NO_CPU && l->cpu_num >= m->ncpus)
        error_set(errp, "cpu-num=%u: the machine has %u", l->cpu_num, m->ncpus);
    else
        return true;
    return false;
}

static bool read_file(struct loader *l, struct error **errp)
{
    if (l->file == NULL)
        return true;
    l->bytes = load_file(l->file, MAX_FILE, &l->len, errp);
    return l->bytes && (l->force_raw || load_unwrap(&l->bytes, &l->len, MAX_FILE, l->file, errp));
}

static bool loader_realize(struct device *dev, struct error **errp)
{
    struct loader *l = (struct loader *)dev;
    if (!check(l, errp) || !read_file(l, errp) || !load(l, errp)) {
        g_clear_pointer(&l->bytes, g_free);
        return false;
    }
    l->hook = (struct machine_reset_hook){fill_memory, start_cpu, l, NULL};
    machine_add_reset_hook(dev->machine, &l->hook);
    machine_reset_cpus(dev->machine); /* a vector table may have changed */
    return true;
}

static void loader_unrealize(struct device *dev)
{
    struct loader *l = (struct loader *)dev;
    machine_del_reset_hook(dev->machine, &l->hook);
    g_free(l->bytes);
}

static const struct state_field loader_state[] = {
    STATE(loader, nothing, 0),
    STATE_END,
};

static const struct prop loader_props[] = {
    PROP(prop_uint64, loader, "addr", addr, "0", "where, and where the processor begins"),
    PROP(prop_uint32, loader, "cpu-num", cpu_num, "65535", "the processor that begins there"),
    PROP(prop_uint64, loader, "data", data, "0", "a number to put there"),
    PROP(prop_bool, loader, "data-be", data_be, "off", "big endian"),
    PROP(prop_uint32, loader, "data-len", data_len, "0", "bytes of the number, 1 to 8"),
    PROP(prop_string, loader, "file", file, NULL, "ELF, Intel HEX or flat binary to put there"),
    PROP(prop_bool, loader, "force-raw", force_raw, "off", "take the file as it is"),
    PROP_END,
};

DEVICE_CLASS(loader) = {
    .desc = "Puts a file or a number into memory",
    .user_creatable = true,
    .props = loader_props,
    .state = loader_state,
    .realize = loader_realize,
    .unrealize = loader_unrealize,
};
