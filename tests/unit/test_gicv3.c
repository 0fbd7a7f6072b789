/* The GICv3: registers, priorities and preemption, routing, security states, saving. */
#include "tests/unit/gicv3_bench.h"

#include <string.h>

enum {
    CTLR = 0x0,
    TYPER = 0x4,
    IGROUPR = 0x80,
    ISENABLER = 0x100,
    ICENABLER = 0x180,
    ISPENDR = 0x200,
    ICPENDR = 0x280,
    ISACTIVER = 0x300,
    IPRIORITYR = 0x400,
    ICFGR = 0xc00,
    IGRPMODR = 0xd00,
    NSACR = 0xe00,
    IROUTER = 0x6000,
    PIDR2 = 0xffe8,
    GICR_TYPER = 0x8,
    WAKER = 0x14,
};
enum { SPI = 40, OTHER = 41, PPI = 27, SPURIOUS = 1023 };

/* One security state: everything in Group 1, enabled, at priority 0xa0, SPIs to CPU 0. */
static struct gic_bench *open_all(void)
{
    struct gic_bench *t = gic_bench_new(false);
    wr32(t, GICD + CTLR, 3);
    for (unsigned w = 1; w < 4; w++) {
        wr32(t, GICD + IGROUPR + w * 4, UINT32_MAX);
        wr32(t, GICD + ISENABLER + w * 4, UINT32_MAX);
    }
    for (unsigned n = 32; n < 128; n++)
        wr(t, GICD + IPRIORITYR + n, 1, 0xa0);
    for (unsigned cpu = 0; cpu < GIC_CPUS; cpu++) {
        wr32(t, redist_at(cpu) + WAKER, 0);
        wr32(t, sgi_at(cpu) + IGROUPR, UINT32_MAX);
        wr32(t, sgi_at(cpu) + ISENABLER, UINT32_MAX);
        for (unsigned n = 0; n < 32; n++)
            wr(t, sgi_at(cpu) + IPRIORITYR + n, 1, 0xa0);
        set_icc(t, cpu, GICV3_PMR, 0xf0);
        set_icc(t, cpu, GICV3_IGRPEN1, 1);
    }
    return t;
}

static void set_spi(struct gic_bench *t, unsigned intid, bool level)
{
    gicv3_set_input(t->gic, intid - 32, level);
}

static void test_identification(void)
{
    struct gic_bench *t = gic_bench_new(false);
    g_assert_cmphex(rd32(t, GICD + PIDR2) & 0xf0, ==, 0x30);
    g_assert_cmphex(rd32(t, redist_at(3) + PIDR2) & 0xf0, ==, 0x30);
    g_assert_cmphex(rd32(t, GITS + PIDR2) & 0xf0, ==, 0x30);
    uint32_t typer = rd32(t, GICD + TYPER);
    g_assert_cmpuint(typer & 0x1f, ==, 3);
    g_assert_cmpuint(typer >> 19 & 0x1f, ==, 15);
    g_assert_false(typer & 1 << 10);
    for (unsigned i = 0; i < GIC_CPUS; i++) {
        uint64_t r = rd(t, redist_at(i) + GICR_TYPER, 8);
        g_assert_cmphex(r >> 32, ==, (i / 2) << 8 | i % 2);
        g_assert_cmpuint(r >> 8 & 0xffff, ==, i);
        g_assert_cmpuint(r >> 4 & 1, ==, i == 3);
        g_assert_cmphex(rd32(t, redist_at(i) + GICR_TYPER + 4), ==, r >> 32);
    }
    gic_bench_free(t);
}

static void test_level_spi_is_taken_and_comes_again(void)
{
    struct gic_bench *t = open_all();
    set_spi(t, SPI, true);
    g_assert_true(line(t, 0, GICV3_IRQ));
    g_assert_cmphex(rd32(t, GICD + ISPENDR + 4), ==, 1 << (SPI - 32));
    g_assert_cmpuint(icc(t, 0, GICV3_HPPIR1), ==, SPI);
    g_assert_cmpuint(icc(t, 0, GICV3_IAR1), ==, SPI);
    g_assert_false(line(t, 0, GICV3_IRQ));
    g_assert_cmphex(rd32(t, GICD + ISACTIVER + 4), ==, 1 << (SPI - 32));
    g_assert_cmphex(icc(t, 0, GICV3_RPR), ==, 0xa0);
    g_assert_cmpuint(icc(t, 0, GICV3_IAR1), ==, SPURIOUS);
    set_icc(t, 0, GICV3_EOIR1, SPI);
    g_assert_cmphex(icc(t, 0, GICV3_RPR), ==, 0xff);
    g_assert_true(line(t, 0, GICV3_IRQ));
    g_assert_cmpuint(icc(t, 0, GICV3_IAR1), ==, SPI);
    set_spi(t, SPI, false);
    set_icc(t, 0, GICV3_EOIR1, SPI);
    g_assert_false(line(t, 0, GICV3_IRQ));
    gic_bench_free(t);
}

