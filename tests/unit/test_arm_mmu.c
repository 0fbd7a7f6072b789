/* Page walks: granules, levels, permissions, hardware updates, stage 2, worlds, AT.  Ref: DDI 0487,
 * D8. */
#include "target/arm/a32.h"
#include "tests/unit/arm_bench.h"

#include <glib.h>

enum {
    ROOT = BENCH_RAM,
    T1 = BENCH_RAM + 0x10000,
    T2 = BENCH_RAM + 0x20000,
    T3 = BENCH_RAM + 0x30000,
    S2_ROOT = BENCH_RAM + 0x40000,
    S2_T2 = BENCH_RAM + 0x50000,
    PAGE = BENCH_RAM + 0x100000
};
enum { V = 1, TABLE = 3, PAGE_DESC = 3, USER = 1 << 6, RO = 1 << 7, AF = 1 << 10, NG = 1 << 11 };
enum { TTBR0_T0SZ_25 = 25, IPS_48 = 5 };
#define UXN    (UINT64_C(1) << 54)
#define PXN    (UINT64_C(1) << 53)
#define DBM    (UINT64_C(1) << 51)
#define IPS(n) ((uint64_t)(n) << 32)
#define VA     UINT64_C(0x40201234) /* with 39 bits: indices 1, 1, 1 */

/* 39-bit addresses of 4 KiB pages, one leaf for VA at level 3. */
static struct arm_bench *space(const char *model, bool el2, bool el3, uint64_t leaf)
{
    struct arm_bench *b = arm_bench_new(model, el2, el3);

    b->cpu->s.tcr_el[1] = TTBR0_T0SZ_25 | 25 << 16 | 2u << 30 | IPS(IPS_48);
    b->cpu->s.ttbr0_el[1] = ROOT;
    b->cpu->s.sctlr_el[1] |= SCTLR_M;
    b->cpu->s.scr_el3 |= SCR_NS | SCR_RW;
    bench_level(b, 1);
    bench_poke(b, ROOT + 8, T1 | TABLE);
    bench_poke(b, T1 + 8, T2 | TABLE);
    bench_poke(b, T2 + 8, leaf);
    return b;
}

static uint32_t fault(struct arm_bench *b, uint64_t va, enum guest_access access, unsigned idx)
{
    struct guest_walk w = {0};

    return arm_walk(&b->cpu->cpu, va, access, idx, &w) ? UINT32_MAX : w.cause;
}

static struct guest_walk walked(struct arm_bench *b, uint64_t va, enum guest_access access,
                                unsigned idx)
{
    struct guest_walk w = {0};

    g_assert_true(arm_walk(&b->cpu->cpu, va, access, idx, &w));
    return w;
}

static void test_a_page(void)
{
    struct arm_bench *b = space("cortex-a57", false, false, PAGE | PAGE_DESC | AF | UXN | PXN);
    struct guest_walk w = walked(b, VA, GUEST_READ, ARM_IDX_EL10_1);

    g_assert_cmphex(w.addr, ==, PAGE + 0x234);
    g_assert_cmpuint(w.page_bits, ==, 12);
    g_assert_cmpuint(w.prot, ==, 1 << GUEST_READ | 1 << GUEST_WRITE);
    g_assert_true(w.global);
    g_assert_cmphex(fault(b, VA, GUEST_FETCH, ARM_IDX_EL10_1), ==, FSC_PERMISSION | 3);
    g_assert_cmphex(fault(b, VA, GUEST_READ, ARM_IDX_EL10_0), ==, FSC_PERMISSION | 3);
    g_assert_cmphex(fault(b, VA + 0x1000, GUEST_READ, ARM_IDX_EL10_1), ==, FSC_TRANSLATION | 3);
    g_assert_cmphex(fault(b, VA + (1 << 21), GUEST_READ, ARM_IDX_EL10_1), ==, FSC_TRANSLATION | 2);
    g_assert_cmphex(fault(b, VA + (1 << 30), GUEST_READ, ARM_IDX_EL10_1), ==, FSC_TRANSLATION | 1);
    bench_poke(b, T2 + 8, PAGE | PAGE_DESC | AF | NG);
    g_assert_false(walked(b, VA, GUEST_READ, ARM_IDX_EL10_1).global);
    arm_bench_free(b);
}

