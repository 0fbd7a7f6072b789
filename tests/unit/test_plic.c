/* The PLIC: gateways, priorities, claim and complete. */
#include "hw/intc/plic.h"
#include "tests/unit/bench.h"

#include <glib.h>

extern const struct device_type plic_type;

static bool lines[4];

static void on_line(void *opaque UNUSED, unsigned n, bool level)
{
    lines[n] = level;
}

static struct bench *new_plic(void)
{
    struct bench *b = bench_new_raw(&plic_type);
    bench_set(b, "num-contexts", "4");
    bench_realize(b);
    for (unsigned i = 0; i < 4; i++)
        irq_connect(plic_output(b->dev, i), on_line, NULL, i);
    return b;
}

static uint64_t enable_at(unsigned context)
{
    return 0x2000 + context * 0x80;
}

static uint64_t threshold_at(unsigned context)
{
    return 0x200000 + context * 0x1000;
}

static uint64_t claim_at(unsigned context)
{
    return threshold_at(context) + 4;
}

static void test_claim_and_complete(void)
{
    struct bench *b = new_plic();
    bench_write(b, 10 * 4, 4, 1);
    bench_write(b, enable_at(1), 4, 1 << 10);
    plic_set_input(b->dev, 10, true);
    g_assert_true(lines[1]);
    g_assert_false(lines[0]);
    g_assert_cmphex(bench_read(b, 0x1000, 4), ==, 1 << 10);
    g_assert_cmpint(bench_read(b, claim_at(1), 4), ==, 10);
    g_assert_false(lines[1]);
    g_assert_cmpint(bench_read(b, claim_at(1), 4), ==, 0);
    bench_write(b, claim_at(1), 4, 10); /* the input is still high: again */
    g_assert_true(lines[1]);
    g_assert_cmpint(bench_read(b, claim_at(1), 4), ==, 10);
    plic_set_input(b->dev, 10, false);
    bench_write(b, claim_at(1), 4, 10);
    g_assert_false(lines[1]);
    bench_free(b);
}

static void test_highest_priority_then_lowest_number(void)
{
    struct bench *b = new_plic();
    bench_write(b, 40 * 4, 4, 2);
    bench_write(b, 7 * 4, 4, 2);
    bench_write(b, 90 * 4, 4, 5);
    for (unsigned w = 0; w < 3; w++)
        bench_write(b, enable_at(0) + w * 4, 4, UINT32_MAX);
    plic_set_input(b->dev, 40, true);
    plic_set_input(b->dev, 7, true);
    plic_set_input(b->dev, 90, true);
    g_assert_cmpint(bench_read(b, claim_at(0), 4), ==, 90);
    g_assert_cmpint(bench_read(b, claim_at(0), 4), ==, 7);
    g_assert_cmpint(bench_read(b, claim_at(0), 4), ==, 40);
    bench_free(b);
}

static void test_threshold_masks_the_line_not_the_claim(void)
{
    struct bench *b = new_plic();
    bench_write(b, 3 * 4, 4, 2);
    bench_write(b, enable_at(2), 4, 1 << 3);
    bench_write(b, threshold_at(2), 4, 2);
    plic_set_input(b->dev, 3, true);
    g_assert_false(lines[2]);
    bench_write(b, threshold_at(2), 4, 1);
    g_assert_true(lines[2]);
    bench_write(b, threshold_at(2), 4, 7);
    g_assert_false(lines[2]);
    g_assert_cmpint(bench_read(b, claim_at(2), 4), ==, 3);
    bench_free(b);
}

static void test_priority_zero_never_interrupts(void)
{
    struct bench *b = new_plic();
    bench_write(b, enable_at(0), 4, UINT32_MAX);
    plic_set_input(b->dev, 5, true);
    g_assert_false(lines[0]);
    g_assert_cmpint(bench_read(b, claim_at(0), 4), ==, 0);
    bench_free(b);
}

static void test_foreign_completion_is_ignored(void)
{
    struct bench *b = new_plic();
    bench_write(b, 9 * 4, 4, 1);
    bench_write(b, enable_at(0), 4, 1 << 9);
    plic_set_input(b->dev, 9, true);
    g_assert_cmpint(bench_read(b, claim_at(0), 4), ==, 9);
    bench_write(b, claim_at(1), 4, 9); /* context 1 has not enabled it */
    g_assert_false(lines[0]);
    bench_write(b, claim_at(0), 4, 12345);
    bench_write(b, claim_at(0), 4, 9);
    g_assert_true(lines[0]);
    bench_free(b);
}

static void test_register_bounds(void)
{
    struct bench *b = new_plic();
    bench_write(b, 0, 4, 7);
    g_assert_cmpint(bench_read(b, 0, 4), ==, 0);
    bench_write(b, 1 * 4, 4, 0xff);
    g_assert_cmpint(bench_read(b, 1 * 4, 4), ==, 7);
    bench_write(b, enable_at(0), 4, 1);
    g_assert_cmpint(bench_read(b, enable_at(0), 4), ==, 0);
    bench_write(b, 0x1000, 4, UINT32_MAX);
    g_assert_cmpint(bench_read(b, 0x1000, 4), ==, 0);
    bench_write(b, threshold_at(4), 4, 1); /* no such context */
    g_assert_cmpint(bench_read(b, threshold_at(4), 4), ==, 0);
    g_assert_cmpint(bench_peek(b, claim_at(0), 4), ==, 0);
    plic_set_input(b->dev, 4000, true);
    bench_free(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/plic/claim", test_claim_and_complete);
    g_test_add_func("/plic/order", test_highest_priority_then_lowest_number);
    g_test_add_func("/plic/threshold", test_threshold_masks_the_line_not_the_claim);
    g_test_add_func("/plic/priority-zero", test_priority_zero_never_interrupts);
    g_test_add_func("/plic/foreign", test_foreign_completion_is_ignored);
    g_test_add_func("/plic/bounds", test_register_bounds);
    return g_test_run();
}
