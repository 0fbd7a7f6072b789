/* The bench for devices. */
#include "tests/unit/bench.h"
#include "chardev/chardev.h"
#include "core/clock.h"
#include "core/ram.h"

#include <glib.h>
#include <string.h>

static const struct machine_class bench_class = {
    .name = "bench", .desc = "one device", .arch = "none", .size = sizeof(struct machine)};

static void on_irq(void *opaque, unsigned n UNUSED, bool level)
{
    struct bench *b = opaque;
    b->irq = level;
    b->rises += level;
}

struct bench *bench_new_empty(void)
{
    static const struct accel_ops no_accel = {.name = "none"};
    struct bench *b = g_new0(struct bench, 1);
    clock_init();
    clock_start();
    b->m = machine_new(&bench_class, &no_accel, NULL);
    b->ram = machine_new_ram(b->m, "ram", BENCH_RAM_SIZE, NULL);
    g_assert_nonnull(b->ram);
    region_init_ram(&b->ram_region, "ram", b->ram, 0, BENCH_RAM_SIZE);
    region_add(&b->m->root, BENCH_RAM, &b->ram_region, 0);
    address_space_update(&b->m->as);
    return b;
}

struct bench *bench_new_raw(const struct device_type *type)
{
    struct bench *b = bench_new_empty();
    b->dev = device_new(type, b->m, type->name);
    irq_connect(&b->dev->irq, on_irq, b, 0);
    return b;
}

struct bench *bench_new(const struct device_type *type)
{
    struct bench *b = bench_new_raw(type);
    bench_realize(b);
    return b;
}

void bench_set(struct bench *b, const char *prop, const char *value)
{
    struct error *err = NULL;
    if (!device_set(b->dev, prop, value, &err))
        g_error("%s", error_text(err));
}

void bench_realize(struct bench *b)
{
    struct error *err = NULL;
    if (!device_realize(b->dev, &err))
        g_error("%s", error_text(err));
}

void bench_free(struct bench *b)
{
    machine_free(b->m);
    g_free(b);
}

uint64_t bench_read(struct bench *b, uint64_t off, unsigned size)
{
    return mmio_read(&b->dev->mmio, off, size);
}

void bench_write(struct bench *b, uint64_t off, unsigned size, uint64_t val)
{
    mmio_write(&b->dev->mmio, off, size, val);
}

uint64_t bench_peek(struct bench *b, uint64_t off, unsigned size)
{
    mutex_lock(&b->dev->lock);
    uint64_t v = b->dev->type->cls->mmio.read(b->dev, (struct access){off, size, true});
    mutex_unlock(&b->dev->lock);
    return v;
}

uint8_t bench_rd(struct bench *b, uint64_t off)
{
    return bench_read(b, off, 1);
}

void bench_wr(struct bench *b, uint64_t off, uint8_t val)
{
    bench_write(b, off, 1, val);
}

size_t bench_type(struct bench *b, const char *text)
{
    const struct prop *p = b->dev->type->cls->props;
    while (p->kind != &prop_chardev)
        p++;
    const struct chardev_front *front = p->arg;
    mutex_lock(&b->dev->lock);
    size_t n = front->receive(b->dev, (const uint8_t *)text, strlen(text));
    mutex_unlock(&b->dev->lock);
    return n;
}

bool bench_wait(bool (*cond)(void *arg), void *arg)
{
    gint64 end = g_get_monotonic_time() + G_USEC_PER_SEC / 2;
    while (!cond(arg) && g_get_monotonic_time() < end) {
        g_main_context_iteration(NULL, FALSE);
        g_usleep(200);
    }
    return cond(arg);
}

bool bench_irq_is_high(void *bench)
{
    return ((struct bench *)bench)->irq;
}
