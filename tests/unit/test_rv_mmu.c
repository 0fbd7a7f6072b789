/* Page walks: schemes, permissions, A and D, Svnapot, Svpbmt, PMP on the way.  Ref: Priv. 10.3
 * to 10.6, 11, 12. */
#include "tests/unit/rv_bench.h"

#include "accel/tcg/guest.h"

#include <glib.h>

enum { V = 1, R = 2, W = 4, X = 8, U = 16, G = 32, A = 64, D = 128, RWX = R | W | X, AD = A | D };
enum {
    ROOT = BENCH_RAM,
    T1 = BENCH_RAM + 0x1000,
    T2 = BENCH_RAM + 0x2000,
    PAGE = BENCH_RAM + 0x100000
};
enum { VA = 0x40201234 }; /* indices 1, 1, 1 in Sv39 */
#define PTE_N   (UINT64_C(1) << 63)
#define PBMT(n) ((uint64_t)(n) << 61)

static uint64_t pte(uint64_t addr, unsigned flags)
{
    return addr >> 12 << 10 | flags;
}

/* An Sv39 space with one leaf for VA at level 0; PMP open. */
static struct rv_bench *space(const char *model, uint64_t leaf)
{
    struct rv_bench *b = rv_bench_new(model);

    bench_set(b, CSR_PMPADDR0, UINT64_MAX);
    bench_set(b, CSR_PMPCFG0, PMP_NAPOT << 3 | PMP_R | PMP_W | PMP_X);
    bench_set(b, CSR_SATP, (uint64_t)SATP_SV39 << 60 | ROOT >> 12);
    bench_poke(b, ROOT + 8, pte(T1, V), 8);
    bench_poke(b, T1 + 8, pte(T2, V), 8);
    bench_poke(b, T2 + 8, leaf, 8);
    return b;
}

static uint32_t fault(struct rv_bench *b, uint64_t va, int access, unsigned idx)
{
    struct guest_walk w;

    return rv_walk(&b->cpu->cpu, va, access, idx, &w) ? 0 : w.cause;
}

static struct guest_walk walked(struct rv_bench *b, uint64_t va, int access, unsigned idx)
{
    struct guest_walk w;

    g_assert_true(rv_walk(&b->cpu->cpu, va, access, idx, &w));
    return w;
}

static void test_plain_page(void)
{
    struct rv_bench *b = space("rv64", pte(PAGE, V | R | W | AD));
    struct guest_walk w = walked(b, VA, GUEST_READ, RV_IDX_S);

    g_assert_cmphex(w.addr, ==, PAGE + 0x234);
    g_assert_cmpuint(w.page_bits, ==, 12);
    g_assert_cmpuint(w.prot, ==, 1 << GUEST_READ | 1 << GUEST_WRITE);
    g_assert_false(w.global || w.uncached);
    g_assert_cmpuint(fault(b, VA, GUEST_FETCH, RV_IDX_S), ==, CAUSE_FETCH_PAGE);
    g_assert_cmpuint(fault(b, VA + 0x1000, GUEST_READ, RV_IDX_S), ==, CAUSE_LOAD_PAGE);
    g_assert_cmpuint(fault(b, VA + 0x1000, GUEST_WRITE, RV_IDX_S), ==, CAUSE_STORE_PAGE);
    rv_bench_free(b);
}

static void test_user_pages(void)
{
    struct rv_bench *b = space("rv64", pte(PAGE, V | RWX | U | AD));

    g_assert_cmpuint(fault(b, VA, GUEST_FETCH, RV_IDX_U), ==, 0);
    g_assert_cmpuint(fault(b, VA, GUEST_READ, RV_IDX_S), ==, CAUSE_LOAD_PAGE);
    g_assert_cmpuint(fault(b, VA, GUEST_READ, RV_IDX_SUM), ==, 0);
    g_assert_cmpuint(fault(b, VA, GUEST_FETCH, RV_IDX_SUM), ==,
                     CAUSE_FETCH_PAGE); /* SUM is no licence to run */
    bench_poke(b, T2 + 8, pte(PAGE, V | RWX | AD), 8);
    g_assert_cmpuint(fault(b, VA, GUEST_READ, RV_IDX_U), ==, CAUSE_LOAD_PAGE);
    g_assert_cmpuint(fault(b, VA, GUEST_FETCH, RV_IDX_S), ==, 0);
    rv_bench_free(b);
}

