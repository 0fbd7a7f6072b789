/* System registers, exceptions, interrupts, timers, models.  Ref: DDI 0487, D1, D12, D19. */
#include "tests/unit/arm_bench.h"

#include <glib.h>
#include <string.h>

enum {
    TRAPPED = ARM_EC_SYSREG,
    UNDEFINED = ARM_EC_UNKNOWN,
    EL1 = 1 << 8,
    EL2 = 2 << 8,
    EL3 = 3 << 8
};
#define SCTLR_EL1  ARM_SYSREG(3, 0, 1, 0, 0)
#define SCTLR_EL2  ARM_SYSREG(3, 4, 1, 0, 0)
#define SCTLR_EL12 ARM_SYSREG(3, 5, 1, 0, 0)
#define CTR_EL0    ARM_SYSREG(3, 3, 0, 0, 1)
#define ID_ISAR0   ARM_SYSREG(3, 0, 0, 6, 0)
#define TPIDR_EL0  ARM_SYSREG(3, 3, 13, 0, 2)
#define CNTV_CTL   ARM_SYSREG(3, 3, 14, 3, 1)
#define CNTV_CVAL  ARM_SYSREG(3, 3, 14, 3, 2)
#define CNTV_TVAL  ARM_SYSREG(3, 3, 14, 3, 0)
#define CNTVCT     ARM_SYSREG(3, 3, 14, 0, 2)
#define CPACR      ARM_SYSREG(3, 0, 1, 0, 2)
#define VAE1IS     ARM_SYSREG(1, 0, 8, 3, 1)
#define ASIDE1     ARM_SYSREG(1, 0, 8, 7, 2)
#define NOWHERE    ARM_SYSREG(3, 0, 2, 7, 7)

static void test_who_may(void)
{
    struct arm_bench *b = arm_bench_new("cortex-a57", true, true);

    b->cpu->s.scr_el3 |= SCR_NS | SCR_RW;
    b->cpu->s.hcr_el2 |= HCR_RW;
    g_assert_cmphex(bench_trap(b, 0, SCTLR_EL1, false), ==, UNDEFINED | EL1);
    g_assert_cmphex(bench_trap(b, 1, SCTLR_EL2, true), ==, UNDEFINED | EL1);
    g_assert_cmphex(bench_trap(b, 2, SCTLR_EL2, true), ==, -1);
    g_assert_cmphex(bench_trap(b, 3, NOWHERE, false), ==, UNDEFINED | EL3);
    g_assert_cmphex(bench_trap(b, 1, ID_ISAR0, true), ==, UNDEFINED | EL1);
    g_assert_cmphex(bench_trap(b, 0, TPIDR_EL0, true), ==, -1);
    g_assert_cmphex(bench_trap(b, 2, SCTLR_EL12, false), ==, UNDEFINED | EL2); /* no VHE */
    arm_bench_free(b);
}

static void test_traps(void)
{
    struct arm_bench *b = arm_bench_new("cortex-a57", true, true);
    struct arm_state *s = &b->cpu->s;

    s->scr_el3 |= SCR_NS | SCR_RW;
    s->hcr_el2 = HCR_RW | HCR_TVM | HCR_TID3;
    g_assert_cmphex(bench_trap(b, 1, SCTLR_EL1, true), ==, TRAPPED | EL2);
    g_assert_cmphex(bench_trap(b, 1, SCTLR_EL1, false), ==, -1);
    g_assert_cmphex(bench_trap(b, 1, ID_ISAR0, false), ==, TRAPPED | EL2);
    g_assert_cmphex(bench_trap(b, 0, CTR_EL0, false), ==, TRAPPED | EL1); /* UCT is 0 */
    s->hcr_el2 |= HCR_TGE;
    g_assert_cmphex(bench_trap(b, 0, CTR_EL0, false), ==, TRAPPED | EL2);
    s->hcr_el2 = HCR_RW;
    s->sctlr_el[1] |= SCTLR_UCT;
    g_assert_cmphex(bench_trap(b, 0, CTR_EL0, false), ==, -1);
    s->cptr_el3 = CPTR_TCPAC;
    g_assert_cmphex(bench_trap(b, 1, CPACR, false), ==, TRAPPED | EL3);
    arm_bench_free(b);
}

