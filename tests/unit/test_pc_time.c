/* The 8254 timer and the MC146818 clock. */
#include "core/clock.h"
#include "hw/rtc/mc146818.h"
#include "tests/unit/isa_bench.h"

#include <glib.h>

extern const struct device_type i8254_type, mc146818_type;
static const ns_t TICK_NS = 839, SECOND = 1000000000;

/* Time stands still in these tests but for what they let pass. */
static void pass(ns_t ns)
{
    struct clock_state s;
    clock_stop();
    clock_save(&s);
    s.virtual_ns += ns;
    s.wall_is_virtual = true;
    clock_load(&s);
}

static struct isa_bench *stopped(const struct device_type *type, struct device **dev)
{
    struct isa_bench *i = isa_bench_new();
    clock_wall_set(SECOND * 86400 * 365, true); /* 1971-01-01 */
    clock_stop();
    *dev = isa_bench_add(i, type, NULL);
    return i;
}

static void done(struct isa_bench *i)
{
    clock_start();
    isa_bench_free(i);
}

static unsigned latched(struct isa_bench *i, unsigned counter)
{
    isa_out(i, 0x43, counter << 6);
    unsigned low = isa_in(i, 0x40 + counter);
    return low | isa_in(i, 0x40 + counter) << 8;
}

static unsigned status(struct isa_bench *i, unsigned counter)
{
    isa_out(i, 0x43, 0xe0 | 2 << counter);
    return isa_in(i, 0x40 + counter);
}

static void program(struct isa_bench *i, unsigned counter, unsigned mode, unsigned n)
{
    isa_out(i, 0x43, counter << 6 | 0x30 | mode << 1);
    isa_out(i, 0x40 + counter, n & 0xff);
    isa_out(i, 0x40 + counter, n >> 8);
}

static void test_terminal_count(void)
{
    struct device *dev;
    struct isa_bench *i = stopped(&i8254_type, &dev);
    program(i, 0, 0, 1000);
    g_assert_false(i->line[0]);
    pass(100 * TICK_NS);
    g_assert_cmpuint(latched(i, 0), ==, 900);
    g_assert_cmphex(status(i, 0), ==, 0x30);
    pass(901 * TICK_NS);
    device_sync(dev);
    g_assert_true(i->line[0]);
    g_assert_cmphex(status(i, 0), ==, 0xb0);
    g_assert_cmpuint(latched(i, 0), >, 65000); /* it goes on */
    isa_out(i, 0x43, 0x30);
    g_assert_false(i->line[0]);
    g_assert_cmphex(status(i, 0), ==, 0x70); /* no count yet */
    done(i);
}

static void test_rate_generator(void)
{
    struct device *dev;
    struct isa_bench *i = stopped(&i8254_type, &dev);
    program(i, 0, 2, 100);
    g_assert_true(i->line[0]);
    pass(10 * TICK_NS);
    g_assert_cmpuint(latched(i, 0), ==, 90);
    pass(1000 * TICK_NS);
    g_assert_cmpuint(latched(i, 0), <=, 91);
    pass(TICK_NS);
    isa_out(i, 0x40, 50); /* takes effect when the period ends */
    isa_out(i, 0x40, 0);
    g_assert_cmphex(status(i, 0) & 0x40, ==, 0x40);
    g_assert_cmpuint(latched(i, 0), >, 60);
    pass(100 * TICK_NS);
    g_assert_cmpuint(latched(i, 0), <=, 50);
    g_assert_cmphex(status(i, 0) & 0x40, ==, 0);
    done(i);
}

