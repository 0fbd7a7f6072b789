/* Peripherals of the LM3S6965: system control, flash, timers, converter, serial buses, display. */
#include "hw/display/ssd0323.h"
#include "hw/misc/stellaris_flash.h"
#include "hw/ssi/pl022.h"
#include "hw/stellaris.h"
#include "tests/unit/bench.h"

#include <glib.h>
#include <string.h>

extern const struct device_type stellaris_sysctl_type, stellaris_flash_type, stellaris_gptm_type,
    stellaris_adc_type, stellaris_i2c_type, sbcon_type, pl022_type, ssd0323_type, pl061_type,
    pl011_type;

static uint32_t rd(struct bench *b, uint64_t off)
{
    return (uint32_t)bench_read(b, off, 4);
}

static void wr(struct bench *b, uint64_t off, uint32_t val)
{
    bench_write(b, off, 4, val);
}

static uint64_t told_now, told_later;

static void tell_now(void *opaque G_GNUC_UNUSED, uint64_t hz)
{
    told_now = hz;
}

static void tell_later(void *opaque G_GNUC_UNUSED, uint64_t hz)
{
    told_later = hz;
}

static bool is_told(void *hz)
{
    return told_later == *(uint64_t *)hz;
}

static void test_clock_tree(void)
{
    static const struct stellaris_clock_ops ops = {tell_now, tell_later};
    struct bench *b = bench_new_raw(&stellaris_sysctl_type);
    stellaris_sysctl_set_clock_ops(b->dev, &ops, NULL);
    bench_realize(b);
    g_assert_cmpuint(told_now, ==, 12000000); /* the internal oscillator */
    g_assert_cmphex(rd(b, 0x60), ==, 0x078e3ad1);
    g_assert_cmphex(rd(b, 0x64), ==, 0x1902);
    wr(b, 0x54, 0x40);
    wr(b, 0x60, 0x07c01380); /* 8 MHz crystal, PLL, divided by 16 */
    g_assert_cmphex(rd(b, 0x50), ==, 0x40);
    g_assert_cmphex(rd(b, 0x58), ==, 0x40);
    g_assert_true(b->irq);
    wr(b, 0x58, 0x40);
    g_assert_false(b->irq);
    wr(b, 0x60, 0x01c00380); /* no bypass, divided by 4 */
    g_assert_cmpuint(told_now, ==, 50000000);
    uint64_t want = 50000000;
    g_assert_true(bench_wait(is_told, &want));
    wr(b, 0x70, 0x80000800 | 0x10 | 11U << 23); /* RCC2: internal, bypassed, divided by 12 */
    g_assert_cmpuint(told_now, ==, 1000000);
    bench_free(b);
}

static void test_identity_and_resets(void)
{
    struct bench *b = bench_new(&stellaris_sysctl_type);
    device_reset(b->dev); /* as the machine does once more */
    g_assert_cmphex(rd(b, 0x04), ==, 0x1073402e);
    g_assert_cmphex(rd(b, 0x08), ==, 0x00ff007f);
    g_assert_cmphex(rd(b, 0x100), ==, 0x40);
    wr(b, 0x108, 0x7f);
    g_assert_cmphex(rd(b, 0x108), ==, 0x7f);
    g_assert_cmphex(rd(b, 0x5c), ==, 2); /* power-on */
    wr(b, 0x5c, 0);
    stellaris_sysctl_watchdog(b->dev, 0, true);
    device_reset(b->dev);
    g_assert_cmphex(rd(b, 0x5c), ==, 8);
    device_reset(b->dev);
    g_assert_cmphex(rd(b, 0x5c), ==, 0x18);
    g_assert_cmphex(rd(b, 0x108), ==, 0);
    wr(b, 0x134, 0xfffffffe);
    wr(b, 0x400, UINT32_MAX); /* protection stays */
    g_assert_cmphex(rd(b, 0x134), ==, 0xfffffffe);
    g_assert_cmphex(stellaris_sysctl_flash_programmable(b->dev, 0), ==, 0xfffffffe);
    bench_free(b);
}

