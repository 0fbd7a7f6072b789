/* The PL011 UART: FIFOs, triggers, timeout, errors, loop-back. */
#include "chardev/chardev.h"
#include "core/clock.h"
#include "tests/unit/bench.h"

#include <glib.h>

extern const struct device_type pl011_type;

enum { DR = 0, RSR = 4, FR = 0x18, IBRD = 0x24, LCR_H = 0x2c, CR = 0x30, IFLS = 0x34 };
enum { IMSC = 0x38, RIS = 0x3c, MIS = 0x40, ICR = 0x44, FEN = 0x10 };
enum { RX = 0x10, TX = 0x20, RT = 0x40, BE = 0x200, OE = 0x400, RXFE = 0x10, RXFF = 0x40 };

static struct bench *new_uart(void)
{
    struct bench *b = bench_new_raw(&pl011_type);
    static unsigned n;
    g_autofree char *id = g_strdup_printf("uart%u", n++);
    g_autofree char *text = g_strdup_printf("ringbuf,id=%s", id);
    g_assert_nonnull(chardev_new_opts(text, NULL));
    bench_set(b, "chardev", id);
    bench_realize(b);
    return b;
}

static void test_output_reaches_the_line(void)
{
    struct bench *b = new_uart();
    struct chardev *c = chardev_find("uart0");
    uint8_t buf[8];
    bench_write(b, IMSC, 4, TX);
    g_assert_false(b->irq); /* nothing has left the FIFO yet */
    bench_write(b, DR, 4, 'h');
    bench_write(b, DR, 4, 'i');
    g_assert_true(b->irq);
    bench_write(b, ICR, 4, TX);
    g_assert_false(b->irq);
    chardev_drain_now(c);
    g_assert_cmpuint(chardev_ringbuf_read(c, buf, sizeof(buf)), ==, 2);
    g_assert_cmpint(buf[1], ==, 'i');
    bench_free(b);
}

static void test_without_fifo_one_character_fits(void)
{
    struct bench *b = new_uart();
    bench_write(b, IMSC, 4, RX);
    g_assert_cmpuint(bench_type(b, "ab"), ==, 1);
    g_assert_true(b->irq);
    g_assert_cmphex(bench_read(b, FR, 4) & (RXFE | RXFF), ==, RXFF);
    g_assert_cmpint(bench_peek(b, DR, 4), ==, 'a');
    g_assert_cmpint(bench_read(b, DR, 4), ==, 'a');
    g_assert_false(b->irq);
    g_assert_cmphex(bench_read(b, FR, 4) & (RXFE | RXFF), ==, RXFE);
    bench_free(b);
}

static void test_fifo_trigger_and_timeout(void)
{
    struct bench *b = new_uart();
    bench_write(b, LCR_H, 4, 0x60 | FEN);
    bench_write(b, IFLS, 4, 1 << 3); /* a quarter: four */
    bench_write(b, IMSC, 4, RX);
    g_assert_cmpuint(bench_type(b, "abc"), ==, 3);
    g_assert_false(b->irq);
    bench_write(b, IMSC, 4, RX | RT);
    g_assert_true(bench_wait(bench_irq_is_high, b)); /* nothing follows: timeout */
    g_assert_cmphex(bench_read(b, MIS, 4), ==, RT);
    g_assert_cmpuint(bench_type(b, "d"), ==, 1);
    g_assert_cmphex(bench_read(b, MIS, 4), ==, RT | RX);
    for (unsigned i = 0; i < 4; i++)
        g_assert_cmpint(bench_read(b, DR, 4), ==, "abcd"[i]);
    g_assert_cmphex(bench_read(b, RIS, 4) & (RX | RT), ==, 0);
    g_assert_cmpuint(bench_type(b, "0123456789abcdefg"), ==, 16);
    bench_free(b);
}

static void test_loop_back_overruns_and_breaks(void)
{
    struct bench *b = new_uart();
    bench_write(b, CR, 4, 0x380);
    g_assert_cmpuint(bench_type(b, "x"), ==, 0);
    bench_write(b, DR, 4, 'q');
    bench_write(b, DR, 4, 'r'); /* no room */
    g_assert_cmphex(bench_read(b, RIS, 4) & OE, ==, OE);
    g_assert_cmphex(bench_read(b, RSR, 4), ==, 8);
    g_assert_cmpint(bench_read(b, DR, 4) & 0xff, ==, 'q');
    bench_write(b, RSR, 4, 0);
    bench_write(b, DR, 4, 's');
    g_assert_cmphex(bench_read(b, DR, 4), ==, 0x800 | 's'); /* something was lost before it */
    bench_write(b, LCR_H, 4, 1);
    g_assert_cmphex(bench_read(b, RIS, 4) & BE, ==, BE);
    g_assert_cmphex(bench_read(b, DR, 4), ==, 0x500);
    bench_write(b, CR, 4, 0xb80); /* RTS comes back as CTS */
    g_assert_cmphex(bench_read(b, FR, 4) & 7, ==, 1);
    bench_free(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    clock_init();
    g_test_add_func("/pl011/output", test_output_reaches_the_line);
    g_test_add_func("/pl011/one", test_without_fifo_one_character_fits);
    g_test_add_func("/pl011/fifo", test_fifo_trigger_and_timeout);
    g_test_add_func("/pl011/loop", test_loop_back_overruns_and_breaks);
    return g_test_run();
}