static void test_square_wave(void)
{
    struct device *dev;
    struct isa_bench *i = stopped(&i8254_type, &dev);
    program(i, 2, 3, 101);
    isa_out(i, 0x61, 1);
    g_assert_cmphex(isa_in(i, 0x61) & 0x21, ==, 0x21);
    g_assert_cmpuint(latched(i, 2), ==, 100);
    pass(20 * TICK_NS);
    g_assert_cmpuint(latched(i, 2), ==, 60);
    pass(32 * TICK_NS); /* in the low half, at its begin */
    g_assert_cmphex(isa_in(i, 0x61) & 0x20, ==, 0);
    g_assert_cmpuint(latched(i, 2), ==, 98);
    isa_out(i, 0x61, 0); /* the gate stops it, output high */
    g_assert_cmphex(isa_in(i, 0x61) & 0x20, ==, 0x20);
    pass(1000 * TICK_NS);
    isa_out(i, 0x61, 1);
    g_assert_cmpuint(latched(i, 2), ==, 100);
    done(i);
}

static void test_one_shots(void)
{
    struct device *dev;
    struct isa_bench *i = stopped(&i8254_type, &dev);
    program(i, 2, 1, 50);
    g_assert_cmphex(status(i, 2), ==, 0xf2);
    isa_out(i, 0x61, 1);
    g_assert_cmphex(status(i, 2), ==, 0x32);
    pass(40 * TICK_NS);
    isa_out(i, 0x61, 0);
    isa_out(i, 0x61, 1); /* again from the start */
    pass(40 * TICK_NS);
    g_assert_cmphex(status(i, 2), ==, 0x32);
    pass(11 * TICK_NS);
    g_assert_cmphex(status(i, 2), ==, 0xb2);
    isa_out(i, 0x61, 0);
    program(i, 2, 5, 10);
    isa_out(i, 0x61, 1);
    pass(10 * TICK_NS);
    g_assert_cmphex(status(i, 2) & 0x80, ==, 0);
    pass(TICK_NS);
    g_assert_cmphex(status(i, 2) & 0x80, ==, 0x80);
    program(i, 2, 4, 10);
    pass(10 * TICK_NS);
    g_assert_cmphex(status(i, 2) & 0x80, ==, 0);
    done(i);
}

static void test_gate_holds_mode_0(void)
{
    struct device *dev;
    struct isa_bench *i = stopped(&i8254_type, &dev);
    isa_out(i, 0x61, 1);
    program(i, 2, 0, 1000);
    pass(100 * TICK_NS);
    isa_out(i, 0x61, 0);
    pass(500 * TICK_NS);
    g_assert_cmpuint(latched(i, 2), ==, 900);
    isa_out(i, 0x61, 1);
    pass(100 * TICK_NS);
    g_assert_cmpuint(latched(i, 2), ==, 800);
    done(i);
}

static void test_decimal_and_access_modes(void)
{
    struct device *dev;
    struct isa_bench *i = stopped(&i8254_type, &dev);
    isa_out(i, 0x43, 0x35); /* mode 2, decimal */
    isa_out(i, 0x40, 0x00);
    isa_out(i, 0x40, 0x10);
    pass(TICK_NS);
    g_assert_cmphex(latched(i, 0), ==, 0x0999);
    isa_out(i, 0x43, 0x14); /* low byte only */
    isa_out(i, 0x40, 0x80);
    pass(TICK_NS);
    g_assert_cmphex(isa_in(i, 0x40), ==, 0x7f);
    g_assert_cmphex(isa_in(i, 0x40), ==, 0x7f);
    isa_out(i, 0x43, 0x24); /* high byte only */
    isa_out(i, 0x40, 0x80);
    g_assert_cmphex(isa_in(i, 0x40), ==, 0x80);
    isa_out(i, 0x43, 0x34);
    isa_out(i, 0x40, 0x34);
    isa_out(i, 0x40, 0x12);
    isa_out(i, 0x43, 0xc2); /* read-back: status first, then the count */
    g_assert_cmphex(isa_in(i, 0x40), ==, 0xb4);
    g_assert_cmphex(isa_in(i, 0x40), ==, 0x34);
    g_assert_cmphex(isa_in(i, 0x40), ==, 0x12);
    done(i);
}

