/* Collecting what a machine holds besides RAM. */
#include "snapshot/state_priv.h"

#include "core/clock.h"

#include <stdlib.h>
#include <string.h>

/* ---- description ---- */

static const char *or_empty(const char *s)
{
    return s ? s : "";
}

/* The kinds of property whose value the guest may see; others name things of the host. */
bool snap_prop_matters(const struct prop *p)
{
    static const struct prop_kind *const kinds[] = {&prop_bool,   &prop_uint8,  &prop_uint16,
                                                    &prop_uint32, &prop_uint64, &prop_size};
    static const char *const hosts[] = {"bootindex", "share-rw"};

    for (size_t i = 0; i < G_N_ELEMENTS(hosts); i++)
        if (!strcmp(p->name, hosts[i]))
            return false;
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
        if (p->kind == kinds[i])
            return true;
    return false;
}

char *snap_prop_text(const struct prop *p, const void *obj)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);

    if (f == NULL)
        return g_strdup("");
    if (p->kind->print)
        p->kind->print((const char *)obj + p->off, f);
    fclose(f);
    char *copy = g_strdup(text);
    free(text);
    return copy;
}

static void put_props(GByteArray *out, const struct device *dev)
{
    uint32_t n = 0;

    for (const struct prop *p = dev->type->cls->props; p && p->name; p++)
        n += snap_prop_matters(p);
    snap_put_u32(out, n);
    for (const struct prop *p = dev->type->cls->props; p && p->name; p++) {
        if (!snap_prop_matters(p))
            continue;
        g_autofree char *text = snap_prop_text(p, dev);
        snap_put_string(out, p->name);
        snap_put_string(out, text);
    }
}

static void put_devices(GByteArray *out, struct machine *m)
{
    uint32_t n = 0;

    for (const struct device *dev = m->devices; dev; dev = dev->next)
        n++;
    snap_put_u32(out, n);
    for (const struct device *dev = m->devices; dev; dev = dev->next) {
        snap_put_string(out, dev->id);
        snap_put_string(out, dev->type->name);
        put_props(out, dev);
    }
}

static void put_rams(GByteArray *out, struct machine *m)
{
    uint32_t n = 0;

    for (const struct ram_block *ram = m->rams; ram; ram = ram->next)
        n++;
    snap_put_u32(out, n);
    for (const struct ram_block *ram = m->rams; ram; ram = ram->next) {
        snap_put_string(out, ram->name);
        snap_put_u64(out, ram->size);
    }
}

char *snap_describe_cpu(struct machine *m)
{
    struct cpu *cpu = m->ncpus ? m->cpus[0] : NULL;

    return cpu && cpu->ops->describe ? cpu->ops->describe(cpu) : g_strdup("");
}

GByteArray *snap_describe(struct machine *m)
{
    GByteArray *out = g_byte_array_new();
    g_autofree char *cpu = snap_describe_cpu(m);

    snap_put_string(out, TINAMOU_VERSION);
    snap_put_string(out, m->cls->arch);
    snap_put_string(out, m->cls->name);
    snap_put_u32(out, m->ncpus);
    snap_put_string(out, or_empty(m->cfg.cpu_model));
    snap_put_string(out, cpu);
    put_rams(out, m);
    put_devices(out, m);
    return out;
}

/* ---- state ---- */

static uint32_t count_fields(const struct state_field *table)
{
    uint32_t n = 0;

    for (const struct state_field *f = table; f && f->name; f++)
        n++;
    return n;
}

static void put_fields(GByteArray *out, const struct state_field *table, const void *obj)
{
    for (const struct state_field *f = table; f && f->name; f++) {
        snap_put_string(out, f->name);
        snap_put_u32(out, f->size);
        snap_put_u32(out, f->elem);
        g_byte_array_append(out, (const uint8_t *)obj + f->off, f->size);
    }
}

static void free_blob(void *opaque)
{
    struct snap_blob *b = opaque;

    g_byte_array_unref(b->payload);
    g_free(b);
}

static GByteArray *add_blob(GPtrArray *blobs, enum snap_type type)
{
    struct snap_blob *b = g_new(struct snap_blob, 1);

    *b = (struct snap_blob){type, g_byte_array_new()};
    g_ptr_array_add(blobs, b);
    return b->payload;
}

static void collect_clock(GByteArray *out, bool ran)
{
    struct clock_state c;

    clock_save(&c);
    snap_put_u64(out, (uint64_t)c.virtual_ns);
    snap_put_u64(out, (uint64_t)c.wall_offset);
    snap_put_u8(out, c.wall_is_virtual);
    snap_put_u8(out, ran);
}

static void before_save(struct cpu *cpu, void *arg UNUSED)
{
    if (cpu->ops->before_save)
        cpu->ops->before_save(cpu);
}

static void collect_cpu(GByteArray *out, struct cpu *cpu)
{
    uint32_t n = 0;

    cpu_run_sync(cpu, before_save, NULL);
    snap_put_u32(out, cpu->index);
    snap_put_u8(out, cpu->halted);
    snap_put_u8(out, cpu->started);
    for (const struct state_field *const *t = cpu->ops->state; t && *t; t++)
        n += count_fields(*t);
    snap_put_u32(out, n);
    for (const struct state_field *const *t = cpu->ops->state; t && *t; t++)
        put_fields(out, *t, cpu);
}

static void collect_device(GByteArray *out, struct device *dev)
{
    snap_put_string(out, dev->id);
    snap_put_string(out, dev->type->name);
    snap_put_u32(out, count_fields(dev->type->cls->state));
    mutex_lock(&dev->lock);
    put_fields(out, dev->type->cls->state, dev);
    mutex_unlock(&dev->lock);
}

bool snap_can_save(struct machine *m, struct error **errp)
{
    for (struct device *dev = m->devices; dev; dev = dev->next) {
        if (!dev->type->cls->can_save)
            continue;
        mutex_lock(&dev->lock);
        bool ok = dev->type->cls->can_save(dev, errp);
        mutex_unlock(&dev->lock);
        if (!ok) {
            error_prefix(errp, "device '%s' (%s) cannot be saved", dev->id, dev->type->name);
            return false;
        }
    }
    return true;
}

GPtrArray *snap_collect(struct machine *m, bool ran)
{
    GPtrArray *blobs = g_ptr_array_new_with_free_func(free_blob);

    /* What fell due but did not happen yet happens now: loading would find it due as well. */
    for (struct device *dev = m->devices; dev; dev = dev->next)
        device_sync(dev);
    collect_clock(add_blob(blobs, SNAP_CLOCK), ran);
    for (unsigned i = 0; i < m->ncpus; i++)
        collect_cpu(add_blob(blobs, SNAP_CPU), m->cpus[i]);
    for (struct device *dev = m->devices; dev; dev = dev->next)
        collect_device(add_blob(blobs, SNAP_DEVICE), dev);
    return blobs;
}

bool snap_write_blobs(struct snap_io *io, const GPtrArray *blobs, struct error **errp)
{
    for (guint i = 0; i < blobs->len; i++) {
        const struct snap_blob *b = g_ptr_array_index(blobs, i);
        if (!snap_write_section(io, b->type, b->payload->data, b->payload->len, errp))
            return false;
    }
    return snap_write_section(io, SNAP_END, NULL, 0, errp);
}
