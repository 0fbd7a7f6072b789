/* Physical memory protection: matching, priority, locks.  Ref: Priv. 3.7. */
#include "tests/unit/rv_bench.h"

#include "accel/tcg/guest.h"

#include <glib.h>

enum {
    R = PMP_R,
    W = PMP_W,
    X = PMP_X,
    TOR = PMP_TOR << 3,
    NA4 = PMP_NA4 << 3,
    NAPOT = PMP_NAPOT << 3
};

static void entry(struct rv_bench *b, unsigned i, uint64_t addr, uint8_t cfg)
{
    uint64_t all = bench_get(b, CSR_PMPCFG0 + i / 8 * 2);
    unsigned shift = i % 8 * 8;

    bench_set(b, CSR_PMPADDR0 + i, addr);
    bench_set(b, CSR_PMPCFG0 + i / 8 * 2,
              (all & ~(UINT64_C(0xff) << shift)) | (uint64_t)cfg << shift);
}

static bool may(struct rv_bench *b, uint64_t addr, unsigned len, int access, unsigned prv)
{
    bool whole;

    return rv_pmp_check(b->cpu, addr, len, access, prv, &whole);
}

static void test_nothing_matches(void)
{
    struct rv_bench *b = rv_bench_new("rv64");

    g_assert_true(may(b, 0x1000, 8, GUEST_WRITE, PRV_M));
    g_assert_false(may(b, 0x1000, 8, GUEST_READ, PRV_S));
    g_assert_false(may(b, 0x1000, 8, GUEST_FETCH, PRV_U));
    rv_bench_free(b);
    b = rv_bench_new("rv64,pmp=off");
    g_assert_true(may(b, 0x1000, 8, GUEST_READ, PRV_U));
    g_assert_true(bench_read_traps(b, CSR_PMPCFG0, PRV_M));
    rv_bench_free(b);
}

static void test_all_of_memory_by_napot(void)
{
    struct rv_bench *b = rv_bench_new("rv64");
    bool whole;

    entry(b, 0, UINT64_MAX, NAPOT | R | W | X);
    g_assert_cmphex(bench_get(b, CSR_PMPADDR0), ==, (UINT64_C(1) << 54) - 1);
    g_assert_true(rv_pmp_check(b->cpu, 0, 8, GUEST_READ, PRV_U, &whole));
    g_assert_true(whole);
    g_assert_true(may(b, 0xfffffffffffff8, 8, GUEST_WRITE, PRV_S));
    rv_bench_free(b);
}

static void test_first_match_decides(void)
{
    struct rv_bench *b = rv_bench_new("rv64");
    bool whole;

    entry(b, 0, (0x80000000 >> 2) | 0x1f, NAPOT | R); /* 256 bytes */
    entry(b, 1, UINT64_MAX, NAPOT | R | W | X);
    g_assert_false(may(b, 0x800000f8, 8, GUEST_WRITE, PRV_S));
    g_assert_true(may(b, 0x80000100, 8, GUEST_WRITE, PRV_S));
    g_assert_false(may(b, 0x800000fc, 8, GUEST_READ, PRV_S)); /* half of it matches */
    g_assert_true(rv_pmp_check(b->cpu, 0x80000800, 8, GUEST_WRITE, PRV_S, &whole));
    g_assert_false(whole);
    g_assert_true(rv_pmp_check(b->cpu, 0x80001000, 8, GUEST_WRITE, PRV_S, &whole));
    g_assert_true(whole);
    rv_bench_free(b);
}

static void test_top_of_range(void)
{
    struct rv_bench *b = rv_bench_new("rv64");

    entry(b, 0, 0x80001000 >> 2, TOR | R); /* from 0 */
    entry(b, 1, 0x80002000 >> 2, TOR | R | W);
    entry(b, 2, 0x80000000 >> 2, TOR | X); /* empty: its base is above */
    g_assert_true(may(b, 0x0, 4, GUEST_READ, PRV_U));
    g_assert_false(may(b, 0x80000ffc, 4, GUEST_WRITE, PRV_U));
    g_assert_true(may(b, 0x80001000, 4, GUEST_WRITE, PRV_U));
    g_assert_false(may(b, 0x80002000, 4, GUEST_READ, PRV_U));
    g_assert_false(may(b, 0x80001000, 4, GUEST_FETCH, PRV_U));
    rv_bench_free(b);
}

static void test_four_bytes(void)
{
    struct rv_bench *b = rv_bench_new("rv64");

    entry(b, 3, 0x80000010 >> 2, NA4 | R);
    g_assert_true(may(b, 0x80000010, 4, GUEST_READ, PRV_U));
    g_assert_false(may(b, 0x80000010, 8, GUEST_READ, PRV_U));
    g_assert_false(may(b, 0x80000014, 4, GUEST_READ, PRV_U));
    rv_bench_free(b);
}

