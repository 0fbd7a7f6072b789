/* The GICv2: pending, active, priorities, groups, software-generated interrupts, list registers. */
#include "hw/intc/gicv2.h"
#include "hw/intc/gicv2m.h"
#include "tests/unit/bench.h"

#include <glib.h>
#include <string.h>

extern const struct device_type gicv2_type, gicv2m_type;

static const gpa BASE = 0x8000000, STEP = 0x10000;
enum { DIST, CPU, HYP, VCPU, SDIST, SCPU };
enum { CTLR = 0, PMR = 4, BPR = 8, IAR = 0xc, EOIR = 0x10, RPR = 0x14, HPPIR = 0x18, ABPR = 0x1c };
enum { AIAR = 0x20, DEACTIVATE = 0x1000, NONE = 1023 };

static bool lines[8][GICV2_LINES];

static void on_line(void *opaque UNUSED, unsigned n, bool level)
{
    lines[n / GICV2_LINES][n % GICV2_LINES] = level;
}

static struct bench *new_gic(const char *cpus, bool security)
{
    struct bench *b = bench_new_raw(&gicv2_type);
    bench_set(b, "num-cpu", cpus);
    bench_set(b, "num-irq", "96");
    bench_set(b, "has-security-extensions", security ? "on" : "off");
    bench_set(b, "has-virtualization-extensions", "on");
    bench_realize(b);
    for (unsigned i = 0; i < GICV2_BLOCKS; i++)
        region_add(&b->m->root, BASE + i * STEP, gicv2_region(b->dev, i), 0);
    address_space_update(&b->m->as);
    for (unsigned n = 0; n < 2 * GICV2_LINES; n++)
        irq_connect(gicv2_output(b->dev, n / GICV2_LINES, n % GICV2_LINES), on_line, NULL, n);
    device_reset(b->dev);
    return b;
}

static uint32_t rd(struct bench *b, unsigned block, unsigned off)
{
    uint64_t v;
    g_assert_cmpint(mem_read(&b->m->as, BASE + block * STEP + off, 4, &v), ==, MEM_OK);
    return (uint32_t)v;
}

static void wr(struct bench *b, unsigned block, unsigned off, uint32_t v)
{
    g_assert_cmpint(mem_write(&b->m->as, BASE + block * STEP + off, 4, v), ==, MEM_OK);
}

static void wr8(struct bench *b, unsigned block, unsigned off, uint8_t v)
{
    g_assert_cmpint(mem_write(&b->m->as, BASE + block * STEP + off, 1, v), ==, MEM_OK);
}

static void enable(struct bench *b, unsigned id, uint8_t prio)
{
    wr(b, DIST, 0x100 + id / 32 * 4, 1U << id % 32);
    wr8(b, DIST, 0x400 + id, prio);
    wr8(b, DIST, 0x800 + id, 1);
}

static struct bench *running(void)
{
    struct bench *b = new_gic("2", false);
    wr(b, DIST, CTLR, 3);
    wr(b, CPU, CTLR, 3);
    wr(b, CPU, PMR, 0xff);
    return b;
}

static void test_level_interrupt_life(void)
{
    struct bench *b = running();
    enable(b, 40, 0x50);
    gicv2_set_spi(b->dev, 8, true);
    g_assert_true(lines[0][GICV2_IRQ]);
    g_assert_false(lines[1][GICV2_IRQ]);
    g_assert_cmpint(rd(b, CPU, HPPIR), ==, 40);
    g_assert_cmpint(rd(b, CPU, IAR), ==, 40);
    g_assert_false(lines[0][GICV2_IRQ]);
    g_assert_cmphex(rd(b, CPU, RPR), ==, 0x50);
    g_assert_cmphex(rd(b, DIST, 0x304), ==, 1 << 8);
    g_assert_cmpint(rd(b, CPU, IAR), ==, NONE);
    wr(b, CPU, EOIR, 40); /* the input is still high: again */
    g_assert_true(lines[0][GICV2_IRQ]);
    g_assert_cmpint(rd(b, CPU, IAR), ==, 40);
    gicv2_set_spi(b->dev, 8, false);
    wr(b, CPU, EOIR, 40);
    g_assert_false(lines[0][GICV2_IRQ]);
    g_assert_cmphex(rd(b, CPU, RPR), ==, 0xff);
    bench_free(b);
}

