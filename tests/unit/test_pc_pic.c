/* The 8259A pair: what BIOSes, operating systems and old programs rely on. */
#include "hw/intc/i8259.h"
#include "tests/unit/isa_bench.h"

#include <glib.h>

extern const struct device_type i8259_type;

struct pic {
    struct isa_bench *i;
    struct device *dev;
};

static struct pic pic_new(unsigned icw1, unsigned icw4)
{
    struct pic p = {isa_bench_new(), NULL};
    p.dev = isa_bench_add(p.i, &i8259_type, NULL);
    isa_out(p.i, 0x20, 0x11 | icw1);
    isa_out(p.i, 0x21, 0x08);
    isa_out(p.i, 0x21, 0x04);
    isa_out(p.i, 0x21, 0x01 | icw4);
    isa_out(p.i, 0xa0, 0x11 | icw1);
    isa_out(p.i, 0xa1, 0x70);
    isa_out(p.i, 0xa1, 0x02);
    isa_out(p.i, 0xa1, 0x01 | icw4);
    return p;
}

static void pic_free(struct pic p)
{
    isa_bench_free(p.i);
}

static bool intr(struct pic p)
{
    return irq_level(&p.dev->irq);
}

static void pulse(struct pic p, unsigned n)
{
    i8259_set_irq(p.dev, n, true);
    i8259_set_irq(p.dev, n, false);
}

static void test_a_request_is_served_in_order(void)
{
    struct pic p = pic_new(0, 0);
    g_assert_false(intr(p));
    pulse(p, 4);
    pulse(p, 1);
    g_assert_true(intr(p));
    g_assert_cmphex(isa_in(p.i, 0x20), ==, 0x12);
    g_assert_cmphex(i8259_accept(p.dev), ==, 0x09);
    g_assert_false(intr(p));  /* 4 waits for 1 */
    isa_out(p.i, 0x20, 0x0b); /* read ISR */
    g_assert_cmphex(isa_in(p.i, 0x20), ==, 0x02);
    isa_out(p.i, 0x20, 0x20);
    g_assert_true(intr(p));
    g_assert_cmphex(i8259_accept(p.dev), ==, 0x0c);
    isa_out(p.i, 0x20, 0x64); /* specific EOI of 4 */
    g_assert_cmphex(isa_in(p.i, 0x20), ==, 0x00);
    pic_free(p);
}

static void test_a_higher_one_nests(void)
{
    struct pic p = pic_new(0, 0);
    pulse(p, 6);
    g_assert_cmphex(i8259_accept(p.dev), ==, 0x0e);
    pulse(p, 6);
    g_assert_false(intr(p));
    pulse(p, 0);
    g_assert_cmphex(i8259_accept(p.dev), ==, 0x08);
    isa_out(p.i, 0x20, 0x0b);
    g_assert_cmphex(isa_in(p.i, 0x20), ==, 0x41);
    isa_out(p.i, 0x20, 0x20); /* ends 0 */
    g_assert_cmphex(isa_in(p.i, 0x20), ==, 0x40);
    pic_free(p);
}

static void test_the_slave_comes_through_input_2(void)
{
    struct pic p = pic_new(0, 0);
    pulse(p, 14);
    pulse(p, 8);
    g_assert_cmphex(isa_in(p.i, 0x20) & 4, ==, 4);
    g_assert_cmphex(i8259_accept(p.dev), ==, 0x70);
    g_assert_false(intr(p)); /* without EOI the slave's 14 waits */
    isa_out(p.i, 0xa0, 0x20);
    g_assert_false(intr(p)); /* and the master's 2 is in service */
    isa_out(p.i, 0x20, 0x20);
    g_assert_true(intr(p));
    g_assert_cmphex(i8259_accept(p.dev), ==, 0x76);
    pic_free(p);
}

static void test_special_fully_nested_lets_the_slave_nest(void)
{
    struct pic p = pic_new(0, 0x10);
    pulse(p, 14);
    g_assert_cmphex(i8259_accept(p.dev), ==, 0x76);
    pulse(p, 8);
    g_assert_true(intr(p));
    g_assert_cmphex(i8259_accept(p.dev), ==, 0x70);
    pic_free(p);
}

static void test_masks(void)
{
    struct pic p = pic_new(0, 0);
    isa_out(p.i, 0x21, 0xfe);
    pulse(p, 3);
    g_assert_false(intr(p));
    g_assert_cmphex(isa_in(p.i, 0x21), ==, 0xfe);
    isa_out(p.i, 0x21, 0xf7); /* it was latched */
    g_assert_true(intr(p));
    g_assert_cmphex(i8259_accept(p.dev), ==, 0x0b);
    pic_free(p);
}

static void test_special_mask_mode_unlocks_lower_ones(void)
{
    struct pic p = pic_new(0, 0);
    pulse(p, 1);
    g_assert_cmphex(i8259_accept(p.dev), ==, 0x09);
    pulse(p, 5);
    g_assert_false(intr(p));
    isa_out(p.i, 0x21, 0x02); /* mask 1, then the special mask mode */
    isa_out(p.i, 0x20, 0x68);
    g_assert_true(intr(p));
    g_assert_cmphex(i8259_accept(p.dev), ==, 0x0d);
    isa_out(p.i, 0x20, 0x20); /* ends 5: 1 is hidden by its mask */
    isa_out(p.i, 0x20, 0x0b);
    g_assert_cmphex(isa_in(p.i, 0x20), ==, 0x02);
    isa_out(p.i, 0x20, 0x48); /* off again */
    isa_out(p.i, 0x20, 0x20);
    g_assert_cmphex(isa_in(p.i, 0x20), ==, 0x00);
    pic_free(p);
}