static void test_execute_only_and_mxr(void)
{
    struct rv_bench *b = space("rv64", pte(PAGE, V | X | AD));

    g_assert_cmpuint(fault(b, VA, GUEST_READ, RV_IDX_S), ==, CAUSE_LOAD_PAGE);
    g_assert_cmpuint(fault(b, VA, GUEST_READ, RV_IDX_S | RV_IDX_MXR), ==, 0);
    g_assert_cmpuint(fault(b, VA, GUEST_WRITE, RV_IDX_S | RV_IDX_MXR), ==, CAUSE_STORE_PAGE);
    rv_bench_free(b);
}

static void test_reserved_encodings(void)
{
    static const uint64_t bad[] = {
        R | W | AD, /* not valid */
        V | W | AD, /* writable, not readable */
        V | W | X | AD,
        V,                              /* a pointer at the last level */
        V | R | AD | UINT64_C(1) << 54, /* reserved bits */
        V | R | AD | UINT64_C(1) << 60,
    };
    struct rv_bench *b = space("rv64", 0);

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        bench_poke(b, T2 + 8, pte(PAGE, 0) | bad[i], 8);
        g_assert_cmpuint(fault(b, VA, GUEST_READ, RV_IDX_S), ==, CAUSE_LOAD_PAGE);
    }
    bench_poke(b, T2 + 8, pte(PAGE, V | R | AD), 8);
    bench_poke(b, T1 + 8, pte(T2, V | A), 8); /* A, D, U mean nothing in a pointer */
    g_assert_cmpuint(fault(b, VA, GUEST_READ, RV_IDX_S), ==, CAUSE_LOAD_PAGE);
    rv_bench_free(b);
}

static void test_superpages(void)
{
    struct rv_bench *b = space("rv64", 0);

    bench_poke(b, T1 + 8, pte(BENCH_RAM, V | R | AD), 8);
    struct guest_walk w = walked(b, VA, GUEST_READ, RV_IDX_S);
    g_assert_cmphex(w.addr, ==, BENCH_RAM + 0x1234);
    g_assert_cmpuint(w.page_bits, ==, 21);
    bench_poke(b, T1 + 8, pte(BENCH_RAM + 0x1000, V | R | AD), 8);
    g_assert_cmpuint(fault(b, VA, GUEST_READ, RV_IDX_S), ==, CAUSE_LOAD_PAGE); /* misaligned */
    bench_poke(b, ROOT + 8, pte(0x40000000, V | R | AD), 8);
    w = walked(b, VA, GUEST_READ, RV_IDX_S);
    g_assert_cmphex(w.addr, ==, VA);
    g_assert_cmpuint(w.page_bits, ==, 30);
    rv_bench_free(b);
}

static void test_global_is_inherited(void)
{
    struct rv_bench *b = space("rv64", pte(PAGE, V | R | AD));

    bench_poke(b, ROOT + 8, pte(T1, V | G), 8);
    g_assert_true(walked(b, VA, GUEST_READ, RV_IDX_S).global);
    rv_bench_free(b);
}

static void test_canonical_addresses(void)
{
    struct rv_bench *b = space("rv64", pte(PAGE, V | R | AD));

    bench_poke(b, ROOT + 8 * 256, pte(T1, V), 8);
    g_assert_cmpuint(fault(b, 0x4000000000 | 0x201000, GUEST_READ, RV_IDX_S), ==, CAUSE_LOAD_PAGE);
    g_assert_cmpuint(fault(b, 0xffffffc000000000 | 0x201000, GUEST_READ, RV_IDX_S), ==, 0);
    rv_bench_free(b);
}

static void test_hardware_sets_a_and_d(void)
{
    struct rv_bench *b = space("rv64", pte(PAGE, V | R | W));
    struct guest_walk w = walked(b, VA, GUEST_READ, RV_IDX_S);

    g_assert_cmphex(bench_peek(b, T2 + 8, 8), ==, pte(PAGE, V | R | W | A));
    g_assert_cmpuint(w.prot, ==, 1 << GUEST_READ); /* the first store must come back for D */
    bench_cas_races = true;
    w = walked(b, VA, GUEST_WRITE, RV_IDX_S);
    g_assert_cmphex(bench_peek(b, T2 + 8, 8), ==, pte(PAGE, V | R | W | AD));
    g_assert_cmpuint(w.prot, ==, 1 << GUEST_READ | 1 << GUEST_WRITE);
    rv_bench_free(b);
}

