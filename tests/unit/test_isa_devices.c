/* DMA, and the small devices of the ISA bus. */
#include "chardev/chardev.h"
#include "hw/registry.h"
#include "tests/unit/isa_bench.h"

#include <glib.h>
#include <string.h>

extern const struct device_type i8237_type, debugcon_type, debug_exit_type, pvpanic_type;
extern const struct device_type isa_serial_type, parallel_type, pc_testdev_type;

static struct isa_bench *i;
static struct mem_region low;
static struct ram_block *low_ram;

static struct client {
    uint8_t data[0x20000];
    uint32_t at, limit;
    unsigned ends, calls;
} client;

static uint32_t transfer(void *opaque, uint8_t *buf, uint32_t n, bool to_memory)
{
    struct client *c = opaque;
    n = MIN(n, c->limit - c->at);
    if (to_memory)
        memcpy(buf, c->data + c->at, n);
    else
        memcpy(c->data + c->at, buf, n);
    c->at += n;
    c->calls++;
    return n;
}

static void ended(void *opaque)
{
    ((struct client *)opaque)->ends++;
}

static const struct isa_dma_client ops = {transfer, ended};

static void set_up_dma(unsigned channel)
{
    i = isa_bench_new();
    isa_bench_add(i, &i8237_type, NULL);
    low_ram = machine_new_ram(i->b->m, "low", 1 << 20, NULL);
    region_init_ram(&low, "low", low_ram, 0, 1 << 20);
    region_add(&i->b->m->root, 0, &low, 0);
    address_space_update(&i->b->m->as);
    memset(&client, 0, sizeof(client));
    client.limit = sizeof(client.data);
    for (unsigned n = 0; n < sizeof(client.data); n++)
        client.data[n] = (uint8_t)(n * 7 + n / 256);
    i->bus->dma->attach(i->bus->dma_opaque, channel, &ops, &client);
    isa_out(i, 0x0d, 0);
    isa_out(i, 0xda, 0);
    isa_out(i, 0xd6, 0xc0); /* the cascade */
    isa_out(i, 0xd4, 0x00);
}

static void program(unsigned mode, unsigned address, unsigned page, unsigned count)
{
    isa_out(i, 0x0c, 0);
    isa_out(i, 0x0b, mode | 2);
    isa_out(i, 0x04, address & 0xff);
    isa_out(i, 0x04, address >> 8);
    isa_out(i, 0x05, count & 0xff);
    isa_out(i, 0x05, count >> 8);
    isa_out(i, 0x81, page);
    isa_out(i, 0x0a, 0x02);
}

static void ask(unsigned channel, bool level)
{
    i->bus->dma->request(i->bus->dma_opaque, channel, level);
    for (unsigned n = 0; n < 20; n++)
        isa_run(i);
}

static uint8_t mem(gpa at)
{
    uint8_t v = 0;
    g_assert_true(mem_peek(&i->b->m->as, at, &v, 1));
    return v;
}

static void test_to_memory(void)
{
    set_up_dma(2);
    program(0x44, 0x1234, 3, 511);
    ask(2, true);
    g_assert_cmpuint(client.at, ==, 512);
    g_assert_cmpuint(client.ends, ==, 1);
    for (unsigned n = 0; n < 512; n++)
        g_assert_cmphex(mem(0x31234 + n), ==, client.data[n]);
    g_assert_cmphex(isa_in(i, 0x08), ==, 0x44);
    g_assert_cmphex(isa_in(i, 0x08), ==, 0x40);
    g_assert_cmphex(isa_in(i, 0x0f) & 0x0f, ==, 0x0f); /* masked itself */
    isa_bench_free(i);
}

static void test_from_memory_auto_and_down(void)
{
    set_up_dma(2);
    for (unsigned n = 0; n < 64; n++)
        g_assert_true(mem_poke(&i->b->m->as, 0x1000 + n, &(uint8_t){(uint8_t)n}, 1));
    client.limit = 96;
    program(0x58, 0x1000, 0, 63);
    ask(2, true);
    g_assert_cmpuint(client.at, ==, 96);
    g_assert_cmphex(client.data[63], ==, 63);
    g_assert_cmphex(client.data[64], ==, 0);
    g_assert_cmphex(client.data[95], ==, 31);
    isa_out(i, 0x0c, 0);
    g_assert_cmphex(isa_in(i, 0x05), ==, 31);
    ask(2, false);
    client.at = 0;
    client.limit = 8;
    program(0x68, 0x103f, 0, 7);
    ask(2, true);
    g_assert_cmphex(client.data[0], ==, 63);
    g_assert_cmphex(client.data[7], ==, 56);
    isa_bench_free(i);
}