/* MSR SCTLR_EL1, x7: Op0 3, Op2 0, Op1 0, CRn 1, Rt 7, CRm 0, a write. */
static void test_syndrome(void)
{
    struct arm_bench *b = arm_bench_new("cortex-a57", true, false);

    b->cpu->s.hcr_el2 = HCR_RW | HCR_TVM;
    bench_level(b, 1);
    b->cpu->pc = 0x4000;
    g_assert_false(bench_write(b, SCTLR_EL1, 0));
    g_assert_cmphex(b->cpu->s.esr_el[2], ==, 0x18u << 26 | 1 << 25 | 3 << 20 | 1 << 10);
    g_assert_cmphex(b->cpu->s.elr_el[2], ==, 0x4000);
    g_assert_cmphex(b->cpu->pc & 0x7ff, ==, 0x400);
    arm_bench_free(b);
}

static void test_vhe_names(void)
{
    struct arm_bench *b = arm_bench_new("max", true, false);
    uint64_t v;

    b->cpu->s.hcr_el2 = HCR_RW | HCR_E2H;
    bench_level(b, 2);
    b->cpu->s.vbar_el[1] = 0x1000;
    b->cpu->s.vbar_el[2] = 0x2000;
    g_assert_true(bench_read(b, ARM_SYSREG(3, 0, 12, 0, 0), &v));
    g_assert_cmphex(v, ==, 0x2000);
    g_assert_true(bench_read(b, ARM_SYSREG(3, 5, 12, 0, 0), &v));
    g_assert_cmphex(v, ==, 0x1000);
    g_assert_cmphex(bench_trap(b, 1, ARM_SYSREG(3, 5, 12, 0, 0), false), ==, UNDEFINED | EL1);
    arm_bench_free(b);
}

static void test_fine_grained_traps(void)
{
    struct arm_bench *b = arm_bench_new("max", true, false);

    b->cpu->s.hcr_el2 = HCR_RW;
    b->cpu->s.hfgwtr_el2 = UINT64_C(1) << 35; /* TPIDR_EL0 */
    g_assert_cmphex(bench_trap(b, 1, TPIDR_EL0, true), ==, TRAPPED | EL2);
    g_assert_cmphex(bench_trap(b, 1, TPIDR_EL0, false), ==, -1);
    g_assert_cmphex(bench_trap(b, 2, TPIDR_EL0, true), ==, -1);
    arm_bench_free(b);
}

static void test_tlb_maintenance(void)
{
    struct arm_bench *b = arm_bench_new("max", false, false);

    bench_level(b, 1);
    b->cpu->s.tcr_el[1] = TCR_AS;
    g_assert_true(bench_write(b, VAE1IS, UINT64_C(7) << 48 | 0xffff000012345 >> 0));
    g_assert_cmpuint(bench_log.flush_page, ==, 1);
    g_assert_cmphex(bench_log.addr, ==, UINT64_C(0xffff000012345000));
    g_assert_true(bench_write(b, ASIDE1, UINT64_C(0x1234) << 48));
    g_assert_cmpuint(bench_log.asid, ==, 0x1234);
    bench_forget();
    b->cpu->tagged_pages = true; /* then a page may be there under other tags */
    g_assert_true(bench_write(b, VAE1IS, 1));
    g_assert_cmpuint(bench_log.flush_all, ==, 1);
    arm_bench_free(b);
}

static void test_exception_and_return(void)
{
    struct arm_bench *b = arm_bench_new("cortex-a76", false, false);
    struct arm_cpu *cpu = b->cpu;

    bench_level(b, 0);
    cpu->x[31] = 0x100;
    cpu->s.sp_el[1] = 0x900;
    cpu->s.vbar_el[1] = 0x80000;
    cpu->s.sctlr_el[1] &= ~SCTLR_SPAN;
    cpu->flags = ARM_FLAG_Z;
    cpu->s.ps.daif = 0;
    cpu->pc = 0x5004;
    arm_take_sync(cpu, 1, ESR(ARM_EC_SVC, 3));
    g_assert_cmphex(cpu->pc, ==, 0x80400);
    g_assert_cmphex(cpu->x[31], ==, 0x900);
    g_assert_cmphex(cpu->s.spsr_el[1], ==, 0x60000000);
    g_assert_true(cpu->s.ps.pan && cpu->s.ps.daif == 15);
    arm_return(cpu, (uint32_t)cpu->s.spsr_el[1], cpu->s.elr_el[1]);
    g_assert_cmpuint(cpu->s.ps.el, ==, 0);
    g_assert_cmphex(cpu->x[31], ==, 0x100);
    g_assert_cmphex(cpu->pc, ==, 0x5004);
    g_assert_false(cpu->s.ps.pan || cpu->s.ps.il);
    arm_bench_free(b);
}