static void test_addresses_out_of_range(void)
{
    struct arm_bench *b = space("cortex-a57", false, false, PAGE | PAGE_DESC | AF);

    g_assert_cmphex(fault(b, UINT64_C(1) << 39, GUEST_READ, ARM_IDX_EL10_1), ==, FSC_TRANSLATION);
    g_assert_cmphex(fault(b, VA | UINT64_C(5) << 56, GUEST_READ, ARM_IDX_EL10_1), ==,
                    FSC_TRANSLATION);
    b->cpu->s.tcr_el[1] |= TCR_TBI0;
    g_assert_cmphex(walked(b, VA | UINT64_C(5) << 56, GUEST_READ, ARM_IDX_EL10_1).addr, ==,
                    PAGE + 0x234);
    bench_poke(b, T2 + 8, (UINT64_C(1) << 46) | PAGE_DESC | AF); /* 44 bits there are */
    g_assert_cmphex(fault(b, VA, GUEST_READ, ARM_IDX_EL10_1), ==, FSC_ADDRESS_SIZE | 3);
    b->cpu->s.tcr_el[1] |= TCR_EPD0;
    g_assert_cmphex(fault(b, VA, GUEST_READ, ARM_IDX_EL10_1), ==, FSC_TRANSLATION);
    arm_bench_free(b);
}

static void test_user_pages_and_pan(void)
{
    struct arm_bench *b = space("max", false, false, PAGE | PAGE_DESC | AF | USER);

    g_assert_cmpuint(walked(b, VA, GUEST_READ, ARM_IDX_EL10_0).prot, ==, 7);
    g_assert_cmphex(fault(b, VA, GUEST_READ, ARM_IDX_EL10_1_PAN), ==, FSC_PERMISSION | 3);
    g_assert_cmphex(fault(b, VA, GUEST_FETCH, ARM_IDX_EL10_1), ==,
                    FSC_PERMISSION | 3); /* EL0 can write it */
    bench_poke(b, T2 + 8, PAGE | PAGE_DESC | AF | USER | RO);
    g_assert_cmphex(fault(b, VA, GUEST_WRITE, ARM_IDX_EL10_0), ==, FSC_PERMISSION | 3);
    g_assert_cmphex(fault(b, VA, GUEST_FETCH, ARM_IDX_EL10_1), ==, UINT32_MAX);
    b->cpu->s.tcr_el[1] |= TCR_E0PD0;
    g_assert_cmphex(fault(b, VA, GUEST_READ, ARM_IDX_EL10_0), ==, FSC_TRANSLATION);
    g_assert_cmphex(fault(b, VA, GUEST_READ, ARM_IDX_EL10_1), ==, UINT32_MAX);
    arm_bench_free(b);
}

static void test_hierarchical_limits(void)
{
    struct arm_bench *b = space("max", false, false, PAGE | PAGE_DESC | AF);

    bench_poke(b, T1 + 8, T2 | TABLE | UINT64_C(1) << 62); /* APTable: read-only */
    g_assert_cmphex(fault(b, VA, GUEST_WRITE, ARM_IDX_EL10_1), ==, FSC_PERMISSION | 3);
    b->cpu->s.tcr_el[1] |= TCR_HPD0;
    g_assert_cmphex(fault(b, VA, GUEST_WRITE, ARM_IDX_EL10_1), ==, UINT32_MAX);
    arm_bench_free(b);
}

static void test_access_flag_and_dirty_state(void)
{
    struct arm_bench *b = space("max", false, false, PAGE | PAGE_DESC | DBM | RO);

    g_assert_cmphex(fault(b, VA, GUEST_READ, ARM_IDX_EL10_1), ==, FSC_ACCESS_FLAG | 3);
    b->cpu->s.tcr_el[1] |= TCR_HA;
    bench_cas_races = true;
    g_assert_cmpuint(walked(b, VA, GUEST_READ, ARM_IDX_EL10_1).prot & 1 << GUEST_WRITE, ==, 0);
    g_assert_cmphex(bench_peek(b, T2 + 8), ==, PAGE | PAGE_DESC | DBM | RO | AF);
    g_assert_cmphex(fault(b, VA, GUEST_WRITE, ARM_IDX_EL10_1), ==, FSC_PERMISSION | 3);
    b->cpu->s.tcr_el[1] |= TCR_HD;
    g_assert_true(walked(b, VA, GUEST_WRITE, ARM_IDX_EL10_1).prot & 1 << GUEST_WRITE);
    g_assert_cmphex(bench_peek(b, T2 + 8), ==, PAGE | PAGE_DESC | DBM | AF);
    arm_bench_free(b);
}

