/* The virtual interface of a GICv3: list registers, ICV_*, maintenance interrupts. */
#include "tests/unit/gicv3_bench.h"

static const enum gicv3_reg LR0 = GICV3_ICH_LR0;
enum { SPURIOUS = 1023, HCR_EN = 1, MAINTENANCE = 25 };
enum { VENG0 = 1, VENG1 = 2, VCBPR = 16, VEOIM = 1 << 9, ANY = 0xf8 };
static const uint64_t PENDING = UINT64_C(1) << 62, ACTIVE = UINT64_C(2) << 62,
                      HW = UINT64_C(1) << 61, GROUP1 = UINT64_C(1) << 60, EOI = UINT64_C(1) << 41;

static uint64_t lr(unsigned vintid, unsigned priority)
{
    return PENDING | GROUP1 | (uint64_t)priority << 48 | vintid;
}

/* What a guest of the hypervisor does. */
static uint64_t icv(struct gic_bench *t, enum gicv3_reg reg)
{
    struct gicv3_who who = {.el = 1, .is_virtual = true};
    return gicv3_cpu_ops.read(t->gic, 0, reg, who);
}

static void set_icv(struct gic_bench *t, enum gicv3_reg reg, uint64_t v)
{
    struct gicv3_who who = {.el = 1, .is_virtual = true};
    gicv3_cpu_ops.write(t->gic, 0, reg, v, who);
}

static struct gic_bench *start(void)
{
    struct gic_bench *t = gic_bench_new(false);
    wr32(t, GICD, 3);
    wr32(t, redist_at(0) + 0x14, 0);
    wr32(t, sgi_at(0) + 0x80, UINT32_MAX);
    wr32(t, sgi_at(0) + 0x100, UINT32_MAX);
    set_icc(t, 0, GICV3_PMR, 0xf8);
    set_icc(t, 0, GICV3_IGRPEN1, 1);
    enter(t, 0, 2, false);
    set_icc(t, 0, GICV3_ICH_HCR, HCR_EN);
    set_icc(t, 0, GICV3_ICH_VMCR, (uint64_t)ANY << 24 | VENG0 | VENG1);
    return t;
}

static void test_list_register_becomes_an_interrupt(void)
{
    struct gic_bench *t = start();
    g_assert_cmpuint(icc(t, 0, GICV3_ICH_VTR) & 0x1f, ==, 3);
    g_assert_cmphex(icc(t, 0, GICV3_ICH_ELRSR), ==, 0xf);
    set_icc(t, 0, LR0 + 1, lr(50, 0x80));
    g_assert_true(line(t, 0, GICV3_VIRQ));
    g_assert_false(line(t, 0, GICV3_VFIQ) || line(t, 0, GICV3_IRQ));
    g_assert_cmphex(icc(t, 0, GICV3_ICH_ELRSR), ==, 0xd);
    g_assert_cmpuint(icv(t, GICV3_HPPIR1), ==, 50);
    g_assert_cmpuint(icv(t, GICV3_HPPIR0), ==, SPURIOUS);
    g_assert_cmpuint(icv(t, GICV3_IAR0), ==, SPURIOUS);
    g_assert_cmpuint(icv(t, GICV3_IAR1), ==, 50);
    g_assert_false(line(t, 0, GICV3_VIRQ));
    g_assert_cmphex(icv(t, GICV3_RPR), ==, 0x80);
    g_assert_cmphex(icc(t, 0, GICV3_ICH_AP1R0), ==, 1 << (0x80 >> 3));
    g_assert_cmphex(icc(t, 0, LR0 + 1) >> 62, ==, 2);
    set_icv(t, GICV3_EOIR1, 50);
    g_assert_cmphex(icc(t, 0, LR0 + 1) >> 62, ==, 0);
    g_assert_cmphex(icv(t, GICV3_RPR), ==, 0xff);
    set_icc(t, 0, LR0, lr(51, 0x80) & ~GROUP1);
    g_assert_true(line(t, 0, GICV3_VFIQ));
    set_icc(t, 0, GICV3_ICH_HCR, 0);
    g_assert_false(line(t, 0, GICV3_VFIQ));
    gic_bench_free(t);
}

static void test_preemption(void)
{
    struct gic_bench *t = start();
    set_icc(t, 0, LR0, lr(50, 0x80));
    set_icc(t, 0, LR0 + 1, lr(51, 0x80));
    g_assert_cmpuint(icv(t, GICV3_IAR1), ==, 50);
    g_assert_false(line(t, 0, GICV3_VIRQ));
    set_icc(t, 0, LR0 + 2, lr(52, 0x40));
    g_assert_true(line(t, 0, GICV3_VIRQ));
    set_icv(t, GICV3_PMR, 0x40);
    g_assert_false(line(t, 0, GICV3_VIRQ));
    set_icv(t, GICV3_PMR, 0xff);
    g_assert_cmphex(icv(t, GICV3_PMR), ==, 0xf8);
    g_assert_cmpuint(icv(t, GICV3_IAR1), ==, 52);
    set_icv(t, GICV3_EOIR1, 52);
    set_icv(t, GICV3_EOIR1, 50);
    g_assert_cmpuint(icv(t, GICV3_IAR1), ==, 51);
    set_icv(t, GICV3_EOIR1, 51);
    set_icv(t, GICV3_IGRPEN1, 0);
    set_icc(t, 0, LR0, lr(50, 0x80));
    g_assert_false(line(t, 0, GICV3_VIRQ));
    g_assert_cmpuint(icv(t, GICV3_HPPIR1), ==, SPURIOUS);
    gic_bench_free(t);
}

