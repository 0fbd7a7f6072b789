/*
 * The device of kvm-unit-tests (pc-testdev): a latch to try port accesses on, registers that behave
 * as memory, and every interrupt line of the machine as a port.
 * Ref: kvm-unit-tests, lib/x86/apic.c (set_irq_line), x86/emulator.c, x86/eventinj.c.
 */
#include "core/machine.h"
#include "hw/isa/isa.h"
#include "util/bits.h"

enum { LATCH_PORT = 0xe0, FLUSH_PORT = 0xe4, BYTES_PORT = 0xe8, LINES_PORT = 0x2000 };
enum { LATCH_SIZE = 4, LINES = ISA_IRQS + ISA_EXTRA_LINES, MEMORY_SIZE = 0x10000 };
static const gpa MEMORY_BASE = 0xff000000;

struct pc_testdev {
    struct device dev;
    struct mem_region latch, flush, bytes, lines, memory;
    struct irq line[LINES];
    struct pc_testdev_state {
        uint32_t levels; /* bit n: line n is high */
        uint8_t latch[LATCH_SIZE];
        uint8_t memory[MEMORY_SIZE];
    } s;
};

static uint64_t load(const uint8_t *from, struct access a)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < a.size; i++)
        v |= (uint64_t)from[a.off + i] << 8 * i;
    return v;
}

static void store(uint8_t *to, struct access a, uint64_t v)
{
    for (unsigned i = 0; i < a.size; i++)
        to[a.off + i] = (uint8_t)(v >> 8 * i);
}

static uint64_t latch_read(struct device *dev, struct access a)
{
    return load(((struct pc_testdev *)dev)->s.latch, a);
}

static void latch_write(struct device *dev, struct access a, uint64_t v)
{
    store(((struct pc_testdev *)dev)->s.latch, a, v);
}

static uint64_t memory_read(struct device *dev, struct access a)
{
    return load(((struct pc_testdev *)dev)->s.memory, a);
}

static void memory_write(struct device *dev, struct access a, uint64_t v)
{
    store(((struct pc_testdev *)dev)->s.memory, a, v);
}

static uint64_t nothing_read(struct device *dev UNUSED, struct access a UNUSED)
{
    return 0;
}

/* Under a hypervisor the page that contains the address is mapped anew; here every page is. */
static void flush_write(struct device *dev UNUSED, struct access a UNUSED, uint64_t v UNUSED)
{
}

static void pc_testdev_sync(struct device *dev)
{
    struct pc_testdev *d = (struct pc_testdev *)dev;
    for (unsigned n = 0; n < LINES; n++)
        irq_set(&d->line[n], d->s.levels >> n & 1);
}

static void lines_write(struct device *dev, struct access a, uint64_t v)
{
    struct pc_testdev *d = (struct pc_testdev *)dev;
    d->s.levels = (uint32_t)deposit64(d->s.levels, (unsigned)a.off, 1, v != 0);
    irq_set(&d->line[a.off], v != 0);
}

static void show_ports(struct isa_bus *bus, uint16_t port, struct mem_region *mr, const char *name,
                       const struct mmio_ops *ops, struct device *dev)
{
    region_init_mmio(mr, name, ops, dev);
    isa_add_ports(bus, port, mr);
}

static void show_memory(struct pc_testdev *d)
{
    static const struct mmio_ops ops = {
        .read = memory_read, .write = memory_write, .size = MEMORY_SIZE};
    struct machine *m = d->dev.machine;
    region_init_mmio(&d->memory, "pc-testdev-memory", &ops, &d->dev);
    region_add(&m->root, MEMORY_BASE, &d->memory, 0);
    address_space_update(&m->as);
}

static bool pc_testdev_realize(struct device *dev, struct error **errp)
{
    static const struct mmio_ops latch = {
        .read = latch_read, .write = latch_write, .max = LATCH_SIZE, .size = LATCH_SIZE};
    static const struct mmio_ops flush = {
        .read = nothing_read, .write = flush_write, .size = LATCH_SIZE};
    /* A wider access is to the line of its first port. */
    static const struct mmio_ops lines = {
        .read = nothing_read, .write = lines_write, .max = 4, .size = LINES, .unaligned = true};
    struct pc_testdev *d = (struct pc_testdev *)dev;
    struct isa_bus *bus = isa_bus_of(dev, errp);
    if (bus == NULL)
        return false;
    for (unsigned n = 0; n < LINES; n++)
        irq_connect(&d->line[n], isa_irq_handler, bus, n);
    show_ports(bus, LATCH_PORT, &d->latch, "pc-testdev-latch", &latch, dev);
    show_ports(bus, FLUSH_PORT, &d->flush, "pc-testdev-flush", &flush, dev);
    show_ports(bus, BYTES_PORT, &d->bytes, "pc-testdev-bytes", &latch, dev);
    show_ports(bus, LINES_PORT, &d->lines, "pc-testdev-lines", &lines, dev);
    show_memory(d);
    return true;
}

static void pc_testdev_unrealize(struct device *dev)
{
    struct pc_testdev *d = (struct pc_testdev *)dev;
    isa_del_ports(dev->machine, &d->latch);
    isa_del_ports(dev->machine, &d->flush);
    isa_del_ports(dev->machine, &d->bytes);
    isa_del_ports(dev->machine, &d->lines);
    if (d->memory.parent) {
        region_del(&d->memory);
        address_space_update(&dev->machine->as);
    }
}

static const struct state_field pc_testdev_state[] = {
    STATE(pc_testdev, levels, 0),
    STATE_ARRAY(pc_testdev, latch, 0),
    STATE_ARRAY(pc_testdev, memory, 0),
    STATE_END,
};

DEVICE_CLASS_NAMED(pc_testdev, "pc-testdev") = {
    .desc = "Ports and memory for test programs of PCs (kvm-unit-tests)",
    .bus = "ISA",
    .user_creatable = true,
    .state = pc_testdev_state,
    .realize = pc_testdev_realize,
    .unrealize = pc_testdev_unrealize,
    .sync = pc_testdev_sync,
};