static void test_ticks_come(void)
{
    struct isa_bench *i = isa_bench_new();
    isa_bench_add(i, &i8254_type, NULL);
    unsigned before = i->rises[0];
    program(i, 0, 2, 1193);
    g_assert_true(isa_wait_rises(i, 0, before + 5));
    isa_bench_free(i);
}

static uint8_t cmos(struct isa_bench *i, unsigned reg)
{
    isa_out(i, 0x70, reg);
    return isa_in(i, 0x71);
}

static void set_cmos(struct isa_bench *i, unsigned reg, unsigned v)
{
    isa_out(i, 0x70, reg);
    isa_out(i, 0x71, v);
}

static void test_clock_shows_the_time(void)
{
    struct device *dev;
    struct isa_bench *i = stopped(&mc146818_type, &dev);
    pass(SECOND * (13 * 3600 + 45 * 60 + 30));
    g_assert_cmphex(cmos(i, 0), ==, 0x30);
    g_assert_cmphex(cmos(i, 2), ==, 0x45);
    g_assert_cmphex(cmos(i, 4), ==, 0x13);
    g_assert_cmphex(cmos(i, 6), ==, 0x06); /* a Friday */
    g_assert_cmphex(cmos(i, 7), ==, 0x01);
    g_assert_cmphex(cmos(i, 8), ==, 0x01);
    g_assert_cmphex(cmos(i, 9), ==, 0x71);
    g_assert_cmphex(cmos(i, 0x32), ==, 0x19);
    g_assert_cmphex(cmos(i, 0xd), ==, 0x80);
    set_cmos(i, 0xb, 0x04); /* binary, 12 hours */
    pass(SECOND);
    g_assert_cmphex(cmos(i, 4), ==, 0x81);
    g_assert_cmpuint(cmos(i, 2), ==, 45);
    g_assert_cmpuint(cmos(i, 0), ==, 31);
    done(i);
}

static void test_setting_the_clock(void)
{
    static const uint8_t date[][2] = {{0, 0x58}, {2, 0x59}, {4, 0x23},   {7, 0x28},
                                      {8, 0x02}, {9, 0x24}, {0x32, 0x20}};
    struct device *dev;
    struct isa_bench *i = stopped(&mc146818_type, &dev);
    set_cmos(i, 0xb, 0x82);
    for (unsigned n = 0; n < G_N_ELEMENTS(date); n++)
        set_cmos(i, date[n][0], date[n][1]);
    pass(SECOND * 10); /* stands */
    g_assert_cmphex(cmos(i, 0), ==, 0x58);
    set_cmos(i, 0xb, 0x02);
    pass(SECOND * 3);
    g_assert_cmphex(cmos(i, 0), ==, 0x01);
    g_assert_cmphex(cmos(i, 4), ==, 0x00);
    g_assert_cmphex(cmos(i, 7), ==, 0x29); /* a leap year */
    g_assert_cmphex(cmos(i, 6), ==, 0x05);
    device_reset(dev);
    g_assert_cmphex(cmos(i, 9), ==, 0x24);
    done(i);
}

static void test_divider_reset_starts_half_a_second_early(void)
{
    struct device *dev;
    struct isa_bench *i = stopped(&mc146818_type, &dev);
    set_cmos(i, 0xa, 0x66);
    pass(SECOND * 5);
    g_assert_cmphex(cmos(i, 0), ==, 0x00);
    set_cmos(i, 0xa, 0x26);
    pass(SECOND / 2 - 1000);
    g_assert_cmphex(cmos(i, 0xa), ==, 0xa6); /* an update is near */
    g_assert_cmphex(cmos(i, 0), ==, 0x00);
    pass(2000);
    g_assert_cmphex(cmos(i, 0xa), ==, 0x26);
    g_assert_cmphex(cmos(i, 0), ==, 0x01);
    done(i);
}