static void test_edge_interrupt_is_latched(void)
{
    struct bench *b = running();
    enable(b, 33, 0);
    wr(b, DIST, 0xc08, 2 << 2);
    gicv2_set_spi(b->dev, 1, true);
    gicv2_set_spi(b->dev, 1, false);
    g_assert_cmpint(rd(b, CPU, IAR), ==, 33);
    gicv2_set_spi(b->dev, 1, true); /* while it is active: once more afterwards */
    wr(b, CPU, EOIR, 33);
    g_assert_cmpint(rd(b, CPU, IAR), ==, 33);
    wr(b, CPU, EOIR, 33);
    g_assert_cmpint(rd(b, CPU, IAR), ==, NONE);
    bench_free(b);
}

static void test_preemption_by_group_priority(void)
{
    struct bench *b = running();
    wr(b, CPU, BPR, 4); /* bits 7 to 5 decide */
    enable(b, 40, 0x50);
    enable(b, 41, 0x48);
    enable(b, 42, 0x20);
    gicv2_set_spi(b->dev, 8, true);
    g_assert_cmpint(rd(b, CPU, IAR), ==, 40);
    gicv2_set_spi(b->dev, 9, true);
    g_assert_false(lines[0][GICV2_IRQ]); /* 0x48 and 0x50 are of one group priority, 0x40 */
    gicv2_set_spi(b->dev, 10, true);
    g_assert_cmpint(rd(b, CPU, IAR), ==, 42);
    g_assert_cmphex(rd(b, CPU, RPR), ==, 0x20);
    wr(b, CPU, EOIR, 42);
    g_assert_cmphex(rd(b, CPU, RPR), ==, 0x40);
    bench_free(b);
}

static void test_sgis_come_once_a_sender(void)
{
    struct bench *b = running();
    wr(b, DIST, 0xf00, 1 << 16 | 5);
    wr8(b, DIST, 0xf25, 2); /* as if processor 1 had sent it, too */
    g_assert_cmphex(rd(b, CPU, IAR), ==, 5);
    wr(b, CPU, EOIR, 5);
    g_assert_cmphex(rd(b, CPU, IAR), ==, 5 | 1 << 10);
    wr(b, CPU, EOIR, 5 | 1 << 10);
    g_assert_cmphex(rd(b, CPU, IAR), ==, NONE);
    wr(b, DIST, 0xf00, 1 << 24 | 7); /* all others */
    g_assert_false(lines[0][GICV2_IRQ]);
    bench_free(b);
}

static void test_eoi_mode_1_deactivates_separately(void)
{
    struct bench *b = running();
    wr(b, CPU, CTLR, 0x203);
    enable(b, 40, 0);
    gicv2_set_spi(b->dev, 8, true);
    g_assert_cmpint(rd(b, CPU, IAR), ==, 40);
    wr(b, CPU, EOIR, 40);
    g_assert_cmphex(rd(b, CPU, RPR), ==, 0xff);
    g_assert_false(lines[0][GICV2_IRQ]);
    wr(b, CPU, DEACTIVATE, 40);
    g_assert_true(lines[0][GICV2_IRQ]);
    bench_free(b);
}