static void test_binary_points(void)
{
    struct gic_bench *t = start();
    g_assert_cmpuint(icv(t, GICV3_BPR0), ==, 2);
    g_assert_cmpuint(icv(t, GICV3_BPR1), ==, 3);
    set_icv(t, GICV3_BPR1, 5); /* groups of bits 7:5 */
    set_icc(t, 0, LR0, lr(50, 0x98));
    g_assert_cmpuint(icv(t, GICV3_IAR1), ==, 50);
    g_assert_cmphex(icv(t, GICV3_RPR), ==, 0x80);
    set_icc(t, 0, LR0 + 1, lr(51, 0x80));
    g_assert_false(line(t, 0, GICV3_VIRQ));
    set_icv(t, GICV3_CTLR, 1); /* CBPR: bits 7:3 */
    g_assert_cmpuint(icv(t, GICV3_BPR1), ==, 3);
    g_assert_cmphex(icc(t, 0, GICV3_ICH_VMCR) & VCBPR, ==, VCBPR);
    set_icv(t, GICV3_BPR0, 6);
    g_assert_cmpuint(icv(t, GICV3_BPR1), ==, 7);
    gic_bench_free(t);
}

static void test_end_of_hardware_interrupt(void)
{
    struct gic_bench *t = start();
    set_icc(t, 0, GICV3_CTLR, 2); /* the hypervisor drops priorities only */
    gicv3_set_ppi(gicv3_redist(t->gic, 0), 11, true);
    g_assert_cmpuint(icc(t, 0, GICV3_IAR1), ==, 27);
    set_icc(t, 0, GICV3_EOIR1, 27);
    set_icc(t, 0, LR0, lr(27, 0xa0) | HW | (uint64_t)27 << 32);
    g_assert_cmpuint(icv(t, GICV3_IAR1), ==, 27);
    g_assert_false(line(t, 0, GICV3_IRQ));
    set_icv(t, GICV3_EOIR1, 27);
    g_assert_true(line(t, 0, GICV3_IRQ)); /* deactivated, and the input is still high */
    gic_bench_free(t);
}

static void test_split_end(void)
{
    struct gic_bench *t = start();
    set_icv(t, GICV3_CTLR, 2);
    g_assert_cmphex(icc(t, 0, GICV3_ICH_VMCR) & VEOIM, ==, VEOIM);
    set_icc(t, 0, LR0, lr(60, 0x80) | PENDING | ACTIVE);
    g_assert_false(line(t, 0, GICV3_VIRQ)); /* active and pending waits */
    set_icc(t, 0, LR0, lr(60, 0x80));
    g_assert_cmpuint(icv(t, GICV3_IAR1), ==, 60);
    set_icv(t, GICV3_EOIR1, 60);
    g_assert_cmphex(icc(t, 0, LR0) >> 62, ==, 2);
    set_icv(t, GICV3_DIR, 60);
    g_assert_cmphex(icc(t, 0, LR0) >> 62, ==, 0);
    set_icv(t, GICV3_DIR, 61); /* not here */
    g_assert_cmphex(icc(t, 0, GICV3_ICH_HCR) >> 27, ==, 1);
    gic_bench_free(t);
}

static void test_lpis_have_no_active_state(void)
{
    struct gic_bench *t = start();
    set_icc(t, 0, LR0, lr(9000, 0x80));
    g_assert_cmpuint(icv(t, GICV3_IAR1), ==, 9000);
    g_assert_cmphex(icc(t, 0, LR0) >> 62, ==, 0);
    g_assert_cmphex(icv(t, GICV3_RPR), ==, 0x80);
    set_icv(t, GICV3_EOIR1, 9000);
    g_assert_cmphex(icv(t, GICV3_RPR), ==, 0xff);
    g_assert_cmphex(icc(t, 0, GICV3_ICH_HCR) >> 27, ==, 0);
    gic_bench_free(t);
}

static bool maintenance(struct gic_bench *t)
{
    return rd32(t, sgi_at(0) + 0x200) >> MAINTENANCE & 1;
}