static void test_verify_and_masks(void)
{
    set_up_dma(2);
    program(0x40, 0x2000, 0, 15);
    isa_out(i, 0x0a, 0x06);
    ask(2, true);
    g_assert_cmpuint(client.calls, ==, 0);
    isa_out(i, 0xd4, 0x04); /* nor while the cascade is masked */
    isa_out(i, 0x0a, 0x02);
    ask(2, true);
    g_assert_cmpuint(client.calls, ==, 0);
    isa_out(i, 0xd4, 0x00);
    ask(2, true);
    g_assert_cmpuint(client.at, ==, 16);
    g_assert_cmphex(mem(0x2001), ==, 0);
    isa_bench_free(i);
}

static void test_words(void)
{
    set_up_dma(5);
    isa_out(i, 0xd6, 0x45);
    isa_out(i, 0xc4, 0x00);
    isa_out(i, 0xc4, 0x20);
    isa_out(i, 0xc6, 0xff);
    isa_out(i, 0xc6, 0x00);
    isa_out(i, 0x8b, 0x02);
    isa_out(i, 0xd4, 0x01);
    ask(5, true);
    g_assert_cmpuint(client.at, ==, 512);
    g_assert_cmphex(mem(0x24000 + 511), ==, client.data[511]);
    g_assert_cmphex(isa_in(i, 0xd0) & 0x0f, ==, 0x02);
    isa_bench_free(i);
}

static void test_memory_to_memory(void)
{
    set_up_dma(2);
    for (unsigned n = 0; n < 16; n++)
        g_assert_true(mem_poke(&i->b->m->as, 0x100 + n, &(uint8_t){(uint8_t)(n + 1)}, 1));
    isa_out(i, 0x08, 0x01);
    isa_out(i, 0x0b, 0x88);
    isa_out(i, 0x0b, 0x85);
    isa_out(i, 0x00, 0x00);
    isa_out(i, 0x00, 0x01);
    isa_out(i, 0x02, 0x00);
    isa_out(i, 0x02, 0x02);
    isa_out(i, 0x03, 15);
    isa_out(i, 0x03, 0);
    isa_out(i, 0x09, 0x04);
    for (unsigned n = 0; n < 20; n++)
        isa_run(i);
    g_assert_cmphex(mem(0x20f), ==, 16);
    isa_bench_free(i);
}

static void test_pages_and_post_code(void)
{
    set_up_dma(2);
    isa_out(i, 0x80, 0x5a);
    g_assert_cmphex(isa_in(i, 0x80), ==, 0x5a);
    isa_out(i, 0x8a, 0x12);
    g_assert_cmphex(isa_in(i, 0x8a), ==, 0x12);
    isa_bench_free(i);
}

static struct chardev *ring(void)
{
    static unsigned n;
    g_autofree char *text = g_strdup_printf("ringbuf,id=ring%u,size=64", n++);
    struct error *err = NULL;
    struct chardev *c = chardev_new_opts(text, &err);
    if (c == NULL)
        g_error("%s", error_text(err));
    return c;
}

static void expect_text(struct chardev *c, const char *text)
{
    uint8_t buf[64] = {0};
    isa_run(i);
    chardev_drain_now(c);
    g_assert_cmpuint(chardev_ringbuf_read(c, buf, sizeof(buf) - 1), ==, strlen(text));
    g_assert_cmpstr((const char *)buf, ==, text);
}

static char *naming(struct chardev *c)
{
    return g_strdup_printf("chardev=%s", chardev_id(c));
}

static void test_debugcon(void)
{
    struct chardev *c = ring();
    g_autofree char *name = naming(c);
    i = isa_bench_new();
    isa_bench_add(i, &debugcon_type, name, "iobase=0x402", NULL);
    g_assert_cmphex(isa_in(i, 0x402), ==, 0xe9);
    isa_out(i, 0x402, 'h');
    isa_out(i, 0x402, 'i');
    expect_text(c, "hi");
    isa_bench_free(i);
}

static void test_serial_ports_have_their_places(void)
{
    struct chardev *c = ring();
    g_autofree char *name = naming(c);
    i = isa_bench_new();
    isa_bench_add(i, &isa_serial_type, name, NULL);
    isa_bench_add(i, &isa_serial_type, NULL);
    isa_out(i, 0x3f8, 'x');
    expect_text(c, "x");
    isa_out(i, 0x2f9, 0x02);
    g_assert_true(i->line[3]);
    g_assert_false(i->line[4]);
    isa_out(i, 0x3f9, 0x02);
    g_assert_true(i->line[4]);
    isa_bench_free(i);
}

static void test_printer(void)
{
    struct chardev *c = ring();
    g_autofree char *name = naming(c);
    i = isa_bench_new();
    isa_bench_add(i, &parallel_type, name, NULL);
    g_assert_cmphex(isa_in(i, 0x379) & 0xf8, ==, 0xd8);
    g_assert_cmphex(isa_in(i, 0x37a), ==, 0xcc);
    isa_out(i, 0x378, 'p');
    g_assert_cmphex(isa_in(i, 0x378), ==, 'p');
    isa_out(i, 0x37a, 0x1c);
    isa_out(i, 0x37a, 0x1d);
    isa_out(i, 0x37a, 0x1c);
    g_assert_true(i->line[7]);
    g_assert_cmphex(isa_in(i, 0x379) & 4, ==, 0);
    g_assert_false(i->line[7]);
    isa_out(i, 0x37c, 'q');
    expect_text(c, "pq");
    g_assert_cmphex(isa_in(i, 0x37c), ==, 0xff);
    g_assert_cmphex(isa_in(i, 0x379) & 1, ==, 1);
    isa_bench_free(i);
}

