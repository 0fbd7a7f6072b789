/* PrimeCell peripherals: PL031 (clock) and PL061 (pins); and the generic event device of ACPI. */
#include "core/clock.h"
#include "hw/acpi/ged.h"
#include "hw/gpio/pl061.h"
#include "tests/unit/bench.h"

#include <glib.h>

extern const struct device_type acpi_ged_type, pl031_type, pl061_type;

enum { DR = 0, MR = 4, LR = 8, IMSC = 0x10, RIS = 0x14, MIS = 0x18, ICR = 0x1c };

static void test_clock_shows_utc_and_can_be_set(void)
{
    struct bench *b = bench_new(&pl031_type);
    uint32_t now = (uint32_t)(clock_wall() / 1000000000);
    g_assert_cmpuint(bench_read(b, DR, 4) - now, <=, 2);
    bench_write(b, LR, 4, 1000000);
    g_assert_cmpuint(bench_read(b, DR, 4) - 1000000, <=, 2);
    device_reset(b->dev); /* as a battery would keep it */
    g_assert_cmpuint(bench_read(b, DR, 4) - 1000000, <=, 2);
    g_assert_cmphex(bench_read(b, 0xfe0, 4), ==, 0x31);
    bench_free(b);
}

static void test_alarm(void)
{
    struct bench *b = bench_new(&pl031_type);
    bench_write(b, IMSC, 4, 1);
    bench_write(b, MR, 4, bench_read(b, DR, 4) + 100);
    g_assert_false(b->irq);
    bench_write(b, LR, 4, bench_read(b, MR, 4)); /* the time is set to that of the alarm */
    g_assert_true(b->irq);
    g_assert_cmphex(bench_read(b, MIS, 4), ==, 1);
    bench_write(b, ICR, 4, 1);
    g_assert_false(b->irq);
    g_assert_cmphex(bench_read(b, RIS, 4), ==, 0);
    bench_free(b);
}

enum {
    DIRECTION = 0x400,
    IS = 0x404,
    IBE = 0x408,
    IEV = 0x40c,
    IE = 0x410,
    PRIS = 0x414,
    IC = 0x41c
};

static void test_addresses_mask_the_pins(void)
{
    struct bench *b = bench_new(&pl061_type);
    bench_write(b, DIRECTION, 4, 0x0f);
    bench_write(b, 0xff << 2, 4, 0xff);
    g_assert_cmphex(bench_read(b, 0xff << 2, 4), ==, 0x0f);
    g_assert_true(irq_level(pl061_output(b->dev, 3)));
    g_assert_false(irq_level(pl061_output(b->dev, 4)));
    bench_write(b, 0x01 << 2, 4, 0);
    g_assert_cmphex(bench_read(b, 0xff << 2, 4), ==, 0x0e);
    g_assert_cmphex(bench_read(b, 0x06 << 2, 4), ==, 0x06);
    pl061_set_input(b->dev, 7, true);
    g_assert_cmphex(bench_read(b, 0xff << 2, 4), ==, 0x8e);
    bench_free(b);
}

static void test_edges_and_levels(void)
{
    struct bench *b = bench_new(&pl061_type);
    bench_write(b, IE, 4, 1 << 3);
    bench_write(b, IEV, 4, 1 << 3);
    pl061_set_input(b->dev, 3, true);
    g_assert_true(b->irq);
    pl061_set_input(b->dev, 3, false);
    g_assert_cmphex(bench_read(b, PRIS, 4), ==, 1 << 3);
    bench_write(b, IC, 4, 1 << 3);
    g_assert_false(b->irq);
    bench_write(b, IBE, 4, 1 << 3); /* now both edges */
    pl061_set_input(b->dev, 3, true);
    bench_write(b, IC, 4, 0xff);
    pl061_set_input(b->dev, 3, false);
    g_assert_true(b->irq);
    bench_write(b, IC, 4, 0xff);
    bench_write(b, IS, 4, 1 << 3); /* the high level */
    g_assert_false(b->irq);
    pl061_set_input(b->dev, 3, true);
    bench_write(b, IC, 4, 0xff);
    g_assert_true(b->irq);
    bench_free(b);
}

static void test_events_are_read_once(void)
{
    struct bench *b = bench_new(&acpi_ged_type);
    acpi_ged_event(b->dev, ACPI_GED_POWER_BUTTON);
    g_assert_true(b->irq);
    g_assert_cmphex(bench_peek(b, 0, 4), ==, ACPI_GED_POWER_BUTTON);
    g_assert_cmphex(bench_read(b, 0, 4), ==, ACPI_GED_POWER_BUTTON);
    g_assert_false(b->irq);
    g_assert_cmphex(bench_read(b, 0, 4), ==, 0);
    bench_free(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    clock_init();
    g_test_add_func("/pl031/time", test_clock_shows_utc_and_can_be_set);
    g_test_add_func("/pl031/alarm", test_alarm);
    g_test_add_func("/pl061/mask", test_addresses_mask_the_pins);
    g_test_add_func("/pl061/interrupts", test_edges_and_levels);
    g_test_add_func("/ged/events", test_events_are_read_once);
    return g_test_run();
}