static void test_svade_faults_instead(void)
{
    struct rv_bench *b = space("rv64,svadu=off,svade=on", pte(PAGE, V | R | W));

    g_assert_cmpuint(fault(b, VA, GUEST_READ, RV_IDX_S), ==, CAUSE_LOAD_PAGE);
    bench_poke(b, T2 + 8, pte(PAGE, V | R | W | A), 8);
    g_assert_cmpuint(fault(b, VA, GUEST_READ, RV_IDX_S), ==, 0);
    g_assert_cmpuint(fault(b, VA, GUEST_WRITE, RV_IDX_S), ==, CAUSE_STORE_PAGE);
    g_assert_cmphex(bench_peek(b, T2 + 8, 8), ==, pte(PAGE, V | R | W | A));
    rv_bench_free(b);
}

/* With both named, ADUE is off until somebody sets it. */
static void test_adue_chooses(void)
{
    struct rv_bench *b = space("rv64,svadu=on,svade=on", pte(PAGE, V | R));

    g_assert_cmpuint(fault(b, VA, GUEST_READ, RV_IDX_S), ==, CAUSE_LOAD_PAGE);
    bench_set(b, CSR_MENVCFG, ENVCFG_ADUE);
    g_assert_cmpuint(fault(b, VA, GUEST_READ, RV_IDX_S), ==, 0);
    rv_bench_free(b);
}

static void test_napot_pages(void)
{
    struct rv_bench *b = space("rv64", pte(PAGE | 0x8000, V | R | AD) | PTE_N);
    struct guest_walk w = walked(b, VA, GUEST_READ, RV_IDX_S);

    g_assert_cmphex(w.addr, ==, PAGE + 0x1234);
    g_assert_cmpuint(w.page_bits, ==, 16);
    bench_poke(b, T2 + 8, pte(PAGE | 0x4000, V | R | AD) | PTE_N, 8);
    g_assert_cmpuint(fault(b, VA, GUEST_READ, RV_IDX_S), ==, CAUSE_LOAD_PAGE);
    rv_bench_free(b);
    b = space("rv64,svnapot=off", pte(PAGE | 0x8000, V | R | AD) | PTE_N);
    g_assert_cmpuint(fault(b, VA, GUEST_READ, RV_IDX_S), ==, CAUSE_LOAD_PAGE);
    rv_bench_free(b);
}

static void test_memory_types(void)
{
    struct rv_bench *b = space("rv64", pte(PAGE, V | R | AD) | PBMT(1));

    g_assert_cmpuint(fault(b, VA, GUEST_READ, RV_IDX_S), ==, CAUSE_LOAD_PAGE); /* PBMTE is off */
    bench_set(b, CSR_MENVCFG, ENVCFG_PBMTE);
    g_assert_cmpuint(fault(b, VA, GUEST_READ, RV_IDX_S), ==, 0);
    bench_poke(b, T2 + 8, pte(PAGE, V | R | AD) | PBMT(3), 8);
    g_assert_cmpuint(fault(b, VA, GUEST_READ, RV_IDX_S), ==, CAUSE_LOAD_PAGE);
    bench_poke(b, T2 + 8, pte(PAGE, V | R | AD), 8);
    bench_poke(b, T1 + 8, pte(T2, V) | PBMT(1), 8); /* leaves only */
    g_assert_cmpuint(fault(b, VA, GUEST_READ, RV_IDX_S), ==, CAUSE_LOAD_PAGE);
    rv_bench_free(b);
}

static void test_table_outside_memory(void)
{
    struct rv_bench *b = space("rv64", 0);

    bench_poke(b, T1 + 8, pte(0x1000, V), 8);
    g_assert_cmpuint(fault(b, VA, GUEST_READ, RV_IDX_S), ==, CAUSE_LOAD_ACCESS);
    g_assert_cmpuint(fault(b, VA, GUEST_WRITE, RV_IDX_S), ==, CAUSE_STORE_ACCESS);
    g_assert_cmpuint(fault(b, VA, GUEST_FETCH, RV_IDX_S), ==, CAUSE_FETCH_ACCESS);
    rv_bench_free(b);
}

