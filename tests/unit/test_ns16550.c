/* The 16550: what guests' drivers and probes rely on. */
#include "tests/unit/bench.h"

#include <glib.h>

extern const struct device_type ns16550_type;

enum { RBR, IER, FCR, LCR, MCR, LSR, MSR, SCR };

/* 8N1 is 0x03; bit 1 of FCR is "clear receiver".  A UART that mixes them up eats input. */
static void test_setting_8n1_keeps_input(void)
{
    struct bench *b = bench_new(&ns16550_type);
    bench_type(b, "x");
    bench_wr(b, LCR, 0x03);
    g_assert_cmpint(bench_rd(b, RBR), ==, 'x');
    bench_free(b);
}

static void test_probes_as_16550a(void)
{
    struct bench *b = bench_new(&ns16550_type);
    bench_wr(b, SCR, 0xa5);
    g_assert_cmphex(bench_rd(b, SCR), ==, 0xa5);
    g_assert_cmphex(bench_rd(b, FCR), ==, 0x01);
    bench_wr(b, FCR, 0x01);
    g_assert_cmphex(bench_rd(b, FCR), ==, 0xc1);
    g_assert_cmphex(bench_rd(b, LSR), ==, 0x60);
    bench_wr(b, IER, 0xff);
    g_assert_cmphex(bench_rd(b, IER), ==, 0x0f);
    bench_free(b);
}

static void test_divisor_latch_hides_data_and_ier(void)
{
    struct bench *b = bench_new(&ns16550_type);
    g_assert_cmphex(bench_rd(b, LCR), ==, 0x03);
    bench_wr(b, LCR, 0x83);
    g_assert_cmphex(bench_rd(b, RBR), ==, 12);
    bench_wr(b, RBR, 0x34);
    bench_wr(b, IER, 0x12);
    g_assert_cmphex(bench_rd(b, RBR), ==, 0x34);
    g_assert_cmphex(bench_rd(b, IER), ==, 0x12);
    bench_wr(b, LCR, 0x03);
    g_assert_cmphex(bench_rd(b, IER), ==, 0);
    bench_free(b);
}

static void test_transmitter_interrupt_is_cleared_by_iir(void)
{
    struct bench *b = bench_new(&ns16550_type);
    bench_wr(b, IER, 0x02);
    g_assert_true(b->irq);
    g_assert_cmphex(bench_rd(b, FCR), ==, 0x02);
    g_assert_false(b->irq);
    bench_wr(b, RBR, 'a');
    g_assert_true(b->irq);
    bench_free(b);
}

static void test_receive_interrupt_without_fifo(void)
{
    struct bench *b = bench_new(&ns16550_type);
    bench_wr(b, IER, 0x01);
    g_assert_cmpint(bench_type(b, "ab"), ==, 1);
    g_assert_true(b->irq);
    g_assert_cmphex(bench_rd(b, FCR), ==, 0x04);
    g_assert_cmphex(bench_rd(b, LSR), ==, 0x61);
    g_assert_cmpint(bench_rd(b, RBR), ==, 'a');
    g_assert_false(b->irq);
    bench_free(b);
}

static void test_trigger_level_holds_the_interrupt(void)
{
    struct bench *b = bench_new(&ns16550_type);
    bench_wr(b, FCR, 0x81); /* 8 bytes */
    bench_wr(b, IER, 0x01);
    bench_type(b, "1234567");
    g_assert_false(b->irq);
    bench_type(b, "8");
    g_assert_true(b->irq);
    g_assert_cmphex(bench_rd(b, FCR), ==, 0xc4);
    bench_free(b);
}

static void test_bytes_below_the_trigger_time_out(void)
{
    struct bench *b = bench_new(&ns16550_type);
    bench_wr(b, FCR, 0xc1); /* 14 bytes */
    bench_wr(b, IER, 0x01);
    bench_type(b, "ab");
    g_assert_false(b->irq);
    g_assert_true(bench_wait(bench_irq_is_high, b));
    g_assert_cmphex(bench_rd(b, FCR), ==, 0xcc);
    g_assert_cmpint(bench_rd(b, RBR), ==, 'a');
    g_assert_false(b->irq);
    g_assert_true(bench_wait(bench_irq_is_high, b));
    g_assert_cmpint(bench_rd(b, RBR), ==, 'b');
    g_assert_false(b->irq);
    bench_free(b);
}

