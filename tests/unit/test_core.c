/* Memory map and accesses, lines, state tables, properties, devices, clock, vCPU life, machine
 * life, device trees. */
#include "core/clock.h"
#include "core/fdt.h"
#include "core/machine.h"
#include "util/bits.h"
#include "util/log.h"

#include <glib.h>
#include <string.h>

/* A device that remembers the last accesses. */
struct probe {
    struct device dev;
    char *label;
    uint32_t level;
    struct address_space *dma_to; /* writes make it write to dma_addr there */
    gpa dma_addr;
    unsigned reads, writes, peeks;
    struct access last;
    uint64_t last_val;
    struct probe_state {
        uint8_t regs[32];
        uint32_t mode;
        uint16_t table[4];
        uint8_t nvram[4];
    } s;
};

static uint64_t probe_read(struct device *dev, struct access a)
{
    struct probe *p = (struct probe *)dev;
    uint64_t v = 0;

    memcpy(&v, p->s.regs + a.off, a.size);
    if (a.peek) {
        p->peeks++;
        return v;
    }
    p->reads++;
    p->last = a;
    return v;
}

static void probe_write(struct device *dev, struct access a, uint64_t val)
{
    struct probe *p = (struct probe *)dev;

    p->writes++;
    p->last = a;
    p->last_val = val;
    memcpy(p->s.regs + a.off, &val, a.size);
    if (p->dma_to && !dma_write(p->dma_to, p->dma_addr, "\1\2\3\4", 4))
        g_test_message("DMA failed");
}

static bool probe_realize(struct device *dev, struct error **errp)
{
    if (((struct probe *)dev)->level <= 9)
        return true;
    error_set(errp, "level is at most 9");
    return false;
}

static const struct state_field probe_state[] = {
    STATE_ARRAY(probe, regs, 0),
    STATE(probe, mode, 0x11223344),
    STATE_ARRAY(probe, table, 0xabcd),
    STATE_KEEP(probe, nvram),
    STATE_END,
};
static const struct prop probe_props[] = {
    PROP(prop_string, probe, "label", label, "none", "a name"),
    PROP(prop_uint32, probe, "noise-level", level, "3", "how loud"),
    PROP_END,
};
DEVICE_CLASS(probe) = {
    .desc = "test device",
    .mmio = {probe_read, probe_write, .min = 2, .max = 4, .size = 32},
    .props = probe_props,
    .state = probe_state,
    .realize = probe_realize,
};

struct bench {
    struct mem_region root, ram_mr, rom_mr;
    struct address_space as;
    struct ram_block *ram, *rom;
    struct probe *p;
};

/* RAM at 0 (64 KiB), the probe over it at 0x1000, ROM at 0x10000, a hole after it. */
static void bench_init(struct bench *b)
{
    memset(b, 0, sizeof(*b));
    b->ram = ram_new("ram", 0x10000, NULL);
    b->rom = ram_new("rom", 0x1000, NULL);
    b->p = (struct probe *)device_new(&probe_type, NULL, "probe0");
    g_assert_true(device_realize(&b->p->dev, NULL));
    region_init_container(&b->root, "system", UINT64_MAX);
    region_init_ram(&b->ram_mr, "ram", b->ram, 0, 0x10000);
    region_init_rom(&b->rom_mr, "rom", b->rom);
    address_space_init(&b->as, &b->root);
    b->ram->as = b->rom->as = &b->as;
    region_add(&b->root, 0, &b->ram_mr, 0);
    region_add(&b->root, 0x10000, &b->rom_mr, 0);
    region_add(&b->root, 0x1000, &b->p->dev.mmio, 1);
    address_space_update(&b->as);
}

static void bench_fini(struct bench *b)
{
    device_free(&b->p->dev);
    address_space_fini(&b->as);
    ram_free(b->ram);
    ram_free(b->rom);
}

static uint64_t rd(struct bench *b, gpa addr, unsigned size)
{
    uint64_t v;

    g_assert_cmpint(mem_read(&b->as, addr, size, &v), ==, MEM_OK);
    return v;
}

static void test_higher_priority_shows_and_ram_goes_on_behind_it(void)
{
    struct bench b;

    bench_init(&b);
    const struct flat_range *r = address_space_find(&b.as, 0xfff);
    g_assert_true(r->mr == &b.ram_mr && r->base == 0 && r->size == 0x1000);
    g_assert_true(address_space_find(&b.as, 0x1000)->mr == &b.p->dev.mmio);
    r = address_space_find(&b.as, 0x1020);
    g_assert_true(r->mr == &b.ram_mr && r->mr_off == 0x1020);
    g_assert_true(address_space_find(&b.as, 0x10000)->mr == &b.rom_mr);
    g_assert_null(address_space_find(&b.as, 0x11000));
    g_assert_null(address_space_find(&b.as, UINT64_MAX));
    region_del(&b.p->dev.mmio);
    address_space_update(&b.as);
    g_assert_true(address_space_find(&b.as, 0x1000)->mr == &b.ram_mr);
    bench_fini(&b);
}

