/* A GICv3 with some processors that are nothing but interrupt lines. */
#ifndef TESTS_UNIT_GICV3_BENCH_H
#define TESTS_UNIT_GICV3_BENCH_H

#include "hw/intc/gicv3.h"
#include "tests/unit/bench.h"

#include <glib.h>

extern const struct device_type gicv3_type, gicv3_its_type;

enum { GIC_CPUS = 4, LPIS_LIMIT = 16 };
/* Frames: the distributor, the translation service, the redistributors; their secure views lie
 * SECURE higher. */
static const gpa GICD = 0x8000000, GITS = 0x8080000, GICR = 0x80a0000, SECURE = 0x10000000;

struct gic_bench {
    struct bench *b;
    struct device *gic, *its;
    struct gic_line {
        bool level;
    } lines[GIC_CPUS][GICV3_LINES];
    struct gicv3_who who; /* of the next access of a processor */
};

static void gic_on_line(void *opaque, unsigned n UNUSED, bool level)
{
    ((struct gic_line *)opaque)->level = level;
}

static inline void gic_must(bool ok, struct error *err)
{
    if (!ok)
        g_error("%s", error_text(err));
}

static inline void gic_create_its(struct gic_bench *t)
{
    struct error *err = NULL;
    t->its = device_new(&gicv3_its_type, t->b->m, "its");
    gicv3_its_attach(t->its, t->gic);
    gic_must(device_realize(t->its, &err), err);
    region_add(&t->b->m->root, GITS, &t->its->mmio, 0);
}

static inline void gic_map(struct gic_bench *t)
{
    struct mem_region *root = &t->b->m->root;
    region_add(root, GICD, &t->gic->mmio, 0);
    region_add(root, SECURE + GICD, gicv3_secure_region(t->gic), 0);
    for (unsigned i = 0; i < GIC_CPUS; i++) {
        gpa at = GICR + i * GICV3_REDIST_SIZE;
        region_add(root, at, &gicv3_redist(t->gic, i)->mmio, 0);
        region_add(root, SECURE + at, gicv3_redist_secure_region(t->gic, i), 0);
        for (enum gicv3_line line = GICV3_IRQ; line < GICV3_LINES; line++)
            irq_connect(gicv3_output(t->gic, i, line), gic_on_line, &t->lines[i][line], 0);
    }
    address_space_update(&t->b->m->as);
}

/* security: two states; the processors begin non-secure at EL1. */
static inline struct gic_bench *gic_bench_new(bool security)
{
    struct gic_bench *t = g_new0(struct gic_bench, 1);
    struct error *err = NULL;
    t->b = bench_new_empty();
    t->gic = device_new(&gicv3_type, t->b->m, "gic");
    gic_must(device_set(t->gic, "num-cpu", "4", &err), err);
    gic_must(device_set(t->gic, "num-irq", "128", &err), err);
    gic_must(device_set(t->gic, "has-lpi", "on", &err), err);
    gic_must(device_set(t->gic, "has-security-extensions", security ? "on" : "off", &err), err);
    for (unsigned i = 0; i < GIC_CPUS; i++) /* two clusters of two */
        gicv3_set_affinity(t->gic, i, (i / 2) << 8 | i % 2);
    gic_must(device_realize(t->gic, &err), err);
    gic_create_its(t);
    gic_map(t);
    t->who = (struct gicv3_who){.el = 1};
    return t;
}

static inline void gic_bench_free(struct gic_bench *t)
{
    bench_free(t->b);
    g_free(t);
}

static inline uint64_t rd(struct gic_bench *t, gpa at, unsigned size)
{
    uint64_t v;
    g_assert_cmpint(mem_read(&t->b->m->as, at, size, &v), ==, MEM_OK);
    return v;
}

static inline void wr(struct gic_bench *t, gpa at, unsigned size, uint64_t v)
{
    g_assert_cmpint(mem_write(&t->b->m->as, at, size, v), ==, MEM_OK);
}

static inline uint32_t rd32(struct gic_bench *t, gpa at)
{
    return (uint32_t)rd(t, at, 4);
}

static inline void wr32(struct gic_bench *t, gpa at, uint32_t v)
{
    wr(t, at, 4, v);
}

static inline uint64_t icc(struct gic_bench *t, unsigned cpu, enum gicv3_reg reg)
{
    return gicv3_cpu_ops.read(t->gic, cpu, reg, t->who);
}

static inline void set_icc(struct gic_bench *t, unsigned cpu, enum gicv3_reg reg, uint64_t v)
{
    gicv3_cpu_ops.write(t->gic, cpu, reg, v, t->who);
}

static inline bool line(struct gic_bench *t, unsigned cpu, enum gicv3_line which)
{
    return t->lines[cpu][which].level;
}

static inline gpa redist_at(unsigned cpu)
{
    return GICR + cpu * GICV3_REDIST_SIZE;
}

static inline gpa sgi_at(unsigned cpu)
{
    return redist_at(cpu) + 0x10000;
}

/* Go to an exception level. */
static inline void enter(struct gic_bench *t, unsigned cpu, unsigned el, bool secure)
{
    t->who.el = (uint8_t)el;
    t->who.secure = secure;
    gicv3_cpu_ops.state_changed(t->gic, cpu, t->who);
}

#endif