static void test_group1_needs_the_alias_or_ackctl(void)
{
    struct bench *b = running();
    wr(b, DIST, 0x84, 1 << 8);
    enable(b, 40, 0);
    gicv2_set_spi(b->dev, 8, true);
    g_assert_cmpint(rd(b, CPU, IAR), ==, 1022);
    g_assert_cmpint(rd(b, CPU, AIAR), ==, 40);
    wr(b, CPU, 0x24, 40);
    wr(b, CPU, CTLR, 7);
    g_assert_cmpint(rd(b, CPU, IAR), ==, 40);
    wr(b, CPU, EOIR, 40);
    wr(b, CPU, CTLR, 0xb); /* FIQEn concerns group 0 only */
    g_assert_true(lines[0][GICV2_IRQ]);
    wr(b, DIST, 0x84, 0);
    g_assert_false(lines[0][GICV2_IRQ]);
    g_assert_true(lines[0][GICV2_FIQ]);
    bench_free(b);
}

static void test_nonsecure_sees_group1_only(void)
{
    struct bench *b = new_gic("1", true);
    wr(b, SDIST, 0x84, 1 << 9);
    wr(b, SDIST, 0x104, 3 << 8);
    wr8(b, SDIST, 0x428, 0x10);
    wr8(b, SDIST, 0x429, 0xa0);
    g_assert_cmphex(rd(b, DIST, 0x104), ==, 1 << 9);
    g_assert_cmphex(rd(b, DIST, 0x428), ==, 0x4000);
    wr8(b, DIST, 0x428, 0xff);
    wr8(b, DIST, 0x429, 0x60);
    g_assert_cmphex(rd(b, SDIST, 0x428), ==, 0xb010);
    wr(b, SDIST, CTLR, 3);
    wr(b, SCPU, CTLR, 0xb);
    wr(b, SCPU, PMR, 0xff);
    wr(b, CPU, PMR, 0x80);
    g_assert_cmphex(rd(b, SCPU, PMR), ==, 0xc0);
    gicv2_set_spi(b->dev, 9, true);
    g_assert_true(lines[0][GICV2_IRQ]);
    g_assert_cmpint(rd(b, CPU, IAR), ==, 41);
    gicv2_set_spi(b->dev, 8, true);
    g_assert_true(lines[0][GICV2_FIQ]);
    g_assert_cmpint(rd(b, CPU, IAR), ==, NONE);
    g_assert_cmpint(rd(b, SCPU, IAR), ==, 40);
    wr(b, CPU, EOIR, 41); /* a secure interrupt runs: not its business */
    g_assert_cmphex(rd(b, SCPU, RPR), ==, 0x10);
    bench_free(b);
}

static void test_nonsecure_start_gives_all_to_group1(void)
{
    struct bench *b = new_gic("1", true);
    gicv2_set_nonsecure_start(b->dev, true);
    device_reset(b->dev);
    wr(b, DIST, CTLR, 1);
    wr(b, CPU, CTLR, 1);
    wr(b, CPU, PMR, 0xf0);
    wr(b, DIST, 0x104, 1);
    gicv2_set_spi(b->dev, 0, true);
    g_assert_true(lines[0][GICV2_IRQ]);
    g_assert_cmpint(rd(b, CPU, IAR), ==, 32);
    bench_free(b);
}

static void test_list_registers(void)
{
    struct bench *b = running();
    wr(b, HYP, 0x00, 1);
    wr(b, HYP, 0x08, 0x1fU << 27 | 1); /* VMCR: priorities up to 0xf8, group 0 */
    wr(b, HYP, 0x100, 1U << 28 | 2U << 23 | 1U << 19 | 70); /* tells when it ends */
    wr(b, HYP, 0x104, 1U << 31 | 1U << 28 | 1U << 23 | 40U << 10 | 27);
    g_assert_true(lines[0][GICV2_VIRQ]);
    g_assert_cmphex(rd(b, HYP, 0x30), ==, 0xc);
    g_assert_cmpint(rd(b, VCPU, IAR), ==, 27);
    g_assert_cmphex(rd(b, HYP, 0x104) >> 28 & 3, ==, 2);
    enable(b, 40, 0);
    gicv2_set_spi(b->dev, 8, true);
    g_assert_cmpint(rd(b, CPU, IAR), ==, 40);
    g_assert_cmphex(rd(b, DIST, 0x304), ==, 1 << 8);
    wr(b, VCPU, EOIR, 27);
    g_assert_cmphex(rd(b, DIST, 0x304), ==, 0); /* the physical one has ended with it */
    g_assert_cmpint(rd(b, VCPU, IAR), ==, 70);
    g_assert_cmphex(rd(b, HYP, 0x10), ==, 0);
    wr(b, VCPU, EOIR, 70);
    g_assert_cmphex(rd(b, HYP, 0x20), ==, 1);
    g_assert_cmphex(rd(b, HYP, 0x10), ==, 1);
    g_assert_cmphex(rd(b, DIST, 0xd00) & 1 << 25, ==, 1 << 25); /* maintenance */
    bench_free(b);
}