/* To a higher level, to AArch32 where there is none, a reserved value. */
static void test_illegal_return(void)
{
    static const uint32_t bad[] = {0x9, 0xd, 0x1, 0x2, 0x13, 0x1f};
    struct arm_bench *b = arm_bench_new("neoverse-n2", true, false);

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        bench_level(b, 1);
        b->cpu->s.ps.il = false;
        b->cpu->s.hcr_el2 = HCR_RW;
        arm_return(b->cpu, bad[i], 0x7000);
        g_assert_true(b->cpu->s.ps.il);
        g_assert_cmpuint(b->cpu->s.ps.el, ==, 1);
        g_assert_cmphex(b->cpu->pc, ==, 0x7000);
    }
    arm_bench_free(b);
}

/* Line, state, where it is taken: 0 nowhere. */
static void test_interrupt_routing(void)
{
    static const struct {
        unsigned line, el, daif;
        uint64_t hcr, scr;
        unsigned to;
    } cases[] = {
        {ARM_LINE_IRQ, 1, 0, 0, 0, 1},
        {ARM_LINE_IRQ, 1, DAIF_I, 0, 0, 0},
        {ARM_LINE_IRQ, 1, DAIF_I, HCR_IMO, 0, 2},
        {ARM_LINE_IRQ, 2, DAIF_I, HCR_IMO, 0, 0},
        {ARM_LINE_IRQ, 2, 0, HCR_IMO, 0, 2},
        {ARM_LINE_IRQ, 2, 0, 0, 0, 0},
        {ARM_LINE_FIQ, 1, DAIF_F, HCR_FMO, SCR_FIQ, 3},
        {ARM_LINE_FIQ, 3, DAIF_F, 0, SCR_FIQ, 0},
        {ARM_LINE_IRQ, 3, 0, 0, 0, 0},
        {ARM_LINE_VIRQ, 1, 0, HCR_IMO, 0, 1},
        {ARM_LINE_VIRQ, 1, 0, 0, 0, 0},
        {ARM_LINE_VIRQ, 2, 0, HCR_IMO, 0, 0},
        {ARM_LINE_IRQ, 0, 0, HCR_TGE, 0, 2},
    };
    struct arm_bench *b = arm_bench_new("cortex-a76", true, true);

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        bench_level(b, cases[i].el);
        b->cpu->s.ps.daif = cases[i].daif;
        b->cpu->s.hcr_el2 = cases[i].hcr | HCR_RW;
        b->cpu->s.scr_el3 = cases[i].scr | SCR_NS | SCR_RW;
        atomic_store(&b->cpu->cpu.irq_lines, UINT64_C(1) << cases[i].line);
        bool taken = arm_interrupt(&b->cpu->cpu);
        g_test_message("case %zu", i);
        g_assert_cmpuint(taken ? b->cpu->s.ps.el : 0, ==, cases[i].to);
    }
    arm_bench_free(b);
}

static void test_timer(void)
{
    struct arm_bench *b = arm_bench_new("cortex-a57", true, false);
    uint64_t v;

    bench_level(b, 2);
    bench_now = 16000;                                              /* 1000 ticks of 62.5 MHz */
    g_assert_true(bench_write(b, ARM_SYSREG(3, 4, 14, 0, 3), 400)); /* CNTVOFF_EL2 */
    g_assert_true(bench_read(b, CNTVCT, &v));
    g_assert_cmpuint(v, ==, 600);
    g_assert_true(bench_write(b, CNTV_TVAL, 100));
    g_assert_true(bench_read(b, CNTV_CVAL, &v));
    g_assert_cmpuint(v, ==, 700);
    g_assert_true(bench_write(b, CNTV_CTL, 1));
    g_assert_true(b->cpu->timers[ARM_TIMER_VIRT].armed);
    g_assert_cmpint(b->cpu->timers[ARM_TIMER_VIRT].deadline, ==, 1100 * 16);
    bench_now = 1100 * 16;
    b->cpu->timers[ARM_TIMER_VIRT].fn(b->cpu);
    g_assert_true(irq_level(&b->cpu->timer_irq[ARM_TIMER_VIRT]));
    g_assert_true(bench_read(b, CNTV_CTL, &v));
    g_assert_cmpuint(v, ==, 5);
    g_assert_true(bench_write(b, CNTV_CTL, 3));
    g_assert_false(irq_level(&b->cpu->timer_irq[ARM_TIMER_VIRT]));
    arm_bench_free(b);
}

