/* Peripherals of the MPS2 boards: timers, watchdogs, UART, board registers. */
#include "chardev/chardev.h"
#include "hw/char/cmsdk_uart.h"
#include "hw/gpio/cmsdk_gpio.h"
#include "hw/timer/cmsdk_dualtimer.h"
#include "tests/unit/bench.h"

#include <glib.h>

extern const struct device_type cmsdk_timer_type, cmsdk_dualtimer_type, sp805_type, cmsdk_uart_type,
    mps2_scc_type, mps2_fpgaio_type, cmsdk_gpio_type;

static uint32_t rd(struct bench *b, uint64_t off)
{
    return (uint32_t)bench_read(b, off, 4);
}

static void wr(struct bench *b, uint64_t off, uint32_t val)
{
    bench_write(b, off, 4, val);
}

static void expect_id(struct bench *b, unsigned part)
{
    static const uint8_t ids[] = {0, 0xb8, 0x1b, 0, 0x0d, 0xf0, 0x05, 0xb1};
    g_assert_cmphex(rd(b, 0xfd0), ==, 4);
    g_assert_cmphex(rd(b, 0xfe0), ==, part);
    for (unsigned i = 1; i < 8; i++)
        g_assert_cmphex(rd(b, 0xfe0 + i * 4), ==, ids[i]);
}

static void test_timer(void)
{
    struct bench *b = bench_new_raw(&cmsdk_timer_type);
    bench_set(b, "clock-frequency", "1000000");
    bench_realize(b);
    expect_id(b, 0x22);
    wr(b, 8, 2000); /* the reload value is the current one, too */
    g_assert_cmpuint(rd(b, 4), ==, 2000);
    wr(b, 4, 1000);
    g_assert_cmpuint(rd(b, 8), ==, 2000);
    wr(b, 0, 9);
    g_assert_true(bench_wait(bench_irq_is_high, b));
    g_assert_cmphex(rd(b, 0xc), ==, 1);
    wr(b, 0, 8); /* stop */
    wr(b, 0xc, 1);
    g_assert_false(b->irq);
    uint32_t value = rd(b, 4);
    g_assert_cmpuint(value, <=, 2000);
    g_usleep(100);
    g_assert_cmpuint(rd(b, 4), ==, value);
    wr(b, 4, 5);
    wr(b, 0, 1); /* without its interrupt */
    g_usleep(100);
    g_assert_cmphex(rd(b, 0xc), ==, 0);
    bench_free(b);
}

static void test_timer_counts_with_the_clock(void)
{
    struct bench *b = bench_new_raw(&cmsdk_timer_type);
    bench_set(b, "clock-frequency", "1000000000");
    bench_realize(b);
    wr(b, 8, UINT32_MAX);
    wr(b, 0, 1);
    uint32_t first = rd(b, 4);
    g_usleep(1000);
    g_assert_cmpuint(first - rd(b, 4), >=, 1000000);
    wr(b, 0, 0);
    bench_free(b);
}

static void test_dual_timer_modes(void)
{
    struct bench *b = bench_new_raw(&cmsdk_dualtimer_type);
    bench_set(b, "clock-frequency", "1000000");
    bench_realize(b);
    struct irq *first = cmsdk_dualtimer_irq(b->dev, 0), *second = cmsdk_dualtimer_irq(b->dev, 1);
    expect_id(b, 0x23);
    g_assert_cmphex(rd(b, 8), ==, 0x20);
    wr(b, 0, 500);
    g_assert_cmpuint(rd(b, 4), ==, 500);
    wr(b, 8, 0x80 | 0x20 | 0x02 | 0x01); /* once */
    g_assert_true(bench_wait(bench_irq_is_high, b));
    g_assert_true(irq_level(first) && !irq_level(second));
    g_assert_cmpuint(rd(b, 4), ==, 0);
    g_assert_cmphex(rd(b, 0x10) | rd(b, 0x14) << 4, ==, 0x11);
    wr(b, 0xc, 0);
    g_assert_false(b->irq);
    wr(b, 0x20, 0x12345); /* 16 bits */
    g_assert_cmphex(rd(b, 0x24), ==, 0x2345);
    wr(b, 0x20, 300);
    wr(b, 0x38, 400); /* BGLOAD leaves the value alone */
    g_assert_cmpuint(rd(b, 0x24), ==, 300);
    g_assert_cmpuint(rd(b, 0x20), ==, 400);
    wr(b, 0x28, 0x80 | 0x40 | 0x20);
    g_assert_true(bench_wait(bench_irq_is_high, b));
    g_assert_true(irq_level(second));
    wr(b, 0x2c, 0);
    g_assert_true(bench_wait(bench_irq_is_high, b)); /* again */
    g_assert_cmpuint(rd(b, 0x24), <=, 400);
    wr(b, 0x28, 0);
    g_assert_false(b->irq); /* its interrupt is masked */
    g_assert_cmphex(rd(b, 0x30), ==, 1);
    wr(b, 0xf00, 1); /* test mode */
    wr(b, 0xf04, 1);
    g_assert_true(irq_level(first));
    bench_free(b);
}

