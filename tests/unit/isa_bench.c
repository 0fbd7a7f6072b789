/* The bench for devices of an ISA bus. */
#include "tests/unit/isa_bench.h"

#include <glib.h>
#include <stdarg.h>
#include <string.h>

extern const struct device_type isa_bridge_type;

static void on_line(void *opaque, unsigned n, bool level)
{
    struct isa_bench *i = opaque;
    i->line[n] = level;
    i->rises[n] += level;
}

struct isa_bench *isa_bench_new(void)
{
    struct isa_bench *i = g_new0(struct isa_bench, 1);
    i->b = bench_new_raw(&isa_bridge_type);
    bench_realize(i->b);
    i->bus = isa_bridge_bus(i->b->dev);
    for (unsigned n = 0; n < ISA_IRQS + ISA_EXTRA_LINES; n++)
        irq_connect(&i->bus->irq[n], on_line, i, n);
    return i;
}

struct device *isa_bench_add(struct isa_bench *i, const struct device_type *type, ...)
{
    struct error *err = NULL;
    struct device *dev = device_new(type, i->b->m, type->name);
    va_list ap;
    va_start(ap, type);
    for (const char *text = va_arg(ap, const char *); text; text = va_arg(ap, const char *)) {
        g_auto(GStrv) kv = g_strsplit(text, "=", 2);
        if (!device_set(dev, kv[0], kv[1], &err))
            g_error("%s", error_text(err));
    }
    va_end(ap);
    if (!hw_bus_plug(i->b->m, dev, NULL, &err) || !device_realize(dev, &err))
        g_error("%s", error_text(err));
    return dev;
}

void isa_bench_free(struct isa_bench *i)
{
    bench_free(i->b);
    g_free(i);
}

uint32_t isa_read(struct isa_bench *i, unsigned port, unsigned size)
{
    uint64_t v = 0;
    if (mem_read(&i->b->m->io, port, size, &v) != MEM_OK)
        return UINT32_MAX >> (32 - 8 * size);
    return (uint32_t)v;
}

void isa_write(struct isa_bench *i, unsigned port, unsigned size, uint32_t v)
{
    if (mem_write(&i->b->m->io, port, size, v) != MEM_OK)
        g_test_message("nobody at port %#x", port);
}

uint8_t isa_in(struct isa_bench *i, unsigned port)
{
    return (uint8_t)isa_read(i, port, 1);
}

void isa_out(struct isa_bench *i, unsigned port, unsigned v)
{
    isa_write(i, port, 1, v);
}

void isa_run(struct isa_bench *i UNUSED)
{
    g_main_context_iteration(NULL, FALSE);
}

bool isa_wait_rises(struct isa_bench *i, unsigned n, unsigned rises)
{
    gint64 end = g_get_monotonic_time() + G_USEC_PER_SEC;
    while (i->rises[n] < rises && g_get_monotonic_time() < end) {
        g_main_context_iteration(NULL, FALSE);
        g_usleep(100);
    }
    return i->rises[n] >= rises;
}