/* Every address of a random tree against the obvious slow answer. */
static const struct mem_region *slow_find(const struct mem_region *mr, gpa base, gpa addr)
{
    if (addr < base || addr - base >= mr->size)
        return NULL;
    if (mr->kind != MEM_CONTAINER)
        return mr;
    for (const struct mem_region *c = mr->children; c; c = c->next) {
        const struct mem_region *found = slow_find(c, base + c->base, addr);
        if (found)
            return found;
    }
    return NULL;
}

static void test_random_trees_flatten_right(void)
{
    static const struct mmio_ops ops[4] = {{.size = 1}, {.size = 5}, {.size = 17}, {.size = 40}};
    enum { N = 24, SPACE = 128 };

    for (int round = 0; round < 200; round++) {
        struct mem_region mr[N], root;
        struct address_space as;
        region_init_container(&root, "root", SPACE);
        for (int i = 0; i < N; i++) {
            bool box = g_test_rand_int_range(0, 3) == 0;
            if (box)
                region_init_container(&mr[i], "box", g_test_rand_int_range(1, 64));
            else
                region_init_mmio(&mr[i], "leaf", &ops[g_test_rand_int_range(0, 4)], NULL);
            struct mem_region *parent = &root;
            int j = g_test_rand_int_range(-1, MAX(i, 1));
            if (j >= 0 && j < i && mr[j].kind == MEM_CONTAINER)
                parent = &mr[j];
            region_add(parent, g_test_rand_int_range(0, SPACE), &mr[i],
                       g_test_rand_int_range(-2, 3));
        }
        address_space_init(&as, &root);
        for (gpa a = 0; a < SPACE + 8; a++) {
            const struct flat_range *r = address_space_find(&as, a);
            g_assert_true((r ? r->mr : NULL) == slow_find(&root, 0, a));
        }
        address_space_fini(&as);
    }
}

static void test_regions_at_the_end_of_all_addresses_do_not_wrap(void)
{
    static const struct mmio_ops ops = {.size = 0x2000};
    struct mem_region root, a, box;
    struct address_space as;

    region_init_container(&root, "root", UINT64_MAX);
    region_init_container(&box, "box", UINT64_MAX);
    region_init_mmio(&a, "a", &ops, NULL);
    region_add(&root, UINT64_MAX - 0xfff, &box, 0);
    region_add(&box, 0, &a, 0);
    address_space_init(&as, &root);
    g_assert_true(address_space_find(&as, UINT64_MAX - 0xfff)->mr == &a);
    g_assert_null(address_space_find(&as, 0));
    region_del(&a);
    region_add(&box, 0x1000, &a, 0); /* beyond the end */
    address_space_update(&as);
    g_assert_null(address_space_find(&as, 0));
    g_assert_null(address_space_find(&as, UINT64_MAX - 1));
    address_space_fini(&as);
}

static void test_accesses_are_split_and_widened(void)
{
    struct bench b;

    bench_init(&b);
    for (int i = 0; i < 32; i++)
        b.p->s.regs[i] = i + 1;
    g_assert_cmphex(rd(&b, 0x1003, 1), ==, 4); /* widened to two bytes at 2 */
    g_assert_cmpuint(b.p->last.off, ==, 2);
    g_assert_cmpuint(b.p->last.size, ==, 2);
    b.p->reads = 0;
    g_assert_cmphex(rd(&b, 0x1008, 8), ==, 0x100f0e0d0c0b0a09);
    g_assert_cmpuint(b.p->reads, ==, 2);
    g_assert_cmphex(rd(&b, 0x1002, 4), ==, 0x06050403);
    g_assert_cmphex(rd(&b, 0x1001, 4), ==, 0x05040302);
    g_assert_cmpint(mem_write(&b.as, 0x1005, 1, 0xee), ==, MEM_OK);
    g_assert_cmphex(b.p->last_val, ==, 0xee00);
    g_assert_cmpuint(b.p->last.off, ==, 4);
    g_assert_cmpint(mem_write(&b.as, 0x1010, 8, 0x1122334455667788), ==, MEM_OK);
    g_assert_cmphex(ld_le64(b.p->s.regs + 16), ==, 0x1122334455667788);
    g_assert_cmpint(mem_write(&b.as, 0x101e, 4, 0xaabbccdd), ==, MEM_OK); /* into RAM behind it */
    g_assert_cmphex(b.ram->host[0x1020], ==, 0xbb);
    bench_fini(&b);
}

static void test_results_of_bad_accesses(void)
{
    struct bench b;
    uint64_t v;

    bench_init(&b);
    g_assert_cmpint(mem_read(&b.as, 0x20000, 4, &v), ==, MEM_UNMAPPED);
    g_assert_cmpint(mem_write(&b.as, 0x20000, 4, 0), ==, MEM_UNMAPPED);
    g_assert_cmpint(mem_write(&b.as, 0x10000, 4, 1), ==, MEM_READ_ONLY);
    g_assert_cmphex(rd(&b, 0x10000, 4), ==, 0);
    g_assert_cmpint(mem_read(&b.as, 0, 3, &v), ==, MEM_BAD_SIZE);
    g_assert_cmpint(mem_read(&b.as, 0, 16, &v), ==, MEM_BAD_SIZE);
    g_assert_cmpint(mem_write(&b.as, 0, 0, 0), ==, MEM_BAD_SIZE);
    g_assert_cmpint(mem_read(&b.as, 0x10ffe, 4, &v), ==, MEM_UNMAPPED); /* half of it is there */
    g_assert_cmpint(mem_write(&b.as, 3, 8, 0x0807060504030201), ==, MEM_OK);
    g_assert_cmphex(rd(&b, 3, 8), ==, 0x0807060504030201);
    g_assert_cmphex(rd(&b, 4, 2), ==, 0x0302);
    bench_fini(&b);
}

