/*
 * Parallel port: standard, byte and EPP modes (isa-parallel).
 * Ref: IEEE 1284-1994, 4 to 6; SMSC FDC37C665 data sheet, "Parallel port".
 *
 * What is strobed out goes to the character back end, whose printer is always ready; what the back
 * end sends is read by EPP cycles.
 */
#include "chardev/chardev.h"
#include "core/machine.h"
#include "hw/isa/isa.h"
#include "util/bits.h"
#include "util/fifo8.h"

enum { DATA, STATUS, CONTROL, EPP_ADDRESS, EPP_DATA, REGS = 8 };
enum { ST_TIMEOUT = 0x01, ST_IRQ = 0x04, ST_ERROR = 0x08, ST_SELECT = 0x10, ST_ACK = 0x40 };
enum { ST_BUSY = 0x80, ST_READY = 0xd8 }; /* not busy, not acknowledging, selected, no error */
enum { CT_STROBE = 0x01, CT_INIT = 0x04, CT_SELECT = 0x08, CT_IRQ = 0x10, CT_INPUT = 0x20 };
enum { CT_FIXED = 0xc0 };
enum { PORTS = 3, BY_INDEX = 0xffffffff };

struct parallel {
    struct device dev;
    struct chardev *chardev;
    struct mem_region ports;
    uint32_t iobase, line, index;
    struct parallel_state {
        uint8_t data, control;
        uint8_t irq;     /* the acknowledge edge that the status was not read since */
        uint8_t timeout; /* an EPP cycle found nobody */
        struct fifo8 input;
        uint8_t pad;
    } s;
};

extern const struct device_type parallel_type;

static void parallel_sync(struct device *dev)
{
    const struct parallel_state *s = &((struct parallel *)dev)->s;
    irq_set(&dev->irq, s->irq && (s->control & CT_IRQ));
}

static size_t parallel_receive(struct device *dev, const uint8_t *buf, size_t n)
{
    struct parallel *p = (struct parallel *)dev;
    size_t i = 0;
    while (i < n && fifo8_push(&p->s.input, buf[i]))
        i++;
    return i;
}

static uint8_t read_epp(struct parallel *p)
{
    if (fifo8_empty(&p->s.input)) {
        p->s.timeout = 1;
        return 0xff;
    }
    uint8_t v = fifo8_pop(&p->s.input);
    chardev_resume(p->chardev);
    return v;
}

static uint8_t read_status(struct parallel_state *s)
{
    uint8_t v = ST_READY | (s->timeout ? ST_TIMEOUT : 0) | (s->irq ? 0 : ST_IRQ);
    s->irq = 0;
    return v;
}

static uint64_t parallel_read(struct device *dev, struct access a)
{
    struct parallel *p = (struct parallel *)dev;
    struct parallel_state *s = &p->s, before = *s;
    uint8_t v;
    switch (a.off) {
    case DATA: v = s->control & CT_INPUT ? 0xff : s->data; break;
    case STATUS: v = read_status(s); break;
    case CONTROL: v = s->control | CT_FIXED; break;
    default: v = a.peek ? 0xff : read_epp(p);
    }
    if (a.peek)
        *s = before;
    else
        parallel_sync(dev);
    return v;
}

/* The byte goes out with the strobe's beginning; the printer acknowledges it at once. */
static void write_control(struct parallel *p, uint8_t v)
{
    struct parallel_state *s = &p->s;
    bool strobes = (v & CT_STROBE) && !(s->control & CT_STROBE) && !(v & CT_INPUT);
    s->control = v & (uint8_t)~CT_FIXED;
    if (!strobes)
        return;
    chardev_write(p->chardev, s->data);
    s->irq = 1;
}

static void parallel_write(struct device *dev, struct access a, uint64_t val)
{
    struct parallel *p = (struct parallel *)dev;
    uint8_t v = (uint8_t)val;
    switch (a.off) {
    case DATA: p->s.data = v; break;
    case STATUS: p->s.timeout &= (uint8_t)~v; break; /* clears by writing 1, or reading */
    case CONTROL: write_control(p, v); break;
    default: chardev_write(p->chardev, v); /* EPP: the strobe is the hardware's */
    }
    parallel_sync(dev);
}

static unsigned first_free_index(const struct device *dev)
{
    unsigned n = 0;
    for (const struct device *d = dev->machine->devices; d; d = d->next)
        n += d->type == &parallel_type && d->realized;
    return n;
}

static bool choose_place(struct parallel *p, struct error **errp)
{
    static const uint16_t ports[PORTS] = {0x378, 0x278, 0x3bc};
    if (p->index == (uint32_t)BY_INDEX)
        p->index = first_free_index(&p->dev);
    if (p->index >= PORTS && p->iobase == (uint32_t)BY_INDEX) {
        error_set(errp, "index %u: there are three places, 0 to 2; give iobase", p->index);
        return false;
    }
    if (p->iobase == (uint32_t)BY_INDEX)
        p->iobase = ports[p->index];
    if (p->iobase <= 0xfff8)
        return true;
    error_set(errp, "iobase is %#x, must be 0 to 0xfff8", p->iobase);
    return false;
}

static bool parallel_realize(struct device *dev, struct error **errp)
{
    static const struct mmio_ops ops = {parallel_read, parallel_write, .min = 1, .max = 1,
                                        .size = REGS};
    struct parallel *p = (struct parallel *)dev;
    struct isa_bus *bus = isa_bus_of(dev, errp);
    if (bus == NULL || !choose_place(p, errp) || !isa_connect_irq(bus, &dev->irq, p->line, errp))
        return false;
    region_init_mmio(&p->ports, "parallel", &ops, dev);
    if (p->iobase == 0x3bc) /* what follows are the display's ports */
        p->ports.size = EPP_ADDRESS;
    isa_add_ports(bus, (uint16_t)p->iobase, &p->ports);
    return true;
}

static void parallel_unrealize(struct device *dev)
{
    isa_del_ports(dev->machine, &((struct parallel *)dev)->ports);
}

static void parallel_loaded(struct device *dev)
{
    struct parallel_state *s = &((struct parallel *)dev)->s;
    s->input.head %= FIFO8_SIZE;
    s->input.len = (uint8_t)fifo8_len(&s->input);
}

static const struct state_field parallel_state[] = {
    STATE(parallel, data, 0),
    STATE(parallel, control, CT_INIT | CT_SELECT),
    STATE(parallel, irq, 0),
    STATE(parallel, timeout, 0),
    STATE(parallel, input, 0),
    STATE(parallel, pad, 0),
    STATE_END,
};

static const struct chardev_front parallel_front = {parallel_receive};

static const struct prop parallel_props[] = {
    PROP_CHARDEV(parallel, chardev, &parallel_front, "the printer"),
    PROP(prop_uint32, parallel, "index", index, "4294967295", "0 is LPT1 (default: first free)"),
    PROP(prop_uint32, parallel, "iobase", iobase, "4294967295", "first port (default: by index)"),
    PROP(prop_uint32, parallel, "irq", line, "7", "interrupt line"),
    PROP_END,
};

DEVICE_CLASS_NAMED(parallel, "isa-parallel") = {
    .desc = "Parallel port of a PC",
    .bus = "ISA",
    .user_creatable = true,
    .props = parallel_props,
    .state = parallel_state,
    .realize = parallel_realize,
    .unrealize = parallel_unrealize,
    .loaded = parallel_loaded,
    .sync = parallel_sync,
};