static void test_edge_spi_is_latched(void)
{
    struct gic_bench *t = open_all();
    wr32(t, GICD + ICFGR + SPI / 16 * 4, 2U << SPI % 16 * 2);
    g_assert_cmphex(rd32(t, GICD + ICFGR + SPI / 16 * 4), ==, 2U << SPI % 16 * 2);
    set_spi(t, SPI, true);
    set_spi(t, SPI, false);
    g_assert_cmpuint(icc(t, 0, GICV3_IAR1), ==, SPI);
    set_spi(t, SPI, true); /* again while it is active */
    set_icc(t, 0, GICV3_EOIR1, SPI);
    g_assert_cmpuint(icc(t, 0, GICV3_IAR1), ==, SPI);
    set_icc(t, 0, GICV3_EOIR1, SPI);
    g_assert_cmpuint(icc(t, 0, GICV3_IAR1), ==, SPURIOUS);
    gic_bench_free(t);
}

static void test_messages_to_spis(void)
{
    struct gic_bench *t = open_all();
    wr32(t, GICD + 0x40, SPI); /* level: until CLRSPI */
    g_assert_cmpuint(icc(t, 0, GICV3_IAR1), ==, SPI);
    set_icc(t, 0, GICV3_EOIR1, SPI);
    g_assert_true(line(t, 0, GICV3_IRQ));
    wr(t, GICD + 0x48, 2, SPI);
    g_assert_false(line(t, 0, GICV3_IRQ));
    wr32(t, GICD + ICFGR + SPI / 16 * 4, 2U << SPI % 16 * 2);
    wr32(t, GICD + 0x40, SPI);
    g_assert_cmpuint(icc(t, 0, GICV3_IAR1), ==, SPI);
    set_icc(t, 0, GICV3_EOIR1, SPI);
    g_assert_false(line(t, 0, GICV3_IRQ));
    wr32(t, GICD + 0x40, 5); /* no SPI */
    wr32(t, GICD + 0x40, 900);
    gic_bench_free(t);
}

static void test_priorities_and_preemption(void)
{
    struct gic_bench *t = open_all();
    wr(t, GICD + IPRIORITYR + OTHER, 1, 0x40);
    g_assert_cmphex(rd(t, GICD + IPRIORITYR + SPI, 2), ==, 0x40a0);
    set_spi(t, SPI, true);
    g_assert_cmpuint(icc(t, 0, GICV3_IAR1), ==, SPI);
    set_spi(t, OTHER, true);
    g_assert_true(line(t, 0, GICV3_IRQ));
    g_assert_cmpuint(icc(t, 0, GICV3_IAR1), ==, OTHER);
    g_assert_cmphex(icc(t, 0, GICV3_RPR), ==, 0x40);
    g_assert_cmphex(icc(t, 0, GICV3_AP1R0), ==, 1U << (0xa0 >> 3) | 1U << (0x40 >> 3));
    set_icc(t, 0, GICV3_EOIR1, OTHER);
    set_icc(t, 0, GICV3_EOIR1, SPI);
    g_assert_cmphex(icc(t, 0, GICV3_AP1R0), ==, 0);
    /* The same group priority does not preempt: with BPR1 = 5, non-secure counting, bits 7:5. */
    set_icc(t, 0, GICV3_BPR1, 5);
    wr(t, GICD + IPRIORITYR + OTHER, 1, 0xb0);
    wr(t, GICD + IPRIORITYR + SPI, 1, 0xb8);
    set_spi(t, OTHER, false);
    g_assert_cmpuint(icc(t, 0, GICV3_IAR1), ==, SPI);
    g_assert_cmphex(icc(t, 0, GICV3_RPR), ==, 0xa0);
    set_spi(t, OTHER, true);
    g_assert_false(line(t, 0, GICV3_IRQ));
    g_assert_cmpuint(icc(t, 0, GICV3_IAR1), ==, SPURIOUS);
    g_assert_cmpuint(icc(t, 0, GICV3_HPPIR1), ==, OTHER);
    gic_bench_free(t);
}