static void test_exits(void)
{
    i = isa_bench_new();
    isa_bench_add(i, &debug_exit_type, "iobase=0xf4", "iosize=4", NULL);
    isa_bench_add(i, &pvpanic_type, NULL);
    g_assert_cmphex(isa_in(i, 0x505), ==, 7);
    isa_out(i, 0x505, 2);
    isa_run(i);
    g_assert_cmpint(i->b->m->cause, ==, SHUTDOWN_NONE);
    isa_write(i, 0xf4, 4, 0x10);
    machine_serve_requests(i->b->m);
    g_assert_cmpint(i->b->m->exit_status, ==, 0x21);
    isa_bench_free(i);
    i = isa_bench_new();
    isa_bench_add(i, &pvpanic_type, NULL);
    isa_out(i, 0x505, 1);
    machine_serve_requests(i->b->m);
    g_assert_cmpint(i->b->m->cause, ==, SHUTDOWN_GUEST_PANIC);
    isa_bench_free(i);
}

static void test_testdev_drives_lines_and_keeps_values(void)
{
    i = isa_bench_new();
    isa_bench_add(i, &pc_testdev_type, NULL);
    isa_write(i, 0xe0, 4, 0x12345678);
    isa_out(i, 0xe9, 0xaa);
    g_assert_cmphex(isa_read(i, 0xe0, 4), ==, 0x1234aa78);
    g_assert_cmphex(isa_read(i, 0xea, 2), ==, 0x1234);
    isa_write(i, 0x2005, 4, 1);
    isa_write(i, 0x2005, 4, 1);
    g_assert_true(i->line[5]);
    isa_out(i, 0x2005, 0);
    g_assert_false(i->line[5]);
    isa_out(i, 0x2017, 1);
    g_assert_true(i->line[23]);
    isa_write(i, 0xe4, 4, 0x1000);
    uint64_t v = 0;
    g_assert_cmpint(mem_write(&i->b->m->as, 0xff00fffc, 4, 0x55667788), ==, MEM_OK);
    g_assert_cmpint(mem_read(&i->b->m->as, 0xff00fffe, 1, &v), ==, MEM_OK);
    g_assert_cmphex(v, ==, 0x66);
    isa_bench_free(i);
}

/* Any accesses to any port, with all devices there and time going on, are answered. */
static void test_random_accesses(void)
{
    struct chardev *c = ring();
    i = isa_bench_new();
    for (const struct device_type *const *t = hw_device_types(); *t; t++) {
        bool wants_chardev = *t == &debugcon_type;
        g_autofree char *name = naming(c);
        if ((*t)->cls->bus && strcmp((*t)->cls->bus, "ISA") == 0)
            isa_bench_add(i, *t, wants_chardev ? name : NULL, NULL);
    }
    static const uint16_t near[] = {0x00, 0x20,  0x40,  0x60,  0x70,  0x80,  0xa0, 0xc0,
                                    0xd0, 0x1f0, 0x378, 0x3f0, 0x3f8, 0x4d0, 0x500};
    for (unsigned n = 0; n < 60000; n++) {
        unsigned port = near[g_test_rand_int_range(0, G_N_ELEMENTS(near))] +
                        (unsigned)g_test_rand_int_range(0, 16);
        unsigned size = 1U << g_test_rand_int_range(0, 3);
        if (n % 3)
            isa_write(i, port, size, (uint32_t)g_test_rand_int());
        else
            isa_read(i, port, size);
        if (n % 64 == 0)
            isa_run(i);
    }
    for (struct device *d = i->b->m->devices; d; d = d->next)
        device_reset(d);
    isa_bench_free(i);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/dma/write", test_to_memory);
    g_test_add_func("/dma/read", test_from_memory_auto_and_down);
    g_test_add_func("/dma/verify", test_verify_and_masks);
    g_test_add_func("/dma/words", test_words);
    g_test_add_func("/dma/memory", test_memory_to_memory);
    g_test_add_func("/dma/pages", test_pages_and_post_code);
    g_test_add_func("/isa/debugcon", test_debugcon);
    g_test_add_func("/isa/serial", test_serial_ports_have_their_places);
    g_test_add_func("/isa/parallel", test_printer);
    g_test_add_func("/isa/exit", test_exits);
    g_test_add_func("/isa/testdev", test_testdev_drives_lines_and_keeps_values);
    g_test_add_func("/isa/random", test_random_accesses);
    return g_test_run();
}