static void test_blocks(void)
{
    struct arm_bench *b = space("cortex-a57", false, false, 0);

    bench_poke(b, T1 + 8, BENCH_RAM | V | AF); /* 2 MiB */
    struct guest_walk w = walked(b, VA, GUEST_READ, ARM_IDX_EL10_1);
    g_assert_cmphex(w.addr, ==, BENCH_RAM + (VA & 0x1fffff));
    g_assert_cmpuint(w.page_bits, ==, 21);
    arm_bench_free(b);
}

/* 64 KiB pages and 42 bits: two levels. */
static void test_large_granule(void)
{
    struct arm_bench *b = space("max", false, false, 0);
    uint64_t va = UINT64_C(1) << 29 | 3 << 16 | 0x777;

    b->cpu->s.tcr_el[1] = 22 | 1 << 14 | IPS(6);
    bench_poke(b, ROOT + 8, T3 | TABLE);
    bench_poke(b, T3 + 24, PAGE | PAGE_DESC | AF);
    struct guest_walk w = walked(b, va, GUEST_READ, ARM_IDX_EL10_1);
    g_assert_cmphex(w.addr, ==, PAGE + 0x777);
    g_assert_cmpuint(w.page_bits, ==, 16);
    bench_poke(b, T3 + 24, PAGE | PAGE_DESC | AF | UINT64_C(5) << 12); /* bits 51..48 */
    g_assert_cmphex(walked(b, va, GUEST_READ, ARM_IDX_EL10_1).addr, ==,
                    (UINT64_C(5) << 48) + PAGE + 0x777);
    arm_bench_free(b);
}

/* 16 KiB pages, where the core has them; and 52-bit addresses begin at level -1 (LPA2). */
static void test_lpa2(void)
{
    struct arm_bench *b = space("max", false, false, 0);

    b->cpu->s.tcr_el[1] = 12 | IPS(6) | TCR_DS;
    bench_poke(b, ROOT, T1 | TABLE);
    bench_poke(b, T1, T2 | TABLE);
    bench_poke(b, T2 + 8, T3 | TABLE);
    bench_poke(b, T3 + 8, BENCH_RAM | V | AF | 1 << 8); /* bit 50 */
    g_assert_cmphex(walked(b, VA, GUEST_READ, ARM_IDX_EL10_1).addr, ==,
                    (UINT64_C(1) << 50) + BENCH_RAM + 0x1234);
    bench_poke(b, ROOT, 0);
    g_assert_cmphex(fault(b, VA, GUEST_READ, ARM_IDX_EL10_1), ==, FSC_LEVEL_MINUS1_TRANSLATION);
    arm_bench_free(b);
}

/* Stage 2 with 32-bit addresses from level 1: every table and the page lie below one block. */
static struct arm_bench *virtual_machine(uint64_t block)
{
    struct arm_bench *b = space("max", true, false, PAGE | PAGE_DESC | AF);

    b->cpu->s.vtcr_el2 = 32 | 1 << 6 | IPS_48 << 16;
    b->cpu->s.vttbr_el2 = S2_ROOT;
    b->cpu->s.hcr_el2 = HCR_VM | HCR_RW;
    bench_poke(b, S2_ROOT + 8, S2_T2 | TABLE);
    bench_poke(b, S2_T2, block);
    bench_poke(b, S2_T2 + 8, (BENCH_RAM + (1 << 21)) | V | AF | 3 << 6 | 15 << 2);
    return b;
}

static void test_stage_2(void)
{
    struct arm_bench *b = virtual_machine(BENCH_RAM | V | AF | 3 << 6 | 15 << 2);
    struct guest_walk w = walked(b, VA, GUEST_WRITE, ARM_IDX_EL10_1);

    g_assert_cmphex(w.addr, ==, PAGE + 0x234);
    g_assert_cmpuint(w.page_bits, ==, 12);
    bench_poke(b, S2_T2, BENCH_RAM | V | AF | 1 << 6 | 15 << 2); /* read-only */
    g_assert_cmphex(fault(b, VA, GUEST_WRITE, ARM_IDX_EL10_1), ==,
                    FSC_PERMISSION | 2 | CAUSE_STAGE2);
    g_assert_cmphex(b->cpu->fault.ipa, ==, PAGE + 0x234);
    bench_poke(b, S2_T2, 0); /* the tables are gone, too */
    g_assert_cmphex(fault(b, VA, GUEST_READ, ARM_IDX_EL10_1), ==,
                    FSC_TRANSLATION | 2 | CAUSE_STAGE2 | CAUSE_S1PTW);
    g_assert_cmphex(b->cpu->fault.ipa, ==, ROOT + 8);
    arm_bench_free(b);
}