static void test_rotation(void)
{
    struct pic p = pic_new(0, 0);
    isa_out(p.i, 0x20, 0xc3); /* 3 is the lowest: 4 comes first */
    pulse(p, 0);
    pulse(p, 4);
    g_assert_cmphex(i8259_accept(p.dev), ==, 0x0c);
    isa_out(p.i, 0x20, 0xa0); /* rotate on EOI: 4 is the lowest now */
    pulse(p, 4);
    g_assert_cmphex(i8259_accept(p.dev), ==, 0x08);
    isa_out(p.i, 0x20, 0xe0 | 0); /* specific, rotating: 0 is the lowest */
    pulse(p, 0);
    g_assert_cmphex(i8259_accept(p.dev), ==, 0x0c);
    pic_free(p);
}

static void test_automatic_eoi(void)
{
    struct pic p = pic_new(0, 0x02);
    isa_out(p.i, 0x20, 0x80); /* rotate in automatic EOI */
    pulse(p, 2 + 1);
    g_assert_cmphex(i8259_accept(p.dev), ==, 0x0b);
    isa_out(p.i, 0x20, 0x0b);
    g_assert_cmphex(isa_in(p.i, 0x20), ==, 0x00);
    pulse(p, 3);
    pulse(p, 7);
    g_assert_cmphex(i8259_accept(p.dev), ==, 0x0f);
    pic_free(p);
}

static void test_poll(void)
{
    struct pic p = pic_new(0, 0);
    isa_out(p.i, 0x20, 0x0c);
    g_assert_cmphex(isa_in(p.i, 0x20), ==, 0x00);
    pulse(p, 5);
    isa_out(p.i, 0x20, 0x0c);
    g_assert_cmphex(isa_in(p.i, 0x20), ==, 0x85);
    isa_out(p.i, 0x20, 0x0b);
    g_assert_cmphex(isa_in(p.i, 0x20), ==, 0x20);
    pic_free(p);
}

static void test_levels_and_spurious_interrupts(void)
{
    struct pic p = pic_new(0, 0);
    isa_out(p.i, 0x4d0, 0xff);
    isa_out(p.i, 0x4d1, 0xff);
    g_assert_cmphex(isa_in(p.i, 0x4d0), ==, 0xf8);
    g_assert_cmphex(isa_in(p.i, 0x4d1), ==, 0xde);
    i8259_set_irq(p.dev, 5, true);
    g_assert_cmphex(i8259_accept(p.dev), ==, 0x0d);
    isa_out(p.i, 0x20, 0x20);
    g_assert_true(intr(p)); /* still there */
    i8259_set_irq(p.dev, 5, false);
    g_assert_false(intr(p));
    g_assert_cmphex(i8259_accept(p.dev), ==, 0x0f); /* it went before it was taken */
    isa_out(p.i, 0x20, 0x0b);
    g_assert_cmphex(isa_in(p.i, 0x20), ==, 0x00);
    pic_free(p);
}

static void test_a_spurious_one_of_the_slave(void)
{
    struct pic p = pic_new(0, 0);
    isa_out(p.i, 0x4d1, 0x08);
    i8259_set_irq(p.dev, 11, true);
    isa_out(p.i, 0xa1, 0x00);
    i8259_set_irq(p.dev, 11, false); /* the master has latched its edge */
    g_assert_true(intr(p));
    g_assert_cmphex(i8259_accept(p.dev), ==, 0x77);
    isa_out(p.i, 0xa0, 0x0b);
    isa_out(p.i, 0x20, 0x0b);
    g_assert_cmphex(isa_in(p.i, 0xa0), ==, 0x00);
    g_assert_cmphex(isa_in(p.i, 0x20), ==, 0x04);
    pic_free(p);
}

static void test_initialising_forgets(void)
{
    struct pic p = pic_new(0, 0);
    pulse(p, 3);
    isa_out(p.i, 0x21, 0xff);
    isa_out(p.i, 0x20, 0x11);
    g_assert_false(intr(p));
    isa_out(p.i, 0x21, 0x50);
    isa_out(p.i, 0x21, 0x04);
    isa_out(p.i, 0x21, 0x01);
    g_assert_cmphex(isa_in(p.i, 0x20), ==, 0x00);
    g_assert_cmphex(isa_in(p.i, 0x21), ==, 0x00);
    pulse(p, 3);
    g_assert_cmphex(i8259_accept(p.dev), ==, 0x53);
    pic_free(p);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pic/order", test_a_request_is_served_in_order);
    g_test_add_func("/pic/nesting", test_a_higher_one_nests);
    g_test_add_func("/pic/slave", test_the_slave_comes_through_input_2);
    g_test_add_func("/pic/fully-nested", test_special_fully_nested_lets_the_slave_nest);
    g_test_add_func("/pic/masks", test_masks);
    g_test_add_func("/pic/special-mask", test_special_mask_mode_unlocks_lower_ones);
    g_test_add_func("/pic/rotation", test_rotation);
    g_test_add_func("/pic/aeoi", test_automatic_eoi);
    g_test_add_func("/pic/poll", test_poll);
    g_test_add_func("/pic/level", test_levels_and_spurious_interrupts);
    g_test_add_func("/pic/slave-spurious", test_a_spurious_one_of_the_slave);
    g_test_add_func("/pic/init", test_initialising_forgets);
    return g_test_run();
}
