/*
 * Scripts of register accesses on one device, with input, timers, resets and saved states between.
 *
 * Input: a byte for the device type, then operations: a byte, what follows depends on it.
 */
#include "chardev/chardev.h"
#include "core/clock.h"
#include "hw/registry.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/bench.h"
#include "util/bits.h"

#include <glib.h>
#include <string.h>

enum { OP_READ, OP_WRITE, OP_WRITE_NEAR, OP_PEEK, OP_TYPE, OP_RESET, OP_SAVE, OP_LOOP, OPS };
enum { MAX_OPS = 400 };

/* The k-th type that has registers and needs nothing else. */
static const struct device_type *choose(uint64_t k)
{
    const struct device_type *fit[64];
    unsigned n = 0;
    for (const struct device_type *const *t = hw_device_types(); *t && n < G_N_ELEMENTS(fit); t++)
        if ((*t)->cls->mmio.size)
            fit[n++] = *t;
    return fit[k % n];
}

static const struct prop *chardev_prop(const struct device_type *t)
{
    for (const struct prop *p = t->cls->props; p && p->name; p++)
        if (p->kind == &prop_chardev)
            return p;
    return NULL;
}

static void check_peek(struct bench *b, uint64_t off, unsigned size)
{
    const struct device_class *cls = b->dev->type->cls;
    g_autofree uint8_t *before = g_malloc(state_size(cls->state) + 1);
    g_autofree uint8_t *after = g_malloc(state_size(cls->state) + 1);
    mutex_lock(&b->dev->lock);
    state_save(cls->state, b->dev, before);
    size = CLAMP(size, MAX(cls->mmio.min, 1u), MAX(cls->mmio.max, 1u));
    cls->mmio.read(b->dev, (struct access){align_down(off, size), size, true});
    state_save(cls->state, b->dev, after);
    mutex_unlock(&b->dev->lock);
    if (memcmp(before, after, state_size(cls->state)))
        g_error("%s: peeking at %#lx changed its state", b->dev->type->name, (unsigned long)off);
}

static void save_and_load(struct bench *b)
{
    const struct device_class *cls = b->dev->type->cls;
    g_autofree uint8_t *buf = g_malloc(state_size(cls->state) + 1);
    mutex_lock(&b->dev->lock);
    state_save(cls->state, b->dev, buf);
    state_load(cls->state, b->dev, buf);
    if (cls->sync)
        cls->sync(b->dev);
    mutex_unlock(&b->dev->lock);
}

static void step(struct bench *b, struct fuzz_in *in, uint64_t size_of)
{
    uint64_t op = fuzz_take(in, 1), off = fuzz_take(in, 2) % size_of;
    unsigned size = 1u << (op >> 6);
    if (op & 0x20) /* far */
        off = fuzz_take(in, 4) % size_of;
    switch (op & 7) {
    case OP_READ: bench_read(b, off, size); break;
    case OP_WRITE: bench_write(b, off, size, fuzz_take(in, size)); break;
    case OP_WRITE_NEAR: bench_write(b, align_down(off, size), size, fuzz_take(in, 1)); break;
    case OP_PEEK: check_peek(b, off, size); break;
    case OP_TYPE:
        if (chardev_prop(b->dev->type))
            bench_type(b, "input that is longer than a FIFO of sixteen");
        break;
    case OP_RESET: device_reset(b->dev); break;
    case OP_SAVE: save_and_load(b); break;
    default: g_main_context_iteration(NULL, FALSE);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct fuzz_in in = {data, len};
    struct bench *b = bench_new_raw(choose(fuzz_take(&in, 1)));
    if (device_realize(b->dev, NULL)) {
        uint64_t size = b->dev->mmio.size ? b->dev->mmio.size : b->dev->type->cls->mmio.size;
        for (unsigned n = 0; in.left && n < MAX_OPS; n++)
            step(b, &in, size);
        device_reset(b->dev);
        if (b->irq)
            g_error("%s: its line is high after a reset", b->dev->type->name);
    }
    bench_free(b);
    return 0;
}

size_t fuzz_seed(uint64_t random, uint8_t *buf)
{
    GRand *rng = g_rand_new_with_seed((guint32)random);
    size_t n = 64 + (random >> 32) % 1024;
    for (size_t i = 0; i < n; i++)
        buf[i] = g_rand_int(rng);
    for (size_t i = 1; i + 8 < n; i += 6) { /* small offsets, aligned */
        buf[i] &= 0xdf;
        buf[i + 1] &= 0x7c;
        buf[i + 2] = 0;
    }
    g_rand_free(rng);
    return n;
}