/* First levels of stage 2 that a processor with so many bits of address does not have. */
static void test_stage_2_levels(void)
{
    static const struct {
        const char *model;
        uint64_t vtcr; /* T0SZ, SL0, TG0 */
    } bad[] = {
        {"cortex-a76", 24 | 2 << 6},           /* level 0 with 40 bits */
        {"cortex-a76", 24 | 2 << 6 | 2 << 14}, /* level 1 of 16 KiB */
        {"neoverse-n1", 39 | 3 << 6},          /* level 3, of FEAT_TTST */
        {"neoverse-n1", 16 | 3 << 6 | 2 << 14},
        {"neoverse-n1", 24 | 3 << 6 | 1 << 14},
    };

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct arm_bench *b = arm_bench_new(bad[i].model, true, false);
        b->cpu->s.vtcr_el2 = bad[i].vtcr | IPS_48 << 16;
        b->cpu->s.vttbr_el2 = S2_ROOT;
        b->cpu->s.hcr_el2 = HCR_VM | HCR_RW;
        bench_level(b, 1);
        g_assert_cmphex(fault(b, BENCH_RAM, GUEST_READ, ARM_IDX_EL10_1), ==,
                        FSC_TRANSLATION | CAUSE_STAGE2);
        arm_bench_free(b);
    }
}

/* Hyp mode's VTCR: a first level that is not there faults at level 1, whichever it was to be. */
static void test_stage_2_of_hyp_mode(void)
{
    static const struct {
        uint32_t vtcr; /* T0SZ: 4 bits with a sign; SL0 */
        uint64_t ipa;
        unsigned level;
    } cases[] = {
        {0x80000000, BENCH_RAM, 2},         /* not mapped, at the first level that was asked for */
        {0x80000040, BENCH_RAM, 1},         /* 32 bits from level 1 */
        {0x80000042, BENCH_RAM, 1},         /* 30 bits from there: too few */
        {0x80000001, UINT64_C(1) << 31, 1}, /* beyond 31 bits, from level 2 */
        {0x8000000d, BENCH_RAM, 1},         /* 35 bits from level 2: too many */
        {0x80000080, BENCH_RAM, 1},         /* SL0 reserved */
        {0x800000c0, BENCH_RAM, 1},
    };
    struct arm_bench *b = arm_bench_new("cortex-a57,aarch64=off", true, false);

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct guest_walk w = {0};
        b->cpu->s.vtcr_el2 = cases[i].vtcr;
        b->cpu->s.vttbr_el2 = S2_ROOT;
        g_assert_false(arm_a32_stage2(b->cpu, cases[i].ipa, GUEST_READ, &w));
        g_test_message("%zu", i);
        g_assert_cmphex(w.cause & 0x3f, ==, FSC_TRANSLATION | cases[i].level);
        g_assert_cmphex(b->cpu->fault.ipa, ==, cases[i].ipa);
    }
    arm_bench_free(b);
}

/* The abort of a guest's store goes to EL2 with what the instruction does. */
static void test_stage_2_syndrome(void)
{
    struct arm_bench *b = virtual_machine(BENCH_RAM | V | AF | 1 << 6 | 15 << 2);
    uint32_t cause = fault(b, VA, GUEST_WRITE, ARM_IDX_EL10_1);

    b->cpu->fault.insn = 0xb9000065; /* str w5, [x3] */
    b->cpu->pc = 0x1234;
    arm_raise_fault(&b->cpu->cpu, VA, GUEST_WRITE, ARM_IDX_EL10_1, cause);
    g_assert_cmpuint(b->cpu->s.ps.el, ==, 2);
    g_assert_cmphex(b->cpu->s.esr_el[2], ==,
                    0x24u << 26 | 1 << 25 | 1 << 24 | 2 << 22 | 5 << 16 | 1 << 6 | 0x0e);
    g_assert_cmphex(b->cpu->s.far_el[2], ==, VA);
    g_assert_cmphex(b->cpu->s.hpfar_el2, ==, PAGE >> 8);
    g_assert_cmphex(b->cpu->s.elr_el[2], ==, 0x1234);
    arm_bench_free(b);
}

