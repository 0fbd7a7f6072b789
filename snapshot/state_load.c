/* Decoding and checking what a machine holds besides RAM, and putting it into a machine. */
#include "snapshot/state_priv.h"

#include "core/clock.h"
#include "util/log.h"

#include <inttypes.h>
#include <string.h>

/* ---- description ---- */

static bool bad_description(struct error **errp)
{
    error_set(errp, "the saved state is damaged: its description of the machine ends too early");
    return false;
}

static bool fits_board(struct machine *m, struct snap_cursor *c, struct error **errp)
{
    g_free(snap_get_string(c)); /* the version of the program: for people */
    g_autofree char *arch = snap_get_string(c), *board = snap_get_string(c);
    uint32_t ncpus = snap_get_u32(c);

    if (c->bad)
        return bad_description(errp);
    if (strcmp(arch, m->cls->arch) != 0)
        error_set(errp, "the state is of a %s machine, this is %s: use -arch %s", arch,
                  m->cls->arch, arch);
    else if (strcmp(board, m->cls->name) != 0)
        error_set(errp, "the state is of machine '%s', this is '%s': use -machine %s", board,
                  m->cls->name, board);
    else if (ncpus != m->ncpus)
        error_set(errp, "the state is of a machine with %u CPUs, this one has %u: use -smp %u",
                  ncpus, m->ncpus, ncpus);
    else
        return true;
    return false;
}

static bool fits_cpu(struct machine *m, struct snap_cursor *c, struct error **errp)
{
    g_autofree char *model = snap_get_string(c), *cpu = snap_get_string(c);
    g_autofree char *ours = snap_describe_cpu(m);

    if (c->bad)
        return bad_description(errp);
    if (!strcmp(cpu, ours))
        return true;
    error_set(errp, "the state is of a machine whose CPU is '%s', here it is '%s'", cpu, ours);
    if (*model)
        error_append(errp, ": use -cpu %s", model);
    else
        error_append(errp, ": it was started without -cpu");
    return false;
}

static struct ram_block *find_ram(struct machine *m, const char *name)
{
    struct ram_block *ram = m->rams;

    while (ram && strcmp(ram->name, name) != 0)
        ram = ram->next;
    return ram;
}

static bool fits_ram(struct machine *m, struct snap_cursor *c, GPtrArray *rams, struct error **errp)
{
    g_autofree char *name = snap_get_string(c);
    uint64_t size = snap_get_u64(c);
    struct ram_block *ram = find_ram(m, name);

    if (c->bad)
        return bad_description(errp);
    if (ram == NULL)
        error_set(errp, "the state has %" PRIu64 " KiB of memory '%s', which this machine lacks",
                  size >> 10, name);
    else if (ram->size != size)
        error_set(errp,
                  "the state has %" PRIu64 " KiB of memory '%s', this machine %" PRIu64
                  " KiB: start it with the same -m and devices",
                  size >> 10, name, ram->size >> 10);
    else if (g_ptr_array_find(rams, ram, NULL))
        error_set(errp, "the saved state is damaged: memory '%s' comes twice", name);
    else {
        g_ptr_array_add(rams, ram);
        return true;
    }
    return false;
}

static bool fits_rams(struct machine *m, struct snap_cursor *c, GPtrArray *rams,
                      struct error **errp)
{
    for (uint32_t n = snap_get_u32(c); n; n--)
        if (!fits_ram(m, c, rams, errp))
            return false;
    for (struct ram_block *ram = m->rams; ram; ram = ram->next) {
        if (g_ptr_array_find(rams, ram, NULL))
            continue;
        error_set(errp, "this machine has memory '%s', the saved state has not", ram->name);
        return false;
    }
    return true;
}

/* One property of a device: what a later version added is taken as not set by anyone. */
static bool fits_prop(const struct device *dev, struct snap_cursor *c, struct error **errp)
{
    g_autofree char *name = snap_get_string(c), *text = snap_get_string(c);
    const struct prop *p = c->bad ? NULL : props_find(dev->type->cls->props, name);

    if (c->bad)
        return bad_description(errp);
    if (p == NULL || !snap_prop_matters(p))
        return true;
    g_autofree char *ours = snap_prop_text(p, dev);
    if (!strcmp(ours, text))
        return true;
    error_set(errp, "device '%s' (%s) had %s=%s when its state was saved, here it is %s", dev->id,
              dev->type->name, name, text, ours);
    return false;
}

