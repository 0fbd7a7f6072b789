/* LPIs of a GICv3: its translation service, redistributors' tables, hostile queues and tables. */
#include "tests/unit/gicv3_bench.h"

#include <string.h>

enum {
    GITS_CTLR = 0x0,
    GITS_TYPER = 0x8,
    GITS_CBASER = 0x80,
    GITS_CWRITER = 0x88,
    GITS_CREADR = 0x90,
    GITS_BASER = 0x100,
    TRANSLATER = 0x10040,
};
enum { GICR_CTLR = 0, PROPBASER = 0x70, PENDBASER = 0x78, INVLPIR = 0xa0, INVALLR = 0xb0 };
enum { MAPD = 8, MAPC = 9, MAPTI = 0xa, MAPI = 0xb, MOVI = 1, INT = 3, CLEAR = 4, SYNC = 5 };
enum { INV = 0xc, INVALL = 0xd, MOVALL = 0xe, DISCARD = 0xf };
enum { DEVICE = 0x18, EVENT = 3, LPI = 8192 + 40, SPURIOUS = 1023, ICID = 7 };
static const uint64_t VALID = UINT64_C(1) << 63;

/* Guest memory. */
static const gpa QUEUE = 0x80000000, DEVICES = 0x80010000, COLLECTIONS = 0x80090000,
                 ITT = 0x80110000, CONFIG = 0x80120000, PENDING = 0x80140000, LEVEL2 = 0x801c0000;

static void enable_lpis(struct gic_bench *t, unsigned cpu)
{
    wr(t, redist_at(cpu) + PROPBASER, 8, CONFIG | 15);
    wr(t, redist_at(cpu) + PENDBASER, 8, PENDING + cpu * 0x10000);
    wr32(t, redist_at(cpu) + GICR_CTLR, 1);
    wr32(t, redist_at(cpu) + 0x14, 0);
    set_icc(t, cpu, GICV3_PMR, 0xf8);
    set_icc(t, cpu, GICV3_IGRPEN1, 1);
}

static void configure(struct gic_bench *t, unsigned lpi, uint8_t config)
{
    wr(t, CONFIG + lpi - 8192, 1, config);
}

static struct gic_bench *start(void)
{
    struct gic_bench *t = gic_bench_new(false);
    wr32(t, GICD, 3);
    for (unsigned cpu = 0; cpu < GIC_CPUS; cpu++)
        enable_lpis(t, cpu);
    wr(t, GITS + GITS_CBASER, 8, VALID | QUEUE);
    wr(t, GITS + GITS_BASER, 8, VALID | DEVICES | 0x7f);
    wr(t, GITS + GITS_BASER + 8, 8, VALID | COLLECTIONS | 0x7f);
    wr32(t, GITS + GITS_CTLR, 1);
    configure(t, LPI, 0xa1);
    return t;
}

static void run_raw(struct gic_bench *t, const uint64_t word[4])
{
    uint64_t at = rd(t, GITS + GITS_CWRITER, 8);
    for (unsigned i = 0; i < 4; i++)
        wr(t, QUEUE + at + i * 8, 8, word[i]);
    at = (at + 32) % 4096;
    wr(t, GITS + GITS_CWRITER, 8, at);
    g_assert_cmphex(rd(t, GITS + GITS_CREADR, 8), ==, at);
}

static void run(struct gic_bench *t, unsigned code, uint64_t w0, uint64_t w1, uint64_t w2)
{
    run_raw(t, (uint64_t[]){w0 << 32 | code, w1, w2, 0});
}

static void map_collection(struct gic_bench *t, unsigned icid, unsigned cpu)
{
    run(t, MAPC, 0, 0, VALID | (uint64_t)cpu << 16 | icid);
}

/* The device with 16 events, the event to its LPI, and the collection to cpu. */
static void map_all(struct gic_bench *t, unsigned cpu)
{
    run(t, MAPD, DEVICE, 3, VALID | ITT);
    map_collection(t, ICID, cpu);
    run(t, MAPTI, DEVICE, (uint64_t)LPI << 32 | EVENT, ICID);
}

static bool message(struct gic_bench *t, uint32_t device, uint32_t event)
{
    return gicv3_its_message(t->its, device, GITS + TRANSLATER, event);
}

static void expect_lpi(struct gic_bench *t, unsigned cpu, unsigned intid)
{
    g_assert_true(line(t, cpu, GICV3_IRQ));
    g_assert_cmpuint(icc(t, cpu, GICV3_IAR1), ==, intid);
    g_assert_false(line(t, cpu, GICV3_IRQ));
    set_icc(t, cpu, GICV3_EOIR1, intid);
    g_assert_false(line(t, cpu, GICV3_IRQ));
    g_assert_cmphex(icc(t, cpu, GICV3_RPR), ==, 0xff);
}

