/* ACLINT: timers that fire when mtime reaches mtimecmp, and software interrupts. */
#include "core/clock.h"
#include "hw/intc/aclint.h"
#include "tests/unit/bench.h"

#include <glib.h>

extern const struct device_type aclint_mtimer_type, aclint_swi_type;

enum { MTIME = 0x7ff8 };

static bool lines[2];
static unsigned rises[2];
static int64_t told_offset;

static void on_line(void *opaque UNUSED, unsigned n, bool level)
{
    lines[n] = level;
    rises[n] += level;
}

static bool line_is_high(void *n)
{
    return lines[GPOINTER_TO_UINT(n)];
}

static void on_offset(void *opaque UNUSED, int64_t ticks)
{
    told_offset = ticks;
}

static struct bench *new_mtimer(void)
{
    struct bench *b = bench_new_raw(&aclint_mtimer_type);
    bench_set(b, "num-harts", "2");
    for (unsigned i = 0; i < 2; i++) {
        lines[i] = false;
        irq_connect(aclint_mtimer_irq(b->dev, i), on_line, NULL, i);
    }
    aclint_mtimer_on_offset(b->dev, on_offset, NULL);
    bench_realize(b);
    return b;
}

static struct bench *new_swi(const char *sswi)
{
    struct bench *b = bench_new_raw(&aclint_swi_type);
    bench_set(b, "num-harts", "2");
    bench_set(b, "sswi", sswi);
    for (unsigned i = 0; i < 2; i++) {
        lines[i] = false;
        rises[i] = 0;
        irq_connect(aclint_swi_irq(b->dev, i), on_line, NULL, i);
    }
    bench_realize(b);
    return b;
}

static void test_mtime_runs_at_ten_megahertz(void)
{
    struct bench *b = new_mtimer();
    uint64_t before = clock_now() / 100;
    uint64_t t = bench_read(b, MTIME, 8);
    g_assert_cmpuint(t, >=, before);
    g_assert_cmpuint(t, <=, (uint64_t)clock_now() / 100);
    g_assert_cmpuint(bench_read(b, MTIME + 4, 4), ==, t >> 32);
    bench_free(b);
}

static void test_timer_fires_once_due(void)
{
    struct bench *b = new_mtimer();
    g_assert_false(lines[1]);
    bench_write(b, 8, 8, bench_read(b, MTIME, 8) + 50000); /* 5 ms */
    g_assert_false(lines[1]);
    g_assert_true(bench_wait(line_is_high, GUINT_TO_POINTER(1)));
    g_assert_cmpuint(bench_read(b, MTIME, 8), >=, bench_read(b, 8, 8));
    g_assert_false(lines[0]);
    bench_write(b, 8, 8, UINT64_MAX);
    g_assert_false(lines[1]);
    bench_free(b);
}

static void test_past_compare_is_pending_at_once(void)
{
    struct bench *b = new_mtimer();
    bench_write(b, 0, 8, 0);
    g_assert_true(lines[0]);
    bench_write(b, 4, 4, UINT32_MAX); /* the high half alone */
    g_assert_false(lines[0]);
    g_assert_cmphex(bench_read(b, 0, 8), ==, UINT64_C(0xffffffff00000000));
    bench_free(b);
}

static void test_writing_mtime_moves_it_for_all(void)
{
    struct bench *b = new_mtimer();
    bench_write(b, 0, 8, UINT64_C(0x1000000000));
    bench_write(b, MTIME, 8, UINT64_C(0x2000000000));
    g_assert_true(lines[0]);
    g_assert_cmpuint(bench_read(b, MTIME, 8) >> 32, ==, 0x20);
    g_assert_cmpint((told_offset + clock_now() / 100) >> 32, ==, 0x20);
    bench_write(b, MTIME, 8, 0);
    g_assert_false(lines[0]);
    device_reset(b->dev);
    g_assert_cmpint(told_offset, ==, 0);
    bench_free(b);
}

static void test_harts_beyond_are_nothing(void)
{
    struct bench *b = new_mtimer();
    bench_write(b, 16, 8, 0);
    g_assert_cmpuint(bench_read(b, 16, 8), ==, 0);
    bench_free(b);
}

static void test_msip_is_a_level(void)
{
    struct bench *b = new_swi("off");
    bench_write(b, 4, 4, 0xffffffff);
    g_assert_true(lines[1]);
    g_assert_cmpuint(bench_read(b, 4, 4), ==, 1);
    bench_write(b, 4, 4, 0);
    g_assert_false(lines[1]);
    bench_write(b, 8, 4, 1);
    g_assert_cmpuint(bench_read(b, 8, 4), ==, 0);
    bench_free(b);
}

static void test_setssip_is_an_edge(void)
{
    struct bench *b = new_swi("on");
    bench_write(b, 0, 4, 0);
    g_assert_cmpuint(rises[0], ==, 0);
    bench_write(b, 0, 4, 1);
    g_assert_cmpuint(rises[0], ==, 1);
    g_assert_cmpuint(bench_read(b, 0, 4), ==, 0);
    bench_free(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/aclint/mtime", test_mtime_runs_at_ten_megahertz);
    g_test_add_func("/aclint/fires", test_timer_fires_once_due);
    g_test_add_func("/aclint/past", test_past_compare_is_pending_at_once);
    g_test_add_func("/aclint/mtime-write", test_writing_mtime_moves_it_for_all);
    g_test_add_func("/aclint/bounds", test_harts_beyond_are_nothing);
    g_test_add_func("/aclint/msip", test_msip_is_a_level);
    g_test_add_func("/aclint/setssip", test_setssip_is_an_edge);
    return g_test_run();
}