static void test_flash(void)
{
    struct bench *b = bench_new_raw(&stellaris_flash_type);
    stellaris_flash_connect(b->dev, NULL, BENCH_RAM, 8192);
    bench_realize(b);
    uint8_t *mem = b->ram->host;
    mem[1024] = mem[2047] = 0;
    mem[1023] = mem[2048] = 0x77;
    wr(b, 0x10, 3);
    wr(b, 0x00, 1500);
    wr(b, 0x08, 2); /* no key */
    g_assert_cmphex(mem[1024], ==, 0);
    wr(b, 0x08, 0xa4420002);
    g_assert_cmphex(mem[1024] & mem[2047], ==, 0xff);
    g_assert_cmphex(mem[1023] & mem[2048], ==, 0x77);
    g_assert_cmphex(rd(b, 0x14), ==, 2);
    g_assert_true(b->irq);
    wr(b, 0x14, 2);
    g_assert_false(b->irq);
    wr(b, 0x00, 1024);
    wr(b, 0x04, 0x12345678);
    wr(b, 0x08, 0xa4420001);
    wr(b, 0x04, 0xffff0000);
    wr(b, 0x08, 0xa4420001); /* bits only fall */
    g_assert_cmphex(mem[1027], ==, 0x12);
    g_assert_cmphex(mem[1024], ==, 0);
    wr(b, 0x14, 2);
    wr(b, 0x00, 8192); /* not there */
    wr(b, 0x08, 0xa4420001);
    g_assert_cmphex(rd(b, 0x0c), ==, 1);
    wr(b, 0x08, 0xa4420004);
    g_assert_cmphex(mem[1023] & mem[2048] & mem[8191], ==, 0xff);
    g_assert_cmphex(mem[8192], ==, 0);
    bench_free(b);
}

static void test_timer_32_bits(void)
{
    struct bench *b = bench_new(&stellaris_gptm_type);
    wr(b, 0x28, 0x12345678);
    g_assert_cmphex(rd(b, 0x28), ==, 0x12345678);
    g_assert_cmphex(rd(b, 0x2c), ==, 0x1234);
    wr(b, 0x28, 12000); /* a millisecond */
    wr(b, 0x04, 2);
    wr(b, 0x18, 1);
    wr(b, 0x0c, 1);
    g_assert_true(bench_wait(bench_irq_is_high, b));
    g_assert_cmphex(rd(b, 0x1c), ==, 1);
    g_assert_cmpuint(rd(b, 0x48), <=, 12000);
    wr(b, 0x24, 1);
    g_assert_false(b->irq);
    g_assert_true(bench_wait(bench_irq_is_high, b)); /* again and again */
    wr(b, 0x0c, 0);
    wr(b, 0x24, 1);
    wr(b, 0x04, 1); /* once */
    wr(b, 0x0c, 1);
    g_assert_true(bench_wait(bench_irq_is_high, b));
    g_assert_cmphex(rd(b, 0x0c), ==, 0);
    g_assert_cmphex(rd(b, 0x48), ==, 0);
    bench_free(b);
}

static bool b_is_high(void *irq)
{
    return irq_level(irq);
}

static unsigned triggers;

static void count_trigger(void *opaque G_GNUC_UNUSED, unsigned n G_GNUC_UNUSED, bool level)
{
    triggers += level;
}

static void test_timers_of_16_bits(void)
{
    struct bench *b = bench_new(&stellaris_gptm_type);
    irq_connect(stellaris_gptm_adc_trigger(b->dev), count_trigger, NULL, 0);
    wr(b, 0x00, 4);
    wr(b, 0x28, 0x12345678);
    g_assert_cmphex(rd(b, 0x28), ==, 0x5678);
    wr(b, 0x2c, 10);
    wr(b, 0x3c, 119); /* 100 kHz */
    wr(b, 0x08, 2);
    wr(b, 0x18, 0x100);
    wr(b, 0x0c, 0x2100); /* enabled, starts conversions */
    g_assert_true(bench_wait(b_is_high, stellaris_gptm_irq_b(b->dev)));
    g_assert_false(b->irq);
    g_assert_cmphex(rd(b, 0x20), ==, 0x100);
    g_assert_cmpuint(triggers, >=, 1);
    g_assert_cmpuint(rd(b, 0x4c), <=, 10);
    bench_free(b);
}