static bool wants_reset(void *bench)
{
    return ((struct bench *)bench)->m->pending != 0;
}

static void test_watchdog(void)
{
    struct bench *b = bench_new_raw(&sp805_type);
    bench_set(b, "clock-frequency", "1000000");
    bench_realize(b);
    expect_id(b, 0x24);
    g_assert_cmphex(rd(b, 0), ==, UINT32_MAX);
    wr(b, 0xc00, 1);
    wr(b, 0, 1000);
    g_assert_cmphex(rd(b, 0), ==, UINT32_MAX); /* locked */
    g_assert_cmphex(rd(b, 0xc00), ==, 1);
    wr(b, 0xc00, 0x1acce551);
    g_assert_cmphex(rd(b, 0xc00), ==, 0);
    wr(b, 0, 1000);
    wr(b, 8, 1); /* interrupt, but no reset */
    g_assert_true(bench_wait(bench_irq_is_high, b));
    g_assert_cmphex(rd(b, 0x10) | rd(b, 0x14) << 4, ==, 0x11);
    wr(b, 0xc, 1);
    g_assert_false(b->irq);
    g_assert_false(wants_reset(b));
    wr(b, 8, 3);
    g_assert_true(bench_wait(wants_reset, b));
    bench_free(b);
}

static void test_luminary_watchdog(void)
{
    struct bench *b = bench_new_raw(&sp805_type);
    bench_set(b, "luminary", "on");
    bench_realize(b);
    g_assert_cmphex(rd(b, 0xfe0), ==, 5);
    wr(b, 0x418, UINT32_MAX);
    g_assert_cmphex(rd(b, 0x418), ==, 0x100);
    wr(b, 8, 1);
    wr(b, 8, 0); /* cannot be disabled again */
    g_assert_cmphex(rd(b, 8), ==, 1);
    bench_free(b);
}

static struct chardev *uart_line;

static struct bench *new_uart(void)
{
    struct error *err = NULL;
    uart_line = chardev_new_opts("ringbuf,id=line", &err);
    g_assert_nonnull(uart_line);
    struct bench *b = bench_new_raw(&cmsdk_uart_type);
    bench_set(b, "chardev", "line");
    bench_realize(b);
    return b;
}

static void test_uart(void)
{
    struct bench *b = new_uart();
    uint8_t out[4];
    expect_id(b, 0x21);
    wr(b, 0, 'x'); /* not enabled */
    g_assert_cmpuint(bench_type(b, "a"), ==, 0);
    wr(b, 8, 0xf); /* both directions, both interrupts */
    wr(b, 0, 'H');
    wr(b, 0, 'i');
    chardev_drain_now(uart_line);
    g_assert_cmpuint(chardev_ringbuf_read(uart_line, out, 4), ==, 2);
    g_assert_true(out[0] == 'H' && out[1] == 'i');
    g_assert_true(irq_level(cmsdk_uart_irq(b->dev, CMSDK_UART_TX)) && b->irq);
    wr(b, 0xc, 1);
    g_assert_false(b->irq);
    g_assert_cmpuint(bench_type(b, "qr"), ==, 1);
    g_assert_true(irq_level(cmsdk_uart_irq(b->dev, CMSDK_UART_RX)));
    g_assert_cmphex(rd(b, 4), ==, 2);
    g_assert_cmpuint(bench_peek(b, 0, 4), ==, 'q');
    g_assert_cmpuint(rd(b, 0), ==, 'q');
    g_assert_cmphex(rd(b, 4), ==, 0);
    g_assert_true(b->irq); /* until it is cleared */
    wr(b, 0xc, 2);
    g_assert_false(b->irq);
    wr(b, 0x10, UINT32_MAX);
    g_assert_cmphex(rd(b, 0x10), ==, 0xfffff);
    bench_free(b);
    chardev_free_all();
}

