/* The IoT Kit's registers, memory protection controllers, DMA controllers, and places without
 * anything. */
#include "hw/dma/pl080.h"
#include "tests/unit/bench.h"
#include "util/bits.h"

#include <glib.h>
#include <string.h>

extern const struct device_type iotkit_sysinfo_type, iotkit_sysctl_type, iotkit_secctl_type,
    tz_mpc_type, pl080_type, unimp_type;

static uint32_t rd(struct bench *b, uint64_t off)
{
    return (uint32_t)bench_read(b, off, 4);
}

static void wr(struct bench *b, uint64_t off, uint32_t val)
{
    bench_write(b, off, 4, val);
}

static void test_system_registers(void)
{
    struct bench *b = bench_new(&iotkit_sysinfo_type);
    g_assert_cmphex(rd(b, 0), ==, 0x41743);
    g_assert_cmphex(rd(b, 4), ==, 0x31);
    g_assert_cmphex(rd(b, 0xfe0), ==, 0x58);
    g_assert_cmphex(rd(b, 0xfe8), ==, 0x0b);
    bench_free(b);
    b = bench_new(&iotkit_sysctl_type);
    g_assert_cmphex(rd(b, 0x100), ==, 1);
    g_assert_cmphex(rd(b, 0x110), ==, 0x10000000);
    wr(b, 0x110, 0x101ff);
    g_assert_cmphex(rd(b, 0x110), ==, 0x10180);
    wr(b, 4, 0x1ff);
    wr(b, 8, 0x0f);
    g_assert_cmphex(rd(b, 0), ==, 0xf0);
    g_assert_cmpuint(b->m->pending, ==, 0);
    wr(b, 0x108, 1 << 9);
    g_assert_cmpuint(b->m->pending, !=, 0);
    device_reset(b->dev);
    g_assert_cmphex(rd(b, 0x100), ==, 0x201); /* why it was reset */
    g_assert_cmphex(rd(b, 0), ==, 0);
    wr(b, 0x100, 0);
    g_assert_cmphex(rd(b, 0x100), ==, 0);
    bench_free(b);
}

static void test_security_control(void)
{
    struct bench *b = bench_new(&iotkit_secctl_type);
    g_assert_cmphex(rd(b, 0xfe0), ==, 0x52);
    wr(b, 0x10, 1);
    wr(b, 0x70, 7);
    wr(b, 0xcc, 3);
    g_assert_cmphex(rd(b, 0x10) | rd(b, 0x70) << 4 | rd(b, 0xcc) << 8, ==, 0x371);
    wr(b, 0x20, 1); /* a status */
    g_assert_cmphex(rd(b, 0x20), ==, 0);
    bench_free(b);
    b = bench_new_raw(&iotkit_secctl_type);
    bench_set(b, "nonsecure", "on");
    bench_realize(b);
    g_assert_cmphex(rd(b, 0xfe0), ==, 0x53);
    wr(b, 0x70, 7);
    wr(b, 0xb0, 7);
    g_assert_cmphex(rd(b, 0x70) << 4 | rd(b, 0xb0), ==, 7);
    bench_free(b);
}

static void test_memory_protection(void)
{
    struct bench *b = bench_new_raw(&tz_mpc_type);
    bench_set(b, "size", "0x8000");
    bench_realize(b);
    g_assert_cmphex(rd(b, 0x14), ==, 3);  /* blocks of 256 bytes, */
    g_assert_cmpuint(rd(b, 0x10), ==, 3); /* 4 words of them */
    wr(b, 0x1c, 0x11);
    wr(b, 0x1c, 0x22); /* goes on by itself */
    g_assert_cmpuint(rd(b, 0x18), ==, 2);
    wr(b, 0x18, 4); /* and round */
    g_assert_cmphex(bench_peek(b, 0x1c, 4), ==, 0x11);
    g_assert_cmphex(rd(b, 0x1c), ==, 0x11);
    g_assert_cmphex(rd(b, 0x1c), ==, 0x22);
    wr(b, 0x28, 1);
    wr(b, 0x34, 1);
    g_assert_true(b->irq);
    wr(b, 0x24, 1);
    g_assert_false(b->irq);
    wr(b, 0x00, 0x80000000); /* locked down */
    wr(b, 0x18, 0);
    wr(b, 0x1c, 0x99);
    g_assert_cmphex(rd(b, 0x1c), ==, 0x11);
    wr(b, 0x00, 0);
    g_assert_cmphex(rd(b, 0x00) >> 31, ==, 1);
    bench_free(b);
}

static void test_dma_list(void)
{
    struct bench *b = bench_new(&pl080_type);
    uint8_t *mem = b->ram->host;
    uint32_t base = (uint32_t)BENCH_RAM;
    for (unsigned i = 0; i < 0x100; i++)
        mem[i] = (uint8_t)i;
    st_le32(mem + 0x1000, base + 0x40); /* second item: halfwords from one place to bytes */
    st_le32(mem + 0x1004, base + 0x800);
    st_le32(mem + 0x1008, 0);
    st_le32(mem + 0x100c, 0x88040000 | 4); /* to a stepping address, interrupt */
    wr(b, 0x30, 1);
    wr(b, 0x120, base);
    wr(b, 0x124, base + 0x400);
    wr(b, 0x128, base + 0x1000);
    wr(b, 0x12c, 0x0c480000 | 16); /* words */
    wr(b, 0x130, 0xc001);
    g_assert_true(bench_wait(bench_irq_is_high, b));
    g_assert_cmpmem(mem + 0x400, 64, mem, 64);
    for (unsigned i = 0; i < 8; i++)
        g_assert_cmpuint(mem[0x800 + i], ==, 0x40 + i % 2);
    g_assert_cmphex(rd(b, 0x04), ==, 2);
    g_assert_true(irq_level(pl080_count_irq(b->dev)) && !irq_level(pl080_error_irq(b->dev)));
    g_assert_cmphex(rd(b, 0x1c), ==, 0); /* it is off again */
    g_assert_cmphex(rd(b, 0x12c) & 0xfff, ==, 0);
    wr(b, 0x08, 2);
    g_assert_false(b->irq);
    wr(b, 0x120, 0x100); /* no memory */
    wr(b, 0x12c, 0x0c480000 | 1);
    wr(b, 0x130, 0x4001);
    g_assert_true(bench_wait(bench_irq_is_high, b));
    g_assert_cmphex(rd(b, 0x0c), ==, 2);
    g_assert_true(irq_level(pl080_error_irq(b->dev)));
    bench_free(b);
    b = bench_new_raw(&pl080_type);
    bench_set(b, "channels", "2");
    bench_realize(b);
    g_assert_cmphex(rd(b, 0xfe0), ==, 0x81);
    wr(b, 0x140, 5); /* a third channel */
    g_assert_cmphex(rd(b, 0x140), ==, 0);
    bench_free(b);
}

static void test_nothing(void)
{
    struct bench *b = bench_new_raw(&unimp_type);
    bench_set(b, "size", "0x10000");
    bench_realize(b);
    g_assert_cmphex(b->dev->mmio.size, ==, 0x10000);
    wr(b, 0xfffc, 1);
    g_assert_cmphex(rd(b, 0xfffc), ==, 0);
    bench_free(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/iotkit/system", test_system_registers);
    g_test_add_func("/iotkit/security", test_security_control);
    g_test_add_func("/iotkit/mpc", test_memory_protection);
    g_test_add_func("/iotkit/dma", test_dma_list);
    g_test_add_func("/iotkit/unimplemented", test_nothing);
    return g_test_run();
}