static void test_dma_crosses_everything(void)
{
    struct bench b;
    uint8_t buf[0x2000], back[0x2000];

    bench_init(&b);
    for (size_t i = 0; i < sizeof(buf); i++)
        buf[i] = i * 7;
    g_assert_true(dma_write(&b.as, 0x800, buf, sizeof(buf)));
    g_assert_true(dma_read(&b.as, 0x800, back, sizeof(back)));
    g_assert_cmpmem(buf, sizeof(buf), back, sizeof(back));
    g_assert_cmpuint(b.p->writes, ==, 8);
    g_assert_false(dma_write(&b.as, 0xfff0, buf, 32)); /* its second half is ROM */
    g_assert_cmpmem(b.ram->host + 0xfff0, 16, buf, 16);
    g_assert_cmpuint(b.rom->host[0], ==, 0);
    memset(back, 0xff, sizeof(back));
    g_assert_false(dma_read(&b.as, 0x10ff0, back, 32));
    g_assert_cmpuint(back[31], ==, 0);
    g_assert_true(mem_poke(&b.as, 0x10000, "rom", 3));
    g_assert_cmpmem(b.rom->host, 3, "rom", 3);
    g_assert_false(dma_read(&b.as, UINT64_MAX - 3, back, 8));
    bench_fini(&b);
}

static void test_debugger_leaves_no_trace(void)
{
    struct bench b;
    uint8_t buf[32];

    bench_init(&b);
    b.p->s.regs[5] = 0x77;
    unsigned reads = b.p->reads;
    g_assert_true(mem_peek(&b.as, 0x1000, buf, sizeof(buf)));
    g_assert_cmphex(buf[5], ==, 0x77);
    g_assert_cmpuint(b.p->reads, ==, reads);
    g_assert_cmpuint(b.p->peeks, >, 0);
    g_assert_false(mem_poke(&b.as, 0x1000, buf, 4));
    g_assert_cmpuint(b.p->writes, ==, 0);
    bench_fini(&b);
}

/* A bus does not loop: the inner write is dropped, nothing hangs. */
static void test_dma_to_own_registers_is_dropped(void)
{
    struct bench b;

    bench_init(&b);
    b.p->dma_to = &b.as;
    b.p->dma_addr = 0x1000;
    g_assert_cmpint(mem_write(&b.as, 0x1008, 4, 1), ==, MEM_OK);
    g_assert_cmpuint(b.p->writes, ==, 1);
    b.p->dma_addr = 0x2000;
    g_assert_cmpint(mem_write(&b.as, 0x1008, 4, 1), ==, MEM_OK);
    g_assert_cmphex(rd(&b, 0x2000, 4), ==, 0x04030201);
    bench_fini(&b);
}

/* Two devices whose registers write to each other, from two threads: a deadlock unless somebody
 * gives way. */
struct duel {
    struct bench *b;
    gpa addr;
};

static void *duel_thread(void *arg)
{
    struct duel *d = arg;

    for (int i = 0; i < 20; i++)
        mem_write(&d->b->as, d->addr, 4, i);
    return NULL;
}

static void test_devices_that_reach_for_each_other_do_not_hang(void)
{
    struct bench b;
    struct probe *q = (struct probe *)device_new(&probe_type, NULL, "probe1");

    bench_init(&b);
    region_add(&b.root, 0x3000, &q->dev.mmio, 1);
    address_space_update(&b.as);
    b.p->dma_to = q->dma_to = &b.as;
    b.p->dma_addr = 0x3000; /* to q, whose write goes to p's own */
    q->dma_addr = 0x1000;
    struct duel one = {&b, 0x1000}, two = {&b, 0x3000};
    pthread_t t1 = thread_start("one", duel_thread, &one),
              t2 = thread_start("two", duel_thread, &two);
    pthread_join(t1, NULL);
    pthread_join(t2, NULL);
    b.p->dma_to = q->dma_to = NULL;
    while (g_main_context_iteration(NULL, FALSE)) /* the deferred ones */
        ;
    g_assert_cmpuint(b.p->writes, >=, 20);
    g_assert_cmpuint(q->writes, >=, 20);
    device_free(&q->dev);
    bench_fini(&b);
}

static struct {
    unsigned changes, romd, code;
    uint64_t off, len;
} heard;

