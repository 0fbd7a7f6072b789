/* Performance monitors: where counters count, who may access them, chained counters, overflows.
 * Ref: DDI 0487, D13. */
#include "tests/unit/arm_bench.h"

#include <glib.h>

#define PMCR        ARM_SYSREG(3, 3, 9, 12, 0)
#define PMCNTENSET  ARM_SYSREG(3, 3, 9, 12, 1)
#define PMCNTENCLR  ARM_SYSREG(3, 3, 9, 12, 2)
#define PMOVSCLR    ARM_SYSREG(3, 3, 9, 12, 3)
#define PMSWINC     ARM_SYSREG(3, 3, 9, 12, 4)
#define PMSELR      ARM_SYSREG(3, 3, 9, 12, 5)
#define PMCCNTR     ARM_SYSREG(3, 3, 9, 13, 0)
#define PMXEVCNTR   ARM_SYSREG(3, 3, 9, 13, 2)
#define PMINTENSET  ARM_SYSREG(3, 0, 9, 14, 1)
#define PMEVCNTR(n) ARM_SYSREG(3, 3, 14, 8, n)
#define PMEVTYPE(n) ARM_SYSREG(3, 3, 14, 12, n)
#define PMCCFILTR   ARM_SYSREG(3, 3, 14, 15, 7)
#define MDCR_EL2    ARM_SYSREG(3, 4, 1, 1, 1)

enum { P = 1u << 31, U = 1u << 30, NSK = 1u << 29, NSU = 1u << 28, NSH = 1u << 27, M = 1u << 26 };
enum { INSNS = 0x08, CYCLES = 0x11, CHAIN = 0x1e };
enum { E = 1, DP = 32, LC = 64 };
static const uint64_t CYCLE_BIT = UINT64_C(1) << 31;

static void put(struct arm_bench *b, uint32_t key, uint64_t val)
{
    g_assert_true(bench_write(b, key, val));
}

static uint64_t get(struct arm_bench *b, uint32_t key)
{
    uint64_t v = 0;

    g_assert_true(bench_read(b, key, &v));
    return v;
}

static void go_to(struct arm_bench *b, unsigned el, bool secure)
{
    b->cpu->s.scr_el3 = secure ? b->cpu->s.scr_el3 & ~SCR_NS : b->cpu->s.scr_el3 | SCR_NS;
    bench_level(b, el);
    arm_pmu_level_changed(b->cpu);
}

/* What event counter 0 and the cycle counter see of 100 instructions in 1000 ns. */
static void expect(struct arm_bench *b, unsigned el, bool secure, uint64_t insns, uint64_t cycles)
{
    uint64_t i = b->cpu->s.ps.el, before, after;

    go_to(b, 3, true);
    before = get(b, PMEVCNTR(0));
    after = get(b, PMCCNTR);
    go_to(b, el, secure);
    b->cpu->insns += 100;
    bench_now += 1000;
    go_to(b, 3, true);
    g_test_message("EL%u %s", el, secure ? "secure" : "non-secure");
    g_assert_cmpuint(get(b, PMEVCNTR(0)) - before, ==, insns);
    g_assert_cmpuint(get(b, PMCCNTR) - after, ==, cycles);
    go_to(b, (unsigned)i, false);
}

static struct arm_bench *new_bench(const char *model)
{
    struct arm_bench *b = arm_bench_new(model, true, true);

    b->cpu->s.scr_el3 |= SCR_NS | SCR_RW;
    b->cpu->s.hcr_el2 |= HCR_RW;
    b->cpu->s.mdcr_el3 = MDCR3_SPME;
    bench_now = 0;
    go_to(b, 3, false);
    put(b, PMCNTENSET, CYCLE_BIT | 3);
    put(b, PMCR, E | LC);
    return b;
}