static void test_mask(void)
{
    struct gic_bench *t = open_all();
    set_icc(t, 0, GICV3_PMR, 0xa0);
    set_spi(t, SPI, true);
    g_assert_false(line(t, 0, GICV3_IRQ));
    set_icc(t, 0, GICV3_PMR, 0xaf); /* five bits */
    g_assert_cmphex(icc(t, 0, GICV3_PMR), ==, 0xa8);
    g_assert_true(line(t, 0, GICV3_IRQ));
    set_icc(t, 0, GICV3_IGRPEN1, 0);
    g_assert_false(line(t, 0, GICV3_IRQ));
    g_assert_cmpuint(icc(t, 0, GICV3_HPPIR1), ==, SPURIOUS);
    set_icc(t, 0, GICV3_IGRPEN1, 1);
    wr32(t, GICD + CTLR, 1);
    g_assert_false(line(t, 0, GICV3_IRQ));
    wr32(t, GICD + CTLR, 2);
    g_assert_true(line(t, 0, GICV3_IRQ));
    wr32(t, GICD + ICENABLER + 4, 1 << (SPI - 32));
    g_assert_false(line(t, 0, GICV3_IRQ));
    gic_bench_free(t);
}

static void test_binary_points(void)
{
    struct gic_bench *t = gic_bench_new(false);
    g_assert_cmpuint(icc(t, 0, GICV3_BPR0), ==, 2);
    g_assert_cmpuint(icc(t, 0, GICV3_BPR1), ==, 3);
    set_icc(t, 0, GICV3_BPR0, 7);
    set_icc(t, 0, GICV3_BPR1, 4);
    set_icc(t, 0, GICV3_CTLR, 1); /* CBPR */
    g_assert_cmpuint(icc(t, 0, GICV3_BPR1), ==, 7);
    set_icc(t, 0, GICV3_BPR0, 5);
    g_assert_cmpuint(icc(t, 0, GICV3_BPR1), ==, 6);
    set_icc(t, 0, GICV3_BPR1, 3);
    set_icc(t, 0, GICV3_CTLR, 0);
    g_assert_cmpuint(icc(t, 0, GICV3_BPR1), ==, 4);
    g_assert_cmphex(icc(t, 0, GICV3_CTLR) & 0x700, ==, 0x400);
    gic_bench_free(t);
}

static void test_priority_drop_apart_from_deactivation(void)
{
    struct gic_bench *t = open_all();
    set_icc(t, 0, GICV3_CTLR, 2);
    set_spi(t, SPI, true);
    g_assert_cmpuint(icc(t, 0, GICV3_IAR1), ==, SPI);
    set_icc(t, 0, GICV3_EOIR1, SPI);
    g_assert_cmphex(icc(t, 0, GICV3_RPR), ==, 0xff);
    g_assert_false(line(t, 0, GICV3_IRQ)); /* still active */
    set_icc(t, 1, GICV3_CTLR, 2);
    set_icc(t, 1, GICV3_DIR, SPI); /* another CPU may end it */
    g_assert_true(line(t, 0, GICV3_IRQ));
    gic_bench_free(t);
}

static void test_wrong_ends_do_no_harm(void)
{
    struct gic_bench *t = open_all();
    set_icc(t, 0, GICV3_EOIR1, SPI);
    set_icc(t, 0, GICV3_EOIR0, 0);
    set_icc(t, 0, GICV3_EOIR1, 1023);
    set_icc(t, 0, GICV3_EOIR1, 0xffffffff);
    set_icc(t, 0, GICV3_DIR, SPI);
    set_spi(t, SPI, true);
    g_assert_cmpuint(icc(t, 0, GICV3_IAR1), ==, SPI);
    set_icc(t, 0, GICV3_EOIR0, SPI); /* not its group */
    g_assert_cmphex(icc(t, 0, GICV3_RPR), ==, 0xa0);
    set_icc(t, 0, GICV3_EOIR1, SPI);
    g_assert_cmphex(icc(t, 0, GICV3_RPR), ==, 0xff);
    gic_bench_free(t);
}