static bool fits_device(struct machine *m, struct snap_cursor *c, GHashTable *seen,
                        struct error **errp)
{
    g_autofree char *id = snap_get_string(c), *type = snap_get_string(c);
    uint32_t nprops = snap_get_u32(c);
    struct device *dev = c->bad ? NULL : machine_find_device(m, id);

    if (c->bad)
        return bad_description(errp);
    if (dev == NULL) {
        error_set(errp, "the state has a device '%s' (%s), which this machine lacks", id, type);
        return false;
    }
    if (strcmp(dev->type->name, type) != 0) {
        error_set(errp, "device '%s' is a %s in the saved state, a %s in this machine", id, type,
                  dev->type->name);
        return false;
    }
    g_hash_table_add(seen, dev);
    for (uint32_t i = 0; i < nprops; i++)
        if (!fits_prop(dev, c, errp))
            return false;
    return true;
}

static bool lacks_device(const struct device *dev, struct error **errp)
{
    error_set(errp, "this machine has a device '%s' (%s), the saved state has not", dev->id,
              dev->type->name);
    return false;
}

static bool fits_devices(struct machine *m, struct snap_cursor *c, struct error **errp)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_direct_hash, g_direct_equal);

    for (uint32_t n = snap_get_u32(c); n; n--)
        if (!fits_device(m, c, seen, errp))
            return false;
    for (struct device *dev = m->devices; dev; dev = dev->next)
        if (!g_hash_table_contains(seen, dev))
            return lacks_device(dev, errp);
    return true;
}

bool snap_fits(struct machine *m, const GByteArray *description, GPtrArray *rams,
               struct error **errp)
{
    struct snap_cursor c = snap_cursor(description);

    if (!fits_board(m, &c, errp) || !fits_cpu(m, &c, errp) || !fits_rams(m, &c, rams, errp))
        return false;
    return fits_devices(m, &c, errp) && (!c.bad || bad_description(errp));
}

/* ---- staging ---- */

/* The state of one thing: a copy of its fields in table order. */
struct staged {
    uint8_t *fields; /* NULL: none came yet */
    bool halted, started;
};

struct snap_staging {
    struct machine *m;
    struct clock_state clock;
    bool has_clock, ran;
    struct staged *cpus;
    GHashTable *devices; /* struct device * -> struct staged * */
};

static void free_staged(void *opaque)
{
    struct staged *s = opaque;

    g_free(s->fields);
    g_free(s);
}

struct snap_staging *snap_staging_new(struct machine *m)
{
    struct snap_staging *st = g_new0(struct snap_staging, 1);

    st->m = m;
    st->cpus = g_new0(struct staged, MAX(m->ncpus, 1));
    st->devices = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, free_staged);
    return st;
}

void snap_staging_free(struct snap_staging *st)
{
    if (st == NULL)
        return;
    for (unsigned i = 0; i < st->m->ncpus; i++)
        g_free(st->cpus[i].fields);
    g_free(st->cpus);
    g_hash_table_unref(st->devices);
    g_free(st);
}

/* A field as the stream has it. */
struct field {
    char *name;
    uint32_t size, elem;
    const uint8_t *bytes;
    bool used;
};

static void free_fields(GArray *fields)
{
    for (guint i = 0; i < fields->len; i++)
        g_free(g_array_index(fields, struct field, i).name);
    g_array_unref(fields);
}

static GArray *read_fields(struct snap_cursor *c)
{
    GArray *fields = g_array_new(FALSE, TRUE, sizeof(struct field));

    for (uint32_t n = snap_get_u32(c); n && !c->bad; n--) {
        struct field f = {.name = snap_get_string(c)};
        f.size = snap_get_u32(c);
        f.elem = snap_get_u32(c);
        f.bytes = snap_get_bytes(c, f.size);
        g_array_append_val(fields, f);
    }
    return fields;
}

