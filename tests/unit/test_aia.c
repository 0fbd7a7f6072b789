/* APLIC and IMSIC: source modes, delivery to harts and by messages, delegation, interrupt files. */
#include "core/memory.h"
#include "hw/intc/aplic.h"
#include "hw/intc/imsic.h"
#include "tests/unit/bench.h"
#include "util/bits.h"

#include <glib.h>

extern const struct device_type aplic_type, imsic_type;

enum { CFG_IE = 0x100, CFG_DM = 4, EDGE1 = 4, EDGE0 = 5, LEVEL1 = 6, LEVEL0 = 7, DELEGATE = 0x400 };
enum { SETIP = 0x1c00, SETIPNUM = 0x1cdc, IN_CLRIP = 0x1d00, SETIENUM = 0x1edc, CLRIENUM = 0x1fdc };
enum { SETIPNUM_LE = 0x2000, GENMSI = 0x3000, TARGET = 0x3000, IDC = 0x4000, TOPI = 0x18 };
enum { CLAIMI = 0x1c, IDC_SIZE = 32 };

static bool line[4];

static void on_line(void *opaque UNUSED, unsigned n, bool level)
{
    line[n] = level;
}

static struct bench *new_aplic(void)
{
    struct bench *b = bench_new_raw(&aplic_type);

    bench_set(b, "num-harts", "2");
    bench_realize(b);
    for (unsigned i = 0; i < 2; i++)
        irq_connect(aplic_output(b->dev, i), on_line, NULL, i);
    return b;
}

static void wr(struct bench *b, unsigned off, uint32_t v)
{
    bench_write(b, off, 4, v);
}

static uint32_t rd(struct bench *b, unsigned off)
{
    return (uint32_t)bench_read(b, off, 4);
}

/* An active and enabled source. */
static void add_source(struct bench *b, unsigned n, uint32_t mode, uint32_t target)
{
    wr(b, 4 * n, mode);
    wr(b, TARGET + 4 * n, target);
    wr(b, SETIENUM, n);
}

static void test_levels_to_harts(void)
{
    struct bench *b = new_aplic();

    g_assert_cmphex(rd(b, 0), ==, 0x80000000);
    wr(b, 0, CFG_IE);
    wr(b, IDC + IDC_SIZE, 1);
    add_source(b, 5, LEVEL1, 1 << 18 | 3);
    add_source(b, 40, LEVEL1, 1 << 18 | 2);
    aplic_set_input(b->dev, 5, true);
    g_assert_true(line[1]);
    g_assert_false(line[0]);
    aplic_set_input(b->dev, 40, true);
    g_assert_cmphex(rd(b, IDC + IDC_SIZE + TOPI), ==, 40 << 16 | 2);
    g_assert_cmphex(rd(b, IDC + IDC_SIZE + CLAIMI), ==, 40 << 16 | 2);
    g_assert_cmphex(rd(b, SETIP + 4), ==, 1 << 8); /* it is there as long as the wire is */
    wr(b, IN_CLRIP + 4, 1 << 8);
    g_assert_cmphex(rd(b, SETIP + 4), ==, 1 << 8);
    aplic_set_input(b->dev, 40, false);
    wr(b, IDC + IDC_SIZE + 8, 3); /* the threshold hides its own priority */
    g_assert_false(line[1]);
    g_assert_cmphex(rd(b, IDC + IDC_SIZE + TOPI), ==, 0);
    wr(b, IDC + IDC_SIZE + 8, 4);
    g_assert_true(line[1]);
    wr(b, CLRIENUM, 5);
    g_assert_false(line[1]);
    wr(b, IDC + IDC_SIZE + 4, 1); /* iforce */
    g_assert_true(line[1]);
    g_assert_cmphex(rd(b, IDC + IDC_SIZE + CLAIMI), ==, 0);
    g_assert_false(line[1]);
    bench_free(b);
}

static void test_edges_and_what_software_sets(void)
{
    struct bench *b = new_aplic();

    wr(b, 0, CFG_IE);
    wr(b, IDC, 1);
    add_source(b, 1, EDGE1, 1);
    add_source(b, 2, EDGE0, 0); /* priority 0 is 1 */
    g_assert_cmphex(rd(b, TARGET + 8), ==, 1);
    g_assert_cmphex(rd(b, IN_CLRIP), ==, 1 << 2);
    aplic_set_input(b->dev, 2, true);
    g_assert_false(line[0]);
    aplic_set_input(b->dev, 2, false);
    aplic_set_input(b->dev, 1, true);
    aplic_set_input(b->dev, 1, false);
    g_assert_cmphex(rd(b, IDC + CLAIMI), ==, 1 << 16 | 1);
    g_assert_cmphex(rd(b, IDC + CLAIMI), ==, 2 << 16 | 1);
    g_assert_false(line[0]);
    wr(b, SETIPNUM, 1);
    g_assert_true(line[0]);
    wr(b, 4, 0); /* inactive: nothing is left of it */
    g_assert_false(line[0]);
    wr(b, SETIPNUM, 1);
    wr(b, SETIENUM, 1);
    wr(b, TARGET + 4, 7);
    g_assert_cmphex(rd(b, SETIP) | rd(b, 0x1e00), ==, 1 << 2); /* that is source 2's enable */
    g_assert_cmphex(rd(b, TARGET + 4), ==, 0);
    wr(b, 4, 2); /* a reserved mode */
    g_assert_cmphex(rd(b, 4), ==, 0);
    bench_free(b);
}

static uint32_t message(struct bench *b, unsigned page)
{
    uint8_t *p = b->ram->host + page * 4096U;
    uint32_t v = ld_le32(p);

    st_le32(p, 0);
    return v;
}