static void test_ppi(void)
{
    struct gic_bench *t = open_all();
    gicv3_set_ppi(gicv3_redist(t->gic, 2), PPI - 16, true);
    g_assert_true(line(t, 2, GICV3_IRQ));
    g_assert_false(line(t, 0, GICV3_IRQ));
    g_assert_cmpuint(icc(t, 2, GICV3_IAR1), ==, PPI);
    gicv3_set_ppi(gicv3_redist(t->gic, 2), PPI - 16, false);
    set_icc(t, 2, GICV3_EOIR1, PPI);
    g_assert_false(line(t, 2, GICV3_IRQ));
    gicv3_set_ppi(gicv3_redist(t->gic, 2), 77, true);
    gic_bench_free(t);
}

static uint64_t sgi(unsigned intid, unsigned cluster, unsigned list)
{
    return (uint64_t)intid << 24 | cluster << 16 | list;
}

static void test_software_generated(void)
{
    struct gic_bench *t = open_all();
    set_icc(t, 0, GICV3_SGI1R, sgi(5, 1, 3)); /* CPUs 2 and 3 */
    g_assert_false(line(t, 0, GICV3_IRQ) || line(t, 1, GICV3_IRQ));
    g_assert_true(line(t, 2, GICV3_IRQ) && line(t, 3, GICV3_IRQ));
    g_assert_cmpuint(icc(t, 3, GICV3_IAR1), ==, 5);
    set_icc(t, 3, GICV3_EOIR1, 5);
    g_assert_false(line(t, 3, GICV3_IRQ));
    set_icc(t, 1, GICV3_SGI1R, sgi(7, 0, 0) | UINT64_C(1) << 40); /* all but itself */
    g_assert_true(line(t, 0, GICV3_IRQ) && line(t, 3, GICV3_IRQ));
    g_assert_false(line(t, 1, GICV3_IRQ));
    g_assert_cmpuint(icc(t, 2, GICV3_IAR1), ==, 5); /* the lower number first */
    set_icc(t, 0, GICV3_SGI0R, sgi(3, 0, 2));       /* Group 0 only */
    g_assert_false(line(t, 1, GICV3_IRQ));
    set_icc(t, 0, GICV3_SGI1R, sgi(3, 9, 0xffff)); /* nobody there */
    set_icc(t, 0, GICV3_SGI1R, sgi(3, 0, 2) | UINT64_C(3) << 44);
    g_assert_false(line(t, 1, GICV3_IRQ));
    gic_bench_free(t);
}

static void test_routing(void)
{
    struct gic_bench *t = open_all();
    wr(t, GICD + IROUTER + 8 * SPI, 8, 0x101);
    g_assert_cmphex(rd(t, GICD + IROUTER + 8 * SPI, 8), ==, 0x101);
    set_spi(t, SPI, true);
    g_assert_true(line(t, 3, GICV3_IRQ));
    wr32(t, GICD + IROUTER + 8 * SPI, 0x001); /* moves while pending */
    g_assert_false(line(t, 3, GICV3_IRQ));
    g_assert_true(line(t, 1, GICV3_IRQ));
    wr(t, GICD + IROUTER + 8 * SPI, 8, 0x5500ffff); /* nobody */
    g_assert_false(line(t, 1, GICV3_IRQ));
    wr(t, GICD + IROUTER + 8 * SPI, 8, ~UINT64_C(0));
    g_assert_cmphex(rd(t, GICD + IROUTER + 8 * SPI, 8), ==, 0xff80ffffff);
    gic_bench_free(t);
}

static unsigned asserted(struct gic_bench *t)
{
    unsigned mask = 0;
    for (unsigned i = 0; i < GIC_CPUS; i++)
        mask |= (unsigned)line(t, i, GICV3_IRQ) << i;
    return mask;
}

static void test_one_of_n(void)
{
    struct gic_bench *t = open_all();
    wr(t, GICD + IROUTER + 8 * SPI, 8, UINT64_C(1) << 31);
    wr(t, GICD + IROUTER + 8 * OTHER, 8, UINT64_C(1) << 31);
    set_spi(t, SPI, true);
    unsigned first = asserted(t);
    g_assert_cmpint(__builtin_popcount(first), ==, 1);
    set_spi(t, OTHER, true); /* goes to one with nothing to do */
    g_assert_cmpint(__builtin_popcount(asserted(t)), ==, 2);
    unsigned cpu = (unsigned)__builtin_ctz(first);
    set_icc(t, cpu, GICV3_IGRPEN1, 0); /* moves on */
    g_assert_false(line(t, cpu, GICV3_IRQ));
    g_assert_cmpint(asserted(t) & ~first, !=, 0);
    for (unsigned i = 0; i < GIC_CPUS; i++)
        wr32(t, redist_at(i), 1 << 25); /* DPG1NS: none wants any */
    g_assert_cmphex(asserted(t), ==, 0);
    wr32(t, redist_at(2), 0);
    if (cpu == 2)
        set_icc(t, 2, GICV3_IGRPEN1, 1);
    g_assert_cmphex(asserted(t), ==, 4);
    wr32(t, redist_at(2) + WAKER, 2); /* asleep */
    g_assert_cmphex(asserted(t), ==, 0);
    g_assert_cmphex(rd32(t, redist_at(2) + WAKER), ==, 6);
    gic_bench_free(t);
}