static void expect_nothing(struct gic_bench *t)
{
    for (unsigned cpu = 0; cpu < GIC_CPUS; cpu++)
        g_assert_false(line(t, cpu, GICV3_IRQ));
}

static void test_message_becomes_an_lpi(void)
{
    struct gic_bench *t = start();
    map_all(t, 2);
    g_assert_true(message(t, DEVICE, EVENT));
    expect_lpi(t, 2, LPI);
    g_assert_true(message(t, DEVICE, EVENT)); /* now from the cache */
    g_assert_true(message(t, DEVICE, EVENT)); /* pending once */
    expect_lpi(t, 2, LPI);
    expect_nothing(t);
    g_assert_false(gicv3_its_message(t->its, DEVICE, GITS + TRANSLATER + 4, EVENT));
    g_assert_false(gicv3_its_message(t->its, DEVICE, BENCH_RAM, EVENT));
    gic_bench_free(t);
}

static void test_what_is_not_mapped_is_dropped(void)
{
    struct gic_bench *t = start();
    g_assert_true(message(t, DEVICE, EVENT));
    map_all(t, 0);
    message(t, DEVICE, EVENT + 1);
    message(t, DEVICE, 16); /* beyond its events */
    message(t, DEVICE + 1, EVENT);
    message(t, UINT32_MAX, UINT32_MAX);
    wr32(t, GITS + TRANSLATER, EVENT); /* the processor is no device */
    run(t, MAPC, 0, 0, ICID);
    message(t, DEVICE, EVENT);
    map_collection(t, ICID, 0);
    run(t, MAPD, DEVICE, 0, 0);
    message(t, DEVICE, EVENT);
    expect_nothing(t);
    map_all(t, 0);
    wr32(t, GITS + GITS_CTLR, 0);
    g_assert_cmphex(rd32(t, GITS + GITS_CTLR), ==, 0x80000000);
    message(t, DEVICE, EVENT);
    expect_nothing(t);
    wr32(t, GITS + GITS_CTLR, 1);
    message(t, DEVICE, EVENT);
    expect_lpi(t, 0, LPI);
    gic_bench_free(t);
}

static void test_commands_on_one_interrupt(void)
{
    struct gic_bench *t = start();
    map_all(t, 0);
    run(t, INT, DEVICE, EVENT, 0);
    g_assert_true(line(t, 0, GICV3_IRQ));
    run(t, CLEAR, DEVICE, EVENT, 0);
    expect_nothing(t);
    run(t, INT, DEVICE, EVENT, 0);
    map_collection(t, 9, 3);
    run(t, MOVI, DEVICE, EVENT, 9); /* its pending state goes along */
    g_assert_false(line(t, 0, GICV3_IRQ));
    expect_lpi(t, 3, LPI);
    message(t, DEVICE, EVENT);
    expect_lpi(t, 3, LPI);
    run(t, INT, DEVICE, EVENT, 0);
    run_raw(t, (uint64_t[]){MOVALL, 0, 3 << 16, 1 << 16});
    expect_lpi(t, 1, LPI);
    run(t, INT, DEVICE, EVENT, 0);
    run(t, DISCARD, DEVICE, EVENT, 0);
    expect_nothing(t);
    message(t, DEVICE, EVENT);
    expect_nothing(t);
    run(t, MAPI, DEVICE, EVENT, ICID); /* 3 is no LPI */
    message(t, DEVICE, EVENT);
    expect_nothing(t);
    run(t, SYNC, 0, 0, 0);
    gic_bench_free(t);
}

static void test_configuration(void)
{
    struct gic_bench *t = start();
    map_all(t, 0);
    configure(t, LPI, 0xa0); /* disabled */
    message(t, DEVICE, EVENT);
    expect_nothing(t);
    configure(t, LPI, 0xa1);
    run(t, INV, DEVICE, EVENT, 0);
    expect_lpi(t, 0, LPI);
    /* The better priority first; INVALL, and the redistributor's own registers. */
    run(t, MAPTI, DEVICE, (uint64_t)(LPI + 1) << 32 | (EVENT + 1), ICID);
    message(t, DEVICE, EVENT);
    message(t, DEVICE, EVENT + 1);
    configure(t, LPI + 1, 0x61);
    run(t, INVALL, 0, 0, ICID);
    g_assert_cmpuint(icc(t, 0, GICV3_IAR1), ==, LPI + 1);
    set_icc(t, 0, GICV3_EOIR1, LPI + 1);
    g_assert_cmpuint(icc(t, 0, GICV3_HPPIR1), ==, LPI);
    configure(t, LPI, 0xa0);
    wr(t, redist_at(0) + INVLPIR, 8, LPI);
    expect_nothing(t);
    configure(t, LPI, 0xa1);
    wr(t, redist_at(0) + INVALLR, 8, 0);
    expect_lpi(t, 0, LPI);
    gic_bench_free(t);
}