/* Every level, under every filter: AArch64.CountPMUEvents() in words. */
static void test_filters(void)
{
    struct arm_bench *b = new_bench("max");

    for (unsigned bits = 0; bits < 64; bits++) {
        uint32_t f = bits << 26;
        bool p = f & P, u = f & U, m = f & M;
        put(b, PMEVTYPE(0), f | INSNS);
        put(b, PMCCFILTR, f);
        expect(b, 0, false, u == !!(f & NSU) ? 100 : 0, u == !!(f & NSU) ? 1000 : 0);
        expect(b, 1, false, p == !!(f & NSK) ? 100 : 0, p == !!(f & NSK) ? 1000 : 0);
        expect(b, 2, false, f & NSH ? 100 : 0, f & NSH ? 1000 : 0);
        expect(b, 0, true, u ? 0 : 100, u ? 0 : 1000);
        expect(b, 1, true, p ? 0 : 100, p ? 0 : 1000);
        expect(b, 3, true, p == m ? 100 : 0, p == m ? 1000 : 0);
    }
    arm_bench_free(b);
}

/* SPME and HPMD stop events; cycles only with PMCR.DP, or by SCCD and HCCD of their own. */
static void test_where_counting_is_forbidden(void)
{
    struct arm_bench *b = new_bench("max");

    put(b, PMEVTYPE(0), NSH | INSNS);
    put(b, PMCCFILTR, NSH);
    b->cpu->s.mdcr_el3 = 0;
    b->cpu->s.mdcr_el2 |= MDCR2_HPMD;
    expect(b, 1, false, 100, 1000);
    expect(b, 1, true, 0, 1000);
    expect(b, 2, false, 0, 1000);
    put(b, PMCR, E | LC | DP);
    expect(b, 0, false, 100, 1000);
    expect(b, 0, true, 0, 0);
    expect(b, 2, false, 0, 0);
    put(b, PMCR, E | LC);
    b->cpu->s.mdcr_el3 = MDCR3_SPME | MDCR3_SCCD;
    b->cpu->s.mdcr_el2 = (b->cpu->s.mdcr_el2 & 31) | MDCR2_HCCD;
    expect(b, 1, true, 100, 0);
    expect(b, 2, false, 100, 0);
    expect(b, 1, false, 100, 1000);
    arm_bench_free(b);
}

/* HPMN: counters from there on belong to EL2, which enables them by HPME. */
static void test_el2_keeps_counters(void)
{
    struct arm_bench *b = new_bench("max");
    unsigned all = b->cpu->id.pmu_counters;

    go_to(b, 2, false);
    put(b, PMEVTYPE(0), NSH | INSNS);
    put(b, PMEVTYPE(1), NSH | INSNS);
    put(b, MDCR_EL2, 1 | MDCR2_HPME);
    g_assert_cmpuint(get(b, PMCR) >> 11 & 31, ==, all);
    put(b, PMCR, 0);
    b->cpu->insns += 7;
    g_assert_cmpuint(get(b, PMEVCNTR(0)), ==, 0);
    g_assert_cmpuint(get(b, PMEVCNTR(1)), ==, 7);
    g_assert_cmphex(get(b, PMCNTENSET), ==, CYCLE_BIT | 3);
    go_to(b, 1, false);
    g_assert_cmpuint(get(b, PMCR) >> 11 & 31, ==, 1);
    g_assert_cmphex(get(b, PMCNTENSET), ==, CYCLE_BIT | 1);
    put(b, PMCNTENCLR, 2); /* not its */
    put(b, PMCR, 2);       /* nor does resetting counters reach it */
    put(b, PMSELR, 1);
    uint64_t before = b->cpu->insns; /* an access that traps has not ended; here it has not begun */
    g_assert_cmphex(bench_trap(b, 1, PMEVCNTR(1), false), ==, ARM_EC_SYSREG | 2 << 8);
    g_assert_cmphex(bench_trap(b, 1, PMXEVCNTR, false), ==, ARM_EC_SYSREG | 2 << 8);
    g_assert_cmphex(bench_trap(b, 1, ARM_SYSREG(3, 3, 14, 11, 6), false), ==,
                    ARM_EC_UNKNOWN | 1 << 8);
    b->cpu->insns = before;
    go_to(b, 2, false);
    g_assert_cmpuint(get(b, PMEVCNTR(1)), ==, 7);
    g_assert_cmphex(get(b, PMCNTENSET), ==, CYCLE_BIT | 3);
    put(b, MDCR_EL2, 1);
    b->cpu->insns += 7;
    g_assert_cmpuint(get(b, PMEVCNTR(1)), ==, 7);
    arm_bench_free(b);
}