/* Security. */

static void test_groups_become_irq_or_fiq(void)
{
    struct gic_bench *t = gic_bench_new(true);
    gpa sec = SECURE + GICD;
    wr32(t, sec + CTLR, 7);
    wr32(t, SECURE + redist_at(0) + WAKER, 0);
    wr32(t, sec + ISENABLER + 4, UINT32_MAX);
    wr32(t, sec + IGROUPR + 4, 1 << 1);  /* 33: Group 1, non-secure */
    wr32(t, sec + IGRPMODR + 4, 1 << 2); /* 34: secure */
    enter(t, 0, 3, true);
    set_icc(t, 0, GICV3_PMR, 0xf8);
    set_icc(t, 0, GICV3_IGRPEN0, 1);
    set_icc(t, 0, GICV3_IGRPEN1_EL3, 3);
    static const struct {
        unsigned intid, el;
        bool secure, fiq;
    } table[] = {{32, 3, true, true},  {33, 3, true, true},   {34, 3, true, true},
                 {32, 1, true, true},  {33, 1, true, true},   {34, 1, true, false},
                 {32, 1, false, true}, {33, 1, false, false}, {34, 1, false, true},
                 {33, 2, false, false}};
    for (unsigned i = 0; i < G_N_ELEMENTS(table); i++) {
        enter(t, 0, table[i].el, table[i].secure);
        set_spi(t, table[i].intid, true);
        g_assert_cmpint(line(t, 0, GICV3_FIQ), ==, table[i].fiq);
        g_assert_cmpint(line(t, 0, GICV3_IRQ), ==, !table[i].fiq);
        set_spi(t, table[i].intid, false);
    }
    /* EL3 learns whose it is; the others see nothing of it. */
    set_spi(t, 33, true);
    enter(t, 0, 3, true);
    g_assert_cmpuint(icc(t, 0, GICV3_IAR0), ==, 1021);
    g_assert_cmpuint(icc(t, 0, GICV3_IAR1), ==, SPURIOUS);
    set_spi(t, 34, true);
    wr(t, sec + IPRIORITYR + 33, 1, 0x80);
    g_assert_cmpuint(icc(t, 0, GICV3_HPPIR0), ==, 1020);
    enter(t, 0, 1, false);
    g_assert_cmpuint(icc(t, 0, GICV3_IAR1), ==, SPURIOUS);
    enter(t, 0, 1, true);
    g_assert_cmpuint(icc(t, 0, GICV3_IAR1), ==, 34);
    set_icc(t, 0, GICV3_EOIR1, 34);
    gic_bench_free(t);
}

static void test_non_secure_sees_its_own(void)
{
    struct gic_bench *t = gic_bench_new(true);
    gpa sec = SECURE + GICD;
    wr32(t, sec + ISENABLER + 4, 6);
    wr32(t, sec + IGROUPR + 4, 1 << 1);
    wr32(t, sec + IPRIORITYR + 32, 0x10f08010); /* 32: 0x10, 33: 0x80, 34: 0xf0, 35: 0x10 */
    g_assert_cmphex(rd32(t, sec + CTLR), ==, 0x30);
    wr32(t, GICD + CTLR, 0xff);
    g_assert_cmphex(rd32(t, GICD + CTLR), ==, 0x12);
    g_assert_cmphex(rd32(t, sec + CTLR), ==, 0x32);
    g_assert_cmphex(rd32(t, GICD + ISENABLER + 4), ==, 2);
    g_assert_cmphex(rd32(t, GICD + IGROUPR + 4), ==, 0);
    g_assert_cmphex(rd32(t, GICD + IPRIORITYR + 32), ==, 0);
    wr32(t, GICD + IPRIORITYR + 32, UINT32_MAX);
    g_assert_cmphex(rd32(t, sec + IPRIORITYR + 32), ==, 0x10f0f810);
    g_assert_cmphex(rd32(t, GICD + IPRIORITYR + 32), ==, 0xf000);
    wr32(t, GICD + ICENABLER + 4, UINT32_MAX);
    g_assert_cmphex(rd32(t, sec + ISENABLER + 4), ==, 4);
    wr32(t, GICD + IGROUPR + 4, UINT32_MAX);
    g_assert_cmphex(rd32(t, sec + IGROUPR + 4), ==, 2);
    g_assert_true(rd32(t, GICD + TYPER) & 1 << 10);
    wr32(t, redist_at(0) + WAKER, 0);
    g_assert_cmphex(rd32(t, redist_at(0) + WAKER), ==, 0);
    g_assert_cmphex(rd32(t, SECURE + redist_at(0) + WAKER), ==, 6);
    gic_bench_free(t);
}