static void on_changed(struct memory_listener *l UNUSED, const struct flat_view *now)
{
    g_assert_nonnull(now);
    heard.changes++;
}
static void on_romd(struct memory_listener *l UNUSED, struct mem_region *mr UNUSED)
{
    heard.romd++;
}
static void on_code(struct memory_listener *l UNUSED, struct ram_block *ram UNUSED, uint64_t off,
                    uint64_t len)
{
    heard.code++;
    heard.off = off;
    heard.len = len;
}

static void test_listeners_hear_of_maps_and_of_code(void)
{
    struct bench b;
    struct memory_listener l = {on_changed, on_romd, on_code, NULL};

    bench_init(&b);
    memset(&heard, 0, sizeof(heard));
    address_space_listen(&b.as, &l);
    g_assert_cmpuint(heard.changes, ==, 1);
    address_space_update(&b.as); /* nothing has changed */
    g_assert_cmpuint(heard.changes, ==, 1);
    b.ram->notes[2] |= RAM_PAGE_CODE;
    g_assert_true(dma_write(&b.as, 0x2ffe, "abcd", 4));
    g_assert_cmpuint(heard.code, ==, 1);
    g_assert_cmphex(heard.off, ==, 0x2ffe);
    g_assert_cmpuint(heard.len, ==, 2);
    g_assert_true(b.ram->notes[3] & RAM_PAGE_DIRTY);
    ram_written(b.ram, 0x20000, 4);
    ram_written(b.ram, 0xfff0, UINT64_MAX);
    g_assert_cmpuint(heard.code, ==, 1);
    bench_fini(&b);
}

static void test_flash_switches_between_memory_and_registers(void)
{
    struct bench b;
    struct mem_region flash;
    struct memory_listener l = {on_changed, on_romd, NULL, NULL};

    bench_init(&b);
    region_init_rom_device(&flash, "flash", b.rom, &probe_class.mmio, &b.p->dev);
    region_add(&b.root, 0x20000, &flash, 0);
    address_space_update(&b.as);
    memset(&heard, 0, sizeof(heard));
    address_space_listen(&b.as, &l);
    b.rom->host[4] = 0x5a;
    b.p->s.regs[4] = 0xa5;
    g_assert_cmphex(rd(&b, 0x20004, 1), ==, 0x5a);
    g_assert_cmpint(mem_write(&b.as, 0x20008, 4, 9), ==, MEM_OK);
    g_assert_cmpuint(b.p->writes, ==, 1);
    region_set_romd(&flash, false);
    region_set_romd(&flash, false);
    g_assert_cmpuint(heard.romd, ==, 1);
    g_assert_cmphex(rd(&b, 0x20004, 1), ==, 0xa5);
    region_del(&flash);
    bench_fini(&b);
}

/* A guest may move a window about for ever; replaced views must not pile up. */
static unsigned reclaims;
static void on_want_reclaim(void *opaque)
{
    reclaims++;
    address_space_reclaim(opaque);
}

static void test_replaced_views_are_bounded(void)
{
    struct bench b;

    bench_init(&b);
    reclaims = 0;
    b.as.want_reclaim = on_want_reclaim;
    b.as.want_reclaim_opaque = &b.as;
    for (int i = 0; i < 100; i++) { /* to and fro: no new views at all */
        region_del(&b.p->dev.mmio);
        address_space_update(&b.as);
        region_add(&b.root, 0x1000, &b.p->dev.mmio, 1);
        address_space_update(&b.as);
    }
    g_assert_cmpuint(b.as.nretired, <=, 3);
    for (int i = 0; i < 1000; i++) {
        region_del(&b.p->dev.mmio);
        region_add(&b.root, 0x1000 + i * 8, &b.p->dev.mmio, 1);
        address_space_update(&b.as);
    }
    g_assert_cmpuint(reclaims, >, 0);
    g_assert_cmpuint(b.as.nretired, <, 100);
    bench_fini(&b);
}

static void test_dma_map_stops_at_the_border(void)
{
    struct bench b;
    struct ram_block *ram;
    uint64_t len = 0x10000, off;

    bench_init(&b);
    g_assert_true(dma_map(&b.as, 0x800, &len, true, &ram, &off) == b.ram->host + 0x800);
    g_assert_cmphex(len, ==, 0x800);
    g_assert_true(ram == b.ram && off == 0x800);
    g_assert_null(dma_map(&b.as, 0x1000, &len, false, &ram, &off));
    len = 0x10;
    g_assert_null(dma_map(&b.as, 0x10000, &len, true, &ram, &off));
    g_assert_nonnull(dma_map(&b.as, 0x10000, &len, false, &ram, &off));
    bench_fini(&b);
}

static void test_state_tables_reset_save_and_tell_differences(void)
{
    struct probe a = {0}, b = {0};
    uint8_t buf[256];

    memset(&a.s, 0xee, sizeof(a.s));
    state_reset(probe_state, &a);
    g_assert_cmphex(a.s.mode, ==, 0x11223344);
    g_assert_cmphex(a.s.table[3], ==, 0xabcd);
    g_assert_cmphex(a.s.regs[31], ==, 0);
    g_assert_cmphex(a.s.nvram[0], ==, 0xee);
    g_assert_cmpuint(state_size(probe_state), ==, 32 + 4 + 8 + 4);
    a.s.table[2] = 7;
    state_save(probe_state, &a, buf);
    g_assert_cmphex(buf[32], ==, 0x44);
    g_assert_cmpstr(state_diff(probe_state, &a, &b), ==, "mode");
    state_load(probe_state, &b, buf);
    g_assert_null(state_diff(probe_state, &a, &b));
}