/* Tables and streams have the same order, save for what one of them lacks. */
static struct field *find_field(GArray *fields, const char *name, guint hint)
{
    for (guint i = 0; i < fields->len; i++) {
        struct field *f = &g_array_index(fields, struct field, (hint + i) % fields->len);
        if (!strcmp(f->name, name))
            return f;
    }
    return NULL;
}

static void put_reset_value(const struct state_field *t, uint8_t *out)
{
    struct state_field at = *t;

    at.off = 0;
    at.keep = false;
    const struct state_field table[] = {at, STATE_END};
    state_reset(table, out);
}

/* Arrays may have grown; a field of another size else is another field. */
static bool take_field(const char *who, const struct state_field *t, struct field *f, uint8_t *out,
                       struct error **errp)
{
    put_reset_value(t, out);
    if (f == NULL) {
        log_warn("%s: the saved state has no '%s': it keeps its reset value", who, t->name);
        return true;
    }
    f->used = true;
    if (f->elem != t->elem || f->size > t->size || (f->size != t->size && f->elem == f->size)) {
        error_set(errp, "%s: '%s' has %u bytes in elements of %u in the saved state, %u of %u here",
                  who, t->name, f->size, f->elem, t->size, t->elem);
        return false;
    }
    memcpy(out, f->bytes, f->size);
    return true;
}

static bool is_zero(const uint8_t *p, size_t n)
{
    while (n && !*p) {
        p++;
        n--;
    }
    return n == 0;
}

/* State that this program does not know may be left out only if there is nothing in it. */
static bool check_unused(const char *who, const GArray *fields, struct error **errp)
{
    for (guint i = 0; i < fields->len; i++) {
        const struct field *f = &g_array_index(fields, struct field, i);
        if (f->used || is_zero(f->bytes, f->size))
            continue;
        error_set(errp, "%s: the saved state has '%s', which this version does not know", who,
                  f->name);
        return false;
    }
    return true;
}

/* Decode fields into a copy of the tables' fields; NULL and *errp when they do not fit. */
static uint8_t *stage_fields(const char *who, const struct state_field *const *tables,
                             struct snap_cursor *c, struct error **errp)
{
    GArray *fields = read_fields(c);
    size_t size = 1;
    guint nth = 0;
    bool ok = !c->bad;

    if (!ok)
        error_set(errp, "%s: the saved state is damaged: it ends too early", who);
    for (const struct state_field *const *t = tables; t && *t; t++)
        size += state_size(*t);
    g_autofree uint8_t *copy = g_malloc0(size);
    uint8_t *at = copy;
    for (const struct state_field *const *t = tables; ok && t && *t; t++)
        for (const struct state_field *f = *t; ok && f->name; at += f->size, f++, nth++)
            ok = take_field(who, f, find_field(fields, f->name, nth), at, errp);
    ok = ok && check_unused(who, fields, errp);
    free_fields(fields);
    return ok ? g_steal_pointer(&copy) : NULL;
}

static bool stage_clock(struct snap_staging *st, struct snap_cursor *c, struct error **errp)
{
    st->clock.virtual_ns = (int64_t)snap_get_u64(c);
    st->clock.wall_offset = (int64_t)snap_get_u64(c);
    st->clock.wall_is_virtual = snap_get_u8(c);
    st->ran = snap_get_u8(c);
    st->has_clock = true;
    if (!c->bad && clock_is_possible(&st->clock))
        return true;
    error_set(errp, "the saved state is damaged: its clock is impossible");
    return false;
}

static bool stage_cpu(struct snap_staging *st, struct snap_cursor *c, struct error **errp)
{
    uint32_t index = snap_get_u32(c);
    bool halted = snap_get_u8(c), started = snap_get_u8(c);
    g_autofree char *who = g_strdup_printf("CPU %u", index);

    if (index >= st->m->ncpus || st->cpus[index].fields) {
        error_set(errp, "the saved state is damaged: CPU %u comes twice or is one too many", index);
        return false;
    }
    struct staged *s = &st->cpus[index];
    *s = (struct staged){stage_fields(who, st->m->cpus[index]->ops->state, c, errp), halted,
                         started};
    return s->fields != NULL;
}