/* GICD_NSACR lends a secure interrupt out, bit by bit. */
static void test_nsacr(void)
{
    struct gic_bench *t = gic_bench_new(true);
    gpa nsacr = SECURE + GICD + NSACR + 8;
    wr32(t, GICD + ISPENDR + 4, 1);
    g_assert_cmphex(rd32(t, SECURE + GICD + ISPENDR + 4), ==, 0);
    wr32(t, nsacr, 1);
    g_assert_cmphex(rd32(t, nsacr), ==, 1);
    g_assert_cmphex(rd32(t, GICD + NSACR + 8), ==, 0);
    wr32(t, GICD + ISPENDR + 4, 1);
    g_assert_cmphex(rd32(t, GICD + ISPENDR + 4), ==, 1);
    wr32(t, GICD + ICPENDR + 4, 1);
    g_assert_cmphex(rd32(t, GICD + ISPENDR + 4), ==, 1);
    wr32(t, nsacr, 2);
    wr32(t, GICD + ICPENDR + 4, 1);
    g_assert_cmphex(rd32(t, GICD + ISPENDR + 4), ==, 0);
    wr(t, GICD + IROUTER + 8 * 32, 8, 1);
    g_assert_cmphex(rd(t, SECURE + GICD + IROUTER + 8 * 32, 8), ==, 0);
    wr32(t, nsacr, 3);
    wr(t, GICD + IROUTER + 8 * 32, 8, 1);
    g_assert_cmphex(rd(t, SECURE + GICD + IROUTER + 8 * 32, 8), ==, 1);
    gic_bench_free(t);
}

static void test_non_secure_priorities(void)
{
    struct gic_bench *t = gic_bench_new(true);
    enter(t, 0, 1, false);
    set_icc(t, 0, GICV3_PMR, 0xf0); /* the secure world has not opened it */
    g_assert_cmphex(icc(t, 0, GICV3_PMR), ==, 0);
    enter(t, 0, 3, true);
    g_assert_cmphex(icc(t, 0, GICV3_PMR), ==, 0);
    set_icc(t, 0, GICV3_PMR, 0x80);
    enter(t, 0, 1, false);
    set_icc(t, 0, GICV3_PMR, 0xf0);
    g_assert_cmphex(icc(t, 0, GICV3_PMR), ==, 0xf0);
    enter(t, 0, 3, true);
    g_assert_cmphex(icc(t, 0, GICV3_PMR), ==, 0xf8);
    enter(t, 0, 1, false);
    t->who.group0_ns = true; /* SCR_EL3.FIQ = 0 */
    g_assert_cmphex(icc(t, 0, GICV3_PMR), ==, 0xf8);
    t->who.group0_ns = false;
    /* The registers of each state are its own. */
    set_icc(t, 0, GICV3_IGRPEN1, 1);
    set_icc(t, 0, GICV3_CTLR, 3);
    g_assert_cmphex(icc(t, 0, GICV3_CTLR) & 3, ==, 2);
    enter(t, 0, 1, true);
    g_assert_cmphex(icc(t, 0, GICV3_IGRPEN1), ==, 0);
    g_assert_cmphex(icc(t, 0, GICV3_CTLR) & 3, ==, 0);
    g_assert_cmpuint(icc(t, 0, GICV3_BPR1), ==, 2);
    enter(t, 0, 3, true);
    g_assert_cmphex(icc(t, 0, GICV3_IGRPEN1_EL3), ==, 1);
    g_assert_cmphex(icc(t, 0, GICV3_CTLR_EL3) & 0x1f, ==, 0x10);
    set_icc(t, 0, GICV3_CTLR_EL3, 0x0f);
    g_assert_cmphex(icc(t, 0, GICV3_CTLR_EL3) & 0x1f, ==, 0x0f);
    enter(t, 0, 1, false);
    g_assert_cmphex(icc(t, 0, GICV3_CTLR) & 3, ==, 1);
    gic_bench_free(t);
}