static void test_properties(void)
{
    struct probe *p = (struct probe *)device_new(&probe_type, NULL, "p");
    struct error *err = NULL;

    g_assert_cmpstr(p->label, ==, "none");
    g_assert_true(device_set(&p->dev, "noise_level", "0x7", &err));
    g_assert_cmpuint(p->level, ==, 7);
    g_assert_false(device_set(&p->dev, "noise-levle", "7", &err));
    g_assert_cmpstr(error_text(err), ==,
                    "device 'p': no property 'noise-levle', did you mean 'noise-level'?");
    g_clear_pointer(&err, error_free);
    g_assert_false(device_set(&p->dev, "noise-level", "4294967296", &err));
    g_clear_pointer(&err, error_free);
    g_assert_true(device_set(&p->dev, "noise-level", "10", &err));
    g_assert_false(device_realize(&p->dev, &err));
    g_assert_cmpstr(error_text(err), ==, "device 'p': level is at most 9");
    g_clear_pointer(&err, error_free);
    g_assert_true(device_set(&p->dev, "noise-level", "9", &err));
    g_assert_true(device_realize(&p->dev, &err));
    g_assert_cmphex(p->s.mode, ==, 0x11223344);
    g_assert_false(device_set(&p->dev, "noise-level", "1", &err));
    error_free(err);
    device_free(&p->dev);
}

static void on_line(void *opaque, unsigned n, bool level)
{
    unsigned *log = opaque;

    log[n]++;
    log[7] = level;
}

static void test_lines_tell_changes_only(void)
{
    unsigned log[8] = {0};
    struct irq irq = {0};

    irq_set(&irq, true); /* not connected */
    irq_connect(&irq, on_line, log, 2);
    g_assert_cmpuint(log[2], ==, 1);
    irq_set(&irq, true);
    g_assert_cmpuint(log[2], ==, 1);
    irq_set(&irq, false);
    irq_pulse(&irq);
    g_assert_cmpuint(log[2], ==, 4);
    g_assert_false(irq_level(&irq));
}

struct tick {
    struct timer t;
    struct mutex lock;
    unsigned fired;
    ns_t at, period;
};

static void on_tick(void *opaque)
{
    struct tick *t = opaque;

    t->fired++;
    t->at = clock_now();
    if (t->period)
        timer_set(&t->t, t->at + t->period);
}

static void run_loop_ms(int ms)
{
    int64_t end = g_get_monotonic_time() + ms * 1000;

    while (g_get_monotonic_time() < end) {
        if (!g_main_context_iteration(NULL, FALSE))
            g_usleep(100);
    }
}

/* Run the main loop until *count is `want`: at most ten seconds, for a busy host. */
static void run_loop_until(const unsigned *count, unsigned want)
{
    for (int i = 0; i < 10000 && *count != want; i++)
        run_loop_ms(1);
    g_assert_cmpuint(*count, ==, want);
}

static void test_timers_fire_in_order_and_not_while_stopped(void)
{
    struct tick a = {0}, b = {0}, c = {0};

    mutex_init(&a.lock);
    timer_init(&a.t, &a.lock, on_tick, &a);
    timer_init(&b.t, NULL, on_tick, &b);
    timer_init(&c.t, NULL, on_tick, &c);
    clock_init();
    clock_start();
    ns_t now = clock_now();
    timer_set(&a.t, now + 4000000);
    timer_set(&b.t, now + 2000000);
    timer_set(&c.t, now + 3000000);
    timer_set(&b.t, now + 6000000); /* later: the early wake-up is harmless */
    timer_cancel(&c.t);
    g_assert_cmpint(timer_next(), ==, now + 4000000);
    run_loop_until(&a.fired, 1);
    run_loop_until(&b.fired, 1);
    g_assert_cmpuint(c.fired, ==, 0);
    g_assert_cmpint(a.at, >=, now + 4000000);
    g_assert_cmpint(b.at, >=, now + 6000000);
    clock_stop();
    ns_t stopped = clock_now();
    timer_set(&a.t, 0);
    run_loop_ms(10);
    g_assert_cmpuint(a.fired, ==, 1);
    g_assert_cmpint(clock_now(), ==, stopped);
    int64_t before = monotonic_ns();
    clock_start();
    ns_t passed = clock_now() - stopped;
    g_assert_cmpint(passed, <=, monotonic_ns() - before);
    run_loop_until(&a.fired, 2);
    g_assert_cmpint(timer_next(), ==, INT64_MAX);
    timer_set(&a.t, INT64_MAX);
    run_loop_ms(5);
    timer_cancel(&a.t);
    g_assert_cmpuint(a.fired, ==, 2);
}