static void test_real_time_clock(void)
{
    struct bench *b = bench_new(&stellaris_gptm_type);
    wr(b, 0x00, 1);
    wr(b, 0x0c, 1);
    g_assert_cmpuint(rd(b, 0x48), ==, 1);
    wr(b, 0x28, 1000);
    g_assert_cmpuint(rd(b, 0x48), ==, 1000);
    wr(b, 0x0c, 0);
    g_assert_cmpuint(rd(b, 0x48), ==, 1000);
    bench_free(b);
}

static void test_converter(void)
{
    struct bench *b = bench_new(&stellaris_adc_type);
    g_assert_cmphex(rd(b, 0x20), ==, 0x3210);
    g_assert_cmphex(rd(b, 0x4c), ==, 0x100);
    wr(b, 0x28, 1); /* not enabled */
    g_assert_cmphex(rd(b, 0x4c), ==, 0x100);
    wr(b, 0x44, 0x00000e08); /* temperature; an input; temperature, interrupt, end */
    wr(b, 0x08, 1);
    wr(b, 0x00, 1);
    wr(b, 0x28, 1);
    g_assert_true(irq_level(stellaris_adc_irq(b->dev, 0)));
    g_assert_cmphex(rd(b, 0x4c), ==, 0x30);
    g_assert_cmpuint(bench_peek(b, 0x48, 4), ==, rd(b, 0x48));
    g_assert_cmpuint(rd(b, 0x48), ==, 0);
    g_assert_cmpuint(rd(b, 0x48), >, 400);
    rd(b, 0x48);
    g_assert_cmphex(rd(b, 0x18), ==, 1); /* underflow */
    wr(b, 0x0c, 1);
    g_assert_false(irq_level(stellaris_adc_irq(b->dev, 0)));
    wr(b, 0x14, 5); /* by a timer */
    stellaris_adc_trigger(b->dev, 0, true);
    g_assert_true(irq_level(stellaris_adc_irq(b->dev, 0)));
    for (unsigned i = 0; i < 3; i++)
        stellaris_adc_trigger(b->dev, 0, true);
    g_assert_cmphex(rd(b, 0x10), ==, 1); /* overflow */
    g_assert_cmphex(rd(b, 0x4c) & 0x1100, ==, 0x1000);
    bench_free(b);
}

static void test_i2c_without_slaves(void)
{
    struct bench *b = bench_new(&stellaris_i2c_type);
    g_assert_cmphex(rd(b, 0x04), ==, 0x20);
    wr(b, 0x00, 0x76);
    wr(b, 0x04, 7);
    g_assert_cmphex(rd(b, 0x04), ==, 0x20); /* the master is off */
    wr(b, 0x20, 0x10);
    wr(b, 0x10, 1);
    wr(b, 0x04, 3); /* start, and leave the bus taken */
    g_assert_cmphex(rd(b, 0x04), ==, 0x6e);
    g_assert_true(b->irq);
    wr(b, 0x1c, 1);
    g_assert_false(b->irq);
    wr(b, 0x04, 4); /* stop */
    g_assert_cmphex(rd(b, 0x04) & 0x40, ==, 0);
    bench_free(b);
    b = bench_new(&sbcon_type);
    g_assert_cmphex(rd(b, 0), ==, 3);
    wr(b, 4, 2);
    g_assert_cmphex(rd(b, 0), ==, 1);
    wr(b, 0, 2);
    g_assert_cmphex(rd(b, 0), ==, 3);
    bench_free(b);
}

static void test_serial_port_loops_back(void)
{
    struct bench *b = bench_new(&pl022_type);
    g_assert_cmphex(rd(b, 0x0c), ==, 3);
    g_assert_cmphex(rd(b, 0x18), ==, 8);
    wr(b, 0x00, 0x0b); /* 12 bits */
    wr(b, 0x08, 0xabcd);
    g_assert_cmphex(rd(b, 0x0c), ==, 0x12); /* waits, busy */
    wr(b, 0x14, 4);
    wr(b, 0x04, 3);
    g_assert_cmphex(rd(b, 0x0c), ==, 7);
    for (unsigned i = 1; i < 4; i++)
        wr(b, 0x08, i);
    g_assert_true(b->irq); /* half full */
    g_assert_cmphex(rd(b, 0x08), ==, 0xbcd);
    g_assert_false(b->irq);
    for (unsigned i = 4; i < 10; i++)
        wr(b, 0x08, i);
    g_assert_cmphex(rd(b, 0x18) & 3, ==, 3); /* overrun, and something waits */
    wr(b, 0x20, 3);
    for (unsigned i = 1; i < 9; i++)
        g_assert_cmphex(rd(b, 0x08), ==, i);
    g_assert_cmphex(rd(b, 0x0c), ==, 3);
    bench_free(b);
}