static void test_ds_gives_up_security(void)
{
    struct gic_bench *t = gic_bench_new(true);
    wr32(t, SECURE + GICD + CTLR, 0x47);
    g_assert_cmphex(rd32(t, SECURE + GICD + CTLR), ==, 0x53);
    g_assert_cmphex(rd32(t, GICD + CTLR), ==, 0x53);
    wr32(t, SECURE + GICD + CTLR, 0x03);
    g_assert_cmphex(rd32(t, GICD + CTLR), ==, 0x53);
    g_assert_false(rd32(t, GICD + TYPER) & 1 << 10);
    wr32(t, GICD + IGROUPR + 4, 5);
    g_assert_cmphex(rd32(t, GICD + IGROUPR + 4), ==, 5);
    gic_bench_free(t);
}

static void test_firmware_init(void)
{
    struct gic_bench *t = gic_bench_new(true);
    struct error *err = NULL;
    bench_free(t->b);
    t->b = bench_new_empty();
    t->gic = device_new(&gicv3_type, t->b->m, "gic");
    gic_must(device_set(t->gic, "has-security-extensions", "on", &err), err);
    gic_must(device_set(t->gic, "firmware-init", "on", &err), err);
    gic_must(device_realize(t->gic, &err), err);
    enter(t, 0, 1, false);
    set_icc(t, 0, GICV3_PMR, 0xf0);
    g_assert_cmphex(icc(t, 0, GICV3_PMR), ==, 0xf0);
    gic_bench_free(t);
}

static void test_bad_wiring(void)
{
    struct bench *b = bench_new_raw(&gicv3_type);
    bench_set(b, "num-irq", "100");
    struct error *err = NULL;
    g_assert_false(device_realize(b->dev, &err));
    g_assert_nonnull(strstr(error_text(err), "num-irq"));
    g_clear_pointer(&err, error_free);
    bench_set(b, "num-irq", "96");
    bench_set(b, "num-cpu", "2");
    gicv3_set_affinity(b->dev, 1, 0);
    g_assert_false(device_realize(b->dev, &err));
    g_assert_nonnull(strstr(error_text(err), "affinity"));
    g_clear_pointer(&err, error_free);
    bench_free(b);
}

/* Saving and loading. */

static uint8_t *save(struct device *dev)
{
    uint8_t *buf = g_malloc(state_size(dev->type->cls->state));
    state_save(dev->type->cls->state, dev, buf);
    return buf;
}

static void load(struct device *dev, uint8_t *buf)
{
    state_load(dev->type->cls->state, dev, buf);
    dev->type->cls->loaded(dev);
    device_sync(dev);
}

static void test_save_and_load(void)
{
    struct gic_bench *t = open_all(), *u = gic_bench_new(false);
    wr(t, GICD + IROUTER + 8 * SPI, 8, 0x100);
    set_spi(t, SPI, true);
    set_icc(t, 0, GICV3_SGI1R, sgi(5, 0, 2));
    g_assert_cmpuint(icc(t, 1, GICV3_IAR1), ==, 5);
    g_autofree uint8_t *d = save(t->gic), *r1 = save(gicv3_redist(t->gic, 1)),
                       *r2 = save(gicv3_redist(t->gic, 2));
    load(gicv3_redist(u->gic, 1), r1);
    load(gicv3_redist(u->gic, 2), r2);
    load(u->gic, d);
    g_assert_true(line(u, 2, GICV3_IRQ));
    g_assert_cmpuint(icc(u, 2, GICV3_IAR1), ==, SPI);
    g_assert_cmphex(icc(u, 1, GICV3_RPR), ==, 0xa0);
    set_icc(u, 1, GICV3_EOIR1, 5);
    g_assert_cmphex(icc(u, 1, GICV3_RPR), ==, 0xff);
    /* Nonsense is loaded without harm. */
    memset(d, 0xff, state_size(u->gic->type->cls->state));
    memset(r1, 0xff, state_size(gicv3_redist(u->gic, 1)->type->cls->state));
    load(u->gic, d);
    load(gicv3_redist(u->gic, 1), r1);
    while (icc(u, 1, GICV3_IAR1) < 1020)
        set_icc(u, 1, GICV3_AP1R0, 0);
    gic_bench_free(t);
    gic_bench_free(u);
}