/* Two counters of 32 bits make one of 64, for events and for software's increments. */
static void test_chained_counters(void)
{
    struct arm_bench *b = new_bench("cortex-a57");

    go_to(b, 1, false);
    put(b, PMEVTYPE(0), INSNS);
    put(b, PMEVTYPE(1), CHAIN);
    put(b, PMEVCNTR(0), UINT32_MAX - 9);
    put(b, PMEVCNTR(1), UINT32_MAX);
    b->cpu->insns += 9;
    g_assert_cmphex(get(b, PMEVCNTR(1)), ==, UINT32_MAX);
    b->cpu->insns += 2;
    g_assert_cmphex(get(b, PMEVCNTR(1)), ==, 0);
    g_assert_cmphex(get(b, PMEVCNTR(0)), ==, 1);
    g_assert_cmphex(get(b, PMOVSCLR), ==, 3);
    put(b, PMOVSCLR, 3);
    put(b, PMEVTYPE(0), 0);
    put(b, PMEVCNTR(0), UINT32_MAX);
    put(b, PMSWINC, 3);
    g_assert_cmphex(get(b, PMEVCNTR(0)), ==, 0);
    g_assert_cmphex(get(b, PMEVCNTR(1)), ==, 1);
    g_assert_cmphex(get(b, PMOVSCLR), ==, 1);
    put(b, PMEVTYPE(0), U | P);
    put(b, PMSWINC, 1); /* filtered like any event */
    g_assert_cmphex(get(b, PMEVCNTR(0)), ==, 0);
    arm_bench_free(b);
}

static void test_units_count_while_a_counter_wants_them_to(void)
{
    struct arm_bench *b = new_bench("cortex-a57");

    go_to(b, 1, false);
    g_assert_false(arm_mode(&b->cpu->cpu) & ARM_MODE_COUNT);
    put(b, PMEVTYPE(0), P | INSNS);
    g_assert_false(arm_mode(&b->cpu->cpu) & ARM_MODE_COUNT);
    go_to(b, 0, false);
    g_assert_true(arm_mode(&b->cpu->cpu) & ARM_MODE_COUNT);
    go_to(b, 1, false);
    g_assert_false(arm_mode(&b->cpu->cpu) & ARM_MODE_COUNT);
    arm_bench_free(b);
}

static void test_interrupt_of_the_cycle_counter(void)
{
    struct arm_bench *b = new_bench("cortex-a57");

    go_to(b, 1, false);
    put(b, PMCR, E);
    bench_now = 1000;
    g_assert_cmpuint(get(b, PMCCNTR), ==, 1000);
    put(b, PMCCNTR, UINT32_MAX - 99);
    put(b, PMINTENSET, CYCLE_BIT);
    g_assert_cmpint(b->cpu->pmu_timer.deadline, ==, 1100);
    put(b, PMCCFILTR, P); /* stands still at EL1 */
    g_assert_false(b->cpu->pmu_timer.armed);
    bench_now = 5000;
    go_to(b, 0, false);
    g_assert_cmpint(b->cpu->pmu_timer.deadline, ==, 5100);
    bench_now = 5100;
    b->cpu->pmu_timer.fn(b->cpu);
    g_assert_true(irq_level(&b->cpu->pmu_irq));
    go_to(b, 1, false);
    put(b, PMOVSCLR, CYCLE_BIT);
    g_assert_false(irq_level(&b->cpu->pmu_irq));
    arm_bench_free(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/arm-pmu/filters", test_filters);
    g_test_add_func("/arm-pmu/forbidden", test_where_counting_is_forbidden);
    g_test_add_func("/arm-pmu/el2", test_el2_keeps_counters);
    g_test_add_func("/arm-pmu/chain", test_chained_counters);
    g_test_add_func("/arm-pmu/mode", test_units_count_while_a_counter_wants_them_to);
    g_test_add_func("/arm-pmu/interrupt", test_interrupt_of_the_cycle_counter);
    return g_test_run();
}