static void *rearm_thread(void *arg)
{
    struct tick *t = arg;

    for (int i = 0; i < 20000; i++) {
        timer_set(&t->t, clock_now() + (i % 3 ? 20000 : -5));
        if (i % 7 == 0)
            timer_cancel(&t->t);
    }
    timer_cancel(&t->t);
    return NULL;
}

static void test_timers_bear_threads(void)
{
    struct tick t[2] = {0};
    pthread_t th[2];

    for (int i = 0; i < 2; i++) {
        mutex_init(&t[i].lock);
        timer_init(&t[i].t, &t[i].lock, on_tick, &t[i]);
        th[i] = thread_start("rearm", rearm_thread, &t[i]);
    }
    run_loop_ms(100);
    for (int i = 0; i < 2; i++)
        pthread_join(th[i], NULL);
    g_assert_cmpint(timer_next(), ==, INT64_MAX);
    unsigned fired = t[0].fired;
    run_loop_ms(5);
    g_assert_cmpuint(t[0].fired, ==, fired);
}

/* A machine whose vCPUs count and sleep. */
struct toy_cpu {
    struct cpu cpu;
    unsigned resets, irqs;
    _Atomic unsigned rounds;
    _Atomic bool wants_off, wants_reset;
};
struct toy {
    struct machine m;
    uint32_t flavour;
    unsigned resets;
};

static void toy_reset(struct cpu *cpu)
{
    ((struct toy_cpu *)cpu)->resets++;
    cpu->halted = true;
}
static bool toy_has_work(struct cpu *cpu)
{
    return atomic_load(&cpu->irq_lines);
}
static const struct cpu_ops toy_cpu_ops = {
    .arch = "toy", .reset = toy_reset, .has_work = toy_has_work};

static void *toy_alloc(size_t size)
{
    return g_malloc0(size);
}
static void toy_free(struct cpu *cpu)
{
    g_free(cpu);
}

static void toy_thread(struct cpu *cpu)
{
    struct toy_cpu *t = (struct toy_cpu *)cpu;

    while (cpu_handle_requests(cpu)) {
        t->rounds++;
        if (atomic_fetch_and(&cpu->request, ~(uint32_t)CPU_REQ_IRQ) & CPU_REQ_IRQ)
            t->irqs++;
        atomic_fetch_and(&cpu->irq_lines, ~UINT64_C(1));
        if (t->wants_off)
            machine_request_shutdown(cpu->machine, SHUTDOWN_GUEST_OFF, 7);
        if (t->wants_reset)
            machine_request_reset(cpu->machine);
        t->wants_reset = false;
        cpu_sleep(cpu);
    }
}

static const struct accel_ops toy_accel = {
    .name = "toy", .cpu_alloc = toy_alloc, .cpu_free = toy_free, .cpu_thread = toy_thread};

static bool toy_init(struct machine *m, struct error **errp)
{
    for (unsigned i = 0; i < m->cfg.smp; i++) {
        struct cpu *cpu = m->accel->cpu_alloc(sizeof(struct toy_cpu));
        cpu_init(cpu, &toy_cpu_ops, m, i);
        machine_add_cpu(m, cpu);
    }
    device_new(&probe_type, m, "probe0");
    return machine_new_ram(m, "ram", 1 << 20, errp);
}
static void toy_machine_reset(struct machine *m)
{
    ((struct toy *)m)->resets++;
}
static const struct prop toy_props[] = {PROP(prop_uint32, toy, "flavour", flavour, "5", "taste"),
                                        PROP_END};
static const struct machine_class toy_class = {.name = "toy",
                                               .size = sizeof(struct toy),
                                               .props = toy_props,
                                               .init = toy_init,
                                               .reset = toy_machine_reset};

static struct toy *toy_new(unsigned smp)
{
    struct machine *m = machine_new(&toy_class, &toy_accel, NULL);

    m->cfg.smp = smp;
    g_assert_true(machine_init(m, NULL));
    return (struct toy *)m;
}

static struct toy_cpu *toy_cpu(struct toy *t, unsigned i)
{
    return (struct toy_cpu *)t->m.cpus[i];
}

static void test_machine_runs_pauses_and_ends_with_the_guests_status(void)
{
    struct toy *t = toy_new(2);

    clock_init();
    g_assert_cmpuint(t->flavour, ==, 5);
    g_assert_cmpuint(t->resets, ==, 1);
    g_assert_nonnull(machine_find_device(&t->m, "probe0"));
    machine_start(&t->m);
    g_assert_true(t->m.running);
    machine_pause(&t->m);
    machine_pause(&t->m);
    unsigned rounds = toy_cpu(t, 0)->rounds;
    cpu_irq_set(t->m.cpus[0], 0, true);
    g_usleep(5000);
    g_assert_cmpuint(toy_cpu(t, 0)->rounds, ==, rounds);
    machine_resume(&t->m);
    g_assert_false(t->m.running);
    toy_cpu(t, 0)->wants_off = true;
    machine_resume(&t->m);
    g_assert_cmpint(machine_run(&t->m), ==, 7);
    g_assert_cmpint(t->m.cause, ==, SHUTDOWN_GUEST_OFF);
    machine_free(&t->m);
}