static void test_protected_table_and_page(void)
{
    struct rv_bench *b = space("rv64", pte(PAGE, V | R | W | AD));

    bench_set(b, CSR_PMPCFG0, 0);
    bench_set(b, CSR_PMPADDR0, (PAGE >> 2) | 0x1ff); /* that page: read only */
    bench_set(b, CSR_PMPADDR0 + 1, (T2 >> 2) | 0x1ff);
    bench_set(b, CSR_PMPADDR0 + 2, UINT64_MAX);
    bench_set(b, CSR_PMPCFG0, 0x1f0019 | 0x1b00); /* R; RW; RWX */
    g_assert_cmpuint(walked(b, VA, GUEST_READ, RV_IDX_S).prot, ==, 1 << GUEST_READ);
    g_assert_cmpuint(fault(b, VA, GUEST_WRITE, RV_IDX_S), ==, CAUSE_STORE_ACCESS);
    bench_set(b, CSR_PMPCFG0, 0x1f0019 | 0x1800); /* the table cannot be read */
    g_assert_cmpuint(fault(b, VA, GUEST_READ, RV_IDX_S), ==, CAUSE_LOAD_ACCESS);
    rv_bench_free(b);
}

static void test_page_that_pmp_divides(void)
{
    struct rv_bench *b = space("rv64", pte(PAGE, V | R | W | AD));

    bench_set(b, CSR_PMPADDR0 + 1, UINT64_MAX);
    bench_set(b, CSR_PMPADDR0, (PAGE >> 2) | 0x1f); /* 256 bytes */
    bench_set(b, CSR_PMPCFG0, 0x1f18);
    g_assert_true(walked(b, VA, GUEST_READ, RV_IDX_S).uncached);
    g_assert_cmpuint(fault(b, VA & ~0xfff, GUEST_READ, RV_IDX_S), ==, CAUSE_LOAD_ACCESS);
    rv_bench_free(b);
}

/* The range that one TLB entry may serve ends where PMP does. */
static void test_superpages_that_pmp_divides(void)
{
    struct rv_bench *b = space("rv64", 0);

    bench_poke(b, ROOT + 8, pte(0x80000000, V | R | W | AD), 8); /* 1 GiB */
    struct guest_walk w = walked(b, VA, GUEST_READ, RV_IDX_S);
    g_assert_cmpuint(w.page_bits, ==, 30);
    g_assert_cmpuint(w.alike_bits, ==, 30);
    bench_set(b, CSR_PMPCFG0, 0);
    bench_set(b, CSR_PMPADDR0, BENCH_RAM >> 2 | 0x1ff); /* the first page of the first 2 MiB */
    bench_set(b, CSR_PMPADDR0 + 1, UINT64_MAX);
    bench_set(b, CSR_PMPCFG0, 0x1f19);
    w = walked(b, VA, GUEST_READ, RV_IDX_S);
    g_assert_cmpuint(w.page_bits, ==, 30);
    g_assert_cmpuint(w.alike_bits, ==, 21);
    w = walked(b, (VA & ~0x3fffffff) + 0x1000, GUEST_READ, RV_IDX_S);
    g_assert_cmpuint(w.alike_bits, ==, 12);
    g_assert_false(w.uncached);
    rv_bench_free(b);
}

static void test_bare_and_machine_mode(void)
{
    struct rv_bench *b = space("rv64", 0);

    g_assert_cmphex(walked(b, VA, GUEST_READ, RV_IDX_M).addr, ==, VA);
    bench_set(b, CSR_SATP, 0);
    struct guest_walk w = walked(b, VA, GUEST_FETCH, RV_IDX_U);
    g_assert_cmphex(w.addr, ==, VA);
    g_assert_true(w.global);
    bench_set(b, CSR_PMPCFG0, 0);
    g_assert_cmpuint(fault(b, VA, GUEST_FETCH, RV_IDX_U), ==, CAUSE_FETCH_ACCESS);
    g_assert_cmpuint(fault(b, VA, GUEST_READ, RV_IDX_M), ==, 0);
    rv_bench_free(b);
}