static void test_messages(void)
{
    struct bench *b = new_aplic();

    wr(b, 0x1bc0, (uint32_t)(BENCH_RAM >> 12));
    wr(b, 0x1bc4, 1 << 12); /* one bit of hart index */
    wr(b, 0, CFG_IE | CFG_DM);
    add_source(b, 9, LEVEL1, 1 << 18 | 77);
    aplic_set_input(b->dev, 9, true);
    g_assert_cmpuint(message(b, 1), ==, 77);
    g_assert_cmphex(rd(b, SETIP), ==, 0);
    wr(b, SETIPNUM_LE, 9); /* still there: again */
    g_assert_cmpuint(message(b, 1), ==, 77);
    aplic_set_input(b->dev, 9, false);
    wr(b, SETIPNUM_LE, 9);
    g_assert_cmpuint(message(b, 1), ==, 0);
    wr(b, GENMSI, 0 << 18 | 5);
    g_assert_cmpuint(message(b, 0), ==, 5);
    wr(b, CLRIENUM, 9);
    aplic_set_input(b->dev, 9, true);
    g_assert_cmphex(rd(b, SETIP), ==, 1 << 9);
    wr(b, SETIENUM, 9);
    g_assert_cmpuint(message(b, 1), ==, 77);
    wr(b, 0x1bc4, UINT32_C(1) << 31); /* locked */
    wr(b, 0x1bc0, 0);
    g_assert_cmphex(rd(b, 0x1bc0), ==, BENCH_RAM >> 12);
    bench_free(b);
}

static void child_write(struct device *child, unsigned off, uint32_t v)
{
    mutex_lock(&child->lock);
    child->type->cls->mmio.write(child, (struct access){.off = off, .size = 4}, v);
    mutex_unlock(&child->lock);
}

static void test_delegation(void)
{
    struct bench *b = new_aplic();
    struct device *child = device_new(&aplic_type, b->m, "child");
    struct error *err = NULL;

    g_assert_true(device_set(child, "mmode", "off", &err) && device_realize(child, &err));
    aplic_set_child(b->dev, child);
    device_reset(child);
    irq_connect(aplic_output(child, 0), on_line, NULL, 3);
    child_write(child, 4 * 7, LEVEL1); /* not given yet */
    aplic_set_input(b->dev, 7, true);
    wr(b, 4 * 7, DELEGATE);
    g_assert_cmphex(rd(b, 4 * 7), ==, DELEGATE);
    child_write(child, 0, CFG_IE);
    child_write(child, IDC, 1);
    child_write(child, SETIENUM, 7);
    g_assert_false(line[3]);
    child_write(child, 4 * 7, LEVEL1);
    child_write(child, SETIENUM, 7);
    g_assert_true(line[3]);
    wr(b, 4 * 7, LEVEL1); /* taken back */
    g_assert_false(line[3]);
    bench_free(b);
}

static uint64_t file_access(struct device *dev, unsigned reg, uint64_t mask, uint64_t val)
{
    uint64_t old = 0;

    g_assert_true(imsic_cpu_ops.access(dev, reg, 64, mask, val, &old));
    return old;
}

static void test_interrupt_file(void)
{
    struct bench *b = bench_new_raw(&imsic_type);
    uint8_t le[4] = {200, 0, 0, 0}, be[4] = {0, 0, 0, 3};
    uint64_t old;

    bench_set(b, "guests", "2");
    bench_realize(b);
    region_add(&b->m->root, 0x24000000, imsic_region(b->dev), 0);
    address_space_update(&b->m->as);
    irq_connect(imsic_output(b->dev), on_line, NULL, 2);
    g_assert_false(imsic_cpu_ops.access(b->dev, 0x81, 64, 0, 0, NULL)); /* odd ones: RV32 only */
    g_assert_true(imsic_cpu_ops.access(b->dev, 0x81, 32, 0, 0, &old));
    file_access(b->dev, 0x70, UINT64_MAX, 1);
    file_access(b->dev, 0xc0, UINT64_MAX, UINT64_MAX);
    g_assert_cmphex(file_access(b->dev, 0xc0, 0, 0), ==, UINT64_MAX - 1); /* there is no 0 */
    file_access(b->dev, 0xc6, UINT64_MAX, UINT64_MAX);
    g_assert_true(dma_write(&b->m->as, 0x24000000, le, 4));
    g_assert_true(dma_write(&b->m->as, 0x24000004, be, 4));
    g_assert_true(dma_write(&b->m->as, 0x24001000, le, 4)); /* a guest's file: not ours */
    g_assert_true(line[2]);
    g_assert_cmphex(imsic_cpu_ops.top(b->dev, false), ==, 3 << 16 | 3);
    g_assert_cmphex(imsic_cpu_ops.top(b->dev, true), ==, 3 << 16 | 3);
    g_assert_cmphex(imsic_cpu_ops.top(b->dev, false), ==, 200 << 16 | 200);
    file_access(b->dev, 0x72, UINT64_MAX, 200); /* only what is below */
    g_assert_false(line[2]);
    file_access(b->dev, 0x72, UINT64_MAX, 201);
    g_assert_true(line[2]);
    g_assert_cmphex(file_access(b->dev, 0x86, BIT64(200 - 192), 0), ==, BIT64(200 - 192));
    g_assert_false(line[2]);
    bench_free(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/aia/levels", test_levels_to_harts);
    g_test_add_func("/aia/edges", test_edges_and_what_software_sets);
    g_test_add_func("/aia/messages", test_messages);
    g_test_add_func("/aia/delegation", test_delegation);
    g_test_add_func("/aia/file", test_interrupt_file);
    return g_test_run();
}