static gboolean quit_when_reset(gpointer arg)
{
    struct toy *t = arg;

    if (t->resets < 2)
        return G_SOURCE_CONTINUE;
    machine_request_shutdown(&t->m, SHUTDOWN_HOST_SIGNAL, 0);
    return G_SOURCE_REMOVE;
}

static void test_reset_reaches_all_and_no_reboot_ends(void)
{
    struct toy *t = toy_new(3);

    machine_start(&t->m);
    toy_cpu(t, 1)->wants_reset = true;
    cpu_irq_set(t->m.cpus[1], 0, true);
    g_timeout_add(1, quit_when_reset, t);
    g_assert_cmpint(machine_run(&t->m), ==, 0);
    g_assert_cmpuint(t->resets, ==, 2);
    for (int i = 0; i < 3; i++)
        g_assert_cmpuint(toy_cpu(t, i)->resets, ==, 2);
    machine_free(&t->m);

    t = toy_new(1);
    t->m.cfg.no_reboot = true;
    toy_cpu(t, 0)->wants_reset = true;
    machine_start(&t->m);
    g_assert_cmpint(machine_run(&t->m), ==, 0);
    g_assert_cmpint(t->m.cause, ==, SHUTDOWN_GUEST_RESET);
    g_assert_cmpuint(t->resets, ==, 1);
    machine_free(&t->m);
}

/* Other processors run on until the machine stops; what they ask for meanwhile changes nothing. */
static void test_first_to_end_the_machine_gives_the_status(void)
{
    struct toy *t = toy_new(1);

    machine_request_shutdown(&t->m, SHUTDOWN_GUEST_OFF, 7);
    machine_serve_requests(&t->m);
    machine_request_shutdown(&t->m, SHUTDOWN_GUEST_RESET, 0);
    machine_serve_requests(&t->m);
    g_assert_cmpint(machine_run(&t->m), ==, 7);
    g_assert_cmpint(t->m.cause, ==, SHUTDOWN_GUEST_OFF);
    machine_free(&t->m);
}

static gboolean quit_later(gpointer m)
{
    machine_request_shutdown(m, SHUTDOWN_HOST_SIGNAL, 0);
    return G_SOURCE_REMOVE;
}

static void test_no_shutdown_holds_the_machine_for_the_user(void)
{
    struct toy *t = toy_new(1);

    t->m.cfg.no_shutdown = true;
    toy_cpu(t, 0)->wants_off = true;
    machine_start(&t->m);
    g_timeout_add(50, quit_later, t);
    g_assert_cmpint(machine_run(&t->m), ==, 0);
    g_assert_cmpint(t->m.cause, ==, SHUTDOWN_HOST_SIGNAL);
    machine_free(&t->m);
}

static void add_one(struct cpu *cpu, void *arg)
{
    g_assert_true(!cpu->thread_running || cpu_current() == cpu);
    ++*(unsigned *)arg;
}

static void test_work_runs_on_the_vcpu_even_while_parked(void)
{
    struct toy *t = toy_new(1);
    unsigned n = 0;

    cpu_run_sync(t->m.cpus[0], add_one, &n); /* no thread yet */
    machine_start(&t->m);
    cpu_run_sync(t->m.cpus[0], add_one, &n);
    machine_pause(&t->m);
    cpu_run_sync(t->m.cpus[0], add_one, &n);
    machine_resume(&t->m);
    for (int i = 0; i < 1000; i++)
        cpu_run_async(t->m.cpus[0], add_one, &n);
    cpu_run_sync(t->m.cpus[0], add_one, &n);
    g_assert_cmpuint(n, ==, 1004);
    machine_request_shutdown(&t->m, SHUTDOWN_HOST_UI, 0);
    machine_run(&t->m);
    machine_free(&t->m);
}

static void test_a_vcpu_knows_whom_it_interrupted(void)
{
    struct toy *t = toy_new(2);
    struct cpu *a = t->m.cpus[0], *b = t->m.cpus[1];

    cpu_irq_set(b, 1, true); /* by a device's thread */
    g_assert_cmpuint(atomic_load(&a->request) & CPU_REQ_SENT, ==, 0);
    cpu_set_current(a);
    cpu_irq_set(b, 1, true); /* it is on already */
    cpu_irq_set(a, 2, true);
    g_assert_cmpuint(atomic_load(&a->request) & CPU_REQ_SENT, ==, 0);
    cpu_irq_set(b, 3, true);
    cpu_set_current(NULL);
    g_assert_cmpuint(atomic_load(&a->request) & CPU_REQ_SENT, ==, CPU_REQ_SENT);
    g_assert_true(a->interrupted == b);
    g_assert_cmphex(a->interrupted_line, ==, 8);
    g_assert_cmpuint(atomic_load(&b->request), ==, CPU_REQ_IRQ);
    machine_free(&t->m);
}