static void test_lock_binds_machine_mode(void)
{
    struct rv_bench *b = rv_bench_new("rv64");

    entry(b, 0, 0x80001000 >> 2, TOR | R | PMP_L);
    g_assert_true(may(b, 0x80000000, 8, GUEST_READ, PRV_M));
    g_assert_false(may(b, 0x80000000, 8, GUEST_WRITE, PRV_M));
    entry(b, 0, 0, 0);
    g_assert_cmphex(bench_get(b, CSR_PMPADDR0), ==, 0x80001000 >> 2);
    g_assert_cmphex(bench_get(b, CSR_PMPCFG0), ==, TOR | R | PMP_L);
    rv_bench_free(b);
}

static void test_locked_tor_locks_its_base(void)
{
    struct rv_bench *b = rv_bench_new("rv64");

    entry(b, 0, 0x1000, 0);
    entry(b, 1, 0x2000, TOR | R | PMP_L);
    bench_set(b, CSR_PMPADDR0, 0x1800);
    g_assert_cmphex(bench_get(b, CSR_PMPADDR0), ==, 0x1000);
    rv_bench_free(b);
}

static void test_reserved_permissions_do_not_stick(void)
{
    struct rv_bench *b = rv_bench_new("rv64");

    entry(b, 0, 0x1000, NAPOT | R);
    bench_set(b, CSR_PMPCFG0, NAPOT | W);
    g_assert_cmphex(bench_get(b, CSR_PMPCFG0), ==, NAPOT | R);
    bench_set(b, CSR_PMPCFG0, 0x60 | NA4 | R); /* bits 5 and 6 read zero */
    g_assert_cmphex(bench_get(b, CSR_PMPCFG0), ==, NA4 | R);
    rv_bench_free(b);
}

static void test_registers_that_exist(void)
{
    struct rv_bench *b = rv_bench_new("rv64");

    g_assert_false(bench_read_traps(b, CSR_PMPCFG0 + 2, PRV_M));
    g_assert_true(bench_read_traps(b, CSR_PMPCFG0 + 1, PRV_M)); /* odd ones are RV32's */
    g_assert_true(bench_read_traps(b, CSR_PMPCFG0 + 4, PRV_M));
    g_assert_false(bench_read_traps(b, CSR_PMPADDR0 + 15, PRV_M));
    g_assert_true(bench_read_traps(b, CSR_PMPADDR0 + 16, PRV_M));
    rv_bench_free(b);
    b = rv_bench_new("rv64,num-pmp-regions=20");
    bench_set(b, CSR_PMPADDR0 + 19, 0x1234);
    g_assert_cmphex(bench_get(b, CSR_PMPADDR0 + 19), ==, 0x1234);
    bench_set(b, CSR_PMPADDR0 + 20, 0x1234);
    g_assert_cmphex(bench_get(b, CSR_PMPADDR0 + 20), ==, 0);
    rv_bench_free(b);
}

static void test_rv32_configuration(void)
{
    struct rv_bench *b = rv_bench_new("rv32");

    bench_set(b, CSR_PMPADDR0 + 4, 0xffffffff);
    bench_set(b, CSR_PMPCFG0 + 1, NAPOT | R | W);
    g_assert_cmphex(bench_get(b, CSR_PMPCFG0), ==, 0);
    g_assert_cmphex(bench_get(b, CSR_PMPCFG0 + 1), ==, NAPOT | R | W);
    g_assert_true(may(b, 0xfffffffc, 4, GUEST_WRITE, PRV_U));
    rv_bench_free(b);
}

static void test_changes_flush(void)
{
    struct rv_bench *b = rv_bench_new("rv64");

    bench_set(b, CSR_PMPADDR0, 0x1000);
    g_assert_cmpuint(bench_log.flush_all, ==, 0); /* off: nothing depends on it */
    bench_set(b, CSR_PMPCFG0, TOR | R);
    g_assert_cmpuint(bench_log.flush_all, ==, 1);
    bench_set(b, CSR_PMPADDR0, 0x2000);
    g_assert_cmpuint(bench_log.flush_all, ==, 2);
    rv_bench_free(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rv_pmp/no_match", test_nothing_matches);
    g_test_add_func("/rv_pmp/napot_all", test_all_of_memory_by_napot);
    g_test_add_func("/rv_pmp/priority", test_first_match_decides);
    g_test_add_func("/rv_pmp/tor", test_top_of_range);
    g_test_add_func("/rv_pmp/na4", test_four_bytes);
    g_test_add_func("/rv_pmp/lock", test_lock_binds_machine_mode);
    g_test_add_func("/rv_pmp/lock_tor", test_locked_tor_locks_its_base);
    g_test_add_func("/rv_pmp/reserved", test_reserved_permissions_do_not_stick);
    g_test_add_func("/rv_pmp/registers", test_registers_that_exist);
    g_test_add_func("/rv_pmp/rv32", test_rv32_configuration);
    g_test_add_func("/rv_pmp/flush", test_changes_flush);
    return g_test_run();
}