/* A saved state may hold anything. */
static void test_any_state_can_be_loaded(void)
{
    struct bench *b = new_gic("8", true);
    size_t n = state_size(gicv2_type.cls->state);
    g_autofree uint8_t *buf = g_malloc(n);
    for (unsigned fill = 0x55; fill <= 0xff; fill += 0xaa) {
        memset(buf, (int)fill, n);
        state_load(gicv2_type.cls->state, b->dev, buf);
        gicv2_type.cls->loaded(b->dev);
        device_sync(b->dev);
        for (unsigned block = 0; block < GICV2_BLOCKS; block++)
            for (unsigned off = 0; off < 0x140; off += 4)
                rd(b, block, off);
    }
    bench_free(b);
}

/* Any access to any block is answered. */
static void test_random_accesses(void)
{
    struct bench *b = new_gic("8", true);
    for (unsigned i = 0; i < 200000; i++) {
        unsigned block = (unsigned)g_test_rand_int_range(0, GICV2_BLOCKS);
        unsigned off = (unsigned)g_test_rand_int_range(0, block % 4 ? 0x2000 : 0x1000) & ~3U;
        uint32_t v = (uint32_t)g_test_rand_int();
        gicv2_set_spi(b->dev, v % 80, i & 1);
        if (i % 3)
            wr(b, block, i % 5 ? off : off & 0x1ff, v);
        else
            rd(b, block, i % 5 ? off : off & 0x1ff);
    }
    bench_free(b);
}

static unsigned pulses;

static void on_pulse(void *opaque UNUSED, unsigned n, bool level)
{
    pulses += level ? n : 0;
}

static void test_v2m_frame(void)
{
    struct bench *b = bench_new(&gicv2m_type);
    for (unsigned i = 0; i < 64; i++)
        irq_connect(gicv2m_irq(b->dev, i), on_pulse, NULL, i);
    g_assert_cmphex(bench_read(b, 8, 4), ==, 80U << 16 | 64);
    bench_write(b, 0x40, 4, 80 + 17);
    bench_write(b, 0x40, 4, 80 + 64);
    bench_write(b, 0x40, 4, 79);
    g_assert_cmpint(pulses, ==, 17);
    bench_free(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/gicv2/level", test_level_interrupt_life);
    g_test_add_func("/gicv2/edge", test_edge_interrupt_is_latched);
    g_test_add_func("/gicv2/preemption", test_preemption_by_group_priority);
    g_test_add_func("/gicv2/sgi", test_sgis_come_once_a_sender);
    g_test_add_func("/gicv2/eoimode", test_eoi_mode_1_deactivates_separately);
    g_test_add_func("/gicv2/group1", test_group1_needs_the_alias_or_ackctl);
    g_test_add_func("/gicv2/nonsecure", test_nonsecure_sees_group1_only);
    g_test_add_func("/gicv2/nonsecure-start", test_nonsecure_start_gives_all_to_group1);
    g_test_add_func("/gicv2/virtual", test_list_registers);
    g_test_add_func("/gicv2/load", test_any_state_can_be_loaded);
    g_test_add_func("/gicv2/random", test_random_accesses);
    g_test_add_func("/gicv2/v2m", test_v2m_frame);
    return g_test_run();
}
