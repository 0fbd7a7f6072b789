/*
 * Saved machines from anyone: bytes as a stream; or the true state of a machine with everything
 * plugged in that can be, changed anywhere and loaded, then used.
 *
 * Input: a byte; if it is odd, a stream, or with bit 1 set what says where memory lies.  Else
 * operations: change a section, leave it out, then
 * accesses to the machine that was loaded.
 */
#include "accel/tcg/tcg.h"
#include "core/clock.h"
#include "hw/board/boards.h"
#include "hw/bus.h"
#include "hw/registry.h"
#include "snapshot/load.h"
#include "snapshot/mapped.h"
#include "snapshot/state.h"
#include "tests/fuzz/fuzz.h"
#include "util/bits.h"

#include <glib.h>
#include <string.h>

enum { MAX_CHANGES = 64, MAX_ACCESSES = 64, RAM = 1 << 20 };

static struct machine *m;
static GPtrArray *blobs;        /* of the machine as it was made */
static GByteArray *description; /* and what it is */

static void plug_all(void)
{
    for (const struct device_type *const *t = hw_device_types(); *t; t++) {
        if (!(*t)->cls->user_creatable || !(*t)->cls->bus)
            continue;
        g_autofree char *id = g_strdup_printf("%s.x", (*t)->name);
        struct device *dev = device_new(*t, m, id);
        if (hw_bus_plug(m, dev, NULL, NULL) && device_realize(dev, NULL))
            continue;
        hw_bus_unplug(dev);
        device_free(dev);
    }
}

static void make_machine(void)
{
    static const char *const dirs[] = {NULL};
    struct error *err = NULL;
    void *props = g_malloc0(tcg_accel_ops.props_size + 1);

    props_init(tcg_accel_ops.props, props);
    clock_init();
    m = machine_new(&riscv64_virt_class, &tcg_accel_ops, props);
    m->cfg.ram_size = RAM;
    m->cfg.smp = m->cfg.max_cpus = m->cfg.sockets = 1;
    m->cfg.bios = "none";
    m->cfg.firmware_dirs = dirs;
    if (!machine_init(m, &err))
        g_error("%s", error_text(err));
    plug_all();
    address_space_update(&m->as);
    blobs = snap_collect(m, false);
    description = snap_describe(m);
}

/* ---- streams ---- */

static void try_stream(const uint8_t *data, size_t len)
{
    struct snap_memory mem;

    snap_memory_init(&mem);
    g_byte_array_append(mem.data, data, (guint)len);
    snapshot_free(snapshot_read(&mem.io, m, NULL));
    snap_memory_fini(&mem);
}

/* ---- memory in a place ---- */

struct here {
    struct mapped_place place;
    const uint8_t *data;
    size_t len;
};

static bool here_read(struct mapped_place *p, void *buf, size_t n, uint64_t at, struct error **errp)
{
    const struct here *h = (struct here *)p;

    if (at > h->len || n > h->len - at) {
        error_set(errp, "cut off");
        return false;
    }
    memcpy(buf, h->data + at, n);
    return true;
}

static bool here_map(struct mapped_place *p, struct ram_shadow *b, uint64_t at, struct error **errp)
{
    const struct here *h = (struct here *)p;

    if (!ram_load_map(b, errp))
        return false;
    if (at < h->len)
        memcpy(b->map, h->data + at, MIN(h->len - at, b->ram->size));
    return true;
}

static void try_maps(struct fuzz_in *in)
{
    g_autoptr(GPtrArray) rams = g_ptr_array_new();
    struct here h = {{.read = here_read, .map = here_map}, in->p, in->left};
    struct error *err = NULL;

    for (struct ram_block *ram = m->rams; ram; ram = ram->next)
        g_ptr_array_add(rams, ram);
    struct ram_load *l = ram_load_new(rams);
    for (int i = 0; i < 4 && !err; i++) {
        g_autoptr(GByteArray) payload = g_byte_array_new();
        bool verify = fuzz_take(in, 1) & 1;
        size_t n = fuzz_take(in, 2);
        n = MIN(n, in->left);
        g_byte_array_append(payload, in->p, (guint)n);
        in->p += n;
        in->left -= n;
        (void)!mapped_load(l, &h.place, verify, payload, &err);
    }
    error_free(err);
    ram_load_free(l);
}

/* Blocks, fill bytes and places as a machine has them, with a few pages. */
static size_t maps_seed(GRand *rng, uint8_t *buf)
{
    g_autoptr(GByteArray) out = g_byte_array_new();

    snap_put_u8(out, 3);
    for (int i = 0; i < 3; i++) {
        unsigned pages = (unsigned)g_rand_int_range(rng, 0, 40);
        snap_put_u8(out, (uint8_t)g_rand_int(rng));
        guint head = out->len;
        snap_put_u8(out, 0);
        snap_put_u8(out, 0);
        snap_put_u32(out, (uint32_t)g_rand_int_range(rng, 0, 4));
        snap_put_u8(out, g_rand_int(rng) & 1 ? 0xff : 0);
        snap_put_u64(out, (uint64_t)g_rand_int_range(rng, 0, 3) * MAPPED_BASE_ALIGN);
        snap_put_u64(out, (uint64_t)g_rand_int_range(rng, 0, 4));
        snap_put_u64(out, pages);
        for (unsigned k = 0; k < pages; k++)
            snap_put_u64(out, g_rand_int(rng) & 1 ? 0 : g_rand_int(rng));
        st_le16(out->data + head, (uint16_t)(out->len - head - 2));
    }
    size_t n = MIN(out->len, FUZZ_MAX);
    memcpy(buf, out->data, n);
    return n;
}