static void test_fifo_takes_sixteen(void)
{
    struct bench *b = bench_new(&ns16550_type);
    bench_wr(b, FCR, 0x01);
    g_assert_cmpint(bench_type(b, "0123456789abcdefgh"), ==, 16);
    bench_wr(b, FCR, 0x03);
    g_assert_cmphex(bench_rd(b, LSR), ==, 0x60);
    bench_free(b);
}

static void test_loopback_data_and_overrun(void)
{
    struct bench *b = bench_new(&ns16550_type);
    bench_wr(b, MCR, 0x10);
    bench_wr(b, RBR, 'x');
    g_assert_cmphex(bench_rd(b, LSR), ==, 0x61);
    bench_wr(b, RBR, 'y'); /* no FIFO: lost */
    g_assert_cmphex(bench_rd(b, LSR), ==, 0x63);
    g_assert_cmphex(bench_rd(b, LSR), ==, 0x61);
    g_assert_cmpint(bench_rd(b, RBR), ==, 'x');
    g_assert_cmpint(bench_type(b, "z"), ==, 0);
    bench_free(b);
}

/* Linux's 8250 probe: outputs RTS, OUT2 come back as CTS, DCD. */
static void test_loopback_modem_lines(void)
{
    struct bench *b = bench_new(&ns16550_type);
    g_assert_cmphex(bench_rd(b, MSR), ==, 0xb0);
    bench_wr(b, MCR, 0x10 | 0x0a);
    g_assert_cmphex(bench_rd(b, MSR) & 0xf0, ==, 0x90);
    bench_wr(b, MCR, 0x00);
    g_assert_cmphex(bench_rd(b, MSR) & 0xf0, ==, 0xb0);
    bench_free(b);
}

static void test_modem_interrupt_on_delta(void)
{
    struct bench *b = bench_new(&ns16550_type);
    bench_wr(b, IER, 0x08);
    g_assert_false(b->irq);
    bench_wr(b, MCR, 0x10);
    g_assert_true(b->irq);
    g_assert_cmphex(bench_rd(b, FCR), ==, 0x00);
    g_assert_cmphex(bench_rd(b, MSR), ==, 0x0b);
    g_assert_false(b->irq);
    bench_free(b);
}

static void test_peek_leaves_no_trace(void)
{
    struct bench *b = bench_new(&ns16550_type);
    bench_type(b, "q");
    g_assert_cmpint(bench_peek(b, RBR, 1), ==, 'q');
    g_assert_cmpint(bench_rd(b, RBR), ==, 'q');
    bench_free(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ns16550/8n1", test_setting_8n1_keeps_input);
    g_test_add_func("/ns16550/probe", test_probes_as_16550a);
    g_test_add_func("/ns16550/divisor", test_divisor_latch_hides_data_and_ier);
    g_test_add_func("/ns16550/thre", test_transmitter_interrupt_is_cleared_by_iir);
    g_test_add_func("/ns16550/rx", test_receive_interrupt_without_fifo);
    g_test_add_func("/ns16550/trigger", test_trigger_level_holds_the_interrupt);
    g_test_add_func("/ns16550/timeout", test_bytes_below_the_trigger_time_out);
    g_test_add_func("/ns16550/fifo", test_fifo_takes_sixteen);
    g_test_add_func("/ns16550/loopback", test_loopback_data_and_overrun);
    g_test_add_func("/ns16550/loopback-modem", test_loopback_modem_lines);
    g_test_add_func("/ns16550/modem", test_modem_interrupt_on_delta);
    g_test_add_func("/ns16550/peek", test_peek_leaves_no_trace);
    return g_test_run();
}