static void test_two_level_table(void)
{
    struct gic_bench *t = start();
    wr32(t, GITS + GITS_CTLR, 0);
    wr(t, GITS + GITS_BASER, 8, VALID | UINT64_C(1) << 62 | DEVICES);
    g_assert_cmphex(rd(t, GITS + GITS_BASER, 8), ==,
                    VALID | UINT64_C(1) << 62 | UINT64_C(1) << 56 | UINT64_C(7) << 48 | DEVICES);
    wr32(t, GITS + GITS_CTLR, 1);
    map_all(t, 1); /* no second level yet: the command is passed over */
    message(t, DEVICE, EVENT);
    expect_nothing(t);
    wr(t, DEVICES, 8, VALID | LEVEL2);
    map_all(t, 1);
    message(t, DEVICE, EVENT);
    expect_lpi(t, 1, LPI);
    g_assert_cmphex(rd(t, LEVEL2 + DEVICE * 8, 8) & VALID, ==, VALID);
    wr(t, GITS + GITS_BASER, 8, 0); /* not while it is enabled */
    message(t, DEVICE, EVENT);
    expect_lpi(t, 1, LPI);
    gic_bench_free(t);
}

static void test_pending_table(void)
{
    struct gic_bench *t = start();
    map_all(t, 0);
    message(t, DEVICE, EVENT);
    wr32(t, redist_at(0) + GICR_CTLR, 0);
    expect_nothing(t);
    g_assert_cmphex(rd(t, PENDING + LPI / 8, 1), ==, 1 << LPI % 8);
    message(t, DEVICE, EVENT); /* while they are off it is lost, but the table says it already */
    wr32(t, redist_at(0) + GICR_CTLR, 1);
    expect_lpi(t, 0, LPI);
    wr32(t, redist_at(0) + GICR_CTLR, 0);
    g_assert_cmphex(rd(t, PENDING + LPI / 8, 1), ==, 0);
    wr(t, PENDING + LPI / 8, 1, 0xff);
    wr(t, redist_at(0) + PENDBASER, 8,
       PENDING | UINT64_C(1) << 62); /* the table is zero: trust me */
    g_assert_cmphex(rd(t, redist_at(0) + PENDBASER, 8), ==, PENDING);
    wr32(t, redist_at(0) + GICR_CTLR, 1);
    wr(t, redist_at(0) + PROPBASER, 8, 0); /* not while they are enabled */
    g_assert_cmphex(rd(t, redist_at(0) + PROPBASER, 8), ==, CONFIG | 15);
    expect_nothing(t);
    gic_bench_free(t);
}

static void test_stalled_queue(void)
{
    struct gic_bench *t = start();
    wr32(t, GITS + GITS_CTLR, 0);
    wr(t, GITS + GITS_CBASER, 8, VALID | 0x40000000); /* no memory there */
    wr32(t, GITS + GITS_CTLR, 1);
    wr(t, GITS + GITS_CWRITER, 8, 64);
    g_assert_cmphex(rd(t, GITS + GITS_CREADR, 8), ==, 1);
    wr(t, GITS + GITS_CWRITER, 8, 64 | 1);
    g_assert_cmphex(rd(t, GITS + GITS_CREADR, 8), ==, 1);
    wr(t, GITS + GITS_CWRITER, 8, 0xfffe0); /* beyond the queue */
    gic_bench_free(t);
}

static bool is_done(void *arg)
{
    struct gic_bench *t = arg;
    return rd(t, GITS + GITS_CREADR, 8) == rd(t, GITS + GITS_CWRITER, 8);
}

/* Costly commands are not all done inside one register write. */
static void test_long_queue_is_done_in_portions(void)
{
    struct gic_bench *t = start();
    map_all(t, 0);
    wr32(t, GITS + GITS_CTLR, 0);
    wr(t, GITS + GITS_CBASER, 8, VALID | QUEUE);
    wr(t, GITS + GITS_CWRITER, 8, 0);
    for (unsigned i = 0; i < 128; i++) {
        wr(t, QUEUE + i * 32, 8, INVALL);
        wr(t, QUEUE + i * 32 + 16, 8, ICID);
    }
    wr32(t, GITS + GITS_CTLR, 1);
    wr(t, GITS + GITS_CWRITER, 8, 127 * 32);
    g_assert_false(is_done(t));
    g_assert_true(bench_wait(is_done, t));
    gic_bench_free(t);
}