static void test_board_registers(void)
{
    struct bench *b = bench_new_raw(&mps2_scc_type);
    bench_set(b, "scc-id", "0x41045050");
    bench_realize(b);
    g_assert_cmphex(rd(b, 0xffc), ==, 0x41045050);
    g_assert_cmphex(rd(b, 0xff8), ==, 0x00200008);
    g_assert_cmphex(rd(b, 0x10), ==, 2);
    wr(b, 4, 0xaa);
    g_assert_cmphex(rd(b, 4), ==, 0xaa);
    wr(b, 0xa8, 0x80100000); /* read oscillator 0 */
    g_assert_cmphex(rd(b, 0xac), ==, 1);
    g_assert_cmpuint(rd(b, 0xa0), ==, 50000000);
    wr(b, 0xa4, 40000000);
    wr(b, 0xa8, 0xc0100001);
    wr(b, 0xa8, 0x80100001);
    g_assert_cmpuint(rd(b, 0xa0), ==, 40000000);
    wr(b, 0xa8, 0x80200001); /* unknown */
    g_assert_cmphex(rd(b, 0xac), ==, 2);
    bench_free(b);
}

static void test_board_counters(void)
{
    struct bench *b = bench_new(&mps2_fpgaio_type);
    wr(b, 0, 0xff);
    g_assert_cmphex(rd(b, 0), ==, 3);
    wr(b, 4, 1);
    g_assert_cmphex(rd(b, 4), ==, 0);
    wr(b, 0x10, 1000);
    g_assert_cmpuint(rd(b, 0x10) - 1000, <=, 1);
    wr(b, 0x18, 0);
    g_usleep(1000);
    g_assert_cmpuint(rd(b, 0x18), >=, 20000); /* at 20 MHz */
    wr(b, 0x1c, 19999);
    uint32_t before = rd(b, 0x18);
    g_usleep(2000);
    g_assert_cmpuint(rd(b, 0x18) - before, >=, 1);
    g_assert_cmpuint(rd(b, 0x20), <=, 19999);
    bench_free(b);
}

static void test_gpio(void)
{
    struct bench *b = bench_new(&cmsdk_gpio_type);
    g_assert_cmphex(rd(b, 0xfe0), ==, 0x20);
    wr(b, 0x10, 0xff);
    wr(b, 0x04, 0x5555);
    g_assert_cmphex(rd(b, 0x00), ==, 0x55);
    g_assert_true(irq_level(cmsdk_gpio_output(b->dev, 0)));
    g_assert_false(irq_level(cmsdk_gpio_output(b->dev, 8))); /* no output */
    wr(b, 0x400 + 0x0f * 4, 0xaa);
    g_assert_cmphex(rd(b, 0x00), ==, 0x5a);
    wr(b, 0x14, 0xf0);
    g_assert_cmphex(rd(b, 0x10), ==, 0x0f);
    wr(b, 0x28, 0x100); /* pin 8: by edge, rising */
    wr(b, 0x30, 0x100);
    wr(b, 0x20, 0x300); /* pin 9: by level, low */
    g_assert_true(b->irq);
    g_assert_cmphex(rd(b, 0x38), ==, 0x200);
    wr(b, 0x38, 0x200);
    g_assert_true(b->irq); /* still low */
    cmsdk_gpio_set_input(b->dev, 9, true);
    wr(b, 0x38, 0x200);
    g_assert_false(b->irq);
    cmsdk_gpio_set_input(b->dev, 8, true);
    g_assert_true(irq_level(cmsdk_gpio_irq(b->dev, 8)));
    cmsdk_gpio_set_input(b->dev, 8, false);
    g_assert_cmphex(rd(b, 0x38), ==, 0x100); /* kept */
    g_assert_cmphex(rd(b, 0x800 + 0x02 * 4), ==, 0x200);
    bench_free(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cmsdk/timer", test_timer);
    g_test_add_func("/cmsdk/timer-clock", test_timer_counts_with_the_clock);
    g_test_add_func("/cmsdk/dual-timer", test_dual_timer_modes);
    g_test_add_func("/cmsdk/watchdog", test_watchdog);
    g_test_add_func("/cmsdk/watchdog-luminary", test_luminary_watchdog);
    g_test_add_func("/cmsdk/uart", test_uart);
    g_test_add_func("/cmsdk/gpio", test_gpio);
    g_test_add_func("/mps2/scc", test_board_registers);
    g_test_add_func("/mps2/fpgaio", test_board_counters);
    return g_test_run();
}