/* ---- states ---- */

static GByteArray *copy_of(const GByteArray *from)
{
    GByteArray *to = g_byte_array_new();
    g_byte_array_append(to, from->data, from->len);
    return to;
}

/* Bytes at any place; small sections are as likely as large ones. */
static void change(GByteArray *b, struct fuzz_in *in)
{
    uint64_t at = fuzz_take(in, 2), n = 1 + fuzz_take(in, 1) % 8;
    at = at & 0x8000 ? b->len - 1 - (at & 0x7fff) % b->len : at % b->len;
    for (uint64_t i = 0; i < n && at + i < b->len; i++)
        b->data[at + i] = (uint8_t)fuzz_take(in, 1);
}

static bool stage_all(struct snap_staging *st, GByteArray *const *sections)
{
    bool ok = true;
    for (guint i = 0; ok && i < blobs->len; i++) {
        const struct snap_blob *b = g_ptr_array_index(blobs, i);
        ok = !sections[i] || snap_stage(st, b->type, sections[i], NULL);
    }
    return ok && snap_is_complete(st, NULL);
}

static gpa place(struct fuzz_in *in)
{
    static const gpa places[] = {0x100000,   0x101000,   0x2000000,  0x2004000,
                                 0xc000000,  0xc200000,  0x10000000, 0x10001000,
                                 0x10008000, 0x10100000, 0x30000000, 0x40000000};
    gpa base = places[fuzz_take(in, 1) % G_N_ELEMENTS(places)];
    return base + (fuzz_take(in, 2) & 0xfffc);
}

static void use(struct fuzz_in *in)
{
    uint64_t v;
    struct cpu *cpu = m->cpus[0];
    clock_start();
    for (unsigned i = 0; in->left && i < MAX_ACCESSES; i++) {
        uint64_t op = fuzz_take(in, 1);
        unsigned size = 1U << (op >> 4 & 3);
        gpa at = place(in);
        if (at == 0x100000) /* ends the machine */
            continue;
        switch (op & 3) {
        case 0: (void)mem_read(&m->as, at, size, &v); break;
        case 1: (void)mem_write(&m->as, at, size, fuzz_take(in, size)); break;
        case 2: cpu->ops->debug_translate(cpu, fuzz_take(in, 8), &v); break;
        default: g_main_context_iteration(NULL, FALSE);
        }
    }
    cpu->ops->interrupt(cpu);
    clock_stop();
}

static void load(GByteArray *const *sections, struct fuzz_in *in)
{
    struct snap_staging *st = snap_staging_new(m);
    bool ran;

    if (stage_all(st, sections)) {
        snap_install(st, &ran);
        if (in)
            use(in);
    }
    snap_staging_free(st);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct fuzz_in in = {data, len};

    if (!m)
        make_machine();
    uint64_t kind = fuzz_take(&in, 1);
    if ((kind & 3) == 3) {
        try_maps(&in);
        return 0;
    }
    if (kind & 1) {
        try_stream(in.p, in.left);
        return 0;
    }
    g_autofree GByteArray **sections = g_new0(GByteArray *, blobs->len);
    for (guint i = 0; i < blobs->len; i++)
        sections[i] = copy_of(((struct snap_blob *)g_ptr_array_index(blobs, i))->payload);
    for (uint64_t n = fuzz_take(&in, 1) % MAX_CHANGES; n; n--)
        change(sections[fuzz_take(&in, 1) % blobs->len], &in);
    load(sections, &in);
    for (guint i = 0; i < blobs->len; i++) {
        g_byte_array_unref(sections[i]);
        sections[i] = ((struct snap_blob *)g_ptr_array_index(blobs, i))->payload;
    }
    load(sections, NULL); /* as it was, for the next input */
    return 0;
}

/* ---- seeds ---- */

static size_t stream_seed(uint8_t *buf)
{
    struct snap_memory mem;
    const struct snap_header header = {.layout = SNAP_STREAM};

    snap_memory_init(&mem);
    if (!snap_write_header(&mem.io, &header, NULL) ||
        !snap_write_section(&mem.io, SNAP_MACHINE, description->data, description->len, NULL))
        g_error("a stream in memory could not be written");
    for (guint i = 0; i < blobs->len && mem.data->len < FUZZ_MAX / 2; i++) {
        const struct snap_blob *b = g_ptr_array_index(blobs, i);
        if (b->payload->len < 4096 &&
            !snap_write_section(&mem.io, b->type, b->payload->data, b->payload->len, NULL))
            g_error("a stream in memory could not be written");
    }
    size_t n = MIN(mem.data->len, FUZZ_MAX - 1);
    buf[0] = 1;
    memcpy(buf + 1, mem.data->data, n);
    snap_memory_fini(&mem);
    return n + 1;
}

size_t fuzz_seed(uint64_t random, uint8_t *buf)
{
    GRand *rng = g_rand_new_with_seed((guint32)random);
    size_t n = 64 + (random >> 32) % 512;

    if (!m)
        make_machine();
    if (random % 8 == 0) {
        g_rand_free(rng);
        return stream_seed(buf);
    }
    if (random % 8 == 1) {
        n = maps_seed(rng, buf);
        g_rand_free(rng);
        return n;
    }
    for (size_t i = 0; i < n; i++)
        buf[i] = (uint8_t)g_rand_int(rng);
    buf[0] = 0;
    g_rand_free(rng);
    return n;
}