static void test_ids_follow_features(void)
{
    struct arm_bench *b = arm_bench_new("max,pauth=off,lse=off,lpa2=off", false, false);

    g_assert_cmphex(b->cpu->id.aa64isar1 & 0xff000ff0, ==, 0);
    g_assert_cmphex(b->cpu->id.aa64isar0 >> 20 & 15, ==, 0);
    g_assert_cmphex(b->cpu->id.aa64mmfr0 >> 28 & 15, ==, 0);
    g_assert_cmphex(b->cpu->id.aa64pfr0 & 0xff00, ==, 0);    /* no EL2, no EL3 */
    g_assert_cmphex(b->cpu->id.aa64mmfr2 >> 32 & 15, ==, 0); /* LSE2 needs LSE */
    arm_bench_free(b);
}

static void test_refusals(void)
{
    static const struct {
        const char *model, *says;
    } bad[] = {
        {"cortex-a75", "-cpu cortex-a75: unknown CPU model 'cortex-a75', did you mean"},
        {"cortex-a15", "has 32 bits"},
        {"max,pauht=off", "pauth"},
        {"max,sve=on", "only sve=off is possible"},
        {"max,neon=off,aes=on", "aes=on needs neon, which is off"},
        {"max,neon=off", "neon=off needs vfp=off"},
        {"max,afp=on", "not implemented"},
        {"cortex-a57,pmu=maybe", "pmu"},
        {"neoverse-n2,aarch64=off", "AArch32 state at EL1"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *text = bench_refusal(bad[i].model);
        g_test_message("%s: %s", bad[i].model, text);
        g_assert_nonnull(strstr(text, bad[i].says));
    }
    g_autofree char *ok = bench_refusal("max,sve=off,sme=off,+pmu");
    g_assert_cmpstr(ok, ==, "(accepted)");
}

/* No two rows have one encoding, or one name. */
static void test_table(void)
{
    g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
    const struct arm_sysreg *r;

    for (size_t n = 0; (r = arm_sysreg_row(n)); n++) {
        g_assert_true(arm_sysreg_find(r->key) == r);
        g_assert_true(g_hash_table_add(names, (gpointer)(uintptr_t)r->name));
    }
}

static void test_reset_and_save(void)
{
    struct arm_bench *b = arm_bench_new("max", true, true);

    g_assert_cmpuint(b->cpu->s.ps.el, ==, 3);
    g_assert_cmphex(b->cpu->s.ps.daif, ==, 15);
    b->cpu->s.ps.el = 77;
    b->cpu->s.ps.mode = 0xff;
    b->cpu->cpu.ops->after_load(&b->cpu->cpu);
    g_assert_cmpuint(b->cpu->s.ps.el, <=, 3);
    g_assert_cmpuint(b->cpu->s.ps.mode, <=, 31);
    arm_bench_free(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/arm-sys/who may access what", test_who_may);
    g_test_add_func("/arm-sys/traps", test_traps);
    g_test_add_func("/arm-sys/the syndrome of a trapped access", test_syndrome);
    g_test_add_func("/arm-sys/EL1 names at EL2 with E2H", test_vhe_names);
    g_test_add_func("/arm-sys/fine-grained traps", test_fine_grained_traps);
    g_test_add_func("/arm-sys/TLB maintenance", test_tlb_maintenance);
    g_test_add_func("/arm-sys/an exception and its return", test_exception_and_return);
    g_test_add_func("/arm-sys/illegal returns", test_illegal_return);
    g_test_add_func("/arm-sys/where interrupts go", test_interrupt_routing);
    g_test_add_func("/arm-sys/the virtual timer", test_timer);
    g_test_add_func("/arm-sys/ID registers follow features", test_ids_follow_features);
    g_test_add_func("/arm-sys/-cpu that is wrong", test_refusals);
    g_test_add_func("/arm-sys/each encoding and name is in the table once", test_table);
    g_test_add_func("/arm-sys/reset, and what a snapshot may hold", test_reset_and_save);
    return g_test_run();
}