static void test_alarm_and_update(void)
{
    struct device *dev;
    struct isa_bench *i = stopped(&mc146818_type, &dev);
    set_cmos(i, 1, 0x05);
    set_cmos(i, 3, 0xff);
    set_cmos(i, 5, 0xc0);
    set_cmos(i, 0xb, 0x22);
    cmos(i, 0xc);
    pass(SECOND * 4);
    device_sync(dev);
    g_assert_false(i->line[8]);
    pass(SECOND * 1);
    device_sync(dev);
    g_assert_true(i->line[8]);
    g_assert_cmphex(cmos(i, 0xc) & 0xb0, ==, 0xb0); /* UF is set, too */
    g_assert_false(i->line[8]);
    pass(SECOND * 60);
    device_sync(dev);
    g_assert_true(i->line[8]); /* every minute */
    set_cmos(i, 0xb, 0x12);
    cmos(i, 0xc);
    g_assert_false(i->line[8]);
    pass(SECOND);
    device_sync(dev);
    g_assert_true(i->line[8]);
    set_cmos(i, 0xb, 0x92); /* SET clears UIE */
    g_assert_cmphex(cmos(i, 0xb), ==, 0x82);
    g_assert_false(i->line[8]);
    done(i);
}

static void test_periodic(void)
{
    struct device *dev;
    struct isa_bench *i = stopped(&mc146818_type, &dev);
    set_cmos(i, 0xa, 0x2f); /* 2 Hz */
    set_cmos(i, 0xb, 0x42);
    cmos(i, 0xc);
    pass(SECOND / 2);
    device_sync(dev);
    g_assert_true(i->line[8]);
    g_assert_cmphex(cmos(i, 0xc) & 0xc0, ==, 0xc0);
    pass(SECOND / 4);
    device_sync(dev);
    g_assert_false(i->line[8]);
    done(i);
}

static void test_lost_ticks_are_made_up_for(void)
{
    struct isa_bench *i = isa_bench_new();
    clock_stop();
    struct device *dev = isa_bench_add(i, &mc146818_type, "lost_tick_policy=slew", NULL);
    set_cmos(i, 0xa, 0x2f);
    set_cmos(i, 0xb, 0x42);
    cmos(i, 0xc);
    pass(SECOND * 2);
    device_sync(dev);
    unsigned n = 0;
    while (n < 10 && cmos(i, 0xc) & 0x40)
        n++;
    g_assert_cmpuint(n, ==, 4);
    done(i);
}

static void test_ram(void)
{
    struct device *dev;
    struct isa_bench *i = stopped(&mc146818_type, &dev);
    mc146818_set(dev, 0x15, 0x80);
    set_cmos(i, 0x8f, 0x0a);
    g_assert_true(mc146818_masks_nmi(dev));
    g_assert_cmphex(cmos(i, 0x0f), ==, 0x0a);
    g_assert_false(mc146818_masks_nmi(dev));
    g_assert_cmphex(cmos(i, 0x15), ==, 0x80);
    device_reset(dev);
    g_assert_cmphex(mc146818_get(dev, 0x0f), ==, 0x0a);
    done(i);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pit/mode0", test_terminal_count);
    g_test_add_func("/pit/mode2", test_rate_generator);
    g_test_add_func("/pit/mode3", test_square_wave);
    g_test_add_func("/pit/mode145", test_one_shots);
    g_test_add_func("/pit/gate", test_gate_holds_mode_0);
    g_test_add_func("/pit/access", test_decimal_and_access_modes);
    g_test_add_func("/pit/ticks", test_ticks_come);
    g_test_add_func("/rtc/time", test_clock_shows_the_time);
    g_test_add_func("/rtc/set", test_setting_the_clock);
    g_test_add_func("/rtc/divider", test_divider_reset_starts_half_a_second_early);
    g_test_add_func("/rtc/alarm", test_alarm_and_update);
    g_test_add_func("/rtc/periodic", test_periodic);
    g_test_add_func("/rtc/slew", test_lost_ticks_are_made_up_for);
    g_test_add_func("/rtc/ram", test_ram);
    return g_test_run();
}