/* Sleep and wake-up must never miss each other. */
static void test_no_interrupt_is_slept_through(void)
{
    struct toy *t = toy_new(1);
    struct cpu *cpu = t->m.cpus[0];

    machine_start(&t->m);
    for (int i = 0; i < 20000; i++) {
        cpu_irq_set(cpu, 0, true);
        int64_t end = monotonic_ns() + 5000000000;
        while (atomic_load(&cpu->irq_lines))
            g_assert_cmpint(monotonic_ns(), <, end);
    }
    machine_request_shutdown(&t->m, SHUTDOWN_HOST_UI, 0);
    machine_run(&t->m);
    machine_free(&t->m);
}

static void test_idle_vcpu_uses_no_time(void)
{
    struct toy *t = toy_new(2);

    machine_start(&t->m);
    unsigned before = UINT_MAX, rounds = toy_cpu(t, 0)->rounds;
    for (int i = 0; i < 100 && rounds != before; i++) { /* on a busy host it starts late */
        before = rounds;
        run_loop_ms(50);
        rounds = toy_cpu(t, 0)->rounds;
    }
    g_assert_cmpuint(rounds, ==, before);
    machine_request_shutdown(&t->m, SHUTDOWN_HOST_UI, 0);
    machine_run(&t->m);
    machine_free(&t->m);
}

static void test_device_tree_grows_and_reads_back(void)
{
    struct fdt *f = fdt_new();
    struct error *err = NULL;
    size_t len;

    fdt_string(f, "/", "compatible", "riscv-virtio");
    for (int i = 0; i < 500; i++) {
        g_autofree char *path = g_strdup_printf("/soc/uart@%x", i);
        fdt_reg64(f, path, 0x100000000 + i, 0x100);
        fdt_strings(f, path, "compatible", (const char *const[]){"ns16550a", "ns16550", NULL});
        fdt_flag(f, path, "dma-coherent");
        if (i % 100 == 0)
            fdt_blob(f, &len); /* packing between edits is fine */
    }
    g_assert_true(fdt_has_node(f, "/soc/uart@1f3"));
    g_assert_false(fdt_has_node(f, "/soc/uart@1f4"));
    uint32_t ph = fdt_phandle(f, "/soc/uart@1");
    g_assert_cmpuint(fdt_phandle(f, "/soc/uart@1"), ==, ph);
    g_assert_cmpuint(fdt_phandle(f, "/soc/uart@2"), ==, ph + 1);
    const void *blob = fdt_blob(f, &len);
    struct fdt *g = fdt_from_blob(blob, len, "x.dtb", &err);
    g_assert_nonnull(g);
    g_assert_cmpuint(fdt_phandle(g, "/soc/uart@3"), ==, ph + 2);
    fdt_u64(g, "/chosen", "linux,initrd-start", 0x123456789);
    g_assert_true(fdt_has_node(g, "/chosen"));
    fdt_free(g);
    for (size_t n = 0; n < len; n += n < 200 ? 1 : 997)
        g_assert_null(fdt_from_blob(blob, n, "x.dtb", NULL));
    fdt_free(f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/memory/priority", test_higher_priority_shows_and_ram_goes_on_behind_it);
    g_test_add_func("/memory/random", test_random_trees_flatten_right);
    g_test_add_func("/memory/end", test_regions_at_the_end_of_all_addresses_do_not_wrap);
    g_test_add_func("/memory/split", test_accesses_are_split_and_widened);
    g_test_add_func("/memory/bad", test_results_of_bad_accesses);
    g_test_add_func("/memory/dma", test_dma_crosses_everything);
    g_test_add_func("/memory/peek", test_debugger_leaves_no_trace);
    g_test_add_func("/memory/own-registers", test_dma_to_own_registers_is_dropped);
    g_test_add_func("/memory/duel", test_devices_that_reach_for_each_other_do_not_hang);
    g_test_add_func("/memory/listen", test_listeners_hear_of_maps_and_of_code);
    g_test_add_func("/memory/flash", test_flash_switches_between_memory_and_registers);
    g_test_add_func("/memory/retired", test_replaced_views_are_bounded);
    g_test_add_func("/memory/map", test_dma_map_stops_at_the_border);
    g_test_add_func("/state", test_state_tables_reset_save_and_tell_differences);
    g_test_add_func("/prop", test_properties);
    g_test_add_func("/irq", test_lines_tell_changes_only);
    g_test_add_func("/clock/order", test_timers_fire_in_order_and_not_while_stopped);
    g_test_add_func("/clock/threads", test_timers_bear_threads);
    g_test_add_func("/machine/life", test_machine_runs_pauses_and_ends_with_the_guests_status);
    g_test_add_func("/machine/reset", test_reset_reaches_all_and_no_reboot_ends);
    g_test_add_func("/machine/first-status", test_first_to_end_the_machine_gives_the_status);
    g_test_add_func("/machine/no-shutdown", test_no_shutdown_holds_the_machine_for_the_user);
    g_test_add_func("/cpu/interrupted", test_a_vcpu_knows_whom_it_interrupted);
    g_test_add_func("/cpu/work", test_work_runs_on_the_vcpu_even_while_parked);
    g_test_add_func("/cpu/wake", test_no_interrupt_is_slept_through);
    g_test_add_func("/cpu/idle", test_idle_vcpu_uses_no_time);
    g_test_add_func("/fdt", test_device_tree_grows_and_reads_back);
    return g_test_run();
}