static void test_reset(void)
{
    struct gic_bench *t = open_all();
    set_spi(t, SPI, true);
    g_assert_true(line(t, 0, GICV3_IRQ));
    device_reset(t->gic);
    for (unsigned i = 0; i < GIC_CPUS; i++)
        device_reset(gicv3_redist(t->gic, i));
    g_assert_false(line(t, 0, GICV3_IRQ));
    g_assert_cmphex(rd32(t, GICD + ISPENDR + 4), ==, 1 << (SPI - 32)); /* the input is high */
    g_assert_cmphex(rd32(t, sgi_at(0) + ICFGR), ==, 0xaaaaaaaa);
    g_assert_cmpuint(icc(t, 0, GICV3_IGRPEN1), ==, 0);
    gic_bench_free(t);
}

/* Interrupts from several threads, each acknowledged once. */
struct shooter {
    struct gic_bench *t;
    unsigned intid, shots;
};

static void *shoot(void *arg)
{
    struct shooter *s = arg;
    for (unsigned i = 0; i < s->shots; i++) {
        set_spi(s->t, s->intid, true);
        set_spi(s->t, s->intid, false);
    }
    return NULL;
}

static void *take(void *arg)
{
    struct shooter *s = arg;
    uint64_t intid, taken = 0;
    for (unsigned idle = 0; idle < 20000; idle++) {
        while ((intid = icc(s->t, s->intid, GICV3_IAR1)) != SPURIOUS) {
            set_icc(s->t, s->intid, GICV3_EOIR1, intid);
            taken++;
        }
    }
    s->shots = (unsigned)taken;
    return NULL;
}

static void test_threads(void)
{
    struct gic_bench *t = open_all();
    struct shooter s[4] = {{t, SPI, 20000}, {t, OTHER, 20000}, {t, 0, 0}, {t, 1, 0}};
    pthread_t threads[4];
    wr32(t, GICD + ICFGR + SPI / 16 * 4, UINT32_MAX);
    wr(t, GICD + IROUTER + 8 * OTHER, 8, 1);
    for (unsigned i = 0; i < 4; i++)
        threads[i] = thread_start("test", i < 2 ? shoot : take, &s[i]);
    for (unsigned i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    for (unsigned cpu = 0; cpu < 2; cpu++) {
        take(&s[2 + cpu]);
        g_assert_false(line(t, cpu, GICV3_IRQ));
        g_assert_cmphex(icc(t, cpu, GICV3_RPR), ==, 0xff);
    }
    g_assert_cmphex(rd32(t, GICD + ISPENDR + 4), ==, 0);
    g_assert_cmphex(rd32(t, GICD + ISACTIVER + 4), ==, 0);
    gic_bench_free(t);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/gicv3/identification", test_identification);
    g_test_add_func("/gicv3/level", test_level_spi_is_taken_and_comes_again);
    g_test_add_func("/gicv3/edge", test_edge_spi_is_latched);
    g_test_add_func("/gicv3/messages", test_messages_to_spis);
    g_test_add_func("/gicv3/priorities", test_priorities_and_preemption);
    g_test_add_func("/gicv3/mask", test_mask);
    g_test_add_func("/gicv3/binary-points", test_binary_points);
    g_test_add_func("/gicv3/eoimode", test_priority_drop_apart_from_deactivation);
    g_test_add_func("/gicv3/wrong-ends", test_wrong_ends_do_no_harm);
    g_test_add_func("/gicv3/ppi", test_ppi);
    g_test_add_func("/gicv3/sgi", test_software_generated);
    g_test_add_func("/gicv3/routing", test_routing);
    g_test_add_func("/gicv3/one-of-n", test_one_of_n);
    g_test_add_func("/gicv3/security/lines", test_groups_become_irq_or_fiq);
    g_test_add_func("/gicv3/security/registers", test_non_secure_sees_its_own);
    g_test_add_func("/gicv3/security/nsacr", test_nsacr);
    g_test_add_func("/gicv3/security/priorities", test_non_secure_priorities);
    g_test_add_func("/gicv3/security/ds", test_ds_gives_up_security);
    g_test_add_func("/gicv3/security/firmware-init", test_firmware_init);
    g_test_add_func("/gicv3/bad-wiring", test_bad_wiring);
    g_test_add_func("/gicv3/save", test_save_and_load);
    g_test_add_func("/gicv3/reset", test_reset);
    g_test_add_func("/gicv3/threads", test_threads);
    return g_test_run();
}