static void test_sv32(void)
{
    struct rv_bench *b = rv_bench_new("rv32");

    bench_set(b, CSR_PMPADDR0, UINT32_MAX);
    bench_set(b, CSR_PMPCFG0, 0x1f);
    bench_set(b, CSR_SATP, SATP32_MODE | ROOT >> 12);
    bench_poke(b, ROOT + 4 * 0x3ff, pte(T1, V), 4);
    bench_poke(b, T1 + 4 * 1, pte(PAGE, V | R | W), 4);
    struct guest_walk w = walked(b, 0xffffffffffc01008, GUEST_WRITE, RV_IDX_S); /* sign-extended */
    g_assert_cmphex(w.addr, ==, PAGE + 8);
    g_assert_cmphex(bench_peek(b, T1 + 4, 4), ==, pte(PAGE, V | R | W | AD));
    bench_poke(b, ROOT, pte(UINT64_C(0x300000000), V | R | AD), 4); /* 34-bit physical addresses */
    w = walked(b, 0x12345, GUEST_READ, RV_IDX_S);
    g_assert_cmphex(w.addr, ==, UINT64_C(0x300012345));
    g_assert_cmpuint(w.page_bits, ==, 22);
    rv_bench_free(b);
}

static void test_sv48_and_sv57(void)
{
    struct rv_bench *b = space("max", pte(PAGE, V | R | AD));
    enum { T3 = BENCH_RAM + 0x3000, T4 = BENCH_RAM + 0x4000 };

    bench_poke(b, T3, pte(ROOT, V), 8);
    bench_poke(b, T4, pte(T3, V), 8);
    bench_set(b, CSR_SATP, (uint64_t)SATP_SV48 << 60 | T3 >> 12);
    g_assert_cmphex(walked(b, VA, GUEST_READ, RV_IDX_S).addr, ==, PAGE + 0x234);
    bench_set(b, CSR_SATP, (uint64_t)SATP_SV57 << 60 | T4 >> 12);
    g_assert_cmphex(walked(b, VA, GUEST_READ, RV_IDX_S).addr, ==, PAGE + 0x234);
    g_assert_cmpuint(fault(b, UINT64_C(1) << 56, GUEST_READ, RV_IDX_S), ==, CAUSE_LOAD_PAGE);
    rv_bench_free(b);
}

static void test_debugger_leaves_no_trace(void)
{
    struct rv_bench *b = space("rv64", pte(PAGE, V | R));
    uint64_t pa;

    b->cpu->s.prv = PRV_S;
    g_assert_true(rv_debug_translate(&b->cpu->cpu, VA, &pa));
    g_assert_cmphex(pa, ==, PAGE + 0x234);
    g_assert_cmphex(bench_peek(b, T2 + 8, 8), ==, pte(PAGE, V | R));
    g_assert_false(rv_debug_translate(&b->cpu->cpu, VA + 0x1000, &pa));
    b->cpu->s.prv = PRV_M;
    g_assert_true(rv_debug_translate(&b->cpu->cpu, 0x1234, &pa));
    g_assert_cmphex(pa, ==, 0x1234);
    rv_bench_free(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rv_mmu/page", test_plain_page);
    g_test_add_func("/rv_mmu/user", test_user_pages);
    g_test_add_func("/rv_mmu/mxr", test_execute_only_and_mxr);
    g_test_add_func("/rv_mmu/reserved", test_reserved_encodings);
    g_test_add_func("/rv_mmu/superpages", test_superpages);
    g_test_add_func("/rv_mmu/global", test_global_is_inherited);
    g_test_add_func("/rv_mmu/canonical", test_canonical_addresses);
    g_test_add_func("/rv_mmu/svadu", test_hardware_sets_a_and_d);
    g_test_add_func("/rv_mmu/svade", test_svade_faults_instead);
    g_test_add_func("/rv_mmu/adue", test_adue_chooses);
    g_test_add_func("/rv_mmu/svnapot", test_napot_pages);
    g_test_add_func("/rv_mmu/svpbmt", test_memory_types);
    g_test_add_func("/rv_mmu/table_outside", test_table_outside_memory);
    g_test_add_func("/rv_mmu/pmp", test_protected_table_and_page);
    g_test_add_func("/rv_mmu/pmp_divides", test_page_that_pmp_divides);
    g_test_add_func("/rv_mmu/pmp_divides_superpages", test_superpages_that_pmp_divides);
    g_test_add_func("/rv_mmu/bare", test_bare_and_machine_mode);
    g_test_add_func("/rv_mmu/sv32", test_sv32);
    g_test_add_func("/rv_mmu/sv48_sv57", test_sv48_and_sv57);
    g_test_add_func("/rv_mmu/debug", test_debugger_leaves_no_trace);
    return g_test_run();
}