static void send(struct device *oled, bool data, const uint8_t *bytes, size_t n)
{
    ssd0323_set_data(oled, 0, data);
    for (size_t i = 0; i < n; i++)
        ssd0323_transfer(oled, bytes[i], 8);
}

static void test_display(void)
{
    static uint8_t pixels[SSD0323_ROWS][SSD0323_COLUMNS];
    static const uint8_t window[] = {0x15, 2, 3, 0x75, 10, 11, 0xaf};
    static const uint8_t bytes[] = {1, 2, 3, 4, 5};
    struct bench *b = bench_new(&ssd0323_type);
    g_assert_false(ssd0323_copy(b->dev, pixels));
    send(b->dev, false, window, sizeof(window));
    send(b->dev, true, bytes, sizeof(bytes));
    g_assert_true(ssd0323_copy(b->dev, pixels));
    g_assert_cmpuint(pixels[10][2], ==, 5); /* came round */
    g_assert_cmpuint(pixels[10][3], ==, 2);
    g_assert_cmpuint(pixels[11][2], ==, 3);
    g_assert_cmpuint(pixels[11][3], ==, 4);
    ssd0323_set_select(b->dev, 0, true);
    send(b->dev, true, bytes, 1);
    ssd0323_copy(b->dev, pixels);
    g_assert_cmpuint(pixels[10][3], ==, 2);
    bench_free(b);
}

static void test_luminary_gpio(void)
{
    struct bench *b = bench_new_raw(&pl061_type);
    bench_set(b, "luminary", "on");
    bench_set(b, "jtag-pins", "0x80");
    bench_realize(b);
    g_assert_cmphex(rd(b, 0xfe4), ==, 0);
    g_assert_cmphex(rd(b, 0xfe8), ==, 0x18);
    g_assert_cmphex(rd(b, 0x420), ==, 0x80);
    g_assert_cmphex(rd(b, 0x524), ==, 0x7f);
    wr(b, 0x420, 0);
    g_assert_cmphex(rd(b, 0x420), ==, 0x80); /* protected */
    wr(b, 0x524, 0xff);
    g_assert_cmphex(rd(b, 0x524), ==, 0x7f); /* locked */
    wr(b, 0x520, 0x1acce551);
    g_assert_cmphex(rd(b, 0x520), ==, 0);
    wr(b, 0x524, 0xff);
    wr(b, 0x420, 0);
    g_assert_cmphex(rd(b, 0x420), ==, 0);
    wr(b, 0x510, 0x0f); /* pull-ups */
    g_assert_cmphex(rd(b, 0x3fc), ==, 0x0f);
    wr(b, 0x514, 0x03); /* down instead */
    g_assert_cmphex(rd(b, 0x3fc), ==, 0x0c);
    wr(b, 0x508, 0x01);
    g_assert_cmphex(rd(b, 0x500), ==, 0xfe);
    g_assert_cmphex(rd(b, 0x508), ==, 0x01);
    bench_free(b);
    b = bench_new_raw(&pl011_type);
    bench_set(b, "luminary", "on");
    bench_realize(b);
    g_assert_cmphex(rd(b, 0xfe8), ==, 0x18);
    bench_free(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/stellaris/clock", test_clock_tree);
    g_test_add_func("/stellaris/resets", test_identity_and_resets);
    g_test_add_func("/stellaris/flash", test_flash);
    g_test_add_func("/stellaris/timer-32", test_timer_32_bits);
    g_test_add_func("/stellaris/timer-16", test_timers_of_16_bits);
    g_test_add_func("/stellaris/timer-rtc", test_real_time_clock);
    g_test_add_func("/stellaris/adc", test_converter);
    g_test_add_func("/stellaris/i2c", test_i2c_without_slaves);
    g_test_add_func("/stellaris/ssi", test_serial_port_loops_back);
    g_test_add_func("/stellaris/oled", test_display);
    g_test_add_func("/stellaris/gpio", test_luminary_gpio);
    return g_test_run();
}
