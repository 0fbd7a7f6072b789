/* Goldfish RTC: wall-clock time, setting it, the alarm. */
#include "core/clock.h"
#include "tests/unit/bench.h"

#include <glib.h>

extern const struct device_type goldfish_rtc_type;

enum {
    LOW = 0,
    HIGH = 4,
    ALARM_LOW = 8,
    ALARM_HIGH = 12,
    IRQ_ENABLED = 16,
    CLEAR_ALARM = 20,
    STATUS = 24,
    CLEAR = 28
};

static uint64_t read_time(struct bench *b)
{
    uint64_t low = bench_read(b, LOW, 4);
    return bench_read(b, HIGH, 4) << 32 | low;
}

static void set_alarm(struct bench *b, uint64_t when)
{
    bench_write(b, ALARM_HIGH, 4, when >> 32);
    bench_write(b, ALARM_LOW, 4, (uint32_t)when);
}

static void test_reads_wall_clock(void)
{
    struct bench *b = bench_new(&goldfish_rtc_type);
    uint64_t before = clock_wall(), t = read_time(b);
    g_assert_cmpuint(t, >=, before);
    g_assert_cmpuint(t, <=, (uint64_t)clock_wall());
    bench_free(b);
}

static void test_set_time_survives_reset(void)
{
    struct bench *b = bench_new(&goldfish_rtc_type);
    const uint64_t when = UINT64_C(1000000000000000000);
    bench_write(b, HIGH, 4, when >> 32);
    bench_write(b, LOW, 4, (uint32_t)when);
    device_reset(b->dev);
    uint64_t t = read_time(b);
    g_assert_cmpuint(t, >=, when);
    g_assert_cmpuint(t, <, when + UINT64_C(10000000000));
    bench_free(b);
}

static void test_alarm_fires_and_clears(void)
{
    struct bench *b = bench_new(&goldfish_rtc_type);
    bench_write(b, IRQ_ENABLED, 4, 1);
    set_alarm(b, read_time(b) + 5000000);
    g_assert_cmpint(bench_read(b, STATUS, 4), ==, 1);
    g_assert_false(b->irq);
    g_assert_true(bench_wait(bench_irq_is_high, b));
    g_assert_cmpint(bench_read(b, STATUS, 4), ==, 0);
    bench_write(b, CLEAR, 4, 1);
    g_assert_false(b->irq);
    bench_free(b);
}

static void test_masked_and_cancelled_alarms(void)
{
    struct bench *b = bench_new(&goldfish_rtc_type);
    set_alarm(b, 1); /* long past: pending at once, masked */
    g_assert_false(b->irq);
    bench_write(b, IRQ_ENABLED, 4, 1);
    g_assert_true(b->irq);
    bench_write(b, CLEAR, 4, 1);
    set_alarm(b, UINT64_MAX);
    bench_write(b, CLEAR_ALARM, 4, 1);
    g_assert_cmpint(bench_read(b, STATUS, 4), ==, 0);
    bench_free(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/goldfish/time", test_reads_wall_clock);
    g_test_add_func("/goldfish/set", test_set_time_survives_reset);
    g_test_add_func("/goldfish/alarm", test_alarm_fires_and_clears);
    g_test_add_func("/goldfish/masked", test_masked_and_cancelled_alarms);
    return g_test_run();
}