static void test_secure_world(void)
{
    struct arm_bench *b = space("cortex-a57", false, true, PAGE | PAGE_DESC | AF | 1 << 5);

    b->cpu->s.scr_el3 &= ~SCR_NS;
    /* The tables are secure memory, which there is none of. */
    g_assert_cmphex(fault(b, VA, GUEST_READ, ARM_IDX_EL10_1), ==, FSC_EXTERNAL_WALK | 1);
    b->cpu->s.sctlr_el[1] &= ~SCTLR_M;
    g_assert_cmphex(walked(b, PAGE, GUEST_READ, ARM_IDX_EL10_1).addr, ==, ARM_SECURE_SPACE + PAGE);
    b->cpu->s.scr_el3 |= SCR_NS;
    g_assert_cmphex(walked(b, PAGE, GUEST_READ, ARM_IDX_EL10_1).addr, ==, PAGE);
    arm_bench_free(b);
}

/* With FEAT_LPA2's descriptors shareability is TCR's. */
static void test_at_with_52_bits(void)
{
    struct arm_bench *b = space("max", false, false, PAGE | PAGE_DESC | AF);
    uint32_t ats1e1r = ARM_SYSREG(1, 0, 7, 8, 0);

    b->cpu->s.mair_el[1] = 0xff;
    b->cpu->s.tcr_el[1] |= TCR_DS | 3 << 12;
    g_assert_true(bench_write(b, ats1e1r, VA));
    g_assert_cmphex(b->cpu->s.par_el1, ==, UINT64_C(0xff) << 56 | PAGE | 1 << 11 | 1 << 9 | 3 << 7);
    arm_bench_free(b);
}

static void test_at(void)
{
    struct arm_bench *b = space("cortex-a57", true, false, PAGE | PAGE_DESC | AF | 3 << 8);
    uint32_t ats1e1r = ARM_SYSREG(1, 0, 7, 8, 0), ats1e0w = ARM_SYSREG(1, 0, 7, 8, 3);

    b->cpu->s.mair_el[1] = 0xff;
    g_assert_true(bench_write(b, ats1e1r, VA));
    g_assert_cmphex(b->cpu->s.par_el1, ==, UINT64_C(0xff) << 56 | PAGE | 1 << 11 | 1 << 9 | 3 << 7);
    g_assert_true(bench_write(b, ats1e0w, VA));
    g_assert_cmphex(b->cpu->s.par_el1, ==, 1 << 11 | 0x0f << 1 | 1);
    b->cpu->s.mair_el[1] = 0x44; /* kept by no cache: outer shareable */
    g_assert_true(bench_write(b, ats1e1r, VA));
    g_assert_cmphex(b->cpu->s.par_el1, ==, UINT64_C(0x44) << 56 | PAGE | 1 << 11 | 1 << 9 | 2 << 7);
    bench_level(b, 1);
    b->cpu->s.ttbr0_el[1] = 0x10000000; /* no memory: CM, WnR, external abort at level 1 */
    g_assert_false(bench_write(b, ats1e1r, VA));
    g_assert_cmphex(b->cpu->s.esr_el[1], ==, 0x25u << 26 | 1 << 25 | 1 << 8 | 1 << 6 | 0x15);
    arm_bench_free(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/arm-mmu/a page: levels, permissions, nG", test_a_page);
    g_test_add_func("/arm-mmu/addresses that are out of range", test_addresses_out_of_range);
    g_test_add_func("/arm-mmu/user pages, PAN, E0PD", test_user_pages_and_pan);
    g_test_add_func("/arm-mmu/tables limit what is below them", test_hierarchical_limits);
    g_test_add_func("/arm-mmu/access flag and dirty state", test_access_flag_and_dirty_state);
    g_test_add_func("/arm-mmu/blocks", test_blocks);
    g_test_add_func("/arm-mmu/64 KiB granule, 52-bit output", test_large_granule);
    g_test_add_func("/arm-mmu/52-bit addresses of 4 KiB pages", test_lpa2);
    g_test_add_func("/arm-mmu/stage 2", test_stage_2);
    g_test_add_func("/arm-mmu/first levels of stage 2", test_stage_2_levels);
    g_test_add_func("/arm-mmu/first levels of stage 2 of Hyp mode", test_stage_2_of_hyp_mode);
    g_test_add_func("/arm-mmu/stage 2 faults say what the store does", test_stage_2_syndrome);
    g_test_add_func("/arm-mmu/the secure world's addresses", test_secure_world);
    g_test_add_func("/arm-mmu/AT", test_at);
    g_test_add_func("/arm-mmu/AT with addresses of 52 bits", test_at_with_52_bits);
    return g_test_run();
}
