/*
 * A VGA whose registers and memory hold anything: what it shows, saves and loads.
 *
 * Input: operations: a byte, what follows depends on it.
 */
#include "core/clock.h"
#include "hw/display/vga.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/isa_bench.h"
#include "ui/console.h"

#include <glib.h>
#include <string.h>

extern const struct device_type isa_vga_type;

enum { OP_PORT, OP_INDEXED, OP_VBE, OP_WRITE, OP_READ, OP_SHOW, OP_RESET, OP_SAVE, OPS };
enum { MAX_OPS = 300, MAX_PICTURES = 4, LINEAR = 0xe0000000, NO_ADDRESS = 0x9fff0 };

static void indexed(struct isa_bench *b, struct fuzz_in *in)
{
    static const uint16_t port[] = {0x3c4, 0x3ce, 0x3d4, 0x3b4};
    unsigned at = port[fuzz_take(in, 1) % 4];
    isa_out(b, at, (unsigned)fuzz_take(in, 1) & 0x1f);
    isa_out(b, at + 1, (unsigned)fuzz_take(in, 1));
}

/* Sides mostly of a size that is drawn quickly. */
static void dispi(struct isa_bench *b, struct fuzz_in *in)
{
    static const uint8_t depth[] = {4, 8, 15, 16, 24, 32, 0, 7};
    unsigned index = (unsigned)fuzz_take(in, 1) % (VBE_REGS + 1), val = (unsigned)fuzz_take(in, 2);
    if (index == VBE_XRES || index == VBE_YRES)
        val &= val & 0x1000 ? 0xffff : 0x3ff;
    if (index == VBE_BPP)
        val = depth[val % sizeof(depth)];
    isa_write(b, VBE_PORTS, 2, index);
    isa_write(b, VBE_PORTS + 1, 2, val);
    isa_read(b, VBE_PORTS + 1, 2);
}

static gpa address(struct fuzz_in *in)
{
    uint64_t v = fuzz_take(in, 4);
    return v >> 31 ? LINEAR + (v & 0x7fffff) : NO_ADDRESS + v % 0x20020;
}

static void show(void)
{
    struct console *con = console_next(NULL);
    console_refresh(con);
    g_free(console_read_text(con));
}

static void save_and_load(struct device *dev)
{
    const struct device_class *cls = dev->type->cls;
    g_autofree uint8_t *buf = g_malloc(state_size(cls->state));
    mutex_lock(&dev->lock);
    state_save(cls->state, dev, buf);
    state_load(cls->state, dev, buf);
    cls->loaded(dev);
    cls->sync(dev);
    mutex_unlock(&dev->lock);
}

/* A state that no register access leads to. */
static void load_noise(struct device *dev, struct fuzz_in *in)
{
    const struct device_class *cls = dev->type->cls;
    size_t n = state_size(cls->state);
    g_autofree uint8_t *buf = g_malloc0(n);
    mutex_lock(&dev->lock);
    state_save(cls->state, dev, buf);
    for (unsigned i = 0; i < 16; i++)
        buf[fuzz_take(in, 2) % n] = (uint8_t)fuzz_take(in, 1);
    state_load(cls->state, dev, buf);
    cls->loaded(dev);
    cls->sync(dev);
    mutex_unlock(&dev->lock);
}

static void step(struct isa_bench *b, struct device *dev, struct fuzz_in *in, unsigned *pictures)
{
    uint64_t op = fuzz_take(in, 1), val;
    unsigned size = 1U << (op >> 6);
    switch (op % OPS) {
    case OP_PORT:
        val = fuzz_take(in, 2);
        isa_out(b, VGA_PORTS + (unsigned)val % VGA_PORTS_SIZE, (unsigned)val >> 8);
        isa_in(b, VGA_PORTS + (unsigned)val % VGA_PORTS_SIZE);
        break;
    case OP_INDEXED: indexed(b, in); break;
    case OP_VBE: dispi(b, in); break;
    case OP_WRITE: mem_write(&b->b->m->as, address(in), size, fuzz_take(in, size)); break;
    case OP_READ: mem_read(&b->b->m->as, address(in), size, &val); break;
    case OP_SHOW:
        if ((*pictures)++ < MAX_PICTURES)
            show();
        break;
    case OP_RESET: device_reset(dev); break;
    default:
        if (op & 0x40)
            load_noise(dev, in);
        else
            save_and_load(dev);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct fuzz_in in = {data, len};
    struct isa_bench *b = isa_bench_new();
    struct device *dev = isa_bench_add(b, &isa_vga_type, NULL);
    unsigned pictures = 0;
    isa_out(b, 0x3c2, 0x63);
    isa_out(b, 0x3c0, 0x20);
    isa_out(b, 0x3c0, 0x00);
    isa_in(b, 0x3da);
    for (unsigned n = 0; in.left && n < MAX_OPS; n++)
        step(b, dev, &in, &pictures);
    isa_in(b, 0x3da);
    isa_out(b, 0x3c0, 0x20); /* the screen is on */
    show();
    isa_bench_free(b);
    return 0;
}

size_t fuzz_seed(uint64_t random, uint8_t *buf)
{
    GRand *rng = g_rand_new_with_seed((guint32)random);
    size_t n = 64 + (random >> 32) % 1024;
    for (size_t i = 0; i < n; i++)
        buf[i] = (uint8_t)g_rand_int(rng);
    for (size_t i = 0; i + 4 < n; i += 4)
        if (i % 12) /* mostly registers */
            buf[i] = (uint8_t)(i % 8 ? OP_INDEXED : OP_VBE);
    g_rand_free(rng);
    return n;
}