static bool stage_device(struct snap_staging *st, struct snap_cursor *c, struct error **errp)
{
    g_autofree char *id = snap_get_string(c), *type = snap_get_string(c);
    struct device *dev = machine_find_device(st->m, id);

    if (dev == NULL || strcmp(dev->type->name, type) != 0) {
        error_set(errp, "the state has a device '%s' (%s), which this machine lacks", id, type);
        return false;
    }
    if (g_hash_table_contains(st->devices, dev)) {
        error_set(errp, "the saved state is damaged: device '%s' comes twice", id);
        return false;
    }
    g_autofree char *who = g_strdup_printf("device '%s' (%s)", id, type);
    const struct state_field *const tables[] = {dev->type->cls->state, NULL};
    uint8_t *fields = stage_fields(who, tables, c, errp);
    if (fields == NULL)
        return false;
    struct staged *s = g_new0(struct staged, 1);
    s->fields = fields;
    g_hash_table_insert(st->devices, dev, s);
    return true;
}

bool snap_stage(struct snap_staging *st, enum snap_type type, const GByteArray *payload,
                struct error **errp)
{
    struct snap_cursor c = snap_cursor(payload);

    switch (type) {
    case SNAP_CLOCK: return stage_clock(st, &c, errp);
    case SNAP_CPU: return stage_cpu(st, &c, errp);
    case SNAP_DEVICE: return stage_device(st, &c, errp);
    default: break;
    }
    error_set(errp, "the saved state has a section of type %u, which is not known here", type);
    return false;
}

bool snap_is_complete(struct snap_staging *st, struct error **errp)
{
    if (!st->has_clock) {
        error_set(errp, "the saved state is damaged: it has no clock");
        return false;
    }
    for (unsigned i = 0; i < st->m->ncpus; i++) {
        if (st->cpus[i].fields)
            continue;
        error_set(errp, "the saved state is damaged: it has no CPU %u", i);
        return false;
    }
    for (struct device *dev = st->m->devices; dev; dev = dev->next)
        if (!g_hash_table_contains(st->devices, dev))
            return lacks_device(dev, errp);
    return true;
}

/* ---- installing ---- */

static void install_device(struct snap_staging *st, struct device *dev)
{
    const struct staged *s = g_hash_table_lookup(st->devices, dev);

    mutex_lock(&dev->lock);
    state_load(dev->type->cls->state, dev, s->fields);
    if (dev->type->cls->loaded)
        dev->type->cls->loaded(dev);
    mutex_unlock(&dev->lock);
}

/* On the vCPU's thread. */
static void install_cpu(struct cpu *cpu, void *arg)
{
    const struct staged *s = arg;
    const uint8_t *at = s->fields;

    for (const struct state_field *const *t = cpu->ops->state; t && *t; t++) {
        state_load(*t, cpu, at);
        at += state_size(*t);
    }
    cpu->halted = s->halted;
    cpu->started = s->started;
    if (cpu->ops->after_load)
        cpu->ops->after_load(cpu);
    cpu_request(cpu, CPU_REQ_IRQ);
}

/*
 * Everything is reset first, so that nothing is left of the life before: timers, requests in
 * flight, levels of lines.  Lines are no state: they follow from the devices, which drive them
 * again once all of them are loaded.
 */
void snap_install(struct snap_staging *st, bool *ran)
{
    struct machine *m = st->m;

    for (struct device *dev = m->devices; dev; dev = dev->next)
        device_reset(dev);
    clock_load(&st->clock);
    for (struct device *dev = m->devices; dev; dev = dev->next)
        install_device(st, dev);
    for (unsigned i = 0; i < m->ncpus; i++)
        cpu_run_sync(m->cpus[i], install_cpu, &st->cpus[i]);
    for (struct device *dev = m->devices; dev; dev = dev->next)
        device_sync(dev);
    *ran = st->ran;
}