/* Any queue and any tables, with base registers anywhere: nothing happens to the machine. */
static void test_hostile_queue(void)
{
    struct gic_bench *t = start();
    map_all(t, 0);
    for (unsigned i = 0; i < 20000; i++) {
        uint64_t w[4];
        for (unsigned j = 0; j < 4; j++)
            w[j] = (uint64_t)(uint32_t)g_test_rand_int() << 32 | (uint32_t)g_test_rand_int();
        if (i % 2) { /* nearer to what makes sense */
            w[0] = (w[0] & UINT64_C(0x1f00000000)) | (unsigned)g_test_rand_int_range(0, 0x12);
            w[1] &= UINT64_C(0x21ff0000000f);
            w[2] = (w[2] & (VALID | 0x30007)) | (w[0] & 8 ? BENCH_RAM : 0);
        }
        for (unsigned j = 0; j < 4; j++)
            wr(t, QUEUE + i % 128 * 32 + j * 8, 8, w[j]);
        wr(t, GITS + GITS_CWRITER, 8, (i + 1) % 128 * 32);
        message(t, (uint32_t)w[3] & 0x1f, (uint32_t)w[2] & 0xf);
        if (i % 64 == 0)
            wr(t, (i % 128 ? DEVICES : COLLECTIONS) + (w[3] & 0x7f8), 8, w[2]);
        if (i % 512 == 0) {
            wr32(t, GITS + GITS_CTLR, 0);
            wr(t, GITS + GITS_BASER + (i % 1024 ? 8 : 0), 8,
               VALID | (w[1] & UINT64_C(0x40000000000003ff)) | (DEVICES & ~(w[2] & 0x70000000)));
            wr32(t, GITS + GITS_CTLR, 1);
        }
        icc(t, i % GIC_CPUS, GICV3_IAR1);
        set_icc(t, i % GIC_CPUS, GICV3_AP1R0, 0);
    }
    g_main_context_iteration(NULL, FALSE);
    gic_bench_free(t);
}

static void test_save_and_load(void)
{
    struct gic_bench *t = start();
    map_all(t, 2);
    message(t, DEVICE, EVENT);
    struct device *r = gicv3_redist(t->gic, 2);
    const struct state_field *table = r->type->cls->state;
    g_autofree uint8_t *buf = g_malloc(state_size(table));
    state_save(table, r, buf);
    expect_lpi(t, 2, LPI);
    state_load(table, r, buf);
    r->type->cls->loaded(r);
    device_sync(r);
    expect_lpi(t, 2, LPI);
    g_autofree uint8_t *its = g_malloc(state_size(t->its->type->cls->state));
    memset(its, 0xff, state_size(t->its->type->cls->state));
    state_load(t->its->type->cls->state, t->its, its);
    t->its->type->cls->loaded(t->its);
    device_sync(t->its);
    message(t, DEVICE, EVENT);
    gic_bench_free(t);
}

/* Without an ITS the redistributors take LPIs by their registers. */
static void test_direct_lpis(void)
{
    struct gic_bench *t = gic_bench_new(false);
    struct gic_bench *alone = g_new0(struct gic_bench, 1);
    struct error *err = NULL;
    g_assert_cmphex(rd(t, redist_at(0) + 8, 8) & 9, ==, 1);
    alone->b = bench_new_empty();
    alone->gic = device_new(&gicv3_type, alone->b->m, "gic");
    gic_must(device_set(alone->gic, "num-cpu", "4", &err), err);
    gic_must(device_set(alone->gic, "has-lpi", "on", &err), err);
    gic_must(device_realize(alone->gic, &err), err);
    gic_map(alone);
    wr32(alone, GICD, 3);
    enable_lpis(alone, 1);
    configure(alone, LPI, 0xa1);
    g_assert_cmphex(rd(alone, redist_at(1) + 8, 8) & 9, ==, 9);
    wr(alone, redist_at(1) + 0x40, 8, LPI);
    expect_lpi(alone, 1, LPI);
    wr(alone, redist_at(1) + 0x40, 8, LPI);
    wr(alone, redist_at(1) + 0x48, 8, LPI);
    wr(alone, redist_at(1) + 0x40, 8, 70000);
    g_assert_false(line(alone, 1, GICV3_IRQ));
    gic_bench_free(alone);
    gic_bench_free(t);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/its/message", test_message_becomes_an_lpi);
    g_test_add_func("/its/unmapped", test_what_is_not_mapped_is_dropped);
    g_test_add_func("/its/commands", test_commands_on_one_interrupt);
    g_test_add_func("/its/configuration", test_configuration);
    g_test_add_func("/its/two-level", test_two_level_table);
    g_test_add_func("/its/pending-table", test_pending_table);
    g_test_add_func("/its/stalled", test_stalled_queue);
    g_test_add_func("/its/portions", test_long_queue_is_done_in_portions);
    g_test_add_func("/its/hostile", test_hostile_queue);
    g_test_add_func("/its/save", test_save_and_load);
    g_test_add_func("/its/direct", test_direct_lpis);
    return g_test_run();
}