static void test_maintenance(void)
{
    static const struct {
        uint32_t enable, misr;
    } causes[] = {{1 << 1, 1 << 1}, {1 << 3, 1 << 3}, {1 << 4, 1 << 4}, {1 << 6, 1 << 6}};
    struct gic_bench *t = start();
    for (unsigned i = 0; i < G_N_ELEMENTS(causes); i++) {
        set_icc(t, 0, GICV3_ICH_HCR, HCR_EN | causes[i].enable);
        g_assert_cmphex(icc(t, 0, GICV3_ICH_MISR), ==, causes[i].misr);
        g_assert_true(maintenance(t) && line(t, 0, GICV3_IRQ));
        set_icc(t, 0, GICV3_ICH_HCR, HCR_EN);
        g_assert_false(maintenance(t));
    }
    set_icc(t, 0, GICV3_ICH_HCR, HCR_EN | 1 << 5 | 1 << 7);
    g_assert_false(maintenance(t));
    set_icv(t, GICV3_IGRPEN0, 0);
    set_icv(t, GICV3_IGRPEN1, 0);
    g_assert_cmphex(icc(t, 0, GICV3_ICH_MISR), ==, 0xa0);
    set_icv(t, GICV3_IGRPEN1, 1);
    /* An end that finds no list register, and one that asks to be told of. */
    set_icc(t, 0, GICV3_ICH_HCR, HCR_EN | 1 << 2);
    set_icc(t, 0, GICV3_ICH_AP1R0, 1 << 16);
    set_icv(t, GICV3_EOIR1, 70);
    g_assert_cmphex(icc(t, 0, GICV3_ICH_MISR), ==, 4);
    set_icc(t, 0, GICV3_ICH_HCR, HCR_EN);
    g_assert_false(maintenance(t));
    set_icc(t, 0, LR0 + 3, lr(70, 0x80) | EOI);
    g_assert_cmpuint(icv(t, GICV3_IAR1), ==, 70);
    g_assert_false(maintenance(t));
    set_icv(t, GICV3_EOIR1, 70);
    g_assert_cmphex(icc(t, 0, GICV3_ICH_EISR), ==, 8);
    g_assert_cmphex(icc(t, 0, GICV3_ICH_ELRSR), ==, 7);
    g_assert_cmphex(icc(t, 0, GICV3_ICH_MISR), ==, 1);
    g_assert_true(maintenance(t));
    set_icc(t, 0, LR0 + 3, 0);
    g_assert_false(maintenance(t));
    gic_bench_free(t);
}

static void test_reset_of_the_processor(void)
{
    struct gic_bench *t = start();
    set_icc(t, 0, LR0, lr(50, 0x80));
    g_assert_true(line(t, 0, GICV3_VIRQ));
    gicv3_cpu_ops.reset(t->gic, 0);
    g_assert_false(line(t, 0, GICV3_VIRQ));
    g_assert_cmphex(icc(t, 0, LR0), ==, 0);
    g_assert_cmphex(icc(t, 0, GICV3_PMR), ==, 0);
    g_assert_cmpuint(icc(t, 0, GICV3_IGRPEN1), ==, 0);
    gic_bench_free(t);
}

/* Any value in any register, of any view. */
static void test_random_registers(void)
{
    struct gic_bench *t = gic_bench_new(true);
    for (unsigned i = 0; i < 100000; i++) {
        enum gicv3_reg reg = (enum gicv3_reg)g_test_rand_int_range(0, GICV3_REGS);
        struct gicv3_who who = {(uint8_t)(i % 4), i & 8, i & 16, i & 32, i & 64};
        uint64_t v = (uint64_t)(uint32_t)g_test_rand_int() << 32 | (uint32_t)g_test_rand_int();
        if (i % 3)
            gicv3_cpu_ops.write(t->gic, i % GIC_CPUS, reg, i % 5 ? v : v & 0x3ff, who);
        else
            gicv3_cpu_ops.read(t->gic, i % GIC_CPUS, reg, who);
        gicv3_cpu_ops.state_changed(t->gic, i % GIC_CPUS, who);
        wr32(t, SECURE + GICD + (v >> 40 & 0xffc), (uint32_t)v);
        wr32(t, SECURE + sgi_at(i % GIC_CPUS) + (v >> 52 & 0xffc), (uint32_t)v);
    }
    gic_bench_free(t);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/gicv3-virt/list", test_list_register_becomes_an_interrupt);
    g_test_add_func("/gicv3-virt/preemption", test_preemption);
    g_test_add_func("/gicv3-virt/binary-points", test_binary_points);
    g_test_add_func("/gicv3-virt/hardware", test_end_of_hardware_interrupt);
    g_test_add_func("/gicv3-virt/eoimode", test_split_end);
    g_test_add_func("/gicv3-virt/lpi", test_lpis_have_no_active_state);
    g_test_add_func("/gicv3-virt/maintenance", test_maintenance);
    g_test_add_func("/gicv3-virt/reset", test_reset_of_the_processor);
    g_test_add_func("/gicv3-virt/random", test_random_registers);
    return g_test_run();
}
